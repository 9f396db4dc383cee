package gitlab

import (
	"context"
	"fmt"
	"path"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// FolderIn names a folder of a project.
type FolderIn struct {
	Project  string
	Revision string // a branch, a tag or an object id; the default branch where empty
	Path     string // "" for the top
}

// maxFolders is how many folders are asked for in one query: each is of complexity 23, and 200 is the least of GitLab's limits.
const maxFolders = 8

const folderFields = `
fragment folder on Tree {
  trees { nodes { name sha } pageInfo { hasNextPage } }
  blobs { nodes { name sha mode } pageInfo { hasNextPage } }
  submodules { nodes { name sha } pageInfo { hasNextPage } }
}`

type wireEntries struct {
	Nodes    []*struct{ Name, SHA, Mode string }
	PageInfo struct{ HasNextPage bool }
}

type wireFolder struct{ Trees, Blobs, Submodules *wireEntries }

// Folder is what is in a folder: its folders first, then its files, then its submodules, each by name.
type Folder struct {
	Entries  []Entry
	Complete bool // these are all: at most 100 of each are told
}

func (w *wireFolder) value(folder string) (*Folder, bool) {
	out := &Folder{Complete: true}
	for _, part := range []struct {
		list *wireEntries
		mode string // where the list does not tell
	}{{w.Trees, "040000"}, {w.Blobs, ""}, {w.Submodules, "160000"}} {
		if part.list == nil {
			continue
		}
		if part.list.PageInfo.HasNextPage || len(part.list.Nodes) > maxPage {
			out.Complete = false
		}
		for _, n := range part.list.Nodes[:min(len(part.list.Nodes), maxPage)] {
			if n == nil {
				continue
			}
			if part.mode != "" {
				n.Mode = part.mode
			}
			oid, ok := git.ParseOID(n.SHA)
			kind := kinds[n.Mode]
			if !ok || kind == "" || n.Name == "" {
				return nil, false
			}
			out.Entries = append(out.Entries, Entry{git.Entry{Name: cut(n.Name, maxPath), Path: cut(path.Join(folder, n.Name), maxPath), Kind: kind, OID: oid}})
		}
	}
	return out, true
}

// Folders returns what is in the folders, each with the error it has instead. A folder that is not there is one without entries, as GitLab has it: git has no
// empty ones. It makes one request for every 8 of them.
func (c *Client) Folders(ctx context.Context, folders []FolderIn) ([]*Folder, []error) {
	out, errs := make([]*Folder, len(folders)), make([]error, len(folders))
	paths := make([]string, len(folders))
	var wanted []int
	for i, f := range folders {
		if errs[i] = checkProject(f.Project); errs[i] == nil && f.Revision != "" {
			errs[i] = checkRef(f.Revision)
		}
		if errs[i] == nil {
			paths[i], errs[i] = cleanPath(f.Path)
		}
		if errs[i] == nil {
			wanted = append(wanted, i)
		}
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), maxFolders)]
		wanted = wanted[len(batch):]
		var arguments, text strings.Builder
		variables := map[string]any{}
		for n, i := range batch {
			fmt.Fprintf(&arguments, "$p%d: ID! $r%d: String $f%d: String ", n, n, n)
			fmt.Fprintf(&text, "  t%d: project(fullPath: $p%d) { repository { tree(ref: $r%d, path: $f%d) { ...folder } } }\n", n, n, n, n)
			variables[fmt.Sprintf("p%d", n)], variables[fmt.Sprintf("f%d", n)] = folders[i].Project, paths[i]
			if folders[i].Revision != "" {
				variables[fmt.Sprintf("r%d", n)] = folders[i].Revision
			}
		}
		answer := map[string]*struct{ Repository *struct{ Tree *wireFolder } }{}
		below, err := c.query(ctx, "folders", "query folders("+arguments.String()+") {\n"+text.String()+"}"+folderFields, variables, &answer)
		for n, i := range batch {
			key := fmt.Sprintf("t%d", n)
			found, e := answer[key], below[key]
			switch {
			case err != nil:
				errs[i] = err
			case e != nil: // a part of a folder would be taken for the whole
				errs[i] = e
			case found == nil || found.Repository == nil || found.Repository.Tree == nil:
				errs[i] = c.absent("folder")
			default:
				var ok bool
				if out[i], ok = found.Repository.Tree.value(paths[i]); !ok {
					errs[i] = bad(c.source, "its answer is not what it should be: an entry of a folder without name, id or mode")
				}
			}
		}
	}
	return out, errs
}
