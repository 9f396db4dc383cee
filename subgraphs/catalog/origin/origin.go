// Package origin makes repository hosts origins of the catalog: organisations and groups go in, and the catalog files of all their repositories come
// out, with what those files include and the files that their patterns stand for.
//
// The one rule: nothing counts as gone that its host did not say is gone. An answer of which a part is missing is an error.
//
// A file is named by the address that people read it at, below the default branch of its repository. Open this file first; github.go and gitlab.go ask.
package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/catalog/remote"
)

// Config says what is searched.
type Config struct {
	Name   string   // of the source, such as "github.com"
	Web    *url.URL // where the host's pages lie
	Groups []string // organisations and users of GitHub, groups of GitLab with all that is below them
	File   string   // from the top of each repository
}

// Origin is a host with catalog files. It is a remote.Origin.
type Origin struct {
	config Config
	host   host

	mu       sync.Mutex
	branches map[string]string // default branches by the path of the repository in lower case, as the last search found them
}

// host is what differs between kinds of hosts.
type host interface {
	// blob is what stands in addresses between the path of a repository and a branch.
	blob() string
	// list returns the repositories of a group that are looked into, each with what is at the path. Of texts that were not asked for, or did not come
	// along, there is only the object id.
	list(ctx context.Context, group, path string, texts bool) ([]repository, error)
	// read returns the files with their texts, each with its own error.
	read(ctx context.Context, files []place) ([]*git.Blob, []error)
	// heads returns the commits that branches end at, each with its own error. Paths do not matter.
	heads(ctx context.Context, branches []place) ([]git.OID, []error)
	// files returns the paths of the regular files of a commit, and whether these are all.
	files(ctx context.Context, repository string, commit git.OID) (paths []string, whole bool, err error)
}

// repository is one that is looked into.
type repository struct {
	path, branch string    // branch is empty where there is no commit
	file         *git.Blob // nil where there is none
}

// place is a file of a repository's default branch.
type place struct{ repository, branch, path string }

func newOrigin(c Config, h host) *Origin {
	return &Origin{config: c, host: h, branches: map[string]string{}}
}

// Name returns the name of the source.
func (o *Origin) Name() string { return o.config.Name }

// Files searches the groups.
func (o *Origin) Files(ctx context.Context, known map[string]string) ([]remote.File, error) {
	var (
		out     []remote.File
		failed  error
		texts   []place
		listed  = map[string]string{} // default branches by the path of the repository in lower case
		started = len(known) == 0     // then nearly all texts are needed, and may as well come along
	)
	for _, group := range o.config.Groups {
		found, err := o.host.list(ctx, group, o.config.File, started)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("searching %s: %w", group, err))
		}
		for _, r := range found {
			key := strings.ToLower(r.path)
			if listed[key] != "" || r.branch == "" {
				continue // groups may lie in each other
			}
			listed[key] = r.branch
			if r.file == nil {
				continue
			}
			at := place{r.path, r.branch, o.config.File}
			switch file := o.file(at); {
			case known[file.URL] != "" && known[file.URL] == string(r.file.OID):
				file.Unchanged = true
				out = append(out, file)
			case len(r.file.Data) > 0 && r.file.Complete():
				file.Text, file.Validator = r.file.Data, string(r.file.OID)
				out = append(out, file)
			default:
				texts = append(texts, at)
			}
		}
	}
	o.learn(listed, failed == nil)
	return append(out, o.read(ctx, texts, nil)...), failed
}

// Read reads files by their addresses.
func (o *Origin) Read(ctx context.Context, wanted map[string]string) ([]remote.File, error) {
	var (
		out    []remote.File
		places []place
	)
	for address := range wanted {
		at, err := o.locate(address)
		if err != nil {
			out = append(out, remote.File{URL: address, Err: err})
			continue
		}
		places = append(places, at)
	}
	return append(out, o.read(ctx, places, wanted)...), nil
}

func (o *Origin) read(ctx context.Context, places []place, known map[string]string) []remote.File {
	if len(places) == 0 {
		return nil
	}
	blobs, errs := o.host.read(ctx, places)
	out := make([]remote.File, len(places))
	for i, at := range places {
		file := o.file(at)
		switch blob := blobs[i]; {
		case errors.Is(errs[i], clients.ErrNotFound):
			file.Err = fmt.Errorf("%s is not in %s: %w", at.path, at.repository, fs.ErrNotExist)
		case errs[i] != nil:
			file.Err = errs[i]
		case !blob.Complete() || blob.Binary:
			file.Err = fmt.Errorf("%s in %s is no text in UTF-8, or larger than its host shows", at.path, at.repository)
		case blob.OID != "" && known[file.URL] == string(blob.OID):
			file.Unchanged = true
		default:
			file.Text, file.Validator = blob.Data, string(blob.OID)
		}
		out[i] = file
	}
	return out
}

