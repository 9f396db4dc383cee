package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

type gatewayCommand struct {
	configFlags
	Supergraph string   `placeholder:"FILE" help:"The supergraph to serve, as a composition printed it."`
	Subgraph   []string `placeholder:"NAME=URL" help:"Use this address for a subgraph instead of the supergraph's."`

	ShareRequests *bool `negatable:"" help:"Let equal queries that come at the same time share one execution, or each have its own. The configuration's server.shareRequests otherwise."`
}

// Run serves a supergraph whose subgraphs are all reached over HTTP.
func (c *gatewayCommand) Run(p *program) error {
	cfg, log, err := c.load(p)
	if err != nil {
		return err
	}
	if c.Supergraph != "" {
		cfg.Gateway.Supergraph = c.Supergraph
	}
	if c.ShareRequests != nil {
		cfg.Server.ShareRequests = *c.ShareRequests
	}
	if cfg.Gateway.Supergraph == "" {
		return fmt.Errorf("which supergraph? give --supergraph FILE, or gateway.supergraph in the configuration")
	}
	s, err := loadSupergraph(cfg.Gateway.Supergraph)
	if err != nil {
		return err
	}
	subgraphs, err := remoteSubgraphs(s, cfg, c.Subgraph, log)
	if err != nil {
		return err
	}
	settings := graphSettings(cfg, log)
	cfg.Sources = nil // they are for those that serve subgraphs
	registry := newRegistry()
	out, err := openUpstream(cfg, log, registry, "gateway")
	if err != nil {
		return err
	}
	defer out.close()
	engine := server.NewEngine(server.NewGraph(s, remembered(cfg, s, subgraphs, out.cache), settings))
	file := &supergraphFile{name: cfg.Gateway.Supergraph, log: log, text: s.Text}
	go file.follow(p.ctx, func(s *supergraph.Supergraph) error {
		now, err := remoteSubgraphs(s, cfg, c.Subgraph, log)
		if err != nil {
			return err
		}
		keepConnections(subgraphs, now)
		subgraphs = now
		engine.Swap(server.NewGraph(s, remembered(cfg, s, now, out.cache), settings))
		return nil
	})
	return serve(p, cfg, log, serving{executor: engine, registry: registry})
}

// remoteSubgraphs returns the subgraphs of a supergraph, reached over HTTP at the addresses that pairs (NAME=URL), the configuration or the supergraph give.
func remoteSubgraphs(s *supergraph.Supergraph, cfg config.Config, pairs []string, log *slog.Logger) (map[string]execute.Subgraph, error) {
	addresses := map[string]string{}
	for _, pair := range pairs {
		name, url, err := splitPair("--subgraph", pair)
		if err != nil {
			return nil, err
		}
		if s.Subgraph(name) == nil {
			return nil, fmt.Errorf("--subgraph %s: the supergraph has no such subgraph; it has %s", pair, strings.Join(subgraphNames(s), ", "))
		}
		if !isURL(url) {
			return nil, fmt.Errorf("--subgraph %s: want an http or https URL, such as http://localhost:4001/graphql", pair)
		}
		addresses[name] = url
	}
	subgraphs := map[string]execute.Subgraph{}
	settings := cfg.Subgraph
	for _, subgraph := range s.Subgraphs {
		if subgraph.Name == supergraph.IntrospectionName {
			continue
		}
		remote := settings(subgraph.Name)
		if remote.URL == "" {
			remote.URL = subgraph.URL
		}
		if address := addresses[subgraph.Name]; address != "" {
			remote.URL = address
		}
		if remote.URL == "" {
			log.Warn("no address is known for a subgraph: its fields will fail", "subgraph", subgraph.Name)
			continue
		}
		subgraphs[subgraph.Name] = httpSubgraph(remote)
	}
	return subgraphs, nil
}

func subgraphNames(s *supergraph.Supergraph) []string {
	var names []string
	for _, subgraph := range s.Subgraphs {
		if subgraph.Name != supergraph.IntrospectionName {
			names = append(names, subgraph.Name)
		}
	}
	return names
}

