package main

import (
	"crypto/tls"
	"log/slog"
	"maps"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
	"callboard.dev/callboard/subgraphs/sources/graph"
)

// openCache opens what answers are remembered in, nil where the configuration has no subgraph remembered.
func openCache(cfg config.Config, log *slog.Logger) *cache.Cache {
	wanted := false
	for _, list := range [][]config.Subgraph{cfg.Subgraphs, cfg.Gateway.Subgraphs} {
		for _, s := range list {
			wanted = wanted || cfg.Subgraph(s.Name).Cache
		}
	}
	if !wanted {
		return nil
	}
	return cache.New(cache.Config{Store: cacheStore(cfg.Cache, log), Log: log})
}

func cacheStore(c config.Cache, log *slog.Logger) cache.Store {
	if len(c.Redis.Addresses) == 0 {
		return cache.NewMemory(int64(c.Memory))
	}
	options := &redis.UniversalOptions{
		Addrs:                 c.Redis.Addresses,
		MasterName:            c.Redis.Master,
		IsClusterMode:         c.Redis.Cluster,
		Username:              c.Redis.Username,
		Password:              c.Redis.Password.Reveal(),
		SentinelPassword:      c.Redis.SentinelPassword.Reveal(),
		DB:                    c.Redis.Database,
		ContextTimeoutEnabled: true,
	}
	if c.Redis.TLS {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return cache.NewRedis(redis.NewUniversalClient(options), cache.RedisConfig{Prefix: c.Redis.Prefix, Memory: int64(c.Memory), Log: log})
}

// remembered returns the subgraphs with a cache before those of which the configuration says so.
func remembered(cfg config.Config, s *supergraph.Supergraph, subgraphs map[string]execute.Subgraph, c *cache.Cache) map[string]execute.Subgraph {
	out := maps.Clone(subgraphs)
	for name, subgraph := range subgraphs {
		if inner, ok := subgraph.(entitycache.Inner); ok && c != nil && cfg.Subgraph(name).Cache {
			out[name] = entitycache.New(inner, entitycache.Settings{Name: name, Version: s.Version(name), Store: c})
		}
	}
	return out
}

// closeCache closes what openCache opened.
func closeCache(c *cache.Cache, log *slog.Logger) {
	if c == nil {
		return
	}
	if err := c.Close(); err != nil {
		log.Warn("what answers are remembered in could not be closed", "error", err)
	}
}

// cacheStatus tells how the cache does; one that is not open holds nothing and is well.
func cacheStatus(c *cache.Cache) graph.CacheStatus {
	if c == nil {
		return graph.CacheStatus{Healthy: true}
	}
	health := c.Status().Health
	out := graph.CacheStatus{Entries: float64(health.Entries), Bytes: float64(health.Bytes), Shared: health.Shared, Healthy: health.Healthy}
	if health.LastError != "" {
		out.LastError, out.LastErrorAt = &health.LastError, &health.LastAt
	}
	return out
}
