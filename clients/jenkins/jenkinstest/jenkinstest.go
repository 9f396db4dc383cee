// Package jenkinstest is a Jenkins that is not one: users, folders, jobs, and what their builds will do and how long that takes, go in; Jenkins'
// remote access API as its documentation and its plugins' have it comes out, with builds that wait, run and end as time passes.
//
// The one rule: an answer is what Jenkins would give, also where that is a nuisance. Whoever asks without "tree" gets what Jenkins shows at that
// "depth", lists of builds end at 100, who comes with a password needs a crumb, errors are web pages, and identical builds in the queue are one.
//
// Open world.go for what there is, clock.go for how time changes it, bean.go for "tree" and "depth", and serve.go for how a request is answered.
package jenkinstest

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

// Settings says what a Server is. Its zero value is a Jenkins without jobs, which nobody may read who is not a user.
type Settings struct {
	Address     string           // where it says it is, such as "https://ci.larkfold.example/jenkins"; where it was asked where empty
	Version     string           // "2.504.3" where empty
	Anonymous   bool             // who is nobody may read
	Unprotected bool             // no crumbs are asked for
	Quiet       time.Duration    // how long a build waits for more changes; 5 s where zero, as Jenkins has it
	Executors   int              // how many builds run at once; 2 where zero
	Without     []string         // plugins that are not installed, of those of the constant Plugins
	Now         func() time.Time // time.Now where nil
	Client      *http.Client     // delivers notifications; one with a limit of 30 s, as the plugin has, where nil
	Log         *slog.Logger     // nowhere where nil
}

// The plugins that a Jenkins may be without.
const (
	StageView    = "pipeline-rest-api"
	Coverage     = "coverage"
	Metrics      = "metrics"
	Notification = "notification"
)

// Server is a simulated Jenkins. It is safe for concurrent use. Close it after use.
type Server struct {
	Faults clientstest.Faults // switched while it runs
	Watch  clientstest.Watch  // what it was asked

	settings Settings
	handler  http.Handler
	salt     [16]byte // of crumbs
	hooks    delivery

	mu    sync.Mutex // guards the world
	world world
}

// New returns a Server with nobody and nothing in it.
func New(settings Settings) *Server {
	if settings.Now == nil {
		settings.Now = time.Now
	}
	if settings.Version == "" {
		settings.Version = "2.504.3"
	}
	if settings.Quiet == 0 {
		settings.Quiet = 5 * time.Second
	}
	if settings.Executors == 0 {
		settings.Executors = 2
	}
	if settings.Client == nil {
		settings.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if settings.Log == nil {
		settings.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{settings: settings, world: newWorld(settings.Now())}
	_, _ = rand.Read(s.salt[:])
	s.handler = s.Watch.Wrap(s.Faults.Wrap(http.HandlerFunc(s.serve)))
	s.hooks.start(s)
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close waits until the notifications under way are delivered, and ends the Server.
func (s *Server) Close() { s.hooks.stop() }

// Advance lets happen what the time since the last request brings, with its notifications: a request does so too.
func (s *Server) Advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
}
