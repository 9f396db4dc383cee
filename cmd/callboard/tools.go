package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/plan/check"
	"callboard.dev/callboard/gateway/supergraph"
	"callboard.dev/callboard/schema"
)

// maxSchemaBytes bounds a schema file or answer.
const maxSchemaBytes = 32 << 20

type composeCommand struct {
	Subgraphs  []string `arg:"" optional:"" name:"name=file-or-url" help:"A subgraph: its name and its schema, as a file or as the URL of a running subgraph (asked with _service)."`
	FirstParty bool     `help:"Include Callboard's own subgraphs."`
	Output     string   `short:"o" placeholder:"FILE" help:"Write the supergraph here instead of printing it."`
	URL        []string `name:"url" placeholder:"NAME=URL" help:"Routing address of a subgraph given as a file."`
}

func (c *composeCommand) Run(p *program) error {
	var subgraphs []compose.Subgraph
	if c.FirstParty {
		subgraphs = firstPartySchemas()
	}
	urls := map[string]string{}
	for _, pair := range c.URL {
		name, url, err := splitPair("--url", pair)
		if err != nil {
			return err
		}
		urls[name] = url
	}
	for _, pair := range c.Subgraphs {
		name, from, err := splitPair("subgraph", pair)
		if err != nil {
			return err
		}
		subgraph := compose.Subgraph{Name: name, URL: urls[name], File: from}
		if isURL(from) {
			if subgraph.URL == "" {
				subgraph.URL = from
			}
			subgraph.SDL, err = askSchema(p.ctx, from, nil)
		} else {
			subgraph.SDL, err = readFile(from, maxSchemaBytes)
		}
		if err != nil {
			return err
		}
		subgraphs = append(subgraphs, subgraph)
	}
	if len(subgraphs) == 0 {
		return errors.New("nothing to compose: name subgraphs as NAME=FILE or NAME=URL, or use --first-party")
	}
	result, errs := compose.Compose(subgraphs)
	if len(errs) > 0 {
		for _, e := range errs {
			fmt.Fprintln(p.stderr, e)
		}
		return exit{1}
	}
	for _, hint := range result.Hints {
		fmt.Fprintln(p.stderr, hint)
	}
	if c.Output != "" {
		return os.WriteFile(c.Output, []byte(result.SDL), 0o644)
	}
	_, err := io.WriteString(p.stdout, result.SDL)
	return err
}

// firstPartySchemas returns the schemas of our own subgraphs, for composing.
func firstPartySchemas() []compose.Subgraph {
	var out []compose.Subgraph
	for _, name := range schema.Subgraphs() {
		text, _ := schema.Subgraph(name)
		out = append(out, compose.Subgraph{Name: name, SDL: text, File: "schema/" + name + ".graphqls"})
	}
	return out
}

func splitPair(what, pair string) (name, value string, err error) {
	name, value, found := strings.Cut(pair, "=")
	if !found || name == "" || value == "" {
		return "", "", fmt.Errorf("%s %q: want NAME=VALUE", what, pair)
	}
	return name, value, nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// readFile reads a file of at most max bytes.
func readFile(name string, max int64) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, max+1))
	if err != nil {
		return "", err
	}
	if int64(len(text)) > max {
		return "", fmt.Errorf("%s is larger than %d MiB", name, max>>20)
	}
	return string(text), nil
}

