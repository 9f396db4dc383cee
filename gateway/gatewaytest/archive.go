package gatewaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"context"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
)

// Archive is a test archive: prose that says which behaviour it shows, the schemas of some subgraphs (subgraphs/NAME.graphql), their data
// (universe.json), a request (query.graphql, variables.json) and what is to be made of it (normal.graphql, plan.txt, response.json).
// supergraph.graphql, where present, is used instead of composing the subgraphs.
type Archive struct {
	Name     string
	Settings ArchiveSettings
	Request  Request

	file  string
	files *txtar.Archive
}

// ArchiveSettings is settings.json of an archive.
type ArchiveSettings struct {
	Operation string   `json:"operation"` // operationName of the request
	Down      []string `json:"down"`      // subgraphs that do not answer
	Expose    []string `json:"expose"`    // subgraphs whose errors clients may see
	Labels    []string `json:"labels"`    // progressive overrides that are on
	Partial   bool     `json:"partial"`   // some operations on the graph have no plan: none are made up for it
	Oracle    *bool    `json:"oracle"`    // false where the monolith cannot know the answer, as of introspection
}

// ReadArchive reads a test archive.
func ReadArchive(file string) (*Archive, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a := &Archive{Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), file: file, files: txtar.Parse(text)}
	if settings := a.text("settings.json"); settings != "" {
		decoder := json.NewDecoder(strings.NewReader(settings))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&a.Settings); err != nil {
			return nil, fmt.Errorf("%s: settings.json: %w", file, err)
		}
	}
	a.Request = Request{Query: a.text("query.graphql"), OperationName: a.Settings.Operation, Variables: json.RawMessage(a.text("variables.json"))}
	return a, nil
}

func (a *Archive) text(name string) string {
	for _, f := range a.files.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Prose is what the archive says about itself.
func (a *Archive) Prose() string { return strings.TrimSpace(string(a.files.Comment)) }

// Subgraphs returns the schemas to compose.
func (a *Archive) Subgraphs() []compose.Subgraph {
	var list []compose.Subgraph
	for _, f := range a.files.Files {
		name, found := strings.CutPrefix(f.Name, "subgraphs/")
		if found {
			list = append(list, compose.Subgraph{Name: strings.TrimSuffix(name, ".graphql"), SDL: string(f.Data), File: a.file})
		}
	}
	return list
}

// NewArchive returns the text of an archive of what was made up: schemas, data and a request. It lacks the prose and what comes of the request, which a
// run of the tests with -update fills in.
func NewArchive(subgraphs []compose.Subgraph, universe *Universe, r Request) string {
	a := &txtar.Archive{Comment: []byte("\n")}
	add := func(name, text string) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(strings.TrimSuffix(text, "\n") + "\n")})
	}
	for _, s := range subgraphs {
		add("subgraphs/"+s.Name+".graphql", s.SDL)
	}
	add("universe.json", universe.String())
	add("query.graphql", r.Query)
	if len(r.Variables) > 0 && string(r.Variables) != "{}" {
		add("variables.json", string(r.Variables))
	}
	return string(txtar.Format(a))
}

// World is an archive brought to life.
type World struct {
	Gateway  *Gateway
	Monolith *Monolith
	StandIns map[string]*StandIn
}

// NewWorld fills composed subgraphs with data. reach says how the gateway gets at each subgraph, nil is by calling it.
func NewWorld(graph *supergraph.Supergraph, subgraphs []compose.Subgraph, universe *Universe, reach func(s *StandIn) execute.Subgraph) (*World, error) {
	recorder := &Recorder{}
	world := &World{Monolith: &Monolith{Supergraph: graph, Universe: universe}, StandIns: map[string]*StandIn{}}
	reached := map[string]execute.Subgraph{}
	for _, own := range subgraphs {
		s, err := NewStandIn(own.Name, own.SDL, universe, recorder)
		if err != nil {
			return nil, err
		}
		s.refuse = overridden(graph, own.Name, nil)
		world.StandIns[own.Name] = s
		reached[own.Name] = s
		if reach != nil {
			reached[own.Name] = reach(s)
		}
	}
	world.Gateway = New(graph, reached, recorder)
	return world, nil
}

// Open composes the archive's subgraphs and fills them with its data. reach says how the gateway gets at each of them; nil is by
// calling it.
func (a *Archive) Open(reach func(s *StandIn) execute.Subgraph) (*World, error) {
	text := a.text("supergraph.graphql")
	if text == "" {
		composed, errs := compose.Compose(a.Subgraphs())
		if err := errs.Err(); err != nil {
			return nil, fmt.Errorf("composing %s: %w", a.file, err)
		}
		text = composed.SDL
	}
	graph, err := supergraph.Read(a.Name, text)
	if err != nil {
		return nil, err
	}
	universe, err := ReadUniverse([]byte(a.text("universe.json")), graph.Full)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.file, err)
	}
	labels := map[string]bool{}
	for _, label := range a.Settings.Labels {
		labels[label] = true
	}
	world, err := NewWorld(graph, a.Subgraphs(), universe, func(s *StandIn) execute.Subgraph {
		switch {
		case slices.Contains(a.Settings.Down, s.name):
			return execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) {
				return nil, &execute.FetchError{Code: execute.CodeUnreachable, Reason: "it could not be reached"}
			})
		case reach != nil:
			return reach(s)
		}
		return s
	})
	if err != nil {
		return nil, err
	}
	for name, s := range world.StandIns {
		s.refuse = overridden(graph, name, labels)
	}
	world.Gateway.Labels = labels
	world.Monolith.Down = a.Settings.Down
	world.Gateway.Executor.Expose = map[string]bool{}
	for _, name := range a.Settings.Expose {
		world.Gateway.Executor.Expose[name] = true
	}
	return world, nil
}

// overridden returns the coordinates that moved away from the subgraph, or not yet to it.
func overridden(graph *supergraph.Supergraph, name string, labels map[string]bool) map[string]bool {
	moved := map[string]bool{}
	for typename := range graph.Full.Types {
		view := graph.View(typename, graph.Subgraph(name))
		if view == nil {
			continue
		}
		for _, def := range graph.Full.Types[typename].Fields {
			if own := view.Fields[def.Name]; own != nil && (own.Overridden || own.Label != "" && labels[own.Label] != own.LabelOn) {
				moved[typename+"."+def.Name] = true
			}
		}
	}
	return moved
}

// Golden compares what was made with a golden file of the archive, and returns what the archive has; with update, it changes the archive,
// which Save writes.
func (a *Archive) Golden(name, got string, update bool) (want string) {
	if !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	for i, f := range a.files.Files {
		if f.Name == name {
			if update {
				a.files.Files[i].Data = []byte(got)
				return got
			}
			return string(f.Data)
		}
	}
	if update {
		a.files.Files = append(a.files.Files, txtar.File{Name: name, Data: []byte(got)})
		return got
	}
	return ""
}

// Save writes the archive back where anything changed.
func (a *Archive) Save() error {
	text := txtar.Format(a.files)
	have, err := os.ReadFile(a.file)
	if err == nil && bytes.Equal(have, text) {
		return nil
	}
	return os.WriteFile(a.file, text, 0o644)
}
