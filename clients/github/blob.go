package github

import (
	"context"

	"github.com/shurcooL/githubv4"
	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Object names what git holds under an id.
type Object struct {
	Slug Slug
	OID  git.OID
}

type wireBlobOf struct {
	Object *struct {
		Blob wireBlob `graphql:"...on Blob"`
	} `graphql:"object(oid:$oid)"`
}

var blobQuery = newQuery[wireBlobOf]("blobs", "repository(owner:$owner,name:$name)", maxElements)

// Blobs returns the files with these ids: all their bytes up to MaxBlob, of larger ones the beginning. It wraps clients.ErrNotFound where there is no
// such file. One request of one point for 20 files, and one to the REST interface for each whose bytes GraphQL does not show: what is no text in
// UTF-8, or larger than about 512 KiB.
func (c *Client) Blobs(ctx context.Context, objects []Object) ([]*git.Blob, []error) {
	answers := all(ctx, c, blobQuery, many{most: maxFiles}, len(objects), func(i int) (map[string]any, error) {
		if err := checkObject(objects[i].Slug, objects[i].OID); err != nil {
			return nil, err
		}
		v, err := objects[i].Slug.variables()
		if err != nil {
			return nil, err
		}
		v["oid"] = githubv4.GitObjectID(objects[i].OID)
		return v, nil
	})
	blobs, errs := split(answers, func(w *wireBlobOf, _ []Missing) *git.Blob {
		if w.Object == nil {
			return nil
		}
		return w.Object.Blob.value()
	})
	var requests errgroup.Group
	requests.SetLimit(atOnce)
	for i := range blobs {
		switch {
		case errs[i] != nil:
		case blobs[i] == nil:
			errs[i] = c.absent(answers[i].Missing, "object")
		case !blobs[i].Complete():
			requests.Go(func() error {
				blobs[i], errs[i] = c.begin(ctx, objects[i], blobs[i].Size)
				return nil
			})
		}
	}
	_ = requests.Wait() // errors are those of the files
	return blobs, errs
}

// begin reads the first bytes of a file of the size, up to MaxBlob. Of a larger one it does not wait for the rest.
func (c *Client) begin(ctx context.Context, o Object, size int64) (*git.Blob, error) {
	if size > MaxBlob {
		ctx = clients.WithStream(ctx)
	}
	a, err := c.get(ctx, call{
		route: "GET /repos/{owner}/{name}/git/blobs/{oid}", path: []string{"repos", o.Slug.Owner, o.Slug.Name, "git", "blobs", string(o.OID)},
		accept: "application/vnd.github.raw+json", most: MaxBlob, beginning: true,
	})
	if err != nil {
		return nil, err
	}
	return &git.Blob{OID: o.OID, Size: max(size, int64(len(a.body))), Binary: binary(a.body), Data: a.body}, nil
}
