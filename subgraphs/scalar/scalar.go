// Package scalar holds the custom scalars that more than one first-party subgraph uses, as gqlgen wants them: Go types that
// marshal themselves. A value that comes in is checked here, once, so that a resolver can trust it.
//
// Start with StringMap: it is how annotations travel from the catalog to the subgraphs that require them.
package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/sosodev/duration"
)

// StringMap is a map of string to string, for labels and annotations. It prints with sorted keys.
type StringMap map[string]string

// MarshalGQL writes the map as a JSON object, nil as the empty object.
func (m StringMap) MarshalGQL(w io.Writer) {
	if m == nil {
		_, _ = io.WriteString(w, "{}")
		return
	}
	writeJSON(w, map[string]string(m))
}

// UnmarshalGQL accepts a JSON object all of whose values are strings.
func (m *StringMap) UnmarshalGQL(v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("want an object of strings, got %T", v)
	}
	out := make(StringMap, len(object))
	for key, value := range object {
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("want a string at key %q, got %T", key, value)
		}
		out[key] = text
	}
	*m = out
	return nil
}

// JSON is any JSON value, kept as its bytes. Empty bytes print as null.
type JSON []byte

// MarshalGQL writes the bytes as they are; they must be valid JSON.
func (j JSON) MarshalGQL(w io.Writer) {
	if len(j) == 0 {
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = w.Write(j)
}

// UnmarshalGQL accepts any value that JSON can express.
func (j *JSON) UnmarshalGQL(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("reading a JSON scalar: %w", err)
	}
	*j = text
	return nil
}

// URL is an absolute URL, as text.
type URL string

// MarshalGQL writes the URL as a JSON string.
func (u URL) MarshalGQL(w io.Writer) { graphql.MarshalString(string(u)).MarshalGQL(w) }

// UnmarshalGQL accepts the text of an absolute URL.
func (u *URL) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("want a URL as a string, got %T", v)
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("not a URL: %w", err)
	}
	if !parsed.IsAbs() {
		return fmt.Errorf("want an absolute URL such as https://example.com/path, got %q", text)
	}
	*u = URL(text)
	return nil
}

// Duration is a span of time: in GraphQL as ISO 8601 has it, in hours, minutes and seconds with at most three decimals.
type Duration time.Duration

// MarshalGQL writes the span as a JSON string.
func (d Duration) MarshalGQL(w io.Writer) { graphql.MarshalString(d.String()).MarshalGQL(w) }

// String returns the span as ISO 8601 has it, such as PT1M3.2S: in nothing larger than hours, as days are not all of one length.
func (d Duration) String() string {
	span := time.Duration(d).Round(time.Millisecond)
	var out strings.Builder
	if span < 0 {
		out.WriteByte('-')
		span = -span
	}
	out.WriteString("PT")
	hours, minutes := int64(span/time.Hour), int64(span%time.Hour/time.Minute)
	if hours > 0 {
		fmt.Fprintf(&out, "%dH", hours)
	}
	if minutes > 0 {
		fmt.Fprintf(&out, "%dM", minutes)
	}
	if rest := (span % time.Minute).Milliseconds(); rest > 0 || hours+minutes == 0 {
		out.WriteString(strconv.FormatInt(rest/1000, 10))
		if rest %= 1000; rest > 0 {
			out.WriteString(strings.TrimRight(fmt.Sprintf(".%03d", rest), "0"))
		}
		out.WriteByte('S')
	}
	return out.String()
}

// UnmarshalGQL accepts what ISO 8601 has for a span of time. A month and a year have no length of their own; they are 30 and 365 days, as near as can be.
func (d *Duration) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("want a duration as a string, got %T", v)
	}
	parsed, err := duration.Parse(text)
	if err != nil {
		return fmt.Errorf("want a duration such as PT1M30S, got %q", text)
	}
	*d = Duration(parsed.ToTimeDuration())
	return nil
}

func writeJSON(w io.Writer, v any) {
	text, err := json.Marshal(v)
	if err != nil { // maps of strings always marshal
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = w.Write(text)
}
