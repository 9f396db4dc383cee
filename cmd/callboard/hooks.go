package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/webhooks"
	"callboard.dev/callboard/subgraphs/catalog/origin"
	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// hooks take the webhooks of all sources: what is remembered of what they tell of is out of date at once, and catalog files are read again behind that.
type hooks struct {
	log                     *slog.Logger
	github, gitlab, jenkins *webhooks.Receiver
	forget                  func(ctx context.Context, tags ...string) error
	places                  []place
	builders                []*ci.System        // that are no repository hosts
	pipelines               noticer             // nil where this process does not serve them
	secrets                 map[string][]string // of webhooks, by name of source

	refresh refresher // of the catalog, where this process has one
}

// noticer is told what systems tell of builds.
type noticer interface{ Noticed(pipelines.Notice) }

// place is a source that sends webhooks.
type place struct {
	host   *host.Host
	origin *origin.Origin // nil where it is not searched
}

func newHooks(u *upstream) *hooks {
	h := &hooks{log: u.log, secrets: map[string][]string{}, forget: func(context.Context, ...string) error { return nil }}
	h.refresh.log = u.log
	h.refresh.ctx, h.refresh.stop = context.WithCancel(context.Background())
	if u.cache != nil {
		h.forget = u.cache.Invalidate
	}
	receiver := func(delivery func(http.Header) string, handle func(context.Context, webhooks.Event) error) *webhooks.Receiver {
		r := &webhooks.Receiver{Delivery: delivery, Handle: handle, Seen: &webhooks.Memory{}, Log: u.log}
		if u.redis != nil {
			r.Seen = &webhooks.Redis{Client: u.redis, Prefix: u.seen}
		}
		return r
	}
	h.github, h.gitlab = receiver(github.Delivery, h.fromGitHub), receiver(gitlab.Delivery, h.fromGitLab)
	h.jenkins = receiver(nil, h.fromJenkins) // it gives deliveries no names: what comes twice is done twice, which asks for no more than once
	h.jenkins.MaxBody = jenkins.MaxEvent
	return h
}

// know adds a source; it is called before anything is received.
func (h *hooks) know(at *host.Host, o *origin.Origin) { h.places = append(h.places, place{at, o}) }

// knowBuilder adds a system that builds and tests and is no repository host; it is called before anything is received.
func (h *hooks) knowBuilder(s *ci.System) { h.builders = append(h.builders, s) }

// handlers are the paths that webhooks are sent to.
func (h *hooks) handlers() map[string]http.Handler {
	return map[string]http.Handler{"/webhooks/github": h.github, "/webhooks/gitlab": h.gitlab, "/webhooks/jenkins": h.jenkins}
}

func (h *hooks) close() {
	_ = h.github.Close()
	_ = h.gitlab.Close()
	_ = h.jenkins.Close()
	h.refresh.close()
}

// speaks tells whether who signs webhooks of a source may tell of another: where it is that one, or they share a secret. Else the administrator of one host could tell
// what happens on another.
func (h *hooks) speaks(source, of string) bool {
	return source == of || slices.ContainsFunc(h.secrets[source], func(secret string) bool { return slices.Contains(h.secrets[of], secret) })
}

// at returns the source that an event is of: among those of one kind that share a secret the one whose pages lie where the event says.
func (h *hooks) at(source, server string) place {
	named := slices.IndexFunc(h.places, func(p place) bool { return p.host.Name == source })
	if named < 0 {
		return place{}
	}
	for _, p := range h.places {
		if p.host.Provider == h.places[named].host.Provider && strings.EqualFold(p.host.Web.Host, server) && h.speaks(source, p.host.Name) {
			return p
		}
	}
	return h.places[named]
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
	case event.Kind == "repository", event.Kind == "installation", event.Kind == "installation_repositories":
		what.search = true // one came, went, was renamed, archived or opened
	case event.Kind == "push" && event.DefaultBranch != "" && slices.Contains(event.Refs, "refs/heads/"+event.DefaultBranch):
		what.pushed, what.paths, what.all = event.Repository.String(), event.Paths, event.PathsComplete
	}
	at := h.at(e.Source, cmp.Or(event.Host, "github.com"))
	err = h.tell(ctx, at, what)
	n := pipelines.Notice{Owner: event.Repository.String()}
	switch ran := event.Ran; {
	case ran.Run != nil:
		n.Run, n.Done = int64(ran.Run.DatabaseID), ran.Run.Done()
	case ran.Job != nil:
		n.Run = int64(ran.Job.Run)
	}
	if slices.Contains(ofBuilds, event.Kind) && len(event.PullRequests) > 0 {
		n.PullRequest = event.PullRequests[0]
		if len(event.Commits) > 0 {
			n.Head = string(event.Commits[0])
		}
	}
	h.notice(at, n)
	return err
}

// ofBuilds are the kinds of GitHub's events after which there is something else to say of the builds of a pull request.
var ofBuilds = []string{"pull_request", "workflow_run", "check_suite"}

// ofPullRequests are the kinds of GitHub's events after which lists of pull requests, what they say, or who may see them, are others.
var ofPullRequests = []string{"pull_request", "pull_request_review", "pull_request_review_thread", "pull_request_review_comment", "issue_comment", "check_suite",
	"check_run", "status", "label", "milestone", "repository", "installation_repositories", "membership", "team", "organization"}

