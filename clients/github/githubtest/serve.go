package githubtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

// routes returns the whole server: GraphQL and REST, at the addresses of github.com or of a server of one's own.
func (g *GitHub) routes() http.Handler {
	mux := http.NewServeMux()
	prefix := ""
	if g.settings.Enterprise {
		prefix = "/api/v3"
		mux.Handle("POST /api/graphql", g.graphql())
	} else {
		mux.Handle("POST /graphql", g.graphql())
	}
	g.restRoutes(mux, prefix)
	mux.Handle("/", g.rest(resourceCore, func(*call, *http.Request) (*reply, error) { return nil, errNotFound }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A path that is not clean is served as it is meant, where ServeMux would send the client elsewhere.
		if path := r.URL.Path; len(path) > 1 && strings.HasSuffix(path, "/") && path != prefix+"/" {
			r.URL.Path, r.URL.RawPath = strings.TrimRight(path, "/"), ""
		}
		mux.ServeHTTP(w, r)
	})
}

// maxBody is how long the body of a request may be: far more than anybody writes.
const maxBody = 1 << 20

// reply is a REST answer.
type reply struct {
	status int // 200 where zero
	body   any // none where nil
	raw    []byte
	media  string // of raw
	link   string
	from   string // Location, of a redirect
}

// restError is an answer that is an error.
type restError struct {
	status  int
	message string
	page    string // of the documentation, below its root
	errors  []any
}

func (e *restError) Error() string { return e.message }

var (
	errNotFound  = &restError{status: http.StatusNotFound, message: "Not Found"}
	errForbidden = &restError{status: http.StatusForbidden, message: "Resource not accessible by integration"}
)

func unprocessable(format string, args ...any) error {
	return &restError{status: http.StatusUnprocessableEntity, message: fmt.Sprintf(format, args...)}
}

