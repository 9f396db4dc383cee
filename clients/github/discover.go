package github

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// Listing asks for the repositories of an account.
type Listing struct {
	Owner string // an organisation, or a user
	// Files are looked for in the head of each default branch, such as "catalog-info.yaml"; at most 5.
	Files []string
	// Text brings the files' text along. Without it, or where an answer would be too large, they come as Files gives what is no text, and Files
	// can be asked for those that have changed.
	Text bool
	// Archived and Forks are listed too.
	Archived, Forks bool
}

// Listed is one repository of a listing.
type Listed struct {
	Slug       Slug
	ID         string
	DatabaseID int
	URL        string
	Visibility string // "PUBLIC", "PRIVATE" or "INTERNAL"
	Archived   bool
	Fork       bool
	Template   bool
	Branch     string  // the default branch without "refs/heads/"; "" where the repository is empty
	Head       git.OID // of the default branch; "" where the repository is empty
	PushedAt   time.Time
	Files      []*git.Blob // one for each of Listing.Files, nil where there is none
}

// Listings are what was found of an account.
type Listings struct {
	Repositories []Listed // by name
	Total        int
	Complete     bool      // there are no more
	Missing      []Missing // what GitHub withheld
}

type wireListing struct {
	Repositories struct {
		TotalCount int
		PageInfo   wirePageInfo
		Nodes      []*wireListed
	} `graphql:"repositories(first:$first,after:$after,isArchived:$archived,isFork:$fork,ownerAffiliations:[OWNER],orderBy:{field:NAME,direction:ASC})"`
}

type wireListed struct {
	ID               string
	DatabaseID       int
	Name             string
	Owner            struct{ Login string }
	URL              string
	Visibility       string
	IsArchived       bool
	IsFork           bool
	IsTemplate       bool
	PushedAt         moment
	DefaultBranchRef *struct {
		Name   string
		Target *struct{ OID string }
	}
	// One field for each file that there may be: the text is the same however many are asked for.
	File0 *wireListedFile `graphql:"file0:object(expression:$file0)@include(if:$asked0)"`
	File1 *wireListedFile `graphql:"file1:object(expression:$file1)@include(if:$asked1)"`
	File2 *wireListedFile `graphql:"file2:object(expression:$file2)@include(if:$asked2)"`
	File3 *wireListedFile `graphql:"file3:object(expression:$file3)@include(if:$asked3)"`
	File4 *wireListedFile `graphql:"file4:object(expression:$file4)@include(if:$asked4)"`
}

type wireListedFile struct {
	Blob struct {
		OID         string
		ByteSize    int64
		IsBinary    bool
		IsTruncated bool
		Text        *string `graphql:"text@include(if:$text)"`
	} `graphql:"...on Blob"`
}

var listingQuery = newQuery[wireListing]("repositories of an account", "repositoryOwner(login:$owner)", maxElements)

// The bounds of a listing, by judgement.
const (
	maxListed      = 20_000 // repositories of one account
	listedPage     = 100    // repositories of one request
	listedWithText = 50     // of one that brings texts along
	maxListedFiles = 5
)

// OrganisationRepositories lists the repositories of an organisation or a user, the first 20,000: their default branches, when they were pushed to, and
// what given files hold. It makes one request of one point for each 100 repositories, or 50 where texts come along, and one more where those are
// too large. Where it fails after the first page, what was found until then comes with the error.
func (c *Client) OrganisationRepositories(ctx context.Context, l Listing) (*Listings, error) {
	variables, err := l.variables()
	if err != nil {
		return nil, err
	}
	var out *Listings
	for after := ""; ; {
		variables["after"] = optional(after)
		variables["text"] = githubv4.Boolean(l.Text)
		a := listingQuery.do(ctx, c, []map[string]any{variables})[0]
		if l.Text && errors.Is(a.Err, clients.ErrBadAnswer) {
			// By far the likeliest reason is the texts.
			variables["text"] = githubv4.Boolean(false)
			a = listingQuery.do(ctx, c, []map[string]any{variables})[0]
		}
		if a.Err != nil {
			return out, a.Err
		}
		if out == nil {
			out = &Listings{}
		}
		w := &a.Value.Repositories
		out.Total = w.TotalCount
		out.Missing = append(out.Missing, a.Missing[:min(len(a.Missing), maxMissing-len(out.Missing))]...)
		for _, node := range w.Nodes {
			if node != nil {
				out.Repositories = append(out.Repositories, node.value(len(l.Files)))
			}
		}
		next := cut(w.PageInfo.EndCursor, maxCursor)
		if !w.PageInfo.HasNextPage || next == after || len(out.Repositories) >= maxListed {
			out.Complete = !w.PageInfo.HasNextPage
			return out, nil
		}
		after = next
	}
}

func (l Listing) variables() (map[string]any, error) {
	if !login(l.Owner) {
		return nil, invalid("account", l.Owner)
	}
	if len(l.Files) > maxListedFiles {
		return nil, invalid("list of files", "more than 5")
	}
	v := map[string]any{"owner": githubv4.String(l.Owner), "first": githubv4.Int(listedPage), "archived": (*githubv4.Boolean)(nil), "fork": (*githubv4.Boolean)(nil)}
	if l.Text && len(l.Files) > 0 {
		v["first"] = githubv4.Int(listedWithText)
	}
	if !l.Archived {
		v["archived"] = githubv4.NewBoolean(false)
	}
	if !l.Forks {
		v["fork"] = githubv4.NewBoolean(false)
	}
	for i := range maxListedFiles {
		number, expression := strconv.Itoa(i), ""
		if i < len(l.Files) {
			path, err := cleanPath(l.Files[i])
			if err != nil || path == "" {
				return nil, invalid("path of a file", l.Files[i])
			}
			expression = "HEAD:" + path
		}
		v["file"+number], v["asked"+number] = githubv4.String(expression), githubv4.Boolean(expression != "")
	}
	return v, nil
}

func (w *wireListed) value(files int) Listed {
	out := Listed{
		Slug: Slug{cut(w.Owner.Login, maxLine), cut(w.Name, maxLine)}, ID: w.ID, DatabaseID: w.DatabaseID, URL: address(w.URL), Visibility: cut(w.Visibility, maxLine),
		Archived: w.IsArchived, Fork: w.IsFork, Template: w.IsTemplate, PushedAt: w.PushedAt.Time,
	}
	if b := w.DefaultBranchRef; b != nil {
		out.Branch = cut(b.Name, maxLine)
		if b.Target != nil {
			out.Head = oid(b.Target.OID)
		}
	}
	for _, file := range []*wireListedFile{w.File0, w.File1, w.File2, w.File3, w.File4}[:files] {
		var blob *git.Blob
		if file != nil {
			text := ""
			if file.Blob.Text != nil {
				text = *file.Blob.Text
			}
			blob = (&wireBlob{OID: file.Blob.OID, ByteSize: file.Blob.ByteSize, IsBinary: file.Blob.IsBinary, IsTruncated: file.Blob.IsTruncated, Text: text}).value()
		}
		out.Files = append(out.Files, blob)
	}
	return out
}
