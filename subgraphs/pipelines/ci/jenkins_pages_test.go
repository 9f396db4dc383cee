package ci_test

import (
	"fmt"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// jenkinsKeysOf are the runs of a page.
func jenkinsKeysOf(p *ci.Page[*ci.Run]) string {
	out := ""
	for _, r := range p.Items {
		out += r.Key + " "
	}
	return out
}

// Pages follow each other although there are newer builds with each.
func TestJenkinsPagesOfAJob(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	q := ci.RunsQuery{Pipeline: stage.Lint, Paging: ci.Paging{First: 2}}
	for i := range 6 { // with the one that is there 7
		b.must(b.Past(stage.Lint, stage.Now.Add(time.Duration(i-50)*time.Minute), stage.Good(), jenkinstest.Trigger{}))
	}
	var seen string
	for page := range 4 {
		b.asked.Store(0)
		got := jenkinsOne(b, b.RunPages, q)
		if b.asked.Load() > 4 { // its builds, read anew where there were many newer ones, and where the job lies
			t.Errorf("%d requests for a page", b.asked.Load())
		}
		seen += jenkinsKeysOf(got)
		if got.Next != (page < 3) || got.Total != nil || len(got.Cursors) != len(got.Items) {
			t.Errorf("page %d: %+v", page, got)
		}
		q.Paging.After = got.Cursors[len(got.Cursors)-1]
		for range page * 2 {
			b.must(b.Past(stage.Lint, stage.Now.Add(-5*time.Minute), stage.Good(), jenkinstest.Trigger{}))
		}
	}
	want := ""
	for n := 7; n >= 1; n-- {
		want += fmt.Sprintf("%s#%d ", stage.Lint, n)
	}
	if seen != want {
		t.Errorf("%s, want %s", seen, want)
	}
	if got := jenkinsOne(b, b.RunPages, q); len(got.Items) != 0 || got.Next {
		t.Errorf("%+v", got)
	}
	b.asked.Store(0)
	jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Nightly, Paging: ci.Paging{First: 2}})
	b.costs(1, "a page of a job that lies in no folder")
	jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Main, Paging: ci.Paging{First: 100}})
	b.costs(1, "a page of what Jenkins built for a branch's sake")
	jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Lint, Paging: ci.Paging{First: 100}})
	b.costs(2, "a page of a job in a folder")
}

// onJenkinsSearch has builds of three branches of music/search.
func onJenkinsSearch(t *testing.T) *jenkinsBoard {
	b := onJenkins(t, jenkinstest.Settings{})
	b.must(b.Past(stage.Feature, stage.Now.Add(-90*time.Minute), stage.Failing(), jenkinstest.Trigger{Commit: stage.Old}))
	b.must(b.Past(stage.Pull, stage.Now.Add(-30*time.Minute), stage.Broken(), jenkinstest.Trigger{}))
	return b
}

