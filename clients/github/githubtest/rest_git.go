package githubtest

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// restBlob serves a file by its object id ("Git blobs" in GitHub's REST documentation).
func restBlob(c *call, request *http.Request, r *Repository) (*reply, error) {
	id, ok := git.ParseOID(request.PathValue("sha"))
	if !ok {
		return nil, unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	if r.content == nil {
		return nil, &restError{status: http.StatusConflict, message: "Git Repository is empty."}
	}
	blob, err := r.content.Blob(c.ctx, id)
	switch {
	case absent(err):
		return nil, errNotFound
	case err != nil:
		return nil, err
	case !blob.Complete():
		return nil, &restError{status: http.StatusForbidden, message: "This file is too large to be served by the simulator."}
	case strings.Contains(request.Header.Get("Accept"), "raw"):
		return &reply{raw: blob.Data, media: "application/vnd.github.raw; charset=utf-8"}, nil
	}
	return &reply{body: object{
		"sha": id, "node_id": "", "size": blob.Size, "url": c.g.api("/repos/" + r.NameWithOwner() + "/git/blobs/" + string(id)),
		"content": wrapped(base64.StdEncoding.EncodeToString(blob.Data)), "encoding": "base64",
	}}, nil
}

// compareFiles is how many files a comparison tells of, as documented in November 2026.
const compareFiles = 300

// restCompare serves how two commits stand to each other ("Compare two commits"). Its commits are named alone.
func restCompare(c *call, request *http.Request, r *Repository) (*reply, error) {
	names := strings.Split(request.PathValue("basehead"), "...")
	if len(names) != 2 {
		return nil, errNotFound
	}
	var ends [2]*gitCommit
	for i, name := range names {
		commit, err := c.g.revision(c.ctx, r, name)
		if err != nil {
			return nil, err
		}
		if commit == nil {
			return nil, errNotFound
		}
		ends[i] = commit
	}
	base, head := ends[0], ends[1]
	apart, err := r.content.Compare(c.ctx, base.OID, head.OID)
	if err != nil {
		return nil, err
	}
	b, err := c.g.between(c.ctx, r, base.OID, head.OID)
	if err != nil {
		return nil, err
	}
	status := "identical"
	switch {
	case apart.Ahead > 0 && apart.Behind > 0:
		status = "diverged"
	case apart.Ahead > 0:
		status = "ahead"
	case apart.Behind > 0:
		status = "behind"
	}
	p := clientstest.PagingOf(request.URL.Query(), 250, 250)
	from, to := p.Bounds(len(b.commits))
	commits, files := []any{}, []any{}
	for _, id := range b.commits[from:to] {
		commits = append(commits, object{"sha": id})
	}
	if p.Page == 1 {
		patches, err := c.g.patches(c.ctx, r, base.OID, head.OID)
		if err != nil {
			return nil, err
		}
		for i, f := range b.files[:min(len(b.files), compareFiles)] {
			file := c.g.restFile(r, head.OID, f)
			if i < len(patches) && patches[i] != "" {
				file["patch"] = patches[i]
			}
			files = append(files, file)
		}
	}
	return &reply{link: p.Links(c.address(request), len(b.commits)), body: object{
		"status": status, "ahead_by": apart.Ahead, "behind_by": apart.Behind, "total_commits": len(b.commits), "base_commit": object{"sha": base.OID},
		"merge_base_commit": object{"sha": b.mergeBase}, "commits": commits, "files": files,
		"url": c.g.api("/repos/" + r.NameWithOwner() + "/compare/" + names[0] + "..." + names[1]),
	}}, nil
}

// The largest difference of a file that is shown ("Limits for viewing content and diffs in a repository", November 2026).
const (
	patchLines = 20_000
	patchBytes = 500 << 10
)

// patches returns what differs in each file between the head of a pull request and where it left its base, in the order of between: what follows the names in a
// unified diff. It is "" of a file that is no text, has only another name or mode, or has changed too much to be shown.
func (g *GitHub) patches(ctx context.Context, r *Repository, base, head git.OID) ([]string, error) {
	key := "patches " + r.content.Path + " " + string(base) + " " + string(head)
	if known, ok := g.remembered.Load(key); ok {
		return known.([]string), nil
	}
	text, err := r.run(ctx, nil, nil, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "-M", "-p", string(base)+"..."+string(head))
	if err != nil {
		return nil, err
	}
	var out []string
	var lines []string
	end := func() {
		patch := strings.Join(lines, "\n")
		if len(lines) > patchLines || len(patch) > patchBytes {
			patch = ""
		}
		if len(out) > 0 {
			out[len(out)-1] = patch
		}
		lines = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "diff --git "): // what is in a file has one of " +-\" before it
			end()
			out = append(out, "")
		case len(lines) > 0 || strings.HasPrefix(line, "@@ "):
			lines = append(lines, line)
		}
	}
	end()
	g.remembered.Store(key, out)
	return out, nil
}
