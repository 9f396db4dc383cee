package coverage

import (
	"cmp"
	"slices"
)

// Touched is a file that a change touches. Hunks are the pieces of the file that differ, in order, as a diff has them; they say which line of the head is which of
// the base. Without them the lines of the file are not compared, unless Same is set.
type Touched struct {
	Path  string // in the head; that in the base for a file that was removed
	From  string // in the base, where it was moved; empty otherwise
	Hunks []Hunk
	Same  bool // the contents are the same: it was only moved, or its mode was changed
}

// Hunk is a piece of a diff: BaseLines lines from BaseStart are replaced by HeadLines lines from HeadStart. Lines count from 1. Where one side has no lines, its start
// is the line before, as in a unified diff. A hunk may have lines of context: they are not known to be that, so use a diff with none (git diff -U0).
type Hunk struct{ BaseStart, BaseLines, HeadStart, HeadLines int }

// Verdict says whether and how the coverage of a file could be compared.
type Verdict string

// The verdicts. Only a file that is Compared has lines that changed.
const (
	Compared Verdict = "COMPARED"
	New      Verdict = "NEW"       // the report of the base does not have it
	Gone     Verdict = "GONE"      // the head does not have it
	NoLines  Verdict = "NO_LINES"  // neither report has lines of it, as of a document
	NoHunks  Verdict = "NO_HUNKS"  // it was touched, and which line is which is not known
	BadHunks Verdict = "BAD_HUNKS" // the hunks are not in order, overlap, or are out of range
)

// Change is what became of the coverage of one file.
type Change struct {
	Path, From string
	Touched    bool
	Verdict    Verdict
	Base, Head Totals
	Added      Count    // the lines with code that the change wrote: those of its hunks, or all of a file that is New without any; for other files only where they were Compared
	Untested   []uint32 // those of Added that were not run
	Covered    []uint32 // lines, by their number in the head, that both have: newly run
	Uncovered  []uint32 // no longer run
}

// Comparison is what became of the coverage from one report to another.
type Comparison struct {
	Base, Head Totals
	Added      Count    // of all files
	Files      []Change // those touched, by path
	Elsewhere  []Change // others whose coverage changed although they did not, by path, and others that only one of the reports has
}

// Lines returns the change of line coverage in percentage points, and false where one of the reports has no lines.
func (c *Comparison) Lines() (float64, bool) { return points(c.Base.Lines, c.Head.Lines) }

// Lines returns the change of the file's line coverage in percentage points, and false where one side has no lines.
func (c *Change) Lines() (float64, bool) { return points(c.Base.Lines, c.Head.Lines) }

func points(base, head Count) (float64, bool) {
	b, ok1 := base.Rate()
	h, ok2 := head.Rate()
	if !ok1 || !ok2 {
		return 0, false
	}
	return (h - b) * 100, true
}

