package ci

import (
	"context"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/upstream"
)

// The kinds of values, as policies, metrics and the graph name them.
const (
	KindPipelines       = "pipelines"
	KindAllPipelines    = "all pipelines"
	KindPipeline        = "pipeline"
	KindRun             = "run"
	KindRuns            = "runs"
	KindCommitRuns      = "runs of a commit"
	KindPullRequestRuns = "runs of a pull request"
	KindStages          = "stages"
	KindSteps           = "steps"
	KindTests           = "tests"
	KindCoverage        = "coverage"
	KindArtifacts       = "artifacts"
	KindLog             = "log"
	KindComparison      = "comparison"
	KindLinked          = "statuses"
)

// Policies are how long values are good for where the configuration does not say otherwise. With webhooks what changes is out of date at once.
func Policies() map[string]cache.Policy {
	moving := cache.Policy{Fresh: 20 * time.Second, Revalidate: 5 * time.Minute, OnError: 7 * 24 * time.Hour, Absent: 15 * time.Second}
	running := cache.Policy{Fresh: 3 * time.Second, OnError: 24 * time.Hour, Absent: 3 * time.Second}
	slow := cache.Policy{Fresh: 10 * time.Minute, Revalidate: time.Hour, OnError: 7 * 24 * time.Hour, Absent: time.Minute}
	return map[string]cache.Policy{
		KindPipelines: moving, KindAllPipelines: slow, KindPipeline: slow, KindRuns: moving, KindCommitRuns: moving, KindPullRequestRuns: moving, KindLinked: moving,
		KindRun: running, KindStages: running, KindSteps: running, KindTests: running, KindCoverage: moving, KindArtifacts: moving, KindLog: running, KindComparison: slow,
	}
}

// load answers questions from what is remembered, and asks the system once for all the others.
func load[Q, V any](ctx context.Context, s *System, kind string, questions []Q, name func(Q) (string, []string), ask upstream.Ask[Q, V]) []Loaded[V] {
	return upstream.Load(ctx, s.source, kind, questions, name, ask)
}
