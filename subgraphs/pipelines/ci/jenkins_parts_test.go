package ci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

func TestJenkinsStages(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	b.must(b.Past(stage.Pull, stage.Now.Add(-time.Hour), stage.Broken(), jenkinstest.Trigger{}))
	found := jenkinsOne(b, b.Stages, stage.Pull+"#1")
	b.costs(1, "the stages of a build")
	if len(found.Stages) != 2 || !found.Complete || !found.Done || found.Lasts() == nil {
		t.Fatalf("%+v", found)
	}
	build := found.Stages[1]
	if build.Name != "Build" || build.Status != ci.Failed || build.Word != "FAILED" || *build.Duration != 20*time.Second || !build.FinishedAt.Equal(stage.Now.Add(-time.Hour+30*time.Second)) || len(build.Jobs) != 1 {
		t.Errorf("%+v", build)
	}
	job := build.Jobs[0]
	if job.Name != "Build" || job.Status != ci.Failed || job.Failure != "script returned exit code 2" || job.Steps != nil || job.Key == "" || ci.OwnerOf(job.Key) != stage.Pull {
		t.Errorf("%+v", job)
	}
	steps := jenkinsOne(b, b.Steps, job.Key)
	b.costs(1, "the steps of a job")
	if got := fmt.Sprintf("%d %s %s %s %s %s", steps[0].Number, steps[0].Name, steps[0].Detail, steps[0].Status, steps[0].Word, steps[0].Duration); len(steps) != 1 || got != "1 Shell Script make FAILED FAILED 20s" {
		t.Error(got)
	}

	for _, settings := range []jenkinstest.Settings{{}, {Without: []string{jenkinstest.StageView}}} {
		b := onJenkins(t, settings)
		key := stage.Nightly + "#1"
		name := stage.Nightly
		if settings.Without != nil {
			key, name = stage.Main+"#3", "main"
		}
		found := jenkinsOne(b, b.Stages, key)
		b.costs(2, "the stages of a build that has none")
		job := found.Stages[0].Jobs[0]
		if len(found.Stages) != 1 || !found.Complete || !found.Done || found.Stages[0].Name != name || job.Name != name || job.Status != ci.Succeeded || *job.Duration != 100*time.Second || job.Steps == nil || len(job.Steps) != 0 || job.Key != key+"/0" {
			t.Errorf("%+v", found)
		}
		if steps := jenkinsOne(b, b.Steps, job.Key); steps == nil || len(steps) != 0 {
			t.Errorf("%+v", steps)
		}
		b.costs(0, "the steps of what has none")
		if log := jenkinsOne(b, b.Logs, ci.LogQuery{Run: key, Job: job.Key, Most: 1 << 20}); !strings.Contains(log.Text, "compiling a") || log.Job != job.Key {
			t.Errorf("%+v", log)
		}
	}
	jenkinsFails(b, b.Stages, stage.Main+"#99", clients.ErrNotFound)
	jenkinsFails(b, b.Steps, stage.Main+"#3/999", clients.ErrNotFound)
	b.asked.Store(0)
	for _, key := range []string{"", "#", stage.Main, stage.Main + "#", stage.Main + "#0", stage.Main + "#03", stage.Main + "#-1", stage.Main + "#q", stage.Main + "#q0", stage.Main + "#3#4", stage.Main + "#3/6", stage.Main + "#4294967296", "../x#1"} {
		jenkinsFails(b, b.Stages, key, ci.ErrInvalid)
		jenkinsFails(b, b.Runs, key, ci.ErrInvalid)
	}
	for _, key := range []string{stage.Main + "#3", stage.Main + "#3/", stage.Main + "#3/x", stage.Main + "#3/06", stage.Main + "#q3/6", stage.Main + "#3/6/7", stage.Main + "/6"} {
		jenkinsFails(b, b.Steps, key, ci.ErrInvalid)
	}
	b.costs(0, "what names nothing")
}

func TestJenkinsTests(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	good := jenkinsOne(b, b.Tests, stage.Main+"#3")
	b.costs(2, "the tests of a build")
	if totals := good.Report.Totals(); totals.Passed != 2 || totals.Skipped != 1 || totals.Cases() != 3 || good.Cut || !good.Done || good.Lasts() == nil {
		t.Errorf("%+v", good)
	}
	bad := jenkinsOne(b, b.Tests, stage.Main+"#2")
	b.costs(3, "the tests of a build of which some failed")
	failed := bad.Report.Suites[0].Cases[1]
	if failed.Status != testreport.Failed || failed.Class != "search.RankTest" || failed.Name != "ranksByTaste" || failed.Message != "expected [a b] but was [b a]" || !strings.Contains(failed.Details, "RankTest.java:42") || failed.Duration != 200*time.Millisecond || failed.Attempts != 1 {
		t.Errorf("%+v", failed)
	}
	// Cases are those of reports that were uploaded, and of other builds.
	parsed, err := testreport.Parse(strings.NewReader(`<testsuite name="search"><testcase classname="search.RankTest" name="ranksByTaste"/></testsuite>`), testreport.Settings{})
	b.must(err)
	if parsed.Suites[0].Cases[0].ID != failed.ID || good.Report.Suites[0].Cases[1].ID != failed.ID {
		t.Error("one test has several identities")
	}
	if none := jenkinsOne(b, b.Tests, stage.Lint+"#1"); none != nil {
		t.Errorf("%+v", none)
	}
	jenkinsFails(b, b.Tests, stage.Lint+"#99", clients.ErrNotFound)
}

