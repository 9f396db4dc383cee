package gitlab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Entry is one entry of a tree.
type Entry struct{ git.Entry }

// Key names the entry within its folder.
func (e Entry) Key() string { return e.Name }

// kinds is the one table from git's modes to its kinds of entries.
var kinds = map[string]git.Kind{"100644": git.KindFile, "100664": git.KindFile, "100755": git.KindExecutable, "120000": git.KindSymlink, "040000": git.KindFolder, "160000": git.KindSubmodule}

// TreeQuery asks for a page of a folder.
type TreeQuery struct {
	Project   string
	Revision  string // a branch, a tag or an object id; the default branch where empty
	Path      string // "" for the top
	Recursive bool   // all below it too
	After     string // where the page before ended
	PerPage   int    // 1 to 100; 100 where 0
}

// TreePage is a page of a folder: its folders first, then the rest, each by name; as git walks it where it is recursive.
type TreePage struct {
	Entries []Entry
	Next    string // After of the page after it; "" where there is none
}

// Tree returns a page of a folder. It makes one request to the REST interface. GitLab answers for a folder that is not there as for an empty one
// or with an error of kind clients.ErrNotFound, by version.
func (c *Client) Tree(ctx context.Context, q TreeQuery) (*TreePage, error) {
	if err := checkProject(q.Project); err != nil {
		return nil, err
	}
	path, err := cleanPath(q.Path)
	if err != nil {
		return nil, err
	}
	if q.Revision != "" {
		if err := checkRef(q.Revision); err != nil {
			return nil, err
		}
	}
	if q.PerPage < 0 || q.PerPage > maxPage || len(q.After) > maxCursor {
		return nil, invalid("page", strconv.Itoa(q.PerPage))
	}
	if q.PerPage == 0 {
		q.PerPage = maxPage
	}
	options := &official.ListTreeOptions{Path: set(path), Ref: set(q.Revision), Recursive: &q.Recursive,
		ListOptions: official.ListOptions{Pagination: "keyset", PerPage: int64(q.PerPage), PageToken: q.After}}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/tree")
	found, resp, err := c.rest.Repositories.ListTree(q.Project, options, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	page := &TreePage{Next: nextToken(resp)}
	for _, node := range found[:min(len(found), maxPage)] {
		if node == nil {
			continue
		}
		oid, ok := git.ParseOID(node.ID)
		kind := kinds[node.Mode]
		if !ok || kind == "" || node.Name == "" {
			return nil, bad(c.source, "its answer is not what it should be: an entry of a tree without name, id or mode")
		}
		page.Entries = append(page.Entries, Entry{git.Entry{Name: cut(node.Name, maxPath), Path: cut(node.Path, maxPath), Kind: kind, OID: oid}})
	}
	return page, nil
}

// nextToken returns the page token of the address of the page after an answer's, "" where there is none.
func nextToken(resp *official.Response) string {
	if resp == nil || resp.NextLink == "" {
		return ""
	}
	link, err := url.Parse(resp.NextLink)
	if err != nil {
		return ""
	}
	return cut(link.Query().Get("page_token"), maxCursor)
}

// PathIn names a file of a project.
type PathIn struct {
	Project  string
	Revision string // a branch, a tag or an object id; the default branch where empty
	Path     string
}

// MaxBlob is how much of a file File reads, in bytes; as package git.
const MaxBlob = 4 << 20

// File returns the file with its first 4 MiB: of a larger one Data is the beginning. One beyond 16 MiB is an error of kind clients.ErrBadAnswer.
// It makes one request to the REST interface.
func (c *Client) File(ctx context.Context, file PathIn) (*git.Blob, error) {
	if err := checkProject(file.Project); err != nil {
		return nil, err
	}
	path, err := checkFilePath(file.Path)
	if err != nil {
		return nil, err
	}
	revision := "HEAD"
	if file.Revision != "" {
		if err := checkRef(file.Revision); err != nil {
			return nil, err
		}
		revision = file.Revision
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/files/{path}/raw")
	body, resp, err := c.rest.RepositoryFiles.GetRawFileReader(file.Project, path, &official.GetRawFileOptions{Ref: &revision}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	defer drain(body)
	data, err := io.ReadAll(io.LimitReader(body, MaxBlob))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	blob := &git.Blob{Size: int64(len(data)), Data: data, Binary: bytes.IndexByte(data[:min(len(data), binarySample)], 0) >= 0}
	blob.OID, _ = git.ParseOID(resp.Header.Get("X-Gitlab-Blob-Id"))
	if len(data) == MaxBlob {
		// How large the rest is GitLab says in its own header; where something has taken that out, there is at least one byte more, or none.
		rest, err := io.CopyN(io.Discard, body, 1)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, c.rested(ctx, err)
		}
		blob.Size += rest
		if size, err := strconv.ParseInt(resp.Header.Get("X-Gitlab-Size"), 10, 64); err == nil && rest > 0 {
			blob.Size = max(blob.Size, size)
		}
	}
	return blob, nil
}

// Blob returns the file with an object id, with its first 4 MiB: of a larger one Data is the beginning, and Size is at least as much as was seen. It
// makes one request to the REST interface.
func (c *Client) Blob(ctx context.Context, project string, id git.OID) (*git.Blob, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	oid, ok := git.ParseOID(string(id))
	if !ok {
		return nil, invalid("object id", string(id))
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/blobs/{sha}/raw")
	address := c.root.String() + "/api/v4/projects/" + url.PathEscape(project) + "/repository/blobs/" + string(oid) + "/raw"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "callboard")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, refused(c.source, resp) // a redirect that is not followed
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxBlob+1))
	if err != nil {
		return nil, failed(ctx, c.source, err)
	}
	blob := &git.Blob{OID: oid, Size: max(int64(len(data)), resp.ContentLength), Data: data[:min(len(data), MaxBlob)], Binary: git.IsBinary(data[:min(len(data), MaxBlob)])}
	return blob, nil
}

