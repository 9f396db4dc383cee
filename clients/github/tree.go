package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// PathIn names a file or folder in a commit.
type PathIn struct {
	Slug   Slug
	Commit git.OID
	Path   string // from the top of the repository; "" for the top
}

// Entry is one entry of a tree.
type Entry struct {
	git.Entry
	Size int64 // bytes of a file, 0 of anything else
}

// Key names the entry within its folder.
func (e Entry) Key() string { return e.Name }

// kindOfMode is the one table from git's modes to kinds.
func kindOfMode(mode int) git.Kind {
	switch mode {
	case 0o040000:
		return git.KindFolder
	case 0o100755:
		return git.KindExecutable
	case 0o120000:
		return git.KindSymlink
	case 0o160000:
		return git.KindSubmodule
	}
	return git.KindFile
}

type wireTreeOf struct {
	Object *struct {
		Typename string `graphql:"__typename"`
		Tree     struct {
			Entries []*wireEntry
		} `graphql:"...on Tree"`
	} `graphql:"object(expression:$expression)"`
}

type wireEntry struct {
	Name string
	Mode int
	OID  string
	Size int64
}

func (wireEntry) on() string { return "TreeEntry" }

// maxEntries is how many entries a folder may have, here and in a list of all files; GitHub's pages show 1,000.
const maxEntries = 50_000

var treeQuery = newQuery[wireTreeOf]("trees", "repository(owner:$owner,name:$name)", maxEntries)

// maxTrees is how many folders are listed in one request, by judgement: they have no pages.
const maxTrees = 20

// Trees returns the entries of each folder, in GitHub's order, which is git's. It wraps clients.ErrNotFound where there is none. One request of
// one point for 20 folders.
func (c *Client) Trees(ctx context.Context, folders []PathIn) ([][]Entry, []error) {
	answers := all(ctx, c, treeQuery, many{most: maxTrees}, len(folders), func(i int) (map[string]any, error) { return folders[i].variables() })
	out, errs := make([][]Entry, len(answers)), make([]error, len(answers))
	for i, a := range answers {
		switch {
		case a.Err != nil:
			errs[i] = a.Err
		case a.Value.Object == nil || a.Value.Object.Typename != "Tree":
			errs[i] = c.absent(a.Missing, "object")
		case len(a.Missing) > 0: // half a folder would be taken for a whole one
			errs[i] = a.Missing[0].Err
		default:
			folder, _ := cleanPath(folders[i].Path)
			out[i] = convert(a.Value.Object.Tree.Entries, func(w *wireEntry) Entry {
				path := strings.TrimPrefix(folder+"/"+w.Name, "/")
				return Entry{git.Entry{Name: cut(w.Name, maxPath), Path: cut(path, maxPath), Kind: kindOfMode(w.Mode), OID: oid(w.OID)}, w.Size}
			})
		}
	}
	return out, errs
}

func (p PathIn) variables() (map[string]any, error) {
	v, err := p.Slug.variables()
	if err != nil {
		return nil, err
	}
	expression, err := p.expression()
	v["expression"] = githubv4.String(expression)
	return v, err
}

// expression returns what names the path in rev-parse's words.
func (p PathIn) expression() (string, error) {
	id, ok := git.ParseOID(string(p.Commit))
	if !ok {
		return "", invalid("object id", string(p.Commit))
	}
	path, err := cleanPath(p.Path)
	return string(id) + ":" + path, err
}

type wireBlob struct {
	OID         string
	ByteSize    int64
	IsBinary    bool
	IsTruncated bool
	Text        string
}

func (wireBlob) on() string { return "Blob" }

// value returns nil where there is no file. What is no text, or longer than GitHub shows, has no Data.
func (w *wireBlob) value() *git.Blob {
	id := oid(w.OID)
	if id == "" {
		return nil
	}
	b := &git.Blob{OID: id, Size: max(0, w.ByteSize), Binary: w.IsBinary}
	// A text in another encoding arrives as UTF-8 of another length: those are not the file's bytes.
	if !w.IsTruncated && !w.IsBinary && int64(len(w.Text)) == w.ByteSize {
		b.Data = []byte(w.Text)
	}
	return b
}

type wireFile struct {
	Object *struct {
		Blob wireBlob `graphql:"...on Blob"`
	} `graphql:"object(expression:$expression)"`
}

var fileQuery = newQuery[wireFile]("files", "repository(owner:$owner,name:$name)", maxElements)

// maxFiles is how many files are asked for in one request, by judgement: GitHub shows up to 512 KiB of each, and an answer has a bound.
const maxFiles = 20

