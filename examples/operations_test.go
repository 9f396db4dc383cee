package examples_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/supergraph"
	"callboard.dev/callboard/schema"
)

func TestOperationsFitTheGraph(t *testing.T) {
	var subgraphs []compose.Subgraph
	for _, name := range schema.Subgraphs() {
		text, ok := schema.Subgraph(name)
		if !ok {
			t.Fatalf("there is no subgraph %s", name)
		}
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, SDL: text, File: name + ".graphqls"})
	}
	composed, errs := compose.Compose(subgraphs)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s, err := supergraph.Read("composed", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range examples.Operations() {
		document, errs := gqlparser.LoadQueryWithRules(s.API, o.Query, rules.NewDefaultRules())
		if len(errs) > 0 {
			t.Errorf("%s: %v", o.Name, errs)
			continue
		}
		var variables map[string]any
		if err := json.Unmarshal(o.Variables, &variables); err != nil {
			t.Errorf("%s: the variables are no JSON object: %v", o.Name, err)
			continue
		}
		if _, err := validator.VariableValues(s.API, document.Operations[0], variables); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		for name := range variables {
			if document.Operations[0].VariableDefinitions.ForName(name) == nil {
				t.Errorf("%s: there is a value for $%s, which the operation does not have", o.Name, name)
			}
		}
		if got := strings.ToLower(document.Operations[0].Name); len(document.Operations) != 1 || got != strings.ReplaceAll(o.Name, "-", "") {
			t.Errorf("%s holds the operation %s", o.Name, got)
		}
	}
}

var question = regexp.MustCompile(`^[A-Z].{20,120}\?$`)

func TestOperationsStartWithTheirQuestion(t *testing.T) {
	names := map[string]bool{}
	for _, o := range examples.Operations() {
		names[o.Name] = true
		if !question.MatchString(o.Question) || !strings.HasPrefix(o.Query, "# "+o.Question+"\n") {
			t.Errorf("%s asks %q, want one question", o.Name, o.Question)
		}
	}
	files, err := filepath.Glob("operations/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no operations: %v", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".graphql"); !names[name] {
			t.Errorf("%s is not among the operations", file)
		}
	}
}

func TestOperationsKeepTheirOrder(t *testing.T) {
	first, second := examples.Operations(), examples.Operations()
	for i := range first {
		if first[i].Name != second[i].Name {
			t.Errorf("at %d there is %s and %s", i, first[i].Name, second[i].Name)
		}
	}
	if first[0].Name != "component" {
		t.Errorf("the first is %s, want the question most people have", first[0].Name)
	}
}
