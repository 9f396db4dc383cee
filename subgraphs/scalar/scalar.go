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

	"github.com/99designs/gqlgen/graphql"
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

func writeJSON(w io.Writer, v any) {
	text, err := json.Marshal(v)
	if err != nil { // maps of strings always marshal
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = w.Write(text)
}
