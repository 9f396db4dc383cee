// Package stage sets up a small company on a simulated GitLab, for tests: a test goes in, and a Server with users, groups, projects with
// real repositories, merge requests, issues and releases comes out.
//
// The one rule: everything happens at fixed times, so that answers are the same in every run. Open this file.
package stage

import (
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
)

// Now is the time on the stage where nothing else is said.
var Now = time.Date(2026, time.February, 27, 12, 0, 0, 0, time.UTC)

// The tokens of the stage.
const (
	AdaToken    = "glpat-ada-0123456789abcdef"    // developer of larkfold/platform
	RitaToken   = "glpat-rita-0123456789abcdef"   // maintainer of larkfold
	OtherToken  = "glpat-otto-0123456789abcdef"   // sees what is public or internal
	ScopedToken = "glpat-scoped-0123456789abcdef" // of Ada, good for nothing
	OldToken    = "glpat-old-0123456789abcdef"    // expired
)

// The projects of the stage.
const (
	Search   = "larkfold/platform/search" // private, with all that a project can have
	Player   = "larkfold/apps/player"     // public
	Handbook = "larkfold/handbook"        // internal, archived
	Empty    = "larkfold/platform/empty"  // private, without commits
	Dotfiles = "ada/dotfiles"             // private, of a user
)

// Stage is a Server with the company on it.
type Stage struct {
	*gitlabtest.Server
	Workshop gittest.Workshop
	Head     string            // of main in Search
	Feature  string            // of feature/ranking in Search
	Commits  map[string]string // of Search, by title
	t        testing.TB
}

// Set builds the company. Folders of the settings are its own.
func Set(t testing.TB, settings gitlabtest.Settings) *Stage {
	t.Helper()
	s := &Stage{Workshop: gittest.New(t), Commits: map[string]string{}, t: t}
	s.repositories()
	settings.Folders = []string{s.Workshop.Dir}
	if settings.Now == nil {
		settings.Now = func() time.Time { return Now }
	}
	server, err := gitlabtest.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s.Server = server
	s.people()
	s.projects()
	s.work()
	return s
}

