package coverage

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// set holds items that arrive in any order and repeatedly, in no more than twice the memory of the different ones. The first settled items are in order and
// different from each other.
type set[T any] struct {
	items   []T
	settled int
}

// slack is how many unsettled items a small set may have.
const slack = 64

// add takes an item in and returns by how many the set grew or shrank. fold joins an item with an equal one, in any order.
func (s *set[T]) add(item T, compare func(a, b T) int, fold func(into *T, from T)) int {
	n := len(s.items)
	if n == s.settled {
		order := -1
		if n > 0 {
			order = compare(s.items[n-1], item)
		}
		if order == 0 {
			fold(&s.items[n-1], item)
			return 0
		}
		s.items = append(s.items, item)
		if order < 0 {
			s.settled++
		}
		return 1
	}
	s.items = append(s.items, item)
	if n+1 < 2*s.settled+slack {
		return 1
	}
	return 1 + s.settle(compare, fold)
}

// settle puts all items in order and returns by how many the set shrank, as a negative number.
func (s *set[T]) settle(compare func(a, b T) int, fold func(into *T, from T)) int {
	before := len(s.items)
	if before == s.settled {
		return 0
	}
	slices.SortFunc(s.items, compare)
	kept := s.items[:1]
	for _, item := range s.items[1:] {
		if last := &kept[len(kept)-1]; compare(*last, item) == 0 {
			fold(last, item)
		} else {
			kept = append(kept, item)
		}
	}
	s.items, s.settled = kept, len(kept)
	return len(kept) - before
}

func byNumber(a, b Line) int { return compareUint(a.Number, b.Number) }

// foldRuns joins what two runs say of a line. Hits add up. Which of the branches the runs took is not known, only how many: the larger number is certain, and what
// both together took may be more.
func foldRuns(into *Line, from Line) {
	into.Hits = addHits(into.Hits, from.Hits)
	into.Branches, into.Taken = max(into.Branches, from.Branches), max(into.Taken, from.Taken)
}

// foldViews joins what one run says of a line twice, as of the class and of the lambda on it.
func foldViews(into *Line, from Line) {
	into.Hits, into.Branches, into.Taken = max(into.Hits, from.Hits), max(into.Branches, from.Branches), max(into.Taken, from.Taken)
}

// foldBranches counts the branches of a line.
func foldBranches(into *Line, from Line) {
	into.Branches, into.Taken = addBranches(into.Branches, from.Branches), addBranches(into.Taken, from.Taken)
}

// builder collects the files of a report.
type builder struct {
	format Format
	limits Limits
	fold   func(into *Line, from Line)
	files  map[string]*unit
	raw    int // lines in all units, those that are equal included
	roots  []string
}

type unit struct {
	lines                 set[Line]
	functions, statements Count
}

func newBuilder(format Format, limits Limits) *builder {
	b := &builder{format: format, limits: limits, fold: foldRuns, files: map[string]*unit{}}
	if format != LCOV { // the blocks of Go were added up before they became lines
		b.fold = foldViews
	}
	return b
}

// file returns the unit of a path as it is written.
func (b *builder) file(written string) (*unit, error) {
	if len(written) > b.limits.Path {
		return nil, &LimitError{Limit: LimitPath, Max: int64(b.limits.Path)}
	}
	name := cleanPath(written)
	if name == "" {
		return nil, &SyntaxError{Reason: "a file without a path"}
	}
	u := b.files[name]
	if u == nil {
		if len(b.files) >= b.limits.Files {
			return nil, &LimitError{Limit: LimitFiles, Max: int64(b.limits.Files)}
		}
		u = &unit{}
		b.files[name] = u
	}
	return u, nil
}

// add puts a line into a file. A set is never twice as large as what is different in it, and slack: more than that is more than the limit, too.
func (b *builder) add(u *unit, l Line) error {
	b.raw += u.lines.add(l, byNumber, b.fold)
	if b.raw > 2*b.limits.Lines+slack*len(b.files) {
		return &LimitError{Limit: LimitLines, Max: int64(b.limits.Lines)}
	}
	return nil
}

