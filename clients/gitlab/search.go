package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// escape makes a text part of the path of an address.
func escape(text string) string { return url.PathEscape(cut(text, maxRef)) }

// FilesQuery asks where files of a name are, in the default branches of a group's projects, all below it, or of one project.
type FilesQuery struct {
	Group   string // its path in full; either this
	Project string // or this
	Name    string // the last part of the path, such as "catalog-info.yaml"
}

// FoundFile is a file that was found.
type FoundFile struct {
	Project string // its path in full
	Path    string
	Commit  git.OID // in which it was found; "" where GitLab does not tell
}

// The bounds of a search for files, by judgement: discovery of a catalog, not of every Makefile.
const (
	maxFoundPages   = 20 // of 100
	maxSearchedTops = 20 // pages of 100 projects whose tops are looked at
)

// FindFiles returns the files of a name, sorted by project and path, and whether they are all. It makes one request to the REST interface for
// every 100 that are found, at most 20, and one to GraphQL for every 100 projects.
//
// Code is found across the projects of a group only where advanced or exact code search is installed. Elsewhere the tops of the projects are
// looked at, at most 2,000, two requests for every 100, and the answer is not complete.
func (c *Client) FindFiles(ctx context.Context, q FilesQuery) ([]FoundFile, bool, error) {
	if err := q.check(); err != nil {
		return nil, false, err
	}
	blobs, complete, err := c.searchBlobs(ctx, q)
	if e := clients.Of(err); e != nil && q.Group != "" && e.Status == http.StatusBadRequest {
		return c.findAtTops(ctx, q)
	}
	if err != nil {
		return nil, false, err
	}
	paths := map[int64]string{}
	for _, b := range blobs {
		paths[b.ProjectID] = q.Project
	}
	if q.Project == "" {
		if err := c.pathsOf(ctx, paths); err != nil {
			return nil, false, err
		}
	}
	var out []FoundFile
	for _, b := range blobs {
		if paths[b.ProjectID] == "" {
			complete = false // it went meanwhile, or may not be seen otherwise
			continue
		}
		oid, _ := git.ParseOID(b.Ref)
		out = append(out, FoundFile{Project: paths[b.ProjectID], Path: cut(b.Path, maxPath), Commit: oid})
	}
	sortFound(out)
	return slices.Compact(out), complete, nil
}

func (q *FilesQuery) check() error {
	switch {
	case q.Group != "" && q.Project != "" || q.Group == "" && q.Project == "":
		return invalid("search for files", "in a group or in a project")
	case q.Group != "":
		if err := checkGroup(q.Group); err != nil {
			return err
		}
	default:
		if err := checkProject(q.Project); err != nil {
			return err
		}
	}
	// The name becomes part of a query: what has a meaning there is not part of it.
	if q.Name == "" || len(q.Name) > maxPart || !made(strings.ReplaceAll(q.Name, "@", "")) {
		return invalid("name of a file", q.Name)
	}
	return nil
}

// searchBlobs asks the search. A file is found once for each place in it, so names are compared and doubles left out.
func (c *Client) searchBlobs(ctx context.Context, q FilesQuery) ([]*official.Blob, bool, error) {
	route := "GET /api/v4/projects/{id}/-/search"
	if q.Group != "" {
		route = "GET /api/v4/groups/{id}/-/search"
	}
	ctx = clients.WithRoute(ctx, route)
	var out []*official.Blob
	for page := 1; page <= maxFoundPages; page++ {
		options := &official.SearchOptions{ListOptions: official.ListOptions{Page: int64(page), PerPage: maxPage}}
		var found []*official.Blob
		var resp *official.Response
		var err error
		if q.Group != "" {
			found, resp, err = c.rest.Search.BlobsByGroup(q.Group, "filename:"+q.Name, options, with(ctx))
		} else {
			found, resp, err = c.rest.Search.BlobsByProject(q.Project, "filename:"+q.Name, options, with(ctx))
		}
		if err != nil {
			return nil, false, c.rested(ctx, err)
		}
		for _, b := range found[:min(len(found), maxPage)] {
			if b != nil && path.Base(b.Path) == q.Name {
				out = append(out, b)
			}
		}
		if next(resp) == 0 || len(found) == 0 {
			return out, true, nil
		}
	}
	return out, false, nil
}

// pathsOf fills in the paths of projects by their ids.
func (c *Client) pathsOf(ctx context.Context, paths map[int64]string) error {
	ids := make([]string, 0, len(paths))
	for id := range paths {
		ids = append(ids, fmt.Sprintf("gid://gitlab/Project/%d", id))
	}
	slices.Sort(ids)
	for list := range slices.Chunk(ids, maxPage) {
		var answer struct {
			Projects *nodes[struct {
				ID       number
				FullPath string
			}]
		}
		text := "query paths($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id fullPath } } }"
		if err := c.single(ctx, "paths", text, map[string]any{"ids": list}, &answer); err != nil {
			return err
		}
		if answer.Projects == nil {
			return bad(c.source, "its answer is not what it should be")
		}
		for _, p := range answer.Projects.Nodes {
			if p != nil && checkProject(p.FullPath) == nil {
				paths[int64(p.ID)] = p.FullPath
			}
		}
	}
	return nil
}

// findAtTops looks for the file at the top of each project of the group.
func (c *Client) findAtTops(ctx context.Context, q FilesQuery) ([]FoundFile, bool, error) {
	var out []FoundFile
	page := Page{First: maxPage}
	for range maxSearchedTops {
		projects, err := c.GroupProjects(ctx, GroupProjectsQuery{Group: q.Group, Subgroups: true, Page: page})
		if err != nil {
			return nil, false, err
		}
		var paths []string
		for _, p := range projects.Projects {
			if p.DefaultBranch != "" {
				paths = append(paths, p.Path)
			}
		}
		blobs, errs := c.FilesAt(ctx, paths, q.Name)
		for i, path := range paths {
			switch e := clients.Of(errs[i]); {
			case blobs[i] != nil:
				out = append(out, FoundFile{Project: path, Path: q.Name})
			case e == nil && errs[i] != nil, e != nil && e.Kind != clients.ErrNotFound:
				return nil, false, errs[i]
			}
		}
		if !projects.Info.HasNext || projects.Info.End == "" {
			break
		}
		page.After = projects.Info.End
	}
	sortFound(out)
	return out, false, nil
}

func sortFound(files []FoundFile) {
	slices.SortFunc(files, func(a, b FoundFile) int {
		if order := strings.Compare(a.Project, b.Project); order != 0 {
			return order
		}
		return strings.Compare(a.Path, b.Path)
	})
}
