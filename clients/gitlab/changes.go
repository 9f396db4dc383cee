package gitlab

import (
	"context"
	"strings"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// maxChangedPages bounds the changed files of a commit: 3,000, about what GitLab itself shows.
const maxChangedPages = 30

// ChangedFiles returns the files the commit changed against its first parent, and whether these are all: the first 3,000. Of a file whose changes
// GitLab does not show, as they are too many, no lines are counted. It makes one request to the REST interface for every 100 files.
func (c *Client) ChangedFiles(ctx context.Context, project string, commit git.OID) ([]git.ChangedFile, bool, error) {
	if err := checkProject(project); err != nil {
		return nil, false, err
	}
	oid, ok := git.ParseOID(string(commit))
	if !ok {
		return nil, false, invalid("object id", string(commit))
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/repository/commits/{sha}/diff")
	var out []git.ChangedFile
	for page := 1; page <= maxChangedPages; page++ {
		found, resp, err := c.rest.Commits.GetCommitDiff(project, string(oid), &official.GetCommitDiffOptions{ListOptions: official.ListOptions{Page: int64(page), PerPage: maxPage}}, with(ctx))
		if err != nil {
			return nil, false, c.rested(ctx, err)
		}
		for _, d := range found[:min(len(found), maxPage)] {
			if d != nil {
				out = append(out, changeOf(d))
			}
		}
		if next(resp) == 0 || len(found) == 0 {
			return out, true, nil
		}
	}
	return out, false, nil
}

func changeOf(d *official.Diff) git.ChangedFile {
	file := git.ChangedFile{Path: cut(d.NewPath, maxPath), Change: git.Modified}
	switch {
	case d.NewFile:
		file.Change = git.Added
	case d.DeletedFile:
		file.Change = git.Deleted
	case d.RenamedFile:
		file.Change, file.PreviousPath = git.Renamed, cut(d.OldPath, maxPath)
	case kinds[d.AMode] != "" && kinds[d.BMode] != "" && len(d.AMode) == len(d.BMode) && d.AMode[:3] != d.BMode[:3]:
		file.Change = git.TypeChanged // a file became a link, or the like
	}
	if strings.HasPrefix(d.Diff, "Binary files ") && strings.HasSuffix(d.Diff, " differ\n") {
		file.Binary = true
		return file
	}
	file.Additions, file.Deletions = counted(d.Diff)
	return file
}

// counted counts the lines that a unified diff adds and takes away. Lines before the first hunk name files.
func counted(diff string) (added, deleted int) {
	inHunk := false
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "@@"):
			inHunk = true
		case !inHunk:
		case line[0] == '+':
			added++
		case line[0] == '-':
			deleted++
		}
	}
	return added, deleted
}
