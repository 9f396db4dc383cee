package view

import (
	"context"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos/host"
	"golang.org/x/sync/errgroup"
)

// candidates returns what the annotations may mean on the configured hosts, the most likely first.
func (q *Request) candidates(ctx context.Context, annotations map[string]string, local place) ([]forge.Place[*host.Host], error) {
	if len(q.source.Hosts) == 0 {
		return nil, nil
	}
	from, err := q.originAddress(ctx, local.repository)
	if err != nil {
		return nil, err
	}
	return forge.Find(q.source.Hosts, annotations, forge.Checkout{Origin: from, Folder: local.folder}), nil
}

// originAddress returns the page that a checkout came from, "" for none.
func (q *Request) originAddress(ctx context.Context, r *git.Repository) (string, error) {
	if r == nil {
		return "", nil
	}
	text, err := r.Origin(ctx)
	if err != nil {
		return "", nil // one of Repository.issues
	}
	o, _ := parseOrigin(text)
	return o.web, nil
}

// hostedAt returns the host's repository with the path, nil where the host has none. The cohort is nil where it is asked for alone.
func (q *Request) hostedAt(ctx context.Context, h *host.Host, path string, c *cohort) (*Repository, error) {
	l, err := q.of(h).repositories.Load(ctx, path)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	return q.showHosted(ctx, h, l, c)
}

// place is a folder in a repository.
type place struct {
	repository *git.Repository // nil where it is none of ours
	folder     string
}

// find returns where the annotations say an entity's code lies. What the author says outright wins over where the declaration
// lies; but a checkout that knows no web address may well be the one the author means.
func (q *Request) find(ctx context.Context, annotations map[string]string) (place, error) {
	stated := ""
	if kind, target, ok := strings.Cut(annotations[forge.SourceLocation], ":"); ok {
		switch kind {
		case "url":
			stated = target
		case "file", "dir":
			if at, err := q.holding(target, true); err != nil || at.repository != nil {
				return at, err
			}
		}
	}
	if slug := strings.Trim(annotations[forge.GitHubSlug], "/ "); stated == "" && strings.Count(slug, "/") == 1 {
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
	kind, target, _ := strings.Cut(annotations[forge.ManagedBy], ":")
	switch kind {
	case "url":
		return q.byAddress(ctx, forge.FileFolder(target))
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
			return place{r, forge.FolderInAddress(parts[n:])}, nil
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
	if kind, target, _ := strings.Cut(annotations[forge.ManagedBy], ":"); kind == "file" {
		if declared, err := q.holding(target, false); err == nil && declared.repository == at.repository {
			return declared
		}
	}
	return at
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
