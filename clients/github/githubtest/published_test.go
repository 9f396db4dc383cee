//go:build servers

package githubtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"callboard.dev/callboard/clients/github/githubtest"
)

// publishedSchema is the npm package that holds the schema GitHub publishes (MIT licence). It is fetched for the test and not kept.
const publishedSchema = "@octokit/graphql-schema@15.26.1"

// published fetches the schema that GitHub publishes.
func published(t *testing.T) *ast.Schema {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatal("npm is not installed: apt-get install npm")
	}
	folder := t.TempDir()
	for _, args := range [][]string{
		{"npm", "pack", "--silent", "--ignore-scripts", "--cache", filepath.Join(folder, "cache"), publishedSchema},
		{"sh", "-c", "tar xzf *.tgz package/schema.graphql"},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "package", "schema.graphql"))
	must(t, err)
	document, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "published", Input: string(text)})
	must(t, err)
	for _, d := range document.Definitions {
		// The package of this version defines a field of one type twice.
		seen := map[string]bool{}
		d.Fields = slices.DeleteFunc(d.Fields, func(f *ast.FieldDefinition) bool {
			twice := seen[f.Name]
			seen[f.Name] = true
			return twice
		})
	}
	schema, err := validator.ValidateSchemaDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Every type, field, argument, enum value and nullability of the schema is GitHub's own.
func TestSchemaIsGitHubs(t *testing.T) {
	theirs := published(t)
	ours := gqlparser.MustLoadSchema(&ast.Source{Name: "ours", Input: githubtest.SDL()})
	types, fields := 0, 0
	for name, typ := range ours.Types {
		if typ.BuiltIn {
			continue
		}
		types++
		original := theirs.Types[name]
		if original == nil {
			t.Errorf("GitHub has no type %s", name)
			continue
		}
		if typ.Kind != original.Kind {
			t.Errorf("%s is a %s, GitHub's a %s", name, typ.Kind, original.Kind)
		}
		for _, member := range typ.Types {
			if !slices.Contains(original.Types, member) {
				t.Errorf("GitHub's %s holds no %s", name, member)
			}
		}
		for _, i := range typ.Interfaces {
			if !slices.Contains(original.Interfaces, i) {
				t.Errorf("GitHub's %s does not implement %s", name, i)
			}
		}
		for _, v := range typ.EnumValues {
			if original.EnumValues.ForName(v.Name) == nil {
				t.Errorf("GitHub's %s has no value %s", name, v.Name)
			}
		}
		for _, f := range typ.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				fields++
				compareFields(t, name, f, original.Fields.ForName(f.Name))
			}
		}
		// An input that lacks what GitHub asks for would let a client send what GitHub refuses.
		for _, f := range original.Fields {
			if typ.Kind == ast.InputObject && f.Type.NonNull && f.DefaultValue == nil && typ.Fields.ForName(f.Name) == nil {
				t.Errorf("%s lacks %s, which GitHub asks for", name, f.Name)
			}
		}
	}
	t.Logf("%d types and %d fields compared", types, fields)
	if types < 100 || fields < 800 {
		t.Errorf("only %d types and %d fields were compared", types, fields)
	}
}

func compareFields(t *testing.T, name string, ours, theirs *ast.FieldDefinition) {
	t.Helper()
	if theirs == nil {
		t.Errorf("GitHub's %s has no field %s", name, ours.Name)
		return
	}
	if ours.Type.String() != theirs.Type.String() {
		t.Errorf("%s.%s is %s, GitHub's %s", name, ours.Name, ours.Type, theirs.Type)
	}
	if value(ours.DefaultValue) != value(theirs.DefaultValue) {
		t.Errorf("%s.%s is %s by default, GitHub's %s", name, ours.Name, value(ours.DefaultValue), value(theirs.DefaultValue))
	}
	for _, a := range ours.Arguments {
		original := theirs.Arguments.ForName(a.Name)
		if original == nil {
			t.Errorf("GitHub's %s.%s has no argument %s", name, ours.Name, a.Name)
			continue
		}
		if a.Type.String() != original.Type.String() || value(a.DefaultValue) != value(original.DefaultValue) {
			t.Errorf("%s.%s(%s: %s = %s), GitHub's is %s = %s", name, ours.Name, a.Name, a.Type, value(a.DefaultValue), original.Type, value(original.DefaultValue))
		}
	}
	for _, a := range theirs.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil && ours.Arguments.ForName(a.Name) == nil {
			t.Errorf("%s.%s lacks the argument %s, which GitHub asks for", name, ours.Name, a.Name)
		}
	}
}

func value(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}
