package execute

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sosodev/duration"
)

// SourceReport is what a subgraph says, in extensions.sources of its answer, of one system that the answer comes from. The response to a client that
// asks for it has the reports of all subgraphs, one for each name.
type SourceReport struct {
	Name string `json:"name"`
	SourceCounts
	Oldest string        `json:"oldest,omitempty"` // the age of the oldest value, as ISO 8601 has durations: PT42S
	Kinds  []SourceKind  `json:"kinds,omitempty"`  // the counts again, for each kind of value
	Errors []SourceError `json:"errors,omitempty"`
}

// SourceCounts tells how many values there are in which state.
type SourceCounts struct {
	Live   int `json:"live"`   // the source said it for this request
	Cached int `json:"cached"` // it was remembered, and is no older than it may get
	Stale  int `json:"stale"`  // it was remembered, and is older than that
	Failed int `json:"failed"` // it is not known
}

func (c *SourceCounts) add(other SourceCounts) {
	c.Live += max(other.Live, 0)
	c.Cached += max(other.Cached, 0)
	c.Stale += max(other.Stale, 0)
	c.Failed += max(other.Failed, 0)
}

// SourceKind are the counts of one kind of value.
type SourceKind struct {
	Kind string `json:"kind"`
	SourceCounts
}

// SourceError is why values of a source are failed or stale.
type SourceError struct {
	Code    string  `json:"code"`
	RetryAt string  `json:"retryAt,omitempty"` // when to try again, as RFC 3339 has it; empty where nobody knows
	Paths   [][]any `json:"paths,omitempty"`   // of the values concerned: in a subgraph's answer its own, in the response the client's
}

// Bounds of what is taken from one answer, and of what one response shows.
const (
	maxSources     = 100
	maxKinds       = 50
	maxSourceError = 50
	maxSourcePaths = 100
	maxSourceName  = 200 // bytes
)

// reported are the reports in one answer.
type reported struct {
	sent    *sent
	reports []SourceReport
}

// readSources reads extensions of an answer. What is not a list of reports says nothing.
func readSources(extensions []byte) []SourceReport {
	var out struct {
		Sources []SourceReport `json:"sources"`
	}
	if json.Unmarshal(extensions, &out) != nil {
		return nil
	}
	return out.Sources[:min(len(out.Sources), maxSources)]
}

// appendSources appends extensions with the reports of all answers, joined by name and in the client's terms.
func (r *run) appendSources(b []byte) []byte {
	// Which answer came first is nothing for clients to see.
	slices.SortStableFunc(r.reported, func(a, b reported) int { return a.sent.fetch.ID - b.sent.fetch.ID })
	joined := map[string]*SourceReport{}
	list := []*SourceReport{}
	for _, answer := range r.reported {
		for _, report := range answer.reports {
			if !presentable(report.Name) {
				continue
			}
			into := joined[report.Name]
			if into == nil {
				if len(list) == maxSources {
					continue
				}
				into = &SourceReport{Name: report.Name}
				joined[report.Name] = into
				list = append(list, into)
			}
			into.join(report, func(path []any) []any { return r.translate(answer.sent, path) })
		}
	}
	slices.SortFunc(list, func(a, b *SourceReport) int { return cmp.Compare(a.Name, b.Name) })
	for _, report := range list {
		slices.SortFunc(report.Kinds, func(a, b SourceKind) int { return cmp.Compare(a.Kind, b.Kind) })
	}
	text, err := json.Marshal(map[string]any{"sources": list})
	if err != nil { // a path in an answer is of numbers and text
		text = []byte(`{"sources":[]}`)
	}
	return append(append(b, `,"extensions":`...), text...)
}

// join adds another report of the same source, whose paths are those of one answer.
func (s *SourceReport) join(other SourceReport, translate func([]any) []any) {
	s.add(other.SourceCounts)
	if age, ok := ageOf(other.Oldest); ok {
		if have, known := ageOf(s.Oldest); !known || age > have {
			s.Oldest = duration.Format(age)
		}
	}
	for _, kind := range other.Kinds[:min(len(other.Kinds), maxKinds)] {
		at := slices.IndexFunc(s.Kinds, func(k SourceKind) bool { return k.Kind == kind.Kind })
		if at < 0 {
			if len(s.Kinds) == maxKinds || !presentable(kind.Kind) {
				continue
			}
			at = len(s.Kinds)
			s.Kinds = append(s.Kinds, SourceKind{Kind: kind.Kind})
		}
		s.Kinds[at].add(kind.SourceCounts)
	}
	for _, e := range other.Errors[:min(len(other.Errors), maxSourceError)] {
		if !stableCode(e.Code) {
			continue
		}
		if moment, err := time.Parse(time.RFC3339, e.RetryAt); err == nil {
			e.RetryAt = moment.UTC().Format(time.RFC3339)
		} else {
			e.RetryAt = ""
		}
		at := slices.IndexFunc(s.Errors, func(have SourceError) bool { return have.Code == e.Code && have.RetryAt == e.RetryAt })
		if at < 0 {
			if len(s.Errors) == maxSourceError {
				continue
			}
			at = len(s.Errors)
			s.Errors = append(s.Errors, SourceError{Code: e.Code, RetryAt: e.RetryAt})
		}
		into := &s.Errors[at]
		for _, path := range e.Paths {
			if len(into.Paths) == maxSourcePaths {
				break
			}
			if client := translate(path); len(client) > 0 {
				into.Paths = append(into.Paths, client)
			}
		}
	}
}

func ageOf(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	d, err := duration.Parse(text)
	if err != nil {
		return 0, false
	}
	return d.ToTimeDuration(), true
}

// presentable tells whether a name that a subgraph gives may be shown.
func presentable(name string) bool {
	return name != "" && len(name) <= maxSourceName && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
