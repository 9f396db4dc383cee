package ci_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// What a page of twenty components asks takes one request, whatever it is.
func TestGitHubAsksOnceForTwenty(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	for _, name := range gitHubTwenty() {
		if err := s.AddWorkflow(name, gitHubCheck()); err != nil {
			t.Fatal(err)
		}
		s.start(t, name, githubtest.Run{Workflow: "Check"})
		s.start(t, name, githubtest.Run{Workflow: "Check", Event: "pull_request", Branch: "feature/gapless", PullRequest: 1})
	}
	for _, test := range []struct {
		name string
		ask  func() (found []int, errs []error)
	}{
		{"overviews", func() (found []int, errs []error) {
			got, errs := s.driver.Overviews(t.Context(), gitHubTwenty())
			for _, list := range got {
				if len(list) == 1 && list[0].Latest != nil {
					found = append(found, 1)
				}
			}
			return found, errs
		}},
		{"runs of pull requests", func() (found []int, errs []error) {
			var names []ci.PullRequestName
			for _, name := range gitHubTwenty() {
				names = append(names, ci.PullRequestName{Repository: name, Number: 1})
			}
			got, errs := s.driver.PullRequestRuns(t.Context(), names)
			for _, list := range got {
				if len(list) == 1 && list[0].Trigger == ci.ByPullRequest && list[0].PullRequest == 1 && list[0].Commit == s.side {
					found = append(found, 1)
				}
			}
			return found, errs
		}},
		{"runs of commits", func() (found []int, errs []error) {
			var names []ci.CommitName
			for _, name := range gitHubTwenty() {
				names = append(names, ci.CommitName{Repository: name, OID: s.head})
			}
			got, errs := s.driver.CommitRuns(t.Context(), names)
			for _, list := range got {
				if len(list) == 1 && list[0].Trigger == ci.ByPush && list[0].Commit == s.head {
					found = append(found, 1)
				}
			}
			return found, errs
		}},
		{"linked", func() (found []int, errs []error) {
			var names []ci.CommitName
			for _, name := range gitHubTwenty() {
				names = append(names, ci.CommitName{Repository: name, OID: s.head})
			}
			got, errs := s.driver.(ci.Forge).Linked(t.Context(), names)
			for _, list := range got {
				if list != nil && len(list) == 0 { // the jobs' own pages are left out
					found = append(found, 1)
				}
			}
			return found, errs
		}},
	} {
		s.asked()
		found, errs := test.ask()
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if n := s.asked(); n != 1 || len(found) != 20 {
			t.Errorf("%s: %d requests, %d of 20 found", test.name, n, len(found))
		}
	}
}

// An overview has the workflows of the newest two commits, each with the newest run of the default branch: not of a tag or a pull request on the same commit.
func TestGitHubOverviews(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check", HeadOID: s.first})
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Nightly", Event: "schedule", HeadOID: s.first, Jobs: gitHubCheck().Jobs})
	s.pass(time.Minute)
	newest := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check"})
	s.pass(time.Second)
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check", Branch: "feature/gapless", HeadOID: s.head})
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Check", Event: "pull_request", PullRequest: 1, Branch: "main", HeadOID: s.head})
	s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Tagged", Branch: "feature/gapless", HeadOID: s.head, Jobs: gitHubCheck().Jobs})
	got, errs := s.driver.Overviews(t.Context(), []string{"larkfold/tiles", "larkfold/part-00", "larkfold/none", "larkfold", "larkfold/empty"})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], ci.ErrInvalid) || !strings.HasPrefix(errs[3].Error(), "github.com: ") {
		t.Fatal(errs)
	}
	var names []string
	for _, p := range got[0] {
		names = append(names, p.Name)
		if p.Branch != "main" || p.Repository != "larkfold/tiles" {
			t.Errorf("%s is of %q in %q", p.Name, p.Branch, p.Repository)
		}
	}
	if want := []string{"Check", "Nightly", "Tagged"}; !cmp.Equal(names, want) || got[1] == nil || len(got[1]) != 0 {
		t.Fatalf("workflows are %q and %v, want %q", names, got[1], want)
	}
	check, nightly, tagged := got[0][0], got[0][1], got[0][2]
	if check.Latest.Key != newest || check.Latest.Pipeline != check.Key || check.File != ".github/workflows/check.yml" || check.URL != "https://github.com/larkfold/tiles/actions/workflows/check.yml" || check.Latest.Commit != s.head {
		t.Errorf("a workflow is %+v with %+v", check, check.Latest)
	}
	if nightly.Latest == nil || nightly.Latest.Trigger != ci.BySchedule || tagged.Latest != nil {
		t.Errorf("others are %+v, %+v", nightly.Latest, tagged.Latest)
	}
	// What is withheld altogether is not taken for nothing.
	d := gitHubSays(t, `{"data":{"r0":{"defaultBranchRef":{"name":"main"},"object":{"history":{"nodes":[{"oid":"`+s.head+`","checkSuites":null}]}}}},
		"errors":[{"type":"FORBIDDEN","message":"Resource not accessible by integration","path":["r0","object","history","nodes",0,"checkSuites"]}]}`)
	if err := gitHubError(t, d.Overviews, "larkfold/tiles"); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("withheld runs: %v", err)
	}
}