// number checks the number of a line; ok is false for a number that no line has, such as the 0 that gcov writes for what it made itself.
func (b *builder) number(text string) (number uint32, ok bool, err error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && !isRange(err) {
		return 0, false, &SyntaxError{Reason: "the number of a line is " + quoted(text)}
	}
	if n > int64(b.limits.LineNumber) {
		return 0, false, &LimitError{Limit: LimitLineNumber, Max: int64(b.limits.LineNumber)}
	}
	return uint32(max(n, 0)), n > 0, nil
}

func isRange(err error) bool {
	numeric, is := err.(*strconv.NumError)
	return is && numeric.Err == strconv.ErrRange
}

// parseHits reads how often something was run. Tools have written negative counts (after an overflow), counts as floating point, and NaN: none of these may
// become a large number or an error. What is no number at all is an error.
func parseHits(text string) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return uint32(min(n, math.MaxUint32)), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !isRange(err):
		return 0, &SyntaxError{Reason: "a count is " + quoted(text)}
	case math.IsNaN(f) || f <= 0:
		return 0, nil
	case f >= math.MaxUint32:
		return math.MaxUint32, nil
	}
	return uint32(math.Ceil(f)), nil
}

// quoted shows a piece of an untrusted report in an error.
func quoted(text string) string {
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return strconv.QuoteToASCII(text)
}

// cleanPath is a path with slashes and without what leads nowhere. Backslashes are taken for those of Windows where nothing else is in the path.
func cleanPath(written string) string {
	p := strings.TrimPrefix(strings.TrimSpace(written), "file://")
	if strings.Contains(p, `\`) && (hasDrive(p) || !strings.Contains(p, "/")) {
		p = strings.ReplaceAll(p, `\`, "/")
	}
	if p == "" {
		return ""
	}
	return path.Clean(plain(p))
}

// plain replaces what is no text: broken UTF-8 and control characters.
func plain(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r >= 0x7f && r < 0xa0 {
					return utf8.RuneError
				}
				return r
			}, strings.ToValidUTF8(s, "\uFFFD"))
		}
	}
	return s
}

func hasDrive(p string) bool {
	return len(p) > 2 && p[1] == ':' && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z') && (p[2] == '\\' || p[2] == '/')
}

func isAbsolute(p string) bool { return strings.HasPrefix(p, "/") || hasDrive(p) }

// report is what was collected.
func (b *builder) report() (*Report, error) {
	r := &Report{Format: b.format}
	root := ""
	if len(b.roots) == 1 {
		root = b.roots[0]
	} else if len(b.roots) > 1 {
		r.Roots = slices.Clone(b.roots)
	}
	total := 0
	for name, u := range b.files {
		u.lines.settle(byNumber, b.fold)
		if total += len(u.lines.items); total > b.limits.Lines {
			return nil, &LimitError{Limit: LimitLines, Max: int64(b.limits.Lines)}
		}
		if root != "" && !isAbsolute(name) {
			name = path.Join(root, name)
		}
		lines := u.lines.items
		if cap(lines) > len(lines)+len(lines)/4 {
			lines = slices.Clone(lines)
		}
		r.Files = append(r.Files, File{Path: name, Lines: lines, Functions: u.functions, Statements: u.statements})
	}
	r.Files = unite(r.Files, b.fold)
	return r, nil
}

// unite puts files in order and joins those of one path.
func unite(files []File, fold func(into *Line, from Line)) []File {
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	var out []File
	for start := 0; start < len(files); {
		f, end := files[start], start+1
		for ; end < len(files) && files[end].Path == f.Path; end++ {
			f.Functions, f.Statements = larger(f.Functions, files[end].Functions), larger(f.Statements, files[end].Statements)
		}
		if end > start+1 {
			var all set[Line]
			for _, same := range files[start:end] {
				all.items = append(all.items, same.Lines...)
			}
			all.settle(byNumber, fold)
			f.Lines = all.items
		}
		out, start = append(out, f), end
	}
	return out
}

// larger joins two counts of the same things, as foldRuns does for branches.
func larger(a, b Count) Count { return Count{max(a.Covered, b.Covered), max(a.Total, b.Total)} }
