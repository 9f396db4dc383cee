package gitlabtest

import (
	"net/http"
	"path"
	"strings"

	"callboard.dev/callboard/clients/git"
)

func (s *Server) searchRoutes(get getter) {
	// GitLab takes both forms of the address.
	both := func(of string, serve func(*call) (any, error)) {
		get("/"+of+"/{id}/search", serve)
		get("/"+of+"/{id}/-/search", serve)
	}
	both("projects", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		if c.query.Get("scope") != "blobs" {
			return nil, invalid("scope")
		}
		return c.searchBlobs([]*project{p})
	})
	both("groups", func(c *call) (any, error) {
		if c.viewer == nil {
			return nil, unauthorized
		}
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		var inside []*project
		for _, p := range c.world.order {
			if below(p.Path, g.Path) && c.world.sees(c.viewer, p) {
				inside = append(inside, p)
			}
		}
		switch c.query.Get("scope") {
		case "projects":
			search := strings.ToLower(c.query.Get("search"))
			return c.projectPage(func(p *project) bool {
				return below(p.Path, g.Path) && strings.Contains(strings.ToLower(p.Name), search)
			})
		case "blobs":
			if s.settings.Free {
				// Code is found across projects by advanced search and exact code search alone, which are not of the free tier.
				return nil, fault{http.StatusBadRequest, object{"error": "Scope not supported without Elasticsearch!"}}
			}
			return c.searchBlobs(inside)
		}
		return nil, invalid("scope")
	})
}

// blobQuery is a search for code: words, and the filters that advanced search has.
type blobQuery struct{ words, filename, path, extension string }

func parseBlobQuery(text string) blobQuery {
	var q blobQuery
	var words []string
	for _, term := range strings.Fields(text) {
		name, value, found := strings.Cut(term, ":")
		switch {
		case found && name == "filename":
			q.filename = value
		case found && name == "path":
			q.path = value
		case found && name == "extension":
			q.extension = value
		default:
			words = append(words, term)
		}
	}
	q.words = strings.ToLower(strings.Join(words, " "))
	return q
}

// matches reports whether a file can be meant, by its path. A filename without "*" is found anywhere in the name, as GitLab has it.
func (q blobQuery) matches(file string) bool {
	base := strings.ToLower(path.Base(file))
	pattern := strings.ToLower(q.filename)
	if strings.Contains(pattern, "*") {
		if ok, err := path.Match(pattern, base); err != nil || !ok {
			return false
		}
	} else if !strings.Contains(base, pattern) {
		return false
	}
	return strings.Contains(strings.ToLower(file), strings.ToLower(q.path)) && (q.extension == "" || strings.HasSuffix(base, "."+strings.ToLower(q.extension)))
}

func (c *call) searchBlobs(projects []*project) (any, error) {
	text := c.query.Get("search")
	if strings.TrimSpace(text) == "" {
		return nil, fault{http.StatusBadRequest, object{"error": "search is missing"}}
	}
	q := parseBlobQuery(text)
	ctx := c.r.Context()
	results := []object{}
	for _, p := range projects {
		head, err := c.resolve(p, c.query.Get("ref"))
		if err != nil {
			continue // without commits, or without this ref
		}
		entries, err := listTree(ctx, p.repository, head.OID, "", true)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Kind != git.KindFile && e.Kind != git.KindExecutable || !q.matches(e.Path) {
				continue
			}
			blob, err := p.repository.Blob(ctx, e.OID)
			if err != nil {
				return nil, err
			}
			line, excerpt, found := excerptOf(string(blob.Data), q.words)
			if blob.Binary || !found {
				continue
			}
			extension := path.Ext(e.Path)
			results = append(results, object{"basename": strings.TrimSuffix(e.Path, extension), "data": excerpt, "path": e.Path, "filename": e.Path, "id": nil,
				"ref": head.OID, "startline": line, "project_id": p.ID})
		}
	}
	return page(c, results)
}

// excerptOf returns the lines around the first place of the words, and the number of the first of them.
func excerptOf(text, words string) (int, string, bool) {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.Contains(strings.ToLower(line), words) {
			from := max(0, i-2)
			return from + 1, strings.Join(lines[from:min(len(lines), i+3)], ""), true
		}
	}
	return 0, "", false
}
