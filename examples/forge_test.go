package examples_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/examples"
)

// What the hosts know fits what is in git: every branch that is not merged has one open pull request, and all people and repositories are there.
func TestForgeFitsTheRepositories(t *testing.T) {
	forge, err := examples.ReadForge()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "examples")
	if err := examples.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range forge.People {
		known[p.Login] = true
	}
	people := func(where string, logins ...string) {
		for _, login := range logins {
			if !known[login] {
				t.Errorf("%s names %s, whom nobody knows", where, login)
			}
		}
	}
	for team, members := range forge.Teams {
		people("team "+team, members...)
	}
	for _, name := range examples.Repositories() {
		r, ok := forge.Repositories[name]
		if !ok || r.Description == "" {
			t.Errorf("the host has no description of %s", name)
		}
		var open []string
		numbers := map[int]bool{}
		for _, p := range r.PullRequests {
			if people(name, p.Author); p.MergedBy == "" {
				open = append(open, p.Branch)
			} else {
				people(name, p.MergedBy)
			}
			people(name, p.Reviewers...)
			for _, review := range p.Reviews {
				people(name, review.By)
			}
			for _, team := range p.Teams {
				if forge.Teams[team] == nil {
					t.Errorf("%s: there is no team %s", name, team)
				}
			}
			if numbers[p.Number] || p.Opened.After(examples.LastDay.AddDate(0, 0, 1)) {
				t.Errorf("%s: %d is there twice, or was opened after the last day", name, p.Number)
			}
			numbers[p.Number] = true
		}
		for _, issue := range r.Issues {
			people(name, append(issue.Assignees, issue.Author)...)
			if numbers[issue.Number] {
				t.Errorf("%s: %d is there twice", name, issue.Number)
			}
			numbers[issue.Number] = true
		}
		text, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join(folder, name), "for-each-ref", "--no-merged=main", "--format=%(refname:short)", "refs/heads").Output()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(open)
		if got := strings.Fields(string(text)); !slices.Equal(got, open) {
			t.Errorf("%s has the branches %v that are not merged, and open pull requests of %v", name, got, open)
		}
	}
	for name := range forge.Repositories {
		if !slices.Contains(examples.Repositories(), name) {
			t.Errorf("the host has a repository %s, which nobody built", name)
		}
	}
}
