package gitlabtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// Limits above which GitLab leaves a diff out ("Diff limits" in its documentation): it is then collapsed or too large.
const (
	mostDiffBytes = 200 << 10
	mostDiffLines = 4000 // compared at most: what takes longer is shown as all old and all new lines
)

// diffs returns what changed between two commits of a project, in GitLab's form. An empty base is before the first commit.
func (c *call) diffs(p *project, base git.OID, to *git.Commit) ([]object, error) {
	ctx := c.r.Context()
	changed := *to
	changed.Parents = nil
	if base != "" {
		changed.Parents = []git.OID{base}
	}
	changes, err := p.repository.Changes(ctx, &changed)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(changes))
	for i, change := range changes {
		if out[i], err = c.diff(p, base, to.OID, change); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) diff(p *project, base, to git.OID, change git.ChangedFile) (object, error) {
	ctx := c.r.Context()
	oldPath := change.Path
	if change.PreviousPath != "" {
		oldPath = change.PreviousPath
	}
	o := object{"old_path": oldPath, "new_path": change.Path, "a_mode": "0", "b_mode": "0", "new_file": change.Change == git.Added,
		"renamed_file": change.Change == git.Renamed, "deleted_file": change.Change == git.Deleted, "generated_file": false, "collapsed": false, "too_large": false}
	var before, after []byte
	var err error
	if change.Change != git.Added {
		if before, o["a_mode"], err = side(ctx, p.repository, base, oldPath); err != nil {
			return nil, err
		}
	}
	if change.Change != git.Deleted {
		if after, o["b_mode"], err = side(ctx, p.repository, to, change.Path); err != nil {
			return nil, err
		}
	}
	o["diff"] = ""
	switch {
	case change.Binary:
		o["diff"] = fmt.Sprintf("Binary files a/%s and b/%s differ\n", oldPath, change.Path)
	case len(before)+len(after) > mostDiffBytes:
		o["too_large"] = true
	default:
		o["diff"] = unified(before, after)
	}
	return o, nil
}

func side(ctx context.Context, r *git.Repository, commit git.OID, path string) ([]byte, any, error) {
	entry, err := r.Entry(ctx, commit, path)
	if err != nil {
		return nil, nil, err
	}
	mode := modes[entry.Kind][1]
	if entry.Kind == git.KindSubmodule {
		return []byte("Subproject commit " + string(entry.OID) + "\n"), mode, nil
	}
	blob, err := r.Blob(ctx, entry.OID)
	if errors.Is(err, git.ErrNotFound) {
		return nil, mode, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return blob.Data, mode, nil
}

// linesOf cuts a text into lines with their ends.
func linesOf(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// step is a line of a diff: ' ', '-' or '+'.
type step struct {
	sign byte
	line string
}

// script returns how to get from the old lines to the new: a shortest way (by a table of the longest common subsequences) where they are
// few, all lines out and in where they are many.
func script(old, now []string) []step {
	var head, tail []step
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		head = append(head, step{' ', old[0]})
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		tail = append(tail, step{' ', old[len(old)-1]})
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	slices.Reverse(tail)
	if len(old)*len(now) > mostDiffLines*mostDiffLines/4 {
		for _, line := range old {
			head = append(head, step{'-', line})
		}
		for _, line := range now {
			head = append(head, step{'+', line})
		}
		return append(head, tail...)
	}
	longest := make([][]int32, len(old)+1)
	for i := range longest {
		longest[i] = make([]int32, len(now)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(now) - 1; j >= 0; j-- {
			if old[i] == now[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case i < len(old) && j < len(now) && old[i] == now[j]:
			head = append(head, step{' ', old[i]})
			i, j = i+1, j+1
		case j == len(now) || i < len(old) && longest[i+1][j] >= longest[i][j+1]:
			head = append(head, step{'-', old[i]})
			i++
		default:
			head = append(head, step{'+', now[j]})
			j++
		}
	}
	return append(head, tail...)
}

// unified returns the hunks of a unified diff with three lines of context, as GitLab gives them: without the lines that name the files.
func unified(before, after []byte) string {
	const around = 3 // lines
	steps := script(linesOf(before), linesOf(after))
	var out bytes.Buffer
	for begin := 0; begin < len(steps); {
		first := begin
		for first < len(steps) && steps[first].sign == ' ' {
			first++
		}
		if first == len(steps) {
			break
		}
		last := first // the last change of the hunk
		for at := first; at < len(steps) && at-last <= 2*around; at++ {
			if steps[at].sign != ' ' {
				last = at
			}
		}
		from, to := max(begin, first-around), min(len(steps), last+1+around)
		writeHunk(&out, steps, from, to)
		begin = to
	}
	return out.String()
}

func writeHunk(out *bytes.Buffer, steps []step, from, to int) {
	oldLine, newLine := 1, 1
	count := func(list []step) (old, now int) {
		for _, s := range list {
			if s.sign != '+' {
				old++
			}
			if s.sign != '-' {
				now++
			}
		}
		return old, now
	}
	o, n := count(steps[:from])
	oldLine, newLine = oldLine+o, newLine+n
	oldCount, newCount := count(steps[from:to])
	span := func(line, n int) string {
		if n == 0 {
			line--
		}
		if n == 1 {
			return fmt.Sprint(line)
		}
		return fmt.Sprintf("%d,%d", line, n)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(oldLine, oldCount), span(newLine, newCount))
	for _, s := range steps[from:to] {
		out.WriteByte(s.sign)
		out.WriteString(s.line)
		if !strings.HasSuffix(s.line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
