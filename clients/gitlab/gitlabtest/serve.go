package gitlabtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// call is one request under way.
type call struct {
	*Server
	w      http.ResponseWriter
	r      *http.Request
	query  url.Values
	viewer *User // nil for nobody
	scopes []string
	root   string // where the server says it is
	now    time.Time
}

// fault is an answer that is an error. Body is what GitLab sends: {"message": ...} or {"error": ...}.
type fault struct {
	status int
	body   any
}

func (f fault) Error() string { return fmt.Sprint(f.status, " ", f.body) }

func message(status int, text string) fault {
	return fault{status, map[string]any{"message": strconv.Itoa(status) + " " + text}}
}

// absent is how GitLab says that there is no such thing, or none that the viewer may know of.
func absent(what string) fault {
	return message(http.StatusNotFound, strings.TrimSpace(what+" Not Found"))
}

func invalid(parameter string) fault {
	return fault{http.StatusBadRequest, map[string]any{"error": parameter + " does not have a valid value"}}
}

var (
	forbidden    = message(http.StatusForbidden, "Forbidden")
	unauthorized = message(http.StatusUnauthorized, "Unauthorized")
)

// routes returns the handler of everything.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	get := func(pattern string, serve func(*call) (any, error)) {
		mux.HandleFunc("GET /api/v4"+pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, serve, http.StatusOK) })
	}
	change := func(pattern string, status int, serve func(*call) (any, error)) {
		method, rest, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/v4"+rest, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, serve, status) })
	}
	s.userRoutes(get)
	s.groupRoutes(get)
	s.projectRoutes(get)
	s.repositoryRoutes(get)
	s.mergeRequestRoutes(get, change)
	s.issueRoutes(get, change)
	s.searchRoutes(get)
	s.hookRoutes(get, change)
	s.pipelineRoutes(get, change)
	s.jobRoutes(get, change)
	s.noteRoutes(get, change)
	mux.HandleFunc("POST /api/graphql", s.serveGraph)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, http.StatusNotFound, map[string]any{"error": "404 Not Found"})
	})
	return mux
}

// serve answers a REST request: limits, then who asks, then the answer of serve with its pages and validator.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, serve func(*call) (any, error), status int) {
	s.mu.RLock()
	c := s.newCall(w, r)
	err := c.admit()
	s.mu.RUnlock()
	var body any
	if err == nil && r.Method != http.MethodGet && !slices.Contains(c.scopes, "api") {
		err = insufficientScope
		if c.viewer == nil {
			err = unauthorized
		}
	}
	if err == nil {
		if r.Method == http.MethodGet {
			s.mu.RLock()
			body, err = serve(c)
			s.mu.RUnlock()
		} else {
			body, err = serve(c) // locks where it changes something
		}
	}
	if err != nil {
		c.fail(err)
		return
	}
	if raw, ok := body.(interface{ write(*call) }); ok {
		raw.write(c)
		return
	}
	answer(w, r, status, body)
}

func (s *Server) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{Server: s, w: w, r: r, query: r.URL.Query(), now: s.settings.Now(), root: s.settings.Address}
	if c.root == "" {
		c.root = "http://" + r.Host
		if r.TLS != nil || r.URL.Scheme == "https" {
			c.root = "https://" + r.Host
		}
	}
	return c
}

var insufficientScope = fault{http.StatusForbidden, map[string]any{
	"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api",
}}

// tokenError answers a token that GitLab does not take.
func tokenError(description string) fault {
	return fault{http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": description}}
}

// admit finds out who asks, and whether the limit is used up.
func (c *call) admit() error {
	secret := c.r.Header.Get("Private-Token")
	if bearer, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer "); ok && secret == "" {
		secret = bearer
	}
	if secret == "" {
		secret = c.query.Get("private_token")
	}
	token, known := c.world.tokens[secret]
	who := ""
	if known {
		who = token.Username
	}
	if err := c.limiter.take(c, who); err != nil {
		return err
	}
	switch {
	case secret == "":
		return nil
	case !known:
		return unauthorized
	case token.Expired:
		return tokenError("Token is expired. You can either do re-authorization or token refresh.")
	}
	c.viewer, c.scopes = c.world.user(token.Username), token.Scopes
	if c.viewer == nil || c.viewer.State != "active" {
		return message(http.StatusForbidden, "Forbidden - Your account has been blocked.")
	}
	if !slices.Contains(c.scopes, "api") && !slices.Contains(c.scopes, "read_api") {
		return insufficientScope
	}
	return nil
}