func TestJenkinsCoverage(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	if percent := jenkinsOne(b, b.Coverages, stage.Main+"#3"); *percent != 80 {
		t.Error(*percent)
	}
	b.costs(1, "the coverage of a build")
	if none := jenkinsOne(b, b.Coverages, stage.Lint+"#1"); none != nil {
		t.Error(*none)
	}
}

func TestJenkinsArtifacts(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	list := jenkinsOne(b, b.Artifacts, stage.Main+"#3")
	b.costs(1, "the artifacts of a build")
	if len(list) != 2 || list[0].Key != "build/search 1.0.tar.gz" || list[0].Size != -1 || list[0].Archive || list[0].URL != jenkinsAddress+"/job/music/job/search/job/main/3/artifact/build/search%201.0.tar.gz" {
		t.Fatalf("%+v", list)
	}
	read := func(d ci.Driver, artifact string, most int64) (string, error) {
		body, _, err := d.Open(t.Context(), stage.Main+"#3", artifact, most)
		if err != nil {
			return "", err
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		return string(text), err
	}
	for most, want := range map[int64]error{100: nil, 7: nil, 6: clients.ErrTooLarge} {
		text, err := read(b, list[0].Key, most)
		if !errors.Is(err, want) || want == nil && text != "archive" {
			t.Errorf("%d: %q, %v", most, text, err)
		}
	}
	_, err := read(b, "../../secret", 10)
	b.isKind("a path that leads out", err, ci.ErrInvalid)
	_, err = read(b, "none", 10)
	b.isKind("no artifact", err, clients.ErrNotFound)
	_, err = read(b, "far.bin", 10)
	if !errors.Is(err, clients.ErrBadAnswer) || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
	fetching := ci.NewJenkins(jenkinsClient(t, b).Fetching(func(_ context.Context, to *url.URL) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: io.NopCloser(bytes.NewReader([]byte("far away")))}, nil
	}))
	for most, want := range map[int64]error{8: nil, 7: clients.ErrTooLarge, 0: clients.ErrTooLarge} {
		text, err := read(fetching, "far.bin", most)
		if !errors.Is(err, want) || text != "far away"[:most] {
			t.Errorf("%d: %q, %v", most, text, err)
		}
	}
}

func TestJenkinsLogs(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	run := stage.Main + "#3"
	whole := jenkinsOne(b, b.Logs, ci.LogQuery{Run: run, Most: 4 << 20})
	b.costs(1, "a log")
	if whole.Job != "" || whole.Runs || whole.More || whole.Next != whole.Size || !strings.HasSuffix(whole.Text, "Finished: SUCCESS\n") || whole.Lasts() == nil {
		t.Errorf("%+v", whole)
	}
	tail := jenkinsOne(b, b.Logs, ci.LogQuery{Run: run, Tail: 60, Most: 100})
	b.costs(2, "the tail of a log")
	if !strings.HasSuffix(tail.Text, "Finished: SUCCESS\n") || len(tail.Text) > 60 || tail.Start == 0 || tail.Next != tail.Size || tail.More {
		t.Errorf("%+v", tail)
	}
	part := jenkinsOne(b, b.Logs, ci.LogQuery{Run: run, Most: 20})
	if len(part.Text) > 20 || !part.More || part.Next <= 0 {
		t.Errorf("%+v", part)
	}

	test := jenkinsOne(b, b.Stages, run).Stages[2].Jobs[0].Key
	b.asked.Store(0)
	log := jenkinsOne(b, b.Logs, ci.LogQuery{Run: run, Job: test, Most: 1000})
	b.costs(2, "the log of a stage with one step that wrote")
	const want = "+ make test\nok search 1.2s\nnaïve café ✓\n"
	if log.Text != want || log.Job != test || log.Size != int64(len(want)) || log.Runs || log.More {
		t.Errorf("%+v", log)
	}
	for _, c := range []struct {
		q    ci.LogQuery
		want string
		more bool
	}{
		{ci.LogQuery{After: 12, Most: 15}, "ok search 1.2s\n", true},
		{ci.LogQuery{After: 27, Most: 3}, "na", true}, // not within a letter
		{ci.LogQuery{After: 29, Most: 3}, "ïv", true},
		{ci.LogQuery{Tail: 25, Most: 100}, "naïve café ✓\n", false},
		{ci.LogQuery{Tail: 100, Most: 18}, "naïve café ✓\n", false},
		{ci.LogQuery{After: 1000, Most: 18}, "", false},
	} {
		c.q.Run, c.q.Job = run, test
		got := jenkinsOne(b, b.Logs, c.q)
		if got.Text != c.want || got.More != c.more || got.Next != got.Start+int64(len(got.Text)) || got.Start != int64(strings.LastIndex(want, c.want)) {
			t.Errorf("%+v: %+v", c.q, got)
		}
	}

	// Of a long step its end is told.
	lint := jenkinsOne(b, b.Stages, stage.Lint+"#1").Stages[0].Jobs[0].Key
	long := jenkinsOne(b, b.Logs, ci.LogQuery{Run: stage.Lint + "#1", Job: lint, Most: 1 << 20})
	if !strings.HasPrefix(long.Text, "[… more is in the log of the whole run …]\na line of forty bytes") || len(long.Text) > 11<<10 {
		t.Errorf("%.100s, %d bytes", long.Text, len(long.Text))
	}
	// Of very many steps the last are.
	var steps []jenkinstest.Step
	for i := range 60 {
		steps = append(steps, jenkinstest.Step{Name: "Print Message", Log: fmt.Sprintf("step %d", i), Duration: time.Second})
	}
	b.must(b.Past(stage.Lint, stage.Now.Add(-30*time.Minute), jenkinstest.Plan{Stages: []jenkinstest.Stage{{Name: "Many", Steps: steps}}}, jenkinstest.Trigger{}))
	many := jenkinsOne(b, b.Stages, stage.Lint+"#2").Stages[0].Jobs[0].Key
	b.asked.Store(0)
	log = jenkinsOne(b, b.Logs, ci.LogQuery{Run: stage.Lint + "#2", Job: many, Most: 1 << 20})
	b.costs(41, "the log of a stage with very many steps")
	if !strings.HasPrefix(log.Text, "[… more is in the log of the whole run …]\nstep 20\n") || !strings.HasSuffix(log.Text, "step 59\n") {
		t.Error(log.Text)
	}

	b.asked.Store(0)
	for _, q := range []ci.LogQuery{{Run: run, Most: 0}, {Run: run, Most: 1, After: -1}, {Run: run, Most: 1, Tail: -1}, {Run: run, Job: stage.Main + "#2/6", Most: 1}, {Run: run, Job: stage.Lint + "#3/6", Most: 1}, {Run: run, Job: "x", Most: 1}, {Run: "x", Most: 1}, {Run: "x", Job: test, Most: 1}} {
		jenkinsFails(b, b.Logs, q, ci.ErrInvalid)
	}
	b.costs(0, "what names nothing")
}

