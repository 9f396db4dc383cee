package jenkins_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// everything is every method for a job, the third build of which has all there can be. What is marked with ! needs more than to read.
func everything(c *jenkins.Client, job string) map[string]func(context.Context) error {
	b := id(job, 3)
	return map[string]func(context.Context) error{
		"Job":       func(ctx context.Context) error { _, err := c.Job(ctx, job); return err },
		"Jobs":      func(ctx context.Context) error { _, errs := c.Jobs(ctx, []string{job}); return errs[0] },
		"Jobs two":  func(ctx context.Context) error { _, errs := c.Jobs(ctx, []string{job, "deploy"}); return errs[0] },
		"Branches!": func(ctx context.Context) error { _, err := c.Branches(ctx, job); return err },
		"Builds":    func(ctx context.Context) error { _, err := c.Builds(ctx, jenkins.BuildsQuery{Job: job}); return err },
		"Build":     func(ctx context.Context) error { _, err := c.Build(ctx, b); return err },
		"Stages":    func(ctx context.Context) error { _, err := c.Stages(ctx, b); return err },
		"Steps":     func(ctx context.Context) error { _, _, err := c.Steps(ctx, b, "5"); return err },
		"StepLog":   func(ctx context.Context) error { _, err := c.StepLog(ctx, b, "6"); return err },
		"Inputs":    func(ctx context.Context) error { _, err := c.Inputs(ctx, b); return err },
		"Report":    func(ctx context.Context) error { _, err := c.Report(ctx, jenkins.ReportQuery{Build: b}); return err },
		"Coverage":  func(ctx context.Context) error { _, err := c.Coverage(ctx, b); return err },
		"Log":       func(ctx context.Context) error { _, err := c.Log(ctx, jenkins.LogQuery{Build: b}); return err },
		"LogTail":   func(ctx context.Context) error { _, err := c.LogTail(ctx, b, 10); return err },
		"Artifact": func(ctx context.Context) error {
			f, err := c.Artifact(ctx, b, "build/search 1.0.tar.gz")
			if err == nil {
				defer f.Body.Close()
				_, err = io.Copy(io.Discard, f.Body)
			}
			return err
		},
		"Start!":   func(ctx context.Context) error { _, err := c.Start(ctx, jenkins.StartQuery{Job: job}); return err },
		"Rebuild!": func(ctx context.Context) error { _, err := c.Rebuild(ctx, b); return err },
		"Replay!":  func(ctx context.Context) error { return c.Replay(ctx, b) },
		"Stop!":    func(ctx context.Context) error { return c.Stop(ctx, b) },
	}
}

// TestArguments checks that what can name nothing is never asked for.
func TestArguments(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	bad := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, jenkins.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", ".", "a/.", "a?b", "a#b", "a\\b", "a%b", "a%2", "a%zz", "a\x00b", "a\nb", "a:b", "a;b", "a*", " a", "a ", "\xff",
		strings.Repeat("a", 300), strings.Repeat("a/", 20) + "a", strings.Repeat("abcdefgh/", 120)} {
		for what, ask := range everything(c, name) {
			if what == "Jobs two" {
				continue // one of them is right
			}
			bad(what+" of "+name, ask(t.Context()))
		}
	}
	for _, number := range []int{0, -1} {
		_, err := c.Build(t.Context(), id("a", number))
		bad("Build", err)
		bad("Stop", c.Stop(t.Context(), id("a", number)))
	}
	for _, node := range []string{"", "x", "-1", "1/2", "01", "99999999999", "5/../6"} {
		_, _, err := c.Steps(t.Context(), id("a", 1), node)
		bad("Steps "+node, err)
		_, err = c.StepLog(t.Context(), id("a", 1), node)
		bad("StepLog "+node, err)
	}
	for _, path := range []string{"", "/a", "a/", "../a", "a/../../b", "a\x00", "a\\b", "a//b", "\xff", strings.Repeat("a", 5000)} {
		_, err := c.Artifact(t.Context(), id("a", 1), path)
		bad("Artifact "+path, err)
	}
	for _, q := range []jenkins.BuildsQuery{{Most: 101}, {Most: -1}, {Skip: -1}, {Skip: 20_000}} {
		q.Job = "a"
		_, err := c.Builds(t.Context(), q)
		bad("Builds", err)
	}
	for _, q := range []jenkins.LogQuery{{Start: -1}, {Most: -1}, {Most: 2 << 20}} {
		q.Build = id("a", 1)
		_, err := c.Log(t.Context(), q)
		bad("Log", err)
	}
	for _, q := range []jenkins.StartQuery{{Parameters: []jenkins.Parameter{{}}}, {Parameters: []jenkins.Parameter{{Name: "a", Value: strings.Repeat("x", 300_000)}}}} {
		q.Job = "a"
		_, err := c.Start(t.Context(), q)
		bad("Start", err)
	}
	_, err := c.Item(t.Context(), 0)
	bad("Item", err)
	bad("Cancel", c.Cancel(t.Context(), -1))
	if n := s.Watch.Count(""); n != 0 {
		t.Errorf("%d requests were made: %v", n, s.Watch.Counts())
	}
}

