package host

import (
	"context"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/upstream"
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
func NameOf(question any) string { return upstream.NameOf(question) }

// load answers questions from what is remembered, and asks the host once for all the others.
func load[Q, V any](ctx context.Context, h *Host, kind string, questions []Q, name func(Q) (string, []string), ask upstream.Ask[Q, V]) []Loaded[V] {
	return upstream.Load(ctx, h.source, kind, questions, name, ask)
}
