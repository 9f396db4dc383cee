package github

import (
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// ComparedFile is a file that differs between two commits.
type ComparedFile struct {
	git.ChangedFile
	// Hunks are the pieces that differ, in their order, as git diff -U0 has them; nil where GitHub does not tell them, as of files that are no text or have
	// changed much.
	Hunks []Hunk
}

// Hunk is a piece of a file that differs: BaseLines lines from BaseStart are replaced by HeadLines lines from HeadStart. Lines are counted from 1. Where a side
// has no lines, its start is that of the line before, 0 at the top.
type Hunk struct{ BaseStart, BaseLines, HeadStart, HeadLines int }

// maxHunks is how many hunks of one comparison are kept, by judgement: nobody reads as many. Of the file in which there are more, and of all after it, none is told.
const maxHunks = 100_000

// hunks reads the hunks of the file, at most so many. They are nil where the patch is not there, or cut off: its lines are fewer than GitHub has counted.
func (f restFile) hunks(most int) []Hunk {
	if f.Patch == "" {
		if f.Status == "renamed" && f.Additions == 0 && f.Deletions == 0 {
			return []Hunk{}
		}
		return nil
	}
	out, ok := parsePatch(f.Patch, most)
	if !ok {
		return nil
	}
	added, deleted := 0, 0
	for _, h := range out {
		added, deleted = added+h.HeadLines, deleted+h.BaseLines
	}
	if added != f.Additions || deleted != f.Deletions {
		return nil
	}
	return out
}

// parsePatch reads what follows the names of the files in a unified diff, and tells whether it is one, whole, of no more than so many hunks:
//
//	@@ -10,4 +10,5 @@ func main() {
//	 	a := 1
//	-	b := 2
//	+	b := 3
//	+	c := 4
//	 	d := 5
//	 	e := 6
//
// Lines around those that differ are no part of a hunk here: this has one, of a line from 11 and of two from 11.
func parsePatch(text string, most int) ([]Hunk, bool) {
	out := []Hunk{}
	base, head := 1, 1 // the lines that come next
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		section, ok := parseHeader(line)
		if !ok {
			return nil, false
		}
		// The first of its lines: where a side has none, the header has the line before.
		first := func(start, lines int) int {
			if lines == 0 {
				return start + 1
			}
			return start
		}
		from, to := first(section.BaseStart, section.BaseLines), first(section.HeadStart, section.HeadLines)
		if from < base || to < head {
			return nil, false // it goes back
		}
		base, head = from, to
		var now Hunk
		flush := func() {
			if now == (Hunk{}) {
				return
			}
			now.BaseStart, now.HeadStart = base-now.BaseLines, head-now.HeadLines
			if now.BaseLines == 0 {
				now.BaseStart--
			}
			if now.HeadLines == 0 {
				now.HeadStart--
			}
			out, now = append(out, now), Hunk{}
		}
		for base < from+section.BaseLines || head < to+section.HeadLines {
			if text == "" {
				return nil, false
			}
			line, text, _ = strings.Cut(text, "\n")
			switch {
			case line == "" || line[0] == ' ':
				flush()
				base, head = base+1, head+1
			case line[0] == '-':
				now.BaseLines, base = now.BaseLines+1, base+1
			case line[0] == '+':
				now.HeadLines, head = now.HeadLines+1, head+1
			case line[0] != '\\': // "\ No newline at end of file"
				return nil, false
			}
			if base > from+section.BaseLines || head > to+section.HeadLines {
				return nil, false
			}
		}
		flush()
		if len(out) > most {
			return nil, false
		}
		if strings.HasPrefix(text, "\\") {
			_, text, _ = strings.Cut(text, "\n")
		}
	}
	return out, true
}

// parseHeader reads "@@ -10,4 +10,5 @@ func main() {", where ",1" may be left out.
func parseHeader(line string) (Hunk, bool) {
	rest, ok := strings.CutPrefix(line, "@@ -")
	if !ok {
		return Hunk{}, false
	}
	ranges, _, ok := strings.Cut(rest, " @@")
	base, head, plus := strings.Cut(ranges, " +")
	if !ok || !plus {
		return Hunk{}, false
	}
	var h Hunk
	var good [2]bool
	h.BaseStart, h.BaseLines, good[0] = parseRange(base)
	h.HeadStart, h.HeadLines, good[1] = parseRange(head)
	return h, good[0] && good[1]
}

// parseRange reads "10,4", or "10" for one line.
func parseRange(text string) (start, lines int, ok bool) {
	first, count, several := strings.Cut(text, ",")
	if !several {
		count = "1"
	}
	const bits = 31 // so that no sum is too large
	from, err1 := strconv.ParseUint(first, 10, bits)
	n, err2 := strconv.ParseUint(count, 10, bits)
	if err1 != nil || err2 != nil || from == 0 && n > 0 {
		return 0, 0, false
	}
	return int(from), int(n), true
}
