package gitlabtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

var all git.Filter // every commit

func (s *Server) repositoryRoutes(get getter) {
	get("/projects/{id}/repository/tree", inRepository((*call).tree))
	get("/projects/{id}/repository/files/{path}", inRepository((*call).file))
	get("/projects/{id}/repository/files/{path}/raw", inRepository((*call).rawFile))
	get("/projects/{id}/repository/blobs/{sha}/raw", inRepository((*call).rawBlob))
	get("/projects/{id}/repository/commits", inRepository((*call).commits))
	get("/projects/{id}/repository/commits/{sha}", inRepository((*call).commitAsked))
	get("/projects/{id}/repository/commits/{sha}/diff", inRepository((*call).commitDiff))
	get("/projects/{id}/repository/branches", inRepository((*call).branches))
	get("/projects/{id}/repository/branches/{branch}", inRepository((*call).branchAsked))
	get("/projects/{id}/repository/tags", inRepository((*call).tags))
	get("/projects/{id}/repository/tags/{tag}", inRepository((*call).tagAsked))
	get("/projects/{id}/repository/compare", inRepository((*call).compare))
	get("/projects/{id}/repository/merge_base", inRepository((*call).mergeBaseAsked))
	get("/projects/{id}/repository/contributors", inRepository((*call).contributors))
}

// inRepository serves a request about the repository of the project in the address.
func inRepository(serve func(*call, *project) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		if p.repository == nil {
			return nil, absent("Repository")
		}
		return serve(c, p)
	}
}

// resolve returns the commit that a branch, tag or commit id stands for; the head of the default branch for "" and "HEAD".
func (c *call) resolve(p *project, ref string) (*git.Commit, error) {
	return resolve(c.r.Context(), p, ref)
}

func resolve(ctx context.Context, p *project, ref string) (*git.Commit, error) {
	if p.repository == nil {
		return nil, git.ErrNotFound
	}
	if ref == "" || ref == "HEAD" {
		ref = "refs/heads/" + p.DefaultBranch
	}
	refs, err := p.repository.Refs(ctx)
	if err != nil {
		return nil, err
	}
	return p.repository.Resolve(ctx, refs, ref)
}

// commitOr returns the commit of a ref, or says that there is no such thing in GitLab's words.
func (c *call) commitOr(p *project, ref, what string) (*git.Commit, error) {
	commit, err := c.resolve(p, ref)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
		return nil, absent(what)
	}
	return commit, err
}

var modes = map[git.Kind][2]string{
	git.KindFile: {"blob", "100644"}, git.KindExecutable: {"blob", "100755"}, git.KindSymlink: {"blob", "120000"},
	git.KindFolder: {"tree", "040000"}, git.KindSubmodule: {"commit", "160000"},
}

func (c *call) tree(p *project) (any, error) {
	commit, err := c.commitOr(p, c.query.Get("ref"), "Tree")
	if err != nil {
		return nil, err
	}
	entries, err := listTree(c.r.Context(), p.repository, commit.OID, strings.Trim(c.query.Get("path"), "/"), c.flag("recursive"))
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
		return nil, absent("invalid revision or path")
	}
	if err != nil {
		return nil, err
	}
	show := func(e git.Entry) object {
		mode := modes[e.Kind]
		return object{"id": e.OID, "name": e.Name, "type": mode[0], "path": e.Path, "mode": mode[1]}
	}
	if c.query.Get("pagination") == "keyset" {
		list, err := keyset(c, entries, func(e git.Entry) string { return string(e.OID) })
		return each(list, show), err
	}
	list, err := page(c, entries)
	return each(list, show), err
}

// listTree lists a folder, folders first, or all below it as git walks it.
func listTree(ctx context.Context, r *git.Repository, commit git.OID, path string, recursive bool) ([]git.Entry, error) {
	entries, err := r.List(ctx, commit, path)
	if err != nil {
		return nil, err
	}
	if !recursive {
		rank := func(e git.Entry) int { return strings.Index("treeblobcommit", modes[e.Kind][0]) }
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, func(a, b git.Entry) int { return cmp.Compare(rank(a), rank(b)) })
		return entries, nil
	}
	var out []git.Entry
	for _, e := range entries {
		out = append(out, e)
		if e.Kind == git.KindFolder {
			inner, err := listTree(ctx, r, commit, e.Path, true)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		}
	}
	return out, nil
}

