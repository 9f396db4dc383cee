package view

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// hosted is what is known about a repository of a host. What object ids name is read from its checkout, where there is one that has it: it is the same there,
// and costs the host nothing.
type hosted struct {
	host     *host.Host
	card     *host.Repository
	checkout *checkout // nil where there is none
	request  *Request
	cohort   *cohort // nil where it was asked for alone

	mu     sync.Mutex
	told   map[git.OID]*git.Commit // commits that the host told on the way to something else
	part   map[git.OID]bool        // those of them whose parents it did not tell
	unsure map[git.OID]bool        // those of which it did not tell whether they are signed
}

func (q *Request) newHosted(h *host.Host, card *host.Repository, local *git.Repository, c *cohort) *hosted {
	out := &hosted{host: h, card: card, request: q, cohort: c, told: map[git.OID]*git.Commit{}, part: map[git.OID]bool{}, unsure: map[git.OID]bool{}}
	if local != nil {
		out.checkout = &checkout{local, q}
	}
	out.tell(card.Head)
	return out
}

// tell remembers a commit, and returns it in git's words.
func (r *hosted) tell(c *host.Commit) *git.Commit {
	if c == nil {
		return nil
	}
	person := func(p host.Person) git.Person { return git.Person{Name: p.Name, Email: p.Email, At: p.At} }
	out := &git.Commit{OID: git.OID(c.OID), Tree: git.OID(c.Tree), Author: person(c.Author), Committer: person(c.Committer), Message: c.Message}
	if c.Signed != nil {
		out.Signed = *c.Signed
	}
	for _, parent := range c.Parents {
		out.Parents = append(out.Parents, git.OID(parent))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Signed == nil {
		r.unsure[out.OID] = true
	}
	if c.Parents == nil {
		if known := r.told[out.OID]; known != nil {
			return known
		}
		r.part[out.OID] = true
	} else {
		delete(r.part, out.OID)
	}
	r.told[out.OID] = out
	return out
}

// signed is not told by every host; a checkout's commits tell themselves.
func (r *hosted) signed(commit *git.Commit) *bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsure[commit.OID] && r.told[commit.OID] == commit {
		return nil
	}
	return &commit.Signed
}

func (r *hosted) whole(ctx context.Context, commit *git.Commit) (*git.Commit, error) {
	r.mu.Lock()
	known, part := r.told[commit.OID], r.part[commit.OID]
	r.mu.Unlock()
	if !part {
		if known != nil {
			return known, nil // it may have been told in part at first
		}
		return commit, nil
	}
	if r.checkout != nil {
		if found, err := r.checkout.commits(ctx, []git.OID{commit.OID}); err == nil && found[0] != nil {
			return found[0], nil
		}
	}
	l, err := r.request.of(r.host).commits.Load(ctx, host.NamedObject{Repository: r.card.Path, OID: string(commit.OID)})
	if err != nil {
		return nil, err
	}
	if !l.Known() || l.Value == nil { // it went meanwhile, and is not to be taken for the first of a history
		return nil, fmt.Errorf("%w: %s has no commit %s any more", git.ErrNotFound, r.card.Path, commit.OID.Abbreviated())
	}
	return r.tell(l.Value), nil
}

func (r *hosted) known(oid git.OID) *git.Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told[oid]
}

// local returns the checkout where it has the commit; whole is for what needs all that can be reached from it too.
func (r *hosted) local(ctx context.Context, commit git.OID, whole bool) (checkout, bool) {
	if r.checkout == nil {
		return checkout{}, false
	}
	if whole {
		if refs, err := r.request.refsOf(ctx, r.checkout.git); err != nil || refs.Shallow {
			return checkout{}, false
		}
	}
	found, err := r.request.commit(ctx, *r.checkout, commit)
	return *r.checkout, err == nil && found != nil
}

func (r *hosted) defaultBranch(context.Context) (string, error) { return r.card.DefaultBranch, nil }

func (r *hosted) head(context.Context) (*git.Commit, error) {
	if r.card.Head == nil && r.card.CodeHidden {
		return nil, withheld(r.host, "code", r.card)
	}
	if r.card.Head == nil {
		return nil, nil
	}
	return r.known(git.OID(r.card.Head.OID)), nil
}

