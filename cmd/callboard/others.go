package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/supergraph"
)

// others are the subgraphs of other teams, joined to ours as their schemas can be had. One that has joined stays: whether it answers later is
// seen when it is asked.
type others struct {
	joined   []compose.Subgraph // ours included
	missing  []config.Subgraph
	reported map[string]string // by subgraph: why it could not be joined, as logged last
}

// joinOthers composes our own subgraphs with those of others whose schemas can be had now. A subgraph that does not answer is missing for now;
// a schema that does not compose, or a file that cannot be read, is an error.
func joinOthers(ctx context.Context, remotes []config.Subgraph, log *slog.Logger) (*supergraph.Supergraph, *others, error) {
	o := &others{joined: firstPartySchemas(), reported: map[string]string{}}
	for i, a := range askAll(ctx, remotes) {
		switch {
		case a.err == nil:
			o.joined = append(o.joined, a.subgraph)
		case remotes[i].Schema != "":
			return nil, nil, a.err
		default:
			log.Warn("a subgraph's schema cannot be had yet: starting without it and asking again", "subgraph", remotes[i].Name, "error", a.err)
			o.missing = append(o.missing, remotes[i])
		}
	}
	s, err := composed(o.joined)
	return s, o, err
}

// grow asks for what is missing and returns the graph with all of it that composes, nil where there is nothing new.
func (o *others) grow(ctx context.Context, log *slog.Logger) *supergraph.Supergraph {
	var grown *supergraph.Supergraph
	var missing []config.Subgraph
	for i, a := range askAll(ctx, o.missing) {
		remote := o.missing[i]
		if a.err != nil {
			missing = append(missing, remote)
			continue
		}
		joined := append(slices.Clone(o.joined), a.subgraph)
		s, err := composed(joined)
		if err != nil {
			missing = append(missing, remote)
			if text := err.Error(); text != o.reported[remote.Name] {
				o.reported[remote.Name] = text
				log.Error("a subgraph cannot join: the graph stays as it is, and it is asked again", "subgraph", remote.Name, "error", err)
			}
			continue
		}
		grown, o.joined = s, joined
		log.Info("the graph has grown", "subgraph", remote.Name)
	}
	o.missing = missing
	return grown
}

// retryInterval is how often a subgraph that had no schema at start is asked again.
const retryInterval = 5 * time.Second

// keepGrowing asks for missing schemas until all are there, and swaps in the graph each time there is more of it.
func (o *others) keepGrowing(ctx context.Context, log *slog.Logger, swap func(*supergraph.Supergraph)) {
	ticker := time.NewTicker(retryInterval)
	defer ticker.Stop()
	for len(o.missing) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s := o.grow(ctx, log); s != nil {
			swap(s)
		}
	}
}

func composed(subgraphs []compose.Subgraph) (*supergraph.Supergraph, error) {
	result, errs := compose.Compose(subgraphs)
	if err := errs.Err(); err != nil {
		return nil, fmt.Errorf("the subgraphs do not compose:\n%w", err)
	}
	return supergraph.Read("composed", result.SDL)
}

// asked is what asking for a schema came to.
type asked struct {
	subgraph compose.Subgraph
	err      error
}

// askAll asks for all schemas at once, so that subgraphs that do not answer cost the time of one.
func askAll(ctx context.Context, remotes []config.Subgraph) []asked {
	out := make([]asked, len(remotes))
	var group sync.WaitGroup
	for i, remote := range remotes {
		group.Go(func() { out[i] = askOne(ctx, remote) })
	}
	group.Wait()
	return out
}

func askOne(ctx context.Context, remote config.Subgraph) asked {
	out := asked{subgraph: compose.Subgraph{Name: remote.Name, URL: remote.URL, File: remote.Schema}}
	if remote.Schema != "" {
		out.subgraph.SDL, out.err = readFile(remote.Schema, maxSchemaBytes)
		return out
	}
	header := map[string]string{}
	for name, value := range remote.Headers {
		header[name] = value.Reveal()
	}
	out.subgraph.File = remote.URL
	out.subgraph.SDL, out.err = askSchema(ctx, remote.URL, header)
	return out
}
