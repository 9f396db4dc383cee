package github

import (
	"strings"
	"time"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients/git"
)

// moment is a time of an answer, zero where it is null or none that can be read.
type moment struct{ time.Time }

// UnmarshalJSON never fails: one odd date must not take an answer with it.
func (m *moment) UnmarshalJSON(text []byte) error {
	m.Time = time.Time{}
	if t, err := time.Parse(time.RFC3339, strings.Trim(string(text), `"`)); err == nil {
		m.Time = t
	}
	return nil
}

// count is a total.
type count struct{ TotalCount int }

// optional returns a variable that is null where the text is empty.
func optional(text string) *githubv4.String {
	if text == "" {
		return nil
	}
	return githubv4.NewString(githubv4.String(text))
}

// optionalInt returns a variable that is null where the number is 0.
func optionalInt(n int) *githubv4.Int {
	if n == 0 {
		return nil
	}
	return githubv4.NewInt(githubv4.Int(n))
}

func texts[T ~string](list []string) *[]T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, len(list))
	for i, text := range list {
		out[i] = T(text)
	}
	return &out
}

// convert returns what made of each element that is there.
func convert[T, V any](list []*T, made func(*T) V) []V {
	out := make([]V, 0, len(list))
	for _, one := range list {
		if one != nil {
			out = append(out, made(one))
		}
	}
	return out
}

// wireEdge is an element of a list with the cursor that names it.
type wireEdge[T any] struct {
	Cursor string
	Node   *T
}

// elements returns what made of each element of a list that is there, and its cursor.
func elements[T, V any](edges []*wireEdge[T], made func(*T) V) (values []V, cursors []string) {
	values, cursors = make([]V, 0, len(edges)), make([]string, 0, len(edges))
	for _, edge := range edges {
		if edge != nil && edge.Node != nil {
			values, cursors = append(values, made(edge.Node)), append(cursors, cut(edge.Cursor, maxCursor))
		}
	}
	return values, cursors
}

// Page says which part of a list is asked for: the First elements after a cursor or the Last before one. Its zero value is the first 20.
type Page struct {
	First  int // 1 to 100
	After  string
	Last   int // 1 to 100
	Before string
}

// The bounds of a page. GitHub's cursors are far below.
const (
	usualPage = 20
	maxPage   = 100
	maxCursor = 1024 // bytes
)

// checked returns the page with its default filled in.
func (p Page) checked() (Page, error) {
	if p.First == 0 && p.Last == 0 && p.Before == "" {
		p.First = usualPage
	}
	forward := p.First > 0 && p.Last == 0 && p.Before == ""
	backward := p.Last > 0 && p.First == 0 && p.After == ""
	if !forward && !backward || p.First > maxPage || p.Last > maxPage || len(p.After) > maxCursor || len(p.Before) > maxCursor {
		return p, invalid("page", "first and after, or last and before, of 1 to 100")
	}
	for _, cursor := range []string{p.After, p.Before} {
		if !made(cursor, "+/=-_: ") { // base64, and of histories an object id and a number
			return p, invalid("cursor", cursor)
		}
	}
	return p, nil
}

func (p Page) size() int { return max(p.First, p.Last) }

// into adds the variables of the page.
func (p Page) into(variables map[string]any) {
	variables["first"], variables["last"] = optionalInt(p.First), optionalInt(p.Last)
	variables["after"], variables["before"] = optional(p.After), optional(p.Before)
}

// pageArguments are the arguments of a connection that into gives values.
const pageArguments = "first:$first,after:$after,last:$last,before:$before"

// PageInfo says what lies around a page. Cursors are GitHub's and mean nothing to others.
type PageInfo struct {
	HasNext, HasPrevious bool
	Start, End           string // "" where the page is empty
}

type wirePageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       string
}

func (w wirePageInfo) value() PageInfo {
	return PageInfo{HasNext: w.HasNextPage, HasPrevious: w.HasPreviousPage, Start: cut(w.StartCursor, maxCursor), End: cut(w.EndCursor, maxCursor)}
}

