package githubtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

// restAccounts adds the routes of organisations and teams.
func (g *GitHub) restAccounts(add func(resource, pattern string, serve func(*call, *http.Request) (*reply, error))) {
	organized := func(serve func(*call, *http.Request, *Organization) (*reply, error)) func(*call, *http.Request) (*reply, error) {
		return func(c *call, r *http.Request) (*reply, error) {
			if o := g.state.organizations[strings.ToLower(r.PathValue("org"))]; o != nil {
				return serve(c, r, o)
			}
			return nil, errNotFound
		}
	}
	add(resourceCore, "/orgs/{org}", organized(func(_ *call, _ *http.Request, o *Organization) (*reply, error) {
		out := g.restOrganization(o)
		out["name"], out["email"], out["location"], out["blog"], out["is_verified"] = orNil(o.Name), orNil(o.Email), orNil(o.Location), orNil(o.WebsiteURL), o.IsVerified
		out["html_url"], out["type"], out["created_at"], out["updated_at"] = g.web(page(o)), "Organization", stamp(o.CreatedAt), stamp(o.UpdatedAt)
		return &reply{body: out}, nil
	}))
	add(resourceCore, "/orgs/{org}/repos", organized(func(c *call, r *http.Request, o *Organization) (*reply, error) {
		return c.repositories(r, o), nil
	}))
	add(resourceCore, "/users/{login}/repos", func(c *call, r *http.Request) (*reply, error) {
		who := g.account(r.PathValue("login"))
		if who == nil {
			return nil, errNotFound
		}
		return c.repositories(r, who), nil
	})
	team := func(serve func(*call, *http.Request, *Team) (*reply, error)) func(*call, *http.Request) (*reply, error) {
		return organized(func(c *call, r *http.Request, o *Organization) (*reply, error) {
			t := o.team(r.PathValue("slug"))
			if t == nil || c.token == nil || c.lacks("read:org", "admin:org", "write:org") || !c.member(o) {
				return nil, errNotFound // whether it is there is nobody else's business
			}
			if !c.granted("members") {
				return nil, errForbidden
			}
			return serve(c, r, t)
		})
	}
	add(resourceCore, "/orgs/{org}/teams/{slug}", team(func(_ *call, _ *http.Request, t *Team) (*reply, error) { return &reply{body: g.restTeam(t)}, nil }))
	add(resourceCore, "/orgs/{org}/teams/{slug}/members", team(func(c *call, r *http.Request, t *Team) (*reply, error) {
		role := r.URL.Query().Get("role")
		list := slices.DeleteFunc(slices.Clone(t.everybody()), func(u *User) bool { return role != "" && role != "all" && !strings.EqualFold(role, t.role(u)) })
		return listed(c, r, list, usualPage, func(u *User) any { return g.restActor(u) }), nil
	}))
	add(resourceCore, "/orgs/{org}/members", organized(func(c *call, r *http.Request, o *Organization) (*reply, error) {
		if !c.granted("members") {
			return nil, errForbidden
		}
		list := o.members
		if c.token == nil || !c.member(o) {
			list = nil // nobody makes their membership public here
		}
		return listed(c, r, list, usualPage, func(u *User) any { return g.restActor(u) }), nil
	}))
}

func (c *call) repositories(r *http.Request, owner any) *reply {
	query := r.URL.Query()
	list := slices.DeleteFunc(c.seen(c.g.owned(owner)), func(one *Repository) bool {
		switch query.Get("type") {
		case "public":
			return one.IsPrivate()
		case "private":
			return !one.IsPrivate()
		case "forks":
			return !one.IsFork
		case "sources":
			return one.IsFork
		}
		return false
	})
	field := map[string]string{"": "CREATED_AT", "created": "CREATED_AT", "updated": "UPDATED_AT", "pushed": "PUSHED_AT", "full_name": "NAME"}[query.Get("sort")]
	down := query.Get("direction") == "desc" || query.Get("direction") == "" && field != "NAME"
	slices.SortStableFunc(list, func(a, b *Repository) int {
		if down {
			a, b = b, a
		}
		return compareRepositories(field, a, b)
	})
	return listed(c, r, list, usualPage, func(one *Repository) any { return c.g.restRepository(c.ctx, one) })
}

