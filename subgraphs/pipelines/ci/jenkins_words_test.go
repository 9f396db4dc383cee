package ci_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// jenkinsSaying returns a driver of a Jenkins that says the same to all questions below a path.
func jenkinsSaying(t testing.TB, answers map[string]string) ci.Driver {
	return ci.NewJenkins(jenkinsClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for suffix, text := range answers {
			if strings.HasSuffix(r.URL.Path, suffix) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, text)
				return
			}
		}
		http.NotFound(w, r)
	})))
}

// Every word that Jenkins has for how a build ended, and what it may say else.
func TestJenkinsResults(t *testing.T) {
	for word, want := range map[string]ci.Status{`"SUCCESS"`: ci.Succeeded, `"UNSTABLE"`: ci.Unstable, `"FAILURE"`: ci.Failed, `"NOT_BUILT"`: ci.Skipped, `"ABORTED"`: ci.Canceled, `"success"`: ci.Unknown, `"NEW"`: ci.Unknown, `null`: ci.Unknown} {
		got, errs := jenkinsSaying(t, map[string]string{"/1/api/json": `{"number":1,"result":` + word + `}`}).Runs(t.Context(), []string{"a#1"})
		if errs[0] != nil || got[0].Status != want || got[0].Word != strings.Trim(strings.TrimPrefix(word, "null"), `"`) || got[0].Trigger != ci.ByOther {
			t.Errorf("%s: %+v, %v", word, got[0], errs[0])
		}
	}
	for _, said := range []string{`"building":true`, `"building":true,"result":"FAILURE"`} {
		got, errs := jenkinsSaying(t, map[string]string{"/1/api/json": `{"number":1,` + said + `}`}).Runs(t.Context(), []string{"a#1"})
		if errs[0] != nil || got[0].Status != ci.Running {
			t.Errorf("%s: %+v, %v", said, got[0], errs[0])
		}
	}
}

// Every word for how far a stage is.
func TestJenkinsStates(t *testing.T) {
	for word, want := range map[jenkins.State]ci.Status{jenkins.StateSuccess: ci.Succeeded, jenkins.StateFailed: ci.Failed, jenkins.StateAborted: ci.Canceled, jenkins.StateUnstable: ci.Unstable,
		jenkins.StateInProgress: ci.Running, jenkins.StateNotExecuted: ci.Skipped, jenkins.StatePaused: ci.Waiting, "NEW": ci.Unknown} {
		d := jenkinsSaying(t, map[string]string{"/1/wfapi/describe": `{"status":"` + string(word) + `","stages":[{"id":"6","name":"Build","status":"` + string(word) + `","startTimeMillis":1000,"durationMillis":5}]}`})
		got, errs := d.Stages(t.Context(), []string{"a#1"})
		if errs[0] != nil || got[0].Done != want.Done() {
			t.Fatalf("%s: %+v, %v", word, got[0], errs[0])
		}
		for _, s := range []ci.Stage{got[0].Stages[0], {Status: got[0].Stages[0].Jobs[0].Status, Word: got[0].Stages[0].Jobs[0].Word, Duration: got[0].Stages[0].Jobs[0].Duration, FinishedAt: got[0].Stages[0].Jobs[0].FinishedAt}} {
			if s.Status != want || s.Word != string(word) || (s.Duration != nil) != want.Done() || s.FinishedAt.IsZero() == want.Done() {
				t.Errorf("%s: %+v", word, s)
			}
		}
	}
}

// Every kind of cause, of a branch and of a pull request.
func TestJenkinsTriggers(t *testing.T) {
	for class, want := range map[string]struct{ branch, pull ci.Trigger }{
		"hudson.model.Cause$UserIdCause":                                        {ci.ByHand, ci.ByHand},
		"hudson.model.Cause$RemoteCause":                                        {ci.ByAPI, ci.ByAPI},
		"hudson.model.Cause$UpstreamCause":                                      {ci.ByPipeline, ci.ByPipeline},
		"org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause": {ci.ByPipeline, ci.ByPipeline},
		"hudson.triggers.SCMTrigger$SCMTriggerCause":                            {ci.ByPush, ci.ByPullRequest},
		"com.cloudbees.jenkins.GitHubPushCause":                                 {ci.ByPush, ci.ByPullRequest},
		"com.dabsquared.gitlabjenkins.cause.GitLabWebHookCause":                 {ci.ByPush, ci.ByPullRequest},
		"jenkins.branch.BranchEventCause":                                       {ci.ByPush, ci.ByPullRequest},
		"jenkins.branch.BranchIndexingCause":                                    {ci.ByPush, ci.ByPullRequest},
		"hudson.triggers.TimerTrigger$TimerTriggerCause":                        {ci.BySchedule, ci.BySchedule},
		"com.sonyericsson.rebuild.RebuildCause":                                 {ci.ByHand, ci.ByHand},
		"org.jenkinsci.plugins.workflow.cps.replay.ReplayCause":                 {ci.ByHand, ci.ByHand},
		"org.example.Other":                                                     {ci.ByOther, ci.ByOther},
	} {
		d := jenkinsSaying(t, map[string]string{"/1/api/json": `{"number":1,"result":"SUCCESS","actions":[{"causes":[{"_class":"` + class + `","shortDescription":"so it is said"}]}]}`,
			"/job/p/api/json": `{"_class":"org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject","name":"p","displayName":"Player"}`})
		got, errs := d.Runs(t.Context(), []string{"p/main#1", "p/PR-5#1"})
		if errs[0] != nil || errs[1] != nil || got[0].Trigger != want.branch || got[1].Trigger != want.pull || got[0].TriggerWord != "so it is said" || got[1].PullRequest != 5 || got[0].Pipeline != "p" {
			t.Errorf("%s: %+v %+v, %v", class, got[0], got[1], errs)
		}
	}
}

