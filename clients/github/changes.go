package github

import (
	"context"
	"net/url"
	"strconv"

	"callboard.dev/callboard/clients/git"
)

// maxChanged is how many changed files of one commit GitHub tells of: 3,000 on pages of 300, as "Commits" in its REST documentation says.
const (
	maxChanged      = 3000
	maxChangedPage  = 300
	maxChangedPages = 30 // where pages are smaller
)

type restFile struct {
	Filename  string `json:"filename"`
	Previous  string `json:"previous_filename"`
	Status    string `json:"status"`
	Additions int    `json:"additions"`
	Deletions int    `json:"deletions"`
	Patch     string `json:"patch"`
}

// changes is the one table from GitHub's words to those of package git.
var changes = map[string]git.Change{
	"added": git.Added, "removed": git.Deleted, "modified": git.Modified, "renamed": git.Renamed, "copied": git.Copied, "changed": git.TypeChanged,
}

func (f restFile) value() (git.ChangedFile, bool) {
	out := git.ChangedFile{Path: cut(f.Filename, maxPath), PreviousPath: cut(f.Previous, maxPath), Change: changes[f.Status], Additions: f.Additions, Deletions: f.Deletions}
	if out.Change == "" {
		out.Change = git.Modified
	}
	return out, f.Filename != "" && f.Status != "unchanged"
}

// ChangedFiles returns the files the commit changed against its first parent, by path, and whether these are all: GitHub tells of the first 3,000.
// It does not say which are binary. One request to the REST interface for each 300 files, at most thirty.
func (c *Client) ChangedFiles(ctx context.Context, slug Slug, commit git.OID) ([]git.ChangedFile, bool, error) {
	if err := checkObject(slug, commit); err != nil {
		return nil, false, err
	}
	var out []git.ChangedFile
	var page url.Values
	for range maxChangedPages {
		a, err := c.get(ctx, call{
			route: "GET /repos/{owner}/{name}/commits/{oid}", path: []string{"repos", slug.Owner, slug.Name, "commits", string(commit)},
			query: page, most: maxAnswer, longest: maxChangedPage,
		})
		if err != nil {
			return nil, false, err
		}
		var answer struct {
			Files []restFile `json:"files"`
		}
		if err := c.read(a, &answer); err != nil {
			return nil, false, err
		}
		for _, f := range answer.Files {
			if file, ok := f.value(); ok {
				out = append(out, file)
			}
		}
		if page = a.next; page == nil || len(out) >= maxChanged {
			return out, len(out) < maxChanged, nil
		}
	}
	return out, false, nil
}

// Comparison is how two commits stand to each other.
type Comparison struct {
	git.Divergence // of head against base
	Status         string
	Base           git.OID // of the commit that base stands for
	MergeBase      git.OID // "" where they have nothing in common
	Files          []ComparedFile
	Complete       bool // Files are all; GitHub tells of the first 300
}

// Compare returns how head stands to base, and what it changes against where it left it: refs, in full or short, or object ids in full. One request to the
// REST interface.
func (c *Client) Compare(ctx context.Context, slug Slug, base, head string) (*Comparison, error) {
	if err := slug.check(); err != nil {
		return nil, err
	}
	for _, name := range []string{base, head} {
		if err := checkRef(name); err != nil {
			return nil, err
		}
	}
	a, err := c.get(ctx, call{
		route: "GET /repos/{owner}/{name}/compare/{basehead}", path: []string{"repos", slug.Owner, slug.Name, "compare", base + "..." + head},
		query: url.Values{"per_page": {"1"}}, most: maxAnswer, longest: maxChangedPage,
	})
	if err != nil {
		return nil, err
	}
	type named struct {
		SHA string `json:"sha"`
	}
	var answer struct {
		Status    string     `json:"status"`
		Ahead     int        `json:"ahead_by"`
		Behind    int        `json:"behind_by"`
		Base      named      `json:"base_commit"`
		MergeBase named      `json:"merge_base_commit"`
		Files     []restFile `json:"files"`
	}
	if err := c.read(a, &answer); err != nil {
		return nil, err
	}
	out := &Comparison{Divergence: git.Divergence{Ahead: answer.Ahead, Behind: answer.Behind}, Status: cut(answer.Status, maxLine),
		Base: oid(answer.Base.SHA), MergeBase: oid(answer.MergeBase.SHA), Complete: len(answer.Files) < maxChangedPage}
	left := maxHunks
	for _, f := range answer.Files {
		file, ok := f.value()
		if !ok {
			continue
		}
		compared := ComparedFile{ChangedFile: file, Hunks: f.hunks(left)}
		left -= len(compared.Hunks)
		out.Files = append(out.Files, compared)
	}
	return out, nil
}

// Contributor is somebody who wrote commits of a repository.
type Contributor struct {
	Account *Account // nil where GitHub does not know whose address it is
	Name    string   // as the commits say, where Account is nil
	Email   string   // likewise
	Commits int
}

// maxContributorPages bounds a list of contributors; GitHub knows 500 of them by their accounts.
const maxContributorPages = 5

// Contributors returns who wrote the commits of the default branch, by commits, and whether these are all: the first 500. GitHub counts them anew only
// every few hours, and refuses to for very large repositories: clients.ErrForbidden. One request to the REST interface for each 100, at most five.
func (c *Client) Contributors(ctx context.Context, slug Slug) ([]Contributor, bool, error) {
	if err := slug.check(); err != nil {
		return nil, false, err
	}
	var out []Contributor
	page := url.Values{"per_page": {strconv.Itoa(maxPage)}}
	for range maxContributorPages {
		page.Set("anon", "1")
		a, err := c.get(ctx, call{
			route: "GET /repos/{owner}/{name}/contributors", path: []string{"repos", slug.Owner, slug.Name, "contributors"},
			query: page, most: maxAnswer,
		})
		if err != nil {
			return nil, false, err
		}
		if len(a.body) == 0 { // 204: the repository is empty
			return out, true, nil
		}
		var answer []struct {
			Login         string `json:"login"`
			Type          string `json:"type"`
			URL           string `json:"html_url"`
			Avatar        string `json:"avatar_url"`
			Name          string `json:"name"`
			Email         string `json:"email"`
			Contributions int    `json:"contributions"`
		}
		if err := c.read(a, &answer); err != nil {
			return nil, false, err
		}
		for _, one := range answer {
			who := Contributor{Commits: one.Contributions}
			if one.Login != "" {
				who.Account = &Account{Kind: cut(one.Type, maxLine), Login: cut(one.Login, maxLine), URL: address(one.URL), Avatar: address(one.Avatar)}
			} else {
				who.Name, who.Email = cut(one.Name, maxLine), cut(one.Email, maxLine)
			}
			out = append(out, who)
		}
		if page = a.next; page == nil {
			return out, true, nil
		}
	}
	return out, false, nil
}
