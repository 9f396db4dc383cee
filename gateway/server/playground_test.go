package server_test

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/server"
)

func TestPlaygroundIsOneSetting(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{})
	for _, path := range []string{"/", "/playground/page.js", "/playground/examples.json"} {
		if response := send(s, "GET", path, ""); response.StatusCode != 404 {
			t.Errorf("%s without the playground: status %d", path, response.StatusCode)
		}
	}
}

func TestPlaygroundFiles(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{Playground: true})
	tests := []struct {
		path, media string
		status      int
	}{
		{"/", "text/html", 200},
		{"/playground/page.js", "text/javascript", 200},
		{"/playground/page.css", "text/css", 200},
		{"/playground/logo.svg", "image/svg+xml", 200},
		{"/playground/examples.json", mediaJSON, 200},
		{"/playground/page.html", "text/plain", 404},
		{"/playground/", "text/plain", 404},
		{"/playground/nothing.js", "text/plain", 404},
		{"/playground/..%2f..%2fpage.html", "text/plain", 404},
		{"/playground/%2e%2e/%2e%2e/page.html", "text/plain", 404},
		{"/playground/..%5cpage.html", "text/plain", 404},
		{"/playground/page.js%00", "text/plain", 404},
	}
	for _, test := range tests {
		response := send(s, "GET", test.path, "")
		if response.StatusCode != test.status || media(response) != test.media {
			t.Errorf("%s: status %d and %s, want %d and %s", test.path, response.StatusCode, media(response), test.status, test.media)
		}
	}
}

// The pages are files: whatever the URL says, they are the same bytes.
func TestPlaygroundRepeatsNothingOfTheURL(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{Playground: true})
	plain, _ := io.ReadAll(send(s, "GET", "/", "").Body)
	hostile, _ := io.ReadAll(send(s, "GET", "/?query=%3Cscript%3Ealert(1)%3C/script%3E&x='\"", "", "Referer: http://localhost/<script>").Body)
	if string(plain) != string(hostile) || len(plain) == 0 {
		t.Error("the page depends on the request")
	}
	missing, _ := io.ReadAll(send(s, "GET", "/playground/%3Cscript%3E", "").Body)
	if strings.Contains(string(missing), "script") {
		t.Errorf("the error page repeats the URL: %s", missing)
	}
}

func TestPlaygroundPolicies(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{Playground: true})
	for _, path := range []string{"/", "/playground/page.js"} {
		policy := send(s, "GET", path, "").Header.Get("Content-Security-Policy")
		directives := map[string]string{}
		for d := range strings.SplitSeq(policy, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
			directives[name] = value
		}
		for name, want := range map[string]string{"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"} {
			if directives[name] != want {
				t.Errorf("%s: %s is %q, want %q", path, name, directives[name], want)
			}
		}
		for _, never := range []string{"unsafe-eval", "*", "http:", "https:", "blob:"} {
			if strings.Contains(policy, never) {
				t.Errorf("%s: the policy allows %s", path, never)
			}
		}
	}
}

// What the policies would block in a browser must not be in the files: inline scripts and styles, and anything from elsewhere.
func TestPlaygroundPagesKeepTheirPolicy(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>\s*[^<\s]|\son[a-z]+\s*=|\sstyle\s*=|<style|javascript:|(?:src|href)\s*=\s*["']?(?:https?:)?//`)
	for _, name := range []string{"playground/page.html", "playground/dist/index.html"} {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) && strings.Contains(name, "/dist/") {
			t.Logf("%s was not built", name)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if found := forbidden.Find(text); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
	script, err := os.ReadFile("playground/page.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setTimeout(\""} {
		if strings.Contains(string(script), never) {
			t.Errorf("page.js uses %s", never)
		}
	}
}

// Every file of a built playground must be one that is served, with a media type.
func TestBuiltPlaygroundIsServed(t *testing.T) {
	dist := os.DirFS("playground/dist")
	if _, err := fs.Stat(dist, "index.html"); err != nil {
		t.Skip("the full playground was not built: make web")
	}
	s := server.New(&recorder{}, server.Settings{Playground: true})
	index, _ := fs.ReadFile(dist, "index.html")
	if page, _ := io.ReadAll(send(s, "GET", "/", "").Body); string(page) != string(index) {
		t.Error("/ is not the full playground")
	}
	files, err := fs.Glob(dist, "playground/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files beside the page: %v", err)
	}
	for _, name := range files {
		response := send(s, "GET", "/"+name, "")
		if response.StatusCode != 200 || !strings.Contains(response.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %v", name, response.StatusCode, response.Header)
		}
	}
}

func TestExamples(t *testing.T) {
	given := []server.Example{
		{Name: "Z first", Query: "{ a }", Variables: json.RawMessage(`{"__proto__": {"n": 9007199254740993}}`)},
		{Name: "<script>", Query: "{ b }"},
		{Name: "bad variables", Query: "{ c }", Variables: json.RawMessage(`{`)},
	}
	s := server.New(&recorder{}, server.Settings{Playground: true, Examples: given})
	body, _ := io.ReadAll(send(s, "GET", "/playground/examples.json", "").Body)
	want := `[{"name":"Z first","query":"{ a }","variables":{"__proto__":{"n":9007199254740993}}},{"name":"\u003cscript\u003e","query":"{ b }"},{"name":"bad variables","query":"{ c }"}]`
	if string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	empty, _ := io.ReadAll(send(server.New(&recorder{}, server.Settings{Playground: true}), "GET", "/playground/examples.json", "").Body)
	if string(empty) != "[]" {
		t.Errorf("without examples: %s", empty)
	}
}
