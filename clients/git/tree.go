package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Kind is what a tree entry is.
type Kind string

// The kinds of tree entries.
const (
	KindFile       Kind = "file"
	KindExecutable Kind = "executable"
	KindSymlink    Kind = "symlink" // its content is the path it points to; it is never followed
	KindFolder     Kind = "folder"
	KindSubmodule  Kind = "submodule" // its OID is a commit of another repository
)

// Entry is one entry of a tree.
type Entry struct {
	Name string // as it is shown: UTF-8
	Path string // from the top of the repository, as it is shown
	Kind Kind
	OID  OID
	raw  string // the path in the repository's own bytes
}

// tree is a parsed tree object. It is immutable.
type tree []treeEntry

type treeEntry struct {
	name string // in the repository's own bytes
	kind Kind
	oid  OID
}

func (t tree) weight() int {
	n := 0
	for _, e := range t {
		n += 64 + len(e.name) + len(e.oid)
	}
	return n
}

// find returns the entry with the name, or the only one that is shown under it.
func (t tree) find(name string) (treeEntry, bool) {
	var shown []treeEntry
	for _, e := range t {
		if e.name == name {
			return e, true
		}
		if strings.ContainsRune(name, '\uFFFD') && valid([]byte(e.name)) == name {
			shown = append(shown, e)
		}
	}
	if len(shown) == 1 {
		return shown[0], true
	}
	return treeEntry{}, false
}

// parseTree reads the bytes of a tree object: "mode SP name NUL id" each, with ids of idSize bytes.
func parseTree(data []byte, idSize int) (tree, error) {
	var out tree
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte(" "))
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(name) == 0 || len(rest) < idSize {
			return nil, fmt.Errorf("%w: a damaged tree", ErrBadRepository)
		}
		bits, err := strconv.ParseUint(string(mode), 8, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: a damaged tree", ErrBadRepository)
		}
		e := treeEntry{name: string(name), oid: OID(fmt.Sprintf("%x", rest[:idSize]))}
		switch bits & 0o170000 {
		case 0o040000:
			e.kind = KindFolder
		case 0o120000:
			e.kind = KindSymlink
		case 0o160000:
			e.kind = KindSubmodule
		default:
			if e.kind = KindFile; bits&0o100 != 0 {
				e.kind = KindExecutable
			}
		}
		out = append(out, e)
		data = rest[idSize:]
	}
	return out, nil
}

func (o *objects) tree(oid OID) (tree, error) {
	r := o.repository
	key := r.key("tree", string(oid))
	if known, ok := r.client.cache.GetIfPresent(key); ok {
		return known.(tree), nil
	}
	found, err := o.read(string(oid), maxTree)
	if err != nil {
		return nil, err
	}
	if found.kind != "tree" {
		return nil, fmt.Errorf("%w: a folder", ErrNotFound)
	}
	if found.size > maxTree {
		return nil, fmt.Errorf("%w: a folder of %d bytes", ErrTooLarge, found.size)
	}
	t, err := parseTree(found.data, len(oid)/2)
	if err != nil {
		return nil, err
	}
	r.client.cache.Set(key, t)
	return t, nil
}

// entry returns what lies at the path in the commit; the top itself is a folder.
func (o *objects) entry(commit OID, path string) (Entry, error) {
	clean, err := CleanPath(path)
	if err != nil {
		return Entry{}, err
	}
	commits, err := o.repository.Commits(o.ctx, []OID{commit})
	if err != nil {
		return Entry{}, err
	}
	if commits[0] == nil {
		return Entry{}, fmt.Errorf("%w: commit %s", ErrNotFound, commit.Abbreviated())
	}
	at := Entry{Kind: KindFolder, OID: commits[0].Tree}
	if clean == "" {
		return at, nil
	}
	for part := range strings.SplitSeq(clean, "/") {
		missing := fmt.Errorf("%w: no %q in commit %s", ErrNotFound, clean, commit.Abbreviated())
		if at.Kind != KindFolder {
			return Entry{}, missing
		}
		t, err := o.tree(at.OID)
		if err != nil {
			return Entry{}, err
		}
		e, ok := t.find(part)
		if !ok {
			return Entry{}, missing
		}
		at = at.child(e)
	}
	return at, nil
}

