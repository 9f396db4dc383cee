package github_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// The first case is the example of "Validating webhook deliveries" in GitHub's documentation.
func TestVerify(t *testing.T) {
	const secret, body = "It's a Secret to Everybody", "Hello, World!"
	const documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	secrets := func(list ...string) (out [][]byte) {
		for _, s := range list {
			out = append(out, []byte(s))
		}
		return out
	}
	for _, test := range []struct {
		name      string
		secrets   [][]byte
		signature []string
		body      string
		right     bool
	}{
		{"as documented", secrets(secret), []string{documented}, body, true},
		{"the new secret of two", secrets("old", secret), []string{documented}, body, true},
		{"the old secret of two", secrets(secret, "new"), []string{documented}, body, true},
		{"upper case digits", secrets(secret), []string{"sha256=" + strings.ToUpper(documented[7:])}, body, true},
		{"another secret", secrets("x"), []string{documented}, body, false},
		{"another body", secrets(secret), []string{documented}, body + " ", false},
		{"no secret is configured", nil, []string{documented}, body, false},
		{"an empty secret is none", secrets(""), []string{sign("", body)}, body, false},
		{"an empty secret beside another", secrets("", secret), []string{documented}, body, true},
		{"no signature", secrets(secret), nil, body, false},
		{"two signatures", secrets(secret), []string{documented, documented}, body, false},
		{"the old algorithm", secrets(secret), []string{"sha1=" + strings.Repeat("0", 40)}, body, false},
		{"half a signature", secrets(secret), []string{documented[:39]}, body, false},
		{"more than a signature", secrets(secret), []string{documented + "00"}, body, false},
		{"an empty signature", secrets(secret), []string{"sha256="}, body, false},
		{"no hexadecimal", secrets(secret), []string{"sha256=" + strings.Repeat("zz", 32)}, body, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := github.Verify(test.secrets, http.Header{"X-Hub-Signature-256": test.signature}, []byte(test.body))
			if test.right && err != nil || !test.right && !errors.Is(err, github.ErrSignature) {
				t.Errorf("verified as %v", err)
			}
		})
	}
}

const zeros = "0000000000000000000000000000000000000000"

func event(kind string) http.Header {
	return http.Header{"X-Github-Event": {kind}, "X-Github-Delivery": {"72d3162e-cc78-11e3-81ab-4c9367dc0958"}, "Content-Type": {"application/json"}}
}

