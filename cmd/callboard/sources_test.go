package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/examples"
)

// page is a portal's list of twenty components.
const page = `{ entities(filter: { all: [{ kind: "Component" }] }, orderBy: [{ field: NAME }], first: 20) { nodes { ref
	repository { nameWithOwner provider headCommit { oid messageHeadline author { name } } openPullRequests: pullRequests(states: OPEN, first: 5) { totalCount nodes { number title } } } } } }`

// A page of twenty components asks each host at most twice when nothing is known, and nobody when all is.
func TestPageOfComponents(t *testing.T) {
	s := newTheatre(t)
	c := s.up(s.config("", ""))
	s.forget()
	cold := c.ask(page, nil)
	if len(cold.Errors) > 0 || strings.Count(string(cold.Data), `"ref"`) != 20 {
		t.Fatalf("%s %+v", cold.Data, cold.Errors)
	}
	for host, watch := range map[string]*clientstest.Watch{"GitHub": &s.GitHub.Watch, "GitLab": &s.GitLab.Watch} {
		if n := len(watch.Requests()); n < 1 || n > 2 {
			t.Errorf("%s was asked %d times: %v", host, n, watch.Counts())
		}
		if points := watch.Points()["graphql"]; points > 4 {
			t.Errorf("%s was asked for %d points", host, points)
		}
	}
	s.forget()
	warm := c.ask(page, nil)
	if s.asked() != 0 {
		t.Errorf("what is known was asked for %d times", s.asked())
	}
	if string(warm.Data) != string(cold.Data) || warm.total().Live != 0 || warm.total().Cached == 0 {
		t.Errorf("%s %+v", warm.Data, warm.Extensions)
	}
}

// While the hosts are down everything that was known is still answered, marked stale; and when they are back, so is what they say, by itself.
func TestHostsDown(t *testing.T) {
	s := newTheatre(t)
	c := s.up(s.config("2s", ""))
	known := map[string]json.RawMessage{}
	for _, o := range examples.Operations() {
		answer := c.ask(o.Query, o.Variables)
		if len(answer.Errors) > 0 {
			t.Errorf("%s: %+v", o.Name, answer.Errors)
		}
		known[o.Name] = answer.Data
	}
	s.fail(clientstest.Fault{Kind: clientstest.Down})
	until(t, "what is known is marked stale", func() bool {
		sum := c.ask(page, nil).total()
		return sum.Stale > 0 && sum.Cached == 0
	})
	stale := map[string]bool{}
	for _, o := range examples.Operations() {
		if o.Name == "sources" {
			continue // it tells how the sources do
		}
		answer := c.ask(o.Query, o.Variables)
		if len(answer.Errors) > 0 || normal(t, answer.Data) != normal(t, known[o.Name]) {
			t.Errorf("%s, with the hosts down: %+v\n%s\nbefore:\n%s", o.Name, answer.Errors, normal(t, answer.Data), normal(t, known[o.Name]))
		}
		if sum := answer.total(); sum.Live+sum.Failed > 0 {
			t.Errorf("%s, with the hosts down, says that %d values are live and %d failed", o.Name, sum.Live, sum.Failed)
		}
		for _, from := range answer.Extensions.Sources {
			stale[from.Name] = stale[from.Name] || from.Stale > 0
		}
	}
	for _, h := range s.hosts() {
		if !stale[h.name] {
			t.Errorf("nothing that %s has said is marked stale", h.name)
		}
	}
	// What nobody knows is null, and why is said; the rest is there.
	answer := c.ask(`{ repository(nameWithOwner: "larkfold/never-asked-for", host: "github.larkfold.example") { description } entity(ref: "component:default/web-player") { ref } }`, nil)
	if len(answer.Errors) != 1 || !strings.Contains(string(answer.Data), `"ref":"component:default/web-player"`) || !strings.Contains(string(answer.Data), `"repository":null`) {
		t.Fatalf("%s %+v", answer.Data, answer.Errors)
	}
	if e := answer.Errors[0].Extensions; e.Code != "UNAVAILABLE" || e.Source != "github.larkfold.example" {
		t.Errorf("the error says %+v", answer.Errors[0])
	}
	if sum := answer.total(); sum.Failed != 1 || len(answer.Extensions.Sources[0].Errors) == 0 {
		t.Errorf("the sources say %+v", answer.Extensions)
	}
	status := c.query(`{ sources { name healthy lastError lastErrorCode circuit } }`, nil)
	if dig(status, "data", "sources", 0, "healthy") != false || dig(status, "data", "sources", 0, "lastErrorCode") != "UNAVAILABLE" {
		t.Errorf("the sources are said to be %v", status)
	}

	s.repair()
	until(t, "what the hosts say is fresh again", func() bool {
		sum := c.ask(page, nil).total()
		return sum.Stale == 0 && sum.Failed == 0 && sum.Live+sum.Cached > 0
	})
	if status := c.query(`{ sources { healthy circuit } }`, nil); dig(status, "data", "sources", 0, "healthy") != true || dig(status, "data", "sources", 0, "circuit") != "CLOSED" {
		t.Errorf("the sources are said to be %v", status)
	}
}

