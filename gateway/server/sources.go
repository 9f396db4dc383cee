package server

import (
	"encoding/json"
	"net/http"
)

// SourcesHeader asks, with the value true, for where an answer comes from, as the member sources of a request's extensions does.
const SourcesHeader = "Callboard-Sources"

// wantsSources tells whether a request's extensions ask for where the answer comes from.
func wantsSources(extensions json.RawMessage) bool {
	if len(extensions) == 0 {
		return false
	}
	for key, value := range members(extensions) {
		if key == "sources" {
			return string(value) == "true"
		}
	}
	return false
}

// asksForSources tells whether a request's header does.
func asksForSources(header http.Header) bool {
	values := header[SourcesHeader]
	return len(values) == 1 && values[0] == "true"
}
