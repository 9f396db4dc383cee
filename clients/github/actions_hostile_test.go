package github_test

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
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// everyRead asks for all that is known of builds, and returns the errors.
func everyRead(c *github.Client) []error {
	ctx := context.Background()
	_, listed := c.Runs(ctx, []github.RunsQuery{{Revision: github.Revision{Slug: player, Name: "HEAD"}, Depth: 2}})
	_, pulls := c.PullRequestRuns(ctx, []github.PullRequestNumber{{Slug: player, Number: 1}})
	_, flows := c.Workflows(ctx, player, github.RESTPage{})
	_, runs := c.WorkflowRuns(ctx, github.RunFilter{Slug: player})
	_, run := c.WorkflowRun(ctx, player, 1)
	_, attempt := c.RunAttempt(ctx, player, 1, 1)
	_, jobs := c.Jobs(ctx, github.JobFilter{Slug: player, Run: 1})
	_, job := c.Job(ctx, player, 1)
	_, artifacts := c.Artifacts(ctx, player, 1, github.RESTPage{})
	_, checks := c.CheckRuns(ctx, player, "main", github.RESTPage{})
	_, check := c.CheckRun(ctx, player, 1)
	_, _, notes := c.Annotations(ctx, player, 1, github.RESTPage{})
	_, statuses := c.Statuses(ctx, player, "main", github.RESTPage{})
	_, _, comments := c.Comments(ctx, player, 1, github.RESTPage{})
	_, log := c.JobLog(ctx, player, 1, github.Window{From: -100})
	return append(append(listed, pulls...), flows, runs, run, attempt, jobs, job, artifacts, checks, check, notes, statuses, comments, log)
}

// everyChange makes all changes, and returns the errors.
func everyChange(c *github.Client) []error {
	ctx := context.Background()
	_, dispatched := c.Dispatch(ctx, github.Dispatch{Slug: player, Workflow: "1", Ref: "main"})
	_, status := c.SetStatus(ctx, player, someOID, github.CommitStatus{State: "SUCCESS"})
	_, added := c.AddComment(ctx, player, 1, "x")
	_, updated := c.UpdateComment(ctx, player, 1, "x")
	return []error{c.Rerun(ctx, player, 1, false), c.RerunFailed(ctx, player, 1, false), c.RerunJob(ctx, player, 1, false), c.Cancel(ctx, player, 1), dispatched, status, added, updated}
}

// What cannot be is refused before anything is asked.
func TestBuildArguments(t *testing.T) {
	asked := 0
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) { asked++ })
	ctx := context.Background()
	evil := github.Slug{Owner: "..", Name: "x"}
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	for _, slug := range []github.Slug{evil, {Owner: "a", Name: "b/c"}, {}} {
		_, err := c.Workflows(ctx, slug, github.RESTPage{})
		add(err)
		_, err = c.WorkflowRun(ctx, slug, 1)
		add(err)
		add(c.Rerun(ctx, slug, 1, false))
		_, err = c.JobLog(ctx, slug, 1, github.Window{})
		add(err)
		_, list := c.Runs(ctx, []github.RunsQuery{{Revision: github.Revision{Slug: slug, Name: "HEAD"}}})
		add(list[0])
	}
	for _, id := range []int{0, -1} {
		add(c.Rerun(ctx, player, id, false))
		add(c.RerunFailed(ctx, player, id, false))
		add(c.RerunJob(ctx, player, id, false))
		add(c.Cancel(ctx, player, id))
		_, err := c.Job(ctx, player, id)
		add(err)
		_, err = c.CheckRun(ctx, player, id)
		add(err)
		_, err = c.UpdateComment(ctx, player, id, "x")
		add(err)
		_, err = c.AddComment(ctx, player, id, "x")
		add(err)
		_, _, err = c.ArtifactStream(ctx, player, id, 1)
		add(err)
	}
	for _, f := range []github.RunFilter{
		{Branch: "a..b"}, {Commit: "main"}, {Event: "a&b"}, {Status: "a b"}, {Actor: "a/b"}, {Workflow: "../x"}, {Workflow: "a/b.yml"}, {Page: github.RESTPage{Size: 101}}, {Page: github.RESTPage{Number: -1}},
	} {
		f.Slug = player
		_, err := c.WorkflowRuns(ctx, f)
		add(err)
	}
	_, list := c.Runs(ctx, []github.RunsQuery{{Revision: github.Revision{Slug: player, Name: "a..b"}}, {Revision: github.Revision{Slug: player, Name: "HEAD"}, Depth: 11}})
	errs = append(errs, list...)
	_, err := c.Jobs(ctx, github.JobFilter{Slug: player, Run: 1, All: true, Attempt: 1})
	add(err)
	_, _, err = c.ArtifactStream(ctx, player, 1, 0)
	add(err)
	for i, err := range errs {
		if !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if asked > 0 {
		t.Errorf("%d requests were made", asked)
	}
}

