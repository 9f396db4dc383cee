package view

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/live"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/upstream"
)

// Source is where the facts of this subgraph come from.
type Source struct {
	Systems []*ci.System // in the order of the configuration
	Reports *reports.Reports
	Store   store.Store
	Hub     *live.Hub
	Access  *access.Access
	// Forget ends what is remembered under the tags.
	Forget func(ctx context.Context, tags ...string) error
	Behind *Behind // does what requests begin and do not wait for
	Log    *slog.Logger
}

// hosts are the systems that are repository hosts, too.
func (s *Source) hosts() []*ci.System {
	var out []*ci.System
	for _, system := range s.Systems {
		if system.Host != nil {
			out = append(out, system)
		}
	}
	return out
}

// of returns the systems of a kind.
func (s *Source) of(provider ci.Provider) []*ci.System {
	var out []*ci.System
	for _, system := range s.Systems {
		if system.Provider == provider {
			out = append(out, system)
		}
	}
	return out
}

// Request is what one request has learnt. It is safe for concurrent use.
type Request struct {
	source *Source

	mu      sync.Mutex
	systems map[*ci.System]*asking
	flakes  map[branchName]func() ([]reports.Flake, error)
}

// NewRequest returns a request that has learnt nothing yet.
func NewRequest(source *Source) *Request {
	return &Request{source: source, systems: map[*ci.System]*asking{}, flakes: map[branchName]func() ([]reports.Flake, error){}}
}

// asking collects what one request asks of one system, so that all that one level of the query wants is asked for at once.
type asking struct {
	overviews   upstream.Batch[string, []*ci.Pipeline]
	all         upstream.Batch[string, []*ci.Pipeline]
	pipelines   upstream.Batch[string, *ci.Pipeline]
	runs        upstream.Batch[string, *ci.Run]
	pages       upstream.Batch[ci.RunsQuery, *ci.Page[*ci.Run]]
	commits     upstream.Batch[ci.CommitName, []*ci.Run]
	pulls       upstream.Batch[ci.PullRequestName, []*ci.Run]
	stages      upstream.Batch[string, *ci.Stages]
	steps       upstream.Batch[string, []ci.Step]
	tests       upstream.Batch[string, *ci.Tests]
	coverages   upstream.Batch[string, *float64]
	artifacts   upstream.Batch[string, []ci.Artifact]
	logs        upstream.Batch[ci.LogQuery, *ci.Log]
	comparisons upstream.Batch[ci.ComparisonQuery, *ci.Comparison]
	linked      upstream.Batch[ci.CommitName, []string]
}

func batch[Q, V any](s *ci.System, kind string, load func(context.Context, []Q) []ci.Loaded[V]) upstream.Batch[Q, V] {
	return upstream.NewBatch(s.Name, kind, codeOf, load)
}

// of returns what the request asks of the system.
func (q *Request) of(s *ci.System) *asking {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known := q.systems[s]; known != nil {
		return known
	}
	a := &asking{
		overviews: batch(s, ci.KindPipelines, s.Overviews), all: batch(s, ci.KindAllPipelines, s.All), pipelines: batch(s, ci.KindPipeline, s.Pipelines),
		runs: batch(s, ci.KindRun, s.Runs), pages: batch(s, ci.KindRuns, s.RunPages), commits: batch(s, ci.KindCommitRuns, s.CommitRuns),
		pulls: batch(s, ci.KindPullRequestRuns, s.PullRequestRuns), stages: batch(s, ci.KindStages, s.Stages), steps: batch(s, ci.KindSteps, s.Steps),
		tests: batch(s, ci.KindTests, s.Tests), coverages: batch(s, ci.KindCoverage, s.Coverages), artifacts: batch(s, ci.KindArtifacts, s.Artifacts),
		logs: batch(s, ci.KindLog, s.Logs), comparisons: batch(s, ci.KindComparison, s.Compare), linked: batch(s, ci.KindLinked, s.Linked),
	}
	q.systems[s] = a
	return a
}

// since returns how long ago a time is.
func since(at time.Time) time.Duration { return time.Since(at) }
