package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
)

// NameOf names a question, so that equal questions have equal names.
func NameOf(question any) string {
	text, err := json.Marshal(question)
	if err != nil {
		panic("upstream: bug: a question that is no JSON: " + err.Error())
	}
	return string(text)
}

// Ask asks a source for all of it at once: one value and one error each, in the order of the questions. An error with clients.ErrNotFound says that there is no
// such thing.
type Ask[Q, V any] func(ctx context.Context, questions []Q) ([]V, []error)

// Load answers questions of one kind from what is remembered of the source, and asks it once for all the others. name gives a question its name within the
// kind, and the tags by which cache.Cache.Invalidate finds the answer. Values are kept as JSON.
func Load[Q, V any](ctx context.Context, source *clients.Source, kind string, questions []Q, name func(Q) (string, []string), ask Ask[Q, V]) []Loaded[V] {
	names := make([]clients.Name, len(questions))
	for i, q := range questions {
		names[i].Name, names[i].Tags = name(q)
	}
	results := source.Load(ctx, kind, names, func(ctx context.Context, missing []cache.Missing) []cache.Fetched {
		wanted := make([]Q, len(missing))
		for i, m := range missing {
			wanted[i] = questions[m.Index]
		}
		values, errs := ask(ctx, wanted)
		out := make([]cache.Fetched, len(missing))
		for i := range missing {
			out[i] = fetched(values, errs, i)
		}
		return out
	})
	out := make([]Loaded[V], len(questions))
	for i, r := range results {
		out[i] = Loaded[V]{Absent: r.Value.Absent, State: r.State, At: r.Value.At, Err: r.Err}
		if out[i].Known() {
			if err := json.Unmarshal(r.Value.Body, &out[i].Value); err != nil {
				out[i] = Loaded[V]{State: cache.Failed, Err: &clients.Error{Kind: clients.ErrBadAnswer, Source: source.Settings().Name, Message: "what is remembered of it cannot be read", Err: err}}
			}
		}
	}
	return out
}

// Lasting is a value that knows how long it is good for, such as a build that is over and one that runs.
type Lasting interface {
	// Lasts returns the policy that the value has in place of its kind's; nil for that one.
	Lasts() *cache.Policy
}

// fetched is what the i-th answer of a source is to the cache.
func fetched[V any](values []V, errs []error, i int) cache.Fetched {
	if i >= len(values) || i >= len(errs) {
		return cache.Fetched{Err: fmt.Errorf("upstream: bug: %d answers and %d errors", len(values), len(errs))}
	}
	switch err := errs[i]; {
	case errors.Is(err, clients.ErrNotFound):
		return cache.Fetched{Value: cache.Value{Absent: true, At: time.Now()}}
	case err != nil:
		return cache.Fetched{Err: err, Final: errors.Is(err, clients.ErrForbidden)}
	}
	body, err := json.Marshal(values[i])
	if err != nil {
		return cache.Fetched{Err: fmt.Errorf("upstream: bug: a value that is no JSON: %w", err)}
	}
	out := cache.Fetched{Value: cache.Value{Body: body, At: time.Now()}}
	if lasting, ok := any(values[i]).(Lasting); ok {
		out.Value.Policy = lasting.Lasts()
	}
	return out
}