func TestGitHubPipelines(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	old := s.start(t, "larkfold/tiles", githubtest.Run{Workflow: "Release", Event: "release"})
	s.pass(time.Hour)
	for i := range 3 {
		head, err := s.Push(t.Context(), "larkfold/tiles", "main", "ada", fmt.Sprint("More ", i), githubtest.File{Path: "x", Data: []byte{'0' + byte(i)}})
		if err != nil {
			t.Fatal(err)
		}
		s.head = head
	}
	s.asked()
	all := gitHubOne(t, s.driver.All, "larkfold/tiles")
	if n := s.asked(); n != 1 || len(all) != 2 || all[0].Name != "Check" || all[0].Disabled || all[1].Name != "Release" || !all[1].Disabled || all[1].File != ".github/workflows/release.yml" {
		t.Fatalf("%d requests: %+v", n, all)
	}
	got, errs := s.driver.Pipelines(t.Context(), []string{all[0].Key, all[1].Key, "larkfold/tiles#w999", "larkfold/tiles#r1"})
	if n := s.asked(); n != 6 { // three workflows, the newest runs, their files, and the runs of the one that has not run lately
		t.Errorf("%d requests", n)
	}
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], ci.ErrInvalid) {
		t.Fatal(errs)
	}
	want := []ci.Parameter{{Name: "target", Description: "Where to", Default: "web", Required: true, Choices: []string{"web", "app"}}, {Name: "dry", Choices: []string{"true", "false"}}}
	if check := got[0]; check.Branch != "main" || check.Latest == nil || check.Latest.Commit != s.head || !cmp.Equal(check.Parameters, want) {
		t.Errorf("a workflow is %+v\n%s", check, cmp.Diff(want, check.Parameters))
	}
	if release := got[1]; release.Latest == nil || release.Latest.Key != old || release.Latest.Trigger != ci.ByTag || release.Parameters != nil {
		t.Errorf("one that has not run lately is %+v with %+v", release, release.Latest)
	}
}

// gitHubSays returns the driver of a github.com that gives this answer to everything.
func gitHubSays(t testing.TB, body string) ci.Driver {
	t.Helper()
	return gitHubAnswers(t, "github.com", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) })
}

// gitHubAnswers returns the driver of a host whose answers the test writes.
func gitHubAnswers(t testing.TB, host string, answer http.HandlerFunc) ci.Driver {
	t.Helper()
	typed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		answer(w, r)
	})
	c, err := github.New(host, &url.URL{Scheme: "https", Host: host}, &http.Client{Transport: clientstest.Transport{Handler: typed}})
	if err != nil {
		t.Fatal(err)
	}
	return ci.NewGitHub(c)
}

