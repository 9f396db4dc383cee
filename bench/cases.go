package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/gatewaytest"
	"callboard.dev/callboard/gateway/supergraph"
)

// benchCase is a graph with its data and the operations to measure on it.
type benchCase struct {
	Name       string
	Supergraph *supergraph.Supergraph
	Subgraphs  []compose.Subgraph
	Universe   *gatewaytest.Universe
	Scenarios  []*scenario
}

// scenario is one operation.
type scenario struct {
	Name    string
	Request gatewaytest.Request
	Body    []byte   // of the request over HTTP; the marker in it stands for a value that differs in every request
	Want    []byte   // the body of the answer
	Waves   [][]call // what the floor asks of subgraphs, in its order; calls of one wave at once
}

// call is one request to a subgraph.
type call struct {
	Path string // of the subgraph: a slash and its name
	Body string
}

// theatre names the case of the project's own.
const theatre = "theatre"

//go:embed theatre.txtar
var theatreText []byte

// openCase returns the case of the project's own, or reads the one in a folder. Processes that open the same case have the same data.
func openCase(name string) (*benchCase, error) {
	if name == theatre {
		return openTheatre()
	}
	return openFolder(name)
}

func openTheatre() (*benchCase, error) {
	c := &benchCase{Name: theatre}
	files := map[string]string{}
	for _, f := range txtar.Parse(theatreText).Files {
		files[f.Name] = string(f.Data)
		if name, found := strings.CutPrefix(f.Name, "subgraphs/"); found {
			c.Subgraphs = append(c.Subgraphs, compose.Subgraph{Name: strings.TrimSuffix(name, ".graphql"), SDL: string(f.Data), File: f.Name})
		}
	}
	composed, errs := compose.Compose(c.Subgraphs)
	if err := errs.Err(); err != nil {
		return nil, fmt.Errorf("composing the case %s: %w", theatre, err)
	}
	var err error
	if c.Supergraph, err = supergraph.Read(theatre, composed.SDL); err != nil {
		return nil, err
	}
	if c.Universe, err = gatewaytest.ReadUniverse([]byte(files["universe.json"]), c.Supergraph.Full); err != nil {
		return nil, err
	}
	for _, name := range []string{"main", "unique", "small", "tiny"} {
		s := &scenario{Name: name, Request: gatewaytest.Request{Query: files[name+".graphql"], Variables: json.RawMessage(files[name+".json"])}}
		members := map[string]any{"query": s.Request.Query}
		if len(s.Request.Variables) > 0 {
			members["variables"] = s.Request.Variables
		}
		if s.Body, err = json.Marshal(members); err != nil {
			return nil, fmt.Errorf("writing the request %s: %w", name, err)
		}
		c.Scenarios = append(c.Scenarios, s)
	}
	return c, c.answer()
}

// folderScenarios are the files of a case in a folder, whose README says what they are. Without an answer or calls of its own, a scenario is
// answered by the monolith, and the floor makes the calls that our gateway makes.
var folderScenarios = []struct{ name, request, answer, calls string }{
	{"main", "request.json", "response.json", "plan7.json"},
	{"unique", "uniq.json", "", ""},
	{"small", "small.json", "small_res.json", "plan-small.json"},
	{"tiny", "tiny.json", "tiny_res.json", "plan-tiny.json"},
}

// openFolder reads a case that has answers, but neither the schemas of the subgraphs nor their data: both are worked out.
func openFolder(folder string) (*benchCase, error) {
	read := func(name string, into any) ([]byte, error) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil && into != nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a case: %s: %w", name, err)
		}
		return bytes.TrimSpace(text), nil
	}
	text, err := read("supergraph.graphql", nil)
	if err != nil {
		return nil, err
	}
	c := &benchCase{Name: "public"}
	if c.Supergraph, err = supergraph.Read(folder, string(text)); err != nil {
		return nil, err
	}
	c.Subgraphs = gatewaytest.SubgraphsOf(c.Supergraph)
	var answered []gatewaytest.Answered
	for _, files := range folderScenarios {
		s := &scenario{Name: files.name}
		var request struct {
			Query     string
			Variables json.RawMessage
		}
		if s.Body, err = read(files.request, &request); err != nil {
			return nil, err
		}
		s.Request = gatewaytest.Request{Query: request.Query, Variables: request.Variables}
		if files.answer != "" {
			var answer gatewaytest.Response
			if s.Want, err = read(files.answer, &answer); err != nil {
				return nil, err
			}
			answered = append(answered, gatewaytest.Answered{Request: s.Request, Data: answer.Data})
		}
		if files.calls != "" {
			if _, err = read(files.calls, &s.Waves); err != nil {
				return nil, err
			}
		}
		c.Scenarios = append(c.Scenarios, s)
	}
	if c.Universe, err = gatewaytest.UniverseOf(c.Supergraph, answered); err != nil {
		return nil, err
	}
	return c, c.answer()
}

// answer has the monolith answer every scenario. An answer that the case came with must be the same.
func (c *benchCase) answer() error {
	monolith := &gatewaytest.Monolith{Supergraph: c.Supergraph, Universe: c.Universe}
	for _, s := range c.Scenarios {
		data, errs, err := monolith.Execute(s.Request)
		if err != nil || len(errs) > 0 {
			return fmt.Errorf("answering the scenario %s of %s: %v %v", s.Name, c.Name, err, errs)
		}
		body := fmt.Appendf(nil, `{"data":%s}`, data)
		if s.Want == nil {
			s.Want = body
		}
		if _, err := compareBodies(s.Want, body); err != nil {
			return fmt.Errorf("scenario %s of %s: the data does not give the answer it comes with: %w", s.Name, c.Name, err)
		}
	}
	return nil
}

// likeness is how the body of a gateway's answer compares with what it should be.
type likeness string

const (
	identical likeness = "identical"
	equal     likeness = "equal" // as JSON: the same values, written otherwise
)

// errOther is the error of an answer that is none of a program still starting: it has data, and other data than it should.
var errOther = errors.New("the answer has other data than it should")

// compareBodies compares the data of two answers. Errors in the answer, and other data (errOther), are an error.
func compareBodies(want, got []byte) (likeness, error) {
	if bytes.Equal(want, got) {
		return identical, nil
	}
	var wanted, found struct {
		Data   any   `json:"data"`
		Errors []any `json:"errors"`
	}
	if err := json.Unmarshal(want, &wanted); err != nil {
		return "", fmt.Errorf("reading the wanted answer: %w", err)
	}
	if err := json.Unmarshal(got, &found); err != nil {
		return "", fmt.Errorf("reading an answer: %w: %s", err, excerpt(got))
	}
	if len(found.Errors) > 0 {
		return "", fmt.Errorf("the answer has errors: %s", excerpt(got))
	}
	if !reflect.DeepEqual(wanted.Data, found.Data) {
		return "", fmt.Errorf("%w: %s", errOther, excerpt(got))
	}
	return equal, nil
}

// excerpt is the beginning of a text, for messages.
func excerpt(text []byte) string {
	const enough = 300
	if len(text) > enough {
		return string(text[:enough]) + "..."
	}
	return string(text)
}
