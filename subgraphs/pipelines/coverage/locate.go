package coverage

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Located is a report whose files are those of a repository.
type Located struct {
	Report    *Report     // the files that were found, by their path in the repository
	Ambiguous []Ambiguity // by path: could be several files, and are left out
	Foreign   []string    // by path: no file of the repository, as are system headers and generated code
}

// Ambiguity is a file of a report that could be several of the repository.
type Ambiguity struct {
	Path       string
	Candidates []string // in order, at most maxCandidates
}

// maxCandidates is how many files with the same end are looked at: with more, no name in front tells them apart, and nobody reads a longer list.
const maxCandidates = 16

// Locate finds the files of the report among the files of a repository, which are paths from its root. The longest common end of the paths, in whole names, decides:
//
//	callboard.dev/x/pkg/a.go                  pkg/a.go                        the repository's path is an end of the report's
//	/home/ci/workspace/x/src/a.py             src/a.py
//	com/larkfold/Play.java                    app/src/main/java/com/larkfold/Play.java   the report's is an end of the repository's
//	player/com/larkfold/Play.java             player/src/main/java/...        a tie is decided by the names in front
//	callboard.dev/x/pkg/a.go                  server/pkg/a.go                 neither: what is in front is exchanged as in other files
//
// What could be several files is said to be, and never guessed. Files of the report that are one in the repository are joined.
func (r *Report) Locate(files []string) *Located {
	index := newEnds(files)
	out := &Located{Report: &Report{Format: r.Format}}
	var found []File
	var open []finding
	exchanged := map[[2]string]bool{} // what is in front in the report, and what in the repository
	take := func(f *File, name string) {
		file := *f
		file.Path = name
		found = append(found, file)
	}
	for i := range r.Files {
		f := finding{file: &r.Files[i], match: index.find(r.Files[i].Path)}
		for _, root := range r.Roots {
			if isAbsolute(f.file.Path) {
				break
			}
			m := index.find(path.Join(root, f.file.Path))
			switch {
			case f.certain && !m.certain:
			case m.names > f.names || m.names == f.names && m.certain && !f.certain:
				f.match = m
			case m.names == f.names && m.certain == f.certain && !slices.Equal(m.candidates, f.candidates):
				f.candidates, f.certain = bothOf(f.candidates, m.candidates), false
			}
		}
		if f.certain {
			take(f.file, f.candidates[0])
			exchanged[f.exchange(f.candidates[0])] = true
		} else {
			open = append(open, f)
		}
	}
	learn(open, exchanged)
	for _, f := range open {
		var known []string
		for _, c := range f.candidates {
			if exchanged[f.exchange(c)] {
				known = append(known, c)
			}
		}
		switch {
		case len(known) == 1:
			take(f.file, known[0])
		case len(f.candidates) > 1 && (f.names > 1 || f.whole || slices.ContainsFunc(f.candidates, atRoot)):
			out.Ambiguous = append(out.Ambiguous, Ambiguity{f.file.Path, f.candidates})
		default:
			out.Foreign = append(out.Foreign, f.file.Path)
		}
	}
	out.Report.Files = unite(found, foldRuns)
	return out
}

// learn finds what is exchanged in front of paths that could not be found by themselves. A repository's path that is one file of a module elsewhere has two names in
// common with it at least, and so have others of that module; where nothing at all was certain, as in a module without folders, less will do.
func learn(open []finding, exchanged map[[2]string]bool) {
	votes := map[[2]string]int{}
	certain := len(exchanged) > 0
	for _, f := range open {
		if len(f.candidates) == 1 && f.names > 1 {
			votes[f.exchange(f.candidates[0])]++
		}
	}
	for exchange, n := range votes {
		if n > 1 || !certain {
			exchanged[exchange] = true
		}
	}
	if len(exchanged) > 0 {
		return
	}
	for _, f := range open {
		if len(f.candidates) == 1 && atRoot(f.candidates[0]) {
			exchanged[f.exchange(f.candidates[0])] = true
		}
	}
}

