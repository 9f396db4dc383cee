package github

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// Slug names a repository. Letter case does not matter to GitHub.
type Slug struct{ Owner, Name string }

// String returns "owner/name".
func (s Slug) String() string { return s.Owner + "/" + s.Name }

// Bounds of names, from what GitHub's own forms refuse; the owner's is wider than its 39 characters, as servers may map longer ones.
const (
	maxOwner = 64
	maxName  = 100
	maxRef   = 255  // bytes, by git's own files for refs
	maxPath  = 4096 // bytes
)

// ParseSlug reads "owner/name". It wraps ErrInvalid where the text is none.
func ParseSlug(text string) (Slug, error) {
	owner, name, _ := strings.Cut(text, "/")
	s := Slug{owner, name}
	return s, s.check()
}

func (s Slug) check() error {
	if !login(s.Owner) {
		return invalid("owner of a repository", s.Owner)
	}
	if len(s.Name) == 0 || len(s.Name) > maxName || s.Name == "." || s.Name == ".." || !made(s.Name, "._-") {
		return invalid("name of a repository", s.Name)
	}
	return nil
}

// login reports whether the text can be the login of an account or the slug of a team.
func login(text string) bool {
	return len(text) > 0 && len(text) <= maxOwner && made(text, "-_") && text[0] != '-'
}

// made reports whether the text is of letters and digits of ASCII and those of more alone.
func made(text, more string) bool {
	for i := range len(text) {
		c := text[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}

func invalid(what, text string) error {
	return fmt.Errorf("%s %q: %w", what, cut(text, 100), ErrInvalid)
}

// checkRef reports whether text can be the name of a ref, in full or short, as git check-ref-format(1) has it.
func checkRef(text string) error {
	bad := text == "" || len(text) > maxRef || text == "@" || strings.HasPrefix(text, "-") || strings.HasSuffix(text, ".") ||
		strings.Contains(text, "..") || strings.Contains(text, "@{") || strings.ContainsAny(text, " ~^:?*[\\\x7f")
	for _, part := range strings.Split(text, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	for i := range len(text) {
		bad = bad || text[i] < ' '
	}
	if bad {
		return invalid("ref", text)
	}
	return nil
}

// cleanPath is git.CleanPath with this package's bound and error.
func cleanPath(text string) (string, error) {
	path, err := git.CleanPath(text)
	if err != nil || len(path) > maxPath {
		return "", invalid("path", text)
	}
	return path, nil
}

// PullRequestNumber names a pull request.
type PullRequestNumber struct {
	Slug   Slug
	Number int
}

// ParsePullRequestURL reads the address of a pull request's page, or of a page below it, on this GitHub:
// https://HOST/OWNER/NAME/pull/NUMBER. It wraps ErrInvalid where the text is none.
func (c *Client) ParsePullRequestURL(text string) (PullRequestNumber, error) {
	var p PullRequestNumber
	u, err := url.Parse(text)
	if err != nil || len(text) > maxLine || !strings.EqualFold(u.Host, c.web.Host) || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return p, invalid("address of a pull request", text)
	}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	if len(parts) < 4 || parts[2] != "pull" {
		return p, invalid("address of a pull request", text)
	}
	p.Slug = Slug{parts[0], parts[1]}
	if p.Number, err = strconv.Atoi(parts[3]); err != nil || p.Number < 1 || p.Number > maxNumber {
		return PullRequestNumber{}, invalid("address of a pull request", text)
	}
	if err := p.Slug.check(); err != nil {
		return PullRequestNumber{}, err
	}
	return p, nil
}

// maxNumber is what GraphQL's Int holds.
const maxNumber = 1<<31 - 1

// actor reports whether the text can be the login of somebody who acts: an account, or an app as in "dependabot[bot]".
func actor(text string) bool { return login(strings.TrimSuffix(text, "[bot]")) }
