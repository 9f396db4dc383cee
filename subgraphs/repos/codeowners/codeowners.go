// Package codeowners reads CODEOWNERS files and tells who owns a path. The text of a file goes in; its rules and what is wrong
// with it come out, and a rule for each path one asks about.
//
// The one rule: the last rule that matches a path counts, and it counts alone, as on GitHub. A line that cannot be read counts
// for nothing, and is named in File.Errors. Open codeowners.go first; pattern.go decides what a pattern matches.
package codeowners

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Places are where a CODEOWNERS file may lie, from the top of a repository. The first that is there counts.
var Places = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"}

// MaxSize is how large a file may be, in bytes: GitHub ignores larger ones.
const MaxSize = 3 << 20

// Limits that keep an absurd file cheap.
const (
	maxRules  = 20_000
	maxErrors = 100
	maxOwners = 100 // of one rule
)

// Rule says who owns the paths its pattern matches.
type Rule struct {
	Line    int    // from 1
	Pattern string // as it is written
	Owners  []string
	pattern pattern
}

// Error is what is wrong with a line.
type Error struct {
	Line    int // from 1
	Message string
}

// File is a CODEOWNERS file. It is immutable.
type File struct {
	Rules  []Rule  // in the order of the file
	Errors []Error // in the order of the file
}

// Parse reads a CODEOWNERS file. Any text is one.
func Parse(text []byte) *File {
	f := &File{}
	if len(text) > MaxSize {
		f.complain(1, fmt.Sprintf("the file has %d bytes and counts for nothing; keep it below %d", len(text), MaxSize))
		return f
	}
	number := 0
	for line := range strings.Lines(strings.ToValidUTF8(string(text), string(utf8.RuneError))) {
		number++
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		f.read(number, strings.TrimSpace(line))
	}
	return f
}

func (f *File) complain(line int, message string) {
	if len(f.Errors) < maxErrors {
		f.Errors = append(f.Errors, Error{Line: line, Message: message})
	}
}

func (f *File) read(number int, line string) {
	if line == "" || line[0] == '#' {
		return
	}
	if len(f.Rules) == maxRules {
		if number > 0 && (len(f.Errors) == 0 || f.Errors[len(f.Errors)-1].Message != tooMany) {
			f.complain(number, tooMany)
		}
		return
	}
	written, rest := cutPattern(line)
	compiled, err := compile(written)
	if err != nil {
		f.complain(number, err.Error())
		return
	}
	rule := Rule{Line: number, Pattern: written, pattern: compiled}
	for owner := range strings.FieldsSeq(rest) {
		if owner[0] == '#' {
			break
		}
		if !ownerForm.MatchString(owner) {
			f.complain(number, fmt.Sprintf("%q is no owner; write @user, @organisation/team or an email address", shorten(owner)))
			return
		}
		if len(rule.Owners) == maxOwners {
			f.complain(number, fmt.Sprintf("more than %d owners; name a team", maxOwners))
			return
		}
		rule.Owners = append(rule.Owners, owner)
	}
	f.Rules = append(f.Rules, rule)
}

var tooMany = fmt.Sprintf("more than %d rules; this and all that follow count for nothing", maxRules)

// ownerForm is @user, @organisation/team (GitLab nests groups deeper) or an email address.
var ownerForm = regexp.MustCompile(`^(@[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*|[^@\s]+@[^@\s]+\.[^@\s]+)$`)

// cutPattern cuts the pattern off a line: it ends at the first blank that no backslash precedes.
func cutPattern(line string) (written, rest string) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ' ', '\t':
			return line[:i], line[i:]
		}
	}
	return line, ""
}

func shorten(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// maxSteps is how many comparisons of characters one path may cost, some tenths of a second. An ordinary file of ten thousand
// rules needs a hundredth of that.
const maxSteps = 50_000_000

// ErrCostly says that a file's patterns are too costly to match.
var ErrCostly = errors.New("the patterns of this CODEOWNERS file are too costly to match; use fewer stars")

// Rule returns the rule that counts for a path: the last one that matches it, or nil where none does. The path is from the top
// of the repository; that of a folder ends with a slash. The only error is ErrCostly.
func (f *File) Rule(path string) (*Rule, error) {
	folder := strings.HasSuffix(path, "/")
	path = strings.Trim(path, "/")
	if path == "" {
		return nil, nil
	}
	segments := strings.Split(path, "/")
	m := matcher{left: maxSteps}
	for i := len(f.Rules) - 1; i >= 0; i-- {
		matches := m.matches(f.Rules[i].pattern, segments, folder)
		if m.left <= 0 {
			return nil, ErrCostly
		}
		if matches {
			return &f.Rules[i], nil
		}
	}
	return nil, nil
}