// Every word of GitHub's documentation is known, and others are kept.
func TestGitHubWords(t *testing.T) {
	run := func(fields string) *ci.Run {
		return gitHubOne(t, gitHubSays(t, `{"id":34,`+fields+`}`).Runs, "larkfold/tiles#r34")
	}
	for _, test := range []struct {
		status, conclusion string
		want               ci.Status
		can                ci.Reruns
	}{
		{"requested", "", ci.Queued, ci.Reruns{Cancel: true}}, {"queued", "", ci.Queued, ci.Reruns{Cancel: true}}, {"pending", "", ci.Queued, ci.Reruns{Cancel: true}},
		{"waiting", "", ci.Waiting, ci.Reruns{Cancel: true}}, {"in_progress", "", ci.Running, ci.Reruns{Cancel: true}},
		{"completed", "success", ci.Succeeded, ci.Reruns{All: true}}, {"completed", "skipped", ci.Skipped, ci.Reruns{All: true}}, {"completed", "neutral", ci.Skipped, ci.Reruns{All: true}},
		{"completed", "failure", ci.Failed, ci.Reruns{All: true, Failed: true}}, {"completed", "startup_failure", ci.Failed, ci.Reruns{All: true, Failed: true}}, {"completed", "timed_out", ci.TimedOut, ci.Reruns{All: true, Failed: true}},
		{"completed", "stale", ci.TimedOut, ci.Reruns{All: true, Failed: true}}, {"completed", "cancelled", ci.Canceled, ci.Reruns{All: true, Failed: true}}, {"completed", "action_required", ci.Waiting, ci.Reruns{}},
		{"completed", "", ci.Unknown, ci.Reruns{}}, {"completed", "exploded", ci.Unknown, ci.Reruns{}}, {"dreaming", "", ci.Unknown, ci.Reruns{Cancel: true}}, {"", "", ci.Unknown, ci.Reruns{Cancel: true}},
	} {
		got := run(`"status":"` + test.status + `","conclusion":"` + test.conclusion + `","run_started_at":"2026-03-01T12:00:00Z","updated_at":"2026-03-01T12:01:00Z"`)
		word := strings.ToUpper(test.status)
		if test.conclusion != "" {
			word = strings.ToUpper(test.conclusion)
		}
		if got.Status != test.want || got.Word != word || got.Reruns != test.can {
			t.Errorf("%s %s is %s, %q, %+v", test.status, test.conclusion, got.Status, got.Word, got.Reruns)
		}
		if got.FinishedAt.IsZero() == got.Status.Done() || got.Duration != nil && (got.StartedAt.IsZero() || !got.Status.Done()) || got.Status == ci.Running && got.StartedAt.IsZero() || (got.Status == ci.Queued || got.Status == ci.Waiting) && !got.StartedAt.IsZero() {
			t.Errorf("%s %s: from %v to %v in %v", test.status, test.conclusion, got.StartedAt, got.FinishedAt, got.Duration)
		}
	}
	for event, want := range map[string]ci.Trigger{
		"push": ci.ByPush, "pull_request": ci.ByPullRequest, "pull_request_target": ci.ByPullRequest, "pull_request_review": ci.ByPullRequest, "pull_request_review_comment": ci.ByPullRequest, "merge_group": ci.ByPullRequest,
		"schedule": ci.BySchedule, "workflow_dispatch": ci.ByHand, "repository_dispatch": ci.ByAPI, "workflow_call": ci.ByPipeline, "workflow_run": ci.ByPipeline, "release": ci.ByTag,
		"branch_protection_rule": ci.ByOther, "check_run": ci.ByOther, "check_suite": ci.ByOther, "create": ci.ByOther, "delete": ci.ByOther, "deployment": ci.ByOther, "deployment_status": ci.ByOther, "discussion": ci.ByOther,
		"discussion_comment": ci.ByOther, "dynamic": ci.ByOther, "fork": ci.ByOther, "gollum": ci.ByOther, "image_version": ci.ByOther, "issue_comment": ci.ByOther, "issues": ci.ByOther, "label": ci.ByOther, "milestone": ci.ByOther,
		"page_build": ci.ByOther, "public": ci.ByOther, "registry_package": ci.ByOther, "status": ci.ByOther, "watch": ci.ByOther, "hiccup": ci.ByOther, "": ci.ByOther,
	} {
		if got := run(`"event":"` + event + `","head_branch":"main"`); got.Trigger != want || got.TriggerWord != event {
			t.Errorf("%s is %s, %q", event, got.Trigger, got.TriggerWord)
		}
	}
	for branch, want := range map[string]ci.Trigger{"v1.2.3": ci.ByTag, "1.2.3-rc.1": ci.ByTag, "v2": ci.ByPush, "release/1.2.3": ci.ByPush, "1.2": ci.ByPush} {
		if got := run(`"event":"push","head_branch":"` + branch + `"`); got.Trigger != want || got.Branch != branch {
			t.Errorf("a push to %s is %s", branch, got.Trigger)
		}
	}
}

// Keys that are none are refused before anybody is asked.
func TestGitHubKeys(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	for _, key := range []string{"", "#", "larkfold/tiles", "larkfold/tiles#", "larkfold/tiles#r", "larkfold/tiles#12", "larkfold/tiles#w12", "larkfold/tiles#r0", "larkfold/tiles#r-1", "larkfold/tiles#r+1", "larkfold/tiles#r012", "larkfold/tiles#r1#r2",
		"larkfold/tiles#r1/../../x", "larkfold/tiles#r99999999999999999999", "larkfold/../x#r1", "larkfold/tiles/x#r1", "larkfold%2ftiles#r1", "larkfold/tiles?x#r1", "larkfold/tiles#r1 ", "larkfold/tiles#R1", "\x00/x#r1"} {
		for name, err := range map[string]error{
			"run": gitHubError(t, s.driver.Runs, key), "stages": gitHubError(t, s.driver.Stages, key), "artifacts": gitHubError(t, s.driver.Artifacts, key), "tests": gitHubError(t, s.driver.Tests, key),
			"coverage": gitHubError(t, s.driver.Coverages, key), "log": gitHubError(t, s.driver.Logs, ci.LogQuery{Run: key, Most: 1}), "steps": gitHubError(t, s.driver.Steps, key),
		} {
			if !errors.Is(err, ci.ErrInvalid) {
				t.Errorf("%s of %q: %v", name, key, err)
			}
		}
	}
	if n := s.asked(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// No key reaches an address but as the repository and the number that it names.
func FuzzGitHubKey(f *testing.F) {
	for _, key := range []string{"larkfold/tiles#r34", "larkfold/tiles#w12", "larkfold/tiles#j56", "a/b#r1/../2", "a/b%23#r1", "a/../b#r1", "a#b/c#r1"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		var asked []string
		err := gitHubError(t, gitHubAnswers(t, "github.com", func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.EscapedPath())
			w.WriteHeader(http.StatusNotFound)
		}).Runs, key)
		owner, name, _ := strings.Cut(key, "#")
		switch want := "/repos/" + owner + "/actions/runs/" + strings.TrimPrefix(name, "r"); {
		case errors.Is(err, ci.ErrInvalid) && len(asked) == 0:
		case len(asked) != 1 || asked[0] != want || ci.OwnerOf(key) != owner:
			t.Errorf("%q asked for %q, %v", key, asked, err)
		}
	})
}
