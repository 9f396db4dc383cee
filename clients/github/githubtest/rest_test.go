package githubtest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/github/githubtest"
)

func TestREST(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for _, test := range []struct {
		path, token string
		status      int
		want        []string
	}{
		{"/", "", 200, []string{`"rate_limit_url":"http://api.example/rate_limit"`}},
		{"/user", "ada-token", 200, []string{`"login":"ada"`, `"name":"Ada Marsh"`}},
		{"/user", "", 401, []string{`"message":"Requires authentication"`, `"documentation_url":"https://docs.github.com/rest"`, `"status":"401"`}},
		{"/user", "wrong", 401, []string{`"message":"Bad credentials"`}},
		{"/nowhere", "ada-token", 404, []string{`"message":"Not Found"`}},
		{"/repos/larkfold/tiles", "ada-token", 200, []string{`"full_name":"larkfold/tiles"`, `"language":"Go"`, `"spdx_id":"MIT"`, `"admin":true`, `"topics":["web","design"]`, `"default_branch":"main"`}},
		{"/repos/larkfold/tiles/", "ada-token", 200, []string{`"full_name":"larkfold/tiles"`}},
		{"/repos/larkfold/none", "ada-token", 404, []string{`"Not Found"`}},
		{"/repos/larkfold/empty", "stranger-token", 404, []string{`"Not Found"`}},
		{"/repos/larkfold/empty", "ada-token", 200, []string{`"private":true`, `"visibility":"private"`}},
		{"/repos/larkfold/tiles/contributors", "ada-token", 200, []string{`"login":"ada"`, `"contributions":2`}},
		{"/repos/larkfold/tiles/contributors?anon=1", "ada-token", 200, []string{`"type":"Anonymous"`}},
		{"/repos/larkfold/empty/contributors", "ada-token", 204, nil},
		{"/repos/larkfold/tiles/commits/gapless", "ada-token", 200, []string{`"filename":"web/app.ts"`, `"status":"modified"`, `"additions":2`, `"stats":{"additions":2,"deletions":1,"total":3}`, `"login":"ben"`}},
		{"/repos/larkfold/tiles/commits/nothing", "ada-token", 422, []string{`No commit found for SHA: nothing`}},
		{"/repos/larkfold/tiles/contents/catalog-info.yaml", "ada-token", 200, []string{`"content":"a2luZDogQ29tcG9uZW50Cg==\n"`, `"encoding":"base64"`, `"type":"file"`, `"size":16`}},
		{"/repos/larkfold/tiles/contents/web?ref=gapless", "ada-token", 200, []string{`"path":"web/app.ts"`, `"size":38`}},
		{"/repos/larkfold/tiles/contents", "ada-token", 200, []string{`"name":"main.go"`, `"type":"dir"`}},
		{"/repos/larkfold/tiles/contents/none", "ada-token", 404, []string{`"Not Found"`}},
		{"/repos/larkfold/tiles/contents/main.go?ref=none", "ada-token", 404, []string{`No commit found for the ref none`}},
		{"/repos/larkfold/tiles/contents/..%2f..%2fetc", "ada-token", 404, nil},
		{"/repos/larkfold/empty/contents/x", "ada-token", 404, []string{`This repository is empty.`}},
		{"/repos/larkfold/tiles/git/trees/main?recursive=1", "ada-token", 200, []string{`"path":"web/app.ts"`, `"mode":"040000"`, `"truncated":false`}},
		{"/repos/larkfold/tiles/readme", "ada-token", 200, []string{`"path":"README`}},
		{"/repos/larkfold/tiles/branches/main/protection", "ada-token", 200, []string{`"required_approving_review_count":1`, `"contexts":["test"]`}},
		{"/repos/larkfold/tiles/branches/gapless/protection", "ada-token", 404, []string{`Branch not protected`}},
		{"/repos/larkfold/tiles/branches/main/protection", "ben-token", 404, []string{`Not Found`}},
		{"/repos/larkfold/tiles/compare/main...gapless", "ada-token", 200, []string{`"filename":"web/app.ts"`, `"patch":"@@ -1 +1,2 @@\n-export const a = 1\n+`}},
		{"/repos/larkfold/tiles/releases/latest", "ada-token", 200, []string{`"tag_name":"v1.0.0"`}},
		{"/repos/larkfold/tiles/pulls/3", "ada-token", 200, []string{`"merged":false`, `"requested_teams":[{`, `"mergeable":true`}},
		{"/repos/larkfold/tiles/issues/1", "ada-token", 200, []string{`"title":"Gaps between tracks"`, `"state":"open"`}},
		{"/orgs/larkfold/repos?sort=full_name", "ada-token", 200, []string{`"name":"empty"`, `"name":"tiles"`}},
		{"/orgs/larkfold/teams/web/members", "ada-token", 200, []string{`"login":"ada"`, `"login":"ben"`, `"login":"cleo"`}},
		{"/orgs/larkfold/teams/web/members?role=maintainer", "ada-token", 200, []string{`"login":"cleo"`}},
		{"/orgs/larkfold/teams/web/members", "stranger-token", 404, nil},
		{"/search/code?q=filename:catalog-info.yaml+org:larkfold", "ada-token", 200, []string{`"total_count":1`, `"path":"catalog-info.yaml"`}},
		{"/search/code?q=org:larkfold", "ada-token", 422, []string{`ERROR_TYPE_QUERY_PARSING_FATAL`}},
		{"/search/code?q=x", "", 401, nil},
		{"/search/issues?q=is:pr+author:@me", "ben-token", 200, []string{`"total_count":1`, `"number":3`, `"pull_request":{`}},
		{"/search/issues?q=", "ben-token", 422, []string{`Validation Failed`}},
		{"/search/issues?q=org:none", "ben-token", 422, []string{`cannot be searched`}},
		{"/search/issues?q=x&page=11&per_page=100", "ben-token", 422, []string{`Only the first 1000 search results are available`}},
		{"/search/repositories?q=language:go", "ben-token", 200, []string{`"full_name":"larkfold/tiles"`}},
		{"/rate_limit", "ada-token", 200, []string{`"code_search":{"limit":10,`, `"graphql":{"limit":5000,`}},
		{"/meta", "", 200, []string{`"verifiable_password_authentication":false`}},
	} {
		r, body := s.get(test.path, test.token)
		if r.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d: %.300s", test.path, r.StatusCode, test.status, body)
		}
		for _, want := range test.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%.2000s", test.path, want, body)
			}
		}
		if body != "" && !json.Valid([]byte(body)) {
			t.Errorf("%s: no JSON: %.300s", test.path, body)
		}
		if r.Header.Get("X-GitHub-Request-Id") == "" {
			t.Errorf("%s has no X-GitHub-Request-Id", test.path)
		}
	}
	if r, body := s.get("/repos/larkfold/tiles/contents/web/app.ts", "ada-token", "Accept", "application/vnd.github.raw+json"); body != "export const a = 1\n" {
		t.Errorf("%v %q", r.Header, body)
	}
}

