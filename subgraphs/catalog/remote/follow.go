package remote

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/glob"
)

// searchAgainAfter is how soon an origin is searched again that could not be, where Config.Every is not sooner.
const searchAgainAfter = time.Minute

// follower keeps up with one origin. Its fields belong to the goroutine of run, but for what they are set to before; jobs that
// wait for others run beside it and bring back what to do.
type follower struct {
	origin Origin
	name   string
	config Config
	log    *slog.Logger
	give   Give

	ctx      context.Context
	requests chan func()
	results  chan func()
	jobs     sync.WaitGroup
	ended    chan struct{} // closed when run is over
	next     *time.Timer   // to search

	files   map[string]*file
	users   map[string][]*file   // by URL of what they include
	went    map[string]time.Time // of files that were forgotten: when the origin was asked that said so
	tried   map[string]bool      // asked for since the last search because other files lead there
	bytes   int                  // of all texts
	left    int                  // files that the limits left out since the last search
	located []descriptor.Issue   // of targets of Locations
	order   []*file              // that are served

	listings   map[string]*listing  // by root
	listingNow map[string]string    // the roots that are being listed
	unlisted   map[string]bool      // roots that must be listed before anything is served
	answered   bool                 // a search has found something, so that listing is no waste
	pass       int                  // counts searches for what is served
	below      map[string][]*file   // known files by root; nil until they are needed, and then as long as files are as they are
	belowTrees map[string]glob.Tree // the same as trees

	searching bool
	again     bool           // a search was asked for during one
	searchers []chan<- error // who wait for the search that begins next
	reading   bool
	wanted    map[string]bool // URLs to read next, and whether as catalog files
	underWay  map[string]bool // the same of those that are being read
	readers   []chan<- error  // who wait for them
	answers   []func()        // to who waits until all is served

	kept
}

func newFollower(origin Origin, c Config) *follower {
	return &follower{
		origin: origin, name: origin.Name(), config: c, log: c.Log.With("origin", origin.Name()),
		requests: make(chan func()), results: make(chan func()), ended: make(chan struct{}),
		files: map[string]*file{}, users: map[string][]*file{}, tried: map[string]bool{}, went: map[string]time.Time{}, wanted: map[string]bool{},
		listings: map[string]*listing{}, unlisted: map[string]bool{},
		kept: kept{gone: map[string]time.Time{}},
	}
}

// run owns the follower until the end.
func (f *follower) run(ctx context.Context) {
	f.ctx = ctx
	defer close(f.ended)
	defer f.jobs.Wait()
	f.next = time.NewTimer(0)
	defer f.next.Stop()
	f.saveAgain = time.NewTimer(time.Hour)
	f.saveAgain.Stop()
	defer f.saveAgain.Stop()
	f.settle()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.next.C:
			f.search()
		case <-f.saveAgain.C:
			f.save()
		case do := <-f.requests:
			do()
		case do := <-f.results:
			do()
		}
	}
}

// job waits for others beside the follower, and has it do what came of that.
func (f *follower) job(timeout time.Duration, wait func(ctx context.Context) func()) {
	f.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, timeout)
		defer cancel()
		do := wait(ctx)
		select {
		case f.results <- do:
		case <-f.ctx.Done():
		}
	})
}

// schedule has the origin searched some time from now, a little later each time so that replicas do not do so at once.
func (f *follower) schedule(in time.Duration) {
	f.next.Reset(max(0, in) + rand.N(f.config.Every/10+1))
}

// refresh reads files again, or searches where there are none.
func (f *follower) refresh(urls []string, answer chan<- error) {
	if len(urls) == 0 {
		f.searchers = append(f.searchers, answer)
		f.again = f.searching
		f.search()
		return
	}
	for _, url := range urls {
		if !strings.HasSuffix(url, "/") {
			f.want(url, true)
			continue
		}
		f.listAgain(url)
		for known := range f.files {
			if strings.HasPrefix(known, url) {
				f.want(known, true)
			}
		}
	}
	f.readers = append(f.readers, answer)
	f.read()
}