func bothOf(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxCandidates)]
}

func atRoot(p string) bool { return !strings.Contains(p, "/") }

// finding is what is known of one file of a report.
type finding struct {
	file *File
	match
}

// match is what an index says of a path.
type match struct {
	path       string // that was looked for
	names      int    // that agree, from the end
	candidates []string
	whole      bool // the whole of the report's path agrees
	certain    bool // the first candidate is it
}

// exchange is what would have to be in front of the paths for the candidate to be the file.
func (m match) exchange(candidate string) [2]string {
	a, b := strings.Split(m.path, "/"), strings.Split(rootless(candidate), "/")
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return [2]string{strings.Join(a[:len(a)-n], "/"), strings.Join(b[:len(b)-n], "/")}
}

// ends finds paths by their last names: they are in the order of their names from the last to the first.
type ends struct {
	keys  []string
	paths []string
}

func newEnds(files []string) *ends {
	type entry struct{ key, path string }
	entries := make([]entry, 0, len(files))
	for _, f := range files {
		entries = append(entries, entry{backwards(f), f})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.path, b.path)) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.key == b.key })
	e := &ends{}
	for _, entry := range entries {
		e.keys, e.paths = append(e.keys, entry.key), append(e.paths, entry.path)
	}
	return e
}

// backwards has the names of a path from the last to the first, each with a zero byte behind it, which sorts before everything in a name.
func backwards(p string) string {
	names := strings.Split(strings.ReplaceAll(rootless(p), "\x00", "\uFFFD"), "/")
	slices.Reverse(names)
	return strings.Join(names, "\x00") + "\x00"
}

func rootless(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

// agree counts the names that two keys begin with.
func agree(a, b string) (names, bytes int) {
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == 0 {
			names, bytes = names+1, i+1
		}
	}
	return names, bytes
}

func (e *ends) find(p string) match {
	key := backwards(p)
	m := match{path: rootless(p)}
	at, _ := slices.BinarySearch(e.keys, key)
	size := 0
	for _, i := range []int{at - 1, at} {
		if i >= 0 && i < len(e.keys) {
			if n, bytes := agree(key, e.keys[i]); n > m.names {
				m.names, size = n, bytes
			}
		}
	}
	if m.names == 0 {
		return m
	}
	prefix := key[:size]
	m.whole = size == len(key)
	first, exact := slices.BinarySearch(e.keys, prefix)
	if exact && (m.names > 1 || m.whole) { // the whole of a path of the repository
		m.candidates, m.certain = e.paths[first:first+1], true
		return m
	}
	last := first
	for last < len(e.keys) && last-first < maxCandidates+1 && strings.HasPrefix(e.keys[last], prefix) {
		last++
	}
	m.candidates = slices.Sorted(slices.Values(e.paths[first:min(last, first+maxCandidates)]))
	if m.certain = false; last-first > maxCandidates {
		return m
	}
	if m.whole {
		m.certain = len(m.candidates) == 1
		return m
	}
	if m.names > 1 {
		if best := m.nearest(); best != "" {
			m.candidates, m.certain = []string{best}, true
		}
	}
	return m
}

// nearest returns the candidate that has more of the names in front, in their order, than any other, and "" where there is none.
func (m match) nearest() string {
	own := strings.Split(m.path, "/")
	own = own[:max(len(own)-m.names, 0)]
	best, most, twice := "", 0, false
	for _, c := range m.candidates {
		names := strings.Split(c, "/")
		names = names[:max(len(names)-m.names, 0)]
		n := 0
		for _, name := range own {
			if i := slices.Index(names, name); i >= 0 {
				n, names = n+1, names[i+1:]
			}
		}
		switch {
		case n > most:
			best, most, twice = c, n, false
		case n == most:
			twice = true
		}
	}
	if twice || most == 0 {
		return ""
	}
	return best
}
