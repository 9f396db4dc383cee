package gitlab_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// drained reads an artifact to its end.
func drained(a *gitlab.ArtifactBody, err error) error {
	if err != nil || a.Body == nil {
		return err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return err
}

// ran is every method that has to do with CI, each with an argument that may be hostile.
func ran(c *gitlab.Client, project string, pipeline, job int64, commit git.OID) map[string]func(context.Context) error {
	p, j := gitlab.PipelineNumber{Project: project, ID: pipeline}, gitlab.JobNumber{Project: project, ID: job}
	m := gitlab.MergeRequestNumber{Project: project, Number: 1}
	return map[string]func(context.Context) error{
		"Pipelines": func(ctx context.Context) error {
			_, e := one(c.Pipelines(ctx, list(gitlab.PipelinesQuery{Project: project})))
			return e
		},
		"LatestPipelines": func(ctx context.Context) error {
			_, e := one(c.LatestPipelines(ctx, list(gitlab.Revision{Project: project, Name: "main"})))
			return e
		},
		"LatestPipelines of many": func(ctx context.Context) error {
			many := make([]gitlab.Revision, 9)
			for i := range many {
				many[i].Project = project
			}
			_, e := one(c.LatestPipelines(ctx, many))
			return e
		},
		"HeadPipelines": func(ctx context.Context) error { _, e := one(c.HeadPipelines(ctx, list(project))); return e },
		"MergeRequestPipelines": func(ctx context.Context) error {
			_, e := one(c.MergeRequestPipelines(ctx, list(m)))
			return e
		},
		"Coverage": func(ctx context.Context) error {
			_, e := one(c.Coverage(ctx, list(gitlab.CoverageQuery{Project: project, Ref: "main"})))
			return e
		},
		"PipelineWithJobs": func(ctx context.Context) error { _, e := c.PipelineWithJobs(ctx, p); return e },
		"Pipeline":         func(ctx context.Context) error { _, e := c.Pipeline(ctx, p); return e },
		"ListPipelines": func(ctx context.Context) error {
			_, e := c.ListPipelines(ctx, gitlab.PipelineListQuery{PipelinesQuery: gitlab.PipelinesQuery{Project: project}})
			return e
		},
		"PipelinesByID":              func(ctx context.Context) error { _, e := one(c.PipelinesByID(ctx, list(p))); return e },
		"PipelineVariables":          func(ctx context.Context) error { _, e := c.PipelineVariables(ctx, p); return e },
		"CreateMergeRequestPipeline": func(ctx context.Context) error { _, e := c.CreateMergeRequestPipeline(ctx, m); return e },
		"CommitStatuses":             func(ctx context.Context) error { _, e := c.CommitStatuses(ctx, project, commit, 1); return e },
		"MergeBase":                  func(ctx context.Context) error { _, e := c.MergeBase(ctx, project, commit, commit); return e },
		"Difference":                 func(ctx context.Context) error { _, e := c.Difference(ctx, project, commit, commit); return e },
		"Jobs":                       func(ctx context.Context) error { _, e := c.Jobs(ctx, gitlab.JobsQuery{Pipeline: p}); return e },
		"Bridges":                    func(ctx context.Context) error { _, e := c.Bridges(ctx, gitlab.JobsQuery{Pipeline: p}); return e },
		"Job":                        func(ctx context.Context) error { _, e := c.Job(ctx, j); return e },
		"TestSummary":                func(ctx context.Context) error { _, e := c.TestSummary(ctx, p); return e },
		"TestReport":                 func(ctx context.Context) error { _, e := c.TestReport(ctx, p); return e },
		"Trace":                      func(ctx context.Context) error { _, e := c.Trace(ctx, j, 0, 100); return e },
		"TraceTail":                  func(ctx context.Context) error { _, e := c.TraceTail(ctx, j, 100); return e },
		"Artifacts":                  func(ctx context.Context) error { return drained(c.Artifacts(ctx, j)) },
		"ArtifactFile":               func(ctx context.Context) error { return drained(c.ArtifactFile(ctx, j, "junit.xml")) },
		"RetryPipeline":              func(ctx context.Context) error { _, e := c.RetryPipeline(ctx, p); return e },
		"CancelPipeline":             func(ctx context.Context) error { _, e := c.CancelPipeline(ctx, p); return e },
		"CreatePipeline": func(ctx context.Context) error {
			_, e := c.CreatePipeline(ctx, gitlab.NewPipeline{Project: project, Ref: "main"})
			return e
		},
		"RetryJob":  func(ctx context.Context) error { _, e := c.RetryJob(ctx, j); return e },
		"PlayJob":   func(ctx context.Context) error { _, e := c.PlayJob(ctx, j, nil); return e },
		"CancelJob": func(ctx context.Context) error { _, e := c.CancelJob(ctx, j); return e },
		"SetCommitStatus": func(ctx context.Context) error {
			_, e := c.SetCommitStatus(ctx, gitlab.NewCommitStatus{Project: project, SHA: someCommit, State: "success", Name: "x"})
			return e
		},
		"Notes":      func(ctx context.Context) error { _, e := c.Notes(ctx, m, 1); return e },
		"AddNote":    func(ctx context.Context) error { _, e := c.AddNote(ctx, m, "x"); return e },
		"ChangeNote": func(ctx context.Context) error { _, e := c.ChangeNote(ctx, m, 1, "x"); return e },
	}
}

// TestCIArguments checks that what can name nothing is never asked for.
func TestCIArguments(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	ctx := t.Context()
	bad := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, gitlab.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "a/../b", "../b", "a//b", "a/b?x=1", "a%2Fb/c", "a/b\x00", "a/.git", "ä/b", "12"} {
		for name, ask := range ran(c, text, 1, 1, someCommit) {
			bad(name+" of "+text, ask(ctx))
		}
	}
	for name, ask := range ran(c, stage.Search, 0, -1, someCommit) {
		switch name {
		case "PipelineWithJobs", "Pipeline", "Jobs", "Bridges", "Job", "TestSummary", "TestReport", "Trace", "TraceTail", "Artifacts", "ArtifactFile", "PipelinesByID", "PipelineVariables", "RetryPipeline", "CancelPipeline", "RetryJob", "PlayJob", "CancelJob":
			bad(name, ask(ctx))
		}
	}
	for _, q := range []gitlab.PipelinesQuery{{Ref: "a..b"}, {SHA: "main"}, {SHA: "abc"}, {Status: "FAILED"}, {Status: "broken"}, {Source: "a b"}, {Username: "a/b"}, {Page: gitlab.Page{First: 101}}} {
		q.Project = stage.Search
		_, err := one(c.Pipelines(ctx, list(q)))
		bad(fmt.Sprintf("%+v", q), err)
		if q.Page.First == 0 {
			_, err = c.ListPipelines(ctx, gitlab.PipelineListQuery{PipelinesQuery: q})
			bad(fmt.Sprintf("%+v", q), err)
		}
	}
	p, j := gitlab.PipelineNumber{Project: stage.Search, ID: 1}, gitlab.JobNumber{Project: stage.Search, ID: 1}
	_, err := c.ListPipelines(ctx, gitlab.PipelineListQuery{PipelinesQuery: gitlab.PipelinesQuery{Project: stage.Search}, Scope: "all"})
	bad("scope", err)
	_, err = c.ListPipelines(ctx, gitlab.PipelineListQuery{PipelinesQuery: gitlab.PipelinesQuery{Project: stage.Search}, Number: 501})
	bad("page", err)
	_, err = c.Jobs(ctx, gitlab.JobsQuery{Pipeline: p, Statuses: []string{"x"}})
	bad("states", err)
	_, err = c.Trace(ctx, j, -1, 0)
	bad("place", err)
	_, err = c.TraceTail(ctx, j, -1)
	bad("size", err)
	for _, variables := range [][]gitlab.Variable{{{Key: ""}}, {{Key: "A-B"}}, {{Key: "A B"}}, {{Key: "Ä"}}, {{Key: "A", Value: strings.Repeat("x", 20_000)}}, {{Key: "A", Value: "\x00"}}, make([]gitlab.Variable, 101)} {
		_, err = c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main", Variables: variables})
		bad("variables", err)
		_, err = c.PlayJob(ctx, j, variables)
		bad("variables", err)
	}
	if _, err = c.CreatePipeline(ctx, gitlab.NewPipeline{Project: stage.Search, Ref: "main", Variables: []gitlab.Variable{{Key: "A", Value: "secret\x00"}}}); strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the value: %v", err)
	}
	_, err = c.PlayJob(ctx, j, []gitlab.Variable{{Key: "A", File: true}})
	bad("a file", err)
	for _, status := range []gitlab.NewCommitStatus{{State: "done"}, {Name: ""}, {Name: strings.Repeat("x", 300)}, {URL: "javascript:alert(1)"}, {URL: "/x"}, {Ref: "a..b"}, {SHA: "main"}, {Pipeline: -1}, {Description: strings.Repeat("x", 300)}} {
		status.Project = stage.Search
		if status.State == "" {
			status.State = "success"
		}
		if status.SHA == "" {
			status.SHA = someCommit
		}
		if status.URL+status.Ref+string(status.SHA)+status.Description != someCommit || status.Pipeline != 0 {
			status.Name = "x"
		}
		_, err = c.SetCommitStatus(ctx, status)
		bad(fmt.Sprintf("%+v", status), err)
	}
	for _, oid := range []git.OID{"", "main", "abc", "../x"} {
		_, err = c.MergeBase(ctx, stage.Search, someCommit, oid)
		bad("merge base", err)
		_, err = c.Difference(ctx, stage.Search, oid, someCommit)
		bad("difference", err)
		_, err = c.CommitStatuses(ctx, stage.Search, oid, 1)
		bad("statuses", err)
	}
	_, err = c.CommitStatuses(ctx, stage.Search, someCommit, 501)
	bad("page", err)
	for _, body := range []string{"", " \n", strings.Repeat("x", 70_000), "a\x00"} {
		_, err = c.AddNote(ctx, gitlab.MergeRequestNumber{Project: stage.Search, Number: 1}, body)
		bad("note", err)
	}
	if n := s.Watch.Count(""); n != 0 {
		t.Errorf("%d requests were made: %v", n, s.Watch.Counts())
	}
}

