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
	// maxTree is how many entries of a project are listed, a hundred in a request.
	maxTree = 20_000
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

// heads asks once for each 100 projects whose branches are called alike.
func (h onGitLab) heads(ctx context.Context, branches []place) ([]git.OID, []error) {
	out, revisions := make([]git.OID, len(branches)), make([]gitlab.Revision, len(branches))
	for i, at := range branches {
		revisions[i] = gitlab.Revision{Project: at.repository, Name: at.branch}
	}
	commits, errs := h.client.Commits(ctx, revisions)
	for i := range out {
		if errs[i] == nil {
			out[i] = commits[i].OID
		}
	}
	return out, errs
}

// files makes one request for each 100 entries, folders among them.
func (h onGitLab) files(ctx context.Context, project string, commit git.OID) ([]string, bool, error) {
	var (
		out  []string
		seen int
		told = map[string]bool{}
	)
	for query := (gitlab.TreeQuery{Project: project, Revision: string(commit), Recursive: true}); ; {
		page, err := h.client.Tree(ctx, query)
		if err != nil {
			return out, false, err
		}
		for _, e := range page.Entries {
			if e.Kind == git.KindFile || e.Kind == git.KindExecutable {
				out = append(out, e.Path)
			}
		}
		seen += len(page.Entries)
		switch {
		case page.Next == "":
			return out, true, nil
		case told[page.Next] || seen >= maxTree:
			// GitLab may name a place by what lies there, and what lies in several places leads back to the first.
			return out, false, nil
		}
		told[page.Next] = true
		query.After = page.Next
	}
}