// normal is an answer without what tells of its freshness.
func normal(t *testing.T, data json.RawMessage) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(in any) {
		switch in := in.(type) {
		case map[string]any:
			delete(in, "freshness")
			delete(in, "fetchedAt")
			for _, v := range in {
				strip(v)
			}
		case []any:
			for _, v := range in {
				strip(v)
			}
		}
	}
	strip(value)
	out, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A host tells of what has changed, and the next answer knows, although what was known would be fresh for long.
func TestChangesAreTold(t *testing.T) {
	s := newTheatre(t)
	c := s.up(s.config("1h", ""))
	const hub, lab = `{ pullRequest(url: "https://github.larkfold.example/larkfold/playback-api/pull/131") { state freshness } }`,
		`{ pullRequest(url: "https://gitlab.larkfold.example/larkfold/data/mixes/-/merge_requests/268") { state freshness } }`
	for _, q := range []string{hub, lab} {
		if answer := c.query(q, nil); dig(answer, "data", "pullRequest", "state") != "OPEN" {
			t.Fatalf("%v", answer)
		}
		if answer := c.query(q, nil); dig(answer, "data", "pullRequest", "freshness") != "CACHED" {
			t.Fatalf("%v", answer)
		}
	}
	for name, number := range map[string]int{"playback-api": 131, "mixes": 268} {
		if err := s.Merge(t.Context(), name, number); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []string{hub, lab} {
		until(t, "the pull request is merged", func() bool { return dig(c.query(q, nil), "data", "pullRequest", "state") == "MERGED" })
	}
}

// A webhook that is not signed, or not whole, changes nothing.
func TestForgedWebhooks(t *testing.T) {
	s := newTheatre(t)
	c := s.up(s.config("1h", ""))
	for path, header := range map[string]http.Header{
		"/webhooks/github": {"X-Github-Event": {"push"}, "X-Hub-Signature-256": {"sha256=" + strings.Repeat("0", 64)}},
		"/webhooks/gitlab": {"X-Gitlab-Event": {"Push Hook"}, "X-Gitlab-Token": {"guess"}},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+path, strings.NewReader(`{"repository":{"full_name":"larkfold/tiles"}}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %s", path, response.Status)
		}
	}
}

// Many that ask the same at once, with nothing known, have the hosts asked once for each thing.
func TestHerd(t *testing.T) {
	s := newTheatre(t)
	c := s.up(s.config("1h", "server:\n  shareRequests: false\n"))
	s.forget()
	herd(t, 500, c)
	for host, watch := range map[string]*clientstest.Watch{"GitHub": &s.GitHub.Watch, "GitLab": &s.GitLab.Watch} {
		if n := len(watch.Requests()); n < 1 || n > 2 {
			t.Errorf("%s was asked %d times: %v", host, n, watch.Counts())
		}
	}
}

// herd sends the page's query many times at once, spread over servers.
func herd(t *testing.T, n int, servers ...*server) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: n, MaxIdleConnsPerHost: n}}
	defer client.CloseIdleConnections()
	body, err := json.Marshal(map[string]string{"query": page})
	if err != nil {
		t.Fatal(err)
	}
	var (
		group sync.WaitGroup
		begin = make(chan struct{})
		mu    sync.Mutex
		bad   []string
	)
	for i := range n {
		group.Go(func() {
			<-begin
			response, err := client.Post(servers[i%len(servers)].URL+"/graphql", "application/json", strings.NewReader(string(body)))
			text := ""
			if err == nil {
				var answer struct{ Errors []problem }
				if err = json.NewDecoder(response.Body).Decode(&answer); err == nil && len(answer.Errors) > 0 {
					text = fmt.Sprint(answer.Errors)
				}
				response.Body.Close()
			}
			if err != nil {
				text = err.Error()
			}
			if text != "" {
				mu.Lock()
				bad = append(bad, text)
				mu.Unlock()
			}
		})
	}
	close(begin)
	group.Wait()
	if len(bad) > 0 {
		t.Errorf("%d of %d answers fail, the first with %s", len(bad), n, bad[0])
	}
}

// Annotations and locations lead to configured hosts or nowhere, whatever their authors write.
func TestNobodyElseIsAsked(t *testing.T) {
	s := newTheatre(t)
	strangers := &stranger{}
	outside, err := clientstest.Listen("127.0.0.1:0", strangers, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(outside.Close)
	folder := t.TempDir()
	var b strings.Builder
	for i, target := range []string{outside.URL() + "/larkfold/x", "http://169.254.169.254/latest/meta-data/", "http://[::1]/x", "file:///etc/passwd", "https://github.larkfold.example@" + outside.Address + "/larkfold/x"} {
		fmt.Fprintf(&b, "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: c%d\n  annotations:\n    backstage.io/source-location: %q\n    github.com/project-slug: %q\n    gitlab.com/project-slug: %q\n    gitlab.com/instance: %q\nspec: {type: service, lifecycle: production, owner: x}\n",
			i, "url:"+target, outside.Address+"/larkfold/x", outside.Address+"/larkfold/x", outside.Address)
		fmt.Fprintf(&b, "---\napiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: l%d\nspec:\n  type: url\n  target: %q\n", i, target)
	}
	write(t, folder+"/catalog-info.yaml", b.String())
	c := start(t, "up", "--config", s.config("", ""), folder)
	answer := c.query(`{ entities(filter: { all: [{ kind: "Component" }] }, first: 10) { totalCount nodes { ref repository { url description } } } }`, nil)
	if dig(answer, "data", "entities", "nodes", 4, "ref") == nil {
		t.Fatalf("%v", answer)
	}
	for i := range 5 {
		if r := dig(answer, "data", "entities", "nodes", i, "repository"); r != nil {
			t.Errorf("component %d has the repository %v", i, r)
		}
	}
	for _, address := range []string{outside.URL() + "/larkfold/x/pull/1", "http://169.254.169.254/larkfold/x/pull/1"} {
		if answer := c.query(`query($url: URL!) { pullRequest(url: $url) { title } repository(url: $url) { name } }`, json.RawMessage(`{"url":"`+address+`"}`)); dig(answer, "data", "pullRequest") != nil || dig(answer, "data", "repository") != nil {
			t.Errorf("%s: %v", address, answer)
		}
	}
	if n := strangers.count(); n > 0 {
		t.Errorf("an address of a catalog file was asked %d times", n)
	}
}

// A source at an address of this machine, or of a cloud's metadata, is not asked unless that is allowed.
func TestClosedAddresses(t *testing.T) {
	s := newTheatre(t)
	source := s.Sources()[0]
	for _, api := range []string{source.API, "http://169.254.169.254/api/v3"} {
		file := t.TempDir() + "/callboard.yaml"
		write(t, file, fmt.Sprintf("sources:\n  - {name: hub, kind: github, url: \"https://github.larkfold.example\", api: %q, token: %q}\n", api, source.Token.Reveal()))
		s.forget()
		c := start(t, "up", "--config", file, t.TempDir())
		answer := c.ask(`{ repository(nameWithOwner: "larkfold/tiles") { description } }`, nil)
		if len(answer.Errors) != 1 || answer.Errors[0].Extensions.Source != "hub" || !strings.Contains(answer.Errors[0].Message, "allow the address") {
			t.Errorf("%s: %s %+v", api, answer.Data, answer.Errors)
		}
		if s.asked() > 0 {
			t.Errorf("%s was asked", api)
		}
	}
}

type stranger struct {
	mu sync.Mutex
	n  int
}

func (s *stranger) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
}

func (s *stranger) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}
