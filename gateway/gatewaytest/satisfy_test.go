package gatewaytest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/compose/satisfy"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// supergraphs returns the texts of all supergraphs there are to test with, by name: those of the archives, here and of composition, and of the
// federation cases where they are beside the repository.
func supergraphs(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, file := range archives(t) {
		archive, err := ReadArchive(file)
		if err != nil {
			t.Fatal(err)
		}
		text := archive.text("supergraph.graphql")
		if text == "" {
			composed, errs := compose.Compose(archive.Subgraphs())
			if errs != nil {
				t.Fatalf("%s: %v", file, errs.Err())
			}
			text = composed.SDL
		}
		texts["gateway/"+archive.Name] = text
	}
	files, _ := filepath.Glob("../compose/testdata/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name == "supergraph.graphql" {
				texts["compose/"+strings.TrimSuffix(filepath.Base(file), ".txtar")] = string(f.Data)
			}
		}
	}
	files, _ = filepath.Glob(filepath.Join(beside(t), "federation-cases", "*", "supergraph.graphql"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts["case/"+filepath.Base(filepath.Dir(file))] = string(text)
	}
	return texts
}

// planOperation plans an operation of the graph's clients. known is false where the planner gave up, which is no answer.
func planOperation(t testing.TB, planner *plan.Planner, text string) (failure error, known bool) {
	document, errs := operation.Parse(planner.Supergraph.API, text, operation.Limits{})
	if errs != nil {
		t.Fatalf("%s is no valid operation: %v", text, errs)
	}
	op, errs := document.Normalize("", nil)
	if errs != nil {
		t.Fatalf("%s: %v", text, errs)
	}
	_, failure = planner.Plan(t.Context(), op, nil)
	var failed *plan.Error
	return failure, !errors.As(failure, &failed) || failed.Code != plan.CodeBudget
}

// compareReached checks the graph and compares what was found with what the planner says. It returns the findings.
func compareReached(t testing.TB, graph *supergraph.Supergraph) []satisfy.Finding {
	t.Helper()
	var reached []string
	checker := satisfy.Checker{Supergraph: graph, Reached: func(path satisfy.Path) {
		reached = append(reached, path.Operation())
	}}
	result := checker.Check()
	if !result.Complete {
		t.Error("the budget ended the check")
	}
	planner := &plan.Planner{Supergraph: graph, Budget: 50_000}
	untyped := map[string]bool{}
	for _, f := range result.Findings {
		if err, known := planOperation(t, planner, f.Path.Operation()); known && err == nil && f.Kind != satisfy.Divided {
			t.Errorf("counts as out of reach, but can be planned: %s, %+v", f.Path.Operation(), f)
		}
		if f.Kind == satisfy.Untyped {
			untyped["no subgraph can answer "+f.Type+".__typename"] = true
		}
	}
	slices.Sort(reached)
	for _, text := range slices.Compact(reached) {
		// A field that returns an interface object is asked for its type, as for want of anything better, even where that has a finding of its own.
		// A field of an interface that two subgraphs could answer between them, each for some types, is reached for each type; the planner refuses it.
		if err, known := planOperation(t, planner, text); known && err != nil && !untyped[err.Error()] && !strings.HasSuffix(err.Error(), " of all its types") {
			t.Errorf("counts as reached, but cannot be planned: %s: %v", text, err)
		}
	}
	return result.Findings
}

// TestReachedIsPlanned: every field that counts as reached can be planned in each state, and in graphs that compose every field is.
func TestReachedIsPlanned(t *testing.T) {
	texts := supergraphs(t)
	for _, name := range sortedKeys(texts) {
		t.Run(name, func(t *testing.T) {
			graph, err := supergraph.Read(name, texts[name])
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range compareReached(t, graph) {
				t.Errorf("out of reach: %+v", f)
			}
		})
	}
}

// damages are ways to take something from a supergraph: each makes one variant for every place that matches.
var damages = []struct {
	name string
	what *regexp.Regexp
	into string
}{
	{"no key", regexp.MustCompile(`, key: "[^"]*"`), ""},
	{"key not to be entered by", regexp.MustCompile(`(key: "[^"]*")`), `$1, resolvable: false`},
	{"external", regexp.MustCompile(`(@join__field\(graph: \w+)`), `$1, external: true`},
	{"not provided", regexp.MustCompile(`, provides: "[^"]*"`), ""},
	{"taken over", regexp.MustCompile(`(@join__field\(graph: \w+)`), `$1, usedOverridden: true`},
	{"no member", regexp.MustCompile(`@join__(implements|unionMember)\([^)]*\)`), ``},
}

// damagedOf is how many places there are for each that is tried: all of them take some seconds, and few find what others do not.
const damagedOf = 3

// TestDamaged: where something is taken from a graph, what is out of reach then is what the planner cannot plan.
func TestDamaged(t *testing.T) {
	texts := supergraphs(t)
	variants, findings := 0, 0
	for _, name := range sortedKeys(texts) {
		text := texts[name]
		if strings.Contains(text, "overrideLabel: \"") || strings.Contains(text, "context: \"") {
			continue
		}
		for _, damage := range damages {
			for i, at := range damage.what.FindAllStringSubmatchIndex(text, -1) {
				if (i+len(name))%damagedOf != 0 {
					continue
				}
				changed := text[:at[0]] + string(damage.what.ExpandString(nil, damage.into, text, at)) + text[at[1]:]
				graph, err := supergraph.Read(name, changed)
				if err != nil {
					continue // nothing is left of a union
				}
				variants++
				t.Run(fmt.Sprintf("%s/%s/%d", name, damage.name, i), func(t *testing.T) {
					findings += len(compareReached(t, graph))
				})
			}
		}
	}
	if findings == 0 {
		t.Error("no damage did any")
	}
	t.Logf("%d variants, %d findings", variants, findings)
}
