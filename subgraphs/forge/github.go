package forge

import (
	"strconv"
	"strings"

	client "callboard.dev/callboard/clients/github"
)

// github is how GitHub makes the addresses of its pages.
type github struct{}

// split takes the first two parts for the repository: GitHub's owners have no groups below them.
func (github) split(way string) (repository, rest string) {
	owner, below, _ := strings.Cut(way, "/")
	name, rest, _ := strings.Cut(below, "/")
	if name == "" {
		return owner, rest
	}
	return owner + "/" + name, rest
}

func (github) valid(path string) bool {
	_, err := client.ParseSlug(path)
	return err == nil
}

// pullRequestIn reads "pull/12", and any page below it.
func (github) pullRequestIn(rest string) int {
	digits, ok := strings.CutPrefix(rest, "pull/")
	digits, _, _ = strings.Cut(digits, "/")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return 0
	}
	return int(n)
}

func (github) commit(oid string) string { return "commit/" + oid }

func (github) pullRequest(number int) string { return "pull/" + strconv.Itoa(number) }

// commitIn reads "commit/OID", and any page below it.
func (github) commitIn(rest string) string {
	below, ok := strings.CutPrefix(rest, "commit/")
	if !ok {
		return ""
	}
	oid, _, _ := strings.Cut(below, "/")
	return oid
}
