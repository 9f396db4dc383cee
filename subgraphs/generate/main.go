// Command generate runs gqlgen once for every schema file in schema/ that belongs to a first-party subgraph, from the one
// gqlgen.yml at the top. Run it from the top of the repository:
//
//	go run ./subgraphs/generate            every subgraph
//	go run ./subgraphs/generate catalog    one
//
// What comes out is subgraphs/NAME/graph, and the same input always gives the same text. A subgraph that brings Go types of its
// own for the types of its schema names them in subgraphs/NAME/gqlgen.yml, with gqlgen's "autobind" and "models".
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/goccy/go-yaml"
)

func main() {
	names := os.Args[1:]
	if len(names) == 0 {
		files, err := filepath.Glob("schema/*.graphqls")
		if err != nil || len(files) == 0 {
			fail(fmt.Errorf("no schema/*.graphqls here: run from the top of the repository (%v)", err))
		}
		for _, file := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".graphqls"))
		}
	}
	for _, name := range names {
		if err := generate(name); err != nil {
			fail(fmt.Errorf("generating subgraph %s: %w", name, err))
		}
	}
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
