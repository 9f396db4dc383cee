package ci

import (
	"context"
	"errors"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// gitHubAncestors is how many commits before the merge base are looked at, by judgement: one of them has a run whose coverage can be compared with.
const gitHubAncestors = 20

// gitHubGone tells whether something is not there any more.
func gitHubGone(err error) bool { return errors.Is(err, clients.ErrNotFound) }

// Compare makes one request for each comparison, and one for the ancestors of the merge bases of all, of which it tells the first parents among the newest 20 commits.
// GitHub tells of the first 300 files.
func (d gitHub) Compare(ctx context.Context, queries []ComparisonQuery) ([]*Comparison, []error) {
	out, errs := gitHubEach(d, queries, func(q ComparisonQuery) (*Comparison, error) {
		found, err := d.client.Compare(ctx, d.slug(q.Repository), q.Base, q.Head)
		if err != nil {
			return nil, err
		}
		c := &Comparison{MergeBase: string(found.MergeBase), Files: []Touched{}, Complete: found.Complete}
		for _, f := range found.Files {
			touched := Touched{Path: f.Path, From: f.PreviousPath}
			if f.Hunks != nil {
				touched.Hunks = make([]Hunk, len(f.Hunks))
			}
			for i, h := range f.Hunks {
				touched.Hunks[i] = Hunk(h)
			}
			c.Files = append(c.Files, touched)
		}
		return c, nil
	})
	var histories []github.HistoryQuery
	var of []*Comparison
	for i, c := range out {
		if c != nil && c.MergeBase != "" {
			c.Ancestors = []string{c.MergeBase}
			histories, of = append(histories, github.HistoryQuery{Slug: d.slug(queries[i].Repository), Start: git.OID(c.MergeBase), First: gitHubAncestors}), append(of, c)
		}
	}
	pages, failed := d.client.History(ctx, histories)
	for i, page := range pages {
		if failed[i] == nil { // else they are told as far as this
			of[i].Ancestors = gitHubFirstParents(of[i].MergeBase, page.Commits)
		}
	}
	return out, errs
}

// gitHubFirstParents returns a commit and those before it on its own branch, as far as they are among the commits.
func gitHubFirstParents(oid string, commits []*github.Commit) []string {
	parents := map[string]string{}
	for _, c := range commits {
		parents[string(c.OID)] = ""
		if len(c.Parents) > 0 {
			parents[string(c.OID)] = string(c.Parents[0])
		}
	}
	out := []string{oid}
	for range commits {
		parent := parents[oid]
		if parent == "" {
			break
		}
		out, oid = append(out, parent), parent
	}
	return out
}

// Linked makes one request for 100 commits. The addresses of check runs are among those of statuses, as systems use both; those of GitHub itself are not.
func (d gitHub) Linked(ctx context.Context, commits []CommitName) ([][]string, []error) {
	asked := make([]github.Object, len(commits))
	for i, c := range commits {
		asked[i] = github.Object{Slug: d.slug(c.Repository), OID: git.OID(c.OID)}
	}
	found, errs := d.client.Links(ctx, asked)
	own := d.client.Web().String()
	out := make([][]string, len(commits))
	for i, links := range found {
		if errs[i] = d.said(errs[i]); errs[i] != nil {
			continue
		}
		out[i] = []string{}
		for _, link := range links {
			if !strings.HasPrefix(link, own) {
				out[i] = append(out[i], link)
			}
		}
	}
	return out, errs
}
