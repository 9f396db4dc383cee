// Package forge says where on the configured repository hosts something lies: addresses of pages, slugs and annotations of catalog entities go in, and the
// host and the path of a repository come out.
//
// The one rule: nobody is asked. What comes out may exist; whether it does, its host knows.
//
// Open this file first for a host, then find.go for what annotations mean; github.go and gitlab.go know how the addresses of each kind of host are made.
package forge

import (
	"net/url"
	"strconv"
	"strings"
)

// Provider is a kind of host.
type Provider string

// The kinds of hosts.
const (
	GitHub Provider = "GITHUB"
	GitLab Provider = "GITLAB"
)

// Host is one configured repository host. It is immutable.
type Host struct {
	Name     string // of the source, such as "github.com"
	Provider Provider
	// Web is where its pages lie, such as https://github.com: what the addresses of repositories start with.
	Web *url.URL

	pages pages
}

// New returns the host whose pages lie at web.
func New(name string, provider Provider, web *url.URL) *Host {
	h := &Host{Name: name, Provider: provider, Web: web, pages: github{}}
	if provider == GitLab {
		h.pages = gitlab{}
	}
	return h
}

// pages is how a kind of host makes the addresses of its pages.
type pages interface {
	// split splits the way in the address of a page into the path of a repository and the rest: "larkfold/player/blob/main/go.mod" into "larkfold/player"
	// and "blob/main/go.mod".
	split(way string) (repository, rest string)
	// valid tells whether a text could be the path of a repository.
	valid(path string) bool
	// pullRequestIn returns the number of the pull request that the rest of an address names; 0 for none.
	pullRequestIn(rest string) int
	// commit returns the rest of the address of a commit, and commitIn what stands for its object id in one; "" for none.
	commit(oid string) string
	commitIn(rest string) string
	// pullRequest returns the rest of the address of a pull request.
	pullRequest(number int) string
}

// Forge returns the host itself: what is more than a host has it by embedding one, and can be found by Find and BySlug.
func (h *Host) Forge() *Host { return h }

// Locate splits the address of a page of the host into the path of a repository and the rest; false where it is no page of a repository here. The rest
// is without slashes at either end.
func (h *Host) Locate(address *url.URL) (repository, rest string, ok bool) {
	if !strings.EqualFold(address.Host, h.Web.Host) || address.Scheme != "https" && address.Scheme != "http" {
		return "", "", false
	}
	way, ok := strings.CutPrefix(strings.Trim(address.Path, "/")+"/", strings.TrimPrefix(strings.Trim(h.Web.Path, "/")+"/", "/"))
	if !ok {
		return "", "", false
	}
	repository, rest = h.pages.split(strings.Trim(way, "/"))
	repository = strings.TrimSuffix(repository, ".git")
	return repository, rest, h.pages.valid(repository)
}

// Split splits the way in the address of a page, from where the pages of the host begin, into the path of a repository and the rest. The path may be none.
func (h *Host) Split(way string) (repository, rest string) { return h.pages.split(way) }

// Valid tells whether a text could be the path of a repository of the host, such as "larkfold/artist-web".
func (h *Host) Valid(path string) bool { return h.pages.valid(path) }

// PullRequestIn returns the number of the pull request that the rest of an address names, as Locate returns it; 0 where it names none.
func (h *Host) PullRequestIn(rest string) int { return h.pages.pullRequestIn(rest) }

// CommitURL returns the address of the page of a commit.
func (h *Host) CommitURL(repository, oid string) string {
	return h.Web.JoinPath(repository, h.pages.commit(oid)).String()
}

// CommitIn returns what stands for the object id of a commit in the rest of an address, as Locate returns it; "" where it is no page of a commit.
func (h *Host) CommitIn(rest string) string { return h.pages.commitIn(rest) }

// PullRequestURL returns the address of the page of a pull request.
func (h *Host) PullRequestURL(repository string, number int) string {
	return h.Web.JoinPath(repository, h.pages.pullRequest(number)).String()
}

// RepositoryURL returns the address of the page of a repository.
func (h *Host) RepositoryURL(repository string) string { return h.Web.JoinPath(repository).String() }

// Number reads a number as addresses and keys have it: of digits alone, without leading zeros; false, and 0, for anything else.
func Number(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, false
	}
	return n, true
}
