package view

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
)

// contributorKey names a contributor in a cursor, which must not tell an address.
func contributorKey(p Contributor) string {
	sum := sha256.Sum256([]byte(strings.ToLower(orEmpty(p.Email)) + orEmpty(p.Login) + "\x00" + p.Name))
	return hex.EncodeToString(sum[:12])
}

// TreeEntryKind is what something in a folder is.
type TreeEntryKind string

var treeEntryKinds = map[git.Kind]TreeEntryKind{
	git.KindFile: "FILE", git.KindExecutable: "EXECUTABLE", git.KindSymlink: "SYMLINK", git.KindFolder: "FOLDER", git.KindSubmodule: "SUBMODULE",
}

// TreeEntry is something in a folder.
type TreeEntry struct {
	Name, Path string
	Kind       TreeEntryKind
	Oid        string
	size       *int64
	sizes      *pageSizes
}

// Size is the size of a file or link.
func (e *TreeEntry) Size(ctx context.Context) (*float64, error) {
	if e.Kind == "FOLDER" || e.Kind == "SUBMODULE" {
		return nil, nil
	}
	if e.size != nil {
		return new(float64(*e.size)), nil
	}
	return e.sizes.of(ctx, e.Oid)
}

// Tree is what is in a folder.
func (r *Repository) Tree(ctx context.Context, ref, path *string, first *int, after *string, last *int, before *string) (*TreeEntryConnection, error) {
	var entries []entry
	if !r.nothingYet(ctx, ref) {
		commit, err := r.resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		if entries, err = r.facts.tree(ctx, commit.OID, orEmpty(path)); err != nil {
			return nil, err
		}
	}
	sizes := &pageSizes{facts: r.facts}
	page, err := cut(entries, relay.Args{First: first, After: after, Last: last, Before: before},
		func(e entry) string { return e.key },
		func(e entry) *TreeEntry {
			out := &TreeEntry{Name: e.name, Path: e.path, Kind: treeEntryKinds[e.kind], Oid: string(e.oid), size: e.size, sizes: sizes}
			if e.size == nil && e.kind != git.KindFolder && e.kind != git.KindSubmodule {
				sizes.oids = append(sizes.oids, e.oid)
			}
			return out
		},
		func(e edge[*TreeEntry]) *TreeEntryEdge { return &TreeEntryEdge{e} })
	if err != nil {
		return nil, err
	}
	return &TreeEntryConnection{page}, nil
}

// RepositoryFile is a file at one commit.
type RepositoryFile struct {
	Name, Path string
	Kind       TreeEntryKind
	Oid        string
	Size       float64
	blob       *git.Blob
}

// File is one file.
func (r *Repository) File(ctx context.Context, path string, ref *string) (*RepositoryFile, error) {
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	found, blob, err := r.facts.file(ctx, commit.OID, path)
	if err != nil {
		return nil, err
	}
	return &RepositoryFile{Name: found.name, Path: found.path, Kind: treeEntryKinds[found.kind], Oid: string(found.oid), Size: float64(blob.Size), blob: blob}, nil
}

// IsBinary tells whether it is no text.
func (f *RepositoryFile) IsBinary() *bool { return &f.blob.Binary }

// LineCount is how many lines it has.
func (f *RepositoryFile) LineCount() *int {
	if f.blob.Binary || !f.blob.Complete() {
		return nil
	}
	n := bytes.Count(f.blob.Data, []byte("\n"))
	if len(f.blob.Data) > 0 && f.blob.Data[len(f.blob.Data)-1] != '\n' {
		n++
	}
	return &n
}

// FileText is some lines of a file.
type FileText struct {
	Text        string
	From, Lines int
	IsTruncated bool
}

// Limits of one window on a file.
const (
	maxWindowLines = 5000
	maxWindowBytes = 1 << 20
)

// Text is some lines of it.
func (f *RepositoryFile) Text(from, lines int) (*FileText, error) {
	if f.blob.Binary {
		return nil, nil
	}
	if from < 1 || lines < 0 || lines > maxWindowLines {
		return nil, Refuse(CodeBadInput, "from must be at least 1 and lines from 0 to %d, got %d and %d", maxWindowLines, from, lines)
	}
	rest := f.blob.Data
	for line := 1; line < from && len(rest) > 0; line++ {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	if len(rest) == 0 && !f.blob.Complete() {
		return nil, Refuse(CodeTooLarge, "line %d lies past the first %d bytes of %s, which is all that is read of a file", from, len(f.blob.Data), f.Path)
	}
	out := &FileText{From: from}
	end := 0
	for out.Lines < lines && end < len(rest) {
		next := bytes.IndexByte(rest[end:], '\n') + 1
		if next == 0 {
			next = len(rest) - end
		}
		if end+next > maxWindowBytes {
			if out.Lines == 0 { // one line longer than the window: its beginning, cut between characters
				end = maxWindowBytes
				for end > maxWindowBytes-utf8.UTFMax && !utf8.RuneStart(rest[end]) {
					end--
				}
				out.Lines = 1
			}
			break
		}
		end += next
		out.Lines++
	}
	out.Text = strings.ToValidUTF8(string(rest[:end]), string(utf8.RuneError))
	out.IsTruncated = end < len(rest) || !f.blob.Complete()
	return out, nil
}

// firstFile returns the first of the files that is there, nil where none is. A link or a binary file does not count.
func (r *Repository) firstFile(ctx context.Context, commit git.OID, paths []string) (*RepositoryFile, error) {
	for _, name := range paths {
		found, blob, err := r.facts.file(ctx, commit, name)
		if codeIn(err) == CodeNotFound {
			continue
		} else if err != nil {
			return nil, err
		}
		if found.kind == git.KindSymlink || blob.Binary {
			continue
		}
		return &RepositoryFile{Name: path.Base(found.path), Path: found.path, blob: blob}, nil
	}
	return nil, nil
}
