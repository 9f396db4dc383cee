package catalog

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/store"
)

// maxTarget is the longest path that Linux opens.
const maxTarget = 4096

// storeWithin is what one change, or reading all there is, may wait for the store. Both take milliseconds where it answers.
const storeWithin = 5 * time.Second

// locations are the targets that clients registered. The store has them, for replicas and those who come after; what is read here
// is what it said last, also while it does not answer.
type locations struct {
	store store.Store
	known atomic.Pointer[[]string] // sorted, each once, never changed; nil until the store has answered
}

// Targets returns the registered targets, sorted; false where they are not known yet. The caller must not change them.
func (l *locations) Targets() ([]string, bool) {
	if known := l.known.Load(); known != nil {
		return *known, true
	}
	return nil, false
}

// Has tells whether a target is known to be registered.
func (l *locations) Has(target string) bool {
	targets, _ := l.Targets()
	_, ok := slices.BinarySearch(targets, target)
	return ok
}

// Read takes what the store has, and tells whether that is something else than was known.
func (l *locations) Read(ctx context.Context) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	targets, err := l.store.Locations(ctx)
	if err != nil {
		return false, err
	}
	before, known := l.Targets()
	if known && slices.Equal(before, targets) {
		return false, nil
	}
	l.known.Store(&targets)
	return true, nil
}

// Add remembers a target. On error it is not known whether it was, which the next Read tells; mostly it was not.
func (l *locations) Add(ctx context.Context, target string) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	if _, err := l.store.AddLocations(ctx, target); err != nil {
		return err
	}
	if targets, known := l.Targets(); known {
		if at, ok := slices.BinarySearch(targets, target); !ok {
			targets = slices.Insert(slices.Clone(targets), at, target)
			l.known.Store(&targets)
		}
	}
	return nil
}

// Remove forgets a target, and tells whether it was there. On error it is not known whether it is, as for Add.
func (l *locations) Remove(ctx context.Context, target string) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	if found, _, err = l.store.RemoveLocation(ctx, target); err != nil {
		return false, err
	}
	if targets, known := l.Targets(); known {
		if at, ok := slices.BinarySearch(targets, target); ok {
			targets = slices.Delete(slices.Clone(targets), at, at+1)
			l.known.Store(&targets)
		}
	}
	return found, nil
}
