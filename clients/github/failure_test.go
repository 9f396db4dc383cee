package github_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

var player = github.Slug{Owner: "larkfold", Name: "player"}

func TestFailuresOfTheWholeAnswer(t *testing.T) {
	// In the shape of one of GitHub's tokens.
	secret := "ghp_" + strings.Repeat("a1B2", 9)
	for _, test := range []struct {
		name, body string
		status     int
		header     map[string]string
		kind       error
		says       string
	}{
		{name: "primary limit", body: `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`, kind: clients.ErrLimited, says: "rate limit"},
		{name: "primary limit, other words", body: `{"data":null,"errors":[{"type":"RATE_LIMIT","code":"graphql_rate_limit","message":"API rate limit already exceeded for user ID 1."}]}`, kind: clients.ErrLimited},
		{name: "secondary limit", body: `{"message":"You have exceeded a secondary rate limit.","documentation_url":"x"}`, status: 403, header: map[string]string{"Retry-After": "60"}, kind: clients.ErrLimited},
		{name: "took too long", body: `{"data":null,"errors":[{"message":"Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug. Please include x when reporting this issue."}]}`, kind: clients.ErrTimeout},
		{name: "GitHub's own mistake", body: `{"errors":[{"message":"Something went wrong while executing your query on 2026-11-26."}]}`, kind: clients.ErrUnavailable},
		{name: "sign-on", body: `{"data":{"r0":null},"errors":[{"type":"FORBIDDEN","path":["r0"],"extensions":{"saml_failure":true},"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}]}`, kind: clients.ErrForbidden, says: "single sign-on"},
		{name: "scopes", body: `{"errors":[{"type":"INSUFFICIENT_SCOPES","message":"Your token has not been granted the required scopes to execute this query."}]}`, kind: clients.ErrForbidden},
		{name: "an older server", body: `{"errors":[{"path":["query","r0","codeowners"],"extensions":{"code":"undefinedField","typeName":"Repository","fieldName":"codeowners"},"message":"Field 'codeowners' doesn't exist on type 'Repository'"}]}`, kind: clients.ErrBadAnswer, says: "newer version"},
		{name: "too many nodes", body: `{"errors":[{"type":"MAX_NODE_LIMIT_EXCEEDED","message":"This query requests up to 600,000 possible nodes which exceeds the maximum limit of 500,000."}]}`, kind: clients.ErrBadAnswer},
		{name: "errors without a shape", body: `{"data":null,"errors":[17,{"message":{}}]}`, kind: clients.ErrUnavailable},
		{name: "errors that are no list", body: `{"data":null,"errors":"no"}`, kind: clients.ErrUnavailable},
		{name: "a credential that is said again", body: `{"data":null,"errors":[{"type":"FORBIDDEN","message":"Bad token ` + secret + `"}]}`, kind: clients.ErrForbidden},
		{name: "null alone", body: `{"data":{"r0":null}}`, kind: clients.ErrNotFound},
		{name: "nothing", body: `{}`, kind: clients.ErrBadAnswer},
		{name: "a page", body: `<!DOCTYPE html><title>Sign in</title>` + secret, kind: clients.ErrBadAnswer},
		{name: "half", body: oneRepository[:200], kind: clients.ErrBadAnswer},
		{name: "an empty body", body: ``, kind: clients.ErrBadAnswer},
		{name: "another type", body: `{"data":{"r0":{"name":{"a":1}}}}`, kind: clients.ErrBadAnswer},
		{name: "text for an object", body: `{"data":{"r0":"no"}}`, kind: clients.ErrBadAnswer},
		{name: "a field that nobody asked for", body: `{"data":{"r0":{"surprise":1}}}`, kind: clients.ErrBadAnswer},
		{name: "a longer list than there can be", body: `{"data":{"r0":{"codeowners":{"errors":[` + strings.Repeat(`{},`, 20_000) + `{}]}}}}`, kind: clients.ErrBadAnswer},
		{name: "too large", body: `{"data":{"r0":null},"x":"` + strings.Repeat("x", 17<<20) + `"}`, kind: clients.ErrBadAnswer},
		{name: "no such interface", body: `{"message":"Not Found"}`, status: 404, kind: clients.ErrUnavailable, says: "address"},
		{name: "bad credentials", body: `{"message":"Bad credentials"}`, status: 401, kind: clients.ErrForbidden},
		{name: "bad gateway", body: secret, status: 502, kind: clients.ErrUnavailable},
		{name: "gateway timeout", body: ``, status: 504, kind: clients.ErrTimeout},
		{name: "moved", body: ``, status: 304, kind: clients.ErrBadAnswer},
		{name: "a bad request", body: `{"message":"Problems parsing JSON"}`, status: 400, kind: clients.ErrBadAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				if test.status != 0 {
					w.WriteHeader(test.status)
				}
				_, _ = io.WriteString(w, test.body)
			})
			got, errs := c.Repositories(context.Background(), []github.Slug{player})
			if got[0] != nil || errs[0] == nil {
				t.Fatalf("there is a repository: %+v", got[0])
			}
			e := clients.Of(errs[0])
			if !errors.Is(errs[0], test.kind) || e == nil || e.Source != "github.com" {
				t.Errorf("fails with %#v, want %v", errs[0], test.kind)
			}
			if text := errs[0].Error(); !strings.Contains(text, test.says) || strings.Contains(text, secret) || strings.Contains(text, "http") || len(text) > 500 {
				t.Errorf("says %q", text)
			}
			if test.header != nil && (time.Until(e.RetryAt) < 50*time.Second || time.Until(e.RetryAt) > 70*time.Second) {
				t.Errorf("to be tried again at %v", e.RetryAt)
			}
		})
	}
}

