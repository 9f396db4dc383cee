package githubtest

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// gitFields are the fields of what git holds.
func gitFields() clientstest.Resolvers {
	fields := clientstest.Resolvers{
		"Repository.defaultBranchRef": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			ref, err := c.g.refNamed(c, r, "refs/heads/"+r.DefaultBranch)
			return ref, err
		}),
		"Repository.ref": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			ref, err := c.g.refNamed(c, r, at.Args.Text("qualifiedName"))
			return ref, err
		}),
		"Repository.refs": on(refs),
		"Repository.object": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			if oid := at.Args.Text("oid"); oid != "" {
				id, ok := git.ParseOID(oid)
				if !ok {
					return nil, &clientstest.Error{Message: fmt.Sprintf("Argument 'oid' on Field 'object' has an invalid value (%q). Expected type 'GitObjectID'.", oid)}
				}
				if object, err := c.g.expression(c, r, oid); object != nil || err != nil {
					return object, err
				}
				return c.g.objectOf(c, r, prefixBlob, id)
			}
			if !at.Args.Given("expression") {
				return nil, &clientstest.Error{Type: "ARGUMENT_ERROR", Message: "An oid or expression argument is required"}
			}
			return c.g.expression(c, r, at.Args.Text("expression"))
		}),

		"Ref.name":       of(func(r *gitRef) any { return strings.TrimPrefix(r.Name, r.prefix()) }),
		"Ref.prefix":     of(func(r *gitRef) any { return r.prefix() }),
		"Ref.repository": of(func(r *gitRef) any { return r.repository }),
		"Ref.target":     on(func(c *call, r *gitRef, _ clientstest.Field) (any, error) { return c.g.target(c, r) }),
		"Ref.branchProtectionRule": on(func(c *call, r *gitRef, _ clientstest.Field) (any, error) {
			if err := c.refused("administration"); err != nil {
				return nil, err
			}
			branch, ok := strings.CutPrefix(r.Name, "refs/heads/")
			if !ok || rank(c.may(r.repository)) < rank("WRITE") {
				return nil, nil
			}
			return r.repository.protection(branch), nil
		}),
		"Ref.associatedPullRequests": on(func(c *call, r *gitRef, at clientstest.Field) (any, error) {
			branch := strings.TrimPrefix(r.Name, "refs/heads/")
			return connectPulls(c, at, slices.DeleteFunc(r.repository.pulls(), func(p *PullRequest) bool { return p.HeadRefName != branch }))
		}),
		"Ref.compare": on(func(c *call, r *gitRef, at clientstest.Field) (any, error) {
			base, err := c.g.revision(c.ctx, r.repository, r.Name)
			if err != nil {
				return nil, err
			}
			head, err := c.g.revision(c.ctx, r.repository, at.Args.Text("headRef"))
			if base == nil || head == nil || err != nil {
				return nil, err
			}
			return &comparison{base: base, head: head}, nil
		}),
		"Comparison.baseTarget": of(func(p *comparison) any { return p.base }),
		"Comparison.headTarget": of(func(p *comparison) any { return p.head }),
		"Comparison.aheadBy": on(func(c *call, p *comparison, _ clientstest.Field) (any, error) {
			d, err := p.divergence(c)
			return d.Ahead, err
		}),
		"Comparison.behindBy": on(func(c *call, p *comparison, _ clientstest.Field) (any, error) {
			d, err := p.divergence(c)
			return d.Behind, err
		}),
		"Comparison.status": on(func(c *call, p *comparison, _ clientstest.Field) (any, error) {
			d, err := p.divergence(c)
			return comparisonStatus(d), err
		}),
		"Comparison.commits": on(func(c *call, p *comparison, at clientstest.Field) (any, error) {
			b, err := c.g.between(c.ctx, p.base.repository, p.base.OID, p.head.OID)
			if err != nil {
				return nil, err
			}
			commits, err := c.g.commits(c.ctx, p.base.repository, b.commits)
			if err != nil {
				return nil, err
			}
			authors := map[string]bool{}
			for _, one := range commits {
				authors[one.Author.Email] = true
			}
			page, err := connect(at, commits, ids, nil)
			if err == nil {
				page["authorCount"] = len(authors)
			}
			return page, err
		}),

		"Commit.messageHeadline": of(func(o *gitCommit) any { headline, _ := splitMessage(o.Message); return headline }),
		"Commit.messageBody":     of(func(o *gitCommit) any { _, body := splitMessage(o.Message); return body }),
		"Commit.message":         of(func(o *gitCommit) any { return strings.TrimRight(o.Message, "\n") }),
		"Commit.author":          of(func(o *gitCommit) any { return &gitActor{o.Author} }),
		"Commit.authors": on(func(_ *call, o *gitCommit, at clientstest.Field) (any, error) {
			return connect(at, commitAuthors(o), func(a *gitActor) string { return a.Email }, nil)
		}),
		"Commit.committer":       of(func(o *gitCommit) any { return &gitActor{o.Committer} }),
		"Commit.authoredDate":    of(func(o *gitCommit) any { return o.Author.At.UTC() }),
		"Commit.committedDate":   of(func(o *gitCommit) any { return o.Committer.At.UTC() }),
		"Commit.committedViaWeb": of(func(o *gitCommit) any { return o.Committer.Email == "noreply@github.com" }),
		"Commit.authoredByCommitter": of(func(o *gitCommit) any {
			return o.Author.Email == o.Committer.Email
		}),
		"Commit.signature": of(func(o *gitCommit) any {
			if !o.Signed {
				return nil
			}
			// Nobody's keys are known here, which is what GitHub says of a key that it does not know.
			return map[string]any{
				"__typename": "UnknownSignature", "email": o.Committer.Email, "isValid": false, "payload": "", "signature": "", "signer": nil,
				"state": "UNKNOWN_KEY", "verifiedAt": nil, "wasSignedByGitHub": false,
			}
		}),
		"Commit.parents": on(func(c *call, o *gitCommit, at clientstest.Field) (any, error) {
			parents, err := c.g.commits(c.ctx, o.repository, o.Parents)
			if err != nil {
				return nil, err
			}
			return connect(at, parents, ids, nil)
		}),
		"Commit.changedFiles":            changes(func(_, _, files int) any { return files }),
		"Commit.changedFilesIfAvailable": changes(func(_, _, files int) any { return files }),
		"Commit.additions":               changes(func(additions, _, _ int) any { return additions }),
		"Commit.deletions":               changes(func(_, deletions, _ int) any { return deletions }),
		"Commit.history":                 on(history),
		"Commit.tree": of(func(o *gitCommit) any {
			return &gitTree{oid: o.Tree, commit: o.OID, repository: o.repository}
		}),
		"Commit.file": on(func(c *call, o *gitCommit, at clientstest.Field) (any, error) {
			entry, err := o.repository.content.Entry(c.ctx, o.OID, at.Args.Text("path"))
			if absent(err) {
				return nil, nil
			}
			return treeEntry(c, o.repository, o.OID, entry), err
		}),
		"Commit.treeResourcePath": of(func(o *gitCommit) any { return page(o.repository) + "/tree/" + string(o.OID) }),
		"Commit.treeUrl": on(func(c *call, o *gitCommit, _ clientstest.Field) (any, error) {
			return c.g.web(page(o.repository) + "/tree/" + string(o.OID)), nil
		}),
		"Commit.tarballUrl": on(func(c *call, o *gitCommit, _ clientstest.Field) (any, error) {
			return c.g.web(page(o.repository) + "/archive/" + string(o.OID) + ".tar.gz"), nil
		}),
		"Commit.zipballUrl": on(func(c *call, o *gitCommit, _ clientstest.Field) (any, error) {
			return c.g.web(page(o.repository) + "/archive/" + string(o.OID) + ".zip"), nil
		}),
		"Commit.associatedPullRequests": on(func(c *call, o *gitCommit, at clientstest.Field) (any, error) {
			var list []*PullRequest
			for _, p := range o.repository.pulls() {
				has, err := c.holds(p, o.OID)
				if err != nil {
					return nil, err
				}
				if has {
					list = append(list, p)
				}
			}
			return connectPulls(c, at, list)
		}),

		"GitActor.date": of(func(a *gitActor) any { return a.At }),
		"GitActor.user": on(func(c *call, a *gitActor, _ clientstest.Field) (any, error) { return c.g.byEmail(a.Email), nil }),
		"GitActor.avatarUrl": on(func(c *call, a *gitActor, _ clientstest.Field) (any, error) {
			return "https://gravatar." + c.g.settings.Host + "/avatar/" + url.PathEscape(strings.ToLower(a.Email)), nil
		}),

		"Tree.entries": on(func(c *call, t *gitTree, _ clientstest.Field) (any, error) {
			entries, err := t.repository.content.List(c.ctx, t.commit, t.path)
			if err != nil {
				return nil, err
			}
			out := make([]any, len(entries))
			for i, e := range entries {
				out[i] = treeEntry(c, t.repository, t.commit, e)
			}
			return out, nil
		}),
		"Blob.text": withBlob(func(b *git.Blob) any {
			if b.Binary || !utf8.Valid(b.Data) {
				return nil
			}
			text := string(blobStart(b))
			return &text
		}),
		"Blob.byteSize":    withBlob(func(b *git.Blob) any { return int(b.Size) }),
		"Blob.isBinary":    withBlob(func(b *git.Blob) any { return b.Binary }),
		"Blob.isTruncated": withBlob(func(b *git.Blob) any { return !b.Binary && b.Size > blobLimit }),
		"Tag.message": on(func(c *call, t *gitTag, _ clientstest.Field) (any, error) {
			_, message, err := t.read(c)
			return message, err
		}),
		"Tag.tagger": on(func(c *call, t *gitTag, _ clientstest.Field) (any, error) { who, _, err := t.read(c); return who, err }),
		"Tag.target": on(func(c *call, t *gitTag, _ clientstest.Field) (any, error) {
			peeled, err := t.repository.content.Peel(c.ctx, []string{string(t.oid)})
			if err != nil || peeled[0] == nil {
				return nil, err
			}
			return &gitCommit{Commit: peeled[0], repository: t.repository}, nil
		}),
	}
	for _, name := range []string{"Commit", "Tree", "Blob", "Tag"} {
		object := func(at clientstest.Field) (r *Repository, oid git.OID) {
			switch o := at.Object.(type) {
			case *gitCommit:
				return o.repository, o.OID
			case *gitTree:
				return o.repository, o.oid
			case *gitBlob:
				return o.repository, o.oid
			case *gitTag:
				return o.repository, o.oid
			}
			panic(fmt.Sprintf("githubtest: bug: a %T is no object", at.Object))
		}
		field := func(f func(*call, *Repository, git.OID) any) clientstest.Resolve {
			return on(func(c *call, _ any, at clientstest.Field) (any, error) {
				r, oid := object(at)
				return f(c, r, oid), nil
			})
		}
		fields[name+".oid"] = field(func(_ *call, _ *Repository, oid git.OID) any { return oid })
		fields[name+".abbreviatedOid"] = field(func(_ *call, _ *Repository, oid git.OID) any { return oid.Abbreviated() })
		fields[name+".repository"] = field(func(_ *call, r *Repository, _ git.OID) any { return r })
		fields[name+".commitResourcePath"] = field(func(_ *call, r *Repository, oid git.OID) any { return page(r) + "/commit/" + string(oid) })
		fields[name+".commitUrl"] = field(func(c *call, r *Repository, oid git.OID) any { return c.g.web(page(r) + "/commit/" + string(oid)) })
	}
	return fields
}

