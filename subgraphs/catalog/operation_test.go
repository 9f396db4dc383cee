package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/index"
)

// execute prepares an operation. What it returns executes it.
func execute(t testing.TB, c *executor.Executor, query string, variables map[string]any) func() string {
	t.Helper()
	ctx := graphql.StartOperationTrace(context.Background())
	operation, errs := c.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if errs != nil {
		t.Fatal(errs)
	}
	respond, ctx := c.DispatchOperation(ctx, operation)
	return func() string {
		response := respond(ctx)
		if len(response.Errors) > 0 {
			t.Fatal(response.Errors)
		}
		return string(response.Data)
	}
}

func serving(entities ...*descriptor.Entity) *Catalog {
	c := &Catalog{locations: &locations{}}
	c.current.Store(index.Build(descriptor.Snapshot{Entities: entities}))
	return c
}

func TestOperationKeepsItsIndex(t *testing.T) {
	group := func(name, title string) *descriptor.Entity {
		return &descriptor.Entity{
			Ref: descriptor.Ref{Kind: "group", Namespace: "default", Name: name}, Kind: "Group", Name: name,
			Metadata: descriptor.Metadata{Title: title},
		}
	}
	c := serving(group("a", "before"))
	x := executor.New(c.ExecutableSchema())
	const query = `{ entity(ref: "group:a") { title } entities { totalCount nodes { title } } }`
	before := execute(t, x, query, nil)
	c.current.Store(index.Build(descriptor.Snapshot{Entities: []*descriptor.Entity{group("a", "after"), group("b", "")}}))
	if got := before(); got != `{"entity":{"title":"before"},"entities":{"totalCount":1,"nodes":[{"title":"before"}]}}` {
		t.Errorf("an operation that had begun answers %s", got)
	}
	if got := execute(t, x, query, nil)(); !strings.Contains(got, `"totalCount":2`) || strings.Contains(got, "before") {
		t.Errorf("a later operation answers %s", got)
	}
}

// The queries of a portal's two main pages, as far as they concern the catalog.
const (
	componentPage = `query Component($ref: ID!) { entity(ref: $ref) {
	  ref title description tags links { url title }
	  owner { ref ... on Group { profile { displayName email } members(first: 20) { totalCount nodes { ref } } } }
	  ... on Component { type lifecycle system { ref domain { ref } } providesApis(first: 10) { nodes { ref type } }
	    dependsOn(first: 20) { nodes { target { ref } targetRef missing } } dependencyOf(first: 20) { totalCount } }
	  issues { severity rule message file line } } }`
	teamPage = `query TeamPortfolio($team: ID!) {
	  entities(filter: { all: [{ kind: "Component" }, { ownedBy: $team, includeDescendants: true }] }, orderBy: [{ field: LIFECYCLE }, { field: NAME }], first: 20) {
	    totalCount pageInfo { hasNextPage endCursor } facets(of: [TYPE, LIFECYCLE, TAG]) { field values { value count } }
	    nodes { ref ... on Component { type lifecycle } } } }`
	typeList = `{ entities(filter: {kind: "Component", type: "service"}, orderBy: [{field: TITLE}, {field: NAME}], first: 20) {
	    totalCount pageInfo { hasNextPage endCursor } nodes { ref title ... on Component { type lifecycle } } } }`
)

func BenchmarkEntities(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		var all []*descriptor.Entity
		var component, team string
		for _, file := range catalogtest.Generate(n) {
			for _, document := range descriptor.Parse([]byte(file.Text), descriptor.Input{File: "/" + file.Path}).Documents {
				all = append(all, document.Entity)
				switch document.Ref.Kind {
				case "component":
					component = document.Ref.String()
				case "group":
					team = document.Ref.String()
				}
			}
		}
		x := executor.New(serving(all...).ExecutableSchema())
		x.SetQueryCache(graphql.MapCache[*ast.QueryDocument]{})
		for name, query := range map[string]string{"ComponentPage": componentPage, "TeamPage": teamPage, "TypeList": typeList} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					size = len(execute(b, x, query, map[string]any{"ref": component, "team": team})())
				}
				b.ReportMetric(float64(size), "bytes")
			})
		}
	}
}
