package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/webhooks"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/subgraphs/catalog/origin"
	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// upstream is what lies outside of Callboard: the sources, what is remembered of them and of subgraphs, and the webhooks that come from them.
type upstream struct {
	log     *slog.Logger
	redis   redis.UniversalClient // nil where none is configured
	cache   *cache.Cache          // nil where there is nothing to remember
	sources []*clients.Source
	hosts   []*host.Host
	systems []*ci.System             // that build and test
	said    map[string]config.Source // what the configuration says of each, by name
	origins []remote.Origin
	every   map[string]time.Duration // by name of origin
	hooks   *hooks
	seen    string // what deliveries of webhooks are remembered under: processes that serve different subgraphs each have to act on one
}

// openUpstream makes everything ready. It asks nobody. serves is what the process is, of which there may be several alike.
func openUpstream(cfg config.Config, log *slog.Logger, registry prometheus.Registerer, serves string) (*upstream, error) {
	u := &upstream{log: log.With("part", "sources"), every: map[string]time.Duration{}, said: map[string]config.Source{}, seen: cfg.Cache.Redis.Prefix + ":" + serves}
	if len(cfg.Sources) > 0 || remembersSubgraphs(cfg) || len(cfg.Cache.Redis.Addresses) > 0 {
		redis.SetLogger(redisLog{u.log})
		u.redis = redisClient(cfg.Cache.Redis)
		u.cache = cache.New(cache.Config{Store: u.store(cfg.Cache), Log: u.log})
	}
	u.hooks = newHooks(u)
	shared := clients.Shared{Cache: u.cache, Redis: u.redis, Observe: clients.NewMetrics(registry), Log: u.log}
	for _, s := range cfg.Sources {
		if err := u.open(s, shared); err != nil {
			u.close()
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	return u, nil
}

func (u *upstream) store(c config.Cache) cache.Store {
	if u.redis == nil {
		return cache.NewMemory(int64(c.Memory))
	}
	return cache.NewRedis(u.redis, cache.RedisConfig{Prefix: c.Redis.Prefix, Memory: int64(c.Memory), Log: u.log})
}

// remembersSubgraphs tells whether a subgraph of the configuration is to be remembered.
func remembersSubgraphs(cfg config.Config) bool {
	for _, list := range [][]config.Subgraph{cfg.Subgraphs, cfg.Gateway.Subgraphs} {
		for _, s := range list {
			if cfg.Subgraph(s.Name).Cache {
				return true
			}
		}
	}
	return false
}

// close ends everything, what needs others first.
func (u *upstream) close() {
	u.hooks.close()
	for _, s := range u.sources {
		s.Close()
	}
	if u.cache != nil {
		if err := u.cache.Close(); err != nil {
			u.log.Warn("what answers are remembered in could not be closed", "error", err)
		}
	}
	if u.redis != nil {
		if err := u.redis.Close(); err != nil {
			u.log.Warn("Redis could not be closed", "error", err)
		}
	}
}

// redisClient returns the client for what is configured, nil for nothing. It connects when it is used.
func redisClient(c config.Redis) redis.UniversalClient {
	if len(c.Addresses) == 0 {
		return nil
	}
	options := &redis.UniversalOptions{
		Addrs:                 c.Addresses,
		MasterName:            c.Master,
		IsClusterMode:         c.Cluster,
		Username:              c.Username,
		Password:              c.Password.Reveal(),
		SentinelPassword:      c.SentinelPassword.Reveal(),
		DB:                    c.Database,
		ClientName:            "callboard",
		ContextTimeoutEnabled: true,
	}
	if c.TLS {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.NewUniversalClient(options)
}

// redisLog takes what the client of Redis says by itself: each connection that fails, of which the cache tells once that there are such.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Debug("Redis", "said", fmt.Sprintf(format, v...))
}

// open opens one source, and what it is: a repository host, and where groups are named an origin of catalog files; or a system that builds and tests.
func (u *upstream) open(s config.Source, shared clients.Shared) error {
	web, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	address := web
	if s.API != "" {
		if address, err = url.Parse(s.API); err != nil {
			return err
		}
	}
	u.said[s.Name] = s
	u.hooks.secrets[s.Name] = given(s.WebhookSecrets)
	settings := clients.Settings{Name: s.Name, Kind: s.Kind, Address: address, Timeout: s.Timeout.Duration(), Places: s.Concurrency}
	if settings.Policies, err = policies(s); err != nil {
		return err
	}
	for _, text := range s.AllowAddresses {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("allowAddresses: %w", err)
		}
		settings.Allow = append(settings.Allow, prefix)
	}
	if s.Kind == "jenkins" {
		return u.openJenkins(s, settings, shared, web)
	}
	finds := origin.Config{Name: s.Name, Web: web, Groups: s.Discover.Groups, File: s.Discover.File}
	var (
		h *host.Host
		o *origin.Origin
	)
	switch s.Kind {
	case "github":
		h, o, err = u.openGitHub(s, settings, shared, finds)
	case "gitlab":
		h, o, err = u.openGitLab(s, settings, shared, finds)
	default:
		err = fmt.Errorf("there is no kind of source %q", s.Kind)
	}
	if err != nil {
		return err
	}
	u.hosts = append(u.hosts, h)
	if len(s.Discover.Groups) == 0 {
		o = nil
	} else {
		u.origins = append(u.origins, o)
		u.every[s.Name] = s.Discover.Every.Duration()
	}
	u.hooks.know(h, o)
	return nil
}

// policies are how long values of a source are good for.
func policies(s config.Source) (map[string]cache.Policy, error) {
	out := ci.Policies()
	if s.Kind != "jenkins" {
		maps.Copy(out, host.Policies())
	}
	for kind, p := range out {
		p.OnError = s.Keep.Duration()
		out[kind] = p
	}
	for kind, fresh := range s.Fresh {
		p, known := out[kind]
		if !known {
			return nil, fmt.Errorf("fresh: there is no kind of value %q; there are: %s", kind, strings.Join(slices.Sorted(maps.Keys(out)), ", "))
		}
		p.Fresh, p.Absent = fresh.Duration(), min(p.Absent, fresh.Duration())
		out[kind] = p
	}
	return out, nil
}

// source opens the source with these settings.
func (u *upstream) source(settings clients.Settings, shared clients.Shared) (*clients.Source, error) {
	source, err := clients.Open(settings, shared)
	if err == nil {
		u.sources = append(u.sources, source)
	}
	return source, err
}

func (u *upstream) openGitHub(s config.Source, settings clients.Settings, shared clients.Shared, finds origin.Config) (*host.Host, *origin.Origin, error) {
	rest, graph, _, err := github.Addresses(settings.Address)
	if err != nil {
		return nil, nil, err
	}
	settings.Address, settings.Token = rest, clients.Bearer(s.Token.Reveal())
	if graph.Host != rest.Host {
		settings.Hosts = []string{graph.Host}
	}
	if s.App.ID != 0 {
		key, err := os.ReadFile(s.App.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the key of the GitHub App: %w", err)
		}
		app, err := clients.NewApp(clients.AppSettings{ID: strconv.Itoa(s.App.ID), Installation: int64(s.App.Installation), Key: key, Address: rest})
		if err != nil {
			return nil, nil, err
		}
		settings.Token = app
	}
	source, err := u.source(settings, shared)
	if err != nil {
		return nil, nil, err
	}
	client, err := github.New(s.Name, rest, source.HTTP())
	if err != nil {
		return nil, nil, err
	}
	client = client.Showing(finds.Web)
	var secrets [][]byte
	for _, secret := range given(s.WebhookSecrets) {
		secrets = append(secrets, []byte(secret))
	}
	if len(secrets) > 0 {
		u.hooks.github.Senders = append(u.hooks.github.Senders, webhooks.Sender{Source: s.Name, Verify: func(header http.Header, body []byte) error {
			return github.Verify(secrets, header, body)
		}})
	}
	h := host.New(forge.GitHub, finds.Web, source, host.NewGitHub(client))
	u.systems = append(u.systems, ci.New(ci.GitHubActions, finds.Web, h.Forge(), source, ci.NewGitHub(client.Fetching(source.Elsewhere))))
	return h, origin.GitHub(finds, client), nil
}

// given returns the secrets that are some.
func given(list []config.Secret) []string {
	var out []string
	for _, secret := range list {
		if secret.Given() {
			out = append(out, secret.Reveal())
		}
	}
	return out
}

func (u *upstream) openGitLab(s config.Source, settings clients.Settings, shared clients.Shared, finds origin.Config) (*host.Host, *origin.Origin, error) {
	settings.Token = clients.PrivateToken(s.Token.Reveal())
	source, err := u.source(settings, shared)
	if err != nil {
		return nil, nil, err
	}
	client, err := gitlab.New(s.Name, settings.Address, source.HTTP())
	if err != nil {
		return nil, nil, err
	}
	client = client.Showing(finds.Web)
	secrets := given(s.WebhookSecrets)
	if len(secrets) > 0 {
		u.hooks.gitlab.Senders = append(u.hooks.gitlab.Senders, webhooks.Sender{Source: s.Name, Verify: func(header http.Header, body []byte) error {
			return gitlab.Verify(secrets, header, body, time.Now())
		}})
	}
	h := host.New(forge.GitLab, finds.Web, source, host.NewGitLab(client))
	u.systems = append(u.systems, ci.New(ci.GitLabCI, finds.Web, h.Forge(), source, ci.NewGitLab(client, source.Elsewhere)))
	return h, origin.GitLab(finds, client), nil
}

func (u *upstream) openJenkins(s config.Source, settings clients.Settings, shared clients.Shared, web *url.URL) error {
	settings.Token = clients.Basic(s.User, s.Token.Reveal())
	source, err := u.source(settings, shared)
	if err != nil {
		return err
	}
	client, err := jenkins.New(s.Name, settings.Address, source.HTTP())
	if err != nil {
		return err
	}
	secrets := given(s.WebhookSecrets)
	if len(secrets) > 0 {
		u.hooks.jenkins.Senders = append(u.hooks.jenkins.Senders, webhooks.Sender{Source: s.Name, Verify: func(header http.Header, body []byte) error {
			return jenkins.Verify(secrets, header, body)
		}})
	}
	system := ci.New(ci.Jenkins, web, nil, source, ci.NewJenkins(client.Showing(web).Fetching(source.Elsewhere)))
	u.systems = append(u.systems, system)
	u.hooks.knowBuilder(system)
	return nil
}