// TestFaults checks that each way of failing is of its own kind, for every method.
func TestFaults(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	for _, f := range []struct {
		fault clientstest.Fault
		want  error
	}{
		{clientstest.Fault{Kind: clientstest.Down}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Cut}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Malformed}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.WrongType}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Huge, Bytes: 17 << 20}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 502}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Status, Status: 503, Header: map[string]string{"Retry-After": "5"}}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Status, Status: 504}, clients.ErrTimeout},
		{clientstest.Fault{Kind: clientstest.Status, Status: 401}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 403}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 418}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 302, Header: map[string]string{"Location": "https://sso.larkfold.example/login"}}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 302, Header: map[string]string{"Location": "/jenkins/login?from=x"}}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 429, Header: map[string]string{"Retry-After": "30"}}, clients.ErrLimited},
	} {
		for name, ask := range everything(c, stage.Main) {
			kind := f.fault.Kind
			if kind == clientstest.Huge && name != "Job" && name != "Jobs two" {
				continue // it takes its time
			}
			if (name == "Log" || name == "LogTail" || name == "Artifact" || name == "Stop!" || name == "Replay!") && kind != clientstest.Down && kind != clientstest.Status && !(name == "Artifact" && kind == clientstest.Cut) {
				continue // they may be anything, or nothing is read of the answer
			}
			if (name == "Start!" || name == "Rebuild!") && (kind == clientstest.Cut || kind == clientstest.Malformed) {
				continue // what is cut off is not read
			}
			s.Faults.Add(f.fault)
			err := ask(t.Context())
			s.Faults.Clear()
			e := clients.Of(err)
			var elsewhere *jenkins.Elsewhere
			if name == "Artifact" && errors.As(err, &elsewhere) {
				continue
			}
			if !errors.Is(err, f.want) || e == nil || e.Source != "jenkins" {
				t.Errorf("%s with %v: %v, want %v", name, f.fault, err, f.want)
			}
		}
	}
	if queue := ok[[]jenkins.Item](t)(c.Queue(t.Context())); len(queue) > 1 {
		t.Errorf("%d builds wait", len(queue))
	}
}

// TestEnds checks that the end of the caller's own time is told as such.
func TestEnds(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	for name, ask := range everything(c, stage.Main) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// answering returns a client of something that gives one answer to every question, and the hosts it was asked at.
func answering(t testing.TB, status int, header http.Header, answer string) (*jenkins.Client, *[]string) {
	t.Helper()
	hosts := &[]string{}
	c := at(t, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		*hosts = append(*hosts, r.URL.Host)
		h := header.Clone()
		if h == nil {
			h = http.Header{"Content-Type": {"application/json"}, "X-Text-Size": {"5"}}
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(answer)), ContentLength: -1, Request: r}, nil
	})}, address)
	return c, hosts
}

// TestElsewhere checks that nothing an answer names is asked for.
func TestElsewhere(t *testing.T) {
	evil := `"http://169.254.169.254/job/a/9/"`
	c, hosts := answering(t, 200, nil, `{"name":"main","fullName":"music/search/main","number":3,"url":`+evil+`,"id":1,"crumb":"c","crumbRequestField":"Jenkins-Crumb",
		"jobs":[{"name":"music","url":`+evil+`}],"lastBuild":{"number":3,"url":`+evil+`},"executable":{"number":1,"url":`+evil+`},"task":{"url":`+evil+`},"_links":{"self":{"href":`+evil+`}}}`)
	for _, ask := range everything(c, stage.Main) {
		_ = ask(t.Context())
	}
	redirecting, more := answering(t, 302, http.Header{"Location": {"http://169.254.169.254/"}}, "")
	for name, ask := range everything(redirecting, stage.Main) {
		if ask(t.Context()) == nil {
			t.Errorf("%s takes a redirect for an answer", name)
		}
	}
	for _, host := range append(*hosts, *more...) {
		if host != "ci.larkfold.example" {
			t.Fatalf("%s is asked", host)
		}
	}
	// A page that is no web page is not linked to, and one with a password neither.
	for _, url := range []string{"javascript:alert(1)", "//x", "https://user:pass@x/", "ftp://x/"} {
		c, _ := answering(t, 200, nil, fmt.Sprintf(`{"number":3,"url":%q}`, url))
		if b := ok[*jenkins.Build](t)(c.Build(t.Context(), id("a", 3))); b.URL != address+"/job/a/3/" {
			t.Errorf("%s: %s", url, b.URL)
		}
	}
}

