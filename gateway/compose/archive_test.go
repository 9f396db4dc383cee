package compose_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
)

var update = flag.Bool("update", false, "rewrite the golden sections of testdata/*.txtar")

// golden are the sections of an archive that composition writes; every other section is a subgraph, named like the section.
var golden = []string{"supergraph.graphql", "errors", "hints"}

// TestArchives composes the subgraphs of each archive, in several orders, and compares the outcome with its golden sections. What an
// archive does not state must not be: one without hints has none.
func TestArchives(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(bytes.TrimSpace(archive.Comment)) == 0 {
				t.Error("the archive must begin with a paragraph on what it shows")
			}
			subgraphs, want := split(archive)
			got := outcome(subgraphs)
			shuffled := slices.Clone(subgraphs)
			random := rand.New(rand.NewPCG(1, 2))
			for range 3 {
				random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				if again := outcome(shuffled); !slices.Equal(again, got) {
					t.Errorf("in another order the outcome differs:\n%s\n%s", again, got)
				}
			}
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return slices.Contains(golden, f.Name) })
				for i, name := range golden {
					if got[i] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[i])})
					}
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for i, name := range golden {
				if got[i] != want[i] {
					t.Errorf("%s:\n%s\nwant:\n%s", name, got[i], want[i])
				}
			}
		})
	}
}

// split returns an archive's subgraphs and its golden sections.
func split(archive *txtar.Archive) ([]compose.Subgraph, []string) {
	var subgraphs []compose.Subgraph
	want := make([]string, len(golden))
	for _, f := range archive.Files {
		if i := slices.Index(golden, f.Name); i >= 0 {
			want[i] = string(f.Data)
			continue
		}
		name := strings.TrimSuffix(f.Name, ".graphql")
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, URL: "http://" + name + ".example", SDL: string(f.Data), File: f.Name})
	}
	return subgraphs, want
}

// outcome composes and writes what came of it, in the order of the golden sections.
func outcome(subgraphs []compose.Subgraph) []string {
	result, errs := compose.Compose(subgraphs)
	out := make([]string, len(golden))
	for _, e := range errs {
		out[1] += e.Error() + "\n"
	}
	if result != nil {
		out[0] = result.SDL
		for _, h := range result.Hints {
			out[2] += h.String() + "\n"
		}
	}
	return out
}
