package clients

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What the chain costs a request, over an upstream that answers at once. The upstreams themselves take some 100 ms.
func BenchmarkChain(b *testing.B) {
	address, _ := url.Parse("https://api.example")
	s, err := Open(Settings{Name: "example", Kind: "github", Address: address, Token: Bearer("x")}, Shared{Observe: NewMetrics(prometheus.NewRegistry())})
	if err != nil {
		b.Fatal(err)
	}
	headers := github(4000, time.Hour, "core")
	chain := s.chain(stub(func(r *http.Request) (*http.Response, error) { return says(200, "hello", headers...), nil }))
	for name, r := range map[string]*http.Request{
		"GET":  get(WithRoute(b.Context(), "GET /repos/{owner}/{name}")),
		"POST": query(WithSafe(WithRoute(b.Context(), "POST /graphql"))),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := chain.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
	b.Run("GET exhausted", func(b *testing.B) {
		headers = github(0, time.Hour, "core")
		r := get(b.Context())
		chain.RoundTrip(r)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := chain.RoundTrip(r); err == nil {
				b.Fatal("it was asked")
			}
		}
	})
}

func BenchmarkReadGitHub(b *testing.B) {
	resp := says(200, "", github(4000, time.Hour, "graphql")...)
	resp.Request = query(b.Context())
	body := make([]byte, 60<<10)
	b.ReportAllocs()
	for b.Loop() {
		readGitHub(resp, body, time.Now())
	}
}
