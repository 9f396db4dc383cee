package descriptor

import (
	"bytes"
	"slices"
)

// Served is what is served of a file: what it says now and, for documents that are refused, what they said last.
type Served struct {
	File
	Entities []*Entity // one for each document: its own or, where it is refused, the last good one; nil where there is none
}

// Serve decides which entity stands for each document of a file that was read again: its own or, where it is refused, the last
// good one of the same ref, or of the same position where the ref cannot be told. So a file that is being edited never empties
// the catalog. last is nil for a file that was not served before.
func Serve(now File, last *Served) Served {
	s := Served{File: now, Entities: make([]*Entity, len(now.Documents))}
	taken := map[Ref]bool{}
	for i, document := range s.Documents {
		if s.Entities[i] = document.Entity; document.Entity != nil {
			taken[document.Ref] = true
		}
	}
	if last == nil {
		return s
	}
	if len(s.Documents) == 0 {
		if len(s.Issues) > 0 { // the whole file was refused
			s.Documents, s.Includes, s.Entities = last.Documents, last.Includes, last.Entities
			s.explain(-1, Ref{})
		}
		return s
	}
	for i, document := range s.Documents {
		if s.Entities[i] != nil {
			continue
		}
		for j, old := range last.Documents {
			entity := last.Entities[j]
			if entity == nil || taken[entity.Ref] {
				continue
			}
			if document.Ref == entity.Ref || document.Ref == (Ref{}) && document.Position == old.Position {
				s.Entities[i], taken[entity.Ref] = entity, true
				s.Documents[i].Targets = old.Targets
				s.explain(document.Position, entity.Ref)
				break
			}
		}
	}
	return s
}

// Serves tells whether any entity is served.
func (s *Served) Serves() bool {
	return s != nil && slices.ContainsFunc(s.Entities, func(e *Entity) bool { return e != nil })
}

// explain adds to the errors of a document, or of the whole file, that an older version is served.
func (s *Served) explain(position int, ref Ref) {
	s.Issues = slices.Clone(s.Issues)
	for i := range s.Issues {
		if issue := &s.Issues[i]; issue.Document == position && issue.Severity == SeverityError {
			issue.Message += "; until then the last good version is served"
			if issue.Ref == (Ref{}) {
				issue.Ref = ref
			}
		}
	}
}

// Skeleton tells a file that templates fill in from one that is wrong: no document is valid, and what is wrong with one of them
// is on a line with a template expression. It returns what to serve of it, which is a warning.
func Skeleton(text []byte, parsed File) (File, bool) {
	if len(parsed.Issues) == 0 || slices.ContainsFunc(parsed.Documents, func(d Document) bool { return d.Entity != nil }) {
		return parsed, false
	}
	wrong := map[int]bool{}
	for _, issue := range parsed.Issues {
		wrong[issue.Line] = wrong[issue.Line] || issue.Severity == SeverityError
	}
	number := 0
	for line := range bytes.Lines(text) {
		if number++; wrong[number] && (bytes.Contains(line, []byte("{{")) || bytes.Contains(line, []byte("{%"))) {
			first := parsed.Issues[0]
			return File{Includes: parsed.Includes, Issues: []Issue{{
				Severity: SeverityWarning, Rule: "template-skeleton", File: first.File, Document: -1, Line: first.Line,
				Message: "template expressions keep every document of the file from being valid, so it is taken for part of a template; if it is none: " + first.Message,
			}}}, true
		}
	}
	return parsed, false
}