func TestJenkinsPagesOfAProject(t *testing.T) {
	b := onJenkinsSearch(t)
	q := ci.RunsQuery{Pipeline: "music/search", Paging: ci.Paging{First: 2}}
	first := jenkinsOne(b, b.RunPages, q)
	b.costs(3, "the first page of a project")
	if got := jenkinsKeysOf(first); got != stage.Pull+"#1 "+stage.Main+"#3 " || !first.Next {
		t.Errorf("%s %+v", got, first)
	}
	if r := first.Items[0]; r.PullRequest != 7 || r.Title != "Rank by taste" || r.Trigger != ci.ByPullRequest || r.Pipeline != "music/search" || r.PipelineName != "search" {
		t.Errorf("%+v", r)
	}
	b.must(b.Past(stage.Pull, stage.Now.Add(-10*time.Minute), stage.Broken(), jenkinstest.Trigger{}))
	q.Paging.After = first.Cursors[1]
	b.asked.Store(0)
	second := jenkinsOne(b, b.RunPages, q)
	b.costs(1, "a further page of a project")
	if got := jenkinsKeysOf(second); got != stage.Feature+"#1 " || second.Next || second.Items[0].Branch != "feature/ranking" {
		t.Errorf("%s %+v", got, second)
	}

	branch := jenkinsOne(b, b.RunPages, ci.RunsQuery{Pipeline: "music/search", Branch: "main", Paging: ci.Paging{First: 2}})
	b.costs(1, "a page of a branch")
	if got := jenkinsKeysOf(branch); got != stage.Main+"#3 "+stage.Main+"#2 " || !branch.Next || branch.Items[0].Pipeline != "music/search" || branch.Items[0].Branch != "main" {
		t.Errorf("%s", got)
	}
	for _, c := range []struct {
		q    ci.RunsQuery
		want string
	}{
		{ci.RunsQuery{Branch: "feature/ranking"}, stage.Feature + "#1 "},
		{ci.RunsQuery{Branch: "none"}, ""},
		{ci.RunsQuery{Commit: stage.Old}, stage.Feature + "#1 "},
		{ci.RunsQuery{Status: ci.Failed}, stage.Pull + "#2 "},
		{ci.RunsQuery{Since: stage.Now.Add(-time.Hour)}, stage.Pull + "#2 " + stage.Main + "#3 "},
		{ci.RunsQuery{Until: stage.Now.Add(-time.Hour)}, stage.Main + "#3 " + stage.Feature + "#1 "},
		{ci.RunsQuery{Branch: "main", Commit: stage.Old}, stage.Main + "#2 " + stage.Main + "#1 "},
		{ci.RunsQuery{Branch: "main", Status: ci.Unstable}, stage.Main + "#2 "},
		{ci.RunsQuery{Branch: "main", Status: ci.Failed}, ""},
		{ci.RunsQuery{Pipeline: stage.Nightly, Branch: "main"}, stage.Nightly + "#1 "},
		{ci.RunsQuery{Pipeline: stage.Nightly, Branch: "other"}, ""},
		{ci.RunsQuery{Pipeline: stage.Main, Since: stage.Now.Add(-2 * time.Hour), Until: stage.Now.Add(-90 * time.Minute)}, stage.Main + "#2 "},
		{ci.RunsQuery{Pipeline: stage.Deploy}, ""},
	} {
		if c.q.Pipeline == "" {
			c.q.Pipeline = "music/search"
		}
		c.q.Paging.First = 10
		if got := jenkinsOne(b, b.RunPages, c.q); jenkinsKeysOf(got) != c.want || got.Next {
			t.Errorf("%+v: %s", c.q, jenkinsKeysOf(got))
		}
	}
	// What is picked out has pages, too.
	picked := ci.RunsQuery{Pipeline: stage.Main, Commit: stage.Old, Paging: ci.Paging{First: 1}}
	page := jenkinsOne(b, b.RunPages, picked)
	if jenkinsKeysOf(page) != stage.Main+"#2 " || !page.Next {
		t.Errorf("%+v", page)
	}
	picked.Paging.After = page.Cursors[0]
	if page = jenkinsOne(b, b.RunPages, picked); jenkinsKeysOf(page) != stage.Main+"#1 " || page.Next {
		t.Errorf("%+v", page)
	}
}

func TestJenkinsPagesRefused(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	for _, after := range []string{"x", "b", "b1", "b-1:2", "b1:0", "b01:2", "b99999999:1", "p1:", "p1:a/../b", "p1:a#b", "é"} {
		jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Main, Paging: ci.Paging{First: 1, After: after}}, ci.ErrInvalid)
	}
	jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: "a#1", Paging: ci.Paging{First: 1}}, ci.ErrInvalid)
	jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Main}, ci.ErrInvalid)
	jenkinsFails(b, b.RunPages, ci.RunsQuery{Repository: "larkfold/search", Paging: ci.Paging{First: 1}}, ci.ErrUnsupported)
	jenkinsFails(b, b.CommitRuns, ci.CommitName{Repository: "larkfold/search", OID: stage.Head}, ci.ErrUnsupported)
	jenkinsFails(b, b.PullRequestRuns, ci.PullRequestName{Repository: "larkfold/search", Number: 7}, ci.ErrUnsupported)
	b.costs(0, "what is refused")
	jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: "music", Paging: ci.Paging{First: 1}}, ci.ErrInvalid)
	jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: "none", Paging: ci.Paging{First: 1}}, clients.ErrNotFound)
}
