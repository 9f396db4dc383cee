package pipelines_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

const (
	entityPipelines = `query($reps: [_Any!]!, $idle: Boolean! = false, $first: Int, $after: String) { _entities(representations: $reps) { ... on CatalogEntity { ref pipelines(idle: $idle, first: $first, after: $after) {
		totalCount nodes { name source freshness } edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }`
	repositoryPipelines = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Repository { url pipelines { nodes { name } } } } }`
	commitRuns          = `query($reps: [_Any!]!, $first: Int, $after: String) { _entities(representations: $reps) { ... on Commit { url pipelineRuns(first: $first, after: $after) { totalCount nodes { number source } pageInfo { hasNextPage endCursor } } } } }`
	pullRequestRuns     = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on PullRequest { url pipelineRuns { nodes { number } } } } }`
)

// component is a representation of an entity of the catalog.
func component(name string, annotations map[string]any) map[string]any {
	return map[string]any{"__typename": "CatalogEntity", "ref": "component:default/" + name, "annotations": annotations}
}

// found is what an answer says of the pipelines of entities.
type found struct {
	Data struct {
		Entities []struct {
			Ref       string
			Pipelines *struct {
				TotalCount *int
				Nodes      []struct{ Name, Source, Freshness string }
				Edges      []struct{ Cursor string }
				PageInfo   struct {
					HasNextPage, HasPreviousPage bool
					StartCursor, EndCursor       *string
				}
			}
		} `json:"_entities"`
	}
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, Source, RetryAt string }
	}
}

func (w *world) pipelinesOf(variables map[string]any) found {
	w.t.Helper()
	var out found
	text := w.ask(entityPipelines, variables)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return out
}

// names are the names of the pipelines of the first entity; "none" where it has null.
func (f found) names() string {
	if len(f.Data.Entities) == 0 || f.Data.Entities[0].Pipelines == nil {
		return "none"
	}
	var out []string
	for _, n := range f.Data.Entities[0].Pipelines.Nodes {
		out = append(out, n.Name)
	}
	return strings.Join(out, " ")
}