// What is no answer is told as such, and what GitHub refuses by its kind.
func TestBuildAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		read   error
		change error // nil where it counts as done
	}{
		"no JSON":                       {200, `<html>`, clients.ErrBadAnswer, clients.ErrBadAnswer},
		"another JSON":                  {200, `"x"`, clients.ErrBadAnswer, clients.ErrBadAnswer},
		"not there":                     {404, `{"message":"Not Found"}`, clients.ErrNotFound, clients.ErrNotFound},
		"gone":                          {410, `{"message":"Artifact has expired"}`, clients.ErrNotFound, clients.ErrNotFound},
		"forbidden":                     {403, `{"message":"Resource not accessible by integration"}`, clients.ErrForbidden, clients.ErrForbidden},
		"forbidden, and no permission":  {403, `{"message":"This workflow is already running"}`, clients.ErrForbidden, github.ErrConflict},
		"a month old":                   {403, `{"message":"Unable to retry this workflow run because it was created over a month ago"}`, clients.ErrForbidden, github.ErrConflict},
		"a limit":                       {403, `{"message":"You have exceeded a secondary rate limit"}`, clients.ErrLimited, clients.ErrLimited},
		"a conflict":                    {409, `{"message":"Cannot cancel a workflow run that is completed."}`, clients.ErrBadAnswer, github.ErrConflict},
		"something wrong with it":       {422, `{"message":"Unexpected inputs provided"}`, clients.ErrBadAnswer, github.ErrInvalid},
		"a server that fails":           {500, ``, clients.ErrUnavailable, clients.ErrUnavailable},
		"a gateway that gives up":       {504, ``, clients.ErrTimeout, clients.ErrTimeout},
		"a redirect, which no POST has": {308, ``, clients.ErrBadAnswer, clients.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			reads := everyRead(c)
			for i, err := range reads[2 : len(reads)-1] {
				if !errors.Is(err, test.read) || strings.Contains(err.Error(), "look before") {
					t.Errorf("read %d: %v", i, err)
				}
			}
			for i, err := range everyChange(c) {
				if i < 4 && test.status < 300 && err == nil {
					continue // what it answers there says nothing
				}
				if !errors.Is(err, test.change) {
					t.Errorf("change %d: %v", i, err)
				}
			}
		})
	}
}

