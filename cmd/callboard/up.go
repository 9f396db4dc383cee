package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/cmd/callboard/board"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/cmd/callboard/demo"
	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/catalog"
	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/postgres"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/repos"
	"callboard.dev/callboard/subgraphs/sources"
	"callboard.dev/callboard/subgraphs/sources/graph"
)

// configFlags are the flags of every command that serves.
type configFlags struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration file; callboard.example.yaml shows everything it can hold." type:"existingfile"`
	Listen string `placeholder:"HOST:PORT" help:"Where to listen (default localhost:4000); port 0 picks a free one."`
	State  string `placeholder:"FOLDER" help:"Where Callboard keeps what it must not forget."`
}

// load reads the configuration: defaults, then the file, then flags.
func (c *configFlags) load(p *program) (config.Config, *slog.Logger, error) {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return cfg, nil, err
		}
	}
	if c.Listen != "" {
		cfg.Listen = c.Listen
	}
	if c.State != "" {
		state, err := filepath.Abs(c.State)
		if err != nil {
			return cfg, nil, err
		}
		cfg.State = state
	}
	if err := cfg.Check(); err != nil {
		return cfg, nil, err
	}
	return cfg, newLog(cfg, p.stderr), nil
}

func newLog(cfg config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Log.SlogLevel()}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// loadWithFolders reads the configuration for a command that is given folders: those win over the configured ones, and without any the current
// folder is meant. Each must exist, so that a typing error is not an empty catalog.
func (c *configFlags) loadWithFolders(p *program, folders []string) (config.Config, *slog.Logger, error) {
	cfg, log, err := c.load(p)
	if err != nil {
		return cfg, nil, err
	}
	if len(folders) > 0 {
		cfg.Folders = folders
	}
	if len(cfg.Folders) == 0 {
		cfg.Folders = []string{"."}
	}
	for i, folder := range cfg.Folders {
		if err := folderExists(folder); err != nil {
			return cfg, nil, err
		}
		if cfg.Folders[i], err = filepath.Abs(folder); err != nil {
			return cfg, nil, err
		}
	}
	return cfg, log, nil
}

type upCommand struct {
	configFlags
	Folders []string `arg:"" optional:"" name:"folder" help:"Folders searched for git checkouts and catalog files (default: the configuration's, else the current folder)."`
}

func (c *upCommand) Run(p *program) error {
	cfg, log, err := c.loadWithFolders(p, c.Folders)
	if err != nil {
		return err
	}
	return up(p, cfg, log, nil)
}

type demoCommand struct {
	configFlags
}

func (c *demoCommand) Run(p *program) error {
	cfg, log, err := c.load(p)
	if err != nil {
		return err
	}
	names, err := demo.CheckedOut()
	if err != nil {
		return err
	}
	folder := filepath.Join(cfg.State, "examples")
	if err := examples.Build(p.ctx, folder, names...); err != nil {
		return fmt.Errorf("building the example organisation in %s: %w", folder, err)
	}
	stage, err := demo.Open(p.ctx, cfg.State, log.With("part", "demo"))
	if err != nil {
		return err
	}
	defer stage.Close()
	cfg.Folders = []string{folder}
	sources := stage.Sources()
	if _, port, err := net.SplitHostPort(cfg.Listen); err == nil && port != "0" && cfg.PublicURL == "" {
		cfg.PublicURL = "http://localhost:" + port
	}
	for i := range sources {
		if cfg.PublicURL != "" && sources[i].Kind != "jenkins" { // the others have pull requests
			sources[i].Announce = config.Announce{As: "comment", Repositories: []string{"**"}}
		}
	}
	cfg.Sources = append(sources, cfg.Sources...)
	// In the demonstration everybody may run pipelines, and so may its script.
	cfg.Access.Anonymous = append(cfg.Access.Anonymous, string(access.RunPipelines), string(access.AuditPipelines))
	cfg.Access.Tokens = append(cfg.Access.Tokens, config.AccessToken{Name: "script", Token: config.NewSecret(stage.ScriptToken), May: []string{string(access.RunPipelines)}})
	if err := cfg.Check(); err != nil {
		return err
	}
	return up(p, cfg, log, stage)
}

// up starts the whole product: the first-party subgraphs in this process, others' over HTTP, one graph over all.
// With a stage, its hosts are among the sources of the configuration.
func up(p *program, cfg config.Config, log *slog.Logger, stage *demo.Stage) error {
	s, others, err := graphOf(p, cfg, log)
	if err != nil {
		return err
	}
	registry := newRegistry()
	out, err := openUpstream(cfg, log, registry, "all")
	if err != nil {
		return err
	}
	defer out.close()
	own, err := openFirstParty(p.ctx, cfg, log, out)
	if err != nil {
		return err
	}
	defer own.close()
	subgraphs := map[string]execute.Subgraph{}
	settings := graphSettings(cfg, log)
	for name, schema := range own.schemas {
		inside := execute.NewInProcess(schema, nil)
		inside.Forward = forwarded[name]
		subgraphs[name] = inside
		settings.Expose[name] = true // their messages are written for clients
	}
	for _, remote := range cfg.Subgraphs {
		subgraphs[remote.Name] = httpSubgraph(remote)
	}
	engine := server.NewEngine(server.NewGraph(s, remembered(cfg, s, subgraphs, out.cache), settings))
	if len(others.missing) > 0 {
		go others.keepGrowing(p.ctx, log, func(s *supergraph.Supergraph) {
			engine.Swap(server.NewGraph(s, remembered(cfg, s, subgraphs, out.cache), settings))
		})
	}
	what := serving{executor: engine, examples: playgroundExamples(), handlers: own.with(out.hooks.handlers()), registry: registry, pages: board.Pages()}
	if stage != nil {
		maps.Copy(what.pages, stage.Pages())
		what.listening = func(address net.Addr) error {
			if err := stage.Tell(address); err != nil {
				return err
			}
			if err := own.searched(p.ctx, out, demo.GitHub, demo.GitLab); err != nil { // others may be down
				return err
			}
			stage.Play(p.ctx)
			return nil
		}
	}
	return serve(p, cfg, log, what)
}

