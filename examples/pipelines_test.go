package examples_test

import (
	"encoding/xml"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/examples"
)

// commitsOf reads what there is to run pipelines for: the first parents of main, and the commits of pull requests.
func commitsOf(t *testing.T, forge *examples.Forge, name string) []examples.Commit {
	t.Helper()
	folder := filepath.Join(organisation(t), name)
	tags := map[string]string{}
	for line := range strings.SplitSeq(git(t, folder, "for-each-ref", "--format=%(*objectname) %(refname:short)", "refs/tags"), "\n") {
		oid, tag, _ := strings.Cut(line, " ")
		tags[oid] = tag
	}
	var out []examples.Commit
	read := func(like examples.Commit, args ...string) {
		for i, line := range strings.Split(git(t, folder, append([]string{"log", "--format=%H%x09%cI%x09%s"}, args...)...), "\n") {
			fields := strings.SplitN(line, "\t", 3)
			at, err := time.Parse(time.RFC3339, fields[1])
			if err != nil {
				t.Fatal(err)
			}
			one := like
			one.OID, one.Subject, one.At, one.Tag, one.Head = fields[0], fields[2], at, tags[fields[0]], like.Head && i == 0
			out = append(out, one)
		}
	}
	read(examples.Commit{Branch: "main"}, "--first-parent", "main")
	for _, p := range forge.Repositories[name].PullRequests {
		if p.MergedBy == "" {
			read(examples.Commit{Branch: p.Branch, Pull: p.Number, Head: true}, "main.."+p.Branch)
		}
	}
	return out
}

// What builds and tests the repositories fits them: every run is of a real commit, and every open pull request has runs for its newest one.
func TestPipelinesFitTheRepositories(t *testing.T) {
	pipelines, err := examples.ReadPipelines()
	if err != nil {
		t.Fatal(err)
	}
	forge, err := examples.ReadForge()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	outcomes, total := map[string]int{}, 0
	for _, name := range examples.Repositories() {
		commits := commitsOf(t, forge, name)
		runs, err := pipelines.Runs(name, commits, now)
		if err != nil {
			t.Error(err)
		}
		again, err := pipelines.Runs(name, commits, now)
		if err != nil || len(again) != len(runs) {
			t.Errorf("%s: %d runs, and then %d: %v", name, len(runs), len(again), err)
		}
		heads := map[int]bool{}
		for i, r := range runs {
			known := slices.ContainsFunc(commits, func(c examples.Commit) bool { return c == r.Commit })
			switch {
			case !known:
				t.Errorf("%s: a run of %s, which is no commit", name, r.Commit.OID)
			case r.Event != examples.Schedule && r.Begins.Before(r.Commit.At), r.Begins.After(now):
				t.Errorf("%s: the run of %q began at %s", name, r.Commit.Subject, r.Begins)
			case len(r.Work) == 0:
				t.Errorf("%s: the run of %q does nothing", name, r.Commit.Subject)
			case again[i].Begins != r.Begins || again[i].Commit != r.Commit || again[i].Work[0].Acts[0] != r.Work[0].Acts[0]:
				t.Errorf("%s: run %d is another when it is asked for again", name, i)
			case r.Event == examples.PullRequest != (r.Commit.Pull != 0):
				t.Errorf("%s: the run of %q is a %s", name, r.Commit.Subject, r.Event)
			}
			heads[r.Commit.Pull] = heads[r.Commit.Pull] || r.Commit.Head
			outcomes[r.Outcome]++
			total++
			for _, w := range r.Work {
				for _, a := range w.Acts {
					if strings.Contains(a.Log, "{") && strings.Contains(a.Log, "}") || strings.Contains(a.Log, "<off>") {
						t.Errorf("%s: a log says %q", name, a.Log)
					}
				}
			}
			if failing := slices.ContainsFunc(r.Work, func(w examples.Work) bool {
				return slices.ContainsFunc(w.Cases, func(c examples.Case) bool { return c.Message != "" })
			}); failing && r.Outcome == "" {
				t.Errorf("%s: the run of %q is good, and one of its tests fails", name, r.Commit.Subject)
			}
		}
		for _, p := range forge.Repositories[name].PullRequests {
			if p.MergedBy == "" && !heads[p.Number] {
				t.Errorf("%s: pull request %d has no run", name, p.Number)
			}
		}
		// Files that runs are said to be told by are there.
		for _, p := range pipelines.Pipelines {
			if p.Repository == name && p.File != "" {
				git(t, filepath.Join(organisation(t), name), "cat-file", "-e", "main:"+p.File)
			}
		}
	}
	if bad := total - outcomes[""]; bad*4 > total || total < 150 {
		t.Errorf("of %d runs %d were not good", total, bad)
	}
	for _, outcome := range []string{examples.Failed, examples.Flaky, examples.TimedOut, examples.Canceled, examples.Unstable, examples.Waiting} {
		if outcomes[outcome] == 0 {
			t.Errorf("no run was %s", outcome)
		}
	}
	t.Logf("%d runs: %v", total, outcomes)
}

