package gitlab

import (
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// Bounds of names, in bytes: of paths by GitLab's own limit of 255 characters on each of at most 20 levels of groups, of refs by git's files.
const (
	maxFullPath = 4096
	maxLevels   = 22
	maxPart     = 255
	maxRef      = 255
	maxPath     = 4096
	maxQuery    = 256 // searches
)

// IsProject reports whether text can be the path of a project in full.
func IsProject(text string) bool { return checkProject(text) == nil }

// checkProject reports whether text can be the path of a project in full: at least a group and a name.
func checkProject(text string) error {
	if !strings.Contains(text, "/") || checkGroup(text) != nil {
		return invalid("path of a project", text)
	}
	return nil
}

// checkGroup reports whether text can be the path of a group in full: parts of letters, digits and "_-.", that begin with none of "-.".
func checkGroup(text string) error {
	parts := strings.Split(text, "/")
	bad := len(text) > maxFullPath || len(parts) > maxLevels
	for _, part := range parts {
		bad = bad || part == "" || len(part) > maxPart || part[0] == '.' || part[0] == '-' || !made(part)
	}
	// A path of digits alone would be taken for an id by REST.
	if _, err := strconv.ParseUint(text, 10, 64); bad || err == nil {
		return invalid("path of a group", text)
	}
	return nil
}

func checkUsername(text string) error {
	if text == "" || len(text) > maxPart || text[0] == '-' || text[0] == '.' || !made(text) {
		return invalid("username", text)
	}
	return nil
}

// made reports whether the text is of letters and digits of ASCII and "_-." alone.
func made(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// checkRef reports whether text can be the name of a ref, in full or short, or an object id, as git check-ref-format(1) has it.
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

// cleanPath is git.CleanPath with this package's error.
func cleanPath(text string) (string, error) {
	path, err := git.CleanPath(text)
	if err != nil || len(path) > maxPath {
		return "", invalid("path", text)
	}
	return path, nil
}

// checkFilePath returns the path of a file, which is not the top of the repository.
func checkFilePath(text string) (string, error) {
	path, err := cleanPath(text)
	if err != nil || path == "" {
		return "", invalid("path of a file", text)
	}
	return path, nil
}

func checkIID(n int) error {
	if n < 1 || n > 1<<31-1 {
		return invalid("number", strconv.Itoa(n))
	}
	return nil
}

// checkText reports whether a search, a label or a name is within bounds.
func checkText(what, text string) error {
	if len(text) > maxQuery || strings.ContainsRune(text, 0) {
		return invalid(what, text)
	}
	return nil
}

// Page says which part of a list is asked for: the First elements after a cursor or the Last before one. Its zero value is the first 20.
type Page struct {
	First  int // 1 to 100
	After  string
	Last   int // 1 to 100
	Before string
}

// The bounds of a page. GitLab's cursors are far below.
const (
	usualPage = 20
	maxPage   = 100
	maxCursor = 1024 // bytes
)

// into adds the variables of the page.
func (p Page) into(variables map[string]any) error {
	if p.First == 0 && p.Last == 0 && p.Before == "" {
		p.First = usualPage
	}
	forward := p.First > 0 && p.Last == 0 && p.Before == ""
	backward := p.Last > 0 && p.First == 0 && p.After == ""
	if !forward && !backward || p.First > maxPage || p.Last > maxPage || len(p.After) > maxCursor || len(p.Before) > maxCursor {
		return invalid("page", "first and after, or last and before, of 1 to 100")
	}
	for name, n := range map[string]int{"first": p.First, "last": p.Last} {
		if n > 0 {
			variables[name] = n
		}
	}
	for name, text := range map[string]string{"after": p.After, "before": p.Before} {
		if text != "" {
			variables[name] = text
		}
	}
	return nil
}

// The variables and arguments of a connection that into gives values.
const (
	pageVariables = "$first: Int, $after: String, $last: Int, $before: String"
	pageArguments = "first: $first, after: $after, last: $last, before: $before"
)

// PageInfo says what lies around a page. Cursors are GitLab's and mean nothing to others.
type PageInfo struct {
	HasNext, HasPrevious bool
	Start, End           string // "" where the page is empty
}

type wirePageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       string
}

const pageInfoFields = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

func (w wirePageInfo) value() PageInfo {
	return PageInfo{HasNext: w.HasNextPage, HasPrevious: w.HasPreviousPage, Start: cut(w.StartCursor, maxCursor), End: cut(w.EndCursor, maxCursor)}
}

// MergeRequestNumber names a merge request.
type MergeRequestNumber struct {
	Project string // its path in full, such as "larkfold/platform/search"
	Number  int    // the iid: what stands after "!"
}

func (n MergeRequestNumber) check() error {
	if err := checkProject(n.Project); err != nil {
		return err
	}
	return checkIID(n.Number)
}

// ParseMergeRequestURL reads the address of a merge request's page, or of a page below it, on this GitLab:
// https://HOST/PROJECT/-/merge_requests/NUMBER. It wraps ErrInvalid where the text is none.
func (c *Client) ParseMergeRequestURL(text string) (MergeRequestNumber, error) {
	var none MergeRequestNumber
	u, err := url.Parse(text)
	if err != nil || len(text) > maxLine || !strings.EqualFold(u.Host, c.web.Host) || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return none, invalid("address of a merge request", text)
	}
	path, below := strings.CutPrefix(u.Path, c.web.Path+"/")
	project, rest, found := strings.Cut(path, "/-/merge_requests/")
	number, _, _ := strings.Cut(rest, "/")
	n := MergeRequestNumber{Project: project}
	n.Number, err = strconv.Atoi(number)
	if !below || !found || err != nil || n.check() != nil {
		return none, invalid("address of a merge request", text)
	}
	return n, nil
}