// binarySample is how much of a file git looks at to tell text from binary.
const binarySample = 8000

const fileFields = `
fragment file on Project { fullPath repository { blobs(paths: [$path], first: 1) { nodes { oid path size rawTextBlob } } } }`

type wireFile struct {
	FullPath   string
	Repository *struct {
		Blobs *nodes[struct {
			OID, Path   string
			Size        number
			RawTextBlob *string
		}]
	}
}

func (w *wireFile) path() string { return w.FullPath }

// FilesAt returns the file at one path in the default branch of each project, with its text: what is no text comes without Data and is Binary. It
// is clients.ErrNotFound where there is none. It makes one request for every 100 projects.
func (c *Client) FilesAt(ctx context.Context, projects []string, path string) ([]*git.Blob, []error) {
	out, errs := make([]*git.Blob, len(projects)), make([]error, len(projects))
	path, err := checkFilePath(path)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return out, errs
	}
	found, errs := byPath[wireFile](ctx, c, many{name: "filesAt", fragment: "file", fields: fileFields, declared: "$path: String! ", variables: map[string]any{"path": path}}, projects)
	for i, w := range found {
		if w == nil || errs[i] != nil {
			continue
		}
		errs[i] = c.absent("file")
		if w.Repository == nil || w.Repository.Blobs == nil {
			continue
		}
		for _, b := range w.Repository.Blobs.Nodes {
			if b == nil || b.Path != path {
				continue
			}
			blob := &git.Blob{Size: int64(b.Size), Binary: b.RawTextBlob == nil}
			blob.OID, _ = git.ParseOID(b.OID)
			if b.RawTextBlob != nil {
				blob.Data = []byte(cut(*b.RawTextBlob, MaxBlob))
			}
			out[i], errs[i] = blob, nil
		}
	}
	return out, errs
}
