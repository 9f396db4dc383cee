package githubtest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/github/githubtest"
)

func TestSearch(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	_, err := s.AddPullRequest(t.Context(), "larkfold/tiles", githubtest.PullRequest{Title: "Old", AuthorLogin: "ada", HeadRefName: "gone", HeadOID: s.side, CreatedAt: today.AddDate(0, -2, 0), MergedAt: today.AddDate(0, -1, 0), MergedByLogin: "ben"})
	must(t, err)
	for query, want := range map[string]string{
		"":                           "4 3 1 2",
		"gaps":                       "3 1",
		`"without gaps"`:             "3",
		"gaps in:title":              "3 1",
		"is:pr":                      "4 3",
		"is:pr is:open":              "3",
		"is:issue is:open":           "1",
		"is:merged":                  "4",
		"-is:pr":                     "1 2",
		"author:ben":                 "3",
		"author:@me":                 "4 2",
		"NOT author:ben is:pr":       "4",
		"assignee:ben":               "3 1",
		"is:pr review-requested:@me": "3",
		"user-review-requested:ada":  "",
		"team-review-requested:larkfold/web-tiles": "3",
		"reviewed-by:cleo":                         "3",
		"review:changes_requested":                 "3",
		"org:larkfold":                             "4 3 1 2",
		"repo:larkfold/tiles is:issue":             "1 2",
		"repo:larkfold/empty":                      "",
		"label:bug":                                "3 1",
		`label:"bug" label:audio`:                  "3",
		"label:audio,bug":                          "3 1",
		"-label:bug":                               "4 2",
		"no:label":                                 "4 2",
		"milestone:Spring":                         "3 1",
		"mentions:cleo":                            "1",
		"involves:cleo":                            "3 1",
		"archived:true":                            "",
		"archived:false is:issue":                  "1 2",
		"sort:created-asc":                         "4 2 1 3",
		"is:issue sort:updated-asc":                "2 1",
		"created:>=2026-02-27":                     "3 1",
		"created:2026-01-01..2026-02-01":           "2",
		"closed:<2026-02-01":                       "4",
		"head:gapless base:main":                   "3",
		"draft:true":                               "",
		"comments:>0":                              "3 1",
		"linked:issue":                             "3",
		"language:go is:open":                      "3 1",
		"unknown:thing":                            "",
	} {
		var found struct {
			Search struct {
				IssueCount int
				Nodes      []struct{ Number json.Number }
			}
		}
		a, _ := s.query(`query($q: String!) { search(type: ISSUE, first: 50, query: $q) { issueCount nodes { ... on Issue { number } ... on PullRequest { number } } } }`, map[string]any{"q": query})
		if len(a.Errors) > 0 {
			t.Errorf("%s: %s", query, a.text)
			continue
		}
		must(t, json.Unmarshal(a.Data, &found))
		var got []string
		for _, n := range found.Search.Nodes {
			got = append(got, n.Number.String())
		}
		// Those that were opened at one time come newest first, by number.
		if text := strings.Join(got, " "); !same(text, want, query) || found.Search.IssueCount != len(got) {
			t.Errorf("%s: %q, want %q", query, text, want)
		}
	}
	if got := s.data(`{ search(type: REPOSITORY, first: 5, query: "org:larkfold archived:false") { repositoryCount nodes { ... on Repository { name } } } }`); got != `{"search":{"repositoryCount":2,"nodes":[{"name":"tiles"},{"name":"empty"}]}}` {
		t.Error(got)
	}
}

// same compares numbers, in order only where the search asks for one.
func same(a, b, query string) bool {
	if strings.Contains(query, "sort:") {
		return a == b
	}
	count := map[string]int{}
	for _, n := range strings.Fields(a) {
		count[n]++
	}
	for _, n := range strings.Fields(b) {
		count[n]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// FuzzSearch gives searches of any text, which must all be answered.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{
		`is:pr is:open author:ada review-requested:@me team-review-requested:larkfold/web org:larkfold repo:larkfold/tiles label:"a b" sort:created-asc archived:false`,
		`created:>= updated:.. comments:>x "unclosed`, `-`, `NOT`, `a:b:c :x x: -:`, "\x00\xff label:,\",", `stars:1..* pushed:*..2026-01-01`,
	} {
		f.Add(seed)
	}
	s := newSite(f, githubtest.Settings{Limits: &githubtest.Limits{Core: 1 << 40, GraphQL: 1 << 40, Search: 1 << 40, CodeSearch: 1 << 40}})
	f.Fuzz(func(t *testing.T, text string) {
		body, err := json.Marshal(map[string]any{
			"query":     `query($q: String!) { a: search(type: ISSUE, first: 5, query: $q) { issueCount } b: search(type: REPOSITORY, first: 5, query: $q) { repositoryCount } }`,
			"variables": map[string]any{"q": text},
		})
		must(t, err)
		post(t, s, body)
		r := httptest.NewRequest(http.MethodGet, "/search/code", nil)
		r.URL.RawQuery = "q=" + strings.NewReplacer("%", "%25", "&", "%26", "#", "%23", ";", "%3B", "+", "%2B").Replace(text)
		r.Header.Set("Authorization", "token ada-token")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzGraphQL gives the endpoint any body.
func FuzzGraphQL(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ viewer { login } }"}`,
		`{"query":"query($n: Int) { repository(owner: \"larkfold\", name: \"tiles\") { pullRequests(first: $n) { nodes { title } } } }","variables":{"n":3}}`,
		`{"query":"{ repository(owner: \"larkfold\", name: \"tiles\") { object(expression: \"main:web\") { ... on Tree { entries { name } } } refs(refPrefix: \"refs/\", last: 3) { nodes { name } } } }"}`,
		`{"query":"{ node(id: \"R_kgDOAAAnHA\") { id } resource(url: \"/larkfold/tiles/pull/3\") { url } }"}`,
		`{"query":"mutation { addComment(input: {subjectId: \"x\", body: \"\"}) { clientMutationId } }"}`,
		`[]`, `{`, `{"query":"{ ...A } fragment A on Query { ...A }"}`, `{"query":1}`,
	} {
		f.Add([]byte(seed))
	}
	s := newSite(f, githubtest.Settings{Limits: &githubtest.Limits{Core: 1 << 40, GraphQL: 1 << 40, Search: 1 << 40, CodeSearch: 1 << 40}})
	f.Fuzz(func(t *testing.T, body []byte) { post(t, s, body) })
}

// request gives the GraphQL endpoint a body and returns the answer's.
func request(s *site, body string) string {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Authorization", "token ada-token")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}

// post gives the GraphQL endpoint a body and checks that it answers in JSON, without a fault of its own.
func post(t *testing.T, s *site, body []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Authorization", "token ada-token")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code >= 500 || !json.Valid(w.Body.Bytes()) || strings.Contains(w.Body.String(), "bug:") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}