func TestPartsThatAreMissing(t *testing.T) {
	c, _ := text(t, `{"data":{"r0":`+oneRepository+`,"r1":null,"r2":null},"errors":[
		{"message":"Something went wrong while executing your query. This may be the result of a timeout."},
		{"type":"NOT_FOUND","path":["r1"],"message":"Could not resolve"},{"type":"FORBIDDEN","path":["r99","x"],"message":"no such item"},
		{"type":"FORBIDDEN","path":["r0","defaultBranchRef","target",0,"signature"],"message":"no"}]}`)
	got, errs := c.Repositories(context.Background(), []github.Slug{player, {Owner: "a", Name: "b"}, {Owner: "a", Name: "c"}})
	if got[0] == nil || len(got[0].Missing) != 2 || got[0].Missing[0].Field != "defaultBranchRef.target.0.signature" || !errors.Is(got[0].Missing[1].Err, clients.ErrTimeout) || got[0].Missing[1].Field != "" {
		t.Errorf("what is there misses %+v", got[0].Missing)
	}
	if !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], clients.ErrTimeout) {
		t.Errorf("what is not fails with %v and %v", errs[1], errs[2])
	}
}

// A transport that has judged the answer itself is believed.
func TestErrorsOfTheTransport(t *testing.T) {
	limited := &clients.Error{Kind: clients.ErrLimited, Source: "github.com", RetryAt: time.Unix(2e9, 0), Message: "used up"}
	c, err := github.New("github.com", &url.URL{Scheme: "https", Host: "github.com"}, &http.Client{Transport: failing{limited}})
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := c.Repositories(context.Background(), []github.Slug{player}); errs[0] != error(limited) {
		t.Errorf("GraphQL fails with %#v", errs[0])
	}
	if _, err := c.Blob(context.Background(), player, someOID); err != error(limited) {
		t.Errorf("REST fails with %#v", err)
	}
	c, _ = github.New("github.com", &url.URL{Scheme: "https", Host: "github.com"}, &http.Client{Transport: failing{errors.New("connection to 10.0.0.1 with secret refused")}})
	_, errs := c.Repositories(context.Background(), []github.Slug{player})
	if !errors.Is(errs[0], clients.ErrUnavailable) || strings.Contains(errs[0].Error(), "secret") {
		t.Errorf("an odd failure is %v", errs[0])
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestEndsOfTheContext(t *testing.T) {
	c, err := github.New("github.com", &url.URL{Scheme: "https", Host: "github.com"}, &http.Client{Transport: waiting{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, errs := c.Repositories(ctx, []github.Slug{player}); errs[0] != context.Canceled {
		t.Errorf("cancelled: %v", errs[0])
	}
	if _, err := c.Blob(ctx, player, someOID); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	if _, errs := c.Repositories(ctx, []github.Slug{player}); !errors.Is(errs[0], clients.ErrTimeout) {
		t.Errorf("too late: %v", errs[0])
	}
}

type waiting struct{}

func (waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// FuzzAnswer gives the client answers that nobody would write: it must not panic, must give each item a value or an error, and must not say again what
// could be a credential.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"data":{"r0":`+oneRepository+`,"r1":null},"errors":[{"type":"NOT_FOUND","path":["r1"],"message":"gone"}]}`, 200)
	f.Add(`{"data":{"r0":{"languages":{"edges":[null,{"size":1,"node":null}]},"defaultBranchRef":{"target":null}}}}`, 200)
	f.Add(`{"data":{"r1":[]},"errors":[{"path":["r1",0,{}],"extensions":[]}]}`, 200)
	f.Add(`{"errors":{}}`, 200)
	f.Add(`{"data":{"r0":{"refs":{"edges":[null,{"cursor":"a","node":null},{"cursor":"b","node":{"name":"x"}}]},"edges":[{"cursor":"c","node":{"number":1}}]}},"errors":[{"path":["r0","edges",0,"node"]}]}`, 200)
	f.Add(`[[[[`, 502)
	f.Fuzz(func(t *testing.T, body string, status int) {
		if status < 200 || status > 599 {
			status = 200
		}
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		repositories, errs := c.Repositories(context.Background(), []github.Slug{player, {Owner: "a", Name: "b"}})
		pages, pageErrs := c.Refs(context.Background(), []github.RefsQuery{{Slug: player}, {Slug: player, Tags: true}})
		pulls, pullErrs := c.PullRequestsByNumber(context.Background(), []github.PullRequestNumber{{Slug: player, Number: 1}, {Slug: player, Number: 2}})
		found, foundErrs := c.SearchPullRequests(context.Background(), []github.Search{{Query: "is:pr"}, {Query: "is:open"}})
		for i := range 2 {
			if pages[i] != nil && len(pages[i].Cursors) != len(pages[i].Refs) || (found[i] == nil) == (foundErrs[i] == nil) || found[i] != nil && len(found[i].Cursors) != len(found[i].PullRequests) {
				t.Fatalf("the cursors of item %d are not those of its elements", i)
			}
			if (repositories[i] == nil) == (errs[i] == nil) || (pages[i] == nil) == (pageErrs[i] == nil) || (pulls[i] == nil) == (pullErrs[i] == nil) {
				t.Fatalf("item %d has a value and an error, or neither", i)
			}
			if errs[i] != nil && (clients.CodeOf(errs[i]) == "" && !errors.Is(errs[i], github.ErrInvalid) || len(errs[i].Error()) > 1000) {
				t.Fatalf("an error of no kind: %v", errs[i])
			}
		}
		listed, err := c.OrganisationRepositories(context.Background(), github.Listing{Owner: "larkfold", Files: []string{"a"}, Text: true})
		if err == nil && listed == nil {
			t.Fatal("neither repositories nor an error")
		}
	})
}
