package github_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

const someOID = git.OID("1111111111111111111111111111111111111111")

// everyQuery sends each query of the package, for two items where it can, with every argument given.
func everyQuery(c *github.Client) {
	ctx := context.Background()
	a, b := github.Slug{Owner: "larkfold", Name: "player"}, github.Slug{Owner: "larkfold", Name: "web"}
	page, back := github.Page{First: 10, After: "x"}, github.Page{Last: 5, Before: "y"}
	c.Repositories(ctx, []github.Slug{a, b})
	c.PullRequests(ctx, []github.PullRequestsQuery{
		{Slug: a, States: []string{"OPEN"}, Labels: []string{"bug"}, Base: "main", Head: "fix", Order: github.Order{Field: "UPDATED_AT", Direction: "ASC"}, Page: page},
		{Slug: b, Page: back},
	})
	c.PullRequestsByNumber(ctx, []github.PullRequestNumber{{Slug: a, Number: 1}, {Slug: b, Number: 2}})
	c.Issues(ctx, []github.IssuesQuery{{Slug: a, States: []string{"OPEN"}, Labels: []string{"bug"}, CreatedBy: "ada", Assignee: "*", Since: time.Unix(1e9, 0), Page: page}, {Slug: b}})
	c.Labels(ctx, []github.RepositoryPage{{Slug: a, Page: page}, {Slug: b, Page: back}})
	c.Releases(ctx, []github.RepositoryPage{{Slug: a, Page: page}, {Slug: b, Page: back}})
	c.SearchPullRequests(ctx, []github.Search{{Query: "is:pr", Page: page}, {Query: "is:pr is:open"}})
	c.SearchNames(ctx, []github.Search{{Query: "is:pr"}, {Query: "is:pr is:open"}})
	c.Teams(ctx, []github.TeamName{{Organization: "larkfold", Slug: "playback"}, {Organization: "larkfold", Slug: "web"}})
	c.Blobs(ctx, []github.Object{{Slug: a, OID: someOID}, {Slug: b, OID: someOID}})
	c.Commits(ctx, []github.Revision{{Slug: a, Name: "main"}, {Slug: b, Name: "HEAD"}})
	history := github.HistoryQuery{Slug: a, Start: someOID, Path: "docs", Emails: []string{"ada@larkfold.example"}, Since: time.Unix(1e9, 0), Until: time.Unix(2e9, 0), First: 10, After: "x"}
	c.History(ctx, []github.HistoryQuery{history, {Slug: b, Start: someOID}})
	c.Count(ctx, []github.HistoryQuery{history, {Slug: b, Start: someOID}})
	c.Trees(ctx, []github.PathIn{{Slug: a, Commit: someOID}, {Slug: b, Commit: someOID, Path: "docs"}})
	c.Files(ctx, []github.PathIn{{Slug: a, Commit: someOID, Path: "README.md"}})
	c.Refs(ctx, []github.RefsQuery{{Slug: a, Filter: "fix", Against: "main", Page: page}, {Slug: b, Tags: true, Newest: true, Page: back}})
	c.Runs(ctx, []github.RunsQuery{{Revision: github.Revision{Slug: a, Name: "HEAD"}}, {Revision: github.Revision{Slug: b, Name: "main"}, Depth: 3}})
	c.PullRequestRuns(ctx, []github.PullRequestNumber{{Slug: a, Number: 1}, {Slug: b, Number: 2}})
	_, _ = c.OrganisationRepositories(ctx, github.Listing{Owner: "larkfold", Files: []string{"catalog-info.yaml", ".github/CODEOWNERS"}, Text: true})
}

// schema is GitHub's, as far as the simulator has it, or all of it where GITHUB_SCHEMA names the file that GitHub publishes.
func schema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("githubtest/schema/*.graphqls")
	if name := os.Getenv("GITHUB_SCHEMA"); name != "" {
		files, err = []string{name}, nil
	}
	if err != nil || len(files) == 0 {
		t.Fatal("there is no schema", err)
	}
	var sources []*ast.Source
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(text)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestQueriesAreOfTheSchema(t *testing.T) {
	s := schema(t)
	c, a := text(t, `{"data":{}}`)
	everyQuery(c)
	if len(a.asked) < 15 {
		t.Fatalf("%d queries were sent", len(a.asked))
	}
	for _, one := range a.asked {
		document, errs := gqlparser.LoadQueryWithRules(s, one.Query, rules.NewDefaultRules())
		if errs != nil {
			t.Errorf("%s\nin %s", errs, one.Query)
			continue
		}
		if _, err := validator.VariableValues(s, document.Operations[0], one.Variables); err != nil {
			t.Errorf("%s\nin %v of %s", err, one.Variables, one.Query)
		}
		if len(one.Query) > 8000 {
			t.Errorf("a query of %d bytes for two items", len(one.Query))
		}
	}
}

