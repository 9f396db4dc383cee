// Package catalog is the subgraph of the software catalog: folders and hosts with catalog files go in, and a part of the graph comes out
// that says what there is, who owns it and what it depends on. The one rule: an operation sees one state of the catalog from
// its first field to its last, while files change underneath, because it takes the index once and keeps it.
//
// Package discover finds and watches the files, remote keeps up with those of repository hosts, descriptor reads both, index
// answers questions about all of them, and view is the graph's types. What is here joins them. Open this file first; resolver.go has the roots of queries, mutation.go those of
// mutations, locations.go has what clients registered, and remember.go keeps up with the store in which that is.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
	"callboard.dev/callboard/subgraphs/catalog/graph"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/catalog/remote"
	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/store/sqlite"
	"callboard.dev/callboard/subgraphs/catalog/view"
)

// Config says where the catalog's files are. Zero values are right.
type Config struct {
	Folders     []string                 // searched, with all below them, for catalog files
	StateFolder string                   // where registered locations are remembered; empty to forget them when the process ends
	Store       store.Store              // what remembers in place of a file in StateFolder; the catalog closes it
	Origins     []remote.Origin          // repository hosts whose catalog files are served too
	Every       time.Duration            // how often each is searched, beside Refresh; 0 for ten minutes
	EveryOf     map[string]time.Duration // the same of single origins, by their names, in place of Every
	Log         *slog.Logger             // nil for silence
}

// databaseFile is the file in the state folder where all is remembered that must be.
const databaseFile = "catalog.db"

// Catalog serves the entities that were found.
type Catalog struct {
	discovery *discover.Discovery
	remote    *remote.Remote
	current   atomic.Pointer[index.Index]
	log       *slog.Logger
	cancel    context.CancelFunc
	following sync.WaitGroup

	publishing sync.Mutex
	found      *descriptor.Snapshot         // what discovery published last; nil before
	complaints map[string]*descriptor.Issue // what is wrong with the catalog itself, by rule

	registering sync.Mutex // held while registrations change, in the store too
	locations   *locations
	store       store.Store
	storeName   string // where issues say it is
	stateFolder string
	tookOver    bool // what is in the state folder; it belongs to who remembers
	failing     bool // the store does not answer; it belongs to who follows
}

// Open searches the folders and returns once the first search is done; afterwards changes are followed until Close. What is
// wrong with the files are issues of the catalog, not errors, and so is a store that does not answer.
func Open(ctx context.Context, config Config) (*Catalog, error) {
	c, err := open(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the catalog: %w", err)
	}
	return c, nil
}

func open(ctx context.Context, config Config) (*Catalog, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &Catalog{
		log: config.Log, cancel: cancel, complaints: map[string]*descriptor.Issue{},
		store: config.Store, storeName: "the store", stateFolder: config.StateFolder,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var file *sqlite.DB
	if c.store == nil {
		name := ""
		if config.StateFolder != "" {
			name = filepath.Join(config.StateFolder, databaseFile)
			c.storeName = name
		}
		file = sqlite.New(name)
		c.store = file
	}
	c.locations = &locations{store: c.store}
	c.current.Store(index.Build(descriptor.Snapshot{}))

	revision, _, err := c.remember(ctx)
	if errors.Is(err, store.ErrNewer) || ctx.Err() != nil {
		cancel()
		return nil, errors.Join(err, c.store.Close())
	}
	c.storeAnswers(err)
	if file != nil && file.Aside() != "" {
		c.log.Error("the catalog's database is broken and was kept aside", "file", file.Aside())
		c.complain(ruleDatabase, &descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: ruleDatabase, File: file.Aside(), Document: -1,
			Message: "the file in which the catalog remembers is broken, and a new one was made; it is kept here: register the locations again",
		})
	}
	c.remote, err = remote.Open(ctx, remote.Config{Origins: config.Origins, Store: c.store, Every: config.Every, EveryOf: config.EveryOf, Log: c.log})
	if err != nil {
		cancel()
		return nil, errors.Join(err, c.store.Close())
	}
	targets, _ := c.locations.Targets()
	c.discovery, err = discover.Open(ctx, discover.Config{Folders: config.Folders, Locations: targets, Given: c.remote.Given(), Log: c.log}, c.publish)
	if err != nil {
		cancel()
		return nil, errors.Join(err, c.store.Close())
	}
	c.remote.Follow(ctx, c.discovery.Give)
	c.following.Go(func() { c.follow(ctx, revision) })
	return c, nil
}

// ruleDatabase is the rule of the issue that the file in which the catalog remembers is broken.
const ruleDatabase = "store-broken"

// publish serves what discovery has found.
func (c *Catalog) publish(s descriptor.Snapshot) {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	s = view.Served(s)
	c.found = &s
	c.build()
}

// complain makes an issue of something that is wrong with the catalog itself, or takes it back.
func (c *Catalog) complain(rule string, issue *descriptor.Issue) {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	if issue == nil {
		delete(c.complaints, rule)
	} else {
		c.complaints[rule] = issue
	}
	if c.found != nil { // before that, there is nothing to serve it with
		c.build()
	}
}

func (c *Catalog) build() {
	s := *c.found
	for _, rule := range slices.Sorted(maps.Keys(c.complaints)) {
		s.Issues = append(s.Issues[:len(s.Issues):len(s.Issues)], *c.complaints[rule])
	}
	built := c.current.Load().Next(s)
	c.current.Store(built)
	c.log.Info("catalog changed", "entities", built.Len(), "issues", len(built.Issues()))
}

// Close stops following changes. The schema goes on answering from the last state.
func (c *Catalog) Close() error {
	c.cancel()
	c.remote.Close()
	err := c.discovery.Close()
	if errors.Is(err, discover.ErrClosed) {
		err = nil
	}
	c.following.Wait()
	if err := errors.Join(err, c.store.Close()); err != nil {
		return fmt.Errorf("closing the catalog: %w", err)
	}
	return nil
}

// Refresh reads files of an origin again, or without any URL searches all of it, and returns once what came of it is served: for
// webhooks. A URL that ends in a slash stands for all known files below it; one that is not known is taken for a catalog file's. An
// origin that there is none of is remote.ErrUnknownOrigin; other errors are the origin's, and what was known is served on.
func (c *Catalog) Refresh(ctx context.Context, origin string, urls ...string) error {
	return c.remote.Refresh(ctx, origin, urls...)
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
