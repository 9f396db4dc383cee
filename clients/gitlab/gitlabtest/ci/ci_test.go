package ci_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/gitlab/gitlabtest/ci"
)

var begin = time.Date(2026, time.February, 27, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }

// runs returns pipelines that write down what happens.
func runs() (*ci.Runs, *[]string) {
	var said []string
	last := int64(0)
	return &ci.Runs{NextID: func() int64 { last++; return last }, Changed: func(c ci.Change) {
		if c.Job == nil {
			said = append(said, "# "+c.Pipeline.Status)
			return
		}
		said = append(said, c.Job.Name+" "+c.Job.Status)
	}}, &said
}

func expect(t *testing.T, what string, said *[]string, want string) {
	t.Helper()
	if got := strings.Join(*said, ", "); got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
	*said = nil
}

func jobs() []*ci.Job {
	fixed := &ci.Job{Duration: 10 * time.Second}
	return []*ci.Job{
		{Name: "a", Stage: "build", Duration: 10 * time.Second, Coverage: 50, Log: "1\n2\n3\n4\n5\n"},
		{Name: "b", Stage: "test", Duration: 20 * time.Second, Outcome: ci.Failed, Again: fixed},
		{Name: "c", Stage: "test", Duration: 5 * time.Second, AllowFailure: true, Outcome: ci.Failed},
		{Name: "d", Stage: "deploy", Child: &ci.Pipeline{Jobs: []*ci.Job{{Name: "e"}}}},
		{Name: "f", Stage: "deploy", Manual: true},
	}
}

