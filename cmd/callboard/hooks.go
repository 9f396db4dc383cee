package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/webhooks"
	"callboard.dev/callboard/subgraphs/catalog/origin"
	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// hooks take the webhooks of all sources: what is remembered of what they tell of is out of date at once, and catalog files are read again behind that.
type hooks struct {
	log            *slog.Logger
	github, gitlab *webhooks.Receiver
	forget         func(ctx context.Context, tags ...string) error
	places         []place

	refresh refresher // of the catalog, where this process has one
}

// place is a source that sends webhooks.
type place struct {
	host   *host.Host
	origin *origin.Origin // nil where it is not searched
}

func newHooks(u *upstream) *hooks {
	h := &hooks{log: u.log, forget: func(context.Context, ...string) error { return nil }}
	h.refresh.log = u.log
	if u.cache != nil {
		h.forget = u.cache.Invalidate
	}
	receiver := func(delivery func(http.Header) string, handle func(context.Context, webhooks.Event) error) *webhooks.Receiver {
		r := &webhooks.Receiver{Delivery: delivery, Handle: handle, Seen: &webhooks.Memory{}, Log: u.log}
		if u.redis != nil {
			r.Seen = &webhooks.Redis{Client: u.redis, Prefix: "callboard"}
		}
		return r
	}
	h.github, h.gitlab = receiver(github.Delivery, h.fromGitHub), receiver(gitlab.Delivery, h.fromGitLab)
	return h
}

// know adds a source; it is called before anything is received.
func (h *hooks) know(at *host.Host, o *origin.Origin) { h.places = append(h.places, place{at, o}) }

// handlers are the paths that webhooks are sent to.
func (h *hooks) handlers() map[string]http.Handler {
	return map[string]http.Handler{"/webhooks/github": h.github, "/webhooks/gitlab": h.gitlab}
}

func (h *hooks) close() {
	_ = h.github.Close()
	_ = h.gitlab.Close()
	h.refresh.close()
}

// at returns the source that an event is of: among those that share a secret, the one whose pages lie where the event says.
func (h *hooks) at(source, server string) place {
	var found place
	for _, p := range h.places {
		if p.host.Name == source && found.host == nil || server != "" && strings.EqualFold(p.host.Web.Host, server) {
			found = p
		}
	}
	return found
}

func (h *hooks) fromGitHub(ctx context.Context, e webhooks.Event) error {
	event, err := github.ParseEvent(e.Header, e.Body)
	if err != nil {
		return err
	}
	changed := host.Changed{PullRequests: slices.Contains(ofPullRequests, event.Kind)}
	for _, slug := range []github.Slug{event.Repository, event.Was} {
		if slug != (github.Slug{}) {
			changed.Repositories = append(changed.Repositories, slug.String())
		}
	}
	what := news{changed: changed}
	switch {
	case event.Kind == "repository", event.Kind == "installation_repositories":
		what.search = true // one came, went, was renamed, archived or opened
	case event.Kind == "push" && event.DefaultBranch != "" && slices.Contains(event.Refs, "refs/heads/"+event.DefaultBranch):
		what.pushed, what.paths, what.all = event.Repository.String(), event.Paths, event.PathsComplete
	}
	return h.tell(ctx, h.at(e.Source, event.Host), what)
}

// ofPullRequests are the kinds of GitHub's events after which lists of pull requests, or who may see them, are others.
var ofPullRequests = []string{"pull_request", "pull_request_review", "pull_request_review_thread", "pull_request_review_comment", "issue_comment", "check_suite",
	"check_run", "status", "repository", "membership", "team", "organization"}