// TestCIFaults checks that each way of failing is of its own kind, for every method.
func TestCIFaults(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	of := s.Run()
	c := on(t, s, stage.RitaToken)
	var unit int64
	for _, p := range s.Server.Pipelines(stage.Search) {
		if p.ID == of.Failed {
			unit = p.Jobs[1].ID
		}
	}
	for _, f := range []struct {
		fault clientstest.Fault
		want  error
	}{
		{clientstest.Fault{Kind: clientstest.Down}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Cut}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Malformed}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.WrongType}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 502}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Status, Status: 504}, clients.ErrTimeout},
		{clientstest.Fault{Kind: clientstest.Status, Status: 401}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 403}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 418}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 429, Header: map[string]string{"Retry-After": "30"}}, clients.ErrLimited},
	} {
		for name, ask := range ran(c, stage.Search, of.Failed, unit, git.OID(s.Head)) {
			raw := strings.HasPrefix(name, "Trace") || strings.HasPrefix(name, "Artifact")
			if raw && (f.fault.Kind == clientstest.Malformed || f.fault.Kind == clientstest.WrongType) {
				continue // they may be anything
			}
			switch name {
			case "SetCommitStatus", "RetryJob", "PlayJob", "ChangeNote":
				if f.fault.Kind != clientstest.Down && f.fault.Kind != clientstest.Status {
					continue // what is refused anyhow has no answer to spoil
				}
			case "Trace":
				if f.fault.Kind == clientstest.Cut {
					continue // what is behind the window does not matter
				}
			}
			s.Faults.Add(f.fault)
			err := ask(t.Context())
			s.Faults.Clear()
			e := clients.Of(err)
			if !errors.Is(err, f.want) || e == nil || e.Source != "gitlab" || errors.Is(err, gitlab.ErrRefused) {
				t.Errorf("%s with %v: %v, want %v", name, f.fault, err, f.want)
				continue
			}
			if wait := time.Until(e.RetryAt); f.want == clients.ErrLimited && (wait < 20*time.Second || wait > 31*time.Second) {
				t.Errorf("%s: retry in %v", name, wait)
			}
			if strings.Contains(err.Error(), stage.RitaToken) {
				t.Errorf("%s: the error tells the token", name)
			}
		}
	}
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"l0", "nodes", "0", "n0"}, Message: "Timeout"})
	if _, errs := c.LatestPipelines(t.Context(), []gitlab.Revision{{Project: stage.Search}}); errs[0] != nil && clients.Of(errs[0]) == nil {
		t.Errorf("a part that failed: %v", errs[0])
	}
	s.Faults.Clear()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Hang})
	if _, err := c.Trace(ctx, gitlab.JobNumber{Project: stage.Search, ID: unit}, 0, 0); !errors.Is(err, clients.ErrTimeout) {
		t.Errorf("an answer that never comes: %v", err)
	}
}

