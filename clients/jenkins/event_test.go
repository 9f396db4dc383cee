package jenkins_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

const secret = "correct horse battery staple"

// TestEvents lets builds run and reads what Jenkins would tell of them.
func TestEvents(t *testing.T) {
	accepts := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 202, Body: http.NoBody, Request: r}, nil
	})
	s := stage.Set(t, jenkinstest.Settings{Address: address, Client: &http.Client{Transport: accepts}})
	for _, job := range []string{stage.Feature, stage.Nightly} {
		err := s.ChangeJob(job, func(j *jenkinstest.Job) {
			j.Endpoints = []jenkinstest.Endpoint{{URL: "https://jenkins:" + strings.ReplaceAll(secret, " ", "%20") + "@callboard.example/webhooks/jenkins"}}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Server.Trigger(job, jenkinstest.Trigger{}); err != nil {
			t.Fatal(err)
		}
	}
	s.Pass(5 * time.Second)
	s.Advance()
	s.Pass(5 * time.Minute)
	s.Advance()
	var got []string
	for _, d := range s.Deliveries() {
		if err := jenkins.Verify([]string{"other", secret}, d.Header, d.Body); err != nil {
			t.Errorf("%s: %v", d.Phase, err)
		}
		e, err := jenkins.ParseEvent(d.Body)
		if err != nil {
			t.Errorf("%s: %v", d.Body, err)
			continue
		}
		got = append(got, fmt.Sprint(e.Build, " ", e.Phase, " ", e.Result, " ", e.Branch, " ", e.Commit, " ", e.Tests))
		if e.Instance != address+"/" || e.Remote != stage.Remote || e.QueueID == 0 {
			t.Errorf("%+v", e)
		}
	}
	want := []string{
		"music/search/feature%2Franking #1 QUEUED  feature/ranking " + stage.Head + " <nil>",
		"music/search/feature%2Franking #1 STARTED  feature/ranking " + stage.Head + " <nil>",
		"nightly report #2 QUEUED  main " + stage.Old + " <nil>",
		"nightly report #2 STARTED  main " + stage.Old + " <nil>",
		"music/search/feature%2Franking #1 COMPLETED UNSTABLE feature/ranking " + stage.Head + " &{3 1 1}",
		"music/search/feature%2Franking #1 FINALIZED UNSTABLE feature/ranking " + stage.Head + " &{3 1 1}",
		"nightly report #2 COMPLETED SUCCESS main " + stage.Old + " &{3 0 1}",
		"nightly report #2 FINALIZED SUCCESS main " + stage.Old + " &{3 0 1}",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOtherEvents(t *testing.T) {
	for _, one := range []struct{ body, want string }{
		{`{"buildUrl":"https://ci.example/jenkins/job/app/12/","event":"start","projectName":"app","buildName":"#12","buildNumber":12,"buildVars":"{}"}`, "app #12 STARTED  https://ci.example/jenkins/ "},
		{`{"buildUrl":"https://ci.example/job/app/12/","event":"success","commit":"` + stage.Head + `","branch":"origin/main"}`, "app #12 COMPLETED SUCCESS https://ci.example/ main"},
		{`{"buildUrl":"https://ci.example/job/app/12/","event":"pipeline","result":"aborted"}`, "app #12 COMPLETED ABORTED https://ci.example/ "},
		{`{"name":"app","url":"job/team/job/app/","build":{"number":4,"phase":"STARTED","timestamp":"2026-05-04T09:00:00.0+00:00"}}`, "team/app #4 STARTED   "},
		{`{"build":{"url":"job/app/9/","number":"x","phase":7,"scm":[],"status":"FAILURE"}}`, "app #9  FAILURE  "},
	} {
		e, err := jenkins.ParseEvent([]byte(one.body))
		if err != nil {
			t.Errorf("%s: %v", one.body, err)
			continue
		}
		if got := fmt.Sprint(e.Build, " ", e.Phase, " ", e.Result, " ", e.Instance, " ", e.Branch); got != one.want {
			t.Errorf("%s:\n%q, want\n%q", one.body, got, one.want)
		}
	}
	for _, body := range []string{"", "null", "[]", "{", "<job/>", `{"build":{}}`, `{"build":{"url":"job/../1/","number":1}}`, `{"buildUrl":"https://x/job/a/"}`, `{"buildUrl":"https://x/job/a%2F..%2Fb/1/"}`} {
		if e, err := jenkins.ParseEvent([]byte(body)); !errors.Is(err, jenkins.ErrBadEvent) {
			t.Errorf("%q: %+v, %v", body, e, err)
		}
	}
}

func signed(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	const body = `{"buildUrl":"x"}`
	for _, one := range []struct {
		name, authorization, signature string
		secrets                        []string
		ok                             bool
	}{
		{"a password", basic("jenkins:" + secret), "", []string{secret}, true},
		{"whoever sends it", basic(":" + secret), "", []string{secret}, true},
		{"while it is replaced", basic("jenkins:" + secret), "", []string{"other", secret}, true},
		{"a bearer", "bearer " + secret, "", []string{secret}, true},
		{"a signature", "", signed(body), []string{secret}, true},
		{"a signature beside another password", basic("a:b"), signed(body), []string{secret}, true},
		{"no secrets", basic("jenkins:" + secret), signed(body), nil, false},
		{"an empty secret", basic("jenkins:"), "", []string{""}, false},
		{"an empty secret and nothing", "", "", []string{""}, false},
		{"nothing", "", "", []string{secret}, false},
		{"another password", basic("jenkins:other"), "", []string{secret}, false},
		{"a part of it", basic("jenkins:" + secret[:5]), "", []string{secret}, false},
		{"the user", basic(secret + ":"), "", []string{secret}, false},
		{"no base64", "Basic " + secret, "", []string{secret}, false},
		{"another scheme", "Digest " + secret, "", []string{secret}, false},
		{"a signature of another body", "", signed(body + " "), []string{secret}, false},
		{"half a signature", "", signed(body)[:20], []string{secret}, false},
		{"another hash", "", "sha1" + signed(body)[6:], []string{secret}, false},
		{"a long header", "Bearer " + strings.Repeat("x", 10000), "", []string{strings.Repeat("x", 10000)}, false},
	} {
		h := http.Header{"Authorization": {one.authorization}, "X-Hub-Signature-256": {one.signature}}
		err := jenkins.Verify(one.secrets, h, []byte(body))
		if (err == nil) != one.ok || err != nil && !errors.Is(err, jenkins.ErrUnverified) {
			t.Errorf("%s: %v", one.name, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells a secret: %v", one.name, err)
		}
	}
}

// FuzzEvent feeds the verifier and the parser: neither panics, what does not know the secret is never verified, and what is parsed is fit to be shown.
func FuzzEvent(f *testing.F) {
	f.Add("Basic eDp5", "sha256=00", []byte(`{"name":"app","url":"job/app/","build":{"full_url":"https://ci.example/job/app/1/","number":1,"phase":"COMPLETED","status":"SUCCESS","scm":{"url":"https://a:b@c/d","branch":"origin/main","commit":"`+stage.Head+`"},"test_summary":{"total":-1}}}`))
	f.Add("Bearer x", "", []byte(`{"buildUrl":"https://ci.example/job/app/12/","event":"unstable"}`))
	f.Fuzz(func(t *testing.T, authorization, signature string, body []byte) {
		h := http.Header{"Authorization": {authorization}, "X-Hub-Signature-256": {signature}}
		if jenkins.Verify([]string{secret}, h, body) == nil && !strings.Contains(authorization, secret) && !strings.Contains(authorization, base64.StdEncoding.EncodeToString([]byte(secret))[:8]) && signature != signed(string(body)) {
			t.Fatal("verified")
		}
		e, err := jenkins.ParseEvent(body)
		if err != nil {
			return
		}
		for _, text := range []string{e.Build.Job, string(e.Phase), e.Result, e.Instance, e.Remote, e.Branch} {
			if len(text) > 4096 || strings.ContainsAny(text, "\x00\n\r") {
				t.Fatalf("%q", text)
			}
		}
		if e.Build.Number < 1 || strings.Contains(e.Build.Job, "..") && strings.Contains("/"+e.Build.Job+"/", "/../") {
			t.Fatalf("%+v", e.Build)
		}
	})
}
