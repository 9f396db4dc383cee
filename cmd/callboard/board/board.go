// Package board serves the pages that the links on pull requests lead to: a pull request with its builds as they run, what it does to the coverage, and a button
// that runs a build again; and one run by itself. Nothing goes in but what a browser asks for, and files come out that are the same for everybody: what they
// show, the browser asks the graph for.
//
// The one rule: whatever anybody has written somewhere reaches the page as text. The pages' policy keeps browsers from taking it for anything else.
//
// Open page/page.js first: it names what is shown. operations.js is what is asked, graph.js how, and view_test.go looks at all of it in a browser.
package board

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed page
var files embed.FS

// The paths of the pages.
const (
	pullRequestPath = "/pull-request"
	runPath         = "/pipeline-run"
	filesPath       = "/board/"
)

// policy lets the pages have everything from here, pictures of people from where they are, and nothing inline. Nothing that is made of text can become a part of
// the page: there is no policy of trusted types that would allow it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// PullRequest returns the address of the view of a pull request, below the address of Callboard; "" where that is "".
func PullRequest(callboard, pullRequest string) string {
	return below(callboard, pullRequestPath+"?url="+url.QueryEscape(pullRequest))
}

// PipelineRun returns the address of the view of a run with an id of the graph.
func PipelineRun(callboard, id string) string {
	return below(callboard, runPath+"?id="+url.QueryEscape(id))
}

func below(callboard, rest string) string {
	if callboard == "" {
		return ""
	}
	return strings.TrimSuffix(callboard, "/") + rest
}

// Pages are the pages and what belongs to them, by patterns of http.ServeMux. They expect the graph beside them, at graphql.
func Pages() map[string]http.Handler {
	view := file("view.html")
	out := map[string]http.Handler{"GET " + pullRequestPath: view, "GET " + runPath: view}
	entries, err := fs.ReadDir(files, "page")
	if err != nil {
		panic("bug: the files of the pages are not in the program: " + err.Error())
	}
	for _, entry := range entries {
		if name := entry.Name(); path.Ext(name) != ".html" {
			out["GET "+filesPath+name] = file(name)
		}
	}
	return out
}

// mediaTypes are those of the files.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// file serves a file. Browsers ask each time whether it is another, so that no page has the scripts of another version.
func file(name string) http.Handler {
	content, err := files.ReadFile("page/" + name)
	media, known := mediaTypes[path.Ext(name)]
	if err != nil || !known {
		panic("bug: " + name + " cannot be served")
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", media)
		header.Set("Content-Security-Policy", policy)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
