package gitlab

import (
	"context"
	"net/http"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// asked makes a request to the REST interface for what GitLab's client for Go does not tell all of. The path is below that of the interface, and escaped.
func (c *Client) asked(ctx context.Context, method, path string, options, into any) error {
	r, err := c.rest.NewRequest(method, path, options, []official.RequestOptionFunc{with(ctx)})
	if err != nil {
		return bad(c.source, "its address cannot be asked; check the address that is configured")
	}
	_, err = c.rest.Do(r, into)
	return err
}

// MergeBase returns the newest commit that two commits both have in their histories. Commits without any are an error of kind clients.ErrNotFound. It makes one request
// to the REST interface.
func (c *Client) MergeBase(ctx context.Context, project string, a, b git.OID) (*Commit, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	var refs []string
	for _, id := range []git.OID{a, b} {
		oid, ok := git.ParseOID(string(id))
		if !ok {
			return nil, invalid("object id", string(id))
		}
		refs = append(refs, string(oid))
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/merge_base")
	found, _, err := c.rest.Repositories.MergeBase(project, &official.MergeBaseOptions{Ref: &refs}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if commit := commitOf(found); commit != nil {
		return commit, nil
	}
	return nil, bad(c.source, "its answer is not what it should be")
}

// Difference is what differs between two commits.
type Difference struct {
	Files    []FileDiff
	Complete bool // these are all files: GitLab has limits on their number, and on that of their lines
}

// FileDiff is what differs in one file.
type FileDiff struct {
	Old, New                string // its paths before and after; the same where it was not renamed
	Added, Deleted, Renamed bool
	Text                    string // the unified diff, without the lines that name the file
	Hidden                  bool   // there is a diff that GitLab does not tell, as it is too large
}

// maxDiffFiles is how many files of a difference are kept: as many as GitLab's own limit lets through at most ("Diff limits" of its documentation).
const maxDiffFiles = 3000

// Difference returns what differs in the files of one commit from those of another. It makes one request to the REST interface, which is dear for GitLab: it holds
// every changed line. An answer above 16 MiB is an error of kind clients.ErrBadAnswer.
func (c *Client) Difference(ctx context.Context, project string, from, to git.OID) (*Difference, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	options := official.CompareOptions{Straight: official.Ptr(true)}
	for _, side := range []struct {
		id   git.OID
		into **string
	}{{from, &options.From}, {to, &options.To}} {
		oid, ok := git.ParseOID(string(side.id))
		if !ok {
			return nil, invalid("object id", string(side.id))
		}
		*side.into = official.Ptr(string(oid))
	}
	var found struct {
		Diffs []*struct {
			official.Diff
			Collapsed bool `json:"collapsed"`
			TooLarge  bool `json:"too_large"`
		} `json:"diffs"`
		CompareTimeout bool `json:"compare_timeout"`
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/compare")
	if err := c.asked(ctx, http.MethodGet, "projects/"+official.PathEscape(project)+"/repository/compare", &options, &found); err != nil {
		return nil, c.rested(ctx, err)
	}
	out := &Difference{Complete: !found.CompareTimeout && len(found.Diffs) <= maxDiffFiles}
	for _, d := range found.Diffs[:min(len(found.Diffs), maxDiffFiles)] {
		if d == nil || d.NewPath == "" && d.OldPath == "" || len(d.NewPath) > maxPath || len(d.OldPath) > maxPath {
			out.Complete = false // some versions tell nothing of a file that is too large, not even what it is called
			continue
		}
		out.Files = append(out.Files, FileDiff{Old: d.OldPath, New: d.NewPath, Added: d.NewFile, Deleted: d.DeletedFile, Renamed: d.RenamedFile, Text: d.Diff.Diff, Hidden: d.Collapsed || d.TooLarge})
	}
	return out, nil
}
