// Package view is the graph of pipelines as Go types: the configured systems go in, and what the schema says about a pipeline or a run comes out, one method
// for each field. gqlgen binds the types of schema/pipelines.graphqls to the types here by their names, so the generated code calls these methods.
//
// The one rule: what one level of a query asks of one system is asked for at once, and nothing is done to a build without somebody who may.
//
// Open request.go first, for how a request's questions to a system become few; then entity.go for how entities of other subgraphs find their pipelines, run.go
// for a run, and action.go for what changes something.
package view

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// The codes of the errors of this subgraph, in extensions.code, beside those of package clients.
const (
	CodeBadInput    = "BAD_INPUT"   // an argument can name nothing
	CodeBadPage     = "BAD_PAGE"    // first or after cannot be used
	CodeUnsupported = "UNSUPPORTED" // the system cannot do or tell it
	CodeRefused     = "REFUSED"     // the system does not do it
	CodeUnavailable = "UNAVAILABLE" // it cannot be found out now
)

// codeOf returns the code of an error that package clients has none for.
func codeOf(err error) string {
	switch {
	case errors.Is(err, ci.ErrInvalid):
		return CodeBadInput
	case errors.Is(err, ci.ErrUnsupported):
		return CodeUnsupported
	case errors.Is(err, ci.ErrRefused):
		return CodeRefused
	}
	return ""
}

// Refuse returns an error of the client's own making.
func Refuse(code, format string, args ...any) error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}

// Freshness is how current a value is.
type Freshness string

// Sourced is something that a source said.
type Sourced interface{ IsSourced() }

// Provenance is where a value comes from, as every type that implements Sourced has it.
type Provenance struct {
	Source    string
	FetchedAt *time.Time
	Freshness Freshness
}

// sourced is where a value of a system comes from.
func sourced[V any](s *ci.System, l ci.Loaded[V]) Provenance {
	return Provenance{Source: s.Name, FetchedAt: moment(l.At), Freshness: Freshness(upstream.Freshness(l.State))}
}

// IsSourced marks a type that says where it comes from, for the generated code.
func (Provenance) IsSourced() {}

// The closed sets of the schema.
type (
	PipelineProvider string
	PipelineStatus   string
	PipelineTrigger  string
)

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func span(d *time.Duration) *scalar.Duration {
	if d == nil {
		return nil
	}
	return new(scalar.Duration(max(*d, 0)))
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// address returns the text where it is one that a browser may be sent to.
func address(text string) *scalar.URL {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return new(scalar.URL(text))
}

// cutText cuts a text off at so many bytes.
func cutText(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
