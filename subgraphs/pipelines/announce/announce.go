// Package announce puts the link to the view of a pull request on the pull request itself, with how its builds are, and keeps that up to date in place. That
// something has changed goes in, and a status of the newest commit, or one comment, is on the host some seconds later.
//
// The one rule: of all replicas one posts at a time, nothing is said twice, and what was said last is how it is.
//
// Open this file first; post.go is what one turn of a pull request does, and text.go what is said.
package announce

import (
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
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
	// maxPulls is how many pull requests may wait at once: some minutes of posting.
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
	wake   chan struct{} // holds one where there is something to look at
	todo   chan *pull    // to those who post, never full

	wait, work       context.Context // of waiting for a turn, and of posting
	stopWait, finish context.CancelFunc
	running          sync.WaitGroup

	mu     sync.Mutex
	closed bool
	full   time.Time // when it was last said that too many wait
	pulls  map[string]*pull
	queue  queue                // those of pulls that are not being posted
	busy   int                  // how many are
	quiet  map[string]time.Time // until when repositories are left alone
}

// pull is a pull request of which something was told lately. All but the last three is guarded by Announcer.mu; those belong to who posts it.
type pull struct {
	key    string
	latest Pull
	news   bool      // since it was posted last
	again  bool      // it is to be tried again
	due    time.Time // when it is posted, or forgotten where there is no reason to

	tries     int    // that failed, one after the other
	busy      int    // times that another replica had its turn
	reference string // of a comment that was made, for where it could not be written down
}

// queue is a heap of pull requests, the one that is due first on top.
type queue []*pull

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(one any)      { *q = append(*q, one.(*pull)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	one := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	return one
}

// New returns an Announcer, which has to be closed.
func New(cfg Config) *Announcer {
	a := &Announcer{config: cfg, log: cfg.Log, wake: make(chan struct{}, 1), todo: make(chan *pull, atOnce), pulls: map[string]*pull{}, quiet: map[string]time.Time{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.wait, a.stopWait = context.WithCancel(context.Background())
	a.work, a.finish = context.WithCancel(context.Background())
	a.running.Go(a.run)
	for range atOnce {
		a.running.Go(a.post)
	}
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
	one := &pull{key: key, latest: p, news: true, due: time.Now().Add(gather)}
	a.pulls[key] = one
	a.enqueue(one)
}

// enqueue has a pull request looked at when it is due. It is called with the lock.
func (a *Announcer) enqueue(one *pull) {
	heap.Push(&a.queue, one)
	select {
	case a.wake <- struct{}{}:
	default:
	}
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

// run has each pull request posted when it is due, a few at once, until all ends.
func (a *Announcer) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(a.start())
		select {
		case <-timer.C:
		case <-a.wake:
		case <-a.wait.Done():
			return
		}
	}
}

// idle is for how long nothing has to be looked at where nothing is due.
const idle = time.Hour

// start begins to post what is due, as far as there is room, and returns how long there is nothing more to begin.
func (a *Announcer) start() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) > 0 && a.busy < atOnce && !a.closed {
		one := a.queue[0]
		if rest := time.Until(one.due); rest > 0 {
			return rest
		}
		heap.Pop(&a.queue)
		if !one.news && !one.again {
			delete(a.pulls, one.key)
			continue
		}
		a.busy++
		a.todo <- one
	}
	return idle
}

// post posts one pull request after the other, until all ends.
func (a *Announcer) post() {
	for {
		select {
		case one := <-a.todo:
			a.mu.Lock()
			one.news = false
			p := one.latest
			a.mu.Unlock()
			rest, again := a.contained(one, p)
			a.mu.Lock()
			a.busy--
			one.due, one.again = time.Now().Add(rest), again
			a.enqueue(one)
			a.mu.Unlock()
		case <-a.wait.Done():
			return
		}
	}
}

// contained is turn, of which a panic costs this pull request its turn and nothing else.
func (a *Announcer) contained(one *pull, p Pull) (rest time.Duration, again bool) {
	defer func() {
		if bug := recover(); bug != nil {
			a.log.Error("bug: announcing a pull request panicked", "pull", one.key, "panic", fmt.Sprint(bug), "stack", string(debug.Stack()))
			rest, again = retries[len(retries)-1], false
		}
	}()
	return a.turn(one, p)
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
