package gitlabtest

import (
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

type graphRepository graphProject

func (g graphRepository) Exists() bool { return g.p.repository != nil }
func (g graphRepository) Empty() bool  { return g.p.repository == nil }

// RootRef is the default branch.
func (g graphRepository) RootRef() any {
	if g.p.repository == nil {
		return nil
	}
	return orNull(g.p.DefaultBranch)
}

// commitOf returns the commit of a ref, nil where there is none.
func (g graphRepository) commitOf(ref string) (*git.Commit, error) {
	commit, err := g.c.resolve(g.p, ref)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
		return nil, nil
	}
	return commit, err
}

// graphTree is a folder in a commit.
type graphTree struct {
	graphRepository
	commit  *git.Commit
	path    string
	entries []git.Entry
}

// LastCommit is the last commit that touched the folder.
func (g graphTree) LastCommit() (any, error) {
	if g.path == "" {
		return graphCommit{g.c, g.p, g.commit}, nil
	}
	ctx := g.c.r.Context()
	oids, _, err := g.p.repository.History(ctx, g.commit.OID, git.Filter{Path: g.path}, "", 1)
	if err != nil || len(oids) == 0 {
		return nil, err
	}
	commits, err := g.p.repository.Commits(ctx, oids)
	if err != nil {
		return nil, err
	}
	return graphCommit{g.c, g.p, commits[0]}, nil
}

type graphCommit struct {
	c *graphCall
	p *project
	k *git.Commit
}

func (g graphCommit) ID() string             { return "gid://gitlab/Commit/" + string(g.k.OID) }
func (g graphCommit) SHA() string            { return string(g.k.OID) }
func (g graphCommit) ShortID() string        { return string(g.k.OID)[:8] }
func (g graphCommit) Title() string          { return titleOf(g.k) }
func (g graphCommit) Message() string        { return g.k.Message }
func (g graphCommit) AuthorName() string     { return g.k.Author.Name }
func (g graphCommit) AuthorEmail() string    { return g.k.Author.Email }
func (g graphCommit) CommitterName() string  { return g.k.Committer.Name }
func (g graphCommit) CommitterEmail() string { return g.k.Committer.Email }
func (g graphCommit) WebURL() string         { return g.c.web(g.p) + "/-/commit/" + string(g.k.OID) }
func (g graphCommit) WebPath() string        { return "/" + g.p.Path + "/-/commit/" + string(g.k.OID) }

// FullTitle is the first line of the message.
func (g graphCommit) FullTitle() string {
	title, _, _ := strings.Cut(g.k.Message, "\n")
	return title
}

// Description is the message after its first line.
func (g graphCommit) Description() string {
	_, rest, _ := strings.Cut(g.k.Message, "\n")
	return strings.TrimSpace(rest)
}

// AuthoredDate is when it was written, in the author's zone.
func (g graphCommit) AuthoredDate() any {
	if g.k.Author.At.IsZero() {
		return nil
	}
	return g.k.Author.At
}

// CommittedDate is when it was committed, in the committer's zone.
func (g graphCommit) CommittedDate() any {
	if g.k.Committer.At.IsZero() {
		return nil
	}
	return g.k.Committer.At
}

// Author is the user with the author's address.
func (g graphCommit) Author() any {
	if u := g.c.world.byEmail[strings.ToLower(g.k.Author.Email)]; u != nil {
		return graphUser{g.c, u, nil}
	}
	return nil
}

// entriesOf gives the entries of a tree that are of a kind.
func entriesOf(kind string) clientstest.Resolve {
	return func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphTree)
		found := []object{}
		for _, e := range g.entries {
			if modes[e.Kind][0] != kind {
				continue
			}
			page := map[string]string{"blob": "blob", "tree": "tree", "commit": "tree"}[kind]
			web := "/" + g.p.Path + "/-/" + page + "/" + string(g.commit.OID) + "/" + e.Path
			found = append(found, object{"id": "gid://gitlab/Gitlab::Graphql::Representation::TreeEntry/" + e.Path, "name": e.Name, "path": e.Path, "flatPath": e.Path,
				"sha": string(e.OID), "type": kind, "mode": modes[e.Kind][1], "webPath": web, "webUrl": g.c.root + web, "treeUrl": nil, "lfsOid": nil})
		}
		return connect(at.Args, found, func(o object) string { return o["id"].(string) })
	}
}

var repositoryResolvers = clientstest.Resolvers{
	"Repository.commit": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphRepository)
		commit, err := g.commitOf(at.Args.Text("ref"))
		if err != nil || commit == nil {
			return nil, err
		}
		return graphCommit{g.c, g.p, commit}, nil
	},
	"Repository.tree": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphRepository)
		commit, err := g.commitOf(at.Args.Text("ref"))
		if err != nil || commit == nil {
			return nil, err
		}
		folder := strings.Trim(at.Args.Text("path"), "/")
		entries, err := listTree(ctx, g.p.repository, commit.OID, folder, at.Args.True("recursive"))
		if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
			entries, err = nil, nil // a tree that holds nothing
		}
		if err != nil {
			return nil, err
		}
		return graphTree{g, commit, folder, entries}, nil
	},
	"Tree.blobs":      entriesOf("blob"),
	"Tree.trees":      entriesOf("tree"),
	"Tree.submodules": entriesOf("commit"),
	"Repository.blobs": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphRepository)
		found := []object{}
		commit, err := g.commitOf(at.Args.Text("ref"))
		if err != nil {
			return nil, err
		}
		for _, name := range at.Args.Texts("paths") {
			if commit == nil {
				break
			}
			entry, blob, err := g.p.repository.File(ctx, commit.OID, strings.Trim(name, "/"))
			if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrInvalid) {
				continue
			}
			if err != nil {
				return nil, err
			}
			o := object{"id": "gid://gitlab/Blob/" + string(entry.OID), "oid": string(entry.OID), "name": path.Base(entry.Path), "path": entry.Path,
				"mode": modes[entry.Kind][1], "size": strconv.FormatInt(blob.Size, 10), "rawSize": strconv.FormatInt(blob.Size, 10),
				"rawBlob": string(blob.Data), "rawTextBlob": nil, "webPath": "/" + g.p.Path + "/-/blob/" + string(commit.OID) + "/" + entry.Path}
			if !blob.Binary {
				o["rawTextBlob"] = string(blob.Data)
			}
			found = append(found, o)
		}
		return connect(at.Args, found, func(o object) string { return o["path"].(string) })
	},
	"Repository.branchNames": func(ctx context.Context, at clientstest.Field) (any, error) {
		g := at.Object.(graphRepository)
		if g.p.repository == nil {
			return []string{}, nil
		}
		refs, err := g.p.repository.Refs(ctx)
		if err != nil {
			return nil, err
		}
		pattern := ProtectedBranch{Name: at.Args.Text("searchPattern")}
		names := each(slices.DeleteFunc(slices.Clone(refs.Branches), func(r git.Ref) bool { return !pattern.matches(r.Short()) }), git.Ref.Short)
		offset, _ := at.Args.Int("offset")
		limit, _ := at.Args.Int("limit")
		offset = min(max(offset, 0), len(names))
		return names[offset:min(len(names), offset+max(limit, 0))], nil
	},
}