// sending is a client that gets one answer, with headers, to everything.
func sending(t testing.TB, status int, header http.Header, body io.Reader) *gitlab.Client {
	t.Helper()
	address, _ := url.Parse("https://gitlab.example")
	c, err := gitlab.New("gitlab", address, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(body), Request: r, ContentLength: -1}, nil
	}), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// endless is a body without an end, that counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "\x1b[0mx\r\xff\x00"[i%8]
	}
	e.read += int64(len(p))
	return len(p), nil
}

// TestEndless checks that no answer is read further than it is used, or than its bound.
func TestEndless(t *testing.T) {
	n := gitlab.JobNumber{Project: "a/b", ID: 1}
	body := &endless{}
	trace, err := sending(t, 200, nil, body).Trace(t.Context(), n, 1<<20, 1000)
	if err != nil || len(trace.Data) != 1000 || !trace.More || trace.Size != -1 || body.read > 2<<20 {
		t.Errorf("a window: %v, read %d", err, body.read)
	}
	body = &endless{}
	if trace, err := sending(t, 200, nil, body).Trace(t.Context(), n, 0, 1<<30); err != nil || len(trace.Data) != gitlab.MaxTrace || body.read > 2*gitlab.MaxTrace {
		t.Errorf("the largest window: %v, read %d", err, body.read)
	}
	body = &endless{}
	if trace, err := sending(t, 206, http.Header{"Content-Range": {"bytes 0-99/*"}}, body).Trace(t.Context(), n, 0, 100); err != nil || len(trace.Data) != 100 || body.read > 1<<20 {
		t.Errorf("a part that is longer than it says: %v, read %d", err, body.read)
	}
	body = &endless{}
	if _, err := sending(t, 200, nil, body).TraceTail(t.Context(), n, 1000); !errors.Is(err, clients.ErrBadAnswer) || body.read > 130<<20 {
		t.Errorf("the end of what has none: %v, read %d", err, body.read)
	}
	body = &endless{}
	if err := drained(sending(t, 200, nil, body).Artifacts(t.Context(), n)); !errors.Is(err, clients.ErrBadAnswer) || body.read > gitlab.MaxArtifact+1<<20 {
		t.Errorf("an artifact: %v, read %d", err, body.read)
	}
	// A report is read as far as an answer of JSON may be.
	report := `{"total_count":1,"test_suites":[{"name":"a","test_cases":[` + strings.Repeat(`{"name":"n","status":"success"},`, 30_000) + `{"name":"bad","status":"failed"}]}]}`
	got, err := answering(t, report).TestReport(t.Context(), gitlab.PipelineNumber{Project: "a/b", ID: 1})
	if err != nil || got.Complete || len(got.Suites[0].Cases) != 20_000 || got.Suites[0].Cases[0].Name != "bad" {
		t.Errorf("a large report: %v", err)
	}
	huge := `{"test_suites":[{"name":"` + strings.Repeat("x", 17<<20) + `"}]}`
	if _, err := answering(t, huge).TestReport(t.Context(), gitlab.PipelineNumber{Project: "a/b", ID: 1}); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("a huge report: %v", err)
	}
}

