// Command generate writes what follows from the schemas in schema/: for each first-party subgraph what gqlgen makes of its schema, by
// the one gqlgen.yml at the top, and for all of them the supergraph they compose to. Run it from the top of the repository:
//
//	go run ./subgraphs/generate            everything
//	go run ./subgraphs/generate catalog    one subgraph's code, and what is made of all
//
// What comes out is subgraphs/NAME/graph, schema/supergraph.graphql and docs/composition-errors.md, and the same input always gives the
// same text. It needs none of what it writes, so it also runs where that does not compile. A subgraph that brings Go types of its
// own for the types of its schema names them in subgraphs/NAME/gqlgen.yml, with gqlgen's "autobind" and "models".
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/goccy/go-yaml"

	"callboard.dev/callboard/gateway/compose"
)

func main() {
	log.SetOutput(io.Discard) // gqlgen narrates there; what goes wrong it returns
	all, err := names()
	if err != nil {
		fail(err)
	}
	wanted := os.Args[1:]
	if len(wanted) == 0 {
		wanted = all
	}
	for _, name := range wanted {
		if err := generate(name); err != nil {
			fail(fmt.Errorf("generating subgraph %s: %w", name, err))
		}
	}
	if err := composeAll(all); err != nil {
		fail(err)
	}
}

// names lists the subgraphs that have a schema, sorted.
func names() ([]string, error) {
	files, err := filepath.Glob("schema/*.graphqls")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no schema/*.graphqls here: run from the top of the repository (%v)", err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".graphqls"))
	}
	return names, nil
}

// composeAll writes the supergraph, and the reference page of what composing can find wrong.
func composeAll(names []string) error {
	var subgraphs []compose.Subgraph
	for _, name := range names {
		file := filepath.Join("schema", name+".graphqls")
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, SDL: string(text), File: file})
	}
	result, errs := compose.Compose(subgraphs)
	if len(errs) > 0 {
		for _, e := range errs {
			fmt.Fprintln(os.Stderr, e)
		}
		return errors.New("the schemas do not compose")
	}
	if err := os.WriteFile("schema/supergraph.graphql", []byte(result.SDL), 0o644); err != nil {
		return err
	}
	var page strings.Builder
	page.WriteString("# Composition errors\n\nWhat `callboard compose` can find wrong, by code.\n\n")
	if err := compose.WriteCodes(&page); err != nil {
		return err
	}
	return os.WriteFile("docs/composition-errors.md", []byte(page.String()), 0o644)
}

// generate reads gqlgen.yml afresh, because api.Generate changes the configuration it is given.
func generate(name string) error {
	text, err := os.ReadFile("gqlgen.yml")
	if err != nil {
		return err
	}
	expanded := os.Expand(string(text), func(variable string) string {
		if variable == "SUBGRAPH" {
			return name
		}
		return "${" + variable + "}"
	})
	cfg, err := config.ReadConfig(strings.NewReader(expanded))
	if err != nil {
		return err
	}
	if err := addOwnTypes(cfg, filepath.Join("subgraphs", name, "gqlgen.yml")); err != nil {
		return err
	}
	return api.Generate(cfg)
}

// addOwnTypes adds the Go types that a subgraph names in a file of its own, if it has one.
func addOwnTypes(cfg *config.Config, file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var own struct {
		AutoBind []string       `yaml:"autobind"`
		Models   config.TypeMap `yaml:"models"`
	}
	if err := yaml.UnmarshalWithOptions(text, &own, yaml.Strict()); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	cfg.AutoBind = append(cfg.AutoBind, own.AutoBind...)
	for name, entry := range own.Models {
		cfg.Models[name] = entry
	}
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "generate:", err)
	os.Exit(1)
}
