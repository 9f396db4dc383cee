package ci_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// gitHubTakes returns what the workflow of a file with this text takes, as its pipeline tells it.
func gitHubTakes(t testing.TB, text string) []ci.Parameter {
	t.Helper()
	file, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	oid := strings.Repeat("1", 40)
	d := gitHubAnswers(t, "github.com", func(w http.ResponseWriter, r *http.Request) {
		answer := `{"id":12,"name":"Check","path":".github/workflows/check.yml","state":"active"}`
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
				return
			case strings.Contains(string(body), "history"):
				answer = `{"data":{"r0":{"object":{"history":{"nodes":[{"oid":"` + oid + `","checkSuites":{"nodes":[]}}]}}}}}`
			default:
				size, _ := json.Marshal(len(text))
				answer = `{"data":{"r0":{"object":{"oid":"` + oid + `","byteSize":` + string(size) + `,"text":` + string(file) + `}}}}`
			}
		}
		_, _ = io.WriteString(w, answer)
	})
	return gitHubOne(t, d.Pipelines, "larkfold/tiles#w12").Parameters
}

func TestGitHubInputs(t *testing.T) {
	inputs := func(text string) string {
		return "on:\n  workflow_dispatch:\n    inputs:\n" + text
	}
	for name, test := range map[string]struct {
		text string
		want []ci.Parameter
	}{
		"of all types, in their order": {inputs(`
      z: {description: A text, default: "1.10", required: true, type: string}
      b: {type: boolean, default: true, required: "false"}
      c: {type: choice, options: [x, 2, true], default: x}
      n: {type: number, default: 3}
      e: {type: environment}
      old: {deprecationMessage: Do not}
      plain:
`), []ci.Parameter{
			{Name: "z", Description: "A text", Default: "1.10", Required: true}, {Name: "b", Default: "true", Choices: []string{"true", "false"}}, {Name: "c", Default: "x", Choices: []string{"x", "2", "true"}},
			{Name: "n", Default: "3"}, {Name: "e"}, {Name: "old"}, {Name: "plain"},
		}},
		"a key in quotes":         {"\"on\":\n  workflow_dispatch: {inputs: {a: {}}}\n", []ci.Parameter{{Name: "a"}}},
		"a long description":      {inputs("      a: {description: " + strings.Repeat("é", 1000) + "}\n"), []ci.Parameter{{Name: "a", Description: strings.Repeat("é", 512)}}},
		"none":                    {"on:\n  workflow_dispatch:\n", nil},
		"a list of events":        {"on: [push, workflow_dispatch]\n", nil},
		"one event":               {"on: workflow_dispatch\n", nil},
		"no file of a workflow":   {"- 1\n", nil},
		"no YAML":                 {"on: {\n", nil},
		"nothing":                 {"", nil},
		"two documents":           {inputs("      a: {}\n") + "---\nx: 1\n", nil},
		"an alias":                {"x: &x {a: {}}\non: {workflow_dispatch: {inputs: *x}}\n", nil},
		"an alias inside":         {"x: &x {type: string}\n" + inputs("      a: *x\n"), nil},
		"a merge":                 {"x: &x {a: {}}\n" + inputs("      <<: *x\n      b: {}\n"), nil},
		"a merge inside":          {"x: &x {type: string}\n" + inputs("      a: {<<: *x, default: 1}\n"), nil},
		"one that comes twice":    {inputs("      a: {}\n      a: {}\n"), nil},
		"a list of inputs":        {inputs("      - a\n"), nil},
		"a name that is none":     {inputs("      \"a b\": {}\n"), nil},
		"a default that is a map": {inputs("      a: {default: {}}\n"), nil},
		"a long default":          {inputs("      a: {default: " + strings.Repeat("x", 5000) + "}\n"), nil},
		"a choice of nothing":     {inputs("      a: {type: choice}\n"), nil},
		"a choice of lists":       {inputs("      a: {type: choice, options: [[a]]}\n"), nil},
		"too many":                {inputs("      a" + strings.Join(strings.Split(strings.Repeat("x", 26), ""), ": {}\n      a") + ": {}\n"), nil},
		"a text in its place":     {inputs("      a: text\n"), nil},
		"deep":                    {"on: " + strings.Repeat("[", 100_000), nil},
		"deep blocks":             {"on:\n" + strings.Repeat("- ", 100_000) + "x\n", nil},
		"large":                   {inputs("      a: {}\n") + "#" + strings.Repeat("x", 300<<10), nil},
	} {
		if diff := cmp.Diff(test.want, gitHubTakes(t, test.text)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// Whatever a file holds, what is told of it can be shown.
func FuzzGitHubInputs(f *testing.F) {
	f.Add(gitHubWorkflow)
	f.Add("on: {workflow_dispatch: {inputs: {a: &x {type: choice, options: [a, b]}, b: *x}}}")
	f.Add("on:\n  workflow_dispatch:\n    inputs:\n      <<: {}\n      a:\n        description: |\n          x\n        required: true\n")
	f.Add("on: [[[[[[[[")
	f.Add("%YAML 1.2\n---\n? on\n: workflow_dispatch: {inputs: {? a}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip("GitHub shows no such text")
		}
		got := gitHubTakes(t, text)
		seen := map[string]bool{}
		for _, p := range got {
			if p.Name == "" || len(p.Name) > 100 || seen[p.Name] || len(p.Description) > 1<<10 || len(p.Default) > 4<<10 || len(p.Choices) > 200 || p.Secret {
				t.Errorf("%q takes %+v", text, got)
			}
			seen[p.Name] = true
		}
		if len(got) > 25 {
			t.Errorf("%q takes %d parameters", text, len(got))
		}
	})
}
