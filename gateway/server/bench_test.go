package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/server"
)

// nobody is an http.ResponseWriter that keeps nothing.
type nobody struct{ header http.Header }

func (w nobody) Header() http.Header         { return w.header }
func (w nobody) Write(b []byte) (int, error) { return len(b), nil }
func (w nobody) WriteHeader(int)             {}

// BenchmarkPost is what this package adds to a request: an operation of 2 KiB, and an Executor that answers at once.
func BenchmarkPost(b *testing.B) {
	s := server.New(&recorder{}, server.Settings{})
	body := `{"query":"` + strings.Repeat(`{ entity(ref: \"component:default/artist-web\") { ref title } }\n`, 30) + `","variables":{"ref":"component:default/artist-web"}}`
	header := http.Header{"Content-Type": {mediaJSON}, "Accept": {mediaGraphQL + ", " + mediaJSON + ";q=0.9"}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/graphql", nil)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Host, r.Header = "localhost:4000", header
		s.ServeHTTP(nobody{http.Header{}}, r)
	}
}
