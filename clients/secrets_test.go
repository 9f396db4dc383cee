package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Secrets are planted where secrets are, and in what hostile or clumsy upstreams answer; then all that the package says is searched for them.
func TestSecrets(t *testing.T) {
	appKey()
	const (
		token    = "ghp_PLANTED0token0123456789abcdefghijk"
		password = "PLANTED-password-of-the-address"
		header   = "PLANTED-header-of-the-caller"
		answered = "PLANTED0answer0123456789"
	)
	handler := func(w http.ResponseWriter, r *http.Request) {
		echo := r.Header.Get("Authorization") + " " + r.Header.Get("Private-Token") + " " + answered
		h := w.Header()
		h.Set("Set-Cookie", "session="+answered)
		h.Set("X-Ratelimit-Limit", "5000")
		h.Set("X-Ratelimit-Remaining", "4000")
		h.Set("X-Ratelimit-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
		h.Set("X-Ratelimit-Resource", answered)
		h.Set("Content-Type", "application/json")
		body := `{"message":"` + echo + `","token":"` + answered + `"}`
		switch r.URL.Path {
		case "/app/installations/42/access_tokens":
			w.WriteHeader(201)
			body = `{"token":"ghs_` + answered + `","expires_at":"` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"}`
		case "/401":
			w.WriteHeader(401)
		case "/403":
			w.WriteHeader(403)
		case "/404":
			w.WriteHeader(404)
		case "/429":
			h.Set("Retry-After", answered)
			w.WriteHeader(429)
		case "/500":
			w.WriteHeader(500)
		case "/503":
			w.WriteHeader(503)
		case "/html":
			h.Set("Content-Type", "text/html")
			w.WriteHeader(502)
		case "/large":
			body = strings.Repeat(answered, 1000)
		case "/encoding":
			h.Set("Content-Encoding", answered)
		case "/loop":
			h.Set("Location", "/loop?"+answered)
			w.WriteHeader(302)
		case "/away":
			h.Set("Location", "http://user:"+password+"@10.0.0.1/"+answered)
			w.WriteHeader(302)
		case "/cut", "/nonsense", "/nonsense-head":
			c, _, _ := w.(http.Hijacker).Hijack()
			text := map[string]string{"/cut": "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + echo, "/nonsense": echo, "/nonsense-head": "HTTP/1.1 200 OK\r\n" + echo + "\r\n\r\n"}
			c.Write([]byte(text[r.URL.Path]))
			c.Close()
			return
		case "/never":
			<-r.Context().Done()
			return
		}
		w.Write([]byte(body))
	}
	for name, source := range map[string]func() TokenSource{
		"a bearer":        func() TokenSource { return Bearer(token) },
		"a private token": func() TokenSource { return PrivateToken(token) },
		"an app":          func() TokenSource { return newTestAppAt(t, "http://api.example") },
		"one that fails": func() TokenSource {
			return TokenFunc(func(context.Context) (Credential, error) { return Credential{}, errors.New(token) })
		},
		"one that changes": func() TokenSource {
			return TokenFunc(func(context.Context) (Credential, error) { return Credential{"Authorization", token}, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer // by any means
			registry := prometheus.NewRegistry()
			told := Observer{
				Request: func(_ context.Context, r Request) { fmt.Fprintf(&said, "%+v\n", r) },
				Attempt: func(_ context.Context, a Attempt) { fmt.Fprintf(&said, "%+v\n", a) },
				Circuit: func(s string, c Circuit) { fmt.Fprintf(&said, "%s %s\n", s, c) },
				Budget:  func(s string, b Budget) { fmt.Fprintf(&said, "%s %+v\n", s, b) },
			}
			h, s := new(hashes), new(spans)
			shared := Shared{Redis: h.client(), Observe: Observers(told, NewMetrics(registry)), Tracer: s,
				Log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			set := Settings{Kind: "github", Token: source(), MaxAnswer: 5000}
			fmt.Fprintf(&said, "%v %+v %#v\n", set, set, set)
			var errs int
			inBubble(t, set, shared, handler, func(t *testing.T, source *Source) {
				fail := func(err error) {
					if err == nil {
						return
					}
					errs++
					// What net/http puts around an error is the address the caller gave.
					var outer *url.Error
					if errors.As(err, &outer) {
						err = outer.Err
					}
					said.WriteString(allText(err))
					fmt.Fprintf(&said, "%+v\n", Of(err))
				}
				for range 2 {
					for _, path := range []string{"/ok", "/401", "/403", "/404", "/429", "/500", "/503", "/html", "/large", "/encoding", "/loop", "/away", "/cut", "/nonsense", "/nonsense-head", "/never"} {
						time.Sleep(2 * maxStrike) // so that circuits and limits do not hide what follows
						r := request(WithRoute(t.Context(), "GET /x"), "GET", "http://user:"+password+"@api.example"+path)
						r.Header.Set("Authorization", "Bearer "+header)
						r.Header.Set("X-Other", header)
						resp, err := source.HTTP().Do(r)
						fail(err)
						if err == nil {
							if location, err := resp.Location(); err == nil {
								_, err = source.Elsewhere(t.Context(), location)
								fail(err)
							}
							resp.Body.Close()
						}
						fmt.Fprintf(&said, "%+v\n", source.Status())
						if last := source.Status().LastError; last != nil {
							said.WriteString(last.Text)
						}
					}
				}
				time.Sleep(time.Second)
				shared.Redis.Close()
				time.Sleep(time.Second)
			})
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				said.WriteString(f.String())
			}
			said.WriteString(s.text.String())
			said.WriteString(h.seen.String())
			for _, part := range []string{"callboard_source_requests_total", "http.request.method", "callboard_source_attempts_total", "hgetall", "rate limit"} {
				if !strings.Contains(said.String(), part) && (name != "one that fails" || part == "callboard_source_requests_total") || errs < 20 {
					t.Fatalf("the test says too little: %d errors, no %s", errs, part)
				}
			}
			for line := range strings.Lines(said.String()) {
				for _, secret := range []string{"PLANTED", "ghp_", "eyJ", "ghs_", "PRIVATE KEY"} {
					if strings.Contains(line, secret) {
						t.Errorf("%s is in: %s", secret, line)
					}
				}
			}
		})
	}
}
