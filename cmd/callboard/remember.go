package main

import (
	"maps"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
	"callboard.dev/callboard/subgraphs/sources/graph"
)

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
