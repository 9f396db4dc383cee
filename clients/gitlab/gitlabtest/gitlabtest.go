// Package gitlabtest is a GitLab that is not one: users, nested groups, projects, merge requests, issues and releases that a test or
// a demonstration puts in, and git repositories on this machine, go in; REST (/api/v4), GraphQL (/api/graphql) and webhooks as GitLab
// has them come out.
//
// The one rule: an answer is what GitLab's documentation says it would be, also where that is a nuisance. Pages end at 100, totals
// above 10,000 are not told, a query that is too complex is refused, what somebody may not see does not exist, and a field of a
// paid tier is unknown to the free one.
//
// Pipelines run by themselves as time goes on: package ci has how, ci.go what a test or a demonstration may do to them.
//
// Open world.go for what there is, change.go for what can happen to it, serve.go for how a request is answered, and graph.go for
// GraphQL.
package gitlabtest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// Settings says what a Server is. Its zero value is a GitLab without repositories, of the paid tiers, without rate limits.
type Settings struct {
	Folders []string         // searched for git repositories, which projects are made of
	Address string           // where it says it is, such as "https://gitlab.larkfold.example"; where it was asked where empty
	Version string           // "18.6.0-ee" where empty
	Free    bool             // the free tier: what the paid ones add is unknown
	Limit   int              // requests of one user (or of all who are nobody) in Window; 0 for no limit
	Window  time.Duration    // a minute where zero
	Now     func() time.Time // time.Now where nil; pipelines go on with it
	Ranges  bool             // answers with the part of a job's log that is asked for, as a store in front of GitLab does; GitLab itself sends all of it
	Store   string           // the address of a store that artifacts are kept in: requests for them are led there; none where empty
	Client  *http.Client     // delivers webhooks; one with a limit of 10 s, as GitLab has, where nil
	Log     *slog.Logger     // nowhere where nil
}

// Server is a simulated GitLab. It is safe for concurrent use. Close it after use.
type Server struct {
	Faults clientstest.Faults // switched while it runs
	Watch  clientstest.Watch  // what it was asked

	settings Settings
	git      *git.Client
	graph    *clientstest.GraphQL
	handler  http.Handler
	limiter  limiter
	hooks    delivery

	// mu guards the world. It is held for reading while a request is answered, so that an answer is of one moment.
	mu    sync.RWMutex
	world world
}

// New returns a Server with nobody and nothing in it.
func New(ctx context.Context, settings Settings) (*Server, error) {
	if settings.Now == nil {
		settings.Now = time.Now
	}
	if settings.Version == "" {
		settings.Version = "18.6.0-ee"
		if settings.Free {
			settings.Version = "18.6.0"
		}
	}
	if settings.Window == 0 {
		settings.Window = time.Minute
	}
	if settings.Client == nil {
		settings.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if settings.Log == nil {
		settings.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{settings: settings, world: newWorld()}
	var err error
	if s.git, err = git.Open(ctx, git.Config{Folders: settings.Folders, Log: settings.Log}); err != nil {
		return nil, fmt.Errorf("starting a GitLab: %w", err)
	}
	if s.graph, err = newGraph(s, settings.Free); err != nil {
		s.git.Close()
		return nil, fmt.Errorf("starting a GitLab: %w", err)
	}
	s.handler = s.Watch.Wrap(s.Faults.Wrap(s.upToNow(s.routes())))
	s.hooks.start(s)
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close waits until the webhooks under way are delivered, and ends the Server.
func (s *Server) Close() {
	s.hooks.stop()
	s.git.Close()
}

// Repositories returns the paths of the git repositories below the folders, as Project.Repository takes them.
func (s *Server) Repositories(ctx context.Context) ([]string, error) {
	found, err := s.git.Search(ctx)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(found.Repositories))
	for i, r := range found.Repositories {
		paths[i] = r.Path
	}
	return paths, nil
}
