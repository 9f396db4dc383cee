package remote

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// reach finds the files that are served, parsing those in doubt: catalog files, then what Locations in them name, and so on. It
// returns the URLs of files that must be read first. What must be listed first is in f.unlisted.
func (f *follower) reach() (lacking map[string]bool) {
	lacking = map[string]bool{}
	f.order, f.located = nil, nil
	f.pass++
	f.unlisted, f.below = map[string]bool{}, nil
	type led struct{ url, origin string }
	var level []led
	for url, x := range f.files {
		if x.Found {
			level = append(level, led{url, "url:" + url})
		}
	}
	slices.SortFunc(level, func(a, b led) int { return strings.Compare(a.url, b.url) })
	seen := map[string]bool{}
	for len(level) > 0 {
		var reached, doubted []*file
		for _, l := range level {
			x := f.files[l.url]
			if seen[l.url] || x != nil && x.Missing {
				continue
			}
			seen[l.url] = true
			if x == nil {
				if f.lacks(l.url) {
					lacking[l.url] = true
				}
				continue
			}
			if x.origin != l.origin {
				x.origin, x.doubted = l.origin, true
			}
			if x.doubted {
				doubted = append(doubted, x)
			}
			reached = append(reached, x)
		}
		f.parseAll(doubted, lacking)
		var next []led
		for _, x := range reached {
			for _, url := range f.targets(x) {
				next = append(next, led{url, x.origin})
			}
		}
		f.order = append(f.order, reached...)
		level = next
	}
	return lacking
}

// lacks tells whether a file that is not known is still to be read, or under way.
func (f *follower) lacks(url string) bool {
	_, wanted := f.wanted[url]
	_, underWay := f.underWay[url]
	return wanted || underWay || !f.tried[url]
}

// outcome is what comes of parsing a file.
type outcome struct {
	lacking map[string]bool // what it includes and must be read first; where there is any, the rest means nothing
	file    descriptor.File // as it is now
	served  descriptor.Served
	clean   bool
	needed  []string // what its last good version includes
}

// parseAll parses files in doubt on all processors: at a start that is all of them.
func (f *follower) parseAll(doubted []*file, lacking map[string]bool) {
	outcomes := make([]outcome, len(doubted))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(doubted)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(doubted)); i = next.Add(1) - 1 {
				outcomes[i] = f.parse(doubted[i])
			}
		})
	}
	workers.Wait()
	for i, x := range doubted {
		x.take(outcomes[i])
		maps.Copy(lacking, outcomes[i].lacking)
	}
}

// parse works out what is served of a file. It changes nothing, and may run on any goroutine.
func (f *follower) parse(x *file) outcome {
	o := outcome{lacking: map[string]bool{}, needed: x.needed}
	if x.read() {
		o.file = descriptor.Parse(x.Text, f.input(x, false, o.lacking))
	}
	if len(o.lacking) > 0 {
		return o
	}
	failed := func(issue descriptor.Issue) bool { return issue.Severity == descriptor.SeverityError }
	o.clean = x.read() && !slices.ContainsFunc(o.file.Issues, failed)
	last := x.served
	if last == nil && !o.clean && f.remembersGood(x, o.file.Includes) { // it was served before a restart
		text := x.Text
		if len(x.Good) > 0 {
			text = x.Good
		}
		good := descriptor.Serve(descriptor.Parse(text, f.input(x, true, map[string]bool{})), nil)
		last, o.needed = &good, good.Includes
	}
	if o.clean {
		o.needed = o.file.Includes
	}
	now := o.file
	if x.Found && !last.Serves() {
		now, _ = descriptor.Skeleton(x.Text, now)
	}
	o.served = descriptor.Serve(now, last)
	return o
}

// take makes what came of parsing what is served.
func (x *file) take(o outcome) {
	x.includes = slices.Concat(o.file.Includes, o.needed)
	if len(o.lacking) > 0 {
		return
	}
	if x.clean && !o.clean && len(x.Good) == 0 { // what it includes has turned bad
		x.Good = x.Text
		x.changed(x.Asked)
	}
	x.clean, x.needed, x.served, x.doubted = o.clean, o.needed, &o.served, false
}

// remembersGood tells whether there is another version of a file or of what it includes, which was good.
func (f *follower) remembersGood(x *file, includes []string) bool {
	return len(x.Good) > 0 || slices.ContainsFunc(includes, func(url string) bool { y := f.files[url]; return y != nil && len(y.Good) > 0 })
}

