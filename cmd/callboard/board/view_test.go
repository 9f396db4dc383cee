//go:build servers

package board_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var pictures = flag.String("pictures", "", "folder to save pictures of the pages in")

const (
	pull    = "https://github.com/larkfold/tiles/pull/7"
	hostile = `<img src=x onerror="alert(1)">`
)

// fake is a graph that knows one pull request with three runs.
type fake struct {
	t *testing.T

	mu     sync.Mutex
	status string   // of the run that goes on
	event  int      // of its stream
	asked  []asked  // all operations
	wake   chan int // closed when something changes
	cut    chan int // closed when streams are cut
	down   bool
	closed bool // nobody is answered without a token
}

type asked struct {
	operation, token string
	variables        map[string]any
}

func newFake(t *testing.T) (*fake, string) {
	f := &fake{t: t, status: "RUNNING", wake: make(chan int), cut: make(chan int)}
	m := mux()
	m.HandleFunc("POST /graphql", f.graph)
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return f, s.URL
}

// change has the run go on.
func (f *fake) change(status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
	f.event++
	close(f.wake)
	f.wake = make(chan int)
}

func (f *fake) of(operation string) []asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []asked
	for _, a := range f.asked {
		if a.operation == operation {
			out = append(out, a)
		}
	}
	return out
}

func (f *fake) graph(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Query      string
		Variables  map[string]any
		Extensions map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.Header.Get("Content-Type") != "application/json" || request.Extensions["sources"] != true {
		f.t.Errorf("a request is no JSON, or does not ask for sources: %v", err)
	}
	head, _, _ := strings.Cut(request.Query, "(")
	_, operation, _ := strings.Cut(head, " ")
	f.mu.Lock()
	f.asked = append(f.asked, asked{operation, r.Header.Get("Authorization"), request.Variables})
	down := f.down
	f.mu.Unlock()
	if down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	stream := strings.HasPrefix(request.Query, "subscription")
	if stream != (r.Header.Get("Accept") == "text/event-stream") {
		f.t.Errorf("%s accepts %s", operation, r.Header.Get("Accept"))
	}
	switch operation {
	case "FollowRun":
		f.followRun(w, r, request.Variables)
		return
	case "FollowLog":
		f.followLog(w, r, request.Variables)
		return
	}
	w.Header().Set("Content-Type", "application/graphql-response+json")
	_ = json.NewEncoder(w).Encode(f.answer(operation, r.Header.Get("Authorization"), request.Variables))
}

type object = map[string]any

func (f *fake) answer(operation, token string, variables object) object {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed && token != "Bearer right" {
		return object{"data": nil, "errors": []object{{"message": "send a token", "extensions": object{"code": "UNAUTHENTICATED"}}}}
	}
	switch operation {
	case "PullRequestView":
		if variables["url"] != pull {
			return object{"data": object{"pullRequest": nil}}
		}
		return object{
			"data": object{"pullRequest": f.pullRequest()},
			"errors": []object{
				{"message": "ci.example: it cannot be reached: connection refused", "path": []any{"pullRequest", "pipelineRuns", "nodes", 2, "stages"}, "extensions": object{"code": "UNAVAILABLE"}},
			},
			"extensions": object{"sources": []object{
				{"name": "github.com", "live": 4, "cached": 9, "stale": 0, "failed": 0, "oldest": "PT42S"},
				{"name": "ci.example", "live": 0, "cached": 0, "stale": 2, "failed": 1, "oldest": "PT3H12M", "errors": []object{{"code": "UNAVAILABLE", "retryAt": time.Now().Add(time.Minute).Format(time.RFC3339)}}},
			}},
		}
	case "RunView":
		if variables["id"] != "run-2" {
			return object{"data": object{"pipelineRun": nil}}
		}
		return object{"data": object{"pipelineRun": f.running()}}
	case "RunAgain", "RunFailedAgain":
		if token != "Bearer right" {
			return object{"data": object{"rerunPipelineRun": nil, "rerunFailedJobs": nil}, "errors": []object{{"message": "this takes the permission pipelines.run", "path": []any{"rerunFailedJobs"}, "extensions": object{"code": "UNAUTHENTICATED"}}}}
		}
		return object{"data": object{
			"rerunPipelineRun": object{"run": nil, "userErrors": []object{{"message": "the run is too old to be run again", "code": "REFUSED"}}},
			"rerunFailedJobs":  object{"run": object{"id": variables["id"]}, "userErrors": []object{}},
		}}
	}
	f.t.Errorf("%s is asked", operation)
	return object{}
}

