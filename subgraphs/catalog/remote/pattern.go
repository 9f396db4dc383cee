package remote

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/glob"
)

const (
	// maxPatterns of one repository are searched for. Who needs more can have one that covers several.
	maxPatterns = 100
	// maxListed files of one repository are looked at, which is more than hosts list.
	maxListed = 100_000
	// maxRoots are listed at once, which bounds what is held of files that no pattern stands for.
	maxRoots = 50
)

// listing is what the patterns in the files of one root stand for. Of what was listed only that is kept.
type listing struct {
	patterns  map[string]*pattern // by folder and text
	validator string              // of what was listed; empty where it is to be listed whatever it is
	partial   bool                // the origin does not list all
	due       bool                // it is to be listed before anything is served
	pass, met int                 // the last search for what is served that met patterns of it, and how many
	error     string              // why it could not be listed last
	since     time.Time
}

// pattern stands for files below a folder.
type pattern struct {
	folder, text string // decoded, from the root
	urls         []string
	whole        bool      // urls are all there are; else it stands for the known files too
	stopped      bool      // at a limit
	listed       time.Time // when the origin was asked; zero for never
	met          int       // in which search for what is served
}

// find returns the URLs of files of a tree that a pattern stands for, sorted. What is there as it is written is no pattern.
func (p *pattern) find(root string, tree glob.Tree) (urls []string, stopped bool) {
	as := path.Join(p.folder, p.text)
	if folder, there := tree.Look(as); there && !folder {
		return []string{urlBelow(root, as)}, false
	}
	found := glob.Find(tree, p.folder, p.text)
	for _, file := range found.Files {
		urls = append(urls, urlBelow(root, file))
	}
	slices.Sort(urls)
	return urls, found.Stopped
}

// expand returns the URLs of files that a pattern stands for, as far as that is known, and has it found out where it is to be. There is no pattern where
// the root has too many.
func (f *follower) expand(root, folder, text string) (l *listing, p *pattern, urls []string) {
	if l = f.listings[root]; l == nil {
		l = &listing{patterns: map[string]*pattern{}}
		f.listings[root] = l
	}
	key := folder + "\x00" + text
	if l.pass != f.pass {
		l.pass, l.met = f.pass, 0
	}
	p = l.patterns[key]
	if p == nil || p.met != f.pass {
		if l.met++; l.met > maxPatterns {
			return l, nil, nil
		}
	}
	if p == nil {
		p = &pattern{folder: folder, text: text}
		l.patterns[key] = p
		l.due, l.validator = f.answered, ""
	}
	p.met = f.pass
	if _, underWay := f.listingNow[root]; l.due || underWay {
		f.unlisted[root] = true
	}
	if p.whole {
		return l, p, p.urls
	}
	known, _ := p.find(root, f.knownBelow(root))
	urls = slices.Concat(p.urls, known)
	slices.Sort(urls)
	return l, p, slices.Compact(urls)
}

// knownBelow returns the known files of a root.
func (f *follower) knownBelow(root string) glob.Tree {
	if f.below == nil {
		f.below, f.belowTrees = map[string][]*file{}, map[string]glob.Tree{}
		for _, x := range f.files {
			f.below[x.Root] = append(f.below[x.Root], x)
		}
	}
	tree := f.belowTrees[root]
	if tree == nil {
		var paths []string
		for _, x := range f.below[root] {
			if below, ok := pathBelow(root, x.URL); ok && !x.Missing {
				paths = append(paths, below)
			}
		}
		tree = glob.Files(paths)
		f.belowTrees[root] = tree
	}
	return tree
}

// listAgain has everything listed, or what lies around or below a folder.
func (f *follower) listAgain(folder string) {
	for root, l := range f.listings {
		if strings.HasPrefix(root, folder) || strings.HasPrefix(folder, root) {
			l.due = true
		}
	}
}

// list asks the origin for the files below the roots that patterns wait for, some after others.
func (f *follower) list() {
	if len(f.listingNow) > 0 {
		return
	}
	known := map[string]string{}
	for _, root := range slices.Sorted(maps.Keys(f.unlisted)) {
		if l := f.listings[root]; l.due && len(known) < maxRoots {
			l.due = false
			known[root] = l.validator
		}
	}
	if len(known) == 0 {
		return
	}
	f.listingNow = known
	asked := now()
	f.job(f.config.Timeout, func(ctx context.Context) func() {
		said, err := f.origin.List(ctx, maps.Clone(known))
		return func() {
			f.listingNow = nil
			f.listed(known, said, err, asked)
			f.settle()
		}
	})
}

// listed takes the answer to a listing. A root of which nothing is said could not be listed.
func (f *follower) listed(known map[string]string, said []Listing, err error, asked time.Time) {
	if err == nil {
		err = errors.New("the origin says nothing of them")
	}
	answers := map[string]Listing{}
	for _, one := range said {
		if _, twice := answers[one.Root]; !twice {
			answers[one.Root] = one
		}
	}
	for root, validator := range known {
		l := f.listings[root]
		if l == nil {
			continue
		}
		answer, ok := answers[root]
		switch {
		case !ok:
			answer = Listing{Root: root, Err: err}
		case answer.Err == nil && answer.Unchanged && validator == "":
			answer = Listing{Root: root, Err: errors.New("the origin says that they are as before, and they were never listed")}
		}
		l.take(answer, asked)
	}
}