func (s *Stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// commit writes files, commits them at a day of 2026 and remembers the commit by its title.
func (s *Stage) commit(repository, date, message string, files ...string) string {
	s.t.Helper()
	w := s.Workshop
	for i := 0; i < len(files); i += 2 {
		w.Write(repository+"/"+files[i], files[i+1])
	}
	w.GitAt(repository, date, "add", "-A")
	w.GitAt(repository, date, "commit", "-q", "-m", message)
	oid := w.Git(repository, "rev-parse", "HEAD")
	title, _, _ := strings.Cut(message, "\n")
	s.Commits[title] = oid
	return oid
}

func (s *Stage) repositories() {
	w := s.Workshop
	for _, name := range []string{"search", "player", "handbook", "dotfiles"} {
		w.Write(name+"/README.md", "# "+name+"\n")
		w.Git(name, "init", "-q")
	}
	s.commit("search", "2026-01-05T09:00:00+01:00", "Begin\n\nThe search service.", "catalog-info.yaml", "kind: Component\nmetadata:\n  name: search\n",
		"main.go", "package main\n\nfunc main() {}\n", "docs/index.md", "# Search\n", "docs/api/catalog-info.yaml", "kind: API\n")
	w.GitAt("search", "2026-01-05T10:00:00+01:00", "tag", "-a", "-m", "First", "v1.0.0")
	s.commit("search", "2026-01-12T09:00:00+01:00", "Rank by plays", "rank.go", "package main\n\nfunc rank() int { return 1 }\n")
	w.GitAt("search", "2026-01-12T09:30:00+01:00", "tag", "v1.1.0")
	w.Git("search", "checkout", "-q", "-b", "feature/ranking")
	s.commit("search", "2026-02-02T09:00:00+01:00", "Rank by taste", "rank.go", "package main\n\nfunc rank() int { return 2 }\n", "taste.go", "package main\n")
	s.Feature = s.commit("search", "2026-02-03T09:00:00+01:00", "Explain taste", "docs/taste.md", "# Taste\n\nYours.\n")
	w.Git("search", "checkout", "-q", "main")
	w.Git("search", "mv", "main.go", "run.go")
	s.Head = s.commit("search", "2026-02-10T09:00:00+01:00", "Move main\n\nIt is run.go now.")
	w.Git("search", "branch", "old", "HEAD~1")
	s.commit("player", "2026-01-20T09:00:00+01:00", "Play", "catalog-info.yaml", "kind: Component\nmetadata:\n  name: player\n", "LICENSE", "MIT\n")
	s.commit("handbook", "2026-01-21T09:00:00+01:00", "Write it down", "a.md", "a\n")
	s.commit("dotfiles", "2026-01-22T09:00:00+01:00", "Dots", ".zshrc", "export A=1\n")
}

func (s *Stage) people() {
	long := Now.AddDate(-1, 0, 0)
	for _, u := range []gitlabtest.User{
		{Username: "root", Name: "Administrator", Email: "root@example.com", Admin: true, CreatedAt: long},
		{Username: "ada", Name: "Ada Writer", Email: "ada@example.com", CreatedAt: long},
		{Username: "max", Name: "Max Committer", Email: "max@example.com", CreatedAt: long},
		{Username: "rita", Name: "Rita Reviewer", Email: "rita@example.com", CreatedAt: long},
		{Username: "otto", Name: "Otto Outside", Email: "otto@example.com", CreatedAt: long},
		{Username: "renovate", Name: "Renovate", Email: "renovate@example.com", Bot: true, CreatedAt: long},
	} {
		s.must(s.AddUser(u))
	}
	for _, token := range []gitlabtest.Token{
		{Value: AdaToken, Username: "ada"}, {Value: RitaToken, Username: "rita"}, {Value: OtherToken, Username: "otto"},
		{Value: ScopedToken, Username: "ada", Scopes: []string{"read_user"}}, {Value: OldToken, Username: "ada", Expired: true},
	} {
		s.must(s.AddToken(token))
	}
	for _, g := range []gitlabtest.Group{
		{Path: "larkfold", Name: "Larkfold", Visibility: gitlabtest.Public, Members: []gitlabtest.Member{{Username: "rita", Access: gitlabtest.Maintainer, Since: long}}, CreatedAt: long},
		{Path: "larkfold/platform", Name: "Platform", Members: []gitlabtest.Member{
			{Username: "ada", Access: gitlabtest.Developer, Since: long}, {Username: "max", Access: gitlabtest.Reporter, Since: long},
			{Username: "renovate", Access: gitlabtest.Developer, Since: long}}, CreatedAt: long},
		{Path: "larkfold/apps", Name: "Apps", Visibility: gitlabtest.Public, CreatedAt: long},
	} {
		s.must(s.AddGroup(g))
	}
}

func (s *Stage) projects() {
	ctx := s.t.Context()
	paths, err := s.Repositories(ctx)
	s.must(err)
	repository := func(name string) string {
		for _, path := range paths {
			if strings.HasSuffix(path, "/"+name) {
				return path
			}
		}
		s.t.Fatalf("no repository %s in %v", name, paths)
		return ""
	}
	made := Now.AddDate(0, -2, 0)
	for i, p := range []gitlabtest.Project{
		{Path: Search, Name: "Search", Description: "Finds music", Topics: []string{"go", "search"}, Stars: 7, Forks: 2, Repository: repository("search"),
			Languages: []gitlabtest.Language{{Name: "Go", Share: 90.5, Color: "#00ADD8"}, {Name: "Shell", Share: 9.5, Color: "#89e051"}},
			License:   gitlabtest.License{Key: "apache-2.0", Name: "Apache License 2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"},
			Labels: []gitlabtest.Label{{Name: "bug", Color: "#d9534f", Description: "Does not work", CreatedAt: made}, {Name: "relevance", Color: "#428bca", CreatedAt: made},
				{Name: "ünïcode & co", CreatedAt: made}},
			Protected: []gitlabtest.ProtectedBranch{{Name: "main", Push: gitlabtest.Maintainer, Merge: gitlabtest.Developer, CodeOwnerApproval: true, CreatedAt: made},
				{Name: "release/*", Push: gitlabtest.NoAccess, Merge: gitlabtest.Maintainer, CreatedAt: made}},
			Vulnerabilities: map[string]int{"critical": 1, "high": 2, "low": 4}},
		{Path: Player, Name: "Player", Visibility: gitlabtest.Public, Repository: repository("player"), Topics: []string{"web"}, Stars: 3,
			Languages: []gitlabtest.Language{{Name: "TypeScript", Share: 100, Color: "#3178c6"}}, License: gitlabtest.License{Key: "mit", Name: "MIT License"}},
		{Path: Handbook, Name: "Handbook", Visibility: gitlabtest.Internal, Archived: true, Repository: repository("handbook")},
		{Path: Empty, Name: "Empty"},
		{Path: Dotfiles, Name: "Dotfiles", Repository: repository("dotfiles")},
	} {
		p.CreatedAt = made.Add(time.Duration(i) * time.Hour)
		p.LastActivity = Now.Add(-time.Duration(i+1) * 24 * time.Hour)
		s.must(s.AddProject(ctx, p))
	}
}

func (s *Stage) work() {
	ctx := s.t.Context()
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 15, 0, 0, 0, time.UTC) }
	for _, m := range []gitlabtest.MergeRequest{
		{Title: "Rank by taste", Description: "Closes #1", SourceBranch: "feature/ranking", Author: "ada", Assignees: []string{"ada"}, ApprovalsRequired: 2,
			Reviewers: []gitlabtest.Reviewer{{Username: "rita", State: "approved", At: day(2, 5)}, {Username: "max", At: day(2, 4)}},
			Approvals: []gitlabtest.Approval{{Username: "rita", At: day(2, 5)}}, Labels: []string{"relevance", "bug"}, CreatedAt: day(2, 3), UpdatedAt: day(2, 5), Comments: 3},
		{Title: "Update dependencies", SourceBranch: "renovate/all", Author: "renovate", State: gitlabtest.Merged, MergedBy: "rita", MergeCommitSHA: s.Head,
			CreatedAt: day(1, 8), UpdatedAt: day(1, 9), MergedAt: day(1, 9), SHA: s.Commits["Rank by plays"]},
		{Title: "Try vectors", SourceBranch: "vectors", Author: "ada", State: gitlabtest.Closed, ClosedBy: "ada", CreatedAt: day(1, 10), UpdatedAt: day(1, 30), ClosedAt: day(1, 30)},
		{Title: "Old ideas", SourceBranch: "old", Author: "max", Draft: true, Reviewers: []gitlabtest.Reviewer{{Username: "ada", At: day(2, 20)}}, CreatedAt: day(2, 20), UpdatedAt: day(2, 20)},
		{Title: "Faster index", SourceBranch: "feature/ranking", Author: "max", CreatedAt: day(2, 21), UpdatedAt: day(2, 22), Labels: []string{"bug"},
			Reviewers: []gitlabtest.Reviewer{{Username: "ada", State: "requested_changes", At: day(2, 22)}}},
	} {
		_, err := s.AddMergeRequest(ctx, Search, m)
		s.must(err)
	}
	for _, i := range []gitlabtest.Issue{
		{Title: "Results are dull", Author: "max", Labels: []string{"relevance"}, Assignees: []string{"ada"}, CreatedAt: day(1, 15), UpdatedAt: day(1, 16), Comments: 2},
		{Title: "It is slow", Author: "otto", State: gitlabtest.Closed, ClosedBy: "ada", CreatedAt: day(1, 16), UpdatedAt: day(1, 18), ClosedAt: day(1, 18), Labels: []string{"bug"}},
		{Title: "Secret", Author: "rita", Confidential: true, CreatedAt: day(1, 17), UpdatedAt: day(1, 17)},
	} {
		_, err := s.AddIssue(Search, i)
		s.must(err)
	}
	for _, r := range []gitlabtest.Release{
		{Tag: "v1.0.0", Name: "One", Description: "The first", Author: "ada", CreatedAt: day(1, 5), ReleasedAt: day(1, 6), Links: []gitlabtest.ReleaseLink{{Name: "binary", URL: "https://dl.example/1"}}},
		{Tag: "v1.1.0", Author: "rita", CreatedAt: day(1, 12), ReleasedAt: day(1, 13)},
	} {
		s.must(s.AddRelease(Search, r))
	}
}