func ago(d time.Duration) string { return time.Now().Add(-d).Format(time.RFC3339Nano) }

func job(id, name, status string, duration any) object {
	return object{"id": id, "name": name, "status": status, "providerStatus": strings.ToLower(status), "duration": duration, "url": "https://github.com/larkfold/tiles/actions/runs/1/job/" + id, "isAllowedToFail": false, "failure": nil}
}

func stage(name, status string, jobs ...object) object {
	return object{"name": name, "status": status, "jobs": jobs}
}

func runOf(id, provider, pipeline, status string, more object) object {
	out := object{
		"id": id, "source": "github.com", "fetchedAt": ago(0), "freshness": "LIVE", "pipeline": object{"id": "p" + id, "provider": provider, "name": pipeline, "url": nil},
		"number": 41, "attempt": 1, "title": "Play the next track without a gap", "status": status, "providerStatus": strings.ToLower(status), "trigger": "PULL_REQUEST",
		"commitOid": strings.Repeat("a1", 20), "branch": "feature/gapless", "actor": object{"login": "mina", "name": "Mina Okafor"}, "createdAt": ago(6 * time.Minute), "startedAt": ago(5 * time.Minute),
		"finishedAt": nil, "duration": nil, "queueTime": "PT12S", "estimatedRemaining": nil, "estimate": nil, "url": "https://github.com/larkfold/tiles/actions/runs/1", "stages": nil,
		"actions": object{"canRerun": true, "canRerunFailed": false}, "tests": nil, "coverage": nil, "event": nil, "missedEvents": nil,
	}
	for name, value := range more {
		out[name] = value
	}
	return out
}

// running is the run that goes on.
func (f *fake) running() object {
	more := object{"duration": "PT3M10S", "estimate": object{"duration": "PT5M20S", "remaining": "PT2M10S", "method": "MEDIAN_OF_RUNS", "runs": 20}, "estimatedRemaining": "PT2M10S", "event": fmt.Sprint("event-", f.event), "attempt": f.event + 1}
	last := job("j3", "browser tests", f.status, "PT1M8S")
	if f.status == "SUCCEEDED" {
		more["finishedAt"], more["estimate"] = ago(0), nil
		more["tests"] = object{"total": 214, "passed": 211, "failed": 0, "skipped": 3, "hasCases": true, "comparedWith": nil, "failing": []object{}, "newlyFailing": []object{}}
		more["coverage"] = object{"origin": "REPORT", "lines": 84.31, "change": object{"againstMergeBase": 0.62}}
	}
	more["stages"] = []object{
		stage("build", "SUCCEEDED", job("j1", "compile", "SUCCEEDED", "PT48S"), job("j4", "lint", "SUCCEEDED", "PT21S")),
		stage("test", f.status, job("j2", "unit tests", "SUCCEEDED", "PT1M14S"), last),
		stage("ship", "QUEUED", job("j5", "preview", "QUEUED", nil)),
	}
	return runOf("run-2", "GITLAB_CI", "GitLab CI", f.status, more)
}