// An answer that the client has costs nothing; any other costs one of the resource's requests.
func TestConditionalRequests(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	first, body := s.get("/repos/larkfold/tiles", "ada-token")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("X-RateLimit-Used") != "1" || first.Header.Get("X-RateLimit-Resource") != "core" {
		t.Fatalf("%v", first.Header)
	}
	again, empty := s.get("/repos/larkfold/tiles", "ada-token", "If-None-Match", etag)
	if again.StatusCode != http.StatusNotModified || empty != "" || again.Header.Get("X-RateLimit-Used") != "1" || again.Header.Get("ETag") != etag {
		t.Errorf("%d %q %v", again.StatusCode, empty, again.Header)
	}
	if other, _ := s.get("/repos/larkfold/tiles", "ben-token", "If-None-Match", etag); other.StatusCode != 200 {
		t.Errorf("another user's answer: %d", other.StatusCode)
	}
	must(t, s.UpdateRepository("larkfold/tiles", func(r *githubtest.Repository) { r.Description = "Changed" }))
	changed, newBody := s.get("/repos/larkfold/tiles", "ada-token", "If-None-Match", etag)
	if changed.StatusCode != 200 || newBody == body || changed.Header.Get("X-RateLimit-Used") != "2" {
		t.Errorf("%d %v", changed.StatusCode, changed.Header)
	}
	if r, _ := s.get("/search/issues?q=x", "ada-token"); r.Header.Get("X-RateLimit-Resource") != "search" || r.Header.Get("X-RateLimit-Limit") != "30" {
		t.Errorf("%v", r.Header)
	}
	if r, _ := s.get("/rate_limit", "ada-token"); r.Header.Get("X-RateLimit-Resource") != "" {
		t.Errorf("%v", r.Header)
	}
	must(t, s.Spend("ada", "core", 5000))
	r, body := s.get("/repos/larkfold/tiles", "ada-token")
	if r.StatusCode != 403 || r.Header.Get("X-RateLimit-Remaining") != "0" || !strings.Contains(body, "API rate limit exceeded for user ID") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if r, _ := s.get("/repos/larkfold/tiles", ""); r.Header.Get("X-RateLimit-Limit") != "60" {
		t.Errorf("nobody's limit: %v", r.Header)
	}
}

