package origin

import (
	"context"
	"fmt"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// GitHub returns an origin of what a GitHub has. A search makes one request for each 100 repositories of an owner, for each 50 where all texts are needed,
// and one for each 20 files that have changed. Repositories that are archived, or forks, are left out.
func GitHub(c Config, client *github.Client) *Origin { return newOrigin(c, onGitHub{client}) }

type onGitHub struct{ client *github.Client }

func (onGitHub) blob() string { return "/blob/" }

func (h onGitHub) list(ctx context.Context, owner, path string, texts bool) ([]repository, error) {
	found, err := h.client.OrganisationRepositories(ctx, github.Listing{Owner: owner, Files: []string{path}, Text: texts})
	if found == nil {
		return nil, err
	}
	switch {
	case err != nil:
	case len(found.Missing) > 0:
		err = fmt.Errorf("a part of the answer is missing, such as %s: %w", found.Missing[0].Field, found.Missing[0].Err)
	case !found.Complete:
		err = fmt.Errorf("%s has %d repositories, of which %d are looked into", owner, found.Total, len(found.Repositories))
	}
	out := make([]repository, len(found.Repositories))
	for i, r := range found.Repositories {
		out[i] = repository{path: r.Slug.String(), branch: r.Branch, file: r.Files[0]}
	}
	return out, err
}

// read finds the heads of the branches first, as files are named by commits.
func (h onGitHub) read(ctx context.Context, places []place) ([]*git.Blob, []error) {
	blobs, errs := make([]*git.Blob, len(places)), make([]error, len(places))
	heads, order := map[string]int{}, []github.Revision{}
	for i, at := range places {
		slug, err := github.ParseSlug(at.repository)
		if errs[i] = err; err != nil {
			continue
		}
		if _, known := heads[at.repository]; !known {
			heads[at.repository] = len(order)
			order = append(order, github.Revision{Slug: slug, Name: "refs/heads/" + at.branch})
		}
	}
	commits, failed := h.client.Commits(ctx, order)
	var (
		files []github.PathIn
		which []int
	)
	for i, at := range places {
		if errs[i] != nil {
			continue
		}
		head := heads[at.repository]
		if errs[i] = failed[head]; errs[i] == nil {
			files, which = append(files, github.PathIn{Slug: order[head].Slug, Commit: commits[head].OID, Path: at.path}), append(which, i)
		}
	}
	read, failed := h.client.Files(ctx, files)
	for n, i := range which {
		blobs[i], errs[i] = read[n], failed[n]
	}
	return blobs, errs
}