// What was checked out of the repository is told from shared libraries by the branch; and of several causes the first that says something counts.
func TestJenkinsRevisions(t *testing.T) {
	d := jenkinsSaying(t, map[string]string{"/1/api/json": `{"number":1,"result":"SUCCESS","displayName":"Release 5","actions":[
		{"causes":[{"_class":"org.example.Other","shortDescription":"who knows"},{"_class":"jenkins.branch.BranchEventCause","shortDescription":"a push"},{"_class":"hudson.model.Cause$UserIdCause","userId":"max"}]},
		{"lastBuiltRevision":{"SHA1":"` + stage.Old + `","branch":[{"name":"master"}]},"remoteUrls":["https://git.larkfold.example/larkfold/library.git"]},
		{"lastBuiltRevision":{"SHA1":"` + stage.Head + `","branch":[{"name":"fix/it"}]},"remoteUrls":["https://git.larkfold.example/larkfold/app.git"]}]}`})
	got, errs := d.Runs(t.Context(), []string{"app/fix%2Fit#1"})
	if errs[0] != nil || got[0].Commit != stage.Head || got[0].Branch != "fix/it" || got[0].Remote != "https://git.larkfold.example/larkfold/app.git" {
		t.Errorf("%+v, %v", got[0], errs[0])
	}
	if got[0].Trigger != ci.ByPush || got[0].TriggerWord != "a push" || got[0].Actor.Login != "max" || got[0].Title != "Release 5" {
		t.Errorf("%+v", got[0])
	}
}

// Every word for what becomes of a test.
func TestJenkinsTestStates(t *testing.T) {
	for word, want := range map[string]testreport.Status{"PASSED": testreport.Passed, "FIXED": testreport.Passed, "FAILED": testreport.Failed, "REGRESSION": testreport.Failed, "SKIPPED": testreport.Skipped, "NEW": testreport.Error} {
		d := jenkinsSaying(t, map[string]string{"/1/api/json": `{"number":1,"building":true}`, "/testReport/api/json": `{"failCount":0,"passCount":2,"skipCount":0,"suites":[{"name":"s","cases":[{"className":"c","name":"n","status":"` + word + `"}]},{"name":"none"}]}`})
		got, errs := d.Tests(t.Context(), []string{"a#1"})
		if errs[0] != nil || len(got[0].Report.Suites) != 1 || got[0].Report.Suites[0].Cases[0].Status != want || !got[0].Cut || got[0].Done || got[0].Lasts() != nil {
			t.Errorf("%s: %+v, %v", word, got[0], errs[0])
		}
	}
}

// FuzzJenkinsKeys checks that no key, cursor or name leads to a request for anything but what it names.
func FuzzJenkinsKeys(f *testing.F) {
	for _, key := range []string{"a/b#12", "a#q7", "a/b%2Fc#12/6", "a#0", "../..#1", "a/job/b#1/../2", "a#1?x#/0", "p1700000000000:a/b", "b3:12", "", "é#1", "%#1", "a#999999999999999999999"} {
		f.Add(key)
	}
	var asked []string
	d := ci.NewJenkins(jenkinsClient(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.EscapedPath())
		http.NotFound(w, r)
	})))
	f.Fuzz(func(t *testing.T, key string) {
		ctx := t.Context()
		asked = nil
		var errs []error
		check := func(_ any, more []error) { errs = append(errs, more...) }
		for _, ask := range []func(){
			func() { v, e := d.Runs(ctx, []string{key}); check(v, e) },
			func() { v, e := d.Pipelines(ctx, []string{key}); check(v, e) },
			func() { v, e := d.Overviews(ctx, []string{key}); check(v, e) },
			func() { v, e := d.Stages(ctx, []string{key}); check(v, e) },
			func() { v, e := d.Steps(ctx, []string{key}); check(v, e) },
			func() { v, e := d.Logs(ctx, []ci.LogQuery{{Run: key, Most: 1}}); check(v, e) },
			func() {
				v, e := d.RunPages(ctx, []ci.RunsQuery{{Pipeline: "a/b", Paging: ci.Paging{First: 1, After: key}}})
				check(v, e)
			},
			func() {
				v, e := d.RunPages(ctx, []ci.RunsQuery{{Pipeline: "a", Branch: key, Paging: ci.Paging{First: 1}}})
				check(v, e)
			},
		} {
			ask()
		}
		for _, err := range errs {
			if e := clients.Of(err); e == nil || e.Source != "jenkins" {
				t.Errorf("%q: %v", key, err)
			}
		}
		for _, path := range asked {
			rest, found := strings.CutPrefix(path, "/jenkins/")
			if !found || strings.Contains(path, "/../") || strings.Contains(path, "/./") || strings.Contains(path, "//") || !strings.HasPrefix(rest, "job/") && !strings.HasPrefix(rest, "queue/item/") && rest != "api/json" {
				t.Errorf("%q asks for %s", key, path)
			}
		}
	})
}
