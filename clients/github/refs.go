package github

import (
	"context"
	"strings"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients/git"
)

// RefsQuery asks for a page of the branches or tags of a repository.
type RefsQuery struct {
	Slug   Slug
	Tags   bool   // tags; branches where false
	Filter string // only names that hold this text; all where empty
	// Against is the branch, without "refs/heads/", that each is compared with, HEAD for the default one; they are not compared where empty. GitHub
	// does much work for it.
	Against string
	Newest  bool // tags by the dates of their commits, the newest first; by name where false
	Page    Page
}

// Ref is a branch or a tag.
type Ref struct {
	git.Ref
	Commit     *Commit         // nil where it stands for something else
	Tag        *Tag            // nil but for an annotated tag
	Divergence *git.Divergence // of the ref against RefsQuery.Against; nil where it was not asked for, or is withheld
}

// Tag is what an annotated tag says.
type Tag struct {
	Message string
	Tagger  git.Person
	Account *Account // of the tagger; nil where GitHub does not know whose address it is
}

// RefPage is a page of refs.
type RefPage struct {
	Refs    []Ref
	Cursors []string // one for each
	Total   int      // in all pages
	Info    PageInfo
	Missing []Missing
}

type wireRefs struct {
	Refs *struct {
		TotalCount int
		PageInfo   wirePageInfo
		Edges      []*wireEdge[wireRef]
	} `graphql:"refs(refPrefix:$prefix,query:$filter,orderBy:$order,first:$first,after:$after,last:$last,before:$before)"`
}

type wireRef struct {
	Name   string
	Prefix string
	Target *struct {
		OID    string
		Commit wireCommit `graphql:"...on Commit"`
		Tag    wireTag    `graphql:"...on Tag"`
	}
	Compare *struct{ AheadBy, BehindBy int } `graphql:"compare(headRef:$against)@include(if:$compared)"`
}

type wireTag struct {
	TagMessage string `graphql:"tagMessage:message"`
	Tagger     *wireGitActor
	TagTarget  *struct {
		Commit wireCommit `graphql:"...on Commit"`
	} `graphql:"tagTarget:target"`
}

func (wireTag) on() string { return "Tag" }

var refsQuery = newQuery[wireRefs]("refs", "repository(owner:$owner,name:$name)", maxElements)

// maxCompared is how many refs are compared with another in one request, by judgement: GitHub walks the history for each.
const maxCompared = 100

// Refs returns a page for each query. It makes one request for all queries that together ask for up to 1,000 refs, or 100 that are compared;
// each ref costs 0.02 points.
func (c *Client) Refs(ctx context.Context, queries []RefsQuery) ([]*RefPage, []error) {
	m := many{most: maxRepositories, heaviest: maxCommits, weight: func(i int) int {
		page, _ := queries[i].Page.checked()
		if queries[i].Against != "" {
			return page.size() * maxCommits / maxCompared
		}
		return page.size()
	}}
	answers := all(ctx, c, refsQuery, m, len(queries), func(i int) (map[string]any, error) { return queries[i].variables() })
	pages, errs := split(answers, func(w *wireRefs, missing []Missing) *RefPage {
		if w.Refs == nil {
			return nil
		}
		page := &RefPage{Total: w.Refs.TotalCount, Info: w.Refs.PageInfo.value(), Missing: missing}
		page.Refs, page.Cursors = elements(w.Refs.Edges, (*wireRef).value)
		return page
	})
	for i := range pages {
		if pages[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "refs")
		}
	}
	return pages, errs
}

func (q RefsQuery) variables() (map[string]any, error) {
	v, err := RepositoryPage{q.Slug, q.Page}.variables()
	if err != nil {
		return nil, err
	}
	if len(q.Filter) > maxRef || strings.ContainsFunc(q.Filter, func(r rune) bool { return r < ' ' }) {
		return nil, invalid("filter of refs", q.Filter)
	}
	if q.Against != "" {
		if err := checkRef(q.Against); err != nil {
			return nil, err
		}
	}
	prefix := "refs/heads/"
	order := &githubv4.RefOrder{Field: githubv4.RefOrderFieldAlphabetical, Direction: githubv4.OrderDirectionAsc}
	if q.Tags {
		prefix = "refs/tags/"
		if q.Newest {
			order = &githubv4.RefOrder{Field: githubv4.RefOrderFieldTagCommitDate, Direction: githubv4.OrderDirectionDesc}
		}
	}
	v["prefix"], v["filter"], v["order"] = githubv4.String(prefix), optional(q.Filter), order
	v["against"], v["compared"] = githubv4.String(q.Against), githubv4.Boolean(q.Against != "")
	return v, nil
}

func (w *wireRef) value() Ref {
	out := Ref{Ref: git.Ref{Name: cut(w.Prefix+w.Name, maxLine)}}
	if w.Target != nil {
		out.Target = oid(w.Target.OID)
		out.Commit = w.Target.Commit.value()
		if tag := w.Target.Tag; tag.TagTarget != nil {
			out.Commit = tag.TagTarget.Commit.value()
			out.Tag = &Tag{Message: cut(tag.TagMessage, maxBody)}
			out.Tag.Tagger, out.Tag.Account = tag.Tagger.value()
		}
	}
	if w.Compare != nil {
		// GitHub takes the ref for the base: what the other one has more is what the ref is behind.
		out.Divergence = &git.Divergence{Ahead: w.Compare.BehindBy, Behind: w.Compare.AheadBy}
	}
	return out
}