// search asks the origin for all its files: catalog files by searching, then those that they lead to.
func (f *follower) search() {
	if f.searching {
		return
	}
	f.searching = true
	f.tried, f.left = map[string]bool{}, 0
	searchers := f.searchers
	f.searchers = nil
	found, led := map[string]string{}, map[string]string{}
	for url, x := range f.files {
		if x.Found {
			found[url] = x.Validator
		} else {
			led[url] = x.Validator
		}
	}
	asked := now()
	maps.DeleteFunc(f.went, func(_ string, at time.Time) bool { return asked.Sub(at) > f.config.Timeout }) // no older answer comes
	f.job(f.config.Timeout, func(ctx context.Context) func() {
		files, err := f.origin.Files(ctx, maps.Clone(found))
		var more []File
		readErr := err
		if err == nil && len(led) > 0 {
			more, readErr = f.origin.Read(ctx, maps.Clone(led))
		}
		return func() {
			f.searching = false
			f.searched(files, err, asked)
			if err == nil || len(files) > 0 {
				f.answered = true
				f.listAgain("")
			}
			if err == nil {
				f.haveRead(led, nil, more, readErr, asked)
			}
			f.settle(func() { answerAll(searchers, err) })
			if err != nil {
				f.log.Warn("an origin of catalog files cannot be searched", "error", err)
				f.schedule(min(f.config.Every, searchAgainAfter))
			} else {
				f.schedule(f.config.Every)
			}
			if f.again {
				f.again = false
				f.search()
			}
		}
	})
}

// want has a file read next. A file that is known keeps what it is known as.
func (f *follower) want(url string, found bool) {
	if x := f.files[url]; x != nil {
		found = x.Found
	}
	f.wanted[url] = f.wanted[url] || found
}

// read asks the origin for the files that are wanted, all that came together while it was asked for others.
func (f *follower) read() {
	if f.reading || len(f.wanted) == 0 && len(f.readers) == 0 {
		return
	}
	f.reading = true
	wanted, readers := f.wanted, f.readers
	f.wanted, f.underWay, f.readers = map[string]bool{}, wanted, nil
	known := map[string]string{}
	for url := range wanted {
		known[url] = ""
		if x := f.files[url]; x != nil {
			known[url] = x.Validator
		}
	}
	asked := now()
	f.job(f.config.Timeout, func(ctx context.Context) func() {
		var files []File
		var err error
		if len(known) > 0 {
			files, err = f.origin.Read(ctx, maps.Clone(known))
		}
		return func() {
			f.reading, f.underWay = false, nil
			f.haveRead(known, wanted, files, err, asked)
			f.settle(func() { answerAll(readers, err) })
			f.read()
		}
	})
}

func answerAll(waiting []chan<- error, err error) {
	for _, answer := range waiting {
		answer <- err // there is room for one
	}
}

// settle serves what is known now, once nothing is lacking that it leads to, and remembers it.
func (f *follower) settle(answers ...func()) {
	f.answers = append(f.answers, answers...)
	lacking := f.reach()
	if len(lacking) > 0 || len(f.unlisted) > 0 {
		for url := range lacking {
			f.tried[url] = true
			if _, underWay := f.underWay[url]; !underWay {
				f.want(url, false)
			}
		}
		f.read()
		f.list()
		return
	}
	f.prune()
	if err := f.give(f.ctx, f.name, f.serving()); err != nil && f.ctx.Err() == nil {
		f.log.Error("what was read cannot be served", "error", err)
	}
	for _, answer := range f.answers {
		answer()
	}
	f.answers = nil
	f.save()
}

// now is the time as the store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// serving returns what is served, with what is wrong.
func (f *follower) serving() []descriptor.Served {
	out := make([]descriptor.Served, 0, len(f.order)+1)
	whole := descriptor.Served{}
	whole.Issues = append(f.originIssues(), f.located...)
	for _, x := range f.order {
		if x.served != nil {
			out = append(out, *x.served)
		}
	}
	for _, x := range f.files {
		if issue, ok := x.trouble(); ok {
			whole.Issues = append(whole.Issues, issue)
		}
	}
	return append(out, whole)
}

// originIssues says what is wrong with the origin as a whole.
func (f *follower) originIssues() []descriptor.Issue {
	var out []descriptor.Issue
	if f.state.Error != "" {
		issue := descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: "origin-unavailable", File: f.name, Document: -1,
			Message: fmt.Sprintf("%s could not be searched for catalog files since %s: %s; nothing was ever read there", f.name, shown(f.state.Since), f.state.Error),
		}
		if len(f.order) > 0 {
			issue.Severity = descriptor.SeverityWarning
			issue.Message = fmt.Sprintf("%s could not be searched for catalog files since %s: %s; what was read before is served on", f.name, shown(f.state.Since), f.state.Error)
		}
		out = append(out, issue)
	}
	if f.left > 0 {
		out = append(out, descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: "origin-limit", File: f.name, Document: -1,
			Message: fmt.Sprintf("%s has too much for the catalog: %d files are left out, as %d files with %d bytes may be read of one origin; search fewer repositories", f.name, f.left, f.config.MaxFiles, f.config.MaxBytes),
		})
	}
	return out
}

func shown(t time.Time) string { return t.UTC().Format(time.RFC3339) }
