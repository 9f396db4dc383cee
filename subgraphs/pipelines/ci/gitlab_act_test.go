package ci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	gitlabci "callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// gitLabDenied checks that something was refused for a reason that says what to do.
func gitLabDenied(t *testing.T, what string, err error, says ...string) {
	t.Helper()
	if e := clients.Of(err); !errors.Is(err, ci.ErrRefused) || e == nil || e.Source != "gitlab" {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %q in it", what, err, text)
		}
	}
}

// TestGitLabRerun begins runs again, where they would be of the same commit.
func TestGitLabRerun(t *testing.T) {
	clock := &gitLabClock{stage.Now}
	s := stage.Set(t, gitlabtest.Settings{Now: clock.Now})
	of := s.Run()
	ctx, d := t.Context(), onGitLab(t, s, stage.AdaToken)
	add := func(p gitlabci.Pipeline) string {
		t.Helper()
		if p.User == "" {
			p.User = "ada"
		}
		p.CreatedAt = clock.now.Add(-time.Hour)
		id, err := s.AddPipeline(stage.Search, p)
		if err != nil {
			t.Fatal(err)
		}
		return gitLabKey(stage.Search, id)
	}
	latest := func() gitlabci.Pipeline { all := s.Server.Pipelines(stage.Search); return all[len(all)-1] }

	gitLabCosts(t, s, 3, "of a branch", func() {
		r, err := d.Rerun(ctx, gitLabKey(stage.Search, of.Old[2]))
		if err != nil || r.Key == gitLabKey(stage.Search, of.Old[2]) || r.Commit != s.Head || r.Branch != "main" || r.Status != ci.Queued || r.Trigger != ci.ByAPI || r.Actor.Login != "ada" || !r.Reruns.Cancel {
			t.Errorf("%+v, %v", r, err)
		}
	})
	gitLabCosts(t, s, 3, "of a tag", func() {
		r, err := d.Rerun(ctx, add(gitlabci.Pipeline{Ref: "v1.1.0", Tag: true}))
		if err != nil || r.Branch != "v1.1.0" || r.Commit != s.Commits["Rank by plays"] {
			t.Errorf("%+v, %v", r, err)
		}
	})
	gitLabCosts(t, s, 3, "of a merge request", func() {
		r, err := d.Rerun(ctx, gitLabKey(stage.Search, of.Failed))
		if err != nil || r.PullRequest != 1 || r.Commit != s.Feature || r.Trigger != ci.ByPullRequest {
			t.Errorf("%+v, %v", r, err)
		}
	})
	byHand := add(gitlabci.Pipeline{Ref: "main", Source: "web", Variables: []gitlabci.Variable{{Key: "LEVEL", Value: "3"}, {Key: "CONF", Value: "x", Kind: "file"}}})
	gitLabCosts(t, s, 4, "with variables", func() {
		if r, err := d.Rerun(ctx, byHand); err != nil || r.Commit != s.Head || fmt.Sprint(latest().Variables) != "[{LEVEL 3 env_var} {CONF x file}]" {
			t.Errorf("%+v, %v, %v", r, err, latest().Variables)
		}
	})

	count := func() (n int) {
		for _, p := range s.Server.Pipelines(stage.Search) {
			if p.Parent == 0 {
				n++
			}
		}
		return n
	}
	w := s.Workshop
	w.Git("search", "checkout", "-q", "--detach", "main")
	w.Git("search", "merge", "-q", "--no-ff", "-m", "What would be", s.Feature)
	merged := w.Git("search", "rev-parse", "HEAD")
	w.Git("search", "checkout", "-q", "main")
	ofMerge := add(gitlabci.Pipeline{MergeRequest: 1, Ref: "refs/merge-requests/1/merge", SHA: merged})
	gitLabCosts(t, s, 4, "of what merging would give", func() {
		if r, err := d.Rerun(ctx, ofMerge); err != nil || r.PullRequest != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	before := count()
	deny := func(what, key string, says ...string) {
		t.Helper()
		_, err := d.Rerun(ctx, key)
		gitLabDenied(t, what, err, says...)
	}
	older := s.Commits["Rank by plays"]
	deny("an older commit", add(gitlabci.Pipeline{Ref: "main", SHA: older}), s.Head, older, "start a new one")
	deny("a merge request that has gone on", add(gitlabci.Pipeline{MergeRequest: 1, SHA: older}), s.Feature, older, "start a new one")
	deny("a branch that is no more", add(gitlabci.Pipeline{Ref: "gone", SHA: s.Head}), "gone is no more")
	deny("a child", gitLabKey(stage.Search, of.Child), "another pipeline has begun it")
	deny("a schedule", add(gitlabci.Pipeline{Ref: "main", Source: "schedule"}), "play the schedule")
	deny("somebody else's variables", add(gitlabci.Pipeline{Ref: "main", Source: "api", User: "rita"}), "variables")
	deny("what runs", add(gitlabci.Pipeline{Ref: "main", Jobs: []*gitlabci.Job{{Name: "a", Duration: 24 * time.Hour}}}), "running")
	deny("what merging another commit would give", add(gitlabci.Pipeline{MergeRequest: 1, Ref: "refs/merge-requests/1/merge", SHA: s.Head}), s.Feature)
	deny("a train", add(gitlabci.Pipeline{MergeRequest: 1, Ref: "refs/merge-requests/1/train", SHA: merged}), "merge train")
	deny("a merge request without commits", add(gitlabci.Pipeline{MergeRequest: 3, SHA: older}), "no commits")
	if after := count(); after != before+9 { // those that were added
		t.Errorf("%d runs were begun", after-before-9)
	}
	_, err := d.Rerun(ctx, gitLabKey(stage.Player, of.Player))
	if !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("where she is nobody: %v", err)
	}
	_, err = onGitLab(t, s, stage.RitaToken).Rerun(ctx, gitLabKey(stage.Player, of.Player))
	gitLabDenied(t, "without a configuration", err, "Missing CI config file")
	if _, err := d.Rerun(ctx, "x"); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
}

// TestGitLabActs begins what failed again, ends and starts.
func TestGitLabActs(t *testing.T) {
	clock := &gitLabClock{stage.Now}
	s := stage.Set(t, gitlabtest.Settings{Now: clock.Now})
	of := s.Run()
	ctx, d := t.Context(), onGitLab(t, s, stage.AdaToken)
	failed := gitLabKey(stage.Search, of.Failed)
	if _, err := d.Cancel(ctx, failed); err == nil {
		t.Error("what is over was canceled")
	} else {
		gitLabDenied(t, "over", err, "over")
	}
	gitLabCosts(t, s, 2, "what failed", func() {
		if r, err := d.RerunFailed(ctx, failed); err != nil || r.Key != failed || r.Status.Done() {
			t.Errorf("%+v, %v", r, err)
		}
	})
	gitLabCosts(t, s, 2, "an end", func() {
		if r, err := d.Cancel(ctx, failed); err != nil || r.Key != failed || r.Status != ci.Canceled {
			t.Errorf("%+v, %v", r, err)
		}
	})
	_, err := d.RerunFailed(ctx, gitLabKey(stage.Search, of.Child))
	gitLabDenied(t, "nothing has failed", err, "no job of the run has failed")
	gitLabCosts(t, s, 1, "a start", func() {
		r, err := d.Start(ctx, ci.StartQuery{Pipeline: stage.Search, Ref: "feature/ranking", Parameters: map[string]string{"B": "2", "A": "1"}})
		if err != nil || r.Branch != "feature/ranking" || r.Commit != s.Feature || r.Number == 0 || r.Pipeline != stage.Search {
			t.Fatalf("%+v, %v", r, err)
		}
		if all := s.Server.Pipelines(stage.Search); fmt.Sprint(all[len(all)-1].Variables) != "[{A 1 env_var} {B 2 env_var}]" {
			t.Errorf("%v", all[len(all)-1].Variables)
		}
	})
	gitLabCosts(t, s, 2, "a start of the default branch", func() {
		if r, err := d.Start(ctx, ci.StartQuery{Pipeline: stage.Search}); err != nil || r.Branch != "main" || r.Commit != s.Head {
			t.Errorf("%+v, %v", r, err)
		}
	})
	_, err = d.Start(ctx, ci.StartQuery{Pipeline: stage.Search, Ref: "none"})
	gitLabDenied(t, "no branch", err, "Reference not found")
	_, err = d.Start(ctx, ci.StartQuery{Pipeline: stage.Empty})
	gitLabDenied(t, "no commits", err)
	if _, err := d.Start(ctx, ci.StartQuery{Pipeline: stage.Search, Ref: "main", Parameters: map[string]string{"A-B": "secret"}}); !errors.Is(err, ci.ErrInvalid) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	for _, key := range []string{"", "x", "a/b", "a/b#j1", "a/b#1/../2"} {
		for what, err := range map[string]error{"rerun": gitLabSecond(d.Rerun(ctx, key)), "failed": gitLabSecond(d.RerunFailed(ctx, key)), "cancel": gitLabSecond(d.Cancel(ctx, key))} {
			if !errors.Is(err, ci.ErrInvalid) {
				t.Errorf("%s %q: %v", what, key, err)
			}
		}
	}
	if _, err := d.Start(ctx, ci.StartQuery{Pipeline: failed}); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
	if _, err := d.RerunFailed(ctx, gitLabKey(stage.Search, 1<<40)); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
}

func gitLabSecond[V any](_ V, err error) error { return err }

// TestGitLabCompare tells what a commit changes against where it left another.
func TestGitLabCompare(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.AdaToken).(ci.Forge)
	compare := func(base, head string) *ci.Comparison {
		t.Helper()
		found, errs := d.Compare(t.Context(), []ci.ComparisonQuery{{Repository: stage.Search, Base: base, Head: head}})
		return gitLabFirst(t, found, errs)
	}
	show := func(c *ci.Comparison) string {
		var out []string
		for _, f := range c.Files {
			out = append(out, fmt.Sprintf("%s<%s %v", f.Path, f.From, f.Hunks))
		}
		return strings.Join(out, "; ")
	}
	fork := s.Commits["Rank by plays"]
	gitLabCosts(t, s, 3, "a comparison", func() {
		c := compare(s.Head, s.Feature)
		if got, want := show(c), "docs/taste.md< [{0 0 1 3}]; rank.go< [{3 1 3 1}]; taste.go< [{0 0 1 1}]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if c.MergeBase != fork || !c.Complete || fmt.Sprint(c.Ancestors[:2]) != fmt.Sprintf("[%s %s]", fork, s.Commits["Begin"]) {
			t.Errorf("%+v", c)
		}
	})
	if c := compare(s.Feature, s.Head); show(c) != "run.go<main.go []" || c.Files[0].Hunks == nil {
		t.Errorf("%s", show(c))
	}
	gitLabCosts(t, s, 2, "nothing new", func() {
		if c := compare(s.Feature, fork); c.MergeBase != fork || len(c.Files) != 0 || !c.Complete {
			t.Errorf("%+v", c)
		}
	})
	w := s.Workshop
	w.Write("search/blob.bin", "a\x00b")
	w.Write("search/large.txt", strings.Repeat("a line of a large file\n", 20_000))
	w.Write("search/empty.txt", "")
	w.Write("search/run.go", "package main\n\nfunc main() {\n\trun()\n}\n")
	w.Git("search", "rm", "-q", "catalog-info.yaml")
	c := compare(s.Head, w.Commit("search", "All kinds"))
	if got, want := show(c), "blob.bin< []; catalog-info.yaml< [{1 3 0 0}]; empty.txt< []; large.txt< []; run.go< [{3 1 3 3}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, f := range c.Files {
		if (f.Hunks == nil) != (f.Path == "blob.bin" || f.Path == "large.txt") {
			t.Errorf("%+v", f)
		}
	}
	found, errs := d.Compare(t.Context(), []ci.ComparisonQuery{{stage.Search, s.Head, "main"}, {"../x", s.Head, s.Head}, {stage.Search, s.Head, strings.Repeat("0", 40)}, {stage.Search, s.Head, s.Head}})
	if !errors.Is(errs[0], ci.ErrInvalid) || !errors.Is(errs[1], ci.ErrInvalid) || errs[2] == nil || errs[3] != nil || found[3].MergeBase != s.Head {
		t.Errorf("%v, %v", found, errs)
	}
}

