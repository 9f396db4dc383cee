package gitlab

import (
	"context"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
)

// Project is a project.
type Project struct {
	ID            int64
	Path          string // in full, as it is called now
	Name          string
	Description   string // Markdown, its first 64 KiB
	URL           string
	Visibility    string // "private", "internal" or "public"
	Archived      bool
	Fork          bool
	Empty         bool // it has no commits
	Topics        []string
	Stars, Forks  int
	Languages     []Language
	OpenIssues    *int // that anybody may see; nil where the project has no issues, or GitLab does not tell
	OpenMerges    *int // merge requests that are open; nil likewise
	CodeHidden    bool // the credential may not see its code, or there is none to be had as that is switched off
	CreatedAt     time.Time
	LastActivity  time.Time
	DefaultBranch string      // "" for a project without commits, or whose code the credential may not see
	Head          *Commit     // of the default branch; nil where there is none
	Latest        *Release    // nil where there is none; without description, author, commit and assets
	Protection    *Protection // of the default branch; nil where there is none, and for all but maintainers of the project
	RequestAccess *bool       // whether people may ask for access; nil where GitLab does not tell
}

// Language is a programming language of a project.
type Language struct {
	Name  string
	Color string  // "#" and six hexadecimal digits; "" where it has none
	Share float64 // in percent
}

// The bounds of lists within a project.
const (
	maxTopics    = 50
	maxLanguages = 100
)

const projectFields = `
fragment project on Project {
  id fullPath name description webUrl visibility archived isForked requestAccessEnabled topics starCount forksCount createdAt lastActivityAt openIssuesCount openMergeRequestsCount
  languages { name share color }
  repository { empty rootRef tree { lastCommit { ...commit } } }
  releases(sort: RELEASED_AT_DESC, first: 1) { nodes { tagName name releasedAt upcomingRelease links { selfUrl } } }
  branchRules(first: 50) { nodes { name isProtected branchProtection { allowForcePush } } }
}` + commitFields

type wireProject struct {
	ID                     number
	FullPath               string
	Name                   string
	Description            string
	WebURL                 string
	Visibility             string
	Archived, IsForked     bool
	RequestAccessEnabled   *bool
	Topics                 []string
	StarCount              int
	ForksCount             int
	CreatedAt              moment
	LastActivityAt         moment
	OpenIssuesCount        *int
	OpenMergeRequestsCount *int
	Languages              []struct {
		Name  string
		Share float64
		Color string
	}
	Repository *struct {
		Empty   bool
		RootRef string
		Tree    *struct{ LastCommit *wireCommit }
	}
	Releases    *nodes[wireRelease]
	BranchRules *nodes[wireRule]
}

func (w *wireProject) value() *Project {
	p := &Project{ID: int64(w.ID), Path: cut(w.FullPath, maxFullPath), Name: cut(w.Name, maxLine), Description: cut(w.Description, maxText), URL: cut(w.WebURL, maxLine),
		Visibility: cut(w.Visibility, maxLine), Archived: w.Archived, Fork: w.IsForked, RequestAccess: w.RequestAccessEnabled, Stars: w.StarCount, Forks: w.ForksCount, OpenIssues: w.OpenIssuesCount,
		OpenMerges: w.OpenMergeRequestsCount, CreatedAt: w.CreatedAt.Time, LastActivity: w.LastActivityAt.Time}
	for _, topic := range w.Topics[:min(len(w.Topics), maxTopics)] {
		p.Topics = append(p.Topics, cut(topic, maxLine))
	}
	for _, l := range w.Languages[:min(len(w.Languages), maxLanguages)] {
		p.Languages = append(p.Languages, Language{Name: cut(l.Name, maxLine), Color: color(l.Color), Share: l.Share})
	}
	if p.CodeHidden = w.Repository == nil; !p.CodeHidden {
		p.Empty, p.DefaultBranch = w.Repository.Empty, cut(w.Repository.RootRef, maxRef)
		if w.Repository.Tree != nil {
			p.Head = w.Repository.Tree.LastCommit.value()
		}
	}
	for _, r := range each(w.Releases, (*wireRelease).value) {
		p.Latest = r
		break
	}
	if w.BranchRules != nil && p.DefaultBranch != "" {
		p.Protection = protectionOf(p.DefaultBranch, w.BranchRules.Nodes)
	}
	return p
}

