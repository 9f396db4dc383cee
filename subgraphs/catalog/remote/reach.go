package remote

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// reach finds the files that are served, parsing those in doubt: catalog files, then what Locations in them name, and so on. It
// returns the URLs of files that must be read first.
func (f *follower) reach() (lacking map[string]bool) {
	lacking = map[string]bool{}
	f.order, f.located = nil, nil
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
		var next []led
		for _, l := range level {
			x := f.files[l.url]
			if seen[l.url] || x != nil && x.Missing {
				continue
			}
			seen[l.url] = true
			if x == nil {
				if !f.tried[l.url] {
					lacking[l.url] = true
				}
				continue
			}
			if x.origin != l.origin {
				x.origin, x.doubted = l.origin, true
			}
			if x.doubted {
				f.parse(x, lacking)
			}
			f.order = append(f.order, x)
			for _, url := range f.targets(x) {
				next = append(next, led{url, l.origin})
			}
		}
		level = next
	}
	return lacking
}

// parse makes what is served of a file. Where what it includes is lacking, that waits.
func (f *follower) parse(x *file, lacking map[string]bool) {
	now, own := descriptor.File{}, map[string]bool{}
	if x.read() {
		now = descriptor.Parse(x.Text, f.input(x, false, own))
	}
	x.includes = slices.Concat(now.Includes, x.needed)
	if len(own) > 0 {
		maps.Copy(lacking, own)
		return
	}
	failed := func(issue descriptor.Issue) bool { return issue.Severity == descriptor.SeverityError }
	clean := x.read() && !slices.ContainsFunc(now.Issues, failed)
	if x.clean && !clean && len(x.Good) == 0 { // what it includes has turned bad
		x.Good = x.Text
		x.changed(x.Asked)
	}
	x.clean = clean
	last := x.served
	if last == nil && !x.clean && f.remembersGood(x) { // it was served before a restart
		text := x.Text
		if len(x.Good) > 0 {
			text = x.Good
		}
		good := descriptor.Serve(descriptor.Parse(text, f.input(x, true, map[string]bool{})), nil)
		last, x.needed = &good, good.Includes
	}
	if clean {
		x.needed = now.Includes
	}
	x.includes = slices.Concat(now.Includes, x.needed)
	if x.Found && !last.Serves() {
		now, _ = descriptor.Skeleton(x.Text, now)
	}
	served := descriptor.Serve(now, last)
	x.served, x.doubted = &served, false
}

// remembersGood tells whether there is another version of a file or of what it includes, which was good.
func (f *follower) remembersGood(x *file) bool {
	return len(x.Good) > 0 || slices.ContainsFunc(x.includes, func(url string) bool { y := f.files[url]; return y != nil && len(y.Good) > 0 })
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
			case y == nil && !f.tried[name]:
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
			url, err := resolve(x.URL, x.Root, target.Text)
			switch {
			case err != nil:
				refuse("location-outside", "is not read: %v", err)
				continue
			case strings.ContainsAny(target.Text, "*?[{"):
				refuse("location-glob", "is a pattern, which is searched for on disk alone; name the files")
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