func (e Entry) child(t treeEntry) Entry {
	raw := t.name
	if e.raw != "" {
		raw = e.raw + "/" + t.name
	}
	return Entry{Name: valid([]byte(t.name)), Path: valid([]byte(raw)), Kind: t.kind, OID: t.oid, raw: raw}
}

// Entry returns what lies at the path in the commit.
func (r *Repository) Entry(ctx context.Context, commit OID, path string) (Entry, error) {
	o := r.objects(ctx)
	defer o.close()
	e, err := o.entry(commit, path)
	if err != nil {
		return Entry{}, fmt.Errorf("looking into %s: %w", r.Path, err)
	}
	return e, nil
}

// List returns the entries of the folder at the path in the commit, in git's order: by name, byte by byte.
func (r *Repository) List(ctx context.Context, commit OID, path string) ([]Entry, error) {
	o := r.objects(ctx)
	defer o.close()
	at, err := o.entry(commit, path)
	if err == nil && at.Kind != KindFolder {
		err = fmt.Errorf("%w: %q is no folder", ErrNotFound, path)
	}
	var t tree
	if err == nil {
		t, err = o.tree(at.OID)
	}
	if err != nil {
		return nil, fmt.Errorf("looking into %s: %w", r.Path, err)
	}
	out := make([]Entry, len(t))
	for i, e := range t {
		out[i] = at.child(e)
	}
	return out, nil
}

// Sizes returns the sizes in bytes of the files with the ids, -1 for each that is not there. One process serves all.
func (r *Repository) Sizes(ctx context.Context, oids []OID) ([]int64, error) {
	out := make([]int64, len(oids))
	o := r.objects(ctx)
	defer o.close()
	for i, oid := range oids {
		key := r.key("size", string(oid))
		if known, ok := r.client.cache.GetIfPresent(key); ok {
			out[i] = known.(int64)
			continue
		}
		found, err := o.header(string(oid))
		if isNotFound(err) {
			out[i] = -1
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading sizes in %s: %w", r.Path, err)
		}
		out[i] = found.size
		r.client.cache.Set(key, found.size)
	}
	return out, nil
}

// Blob is the content of a file. It is immutable.
type Blob struct {
	OID    OID
	Size   int64
	Binary bool
	Data   []byte // the beginning of the file; all of it where Complete
}

// Complete reports whether Data is the whole file.
func (b *Blob) Complete() bool { return int64(len(b.Data)) == b.Size }

func (b *Blob) weight() int { return 100 + len(b.Data) }

// Blob returns the file with the id. Of a file larger than 4 MiB only the beginning is read.
func (r *Repository) Blob(ctx context.Context, oid OID) (*Blob, error) {
	if _, ok := ParseOID(string(oid)); !ok {
		return nil, fmt.Errorf("%w: %q is no object id", ErrInvalid, oid)
	}
	return remember(ctx, r.client, r.key("blob", string(oid)), func(ctx context.Context) (*Blob, error) {
		o := r.objects(ctx)
		defer o.close()
		found, err := o.read(string(oid), maxBlob)
		if err == nil && found.kind != "blob" {
			err = fmt.Errorf("%w: file %s", ErrNotFound, oid.Abbreviated())
		}
		if err != nil {
			return nil, fmt.Errorf("reading a file of %s: %w", r.Path, err)
		}
		return &Blob{OID: oid, Size: found.size, Binary: IsBinary(found.data), Data: found.data}, nil
	})
}

// File returns the file at the path in the commit and its content. A symbolic link's content is the path it points to.
func (r *Repository) File(ctx context.Context, commit OID, path string) (Entry, *Blob, error) {
	e, err := r.Entry(ctx, commit, path)
	if err != nil {
		return Entry{}, nil, err
	}
	if e.Kind == KindFolder || e.Kind == KindSubmodule {
		return Entry{}, nil, fmt.Errorf("%w: %q of %s is a %s, not a file", ErrNotFound, path, r.Path, e.Kind)
	}
	blob, err := r.Blob(ctx, e.OID)
	return e, blob, err
}

// Key names the entry within its folder, in the repository's own bytes.
func (e Entry) Key() string { return e.raw }