// The figures of what costs how much are those that the methods' comments promise.
func TestQueriesCostWhatIsPromised(t *testing.T) {
	slugs := make([]github.Slug, 100)
	pulls := make([]github.PullRequestsQuery, 20)
	numbers := make([]github.PullRequestNumber, 100)
	issues := make([]github.IssuesQuery, 60)
	pages := make([]github.RepositoryPage, 100)
	revisions := make([]github.Revision, 100)
	histories := make([]github.HistoryQuery, 50)
	folders := make([]github.PathIn, 20)
	objects := slices.Repeat([]github.Object{{Slug: github.Slug{Owner: "larkfold", Name: "player"}, OID: someOID}}, 20)
	searches := slices.Repeat([]github.Search{{Query: "is:pr"}}, 30)
	teams := slices.Repeat([]github.TeamName{{Organization: "larkfold", Slug: "web"}}, 20)
	refs := make([]github.RefsQuery, 10)
	slug := github.Slug{Owner: "larkfold", Name: "player"}
	for i := range slugs {
		slugs[i], numbers[i], revisions[i] = slug, github.PullRequestNumber{Slug: slug, Number: i + 1}, github.Revision{Slug: slug, Name: "main"}
		pages[i] = github.RepositoryPage{Slug: slug, Page: github.Page{First: 100}}
	}
	for i := range pulls {
		pulls[i] = github.PullRequestsQuery{Slug: slug}
	}
	for i := range issues {
		issues[i] = github.IssuesQuery{Slug: slug, Page: github.Page{First: 10}}
	}
	for i := range histories {
		histories[i] = github.HistoryQuery{Slug: slug, Start: someOID}
	}
	for i := range folders {
		folders[i] = github.PathIn{Slug: slug, Commit: someOID, Path: "a"}
	}
	runs := slices.Repeat([]github.RunsQuery{{Revision: github.Revision{Slug: slug, Name: "HEAD"}}}, 20)
	for i := range refs {
		refs[i] = github.RefsQuery{Slug: slug, Page: github.Page{First: 100}}
	}
	ctx := context.Background()
	for _, test := range []struct {
		name     string
		do       func(c *github.Client)
		requests int
		points   int
	}{
		{"a hundred repositories", func(c *github.Client) { c.Repositories(ctx, slugs) }, 1, 7},
		{"twenty repositories", func(c *github.Client) { c.Repositories(ctx, slugs[:20]) }, 1, 1},
		{"400 pull requests of 20 repositories", func(c *github.Client) { c.PullRequests(ctx, pulls) }, 1, 24},
		{"a hundred pull requests", func(c *github.Client) { c.PullRequestsByNumber(ctx, numbers) }, 1, 6},
		{"600 issues", func(c *github.Client) { c.Issues(ctx, issues) }, 1, 19},
		{"releases of a hundred repositories", func(c *github.Client) { c.Releases(ctx, pages) }, 1, 1},
		{"labels of a hundred repositories", func(c *github.Client) { c.Labels(ctx, pages) }, 1, 1},
		{"a search", func(c *github.Client) { c.SearchPullRequests(ctx, searches[:1]) }, 1, 1},
		{"names of thirty searches", func(c *github.Client) { c.SearchNames(ctx, searches) }, 1, 1},
		{"twenty files by id", func(c *github.Client) { c.Blobs(ctx, objects) }, 1, 1},
		{"twenty teams", func(c *github.Client) { c.Teams(ctx, teams) }, 1, 1},
		{"a hundred commits", func(c *github.Client) { c.Commits(ctx, revisions) }, 1, 2},
		{"a thousand commits of fifty histories", func(c *github.Client) { c.History(ctx, histories) }, 1, 11},
		{"fifty counts", func(c *github.Client) { c.Count(ctx, histories) }, 1, 1},
		{"twenty folders", func(c *github.Client) { c.Trees(ctx, folders) }, 1, 1},
		{"twenty files", func(c *github.Client) { c.Files(ctx, folders) }, 1, 1},
		{"a thousand branches", func(c *github.Client) { c.Refs(ctx, refs) }, 1, 20},
		{"runs of the heads of twenty repositories", func(c *github.Client) { c.Runs(ctx, runs) }, 1, 4},
		{"runs of forty pull requests", func(c *github.Client) { c.PullRequestRuns(ctx, numbers[:40]) }, 1, 9},
		{"runs of a hundred pull requests", func(c *github.Client) { c.PullRequestRuns(ctx, numbers) }, 3, 22},
		{"a hundred repositories of an organisation", func(c *github.Client) { _, _ = c.OrganisationRepositories(ctx, github.Listing{Owner: "larkfold"}) }, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, a := text(t, `{"data":{}}`)
			test.do(c)
			points, nodes := 0, 0
			for _, one := range a.asked {
				cost, err := github.CostOf(one.Query, one.Variables)
				if err != nil {
					t.Fatal(err)
				}
				points, nodes = points+cost.Points(), max(nodes, cost.Nodes)
			}
			if len(a.asked) != test.requests || points != test.points {
				t.Errorf("%d requests of %d points, want %d of %d", len(a.asked), points, test.requests, test.points)
			}
			if nodes > github.MaxNodes {
				t.Errorf("a request for %d nodes", nodes)
			}
		})
	}
}
