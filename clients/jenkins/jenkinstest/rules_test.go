package jenkinstest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// ask makes one request as somebody, "user:secret", and returns the answer with its text.
func ask(t *testing.T, h http.Handler, method, path, who string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "https://ci.larkfold.example"+path, nil)
	if user, secret, found := strings.Cut(who, ":"); found {
		r.SetBasicAuth(user, secret)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(text)
}

const (
	ada = stage.Ada + ":" + stage.AdaToken
	max = stage.Max + ":" + stage.MaxToken
)

// TestTree checks what a tree names is what is shown, and what depth shows without one.
func TestTree(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{})
	for _, one := range []struct{ path, want string }{
		{"/api/json?tree=jobs[name]", `{"_class":"hudson.model.Hudson","jobs":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","name":"deploy"},{"_class":"com.cloudbees.hudson.plugins.folder.Folder","name":"music"},{"_class":"hudson.model.FreeStyleProject","name":"nightly report"}]}`},
		{"/api/json?tree=jobs[name]{1}", `{"_class":"hudson.model.Hudson","jobs":[{"_class":"com.cloudbees.hudson.plugins.folder.Folder","name":"music"}]}`},
		{"/api/json?tree=jobs[name]{2,}", `{"_class":"hudson.model.Hudson","jobs":[{"_class":"hudson.model.FreeStyleProject","name":"nightly report"}]}`},
		{"/api/json?tree=jobs{,1}", `{"_class":"hudson.model.Hudson","jobs":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob"}]}`},
		{"/api/json?tree=jobs[name]{7,9},mode", `{"_class":"hudson.model.Hudson","mode":"NORMAL","jobs":[]}`},
		{"/api/json?tree=jobs[name]{5,2}", `{"_class":"hudson.model.Hudson","jobs":[]}`},
		{"/api/json?tree=nothing", `{"_class":"hudson.model.Hudson"}`},
		{"/api/json?tree=mode,mode[x]", `{"_class":"hudson.model.Hudson","mode":"NORMAL"}`},
		{"/job/music/job/search/job/main/api/json?tree=lastBuild[number,actions[causes[shortDescription]]{1}]", `{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","lastBuild":{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","actions":[{"_class":"jenkins.metrics.impl.TimeInQueueAction"}],"number":3}}`},
		{"/job/music/job/search/job/main/api/json?tree=builds[number]{0,2},allBuilds[number]{2,3}", `{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","builds":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":3},{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":2}],"allBuilds":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":1}]}`},
		{"/job/music/job/search/job/main/lastUnstableBuild/api/json?tree=number,result,*[nothing]", ""},
	} {
		resp, got := ask(t, s, "GET", strings.ReplaceAll(one.path, " ", "%20"), max)
		if one.want != "" && got != one.want {
			t.Errorf("%s:\n%s, want\n%s", one.path, got, one.want)
		}
		if resp.StatusCode != 200 || resp.Header.Get("X-Jenkins") != "2.504.3" || !json.Valid([]byte(got)) {
			t.Errorf("%s: %d %s", one.path, resp.StatusCode, got)
		}
	}
	for _, tree := range []string{"[", "a[", "a]", "a[]", ",", "a,", "a{", "a{}", "a{x}", "a{1", "a{-1}", "a[b]c", strings.Repeat("a[", 1000)} {
		if resp, text := ask(t, s, "GET", "/api/json?tree="+url.QueryEscape(tree), max); resp.StatusCode != 500 || !strings.Contains(text, "<html") {
			t.Errorf("%s: %d", tree, resp.StatusCode)
		}
	}
	// Deeper is more, and each depth has all that the one before has.
	size := 0
	for _, depth := range []string{"0", "1", "2", "3"} {
		_, text := ask(t, s, "GET", "/api/json?depth="+depth, max)
		if len(text) <= size {
			t.Errorf("at depth %s %d bytes, %d before", depth, len(text), size)
		}
		size = len(text)
	}
	_, text := ask(t, s, "GET", "/api/json", max)
	if strings.Contains(text, "fullName") || !strings.Contains(text, `"color":"notbuilt"`) {
		t.Errorf("at depth 0: %s", text)
	}
	if resp, _ := ask(t, s, "GET", "/api/json?depth=x", max); resp.StatusCode != 500 {
		t.Errorf("a depth that is none: %d", resp.StatusCode)
	}
}

