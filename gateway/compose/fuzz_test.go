package compose_test

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
)

// FuzzCompose feeds two subgraphs of any text. Composition must end in errors with known codes, or in a supergraph that is valid GraphQL,
// does not depend on the order of the subgraphs.
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
		check(t, []compose.Subgraph{{Name: "a", SDL: a, URL: b}, {Name: "b", SDL: b}})
	})
}

// FuzzMixed composes subgraphs of different archives, with lines taken out, doubled or moved: text that is nearly right finds what random
// bytes do not.
func FuzzMixed(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	var texts []string
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		subgraphs, _ := split(archive)
		for _, s := range subgraphs {
			texts = append(texts, s.SDL)
		}
	}
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		var subgraphs []compose.Subgraph
		for i := range 1 + random.IntN(3) {
			lines := strings.Split(texts[random.IntN(len(texts))], "\n")
			for range random.IntN(4) {
				at, other := random.IntN(len(lines)), strings.Split(texts[random.IntN(len(texts))], "\n")
				switch random.IntN(4) {
				case 0:
					lines = slices.Delete(lines, at, at+1)
				case 1:
					lines = slices.Insert(lines, at, lines[at])
				case 2:
					lines = slices.Insert(lines, at, other[random.IntN(len(other))])
				case 3:
					lines = append(lines, other...)
				}
				if len(lines) == 0 {
					lines = []string{""}
				}
			}
			subgraphs = append(subgraphs, compose.Subgraph{Name: string(rune('a' + i)), SDL: strings.Join(lines, "\n")})
		}
		check(t, subgraphs)
	})
}

// check composes and judges the outcome, whatever it is.
func check(t *testing.T, subgraphs []compose.Subgraph) {
	t.Helper()
	got := outcome(subgraphs)
	slices.Reverse(subgraphs)
	if again := outcome(subgraphs); !slices.Equal(got, again) {
		t.Fatalf("in another order:\n%s\n%s", got, again)
	}
	_, errs := compose.Compose(subgraphs)
	for _, e := range errs {
		if !slices.Contains(compose.Codes(), e.Code) || e.Message == "" {
			t.Errorf("an error without a known code or a message: %v", e)
		}
	}
	if (got[0] == "") == (len(errs) == 0) {
		t.Fatalf("neither a supergraph nor errors, or both: %q", got)
	}
	if got[0] == "" {
		return
	}
	if _, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "supergraph", Input: got[0]}); err != nil {
		t.Fatalf("%v in\n%s\nfrom\n%v", err, got[0], subgraphs)
	}
}

// FuzzDescription: a description arrives in the supergraph as the subgraph wrote it.
func FuzzDescription(f *testing.F) {
	for _, text := range []string{
		"plain", "two\nlines", "  indented", "\n\nblank", "blank\n ", "ends in \\", `a \""" in it`, `""" first`, `last """`, `last "`, "tab\t", "\u0007\u007f\u2028",
		"a\r\nb", "a\n  b\n c", " a\n  b", "a\n \nb", "\ufeff", "\U0001f600", `\u0041`, "#",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 10_000 {
			t.Skip("the SDL is UTF-8")
		}
		quoted, err := json.Marshal(text) // every escape of JSON is one of GraphQL's
		if err != nil {
			t.Fatal(err)
		}
		sdl := string(quoted) + " type Query { " + string(quoted) + " a(" + string(quoted) + " x: String = " + string(quoted) + "): Int }"
		source, err := parser.ParseSchema(&ast.Source{Input: sdl})
		if err != nil {
			t.Skip("the parser refuses it")
		}
		result, errs := compose.Compose([]compose.Subgraph{{Name: "a", SDL: sdl}})
		if errs != nil {
			t.Fatal(errs.Err())
		}
		want, got := source.Definitions[0], parse(t, result.SDL).Definitions.ForName("Query")
		wantArg, gotArg := want.Fields[0].Arguments[0], got.Fields[0].Arguments[0]
		if got.Description != want.Description || got.Fields[0].Description != want.Fields[0].Description || gotArg.Description != wantArg.Description || gotArg.DefaultValue.Raw != wantArg.DefaultValue.Raw {
			t.Errorf("%q became %q, %q, %q, %q in\n%s", want.Description, got.Description, got.Fields[0].Description, gotArg.Description, gotArg.DefaultValue.Raw, result.SDL)
		}
	})
}