func (f *fake) pullRequest() object {
	failing := object{"name": "plays the next track at once " + hostile, "className": "player.Gapless", "suite": "player", "status": "FAILED", "message": "expected 0 ms of silence, got 84 ms\n    at Gapless.java:88", "file": "player/gapless_test.go", "line": 88}
	return object{
		"source": "github.com", "fetchedAt": ago(0), "freshness": "LIVE", "number": 7, "title": "Play the next track without a gap " + hostile, "state": "OPEN", "isDraft": false, "url": pull,
		"createdAt": ago(3 * time.Hour), "updatedAt": ago(time.Minute), "closedAt": nil, "mergedAt": nil,
		"author": object{"login": "mina", "name": "Mina Okafor", "url": "https://github.com/mina", "avatarUrl": nil}, "baseRefName": "main", "headRefName": "feature/gapless",
		"headRefOid": strings.Repeat("a1", 20), "additions": 128, "deletions": 41, "changedFileCount": 6, "mergeable": "MERGEABLE", "reviewDecision": "CHANGES_REQUESTED", "checks": "FAILURE",
		"repository": object{"nameWithOwner": "larkfold/tiles", "url": "https://github.com/larkfold/tiles"},
		"pipelineRuns": object{"totalCount": 3, "nodes": []object{
			runOf("run-1", "GITHUB_ACTIONS", "Check", "SUCCEEDED", object{"duration": "PT4M2S", "finishedAt": ago(time.Minute), "stages": []object{stage("check", "SUCCEEDED", job("k1", "check", "SUCCEEDED", "PT4M2S"))},
				"coverage": object{"origin": "REPORT", "lines": 84.31, "change": object{"againstMergeBase": 0.62}}}),
			f.running(),
			runOf("run-3", "JENKINS", "larkfold » tiles » PR-7", "FAILED", object{"source": "ci.example", "freshness": "STALE", "fetchedAt": ago(3 * time.Hour), "duration": "PT9M40S", "finishedAt": ago(2 * time.Hour), "url": "javascript:alert(1)",
				"actions": object{"canRerun": true, "canRerunFailed": true}, "tests": object{"total": 98, "passed": 95, "failed": 2, "skipped": 1, "hasCases": true, "comparedWith": strings.Repeat("b2", 20),
					"failing": []object{failing, {"name": "fades out", "className": nil, "suite": "player", "status": "FAILED", "message": nil, "file": nil, "line": nil}}, "newlyFailing": []object{failing}}}),
		}},
		"coverageChange": object{"againstMergeBase": 0.62, "before": 83.69, "after": 84.31, "mergeBase": strings.Repeat("b2", 20), "base": strings.Repeat("c3", 20), "isExact": false, "addedLines": 52, "addedLinesCovered": 40,
			"leftOutFlags": []string{"e2e"}, "files": []object{
				{"path": "player/gapless.go", "previousPath": nil, "verdict": "NEW", "before": nil, "after": 76.9, "change": nil, "untestedLines": []int{12, 13, 14, 15, 30, 44, 45}, "uncoveredLines": []int{}},
				{"path": "player/internal/buffering/adaptive/queue.go", "previousPath": "player/queue.go", "verdict": "COMPARED", "before": 91.2, "after": 88.4, "change": -2.8, "untestedLines": []int{101}, "uncoveredLines": []int{7, 8}},
				{"path": "player/clock.go", "previousPath": nil, "verdict": "COMPARED", "before": 70.0, "after": 95.5, "change": 25.5, "untestedLines": []int{}, "uncoveredLines": []int{}},
				{"path": "docs/gapless.md", "previousPath": nil, "verdict": "NO_LINES", "before": nil, "after": nil, "change": nil, "untestedLines": []int{}, "uncoveredLines": []int{}},
			}, "elsewhere": []object{{"path": "player/mix.go", "previousPath": nil, "verdict": "COMPARED", "before": 60.1, "after": 61.0, "change": 0.9, "untestedLines": []int{}, "uncoveredLines": []int{}}}},
	}
}

// next sends one event of a stream.
func next(w http.ResponseWriter, data object) {
	text, _ := json.Marshal(object{"data": data})
	fmt.Fprintf(w, "event: next\ndata: %s\n\n:\n\n", text)
	w.(http.Flusher).Flush()
}

