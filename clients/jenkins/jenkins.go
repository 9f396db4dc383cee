// Package jenkins reads Jenkins, and starts and stops what it builds: full names of jobs, numbers of builds and parameters go in; jobs, builds,
// stages, logs, test and coverage reports, and what a notification tells come out, as plain values within stated bounds.
//
// The one rule: one request serves many. Jenkins computes whatever it is asked for, from files, so every question names the fields it wants
// ("tree"), and a page of jobs with their last builds is one request; each method says how many it makes.
//
// The client has no credential and keeps nothing, waits for nothing and tries nothing twice: that is for the *http.Client it is given, as
// package clients makes it. (An action that Jenkins has refused for want of a crumb is made with one: crumb.go.) It asks its own address alone and
// never follows what an answer names.
//
// Open ask.go for how Jenkins is asked, name.go for what names a job, many.go for pages of jobs, failure.go for what can go wrong, and event.go
// for notifications.
package jenkins

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Client reads one Jenkins, of version 2.222 or newer. It is safe for concurrent use.
type Client struct {
	source string
	web    *url.URL // where its pages are, without a slash at the end
	asked  *url.URL // where it is asked, likewise
	http   *http.Client
	fetch  Fetch        // nil: nobody but Jenkins is asked
	crumbs *atomic.Bool // an action has worked with a crumb, and not without: see crumb.go
}

// New returns the client of the Jenkins at address, such as https://ci.larkfold.example or https://larkfold.example/jenkins. What asks it is
// client, and errors name it source. Redirects are not followed and cookies not kept, whatever client says: no answer of Jenkins that is read here is a
// redirect, and a session would be a second credential.
func New(source string, address *url.URL, client *http.Client) (*Client, error) {
	if address == nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("the address of a Jenkins is https://HOST, or https://HOST/PATH: %w", ErrInvalid)
	}
	web := &url.URL{Scheme: address.Scheme, Host: address.Host, Path: strings.TrimRight(address.Path, "/")}
	still := *client
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	still.Jar = nil
	return &Client{source: source, web: web, asked: web, http: &still, crumbs: new(atomic.Bool)}, nil
}

// Showing returns a client that names pages at another address than the one that is asked, as people reach Jenkins there. What Jenkins itself says of where
// its pages are stays as it is.
func (c *Client) Showing(web *url.URL) *Client {
	out := *c
	out.web = &url.URL{Scheme: web.Scheme, Host: web.Host, Path: strings.TrimRight(web.Path, "/")}
	return &out
}

// Fetch gets what lies at an address of another host that Jenkins named, without a credential. It is clients.Source.Elsewhere.
type Fetch func(ctx context.Context, address *url.URL) (*http.Response, error)

// Fetching returns a client that gets with fetch the artifacts that Jenkins keeps at other hosts.
func (c *Client) Fetching(fetch Fetch) *Client {
	out := *c
	out.fetch = fetch
	return &out
}

// Source returns what errors name it.
func (c *Client) Source() string { return c.source }

// Web returns where its pages are, without a slash at the end.
func (c *Client) Web() *url.URL { return new(*c.web) }