func (h *hooks) fromGitLab(ctx context.Context, e webhooks.Event) error {
	event, err := gitlab.ParseEvent(e.Header, e.Body)
	if err != nil {
		return err
	}
	what := news{changed: host.Changed{PullRequests: slices.Contains(ofMergeRequests, event.Kind)}}
	for _, path := range []string{event.Project, event.Was} {
		if path != "" {
			what.changed.Repositories = append(what.changed.Repositories, path)
		}
	}
	switch of, _, _ := strings.Cut(event.Kind, "_"); of {
	case "project", "subgroup", "group":
		what.search, what.changed.PullRequests = true, true // one came, went, was renamed, archived or opened
	case "user":
		what.changed.PullRequests = true // who is in a group or in a project
	}
	if event.Kind == "push" && event.Ref == "refs/heads/"+event.DefaultBranch {
		what.pushed = event.Project
	}
	server := strings.TrimPrefix(strings.TrimPrefix(event.Instance, "https://"), "http://")
	at := h.at(e.Source, server)
	err = h.tell(ctx, at, what)
	n := pipelines.Notice{Owner: event.Project}
	switch {
	case event.Pipeline != nil:
		n.Run, n.Done = event.Pipeline.ID, !event.Pipeline.FinishedAt.IsZero()
	case event.Job != nil:
		n.Run = event.Job.Pipeline
	}
	if event.Kind == "merge_request" || event.Pipeline != nil {
		n.PullRequest, n.Head = event.Number, string(event.Head)
	}
	h.notice(at, n)
	return err
}

// ofMergeRequests are the kinds of GitLab's events after which lists of merge requests, or what they say, are others.
var ofMergeRequests = []string{"merge_request", "pipeline", "note", "milestone"}

// notice tells of builds and pull requests, once what is remembered of them is forgotten.
func (h *hooks) notice(at place, n pipelines.Notice) {
	if h.pipelines != nil && at.host != nil {
		n.System = at.host.Name
		h.pipelines.Noticed(n)
	}
}

func (h *hooks) fromJenkins(ctx context.Context, e webhooks.Event) error {
	event, err := jenkins.ParseEvent(e.Body)
	if err != nil {
		return err
	}
	at := h.builder(e.Source, event.Instance)
	if at == nil {
		return errors.New("it is of no source of the configuration")
	}
	// Folders are among the names: which of them are projects, of which the job is a branch, is not asked for.
	names := []string{event.Build.Job}
	for i, c := range event.Build.Job {
		if c == '/' {
			names = append(names, event.Build.Job[:i])
		}
	}
	err = h.forget(ctx, at.Outdated(names...)...)
	if h.pipelines != nil {
		// The plugin for webhooks says no more than that it is completed; the Notification plugin says so before it is finalized, and that it is then.
		done := event.Phase == jenkins.Finalized || event.Phase == jenkins.Completed && event.Result != ""
		h.pipelines.Noticed(pipelines.Notice{System: at.Name, Owner: event.Build.Job, Run: int64(event.Build.Number), Done: done})
	}
	return err
}

// builder returns the Jenkins that an event is of: among those that share a secret the one whose pages lie where the event says.
func (h *hooks) builder(source, instance string) *ci.System {
	var named *ci.System
	for _, s := range h.builders {
		if u, err := url.Parse(instance); err == nil && strings.EqualFold(u.Host, s.Web.Host) && strings.Trim(u.Path, "/") == strings.Trim(s.Web.Path, "/") && h.speaks(source, s.Name) {
			return s
		}
		if s.Name == source {
			named = s
		}
	}
	return named
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

// refresher has the catalog read files again behind what is going on, all that has gathered for an origin at once. Origins do not wait for each other.
type refresher struct {
	log  *slog.Logger
	ctx  context.Context // of all that is read
	stop context.CancelFunc

	mu      sync.Mutex
	catalog func(ctx context.Context, origin string, urls ...string) error // nil where this process has none
	wanted  map[string]map[string]bool                                     // addresses by origin; none for all
	working map[string]bool                                                // the origins that are being read
	workers sync.WaitGroup
}

// refreshTime is what reading one origin again may take.
const refreshTime = 5 * time.Minute

// serve lets the catalog be refreshed from now on.
func (r *refresher) serve(refresh func(ctx context.Context, origin string, urls ...string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catalog, r.wanted, r.working = refresh, map[string]map[string]bool{}, map[string]bool{}
}

// want has files of an origin read again; without any, it is searched.
func (r *refresher) want(origin string, urls ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.catalog == nil {
		return
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
	if !r.working[origin] {
		r.working[origin] = true
		refresh := r.catalog
		r.workers.Go(func() { r.work(refresh, origin) })
	}
}

func (r *refresher) work(refresh func(ctx context.Context, origin string, urls ...string) error, origin string) {
	for {
		r.mu.Lock()
		list, waiting := r.wanted[origin]
		delete(r.wanted, origin)
		if !waiting {
			delete(r.working, origin)
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		r.read(refresh, origin, slices.Collect(maps.Keys(list)))
	}
}

func (r *refresher) read(refresh func(ctx context.Context, origin string, urls ...string) error, name string, urls []string) {
	ctx, cancel := context.WithTimeout(r.ctx, refreshTime)
	defer cancel()
	if err := refresh(ctx, name, urls...); err != nil && !errors.Is(err, remote.ErrClosed) {
		r.log.Warn("catalog files could not be read again: they are when the origin is searched next", "origin", name, "error", err)
	}
}

func (r *refresher) close() {
	r.mu.Lock()
	r.catalog, r.wanted = nil, nil
	r.stop()
	r.mu.Unlock()
	r.workers.Wait()
}
