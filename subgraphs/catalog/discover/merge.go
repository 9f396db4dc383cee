package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// merge makes a snapshot of the files. Where two documents describe one ref, the one in the first file by path wins or, in one
// file, the first; the other is an issue that names the winner.
func (s *survey) merge(files []*file) descriptor.Snapshot {
	snapshot := descriptor.Snapshot{Entities: make([]*descriptor.Entity, 0, len(files)), Issues: s.issuesOf(files)}
	take := func(served *descriptor.Served) {
		for _, entity := range served.Entities {
			if entity != nil {
				snapshot.Entities = append(snapshot.Entities, entity)
			}
		}
	}
	for _, f := range files {
		take(&f.Served)
	}
	for _, given := range s.given {
		for i := range given {
			take(&given[i])
		}
	}
	s.served = len(snapshot.Entities)
	slices.SortFunc(snapshot.Entities, func(a, b *descriptor.Entity) int {
		if c := descriptor.CompareRefs(a.Ref, b.Ref); c != 0 {
			return c
		}
		if c := strings.Compare(a.Source.File, b.Source.File); c != 0 {
			return c
		}
		return a.Source.Document - b.Source.Document
	})
	kept := snapshot.Entities[:0]
	for _, entity := range snapshot.Entities {
		if len(kept) == 0 || kept[len(kept)-1].Ref != entity.Ref {
			kept = append(kept, entity)
			continue
		}
		winner := kept[len(kept)-1].Source
		snapshot.Issues = append(snapshot.Issues, descriptor.Issue{
			Severity: descriptor.SeverityError, Rule: "entity-conflict", File: entity.Source.File, Document: entity.Source.Document, Line: entity.Source.Line, Ref: entity.Ref,
			Message: fmt.Sprintf("%s is described at %s:%d already, and this document is left out; rename or remove one of them", entity.Ref, winner.File, winner.Line),
		})
	}
	clear(snapshot.Entities[len(kept):])
	snapshot.Entities = kept
	snapshot.Issues = sorted(snapshot.Issues)
	return snapshot
}

// issuesOf returns what is wrong with files, those given, locations and folders, in any order.
func (s *survey) issuesOf(files []*file) []descriptor.Issue {
	out := slices.Clone(s.located)
	for _, f := range files {
		out = append(out, f.Issues...)
	}
	for _, given := range s.given {
		for i := range given {
			out = append(out, given[i].Issues...)
		}
	}
	for _, f := range s.tree {
		out = append(out, f.issues...)
	}
	return append(out, s.watchIssues()...)
}

func sorted(issues []descriptor.Issue) []descriptor.Issue {
	descriptor.SortIssues(issues)
	return slices.Compact(issues)
}

// watchIssues says, once for each configured folder, that some of it is polled.
func (s *survey) watchIssues() []descriptor.Issue {
	counts, reasons := map[string]int{}, map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(s.unwatched)) {
		err := s.unwatched[path]
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // it is an issue of its own, or nobody misses it
		}
		at := path
		for _, folder := range s.folders {
			if path == folder || inside(folder, path) {
				at = folder
				break
			}
		}
		counts[at]++
		if reasons[at] == "" {
			reasons[at] = reason(err)
		}
	}
	var out []descriptor.Issue
	for path, count := range counts {
		out = append(out, descriptor.Issue{
			Severity: descriptor.SeverityWarning, Rule: "watch-limit", File: printable(path), Document: -1,
			Message: fmt.Sprintf("%d folders cannot be watched (%s), so changes in them are seen late; raise fs.inotify.max_user_watches or search fewer folders", count, reasons[path]),
		})
	}
	return out
}

// same tells whether two snapshots say the same. Entities of files that did not change are the same pointers.
func same(a, b descriptor.Snapshot) bool {
	return slices.Equal(a.Entities, b.Entities) && slices.Equal(a.Issues, b.Issues)
}
