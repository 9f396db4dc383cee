// Package sources is the subgraph of the graph's own health: the configured sources and the cache go in, and a Federation subgraph that tells how they do
// comes out.
//
// The one rule: it asks nobody. What it tells is what this process has seen, and no field of it holds a secret. Open schema/sources.graphqls first.
package sources

import (
	"context"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/sources/graph"
	"github.com/99designs/gqlgen/graphql"
)

// Config says what is told about.
type Config struct {
	Sources []*clients.Source        // in the order of the configuration
	Cache   func() graph.CacheStatus // how the cache does
}

// New returns the subgraph for gqlgen's servers and executors.
func New(cfg Config) graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{Resolvers: resolver{cfg}})
}

type resolver struct{ Config }

func (r resolver) Query() graph.QueryResolver   { return query(r) }
func (r resolver) Entity() graph.EntityResolver { return entity(r) }

type query struct{ Config }

func (q query) Sources(_ context.Context, name *string) ([]*graph.Source, error) {
	out := []*graph.Source{}
	for _, s := range q.Config.Sources {
		if name == nil || *name == s.Settings().Name {
			out = append(out, show(s.Status()))
		}
	}
	return out, nil
}

func (q query) Cache(context.Context) (*graph.CacheStatus, error) {
	status := q.Config.Cache()
	return &status, nil
}

type entity struct{ Config }

func (e entity) FindManySourceByNames(_ context.Context, reps []*graph.SourceByNamesInput) ([]*graph.Source, error) {
	out := make([]*graph.Source, len(reps))
	for i, rep := range reps {
		for _, s := range e.Config.Sources {
			if s.Settings().Name == rep.Name {
				out[i] = show(s.Status())
			}
		}
	}
	return out, nil
}

// circuits are the states of circuits as the schema names them.
var circuits = map[clients.Circuit]graph.CircuitState{
	clients.CircuitClosed: graph.CircuitStateClosed, clients.CircuitOpen: graph.CircuitStateOpen, clients.CircuitHalfOpen: graph.CircuitStateHalfOpen,
}

func show(s clients.Status) *graph.Source {
	out := &graph.Source{Name: s.Name, Kind: s.Kind, Address: scalar.URL(s.Address), Healthy: s.Healthy, Circuit: circuits[s.Circuit], RetryAt: moment(s.RetryAt),
		LastSuccess: moment(s.LastSuccess), HitRatio: s.HitRatio, InFlight: s.InFlight, Waiting: s.Waiting, Budgets: []*graph.SourceBudget{},
		Values: graph.SourceValues{Live: float64(s.Requests.Live), Cached: float64(s.Requests.Cached), Stale: float64(s.Requests.Stale), Failed: float64(s.Requests.Failed)}}
	if e := s.LastError; e != nil {
		out.LastError, out.LastErrorCode, out.LastErrorAt = &e.Text, &e.Code, &e.At
	}
	least := 2.0
	for _, b := range s.Budgets {
		shown := &graph.SourceBudget{Resource: b.Resource, Limit: b.Limit, Remaining: b.Remaining, ResetsAt: moment(b.ResetsAt), NotBefore: moment(b.NotBefore)}
		out.Budgets = append(out.Budgets, shown)
		if b.Limit > 0 {
			if part := float64(b.Remaining) / float64(b.Limit); part < least {
				least, out.Budget = part, shown
			}
		}
	}
	return out
}

// moment returns the time, nil for none.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