func (c *call) fail(err error) {
	var f fault
	switch {
	case errors.As(err, &f):
	case errors.Is(err, git.ErrNotFound), errors.Is(err, git.ErrInvalid):
		f = absent("")
	default:
		c.settings.Log.Error("answering failed", "path", c.r.URL.Path, "reason", err)
		f = fault{http.StatusInternalServerError, map[string]any{"message": "500 Internal Server Error"}}
	}
	if text, ok := f.body.(string); ok {
		c.w.Header().Set("Content-Type", "text/plain")
		c.w.WriteHeader(f.status)
		_, _ = c.w.Write([]byte(text))
		return
	}
	answer(c.w, c.r, f.status, f.body)
}

// answer writes JSON with a validator, or that it has not changed.
func answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Vary", "Origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	text := clientstest.JSON(body)
	if status == http.StatusOK {
		etag := clientstest.ETag(text)
		h.Set("Etag", etag)
		h.Set("Cache-Control", "max-age=0, private, must-revalidate")
		if clientstest.NotModified(r, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// mostCounted is the total above which GitLab does not say how many there are ("Pagination response headers" in its documentation).
const mostCounted = 10_000

// page returns the elements of a list that the request asks for, and says in headers where they lie. A negative total means that it is
// not told, and that list holds one element more than the page where there are more.
func page[T any](c *call, list []T) ([]T, error) {
	p, err := c.paging()
	if err != nil {
		return nil, err
	}
	from, to := p.Bounds(len(list))
	c.pageHeaders(p, len(list) > to, len(list))
	return list[from:to], nil
}

const (
	usualPage = 20
	mostPage  = 100
)

func (c *call) paging() (clientstest.Paging, error) {
	for _, name := range []string{"page", "per_page"} {
		if text := c.query.Get(name); text != "" {
			if n, err := strconv.Atoi(text); err != nil {
				return clientstest.Paging{}, fault{http.StatusBadRequest, map[string]any{"error": name + " is invalid"}}
			} else if n < 1 {
				return clientstest.Paging{}, invalid(name)
			}
		}
	}
	return clientstest.PagingOf(c.query, usualPage, mostPage), nil
}

// pageHeaders says where a page lies. total is negative where it is not counted.
func (c *call) pageHeaders(p clientstest.Paging, more bool, total int) {
	h := c.w.Header()
	text := func(n int) string { return strconv.Itoa(n) }
	next, previous := "", ""
	if more {
		next = text(p.Page + 1)
	}
	if p.Page > 1 {
		previous = text(p.Page - 1)
	}
	h.Set("X-Page", text(p.Page))
	h.Set("X-Per-Page", text(p.PerPage))
	h.Set("X-Next-Page", next)
	h.Set("X-Prev-Page", previous)
	var links []string
	link := func(relation string, page string) {
		if page != "" {
			links = append(links, c.link(relation, map[string]string{"page": page, "per_page": text(p.PerPage)}))
		}
	}
	link("prev", previous)
	link("next", next)
	link("first", "1")
	if total >= 0 && total <= mostCounted {
		pages := max(1, (total+p.PerPage-1)/p.PerPage)
		h.Set("X-Total", text(total))
		h.Set("X-Total-Pages", text(pages))
		link("last", text(pages))
	}
	h.Set("Link", strings.Join(links, ", "))
}

// link returns one element of a Link header: this request with some parameters changed.
func (c *call) link(relation string, change map[string]string) string {
	query := c.r.URL.Query()
	query.Del("private_token")
	for name, value := range change {
		query.Set(name, value)
	}
	return "<" + c.root + c.r.URL.EscapedPath() + "?" + query.Encode() + `>; rel="` + relation + `"`
}

// keyset returns the elements after the one with the page token, for lists that GitLab pages by key. Only the next page is linked.
func keyset[T any](c *call, list []T, key func(T) string) ([]T, error) {
	p, err := c.paging()
	if err != nil {
		return nil, err
	}
	from := 0
	if token := c.query.Get("page_token"); token != "" {
		from = 1 + slices.IndexFunc(list, func(one T) bool { return key(one) == token })
		if from == 0 {
			return nil, message(http.StatusBadRequest, "Bad request - could not find page token")
		}
	}
	to := min(from+p.PerPage, len(list))
	if to < len(list) {
		token := key(list[to-1])
		c.w.Header().Set("Link", c.link("next", map[string]string{"page_token": token, "per_page": strconv.Itoa(p.PerPage), "pagination": "keyset"}))
		c.w.Header().Set("X-Next-Page", token)
	}
	c.w.Header().Set("X-Per-Page", strconv.Itoa(p.PerPage))
	return list[from:to], nil
}

// flag reads a boolean parameter.
func (c *call) flag(name string) bool {
	switch strings.ToLower(c.query.Get(name)) {
	case "true", "1", "t", "on":
		return true
	}
	return false
}

// at writes a time as REST has it.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// orNull is null for empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
