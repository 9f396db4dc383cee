package view

import (
	"encoding/base64"
	"strings"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// The kinds of things that have ids.
const (
	pipelineID = "p"
	runID      = "r"
	jobID      = "j"
)

// idVersion begins every id, so that another way to make them can come.
const idVersion = "ci1:"

// encodeID returns the id of what has the key in the system.
func encodeID(kind string, s *ci.System, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(idVersion + kind + ":" + s.Name + ":" + key))
}

// decodeID takes an id apart again; false where it is none of that kind and of a system of the configuration. Each thing has one id: what base64 would read as well, with
// line breaks in it or other bits at its end, is none. Else who looks for what was done to a run, by its id, would not find all of it.
func (q *Request) decodeID(kind, id string) (*ci.System, string, bool) {
	text, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return nil, "", false
	}
	rest, ok := strings.CutPrefix(string(text), idVersion+kind+":")
	name, key, cut := strings.Cut(rest, ":")
	if !ok || !cut || key == "" {
		return nil, "", false
	}
	for _, s := range q.source.Systems {
		if s.Name == name {
			return s, key, encodeID(kind, s, key) == id
		}
	}
	return nil, "", false
}