func (h *hooks) fromGitLab(ctx context.Context, e webhooks.Event) error {
	event, err := gitlab.ParseEvent(e.Header, e.Body)
	if err != nil {
		return err
	}
	what := news{changed: host.Changed{PullRequests: event.Kind == "merge_request" || event.Kind == "pipeline" || event.Kind == "note" || strings.Contains(event.Kind, "member")}}
	switch {
	case event.Project != "":
		what.changed.Repositories = []string{event.Project}
	case strings.HasPrefix(event.Kind, "project_"), strings.Contains(event.Kind, "subgroup"):
		what.search = true
	}
	if event.Kind == "push" && event.Ref == "refs/heads/"+event.DefaultBranch {
		what.pushed = event.Project
	}
	server := strings.TrimPrefix(strings.TrimPrefix(event.Instance, "https://"), "http://")
	return h.tell(ctx, h.at(e.Source, server), what)
}

// news is what an event means.
type news struct {
	changed host.Changed
	search  bool     // the list of repositories is another
	pushed  string   // the repository whose default branch was pushed to
	paths   []string // of the files that were pushed
	all     bool     // there are no others
}

func (h *hooks) tell(ctx context.Context, at place, what news) error {
	if at.host == nil {
		return errors.New("it is of no source of the configuration")
	}
	err := h.forget(ctx, at.host.Outdated(what.changed)...)
	if at.origin == nil {
		return err
	}
	if what.pushed != "" && at.origin.Covers(what.pushed) {
		all, file, known := at.origin.Catalog(what.pushed)
		switch {
		case known:
			h.refresh.want(at.origin.Name(), all, file)
		case !what.all || slices.ContainsFunc(what.paths, at.origin.IsCatalog):
			what.search = true // a repository that no search has seen yet
		}
	}
	if what.search {
		h.refresh.want(at.origin.Name())
	}
	return err
}

// refresher has the catalog read files again behind what is going on, one origin after the other and all that has gathered for it at once.
type refresher struct {
	log *slog.Logger

	mu      sync.Mutex
	catalog func(ctx context.Context, origin string, urls ...string) error // nil where this process has none
	wanted  map[string]map[string]bool                                     // addresses by origin; none for all
	running chan struct{}                                                  // closed when the work is done; nil where there is none
	stop    context.CancelFunc
}

// refreshTime is what reading one origin again may take.
const refreshTime = 5 * time.Minute

// serve lets the catalog be refreshed from now on.
func (r *refresher) serve(refresh func(ctx context.Context, origin string, urls ...string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catalog = refresh
}

// want has files of an origin read again; without any, it is searched.
func (r *refresher) want(origin string, urls ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.catalog == nil {
		return
	}
	if r.wanted == nil {
		r.wanted = map[string]map[string]bool{}
	}
	list, waiting := r.wanted[origin]
	switch {
	case len(urls) == 0 || waiting && list == nil:
		r.wanted[origin] = nil
	default:
		if list == nil {
			list = map[string]bool{}
			r.wanted[origin] = list
		}
		for _, url := range urls {
			list[url] = true
		}
	}
	if r.running == nil {
		ctx, stop := context.WithCancel(context.Background())
		r.running, r.stop = make(chan struct{}), stop
		go r.work(ctx, r.running)
	}
}

func (r *refresher) work(ctx context.Context, done chan struct{}) {
	defer close(done)
	for {
		r.mu.Lock()
		wanted, refresh := r.wanted, r.catalog
		r.wanted = nil
		if len(wanted) == 0 || ctx.Err() != nil {
			r.stop()
			r.running = nil
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		for name, list := range wanted {
			var urls []string
			for url := range list {
				urls = append(urls, url)
			}
			r.read(ctx, refresh, name, urls)
		}
	}
}

func (r *refresher) read(ctx context.Context, refresh func(ctx context.Context, origin string, urls ...string) error, name string, urls []string) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	if err := refresh(ctx, name, urls...); err != nil && !errors.Is(err, remote.ErrClosed) {
		r.log.Warn("catalog files could not be read again: they are when the origin is searched next", "origin", name, "error", err)
	}
}

func (r *refresher) close() {
	r.mu.Lock()
	running := r.running
	r.catalog, r.wanted = nil, nil
	if running != nil {
		r.stop()
	}
	r.mu.Unlock()
	if running != nil {
		<-running
	}
}
