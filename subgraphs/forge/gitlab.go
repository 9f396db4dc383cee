package forge

import (
	"strconv"
	"strings"

	client "callboard.dev/callboard/clients/gitlab"
)

// gitlab is how a GitLab makes the addresses of its pages.
type gitlab struct{}

// pagesOfProject are words after which the path of a project has ended in addresses from before GitLab put "-" there: no project may be called that
// ("Reserved project and group names" of its documentation).
var pagesOfProject = map[string]bool{"blob": true, "tree": true, "raw": true, "blame": true, "commits": true, "edit": true, "find_file": true, "wikis": true}

// pagesOfGitLab are words that begin addresses of no project: no group or user may be called that.
var pagesOfGitLab = map[string]bool{"-": true, "admin": true, "api": true, "dashboard": true, "explore": true, "groups": true, "help": true, "projects": true,
	"search": true, "snippets": true, "users": true}

// split ends the path of the project where GitLab's "-" is, or where an old address has the name of a page.
func (gitlab) split(way string) (string, string) {
	parts := strings.Split(way, "/")
	if pagesOfGitLab[parts[0]] {
		return "", way
	}
	for i, part := range parts {
		switch {
		case part == "-":
			return strings.Join(parts[:i], "/"), strings.Join(parts[i+1:], "/")
		case i >= 2 && pagesOfProject[part], i >= 2 && part == "merge_requests" && i+1 < len(parts) && naturalNumber(parts[i+1]) > 0:
			return strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/")
		}
	}
	return way, ""
}

// valid wants a group and a name, and as many groups between them as there are.
func (gitlab) valid(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !pagesOfGitLab[first] && client.IsProject(path)
}

// pullRequestIn reads "merge_requests/12/diffs", with GitLab's "-" before it or without.
func (gitlab) pullRequestIn(rest string) int {
	below, ok := strings.CutPrefix(strings.TrimPrefix(rest, "-/"), "merge_requests/")
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(below, "/")
	return naturalNumber(number)
}

func (gitlab) commit(oid string) string { return "-/commit/" + oid }

func (gitlab) pullRequest(number int) string { return "-/merge_requests/" + strconv.Itoa(number) }

// naturalNumber reads a number from 1 to 2,147,483,647; 0 for anything else.
func naturalNumber(text string) int {
	n, _ := Number(text)
	if n > 1<<31-1 {
		return 0
	}
	return int(n)
}

// commitIn reads "commit/OID", and any page below it.
func (gitlab) commitIn(rest string) string {
	below, ok := strings.CutPrefix(strings.TrimPrefix(rest, "-/"), "commit/")
	if !ok {
		return ""
	}
	oid, _, _ := strings.Cut(below, "/")
	return oid
}
