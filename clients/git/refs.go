package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Ref is a name for an object.
type Ref struct {
	Name   string // in full: "refs/heads/main"
	Target OID    // for an annotated tag, the tag
}

// Short returns the name without "refs/heads/", "refs/tags/" or "refs/remotes/".
func (r Ref) Short() string {
	for _, prefix := range []string{branchPrefix, tagPrefix, remotePrefix} {
		if short, ok := strings.CutPrefix(r.Name, prefix); ok {
			return short
		}
	}
	return r.Name
}

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
	remotePrefix = "refs/remotes/"
)

// Refs is what the refs of a repository were at one moment. It is immutable.
type Refs struct {
	Head     string   // the ref that HEAD stands for, "refs/heads/main"; empty where it is detached
	HeadOID  OID      // empty where the branch has no commit yet
	Branches []Ref    // sorted by name
	Tags     []Ref    // sorted by name
	Shallow  bool     // the history is cut off somewhere
	Broken   []string // what is no ref though it lies where refs do, as git names it

	remote     []Ref // refs/remotes, sorted by name
	remoteHead string
}

// maxRefs bytes of output are some 400,000 refs.
const maxRefs = 64 << 20

func (r *Repository) readRefs(ctx context.Context) (*Refs, error) {
	p, err := r.client.start(ctx, r, false, "for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)", branchPrefix, tagPrefix, remotePrefix)
	if err != nil {
		return nil, err
	}
	out, err := readAll(p, maxRefs)
	if err != nil {
		return nil, err
	}
	refs := parseRefs(out)
	for line := range strings.SplitSeq(valid(p.errors.text), "\n") {
		if name, ok := strings.CutPrefix(line, "warning: ignoring broken ref "); ok {
			refs.Broken = append(refs.Broken, name)
		}
	}
	if err := r.readHead(ctx, refs); err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(r.commonDir, "shallow"))
	refs.Shallow = err == nil && info.Size() > 0
	return refs, nil
}

// readHead fills in what HEAD stands for.
func (r *Repository) readHead(ctx context.Context, refs *Refs) error {
	text, err := readPointer(filepath.Join(r.gitDir, "HEAD"))
	if err != nil {
		return err
	}
	text = strings.TrimSpace(text)
	if oid, ok := ParseOID(text); ok {
		refs.HeadOID = oid
		return nil
	}
	target, ok := strings.CutPrefix(text, "ref:")
	if target = strings.TrimSpace(target); !ok || !strings.HasPrefix(target, "refs/") {
		return fmt.Errorf("%w: its HEAD names neither a ref nor an object", ErrBadRepository)
	}
	if target == "refs/heads/.invalid" { // repositories with reftables keep HEAD elsewhere, and this in the file
		out, err := r.client.output(ctx, r, maxPath, "symbolic-ref", "--quiet", "HEAD")
		if err != nil {
			out, err = r.client.output(ctx, r, maxPath, "rev-parse", "--verify", "--quiet", "HEAD")
			if err != nil {
				return err
			}
			refs.HeadOID, _ = ParseOID(strings.TrimSpace(string(out)))
			return nil
		}
		target = strings.TrimSpace(string(out))
	}
	refs.Head = valid([]byte(target))
	if ref, ok := refs.find(refs.Head); ok {
		refs.HeadOID = ref.Target
	}
	return nil
}

// parseRefs reads lines of "name NUL object NUL symbolic target LF". What is no such line is left out.
func parseRefs(out []byte) *Refs {
	refs := &Refs{}
	for line := range bytes.Lines(out) {
		parts := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte{0}, 3)
		if len(parts) != 3 {
			continue
		}
		oid, ok := ParseOID(string(parts[1]))
		if !ok {
			continue
		}
		ref := Ref{Name: valid(parts[0]), Target: oid}
		switch {
		case strings.HasPrefix(ref.Name, branchPrefix):
			refs.Branches = append(refs.Branches, ref)
		case strings.HasPrefix(ref.Name, tagPrefix):
			refs.Tags = append(refs.Tags, ref)
		case ref.Name == remotePrefix+"origin/HEAD":
			refs.remoteHead = valid(parts[2])
		case strings.HasPrefix(ref.Name, remotePrefix):
			refs.remote = append(refs.remote, ref)
		}
	}
	for _, list := range [][]Ref{refs.Branches, refs.Tags, refs.remote} {
		sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	}
	return refs
}