func (r *hosted) resolve(ctx context.Context, ref string) (*git.Commit, error) {
	if ref == "" {
		if head, err := r.head(ctx); err != nil || head != nil {
			return head, err
		}
		return nil, fail(fmt.Errorf("%w: %s has no commits", git.ErrNotFound, r.card.Path))
	}
	missing := fail(fmt.Errorf("%w: %s has no branch, tag or commit %q", git.ErrNotFound, r.card.Path, ref))
	if !namesRef(ref) {
		return nil, missing
	}
	if oid, ok := git.ParseOID(ref); ok {
		if commit, err := r.request.commit(ctx, r, oid); err != nil || commit != nil {
			return commit, err
		}
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).resolve, r.card.Path, func(path string) host.NamedRef { return host.NamedRef{Repository: path, Ref: ref} })
	if err != nil {
		return nil, err
	}
	if !l.Known() || l.Value == nil {
		return nil, missing
	}
	return r.tell(l.Value), nil
}

// maxRef bounds the name of a branch or a tag, in bytes.
const maxRef = 1024

// namesRef tells whether a text could be the name of a branch or a tag, or an object id: no other of git's ways to name revisions is understood.
func namesRef(text string) bool {
	return len(text) <= maxRef && !strings.HasPrefix(text, "-") && !strings.HasSuffix(text, ".lock") && !strings.Contains(text, "..") && !strings.Contains(text, "@{") &&
		!strings.ContainsAny(text, " ~^:?*[\\\x7f") && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' })
}

func (r *hosted) refs(ctx context.Context, tags bool, contains string, args relay.Args, compared bool) (*refPage, error) {
	wanted, err := pagingOf(args)
	if err != nil {
		return nil, err
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).refs, r.card.Path, func(path string) host.RefQuery {
		return host.RefQuery{Repository: path, Tags: tags, Contains: contains, Compare: compared, Paging: wanted.Paging}
	})
	if err != nil {
		return nil, err
	}
	if !l.Known() {
		return &refPage{total: new(0)}, nil
	}
	page := wanted.trim(l.Value.Cursors, l.Value.Next, l.Value.Prev)
	out := &refPage{cursors: page.cursors, total: l.Value.Total, info: page.info}
	for _, ref := range l.Value.Items[:len(page.cursors)] {
		found := foundRef{name: ref.Name}
		if ref.Target != nil {
			found.target = r.tell(ref.Target).OID
		}
		found.divergence = func(context.Context) (*git.Divergence, error) {
			if ref.Ahead == nil || ref.Behind == nil {
				return nil, nil
			}
			return &git.Divergence{Ahead: *ref.Ahead, Behind: *ref.Behind}, nil
		}
		out.refs = append(out.refs, found)
	}
	return out, nil
}

func (r *hosted) lastActivity(context.Context) (time.Time, error) { return r.card.PushedAt, nil }

