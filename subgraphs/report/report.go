// Package report tells where the values of an answer come from. Resolvers note each value they take from a source, with the state it is in; the answer of
// an operation that asks for it then has the member sources in its extensions, one report for each source.
//
// The one rule: nobody pays who does not ask. Without the request's extension there is no Report, and noting something costs a look into the context.
package report

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/sosodev/duration"
	"github.com/vektah/gqlparser/v2/ast"
)

// State is the state of a value.
type State uint8

// The states of values.
const (
	Live   State = iota // the source said it for this request
	Cached              // it was remembered, and is fresh
	Stale               // it was remembered, and is older than it may get
	Failed              // it is not known
)

// Value is one value that an answer takes from a source.
type Value struct {
	Source  string // the configured name
	Kind    string // what it is, such as "repository"
	State   State
	At      time.Time // when the source said it; zero for just now
	Code    string    // why it is failed or stale; empty for no reason but its age
	RetryAt time.Time // when to try again; zero where nobody knows
}

// Source is the report on one source, as it is shown.
type Source struct {
	Name string `json:"name"`
	Counts
	Oldest string  `json:"oldest,omitempty"` // the age of the oldest value, as ISO 8601 has it
	Kinds  []Kind  `json:"kinds"`
	Errors []Error `json:"errors,omitempty"`
}

// Counts tells how many values are in which state.
type Counts struct {
	Live   int `json:"live"`
	Cached int `json:"cached"`
	Stale  int `json:"stale"`
	Failed int `json:"failed"`
}

// Kind are the counts of one kind of value.
type Kind struct {
	Kind string `json:"kind"`
	Counts
}

// Error is why values are failed or stale.
type Error struct {
	Code    string  `json:"code"`
	RetryAt string  `json:"retryAt,omitempty"` // RFC 3339
	Paths   [][]any `json:"paths"`
}

// maxPaths bounds the paths of one error.
const maxPaths = 100

// Report collects the values of one operation. It is safe for concurrent use.
type Report struct {
	mu      sync.Mutex
	sources map[string]*noted
}

// noted is what was noted of one source.
type noted struct {
	counts Counts
	oldest time.Time
	kinds  map[string]*Counts
	errors map[reason][][]any
}

type reason struct {
	code    string
	retryAt time.Time
}

type key struct{}

// Note notes a value at the field being resolved, where the operation asks for that.
func Note(ctx context.Context, v Value) {
	r, _ := ctx.Value(key{}).(*Report)
	if r == nil {
		return
	}
	path := pathOf(graphql.GetPath(ctx))
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sources[v.Source]
	if s == nil {
		s = &noted{kinds: map[string]*Counts{}, errors: map[reason][][]any{}}
		r.sources[v.Source] = s
	}
	kind := s.kinds[v.Kind]
	if kind == nil {
		kind = &Counts{}
		s.kinds[v.Kind] = kind
	}
	s.counts.add(v.State)
	kind.add(v.State)
	if v.State != Failed && !v.At.IsZero() && (s.oldest.IsZero() || v.At.Before(s.oldest)) {
		s.oldest = v.At
	}
	if v.Code != "" {
		why := reason{v.Code, v.RetryAt.UTC().Truncate(time.Second)}
		if paths := s.errors[why]; len(paths) < maxPaths {
			s.errors[why] = append(paths, path)
		}
	}
}

func (c *Counts) add(state State) {
	switch state {
	case Live:
		c.Live++
	case Cached:
		c.Cached++
	case Stale:
		c.Stale++
	case Failed:
		c.Failed++
	}
}

func pathOf(path ast.Path) []any {
	out := make([]any, len(path))
	for i, step := range path {
		switch step := step.(type) {
		case ast.PathName:
			out[i] = string(step)
		case ast.PathIndex:
			out[i] = int(step)
		}
	}
	return out
}

// Sources returns the reports, sorted by name, ages as of now.
func (r *Report) Sources(now time.Time) []Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []Source{}
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		s := r.sources[name]
		shown := Source{Name: name, Counts: s.counts}
		if !s.oldest.IsZero() {
			shown.Oldest = duration.Format(max(now.Sub(s.oldest), 0).Truncate(time.Second))
		}
		for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
			shown.Kinds = append(shown.Kinds, Kind{kind, *s.kinds[kind]})
		}
		reasons := slices.SortedFunc(maps.Keys(s.errors), func(a, b reason) int {
			return cmp.Or(cmp.Compare(a.code, b.code), a.retryAt.Compare(b.retryAt))
		})
		for _, why := range reasons {
			e := Error{Code: why.code, Paths: s.errors[why]}
			if !why.retryAt.IsZero() {
				e.RetryAt = why.retryAt.Format(time.RFC3339)
			}
			slices.SortFunc(e.Paths, comparePaths)
			shown.Errors = append(shown.Errors, e)
		}
		out = append(out, shown)
	}
	return out
}

func comparePaths(a, b []any) int {
	return slices.CompareFunc(a, b, func(x, y any) int {
		switch x := x.(type) {
		case int:
			if y, ok := y.(int); ok {
				return cmp.Compare(x, y)
			}
			return -1
		case string:
			if y, ok := y.(string); ok {
				return cmp.Compare(x, y)
			}
		}
		return 1
	})
}

// Schema returns the schema with reports for operations that ask for them.
func Schema(schema graphql.ExecutableSchema) graphql.ExecutableSchema { return reporting{schema} }

type reporting struct{ graphql.ExecutableSchema }

func (s reporting) Exec(ctx context.Context) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Extensions["sources"] != true {
		return s.ExecutableSchema.Exec(ctx)
	}
	r := &Report{sources: map[string]*noted{}}
	next := s.ExecutableSchema.Exec(context.WithValue(ctx, key{}, r))
	return func(ctx context.Context) *graphql.Response {
		response := next(context.WithValue(ctx, key{}, r))
		if response != nil {
			graphql.RegisterExtension(ctx, "sources", r.Sources(time.Now()))
		}
		return response
	}
}
