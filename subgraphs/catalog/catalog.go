// Package catalog is the subgraph of the software catalog: folders with catalog files go in, and a part of the graph comes out
// that says what there is, who owns it and what it depends on. The one rule: an operation sees one state of the catalog from
// its first field to its last, while files change underneath, because it takes the index once and keeps it.
//
// Package discover finds and watches the files, descriptor reads them, index answers questions about all of them, and view is
// the graph's types. What is here joins them. Open this file first; resolver.go has the roots of queries, mutation.go those of
// mutations, and locations.go remembers what clients registered.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
	"callboard.dev/callboard/subgraphs/catalog/graph"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/catalog/view"
)

// Config says where the catalog's files are. Zero values are right.
type Config struct {
	Folders     []string     // searched, with all below them, for catalog files
	StateFolder string       // where registered locations are remembered; empty to forget them when the process ends
	Log         *slog.Logger // nil for silence
}

// Catalog serves the entities that were found.
type Catalog struct {
	discovery *discover.Discovery
	current   atomic.Pointer[index.Index]
	log       *slog.Logger

	registering sync.Mutex // held while registrations change, on disk too
	locations   *locations
}

// Open searches the folders and returns once the first search is done; afterwards changes are followed until Close. What is
// wrong with the files are issues of the catalog, not errors.
func Open(ctx context.Context, c Config) (*Catalog, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	registered, broken, err := openLocations(c.StateFolder)
	if err != nil {
		return nil, fmt.Errorf("opening the catalog: %w", err)
	}
	var own []descriptor.Issue
	if broken != nil {
		c.Log.Error("registered locations cannot be read and were kept aside", "file", broken.File, "reason", broken.Message)
		own = append(own, *broken)
	}
	catalog := &Catalog{log: c.Log, locations: registered}
	catalog.current.Store(index.Build(descriptor.Snapshot{}))
	publish := func(s descriptor.Snapshot) {
		s = view.Served(s)
		s.Issues = append(own[:len(own):len(own)], s.Issues...)
		built := catalog.current.Load().Next(s)
		catalog.current.Store(built)
		c.Log.Info("catalog changed", "entities", built.Len(), "issues", len(built.Issues()))
	}
	catalog.discovery, err = discover.Open(ctx, discover.Config{
		Folders: c.Folders, Locations: registered.Targets(), Log: c.Log,
	}, publish)
	if err != nil {
		return nil, fmt.Errorf("opening the catalog: %w", err)
	}
	return catalog, nil
}

// Close stops following changes. The schema goes on answering from the last state.
func (c *Catalog) Close() error {
	if err := c.discovery.Close(); err != nil && !errors.Is(err, discover.ErrClosed) {
		return fmt.Errorf("closing the catalog: %w", err)
	}
	return nil
}

// ExecutableSchema returns the catalog's part of the graph, to be executed by gqlgen.
func (c *Catalog) ExecutableSchema() graphql.ExecutableSchema {
	return schema{graph.NewExecutableSchema(graph.Config{Resolvers: resolver{c}}), c}
}

// schema is the generated schema that gives every operation one index.
type schema struct {
	graphql.ExecutableSchema
	catalog *Catalog
}

type indexKey struct{}

// Exec takes the current index for the operation. What executes it is called later, with a context of its own.
func (s schema) Exec(ctx context.Context) graphql.ResponseHandler {
	x := s.catalog.current.Load()
	respond := s.ExecutableSchema.Exec(context.WithValue(ctx, indexKey{}, x))
	return func(ctx context.Context) *graphql.Response {
		return respond(context.WithValue(ctx, indexKey{}, x))
	}
}

// indexOf returns the index of the operation.
func indexOf(ctx context.Context) *index.Index { return ctx.Value(indexKey{}).(*index.Index) }
