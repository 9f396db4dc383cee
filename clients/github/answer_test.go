package github_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"callboard.dev/callboard/clients/github"
)

// asked is one GraphQL request as it arrived.
type asked struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// answers is a transport whose answers the test writes, and what it was asked.
type answers struct {
	mu     sync.Mutex
	asked  []asked
	answer http.HandlerFunc
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		var one asked
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, err
		}
		a.mu.Lock()
		a.asked = append(a.asked, one)
		a.mu.Unlock()
	}
	recorder := httptest.NewRecorder()
	a.answer(recorder, r)
	resp := recorder.Result()
	resp.Request = r
	return resp, nil
}

// text returns a client of github.com that gets this answer to everything.
func text(t testing.TB, body string) (*github.Client, *answers) {
	return client(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	})
}

func client(t testing.TB, answer http.HandlerFunc) (*github.Client, *answers) {
	t.Helper()
	a := &answers{answer: answer}
	c, err := github.New("github.com", &url.URL{Scheme: "https", Host: "github.com"}, &http.Client{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}