func (r *hosted) commits(ctx context.Context, oids []git.OID) ([]*git.Commit, error) {
	out := make([]*git.Commit, len(oids))
	if r.checkout != nil {
		if found, err := r.checkout.commits(ctx, oids); err == nil {
			copy(out, found)
		}
	}
	var group sync.WaitGroup
	errs := make([]error, len(oids))
	for i, oid := range oids {
		if out[i] != nil {
			continue
		}
		if out[i] = r.known(oid); out[i] != nil {
			continue
		}
		group.Go(func() {
			l, err := r.request.of(r.host).commits.Load(ctx, host.NamedObject{Repository: r.card.Path, OID: string(oid)})
			if errs[i] = err; err == nil && l.Known() {
				out[i] = r.tell(l.Value)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *hosted) history(ctx context.Context, start git.OID, filter git.Filter, after string, n int) (*historyPage, error) {
	cursor, remote := strings.CutPrefix(after, hostCursor)
	if !remote {
		if local, ok := r.local(ctx, start, true); ok {
			return local.history(ctx, start, filter, after, n)
		}
		if after != "" {
			return nil, Refuse(CodeBadPage, "after: the checkout that this cursor is from is no longer there; start again without it")
		}
	}
	wanted := page{Paging: host.Paging{First: max(n, 1), After: cursor}, none: n == 0}
	clean, err := git.CleanPath(filter.Path)
	if err != nil {
		return nil, fail(err)
	}
	l, err := r.request.of(r.host).histories.Load(ctx, host.HistoryQuery{Repository: r.card.Path, Start: string(start), Path: clean, Author: filter.Author,
		Since: filter.Since, Until: filter.Until, Paging: wanted.Paging})
	if err != nil || !l.Known() {
		return &historyPage{}, err
	}
	shown := wanted.trim(l.Value.Cursors, l.Value.Next, false)
	out := &historyPage{more: shown.info.HasNextPage, total: l.Value.Total}
	for i, c := range l.Value.Items[:len(shown.cursors)] {
		out.commits = append(out.commits, r.tell(c))
		out.cursors = append(out.cursors, hostCursor+l.Value.Cursors[i])
	}
	return out, nil
}

func (r *hosted) count(ctx context.Context, start git.OID, filter git.Filter) (*int, error) {
	if local, ok := r.local(ctx, start, true); ok {
		return local.count(ctx, start, filter)
	}
	page, err := r.history(ctx, start, filter, "", 1)
	if err != nil {
		return nil, err
	}
	return page.total, nil
}

func (r *hosted) changes(ctx context.Context, commit *git.Commit) ([]git.ChangedFile, error) {
	if local, ok := r.local(ctx, commit.OID, true); ok {
		return local.changes(ctx, commit)
	}
	l, err := r.request.of(r.host).changes.Load(ctx, host.NamedObject{Repository: r.card.Path, OID: string(commit.OID)})
	return l.Value, err
}

func (r *hosted) contributors(ctx context.Context, start git.OID) ([]Contributor, error) {
	if local, ok := r.local(ctx, start, true); ok {
		return local.contributors(ctx, start)
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).contributors, r.card.Path, func(path string) string { return path })
	if err != nil {
		return nil, err
	}
	out := make([]Contributor, len(l.Value))
	for i, p := range l.Value {
		out[i] = Contributor{Name: p.Name, Login: orNull(p.Login), Email: orNull(p.Email), Commits: p.Commits}
		if p.Name == "" {
			out[i].Name = p.Login
		}
	}
	return out, nil
}

func (r *hosted) tree(ctx context.Context, commit git.OID, folder string) ([]entry, error) {
	clean, err := git.CleanPath(folder)
	if err != nil {
		return nil, fail(err)
	}
	if local, ok := r.local(ctx, commit, false); ok {
		return local.tree(ctx, commit, clean)
	}
	l, err := r.request.of(r.host).trees.Load(ctx, host.Folder{Repository: r.card.Path, Commit: string(commit), Path: clean})
	if err != nil {
		return nil, err
	}
	if !l.Known() {
		return nil, fail(fmt.Errorf("%w: %s has no folder %q at %s", git.ErrNotFound, r.card.Path, clean, commit.Abbreviated()))
	}
	out := make([]entry, len(l.Value))
	for i, e := range l.Value {
		out[i] = entry{name: e.Name, path: path.Join(clean, e.Name), key: e.Name, kind: e.Kind, oid: git.OID(e.OID), size: e.Size}
	}
	return out, nil
}

// sizes are told with the folders; of the files of a checkout they are asked for.
func (r *hosted) sizes(ctx context.Context, oids []git.OID) ([]int64, error) {
	if r.checkout != nil {
		return r.checkout.sizes(ctx, oids)
	}
	out := make([]int64, len(oids))
	for i := range out {
		out[i] = -1
	}
	return out, nil
}

func (r *hosted) file(ctx context.Context, commit git.OID, name string) (entry, *git.Blob, error) {
	clean, err := git.CleanPath(name)
	if err != nil {
		return entry{}, nil, fail(err)
	}
	if local, ok := r.local(ctx, commit, false); ok {
		return local.file(ctx, commit, clean)
	}
	missing := fmt.Errorf("%w: %s has no file %q at %s", git.ErrNotFound, r.card.Path, clean, commit.Abbreviated())
	entries, err := r.tree(ctx, commit, strings.TrimSuffix(path.Dir(clean), "."))
	if err != nil {
		if codeIn(err) == CodeNotFound {
			err = fail(missing)
		}
		return entry{}, nil, err
	}
	for _, e := range entries {
		if e.path != clean {
			continue
		}
		if e.kind == git.KindFolder || e.kind == git.KindSubmodule {
			return entry{}, nil, fail(fmt.Errorf("%w: %q of %s is a %s, not a file", git.ErrNotFound, clean, r.card.Path, e.kind))
		}
		blob, err := r.blob(ctx, e.oid)
		return e, blob, err
	}
	return entry{}, nil, fail(missing)
}

func (r *hosted) blob(ctx context.Context, oid git.OID) (*git.Blob, error) {
	if r.checkout != nil {
		if blob, err := r.checkout.git.Blob(ctx, oid); err == nil {
			return blob, nil
		}
	}
	l, err := r.request.of(r.host).blobs.Load(ctx, host.NamedObject{Repository: r.card.Path, OID: string(oid)})
	if err != nil {
		return nil, err
	}
	if !l.Known() {
		return nil, fail(fmt.Errorf("%w: %s has no file %s", git.ErrNotFound, r.card.Path, oid.Abbreviated()))
	}
	return &git.Blob{OID: oid, Size: l.Value.Size, Data: l.Value.Data, Binary: git.IsBinary(l.Value.Data)}, nil
}