// begin finds out who calls, and writes what every answer has.
func (g *GitHub) begin(w http.ResponseWriter, r *http.Request, tokens bool) (*call, error) {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	c := &call{g: g, base: scheme + "://" + r.Host}
	if g.settings.Enterprise {
		c.base += "/api/v3"
		w.Header().Set("X-GitHub-Enterprise-Version", enterpriseVersion)
	}
	c.ctx = context.WithValue(r.Context(), callKey{}, c)
	w.Header().Set("X-GitHub-Request-Id", strings.ToUpper(strings.ReplaceAll(uuid()[:23], "-", ":")))
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")
	w.Header().Set("Date", g.settings.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Server", "github.com")
	if !tokens {
		return c, nil
	}
	if err := g.authenticate(r, c); err != nil {
		return c, err
	}
	if c.token != nil && c.token.user != nil && c.token.Permissions == nil {
		scopes := c.token.Scopes
		if scopes == nil {
			scopes = []string{"admin:org", "repo", "workflow"}
		}
		w.Header().Set("X-OAuth-Scopes", strings.Join(scopes, ", "))
		w.Header().Set("X-Accepted-OAuth-Scopes", "repo")
	}
	return c, nil
}

// rest makes a handler of one that answers with values: it adds credentials, budgets, validators and errors.
func (g *GitHub) rest(resource string, serve func(*call, *http.Request) (*reply, error)) http.Handler {
	return g.free(route{}, func(c *call, w http.ResponseWriter, r *http.Request) (*reply, error) {
		limited := g.limited() && resource != ""
		if limited {
			now := g.charge(c.spends, c.token != nil, resource, 0)
			if now.Remaining == 0 {
				now.header(w.Header())
				return nil, &restError{status: http.StatusForbidden, message: c.exhausted(), page: "rest/overview/rate-limits-for-the-rest-api"}
			}
		}
		answer, err := serve(c, r)
		points := 1
		if err == nil && answer.status == 0 && answer.raw == nil {
			answer.raw, answer.media = clientstest.JSON(answer.body), "application/json; charset=utf-8"
			etag := clientstest.ETag(answer.raw, answer.link, c.spends)
			w.Header().Set("ETag", etag)
			w.Header().Set("Cache-Control", "private, max-age=60, s-maxage=60")
			w.Header().Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
			if clientstest.NotModified(r, etag) {
				answer = &reply{status: http.StatusNotModified}
				if c.token != nil {
					points = 0
				}
			}
		}
		if limited {
			g.charge(c.spends, c.token != nil, resource, points).header(w.Header())
			g.Watch.Charge(resource, points)
		}
		return answer, err
	})
}

// route says what a handler needs.
type route struct {
	writes    bool // nobody else may be served meanwhile
	tokenless bool // it authenticates by itself
	graph     bool // its errors may come with status 200
}

// free is rest without a budget.
func (g *GitHub) free(needs route, serve func(*call, http.ResponseWriter, *http.Request) (*reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if r.Method == http.MethodPost || r.Method == http.MethodPatch {
			// Before anything is locked: a client may be slow.
			var err error
			if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
				g.fail(w, &restError{status: http.StatusRequestEntityTooLarge, message: "Payload too big"})
				return
			}
		}
		g.catchUp()
		if needs.writes {
			g.mu.Lock()
			defer g.mu.Unlock()
		} else {
			g.mu.RLock()
			defer g.mu.RUnlock()
		}
		c, err := g.begin(w, r, !needs.tokenless)
		if err != nil {
			g.fail(w, err)
			return
		}
		c.body = body
		if t, on := g.throttled(); on {
			if t.RetryAfter > 0 {
				w.Header().Set("Retry-After", itoa(int(t.RetryAfter/time.Second)))
			}
			status := t.Status
			if status == http.StatusOK && needs.graph {
				g.write(w, &reply{body: clientstest.Answer{Errors: []*clientstest.Error{{Type: "RATE_LIMITED", Message: secondaryMessage}}}})
				return
			}
			if status == http.StatusOK {
				status = http.StatusForbidden
			}
			g.fail(w, &restError{status: status, message: secondaryMessage, page: "rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"})
			return
		}
		answer, err := serve(c, w, r)
		if err != nil {
			g.fail(w, err)
			return
		}
		g.write(w, answer)
	})
}

func (g *GitHub) write(w http.ResponseWriter, answer *reply) {
	if answer.link != "" {
		w.Header().Set("Link", answer.link)
	}
	if answer.from != "" {
		w.Header().Set("Location", answer.from)
	}
	if answer.raw == nil && answer.body != nil {
		answer.raw, answer.media = clientstest.JSON(answer.body), "application/json; charset=utf-8"
	}
	if answer.media != "" {
		w.Header().Set("Content-Type", answer.media)
	}
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.raw)
}

// fail writes an error as REST has it. What is no error of GitHub's is a fault of the simulator, and is shown as one.
func (g *GitHub) fail(w http.ResponseWriter, err error) {
	known := &restError{status: http.StatusInternalServerError, message: "bug in the simulator: " + err.Error()}
	switch {
	case errors.As(err, &known):
	case errors.Is(err, ErrUnknown):
		known = errNotFound
	case errors.Is(err, ErrRefused):
		known = &restError{status: http.StatusUnprocessableEntity, message: refusal(err)}
	}
	page := known.page
	if page == "" {
		page = "rest"
	}
	root := "https://docs.github.com/"
	if g.settings.Enterprise {
		root += "enterprise-server@" + strings.TrimSuffix(enterpriseVersion, ".0") + "/"
	}
	body := map[string]any{"message": known.message, "documentation_url": root + page, "status": itoa(known.status)}
	if known.errors != nil {
		body["errors"] = known.errors
	}
	g.write(w, &reply{status: known.status, body: body})
}

// refusal is what GitHub would say: the text of an error without the word that marks it.
func refusal(err error) string { return strings.TrimSuffix(err.Error(), ": "+ErrRefused.Error()) }