func (c *call) branches(p *project) (any, error) {
	refs, err := p.repository.Refs(c.r.Context())
	if err != nil {
		return nil, err
	}
	wanted, err := c.nameFilter()
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(refs.Branches), func(r git.Ref) bool { return !wanted(r.Short()) })
	var list []git.Ref
	if c.query.Get("pagination") == "keyset" {
		list, err = keyset(c, found, git.Ref.Short)
	} else {
		list, err = page(c, found)
	}
	if err != nil {
		return nil, err
	}
	out := make([]object, len(list))
	for i, r := range list {
		if out[i], err = c.branch(p, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nameFilter reads "search", where "^" and "$" mark the beginning and end, and "regex".
func (c *call) nameFilter() (func(string) bool, error) {
	search := strings.ToLower(c.query.Get("search"))
	begin, end := strings.HasPrefix(search, "^"), strings.HasSuffix(search, "$")
	search = strings.TrimSuffix(strings.TrimPrefix(search, "^"), "$")
	expression := regexp.MustCompile("")
	if text := c.query.Get("regex"); text != "" {
		var err error
		if expression, err = regexp.Compile(text); err != nil {
			return nil, fault{http.StatusBadRequest, object{"error": "regex is an invalid regular expression"}}
		}
	}
	return func(name string) bool {
		lower := strings.ToLower(name)
		return expression.MatchString(name) && strings.Contains(lower, search) && (!begin || strings.HasPrefix(lower, search)) && (!end || strings.HasSuffix(lower, search))
	}, nil
}

func (c *call) branch(p *project, r git.Ref) (object, error) {
	ctx := c.r.Context()
	commits, err := p.repository.Commits(ctx, []git.OID{r.Target})
	if err != nil {
		return nil, err
	}
	merged := false
	if head, err := c.resolve(p, ""); err == nil && commits[0] != nil && r.Short() != p.DefaultBranch {
		stands, err := p.repository.Compare(ctx, head.OID, commits[0].OID)
		if err != nil {
			return nil, err
		}
		merged = stands.Ahead == 0
	}
	rule, protected := p.protects(r.Short())
	o := object{"name": r.Short(), "merged": merged, "protected": protected, "default": r.Short() == p.DefaultBranch,
		"developers_can_push": protected && rule.Push == Developer, "developers_can_merge": protected && rule.Merge == Developer,
		"can_push": c.world.access(c.viewer, p) >= max(Developer, rule.Push), "web_url": c.web(p) + "/-/tree/" + r.Short(), "commit": nil}
	if commits[0] != nil {
		o["commit"] = c.commit(p, commits[0])
	}
	return o, nil
}

func (c *call) branchAsked(p *project) (any, error) {
	refs, err := p.repository.Refs(c.r.Context())
	if err != nil {
		return nil, err
	}
	for _, r := range refs.Branches {
		if r.Short() == c.r.PathValue("branch") {
			return c.branch(p, r)
		}
	}
	return nil, absent("Branch")
}

// tagged is a tag with its commit.
type tagged struct {
	git.Ref
	commit *git.Commit
}

func (c *call) taggedCommits(p *project) ([]tagged, error) {
	refs, err := p.repository.Refs(c.r.Context())
	if err != nil {
		return nil, err
	}
	names := each(refs.Tags, func(r git.Ref) string { return string(r.Target) })
	commits, err := p.repository.Peel(c.r.Context(), names)
	if err != nil {
		return nil, err
	}
	var out []tagged
	for i, r := range refs.Tags {
		if commits[i] != nil {
			out = append(out, tagged{r, commits[i]})
		}
	}
	return out, nil
}

func (c *call) tags(p *project) (any, error) {
	found, err := c.taggedCommits(p)
	if err != nil {
		return nil, err
	}
	wanted, err := c.nameFilter()
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(t tagged) bool { return !wanted(t.Short()) })
	orderBy, descending := cmp.Or(c.query.Get("order_by"), "updated"), cmp.Or(c.query.Get("sort"), "desc") == "desc"
	slices.SortStableFunc(found, func(a, b tagged) int {
		order := strings.Compare(a.Short(), b.Short())
		if orderBy == "updated" {
			order = cmp.Or(a.commit.Committer.At.Compare(b.commit.Committer.At), order)
		}
		if descending {
			return -order
		}
		return order
	})
	list, err := page(c, found)
	return each(list, func(t tagged) object { return c.tag(p, t) }), err
}

func (c *call) tag(p *project, t tagged) object {
	var release any
	for _, r := range p.releases {
		if r.Tag == t.Short() {
			release = object{"tag_name": r.Tag, "description": r.Description}
		}
	}
	return object{"name": t.Short(), "message": "", "target": t.Target, "commit": c.commit(p, t.commit), "release": release, "protected": false, "created_at": nil}
}

func (c *call) tagAsked(p *project) (any, error) {
	found, err := c.taggedCommits(p)
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		if t.Short() == c.r.PathValue("tag") {
			return c.tag(p, t), nil
		}
	}
	return nil, absent("Tag")
}

