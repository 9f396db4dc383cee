package ci

import (
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/subgraphs/forge"
)

// RunAt returns the key of the run whose page, or a page below it, has the address; false where it is none of the system's.
func (s *System) RunAt(address *url.URL) (key string, ok bool) {
	if s.Host == nil {
		return JenkinsKeyAt(address, s.Web)
	}
	repository, rest, ok := s.Host.Locate(address)
	if !ok {
		return "", false
	}
	below := "actions/runs/"
	if s.Provider == GitLabCI {
		below = "pipelines/"
	}
	rest, ok = strings.CutPrefix(strings.TrimPrefix(rest, "-/"), below)
	if !ok {
		return "", false
	}
	digits, _, _ := strings.Cut(rest, "/")
	id, ok := forge.Number(digits)
	if !ok || id < 1 {
		return "", false
	}
	return s.RunKey(repository, id), true
}

// RunKey returns the key of the run that has a number of the system's own: of GitHub and GitLab the id in a repository, of Jenkins the number of a build of a
// job.
func (s *System) RunKey(owner string, id int64) string {
	digits := strconv.FormatInt(id, 10)
	if s.Provider == GitHubActions {
		digits = gitHubRun + digits
	}
	return KeyOf(owner, digits)
}
