package host

import (
	"context"
	"fmt"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// Resolve takes an annotated tag for the commit it names.
func (d gitHub) Resolve(ctx context.Context, refs []NamedRef) ([]*Commit, []error) {
	asked := make([]github.Revision, len(refs))
	for i, r := range refs {
		asked[i] = github.Revision{Slug: slugOf(r.Repository), Name: r.Ref}
		if r.Ref == "" {
			asked[i].Name = "HEAD" // of the repository: its default branch
		}
	}
	found, errs := d.client.Commits(ctx, asked)
	return each(d, found, errs, commitOf)
}

func (d gitHub) Commits(ctx context.Context, names []NamedObject) ([]*Commit, []error) {
	asked := make([]github.Revision, len(names))
	wrong := make([]error, len(names))
	for i, n := range names {
		asked[i] = github.Revision{Slug: slugOf(n.Repository), Name: n.OID}
		if _, ok := git.ParseOID(n.OID); !ok {
			asked[i].Name, wrong[i] = "", d.wrong(fmt.Sprintf("%.100q is no object id", n.OID)) // what has no name is not asked for
		}
	}
	found, errs := d.client.Commits(ctx, asked)
	for i := range wrong {
		if wrong[i] != nil {
			errs[i] = wrong[i]
		}
	}
	return each(d, found, errs, commitOf)
}

// Histories knows authors by their email addresses alone: what else an author is called GitHub cannot look for.
func (d gitHub) Histories(ctx context.Context, queries []HistoryQuery) ([]*Page[*Commit], []error) {
	asked := make([]github.HistoryQuery, len(queries))
	wrong := make([]error, len(queries))
	for i, q := range queries {
		asked[i] = github.HistoryQuery{Slug: slugOf(q.Repository), Start: git.OID(q.Start), Path: q.Path, Since: q.Since, Until: q.Until, First: q.Paging.First, After: q.Paging.After}
		switch {
		case q.Paging.Last != 0 || q.Paging.Before != "":
			wrong[i] = d.wrong("histories are told forwards only; use first and after")
		case q.Author != "" && !isEmail(q.Author):
			wrong[i] = d.wrong(fmt.Sprintf("it knows the authors of commits by their email addresses, and %.100q is none", q.Author))
		case q.Author != "":
			asked[i].Emails = []string{q.Author}
		}
		if wrong[i] != nil {
			asked[i] = github.HistoryQuery{} // which is not asked for
		}
	}
	found, errs := d.client.History(ctx, asked)
	for i := range wrong {
		if wrong[i] != nil {
			errs[i] = wrong[i]
		}
	}
	return pages(d, found, errs, func(p *github.HistoryPage) (*Page[*Commit], []github.Missing) {
		return gathered(p.Commits, p.Cursors, p.Total, p.Info, commitOf), p.Missing
	})
}

// isEmail tells whether a text could be the address of an author. Commits may say anything; what is no address at all is a name or a login.
func isEmail(text string) bool {
	const longest = 254 // bytes, by RFC 5321
	before, after, ok := strings.Cut(text, "@")
	return ok && before != "" && after != "" && len(text) <= longest && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' })
}

// Changes makes one request for each commit of up to 300 files. Of a commit that changed more than GitHub tells, the error wraps git.ErrTooLarge: some of
// its files would be taken for all.
func (d gitHub) Changes(ctx context.Context, names []NamedObject) ([][]git.ChangedFile, []error) {
	return oneByOne(names, func(n NamedObject) ([]git.ChangedFile, error) {
		files, complete, err := d.client.ChangedFiles(ctx, slugOf(n.Repository), git.OID(n.OID))
		if err == nil && !complete {
			err = &clients.Error{Kind: git.ErrTooLarge, Source: d.client.Source(), Message: fmt.Sprintf("commit %.7s changed more than the %d files that it tells of", n.OID, len(files))}
		}
		return files, d.said(err)
	})
}

func (d gitHub) Trees(ctx context.Context, folders []Folder) ([][]TreeEntry, []error) {
	asked := make([]github.PathIn, len(folders))
	for i, f := range folders {
		asked[i] = github.PathIn{Slug: slugOf(f.Repository), Commit: git.OID(f.Commit), Path: f.Path}
	}
	found, errs := d.client.Trees(ctx, asked)
	return each(d, found, errs, func(entries []github.Entry) []TreeEntry {
		out := make([]TreeEntry, len(entries))
		for i, e := range entries {
			out[i] = TreeEntry{Name: e.Name, OID: string(e.OID), Kind: e.Kind}
			if e.Kind != git.KindFolder && e.Kind != git.KindSubmodule {
				out[i].Size = &e.Size
			}
		}
		return out
	})
}

func (d gitHub) Blobs(ctx context.Context, names []NamedObject) ([]*Blob, []error) {
	asked := make([]github.Object, len(names))
	for i, n := range names {
		asked[i] = github.Object{Slug: slugOf(n.Repository), OID: git.OID(n.OID)}
	}
	found, errs := d.client.Blobs(ctx, asked)
	return each(d, found, errs, func(b *git.Blob) *Blob { return &Blob{OID: string(b.OID), Size: b.Size, Data: b.Data} })
}

// Contributors are the first 500; GitHub does not tell of others. It makes one request for each hundred.
func (d gitHub) Contributors(ctx context.Context, repositories []string) ([][]Contributor, []error) {
	return oneByOne(repositories, func(path string) ([]Contributor, error) {
		found, _, err := d.client.Contributors(ctx, slugOf(path))
		out := make([]Contributor, len(found))
		for i, c := range found {
			out[i] = Contributor{Name: c.Name, Email: c.Email, Commits: c.Commits}
			if c.Account != nil {
				out[i].Login = c.Account.Login
			}
		}
		return out, d.said(err)
	})
}
