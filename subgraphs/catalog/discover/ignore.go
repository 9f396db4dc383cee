package discover

import (
	"bytes"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/glob"
)

// maxIgnoreSize is the largest ignore file that is read, in bytes. Generated ones of all languages together have about 50 kB.
const maxIgnoreSize = 1 << 20

// ignoreRule is one line of an ignore file.
type ignoreRule struct {
	folder   string // the rule holds below this folder
	negate   bool
	dirOnly  bool
	anchored bool // the pattern is for the path from folder, not for the last name
	parts    []glob.Name
}

func (r ignoreRule) equal(other ignoreRule) bool {
	return r.folder == other.folder && r.negate == other.negate && r.dirOnly == other.dirOnly && r.anchored == other.anchored && slices.Equal(r.parts, other.parts)
}

// parseIgnore reads an ignore file as git does, whose documentation says what its lines mean. A line that is no pattern matches
// nothing.
func parseIgnore(text []byte, folder string) []ignoreRule {
	var rules []ignoreRule
	for raw := range bytes.Lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		line := strings.TrimRight(string(raw), "\r\n")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		rule := ignoreRule{folder: folder}
		line, rule.negate = strings.CutPrefix(line, "!")
		line, rule.dirOnly = strings.CutSuffix(line, "/")
		rule.anchored = strings.Contains(line, "/")
		for part := range strings.SplitSeq(strings.TrimPrefix(line, "/"), "/") {
			p := glob.NewName(part)
			if p.Deep && !rule.anchored {
				p = glob.NewName("*")
			}
			if p.Deep && len(rule.parts) > 0 && rule.parts[len(rule.parts)-1].Deep {
				continue
			}
			rule.parts = append(rule.parts, p)
		}
		if line != "" {
			rules = append(rules, rule)
		}
	}
	return rules
}

// ignored tells whether the rules exclude a path, itself; that a folder above it is excluded is the walk's affair. The last rule
// that matches decides.
func ignored(rules []ignoreRule, name string, isFolder bool) bool {
	for i := len(rules) - 1; i >= 0; i-- {
		rule := &rules[i]
		if rule.dirOnly && !isFolder {
			continue
		}
		if rule.matches(name) {
			return !rule.negate
		}
	}
	return false
}

func (r *ignoreRule) matches(name string) bool {
	if !r.anchored {
		return r.parts[0].Matches(name[strings.LastIndexByte(name, '/')+1:])
	}
	relative, below := below(r.folder, name)
	return below && matchParts(r.parts, strings.Split(relative, "/"))
}

// matchParts matches the names of a path. It keeps the set of pattern positions that are reachable, so it takes time in the
// product of the lengths, whatever the pattern.
func matchParts(parts []glob.Name, names []string) bool {
	reached := make([]bool, len(parts)+1)
	reached[0] = true
	for i, name := range names {
		next := make([]bool, len(parts)+1)
		for at := range parts {
			// "**" stands for no names too, except at the end, where it stands for what is inside.
			if reached[at] && parts[at].Deep && at+1 < len(parts) {
				reached[at+1] = true
			}
			switch {
			case !reached[at]:
			case parts[at].Deep:
				next[at] = true
				if at+1 == len(parts) && i+1 == len(names) {
					return true
				}
			case parts[at].Matches(name):
				next[at+1] = true
			}
		}
		reached = next
	}
	return reached[len(parts)]
}

// below returns the path of name relative to folder, or false where it is not inside.
func below(folder, name string) (string, bool) {
	if folder == "/" {
		return strings.TrimPrefix(name, "/"), name != "/"
	}
	if len(name) > len(folder) && name[len(folder)] == '/' && strings.HasPrefix(name, folder) {
		return name[len(folder)+1:], true
	}
	return "", false
}
