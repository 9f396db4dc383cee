package origin

import (
	"context"
	"errors"
	"fmt"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
)

// GitLab returns an origin of what a GitLab has. A search makes two requests for each 100 projects of a group and of the groups below it. Projects that are
// archived are left out.
func GitLab(c Config, client *gitlab.Client) *Origin { return newOrigin(c, onGitLab{client}) }

type onGitLab struct{ client *gitlab.Client }

const (
	// groupPage is the most that GitLab gives at once.
	groupPage = 100
	// maxProjects are looked into of one group, as of an owner on GitHub.
	maxProjects = 20_000
)

func (onGitLab) blob() string { return "/-/blob/" }

func (h onGitLab) list(ctx context.Context, group, path string, _ bool) ([]repository, error) {
	var out []repository
	for page := (gitlab.Page{First: groupPage}); ; {
		found, err := h.client.GroupProjects(ctx, gitlab.GroupProjectsQuery{Group: group, Subgroups: true, Page: page})
		if err != nil {
			return out, err
		}
		names := make([]string, len(found.Projects))
		for i, p := range found.Projects {
			names[i] = p.Path
		}
		blobs, errs := h.client.FilesAt(ctx, names, path)
		var failed error
		for i, p := range found.Projects {
			if errs[i] != nil && !errors.Is(errs[i], clients.ErrNotFound) {
				failed = errs[i]
				continue
			}
			out = append(out, repository{path: p.Path, branch: p.DefaultBranch, file: blobs[i]})
		}
		switch {
		case failed != nil:
			return out, failed
		case !found.Info.HasNext || found.Info.End == "" || found.Info.End == page.After:
			return out, nil
		case len(out) >= maxProjects:
			return out, fmt.Errorf("%s has %d projects, of which %d are looked into", group, found.Total, len(out))
		}
		page.After = found.Info.End
	}
}

// read asks once for each path, as GitLab gives one file of many projects.
func (h onGitLab) read(ctx context.Context, places []place) ([]*git.Blob, []error) {
	blobs, errs := make([]*git.Blob, len(places)), make([]error, len(places))
	byPath, order := map[string][]int{}, []string{}
	for i, at := range places {
		if byPath[at.path] == nil {
			order = append(order, at.path)
		}
		byPath[at.path] = append(byPath[at.path], i)
	}
	for _, path := range order {
		projects := make([]string, 0, len(byPath[path]))
		for _, i := range byPath[path] {
			projects = append(projects, places[i].repository)
		}
		read, failed := h.client.FilesAt(ctx, projects, path)
		for n, i := range byPath[path] {
			blobs[i], errs[i] = read[n], failed[n]
		}
	}
	return blobs, errs
}
