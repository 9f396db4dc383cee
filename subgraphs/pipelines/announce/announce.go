// Package announce puts the link to the view of a pull request on the pull request itself, with how its builds are, and keeps that up to date in place. That
// something has changed goes in, and a status of the newest commit, or one comment, is on the host some seconds later.
//
// The one rule: of all replicas one posts at a time, nothing is said twice, and what was said last is how it is.
//
// Open this file first; post.go is what one turn of a pull request does, and text.go what is said.
package announce

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Store is what of package store is needed to know what was announced.
type Store interface {
	Announce(ctx context.Context, name string, lease time.Duration) (announcement store.Announcement, held bool, err error)
	SaveAnnouncement(ctx context.Context, announcement store.Announcement) error
}

// How something is announced.
const (
	None    = "none"
	Status  = "status"  // a status of the newest commit, whose link leads to the view
	Comment = "comment" // one comment on the pull request
)

// Config is what an Announcer needs. Store, View, How and Describe must be there.
type Config struct {
	Store Store
	// View returns the address of the view of the pull request with this address; "" announces nothing.
	View func(pullRequest string) string
	// How returns how it is announced on a repository: None, Status or Comment. "" is None.
	How func(system, repository string) string
	// Describe returns how a pull request is now. Who knows a part alone says that part; an error means to try again later.
	Describe func(ctx context.Context, of Pull) (Summary, error)
	Log      *slog.Logger // nowhere where nil
}

// Pull is a pull request.
type Pull struct {
	System     *ci.System
	Repository string // path on the host
	Number     int
	URL        string // of its page
	Head       string // object id of its newest commit; "" where Describe tells it
}

// key names the pull request, for one announcement of all replicas. Hosts find repositories in any letter case.
func (p Pull) key() string {
	return p.System.Name + "/" + strings.ToLower(p.Repository) + "#" + strconv.Itoa(p.Number)
}

// place names the repository.
func (p Pull) place() string { return p.System.Name + "/" + strings.ToLower(p.Repository) }

// Summary is how a pull request is.
type Summary struct {
	Head         string // object id of its newest commit, where it is another than Pull says; else ""
	Builds       []Build
	Coverage     *float64 // how many percentage points more lines are run than before; nil where that is not known
	NewlyFailing int      // tests that fail and did not before
}

// Build is the newest run of a pipeline.
type Build struct {
	Name   string // of the pipeline
	Status ci.Status
	URL    string     // of its page on its system; "" for none
	System *ci.System // that runs it; nil for the one of the pull request
}

// How long things take, and how many there are at most, all by judgement.
const (
	// gather is how long the first news waits for more: one push is several webhooks.
	gather = time.Second
	// between is how long after one post of a pull request there is no other. People read no faster, and hosts limit who writes often.
	between = 10 * time.Second
	// maxPulls is how many pull requests may wait at once.
	maxPulls = 5000
	// atOnce is how many are posted at once.
	atOnce = 4
	// grace is what is under way may still take when all ends: a comment whose id is not remembered would be made again.
	grace = 5 * time.Second
	// quiet is for how long a repository is left alone where it may not be written to.
	quiet = time.Hour
	// maxQuiet is how many such repositories are remembered.
	maxQuiet = 10_000
)

// Announcer announces. It is safe for concurrent use.
type Announcer struct {
	config Config
	log    *slog.Logger
	places chan struct{} // one for each that posts

	wait, work       context.Context // of waiting for a turn, and of posting
	stopWait, finish context.CancelFunc
	running          sync.WaitGroup

	mu     sync.Mutex
	closed bool
	full   time.Time // when it was last said that too many wait
	pulls  map[string]*pull
	quiet  map[string]time.Time // until when repositories are left alone
}

// pull is a pull request of which something was told lately. What is not guarded by Announcer.mu belongs to its goroutine.
type pull struct {
	latest Pull // guarded
	news   bool // guarded

	tries     int    // that failed, one after the other
	busy      int    // times that another replica had its turn
	reference string // of a comment that was made, for where it could not be written down
}

// New returns an Announcer, which has to be closed.
func New(cfg Config) *Announcer {
	a := &Announcer{config: cfg, log: cfg.Log, places: make(chan struct{}, atOnce), pulls: map[string]*pull{}, quiet: map[string]time.Time{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.wait, a.stopWait = context.WithCancel(context.Background())
	a.work, a.finish = context.WithCancel(context.Background())
	return a
}

// Tell says that something about a pull request has changed. It returns at once; what there is to say then is posted soon, and once for all that is told
// meanwhile. What may not or need not be announced is not.
func (a *Announcer) Tell(p Pull) {
	if p.System == nil || p.System.Hosting() == nil || p.Repository == "" || p.Number <= 0 || a.how(p) == None || a.config.View(p.URL) == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.silenced(p) {
		return
	}
	key := p.key()
	if known := a.pulls[key]; known != nil {
		if p.Head == "" {
			p.Head = known.latest.Head
		}
		known.latest, known.news = p, true
		return
	}
	if len(a.pulls) >= maxPulls {
		if time.Since(a.full) > time.Minute {
			a.full = time.Now()
			a.log.Warn("too many pull requests wait to be announced: some are not until more of them changes", "most", maxPulls)
		}
		return
	}
	one := &pull{latest: p, news: true}
	a.pulls[key] = one
	a.running.Go(func() { a.keep(key, one) })
}

func (a *Announcer) how(p Pull) string {
	switch how := a.config.How(p.System.Name, p.Repository); how {
	case Status, Comment:
		return how
	}
	return None
}

// Close ends all waiting. What is being posted is given some seconds. What was told and not posted is left to another replica, or to the next change.
func (a *Announcer) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stopWait()
	timer := time.AfterFunc(grace, a.finish)
	a.running.Wait()
	timer.Stop()
	a.finish()
}

// keep announces one pull request for as long as there is news of it.
func (a *Announcer) keep(key string, one *pull) {
	next, again := gather, true
	for a.pause(next) && a.enter() {
		p, wanted := a.take(key, one, again)
		if !wanted {
			<-a.places
			return
		}
		next, again = a.turn(one, p)
		<-a.places
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pulls, key)
}

// take returns the pull request as it was told last, and forgets it where there is no news and nothing is to be tried again.
func (a *Announcer) take(key string, one *pull, again bool) (Pull, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !one.news && !again {
		delete(a.pulls, key)
		return Pull{}, false
	}
	one.news = false
	return one.latest, true
}

// pause waits; false where all ends.
func (a *Announcer) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.wait.Done():
		return false
	}
}

// enter waits for a place among those that post.
func (a *Announcer) enter() bool {
	select {
	case a.places <- struct{}{}:
		return a.wait.Err() == nil || a.leave()
	case <-a.wait.Done():
		return false
	}
}

func (a *Announcer) leave() bool {
	<-a.places
	return false
}

// silence leaves a repository alone for a while.
func (a *Announcer) silence(p Pull) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if len(a.quiet) >= maxQuiet {
		for place, until := range a.quiet {
			if !until.After(now) {
				delete(a.quiet, place)
			}
		}
	}
	for place := range a.quiet { // any: it is tried, and refused, once more
		if len(a.quiet) < maxQuiet {
			break
		}
		delete(a.quiet, place)
	}
	a.quiet[p.place()] = now.Add(quiet)
}

// silenced tells whether a repository is left alone. It is called with the lock.
func (a *Announcer) silenced(p Pull) bool {
	until, found := a.quiet[p.place()]
	if found && !until.After(time.Now()) {
		delete(a.quiet, p.place())
		return false
	}
	return found
}
