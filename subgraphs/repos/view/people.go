package view

import (
	"context"
	"net/url"
	"strings"

	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// The annotations that tell who an entity is on a repository host. For an instance of one's own, its host stands in place of gitlab.com.
const (
	githubUser = "github.com/user-login"
	githubTeam = "github.com/team-slug"
	userSuffix = "/user-login"
	teamSuffix = "/team-path"
)

// account is who an entity is on a host: a user or a team.
type account struct {
	host *host.Host
	user string
	team string
}

// accounts returns who the annotations name on the configured hosts, in the order of the configuration. An annotation that GitHub gives no host may mean any
// of the GitHub hosts: where the entity is declared on one, that one; else github.com, else the first.
func (q *Request) accounts(annotations map[string]string) []account {
	var out []account
	near := ""
	if kind, target, _ := strings.Cut(annotations[forge.ManagedBy], ":"); kind == "url" {
		if u, err := url.Parse(target); err == nil {
			near = u.Host
		}
	}
	if user, team := annotations[githubUser], annotations[githubTeam]; user != "" || team != "" {
		if h := q.nearest(forge.GitHub, near, "github.com"); h != nil {
			out = append(out, account{host: h, user: lastPart(user), team: strings.Trim(team, "/ ")})
		}
	}
	for _, h := range q.source.Hosts {
		if h.Provider != forge.GitLab {
			continue
		}
		user, team := annotations[h.Web.Host+userSuffix], annotations[h.Web.Host+teamSuffix]
		if user != "" || team != "" {
			out = append(out, account{host: h, user: lastPart(user), team: strings.Trim(team, "/ ")})
		}
	}
	return out
}

// lastPart returns what follows the last slash: an annotation may hold the address of the user's page.
func lastPart(text string) string {
	text = strings.TrimRight(text, "/ ")
	return text[strings.LastIndexByte(text, '/')+1:]
}

// nearest returns the first host of the provider that has one of the names, else its first, else nil.
func (q *Request) nearest(provider forge.Provider, names ...string) *host.Host {
	var first *host.Host
	for _, name := range names {
		for _, h := range q.source.Hosts {
			if h.Provider != provider {
				continue
			}
			if first == nil {
				first = h
			}
			if strings.EqualFold(h.Web.Host, name) {
				return h
			}
		}
	}
	return first
}

// OpenPullRequests are open pull requests of the people, or of the repository.
func (e *CatalogEntity) OpenPullRequests(ctx context.Context, first *int, after *string) (*PullRequestConnection, error) {
	if e.isPeople() {
		return e.search(ctx, false, first, after)
	}
	r, _, err := e.look(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	return r.PullRequests(ctx, []PullRequestState{"OPEN"}, nil, nil, nil, nil, first, after, nil, nil)
}

// ReviewQueue are open pull requests that wait for a review.
func (e *CatalogEntity) ReviewQueue(ctx context.Context, first *int, after *string) (*PullRequestConnection, error) {
	if !e.isPeople() {
		return nil, nil
	}
	return e.search(ctx, true, first, after)
}

func (e *CatalogEntity) isPeople() bool {
	kind, _, _ := strings.Cut(strings.ToLower(e.Ref), ":")
	return kind == "user" || kind == "group"
}

// search asks the first host that knows the entity.
func (e *CatalogEntity) search(ctx context.Context, reviews bool, first *int, after *string) (*PullRequestConnection, error) {
	wanted, err := pagingOf(relay.Args{First: first, After: after})
	if err != nil {
		return nil, err
	}
	at, search := e.searched(reviews, wanted)
	if at == nil {
		return nil, nil
	}
	b := e.request.of(at).searches
	e.cohort.ask(at, b.Kind, host.NameOf(host.Search{Reviews: reviews, Paging: wanted.Paging}), func() {
		for _, other := range e.cohort.entities {
			if h, s := other.searched(reviews, wanted); h == at {
				b.Prepare(ctx, s)
			}
		}
	})
	l, err := b.Load(ctx, search)
	return e.request.pullRequests(at, wanted, l, err)
}

// searched returns what is searched for, and on which host; nil where the annotations name nobody.
func (e *CatalogEntity) searched(reviews bool, wanted page) (*host.Host, host.Search) {
	known := e.request.accounts(e.Annotations)
	if len(known) == 0 {
		return nil, host.Search{}
	}
	search := host.Search{Team: known[0].team, Reviews: reviews, Paging: wanted.Paging}
	if known[0].user != "" {
		search.Users = []string{known[0].user}
	}
	return known[0].host, search
}
