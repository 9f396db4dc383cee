package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
)

// The kinds of values, as policies, metrics and the graph name them.
const (
	KindRepository   = "repository"
	KindPullRequests = "pull requests"
	KindPullRequest  = "pull request"
	KindIssues       = "issues"
	KindReleases     = "releases"
	KindLabels       = "labels"
	KindRefs         = "refs"
	KindRef          = "ref"
	KindSearch       = "search"
	KindContributors = "contributors"
	KindCommit       = "commit"
	KindHistory      = "history"
	KindChanges      = "changed files"
	KindTree         = "folder"
	KindBlob         = "file"
)

// Policies are how long values are good for where the configuration does not say otherwise. With webhooks what changes is out of date at once, so that
// these are what a portal can do with where there are none. What is named by object ids never changes; it is kept for as long as there is room.
func Policies() map[string]cache.Policy {
	changing := cache.Policy{Fresh: time.Minute, Revalidate: 10 * time.Minute, OnError: 7 * 24 * time.Hour, Absent: 30 * time.Second}
	moving := cache.Policy{Fresh: 20 * time.Second, Revalidate: 5 * time.Minute, OnError: 7 * 24 * time.Hour, Absent: 15 * time.Second}
	slow := cache.Policy{Fresh: 10 * time.Minute, Revalidate: time.Hour, OnError: 7 * 24 * time.Hour, Absent: time.Minute}
	fixed := cache.Policy{Fresh: 7 * 24 * time.Hour, OnError: 7 * 24 * time.Hour, Absent: 15 * time.Second}
	return map[string]cache.Policy{
		KindRepository: changing, KindPullRequests: moving, KindPullRequest: moving, KindIssues: changing, KindSearch: moving,
		KindRefs: moving, KindRef: moving, KindReleases: slow, KindLabels: slow, KindContributors: slow,
		KindCommit: fixed, KindHistory: fixed, KindChanges: fixed, KindTree: fixed, KindBlob: fixed,
	}
}

// NameOf names a question, so that equal questions have equal names.
func NameOf(question any) string {
	text, err := json.Marshal(question)
	if err != nil {
		panic("host: bug: a question that is no JSON: " + err.Error())
	}
	return string(text)
}

// load answers questions from what is remembered, and asks the host once for all the others.
func load[Q, V any](ctx context.Context, h *Host, kind string, questions []Q, name func(Q) (string, []string), ask func(context.Context, []Q) ([]V, []error)) []Loaded[V] {
	names := make([]clients.Name, len(questions))
	for i, q := range questions {
		names[i].Name, names[i].Tags = name(q)
	}
	results := h.source.Load(ctx, kind, names, func(ctx context.Context, missing []cache.Missing) []cache.Fetched {
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
				out[i] = Loaded[V]{State: cache.Failed, Err: &clients.Error{Kind: clients.ErrBadAnswer, Source: h.Name, Message: "what is remembered of it cannot be read", Err: err}}
			}
		}
	}
	return out
}

// fetched is what the driver's i-th answer is to the cache.
func fetched[V any](values []V, errs []error, i int) cache.Fetched {
	if i >= len(values) || i >= len(errs) {
		return cache.Fetched{Err: fmt.Errorf("host: bug: %d answers and %d errors", len(values), len(errs))}
	}
	switch err := errs[i]; {
	case errors.Is(err, clients.ErrNotFound):
		return cache.Fetched{Value: cache.Value{Absent: true, At: time.Now()}}
	case err != nil:
		return cache.Fetched{Err: err, Final: errors.Is(err, clients.ErrForbidden)}
	}
	body, err := json.Marshal(values[i])
	if err != nil {
		return cache.Fetched{Err: fmt.Errorf("host: bug: a value that is no JSON: %w", err)}
	}
	return cache.Fetched{Value: cache.Value{Body: body, At: time.Now()}}
}