// TestGitLabSays puts what Callboard says on commits and merge requests, and reads what others have.
func TestGitLabSays(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	s.Run()
	ctx, client := t.Context(), gitLabClient(t, s, stage.AdaToken)
	d := ci.NewGitLab(client, nil).(ci.Forge)
	status := ci.CommitStatus{Repository: stage.Search, Commit: s.Feature, State: ci.Running, Name: "callboard", Description: strings.Repeat("ä", 200), URL: "https://callboard.example/1"}
	said := func() *gitlab.CommitStatus {
		t.Helper()
		page, err := client.CommitStatuses(ctx, stage.Search, git.OID(s.Feature), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Statuses {
			if one.Name == "callboard" {
				return one
			}
		}
		return nil
	}
	for _, state := range []ci.Status{ci.Running, ci.Running, ci.Failed, ci.Running, ci.Succeeded, ci.Succeeded} {
		status.State = state
		gitLabCosts(t, s, 1, "a status", func() {
			if err := d.SetStatus(ctx, status); err != nil {
				t.Errorf("%s: %v", state, err)
			}
		})
		want := map[ci.Status]string{ci.Running: "running", ci.Failed: "failed", ci.Succeeded: "success"}[state]
		if got := said(); got == nil || got.State != want || got.URL != status.URL || len(got.Description) > 255 || !strings.HasSuffix(got.Description, "ä…") {
			t.Errorf("%s: %+v", state, got)
		}
	}
	for _, bad := range []ci.CommitStatus{{State: ci.Queued}, {Commit: "main"}, {URL: "javascript:x"}, {Name: ""}} {
		one := status
		if bad.State != "" {
			one.State = bad.State
		} else if bad.Commit != "" {
			one.Commit = bad.Commit
		} else if one.URL = bad.URL; bad.URL == "" {
			one.Name = ""
		}
		if err := d.SetStatus(ctx, one); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}

	var id string
	gitLabCosts(t, s, 1, "a comment", func() {
		var err error
		if id, err = d.Comment(ctx, stage.Search, 1, "", "Hello"); err != nil || id == "" {
			t.Errorf("%q, %v", id, err)
		}
	})
	gitLabCosts(t, s, 1, "another text", func() {
		if again, err := d.Comment(ctx, stage.Search, 1, id, "Hello again"); err != nil || again != id {
			t.Errorf("%q, %v", again, err)
		}
	})
	gitLabCosts(t, s, 2, "one that is gone", func() {
		if other, err := d.Comment(ctx, stage.Search, 1, "999999", "Here"); err != nil || other == id || other == "999999" {
			t.Errorf("%q, %v", other, err)
		}
	})
	notes, err := client.Notes(ctx, gitlab.MergeRequestNumber{Project: stage.Search, Number: 1}, 1)
	if err != nil || len(notes.Notes) != 2 || notes.Notes[0].Body != "Hello again" || notes.Notes[1].Body != "Here" {
		t.Errorf("%+v, %v", notes, err)
	}
	if _, err := d.Comment(ctx, stage.Search, 99, "", "x"); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	for _, bad := range []string{"x", "-1", "01"} {
		if _, err := d.Comment(ctx, stage.Search, 1, bad, "x"); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}

	for _, name := range []string{"jenkins", "jenkins 2", "again", "own"} {
		one := ci.CommitStatus{Repository: stage.Search, Commit: s.Feature, State: ci.Running, Name: name, URL: "https://jenkins.example/job/search/1/"}
		if name == "jenkins 2" {
			one.URL = "https://jenkins.example/job/search/2/"
		} else if name == "own" {
			one.URL = gitLabAddress + "/larkfold/platform/search/-/jobs/7"
		}
		if err := d.SetStatus(ctx, one); err != nil {
			t.Fatal(err)
		}
	}
	gitLabCosts(t, s, 3, "what is linked", func() {
		found, errs := d.Linked(ctx, []ci.CommitName{{stage.Search, s.Feature}, {stage.Search, s.Commits["Begin"]}, {stage.Search, strings.Repeat("0", 40)}, {stage.Search, "main"}})
		if errs[0] != nil || fmt.Sprint(found[0]) != "[https://callboard.example/1 https://jenkins.example/job/search/1/ https://jenkins.example/job/search/2/]" || errs[1] != nil || found[1] == nil || len(found[1]) != 0 ||
			!errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], ci.ErrInvalid) {
			t.Errorf("%v, %v", found, errs)
		}
	})
}

