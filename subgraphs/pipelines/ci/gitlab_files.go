package ci

import (
	"context"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
)

// gitLabTreePages is how many pages of 100 entries of a tree are read, by judgement: GitLab has no larger ones, and a report of coverage is not worth more requests.
const gitLabTreePages = 100

// Files makes one request for every 100 entries of the tree, folders among them, one after the other, and up to 100 of them. Where a page ends GitLab says by the id
// of an object ("page_token" of its API for repositories), of which there may be several with the same content: it goes back then, and they are not all.
func (g *gitLab) Files(ctx context.Context, commit CommitName) ([]string, bool, error) {
	if _, ok := git.ParseOID(commit.OID); !ok {
		return nil, false, g.refuse("%.100q is no object id of a commit", commit.OID)
	}
	q := gitlab.TreeQuery{Project: commit.Repository, Revision: commit.OID, Recursive: true, PerPage: gitLabPage}
	var paths []string
	known, ends := map[string]bool{}, map[string]bool{}
	for range gitLabTreePages {
		page, err := g.client.Tree(ctx, q)
		if err != nil {
			return nil, false, g.failed(false, err)
		}
		for _, e := range page.Entries {
			if holdsText(e.Kind) && !known[e.Path] {
				known[e.Path] = true
				paths = append(paths, e.Path)
			}
		}
		if q.After = page.Next; q.After == "" {
			return paths, true, nil
		}
		if ends[q.After] {
			break
		}
		ends[q.After] = true
	}
	return paths, false, nil
}