// TestOddParts checks answers to questions for a part that are about another.
func TestOddParts(t *testing.T) {
	n := gitlab.JobNumber{Project: "a/b", ID: 1}
	for _, span := range []string{"", "bytes", "bytes 0-9", "bytes 5-9/10", "bytes 9-5/10", "bytes -1-2/3", "bytes 0-9/-1", "items 0-9/10", "bytes 0-9/99999999999999999999"} {
		h := http.Header{"Content-Range": {span}}
		if trace, err := sending(t, 206, h, strings.NewReader("0123456789")).Trace(t.Context(), n, 0, 10); !errors.Is(err, clients.ErrBadAnswer) {
			t.Errorf("%q: %+v, %v", span, trace, err)
		}
	}
	if trace, err := sending(t, 206, http.Header{"Content-Range": {"bytes 5-9/10"}}, strings.NewReader("56789")).TraceTail(t.Context(), n, 5); err != nil || trace.From != 5 || trace.Size != 10 || trace.More {
		t.Errorf("%+v, %v", trace, err)
	}
	if trace, err := sending(t, 416, http.Header{"Content-Range": {"bytes */7"}}, strings.NewReader("")).Trace(t.Context(), n, 7, 5); err != nil || trace.Size != 7 || len(trace.Data) != 0 || trace.More {
		t.Errorf("%+v, %v", trace, err)
	}
	for _, status := range []int{204, 206, 302, 416} {
		if err := drained(sending(t, status, nil, strings.NewReader("x")).Artifacts(t.Context(), n)); !errors.Is(err, clients.ErrBadAnswer) {
			t.Errorf("an artifact with status %d: %v", status, err)
		}
	}
	for header, want := range map[string]string{`attachment; filename="../../etc/passwd"`: "passwd", `attachment; filename="..\\..\\x.zip"`: "x.zip", `attachment; filename=".."`: "", "x": "", "": ""} {
		a, err := sending(t, 200, http.Header{"Content-Disposition": {header}}, strings.NewReader("x")).Artifacts(t.Context(), n)
		if err != nil || a.Name != want {
			t.Errorf("%q: %q, %v", header, a.Name, err)
		}
	}
}

