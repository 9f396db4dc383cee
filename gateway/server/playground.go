package server

import (
	"embed"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// pages holds the playground: our own small page, and the full one in dist where it was built before this binary.
//
//go:embed all:playground
var pages embed.FS

const (
	smallPage = "playground/page.html"
	fullPage  = "playground/dist/index.html"
	fullFiles = "playground/dist/playground/" // their names carry a hash of their content
)

// smallFiles are what the small page refers to.
var smallFiles = map[string]bool{"page.css": true, "page.js": true, "logo.svg": true}

// The policies of the playground's pages: everything from here, nothing inline, no eval, nobody may frame them. The full page has Monaco for an
// editor, which writes style sheets into the page and runs its language services in workers, so inline styles and workers of ours are allowed
// there; its fonts and cursors are data URLs. Scripts are strict on both pages.
const (
	smallPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	fullPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
		"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// playground answers / with the full page, or the small one where the full one was not built.
func (s *Server) playground(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	if _, err := fs.Stat(pages, fullPage); err == nil {
		w.Header().Set("Content-Security-Policy", fullPolicy)
		serveFile(w, r, fullPage)
		return
	}
	w.Header().Set("Content-Security-Policy", smallPolicy)
	serveFile(w, r, smallPage)
}

func (s *Server) playgroundExamples(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(s.examples)
}

// playgroundAsset answers with what the pages refer to. Workers run under the policy their own script came with.
func (s *Server) playgroundAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	w.Header().Set("Content-Security-Policy", fullPolicy)
	if smallFiles[name] {
		w.Header().Set("Cache-Control", "no-cache")
		serveFile(w, r, "playground/"+name)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	serveFile(w, r, fullFiles+name)
}

// mediaTypes are those of the files we serve. The system's table is not asked, as it differs from machine to machine.
var mediaTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".svg":   "image/svg+xml",
	".ttf":   "font/ttf",
	".woff2": "font/woff2",
}

func serveFile(w http.ResponseWriter, r *http.Request, name string) {
	file, err := pages.Open(name)
	if err != nil {
		notFound(w)
		return
	}
	defer file.Close()
	content, ok := file.(io.ReadSeeker)
	media, known := mediaTypes[strings.ToLower(path.Ext(name))]
	if info, err := file.Stat(); err != nil || info.IsDir() || !ok || !known {
		notFound(w)
		return
	}
	w.Header().Set("Content-Type", media)
	http.ServeContent(w, r, "", time.Time{}, content)
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	writePlain(w, http.StatusNotFound, "not found\n")
}
