package remote

import (
	"context"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

const (
	// storeWithin is what the store may take to read or write many texts.
	storeWithin = 30 * time.Second
	// startWithin is what a start waits for it.
	startWithin = 5 * time.Second
	// saveAgainAfter is how soon what could not be remembered is tried again.
	saveAgainAfter = 10 * time.Second
	// maxSaved bounds the bytes of one change: a transaction with more would keep others waiting.
	maxSaved = 8 << 20
)

// kept is what a follower knows of the store.
type kept struct {
	revision     int64 // up to which it was read
	state        store.State
	stateVersion int
	stateSaved   int
	gone         map[string]time.Time // what the store must forget, and when that was found

	saving    bool
	saveAgain *time.Timer
	loading   bool
	loadAgain bool
}

// start takes what is remembered, before anything is followed.
func (f *follower) start(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	files, err := f.config.Store.Files(ctx, f.name, 0)
	if err != nil {
		f.log.Warn("remembered files cannot be read from the store", "error", err)
		return
	}
	f.merge(files)
	f.reach()
}

// load catches up with what other replicas have changed in the store.
func (f *follower) load() {
	if f.loadAgain = f.loading; f.loading {
		return
	}
	f.loading = true
	after := f.revision
	f.job(storeWithin, func(ctx context.Context) func() {
		files, err := f.config.Store.Files(ctx, f.name, after)
		return func() {
			f.loading = false
			if err != nil {
				f.log.Warn("remembered files cannot be read from the store", "error", err)
			} else if f.merge(files) {
				f.settle()
			}
			if f.loadAgain {
				f.load()
			}
		}
	})
}

// merge takes what the store knows, where that is newer, and tells whether anything is.
func (f *follower) merge(files store.Files) (changed bool) {
	f.revision = files.Revision
	for _, one := range files.Changed {
		x := f.files[one.URL]
		if _, err := parseURL(one.URL); err != nil || x != nil && !one.Asked.After(x.Asked) {
			continue
		}
		if _, gone := f.gone[one.URL]; gone && !one.Asked.After(f.gone[one.URL]) {
			continue // which the store is about to be told
		}
		delete(f.gone, one.URL)
		changed = true
		if x == nil {
			x = &file{}
			f.files[one.URL] = x
		}
		f.bytes += len(one.Text) - len(x.Text)
		x.File = one
		x.Root = rootOf(one.Root, one.URL)
		x.clean = false // until it is parsed
		x.checked = later(x.checked, one.Asked)
		x.version++
		x.saved = x.version
		f.doubt(x)
		if x.Missing || x.read() {
			f.note(x, x.read(), x.Asked)
		}
	}
	there := map[string]bool{}
	for _, url := range files.URLs {
		there[url] = true
	}
	for url, x := range f.files {
		if !there[url] && x.saved == x.version { // another replica found it gone
			f.bytes -= len(x.Text)
			f.doubt(x)
			delete(f.files, url)
			changed = true
		}
	}
	if f.stateVersion == f.stateSaved && files.State != f.state {
		searched := files.State.Searched.After(f.state.Searched)
		f.state = files.State
		changed = true
		if searched && f.next != nil && !f.searching { // by another replica
			f.schedule(time.Until(f.state.Searched.Add(f.config.Every)))
		}
	}
	return changed
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// save remembers what has changed. What cannot be remembered now is tried again, and is served all the same.
func (f *follower) save() {
	if f.saving {
		return
	}
	change, versions := f.unsaved()
	if len(change.Files) == 0 && len(change.Gone) == 0 && change.State == nil {
		return
	}
	f.saving = true
	stateVersion := f.stateVersion
	f.job(storeWithin, func(ctx context.Context) func() {
		revision, err := f.config.Store.SaveFiles(ctx, f.name, change)
		return func() {
			f.saving = false
			if err != nil {
				f.log.Warn("files that were read cannot be remembered", "error", err)
				f.saveAgain.Reset(saveAgainAfter)
				return
			}
			for url, version := range versions {
				if x := f.files[url]; x != nil {
					x.saved = max(x.saved, version)
				}
			}
			for url, at := range change.Gone {
				if f.gone[url].Equal(at) {
					delete(f.gone, url)
				}
			}
			if change.State != nil {
				f.stateSaved = stateVersion
			}
			if revision == f.revision+1 { // nobody else has changed anything
				f.revision = revision
			}
			f.save() // what is left, and what has changed meanwhile
		}
	})
}

// unsaved returns what is to be remembered, or a part of it, with the versions of the files in it. The state comes last: it says
// that all is there.
func (f *follower) unsaved() (change store.Change, versions map[string]int) {
	versions = map[string]int{}
	size, more := 0, false
	for url, x := range f.files {
		if x.version == x.saved {
			continue
		}
		if more = size > maxSaved; more {
			break
		}
		size += len(x.Text) + len(x.Good)
		change.Files = append(change.Files, x.File)
		versions[url] = x.version
	}
	if len(f.gone) > 0 {
		change.Gone = map[string]time.Time{}
		for url, at := range f.gone {
			if f.files[url] == nil {
				change.Gone[url] = at
			}
		}
	}
	if f.stateVersion != f.stateSaved && !more {
		state := f.state
		change.State = &state
	}
	return change, versions
}