// FuzzGitLabKeys checks that keys of clients lead to nothing but what they name, or to nobody.
func FuzzGitLabKeys(f *testing.F) {
	for _, key := range []string{"larkfold/platform/search#1", "a/b#j7", "a/b", "a/b#01", "../x#1", "a/b#1#2", "a/b%23#1", "a/b#9223372036854775808"} {
		f.Add(key)
	}
	s := stage.Set(f, gitlabtest.Settings{})
	d := onGitLab(f, s, stage.AdaToken)
	f.Fuzz(func(t *testing.T, key string) {
		owner, name, _ := strings.Cut(key, "#")
		number := strings.TrimPrefix(name, "j")
		can := gitlab.IsProject(owner) && number != "" && len(number) < 20 && strings.Trim(number, "0123456789") == "" && number[0] != '0'
		before := s.Watch.Count("")
		_, errs := d.Runs(t.Context(), []string{key})
		if invalid := errors.Is(errs[0], ci.ErrInvalid); invalid != (s.Watch.Count("") == before) || !invalid && (!can || name != number) {
			t.Errorf("run %q: %v", key, errs[0])
		}
		_, errs = d.Steps(t.Context(), []string{key})
		if errs[0] == nil && (!can || name == number) {
			t.Errorf("job %q", key)
		}
		before = s.Watch.Count("")
		_, _, err := d.Open(t.Context(), "a/b#1", key, 1)
		if errors.Is(err, ci.ErrInvalid) != (s.Watch.Count("") == before) && !errors.Is(err, ci.ErrUnsupported) {
			t.Errorf("artifact %q: %v", key, err)
		}
		_, errs = d.Pipelines(t.Context(), []string{key})
		if errors.Is(errs[0], ci.ErrInvalid) == gitlab.IsProject(key) {
			t.Errorf("pipeline %q: %v", key, errs[0])
		}
	})
}
