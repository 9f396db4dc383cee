package gitlab_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	official "gitlab.com/gitlab-org/api/client-go/v2"
)

const secret = "correct horse battery staple"

var signing = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// hooked returns a stage whose search project sends all events nowhere: they are read from what was sent.
func hooked(t *testing.T, hook gitlabtest.Hook) *stage.Stage {
	t.Helper()
	accepts := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	})
	s := stage.Set(t, gitlabtest.Settings{Address: "https://gitlab.larkfold.example", Client: &http.Client{Transport: accepts}})
	hook.URL = "https://callboard.example/hooks/gitlab"
	hook.Push, hook.TagPush, hook.MergeRequests, hook.Issues, hook.Releases = true, true, true, true, true
	if _, err := s.AddHook(stage.Search, hook); err != nil {
		t.Fatal(err)
	}
	return s
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestEvents lets things happen and reads what GitLab would tell of them.
func TestEvents(t *testing.T) {
	s := hooked(t, gitlabtest.Hook{Token: secret, SigningToken: signing})
	ctx := t.Context()
	w := s.Workshop
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Write("search/new.go", "package main\n")
	pushed := w.Commit("search", "Something new")
	must(s.Pushed(ctx, stage.Search, "ada", "refs/heads/main", s.Head, pushed))
	must(s.Pushed(ctx, stage.Search, "ada", "refs/heads/old", w.Git("search", "rev-parse", "old"), ""))
	w.Git("search", "tag", "v2.0.0")
	must(s.Pushed(ctx, stage.Search, "rita", "refs/tags/v2.0.0", "", pushed))
	w.Git("search", "checkout", "-q", "-b", "feature/x")
	w.Write("search/x.go", "package main\n")
	w.Commit("search", "X")
	iid, err := s.OpenMergeRequest(ctx, stage.Search, gitlabtest.MergeRequest{Title: "X", SourceBranch: "feature/x", Author: "ada", ApprovalsRequired: 1})
	must(err)
	w.Write("search/x.go", "package main\n\nvar x int\n")
	before := w.Git("search", "rev-parse", "HEAD")
	head := w.Commit("search", "More x")
	must(s.Pushed(ctx, stage.Search, "ada", "refs/heads/feature/x", before, head))
	change := func(by string, f func(*gitlabtest.MergeRequest)) {
		t.Helper()
		must(s.ChangeMergeRequest(stage.Search, iid, by, f))
	}
	change("ada", func(m *gitlabtest.MergeRequest) { m.Labels = []string{"bug"} })
	change("rita", func(m *gitlabtest.MergeRequest) {
		m.Approvals = []gitlabtest.Approval{{Username: "rita", At: stage.Now}}
	})
	change("rita", func(m *gitlabtest.MergeRequest) { m.Approvals = nil })
	change("ada", func(m *gitlabtest.MergeRequest) { m.State = gitlabtest.Closed })
	change("ada", func(m *gitlabtest.MergeRequest) { m.State = gitlabtest.Opened })
	change("rita", func(m *gitlabtest.MergeRequest) { m.State = gitlabtest.Merged })
	issue, err := s.OpenIssue(stage.Search, gitlabtest.Issue{Title: "Broken", Author: "max", Confidential: true})
	must(err)
	must(s.ChangeIssue(stage.Search, issue, "ada", func(i *gitlabtest.Issue) { i.State = gitlabtest.Closed }))
	must(s.PublishRelease(stage.Search, gitlabtest.Release{Tag: "v2.0.0", Author: "rita"}))
	must(s.RemoveRelease(stage.Search, "v2.0.0"))

	var got []string
	deliveries := map[string]bool{}
	for _, d := range s.Deliveries() {
		if err := gitlab.Verify([]string{signing}, d.Header, d.Body, stage.Now); err != nil {
			t.Errorf("%s, by its signature: %v", d.Event, err)
		}
		if err := gitlab.Verify([]string{"other", secret}, d.Header, d.Body, stage.Now.AddDate(1, 0, 0)); err != nil {
			t.Errorf("%s, by its token: %v", d.Event, err)
		}
		e, err := gitlab.ParseEvent(d.Header, d.Body)
		if err != nil {
			t.Errorf("%s: %v", d.Event, err)
			continue
		}
		if e.Project != stage.Search || e.Instance != "https://gitlab.larkfold.example" || e.Delivery == "" || deliveries[e.Delivery] {
			t.Errorf("%s: %+v", d.Event, e)
		}
		deliveries[e.Delivery] = true
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s %s", e.Kind, e.Action, e.State, e.Ref, e.Tag, e.Username)))
		// GitLab's own client must take it for the same kind of event.
		if _, err := official.ParseWebhook(official.EventType(d.Event), d.Body); err != nil {
			t.Errorf("%s, by GitLab's client: %v", d.Event, err)
		}
		switch {
		case e.Kind == "push" && e.Ref == "refs/heads/main" && (string(e.Before) != s.Head || string(e.After) != pushed),
			e.Kind == "push" && e.Ref == "refs/heads/old" && (e.After != "" || e.Before == ""),
			e.Kind == "tag_push" && (e.Before != "" || string(e.After) != pushed),
			e.Kind == "merge_request" && (e.Number != int(iid) || e.SourceBranch != "feature/x" || e.TargetBranch != "main" || e.Head == ""),
			e.Kind == "issue" && !e.Confidential:
			t.Errorf("%+v", e)
		}
	}
	want := `push   refs/heads/main  ada
push   refs/heads/old  ada
tag_push   refs/tags/v2.0.0  rita
merge_request open opened   ada
push   refs/heads/feature/x  ada
merge_request update opened   ada
merge_request update opened   ada
merge_request approved opened   rita
merge_request unapproved opened   rita
merge_request close closed   ada
merge_request reopen opened   ada
merge_request merge merged   rita
issue open opened   max
issue close closed   ada
release create   v2.0.0
release delete   v2.0.0`
	if strings.Join(got, "\n") != want {
		t.Errorf("events:\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestPushPayload checks what a push says of its commits.
func TestPushPayload(t *testing.T) {
	s := hooked(t, gitlabtest.Hook{})
	if err := s.Pushed(t.Context(), stage.Search, "ada", "refs/heads/feature/ranking", s.Commits["Rank by plays"], s.Feature); err != nil {
		t.Fatal(err)
	}
	d := s.Deliveries()
	var push official.PushEvent
	if err := json.Unmarshal(d[0].Body, &push); err != nil {
		t.Fatal(err)
	}
	if push.TotalCommitsCount != 2 || push.Commits[0].Title != "Rank by taste" || fmt.Sprint(push.Commits[0].Added, push.Commits[0].Modified) != "[taste.go] [rank.go]" || push.UserUsername != "ada" {
		t.Errorf("%+v", push)
	}
	if d[0].Header.Get("X-Gitlab-Token") != "" || d[0].Header.Get("Webhook-Signature") != "" {
		t.Error("a hook without secrets sends some")
	}
}

func TestVerify(t *testing.T) {
	s := hooked(t, gitlabtest.Hook{Token: secret, SigningToken: signing})
	if _, err := s.OpenIssue(stage.Search, gitlabtest.Issue{Title: "x", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	d := s.Deliveries()[0]
	with := func(name, value string) http.Header {
		h := d.Header.Clone()
		h.Set(name, value)
		return h
	}
	without := func(names ...string) http.Header {
		h := d.Header.Clone()
		for _, name := range names {
			h.Del(name)
		}
		return h
	}
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another key of thirty-two bytes!"))
	signature := d.Header.Get("Webhook-Signature")
	for _, c := range []struct {
		name    string
		secrets []string
		header  http.Header
		body    string
		now     time.Time
		ok      bool
	}{
		{"both forms", []string{secret, signing}, d.Header, "", stage.Now, true},
		{"while a token is replaced", []string{other, signing}, with("Webhook-Signature", "v1,AAAA "+signature), "", stage.Now, true},
		{"five minutes later", []string{signing}, d.Header, "", stage.Now.Add(5 * time.Minute), true},
		{"no secrets", nil, d.Header, "", stage.Now, false},
		{"an empty secret", []string{""}, without("X-Gitlab-Token", "Webhook-Signature"), "", stage.Now, false},
		{"an empty signing token", []string{"whsec_"}, d.Header, "", stage.Now, false},
		{"a broken signing token", []string{"whsec_%%%"}, d.Header, "", stage.Now, false},
		{"another token", []string{"other"}, d.Header, "", stage.Now, false},
		{"part of the token", []string{secret[:5]}, d.Header, "", stage.Now, false},
		{"another signing token", []string{other}, d.Header, "", stage.Now, false},
		{"no token and no signature", []string{secret, signing}, without("X-Gitlab-Token", "Webhook-Signature"), "", stage.Now, false},
		{"no token for a token", []string{secret}, without("X-Gitlab-Token"), "", stage.Now, false},
		{"a signing token sent as a token", []string{signing}, with("X-Gitlab-Token", signing), "{}", stage.Now, false},
		{"another body", []string{signing}, d.Header, `{"object_kind":"push"}`, stage.Now, false},
		{"another id", []string{signing}, with("Webhook-Id", "x"), "", stage.Now, false},
		{"another time", []string{signing}, with("Webhook-Timestamp", fmt.Sprint(stage.Now.Unix()+1)), "", stage.Now, false},
		{"no time", []string{signing}, without("Webhook-Timestamp"), "", stage.Now, false},
		{"another version of the signature", []string{signing}, with("Webhook-Signature", "v2"+signature[2:]), "", stage.Now, false},
		{"too old", []string{signing}, d.Header, "", stage.Now.Add(5*time.Minute + time.Second), false},
		{"from the future", []string{signing}, d.Header, "", stage.Now.Add(-6 * time.Minute), false},
		{"behind many signatures", []string{signing}, with("Webhook-Signature", strings.Repeat("v1,AAAA ", 100)+signature), "", stage.Now, false},
	} {
		body := d.Body
		if c.body != "" {
			body = []byte(c.body)
		}
		err := gitlab.Verify(c.secrets, c.header, body, c.now)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, gitlab.ErrUnverified) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "whsec_")) {
			t.Errorf("%s: the error tells a secret: %v", c.name, err)
		}
	}
}

func TestOtherEvents(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"Pipeline Hook", `{"object_kind":"pipeline","object_attributes":{"id":31,"iid":3,"ref":"main","tag":false,"sha":"bcbb5ec396a2c0f828686f14fac9b80b780504f2","status":"success"},"user":{"username":"ada"},"project":{"id":1,"path_with_namespace":"a/b"}}`,
			"pipeline a/b refs/heads/main bcbb5ec396a2c0f828686f14fac9b80b780504f2 ada"},
		{"Pipeline Hook", `{"object_kind":"pipeline","object_attributes":{"ref":"v1","tag":true},"project":{"path_with_namespace":"a/b"}}`, "pipeline a/b refs/tags/v1  "},
		{"Job Hook", `{"object_kind":"build","ref":"gitlab-script-trigger","tag":false,"sha":"2293ada6b400935a1378653304eaf6221e0fdb8f","project_id":380,"user":{"username":"max"},"project":{"path_with_namespace":"a/b"}}`,
			"build a/b refs/heads/gitlab-script-trigger 2293ada6b400935a1378653304eaf6221e0fdb8f max"},
		{"Member Hook", `{"event_name":"user_add_to_group","group_path":"x","user_username":"max"}`, "user_add_to_group    max"},
		{"New Hook", `{"object_kind":"something_new","project":{"path_with_namespace":"a/b"},"user":"a text"}`, "something_new a/b   "},
		{"Push Hook", `{"object_kind":"push","ref":7,"before":null,"after":[],"project":"x"}`, "push    "},
	} {
		h := http.Header{}
		h.Set("X-Gitlab-Event", c.name)
		e, err := gitlab.ParseEvent(h, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if got := fmt.Sprintf("%s %s %s %s %s", e.Kind, e.Project, e.Ref, e.Head, e.Username); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.body, got, c.want)
		}
	}
	renamed := http.Header{"X-Gitlab-Event": {"Project Hook"}}
	e, err := gitlab.ParseEvent(renamed, []byte(`{"event_name":"project_rename","path_with_namespace":"a/new","old_path_with_namespace":"a/old"}`))
	if err != nil || e.Kind != "project_rename" || e.Project != "a/new" || e.Was != "a/old" {
		t.Errorf("a project was renamed: %+v, %v", e, err)
	}
	for _, body := range []string{"", "null", "[]", "{", `{"object_kind":""}`, `{"object_kind":"push","project":{"path_with_namespace":"../../etc"}}`} {
		h := http.Header{"X-Gitlab-Event": {"Push Hook"}}
		if e, err := gitlab.ParseEvent(h, []byte(body)); !errors.Is(err, gitlab.ErrBadEvent) {
			t.Errorf("%q: %+v, %v", body, e, err)
		}
	}
}

