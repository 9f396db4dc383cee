package gitlabtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// file is an answer that is a file of a repository.
type file struct {
	name   string
	data   []byte
	header map[string]string
}

func (f file) write(c *call) {
	h := c.w.Header()
	for name, value := range f.header {
		h.Set(name, value)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": f.name}))
	h.Set("X-Content-Type-Options", "nosniff")
	etag := clientstest.ETag(f.data)
	h.Set("Etag", etag)
	h.Set("Cache-Control", "max-age=0, private, must-revalidate, no-store, no-cache")
	if clientstest.NotModified(c.r, etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(f.data)))
	_, _ = c.w.Write(f.data)
}

// found is a file of a repository with what GitLab tells of it.
type found struct {
	git.Entry
	blob             *git.Blob
	commit, last     git.OID
	ref, contentHash string
}

func (c *call) fileFound(p *project) (*found, error) {
	ctx, name, ref := c.r.Context(), c.r.PathValue("path"), c.query.Get("ref")
	commit, err := c.commitOr(p, ref, "Commit")
	if err != nil {
		return nil, err
	}
	entry, blob, err := p.repository.File(ctx, commit.OID, name)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
		return nil, absent("File")
	}
	if err != nil {
		return nil, err
	}
	if !blob.Complete() {
		return nil, fmt.Errorf("%w: %s of %s: this simulator serves files of at most 4 MiB", git.ErrTooLarge, name, p.Path)
	}
	last, _, err := p.repository.History(ctx, commit.OID, git.Filter{Path: name}, "", 1)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(blob.Data)
	f := &found{Entry: entry, blob: blob, commit: commit.OID, ref: ref, contentHash: hex.EncodeToString(hash[:])}
	if ref == "" {
		f.ref = "HEAD"
	}
	if len(last) > 0 {
		f.last = last[0]
	}
	return f, nil
}

func (f *found) headers() map[string]string {
	return map[string]string{
		"X-Gitlab-Blob-Id": string(f.OID), "X-Gitlab-Commit-Id": string(f.commit), "X-Gitlab-Content-Sha256": f.contentHash, "X-Gitlab-Encoding": "base64",
		"X-Gitlab-Execute-Filemode": strconv.FormatBool(f.Kind == git.KindExecutable), "X-Gitlab-File-Name": path.Base(f.Path), "X-Gitlab-File-Path": f.Path,
		"X-Gitlab-Last-Commit-Id": string(f.last), "X-Gitlab-Ref": f.ref, "X-Gitlab-Size": strconv.FormatInt(f.blob.Size, 10),
	}
}

func (c *call) file(p *project) (any, error) {
	f, err := c.fileFound(p)
	if err != nil {
		return nil, err
	}
	for name, value := range f.headers() {
		c.w.Header().Set(name, value)
	}
	return object{"file_name": path.Base(f.Path), "file_path": f.Path, "size": f.blob.Size, "encoding": "base64", "content_sha256": f.contentHash, "ref": f.ref,
		"blob_id": f.OID, "commit_id": f.commit, "last_commit_id": f.last, "execute_filemode": f.Kind == git.KindExecutable,
		"content": base64.StdEncoding.EncodeToString(f.blob.Data)}, nil
}

func (c *call) rawFile(p *project) (any, error) {
	f, err := c.fileFound(p)
	if err != nil {
		return nil, err
	}
	return file{path.Base(f.Path), f.blob.Data, f.headers()}, nil
}

func (c *call) rawBlob(p *project) (any, error) {
	oid, ok := git.ParseOID(c.r.PathValue("sha"))
	if !ok {
		return nil, absent("Blob")
	}
	blob, err := p.repository.Blob(c.r.Context(), oid)
	if errors.Is(err, git.ErrNotFound) || err == nil && !blob.Complete() {
		return nil, absent("Blob")
	}
	if err != nil {
		return nil, err
	}
	return file{string(oid), blob.Data, nil}, nil
}