func restProtection(c *call, request *http.Request, r *Repository) (*reply, error) {
	if !c.granted("administration") {
		return nil, errForbidden
	}
	if c.may(r) != "ADMIN" && (c.token == nil || c.token.user != nil) {
		return nil, errNotFound
	}
	branch := request.PathValue("branch")
	oid, err := r.branch(c.ctx, branch)
	if err != nil {
		return nil, err
	}
	if oid == "" {
		return nil, &restError{status: http.StatusNotFound, message: "Branch not found"}
	}
	p := r.protection(branch)
	if p == nil {
		return nil, &restError{status: http.StatusNotFound, message: "Branch not protected"}
	}
	address := c.g.api("/repos/"+r.NameWithOwner()) + "/branches/" + branch + "/protection"
	flag := func(on bool) object { return object{"enabled": on} }
	out := object{
		"url": address, "enforce_admins": object{"url": address + "/enforce_admins", "enabled": p.IsAdminEnforced},
		"required_signatures":     object{"url": address + "/required_signatures", "enabled": p.RequiresCommitSignatures},
		"required_linear_history": flag(p.RequiresLinearHistory), "allow_force_pushes": flag(p.AllowsForcePushes), "allow_deletions": flag(p.AllowsDeletions),
		"block_creations": flag(p.BlocksCreations), "required_conversation_resolution": flag(p.RequiresConversationResolution), "lock_branch": flag(p.LockBranch), "allow_fork_syncing": flag(false),
	}
	if p.RequiresApprovingReviews {
		out["required_pull_request_reviews"] = object{
			"url": address + "/required_pull_request_reviews", "dismiss_stale_reviews": p.DismissesStaleReviews, "require_code_owner_reviews": p.RequiresCodeOwnerReviews,
			"required_approving_review_count": max(1, p.RequiredApprovingReviewCount), "require_last_push_approval": p.RequireLastPushApproval,
		}
	}
	if p.RequiresStatusChecks {
		checks := []any{}
		for _, name := range p.RequiredStatusCheckContexts {
			checks = append(checks, object{"context": name, "app_id": nil})
		}
		out["required_status_checks"] = object{
			"url": address + "/required_status_checks", "strict": p.RequiresStrictStatusChecks, "contexts": orEmpty(p.RequiredStatusCheckContexts), "checks": checks,
			"contexts_url": address + "/required_status_checks/contexts",
		}
	}
	return &reply{body: out}, nil
}

// found is the answer of a search: one page of items, of which a search gives at most maxSearch.
func found[T any](c *call, r *http.Request, items []T, show func(T) any) (*reply, error) {
	p := clientstest.PagingOf(r.URL.Query(), usualPage, maxPage)
	if (p.Page-1)*p.PerPage >= maxSearch || p.Page > maxSearch {
		return nil, unprocessable("Only the first %d search results are available", maxSearch)
	}
	given := items[:min(len(items), maxSearch)]
	answer := listed(c, r, given, usualPage, show)
	answer.body = object{"total_count": len(items), "incomplete_results": false, "items": answer.body}
	return answer, nil
}

// restQuery reads the search of a request.
func restQuery(r *http.Request) (searchQuery, error) {
	query := r.URL.Query()
	if err := checkQuery(query.Get("q")); err != nil {
		return searchQuery{}, err
	}
	q := parseSearch(query.Get("q"))
	if sort := query.Get("sort"); sort != "" {
		q.sort = sort
		if query.Get("order") == "asc" {
			q.sort += "-asc"
		}
	}
	return q, nil
}

// inSearch turns the error of a search in GraphQL into that of REST.
func inSearch(err error) error {
	if known := (*clientstest.Error)(nil); errors.As(err, &known) {
		return &restError{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{object{
			"message": known.Message, "resource": "Search", "field": "q", "code": "invalid",
		}}}
	}
	return err
}

func restSearchIssues(c *call, r *http.Request) (*reply, error) {
	q, err := restQuery(r)
	if err != nil {
		return nil, err
	}
	items, err := c.searchItems(q)
	if err != nil {
		return nil, inSearch(err)
	}
	return found(c, r, items, func(i item) any {
		out := c.g.restAny(i)
		out["score"] = 1.0
		return out
	})
}

func restSearchRepositories(c *call, r *http.Request) (*reply, error) {
	q, err := restQuery(r)
	if err != nil {
		return nil, err
	}
	return found(c, r, c.searchRepositories(q), func(one *Repository) any {
		out := c.g.restRepository(c.ctx, one)
		out["score"] = 1.0
		return out
	})
}

// codeHit is a file that a search for code found.
type codeHit struct {
	repository *Repository
	path, oid  string
}

// restSearchCode finds files by name, path and ending on default branches, and by words in them. Archived repositories are searched, too.
func restSearchCode(c *call, r *http.Request) (*reply, error) {
	if c.token == nil {
		return nil, &restError{status: http.StatusUnauthorized, message: "Requires authentication"}
	}
	q, err := restQuery(r)
	if err != nil {
		return nil, err
	}
	if len(q.words) == 0 && !slices.ContainsFunc(q.qualifiers, func(k qualifier) bool { return k.name == "filename" || k.name == "extension" || k.name == "path" }) {
		return nil, &restError{status: http.StatusUnprocessableEntity, message: "ERROR_TYPE_QUERY_PARSING_FATAL unable to parse query!"}
	}
	within, err := c.scope(q)
	if err != nil {
		return nil, inSearch(err)
	}
	var hits []codeHit
	for _, one := range within {
		some, err := c.searchFiles(q, one)
		if err != nil {
			return nil, err
		}
		hits = append(hits, some...)
	}
	return found(c, r, hits, func(h codeHit) any {
		address := c.g.api("/repos/" + h.repository.NameWithOwner())
		return object{
			"name": path.Base(h.path), "path": h.path, "sha": h.oid, "url": address + "/contents/" + escapePath(h.path), "git_url": address + "/git/blobs/" + h.oid,
			"html_url": c.g.web(page(h.repository) + "/blob/" + h.repository.DefaultBranch + "/" + escapePath(h.path)), "repository": c.g.restRepository(c.ctx, h.repository), "score": 1.0,
		}
	})
}

