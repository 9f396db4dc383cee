package gatewaytest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
)

// TestFederationCases runs the operations of known federation cases over subgraphs rebuilt from what they were seen to answer. The data must be
// the expected data, errors come only where one is expected, and no recorded gateway may have needed fewer requests.
func TestFederationCases(t *testing.T) {
	folders, _ := filepath.Glob(filepath.Join(beside(t), "federation-cases", "*", "tests.json"))
	if len(folders) == 0 {
		t.Skip("no folder of federation cases beside the repository")
	}
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "supergraph.graphql"))
			if err != nil {
				t.Fatal(err)
			}
			readCase(t, folder).run(t, string(text))
			t.Run("composed", func(t *testing.T) {
				readCase(t, folder).run(t, composed(t, folder))
			})
		})
	}
}

// beside returns the folder of shared material beside the repository.
func beside(t testing.TB) string {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(folder), "shared")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("no go.mod above the working directory")
		}
		folder = parent
	}
}

// federationCase is one folder.
type federationCase struct {
	folder string
	tests  []struct {
		Query    string `json:"query"`
		Expected struct {
			Data   any  `json:"data"`
			Errors bool `json:"errors"`
		} `json:"expected"`
	}
	fewest map[int]int // requests, by test
	byName map[string][]exchange
}

func readCase(t *testing.T, folder string) *federationCase {
	c := &federationCase{folder: folder, fewest: map[int]int{}, byName: map[string][]exchange{}}
	readJSON(t, filepath.Join(folder, "tests.json"), &c.tests)
	var recorded map[string][]struct {
		Case     int        `json:"case"`
		Pass     bool       `json:"pass"`
		Requests []exchange `json:"requests"`
	}
	readJSON(t, filepath.Join(folder, "exchanges.json"), &recorded)
	for _, gateway := range sortedKeys(recorded) {
		for _, run := range recorded[gateway] {
			if fewest, known := c.fewest[run.Case]; run.Pass && (!known || len(run.Requests) < fewest) {
				c.fewest[run.Case] = len(run.Requests)
			}
			for _, e := range run.Requests {
				c.byName[e.To] = append(c.byName[e.To], e)
			}
		}
	}
	return c
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// composed returns the supergraph that our composition makes of the folder's subgraphs.
func composed(t *testing.T, folder string) string {
	var list []compose.Subgraph
	files, _ := filepath.Glob(filepath.Join(folder, "subgraphs", "*.graphql"))
	for _, file := range files {
		sdl, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, compose.Subgraph{Name: strings.TrimSuffix(filepath.Base(file), ".graphql"), SDL: string(sdl), File: file})
	}
	out, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	return out.SDL
}

func (c *federationCase) run(t *testing.T, text string) {
	graph, err := supergraph.Read(c.folder, text)
	if err != nil {
		t.Fatal(err)
	}
	recorder := &Recorder{}
	subgraphs := map[string]execute.Subgraph{}
	var standIns []*StandIn
	files, _ := filepath.Glob(filepath.Join(c.folder, "subgraphs", "*.graphql"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".graphql")
		sdl, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewStandIn(name, string(sdl), nil, recorder)
		if err != nil {
			t.Fatal(err)
		}
		seen := newRecordings(s.schema)
		for _, e := range c.byName[name] {
			if err := seen.add(e); err != nil {
				t.Fatalf("subgraph %s: a recorded exchange: %v", name, err)
			}
		}
		s.universe = seen.universe(graph.Full)
		subgraphs[name] = s
		standIns = append(standIns, s)
	}
	fillGaps(standIns)
	gateway := New(graph, subgraphs, recorder)
	for i, test := range c.tests {
		result := gateway.Do(t.Context(), Request{Query: test.Query})
		requests := recorder.Take()
		var got struct {
			Data   any   `json:"data"`
			Errors []any `json:"errors"`
		}
		if err := json.Unmarshal(result.Body, &got); err != nil {
			t.Errorf("test %d: %v", i, err)
			continue
		}
		describe := func() string {
			out := test.Query + "\n" + Describe(requests) + string(result.Body)
			if result.Plan != nil {
				out += "\n" + result.Plan.String()
			}
			return out
		}
		proved(t, gateway, result)
		if diff := cmp.Diff(test.Expected.Data, got.Data); diff != "" {
			t.Errorf("test %d: data (-want +got):\n%s\n%s", i, diff, describe())
		}
		if (len(got.Errors) > 0) != test.Expected.Errors {
			t.Errorf("test %d: errors wanted: %v\n%s", i, test.Expected.Errors, describe())
		}
		if faults := recorder.Faults(); len(faults) > 0 {
			t.Errorf("test %d: %s\n%s", i, strings.Join(faults, "\n"), describe())
		}
		if fewest, known := c.fewest[i]; known && len(requests) > fewest {
			t.Errorf("test %d: %d requests; a recorded gateway needed %d\n%s", i, len(requests), fewest, describe())
		}
	}
}

// TestCasesAtRandom asks made-up operations of the graphs of the federation cases, over made-up data, and compares the gateway with the monolith.
func TestCasesAtRandom(t *testing.T) {
	folders, _ := filepath.Glob(filepath.Join(beside(t), "federation-cases", "*", "tests.json"))
	if len(folders) == 0 {
		t.Skip("no folder of federation cases beside the repository")
	}
	operations := uint64(150)
	if testing.Short() {
		operations = 20
	}
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			world := randomWorld(t, folder)
			for seed := range operations {
				compare(t, world, RandomOperation(world.Gateway.Supergraph.API, seed))
				if t.Failed() {
					return
				}
			}
		})
	}
}

func randomWorld(t testing.TB, folder string) *World {
	text, err := os.ReadFile(filepath.Join(folder, "supergraph.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Read(folder, string(text))
	if err != nil {
		t.Fatal(err)
	}
	recorder := &Recorder{}
	world := &World{Monolith: &Monolith{Supergraph: graph, Universe: RandomUniverse(graph, 1)}, StandIns: map[string]*StandIn{}}
	subgraphs := map[string]execute.Subgraph{}
	files, _ := filepath.Glob(filepath.Join(folder, "subgraphs", "*.graphql"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".graphql")
		sdl, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewStandIn(name, string(sdl), world.Monolith.Universe, recorder)
		if err != nil {
			t.Fatal(err)
		}
		s.refuse = overridden(graph, name, nil)
		subgraphs[name], world.StandIns[name] = s, s
	}
	world.Gateway = New(graph, subgraphs, recorder)
	return world
}