// TestHostileValues checks what is made of values that no Jenkins sends.
func TestHostileValues(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	c, _ := answering(t, 200, nil, `{"number":3,"displayName":"a\u0000\u202e`+long+`","description":"`+long+`","timestamp":9223372036854775807,"duration":-5,"estimatedDuration":9223372036854775807,"queueId":-1,
		"actions":[null,7,[],{"causes":7,"parameters":[{"name":"p","value":{"a":1}},{"name":"q","value":true}],"lastBuiltRevision":{"SHA1":"zz"},"failCount":"x"},
		{"lastBuiltRevision":{"SHA1":"`+stage.Head+`","branch":[{"name":"refs/remotes/origin/x"}]},"remoteUrls":["https://user:SECRET@host/x","https://SECRET@host/y","ssh://git@host/z","git@host:w"]}],
		"artifacts":[{"relativePath":"../../etc/passwd"},{"relativePath":"ok"}]}`)
	b := ok[*jenkins.Build](t)(c.Build(t.Context(), id("a", 3)))
	if len(b.Title) > 1024 || strings.ContainsAny(b.Title, "\x00\u202e") || len(b.Description) > 64<<10 || !b.Started.IsZero() || b.Duration != 0 || b.Estimate <= 0 || b.QueueID != 0 {
		t.Errorf("%.200v", b)
	}
	if got := fmt.Sprint(b.Parameters, b.Revisions, b.Artifacts); got != "[{p  false} {q true false}] [{"+stage.Head+" x [https://host/x https://host/y ssh://git@host/z git@host:w]}] [{ ok}]" {
		t.Error(got)
	}
	for _, wrong := range []string{`{"number":4}`, `{}`, `null`, `[]`, `{"number":"3"}`, `{"number":3`} {
		c, _ := answering(t, 200, nil, wrong)
		if _, err := c.Build(t.Context(), id("a", 3)); !errors.Is(err, clients.ErrBadAnswer) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	for _, crumb := range []string{`{"crumb":"a\r\nX: y","crumbRequestField":"Jenkins-Crumb"}`, `{"crumb":"a","crumbRequestField":"Authorization"}`, `{"crumb":"a","crumbRequestField":"crumb\n"}`} {
		asked := 0
		c := at(t, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" {
				asked++
				return &http.Response{StatusCode: 403, Body: http.NoBody, Request: r}, nil
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(crumb)), Request: r}, nil
		})}, address)
		if err := c.Stop(t.Context(), id("a", 1)); !errors.Is(err, clients.ErrForbidden) || asked != 1 {
			t.Errorf("%s: %v, asked %d times", crumb, err, asked)
		}
	}
}

// TestAggregated reads the report of a Maven project, which has one of each module.
func TestAggregated(t *testing.T) {
	c, _ := answering(t, 200, nil, `{"_class":"hudson.maven.reporters.SurefireAggregatedReport","failCount":1,"skipCount":1,"totalCount":4,"childReports":[
		{"child":{"number":1,"url":"x"},"result":{"duration":0.5,"failCount":1,"passCount":1,"skipCount":0,"suites":[{"name":"a","cases":[{"name":"x","status":"FAILED"},{"name":"y","status":"PASSED"}]}]}},
		{"child":{"number":1,"url":"y"},"result":{"duration":1.5,"failCount":0,"passCount":1,"skipCount":1,"suites":[{"name":"b","cases":[{"name":"z","status":"PASSED"},{"name":"w","status":"SKIPPED"}]}]}}]}`)
	r := ok[*jenkins.Report](t)(c.Report(t.Context(), jenkins.ReportQuery{Build: id("a", 1)}))
	if r.TestCounts != (jenkins.TestCounts{Total: 4, Failed: 1, Skipped: 1}) || len(r.Suites) != 2 || !r.Complete || r.Duration.Seconds() != 2 {
		t.Errorf("%+v", r)
	}
}

