package server_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/server"
)

func packed(t *testing.T, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	default:
		return text
	}
	_, _ = io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestBodySizeIsCountedAfterDecompression(t *testing.T) {
	const limit = 1000
	sized := func(n int) string {
		empty := `{"query":""}`
		return `{"query":"` + strings.Repeat("x", n-len(empty)) + `"}`
	}
	var rules []rule
	for _, coding := range []string{"identity", "gzip", "deflate"} {
		headers := []string{asJSON, "Content-Encoding: " + coding}
		rules = append(rules,
			rule{coding + " at the limit", "POST", "", packed(t, coding, sized(limit)), headers, 200, ""},
			rule{coding + " above the limit", "POST", "", packed(t, coding, sized(limit+1)), headers, 413, server.CodeTooLarge},
			rule{coding + " far above the limit", "POST", "", packed(t, coding, sized(1<<24)), headers, 413, server.CodeTooLarge})
	}
	whole := packed(t, "gzip", sized(500))
	rules = append(rules,
		rule{"cut gzip", "POST", "", whole[:len(whole)-9], []string{asJSON, "Content-Encoding: gzip"}, 400, server.CodeBadRequest},
		rule{"plain as gzip", "POST", "", sized(500), []string{asJSON, "Content-Encoding: gzip"}, 400, server.CodeBadRequest},
		rule{"plain as deflate", "POST", "", sized(500), []string{asJSON, "Content-Encoding: deflate"}, 400, server.CodeBadRequest},
		rule{"twice", "POST", "", packed(t, "gzip", whole), []string{asJSON, "Content-Encoding: gzip, gzip"}, 415, server.CodeEncoding},
		rule{"twice in two headers", "POST", "", packed(t, "gzip", whole), []string{asJSON, "Content-Encoding: gzip", "Content-Encoding: gzip"}, 415, server.CodeEncoding},
		rule{"brotli", "POST", "", sized(500), []string{asJSON, "Content-Encoding: br"}, 415, server.CodeEncoding},
	)
	checkRules(t, server.Settings{MaxBody: limit}, rules)
	// Empty gzip members expand to nothing, for ever.
	empty := strings.Repeat(packed(t, "gzip", ""), 1<<10)
	response := send(server.New(&recorder{}, server.Settings{MaxBody: limit}), "POST", "/graphql", empty, asJSON, "Content-Encoding: gzip")
	if response.StatusCode != 413 {
		t.Errorf("empty members: status %d", response.StatusCode)
	}
	// Of unknown length, as with chunks.
	r := httptest.NewRequest("POST", "/graphql", io.MultiReader(strings.NewReader(sized(limit+1))))
	r.Host, r.ContentLength = "localhost", -1
	r.Header.Set("Content-Type", mediaJSON)
	w := httptest.NewRecorder()
	server.New(&recorder{}, server.Settings{MaxBody: limit}).ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("chunks: status %d", w.Code)
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	large := []byte(`{"data":"` + strings.Repeat("x", 4096) + `"}`)
	for body, want := range map[string]string{string(large): "gzip", okBody: ""} {
		s := server.New(&recorder{response: &server.Response{Body: []byte(body), Executed: true}}, server.Settings{})
		response := send(s, "POST", "/graphql", `{"query":"{a}"}`, asJSON, "Accept-Encoding: gzip")
		if got := response.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%d bytes: coding %q, want %q", len(body), got, want)
			continue
		}
		var source io.Reader = response.Body
		if want == "gzip" {
			var err error
			if source, err = gzip.NewReader(source); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := io.ReadAll(source); string(got) != body {
			t.Errorf("%d bytes came back as %d", len(body), len(got))
		}
		if response = send(s, "POST", "/graphql", `{"query":"{a}"}`, asJSON); response.Header.Get("Content-Encoding") != "" {
			t.Error("compressed for a client that did not ask")
		}
	}
}