// What an answer holds is taken over within bounds, and what could run when it is clicked is not.
func TestBuildsWithinBounds(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	c, _ := text(t, `{"id":1,"name":"`+long+`","display_title":"`+long+`","status":"in_progress\u0000","conclusion":"<b>","html_url":"javascript:alert(1)","head_sha":"../x","head_branch":"`+long+`","run_attempt":-5,"run_number":-1,
		"created_at":"yesterday","path":".github/workflows/x.yml@refs/heads/main","pull_requests":[{"number":-1},{"number":7},{"number":7},{"number":99999999999}],"actor":{"login":"`+long+`","html_url":"data:x"},
		"steps":[{"number":1,"name":"`+long+`","status":"completed","conclusion":"success"}],"labels":["`+long+`"],"runner_name":"`+long+`","output":{"summary":"`+long+`","annotations_count":-1}}`)
	run, err := c.WorkflowRun(context.Background(), player, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Workflow.Name) > 4096 || len(run.Title) > 4096 || len(run.Branch) > 4096 || run.Status != "" || run.Conclusion != "" || run.URL != "" || run.Commit != "" || run.Attempt != 0 || run.Number != 0 || !run.CreatedAt.IsZero() ||
		run.Workflow.Path != ".github/workflows/x.yml" || fmt.Sprint(run.PullRequests) != "[7]" || run.Actor.URL != "" {
		t.Errorf("run is %.300v", run)
	}
	job, err := c.Job(context.Background(), player, 1)
	if err != nil || len(job.Steps[0].Name) > 4096 || len(job.Labels[0]) > 4096 || len(job.Runner) > 4096 {
		t.Errorf("job is %.300v, %v", job, err)
	}
	check, err := c.CheckRun(context.Background(), player, 1)
	if err != nil || len(check.Summary) > 64<<10 || check.Annotations != 0 {
		t.Errorf("check is %.300v, %v", check, err)
	}
	if _, err := c.Job(context.Background(), player, 2); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("another job than was asked for: %v", err)
	}
	many := `{"total_count":5000,"jobs":[` + strings.TrimSuffix(strings.Repeat(`{"id":1},`, 5000), ",") + `]}`
	c, _ = text(t, many)
	if _, err := c.Jobs(context.Background(), github.JobFilter{Slug: player, Run: 1}); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("more than a page: %v", err)
	}
}

// GraphQL's Int ends where ids of runs have got to; then the address tells the id.
func TestRunIDsBeyondInt(t *testing.T) {
	c, _ := text(t, `{"data":{"r0":{"object":{"history":{"nodes":[{"oid":"`+string(someOID)+`","statusCheckRollup":{"state":"FAILURE"},"checkSuites":{"totalCount":30,"nodes":[null,
		{"databaseId":1,"status":"COMPLETED","conclusion":"SUCCESS","workflowRun":null},
		{"databaseId":null,"status":"COMPLETED","conclusion":"FAILURE","createdAt":"2026-03-01T12:00:00Z","updatedAt":"2026-03-01T12:05:00Z","branch":null,"creator":null,
			"workflowRun":{"id":"WFR_1","databaseId":null,"runNumber":7,"event":"push","url":"https://github.com/larkfold/player/actions/runs/19876543210","createdAt":"2026-03-01T12:00:00Z","updatedAt":"2026-03-01T12:01:00Z","file":null,"workflow":{"id":"W_1","databaseId":5,"name":"Check","state":"ACTIVE","url":"https://github.com/x"}},
			"checkRuns":{"totalCount":60,"nodes":[{"databaseId":null,"name":"a","status":"COMPLETED","conclusion":"FAILURE","startedAt":"2026-03-01T12:00:30Z","completedAt":"2026-03-01T12:01:00Z","url":"https://github.com/larkfold/player/actions/runs/19876543210/job/55555555555?x=1"},null,
				{"databaseId":3,"name":"b","status":"QUEUED","startedAt":"2026-03-01T12:00:00Z","url":"x"}]}}]}},null,{"oid":"no id"}]}}}},
		"errors":[{"type":"FORBIDDEN","path":["r0","object","history","nodes",0,"checkSuites","nodes",2,"branch"],"message":"no"}]}`)
	lists, errs := c.Runs(context.Background(), []github.RunsQuery{{Revision: github.Revision{Slug: player, Name: "HEAD"}, Depth: 3}})
	if errs[0] != nil || len(lists[0]) != 1 || len(lists[0][0].Runs) != 1 {
		t.Fatalf("%+v, %v", lists, errs)
	}
	commit, run := lists[0][0], lists[0][0].Runs[0]
	if run.DatabaseID != 19876543210 || run.CheckRuns[0].DatabaseID != 55555555555 || run.Checks.Total != 60 || run.Checks.Complete || run.Checks.ByState["QUEUED"] != 1 || run.Workflow.Path != "" ||
		!run.StartedAt.Equal(time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)) || !run.UpdatedAt.Equal(time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC)) || !commit.More || commit.Commit != someOID || commit.Checks != "FAILURE" ||
		len(commit.Missing) != 1 || commit.Missing[0].Field != "checkSuites.nodes.2.branch" || !errors.Is(commit.Missing[0].Err, clients.ErrForbidden) {
		t.Errorf("run is %+v of %+v", run, commit)
	}
}