// blobLimit is how many bytes of a file GraphQL gives: 512000, as seen in answers in 2026.
const blobLimit = 512_000

func blobStart(b *git.Blob) []byte {
	data := b.Data
	if len(data) > blobLimit {
		data = data[:blobLimit]
		for len(data) > 0 && !utf8.Valid(data) {
			data = data[:len(data)-1]
		}
	}
	return data
}

func withBlob(field func(*git.Blob) any) clientstest.Resolve {
	return on(func(c *call, b *gitBlob, _ clientstest.Field) (any, error) {
		blob, err := b.repository.content.Blob(c.ctx, b.oid)
		if err != nil {
			return nil, err
		}
		return field(blob), nil
	})
}

// read returns who made a tag and what they wrote.
func (t *gitTag) read(c *call) (*gitActor, string, error) {
	text, err := t.repository.run(c.ctx, nil, nil, "cat-file", "tag", string(t.oid))
	if err != nil {
		return nil, "", err
	}
	head, message, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(head, "\n") {
		who, ok := strings.CutPrefix(line, "tagger ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(who, " <")
		email, when, _ := strings.Cut(rest, "> ")
		seconds, zone, _ := strings.Cut(when, " ")
		at := time.Unix(int64(atoi(seconds)), 0)
		if z, err := time.Parse("-0700", zone); err == nil {
			at = at.In(z.Location())
		}
		return &gitActor{git.Person{Name: name, Email: email, At: at}}, strings.TrimRight(message, "\n"), nil
	}
	return nil, strings.TrimRight(message, "\n"), nil
}

// prefix returns the part of a ref's name that says what kind it is, up to its last slash of those.
func (r *gitRef) prefix() string {
	for _, p := range []string{"refs/heads/", "refs/tags/"} {
		if strings.HasPrefix(r.Name, p) {
			return p
		}
	}
	return "refs/"
}

func changes(field func(additions, deletions, files int) any) clientstest.Resolve {
	return on(func(c *call, o *gitCommit, _ clientstest.Field) (any, error) {
		files, err := o.repository.content.Changes(c.ctx, o.Commit)
		if err != nil {
			return nil, err
		}
		additions, deletions := 0, 0
		for _, f := range files {
			additions, deletions = additions+f.Additions, deletions+f.Deletions
		}
		return field(additions, deletions, len(files)), nil
	})
}

func (p *comparison) divergence(c *call) (git.Divergence, error) {
	return p.base.repository.content.Compare(c.ctx, p.base.OID, p.head.OID)
}

func comparisonStatus(d git.Divergence) string {
	switch {
	case d.Ahead == 0 && d.Behind == 0:
		return "IDENTICAL"
	case d.Behind == 0:
		return "AHEAD"
	case d.Ahead == 0:
		return "BEHIND"
	}
	return "DIVERGED"
}

// modes are the modes of entries, which GraphQL gives as numbers.
var modes = map[git.Kind]int{git.KindFile: 0o100644, git.KindExecutable: 0o100755, git.KindSymlink: 0o120000, git.KindFolder: 0o040000, git.KindSubmodule: 0o160000}

func treeEntry(c *call, r *Repository, commit git.OID, e git.Entry) map[string]any {
	kind := "blob"
	switch e.Kind {
	case git.KindFolder:
		kind = "tree"
	case git.KindSubmodule:
		kind = "commit"
	}
	return map[string]any{
		"name": path.Base(e.Name), "path": e.Path, "type": kind, "mode": modes[e.Kind], "oid": e.OID, "repository": r,
		"object": entryObject(r, commit, e),
		"size": func() (any, error) {
			if kind != "blob" {
				return 0, nil
			}
			sizes, err := r.content.Sizes(c.ctx, []git.OID{e.OID})
			if err != nil {
				return nil, err
			}
			return int(max(0, sizes[0])), nil
		},
	}
}
