package view

import (
	"context"
	"sync"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/report"
	"callboard.dev/callboard/subgraphs/repos/host"
	"github.com/graph-gophers/dataloader/v7"
	"github.com/vektah/gqlparser/v2/gqlerror"
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

// batch loads answers to questions of one kind. Equal questions of a request are asked once.
type batch[Q, V any] struct {
	host      *host.Host
	kind      string // of the answers
	loader    *dataloader.Loader[string, host.Loaded[V]]
	questions *sync.Map // by name
}

// askAtOnce is how many questions one call of a host takes: as many as GitHub's and GitLab's pages have room for.
const askAtOnce = 100

func newBatch[Q, V any](h *host.Host, kind string, ask func(context.Context, []Q) []host.Loaded[V]) batch[Q, V] {
	questions := &sync.Map{}
	return batch[Q, V]{host: h, kind: kind, questions: questions, loader: dataloader.NewBatchedLoader(
		func(ctx context.Context, names []string) []*dataloader.Result[host.Loaded[V]] {
			wanted := make([]Q, len(names))
			for i, name := range names {
				question, _ := questions.Load(name)
				wanted[i] = question.(Q)
			}
			out := make([]*dataloader.Result[host.Loaded[V]], len(names))
			for i, loaded := range ask(ctx, wanted) {
				out[i] = &dataloader.Result[host.Loaded[V]]{Data: loaded}
			}
			return out
		}, dataloader.WithWait[string, host.Loaded[V]](gather), dataloader.WithBatchCapacity[string, host.Loaded[V]](askAtOnce))}
}

// prepare has a question asked together with others.
func (b batch[Q, V]) prepare(ctx context.Context, q Q) func() (host.Loaded[V], error) {
	name := host.NameOf(q)
	b.questions.Store(name, q)
	return b.loader.Load(ctx, name)
}

// load returns the answer to a question and notes where it comes from. The error is what its lack is to a client: nil where there is one, or the host says
// that there is no such thing.
func (b batch[Q, V]) load(ctx context.Context, q Q) (host.Loaded[V], error) {
	l, err := b.prepare(ctx, q)()
	if err != nil {
		return l, err
	}
	note := report.Value{Source: b.host.Name, Kind: b.kind, State: states[l.State], At: l.At}
	if l.Err != nil {
		note.Code, note.RetryAt = hostCode(l.Err), retryAt(l.Err)
	}
	report.Note(ctx, note)
	if l.State == cache.Failed {
		return l, failHost(b.host, l.Err)
	}
	return l, nil
}

// states are the states of remembered values as reports name them.
var states = map[cache.State]report.State{cache.Live: report.Live, cache.Cached: report.Cached, cache.Stale: report.Stale, cache.Failed: report.Failed}

// failHost returns the error with its code, the source and when to try again.
func failHost(h *host.Host, err error) error {
	if err == nil {
		return nil
	}
	extensions := map[string]any{"code": hostCode(err), "source": h.Name}
	if at := retryAt(err); !at.IsZero() {
		extensions["retryAt"] = at.UTC().Format(time.RFC3339)
	}
	return &gqlerror.Error{Err: err, Message: err.Error(), Extensions: extensions}
}

func hostCode(err error) string {
	if code := clients.CodeOf(err); code != "" {
		return code
	}
	if code := codeOf(err); code != "" {
		return code
	}
	return CodeUnavailable
}

func retryAt(err error) time.Time {
	if e := clients.Of(err); e != nil {
		return e.RetryAt
	}
	return time.Time{}
}