// List lists the files of default branches, by the addresses of their tops. A branch that ends at the known commit is as it was, and costs nothing more.
func (o *Origin) List(ctx context.Context, known map[string]string) ([]remote.Listing, error) {
	var (
		out   []remote.Listing
		tops  []place
		roots []string
	)
	for _, address := range slices.Sorted(maps.Keys(known)) {
		at, err := o.top(address)
		if err != nil {
			out = append(out, remote.Listing{Root: address, Err: err})
			continue
		}
		tops, roots = append(tops, at), append(roots, address)
	}
	if len(tops) == 0 {
		return out, nil
	}
	heads, errs := o.host.heads(ctx, tops)
	listed := make([]remote.Listing, len(tops))
	var group errgroup.Group
	group.SetLimit(listAtOnce)
	for i, at := range tops {
		listed[i] = remote.Listing{Root: roots[i], Validator: string(heads[i]), Err: errs[i]}
		switch {
		case errs[i] != nil:
		case known[roots[i]] == string(heads[i]):
			listed[i].Unchanged = true
		default:
			group.Go(func() error {
				paths, whole, err := o.host.files(ctx, at.repository, heads[i])
				for _, path := range paths {
					listed[i].Files = append(listed[i].Files, roots[i]+escape(path))
				}
				listed[i].Whole, listed[i].Err = whole, err
				return nil
			})
		}
	}
	_ = group.Wait() // each has its own error
	return append(out, listed...), nil
}

// listAtOnce is how many repositories are listed at once: hosts ask for few requests beside each other.
const listAtOnce = 4

// file returns the file at a place, without what is in it.
func (o *Origin) file(at place) remote.File {
	root := o.root(at.repository, at.branch)
	return remote.File{URL: root + escape(at.path), Root: root}
}

// root returns the address of the top of a branch, with a slash at its end.
func (o *Origin) root(repository, branch string) string {
	return strings.TrimSuffix(o.config.Web.String(), "/") + "/" + escape(repository) + o.host.blob() + escape(branch) + "/"
}

// escape returns a path as it stands in an address.
func escape(path string) string {
	// A path that begins with a slash is never taken for a scheme.
	return strings.TrimPrefix((&url.URL{Path: "/" + path}).EscapedPath(), "/")
}

// Catalog returns the addresses of all known files of a repository (which ends in a slash) and of its catalog file, for refreshing them. known is false
// where no search has found the repository: a search will.
func (o *Origin) Catalog(repository string) (all, file string, known bool) {
	branch, known := o.branch(repository)
	if !known {
		return "", "", false
	}
	root := o.root(repository, branch)
	return root, root + escape(o.config.File), true
}

// IsCatalog tells whether a path in a repository is that of its catalog file.
func (o *Origin) IsCatalog(path string) bool { return path == o.config.File }

// Covers tells whether a repository belongs to one of the groups.
func (o *Origin) Covers(repository string) bool {
	for _, group := range o.config.Groups {
		if len(repository) > len(group) && strings.EqualFold(repository[:len(group)], group) && repository[len(group)] == '/' {
			return true
		}
	}
	return false
}

// learn takes the default branches that a search found; all tells that there are no others.
func (o *Origin) learn(found map[string]string, all bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if all {
		clear(o.branches)
	}
	maps.Copy(o.branches, found)
}

func (o *Origin) branch(repository string) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	branch, known := o.branches[strings.ToLower(repository)]
	return branch, known
}

// locate returns which file an address names. Where no search has told the default branch yet, a name without a slash is taken for it.
func (o *Origin) locate(address string) (place, error) {
	at, err := o.inBranch(address)
	if err == nil && (at.path == "" || path.Clean("/"+at.path) != "/"+at.path) {
		err = fmt.Errorf("the address names no file of the default branch of %s", at.repository)
	}
	return at, err
}

// top returns which branch an address names the top of.
func (o *Origin) top(address string) (place, error) {
	at, err := o.inBranch(address)
	if err == nil && at.path != "" {
		err = fmt.Errorf("the address is not that of the top of the default branch of %s", at.repository)
	}
	return at, err
}

// inBranch returns what lies below the address of a default branch, whether that is a file or not.
func (o *Origin) inBranch(address string) (place, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != o.config.Web.Scheme || !strings.EqualFold(u.Host, o.config.Web.Host) {
		return place{}, fmt.Errorf("the address is none of %s", o.config.Name)
	}
	way, below := strings.CutPrefix(u.Path, strings.TrimSuffix(o.config.Web.Path, "/")+"/")
	repository, rest, found := strings.Cut(way, o.host.blob())
	if !below || !found || !o.Covers(repository) {
		return place{}, fmt.Errorf("the address names no file of the groups that are searched on %s", o.config.Name)
	}
	branch, known := o.branch(repository)
	if !known {
		branch, _, _ = strings.Cut(rest, "/")
	}
	file, found := strings.CutPrefix(rest, branch+"/")
	if !found || branch == "" {
		return place{}, fmt.Errorf("the address names no file of the default branch of %s", repository)
	}
	return place{repository, branch, file}, nil
}
