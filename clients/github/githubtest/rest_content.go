package githubtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

func restContents(c *call, request *http.Request, r *Repository) (*reply, error) {
	commit, ref, err := c.atRef(request, r)
	if err != nil {
		return nil, err
	}
	file := strings.Trim(request.PathValue("path"), "/")
	if file == "" {
		return c.folder(r, commit, "", ref)
	}
	entry, err := r.content.Entry(c.ctx, commit.OID, file)
	if absent(err) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	if entry.Kind == git.KindFolder {
		return c.folder(r, commit, file, ref)
	}
	return c.file(request, r, entry, ref)
}

// atRef returns the commit that ?ref= names, or the newest.
func (c *call) atRef(request *http.Request, r *Repository) (*gitCommit, string, error) {
	ref := request.URL.Query().Get("ref")
	commit, err := c.g.revision(c.ctx, r, ref)
	if err != nil {
		return nil, "", err
	}
	if commit == nil {
		if ref != "" {
			return nil, "", &restError{status: http.StatusNotFound, message: "No commit found for the ref " + ref}
		}
		return nil, "", &restError{status: http.StatusNotFound, message: "This repository is empty."}
	}
	if ref == "" {
		ref = r.DefaultBranch
	}
	return commit, ref, nil
}

// folderLimit is how many entries of a folder are listed, as documented in November 2026.
const folderLimit = 1000

func (c *call) folder(r *Repository, commit *gitCommit, file, ref string) (*reply, error) {
	entries, err := r.content.List(c.ctx, commit.OID, file)
	if err != nil {
		return nil, err
	}
	entries = entries[:min(len(entries), folderLimit)]
	sizes, err := c.sizes(r, entries)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for i, e := range entries {
		out = append(out, c.entry(r, e, sizes[i], ref))
	}
	return &reply{body: out}, nil
}

// sizes returns the sizes of the files among entries, 0 for the others.
func (c *call) sizes(r *Repository, entries []git.Entry) ([]int64, error) {
	out, at, oids := make([]int64, len(entries)), []int{}, []git.OID{}
	for i, e := range entries {
		if e.Kind != git.KindFolder && e.Kind != git.KindSubmodule {
			at, oids = append(at, i), append(oids, e.OID)
		}
	}
	found, err := r.content.Sizes(c.ctx, oids)
	for i, size := range found {
		out[at[i]] = max(0, size)
	}
	return out, err
}

func (c *call) entry(r *Repository, e git.Entry, size int64, ref string) object {
	g, kind := c.g, "file"
	object := "blob"
	switch e.Kind {
	case git.KindFolder:
		kind, object = "dir", "tree"
	case git.KindSymlink:
		kind = "symlink"
	case git.KindSubmodule:
		kind = "submodule"
	}
	address := g.api("/repos/"+r.NameWithOwner()) + "/contents/" + escapePath(e.Path) + "?ref=" + url.QueryEscape(ref)
	blob, html := g.api("/repos/"+r.NameWithOwner()+"/git/"+object+"s/"+string(e.OID)), g.web(page(r)+"/"+object+"/"+ref+"/"+escapePath(e.Path))
	out := map[string]any{
		"name": path.Base(e.Path), "path": e.Path, "sha": e.OID, "size": size, "type": kind, "url": address, "git_url": blob, "html_url": html, "download_url": nil,
		"_links": map[string]any{"self": address, "git": blob, "html": html},
	}
	if object == "blob" {
		out["download_url"] = "https://raw." + g.settings.Host + page(r) + "/" + ref + "/" + escapePath(e.Path)
	}
	return out
}

func escapePath(text string) string { return (&url.URL{Path: text}).EscapedPath() }

// contentsLimit is how many bytes of a file the contents route gives inside JSON; beyond, only raw, as documented in November 2026.
const contentsLimit = 1 << 20