func TestLinks(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	r, _ := s.get("/orgs/larkfold/repos?per_page=1&type=all", "ada-token")
	if want := `<http://api.example/orgs/larkfold/repos?page=2&per_page=1&type=all>; rel="next", <http://api.example/orgs/larkfold/repos?page=2&per_page=1&type=all>; rel="last"`; r.Header.Get("Link") != want {
		t.Errorf("%s", r.Header.Get("Link"))
	}
}

// An app proves who it is with a token it signs, and gets one for an installation, which sees what the organisation has.
func TestApps(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	s := newSite(t, githubtest.Settings{AppKeys: map[string]*rsa.PublicKey{"12": &key.PublicKey}})
	post := func(installation int, token string) (*http.Response, map[string]any) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://api.example/app/installations/%d/access_tokens", installation), strings.NewReader(`{"permissions":{"contents":"read","members":"read"}}`))
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := s.client().Do(request)
		must(t, err)
		defer response.Body.Close()
		var body map[string]any
		must(t, json.NewDecoder(response.Body).Decode(&body))
		return response, body
	}
	sign := func(issuer any, from, to time.Time, with *rsa.PrivateKey) string {
		encode := func(v any) string {
			text, err := json.Marshal(v)
			must(t, err)
			return base64.RawURLEncoding.EncodeToString(text)
		}
		text := encode(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + encode(map[string]any{"iss": issuer, "iat": from.Unix(), "exp": to.Unix()})
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(rand.Reader, with, crypto.SHA256, sum[:])
		must(t, err)
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	r, body := post(77, sign(12, today, today.Add(5*time.Minute), key))
	token, _ := body["token"].(string)
	if r.StatusCode != 201 || !strings.HasPrefix(token, "ghs_") || body["expires_at"] != "2026-02-27T13:00:00Z" {
		t.Fatalf("%d %v", r.StatusCode, body)
	}
	if a, _ := s.query(`{ repository(owner: "larkfold", name: "empty") { name } organization(login: "larkfold") { team(slug: "web") { slug } } }`, nil, token); len(a.Errors) > 0 {
		t.Error(a.text)
	}
	s.now = today.Add(2 * time.Hour)
	if _, r := s.query(`{ meta { gitHubServicesSha } }`, nil, token); r.StatusCode != 401 {
		t.Errorf("two hours later: %d", r.StatusCode)
	}
	s.now = today
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, token := range map[string]string{
		"none": "", "no token": "a.b.c", "another key": sign("12", today, today.Add(time.Minute), other), "another app": sign("13", today, today.Add(time.Minute), key),
		"too late": sign("12", today.Add(-time.Hour), today.Add(-time.Minute), key), "too long": sign("12", today, today.Add(11*time.Minute), key),
		"from the future": sign("12", today.Add(2*time.Minute), today.Add(5*time.Minute), key),
	} {
		if r, body := post(77, token); r.StatusCode != 401 {
			t.Errorf("%s: %d %v", name, r.StatusCode, body)
		}
	}
	if r, _ := post(78, sign("12", today, today.Add(time.Minute), key)); r.StatusCode != 404 {
		t.Errorf("another installation: %d", r.StatusCode)
	}
}
