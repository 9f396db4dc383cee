// Package gitlab reads gitlab.com and GitLab's self-managed editions: paths of projects and groups, numbers, refs and searches go in;
// projects, merge requests, issues, releases, pipelines, what git holds and what a webhook tells come out, as plain values within stated bounds.
//
// The one rule: one request serves many. What takes a list asks GraphQL for all of it at once, as far as GitLab's limit on the complexity of
// a query allows, and each element gets its own value or its own error. REST, through GitLab's own client for Go, is for what GraphQL does
// not have; each method says how many requests it makes. Only what the free edition has is asked for where the others are asked too, as one
// unknown field makes GitLab refuse a whole query.
//
// The client has no credential and keeps nothing, waits for nothing and tries nothing twice: that is for the *http.Client it is given, as
// package clients makes it. What GitLab's own client would do of all this is switched off.
//
// Open graphql.go for how GraphQL is asked, guard.go for what stands between REST and the network, failure.go for what can go wrong, action.go and
// note.go for all that it changes, and webhook.go for events.
package gitlab

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	official "gitlab.com/gitlab-org/api/client-go/v2"
)

// Client reads one GitLab, of version 17 or newer. It is safe for concurrent use and does not change.
type Client struct {
	source string
	web    *url.URL // where its pages are, without a slash at the end
	root   *url.URL // where it is asked, likewise
	graph  string
	http   *http.Client
	rest   *official.Client
}

// New returns the client of the GitLab at address, such as https://gitlab.com, with or without the /api/v4 of its REST interface. What asks
// it is client, and errors name it source.
func New(source string, address *url.URL, client *http.Client) (*Client, error) {
	if address == nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("the address of a GitLab is https://HOST, or https://HOST/PATH: %w", ErrInvalid)
	}
	web := &url.URL{Scheme: address.Scheme, Host: address.Host, Path: strings.TrimSuffix(strings.TrimRight(address.Path, "/"), "/api/v4")}
	guarded := *client
	guarded.Transport = &guard{source: source, next: client.Transport}
	rest, err := official.NewAuthSourceClient(official.Unauthenticated{},
		official.WithBaseURL(web.String()), official.WithHTTPClient(&guarded), official.WithoutRetries(), official.WithCustomRetryMax(0),
		official.WithCustomLimiter(unlimited{}), official.WithURLWarningLogger(slog.New(slog.DiscardHandler)), official.WithUserAgent("callboard"))
	if err != nil {
		return nil, fmt.Errorf("the address of a GitLab: %w", err)
	}
	return &Client{source: source, web: web, root: web, graph: web.String() + "/api/graphql", http: &guarded, rest: rest}, nil
}

// Source returns what errors name it.
func (c *Client) Source() string { return c.source }

// Web returns where its pages are, without a slash at the end.
func (c *Client) Web() *url.URL { return new(*c.web) }

// Showing returns a client that names pages at another address than the one that is asked, as people reach GitLab there.
func (c *Client) Showing(web *url.URL) *Client {
	out := *c
	out.web = &url.URL{Scheme: web.Scheme, Host: web.Host, Path: strings.TrimRight(web.Path, "/")}
	return &out
}

// unlimited is a limiter of GitLab's client that does not limit.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// rest makes the options of a call to the REST interface.
func with(ctx context.Context) official.RequestOptionFunc { return official.WithContext(ctx) }

// drain reads what is left of a body that nobody wants, as far as that costs less than a new connection.
func drain(body io.ReadCloser) {
	const cheap = 64 << 10
	_, _ = io.CopyN(io.Discard, body, cheap)
	_ = body.Close()
}
