package discover

import (
	"slices"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// reread makes a snapshot out of the last one, by reading the files in doubt again. That is what nearly every edit takes, and its cost is
// that of the files edited. It gives up, and then collect must do it all, where more may follow from the edits: where the
// folders changed, a file came or went or leads elsewhere, or documents conflict.
func (s *survey) reread(last descriptor.Snapshot) (descriptor.Snapshot, bool) {
	// With a pattern among the locations any event may be about a file that is not known yet.
	if !s.settled || s.globbed || s.served != len(last.Entities) {
		return last, false
	}
	var doubted []int // in s.collected
	for at, f := range s.collected {
		if s.dirty[f.path] != clean {
			doubted = append(doubted, at)
		}
	}
	if len(doubted) != len(s.dirty) { // one was missing, or reached twice, or is none of the catalog's any more
		return last, false
	}
	level := make([]wanted, len(doubted))
	for i, at := range doubted {
		f := s.collected[at]
		level[i] = wanted{path: f.path, origin: f.origin, found: f.found}
	}
	s.load(level)
	files := slices.Clone(s.collected)
	entities := slices.Clone(last.Entities)
	for _, at := range doubted {
		old, now := files[at], s.files[files[at].path]
		if !leadsAsBefore(old, now) || !replace(entities, old.Entities, now.Entities) {
			return last, false
		}
		files[at] = now
	}
	s.collected = files
	return descriptor.Snapshot{Entities: entities, Issues: sorted(s.issuesOf(files))}, s.ctx.Err() == nil
}

// leadsAsBefore tells whether no other file is read or watched for the new version of a file than was for the old.
func leadsAsBefore(old, now *file) bool {
	location := func(e *descriptor.Entity) bool { return e != nil && e.Kind == "Location" }
	return !now.missing && old.real == now.real && slices.Equal(old.Includes, now.Includes) &&
		!slices.ContainsFunc(old.Entities, location) && !slices.ContainsFunc(now.Entities, location)
}

// replace puts the entities of the new version of a file in the place of the old, which both are in the same number and of the same
// references, or it tells that they are not. There must be no conflicts.
func replace(entities, old, now []*descriptor.Entity) bool {
	refused := func(e *descriptor.Entity) bool { return e == nil }
	old = slices.DeleteFunc(slices.Clone(old), refused)
	now = slices.DeleteFunc(slices.Clone(now), refused)
	if len(old) != len(now) {
		return false
	}
	for i, e := range now {
		if e.Ref != old[i].Ref {
			return false
		}
		at, ok := slices.BinarySearchFunc(entities, e.Ref, func(e *descriptor.Entity, ref descriptor.Ref) int { return descriptor.CompareRefs(e.Ref, ref) })
		if !ok || entities[at] != old[i] {
			return false
		}
		entities[at] = e
	}
	return true
}