// find returns the ref with the full name.
func (r *Refs) find(name string) (Ref, bool) {
	list := r.remote
	switch {
	case strings.HasPrefix(name, branchPrefix):
		list = r.Branches
	case strings.HasPrefix(name, tagPrefix):
		list = r.Tags
	}
	i := sort.Search(len(list), func(i int) bool { return list[i].Name >= name })
	if i < len(list) && list[i].Name == name {
		return list[i], true
	}
	return Ref{}, false
}

// Default returns the branch work goes to: what origin/HEAD names, else main or master where there is one, else the branch
// HEAD stands for, else the only branch. It need not exist here: a clone of one branch knows its default only by name. False
// where the refs do not tell.
func (r *Refs) Default() (Ref, bool) {
	named := func(short string) (Ref, bool) { return r.find(branchPrefix + short) }
	if short, ok := strings.CutPrefix(r.remoteHead, remotePrefix+"origin/"); ok {
		if ref, ok := named(short); ok {
			return ref, true
		}
		if ref, ok := r.find(r.remoteHead); ok {
			return Ref{Name: branchPrefix + short, Target: ref.Target}, true
		}
	}
	if len(r.Branches) > 1 || r.Head == "" {
		for _, short := range []string{"main", "master"} {
			if ref, ok := named(short); ok {
				return ref, true
			}
		}
	}
	if r.Head != "" {
		return Ref{Name: r.Head, Target: r.HeadOID}, true
	}
	if len(r.Branches) == 1 {
		return r.Branches[0], true
	}
	return Ref{}, false
}

// maxRefName is the longest ref that is looked up.
const maxRefName = 1024

// minAbbreviation is the fewest digits of an object id that are looked up, as in git.
const minAbbreviation = 4

// lookup returns the object that text names, as Resolve says. Nothing else of git's way to name revisions is understood, so
// that no text can make git search.
func (r *Refs) lookup(text string) (string, error) {
	if text == "" || text == "HEAD" {
		if r.HeadOID == "" {
			return "", fmt.Errorf("%w: nothing has been committed to %s yet", ErrNotFound, strings.TrimPrefix(r.Head, branchPrefix))
		}
		return string(r.HeadOID), nil
	}
	if len(text) > maxRefName {
		return "", fmt.Errorf("%w: a ref of %d bytes; the limit is %d", ErrInvalid, len(text), maxRefName)
	}
	for _, prefix := range []string{"", "refs/", branchPrefix, tagPrefix, remotePrefix} {
		if ref, ok := r.find(prefix + text); ok {
			return string(ref.Target), nil
		}
	}
	if isHex(text) && len(text) >= minAbbreviation && len(text) <= 64 {
		return strings.ToLower(text), nil
	}
	return "", fmt.Errorf("%w: no branch, tag or commit %q", ErrNotFound, text)
}

// Resolve returns the commit that a client's text names, as the refs were: "" and "HEAD" are what is checked out, else a full
// ref, a branch, a tag, a remote's branch, or the beginning of an object id, in this order. It wraps ErrNotFound where there is
// none.
func (r *Repository) Resolve(ctx context.Context, refs *Refs, text string) (*Commit, error) {
	name, err := refs.lookup(text)
	if err != nil {
		return nil, err
	}
	commits, err := r.Peel(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	if commits[0] == nil {
		if text == "" {
			text = "HEAD"
		}
		return nil, fmt.Errorf("%w: %q names no commit of this repository", ErrNotFound, text)
	}
	return commits[0], nil
}