// Who follows a run reads its log to the end, piece by piece.
func TestJenkinsFollow(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	_, err := b.Trigger(stage.Main, jenkinstest.Trigger{})
	b.must(err)
	b.Pass(5 * time.Second)
	var all strings.Builder
	q := ci.LogQuery{Run: stage.Main + "#4", Most: 1 << 20}
	for range 20 {
		log := jenkinsOne(b, b.Logs, q)
		all.WriteString(log.Text)
		q.After = log.Next
		if !log.Runs && !log.More {
			break
		}
		b.Pass(10 * time.Second)
	}
	if whole := jenkinsOne(b, b.Logs, ci.LogQuery{Run: q.Run, Most: 1 << 20}); all.String() != whole.Text || !strings.HasSuffix(whole.Text, "Finished: SUCCESS\n") {
		t.Errorf("%q", all.String())
	}
}

// Whatever Jenkins does, each method says what went wrong in a way that the graph has a code for.
func TestJenkinsFails(t *testing.T) {
	b := onJenkins(t, jenkinstest.Settings{})
	for _, c := range []struct {
		fault clientstest.Fault
		kind  error
	}{
		{clientstest.Fault{Kind: clientstest.Down}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Status, Status: http.StatusForbidden}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Cut}, clients.ErrBadAnswer},
	} {
		b.Faults.Clear()
		b.Faults.Add(c.fault)
		key := stage.Main + "#3"
		jenkinsFails(b, b.Runs, key, c.kind)
		jenkinsFails(b, b.Runs, stage.Main+"#q1", c.kind)
		jenkinsFails(b, b.Overviews, stage.Main, c.kind)
		jenkinsFails(b, b.Overviews, "music/search", c.kind)
		jenkinsFails(b, b.Pipelines, stage.Main, c.kind)
		jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: stage.Main, Paging: ci.Paging{First: 2}}, c.kind)
		jenkinsFails(b, b.RunPages, ci.RunsQuery{Pipeline: "music/search", Branch: "main", Paging: ci.Paging{First: 2}}, c.kind)
		jenkinsFails(b, b.Stages, key, c.kind)
		jenkinsFails(b, b.Steps, key+"/6", c.kind)
		jenkinsFails(b, b.Tests, key, c.kind)
		jenkinsFails(b, b.Coverages, key, c.kind)
		jenkinsFails(b, b.Artifacts, key, c.kind)
		jenkinsFails(b, b.Logs, ci.LogQuery{Run: key, Job: key + "/6", Most: 10}, c.kind)
		_, err := b.Rerun(t.Context(), key)
		b.isKind("rerun", err, c.kind)
		_, err = b.Cancel(t.Context(), key)
		b.isKind("cancel", err, c.kind)
		_, err = b.Start(t.Context(), ci.StartQuery{Pipeline: stage.Main})
		b.isKind("start", err, c.kind)
	}
}