// TestWho checks what whom is answered.
func TestWho(t *testing.T) {
	closed, open := stage.Set(t, jenkinstest.Settings{}), stage.Set(t, jenkinstest.Settings{Anonymous: true, Address: "https://ci.larkfold.example/x"})
	password := stage.Ada + ":" + stage.AdaPassword
	for _, one := range []struct {
		what, method, path, who string
		server                  *stage.Stage
		status                  int
		page                    string
	}{
		{"nobody", "GET", "/api/json", "", closed, 403, "Authentication required"},
		{"nobody where that is enough", "GET", "/x/api/json", "", open, 200, ""},
		{"an address before Jenkins", "GET", "/api/json", "", open, 404, "HTTP ERROR 404"},
		{"a wrong token", "GET", "/api/json", stage.Ada + ":x", closed, 401, "Invalid password/token for user: ada"},
		{"no token", "GET", "/api/json", stage.Max + ":", closed, 401, "Invalid"},
		{"no such user", "GET", "/x/api/json", "eve:x", open, 401, "Invalid"},
		{"a token", "GET", "/api/json", max, closed, 200, ""},
		{"a password", "GET", "/api/json", password, closed, 200, ""},
		{"a password without a crumb", "POST", "/job/music/job/tools/job/lint/build", password, closed, 403, "No valid crumb was included in the request"},
		{"nobody without a crumb", "POST", "/x/job/music/job/tools/job/lint/build", "", open, 403, "No valid crumb"},
		{"without the permission", "POST", "/job/music/job/tools/job/lint/build", max, closed, 403, "max is missing the Job/Build permission"},
		{"with it", "POST", "/job/music/job/tools/job/lint/build", ada, closed, 201, ""},
		{"by GET", "GET", "/job/music/job/tools/job/lint/build", ada, closed, 405, "requires POST"},
		{"no job", "GET", "/job/none/api/json", ada, closed, 404, "HTTP ERROR 404 Not Found"},
		{"a job in a job", "GET", "/job/deploy/job/x/api/json", ada, closed, 404, ""},
		{"no build", "GET", "/job/deploy/7/api/json", ada, closed, 404, ""},
		{"a permalink of nothing", "GET", "/job/deploy/lastBuild/api/json", ada, closed, 404, ""},
		{"up", "GET", "/job/deploy/%2e%2e/api/json", ada, closed, 400, ""},
		{"a build of a folder", "POST", "/job/music/build", ada, closed, 404, ""},
		{"without a slash", "GET", "/job/deploy", ada, closed, 302, ""},
		{"a page", "GET", "/job/deploy/", ada, closed, 200, "<h1>deploy</h1>"},
		{"a token at the crumbs", "GET", "/crumbIssuer/api/json", ada, closed, 200, "Jenkins-Crumb"},
	} {
		resp, text := ask(t, one.server, one.method, one.path, one.who)
		if resp.StatusCode != one.status || !strings.Contains(text, one.page) {
			t.Errorf("%s: %d %s", one.what, resp.StatusCode, text)
		}
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode >= 400 && !strings.HasPrefix(kind, "text/html") {
			t.Errorf("%s: an error in %s", one.what, kind)
		}
	}
	// A crumb is of one session and one user.
	resp, text := ask(t, closed, "GET", "/crumbIssuer/api/json", password)
	var crumb struct{ Crumb string }
	if err := json.Unmarshal([]byte(text), &crumb); err != nil || len(resp.Cookies()) != 1 {
		t.Fatal(text, err)
	}
	cookie := resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
	const path = "/job/music/job/tools/job/lint/build"
	if resp, _ := ask(t, closed, "POST", path, password, "Jenkins-Crumb", crumb.Crumb); resp.StatusCode != 403 {
		t.Errorf("a crumb without its session: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, closed, "POST", path, password, "Cookie", cookie); resp.StatusCode != 403 {
		t.Errorf("a session without its crumb: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, closed, "POST", path, password, "Jenkins-Crumb", crumb.Crumb, "Cookie", cookie); resp.StatusCode != 201 {
		t.Errorf("both: %d", resp.StatusCode)
	}
	if resp, _ := ask(t, stage.Set(t, jenkinstest.Settings{Unprotected: true}), "GET", "/crumbIssuer/api/json", ada); resp.StatusCode != 404 {
		t.Errorf("where there are none: %d", resp.StatusCode)
	}
}

// TestInput checks that a build waits for an answer, and goes on with it.
func TestInput(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{})
	ask(t, s, "POST", "/job/music/job/release/build?delay=0sec", ada)
	s.Pass(time.Hour)
	const b = "/job/music/job/release/1"
	_, text := ask(t, s, "GET", b+"/wfapi/pendingInputActions", ada)
	var inputs []struct{ ID, AbortURL string }
	if err := json.Unmarshal([]byte(text), &inputs); err != nil || len(inputs) != 1 {
		t.Fatal(text, err)
	}
	if resp, _ := ask(t, s, "POST", b+"/input/"+inputs[0].ID+"/proceedEmpty", ada); resp.StatusCode != 200 {
		t.Errorf("%d", resp.StatusCode)
	}
	s.Pass(30 * time.Second)
	if _, text = ask(t, s, "GET", b+"/wfapi/describe", ada); !strings.Contains(text, `"name":"Publish"`) || !strings.Contains(text, `"pauseDurationMillis":3600000`) {
		t.Error(text)
	}
	s.Pass(31 * time.Second)
	if _, text = ask(t, s, "GET", b+"/api/json?tree=result,duration", ada); !strings.Contains(text, `"duration":3660000,"result":"SUCCESS"`) {
		t.Error(text)
	}
}

// TestNames checks that nothing is made that Jenkins would not allow.
func TestNames(t *testing.T) {
	s := stage.Set(t, jenkinstest.Settings{})
	for _, name := range []string{"", "..", "a%b", "a/b", "deploy", "DEPLOY", "none/x", "deploy/x", "a:b", "music/search/a?"} {
		if err := s.AddJob(name, jenkinstest.Job{}); err == nil {
			t.Errorf("%q is made", name)
		}
	}
	ask(t, s, "POST", "/job/music/job/tools/job/lint/build", ada)
	if err := s.Remove("music/tools"); err != nil || s.Remove("music/tools/lint") == nil {
		t.Error(err)
	}
	if _, text := ask(t, s, "GET", "/queue/api/json", ada); !strings.Contains(text, `"items":[]`) {
		t.Errorf("a build of a job that is gone waits: %s", text)
	}
	if _, err := s.Server.Trigger("music", jenkinstest.Trigger{}); err == nil {
		t.Error("a folder is built")
	}
	if err := s.ChangeJob("none", func(*jenkinstest.Job) {}); err == nil {
		t.Error("what is not there is changed")
	}
}

// FuzzRequests asks anything: nothing panics, and every answer is one.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "/api/json?tree=jobs[name,jobs[name,lastBuild[*]]{0,5}]")
	f.Add("GET", "/job/music/job/search/job/main/3/logText/progressiveText?start=7")
	f.Add("POST", "/job/deploy/buildWithParameters?VERSION=x")
	f.Add("GET", "/job/music/job/search/job/main/lastBuild/execution/node/5/wfapi/describe")
	f.Add("GET", "/queue/item/1/api/json?depth=99")
	f.Add("POST", "/job/music/job/search/job/main/3/replay/rebuild")
	clock := &stage.Clock{}
	clock.Pass(stage.Now.Sub(clock.Now()))
	s := stage.Set(f, jenkinstest.Settings{Now: clock.Now})
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || !strings.HasPrefix(target, "/") || len(target) > 4096 {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{}, Body: http.NoBody, Host: "ci.larkfold.example"}
		r.SetBasicAuth(stage.Ada, stage.AdaToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		clock.Pass(time.Second)
		if w.Code == 200 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: %s", target, w.Body)
		}
	})
}
