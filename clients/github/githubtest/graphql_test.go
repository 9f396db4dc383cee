package githubtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/github/githubtest"
)

func TestErrors(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for name, test := range map[string]struct{ query, want string }{
		"not found": {
			`{ a: repository(owner: "larkfold", name: "none") { name } b: repository(owner: "larkfold", name: "tiles") { name } }`,
			`{"data":{"a":null,"b":{"name":"tiles"}},"errors":[{"type":"NOT_FOUND","path":["a"],"locations":[{"line":1,"column":3}],"message":"Could not resolve to a Repository with the name 'larkfold/none'."}]}`,
		},
		"not found in a list": {
			`{ nodes(ids: ["x", "R_kgDOAAAnHA"]) { id } }`,
			`"errors":[{"type":"NOT_FOUND","path":["nodes",0],`,
		},
		"no size": {
			`{ viewer { repositories { nodes { name } } } }`,
			`{"data":null,"errors":[{"type":"MISSING_PAGINATION_BOUNDARIES","path":["viewer","repositories"],"locations":[{"line":1,"column":12}],"message":"You must provide a ` + "`first` or `last` value to properly paginate the `repositories` connection." + `"}]}`,
		},
		"too large a page": {
			`{ organization(login: "larkfold") { repositories(first: 101) { nodes { name } } } }`,
			"Requesting 101 records on the `repositories` connection exceeds the `first` limit of 100 records.",
		},
		"an empty page":   {`{ viewer { repositories(first: 0) { nodes { name } } } }`, `"type":"INVALID_PAGINATION_BOUNDARIES"`},
		"both ways":       {`{ viewer { repositories(first: 1, last: 1) { nodes { name } } } }`, "Passing both `first` and `last`"},
		"a wrong cursor":  {`{ organization(login: "larkfold") { repositories(first: 1, after: "nonsense") { nodes { name } } } }`, "`nonsense` does not appear to be a valid cursor."},
		"a wrong history": {`{ repository(owner: "larkfold", name: "tiles") { object(expression: "main") { ... on Commit { history(first: 1, after: "x 1") { totalCount } } } } }`, "INVALID_CURSOR_ARGUMENTS"},
		"unknown field": {
			`{ viewer { shoe } }`,
			`{"errors":[{"extensions":{"code":"undefinedField","fieldName":"shoe","typeName":"User"},"locations":[{"line":1,"column":12}],"message":"Field 'shoe' doesn't exist on type 'User'"}]}`,
		},
		"unknown argument": {`{ viewer { repositories(number: 1) { totalCount } } }`, `Field 'repositories' doesn't accept argument 'number'`},
		"too many nodes": {
			`{ organization(login: "larkfold") { repositories(first: 100) { nodes { issues(first: 100) { nodes { labels(first: 100) { nodes { name } } } } } } } }`,
			`{"errors":[{"type":"MAX_NODE_LIMIT_EXCEEDED","message":"This query requests up to 1,010,100 possible nodes which exceeds the maximum limit of 500,000."}]}`,
		},
		"too many ids":   {`{ nodes(ids: [` + strings.Repeat(`"x" `, 101) + `]) { id } }`, `"type":"ARGUMENT_LIMIT"`},
		"hidden search":  {`{ search(first: 1, type: ISSUE, query: "repo:larkfold/none") { issueCount } }`, "cannot be searched"},
		"no object":      {`{ repository(owner: "larkfold", name: "tiles") { object(expression: "main:none") { oid } ref(qualifiedName: "none") { name } } }`, `{"data":{"repository":{"object":null,"ref":null}}}`},
		"only the count": {`{ organization(login: "larkfold") { repositories { totalCount } } }`, `{"data":{"organization":{"repositories":{"totalCount":2}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if a, _ := s.query(test.query, nil); !strings.Contains(a.text, test.want) {
				t.Errorf("got  %s\nwant %s", a.text, test.want)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	must(t, s.AddToken("few-scopes", githubtest.Token{Login: "ada", Scopes: []string{"repo"}}))
	must(t, s.AddToken("public-only", githubtest.Token{Login: "ada", Scopes: []string{"read:org"}}))
	must(t, s.AddToken("fine", githubtest.Token{Login: "ada", Permissions: map[string]string{"contents": "read"}}))
	must(t, s.AddToken("app", githubtest.Token{Account: "larkfold", Permissions: map[string]string{"contents": "read"}}))
	must(t, s.AddToken("old", githubtest.Token{Login: "ada", Expires: today.Add(-time.Minute)}))
	const teams = `{ organization(login: "larkfold") { teams(first: 1) { nodes { slug } } } }`
	const alerts = `{ repository(owner: "larkfold", name: "tiles") { name vulnerabilityAlerts(first: 1) { totalCount } } }`
	const private = `{ repository(owner: "larkfold", name: "empty") { name } }`
	for _, test := range []struct{ token, query, want string }{
		{"ada-token", teams, `{"data":{"organization":{"teams":{"nodes":[{"slug":"web"}]}}}}`},
		{"stranger-token", teams, `{"data":{"organization":{"teams":{"nodes":[]}}}}`},
		{"few-scopes", teams, `{"errors":[{"type":"INSUFFICIENT_SCOPES","message":"Your token has not been granted the required scopes to execute this query. The 'teams' field requires one of the following scopes: ['read:org', 'read:discussion'], but your token has only been granted the: ['repo'] scopes.`},
		{"fine", alerts, `{"data":{"repository":{"name":"tiles","vulnerabilityAlerts":null}},"errors":[{"type":"FORBIDDEN","path":["repository","vulnerabilityAlerts"],"locations":[{"line":1,"column":55}],"message":"Resource not accessible by personal access token"}]}`},
		{"app", alerts, `Resource not accessible by integration`},
		{"app", `{ viewer { login } }`, `FORBIDDEN`},
		{"ada-token", private, `{"data":{"repository":{"name":"empty"}}}`},
		{"few-scopes", private, `{"data":{"repository":{"name":"empty"}}}`},
		{"app", private, `{"data":{"repository":{"name":"empty"}}}`},
		{"public-only", private, `"type":"NOT_FOUND"`},
		{"stranger-token", private, `"type":"NOT_FOUND"`},
		{"stranger-token", alerts, `"totalCount":0`},
		{"wrong", private, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`},
		{"old", private, `"Bad credentials"`},
	} {
		a, response := s.query(test.query, nil, test.token)
		// REST errors have their keys in another order than they were written above.
		if !strings.Contains(a.text, test.want) && !sameJSON(a.text, test.want) {
			t.Errorf("%s: got  %s\nwant %s", test.token, a.text, test.want)
		}
		if bad := strings.Contains(test.want, "Bad credentials"); bad != (response.StatusCode == http.StatusUnauthorized) {
			t.Errorf("%s: status %d", test.token, response.StatusCode)
		}
	}
	s.RevokeToken("ada-token")
	if _, response := s.query(teams, nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", response.StatusCode)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// The example is the one of GitHub's documentation (a hundred repositories, fifty issues each, sixty labels each), with names of this schema.
func TestCost(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	const query = `query($n: Int = 100) {
		viewer { login repositories(first: $n) { edges { node { id issues(first: 50) { edges { node { id labels(first: 60) { edges { node { id name } } } } } } } } } }
		rateLimit { cost nodeCount limit remaining used }
	}`
	a, response := s.query(query, nil)
	if want := `"rateLimit":{"cost":51,"nodeCount":305100,"limit":5000,"remaining":4949,"used":51}`; !strings.Contains(a.text, want) {
		t.Errorf("got %s, want %s", a.text, want)
	}
	for name, want := range map[string]string{
		"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4949", "X-RateLimit-Used": "51", "X-RateLimit-Resource": "graphql", "X-RateLimit-Reset": fmt.Sprint(today.Add(time.Hour).Unix()),
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := s.Watch.Points()["graphql"]; got != 51 {
		t.Errorf("%d points charged", got)
	}
	if a, _ := s.query(`query($n: Int) { viewer { repositories(first: $n) { totalCount } } rateLimit { cost nodeCount } }`, map[string]any{"n": 7}); !strings.Contains(a.text, `"cost":1,"nodeCount":7`) {
		t.Errorf("a variable: %s", a.text)
	}
}

func TestRateLimit(t *testing.T) {
	s := newSite(t, githubtest.Settings{Limits: &githubtest.Limits{GraphQL: 2, Core: 10, Search: 1, CodeSearch: 1}})
	const query = `{ viewer { login } }`
	for range 2 {
		if a, _ := s.query(query, nil); len(a.Errors) > 0 {
			t.Fatal(a.text)
		}
	}
	a, response := s.query(query, nil)
	if response.StatusCode != 200 || response.Header.Get("X-RateLimit-Remaining") != "0" || len(a.Errors) != 1 || a.Errors[0].Type != "RATE_LIMITED" || string(a.Data) != "" {
		t.Errorf("%d %v %s", response.StatusCode, response.Header, a.text)
	}
	if a, _ := s.query(query, nil, "ben-token"); len(a.Errors) > 0 {
		t.Errorf("somebody else's budget: %s", a.text)
	}
	must(t, s.Spend("ben", "graphql", 100))
	if a, _ := s.query(query, nil, "ben-token"); len(a.Errors) != 1 {
		t.Errorf("a budget that is spent elsewhere: %s", a.text)
	}
	s.now = s.now.Add(time.Hour)
	if a, response := s.query(query, nil); len(a.Errors) > 0 || response.Header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("an hour later: %s", a.text)
	}
}

func TestSecondaryLimits(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	s.Throttle(githubtest.Throttle{RetryAfter: 30 * time.Second})
	s.Throttle(githubtest.Throttle{Status: 200})
	s.Throttle(githubtest.Throttle{Status: 429, Times: 2})
	for i, want := range []struct {
		status int
		after  string
	}{{403, "30"}, {200, ""}, {429, ""}, {429, ""}} {
		a, response := s.query(`{ viewer { login } }`, nil)
		if response.StatusCode != want.status || response.Header.Get("Retry-After") != want.after || !strings.Contains(a.text, "You have exceeded a secondary rate limit") {
			t.Errorf("%d: %d %q %s", i, response.StatusCode, response.Header.Get("Retry-After"), a.text)
		}
		if want.status == 200 && len(a.Errors) != 1 {
			t.Errorf("no GraphQL error: %s", a.text)
		}
	}
	if a, _ := s.query(`{ viewer { login } }`, nil); len(a.Errors) > 0 {
		t.Error(a.text)
	}
}

// A server of one's own has no limits unless somebody sets them, and its headers are not there.
func TestEnterprise(t *testing.T) {
	s := newSite(t, githubtest.Settings{Enterprise: true})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://ghe.example/api/graphql", strings.NewReader(`{"query":"{ rateLimit { cost } viewer { login url } }"}`))
	must(t, err)
	request.Header.Set("Authorization", "token ada-token")
	response, err := s.client().Do(request)
	must(t, err)
	defer response.Body.Close()
	var body struct {
		Data struct {
			RateLimit *struct{}
			Viewer    struct{ Login, URL string }
		}
	}
	must(t, json.NewDecoder(response.Body).Decode(&body))
	if body.Data.RateLimit != nil || body.Data.Viewer.URL != "https://github.larkfold.example/ada" {
		t.Errorf("%+v", body)
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "X-Ratelimit") {
			t.Errorf("there is %s", name)
		}
	}
	if response.Header.Get("X-GitHub-Enterprise-Version") == "" || response.Header.Get("X-GitHub-Request-Id") == "" {
		t.Errorf("%v", response.Header)
	}
	if r, body := s.get("/api/v3/repos/larkfold/tiles", "ada-token"); r.StatusCode != 200 || r.Header.Get("X-RateLimit-Limit") != "" || !strings.Contains(body, `"url":"https://github.larkfold.example/api/v3/repos/larkfold/tiles"`) {
		t.Errorf("%v %s", r, body)
	}
	if r, _ := s.get("/repos/larkfold/tiles", "ada-token"); r.StatusCode != 404 {
		t.Errorf("github.com's address: %d", r.StatusCode)
	}
	if r, _ := s.get("/api/v3/rate_limit", "ada-token"); r.StatusCode != 404 {
		t.Errorf("rate_limit: %d", r.StatusCode)
	}
	if r, body := s.get("/api/v3/meta", ""); r.StatusCode != 200 || !strings.Contains(body, "installed_version") {
		t.Errorf("meta: %d %s", r.StatusCode, body)
	}
}

// Walking a connection page by page, either way, meets everything once and in order.
func TestPaging(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for i := range 7 {
		_, err := s.AddIssue("larkfold/tiles", githubtest.Issue{Title: fmt.Sprint(i), AuthorLogin: "ada", CreatedAt: today.Add(time.Duration(i) * time.Hour)})
		must(t, err)
	}
	for _, connection := range []string{
		`repository(owner: "larkfold", name: "tiles") { list: issues(%s, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { title } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } }`,
		`repository(owner: "larkfold", name: "tiles") { list: refs(refPrefix: "refs/heads/", %s) { nodes { title: name } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } }`,
		`list: search(type: ISSUE, query: "org:larkfold is:issue", %s) { nodes { ... on Issue { title } } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } }`,
		`repository(owner: "larkfold", name: "tiles") { object(expression: "main") { ... on Commit { list: history(%s) { nodes { title: message } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } } } }`,
	} {
		read := func(arguments string) (titles []string, start, end string, previous, next bool) {
			var found struct {
				Nodes    []struct{ Title string }
				PageInfo struct {
					StartCursor, EndCursor       string
					HasNextPage, HasPreviousPage bool
				}
			}
			text := s.data("{ " + fmt.Sprintf(connection, arguments) + " }")
			text = text[strings.Index(text, `"list":`)+len(`"list":`):]
			must(t, json.NewDecoder(strings.NewReader(text)).Decode(&found))
			for _, n := range found.Nodes {
				titles = append(titles, n.Title)
			}
			return titles, found.PageInfo.StartCursor, found.PageInfo.EndCursor, found.PageInfo.HasPreviousPage, found.PageInfo.HasNextPage
		}
		all, _, _, _, _ := read("first: 100")
		var forward, backward []string
		for arguments, more := "first: 2", true; more; {
			titles, _, end, previous, next := read(arguments)
			if previous != (len(forward) > 0) {
				t.Errorf("hasPreviousPage after %d: %v", len(forward), previous)
			}
			forward = append(forward, titles...)
			arguments, more = fmt.Sprintf("first: 2, after: %q", end), next
		}
		for arguments, more := "last: 2", true; more; {
			titles, start, _, previous, next := read(arguments)
			if next != (len(backward) > 0) {
				t.Errorf("hasNextPage after %d: %v", len(backward), next)
			}
			backward = append(titles, backward...)
			arguments, more = fmt.Sprintf("last: 2, before: %q", start), previous
		}
		if len(all) < 2 || fmt.Sprint(forward) != fmt.Sprint(all) || fmt.Sprint(backward) != fmt.Sprint(all) {
			t.Errorf("%s\nall      %v\nforward  %v\nbackward %v", connection, all, forward, backward)
		}
	}
}

func TestGitContent(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for query, want := range map[string]string{
		`pushedAt createdAt isEmpty diskUsage primaryLanguage { name } licenseInfo { spdxId }`:                                                                                                                                                                             `{"pushedAt":"2026-01-04T10:00:00Z","createdAt":"2026-01-02T02:04:05Z","isEmpty":false,"diskUsage":1,"primaryLanguage":{"name":"Go"},"licenseInfo":{"spdxId":"MIT"}}`,
		`languages(first: 9, orderBy: {field: SIZE, direction: ASC}) { totalSize edges { size node { name } } }`:                                                                                                                                                           `{"languages":{"totalSize":60,"edges":[{"size":19,"node":{"name":"TypeScript"}},{"size":41,"node":{"name":"Go"}}]}}`,
		`object(expression: "gapless:web/app.ts") { ... on Blob { text byteSize isBinary isTruncated } }`:                                                                                                                                                                  `{"object":{"text":"export const a = 2\nexport const b = 3\n","byteSize":38,"isBinary":false,"isTruncated":false}}`,
		`object(expression: "main:") { ... on Tree { entries { name path type mode size } } }`:                                                                                                                                                                             `{"name":"web","path":"web","type":"tree","mode":16384,"size":0}`,
		`object(expression: "v1.0.0") { ... on Tag { name message tagger { name } target { ... on Commit { messageHeadline messageBody } } } }`:                                                                                                                            `{"object":{"name":"v1.0.0","message":"The first release",`,
		`ref(qualifiedName: "refs/heads/main") { name prefix compare(headRef: "gapless") { aheadBy behindBy status commits(first: 5) { totalCount nodes { messageHeadline } } } }`:                                                                                         `{"ref":{"name":"main","prefix":"refs/heads/","compare":{"aheadBy":1,"behindBy":1,"status":"DIVERGED","commits":{"totalCount":1,"nodes":[{"messageHeadline":"No gaps"}]}}}}`,
		`object(expression: "main") { ... on Commit { history(first: 5, path: "web") { totalCount } all: history { totalCount } mine: history(author: {emails: ["ADA@larkfold.example"]}) { totalCount } since: history(since: "2026-01-04T00:00:00Z") { totalCount } } }`: `{"object":{"history":{"totalCount":1},"all":{"totalCount":3},"mine":{"totalCount":2},"since":{"totalCount":1}}}`,
		`object(expression: "main") { ... on Commit { additions deletions changedFilesIfAvailable author { name user { login } date } signature { isValid } } }`:                                                                                                           `{"object":{"additions":1,"deletions":1,"changedFilesIfAvailable":1,"author":{"name":"ada","user":{"login":"ada"},"date":"2026-01-04T10:00:00Z"},"signature":null}}`,
		`codeowners { errors { line column kind source } }`:                                                                                                                                                                                                                `{"codeowners":{"errors":[{"line":2,"column":6,"kind":"Unknown owner","source":"/web @nobody-here"},{"line":3,"column":1,"kind":"Invalid pattern","source":"[ab] @ada"}]}}`,
		`refs(refPrefix: "refs/tags/", first: 5) { nodes { name target { __typename oid } } }`:                                                                                                                                                                             `"name":"v1.0.0","target":{"__typename":"Tag"`,
		`pullRequest(number: 3) { additions deletions changedFiles mergeable mergeStateStatus reviewDecision commits(last: 1) { nodes { commit { statusCheckRollup { state contexts(first: 5) { checkRunCount statusContextCount } } } } } closingIssuesReferences(first: 1) { nodes { number } } }`: `{"pullRequest":{"additions":2,"deletions":1,"changedFiles":1,"mergeable":"MERGEABLE","mergeStateStatus":"BLOCKED","reviewDecision":"CHANGES_REQUESTED","commits":{"nodes":[{"commit":{"statusCheckRollup":{"state":"FAILURE","contexts":{"checkRunCount":1,"statusContextCount":1}}}}]},"closingIssuesReferences":{"nodes":[{"number":1}]}}}`,
	} {
		if got := s.data(`{ repository(owner: "larkfold", name: "tiles") { ` + query + ` } }`); !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", query, got, want)
		}
	}
	got := s.data(`{ repository(owner: "larkfold", name: "tiles") { object(expression: "v1.0.0") { ... on Tag { target { ... on Commit { messageHeadline messageBody } } } } } }`)
	headline := regexp.MustCompile(`"messageHeadline":"([^"]*)","messageBody":"([^"]*)"`).FindStringSubmatch(got)
	if headline == nil || len([]rune(headline[1])) != 70 || !strings.HasSuffix(headline[1], "…") || !strings.HasPrefix(headline[2], "…") || !strings.HasSuffix(headline[2], `A body.`) {
		t.Errorf("a long headline: %q", headline)
	}
	empty := s.data(`{ repository(owner: "larkfold", name: "empty") { isEmpty defaultBranchRef { name } object(expression: "HEAD") { oid } refs(refPrefix: "refs/heads/", first: 1) { totalCount } primaryLanguage { name } codeowners { errors { line } } } }`)
	if want := `{"repository":{"isEmpty":true,"defaultBranchRef":null,"object":null,"refs":{"totalCount":0},"primaryLanguage":null,"codeowners":null}}`; empty != want {
		t.Errorf("an empty repository: %s", empty)
	}
}

// What has an id is found by it again.
func TestNodes(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	text := s.data(`{ repository(owner: "larkfold", name: "tiles") { id owner { id } defaultBranchRef { id target { id } } pullRequest(number: 3) { id author { ... on User { id } } labels(first: 1) { nodes { id } } }
		issue(number: 1) { id } releases(first: 1) { nodes { id } } object(expression: "main:main.go") { id } } }`)
	found := regexp.MustCompile(`"id":"([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(found) != 10 {
		t.Fatalf("%d ids: %s", len(found), text)
	}
	for _, f := range found {
		if got := s.data(fmt.Sprintf(`{ node(id: %q) { id } }`, f[1])); got != fmt.Sprintf(`{"node":{"id":%q}}`, f[1]) {
			t.Errorf("%s: %s", f[1], got)
		}
	}
	if a, _ := s.query(fmt.Sprintf(`{ node(id: %q) { id } }`, found[0][1]), nil, "stranger-token"); len(a.Errors) > 0 {
		t.Errorf("a public repository is hidden: %s", a.text)
	}
}

func TestRename(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	must(t, s.RenameRepository("larkfold/tiles", "covers"))
	const query = `{ a: repository(owner: "larkfold", name: "TILES") { nameWithOwner } b: repository(owner: "larkfold", name: "covers") { nameWithOwner url } }`
	if got, want := s.data(query), `{"a":{"nameWithOwner":"larkfold/covers"},"b":{"nameWithOwner":"larkfold/covers","url":"https://github.larkfold.example/larkfold/covers"}}`; got != want {
		t.Errorf("got %s", got)
	}
	if a, _ := s.query(`{ repository(owner: "larkfold", name: "tiles", followRenames: false) { name } }`, nil); len(a.Errors) != 1 {
		t.Errorf("followed: %s", a.text)
	}
	r, _ := s.get("/repos/larkfold/tiles", "ada-token")
	if r.StatusCode != 301 || !strings.Contains(r.Header.Get("Location"), "/repositories/") {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	if r, body := s.get(strings.TrimPrefix(r.Header.Get("Location"), "http://api.example"), "ada-token"); r.StatusCode != 200 || !strings.Contains(body, `"full_name":"larkfold/covers"`) {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if r, _ := s.get("/repos/larkfold/tiles/contents/main.go?ref=main", "ada-token"); r.Header.Get("Location") != "http://api.example/repos/larkfold/covers/contents/main.go?ref=main" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	_, err := s.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles"})
	must(t, err)
	if got := s.data(`{ repository(owner: "larkfold", name: "tiles") { isEmpty } }`); got != `{"repository":{"isEmpty":true}}` {
		t.Errorf("the name is not taken: %s", got)
	}
}