// askSchema asks a running subgraph for its schema.
func askSchema(ctx context.Context, url string, header map[string]string) (string, error) {
	const query = `{"query":"{_service{sdl}}"}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(query))
	if err != nil {
		return "", fmt.Errorf("asking %s for its schema: %w", url, err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("asking for a schema: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSchemaBytes))
	if err != nil {
		return "", fmt.Errorf("asking %s for its schema: %w", url, err)
	}
	var answer struct {
		Data struct {
			Service struct{ SDL string } `json:"_service"`
		}
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Data.Service.SDL == "" {
		reason := fmt.Sprintf("HTTP status %d", response.StatusCode)
		if len(answer.Errors) > 0 {
			reason = answer.Errors[0].Message
		}
		return "", fmt.Errorf("%s did not answer { _service { sdl } } (%s): is it a Federation subgraph with introspection on? Else give its schema as a file", url, reason)
	}
	return answer.Data.Service.SDL, nil
}

// operationFlags say which operation of which file, against which supergraph.
type operationFlags struct {
	Supergraph string `placeholder:"FILE" help:"The supergraph; Callboard's own where not given." type:"existingfile"`
	Operation  string `placeholder:"NAME" help:"Which operation of the file, where it has several."`
	Variables  string `placeholder:"JSON" help:"Variables: they decide @skip and @include."`
	QueryFile  string `arg:"" name:"queryfile" help:"A file with a GraphQL document; - reads standard input."`
}

// prepare reads the supergraph and returns the operation in normal form.
func (f *operationFlags) prepare(p *program) (*supergraph.Supergraph, *operation.Operation, error) {
	s, err := loadSupergraph(f.Supergraph)
	if err != nil {
		return nil, nil, err
	}
	name := f.QueryFile
	if name == "-" {
		name = "/dev/stdin"
	}
	text, err := readFile(name, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	document, errs := operation.Parse(s.API, text, operation.Limits{})
	if errs == nil {
		conditions := map[string]bool{}
		variables := operation.Variables{}
		if f.Variables != "" {
			variables, errs = document.Coerce(f.Operation, json.RawMessage(f.Variables))
		}
		for _, name := range document.Conditions(f.Operation) {
			conditions[name] = variables.True(name)
		}
		if errs == nil {
			var op *operation.Operation
			if op, errs = document.Normalize(f.Operation, conditions); errs == nil {
				return s, op, nil
			}
		}
	}
	for _, e := range errs {
		at := f.QueryFile
		if len(e.Locations) > 0 {
			at = fmt.Sprintf("%s:%d:%d", f.QueryFile, e.Locations[0].Line, e.Locations[0].Column)
		}
		fmt.Fprintf(p.stderr, "%s: %s (%v)\n", at, e.Message, e.Extensions["code"])
	}
	return nil, nil, exit{1}
}

func loadSupergraph(file string) (*supergraph.Supergraph, error) {
	if file == "" {
		return supergraph.Read("callboard", schema.Supergraph())
	}
	text, err := readFile(file, maxSchemaBytes)
	if err != nil {
		return nil, err
	}
	return supergraph.Read(file, text)
}

type planCommand struct {
	operationFlags
	Label  []string `placeholder:"LABEL" help:"A label of progressive overrides that is on."`
	Stages bool     `help:"Print what each stage of planning makes of the operation: choices, fetches, the shape of the response."`
	Check  bool     `help:"Prove the plan right, without running it; print what is wrong with it."`
}

func (c *planCommand) Run(p *program) error {
	s, op, err := c.prepare(p)
	if err != nil {
		return err
	}
	planner, label := &plan.Planner{Supergraph: s}, labelled(c.Label)
	if c.Stages {
		stages, err := planner.Explain(p.ctx, op, label)
		fmt.Fprintf(p.stdout, "choices\n\n%s\n%s\nshape\n\n%s", stages.Choices, stages.Fetches, stages.Shape)
		return err
	}
	made, err := planner.Plan(p.ctx, op, label)
	if err != nil {
		return err
	}
	if _, err = io.WriteString(p.stdout, made.String()); err != nil || !c.Check {
		return err
	}
	findings := (&check.Checker{Supergraph: s}).Check(op, made)
	for _, f := range findings {
		fmt.Fprintln(p.stderr, f)
	}
	if len(findings) > 0 {
		return exit{1}
	}
	_, err = fmt.Fprintf(p.stdout, "\nchecked: each of %d fetches asks only for what its subgraph resolves, and together they bring everything\n", len(made.Fetches))
	return err
}

// labelled decides by the labels that are on.
func labelled(on []string) func(label string) bool {
	return func(label string) bool { return slices.Contains(on, label) }
}

type normalizeCommand struct{ operationFlags }

func (c *normalizeCommand) Run(p *program) error {
	_, op, err := c.prepare(p)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, op.String())
	return err
}
