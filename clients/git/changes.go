package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Change is how a commit changed one file.
type Change string

// The ways a file changes.
const (
	Added       Change = "added"
	Deleted     Change = "deleted"
	Modified    Change = "modified"
	Renamed     Change = "renamed"
	Copied      Change = "copied"
	TypeChanged Change = "type changed"
)

// ChangedFile is one file a commit changed.
type ChangedFile struct {
	Path         string
	PreviousPath string // of a renamed or copied file
	Change       Change
	Additions    int // lines; 0 where Binary
	Deletions    int
	Binary       bool
}

type changedFiles []ChangedFile

func (c changedFiles) weight() int {
	n := 0
	for _, one := range c {
		n += 80 + len(one.Path) + len(one.PreviousPath)
	}
	return n
}

// maxChanges bytes of output are some 100,000 changed files.
const maxChanges = 16 << 20

// Changes returns the files the commit changed against its first parent, in git's order: by path, byte by byte. The first commit
// of a history, also where a shallow clone cuts it off, adds all its files.
func (r *Repository) Changes(ctx context.Context, commit *Commit) ([]ChangedFile, error) {
	parent, err := r.firstParent(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("reading the parent of commit %s of %s: %w", commit.OID.Abbreviated(), r.Path, err)
	}
	list, err := remember(ctx, r.client, r.key("changes", string(parent), string(commit.OID)), func(ctx context.Context) (changedFiles, error) {
		args := []string{"diff-tree", "--no-commit-id", "-r", "--root", "--raw", "--numstat", "-z", "--no-abbrev", "-M", "-l200",
			"--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none", "-O" + os.DevNull, "--end-of-options"}
		if parent != "" {
			args = append(args, string(parent))
		}
		out, err := r.client.output(ctx, r, maxChanges, append(args, string(commit.OID), "--")...)
		if err != nil {
			return nil, err
		}
		return parseChanges(out)
	})
	if err != nil {
		return nil, fmt.Errorf("reading what commit %s of %s changed: %w", commit.OID.Abbreviated(), r.Path, err)
	}
	return list, nil
}

// firstParent returns the commit's first parent, or "" where it has none here.
func (r *Repository) firstParent(ctx context.Context, commit *Commit) (OID, error) {
	if len(commit.Parents) == 0 {
		return "", nil
	}
	parents, err := r.Commits(ctx, commit.Parents[:1])
	if err != nil || parents[0] == nil {
		return "", err
	}
	return parents[0].OID, nil
}

// parseChanges reads what diff-tree prints for --raw --numstat -z: first the raw records,
//
//	:mode mode id id letter NUL path NUL [path NUL]
//
// then as many counts in the same order:
//
//	added TAB deleted TAB path NUL        or, for a rename or copy,        added TAB deleted TAB NUL from NUL to NUL
func parseChanges(out []byte) (changedFiles, error) {
	damaged := fmt.Errorf("%w: git diff-tree printed something else than changes", ErrBadRepository)
	next := func() (string, bool) {
		field, rest, ok := bytes.Cut(out, []byte{0})
		out = rest
		return string(field), ok
	}
	var list changedFiles
	for len(out) > 0 && out[0] == ':' {
		record, ok := next()
		fields := strings.Fields(record)
		if !ok || len(fields) != 5 || fields[4] == "" {
			return nil, damaged
		}
		path, ok := next()
		if !ok {
			return nil, damaged
		}
		file := ChangedFile{Path: valid([]byte(path))}
		switch fields[4][0] {
		case 'A':
			file.Change = Added
		case 'D':
			file.Change = Deleted
		case 'T':
			file.Change = TypeChanged
		case 'R', 'C':
			if file.Change = Renamed; fields[4][0] == 'C' {
				file.Change = Copied
			}
			file.PreviousPath = file.Path
			if path, ok = next(); !ok {
				return nil, damaged
			}
			file.Path = valid([]byte(path))
		default:
			file.Change = Modified
		}
		list = append(list, file)
	}
	for i := range list {
		record, ok := next()
		added, rest, ok1 := strings.Cut(record, "\t")
		deleted, path, ok2 := strings.Cut(rest, "\t")
		if !ok || !ok1 || !ok2 {
			return nil, damaged
		}
		if path == "" { // a rename: both paths follow
			if _, ok = next(); ok {
				path, ok = next()
			}
			if !ok {
				return nil, damaged
			}
		}
		if valid([]byte(path)) != list[i].Path {
			return nil, damaged
		}
		if added == "-" && deleted == "-" {
			list[i].Binary = true
			continue
		}
		var err1, err2 error
		list[i].Additions, err1 = strconv.Atoi(added)
		list[i].Deletions, err2 = strconv.Atoi(deleted)
		if err1 != nil || err2 != nil {
			return nil, damaged
		}
	}
	if len(out) > 0 {
		return nil, damaged
	}
	return list, nil
}
