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
	blobs := make([]*git.Blob, len(places))
	heads, errs := h.heads(ctx, places)
	var (
		files []github.PathIn
		which []int
	)
	for i, at := range places {
		if errs[i] != nil {
			continue
		}
		slug, _ := github.ParseSlug(at.repository) // as heads did
		files, which = append(files, github.PathIn{Slug: slug, Commit: heads[i], Path: at.path}), append(which, i)
	}
	read, failed := h.client.Files(ctx, files)
	for n, i := range which {
		blobs[i], errs[i] = read[n], failed[n]
	}
	return blobs, errs
}

// heads asks once for each 100 repositories, however many files there are of each.
func (h onGitHub) heads(ctx context.Context, branches []place) ([]git.OID, []error) {
	out, errs := make([]git.OID, len(branches)), make([]error, len(branches))
	known, order := map[string]int{}, []github.Revision{}
	for i, at := range branches {
		slug, err := github.ParseSlug(at.repository)
		if errs[i] = err; err != nil {
			continue
		}
		if _, twice := known[at.repository]; !twice {
			known[at.repository] = len(order)
			order = append(order, github.Revision{Slug: slug, Name: "refs/heads/" + at.branch})
		}
	}
	commits, failed := h.client.Commits(ctx, order)
	for i, at := range branches {
		if errs[i] != nil {
			continue
		}
		n := known[at.repository]
		if errs[i] = failed[n]; errs[i] == nil {
			out[i] = commits[n].OID
		}
	}
	return out, errs
}

// files makes one request.
func (h onGitHub) files(ctx context.Context, repository string, commit git.OID) ([]string, bool, error) {
	slug, err := github.ParseSlug(repository)
	if err != nil {
		return nil, false, err
	}
	entries, whole, err := h.client.AllFiles(ctx, slug, commit)
	var out []string
	for _, e := range entries {
		if e.Kind == git.KindFile || e.Kind == git.KindExecutable {
			out = append(out, e.Path)
		}
	}
	return out, whole, err
}
