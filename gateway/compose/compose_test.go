package compose_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
)

// codesElsewhere are the codes that no archive shows, because the text would be too large or has no place in a section's name. The
// tests below raise them.
var codesElsewhere = []compose.Code{compose.TooLarge, compose.InvalidSubgraphName}

// TestCodesAreComplete: every code has a meaning, and is shown by an archive or a test.
func TestCodesAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []compose.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, compose.Code(text))
		}
		return true
	})
	slices.Sort(declared)
	if codes := compose.Codes(); !slices.Equal(codes, declared) {
		t.Errorf("codes with a meaning:\n%v\ndeclared:\n%v", codes, declared)
	}
	var shown strings.Builder
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown.WriteString("\n")
		shown.Write(text)
	}
	for _, code := range compose.Codes() {
		if !strings.Contains(shown.String(), "\n"+string(code)+": ") && !slices.Contains(codesElsewhere, code) {
			t.Errorf("no archive shows %s", code)
		}
	}
}

func TestWriteCodes(t *testing.T) {
	var page bytes.Buffer
	if err := compose.WriteCodes(&page); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(page.String()), "\n")
	if len(lines) != len(compose.Codes())+2 {
		t.Fatalf("%d lines for %d codes:\n%s", len(lines), len(compose.Codes()), page.String())
	}
	for i, line := range lines[2:] {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.TrimSpace(cells[1]) != "`"+string(compose.Codes()[i])+"`" || !strings.HasSuffix(strings.TrimSpace(cells[2]), ".") {
			t.Errorf("%q is not %s and a sentence", line, compose.Codes()[i])
		}
	}
	if err := compose.WriteCodes(full{}); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails gave %v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestNames(t *testing.T) {
	const sdl = "type Query { a: Int }"
	for name, test := range map[string]struct {
		subgraphs []compose.Subgraph
		want      []string
	}{
		"none at all": {nil, []string{"NO_QUERIES: no subgraph has a field on its query type; add one, such as type Query { ... }"}},
		"no name":     {[]compose.Subgraph{{SDL: sdl, File: "a.graphql"}}, []string{`INVALID_SUBGRAPH_NAME: "" cannot be the name of a subgraph; use letters, digits and dashes (a.graphql)`}},
		"a line break": {[]compose.Subgraph{{Name: "a\nb", SDL: sdl, File: "a.graphql"}}, []string{
			`INVALID_SUBGRAPH_NAME: "a\nb" cannot be the name of a subgraph; use letters, digits and dashes (a.graphql)`}},
		"twice": {[]compose.Subgraph{{Name: "a", SDL: sdl, File: "2.graphql"}, {Name: "a", SDL: sdl, File: "1.graphql"}}, []string{
			`INVALID_SUBGRAPH_NAME: two subgraphs are named "a"; rename one (2.graphql)`}},
		"no file": {[]compose.Subgraph{{Name: "a", SDL: "type Query { a: B }"}}, []string{"INVALID_GRAPHQL: undefined type B (a:1:17)"}},
	} {
		t.Run(name, func(t *testing.T) {
			result, errs := compose.Compose(test.subgraphs)
			var got []string
			for _, e := range errs {
				got = append(got, e.Error())
			}
			if result != nil || !slices.Equal(got, test.want) {
				t.Errorf("%v %q, want %q", result, got, test.want)
			}
			if err := errs.Err(); err == nil || err.Error() != strings.Join(test.want, "\n") {
				t.Errorf("as one error: %v", err)
			}
		})
	}
	if err := (compose.Errors{}).Err(); err != nil {
		t.Errorf("an empty list is an error: %v", err)
	}
}