// httpSubgraph makes the client of a remote subgraph.
func httpSubgraph(s config.Subgraph) execute.Subgraph {
	header := map[string]string{}
	for name, value := range s.Headers {
		header[name] = value.Reveal()
	}
	return &execute.HTTP{URL: s.URL, Timeout: s.Timeout.Duration(), Header: header, Forward: s.ForwardHeaders, Subscribed: execute.Subscribed(s.Subscriptions)}
}

// graphSettings are the settings of a graph that the configuration decides.
func graphSettings(cfg config.Config, log *slog.Logger) server.GraphSettings {
	settings := server.GraphSettings{
		Limits:        cfg.Limits.Operation(),
		PlanBudget:    cfg.Limits.PlanBudget,
		MaxValues:     cfg.Limits.Values,
		Introspection: cfg.Server.Introspection,
		Share:         cfg.Server.ShareRequests,
		Expose:        map[string]bool{},
		Labels:        map[string]bool{},
	}
	for _, label := range cfg.Server.OverrideLabels {
		settings.Labels[label] = true
	}
	for _, list := range [][]config.Subgraph{cfg.Subgraphs, cfg.Gateway.Subgraphs} {
		for _, s := range list {
			settings.Expose[s.Name] = cfg.Subgraph(s.Name).ExposeErrors
		}
	}
	settings.Observe.FetchDone = func(f *plan.Fetch, answer *execute.Answer, err error) {
		if err != nil {
			log.Warn("a subgraph did not answer", "subgraph", f.Subgraph, "error", err)
		} else if len(answer.Errors) > 0 {
			log.Debug("a subgraph answered with errors", "subgraph", f.Subgraph, "errors", len(answer.Errors), "first", answer.Errors[0].Message)
		}
	}
	return settings
}

// newRegistry returns the registry of a program's metrics, with those of Go and of the process in it.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// serving is what a command serves.
type serving struct {
	executor server.Executor
	examples []server.Example
	handlers map[string]http.Handler
	pages    map[string]http.Handler
	registry *prometheus.Registry
	// listening is called with where it listens, before it says so; nil for nothing.
	listening func(net.Addr) error
}

// serve listens, says where, and serves until the program is told to stop. Requests in flight are finished.
func serve(p *program, cfg config.Config, log *slog.Logger, what serving) error {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w (choose another address with --listen)", cfg.Listen, err)
	}
	s := server.New(what.executor, server.Settings{
		Timeout:         cfg.Server.Timeout.Duration(),
		MaxBody:         int64(cfg.Server.MaxBody),
		AllowedOrigins:  cfg.Server.AllowedOrigins,
		AllowedHosts:    allowedHosts(cfg),
		Playground:      cfg.Server.Playground,
		Examples:        what.examples,
		Handlers:        what.handlers,
		Pages:           what.pages,
		Log:             log,
		Registry:        what.registry,
		MaxStreams:      cfg.Server.MaxStreams,
		ShutdownTimeout: cfg.Server.ShutdownTimeout.Duration(),
	})
	if what.listening != nil {
		if err := what.listening(listener.Addr()); err != nil {
			listener.Close()
			return err
		}
	}
	fmt.Fprintf(p.stdout, "Callboard is at http://%s\n", displayAddress(cfg.Listen, listener))
	return s.Serve(p.ctx, listener)
}

// displayAddress is the configured host with the port that was really taken.
func displayAddress(configured string, listener net.Listener) string {
	host, _, err := net.SplitHostPort(configured)
	_, port, err2 := net.SplitHostPort(listener.Addr().String())
	if err != nil || err2 != nil {
		return listener.Addr().String()
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// allowedHosts are the configured ones, or the name Callboard was told to listen on.
func allowedHosts(cfg config.Config) []string {
	if len(cfg.Server.AllowedHosts) > 0 {
		return cfg.Server.AllowedHosts
	}
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		return nil
	}
	return []string{host}
}

// folderExists checks a folder argument, so that a typing error is not an empty catalog.
func folderExists(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("folder %s: %w", name, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", name)
	}
	return nil
}