// input is how a file is parsed: as it is now, or as it was last good.
func (f *follower) input(x *file, good bool, lacking map[string]bool) descriptor.Input {
	return descriptor.Input{
		File: x.URL, Location: "url:" + x.URL, Origin: x.origin,
		Included: func(target string, limit int) (name string, content []byte, rule string, err error) {
			name, err = resolve(x.URL, x.Root, target)
			switch {
			case errors.Is(err, errOutside):
				return "", nil, "placeholder-outside", err
			case errors.Is(err, errRemote):
				return "", nil, "placeholder-remote", err
			case err != nil:
				return "", nil, "placeholder-target", err
			}
			y := f.files[name]
			if y != nil && good && len(y.Good) > 0 {
				return name, y.Good, "", nil
			}
			switch {
			case y == nil && f.lacks(name):
				lacking[name] = true
				return name, nil, "placeholder-unreadable", errors.New("the file is not read yet")
			case y == nil:
				return name, nil, "placeholder-unreadable", errors.New("the file is not read, as the catalog has too many files of its origin")
			case y.Missing:
				return name, nil, "placeholder-missing", errors.New("there is no such file; create it or correct the path")
			case !y.read():
				return name, nil, "placeholder-unreadable", fmt.Errorf("the file cannot be read: %s", y.Error)
			case len(y.Text) > limit:
				return name, nil, "placeholder-size", fmt.Errorf("the files that a document includes have too many bytes together; split it")
			}
			return name, y.Text, "", nil
		},
	}
}

// targets returns the URLs of the files that the Locations of a file name.
func (f *follower) targets(x *file) []string {
	if x.served == nil {
		return nil
	}
	var out []string
	for i, entity := range x.served.Entities {
		if entity == nil || entity.Kind != "Location" {
			continue
		}
		kind, _ := entity.Spec["type"].(string)
		presence, _ := entity.Spec["presence"].(string)
		for _, target := range x.served.Documents[i].Targets {
			refuse := func(rule, format string, args ...any) {
				f.located = append(f.located, descriptor.Issue{
					Severity: descriptor.SeverityWarning, Rule: rule, File: x.URL, Document: entity.Source.Document, Line: target.Line, Ref: entity.Ref,
					Message: fmt.Sprintf("the target %.300q ", target.Text) + fmt.Sprintf(format, args...),
				})
			}
			if kind != "" && kind != "url" {
				refuse("location-type", "is of type %q, and a file of a repository host leads to URLs alone; write type: url, or leave the type out", kind)
				continue
			}
			if known := f.files[target.Text]; known != nil && known.Found {
				continue // it is served anyway, wherever it lies
			}
			if isPattern(x.Root, target.Text) {
				out = append(out, f.matched(x, target.Text, presence == "optional", refuse)...)
				continue
			}
			url, err := resolve(x.URL, x.Root, target.Text)
			if err != nil {
				refuse("location-outside", "is not read: %v", err)
				continue
			}
			if y := f.files[url]; y != nil && y.Missing && presence != "optional" {
				refuse("location-target-missing", "is not there; create it, correct the path, or write presence: optional")
			}
			out = append(out, url)
		}
	}
	return out
}

// prune forgets files that nothing leads to any more, and finds out which texts are good ones.
func (f *follower) prune() {
	f.users = map[string][]*file{}
	served := map[string]bool{}
	for _, x := range f.order {
		served[x.URL] = true
		for _, url := range x.includes {
			f.users[url] = append(f.users[url], x)
		}
	}
	targets := map[string]bool{} // also those that are not there: should they come, it is seen
	for _, x := range f.order {
		for _, url := range f.targetsQuietly(x) {
			targets[url] = true
		}
	}
	f.pruneListings()
	f.bytes = 0
	for url, x := range f.files {
		users := f.users[url]
		if !served[url] && len(users) == 0 && !targets[url] {
			delete(f.files, url)
			delete(f.tried, url)
			f.gone[url], f.went[url] = x.checked, x.checked
			continue
		}
		f.bytes += len(x.Text)
		if !served[url] {
			x.clean = x.read()
		}
		for _, user := range users {
			x.clean = x.clean && user.clean
		}
		if x.clean && x.read() && len(x.Good) > 0 {
			x.Good = nil
			x.changed(x.Asked)
		}
	}
}

// targetsQuietly is targets without issues.
func (f *follower) targetsQuietly(x *file) []string {
	located := f.located
	defer func() { f.located = located }()
	return f.targets(x)
}