// color returns a colour as "#" and six hexadecimal digits, "" for anything else.
func color(text string) string {
	if len(text) != 7 || text[0] != '#' || strings.Trim(text[1:], "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return text
}

func (w *wireProject) path() string { return w.FullPath }

// Projects returns the projects with the paths, each with the error it has instead. It makes one request for every 100 of them. Letter case
// does not matter; a path under which a project was known before finds nothing. A project whose part of the answer failed comes with an
// error of kind clients.ErrPartial.
func (c *Client) Projects(ctx context.Context, paths []string) ([]*Project, []error) {
	found, errs := byPath[wireProject](ctx, c, many{name: "projects", fragment: "project", fields: projectFields}, paths)
	out := make([]*Project, len(paths))
	for i, w := range found {
		if w != nil {
			out[i] = w.value()
		}
	}
	return out, errs
}

// License is what a project may be used under, as GitLab recognised it.
type License struct {
	Key  string // such as "apache-2.0"
	Name string
	URL  string // of its text in the project
}

// License returns the licence of a project, nil where GitLab recognises none. GraphQL has no licences: it makes one request to the REST
// interface.
func (c *Client) License(ctx context.Context, project string) (*License, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}")
	found, _, err := c.rest.Projects.GetProject(project, &official.GetProjectOptions{License: official.Ptr(true)}, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if found == nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	if found.License == nil || found.License.Key == "" {
		return nil, nil
	}
	return &License{Key: cut(found.License.Key, maxLine), Name: cut(found.License.Name, maxLine), URL: cut(found.LicenseURL, maxLine)}, nil
}

// Vulnerabilities counts the vulnerabilities that were found in a project and are not dealt with.
type Vulnerabilities struct{ Critical, High, Medium, Low, Info, Unknown int }

// Total returns the sum of all.
func (v Vulnerabilities) Total() int {
	return v.Critical + v.High + v.Medium + v.Low + v.Info + v.Unknown
}

type wireVulnerabilities struct {
	FullPath                     string
	VulnerabilitySeveritiesCount *Vulnerabilities
}

func (w *wireVulnerabilities) path() string { return w.FullPath }

const vulnerabilityFields = `
fragment vulnerabilities on Project {
  fullPath
  vulnerabilitySeveritiesCount(state: [DETECTED, CONFIRMED]) { critical high medium low info unknown }
}`

// Vulnerabilities returns how many vulnerabilities each project has. It makes one request for every 100 projects. They are of GitLab's highest
// tier: elsewhere, and for whoever is no developer of a project, it is an error of kind clients.ErrForbidden.
func (c *Client) Vulnerabilities(ctx context.Context, projects []string) ([]*Vulnerabilities, []error) {
	found, errs := byPath[wireVulnerabilities](ctx, c, many{name: "vulnerabilities", fragment: "vulnerabilities", fields: vulnerabilityFields}, projects)
	out := make([]*Vulnerabilities, len(projects))
	for i, w := range found {
		switch e := clients.Of(errs[i]); {
		case w != nil && w.VulnerabilitySeveritiesCount != nil:
			out[i] = w.VulnerabilitySeveritiesCount
		case w != nil && errs[i] == nil, e != nil && strings.Contains(e.Message, "does not know all"):
			errs[i] = &clients.Error{Kind: clients.ErrForbidden, Source: c.source, Message: "it does not tell of vulnerabilities: they are of its highest tier, and for developers of the project"}
		}
	}
	return out, errs
}
