package githubtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// restRoutes adds the REST interface below a prefix.
func (g *GitHub) restRoutes(mux *http.ServeMux, prefix string) {
	add := func(resource, pattern string, serve func(*call, *http.Request) (*reply, error)) {
		mux.Handle("GET "+prefix+pattern, g.rest(resource, serve))
	}
	in := func(pattern string, serve func(*call, *http.Request, *Repository) (*reply, error)) {
		add(resourceCore, "/repos/{owner}/{repo}"+pattern, func(c *call, r *http.Request) (*reply, error) {
			repository, to, err := c.named(r)
			if err != nil || to != nil {
				return to, err
			}
			return serve(c, r, repository)
		})
	}
	add(resourceCore, "/{$}", g.restRoot)
	add("", "/rate_limit", restRateLimit)
	add("", "/meta", restMeta)
	add(resourceCore, "/user", func(c *call, _ *http.Request) (*reply, error) {
		if c.token == nil {
			return nil, &restError{status: http.StatusUnauthorized, message: "Requires authentication"}
		}
		if c.user() == nil {
			return nil, errForbidden
		}
		u := c.user()
		out := g.restActor(u)
		out["name"], out["email"], out["company"], out["location"], out["bio"] = orNil(u.Name), orNil(u.Email), orNil(u.Company), orNil(u.Location), orNil(u.Bio)
		out["created_at"], out["updated_at"] = stamp(u.CreatedAt), stamp(u.UpdatedAt)
		return &reply{body: out}, nil
	})
	add(resourceCore, "/users/{login}", func(c *call, r *http.Request) (*reply, error) {
		if who := g.account(r.PathValue("login")); who != nil {
			return &reply{body: g.restActor(who)}, nil
		}
		return nil, errNotFound
	})
	in("", func(c *call, _ *http.Request, r *Repository) (*reply, error) {
		out := g.restRepository(c.ctx, r)
		may := rank(c.may(r))
		out["permissions"] = object{"admin": may >= rank("ADMIN"), "maintain": may >= rank("MAINTAIN"), "push": may >= rank("WRITE"), "triage": may >= rank("TRIAGE"), "pull": may > 0}
		out["network_count"], out["subscribers_count"] = r.ForkCount, len(r.Watchers)
		if o, ok := r.owner.(*Organization); ok {
			out["organization"] = g.restActor(o)
		}
		return &reply{body: out}, nil
	})
	in("/contributors", restContributors)
	in("/commits/{sha}", restCommit)
	in("/contents", restContents)
	in("/contents/{path...}", restContents)
	in("/git/trees/{sha}", restTree)
	in("/git/blobs/{sha}", restBlob)
	in("/compare/{basehead}", restCompare)
	in("/readme", restReadme)
	in("/branches/{branch}/protection", restProtection)
	in("/releases/latest", func(_ *call, _ *http.Request, r *Repository) (*reply, error) {
		if latest := r.latest(); latest != nil {
			return &reply{body: g.restRelease(latest)}, nil
		}
		return nil, errNotFound
	})
	in("/pulls/{number}", func(c *call, request *http.Request, r *Repository) (*reply, error) {
		if p, ok := r.items[atoi(request.PathValue("number"))].(*PullRequest); ok {
			return &reply{body: g.restPull(c.ctx, p)}, nil
		}
		return nil, errNotFound
	})
	in("/issues/{number}", func(_ *call, request *http.Request, r *Repository) (*reply, error) {
		if one, ok := r.items[atoi(request.PathValue("number"))].(item); ok {
			return &reply{body: g.restAny(one)}, nil
		}
		return nil, errNotFound
	})
	add(resourceCore, "/repositories/{id}", func(c *call, r *http.Request) (*reply, error) {
		if one, ok := g.state.nodes[numbered("R", atoi(r.PathValue("id")))].(*Repository); ok && c.sees(one) {
			return &reply{body: g.restRepository(c.ctx, one)}, nil
		}
		return nil, errNotFound
	})
	g.restAccounts(add)
	g.restActions(mux, prefix, in)
	add(resourceSearch, "/search/issues", restSearchIssues)
	add(resourceSearch, "/search/repositories", restSearchRepositories)
	add(resourceCodeSearch, "/search/code", restSearchCode)
	mux.Handle("POST "+prefix+"/app/installations/{id}/access_tokens", g.appTokens())
}

