// Package github reads github.com and GitHub Enterprise Server: the names of repositories, numbers, refs and searches go in; repositories, pull
// requests, issues, releases, what git holds and what a webhook tells come out, as plain values within stated bounds.
//
// The one rule: one request serves many. What takes a list asks for all of it at once, and each element gets its own value or its own error;
// a part that GitHub withholds, such as alerts that the credential may not see, takes nothing else with it.
//
// The client has no credential and keeps nothing, waits for nothing and tries nothing twice: that is for the *http.Client it is given, as
// package clients makes it. GraphQL goes through githubv4, whose answers lose all errors but the first, and so an http.RoundTripper of ours
// stands behind it.
//
// Open graphql.go first: how a Go type becomes a query for many and its answer many results; tee.go is what githubv4 does not see,
// failure.go what can go wrong, cost.go what a query costs.
package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/shurcooL/githubv4"
)

// ErrInvalid says that an argument can name nothing on GitHub, such as an owner with a slash in it. Nothing was asked, but for a cursor that GitHub
// itself does not know. The other kinds of error are those of package clients.
var ErrInvalid = errors.New("invalid argument")

// Client reads one GitHub. It is safe for concurrent use and does not change.
type Client struct {
	source string
	rest   *url.URL // ends in a slash
	web    *url.URL // where people look
	http   *http.Client
	graph  *githubv4.Client
	fetch  Fetch // nil: nothing is fetched from other hosts
}

// New returns the client of the GitHub at address: https://github.com or https://api.github.com for github.com, https://HOST for a GitHub
// Enterprise Server, with or without the /api/v3 of its REST interface. What asks it is client, and errors name it source.
func New(source string, address *url.URL, client *http.Client) (*Client, error) {
	rest, graph, web, err := Addresses(address)
	if err != nil {
		return nil, err
	}
	wrapped := *client
	wrapped.Transport = &tee{source: source, next: client.Transport}
	return &Client{source: source, rest: rest, web: web, http: client, graph: githubv4.NewEnterpriseClient(graph.String(), &wrapped)}, nil
}

// Source is what errors name this GitHub.
func (c *Client) Source() string { return c.source }

// Web is where people look, such as https://github.com/.
func (c *Client) Web() *url.URL { return new(*c.web) }

// Showing returns a client that names pages, and knows them, at another address than the one that it was made of, as people reach GitHub there.
func (c *Client) Showing(web *url.URL) *Client {
	out := *c
	out.web = &url.URL{Scheme: web.Scheme, Host: web.Host, Path: "/"}
	return &out
}

// Addresses returns where the REST and the GraphQL interface and the web pages of the GitHub at address are, as "About GitHub Enterprise
// Server's REST API" and "Forming calls with GraphQL" have it. Hosts below ghe.com have theirs on api.HOST, as github.com does.
func Addresses(address *url.URL) (rest, graph, web *url.URL, err error) {
	if address == nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, nil, nil, fmt.Errorf("the address of a GitHub is https://HOST: %w", ErrInvalid)
	}
	at := func(host, path string) *url.URL { return &url.URL{Scheme: address.Scheme, Host: host, Path: path} }
	host := strings.ToLower(address.Host)
	path := strings.TrimSuffix(address.Path, "/")
	name := strings.TrimPrefix(strings.TrimPrefix(host, "www."), "api.")
	if name == "github.com" || strings.HasSuffix(name, ".ghe.com") {
		if path != "" && path != "/graphql" {
			return nil, nil, nil, fmt.Errorf("the address of %s has no path: %w", name, ErrInvalid)
		}
		return at("api."+name, "/"), at("api."+name, "/graphql"), at(name, "/"), nil
	}
	switch path {
	case "", "/api", "/api/v3", "/api/graphql":
		return at(host, "/api/v3/"), at(host, "/api/graphql"), at(host, "/"), nil
	}
	return nil, nil, nil, fmt.Errorf("the address of a GitHub Enterprise Server is https://HOST or https://HOST/api/v3: %w", ErrInvalid)
}

// Missing is a part of a value that GitHub left out although the rest is there.
type Missing struct {
	Field string // in GitHub's words from the value downwards, such as "vulnerabilityAlerts"; "" where GitHub does not say which
	Err   error  // why, of a kind of package clients
}

// The bounds of what is taken over from answers, by judgement: what a page of a portal can show. GitHub's own are larger.
const (
	maxBody    = 64 << 10 // bytes of a description or comment; GitHub's are up to 64 Ki characters
	maxLine    = 4 << 10  // bytes of a title, name or message headline
	maxMissing = 20       // parts of one value that are told to be missing
)

// address returns the text where it is fit for a link: a web address, or one without a scheme as people write them. Else it returns "": what an
// answer holds may run when it is clicked.
func address(text string) string {
	scheme, rest, found := strings.Cut(text, ":")
	port := strings.Contains(scheme, ".") && rest != "" && rest[0] >= '0' && rest[0] <= '9' // www.larkfold.example:8080
	switch {
	case len(text) > maxLine, strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return ""
	case !found, port, strings.EqualFold(scheme, "https"), strings.EqualFold(scheme, "http"):
		return text
	}
	return ""
}

// cut returns the text, or where it is longer than most bytes the beginning of it that is valid UTF-8.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
