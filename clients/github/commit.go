package github

import (
	"context"
	"time"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients/git"
)

// Revision names a commit of a repository: by its object id, in full or abbreviated, by a branch or tag, in full or short, or by HEAD.
type Revision struct {
	Slug Slug
	Name string
}

type wireObject struct {
	Object *struct {
		Commit wireCommit `graphql:"...on Commit"`
		Tag    struct {
			Target *struct {
				Commit wireCommit `graphql:"...on Commit"`
			}
		} `graphql:"...on Tag"`
	} `graphql:"object(expression:$expression)"`
}

var commitQuery = newQuery[wireObject]("commits", "repository(owner:$owner,name:$name)", maxElements)

// Commits returns the commits that the revisions stand for, an annotated tag for the commit it names, in one request of two points for 100 of
// them, whatever their repositories.
func (c *Client) Commits(ctx context.Context, revisions []Revision) ([]*Commit, []error) {
	answers := all(ctx, c, commitQuery, many{most: maxRepositories}, len(revisions), func(i int) (map[string]any, error) {
		v, err := revisions[i].Slug.variables()
		if err != nil {
			return nil, err
		}
		v["expression"] = githubv4.String(revisions[i].Name)
		return v, checkRef(revisions[i].Name)
	})
	commits, errs := split(answers, func(w *wireObject, _ []Missing) *Commit {
		if w.Object == nil {
			return nil
		}
		if commit := w.Object.Commit.value(); commit != nil {
			return commit
		}
		if w.Object.Tag.Target != nil {
			return w.Object.Tag.Target.Commit.value()
		}
		return nil
	})
	for i := range commits {
		if commits[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "object")
		}
	}
	return commits, errs
}

// HistoryQuery asks for a page of the commits that are reachable from Start.
type HistoryQuery struct {
	Slug         Slug
	Start        git.OID
	Path         string    // only commits that changed this file or folder; all where empty
	Emails       []string  // only of authors with one of these; of all where empty
	Since, Until time.Time // only commits committed then; zero means no bound
	First        int       // 1 to 100; 20 where 0
	After        string    // a cursor of an earlier page
}

// HistoryPage is a page of commits, the newest first.
type HistoryPage struct {
	Commits []*Commit
	Cursors []string // one for each
	Total   int      // in all pages
	Info    PageInfo
	Missing []Missing
}

type wireHistory struct {
	Object *struct {
		Commit struct {
			History *struct {
				TotalCount int
				PageInfo   wirePageInfo
				Edges      []*wireEdge[wireCommit]
			} `graphql:"history(path:$path,author:$author,since:$since,until:$until,first:$first,after:$after)"`
		} `graphql:"...on Commit"`
	} `graphql:"object(oid:$oid)"`
}

var historyQuery = newQuery[wireHistory]("history", "repository(owner:$owner,name:$name)", maxElements)

// maxCommits is how many commits are asked for in one request, by judgement: GitHub looks at the signature of each.
const maxCommits = 1000

// History returns a page for each query, in one request for all that together ask for up to 1,000 commits; each commit costs a hundredth of a
// point.
func (c *Client) History(ctx context.Context, queries []HistoryQuery) ([]*HistoryPage, []error) {
	m := many{most: maxRepositories, heaviest: maxCommits, weight: func(i int) int { return max(1, queries[i].First) }}
	answers := all(ctx, c, historyQuery, m, len(queries), func(i int) (map[string]any, error) { return queries[i].variables() })
	pages, errs := split(answers, func(w *wireHistory, missing []Missing) *HistoryPage {
		if w.Object == nil || w.Object.Commit.History == nil {
			return nil
		}
		h := w.Object.Commit.History
		page := &HistoryPage{Total: h.TotalCount, Info: h.PageInfo.value(), Missing: missing}
		commits, cursors := elements(h.Edges, (*wireCommit).value)
		for i, commit := range commits {
			if commit != nil {
				page.Commits, page.Cursors = append(page.Commits, commit), append(page.Cursors, cursors[i])
			}
		}
		return page
	})
	for i := range pages {
		if pages[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "object")
		}
	}
	return pages, errs
}

func (q HistoryQuery) variables() (map[string]any, error) {
	v, err := RepositoryPage{q.Slug, Page{First: q.First, After: q.After}}.variables()
	if err != nil {
		return nil, err
	}
	delete(v, "last")
	delete(v, "before")
	id, ok := git.ParseOID(string(q.Start))
	if !ok {
		return nil, invalid("object id", string(q.Start))
	}
	path, err := cleanPath(q.Path)
	if err != nil {
		return nil, err
	}
	if len(q.Emails) > maxFilter {
		return nil, invalid("list of addresses", "more than 50")
	}
	var author *githubv4.CommitAuthor
	if len(q.Emails) > 0 {
		author = &githubv4.CommitAuthor{Emails: texts[githubv4.String](q.Emails)}
	}
	for _, email := range q.Emails {
		if email == "" || len(email) > maxLine {
			return nil, invalid("address", email)
		}
	}
	v["oid"], v["path"], v["author"] = githubv4.GitObjectID(id), optional(path), author
	v["since"], v["until"] = timestamp(q.Since), timestamp(q.Until)
	return v, nil
}

func timestamp(t time.Time) *githubv4.GitTimestamp {
	if t.IsZero() {
		return nil
	}
	return &githubv4.GitTimestamp{Time: t.UTC()}
}

type wireCounted struct {
	Object *struct {
		Commit struct {
			History *count `graphql:"history(path:$path,author:$author,since:$since,until:$until,first:1)"`
		} `graphql:"...on Commit"`
	} `graphql:"object(oid:$oid)"`
}

var countQuery = newQuery[wireCounted]("count of commits", "repository(owner:$owner,name:$name)", maxElements)

// Count returns how many commits each query selects; First and After do not matter. One request of one point for 100 queries. The number is
// -1 where there is an error.
func (c *Client) Count(ctx context.Context, queries []HistoryQuery) ([]int, []error) {
	answers := all(ctx, c, countQuery, many{most: maxRepositories}, len(queries), func(i int) (map[string]any, error) {
		q := queries[i]
		q.First, q.After = 1, ""
		v, err := q.variables()
		delete(v, "first")
		delete(v, "after")
		return v, err
	})
	counts, errs := make([]int, len(answers)), make([]error, len(answers))
	for i, a := range answers {
		switch counts[i] = -1; {
		case a.Err != nil:
			errs[i] = a.Err
		case a.Value.Object == nil || a.Value.Object.Commit.History == nil:
			errs[i] = c.absent(a.Missing, "object")
		default:
			counts[i] = a.Value.Object.Commit.History.TotalCount
		}
	}
	return counts, errs
}