// named returns the repository a path names. One that had the name before is a redirect.
func (c *call) named(r *http.Request) (*Repository, *reply, error) {
	key := strings.ToLower(r.PathValue("owner") + "/" + r.PathValue("repo"))
	if one := c.g.state.repositories[key]; c.sees(one) {
		return one, nil, nil
	}
	one := c.g.state.renamed[key]
	if !c.sees(one) {
		return nil, nil, errNotFound
	}
	rest := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/api/v3"), "/", 5)
	to := c.base + "/repositories/" + itoa(one.DatabaseID)
	if len(rest) > 4 {
		// Only a repository itself is served by its id here; below it the new name is as good.
		to = c.base + "/repos/" + one.NameWithOwner() + "/" + rest[4]
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return nil, &reply{status: http.StatusMovedPermanently, from: to, body: object{"message": "Moved Permanently", "url": to}}, nil
}

func (g *GitHub) restAny(i item) object {
	if p, ok := i.(*PullRequest); ok {
		return g.restPullAsIssue(p)
	}
	return g.restIssue(i.(*Issue))
}

func (g *GitHub) restRoot(c *call, _ *http.Request) (*reply, error) {
	return &reply{body: object{
		"current_user_url": c.base + "/user", "code_search_url": c.base + "/search/code?q={query}{&page,per_page,sort,order}",
		"issue_search_url": c.base + "/search/issues?q={query}{&page,per_page,sort,order}", "organization_url": c.base + "/orgs/{org}",
		"organization_repositories_url": c.base + "/orgs/{org}/repos{?type,page,per_page,sort}", "rate_limit_url": c.base + "/rate_limit",
		"repository_url": c.base + "/repos/{owner}/{repo}", "repository_search_url": c.base + "/search/repositories?q={query}{&page,per_page,sort,order}",
	}}, nil
}

func restRateLimit(c *call, _ *http.Request) (*reply, error) {
	if !c.g.limited() {
		return nil, &restError{status: http.StatusNotFound, message: "Rate limiting is not enabled."}
	}
	resources := object{}
	var core any
	for _, name := range []string{resourceCore, resourceGraphQL, resourceSearch, resourceCodeSearch} {
		s := c.g.charge(c.spends, c.token != nil, name, 0)
		resources[name] = object{"limit": s.Limit, "used": s.Used, "remaining": s.Remaining, "reset": s.Reset.Unix()}
		if name == resourceCore {
			core = resources[name]
		}
	}
	return &reply{body: object{"resources": resources, "rate": core}}, nil
}

func restMeta(c *call, _ *http.Request) (*reply, error) {
	out := object{"verifiable_password_authentication": false}
	if c.g.settings.Enterprise {
		out["installed_version"] = enterpriseVersion
	}
	return &reply{body: out}, nil
}

// listed cuts a list into the page a request asks for.
func listed[T any](c *call, r *http.Request, items []T, usual int, show func(T) any) *reply {
	p := clientstest.PagingOf(r.URL.Query(), usual, maxPage)
	from, to := p.Bounds(len(items))
	out := make([]any, 0, to-from)
	for _, one := range items[from:to] {
		out = append(out, show(one))
	}
	return &reply{body: out, link: p.Links(c.address(r), len(items))}
}

const usualPage = 30

// address returns the address that a client asked, as it asked it.
func (c *call) address(r *http.Request) url.URL {
	u := *r.URL
	host, _ := url.Parse(c.base)
	u.Scheme, u.Host = host.Scheme, host.Host
	return u
}

func restContributors(c *call, request *http.Request, r *Repository) (*reply, error) {
	head, err := c.g.head(c.ctx, r)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return &reply{status: http.StatusNoContent}, nil
	}
	people, err := r.content.Contributors(c.ctx, head.OID)
	if err != nil {
		return nil, err
	}
	type contributor struct {
		who     *User
		person  git.Contributor
		commits int
	}
	var list []contributor
	for _, p := range people {
		u := c.g.byEmail(p.Email)
		if at := slices.IndexFunc(list, func(o contributor) bool { return u != nil && o.who == u }); at >= 0 {
			list[at].commits += p.Commits // several addresses of one user
			continue
		}
		if u != nil || request.URL.Query().Get("anon") == "1" || request.URL.Query().Get("anon") == "true" {
			list = append(list, contributor{u, p, p.Commits})
		}
	}
	slices.SortStableFunc(list, func(a, b contributor) int { return b.commits - a.commits })
	return listed(c, request, list, usualPage, func(one contributor) any {
		if one.who == nil {
			return object{"email": one.person.Email, "name": one.person.Name, "type": "Anonymous", "contributions": one.commits}
		}
		out := c.g.restActor(one.who)
		out["contributions"] = one.commits
		return out
	}), nil
}

// commitFiles is how many files one page of a commit has at most, and usually, as documented in November 2026.
const commitFiles = 300

func restCommit(c *call, request *http.Request, r *Repository) (*reply, error) {
	commit, err := c.g.revision(c.ctx, r, request.PathValue("sha"))
	if err != nil {
		return nil, err
	}
	if commit == nil {
		return nil, unprocessable("No commit found for SHA: %s", request.PathValue("sha"))
	}
	files, err := r.content.Changes(c.ctx, commit.Commit)
	if err != nil {
		return nil, err
	}
	g, parents := c.g, []any{}
	address := g.api("/repos/" + r.NameWithOwner())
	for _, p := range commit.Parents {
		parents = append(parents, object{"sha": p, "url": address + "/commits/" + string(p), "html_url": g.web(page(r) + "/commit/" + string(p))})
	}
	additions := lines(files, func(f git.ChangedFile) int { return f.Additions })
	deletions := lines(files, func(f git.ChangedFile) int { return f.Deletions })
	p := clientstest.PagingOf(request.URL.Query(), commitFiles, commitFiles)
	from, to := p.Bounds(len(files))
	shown := []any{}
	for _, f := range files[from:to] {
		shown = append(shown, g.restFile(r, commit.OID, f))
	}
	person := func(who git.Person) any {
		if u := g.byEmail(who.Email); u != nil {
			return g.restActor(u)
		}
		return nil
	}
	reason := "unsigned"
	if commit.Signed {
		reason = "unknown_key"
	}
	return &reply{link: p.Links(c.address(request), len(files)), body: object{
		"sha": commit.OID, "node_id": identify(commit), "url": address + "/commits/" + string(commit.OID), "html_url": g.web(page(commit)),
		"commit": object{
			"author": g.restPerson(commit.Author), "committer": g.restPerson(commit.Committer), "message": strings.TrimRight(commit.Message, "\n"),
			"tree": object{"sha": commit.Tree, "url": address + "/git/trees/" + string(commit.Tree)}, "url": address + "/git/commits/" + string(commit.OID),
			"comment_count": 0, "verification": object{"verified": false, "reason": reason, "signature": nil, "payload": nil, "verified_at": nil},
		},
		"author": person(commit.Author), "committer": person(commit.Committer), "parents": parents,
		"stats": object{"total": additions + deletions, "additions": additions, "deletions": deletions}, "files": shown,
	}}, nil
}
