package entitycache

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sosodev/duration"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/execute"
)

// count notes a value that was remembered.
func (m *merge) count(at int, r *cache.Result, p *place) {
	if !m.request.Sources || r.State == cache.Live { // what is live is for the subgraph to tell
		return
	}
	if m.kept == nil {
		m.kept = map[string]*execute.SourceCounts{}
	}
	kind := m.wanted[at].Key.Kind
	if m.kept[kind] == nil {
		m.kept[kind] = &execute.SourceCounts{}
	}
	if r.State == cache.Cached {
		m.kept[kind].Cached++
	} else {
		m.kept[kind].Stale++
		m.noteStale(r, p)
	}
	m.oldest = max(m.oldest, time.Since(r.Value.At))
}

// noteStale notes why a value was not renewed.
func (m *merge) noteStale(r *cache.Result, p *place) {
	if r.Err == nil {
		return
	}
	code := execute.CodeSubgraph
	var failure *execute.FetchError
	if errors.As(r.Err, &failure) {
		code = failure.Code
	}
	at := slices.IndexFunc(m.stale, func(e execute.SourceError) bool { return e.Code == code })
	if at < 0 {
		at = len(m.stale)
		m.stale = append(m.stale, execute.SourceError{Code: code})
	}
	if p != nil {
		m.stale[at].Paths = append(m.stale[at].Paths, m.path(*p, nil))
	}
}

// sources says where the answer comes from: what the subgraph says of what it was asked, and what is remembered of it.
func (m *merge) sources() {
	for _, a := range m.asks {
		if !m.used[a] {
			continue
		}
		for _, report := range a.read.Sources {
			report.Errors = slices.Clone(report.Errors)
			for i := range report.Errors {
				var paths [][]any
				for _, path := range report.Errors[i].Paths {
					if m.places == nil {
						paths = append(paths, path)
					} else if whole, at, _ := m.original(a, path); at >= 0 {
						paths = append(paths, whole)
					}
				}
				report.Errors[i].Paths = paths
			}
			m.out.Sources = append(m.out.Sources, report)
		}
	}
	if len(m.kept) == 0 {
		return
	}
	report := execute.SourceReport{Name: m.settings.Name, Oldest: duration.Format(m.oldest.Truncate(time.Second)), Errors: m.stale}
	for _, kind := range slices.Sorted(maps.Keys(m.kept)) {
		counts := *m.kept[kind]
		report.Cached += counts.Cached
		report.Stale += counts.Stale
		report.Kinds = append(report.Kinds, execute.SourceKind{Kind: kind, SourceCounts: counts})
	}
	m.out.Sources = append(m.out.Sources, report)
}