// TestRun follows a pipeline that fails, is retried, begins another, waits for somebody and is done.
func TestRun(t *testing.T) {
	r, said := runs()
	p := r.Add(ci.Pipeline{Ref: "main", User: "ada", CreatedAt: begin, Jobs: jobs()})
	expect(t, "begun", said, "# created, a created, b created, c created, d created, f created, a pending, # pending")
	if r.Due(at(1)) || !r.Due(at(2)) {
		t.Error("the first job is due after two seconds")
	}
	r.Advance(at(7))
	expect(t, "the first runs", said, "a running, # running")
	if log := p.Jobs[0].Written(at(7)); log != "1\n2\n" {
		t.Errorf("log after half of the time: %q", log)
	}
	r.Advance(at(100))
	expect(t, "it fails", said, "a success, b pending, c pending, b running, c running, c failed, b failed, d skipped, f skipped, # failed")
	if !p.Warnings() || p.Duration() != 30*time.Second || p.Queued() != 2*time.Second || !p.FinishedAt.Equal(at(34)) || p.Jobs[1].Failure != "script_failure" {
		t.Errorf("warnings %v, %v, %v, %v", p.Warnings(), p.Duration(), p.Queued(), p.FinishedAt)
	}
	if share, ok := p.Coverage(); !ok || share != 50 {
		t.Errorf("coverage %v %v", share, ok)
	}
	made, err := r.RetryJob(p, p.Jobs[1], "rita", at(200))
	if err != nil || made.Name != "b" || made.User != "rita" || made.Retries != 1 || !p.Jobs[1].Retried {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := r.RetryJob(p, p.Jobs[1], "rita", at(200)); !errors.Is(err, ci.ErrNotRetryable) {
		t.Errorf("retried twice: %v", err)
	}
	r.Advance(at(300))
	expect(t, "again", said, "b created, b pending, # running, b running, b success, # created, e created, e pending, # pending, d success, f manual, # manual, e running, # running, e success, # success")
	f := p.Jobs[5]
	if err := r.Play(p, f, "max", at(400)); err != nil || f.User != "max" {
		t.Fatal(err)
	}
	if err := r.Play(p, f, "max", at(400)); !errors.Is(err, ci.ErrNotPlayable) {
		t.Errorf("played twice: %v", err)
	}
	r.Advance(at(500))
	expect(t, "played", said, "f pending, # running, f running, f success, # success")
	child := r.Find(p.Jobs[4].ChildID)
	if child == nil || child.Parent != p.ID || child.Source != "parent_pipeline" || child.Ref != "main" || child.IID != 2 {
		t.Errorf("child: %+v", child)
	}
	if r.Due(at(1e6)) {
		t.Error("something is due of what is over")
	}
}

// TestCancel checks that what is canceled stays so, and can be retried as a whole.
func TestCancel(t *testing.T) {
	r, said := runs()
	p := r.Add(ci.Pipeline{CreatedAt: begin, Jobs: jobs()})
	r.Advance(at(8))
	*said = nil
	r.Cancel(p, at(9))
	expect(t, "canceled", said, "a canceled, b canceled, c canceled, d canceled, f canceled, # canceled")
	if log := p.Jobs[0].Written(at(1000)); log != "1\n2\n3\n" {
		t.Errorf("log: %q", log)
	}
	r.Advance(at(100))
	r.Cancel(p, at(100))
	expect(t, "nothing happens", said, "")
	r.Retry(p, "ada", at(200))
	r.Advance(at(300))
	if p.Status != ci.Manual && p.Status != ci.Success && p.Status != ci.Running {
		t.Errorf("retried: %s", p.Status)
	}
}

// TestTell checks what others say of a commit.
func TestTell(t *testing.T) {
	r, said := runs()
	p := r.Add(ci.Pipeline{CreatedAt: begin, Source: "external"})
	expect(t, "begun", said, "# created")
	for _, step := range []struct {
		status string
		err    error
	}{{ci.Pending, nil}, {ci.Running, nil}, {ci.Running, ci.ErrSame}, {ci.Success, nil}, {ci.Failed, nil}} {
		if _, err := r.Tell(p, ci.Job{Name: "callboard", Status: step.status}, at(1)); !errors.Is(err, step.err) {
			t.Errorf("%s: %v", step.status, err)
		}
	}
	expect(t, "told", said, "callboard pending, # pending, callboard running, # running, callboard success, # success, callboard failed, # failed")
	if len(p.Latest()) != 1 || len(p.Jobs) != 2 || p.Stages()[0] != "external" {
		t.Errorf("%d of %d jobs", len(p.Latest()), len(p.Jobs))
	}
}

// TestHowOften checks that it does not matter how often somebody looks.
func TestHowOften(t *testing.T) {
	story := func(steps []int) string {
		r, said := runs()
		p := r.Add(ci.Pipeline{CreatedAt: begin, Jobs: jobs()})
		for _, s := range steps {
			r.Advance(at(s))
		}
		for _, j := range p.Jobs {
			*said = append(*said, fmt.Sprint(j.StartedAt, j.FinishedAt))
		}
		return strings.Join(*said, "\n")
	}
	want := story([]int{1000})
	for range 20 {
		var steps []int
		for s := 0; s < 1000; s += 1 + rand.IntN(20) {
			steps = append(steps, s)
		}
		if got := story(append(steps, 1000)); got != want {
			t.Fatalf("looking at %v:\n%s\nwant\n%s", steps, got, want)
		}
	}
}

func TestStatusOf(t *testing.T) {
	job := func(text string) *ci.Job {
		status, may := strings.CutSuffix(text, "?")
		return &ci.Job{Status: status, AllowFailure: may}
	}
	for text, want := range map[string]string{
		"":                       ci.Skipped,
		"success":                ci.Success,
		"success failed":         ci.Failed,
		"success failed?":        ci.Success,
		"success created":        ci.Running,
		"created pending":        ci.Pending,
		"success pending":        ci.Running,
		"success manual created": ci.Manual,
		"success manual?":        ci.Success,
		"success canceled":       ci.Canceled,
		"failed canceled":        ci.Failed,
		"failed running":         ci.Running,
		"failed skipped":         ci.Failed,
		"skipped skipped":        ci.Skipped,
	} {
		var list []*ci.Job
		for _, one := range strings.Fields(text) {
			list = append(list, job(one))
		}
		if got := ci.StatusOf(list); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
