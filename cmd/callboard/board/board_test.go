package board_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"callboard.dev/callboard/cmd/callboard/board"
	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

func mux() *http.ServeMux {
	m := http.NewServeMux()
	for pattern, page := range board.Pages() {
		m.Handle(pattern, page)
	}
	return m
}

func get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux().ServeHTTP(w, r)
	return w
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{board.PullRequest("https://callboard.example/", "https://github.com/a/b/pull/1?x=y&z"), "https://callboard.example/pull-request?url=https%3A%2F%2Fgithub.com%2Fa%2Fb%2Fpull%2F1%3Fx%3Dy%26z"},
		{board.PullRequest("https://example/callboard", "x"), "https://example/callboard/pull-request?url=x"},
		{board.PullRequest("", "x"), ""},
		{board.PipelineRun("https://callboard.example", "a+b"), "https://callboard.example/pipeline-run?id=a%2Bb"},
	} {
		if test.got != test.want {
			t.Errorf("the address is %s, want %s", test.got, test.want)
		}
	}
}

// The pages are files, the same for everybody, under a policy that has nothing inline.
func TestPages(t *testing.T) {
	plain := get("/pull-request")
	for _, path := range []string{"/pull-request?url=%3Cscript%3Ealert(1)%3C/script%3E", "/pipeline-run?id='\""} {
		if w := get(path); w.Code != 200 || w.Body.String() != plain.Body.String() || w.Body.Len() == 0 {
			t.Errorf("%s is status %d and another page", path, w.Code)
		}
	}
	for _, path := range []string{"/pull-request", "/board/page.js", "/board/page.css", "/board/logo.svg"} {
		w := get(path)
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("the policy of %s is %s", path, policy)
		}
		if again := get(path, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s, known, is status %d", path, again.Code)
		}
	}
	for _, path := range []string{"/board/", "/board/view.html", "/board/nothing.js", "/board/..%2fboard.go"} {
		if w := get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s is status %d", path, w.Code)
		}
	}
}

var (
	references = regexp.MustCompile(`(?:src|href)="\./(board/[^"]+)"|from "\./([^"]+)"`)
	inline     = regexp.MustCompile(`<script>|<style|\son[a-z]+=|\sstyle=|https?://`)
	sinks      = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|srcdoc|createContextualFragment|setHTML|localStorage|https?://`)
)

func files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob("page/*")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no files", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = string(text)
	}
	return out
}

// What the pages refer to is there, lies here, and is made of nodes and text alone.
func TestFiles(t *testing.T) {
	for name, text := range files(t) {
		for _, found := range references.FindAllStringSubmatch(text, -1) {
			path := "/board/" + strings.TrimPrefix(found[1]+found[2], "board/")
			if w := get(path); w.Code != 200 {
				t.Errorf("%s refers to %s, which is status %d", name, path, w.Code)
			}
		}
		forbidden := sinks
		switch filepath.Ext(name) {
		case ".html":
			forbidden = inline
		case ".svg":
			continue // drawn by us; its namespace is an address
		case ".js":
			text = strings.ReplaceAll(text, `"http://www.w3.org/2000/svg"`, "")
		}
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	}
}

var (
	texts = regexp.MustCompile("(?s)(export )?const ([A-Za-z]+) = `([^`]*)`")
	parts = regexp.MustCompile(`\$\{([A-Za-z]+)\}`)
)

// Whatever the pages ask is in the graph.
func TestOperations(t *testing.T) {
	schemas, err := filepath.Glob("../../../schema/*.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	var subgraphs []compose.Subgraph
	for _, name := range schemas {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		subgraphs = append(subgraphs, compose.Subgraph{Name: strings.TrimSuffix(filepath.Base(name), ".graphqls"), SDL: string(text)})
	}
	composed, errs := compose.Compose(subgraphs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read("board", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	checked := 0
	for _, found := range texts.FindAllStringSubmatch(files(t)["operations.js"], -1) {
		text := parts.ReplaceAllStringFunc(found[3], func(part string) string {
			name := parts.FindStringSubmatch(part)[1]
			if known[name] == "" {
				t.Errorf("%s uses %s, which is not there before it", found[2], name)
			}
			return known[name]
		})
		known[found[2]] = text
		if found[1] == "" {
			continue
		}
		checked++
		if _, errs := operation.Parse(graph.API, text, operation.Limits{}); len(errs) > 0 {
			t.Errorf("%s: %v", found[2], errs)
		}
	}
	if checked != 6 {
		t.Errorf("%d operations were found", checked)
	}
}
