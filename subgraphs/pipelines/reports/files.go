package reports

import (
	"context"
	"errors"
	"slices"
	"sync"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// keptLists is how many lists of files are remembered, by judgement: the reports of one commit come one after the other, and a list takes some megabytes.
const keptLists = 4

// fileLists remembers the files of the commits that were asked for last. They never change.
type fileLists struct {
	mu    sync.Mutex
	lists []*fileList // the latest last
}

type fileList struct {
	of       string
	known    chan struct{} // closed when the rest is
	paths    []string
	complete bool
	err      error
}

// errNoFiles says that a host tells no files.
var errNoFiles = errors.New("the host does not list the files of a commit")

// list returns the paths of the files of a commit, and whether these are all. It is asked for once, also by several at once.
func (f *fileLists) list(ctx context.Context, of Repository, commit string) ([]string, bool, error) {
	host := of.System.Hosting()
	if host == nil {
		return nil, false, errNoFiles
	}
	name := of.System.Name + "/" + of.Path + "@" + commit
	for {
		f.mu.Lock()
		i := slices.IndexFunc(f.lists, func(l *fileList) bool { return l.of == name })
		if i < 0 {
			l := &fileList{of: name, known: make(chan struct{})}
			f.lists = append(f.lists, l)
			f.lists = slices.Clone(f.lists[max(0, len(f.lists)-keptLists):])
			f.mu.Unlock()
			l.paths, l.complete, l.err = host.Files(ctx, ci.CommitName{Repository: of.Path, OID: commit})
			if l.err != nil {
				f.forget(l)
			}
			close(l.known)
			return l.paths, l.complete, l.err
		}
		l := f.lists[i]
		f.mu.Unlock()
		select {
		case <-l.known:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		if l.err == nil || !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return l.paths, l.complete, l.err
		}
	}
}

func (f *fileLists) forget(l *fileList) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists = slices.DeleteFunc(f.lists, func(o *fileList) bool { return o == l })
}

// passing tells whether an error is that of a time, so that trying again later may help.
func passing(err error) bool {
	for _, kind := range []error{clients.ErrUnavailable, clients.ErrTimeout, clients.ErrLimited, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
