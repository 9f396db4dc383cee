package announce

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// How long a turn may take, by judgement: all of it within its lease.
const (
	lease        = time.Minute
	turnTime     = 40 * time.Second
	describeTime = 20 * time.Second
	saveTime     = 4 * time.Second
	saveTries    = 3
	// busyWait is how long a replica waits for another's turn to be over, and busyTries how often: until the lease of one that was killed has ended.
	busyWait  = 5 * time.Second
	busyTries = 15
	// maxRetryAt bounds how long a host that says when to come again is obeyed in one step.
	maxRetryAt = time.Hour
)

// retries are how long is waited after the first failure, the second, and so on. Then it is left to the next change.
var retries = []time.Duration{between, 30 * time.Second, 90 * time.Second, 5 * time.Minute}

var (
	errNoHead = errors.New("its newest commit is not known")
	// errUnsure says that there may be a new comment, or not. Another try could make another.
	errUnsure = errors.New("it is not known whether there is a new comment now")
)

// turn posts how a pull request is, unless that was posted or another replica has its turn. It returns how long nothing more is to be done for it, and whether
// it is to be tried again then.
func (a *Announcer) turn(one *pull, p Pull) (rest time.Duration, again bool) {
	a.mu.Lock()
	silenced := a.silenced(p)
	a.mu.Unlock()
	how, view := a.how(p), a.config.View(p.URL)
	if silenced || how == None || view == "" {
		return between, false
	}
	ctx, cancel := context.WithTimeout(a.work, turnTime)
	defer cancel()
	said, held, err := a.config.Store.Announce(ctx, p.key(), lease)
	if err != nil {
		return a.failed(one, p, err)
	}
	if !held {
		if one.busy++; one.busy > busyTries {
			one.busy = 0
			return between, false // others have had turns all the time, and said it
		}
		return busyWait, true
	}
	one.busy = 0
	if since := time.Since(said.At); !said.At.IsZero() && since < between { // another replica has just posted
		a.save(ctx, p, said)
		return between - max(since, 0), true
	}
	said.Reference = cmp.Or(said.Reference, one.reference)
	now, err := a.say(ctx, p, how, view, said)
	one.reference = now.Reference
	a.save(ctx, p, now)
	if err != nil {
		return a.failed(one, p, err)
	}
	one.tries = 0
	return between, false
}

// say says how a pull request is where that was not said yet, and returns what is said then.
func (a *Announcer) say(ctx context.Context, p Pull, how, view string, said store.Announcement) (store.Announcement, error) {
	describing, cancel := context.WithTimeout(ctx, describeTime)
	summary, err := a.config.Describe(describing, p)
	cancel()
	if err != nil {
		return said, err
	}
	forge := p.System.Hosting()
	if how == Status {
		head := cmp.Or(summary.Head, p.Head)
		if head == "" {
			return said, errNoHead
		}
		// It succeeded whatever the builds did, and while they run: a link is not a check, and must not keep anything from being merged. What must is said by
		// the builds themselves.
		status := ci.CommitStatus{Repository: p.Repository, Commit: head, State: ci.Succeeded, Name: statusName, Description: describe(summary), URL: view}
		if p.System.Provider == ci.GitLabCI {
			status.Description = lasting // GitLab keeps the first for ever
		}
		digest := digestOf(status)
		if digest == said.Digest {
			return said, nil
		}
		if err := forge.SetStatus(ctx, status); err != nil {
			return said, err
		}
		said.Digest, said.At = digest, time.Now()
		return said, nil
	}
	text := comment(p.System, summary, view)
	digest := digestOf(text)
	if digest == said.Digest {
		return said, nil
	}
	reference, err := forge.Comment(ctx, p.Repository, p.Number, said.Reference, text)
	switch {
	case err != nil && said.Reference == "" && (errors.Is(err, clients.ErrTimeout) || errors.Is(err, clients.ErrBadAnswer)):
		return said, errors.Join(errUnsure, err)
	case err != nil:
		return said, err
	}
	said.Reference, said.Digest, said.At = reference, digest, time.Now()
	return said, nil
}

// statusName tells the link from what others say of a commit.
const statusName = "callboard"

func digestOf(what any) string {
	text, _ := json.Marshal(what) // it is made of texts alone
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// save remembers what is said, and gives the lease back.
func (a *Announcer) save(ctx context.Context, p Pull, said store.Announcement) {
	ctx = context.WithoutCancel(ctx) // what was posted has to be known
	var err error
	for try := range saveTries {
		if try > 0 {
			time.Sleep(time.Second)
		}
		within, cancel := context.WithTimeout(ctx, saveTime)
		err = a.config.Store.SaveAnnouncement(within, said)
		cancel()
		if err == nil || errors.Is(err, store.ErrLost) || permanent(err) {
			break
		}
	}
	if err != nil {
		a.log.Warn("what was announced on a pull request could not be written down: it may be said again", "pull", p.key(), "error", err)
	}
}

// permanent tells whether the same fails again however long one waits.
func permanent(err error) bool {
	for _, kind := range []error{errNoHead, errUnsure, clients.ErrNotFound, ci.ErrInvalid, ci.ErrUnsupported, ci.ErrRefused, store.ErrInvalid, store.ErrTooLarge, store.ErrClosed, store.ErrNewer} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// failed says when to try again.
func (a *Announcer) failed(one *pull, p Pull, err error) (rest time.Duration, again bool) {
	longest := retries[len(retries)-1]
	switch {
	case a.wait.Err() != nil:
		return 0, false
	case errors.Is(err, clients.ErrForbidden):
		a.silence(p)
		a.log.Warn("pull requests of a repository may not be announced: nothing is for a while", "system", p.System.Name, "repository", p.Repository, "quiet", quiet, "error", err)
		return between, false
	case permanent(err):
		a.log.Warn("a pull request cannot be announced", "pull", p.key(), "error", err)
		return longest, false
	}
	if one.tries++; one.tries > len(retries) {
		a.log.Warn("a pull request could not be announced: it is when it changes again", "pull", p.key(), "tries", one.tries, "error", err)
		return longest, false
	}
	rest = retries[one.tries-1]
	if e := clients.Of(err); e != nil && !e.RetryAt.IsZero() {
		rest = max(rest, min(time.Until(e.RetryAt), maxRetryAt))
	}
	a.log.Info("a pull request could not be announced yet", "pull", p.key(), "again", rest, "error", err)
	return rest, true
}
