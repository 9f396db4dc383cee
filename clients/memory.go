package clients

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// memory answers GET requests of a known kind (WithKind) from what is remembered, and has what is asked for remembered. A remembered answer is
// asked about with its validator, as an answer that nothing changed costs GitHub's budget nothing.
type memory struct {
	settings *Settings
	cache    *cache.Cache
}

func (m *memory) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	said := callOf(r.Context())
	if m.cache == nil || said.kind == "" || !mayRemember(r) {
		return next.RoundTrip(r)
	}
	wanted := cache.Wanted{
		Key: cache.Key{
			Source: m.settings.Name, Kind: said.kind, Scope: passageOf(r.Context()).scope,
			Name: hex.EncodeToString([]byte(identity(r))), // the address may hold what must not be in a key
		},
		Policy: m.settings.policy(said.kind), Tags: said.tags,
	}
	passage := passageOf(r.Context())
	got := m.cache.Load(r.Context(), []cache.Wanted{wanted}, func(ctx context.Context, missing []cache.Missing) []cache.Fetched {
		out := make([]cache.Fetched, len(missing)) // one
		for i := range out {
			// The cache may ask with a context of its own, long after the request is over.
			ctx := context.WithValue(within(ctx, said), passageKey{}, passage)
			out[i] = m.fetch(r.Clone(ctx), missing[i].Previous, next)
		}
		return out
	})[0]
	if said.outcome != nil {
		*said.outcome = Outcome{State: got.State, At: got.Value.At, Err: got.Err}
	}
	switch {
	case got.State == cache.Failed:
		return nil, failure(m.settings.Name, got.Err)
	case got.Value.Absent:
		return nil, refusal(m.settings.Name, &http.Response{StatusCode: http.StatusNotFound})
	}
	resp, err := answerOfText(got.Value.Body, r)
	if err != nil { // a store gave back something else
		return next.RoundTrip(r)
	}
	return resp, nil
}

// mayRemember tells whether what is asked for is the same for everyone with the credential, and whole.
func mayRemember(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != "" || r.Body != nil && r.Body != http.NoBody || callOf(r.Context()).streamed {
		return false
	}
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Cache-Control"} {
		if r.Header.Get(name) != "" { // the caller remembers by itself, or wants no memory
			return false
		}
	}
	return true
}

// fetch asks the source, or whether what was remembered still holds.
func (m *memory) fetch(r *http.Request, previous *cache.Value, next http.RoundTripper) cache.Fetched {
	asked := time.Now()
	if previous != nil && !previous.Absent {
		if _, err := answerOfText(previous.Body, nil); err == nil {
			validate(r.Header, previous.Validator)
		}
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		e := Of(err)
		switch {
		case e == nil || e.Status == 0:
			return cache.Fetched{Err: err}
		case e.Kind == ErrNotFound:
			return cache.Fetched{Value: cache.Value{Absent: true, At: asked}}
		}
		return cache.Fetched{Err: err, Final: e.Kind == ErrForbidden} // what may no longer be seen is not shown
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified {
		if r.Header.Get("If-None-Match") == "" && r.Header.Get("If-Modified-Since") == "" {
			return cache.Fetched{Err: &Error{Kind: ErrBadAnswer, Source: m.settings.Name, Status: resp.StatusCode,
				Message: "it says that nothing changed although nothing was known; check the address that is configured"}}
		}
		return cache.Fetched{Value: cache.Value{At: asked}, Unchanged: true}
	}
	return cache.Fetched{Value: cache.Value{Body: textOfAnswer(resp), Validator: validatorOf(resp.Header), At: asked, NoStore: !mayKeep(resp)}}
}
