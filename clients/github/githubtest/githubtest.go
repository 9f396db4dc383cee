// Package githubtest is a GitHub that runs inside the process: accounts, repositories with their history, pull requests, reviews,
// issues, releases, checks and alerts, asked through GraphQL and REST as GitHub and GitHub Enterprise Server are, with their budgets,
// their errors and their webhooks. Settings and git repositories go in; an http.Handler comes out, and methods that change what
// it answers.
//
// The one rule: it is held to be GitHub by others than us. Its schema is compared with the one GitHub publishes and gh, GitHub's own
// command line, must be content with it; what git holds is read from real repositories, never made up.
//
// Open state.go for what it knows, serve.go for how a request is answered, schema for what may be asked.
package githubtest

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// Settings says what kind of GitHub it is. Its zero value is an empty github.com.
type Settings struct {
	Enterprise bool                      // GitHub Enterprise Server: /api/graphql and /api/v3, and no rate limits unless Limits says some
	Host       string                    // of the web pages that answers point to; "github.com" where empty
	Folders    []string                  // searched for the git repositories that Repository.Folder names
	Limits     *Limits                   // budgets for each user; the vendor's where nil
	AppKeys    map[string]*rsa.PublicKey // of GitHub Apps, by the issuer (client id or app id) their tokens name
	Webhook    Webhook                   // where changes are told
	Storage    string                    // where logs and artifacts lie, which GitHub.Storage serves; "https://storage." and Host where empty
	Now        func() time.Time          // time.Now where nil
	Log        *slog.Logger              // nowhere where nil
}

// Limits are the budgets of one user or installation, in points or requests.
type Limits struct {
	Core, GraphQL      int // for an hour
	Search, CodeSearch int // for a minute
}

// usualLimits are those of a user of github.com, as documented in November 2026.
var usualLimits = Limits{Core: 5000, GraphQL: 5000, Search: 30, CodeSearch: 10}

// enterpriseVersion is what a server says it is; the oldest release that GitHub supported in November 2026.
const enterpriseVersion = "3.17.0"

// GitHub is the simulator. Its methods may be called while it serves.
type GitHub struct {
	Faults clientstest.Faults // what fails; switched at any time
	Watch  clientstest.Watch  // what was asked

	StorageFaults clientstest.Faults // of where logs and artifacts lie
	StorageWatch  clientstest.Watch  // likewise

	settings   Settings
	git        *git.Client
	graph      *clientstest.GraphQL
	handler    http.Handler
	budgets    budgets
	remembered memory
	hooks      *hooks
	storage    *storage

	mu    sync.RWMutex // requests read under it; mutations and the methods of this type write
	state state
}

// New returns a GitHub without accounts. It fails where git cannot be used. Close it after use.
func New(ctx context.Context, settings Settings) (*GitHub, error) {
	if settings.Host == "" {
		settings.Host = "github.com"
	}
	if settings.Storage == "" {
		settings.Storage = "https://storage." + settings.Host
	}
	if settings.Now == nil {
		settings.Now = time.Now
	}
	if settings.Log == nil {
		settings.Log = slog.New(slog.DiscardHandler)
	}
	client, err := git.Open(ctx, git.Config{Folders: settings.Folders, Log: settings.Log})
	if err != nil {
		return nil, fmt.Errorf("starting a simulated GitHub: %w", err)
	}
	g := &GitHub{settings: settings, git: client, state: newState(), storage: newStorage()}
	g.hooks = newHooks(g)
	if g.graph, err = g.schema(); err != nil {
		return nil, fmt.Errorf("starting a simulated GitHub: %w", err)
	}
	g.handler = g.Watch.Wrap(g.Faults.Wrap(g.routes()))
	return g, nil
}

// Close ends deliveries that are under way.
func (g *GitHub) Close() {
	g.hooks.close()
	g.git.Close()
}

// ServeHTTP implements http.Handler.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

func (g *GitHub) now() time.Time { return g.settings.Now().UTC().Truncate(time.Second) }

// web returns the address of a web page.
func (g *GitHub) web(path string) string { return "https://" + g.settings.Host + path }

// content returns the git repository in a folder of this machine.
func (g *GitHub) content(ctx context.Context, folder string) (*git.Repository, error) {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	for _, look := range []func(context.Context) (*git.Found, error){g.git.Repositories, g.git.Search} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range found.Repositories {
			if r.Dir == folder {
				return r, nil
			}
		}
	}
	return nil, fmt.Errorf("%s holds no git repository below the folders of the settings: %w", folder, git.ErrNotFound)
}

// AddFolders adds every git repository below the folders of the settings to an account, named as its folder.
func (g *GitHub) AddFolders(ctx context.Context, owner string) ([]*Repository, error) {
	found, err := g.git.Search(ctx)
	if err != nil {
		return nil, err
	}
	var added []*Repository
	for _, r := range found.Repositories {
		one, err := g.AddRepository(ctx, Repository{OwnerLogin: owner, Name: strings.TrimSuffix(filepath.Base(r.Dir), ".git"), Folder: r.Dir})
		if err != nil {
			return added, err
		}
		added = append(added, one)
	}
	return added, nil
}
