package view

import (
	"context"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/scalar"
	"golang.org/x/sync/errgroup"
)

// The annotations that tell where an entity's code lies. An author may have written anything there.
const (
	sourceLocation = "backstage.io/source-location"
	projectSlug    = "github.com/project-slug"
	managedBy      = "backstage.io/managed-by-location"
)

// CatalogEntity is an entity of the catalog, as far as its repository is concerned.
type CatalogEntity struct {
	Ref         string
	Annotations scalar.StringMap
	request     *Request

	once  sync.Once
	place place
	err   error
}

// NewEntity returns the entity with the reference and the annotations that the catalog has for it.
func (q *Request) NewEntity(ref string, annotations scalar.StringMap) *CatalogEntity {
	return &CatalogEntity{Ref: ref, Annotations: annotations, request: q}
}

// place is a folder in a repository.
type place struct {
	repository *git.Repository // nil where it is none of ours
	folder     string
}

func (e *CatalogEntity) find(ctx context.Context) (place, error) {
	e.once.Do(func() { e.place, e.err = e.request.find(ctx, e.Annotations) })
	return e.place, e.err
}

// Repository is the repository that holds the entity's code.
func (e *CatalogEntity) Repository(ctx context.Context) (*Repository, error) {
	at, err := e.find(ctx)
	if err != nil || at.repository == nil {
		return nil, fail(err)
	}
	return e.request.show(at.repository), nil
}

// RepositoryPath is the entity's folder in it.
func (e *CatalogEntity) RepositoryPath(ctx context.Context) (*string, error) {
	at, err := e.find(ctx)
	if err != nil || at.repository == nil {
		return nil, fail(err)
	}
	return &at.folder, nil
}

// find returns where the annotations say an entity's code lies. What the author says outright wins over where the declaration
// lies; but a checkout that knows no web address may well be the one the author means.
func (q *Request) find(ctx context.Context, annotations map[string]string) (place, error) {
	stated := ""
	if kind, target, ok := strings.Cut(annotations[sourceLocation], ":"); ok {
		switch kind {
		case "url":
			stated = target
		case "file", "dir":
			if at, err := q.holding(target, true); err != nil || at.repository != nil {
				return at, err
			}
		}
	}
	if slug := strings.Trim(annotations[projectSlug], "/ "); stated == "" && strings.Count(slug, "/") == 1 {
		at, err := q.bySlug(ctx, slug)
		if err != nil {
			return place{}, err
		}
		if at.repository != nil {
			return q.inside(at, annotations), nil
		}
		stated = "https://github.com/" + slug
	} else if stated != "" {
		if at, err := q.byAddress(ctx, stated); err != nil || at.repository != nil {
			return at, err
		}
	}
	kind, target, _ := strings.Cut(annotations[managedBy], ":")
	switch kind {
	case "url":
		return q.byAddress(ctx, fileFolder(target))
	case "file":
		at, err := q.holding(target, false)
		if err != nil || at.repository == nil || stated == "" {
			return at, err
		}
		text, err := at.repository.Origin(ctx)
		if o, ok := parseOrigin(text); err != nil || ok && o.web != "" {
			return place{}, err // the checkout is known to be another repository
		}
		return at, nil
	}
	return place{}, nil
}

// holding returns the checkout that holds a folder, or the folder of a file. A path outside the configured folders, or none at
// all, is no error: a catalog may describe what lies elsewhere.
func (q *Request) holding(target string, folder bool) (place, error) {
	target = filepath.FromSlash(target)
	if !folder {
		target = filepath.Dir(target)
	}
	r, rel, err := q.source.Client.Holding(target)
	switch codeOf(err) {
	case CodeNotFound, CodeBadInput:
		return place{}, nil
	}
	return place{r, rel}, err
}

// byAddress returns the repository whose page on the web the address is, or lies below.
func (q *Request) byAddress(ctx context.Context, address string) (place, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return place{}, nil
	}
	known, err := q.byOrigin(ctx)
	if err != nil {
		return place{}, err
	}
	parts := strings.Split(strings.Trim(path.Clean("/"+u.Path), "/"), "/")
	for n := len(parts); n > 0; n-- { // the longest first: groups of groups
		way := strings.TrimSuffix(strings.Join(parts[:n], "/"), ".git")
		if r := known[strings.ToLower(u.Host+"/"+way)]; r != nil {
			return place{r, folderInAddress(parts[n:])}, nil
		}
	}
	return place{}, nil
}

// bySlug returns the repository with the owner and name. A slug names no host: it may well be one of a GitHub Enterprise Server, but
// github.com comes first.
func (q *Request) bySlug(ctx context.Context, slug string) (place, error) {
	known, err := q.byOrigin(ctx)
	if err != nil {
		return place{}, err
	}
	way := "/" + strings.ToLower(slug)
	if r := known["github.com"+way]; r != nil {
		return place{repository: r}, nil
	}
	return place{repository: known[way]}, nil
}

// inside completes a repository that was named without a folder: an entity declared in it lies where its file does.
func (q *Request) inside(at place, annotations map[string]string) place {
	if kind, target, _ := strings.Cut(annotations[managedBy], ":"); kind == "file" {
		if declared, err := q.holding(target, false); err == nil && declared.repository == at.repository {
			return declared
		}
	}
	return at
}

// folderInAddress returns the folder that the rest of a forge's address names: "tree/BRANCH/folder" or "blob/BRANCH/file", with
// GitLab's "-" before it. A branch with slashes cannot be told from a folder; it is taken to have none.
func folderInAddress(rest []string) string {
	if len(rest) > 0 && rest[0] == "-" {
		rest = rest[1:]
	}
	if len(rest) > 2 && (rest[0] == "tree" || rest[0] == "src") {
		return strings.Join(rest[2:], "/")
	}
	if len(rest) > 3 && rest[0] == "blob" {
		return strings.Join(rest[2:len(rest)-1], "/")
	}
	return ""
}

// fileFolder drops the file from an address.
func fileFolder(address string) string {
	if i := strings.LastIndexByte(address, '/'); i > len("https://") {
		return strings.Replace(address[:i], "/blob/", "/tree/", 1)
	}
	return address
}

// byOrigin returns the repositories by "host/path" of their page on the web, and by "/path" alone, in lower case. Of several, the first by
// path counts.
func (q *Request) byOrigin(ctx context.Context) (map[string]*git.Repository, error) {
	q.mu.Lock()
	known := q.origins
	q.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := q.source.Client.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	pages := make([]string, len(found.Repositories))
	var group errgroup.Group
	group.SetLimit(readAtOnce)
	for i, r := range found.Repositories {
		group.Go(func() error {
			text, err := r.Origin(ctx) // an error is one of Repository.issues
			if o, ok := parseOrigin(text); err == nil && ok && o.web != "" {
				_, pages[i], _ = strings.Cut(strings.ToLower(o.web), "://")
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	known = map[string]*git.Repository{}
	for i, page := range pages {
		_, way, _ := strings.Cut(page, "/")
		for _, name := range []string{page, "/" + way} {
			if way != "" && known[name] == nil {
				known[name] = found.Repositories[i]
			}
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.origins = known
	return known, nil
}

// IsEntity marks a type with a key, for the generated code.
func (*CatalogEntity) IsEntity() {}