func (c *call) file(request *http.Request, r *Repository, e git.Entry, ref string) (*reply, error) {
	if e.Kind == git.KindSubmodule {
		return &reply{body: c.entry(r, e, 0, ref)}, nil
	}
	blob, err := r.content.Blob(c.ctx, e.OID)
	if err != nil {
		return nil, err
	}
	if strings.Contains(request.Header.Get("Accept"), "raw") {
		if !blob.Complete() {
			return nil, &restError{status: http.StatusForbidden, message: "This file is too large to be served by the simulator."}
		}
		return &reply{status: http.StatusOK, raw: blob.Data, media: "application/vnd.github.raw; charset=utf-8"}, nil
	}
	out := c.entry(r, e, blob.Size, ref)
	out["content"], out["encoding"] = "", "none"
	if blob.Size <= contentsLimit {
		out["content"], out["encoding"] = wrapped(base64.StdEncoding.EncodeToString(blob.Data)), "base64"
	}
	if e.Kind == git.KindSymlink {
		out["target"] = string(blob.Data)
	}
	return &reply{body: out}, nil
}

// wrapped breaks base64 into lines of sixty characters, each ended.
func wrapped(text string) string {
	const line = 60
	var b strings.Builder
	for len(text) > 0 {
		n := min(line, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
	return b.String()
}

func restReadme(c *call, request *http.Request, r *Repository) (*reply, error) {
	commit, ref, err := c.atRef(request, r)
	if err != nil {
		return nil, err
	}
	s, err := c.g.summarise(c.ctx, commit)
	if err != nil {
		return nil, err
	}
	if s.readme == "" {
		return nil, errNotFound
	}
	entry, err := r.content.Entry(c.ctx, commit.OID, s.readme)
	if err != nil {
		return nil, err
	}
	return c.file(request, r, entry, ref)
}

// treeLimit is how many entries a recursive tree has at most before it is truncated, as documented in November 2026.
const treeLimit = 100_000

func restTree(c *call, request *http.Request, r *Repository) (*reply, error) {
	commit, err := c.g.revision(c.ctx, r, request.PathValue("sha"))
	if err != nil {
		return nil, err
	}
	if commit == nil {
		return nil, errNotFound // also the id of a tree, which is not found without its commit
	}
	recursive := request.URL.Query().Get("recursive") != ""
	g, out, truncated := c.g, []any{}, false
	folders := []string{""}
	for len(folders) > 0 {
		entries, err := r.content.List(c.ctx, commit.OID, folders[0])
		if err != nil {
			return nil, err
		}
		folders = folders[1:]
		sizes, err := c.sizes(r, entries)
		if err != nil {
			return nil, err
		}
		var below []string
		for i, e := range entries {
			if truncated = len(out) >= treeLimit; truncated {
				break
			}
			one := object{"path": e.Path, "mode": octal(modes[e.Kind]), "type": "blob", "sha": e.OID, "url": g.api("/repos/" + r.NameWithOwner() + "/git/blobs/" + string(e.OID)), "size": sizes[i]}
			switch e.Kind {
			case git.KindFolder:
				one["type"], one["url"] = "tree", g.api("/repos/"+r.NameWithOwner()+"/git/trees/"+string(e.OID))
				delete(one, "size")
				below = append(below, e.Path)
			case git.KindSubmodule:
				one["type"] = "commit"
				delete(one, "size")
				delete(one, "url")
			}
			out = append(out, one)
		}
		if recursive && !truncated {
			folders = append(below, folders...)
		}
	}
	slices.SortStableFunc(out, func(a, b any) int { return strings.Compare(treeKey(a), treeKey(b)) })
	return &reply{body: object{
		"sha": commit.Tree, "url": g.api("/repos/" + r.NameWithOwner() + "/git/trees/" + string(commit.Tree)), "tree": out, "truncated": truncated,
	}}, nil
}

// treeKey orders entries as git does: a folder as if its name ended in a slash, and all below it after it.
func treeKey(one any) string {
	o := one.(object)
	if o["type"] == "tree" {
		return o["path"].(string) + "/"
	}
	return o["path"].(string)
}

func octal(mode int) string {
	text := "000000"
	digits := []byte(text)
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + mode&7)
		mode >>= 3
	}
	return string(digits)
}
