package gitlab_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// TestPipelinesByID reads pipelines of several projects at once.
func TestPipelinesByID(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	c := on(t, s, stage.AdaToken)
	wanted := []gitlab.PipelineNumber{{Project: stage.Search, ID: of.Old[0]}, {Project: stage.Search, ID: of.Old[1]}, {Project: stage.Search, ID: of.Old[2]}, {Project: stage.Search, ID: of.Child},
		{Project: stage.Search, ID: of.Failed}, {Project: stage.Player, ID: of.Player}, {Project: stage.Search, ID: 1 << 40}, {Project: "larkfold/none", ID: 1}, {Project: stage.Player, ID: of.Failed}, {Project: stage.Search}}
	costs(t, s, 2, "ten pipelines", func() {
		found, errs := c.PipelinesByID(t.Context(), wanted)
		for i := range 6 {
			if errs[i] != nil || found[i] == nil || found[i].ID != wanted[i].ID {
				t.Errorf("%v: %+v, %v", wanted[i], found[i], errs[i])
			}
		}
		if !found[2].Warnings || *found[2].Coverage != 82.5 || found[3].Source != "parent_pipeline" || found[4].MergeRequest != 1 {
			t.Errorf("%+v, %+v, %+v", found[2], found[3], found[4])
		}
		for i := 6; i < 9; i++ {
			if found[i] != nil || !errors.Is(errs[i], clients.ErrNotFound) {
				t.Errorf("%v: %+v, %v", wanted[i], found[i], errs[i])
			}
		}
		if !errors.Is(errs[9], gitlab.ErrInvalid) {
			t.Error(errs[9])
		}
	})
	other := answering(t, `{"data":{"c0":{"pipeline":{"id":"gid://gitlab/Ci::Pipeline/8"}}}}`)
	if p, errs := other.PipelinesByID(t.Context(), []gitlab.PipelineNumber{{Project: "a/b", ID: 7}}); p[0] != nil || !errors.Is(errs[0], clients.ErrBadAnswer) {
		t.Errorf("another: %+v, %v", p, errs)
	}
}

// TestDifference reads what lies between two commits.
func TestDifference(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	head, feature := git.OID(s.Head), git.OID(s.Feature)
	costs(t, s, 3, "a merge base and two differences", func() {
		base, err := c.MergeBase(t.Context(), stage.Search, head, feature)
		if err != nil || string(base.OID) != s.Commits["Rank by plays"] {
			t.Fatalf("%+v, %v", base, err)
		}
		d, err := c.Difference(t.Context(), stage.Search, base.OID, feature)
		if err != nil || !d.Complete || len(d.Files) != 3 || d.Files[0].New != "docs/taste.md" || !d.Files[0].Added || d.Files[0].Hidden ||
			d.Files[1] != (gitlab.FileDiff{Old: "rank.go", New: "rank.go", Text: "@@ -1,3 +1,3 @@\n package main\n \n-func rank() int { return 1 }\n+func rank() int { return 2 }\n"}) {
			t.Errorf("%+v, %v", d, err)
		}
		d, err = c.Difference(t.Context(), stage.Search, base.OID, head)
		if err != nil || len(d.Files) != 1 || d.Files[0] != (gitlab.FileDiff{Old: "main.go", New: "run.go", Renamed: true}) {
			t.Errorf("%+v, %v", d, err)
		}
	})
	if _, err := c.MergeBase(t.Context(), stage.Search, head, someCommit); err == nil {
		t.Error("the merge base of a commit that is not there")
	}
	for answer, want := range map[string]string{
		`{"diffs":[{"new_path":"a","old_path":"a","collapsed":true},{"new_path":"b","old_path":"b","too_large":true}]}`: "true [{a a false false false  true} {b b false false false  true}]",
		`{"diffs":[{"new_path":"","old_path":""},null],"compare_timeout":false}`:                                        "false []",
		`{"diffs":[],"compare_timeout":true}`:                                                                           "false []",
		`{}`:                                                                                                            "true []",
	} {
		d, err := answering(t, answer).Difference(t.Context(), "a/b", someCommit, someCommit)
		if err != nil || fmt.Sprint(d.Complete, " ", d.Files) != want {
			t.Errorf("%s: %+v, %v", answer, d, err)
		}
	}
}

// TestMergeRequestPipeline begins a pipeline of a merge request, and reads the variables of one.
func TestMergeRequestPipeline(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	c := on(t, s, stage.AdaToken)
	costs(t, s, 1, "a pipeline", func() {
		p, err := c.CreateMergeRequestPipeline(t.Context(), gitlab.MergeRequestNumber{Project: stage.Search, Number: 1})
		if err != nil || p.MergeRequest != 1 || string(p.SHA) != s.Feature || p.Source != "merge_request_event" || p.User.Username != "ada" {
			t.Errorf("%+v, %v", p, err)
		}
	})
	if _, err := c.CreateMergeRequestPipeline(t.Context(), gitlab.MergeRequestNumber{Project: stage.Search, Number: 99}); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	if _, err := on(t, s, stage.OtherToken).CreateMergeRequestPipeline(t.Context(), gitlab.MergeRequestNumber{Project: stage.Search, Number: 1}); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	if err := s.SetCI(stage.Search, []*ci.Job{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateMergeRequestPipeline(t.Context(), gitlab.MergeRequestNumber{Project: stage.Search, Number: 1}); !errors.Is(err, gitlab.ErrRefused) || !strings.Contains(err.Error(), "Missing CI config file") {
		t.Error(err)
	}
	if v, err := c.PipelineVariables(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: of.Failed}); err != nil || fmt.Sprint(v) != "[{LEVEL 3 false}]" {
		t.Errorf("%v, %v", v, err)
	}
	if err := s.AddToken(gitlabtest.Token{Value: "glpat-max", Username: "max"}); err != nil {
		t.Fatal(err)
	}
	if _, err := on(t, s, "glpat-max").PipelineVariables(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: of.Failed}); !errors.Is(err, clients.ErrForbidden) {
		t.Error(err)
	}
}

// TestExternal tells jobs from what others say.
func TestExternal(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	c := on(t, s, stage.AdaToken)
	if _, err := c.SetCommitStatus(t.Context(), gitlab.NewCommitStatus{Project: stage.Search, SHA: git.OID(s.Feature), State: "success", Name: "jenkins", URL: "https://jenkins.example/job/1", Pipeline: of.Failed}); err != nil {
		t.Fatal(err)
	}
	p, err := c.PipelineWithJobs(t.Context(), gitlab.PipelineNumber{Project: stage.Search, ID: of.Failed})
	if err != nil || len(p.Jobs) != 6 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, j := range p.Jobs {
		if j.External != (j.Name == "jenkins") || j.ID == 0 {
			t.Errorf("%+v", j)
		}
	}
	page, err := c.CommitStatuses(t.Context(), stage.Search, git.OID(s.Feature), 1)
	if err != nil || page.Next != 0 || len(page.Statuses) != 6 || page.Statuses[5].URL != "https://jenkins.example/job/1" || page.Statuses[5].Name != "jenkins" || page.Statuses[0].URL == "" {
		t.Errorf("%+v, %v", page, err)
	}
}
