package compose_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"callboard.dev/callboard/gateway/compose"
)

// casesFolder returns the folder of sample supergraphs beside the repository, or skips the test where there is none.
func casesFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			cases := filepath.Join(folder, "..", "shared", "federation-cases")
			if _, err := os.Stat(cases); err == nil {
				return cases
			}
		}
	}
	t.Skip("no sample supergraphs beside the repository")
	return ""
}

// TestCases composes the subgraphs of every sample and compares the outcome with the sample's supergraph, as parsed and without
// regard to order. The differences that mean nothing are taken out by describe, with the reason.
func TestCases(t *testing.T) {
	folder := casesFolder(t)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t.Run(entry.Name(), func(t *testing.T) {
			sample := readText(t, filepath.Join(folder, entry.Name(), "supergraph.graphql"))
			files, err := filepath.Glob(filepath.Join(folder, entry.Name(), "subgraphs", "*.graphql"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no subgraphs: %v", err)
			}
			urls := addresses(t, sample)
			var subgraphs []compose.Subgraph
			for _, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".graphql")
				subgraphs = append(subgraphs, compose.Subgraph{Name: name, URL: urls[name], SDL: readText(t, file), File: filepath.Base(file)})
			}
			result, errs := compose.Compose(subgraphs)
			if errs != nil {
				t.Fatal(errs.Err())
			}
			want, got := describe(t, sample), describe(t, result.SDL)
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("missing: %s", line)
				}
			}
			for _, line := range got {
				if !slices.Contains(want, line) {
					t.Errorf("too much: %s", line)
				}
			}
			slices.Reverse(subgraphs)
			if again, errs := compose.Compose(subgraphs); errs != nil || again.SDL != result.SDL {
				t.Errorf("in reverse order the text differs: %v", errs.Err())
			}
		})
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, text string) *ast.SchemaDocument {
	t.Helper()
	doc, err := parser.ParseSchema(&ast.Source{Input: text})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return doc
}

// addresses returns the subgraphs' addresses by name.
func addresses(t *testing.T, supergraph string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, value := range parse(t, supergraph).Definitions.ForName("join__Graph").EnumValues {
		d := value.Directives.ForName("join__graph")
		out[d.Arguments.ForName("name").Value.Raw] = d.Arguments.ForName("url").Value.Raw
	}
	return out
}

// describe writes everything a supergraph says, one fact a line, sorted.
func describe(t *testing.T, text string) []string {
	t.Helper()
	doc := parse(t, text)
	facts := map[string]bool{}
	say := func(format string, args ...any) { facts[fmt.Sprintf(format, args...)] = true }
	directives := func(at string, list ast.DirectiveList) {
		for _, d := range list {
			say("%s @%s(%s)", at, d.Name, arguments(t, d))
		}
	}
	for _, schema := range doc.Schema {
		directives("schema", schema.Directives)
		for _, operation := range schema.OperationTypes {
			say("schema %s %s", operation.Operation, operation.Type)
		}
	}
	for _, d := range doc.Directives {
		slices.Sort(d.Locations)
		say("directive @%s %v repeatable %t", d.Name, d.Locations, d.IsRepeatable)
		for _, arg := range d.Arguments {
			say("directive @%s argument %s %s = %s", d.Name, arg.Name, arg.Type, arg.DefaultValue)
		}
	}
	for _, def := range doc.Definitions {
		// What link__Purpose describes itself as is prose; the sample's is Apollo's, ours is our own.
		if def.Name == "link__Purpose" {
			for _, value := range def.EnumValues {
				value.Description = ""
			}
		}
		say("%s %s %q", def.Kind, def.Name, def.Description)
		directives(def.Name, def.Directives)
		for _, i := range def.Interfaces {
			say("%s implements %s", def.Name, i)
		}
		for _, member := range def.Types {
			say("%s has member %s", def.Name, member)
		}
		for _, value := range def.EnumValues {
			say("%s.%s %q", def.Name, value.Name, value.Description)
			directives(def.Name+"."+value.Name, value.Directives)
		}
		for _, f := range def.Fields {
			at := def.Name + "." + f.Name
			say("%s %s %q = %s", at, f.Type, f.Description, f.DefaultValue)
			directives(at, f.Directives)
			for _, arg := range f.Arguments {
				say("%s(%s:) %s %q = %s", at, arg.Name, arg.Type, arg.Description, arg.DefaultValue)
				directives(at+"("+arg.Name+":)", arg.Directives)
			}
		}
	}
	return slices.Sorted(maps.Keys(facts))
}

// arguments writes what a directive says, sorted. An argument that repeats its default says nothing, and a field set is the
// same however it is spaced.
func arguments(t *testing.T, d *ast.Directive) string {
	t.Helper()
	var out []string
	for _, arg := range d.Arguments {
		value := arg.Value.String()
		switch {
		case arg.Name == "resolvable" && value == "true", arg.Name == "extension" && value == "false":
			continue
		case arg.Name == "key", arg.Name == "requires", arg.Name == "provides":
			value = fieldSet(t, arg.Value.Raw)
		}
		out = append(out, arg.Name+": "+value)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func fieldSet(t *testing.T, text string) string {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + text + "}"})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return selections(doc.Operations[0].SelectionSet)
}

func selections(set ast.SelectionSet) string {
	var out []string
	for _, selection := range set {
		switch node := selection.(type) {
		case *ast.Field:
			var args []string
			for _, arg := range node.Arguments {
				args = append(args, arg.Name+"="+arg.Value.String())
			}
			out = append(out, node.Name+fmt.Sprint(args)+selections(node.SelectionSet))
		case *ast.InlineFragment:
			out = append(out, "..."+node.TypeCondition+selections(node.SelectionSet))
		}
	}
	slices.Sort(out)
	return "{" + strings.Join(out, " ") + "}"
}
