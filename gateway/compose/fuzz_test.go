package compose_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
)

// FuzzCompose feeds two subgraphs of any text. Composition must end in errors with known codes, or in a supergraph that is valid GraphQL,
// does not depend on the order of the subgraphs, and reads the same when it is written again.
func FuzzCompose(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		subgraphs, _ := split(archive)
		subgraphs = append(subgraphs, compose.Subgraph{})
		f.Add(subgraphs[0].SDL, subgraphs[1].SDL)
	}
	f.Add("\"\\u0000\\u2028\" type Query { \" x \\n\" a(x: String = \"\\u007f\\\"\"): Int }", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 20_000 {
			t.Skip("size is bounded by limits, which have tests of their own")
		}
		subgraphs := []compose.Subgraph{{Name: "a", SDL: a, URL: b}, {Name: "b", SDL: b}}
		got := outcome(subgraphs)
		slices.Reverse(subgraphs)
		if again := outcome(subgraphs); !slices.Equal(got, again) {
			t.Fatalf("in another order:\n%s\n%s", got, again)
		}
		if (got[0] == "") == (got[1] == "") {
			t.Fatalf("neither a supergraph nor errors, or both: %q", got)
		}
		for line := range strings.Lines(got[1]) {
			code, _, ok := strings.Cut(line, ":")
			if ok && strings.ToUpper(code) == code && len(code) > 5 && !strings.ContainsAny(code, ` "@.`) && !slices.Contains(compose.Codes(), compose.Code(code)) {
				t.Errorf("unknown code in %q", line)
			}
		}
		if got[0] == "" {
			return
		}
		source := &ast.Source{Name: "supergraph", Input: got[0]}
		if _, err := validator.LoadSchema(validator.Prelude, source); err != nil {
			t.Fatalf("%v in\n%s\nfrom\n%s\nand\n%s", err, got[0], a, b)
		}
	})
}