func (c *call) contributors(p *project) (any, error) {
	head, err := c.commitOr(p, c.query.Get("ref"), "Commit")
	if err != nil {
		return nil, err
	}
	found, err := p.repository.Contributors(c.r.Context(), head.OID)
	if err != nil {
		return nil, err
	}
	found = slices.Clone(found)
	orderBy, descending := cmp.Or(c.query.Get("order_by"), "commits"), c.query.Get("sort") == "desc"
	slices.SortStableFunc(found, func(a, b git.Contributor) int {
		order := cmp.Compare(a.Commits, b.Commits)
		switch orderBy {
		case "name":
			order = strings.Compare(a.Name, b.Name)
		case "email":
			order = strings.Compare(a.Email, b.Email)
		}
		if descending {
			return -order
		}
		return order
	})
	list, err := page(c, found)
	return each(list, func(o git.Contributor) object {
		return object{"name": o.Name, "email": o.Email, "commits": o.Commits, "additions": 0, "deletions": 0}
	}), err
}

// mostWalked bounds the histories that are compared.
const mostWalked = 50_000

// ancestors returns the commits reachable from one, itself among them.
func ancestors(ctx context.Context, r *git.Repository, from git.OID) (map[git.OID]bool, error) {
	oids, more, err := r.History(ctx, from, all, "", mostWalked)
	if err != nil {
		return nil, err
	}
	if more {
		return nil, fmt.Errorf("the history of %s is longer than %d commits", from.Abbreviated(), mostWalked)
	}
	out := make(map[git.OID]bool, len(oids))
	for _, oid := range oids {
		out[oid] = true
	}
	return out, nil
}

// between returns the commits reachable from head and not from base, newest first, and the newest that both reach, "" for none.
func between(ctx context.Context, r *git.Repository, base, head git.OID) ([]git.OID, git.OID, error) {
	known, err := ancestors(ctx, r, base)
	if err != nil {
		return nil, "", err
	}
	oids, _, err := r.History(ctx, head, all, "", mostWalked)
	if err != nil {
		return nil, "", err
	}
	var own []git.OID
	fork := git.OID("")
	for _, oid := range oids {
		if !known[oid] {
			own = append(own, oid)
		} else if fork == "" {
			fork = oid
		}
	}
	return own, fork, nil
}

func (c *call) mergeBaseAsked(p *project) (any, error) {
	refs := c.query["refs[]"]
	if len(refs) < 2 {
		return nil, fault{http.StatusBadRequest, object{"message": "Provide at least 2 refs"}}
	}
	var at git.OID
	for i, ref := range refs {
		commit, err := c.resolve(p, ref)
		if err != nil {
			return nil, fault{http.StatusBadRequest, object{"message": "400 Bad request - Could not find ref: " + ref}}
		}
		if i == 0 {
			at = commit.OID
			continue
		}
		if _, at, err = between(c.r.Context(), p.repository, at, commit.OID); err != nil || at == "" {
			return nil, absent("Merge Base")
		}
	}
	commits, err := p.repository.Commits(c.r.Context(), []git.OID{at})
	if err != nil {
		return nil, err
	}
	return c.commit(p, commits[0]), nil
}

func (c *call) compare(p *project) (any, error) {
	ctx := c.r.Context()
	from, to := c.query.Get("from"), c.query.Get("to")
	for name, value := range map[string]string{"from": from, "to": to} {
		if value == "" {
			return nil, fault{http.StatusBadRequest, object{"error": name + " is missing"}}
		}
	}
	first, err := c.commitOr(p, from, "Ref")
	if err != nil {
		return nil, err
	}
	last, err := c.commitOr(p, to, "Ref")
	if err != nil {
		return nil, err
	}
	own, fork, err := between(ctx, p.repository, first.OID, last.OID)
	if err != nil {
		return nil, err
	}
	base := fork
	if c.flag("straight") {
		base = first.OID
	}
	slices.Reverse(own)
	commits, err := p.repository.Commits(ctx, own)
	if err != nil {
		return nil, err
	}
	diffs, err := c.diffs(p, base, last)
	if err != nil {
		return nil, err
	}
	var newest any
	if len(commits) > 0 {
		newest = c.commit(p, commits[len(commits)-1])
	}
	return object{"commit": newest, "commits": each(commits, func(k *git.Commit) object { return c.commit(p, k) }), "diffs": diffs, "compare_timeout": false,
		"compare_same_ref": from == to, "web_url": c.web(p) + "/-/compare/" + from + "..." + to}, nil
}