// Compare tells what changed from the report of the base to that of the head. Both must have paths of the repository (Locate), and neither may be nil.
func Compare(base, head *Report, touched []Touched) *Comparison {
	c := &Comparison{Base: base.Totals(), Head: head.Totals()}
	seenBase, seenHead := map[string]bool{}, map[string]bool{}
	touched = slices.Clone(touched)
	slices.SortStableFunc(touched, func(a, b Touched) int { return cmp.Compare(a.Path, b.Path) })
	touched = slices.CompactFunc(touched, func(a, b Touched) bool { return a.Path == b.Path })
	for _, t := range touched {
		from := cmp.Or(t.From, t.Path)
		seenBase[from], seenHead[t.Path] = true, true
		change := compareFile(base.File(from), head.File(t.Path), t)
		change.Path, change.From, change.Touched = t.Path, t.From, true
		c.Added = c.Added.plus(change.Added)
		c.Files = append(c.Files, change)
	}
	elsewhere := func(name string) {
		change := compareFile(base.File(name), head.File(name), Touched{Path: name, Same: true})
		if change.Path = name; change.Verdict != Compared {
			change.Added, change.Untested = Count{}, nil // nobody wrote these lines
		} else if change.Base == change.Head && len(change.Covered) == 0 && len(change.Uncovered) == 0 {
			return
		}
		if change.Verdict != NoLines {
			c.Elsewhere = append(c.Elsewhere, change)
		}
	}
	for i := range base.Files {
		if name := base.Files[i].Path; !seenBase[name] {
			seenHead[name] = true
			elsewhere(name)
		}
	}
	for i := range head.Files {
		if name := head.Files[i].Path; !seenHead[name] {
			elsewhere(name)
		}
	}
	slices.SortFunc(c.Elsewhere, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return c
}

// compareFile compares one file; either may be nil.
func compareFile(base, head *File, t Touched) Change {
	var c Change
	if base != nil {
		c.Base = base.Totals()
	}
	if head != nil {
		c.Head = head.Totals()
	}
	switch {
	case c.Base.Lines.Total == 0 && c.Head.Lines.Total == 0:
		c.Verdict = NoLines
	case c.Head.Lines.Total == 0:
		c.Verdict = Gone
	case c.Base.Lines.Total == 0:
		c.Verdict = New
		switch { // the report of the base may lack a file that the base has
		case t.Same:
		case len(t.Hunks) > 0 && inOrder(t.Hunks):
			c.lines(&File{}, head, t.Hunks)
		default:
			for _, l := range head.Lines {
				c.added(l)
			}
		}
	case !t.Same && len(t.Hunks) == 0:
		c.Verdict = NoHunks
	case !t.Same && !inOrder(t.Hunks):
		c.Verdict = BadHunks
	default:
		c.Verdict = Compared
		c.lines(base, head, t.Hunks)
	}
	return c
}

func (c *Change) added(l Line) {
	if c.Added.Total++; l.Hits > 0 {
		c.Added.Covered++
	} else {
		c.Untested = append(c.Untested, l.Number)
	}
}

// lines walks through the lines of the head, behind each hunk with another distance to those of the base.
func (c *Change) lines(base, head *File, hunks []Hunk) {
	shift := int64(0) // from a number in the head to that in the base
	for _, l := range head.Lines {
		n := int64(l.Number)
		for len(hunks) > 0 && n >= hunks[0].headEnd() {
			shift = hunks[0].baseEnd() - hunks[0].headEnd()
			hunks = hunks[1:]
		}
		if len(hunks) > 0 && n >= hunks[0].headFirst() {
			c.added(l)
			continue
		}
		if n += shift; n < 1 || n > int64(^uint32(0)) {
			continue
		}
		was, had := base.Line(uint32(n))
		switch {
		case !had:
		case was.Hits == 0 && l.Hits > 0:
			c.Covered = append(c.Covered, l.Number)
		case was.Hits > 0 && l.Hits == 0:
			c.Uncovered = append(c.Uncovered, l.Number)
		}
	}
}

// headFirst is the first line that is replaced in the head, or would be; headEnd is the line behind.
func (h Hunk) headFirst() int64 { return first(h.HeadStart, h.HeadLines) }
func (h Hunk) headEnd() int64   { return h.headFirst() + int64(h.HeadLines) }
func (h Hunk) baseFirst() int64 { return first(h.BaseStart, h.BaseLines) }
func (h Hunk) baseEnd() int64   { return h.baseFirst() + int64(h.BaseLines) }

func first(start, lines int) int64 {
	if lines == 0 {
		return int64(start) + 1
	}
	return int64(start)
}

// inOrder says whether the hunks can be those of a diff: what is between them is as long on both sides.
func inOrder(hunks []Hunk) bool {
	base, head := int64(1), int64(1)
	for _, h := range hunks {
		for _, n := range []int{h.BaseStart, h.BaseLines, h.HeadStart, h.HeadLines} {
			if n < 0 || n > 1<<31 {
				return false
			}
		}
		between := h.baseFirst() - base
		if between < 0 || between != h.headFirst()-head {
			return false
		}
		base, head = h.baseEnd(), h.headEnd()
	}
	return true
}