// forwarded are the headers of clients' requests that our own subgraphs see, by the names of these.
var forwarded = map[string][]string{"pipelines": {"Authorization"}}

// graphOf returns the supergraph to serve: the committed one, or one composed with the configured subgraphs of others.
func graphOf(p *program, cfg config.Config, log *slog.Logger) (*supergraph.Supergraph, *others, error) {
	if len(cfg.Subgraphs) == 0 {
		s, err := loadSupergraph("")
		return s, &others{}, err
	}
	return joinOthers(p.ctx, cfg.Subgraphs, log)
}

// firstParty is our own subgraphs, opened.
type firstParty struct {
	schemas   map[string]graphql.ExecutableSchema
	catalog   *catalog.Catalog     // nil where it is not wanted
	pipelines *pipelines.Pipelines // nil where it is not wanted
	closers   []io.Closer
}

// with returns the handlers of webhooks with what the subgraphs answer beside the graph.
func (f *firstParty) with(handlers map[string]http.Handler) map[string]http.Handler {
	if f.pipelines != nil {
		handlers["/reports/coverage"], handlers["/reports/tests"] = f.pipelines.Upload(), f.pipelines.Upload()
	}
	return handlers
}

func (f *firstParty) close() {
	for _, c := range f.closers {
		_ = c.Close()
	}
}

// searched returns when these of the origins were searched once, so that who looks around at once finds everything.
func (f *firstParty) searched(ctx context.Context, from *upstream, names ...string) error {
	for _, o := range from.origins {
		if !slices.Contains(names, o.Name()) {
			continue
		}
		if err := f.catalog.Refresh(ctx, o.Name()); err != nil {
			return fmt.Errorf("searching %s: %w", o.Name(), err)
		}
	}
	return nil
}

// openFirstParty opens the first-party subgraphs, or only those named, at the same time.
func openFirstParty(ctx context.Context, cfg config.Config, log *slog.Logger, from *upstream, names ...string) (*firstParty, error) {
	wanted := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	out := &firstParty{schemas: map[string]graphql.ExecutableSchema{}}
	var (
		group errgroup.Group
		c     *catalog.Catalog
		r     *repos.Repos
	)
	if wanted("catalog") {
		group.Go(func() (err error) {
			remembered, err := openStore(cfg)
			if err != nil {
				return err
			}
			c, err = catalog.Open(ctx, catalog.Config{
				Folders: cfg.Folders, StateFolder: cfg.State, Store: remembered, Origins: from.origins, EveryOf: from.every, Log: log.With("subgraph", "catalog"),
			})
			return err
		})
	}
	if wanted("repos") {
		group.Go(func() (err error) {
			r, err = repos.Open(ctx, repos.Config{Folders: cfg.Folders, Hosts: from.hosts, Log: log.With("subgraph", "repos")})
			return err
		})
	}
	err := group.Wait()
	if wanted("pipelines") {
		p, failed := openPipelines(cfg, log.With("subgraph", "pipelines"), from)
		if failed != nil {
			out.close()
			return nil, failed
		}
		out.schemas["pipelines"] = p.ExecutableSchema()
		out.closers = append(out.closers, p)
		out.pipelines = p
		from.hooks.pipelines = p
	}
	if wanted("sources") {
		out.schemas["sources"] = sources.New(sources.Config{Sources: from.sources, Cache: func() graph.CacheStatus { return cacheStatus(from.cache) }})
	}
	if c != nil {
		out.catalog = c
		from.hooks.refresh.serve(c.Refresh)
		out.schemas["catalog"] = c.ExecutableSchema()
		out.closers = append(out.closers, c)
	}
	if r != nil {
		out.schemas["repos"] = r.ExecutableSchema()
		out.closers = append(out.closers, r)
	}
	if err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

// openStore returns the configured store of the catalog; nil for the file in the state folder.
func openStore(cfg config.Config) (store.Store, error) {
	if cfg.Store.Reveal() == "" {
		return nil, nil
	}
	return postgres.New(cfg.Store.Reveal())
}

// playgroundExamples are the operations the playground opens with.
func playgroundExamples() []server.Example {
	var out []server.Example
	for _, o := range examples.Operations() {
		out = append(out, server.Example{Name: o.Name, Query: o.Query, Variables: o.Variables})
	}
	return out
}

type subgraphCommand struct {
	configFlags
	Name    string   `arg:"" enum:"catalog,repos,pipelines,sources" help:"Which: catalog, repos, pipelines or sources."`
	Folders []string `arg:"" optional:"" name:"folder" help:"Folders searched for git checkouts and catalog files."`
}

// Run serves one first-party subgraph as other gateways expect it: with _service and _entities, over HTTP.
func (c *subgraphCommand) Run(p *program) error {
	cfg, log, err := c.loadWithFolders(p, c.Folders)
	if err != nil {
		return err
	}
	registry := newRegistry()
	out, err := openUpstream(cfg, log, registry, c.Name)
	if err != nil {
		return err
	}
	defer out.close()
	own, err := openFirstParty(p.ctx, cfg, log, out, c.Name)
	if err != nil {
		return err
	}
	defer own.close()
	return serve(p, cfg, log, serving{executor: server.NewSchema(own.schemas[c.Name], cfg.Limits.Values), handlers: own.with(out.hooks.handlers()), registry: registry})
}