func (l *listing) take(said Listing, asked time.Time) {
	if said.Err != nil {
		l.error, l.since = printable(said.Err), cmp.Or(l.since, asked)
		if len(said.Files) == 0 {
			return // what was listed before counts
		}
		l.validator = ""
	} else {
		l.error, l.since = "", time.Time{}
	}
	if said.Unchanged {
		for _, p := range l.patterns {
			if !p.listed.IsZero() {
				p.listed = asked
			}
		}
		return
	}
	whole := said.Err == nil && said.Whole && len(said.Files) <= maxListed
	if said.Err == nil {
		l.partial = !whole
		if l.validator = said.Validator; len(l.validator) > maxValidator {
			l.validator = ""
		}
	}
	var paths []string
	for _, address := range said.Files[:min(len(said.Files), maxListed)] {
		if below, ok := pathBelow(said.Root, address); ok {
			paths = append(paths, below)
		}
	}
	tree := glob.Files(paths)
	for _, p := range l.patterns {
		urls, stopped := p.find(said.Root, tree)
		p.urls, p.whole, p.stopped, p.listed = urls, whole, stopped, asked
	}
}

// note takes what was learnt of one file after its root was listed, by this process or another replica.
func (f *follower) note(x *file, there bool, asked time.Time) {
	l := f.listings[x.Root]
	if l == nil {
		return
	}
	for _, p := range l.patterns {
		at, has := slices.BinarySearch(p.urls, x.URL)
		switch {
		case !p.whole || has == there || !p.listed.Before(asked):
		case has:
			p.urls = slices.Delete(slices.Clone(p.urls), at, at+1)
			l.validator = ""
		case len(p.urls) < glob.MaxMatches:
			below, ok := pathBelow(x.Root, x.URL)
			if !ok {
				continue
			}
			if found, _ := p.find(x.Root, glob.Files([]string{below})); len(found) > 0 {
				p.urls = slices.Insert(slices.Clone(p.urls), at, x.URL)
				l.validator = ""
			}
		}
	}
}

// pruneListings forgets patterns that are in no file any more.
func (f *follower) pruneListings() {
	for root, l := range f.listings {
		maps.DeleteFunc(l.patterns, func(_ string, p *pattern) bool { return p.met != f.pass })
		if len(l.patterns) == 0 {
			delete(f.listings, root)
		}
	}
	f.below, f.belowTrees = nil, nil
}

// matched returns the URLs of the files that a pattern in a Location stands for.
func (f *follower) matched(x *file, target string, optional bool, refuse func(rule, format string, args ...any)) []string {
	folder, text, err := resolvePattern(x.URL, x.Root, target)
	if err != nil {
		refuse("location-outside", "is not read: %v", err)
		return nil
	}
	l, p, urls := f.expand(x.Root, folder, text)
	if p == nil {
		refuse("location-glob-size", "is not searched for: the repository has more than %d patterns; write some that cover several", maxPatterns)
		return nil
	}
	if p.stopped {
		refuse("location-glob-size", "covers too much, and only a part was searched: at most %d files among %d entries; narrow it", glob.MaxMatches, glob.MaxEntries)
	}
	gone := func(url string) bool { y := f.files[url]; return y != nil && y.Missing }
	switch {
	case l.error != "":
		refuse("location-glob", "is a pattern, and the files of the repository could not be listed since %s: %s; it stands for those that were known, and is tried again", shown(l.since), l.error)
	case l.partial:
		refuse("location-glob", "is a pattern, and the repository has more files than can be listed; name the files")
	case p.whole && !optional && !slices.ContainsFunc(urls, func(url string) bool { return !gone(url) }):
		refuse("location-target-missing", "stands for no file; correct the pattern, or write presence: optional")
	}
	return urls
}

// isPattern tells whether the target of a Location is one.
func isPattern(root, target string) bool { return glob.Is(strings.TrimPrefix(target, root)) }

var errPattern = errors.New("it is a pattern that cannot be read; give a path relative to this file with *, ?, [a-z], {a,b} or **")

// resolvePattern returns the folder, as a path from the root, and the pattern below it that a text in a file names: as resolve does for a file.
func resolvePattern(file, root, target string) (folder, pattern string, err error) {
	rest, full := strings.CutPrefix(target, root)
	if i := strings.IndexAny(target, ":/*?[{"); !full && (i > 0 && target[i] == ':' || strings.HasPrefix(target, "//")) {
		return "", "", errRemote
	}
	if len(target) > maxURL || strings.ContainsRune(rest, '#') {
		return "", "", errPattern
	}
	rest, err = url.PathUnescape(rest)
	if err != nil || !printableName(rest) || rest == "" || strings.HasSuffix(rest, "/") {
		return "", "", errPattern
	}
	switch {
	case full:
	case strings.HasPrefix(rest, "/"):
		rest = strings.TrimLeft(rest, "/")
	default:
		if folder, err = url.PathUnescape(folderOf(file)[len(root):]); err != nil {
			return "", "", errPattern
		}
		folder = path.Clean("/" + folder)[1:]
	}
	pattern = path.Clean(rest)
	for strings.HasPrefix(pattern, "../") {
		if folder == "" {
			return "", "", errOutside
		}
		folder, pattern = folder[:max(0, strings.LastIndexByte(folder, '/'))], pattern[len("../"):]
	}
	if pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "/") {
		return "", "", errPattern
	}
	return folder, pattern, nil
}