// endless is a body without an end.
type endless struct{ line []byte }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}
func (endless) Close() error { return nil }

// A log without an end, or one that leads on for ever, comes to an end.
func TestHostileLogs(t *testing.T) {
	ctx := context.Background()
	to := "https://storage.example/log?sig=secret-signature"
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	})
	var body io.ReadCloser
	size, fetched := int64(-1), 0
	c = c.Fetching(func(ctx context.Context, u *url.URL) (*http.Response, error) {
		fetched++
		if u.String() != to {
			return nil, fmt.Errorf("asked for %s", u)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: body, ContentLength: size}, nil
	})
	body = endless{[]byte("\x1b[31mx\x00\xff\n")}
	log, err := c.JobLog(ctx, player, 1, github.Window{Most: 1000})
	if err != nil || len(log.Text) != 1000 || log.End || log.Size != -1 {
		t.Errorf("the beginning of an endless log is %d bytes, %v", len(log.Text), err)
	}
	if _, err := c.JobLog(ctx, player, 1, github.Window{From: -1000}); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("the end of an endless log: %v", err)
	}
	size = 1 << 40
	if _, err := c.JobLog(ctx, player, 1, github.Window{}); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("a log that says it is a tebibyte: %v", err)
	}
	size, body = -1, io.NopCloser(io.MultiReader(bytes.NewReader([]byte("abc")), broken{}))
	if _, err := c.JobLog(ctx, player, 1, github.Window{}); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("a log that breaks off: %v", err)
	}
	body = io.NopCloser(endless{[]byte("PK")})
	stream, _, err := c.ArtifactStream(ctx, player, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(stream); string(data) != "PKPKP" || !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("an artifact without an end is %q, %v", data, err)
	}
	for _, address := range []string{"", "%zz", "http://[::1", "//", ":"} {
		to = address
		before := fetched
		if _, err := c.JobLog(ctx, player, 1, github.Window{}); err == nil || strings.Contains(err.Error(), "sig") {
			t.Errorf("to %q: %v, fetched %d", address, err, fetched-before)
		}
	}
	// What fails elsewhere does not tell the address.
	to = "https://storage.example/log?sig=secret-signature"
	refusing := c.Fetching(func(_ context.Context, u *url.URL) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: u.String(), Err: errors.New("refused at " + u.String())}
	})
	if _, err := refusing.JobLog(ctx, player, 1, github.Window{}); !errors.Is(err, clients.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("what fails elsewhere: %v", err)
	}
	// Where the log lies at the same host the credential may go, and never further.
	hops := 0
	c, _ = client(t, func(w http.ResponseWriter, r *http.Request) {
		hops++
		w.Header().Set("Location", "https://api.github.com/again")
		w.WriteHeader(http.StatusFound)
	})
	if _, err := c.JobLog(ctx, player, 1, github.Window{}); err == nil || hops > 10 {
		t.Errorf("round and round for %d times: %v", hops, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzBuilds(f *testing.F) {
	f.Add(`{"total_count":1,"workflow_runs":[{"id":1,"status":"queued","pull_requests":[{"number":1}],"actor":{"login":"ada"}}],"jobs":[{"id":1,"steps":[{"number":1}]}],"artifacts":[{"id":1,"size_in_bytes":-1}]}`)
	f.Add(`{"id":1,"output":{"annotations_count":1e9},"check_suite":{"id":1},"app":{"slug":"x"},"labels":[null],"steps":[{}],"repository":{"full_name":"a/b"}}`)
	f.Add(`[{"path":"a","start_line":-1,"annotation_level":"failure"},null,{"id":1,"body":"x"}]`)
	f.Add(`{"data":{"r0":{"object":{"history":{"nodes":[{"oid":"` + string(someOID) + `","checkSuites":{"totalCount":-1,"nodes":[{"workflowRun":{"id":"x","url":"/runs/9"},"checkRuns":{"nodes":[{"url":"/job/9"}]}}]}}]}},"pullRequest":{"commits":{"nodes":[{"commit":{"oid":"` + string(someOID) + `"}}]}}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		c, _ := text(t, body)
		for i, err := range everyRead(c) {
			if err != nil && clients.CodeOf(err) == "" && !errors.Is(err, github.ErrInvalid) {
				t.Fatalf("read %d: an error of no kind: %v", i, err)
			}
		}
		for i, err := range everyChange(c) {
			if err != nil && clients.CodeOf(err) == "" {
				t.Fatalf("change %d: an error of no kind: %v", i, err)
			}
		}
		if page, err := c.WorkflowRuns(context.Background(), github.RunFilter{Slug: player}); err == nil {
			for _, run := range page.Runs {
				if run.Commit != "" {
					if _, ok := git.ParseOID(string(run.Commit)); !ok {
						t.Fatalf("a commit %q", run.Commit)
					}
				}
				if strings.HasPrefix(strings.ToLower(run.URL), "javascript:") || run.DatabaseID < 0 || run.Attempt < 0 {
					t.Fatalf("a run %+v", run)
				}
			}
		}
	})
}

// FuzzLogWindow compares windows with the log cut by hand.
func FuzzLogWindow(f *testing.F) {
	f.Add([]byte("one\ntwo\nthree"), int64(0), 5)
	f.Add([]byte("one\ntwo\nthree"), int64(-5), 3)
	f.Add(bytes.Repeat([]byte("0123456789"), 7_000), int64(-50_000), 0)
	f.Fuzz(func(t *testing.T, log []byte, from int64, most int) {
		c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(log)
		})
		got, err := c.JobLog(context.Background(), player, 1, github.Window{From: from, Most: most})
		if err != nil {
			if !errors.Is(err, github.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		n := int64(len(log))
		start := min(from, n)
		if from < 0 {
			start = max(0, n+from)
		}
		end := min(n, start+int64(len(got.Text)))
		if got.From != start || !bytes.Equal(got.Text, log[start:end]) || got.End != (end == n) || most > 0 && len(got.Text) > most || got.Size >= 0 && got.Size != n || !got.End && most > 0 && len(got.Text) != most {
			t.Fatalf("%d bytes from %d, at most %d, of %d: %d from %d, size %d, end %v", end-start, from, most, n, len(got.Text), got.From, got.Size, got.End)
		}
	})
}

// FuzzBuildEvent gives payloads of builds to the parser.
func FuzzBuildEvent(f *testing.F) {
	const repository = `,"repository":{"full_name":"larkfold/player"}}`
	for _, kind := range []string{"workflow_run", "workflow_job", "check_run", "check_suite", "status"} {
		f.Add(kind, `{"`+kind+`":{"id":7,"status":"completed","conclusion":"success","head_sha":"`+string(someOID)+`","name":"x","pull_requests":[{"number":3}],"steps":[{"number":1}]},"id":7,"state":"success"`+repository)
		f.Add(kind, `{"`+kind+`":7,"workflow":[]`+repository)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		e, err := github.ParseEvent(event(kind), []byte(body))
		if err != nil {
			if !errors.Is(err, github.ErrPayload) {
				t.Fatal(err)
			}
			return
		}
		for name, there := range map[string]bool{"workflow_run": e.Ran.Run != nil, "workflow_job": e.Ran.Job != nil, "check_run": e.Ran.CheckRun != nil, "check_suite": e.Ran.Suite != nil, "status": e.Ran.Status != nil} {
			if there && e.Kind != name {
				t.Fatalf("a %s tells of a %s", e.Kind, name)
			}
		}
	})
}
