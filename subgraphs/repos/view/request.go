package view

import (
	"context"
	"sync"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/repos/codeowners"
	"callboard.dev/callboard/subgraphs/repos/host"
	"github.com/graph-gophers/dataloader/v7"
	"golang.org/x/sync/errgroup"
)

// Source is where the facts of this subgraph come from, and what of them may be told.
type Source struct {
	Client     *git.Client
	Hosts      []*host.Host // in the order of the configuration
	MaskEmails bool
}

// Request is what one request has learnt. It is safe for concurrent use.
type Request struct {
	source  *Source
	commits *dataloader.Loader[commitKey, *git.Commit]

	mu      sync.Mutex
	hosts   map[*host.Host]*asking
	refs    map[*git.Repository]*pinned
	owners  map[git.OID]*codeowners.File
	origins map[string]*git.Repository // by web address in lower case; nil until asked for
}

// gather is how long the commits that one level of a query asks for are collected before git is asked for all of them. A
// process takes longer than that to start.
const gather = 500 * time.Microsecond

// readAtOnce bounds how many repositories one request reads at once; the client bounds the processes of all requests.
const readAtOnce = 8

// NewRequest returns a request that has learnt nothing yet.
func NewRequest(source *Source) *Request {
	q := &Request{source: source, hosts: map[*host.Host]*asking{}, refs: map[*git.Repository]*pinned{}, owners: map[git.OID]*codeowners.File{}}
	q.commits = dataloader.NewBatchedLoader(loadCommits, dataloader.WithWait[commitKey, *git.Commit](gather),
		dataloader.WithBatchCapacity[commitKey, *git.Commit](1000))
	return q
}

// pinned is one repository's refs as this request saw them first.
type pinned struct {
	once sync.Once
	refs *git.Refs
	err  error
}

func (q *Request) refsOf(ctx context.Context, r *git.Repository) (*git.Refs, error) {
	q.mu.Lock()
	p := q.refs[r]
	if p == nil {
		p = &pinned{}
		q.refs[r] = p
	}
	q.mu.Unlock()
	p.once.Do(func() { p.refs, p.err = r.Refs(ctx) })
	return p.refs, p.err
}

// commitKey names a commit, or a tag of one.
type commitKey struct {
	facts facts
	oid   git.OID
}

// commit returns the commit that the object id stands for, or nil where there is none.
func (q *Request) commit(ctx context.Context, from facts, oid git.OID) (*git.Commit, error) {
	return q.laterCommit(ctx, from, oid)()
}

// laterCommit asks for a commit together with others.
func (q *Request) laterCommit(ctx context.Context, from facts, oid git.OID) func() (*git.Commit, error) {
	if known := from.known(oid); known != nil {
		return func() (*git.Commit, error) { return known, nil }
	}
	return q.commits.Load(ctx, commitKey{from, oid})
}

// loadCommits asks each repository once, several at a time.
func loadCommits(ctx context.Context, keys []commitKey) []*dataloader.Result[*git.Commit] {
	out := make([]*dataloader.Result[*git.Commit], len(keys))
	places := map[facts][]int{}
	for i, key := range keys {
		places[key.facts] = append(places[key.facts], i)
	}
	var group errgroup.Group
	group.SetLimit(readAtOnce)
	for from, places := range places {
		group.Go(func() error {
			oids := make([]git.OID, len(places))
			for i, place := range places {
				oids[i] = keys[place].oid
			}
			commits, err := from.commits(ctx, oids)
			for i, place := range places {
				out[place] = &dataloader.Result[*git.Commit]{Error: err}
				if err == nil {
					out[place].Data = commits[i]
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	return out
}