func TestParseEvent(t *testing.T) {
	const repository = `"repository":{"name":"player","full_name":"larkfold/player","owner":{"login":"larkfold"},"default_branch":"main"},"organization":{"login":"larkfold"},"sender":{"login":"ada"},"installation":{"id":77}`
	basic := func(kind, action string, change func(*github.Event)) *github.Event {
		e := &github.Event{Delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Kind: kind, Action: action, Installation: 77, Repository: player, Organisation: "larkfold", Sender: "ada", DefaultBranch: "main"}
		if change != nil {
			change(e)
		}
		return e
	}
	two := git.OID(strings.Repeat("2", 40))
	for _, test := range []struct {
		name, kind, body string
		want             *github.Event
	}{
		{"a push", "push", `{"ref":"refs/heads/main","before":"` + string(someOID) + `","after":"` + string(two) + `","created":false,"deleted":false,"forced":false,
			"commits":[{"id":"x","added":["b.go"],"removed":["a.go"],"modified":["docs/x.md"]},{"added":[],"removed":["b.go"],"modified":[]}],` + repository + `}`,
			basic("push", "", func(e *github.Event) {
				e.Refs, e.Before, e.After, e.Commits = []string{"refs/heads/main"}, someOID, two, []git.OID{two}
				e.Paths, e.PathsComplete = []string{"a.go", "b.go", "docs/x.md"}, true
			})},
		{"a forced push", "push", `{"ref":"refs/heads/x","before":"` + string(someOID) + `","after":"` + string(two) + `","forced":true,"commits":[{"added":["b.go"]}],` + repository + `}`,
			basic("push", "", func(e *github.Event) {
				e.Refs, e.Before, e.After, e.Commits, e.Paths = []string{"refs/heads/x"}, someOID, two, []git.OID{two}, []string{"b.go"}
			})},
		{"a deleted tag", "push", `{"ref":"refs/tags/v1","before":"` + string(someOID) + `","after":"` + zeros + `","deleted":true,"commits":[],` + repository + `}`,
			basic("push", "", func(e *github.Event) { e.Refs, e.Before = []string{"refs/tags/v1"}, someOID })},
		{"a created branch", "create", `{"ref":"feature/x","ref_type":"branch","master_branch":"main",` + repository + `}`,
			basic("create", "", func(e *github.Event) { e.Refs = []string{"refs/heads/feature/x"} })},
		{"a ref that cannot be", "create", `{"ref":"../x","ref_type":"tag",` + repository + `}`, basic("create", "", nil)},
		{"renamed", "repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"old-player"}}},` + repository + `}`,
			basic("repository", "renamed", func(e *github.Event) { e.Was = github.Slug{Owner: "larkfold", Name: "old-player"} })},
		{"transferred", "repository", `{"action":"transferred","changes":{"owner":{"from":{"user":{"login":"bob"}}}},` + repository + `}`,
			basic("repository", "transferred", func(e *github.Event) { e.Was = github.Slug{Owner: "bob", Name: "player"} })},
		{"a pull request", "pull_request", `{"action":"opened","number":7,"pull_request":{"number":7,"head":{"ref":"x","sha":"` + string(someOID) + `"},"base":{"ref":"main","sha":"` + string(two) + `"}},` + repository + `}`,
			basic("pull_request", "opened", func(e *github.Event) { e.PullRequests, e.Commits = []int{7}, []git.OID{someOID} })},
		{"a comment on a pull request", "issue_comment", `{"action":"created","issue":{"number":7,"pull_request":{"url":"x"}},` + repository + `}`,
			basic("issue_comment", "created", func(e *github.Event) { e.PullRequests = []int{7} })},
		{"an issue", "issues", `{"action":"closed","issue":{"number":8},` + repository + `}`, basic("issues", "closed", func(e *github.Event) { e.Issue = 8 })},
		{"a check", "check_run", `{"action":"completed","check_run":{"head_sha":"` + string(someOID) + `","pull_requests":[{"number":3},{"number":3}],"check_suite":{"head_branch":"x"}},` + repository + `}`,
			basic("check_run", "completed", func(e *github.Event) {
				e.Commits, e.PullRequests, e.Refs = []git.OID{someOID}, []int{3}, []string{"refs/heads/x"}
			})},
		{"a status", "status", `{"sha":"` + string(someOID) + `","state":"success","branches":[{"name":"main"},{"name":"x"}],` + repository + `}`,
			basic("status", "", func(e *github.Event) {
				e.Commits, e.Refs = []git.OID{someOID}, []string{"refs/heads/main", "refs/heads/x"}
			})},
		{"a release", "release", `{"action":"published","release":{"tag_name":"v2"},` + repository + `}`,
			basic("release", "published", func(e *github.Event) { e.Tag, e.Refs = "v2", []string{"refs/tags/v2"} })},
		{"a team", "team", `{"action":"edited","team":{"slug":"playback","name":"Playback"},"organization":{"login":"larkfold"},"sender":{"login":"renovate[bot]"}}`,
			&github.Event{Delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Kind: "team", Action: "edited", Organisation: "larkfold", Sender: "renovate[bot]", Team: "playback"}},
		{"a kind of another time", "brand_new", `{"action":"made","number":"seven","ref":{"a":1},` + repository + `}`, basic("brand_new", "made", nil)},
		{"a ping", "ping", `{"zen":"Keep it logically awesome.","hook_id":1}`, &github.Event{Delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Kind: "ping"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := github.ParseEvent(event(test.kind), []byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			form := event(test.kind)
			form.Set("Content-Type", "application/x-www-form-urlencoded")
			got, err = github.ParseEvent(form, []byte(url.Values{"payload": {test.body}}.Encode()))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("as a form: %v %s", err, diff)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	other := func(name string, values ...string) http.Header {
		h := event("push")
		h[name] = values
		return h
	}
	for _, test := range []struct {
		name   string
		header http.Header
		body   string
	}{
		{"no kind", other("X-Github-Event"), `{}`},
		{"a kind that is none", other("X-Github-Event", "push\n"), `{}`},
		{"no delivery", other("X-Github-Delivery"), `{}`},
		{"no body", event("push"), ``},
		{"half a body", event("push"), `{"ref":"refs/heads`},
		{"a list", event("push"), `[]`},
		{"a repository that cannot be", event("push"), `{"repository":{"full_name":"../x"}}`},
		{"deep", event("push"), `{"a":` + strings.Repeat("[", 100_000)},
		{"no form", other("Content-Type", "application/x-www-form-urlencoded"), `%zz`},
	} {
		if e, err := github.ParseEvent(test.header, []byte(test.body)); !errors.Is(err, github.ErrPayload) || e != nil {
			t.Errorf("%s: %v, %v", test.name, e, err)
		}
	}
	many := `{"ref":"refs/heads/main","before":"` + string(someOID) + `","after":"` + string(someOID) + `","commits":[{"added":["` + strings.Join(strings.Fields(strings.Repeat("x ", 4000)), `","`) + `"]}]}`
	for i := range 4000 {
		many = strings.Replace(many, `"x"`, `"y`+strings.Repeat("z", i%60)+string(rune('a'+i/60%26))+string(rune('a'+i/1560))+`"`, 1)
	}
	e, err := github.ParseEvent(event("push"), []byte(many))
	if err != nil || e.PathsComplete || len(e.Paths) != 3000 {
		t.Errorf("4000 paths are %d, complete %v, %v", len(e.Paths), e != nil && e.PathsComplete, err)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add("push", "application/json", []byte(`{"ref":"refs/heads/main","before":"`+string(someOID)+`","after":"`+zeros+`","commits":[{"added":["a"]}],"repository":{"full_name":"a/b"}}`))
	f.Add("repository", "application/json", []byte(`{"action":"renamed","changes":{"repository":{"name":{"from":"x"}}},"repository":{"full_name":"a/b"}}`))
	f.Add("check_run", "application/x-www-form-urlencoded", []byte(`payload=%7B%22check_run%22%3A%7B%22pull_requests%22%3A%5B%7B%22number%22%3A1%7D%5D%7D%7D`))
	f.Add("status", "", []byte(`{"branches":[{"name":"x"},null],"issue":{"pull_request":[]}}`))
	f.Fuzz(func(t *testing.T, kind, media string, body []byte) {
		h := event(kind)
		h.Set("Content-Type", media)
		e, err := github.ParseEvent(h, body)
		if (e == nil) == (err == nil) || err != nil && !errors.Is(err, github.ErrPayload) {
			t.Fatalf("%v, %v", e, err)
		}
		if err != nil {
			return
		}
		for _, slug := range []github.Slug{e.Repository, e.Was} {
			if slug != (github.Slug{}) {
				if _, err := github.ParseSlug(slug.String()); err != nil {
					t.Fatalf("%q is no repository", slug)
				}
			}
		}
		for _, ref := range e.Refs {
			if !strings.HasPrefix(ref, "refs/") || strings.Contains(ref, "..") {
				t.Fatalf("%q is no ref", ref)
			}
		}
	})
}
