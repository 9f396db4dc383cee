package ci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	gitlabci "callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// TestGitLabTests reads what GitLab knows of tests.
func TestGitLabTests(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	failing := func(status string, output, stack string) gitlabci.TestCase {
		return gitlabci.TestCase{Name: status, Class: "c", Status: status, Output: output, Stack: stack, Seconds: 0.5}
	}
	id, err := s.AddPipeline(stage.Search, gitlabci.Pipeline{Ref: "main", User: "ada", CreatedAt: stage.Now.Add(-time.Minute), Jobs: []*gitlabci.Job{
		{Name: "unit", Tests: []gitlabci.TestCase{failing("error", "cannot open\nat a\nat b", ""), failing("failed", "", "at c"), failing("skipped", "not on this machine", ""), failing("success", "hello", "")}},
		{Name: "long", Duration: time.Hour, Tests: []gitlabci.TestCase{failing("success", "", "")}}}})
	if err != nil {
		t.Fatal(err)
	}
	d := onGitLab(t, s, stage.AdaToken)
	gitLabCosts(t, s, 1+3, "tests of three runs", func() {
		found, errs := d.Tests(t.Context(), []string{gitLabKey(stage.Search, of.Failed), gitLabKey(stage.Player, of.Player), gitLabKey(stage.Search, id), gitLabKey(stage.Search, 1<<40)})
		if errors.Join(errs[:3]...) != nil || !errors.Is(errs[3], clients.ErrNotFound) {
			t.Fatal(errs)
		}
		n := found[0].Report.Totals()
		rank := found[0].Report.Suites[0].Cases[0]
		if !found[0].Done || found[0].Cut || n.Failed != 1 || n.Skipped != 1 || n.Cases() != 2 || found[0].Report.Suites[0].Name != "unit" || rank.Name != "TestRank" || rank.Class != "search" || rank.File != "rank_test.go" ||
			rank.Status != testreport.Failed || rank.Message != "want 1, got 2" || rank.Details != "rank_test.go:7" || rank.Duration != 1250*time.Millisecond || rank.ID == "" || rank.Attempts != 1 || found[0].Lasts() == nil {
			t.Errorf("%+v, %+v", found[0], rank)
		}
		if !found[1].Done || found[1].Report != nil || found[1].Lasts() == nil {
			t.Errorf("without tests: %+v", found[1])
		}
		if found[2].Done || found[2].Lasts() != nil || found[2].Report.Totals() != (testreport.Totals{Passed: 1, Failed: 1, Errors: 1, Skipped: 1, Duration: 2 * time.Second}) {
			t.Errorf("while it runs: %+v, %+v", found[2], found[2].Report.Totals())
		}
		var got []string
		for _, c := range found[2].Report.Suites[0].Cases {
			got = append(got, fmt.Sprintf("%s %q %q %q", c.Status, c.Message, c.Details, c.Output))
		}
		want := []string{`ERROR "cannot open" "cannot open\nat a\nat b" ""`, `FAILED "" "at c" ""`, `SKIPPED "not on this machine" "" ""`, `PASSED "" "" "hello"`}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// TestGitLabLogs reads the log of a job that runs, and that which tells most of a run.
func TestGitLabLogs(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		clock := &gitLabClock{stage.Now}
		s := stage.Set(t, gitlabtest.Settings{Now: clock.Now, Ranges: ranges})
		of := s.Run()
		d := onGitLab(t, s, stage.AdaToken)
		read := func(q ci.LogQuery) *ci.Log {
			t.Helper()
			if q.Most == 0 {
				q.Most = 1 << 20
			}
			var out *ci.Log
			gitLabCosts(t, s, 2, "a log", func() {
				found, errs := d.Logs(t.Context(), []ci.LogQuery{q})
				out = gitLabFirst(t, found, errs)
			})
			return out
		}
		failed := gitLabKey(stage.Search, of.Failed)
		unit := read(ci.LogQuery{Run: failed})
		if unit.Text != stage.Log || unit.Start != 0 || unit.Next != 16_000 || unit.Size != 16_000 || unit.More || unit.Runs || unit.Lasts() == nil {
			t.Errorf("ranges %v: %d bytes, %+v", ranges, len(unit.Text), unit.Next)
		}
		if l := read(ci.LogQuery{Run: failed, Job: unit.Job}); l.Text != stage.Log || l.Job != unit.Job {
			t.Errorf("ranges %v: %+v", ranges, l)
		}
		for tail, want := range map[int]int{16: 16, 160: 160, 100: 96, 15: 15, 3: 3, 16_000: 16_000, 15_999: 15_984, 50_000: 16_000} {
			l := read(ci.LogQuery{Run: failed, Tail: tail})
			if l.Text != stage.Log[16_000-want:] || l.Start != int64(16_000-want) || l.Next != 16_000 || l.More || l.Runs || l.Size != 16_000 {
				t.Errorf("ranges %v: the last %d: %q, from %d to %d of %d", ranges, tail, l.Text, l.Start, l.Next, l.Size)
			}
		}
		if l := read(ci.LogQuery{Run: failed, Tail: 1000, Most: 32}); l.Text != stage.Log[16_000-32:] {
			t.Errorf("ranges %v: no more than 32 bytes: %q", ranges, l.Text)
		}
		if l := read(ci.LogQuery{Run: failed, After: 32, Most: 16}); l.Text != stage.Log[32:48] || !l.More || l.Next != 48 || l.Size != 16_000 {
			t.Errorf("ranges %v: %+v", ranges, l)
		}
		if l := read(ci.LogQuery{Run: gitLabKey(stage.Search, of.Old[2])}); !strings.Contains(l.Job, "#j") || l.Text != "" {
			t.Errorf("ranges %v: of a run in which only what may fail has: %+v", ranges, l)
		}

		id, err := s.RunPipeline(stage.Search, gitlabci.Pipeline{User: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		key := gitLabKey(stage.Search, id)
		gitLabCosts(t, s, 1, "nothing has begun", func() {
			found, errs := d.Logs(t.Context(), []ci.LogQuery{{Run: key, Most: 100}})
			if l := gitLabFirst(t, found, errs); *l != (ci.Log{Runs: true, Size: -1}) || l.Lasts() != nil {
				t.Errorf("%+v", l)
			}
		})
		stages, errs := d.Stages(t.Context(), []string{key})
		job := gitLabFirst(t, stages, errs).Stages[1].Jobs[0].Key
		gitLabCosts(t, s, 1, "a job that has not begun", func() {
			found, errs := d.Logs(t.Context(), []ci.LogQuery{{Run: key, Job: job, Most: 100}})
			if l := gitLabFirst(t, found, errs); *l != (ci.Log{Job: job, Runs: true, Size: -1}) {
				t.Errorf("%+v", l)
			}
		})
		clock.now = clock.now.Add(44 * time.Second) // half of its minute
		half := read(ci.LogQuery{Run: key})
		if half.Job != job || half.Text != stage.Log[:8000] || !half.Runs || half.More || half.Size != 8000 || half.Lasts() != nil {
			t.Errorf("ranges %v: %+v", ranges, half.Job)
		}
		clock.now = clock.now.Add(time.Hour)
		if rest := read(ci.LogQuery{Run: key, Job: half.Job, After: half.Next}); half.Text+rest.Text != stage.Log || rest.Runs || rest.Start != 8000 {
			t.Errorf("ranges %v: %+v", ranges, rest)
		}
		found, errs := d.Logs(t.Context(), []ci.LogQuery{{Run: gitLabKey(stage.Search, 1<<40), Most: 1}, {Run: key, Job: stage.Search + "#j1", Most: 1}, {Run: key}, {Run: key, Job: stage.Player + "#j1", Most: 1}, {Run: key, Tail: -1, Most: 1}})
		if !errors.Is(errs[0], clients.ErrNotFound) || !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], ci.ErrInvalid) || !errors.Is(errs[3], ci.ErrInvalid) || !errors.Is(errs[4], ci.ErrInvalid) {
			t.Errorf("%v, %v", found, errs)
		}
	}
}

// TestGitLabLogOfCharacters reads a log that grows in parts that hold whole characters.
func TestGitLabLogOfCharacters(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	text := strings.Repeat("ä€🎭\n", 50)
	id, err := s.AddPipeline(stage.Search, gitlabci.Pipeline{Ref: "main", User: "ada", CreatedAt: stage.Now.Add(-time.Hour), Jobs: []*gitlabci.Job{{Name: "a", Log: text}}})
	if err != nil {
		t.Fatal(err)
	}
	d := onGitLab(t, s, stage.AdaToken)
	for most := 4; most < 12; most++ {
		got, after := "", int64(0)
		for {
			found, errs := d.Logs(t.Context(), []ci.LogQuery{{Run: gitLabKey(stage.Search, id), After: after, Most: most}})
			l := gitLabFirst(t, found, errs)
			if !utf8.ValidString(l.Text) || len(l.Text) > most || l.Start != after || l.Next != after+int64(len(l.Text)) {
				t.Fatalf("%d bytes from %d: %q, %+v", most, after, l.Text, l)
			}
			got, after = got+l.Text, l.Next
			if !l.More {
				break
			}
		}
		if got != text {
			t.Errorf("in parts of %d: %q", most, got)
		}
	}
}

// TestGitLabTeller finds the job whose log tells most.
func TestGitLabTeller(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	d := onGitLab(t, s, stage.AdaToken)
	job := func(name string, duration time.Duration, failed, may bool) *gitlabci.Job {
		return &gitlabci.Job{Name: name, Duration: duration, Outcome: map[bool]string{true: gitlabci.Failed}[failed], AllowFailure: may, Log: name}
	}
	for want, jobs := range map[string][]*gitlabci.Job{
		"first":  {job("later", 20*time.Second, true, false), job("first", 10*time.Second, true, false), job("may", time.Second, true, true), job("runs", 24*time.Hour, false, false)},
		"runs\n": {job("good", time.Second, false, false), job("may", time.Second, true, true), {Name: "runs", Duration: 90 * time.Minute, Log: "runs\nand runs\n"}},
		"may":    {job("may", time.Second, true, true), job("good", time.Minute, false, false)},
		"last":   {job("one", time.Second, false, false), {Name: "last", Stage: "deploy", Log: "last"}, {Name: "child", Stage: "deploy", Child: &gitlabci.Pipeline{Jobs: []*gitlabci.Job{{Name: "x"}}}}},
	} {
		id, err := s.AddPipeline(stage.Search, gitlabci.Pipeline{Ref: "main", User: "ada", CreatedAt: stage.Now.Add(-time.Hour), Jobs: jobs})
		if err != nil {
			t.Fatal(err)
		}
		found, errs := d.Logs(t.Context(), []ci.LogQuery{{Run: gitLabKey(stage.Search, id), Most: 5}})
		if l := gitLabFirst(t, found, errs); l.Text != want {
			t.Errorf("%q, want %q", l.Text, want)
		}
	}
}

// TestGitLabArtifacts reads what runs leave behind, also where it is kept elsewhere.
func TestGitLabArtifacts(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	d := onGitLab(t, s, stage.AdaToken)
	key := gitLabKey(stage.Search, of.Failed)
	var found []ci.Artifact
	gitLabCosts(t, s, 1, "artifacts", func() {
		all, errs := d.Artifacts(t.Context(), []string{key})
		found = gitLabFirst(t, all, errs)
	})
	if len(found) != 2 {
		t.Fatalf("%+v", found)
	}
	archive, report := found[0], found[1]
	job, _, _ := strings.Cut(archive.Key, "/")
	if archive.Key != job+"/archive" || archive.Name != "unit/artifacts.zip" || archive.Size < 100 || !archive.Archive || archive.Expired || archive.Expires.IsZero() ||
		archive.URL != gitLabAddress+"/"+stage.Search+"/-/jobs/"+job[1:]+"/artifacts/download" {
		t.Errorf("%+v", archive)
	}
	if report.Key != job+"/report/junit" || report.Name != "unit/junit.xml.gz" || report.Size != 120 || report.Archive || !report.Page || archive.Page || !strings.HasSuffix(report.URL, "/artifacts/download?file_type=junit") {
		t.Errorf("%+v", report)
	}
	open := func(d ci.Driver, key, artifact string, most int64) (string, int64, error) {
		body, size, err := d.Open(t.Context(), key, artifact, most)
		if err != nil {
			return "", size, err
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		return string(text), size, err
	}
	gitLabCosts(t, s, 1, "an archive", func() {
		if text, size, err := open(d, key, archive.Key, 1<<20); err != nil || !strings.HasPrefix(text, "PK\x03\x04") || size != int64(len(text)) || size != archive.Size {
			t.Errorf("%d bytes of %d, %v", len(text), size, err)
		}
	})
	if text, _, err := open(d, key, job+"/file/coverage/index.html", 10); err != nil || text != "<p>80%</p>" {
		t.Errorf("%q, %v", text, err)
	}
	if _, _, err := open(d, key, job+"/file/coverage/index.html", 9); !errors.Is(err, clients.ErrTooLarge) || !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("too large: %v", err)
	}
	if _, _, err := open(d, key, report.Key, 1000); !errors.Is(err, ci.ErrUnsupported) || !strings.Contains(err.Error(), "artifacts:paths") {
		t.Errorf("a report: %v", err)
	}
	if _, _, err := open(d, key, job+"/file/none", 1000); !errors.Is(err, clients.ErrNotFound) {
		t.Error(err)
	}
	for _, artifact := range []string{"", "archive", "j/archive", "j1", "j1/", "j1/x", "j01/archive", "1/archive", job + "/file/../../x", job + "/file/"} {
		if _, _, err := open(d, key, artifact, 1000); !errors.Is(err, ci.ErrInvalid) {
			t.Errorf("%q: %v", artifact, err)
		}
	}
	if _, _, err := open(d, "x", archive.Key, 1000); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
	if _, _, err := open(d, key, archive.Key, 0); !errors.Is(err, ci.ErrInvalid) {
		t.Error(err)
	}
	all, errs := d.Artifacts(t.Context(), []string{gitLabKey(stage.Player, of.Player), gitLabKey(stage.Search, 1<<40)})
	if errs[0] != nil || all[0] == nil || len(all[0]) != 0 || !errors.Is(errs[1], clients.ErrNotFound) {
		t.Errorf("%v, %v", all, errs)
	}

	// GitLab leads to a store at another host, which is asked without a credential.
	away := stage.Set(t, gitlabtest.Settings{Store: "https://store.example/bucket"})
	key = gitLabKey(stage.Search, away.Run().Failed)
	client := gitLabClient(t, away, stage.AdaToken)
	asked, answer := "", http.Response{StatusCode: http.StatusOK, ContentLength: -1}
	fetching := ci.NewGitLab(client, func(_ context.Context, at *url.URL) (*http.Response, error) {
		asked = at.Host
		answer.Body = io.NopCloser(strings.NewReader("PK and so on"))
		return &answer, nil
	})
	all, errs = fetching.Artifacts(t.Context(), []string{key})
	archive = gitLabFirst(t, all, errs)[0]
	if text, size, err := open(fetching, key, archive.Key, 12); err != nil || text != "PK and so on" || size != -1 || asked != "store.example" {
		t.Errorf("%q of %d from %q, %v", text, size, asked, err)
	}
	if _, _, err := open(fetching, key, archive.Key, 11); !errors.Is(err, clients.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	answer.StatusCode = http.StatusPartialContent
	if _, _, err := open(fetching, key, archive.Key, 100); !errors.Is(err, clients.ErrBadAnswer) {
		t.Error(err)
	}
	if _, _, err := open(ci.NewGitLab(client, nil), key, archive.Key, 100); !errors.Is(err, ci.ErrUnsupported) {
		t.Error(err)
	}
}
