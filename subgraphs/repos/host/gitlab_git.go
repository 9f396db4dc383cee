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

// Trees makes one request to REST for every 100 entries of each.
func (g *gitLab) Trees(ctx context.Context, folders []Folder) ([][]TreeEntry, []error) {
	return oneByOne(folders, func(f Folder) ([]TreeEntry, error) {
		out, err := g.tree(ctx, f)
		return out, g.failed(false, err)
	})
}

func (g *gitLab) tree(ctx context.Context, f Folder) ([]TreeEntry, error) {
	oid, ok := git.ParseOID(f.Commit)
	if !ok {
		return nil, g.refuse("%.50q is not the id of a commit", f.Commit)
	}
	out := []TreeEntry{}
	after := ""
	for range maxFolderPages {
		page, err := g.client.Tree(ctx, gitlab.TreeQuery{Project: f.Repository, Revision: string(oid), Path: f.Path, After: after})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			out = append(out, TreeEntry{Name: e.Name, OID: string(e.OID), Kind: e.Kind})
		}
		if after = page.Next; after == "" {
			if len(out) == 0 && f.Path != "" { // git has no empty folders, but some versions of GitLab have
				return nil, &clients.Error{Kind: clients.ErrNotFound, Source: g.source, Message: "there is no such folder, or the credential may not see it"}
			}
			return out, nil
		}
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