func (f *fake) followRun(w http.ResponseWriter, r *http.Request, variables object) {
	w.Header().Set("Content-Type", "text/event-stream")
	after := variables["after"]
	for {
		f.mu.Lock()
		run, status, wake, cut := f.running(), f.status, f.wake, f.cut
		f.mu.Unlock()
		if after != run["event"] {
			next(w, object{"pipelineRun": run})
		}
		if status == "SUCCEEDED" {
			fmt.Fprint(w, "event: complete\ndata:\n\n")
			return
		}
		after = run["event"]
		select {
		case <-wake:
		case <-cut:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fake) followLog(w http.ResponseWriter, r *http.Request, variables object) {
	w.Header().Set("Content-Type", "text/event-stream")
	var entries []object
	for i := range 6000 {
		entries = append(entries, object{"text": fmt.Sprintf("line %d: ok", i), "at": nil, "level": nil})
	}
	entries = append(entries, object{"text": hostile, "at": ago(0), "level": "warning"}, object{"text": "Error: 84 ms of silence", "at": nil, "level": "error"})
	next(w, object{"pipelineLog": object{"entries": entries, "next": "a", "isCutBefore": false, "isComplete": false}})
	next(w, object{"pipelineLog": object{"entries": []object{{"text": "that is all", "at": nil, "level": nil}}, "next": "b", "isCutBefore": false, "isComplete": true}})
	fmt.Fprint(w, "event: complete\ndata:\n\n")
}

func TestPullRequest(t *testing.T) {
	if *pictures != "" {
		if err := os.MkdirAll(*pictures, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f, address := newFake(t)
	b := open(t)
	b.size(1200, 900, false)
	b.visit(address + "/pull-request?url=" + url.QueryEscape(pull))

	// What anybody has written is text.
	b.shows("Play the next track without a gap " + hostile)
	b.shows("plays the next track at once " + hostile)
	if b.evaluate(`document.querySelectorAll("main img, a[href^=javascript]").length`) != 0.0 {
		t.Error("something that was written became more than text")
	}
	// Each part is there, or says what is wrong with it.
	for _, text := range []string{"1 of 3 builds passed", "1 failed", "1 running", "coverage +0.6 points", "changes are wanted", "about 2 min left", "+0.6 points", "12–15, 30, 44, 45",
		"ci.example: it cannot be reached", "Where this comes from", "2 older than they may get", "1 test newly failing", "as of "} {
		b.shows(text)
	}
	b.until(`document.querySelector("progress").value > 150 && document.querySelector("progress").max === 320`)
	b.picture(*pictures, "light")
	b.size(1200, 900, true)
	b.picture(*pictures, "dark")
	b.size(390, 844, false)
	b.fits()
	b.picture(*pictures, "phone")
	b.size(390, 844, true)
	b.picture(*pictures, "phone-dark")
	b.size(1200, 900, false)

	// A stream that is cut is taken up again after what was seen.
	f.change("RUNNING")
	b.shows("attempt 2")
	f.mu.Lock()
	close(f.cut)
	f.cut = make(chan int)
	f.mu.Unlock()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if streams := f.of("FollowRun"); len(streams) >= 2 {
			if first, second := streams[0].variables["after"], streams[1].variables["after"]; first != nil || second != "event-1" {
				t.Errorf("the streams begin after %v and %v", first, second)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("a stream that was cut is not taken up again")
		}
	}

	// It goes on: the card stays, and what has the focus keeps it.
	b.evaluate(`(window.card = document.querySelectorAll(".run")[1], window.card.querySelector("[data-key='log j2']").focus())`)
	f.change("SUCCEEDED")
	b.shows("2 of 3 builds passed")
	b.shows("211 passed")
	b.until(`document.getElementById("spoken").textContent === "GitLab CI: passed"`)
	b.until(`window.card === document.querySelectorAll(".run")[1] && document.activeElement.dataset.key === "log j2"`)
	b.until(`document.title.startsWith("✗ #7 ")`)
	b.content()
}

func TestLog(t *testing.T) {
	f, address := newFake(t)
	b := open(t)
	b.size(1200, 900, false)
	b.visit(address + "/pull-request?url=" + url.QueryEscape(pull))
	b.until(`document.querySelector("[data-key='log j3']") !== null`)
	b.evaluate(`document.querySelector("[data-key='log j3']").focus()`)
	b.press(" ", "Space", 32)
	b.shows("that is all")
	b.until(`document.querySelector("pre[role=log]").innerText.includes(` + fmt.Sprintf("%q", hostile) + `) && document.querySelectorAll("pre[role=log] > *").length === 5000`)
	b.until(`(({ scrollTop, clientHeight, scrollHeight }) => scrollHeight - clientHeight - scrollTop < 30)(document.querySelector("pre[role=log]"))`)
	b.shows("Earlier lines are left out")
	b.shows("complete")
	if logs := f.of("FollowLog"); len(logs) != 1 || logs[0].variables["run"] != "run-2" || logs[0].variables["job"] != "j3" {
		t.Errorf("logs were asked for as %v", logs)
	}
	b.evaluate(`document.querySelector(".log").scrollIntoView()`)
	b.picture(*pictures, "log")
	b.evaluate(`document.querySelector("pre[role=log]").focus()`)
	b.press("Escape", "Escape", 27)
	b.until(`document.querySelector(".log").hidden && document.activeElement.dataset.key === "log j3"`)
	b.content()
}

func TestRunAgain(t *testing.T) {
	f, address := newFake(t)
	b := open(t)
	b.size(1200, 900, false)
	b.visit(address + "/pull-request?url=" + url.QueryEscape(pull))
	b.until(`document.querySelector("[data-key=failed]") !== null`)
	press := func(key string) {
		b.until(`(document.querySelector(".bad [data-key=` + key + `]")?.click(), true)`)
	}
	press("failed")
	b.until(`document.getElementById("ask").open && document.activeElement.id === "ask-token"`)
	b.picture(*pictures, "token")
	b.get("Input.insertText", map[string]any{"text": "wrong"}, nil)
	b.press("Enter", "Enter", 13)
	b.until(`document.getElementById("ask").open && document.getElementById("ask-why").textContent.includes("not known")`)
	b.until(`document.getElementById("ask-token").value === ""`)
	b.get("Input.insertText", map[string]any{"text": "right"}, nil)
	b.press("Enter", "Enter", 13)
	b.shows("It was asked to run again")
	// It was one wish, so it has one key.
	again := f.of("RunFailedAgain")
	if len(again) != 3 || again[0].token != "" || again[1].token != "Bearer wrong" || again[2].token != "Bearer right" {
		t.Fatalf("it was asked for as %v", again)
	}
	for _, a := range again {
		if key, _ := a.variables["key"].(string); len(key) != 36 || key != again[0].variables["key"] || a.variables["id"] != "run-3" {
			t.Errorf("it was asked for with %v", a.variables)
		}
	}
	press("all")
	b.shows("the run is too old to be run again")
	if all := f.of("RunAgain"); len(all) != 1 || all[0].variables["key"] == again[0].variables["key"] {
		t.Errorf("another wish was asked for as %v", all)
	}
	b.until(`localStorage.length === 0 && document.cookie === ""`)
	b.evaluate(`document.getElementById("forget").click()`)
	press("all")
	b.until(`document.getElementById("ask").open`)
	b.press("Escape", "Escape", 27)
	b.shows("Nothing was done")
	b.content()
}

func TestWhatIsNotThere(t *testing.T) {
	f, address := newFake(t)
	b := open(t)
	b.size(800, 600, false)
	for path, text := range map[string]string{
		"/pull-request": "Which pull request?", "/pipeline-run": "Which run?", "/pipeline-run?id=x": "There is no such run",
		"/pull-request?url=" + url.QueryEscape("https://elsewhere.example/a/b/pull/1<b>"): "Callboard knows no pull request at https://elsewhere.example/a/b/pull/1<b>.",
	} {
		b.visit(address + path)
		b.shows(text)
		b.content()
	}
	b.picture(*pictures, "nothing")
	b.visit(address + "/pipeline-run?id=run-2")
	b.shows("browser tests")
	b.shows("There is no report of the newest commit yet")
	b.content()
	b.picture(*pictures, "run")
	f.mu.Lock()
	f.down = true
	f.mu.Unlock()
	b.visit(address + "/pull-request?url=" + url.QueryEscape(pull))
	b.shows("This cannot be shown now")
	f.mu.Lock()
	f.down = false
	f.mu.Unlock()
	b.shows("1 of 3 builds passed") // by itself
}

func TestTokenForReading(t *testing.T) {
	f, address := newFake(t)
	f.closed = true
	b := open(t)
	b.size(800, 600, false)
	b.visit(address + "/pull-request?url=" + url.QueryEscape(pull))
	b.shows("Callboard wants to know who asks")
	b.evaluate(`document.querySelector("main button").click()`)
	b.until(`document.activeElement.id === "ask-token"`)
	b.get("Input.insertText", map[string]any{"text": "right"}, nil)
	b.press("Enter", "Enter", 13)
	b.shows("1 of 3 builds passed")
	for _, a := range f.of("FollowRun") {
		if a.token != "Bearer right" {
			t.Errorf("a stream is asked for with %q", a.token)
		}
	}
	b.content()
}