// FuzzCIAnswers gives every method an answer of any kind: it may be an error, and is never a panic or without bounds.
func FuzzCIAnswers(f *testing.F) {
	const pipeline = `{"id":"gid://gitlab/Ci::Pipeline/1","iid":"2","status":"SUCCESS","sha":"` + someCommit + `","path":"//x","duration":1,"queuedDuration":"x","coverage":101,"user":{"username":"a"},"mergeRequest":{"iid":"1"}}`
	f.Add(`{"data":{"l0":{"nodes":[{"fullPath":"a/b","n0":{"nodes":[null,` + pipeline + `]},"pipelines":{"count":1,"edges":[{"cursor":"x","node":` + pipeline + `}]},"repository":{"tree":{"lastCommit":{"pipelines":{"nodes":[]}}}}}]},"c0":{"pipelines":{"nodes":[` + pipeline + `]}},"projects":{"nodes":[{"fullPath":"a/b","mergeRequests":{"nodes":[null,{"iid":"1","headPipeline":` + pipeline + `}]}}]},"project":{"pipeline":` + strings.TrimSuffix(pipeline, "}") + `,"stages":{"nodes":[null,{"name":"a"}]},"jobs":{"nodes":[null,{"id":"x","tags":["a"],"stage":null,"downstreamPipeline":{}}]},"upstream":{}}}}}`)
	f.Add(`{"id":1,"iid":2,"status":"failed","coverage":"NaN","duration":1,"user":null,"stage":"x","pipeline":{"id":1},"runner":null,"artifacts":[{"size":-1}],"body":"x","author":{"username":"a"}}`)
	f.Add(`[{"id":1,"status":"x","downstream_pipeline":{"id":2},"coverage":1e9},null,{"id":0}]`)
	f.Add(`{"total":{"count":-1,"time":1e300},"test_suites":[{"name":"a","build_ids":[1],"suite_error":"x","test_cases":[null,{"status":"failed","system_output":{"message":"x"},"recent_failures":{"count":1e3}}]}]}`)
	f.Add(`{"data":null,"errors":[{"message":"x"}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		c := answering(t, answer)
		all := ran(c, "a/b", 1, 1, someCommit)
		for _, name := range slices.Sorted(maps.Keys(all)) { // in one order: what an input covers must not depend on chance
			if err := all[name](t.Context()); err != nil && clients.Of(err) == nil {
				t.Fatalf("%s: an error of no kind: %v", name, err)
			}
		}
	})
}

// FuzzTrace gives traces headers and bodies of any kind: a window holds no more than was asked for, and lies where it says.
func FuzzTrace(f *testing.F) {
	f.Add(200, "", "hello", int64(2), 2)
	f.Add(206, "bytes 2-3/5", "ll", int64(2), 2)
	f.Add(416, "bytes */5", "", int64(9), 2)
	f.Add(206, "bytes 9223372036854775807-9223372036854775807/9223372036854775807", "x", int64(0), 1)
	f.Fuzz(func(t *testing.T, status int, span, body string, from int64, most int) {
		if status < 100 || status > 599 {
			return
		}
		n := gitlab.JobNumber{Project: "a/b", ID: 1}
		check := func(trace *gitlab.Trace, err error) {
			if err != nil {
				if clients.Of(err) == nil && !errors.Is(err, gitlab.ErrInvalid) {
					t.Fatalf("an error of no kind: %v", err)
				}
				return
			}
			if most > 0 && len(trace.Data) > most || trace.From < 0 || trace.Next() < trace.From || trace.Size >= 0 && len(trace.Data) > 0 && trace.Size < trace.Next() {
				t.Fatalf("%+v", trace)
			}
		}
		h := http.Header{"Content-Range": {span}}
		check(sending(t, status, h, strings.NewReader(body)).Trace(t.Context(), n, from, most))
		check(sending(t, status, h, strings.NewReader(body)).TraceTail(t.Context(), n, most))
	})
}
