// Package schema holds the schemas of the first-party subgraphs, written by hand, and the supergraph they compose to. The files are the
// contract between the subgraphs and everybody else; this package only carries them inside the binary.
//
// The one rule: supergraph.graphql is what the other files compose to. `make generate` writes it, and a test of the command says when it is stale.
package schema

import (
	"embed"
	"io/fs"
	"sort"
	"strings"
)

//go:embed *.graphqls supergraph.graphql
var files embed.FS

// Supergraph returns the composed schema.
func Supergraph() string { return read("supergraph.graphql") }

// Subgraph returns the schema of a first-party subgraph, or false where there is none of that name.
func Subgraph(name string) (string, bool) {
	text := read(name + ".graphqls")
	return text, text != ""
}

// Subgraphs returns the names of the first-party subgraphs, sorted.
func Subgraphs() []string {
	var names []string
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if name, found := strings.CutSuffix(entry.Name(), ".graphqls"); found {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func read(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(text)
}