// TestAnnotations checks which pipelines an entity has by each of the annotations.
func TestAnnotations(t *testing.T) {
	w := newWorld(t)
	w.jenkins.owners["team/old"] = []*ci.Pipeline{{Key: "team/old", Name: "team/old"}}
	var many []string
	for n := range 30 {
		many = append(many, fmt.Sprintf("team/many%d", n))
		w.jenkins.owners[many[n]] = []*ci.Pipeline{{Key: many[n], Name: fmt.Sprintf("m%d", n)}}
	}
	for _, c := range []struct {
		annotations map[string]any
		names       string
	}{
		{nil, "none"},
		{map[string]any{"example.com/other": "x"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": "team/app"}, "team/app"},
		{map[string]any{"jenkins.io/job-full-name": "/team/app/"}, "team/app"},
		{map[string]any{"jenkins.io/job-full-name": "ci.example:team/app"}, "team/app"},
		{map[string]any{"jenkins.io/job-full-name": "CI.example: /team/app"}, "team/app"},
		{map[string]any{"jenkins.io/job-full-name": "other.example:team/app"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": "team/nothing"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": "/"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": "ci.example:"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": " , ,,"}, "none"},
		{map[string]any{"jenkins.io/job-full-name": "team/other, team/app,team/other,team/nothing"}, "team/other team/app"},
		{map[string]any{"jenkins.io/job-full-name": strings.Join(many, ",")}, "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15 m16 m17 m18 m19"},
		{map[string]any{"jenkins.io/github-folder": "team/old"}, "team/old"},
		{map[string]any{"jenkins.io/github-folder": "team/old", "jenkins.io/job-full-name": "team/app"}, "team/old"},
		{map[string]any{"github.com/project-slug": "larkfold/tiles"}, "Check"},
		{map[string]any{"github.com/project-slug": "larkfold/player"}, ""},
		{map[string]any{"github.com/project-slug": "larkfold/nothing"}, "none"},
		{map[string]any{"github.com/project-slug": "no slug"}, "none"},
		{map[string]any{"gitlab.com/project-slug": "larkfold/tiles"}, "none"},
		{map[string]any{"backstage.io/source-location": "url:https://github.com/larkfold/tiles/tree/main/app"}, "Check"},
		{map[string]any{"backstage.io/source-location": "url:https://elsewhere.example/larkfold/tiles"}, "none"},
		{map[string]any{"backstage.io/source-location": "dir:larkfold/tiles"}, "none"},
		{map[string]any{"backstage.io/managed-by-location": "url:https://github.com/larkfold/tiles/blob/main/catalog-info.yaml"}, "Check"},
		{map[string]any{"backstage.io/managed-by-location": "url:https://github.com/larkfold/player/blob/main/catalog-info.yaml", "github.com/project-slug": "larkfold/tiles"}, "Check"},
		{map[string]any{"backstage.io/source-location": "url:https://github.com/larkfold/tiles", "github.com/project-slug": "larkfold/player"}, "Check"},
		{map[string]any{"jenkins.io/job-full-name": "team/app", "github.com/project-slug": "larkfold/tiles"}, "team/app Check"},
	} {
		if c.annotations == nil {
			c.annotations = map[string]any{}
		}
		got := w.pipelinesOf(map[string]any{"reps": []any{component("one", c.annotations)}, "first": 100})
		if got.names() != c.names || len(got.Errors) > 0 {
			t.Errorf("%v: it has %q, wanted %q: %v", c.annotations, got.names(), c.names, got.Errors)
		}
	}
}

// TestTwentyEntities checks that however many entities are asked for, each system is asked once.
func TestTwentyEntities(t *testing.T) {
	w := newWorld(t)
	var reps []any
	for n := range 20 {
		name := fmt.Sprintf("larkfold/r%d", n)
		w.hub.owners[name] = []*ci.Pipeline{{Key: ci.KeyOf(name, "w1"), Name: name}}
		reps = append(reps, component(fmt.Sprint(n), map[string]any{"github.com/project-slug": name, "jenkins.io/job-full-name": "team/app"}))
	}
	got := w.pipelinesOf(map[string]any{"reps": reps})
	for n, e := range got.Data.Entities {
		if e.Pipelines == nil || len(e.Pipelines.Nodes) != 2 || e.Pipelines.Nodes[0].Name != "team/app" || e.Pipelines.Nodes[1].Name != fmt.Sprintf("larkfold/r%d", n) || *e.Pipelines.TotalCount != 2 {
			t.Errorf("entity %d has %+v", n, e.Pipelines)
		}
	}
	if hub, jenkins := w.hub.all(), w.jenkins.all(); hub != 1 || jenkins != 1 {
		t.Errorf("GitHub was asked %d times, Jenkins %d times", hub, jenkins)
	}
	if got := w.pipelinesOf(map[string]any{"reps": reps}); got.Data.Entities[0].Pipelines.Nodes[0].Freshness != "CACHED" || w.hub.all()+w.jenkins.all() != 2 {
		t.Errorf("the second time they were asked again: %+v", got.Data.Entities[0].Pipelines)
	}
	if w.pipelinesOf(map[string]any{"reps": reps, "idle": true}); w.hub.count("All") != 1 || w.jenkins.count("All") != 1 {
		t.Errorf("for those that are idle GitHub was asked %d times, Jenkins %d times", w.hub.count("All"), w.jenkins.count("All"))
	}
}

// TestIdle checks that those that have not run lately are there where they are wanted, each once, and what is said where they cannot be had.
func TestIdle(t *testing.T) {
	w := newWorld(t)
	reps := []any{component("one", map[string]any{"github.com/project-slug": "larkfold/tiles"})}
	if got := w.pipelinesOf(map[string]any{"reps": reps, "idle": true}); got.names() != "Check Idle" {
		t.Errorf("it has %s", got.names())
	}
	w.forget(t)
	w.hub.fail("All", down("github.com"))
	w.hub.set(func() { w.hub.owners["larkfold/new"] = w.hub.owners["larkfold/tiles"] })
	got := w.pipelinesOf(map[string]any{"reps": []any{component("one", map[string]any{"github.com/project-slug": "larkfold/new"})}, "idle": true})
	if got.names() != "Check" || len(got.Errors) != 1 || got.Errors[0].Extensions.Source != "github.com" {
		t.Errorf("where all cannot be had it has %s and says %v", got.names(), got.Errors)
	}
}

// TestOneSystemIsDown checks that what the others say is there, beside an error that names who says nothing.
func TestOneSystemIsDown(t *testing.T) {
	w := newWorld(t)
	w.jenkins.fail("Overviews", down("ci.example"))
	both := component("both", map[string]any{"github.com/project-slug": "larkfold/tiles", "jenkins.io/job-full-name": "team/app"})
	got := w.pipelinesOf(map[string]any{"reps": []any{both}})
	if got.names() != "Check" || got.Data.Entities[0].Pipelines.TotalCount != nil {
		t.Errorf("it has %s, of %v", got.names(), got.Data.Entities[0].Pipelines)
	}
	check := func(got found) {
		t.Helper()
		if len(got.Errors) != 1 || got.Errors[0].Extensions.Code != "UNAVAILABLE" || got.Errors[0].Extensions.Source != "ci.example" || got.Errors[0].Extensions.RetryAt != "2100-01-01T00:00:00Z" ||
			fmt.Sprint(got.Errors[0].Path) != "[_entities 0 pipelines]" {
			t.Errorf("it says %+v", got.Errors)
		}
	}
	check(got)
	got = w.pipelinesOf(map[string]any{"reps": []any{component("one", map[string]any{"jenkins.io/job-full-name": "team/other"})}})
	if check(got); got.names() != "none" {
		t.Errorf("it has %s", got.names())
	}
}

// TestNextHost checks that what a likely host does not have is looked for on the next, and what it cannot say now is not.
func TestNextHost(t *testing.T) {
	w := newWorld(t)
	enterprise := newSystem()
	enterprise.owners["larkfold/inner"] = []*ci.Pipeline{{Key: "larkfold/inner#w1", Name: "Inner"}}
	address := &url.URL{Scheme: "https", Host: "git.example"}
	w.open(t, pipelines.Config{Systems: append(slices.Clone(w.systems), w.system(ci.GitHubActions, "git.example", enterprise, forge.New("git.example", forge.GitHub, address)))})
	reps := []any{component("one", map[string]any{"github.com/project-slug": "larkfold/inner"})}
	if got := w.pipelinesOf(map[string]any{"reps": reps}); got.names() != "Inner" || len(got.Errors) > 0 {
		t.Errorf("it has %s: %v", got.names(), got.Errors)
	}
	if n := enterprise.count("Overviews"); n != 1 {
		t.Errorf("the second was asked %d times", n)
	}
	if got := w.pipelinesOf(map[string]any{"reps": []any{component("one", map[string]any{"github.com/project-slug": "git.example/larkfold/inner"})}}); got.names() != "Inner" {
		t.Errorf("named with its host it has %s", got.names())
	}
	w.hub.fail("Overviews", &clients.Error{Kind: clients.ErrForbidden, Source: "github.com", Message: "no"})
	enterprise.set(func() { enterprise.owners["larkfold/other"] = enterprise.owners["larkfold/inner"] })
	got := w.pipelinesOf(map[string]any{"reps": []any{component("one", map[string]any{"github.com/project-slug": "larkfold/other"})}})
	if got.names() != "none" || len(got.Errors) != 1 || got.Errors[0].Extensions.Code != "FORBIDDEN" {
		t.Errorf("where the first does not tell, it has %s: %+v", got.names(), got.Errors)
	}
}

// TestEntityPages checks pages of the pipelines of an entity, and what cannot be a page.
func TestEntityPages(t *testing.T) {
	w := newWorld(t)
	reps := []any{component("one", map[string]any{"jenkins.io/job-full-name": "team/app,team/other", "github.com/project-slug": "larkfold/tiles"})}
	var names []string
	var after any
	for range 3 {
		got := w.pipelinesOf(map[string]any{"reps": reps, "first": 1, "after": after})
		page := got.Data.Entities[0].Pipelines
		if page == nil || len(page.Edges) != 1 || *page.TotalCount != 3 || *page.PageInfo.EndCursor != page.Edges[0].Cursor || page.PageInfo.HasPreviousPage != (after != nil) || page.PageInfo.HasNextPage != (len(names) < 2) {
			t.Fatalf("after %v there is %+v: %v", names, page, got.Errors)
		}
		names, after = append(names, got.names()), *page.PageInfo.EndCursor
	}
	if strings.Join(names, " ") != "team/app team/other Check" {
		t.Errorf("the pages have %v", names)
	}
	if got := w.pipelinesOf(map[string]any{"reps": reps, "first": 0}); got.names() != "" || !got.Data.Entities[0].Pipelines.PageInfo.HasNextPage {
		t.Errorf("a page of none is %+v", got.Data.Entities[0].Pipelines)
	}
	for _, c := range []map[string]any{{"first": -1}, {"first": 101}, {"after": ""}, {"after": "x"}, {"after": "MTp4"}, {"after": after.(string) + "A"}} {
		c["reps"] = reps
		if got := w.pipelinesOf(c); len(got.Errors) != 1 || got.Errors[0].Extensions.Code != "BAD_PAGE" || got.names() != "none" {
			t.Errorf("%v: it says %+v", c, got.Errors)
		}
	}
}

// TestOfHosts checks what repositories, commits and pull requests have by their addresses, and that those of unknown hosts have null.
func TestOfHosts(t *testing.T) {
	w := newWorld(t)
	rep := func(kind string, more map[string]any) map[string]any {
		out := map[string]any{"__typename": kind}
		for key, value := range more {
			out[key] = value
		}
		return out
	}
	three, six := strings.Repeat("3", 40), strings.Repeat("6", 40)
	w.hub.change(run6, func(r *ci.Run) { r.PullRequest = 12 })
	w.hub.set(func() {
		w.hub.comes[three] = []string{"https://ci.example/job/team/job/app/job/main/3/", "https://ci.example/job/team/job/app/job/main/3/console", "https://nowhere.example/1", "::"}
	})
	answer := w.ask(repositoryPipelines, map[string]any{"reps": []any{
		rep("Repository", map[string]any{"url": "https://github.com/larkfold/tiles"}), rep("Repository", map[string]any{"url": "https://elsewhere.example/larkfold/tiles"}),
		rep("Repository", map[string]any{"url": "https://github.com/larkfold/nothing"}), rep("Repository", map[string]any{"url": "https://github.com"}),
		rep("Repository", map[string]any{"url": "https://github.com/larkfold/player"})}})
	w.want(answer, `{"url":"https://github.com/larkfold/tiles","pipelines":{"nodes":[{"name":"Check"}]}},{"url":"https://elsewhere.example/larkfold/tiles","pipelines":null},{"url":"https://github.com/larkfold/nothing","pipelines":null},{"url":"https://github.com","pipelines":null},{"url":"https://github.com/larkfold/player","pipelines":{"nodes":[]}}`)
	answer = w.ask(commitRuns, map[string]any{"reps": []any{
		rep("Commit", map[string]any{"url": "https://github.com/larkfold/tiles/commit/" + three}), rep("Commit", map[string]any{"url": "https://elsewhere.example/larkfold/tiles/commit/" + three}),
		rep("Commit", map[string]any{"url": "https://github.com/larkfold/tiles/commit/" + six})}})
	// The run of Jenkins began just now, that of GitHub long ago; what it was made for is not told.
	w.want(answer, `/commit/`+three+`","pipelineRuns":{"totalCount":2,"nodes":[{"number":3,"source":"github.com"},{"number":3,"source":"ci.example"}]`, `{"url":"https://elsewhere.example/larkfold/tiles/commit/`+three+`","pipelineRuns":null`, `/commit/`+six+`","pipelineRuns":{"totalCount":1,"nodes":[{"number":6,"source":"github.com"}]`)
	if n, linked, runs := w.hub.count("CommitRuns"), w.hub.count("Linked"), w.jenkins.count("Runs"); n != 1 || linked != 1 || runs != 1 {
		t.Errorf("for two commits it was asked %d times, %d times for what is linked, and Jenkins %d times", n, linked, runs)
	}
	w.want(w.ask(commitRuns, map[string]any{"first": 101, "reps": []any{rep("Commit", map[string]any{"url": "https://github.com/larkfold/tiles/commit/" + three})}}), `"code":"BAD_PAGE"`)
	w.want(w.ask(pullRequestRuns, map[string]any{"reps": []any{
		rep("PullRequest", map[string]any{"url": "https://github.com/larkfold/tiles/pull/12", "headRefOid": six, "baseRefName": "main"}),
		rep("PullRequest", map[string]any{"url": "https://elsewhere.example/larkfold/tiles/pull/12", "headRefOid": nil, "baseRefName": "main"}),
		rep("PullRequest", map[string]any{"url": "https://github.com/larkfold/tiles/issues/12", "headRefOid": nil, "baseRefName": "main"})}}),
		`{"url":"https://github.com/larkfold/tiles/pull/12","pipelineRuns":{"nodes":[{"number":6}]}},{"url":"https://elsewhere.example/larkfold/tiles/pull/12","pipelineRuns":null},{"url":"https://github.com/larkfold/tiles/issues/12","pipelineRuns":null}`)
	// What others have put on a commit cannot be had, and the host's own can.
	w.forget(t)
	w.jenkins.fail("Runs", down("ci.example"))
	w.hub.set(func() { w.hub.comes[six] = []string{"https://ci.example/job/team/job/app/job/main/8/"} })
	w.want(w.ask(commitRuns, map[string]any{"reps": []any{rep("Commit", map[string]any{"url": "https://github.com/larkfold/tiles/commit/" + six})}}),
		`"nodes":[{"number":6,"source":"github.com"}]`, `"source":"ci.example"`, `"code":"UNAVAILABLE"`)
}