// TestHostile: what is too large, too deep or goes in circles is an error, soon.
func TestHostile(t *testing.T) {
	const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@provides", "@requiresScopes"])` + "\n"
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		sdl  string
		want compose.Code
	}{
		"many bytes":            {"type Query { a: Int } #" + strings.Repeat("x", 17<<20), compose.TooLarge},
		"many tokens":           {"type Query { a(x: [Int] = [" + strings.Repeat("1,", 1_100_000) + "]): Int }", compose.InvalidGraphQL},
		"many fields":           {"type Query {" + repeat(6000, "a%d: Int ") + "}", compose.TooLarge},
		"fields in extensions":  {"type Query { a: Int }" + repeat(6000, "extend type Query { a%d: Int }"), compose.TooLarge},
		"many values":           {"type Query { a: E } enum E {" + repeat(6000, "V%d ") + "}", compose.TooLarge},
		"many arguments":        {"type Query { a(" + repeat(300, "x%d: Int ") + "): Int }", compose.TooLarge},
		"directive arguments":   {"type Query { a: Int } directive @d(" + repeat(300, "x%d: Int ") + ") on FIELD", compose.TooLarge},
		"many interfaces":       {"type Query { a: T } type T implements " + repeat(200, "& I%d ") + "{ a: Int }" + repeat(200, "interface I%d { a: Int }\n"), compose.TooLarge},
		"a deep type":           {"type Query { a: " + strings.Repeat("[", 100_000) + "Int" + strings.Repeat("]", 100_000) + " }", compose.InvalidGraphQL},
		"a deep value":          {"type Query { a(x: Int = " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "): Int }", compose.InvalidGraphQL},
		"a circle of inputs":    {"type Query { a(x: A): Int } input A { b: B! } input B { a: A! }", compose.InvalidGraphQL},
		"a circle of interface": {"type Query { a: A } interface A implements B { x: Int } interface B implements A { x: Int }", compose.InvalidGraphQL},
		"a deep field set":      {link + `type Query { a: A } type A @key(fields: "` + strings.Repeat("a {", 2000) + "id" + strings.Repeat("}", 2000) + `") { a: A id: ID }`, compose.KeyInvalidFields},
		"a long field set":      {link + `type Query { a: A } type A @key(fields: "` + strings.Repeat("id ", 10_000) + `") { id: ID }`, compose.KeyInvalidFields},
		"a circle of fragments": {link + `type Query { a: A } type A @key(fields: "...F } fragment F on A { ...F") { id: ID }`, compose.KeyInvalidFields},
		"field sets on an interface": {link + "type Query { n: N " + repeat(4000, `f%d: N @provides(fields: "`+strings.Repeat("x ", 40)+`")`) + "} interface N { x: Int }" +
			repeat(2000, "type T%d implements N { x: Int @external }"), compose.ProvidesInvalidFields},
		"scopes":      {link + "type Query { a: Int @requiresScopes(scopes: [" + repeat(600, `["s%d"],`) + "]) }", compose.AuthInvalid},
		"many scopes": {link + "type Query { a: Int @requiresScopes(scopes: [[" + repeat(200, `"s%d",`) + "]]) }", compose.AuthInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			result, errs := compose.Compose([]compose.Subgraph{{Name: "a", SDL: test.sdl}})
			if result != nil || len(errs) == 0 || errs[0].Code != test.want {
				t.Fatalf("want %s, got %.300v", test.want, errs.Err())
			}
		})
	}
	t.Run("many subgraphs", func(t *testing.T) {
		if _, errs := compose.Compose(make([]compose.Subgraph, 2000)); len(errs) != 1 || errs[0].Code != compose.TooLarge {
			t.Errorf("got %v", errs.Err())
		}
	})
	t.Run("fields of an interface object", func(t *testing.T) {
		key := `@key(fields: "id")`
		a := strings.Replace(link, `"@key"`, `"@key", "@interfaceObject"`, 1)
		_, errs := compose.Compose([]compose.Subgraph{
			{Name: "a", SDL: a + "type Query { n: N } type N @interfaceObject " + key + " { id: ID! " + repeat(4900, "f%d: Int ") + "}"},
			{Name: "b", SDL: link + "interface N " + key + " { id: ID! }" + repeat(4000, "type T%d implements N "+key+" { id: ID! }\n")},
		})
		if len(errs) != 1 || errs[0].Code != compose.TooLarge {
			t.Errorf("got %.300v", errs.Err())
		}
	})
	t.Run("a thousand errors", func(t *testing.T) {
		_, errs := compose.Compose([]compose.Subgraph{{Name: "a", SDL: link + "type Query { a: A } type A " + strings.Repeat(`@key(fields: "x") `, 3000) + "{ id: ID }"}})
		if len(errs) == 0 || len(errs) > 500 {
			t.Errorf("%d errors", len(errs))
		}
	})
}
