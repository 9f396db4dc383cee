package ci

import (
	"context"

	"callboard.dev/callboard/clients/git"
)

// Files makes one request. GitHub tells of 100,000 entries, folders among them, of which the client reads 50,000.
func (d gitHub) Files(ctx context.Context, commit CommitName) ([]string, bool, error) {
	entries, complete, err := d.client.AllFiles(ctx, d.slug(commit.Repository), git.OID(commit.OID))
	if err != nil {
		return nil, false, d.said(err)
	}
	paths := make([]string, 0, len(entries))
	for _, e := range entries {
		if holdsText(e.Kind) {
			paths = append(paths, e.Path)
		}
	}
	return paths, complete, nil
}

// holdsText tells whether an entry of a tree is a file that can have lines.
func holdsText(kind git.Kind) bool { return kind == git.KindFile || kind == git.KindExecutable }