func TestLocate(t *testing.T) {
	for address, want := range map[string]string{
		"https://ci.example/jenkins/job/a/job/b%20c/12/": "a/b c #12",
		"job/a/job/feature%252Fx/3/":                     "a/feature%2Fx #3",
		"/job/a/":                                        "a #0",
		"https://ci.example/view/all/job/a/7/console":    "a #7",
		"https://ci.example/":                            "",
		"https://ci.example/job/a/lastBuild/":            "",
		"job/..%2F..%2Fetc/1/":                           "",
		"job/a/-1/":                                      "",
		"%zz":                                            "",
		"job/" + strings.Repeat("x", 2000) + "/1/":       "",
		"https://ci.example/job/a%2Fb/1/":                "",
	} {
		got := ""
		if id, ok := jenkins.Locate(address); ok {
			got = id.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// FuzzAnswers feeds every method one answer: none panics, and every failure has a kind.
func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"name":"main","fullName":"a","displayName":"x","number":3,"url":"https://x/","jobs":[{"name":"deploy","lastBuild":{"number":1}},{"name":"a","lastBuild":null,"healthReport":[{"score":200}]}]}`)
	f.Add(200, `{"id":"3","stages":[{"id":"5","_links":{"log":{}},"error":{"message":"x"},"parentNodes":["1"]}],"stageFlowNodes":[{"id":"6"}],"text":"<b>&lt;</b>","hasMore":true,"nodeStatus":"X"}`)
	f.Add(200, `[{"id":"x","message":"y"}]`)
	f.Add(200, `{"failCount":1,"passCount":-2,"skipCount":3,"duration":1e300,"suites":[{"cases":[{"duration":-1,"age":-1}]}],"childReports":[{"result":{"failCount":1,"totalCount":5}}]}`)
	f.Add(200, `{"projectStatistics":{"line":"95.39%","loc":"8063","x":"NaN%","y":7},"results":{"elements":[{"name":"Lines","ratio":1e308}]},"lineCoverage":{"covered":-1,"total":1e300,"percentageFloat":50}}`)
	f.Add(200, `{"builds":[null,{"number":1,"actions":[{"causes":[{"_class":"org.jenkinsci.plugins.workflow.cps.replay.ReplayCause","shortDescription":"Replayed #x"}]}]}],"id":1,"items":[{"id":1,"executable":{"url":"job/a/2"}}]}`)
	f.Add(201, ``)
	f.Add(302, `x`)
	f.Add(403, `{"crumb":"a","crumbRequestField":"b"}`)
	f.Fuzz(func(t *testing.T, status int, answer string) {
		if status < 100 || status > 999 {
			return
		}
		c, _ := answering(t, status, nil, answer)
		asks := everything(c, "a")
		asks["Queue"] = func(ctx context.Context) error { _, err := c.Queue(ctx); return err }
		asks["Item"] = func(ctx context.Context) error { _, err := c.Item(ctx, 1); return err }
		for name, ask := range asks {
			if err := ask(t.Context()); err != nil && clients.Of(err) == nil {
				t.Fatalf("%s: an error of no kind: %v", name, err)
			}
		}
		if b, err := c.Build(t.Context(), id("a", 3)); err == nil {
			for _, text := range []string{b.Title, b.Description, b.URL, b.Result} {
				if !utf8.ValidString(text) {
					t.Fatalf("%q", text)
				}
			}
		}
	})
}

// FuzzLocate checks that what is located can be located again by its own address.
func FuzzLocate(f *testing.F) {
	f.Add("https://ci.example/jenkins/job/a/job/b%20c/12/")
	f.Add("job/a/job/feature%252Fx/3/")
	c, _ := answering(f, 200, nil, "")
	f.Fuzz(func(t *testing.T, text string) {
		found, ok := jenkins.Locate(text)
		if !ok {
			return
		}
		link := c.JobURL(found.Job)
		if found.Number > 0 {
			link = c.BuildURL(found)
		}
		if again, ok := jenkins.Locate(link); !ok || again != found {
			t.Fatalf("%q is %v, of which the address %q is %v", text, found, link, again)
		}
	})
}