// A job of Jenkins that a catalog file names is there.
func TestJenkinsHasWhatTheCatalogNames(t *testing.T) {
	pipelines, err := examples.ReadPipelines()
	if err != nil {
		t.Fatal(err)
	}
	named := false
	for _, name := range examples.Repositories() {
		for line := range strings.SplitSeq(storedFiles(t, name)["catalog-info.yaml"], "\n") {
			jobs, found := strings.CutPrefix(strings.TrimSpace(line), "jenkins.io/job-full-name: ")
			if !found {
				continue
			}
			for job := range strings.SplitSeq(jobs, ",") {
				named = true
				if !slices.ContainsFunc(pipelines.Pipelines, func(p examples.Pipeline) bool {
					return p.On == examples.OnJenkins && p.Name == job && p.Repository == name
				}) {
					t.Errorf("%s names the job %s, which is not there", name, job)
				}
			}
		}
	}
	if !named {
		t.Error("no catalog file names a job")
	}
}

// The script plays with people and files that are there, and its first run fails while the second does not.
func TestScriptFitsTheOrganisation(t *testing.T) {
	script, err := examples.ReadScript()
	if err != nil {
		t.Fatal(err)
	}
	pipelines, err := examples.ReadPipelines()
	if err != nil {
		t.Fatal(err)
	}
	forge, err := examples.ReadForge()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range script.Acts {
		for _, login := range []string{a.Author, a.Reviewer} {
			if !slices.ContainsFunc(forge.People, func(p examples.ForgePerson) bool { return p.Login == login }) {
				t.Errorf("%q: nobody is called %s", a.Title, login)
			}
		}
		for file := range a.Files {
			if _, there := storedFiles(t, a.Repository)[file]; there {
				t.Errorf("%q writes %s, which is there", a.Title, file)
			}
		}
		run := pipelines.Next(pipelines.Of(a.Repository, examples.OnGitHub, a.Pipeline), examples.Commit{OID: "0123456789"}, examples.PullRequest, examples.LastDay,
			examples.Exception{Job: a.Job, Outcome: examples.Flaky, Test: a.Test, Message: a.Failure, Details: a.Details, Log: a.Log})
		failing := func(work []examples.Work) (n int) {
			for _, w := range work {
				for _, c := range w.Cases {
					if c.Message != "" {
						n++
					}
				}
			}
			return n
		}
		if failing(run.Work) != 1 || run.Again == nil || failing(run.Again) != 0 {
			t.Errorf("%q: %d tests fail, and then %d", a.Title, failing(run.Work), failing(run.Again))
		}
	}
}

func TestJUnit(t *testing.T) {
	text := examples.JUnit("player", []examples.Case{{Class: "Queue", Name: "a < b", Takes: 1500 * time.Millisecond}, {Class: "Queue", Name: "c", Message: `want "x"`, Details: "at <1>"}})
	var read struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Time    string `xml:"time,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if read.Tests != 2 || read.Failures != 1 || read.Cases[0].Name != "a < b" || read.Cases[0].Time != "1.500" || read.Cases[0].Failure != nil || read.Cases[1].Failure.Text != "at <1>" {
		t.Errorf("%s", text)
	}
}
