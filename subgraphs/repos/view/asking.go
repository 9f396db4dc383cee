package view

import (
	"context"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/upstream"
)

// asking collects what one request asks of one host, so that all that one level of the query wants is asked for at once.
type asking struct {
	repositories batch[string, *host.Repository]
	pulls        batch[host.PullRequestQuery, *host.Page[*host.PullRequest]]
	pull         batch[host.Numbered, *host.PullRequest]
	issues       batch[host.IssueQuery, *host.Page[*host.Issue]]
	releases     batch[host.ListQuery, *host.Page[*host.Release]]
	labels       batch[host.ListQuery, *host.Page[*host.Label]]
	refs         batch[host.RefQuery, *host.Page[*host.Ref]]
	searches     batch[host.Search, *host.Page[*host.PullRequest]]
	resolve      batch[host.NamedRef, *host.Commit]
	commits      batch[host.NamedObject, *host.Commit]
	histories    batch[host.HistoryQuery, *host.Page[*host.Commit]]
	changes      batch[host.NamedObject, []git.ChangedFile]
	trees        batch[host.Folder, []host.TreeEntry]
	blobs        batch[host.NamedObject, *host.Blob]
	contributors batch[string, []host.Contributor]
}

// of returns what the request asks of the host.
func (q *Request) of(h *host.Host) *asking {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known := q.hosts[h]; known != nil {
		return known
	}
	a := &asking{
		repositories: newBatch(h, host.KindRepository, h.Repositories),
		pulls:        newBatch(h, host.KindPullRequests, h.PullRequestPages),
		pull:         newBatch(h, host.KindPullRequest, h.PullRequests),
		issues:       newBatch(h, host.KindIssues, h.IssuePages),
		releases:     newBatch(h, host.KindReleases, h.ReleasePages),
		labels:       newBatch(h, host.KindLabels, h.LabelPages),
		refs:         newBatch(h, host.KindRefs, h.RefPages),
		searches:     newBatch(h, host.KindSearch, h.Searches),
		resolve:      newBatch(h, host.KindRef, h.Resolve),
		commits:      newBatch(h, host.KindCommit, h.Commits),
		histories:    newBatch(h, host.KindHistory, h.Histories),
		changes:      newBatch(h, host.KindChanges, h.Changes),
		trees:        newBatch(h, host.KindTree, h.Trees),
		blobs:        newBatch(h, host.KindBlob, h.Blobs),
		contributors: newBatch(h, host.KindContributors, h.Contributors),
	}
	q.hosts[h] = a
	return a
}

// batch is what a request asks of one host, of one kind.
type batch[Q, V any] struct {
	upstream.Batch[Q, V]
	host *host.Host
}

func newBatch[Q, V any](h *host.Host, kind string, ask func(context.Context, []Q) []host.Loaded[V]) batch[Q, V] {
	return batch[Q, V]{upstream.NewBatch(h.Name, kind, codeOf, ask), h}
}

// failHost returns the error of a host as clients see it.
func failHost(h *host.Host, err error) error { return upstream.Fail(h.Name, err, codeOf) }