// Account is somebody on GitHub: a user, an organisation, a bot or one that was imported.
type Account struct {
	Kind   string // GitHub's type, such as "User", "Organization", "Bot" or "Mannequin"
	Login  string
	Name   string // as they call themselves, where it was asked for and they say
	URL    string
	Avatar string // address of a picture
}

type wireActor struct {
	Typename  string `graphql:"__typename"`
	Login     string
	URL       string
	AvatarURL string
}

func (wireActor) on() string { return "Actor" }

// value returns nil for an account that is no more, which GitHub shows as "ghost".
func (w *wireActor) value() *Account {
	if w == nil || w.Login == "" {
		return nil
	}
	return &Account{Kind: w.Typename, Login: cut(w.Login, maxLine), URL: address(w.URL), Avatar: address(w.AvatarURL)}
}

type wireUser struct {
	Login     string
	Name      string
	URL       string
	AvatarURL string
}

func (wireUser) on() string { return "User" }

func (w *wireUser) value() *Account {
	if w == nil || w.Login == "" {
		return nil
	}
	return &Account{Kind: "User", Login: cut(w.Login, maxLine), Name: cut(w.Name, maxLine), URL: address(w.URL), Avatar: address(w.AvatarURL)}
}

// Team is a team of an organisation.
type Team struct{ Organization, Slug, Name, URL string }

// Label is a label of a repository.
type Label struct {
	ID          string
	Name        string
	Color       string // six hexadecimal digits
	Description string
	Default     bool
	URL         string
}

type wireLabel struct {
	ID          string
	Name        string
	Color       string
	Description string
	IsDefault   bool
	URL         string
}

func (wireLabel) on() string { return "Label" }

func (w *wireLabel) value() Label {
	return Label{ID: w.ID, Name: cut(w.Name, maxLine), Color: cut(w.Color, 6), Description: cut(w.Description, maxLine), Default: w.IsDefault, URL: address(w.URL)}
}

// Commit is a commit with what GitHub knows of it beside git.
type Commit struct {
	git.Commit
	AuthorAccount, CommitterAccount *Account // nil where GitHub does not know whose address it is
	Signature                       string   // what GitHub thinks of the signature, such as "VALID" or "UNKNOWN_KEY"; "" where there is none
	URL                             string
	MoreParents                     bool // there are more than Parents
}

type wireCommit struct {
	OID       string
	Message   string
	URL       string
	Tree      struct{ OID string }
	Author    *wireGitActor
	Committer *wireGitActor
	Signature *struct{ State string }
	Parents   struct {
		TotalCount int
		Nodes      []*struct{ OID string }
	} `graphql:"parents(first:10)"`
}

func (wireCommit) on() string { return "Commit" }

type wireGitActor struct {
	Name  string
	Email string
	Date  moment
	User  *wireUser
}

func (wireGitActor) on() string { return "GitActor" }

func (w *wireGitActor) value() (git.Person, *Account) {
	if w == nil {
		return git.Person{}, nil
	}
	return git.Person{Name: cut(w.Name, maxLine), Email: cut(w.Email, maxLine), At: w.Date.Time}, w.User.value()
}

// value returns nil where there is no commit.
func (w *wireCommit) value() *Commit {
	if w == nil {
		return nil
	}
	id, ok := git.ParseOID(w.OID)
	if !ok {
		return nil
	}
	c := &Commit{URL: address(w.URL)}
	c.OID, c.Message, c.Tree = id, cut(w.Message, maxBody), oid(w.Tree.OID)
	c.Author, c.AuthorAccount = w.Author.value()
	c.Committer, c.CommitterAccount = w.Committer.value()
	if w.Signature != nil {
		c.Signed, c.Signature = true, cut(w.Signature.State, maxLine)
	}
	for _, parent := range w.Parents.Nodes {
		if parent != nil && oid(parent.OID) != "" {
			c.Parents = append(c.Parents, oid(parent.OID))
		}
	}
	c.MoreParents = w.Parents.TotalCount > len(c.Parents)
	return c
}

// oid returns the object id that text is, "" where it is none.
func oid(text string) git.OID {
	id, _ := git.ParseOID(text)
	return id
}