// FuzzWebhook feeds the verifier and the parser: neither panics, what was not signed is never verified, and what is parsed is fit to be shown.
func FuzzWebhook(f *testing.F) {
	f.Add("Push Hook", "id", "1700000000", "v1,AAAA", "token", []byte(`{"object_kind":"push","ref":"refs/heads/main","project":{"path_with_namespace":"a/b"}}`))
	f.Add("Merge Request Hook", "", "", "", "", []byte(`{"object_kind":"merge_request","object_attributes":{"iid":1,"last_commit":{"id":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7"}}}`))
	f.Add("Release Hook", "x", "-1", "v1,", secret[:3], []byte(`{"object_kind":"release","tag":"v1","action":"create","object_attributes":7}`))
	f.Add("System Hook", "x", "9223372036854775807", "v1", "", []byte(`{"event_name":"repository_update","project_id":"12"}`))
	f.Fuzz(func(t *testing.T, name, id, timestamp, signature, token string, body []byte) {
		h := http.Header{"X-Gitlab-Event": {name}, "Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}, "X-Gitlab-Token": {token}, "Idempotency-Key": {id}}
		if gitlab.Verify([]string{secret, signing}, h, body, stage.Now) == nil && token != secret {
			t.Fatal("verified")
		}
		e, err := gitlab.ParseEvent(h, body)
		if err != nil {
			return
		}
		for _, text := range []string{e.Kind, e.Name, e.Delivery, e.Instance, e.Project, e.Ref, e.Action, e.State, e.SourceBranch, e.TargetBranch, e.Tag, e.Username} {
			if len(text) > 4096 || strings.ContainsAny(text, "\x00\n\r") || strings.Contains(text, "..") && text == e.Project {
				t.Fatalf("%q", text)
			}
		}
	})
}
