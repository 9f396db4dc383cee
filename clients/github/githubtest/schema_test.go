package githubtest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/clients/github/githubtest"
)

// Every field of every type has a value: for each type of the schema a way to an object of it is sought, and all its fields are asked there.
func TestEveryFieldIsServed(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	explorer := &explorer{schema: gqlparser.MustLoadSchema(&ast.Source{Input: githubtest.SDL()}), ways: map[string][]way{}}
	for _, start := range []string{
		`repository(owner: "larkfold", name: "tiles")`, `organization(login: "larkfold")`, `viewer`, `rateLimit`, `meta`,
		`resource(url: "https://github.larkfold.example/larkfold/tiles/pull/3")`, `search(first: 10, type: ISSUE, query: "org:larkfold")`,
	} {
		name, _, _ := strings.Cut(start, "(")
		explorer.add(explorer.schema.Query.Fields.ForName(name).Type.Name(), way{start})
	}
	const tiles = `repository(owner: "larkfold", name: "tiles")`
	explorer.add("Blob", way{tiles, `object(expression: "HEAD:web/app.ts")`, "... on Blob"})
	explorer.add("Bot", way{tiles, "issue(number: 1)", "comments(first: 10)", "nodes", "author", "... on Bot"})
	explorer.explore()
	for _, name := range slices.Sorted(maps.Keys(explorer.schema.Types)) {
		typ := explorer.schema.Types[name]
		// A signature needs keys, and nobody has old projects.
		if typ.Kind != ast.Object || typ.BuiltIn || strings.HasPrefix(name, "__") || name == "Query" || name == "Mutation" || strings.HasSuffix(name, "Payload") || name == "UnknownSignature" || strings.HasPrefix(name, "Project") {
			continue
		}
		met := false
		for _, w := range explorer.ways[name] {
			a, _ := s.query(w.query("{ met: __typename "+explorer.fields(typ)+" }"), nil)
			for _, e := range a.Errors {
				if e.Type != "NOT_FOUND" && !(name == "CheckRun" || name == "StatusContext") {
					t.Errorf("%s: %v: %s", name, e.Path, e.Message)
				}
			}
			if met = strings.Contains(a.text, `"met":"`+name+`"`); met {
				break
			}
		}
		if !met {
			t.Errorf("no object of type %s was met on %d ways", name, len(explorer.ways[name]))
		}
	}
}

// way is a path of selections from the query to an object.
type way []string

func (w way) query(inner string) string {
	return "{ " + strings.Join(w, " { ") + " " + inner + strings.Repeat(" }", len(w))
}

type explorer struct {
	schema *ast.Schema
	ways   map[string][]way
	queue  []string
}

const enoughWays = 400 // to one type: some lead to lists that are empty

func (x *explorer) add(name string, w way) {
	if len(x.ways[name]) < enoughWays && len(w) < 9 {
		x.ways[name] = append(x.ways[name], w)
		x.queue = append(x.queue, name)
	}
}

func (x *explorer) explore() {
	done := map[string]int{}
	for len(x.queue) > 0 {
		name := x.queue[0]
		x.queue = x.queue[1:]
		typ := x.schema.Types[name]
		for ; done[name] < len(x.ways[name]); done[name]++ {
			w := x.ways[name][done[name]]
			if typ.IsAbstractType() {
				for _, possible := range x.schema.GetPossibleTypes(typ) {
					x.add(possible.Name, append(slices.Clone(w), "... on "+possible.Name))
				}
				continue
			}
			for _, f := range typ.Fields {
				if below := x.schema.Types[f.Type.Name()]; !below.IsLeafType() && !strings.HasPrefix(f.Name, "__") {
					x.add(below.Name, append(slices.Clone(w), f.Name+arguments(typ, f)))
				}
			}
		}
	}
}

// fields selects every field of a type, and what can be asked below it without going on.
func (x *explorer) fields(typ *ast.Definition) string {
	var b strings.Builder
	for _, f := range typ.Fields {
		b.WriteString(" " + f.Name + arguments(typ, f))
		if below := x.schema.Types[f.Type.Name()]; !below.IsLeafType() {
			b.WriteString(" { __typename")
			if below.Fields.ForName("pageInfo") != nil {
				b.WriteString(" pageInfo { hasNextPage endCursor } nodes { __typename }")
				if below.Fields.ForName("edges") != nil {
					b.WriteString(" edges { cursor node { __typename } }")
				}
			}
			b.WriteString(" }")
		}
	}
	return b.String()
}

// arguments gives a field arguments under which the site has an answer.
func arguments(t *ast.Definition, f *ast.FieldDefinition) string {
	var given []string
	for _, a := range f.Arguments {
		value := map[string]string{
			"first": "10", "owner": `"larkfold"`, "refPrefix": `"refs/heads/"`, "qualifiedName": `"main"`, "expression": `"HEAD:web/app.ts"`, "headRef": `"gapless"`, "slug": `"web"`,
			"tagName": `"v1.0.0"`, "path": `"web/app.ts"`, "pullRequestNumber": "3", "databaseId": "1",
		}[a.Name]
		switch {
		case a.Name == "name" && f.Type.Name() == "Repository":
			value = `"tiles"`
		case a.Name == "name" && f.Name == "label":
			value = `"bug"`
		case a.Name == "login" && f.Name == "organization":
			value = `"larkfold"`
		case a.Name == "expression" && t.Name == "Repository":
			value = `"v1.0.0"`
		case a.Name == "number":
			value = map[string]string{"pullRequest": "3", "issue": "1", "issueOrPullRequest": "1", "milestone": "1", "vulnerabilityAlert": "1"}[f.Name]
		case a.Name == "path" && f.Name == "history":
			value = ""
		}
		if value != "" {
			given = append(given, a.Name+": "+value)
		}
	}
	if len(given) == 0 {
		return ""
	}
	return fmt.Sprintf("(%s)", strings.Join(given, ", "))
}
