package gitlabtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// dateOf writes the time of a commit in the zone the commit states.
func dateOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format("2006-01-02T15:04:05.000-07:00")
}

// titleOf is a commit's first line, cut as GitLab cuts it: at the last word that fits, and never after 80 characters.
func titleOf(k *git.Commit) string {
	title, _, _ := strings.Cut(k.Message, "\n")
	const longest = 80
	if runes := []rune(title); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return title
}

func (c *call) commit(p *project, k *git.Commit) object {
	return object{"id": k.OID, "short_id": string(k.OID)[:8], "created_at": dateOf(k.Committer.At), "parent_ids": append([]git.OID{}, k.Parents...), "title": titleOf(k),
		"message": k.Message, "author_name": k.Author.Name, "author_email": k.Author.Email, "authored_date": dateOf(k.Author.At),
		"committer_name": k.Committer.Name, "committer_email": k.Committer.Email, "committed_date": dateOf(k.Committer.At), "trailers": object{},
		"extended_trailers": object{}, "web_url": c.web(p) + "/-/commit/" + string(k.OID)}
}

func (c *call) commits(p *project) (any, error) {
	ctx, q := c.r.Context(), c.query
	paging, err := c.paging()
	if err != nil {
		return nil, err
	}
	filter := git.Filter{Path: strings.Trim(q.Get("path"), "/"), Author: q.Get("author")}
	for name, into := range map[string]*time.Time{"since": &filter.Since, "until": &filter.Until} {
		if text := q.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339, text); err != nil {
				return nil, invalid(name)
			}
		}
	}
	wanted := paging.Page*paging.PerPage + 1
	var oids []git.OID
	switch from, to, isRange := strings.Cut(q.Get("ref_name"), ".."); {
	case c.flag("all"):
		oids, err = c.everywhere(p, filter, wanted)
	case isRange:
		oids, err = c.rangeOf(p, from, strings.TrimPrefix(to, "."))
	default:
		var head *git.Commit
		if head, err = c.commitOr(p, q.Get("ref_name"), "Commit"); err == nil {
			oids, _, err = p.repository.History(ctx, head.OID, filter, "", wanted)
		}
	}
	if err != nil {
		return nil, err
	}
	from, to := paging.Bounds(len(oids))
	c.pageHeaders(paging, len(oids) > to, -1) // GitLab does not count commits
	commits, err := p.repository.Commits(ctx, oids[from:to])
	if err != nil {
		return nil, err
	}
	out := make([]object, len(commits))
	for i, k := range commits {
		out[i] = c.commit(p, k)
		if c.flag("with_stats") {
			if out[i]["stats"], err = c.stats(p, k); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// rangeOf returns the commits of "from..to".
func (c *call) rangeOf(p *project, from, to string) ([]git.OID, error) {
	base, err := c.commitOr(p, from, "Commit")
	if err != nil {
		return nil, err
	}
	head, err := c.commitOr(p, to, "Commit")
	if err != nil {
		return nil, err
	}
	own, _, err := between(c.r.Context(), p.repository, base.OID, head.OID)
	return own, err
}

// everywhere returns the newest commits of all branches and tags.
func (c *call) everywhere(p *project, filter git.Filter, n int) ([]git.OID, error) {
	ctx := c.r.Context()
	refs, err := p.repository.Refs(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[git.OID]bool{}
	var oids []git.OID
	for _, ref := range append(slices.Clone(refs.Branches), refs.Tags...) {
		head, err := c.resolve(p, ref.Name)
		if err != nil {
			continue // a tag of something that is no commit
		}
		some, _, err := p.repository.History(ctx, head.OID, filter, "", n)
		if err != nil {
			return nil, err
		}
		for _, oid := range some {
			if !seen[oid] {
				seen[oid] = true
				oids = append(oids, oid)
			}
		}
	}
	commits, err := p.repository.Commits(ctx, oids)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(commits, func(a, b *git.Commit) int {
		return cmp.Or(b.Committer.At.Compare(a.Committer.At), cmp.Compare(a.OID, b.OID))
	})
	return each(commits[:min(n, len(commits))], func(k *git.Commit) git.OID { return k.OID }), nil
}

func (c *call) stats(p *project, k *git.Commit) (object, error) {
	changes, err := p.repository.Changes(c.r.Context(), k)
	if err != nil {
		return nil, err
	}
	added, deleted := 0, 0
	for _, change := range changes {
		added, deleted = added+change.Additions, deleted+change.Deletions
	}
	return object{"additions": added, "deletions": deleted, "total": added + deleted}, nil
}

func (c *call) commitAsked(p *project) (any, error) {
	k, err := c.commitOr(p, c.r.PathValue("sha"), "Commit")
	if err != nil {
		return nil, err
	}
	o := c.commit(p, k)
	o["status"], o["project_id"], o["last_pipeline"] = nil, p.ID, nil
	if c.query.Get("stats") != "false" {
		if o["stats"], err = c.stats(p, k); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (c *call) commitDiff(p *project) (any, error) {
	k, err := c.commitOr(p, c.r.PathValue("sha"), "Commit")
	if err != nil {
		return nil, err
	}
	parent := git.OID("")
	if len(k.Parents) > 0 {
		parent = k.Parents[0]
	}
	diffs, err := c.diffs(p, parent, k)
	if err != nil {
		return nil, err
	}
	return page(c, diffs)
}
