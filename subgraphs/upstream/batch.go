package upstream

import (
	"context"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/report"
)

// Batch collects what one request asks of one source, of one kind, so that all that one level of the query wants is asked for at once. Equal questions are
// asked once.
type Batch[Q, V any] struct {
	Source string // its name
	Kind   string // of the answers

	code      func(error) string
	loader    *dataloader.Loader[string, Loaded[V]]
	questions *sync.Map // by name
}

const (
	// gather is how long the questions of one level of a query are collected. An upstream takes longer than that to answer.
	gather = 500 * time.Microsecond
	// askAtOnce is how many questions one call of a source takes: as many as GitHub's and GitLab's pages have room for.
	askAtOnce = 100
)

// NewBatch returns a batch of a source. load answers its questions; code returns the code for an error that package clients has none for, and may be nil.
func NewBatch[Q, V any](source, kind string, code func(error) string, load func(context.Context, []Q) []Loaded[V]) Batch[Q, V] {
	questions := &sync.Map{}
	return Batch[Q, V]{Source: source, Kind: kind, code: code, questions: questions, loader: dataloader.NewBatchedLoader(
		func(ctx context.Context, names []string) []*dataloader.Result[Loaded[V]] {
			wanted := make([]Q, len(names))
			for i, name := range names {
				question, _ := questions.Load(name)
				wanted[i] = question.(Q)
			}
			out := make([]*dataloader.Result[Loaded[V]], len(names))
			for i, loaded := range load(ctx, wanted) {
				out[i] = &dataloader.Result[Loaded[V]]{Data: loaded}
			}
			return out
		}, dataloader.WithWait[string, Loaded[V]](gather), dataloader.WithBatchCapacity[string, Loaded[V]](askAtOnce))}
}

// Prepare has a question asked together with others.
func (b Batch[Q, V]) Prepare(ctx context.Context, q Q) func() (Loaded[V], error) {
	name := NameOf(q)
	b.questions.Store(name, q)
	return b.loader.Load(ctx, name)
}

// Load returns the answer to a question and notes where it comes from. The error is what its lack is to a client: nil where there is one, or the source says
// that there is no such thing.
func (b Batch[Q, V]) Load(ctx context.Context, q Q) (Loaded[V], error) {
	l, err := b.Prepare(ctx, q)()
	if err != nil {
		return l, err
	}
	note := report.Value{Source: b.Source, Kind: b.Kind, State: states[l.State], At: l.At}
	if l.Err != nil {
		note.Code, note.RetryAt = codeOf(l.Err, b.code), retryAt(l.Err)
	}
	report.Note(ctx, note)
	if l.State == cache.Failed {
		return l, Fail(b.Source, l.Err, b.code)
	}
	return l, nil
}

// states are the states of remembered values as reports name them.
var states = map[cache.State]report.State{cache.Live: report.Live, cache.Cached: report.Cached, cache.Stale: report.Stale, cache.Failed: report.Failed}

// Freshness names the state of a value as schemas do; "" of one that is not known.
func Freshness(s cache.State) string {
	switch s {
	case cache.Live:
		return "LIVE"
	case cache.Cached:
		return "CACHED"
	case cache.Stale:
		return "STALE"
	}
	return ""
}

// Fail returns the error of a source with its code, the source and when to try again. code is as in NewBatch.
func Fail(source string, err error, code func(error) string) error {
	if err == nil {
		return nil
	}
	extensions := map[string]any{"code": codeOf(err, code), "source": source}
	if at := retryAt(err); !at.IsZero() {
		extensions["retryAt"] = at.UTC().Format(time.RFC3339)
	}
	return &gqlerror.Error{Err: err, Message: err.Error(), Extensions: extensions}
}

// unavailable is the code of an error of which nothing else is known.
const unavailable = "UNAVAILABLE"

func codeOf(err error, more func(error) string) string {
	if code := clients.CodeOf(err); code != "" {
		return code
	}
	if more != nil {
		if code := more(err); code != "" {
			return code
		}
	}
	return unavailable
}

func retryAt(err error) time.Time {
	if e := clients.Of(err); e != nil {
		return e.RetryAt
	}
	return time.Time{}
}
