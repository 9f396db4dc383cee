package supergraph_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/supergraph"
)

// FuzzRead reads arbitrary text. What is read twice is read alike, and has no view but of a type and a subgraph that there are.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range archive.Files {
			if section.Name == "supergraph.graphql" {
				f.Add(string(section.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := supergraph.Read("fuzz", text)
		if err != nil {
			return
		}
		second, err := supergraph.Read("fuzz", text)
		if err != nil {
			t.Fatalf("read, and then not: %v", err)
		}
		for name := range first.Full.Types {
			for _, subgraph := range first.Subgraphs {
				view, again := first.View(name, subgraph), second.View(name, second.Subgraphs[subgraph.Index])
				if (view == nil) != (again == nil) {
					t.Fatalf("%s in %s is there once of two readings", name, subgraph.Name)
				}
				if view == nil {
					continue
				}
				if view.Subgraph != subgraph || view.Type != first.Type(name) {
					t.Errorf("%s in %s is a view of something else", name, subgraph.Name)
				}
				if len(view.Fields) != len(again.Fields) || len(view.Keys) != len(again.Keys) || len(view.Possible) != len(again.Possible) {
					t.Errorf("%s in %s differs between two readings", name, subgraph.Name)
				}
				for field, own := range view.Fields {
					if other := again.Fields[field]; other == nil || other.External != own.External || other.Type.String() != own.Type.String() {
						t.Errorf("%s.%s in %s differs between two readings", name, field, subgraph.Name)
					}
				}
			}
		}
	})
}