func (c *call) searchFiles(q searchQuery, r *Repository) ([]codeHit, error) {
	head, err := c.g.head(c.ctx, r)
	if head == nil || err != nil {
		return nil, err
	}
	files, err := c.g.walk(c.ctx, head, "")
	if err != nil {
		return nil, err
	}
	var hits []codeHit
	for _, f := range files {
		fits := true
		for _, k := range q.qualifiers {
			match := true
			switch k.name {
			case "filename":
				match = strings.Contains(strings.ToLower(path.Base(f.Path)), strings.ToLower(k.value))
			case "extension":
				match = strings.EqualFold(strings.TrimPrefix(path.Ext(f.Path), "."), strings.TrimPrefix(k.value, "."))
			case "path":
				match = strings.HasPrefix(f.Path, strings.Trim(k.value, "/")) || k.value == "/" && !strings.Contains(f.Path, "/")
			case "language":
				l, ok := languageOf(f.Path)
				match = ok && strings.EqualFold(l.Name, k.value)
			}
			fits = fits && match != k.not
		}
		if fits && len(q.words) > 0 {
			blob, err := r.content.Blob(c.ctx, f.OID)
			if err != nil {
				return nil, err
			}
			text := strings.ToLower(string(blob.Data))
			for _, word := range q.words {
				fits = fits && strings.Contains(text, word)
			}
		}
		if fits {
			hits = append(hits, codeHit{r, f.Path, string(f.OID)})
		}
	}
	return hits, nil
}

// installationLife is how long the token of an installation is good, as documented.
const installationLife = time.Hour

// appTokens gives installations their tokens. The installation's id is that of the account it is in.
func (g *GitHub) appTokens() http.Handler {
	return g.free(route{writes: true, tokenless: true}, func(c *call, _ http.ResponseWriter, r *http.Request) (*reply, error) {
		name, err := g.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if err != nil {
			return nil, &restError{status: http.StatusUnauthorized, message: refusal(err)}
		}
		account := ""
		for _, o := range g.state.organizations {
			if itoa(o.DatabaseID) == r.PathValue("id") {
				account = o.Login
			}
		}
		if account == "" {
			return nil, errNotFound
		}
		var wanted struct {
			Permissions map[string]string `json:"permissions"`
		}
		if len(c.body) > 0 && json.Unmarshal(c.body, &wanted) != nil {
			return nil, &restError{status: http.StatusBadRequest, message: "Problems parsing JSON"}
		}
		expires := g.now().Add(installationLife)
		text := "ghs_" + strings.ReplaceAll(uuid()+uuid(), "-", "")[:36]
		if err := g.addToken(text, Token{Account: account, Bot: "app-" + slug(name), Permissions: wanted.Permissions, Expires: expires}); err != nil {
			return nil, err
		}
		permissions := wanted.Permissions
		if permissions == nil {
			permissions = map[string]string{"contents": "read", "metadata": "read", "pull_requests": "read", "issues": "read", "members": "read", "checks": "read"}
		}
		return &reply{status: http.StatusCreated, body: object{"token": text, "expires_at": stamp(expires), "permissions": permissions, "repository_selection": "all"}}, nil
	})
}

// appPatience is how much later than it was made the token of an app may expire.
const appPatience = 10 * time.Minute

// verify returns the issuer of an app's token (JWT, RS256), in GitHub's words where it is none.
func (g *GitHub) verify(text string) (string, error) {
	bad := refuse("A JSON web token could not be decoded")
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return "", bad
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return "", bad
		}
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	var claims struct {
		Issuer  any     `json:"iss"` // a text, or the number of the app
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(raw[0], &head) != nil || json.Unmarshal(raw[1], &claims) != nil || head.Algorithm != "RS256" {
		return "", bad
	}
	name := fmt.Sprint(claims.Issuer)
	if n, ok := claims.Issuer.(float64); ok {
		name = fmt.Sprintf("%.0f", n)
	}
	key := g.settings.AppKeys[name]
	if key == nil {
		return "", refuse("'Issuer' claim ('iss') must be an Integer or a client id")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw[2]) != nil {
		return "", bad
	}
	now := float64(g.settings.Now().Unix())
	switch {
	case claims.Expires <= now:
		return "", refuse("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case claims.Expires > now+appPatience.Seconds():
		return "", refuse("'Expiration time' claim ('exp') is too far in the future")
	case claims.Issued > now+60:
		return "", refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return name, nil
}
