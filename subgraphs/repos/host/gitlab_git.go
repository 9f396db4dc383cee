package host

import (
	"context"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
)

// Resolve makes one request for every 100 refs of one name, and for every 9 of other names. The commits come without their parents, which GraphQL does not
// have.
func (g *gitLab) Resolve(ctx context.Context, refs []NamedRef) ([]*Commit, []error) {
	revisions := make([]gitlab.Revision, len(refs))
	for i, r := range refs {
		revisions[i] = gitlab.Revision{Project: r.Repository, Name: r.Ref}
	}
	found, errs := g.client.Commits(ctx, revisions)
	out := make([]*Commit, len(refs))
	for i, c := range found {
		if errs[i] = g.failed(c != nil, errs[i]); errs[i] == nil {
			out[i] = tellCommit(c, false)
		}
	}
	return out, errs
}

// Commits makes one request to REST for each: GraphQL does not have a commit's parents.
func (g *gitLab) Commits(ctx context.Context, names []NamedObject) ([]*Commit, []error) {
	return oneByOne(names, func(n NamedObject) (*Commit, error) {
		found, err := g.client.Commit(ctx, n.Repository, git.OID(n.OID))
		return tellCommit(found, true), g.failed(false, err)
	})
}

// Changes makes one request to REST for every 100 files of each; of more than 3,000 the first are all that GitLab shows.
func (g *gitLab) Changes(ctx context.Context, names []NamedObject) ([][]git.ChangedFile, []error) {
	return oneByOne(names, func(n NamedObject) ([]git.ChangedFile, error) {
		found, _, err := g.client.ChangedFiles(ctx, n.Repository, git.OID(n.OID))
		return found, g.failed(false, err)
	})
}

// maxFolderPages bounds a folder: 5,000 entries, by judgement.
const maxFolderPages = 50

// Trees makes one request for every 8 folders, and one more to REST for every 100 entries of each that has more than 100 folders or files.
func (g *gitLab) Trees(ctx context.Context, folders []Folder) ([][]TreeEntry, []error) {
	out, errs := make([][]TreeEntry, len(folders)), make([]error, len(folders))
	var wanted []gitlab.FolderIn
	var places []int
	for i, f := range folders {
		oid, ok := git.ParseOID(f.Commit)
		if !ok {
			errs[i] = g.refuse("%.50q is not the id of a commit", f.Commit)
			continue
		}
		wanted, places = append(wanted, gitlab.FolderIn{Project: f.Repository, Revision: string(oid), Path: f.Path}), append(places, i)
	}
	found, failed := g.client.Folders(ctx, wanted)
	var large []int
	for n, i := range places {
		switch errs[i] = g.failed(false, failed[n]); {
		case errs[i] != nil:
		case !found[n].Complete:
			large = append(large, i)
		case len(found[n].Entries) == 0 && folders[i].Path != "":
			errs[i] = g.noFolder()
		default:
			out[i] = tellEntries(found[n].Entries)
		}
	}
	read, failed := oneByOne(large, func(i int) ([]TreeEntry, error) { return g.tree(ctx, folders[i]) })
	for n, i := range large {
		out[i], errs[i] = read[n], g.failed(false, failed[n])
	}
	return out, errs
}

func tellEntries(entries []gitlab.Entry) []TreeEntry {
	out := make([]TreeEntry, len(entries))
	for i, e := range entries {
		out[i] = TreeEntry{Name: e.Name, OID: string(e.OID), Kind: e.Kind}
	}
	return out
}

// noFolder is the error for a folder without entries, which git does not have.
func (g *gitLab) noFolder() error {
	return &clients.Error{Kind: clients.ErrNotFound, Source: g.source, Message: "there is no such folder, or the credential may not see it"}
}

// tree reads a folder page by page.
func (g *gitLab) tree(ctx context.Context, f Folder) ([]TreeEntry, error) {
	var out []TreeEntry
	after := ""
	for range maxFolderPages {
		page, err := g.client.Tree(ctx, gitlab.TreeQuery{Project: f.Repository, Revision: f.Commit, Path: f.Path, After: after})
		if err != nil {
			return nil, err
		}
		out = append(out, tellEntries(page.Entries)...)
		switch page.Next {
		case "":
			return out, nil
		case after: // of some versions, after the second of two files with the same content
			return nil, &clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Message: "its pages of the folder do not go on"}
		}
		after = page.Next
	}
	return nil, &clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Message: "the folder holds more entries than are read; ask for one below it"}
}

// Blobs makes one request to REST for each: GraphQL knows files by their paths alone.
func (g *gitLab) Blobs(ctx context.Context, names []NamedObject) ([]*Blob, []error) {
	return oneByOne(names, func(n NamedObject) (*Blob, error) {
		found, err := g.client.Blob(ctx, n.Repository, git.OID(n.OID))
		if err != nil {
			return nil, g.failed(false, err)
		}
		return &Blob{OID: string(found.OID), Size: found.Size, Data: found.Data}, nil
	})
}

// Contributors makes one request to REST for every 100 of each, at most five.
func (g *gitLab) Contributors(ctx context.Context, repositories []string) ([][]Contributor, []error) {
	return oneByOne(repositories, func(project string) ([]Contributor, error) {
		found, _, err := g.client.Contributors(ctx, project)
		if err != nil {
			return nil, g.failed(false, err)
		}
		out := make([]Contributor, len(found))
		for i, c := range found {
			out[i] = Contributor{Name: c.Name, Email: c.Email, Commits: c.Commits}
		}
		return out, nil
	})
}
