package glob

import (
	"path"
	"strings"
)

// Name is what one name of a path must match.
type Name struct {
	Literal bool // one name alone
	Deep    bool // "**": any number of names
	text    string
}

// NewName reads what stands between two slashes of a pattern. What is none that can be read matches nothing.
func NewName(text string) Name {
	return Name{
		text:    strings.ReplaceAll(text, "[!", "[^"), // git's way and Go's of writing "none of"
		Literal: !strings.ContainsAny(text, `*?[\`),
		Deep:    text == "**",
	}
}

// Matches tells whether a name is one of those meant. It takes time in the product of the lengths.
func (n Name) Matches(name string) bool {
	if n.Literal {
		return n.text == name
	}
	matched, err := path.Match(n.text, name)
	return err == nil && matched
}