// Files returns each file with its text, where GitHub shows all of it: what is no text in UTF-8, or larger than about 512 KiB, comes without Data
// and is not Complete; see Blob. It wraps clients.ErrNotFound where there is no such file. One request of one point for 20 files.
func (c *Client) Files(ctx context.Context, files []PathIn) ([]*git.Blob, []error) {
	answers := all(ctx, c, fileQuery, many{most: maxFiles}, len(files), func(i int) (map[string]any, error) { return files[i].variables() })
	blobs, errs := split(answers, func(w *wireFile, _ []Missing) *git.Blob {
		if w.Object == nil {
			return nil
		}
		return w.Object.Blob.value()
	})
	for i := range blobs {
		if blobs[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "object")
		}
	}
	return blobs, errs
}

// MaxBlob is how much of a file Blob and File read, in bytes; as package git.
const MaxBlob = 4 << 20

// File returns the file with all its bytes, up to MaxBlob: of a larger one there is no Data. It makes one request of one point, and one to the REST
// interface where GraphQL does not show the bytes.
func (c *Client) File(ctx context.Context, file PathIn) (*git.Blob, error) {
	blobs, errs := c.Files(ctx, []PathIn{file})
	if errs[0] != nil || blobs[0].Complete() || blobs[0].Size > MaxBlob {
		return blobs[0], errs[0]
	}
	return c.Blob(ctx, file.Slug, blobs[0].OID)
}

// Blob returns the file with the id and all its bytes, in one request to the REST interface. A file of more than MaxBlob bytes is an error of
// kind clients.ErrBadAnswer.
func (c *Client) Blob(ctx context.Context, slug Slug, id git.OID) (*git.Blob, error) {
	if err := checkObject(slug, id); err != nil {
		return nil, err
	}
	a, err := c.get(ctx, call{
		route: "GET /repos/{owner}/{name}/git/blobs/{oid}", path: []string{"repos", slug.Owner, slug.Name, "git", "blobs", string(id)},
		accept: "application/vnd.github.raw+json", most: MaxBlob,
	})
	if err != nil {
		return nil, err
	}
	return &git.Blob{OID: id, Size: int64(len(a.body)), Binary: binary(a.body), Data: a.body}, nil
}

// binary reports whether the bytes are no text, by git's rule: there is a NUL in the beginning.
func binary(data []byte) bool {
	return strings.IndexByte(string(data[:min(len(data), 8000)]), 0) >= 0
}

func checkObject(slug Slug, id git.OID) error {
	if err := slug.check(); err != nil {
		return err
	}
	if _, ok := git.ParseOID(string(id)); !ok {
		return invalid("object id", string(id))
	}
	return nil
}

// AllFiles returns every entry of the tree of a commit, folders too, sorted by path as git does, and whether these are all: GitHub leaves out what is
// beyond 100,000 entries or 7 MB, and so does this beyond 50,000. One request to the REST interface.
func (c *Client) AllFiles(ctx context.Context, slug Slug, commit git.OID) ([]Entry, bool, error) {
	if err := checkObject(slug, commit); err != nil {
		return nil, false, err
	}
	a, err := c.get(ctx, call{
		route: "GET /repos/{owner}/{name}/git/trees/{oid}", path: []string{"repos", slug.Owner, slug.Name, "git", "trees", string(commit)},
		query: url.Values{"recursive": {"1"}}, most: maxAnswer, longest: 2 * maxEntries,
	})
	if err != nil {
		var e *clients.Error
		if errors.As(err, &e) && e.Status == http.StatusConflict { // "Git Repository is empty."
			return nil, true, nil
		}
		return nil, false, err
	}
	var answer struct {
		Truncated bool `json:"truncated"`
		Tree      []struct {
			Path string `json:"path"`
			Mode string `json:"mode"`
			SHA  string `json:"sha"`
			Size int64  `json:"size"`
		} `json:"tree"`
	}
	if json.Unmarshal(a.body, &answer) != nil {
		return nil, false, bad(c.source, "its answer is not what its documentation says")
	}
	complete := !answer.Truncated && len(answer.Tree) <= maxEntries
	out := make([]Entry, 0, min(len(answer.Tree), maxEntries))
	for _, one := range answer.Tree[:min(len(answer.Tree), maxEntries)] {
		if path, err := git.CleanPath(one.Path); err != nil || path != one.Path || path == "" || !utf8.ValidString(path) {
			complete = false
			continue
		}
		name := one.Path[strings.LastIndexByte(one.Path, '/')+1:]
		out = append(out, Entry{git.Entry{Name: name, Path: one.Path, Kind: kindOfMode(octal(one.Mode)), OID: oid(one.SHA)}, one.Size})
	}
	return out, complete, nil
}

// octal reads a mode, 0 where it is none.
func octal(text string) int {
	n := 0
	for _, d := range []byte(text) {
		if d < '0' || d > '7' || n > 0o1000000 {
			return 0
		}
		n = n*8 + int(d-'0')
	}
	return n
}
