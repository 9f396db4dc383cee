package jenkins

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of names, by judgement: Jenkins keeps a folder on disk for each part of a name.
const (
	maxName  = 1024 // bytes of a full name
	maxParts = 12   // folders, one in another
	maxPart  = 255  // bytes of one part: file systems have no longer names
)

// forbidden are characters that are in no name: those that Jenkins allows in none (jenkins.model.Jenkins.checkGoodName), but for ! @ $ & | < > that branches
// may have and the names of their jobs then have too.
const forbidden = `?*/\%#^[]:;`

// checkName checks a full name: the names of the folders and of the job with slashes between, as annotations have them ("team/app/main"). What
// multibranch projects name their jobs after is a branch, as BranchJob has it ("team/app/feature%2Fsearch").
func checkName(name string) error {
	parts := strings.Split(name, "/")
	if len(name) > maxName || len(parts) > maxParts {
		return invalid("name of a job", name)
	}
	for _, part := range parts {
		if !goodPart(part) {
			return invalid("name of a job", name)
		}
	}
	return nil
}

func goodPart(part string) bool {
	if part == "" || part == "." || part == ".." || len(part) > maxPart || !utf8.ValidString(part) || strings.TrimSpace(part) != part {
		return false
	}
	for i, r := range part {
		if r == '%' && i+2 < len(part) && hexadecimal(part[i+1]) && hexadecimal(part[i+2]) {
			continue
		}
		if unicode.IsControl(r) || strings.ContainsRune(forbidden, r) {
			return false
		}
	}
	return true
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// encoded are the characters that the name of a branch's job has as % and two digits (jenkins.branch.NameEncoder).
var encoded = strings.NewReplacer("%", "%25", "#", "%23", "/", "%2F", "?", "%3F", "[", "%5B", "]", "%5D", `\`, "%5C")

// BranchJob returns the full name of the job that a multibranch project has for a branch: "team/app/feature%2Fsearch" for feature/search of team/app.
func BranchJob(project, branch string) string {
	switch branch {
	case ".", "..":
		return project + "/%2E" + branch[1:]
	}
	return project + "/" + encoded.Replace(branch)
}

// BranchOf returns the branch that a multibranch project has made the job for, of the full name of the job; of one for a pull request it is such as "PR-12".
func BranchOf(job string) string {
	name := job[strings.LastIndexByte(job, '/')+1:]
	if branch, err := url.PathUnescape(name); err == nil {
		return branch
	}
	return name
}

// jobPath returns the path of a job's page below the address of Jenkins, without slashes at its ends: "job/team/job/app". A % of a name is
// escaped once more: the page of "feature%2Fsearch" is "job/feature%252Fsearch".
func jobPath(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "/") {
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString("job/")
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// BuildID names a build.
type BuildID struct {
	Job    string // its full name, such as "team/app/main"
	Number int    // from 1
}

func (id BuildID) String() string { return id.Job + " #" + strconv.Itoa(id.Number) }

func (id BuildID) check() error {
	if id.Number < 1 {
		return invalid("number of a build", strconv.Itoa(id.Number))
	}
	return checkName(id.Job)
}

// path returns the path of the build's page, as jobPath does.
func (id BuildID) path() string { return jobPath(id.Job) + "/" + strconv.Itoa(id.Number) }

// JobURL returns the address of a job's page, "" where name is none.
func (c *Client) JobURL(name string) string {
	if checkName(name) != nil {
		return ""
	}
	return c.web.String() + "/" + jobPath(name) + "/"
}

// BuildURL returns the address of a build's page, "" where id names none.
func (c *Client) BuildURL(id BuildID) string {
	if id.check() != nil {
		return ""
	}
	return c.web.String() + "/" + id.path() + "/"
}

// Locate reads the address of a page of a job or a build, or the path of one, and returns what it is of; Number is 0 for a job. Its host is not
// looked at.
func Locate(address string) (BuildID, bool) {
	if len(address) > 4*maxName {
		return BuildID{}, false
	}
	u, err := url.Parse(address)
	if err != nil {
		return BuildID{}, false
	}
	path := strings.Trim(u.EscapedPath(), "/")
	var names []string
	// What is before the first "job" is where Jenkins is mounted, or a view.
	rest := strings.Split(path, "/")
	for len(rest) > 0 && rest[0] != "job" {
		rest = rest[1:]
	}
	for len(rest) >= 2 && rest[0] == "job" {
		part, err := url.PathUnescape(rest[1])
		if err != nil || strings.Contains(part, "/") {
			return BuildID{}, false
		}
		names, rest = append(names, part), rest[2:]
	}
	id := BuildID{Job: strings.Join(names, "/")}
	if len(rest) > 0 {
		if id.Number, err = strconv.Atoi(rest[0]); err != nil || id.Number < 1 {
			return BuildID{}, false
		}
	}
	if len(names) == 0 || checkName(id.Job) != nil {
		return BuildID{}, false
	}
	return id, true
}
