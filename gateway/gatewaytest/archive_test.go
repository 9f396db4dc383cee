package gatewaytest

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/gateway/execute"
)

var update = flag.Bool("update", false, "rewrite the golden sections of the archives")

func archives(t testing.TB) []string {
	files, err := filepath.Glob("../testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	return files
}

// TestArchives checks each archive against its golden sections and against the monolith.
func TestArchives(t *testing.T) {
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, world := open(t, file, nil)
			if a.Prose() == "" {
				t.Error("the archive does not say what it shows")
			}
			result := world.Gateway.Do(t.Context(), a.Request)
			if result.Operation != nil {
				golden(t, a, "normal.graphql", result.Operation.String())
			}
			if result.Plan != nil {
				golden(t, a, "plan.txt", result.Plan.String())
			}
			golden(t, a, "response.json", indented(t, result.Body))
			if err := a.Save(); err != nil {
				t.Error(err)
			}
			proved(t, world.Gateway, result)
			faultless(t, world)
			for _, gap := range world.Gateway.Recorder.Gaps() {
				t.Errorf("the universe has no value for %s", gap)
			}
			if a.Settings.Oracle == nil || *a.Settings.Oracle {
				agree(t, world, a.Request, result)
			}
		})
	}
}

// TestTransports answers every archive again with subgraphs over HTTP and as gqlgen schemas in this process, side by side. The bytes that clients
// get are the same.
func TestTransports(t *testing.T) {
	for _, file := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, direct := open(t, file, nil)
			want := direct.Gateway.Do(t.Context(), a.Request).Body
			for _, inProcess := range []int{0, 1} {
				n := 0
				_, world := open(t, file, func(s *StandIn) execute.Subgraph {
					if n++; n%2 == inProcess {
						return execute.NewInProcess(s.Executable(), nil)
					}
					server := httptest.NewServer(s)
					t.Cleanup(server.Close)
					return &execute.HTTP{URL: server.URL, Client: server.Client()}
				})
				got := world.Gateway.Do(t.Context(), a.Request).Body
				if !bytes.Equal(want, got) {
					t.Errorf("called directly:\n%s\nover HTTP and in process:\n%s", want, got)
				}
				faultless(t, world)
			}
		})
	}
}

func open(t testing.TB, file string, reach func(s *StandIn) execute.Subgraph) (*Archive, *World) {
	t.Helper()
	a, err := ReadArchive(file)
	if err != nil {
		t.Fatal(err)
	}
	world, err := a.Open(reach)
	if err != nil {
		t.Fatal(err)
	}
	return a, world
}

func golden(t *testing.T, a *Archive, name, got string) {
	t.Helper()
	if diff := cmp.Diff(a.Golden(name, got, *update), strings.TrimSuffix(got, "\n")+"\n"); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

// indented lays JSON out without changing a byte of its values.
func indented(t testing.TB, text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, text)
	}
	return out.String()
}

func faultless(t testing.TB, world *World) {
	t.Helper()
	for _, fault := range world.Gateway.Recorder.Faults() {
		t.Error(fault)
	}
}

// proved checks the plan of a result without running it.
func proved(t testing.TB, gateway *Gateway, result *Result) {
	t.Helper()
	if result.Plan == nil {
		return
	}
	findings := gateway.Checker.Check(result.Operation, result.Plan)
	for _, finding := range findings {
		t.Error(finding)
	}
	if len(findings) > 0 {
		t.Logf("the operation and its plan:\n%s\n%s", result.Operation, result.Plan)
	}
}

// agree compares a result with what the monolith answers: data byte for byte, and whether there are errors.
func agree(t testing.TB, world *World, r Request, result *Result) {
	t.Helper()
	data, errors, err := world.Monolith.Execute(r)
	if err != nil {
		t.Fatalf("the monolith refuses the operation: %v", err)
	}
	response, err := result.Response()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Compact(&got, response.Data); err != nil {
		t.Fatalf("%v\n%s", err, result.Body)
	}
	if got.String() != string(data) {
		t.Errorf("the gateway and the monolith differ (-monolith +gateway):\n%s\n%s\n%s", cmp.Diff(indented(t, data), indented(t, got.Bytes())), r.Query, r.Variables)
	}
	if (len(errors) > 0) != (len(response.Errors) > 0) {
		t.Errorf("errors of the monolith: %v; of the gateway: %s\n%s", errors, result.Body, r.Query)
	}
}

// TestOrder composes each archive's subgraphs in the opposite order. Nothing that comes of it may differ.
func TestOrder(t *testing.T) {
	for _, file := range archives(t) {
		a, world := open(t, file, nil)
		slices.Reverse(a.files.Files)
		reversed, err := a.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, got := world.Gateway.Do(t.Context(), a.Request), reversed.Gateway.Do(t.Context(), a.Request)
		if planned(want) != planned(got) || !bytes.Equal(want.Body, got.Body) {
			t.Errorf("%s: in one order\n%s%s\nin the other\n%s%s", a.Name, planned(want), want.Body, planned(got), got.Body)
		}
	}
}

// planned prints the plan, where the operation has one.
func planned(result *Result) string {
	if result.Plan == nil {
		return "no plan\n"
	}
	return result.Plan.String()
}

// TestMutationOrder looks at the requests a mutation makes: its root fields in the client's order, each asked for once.
func TestMutationOrder(t *testing.T) {
	a, world := open(t, "../testdata/mutation-order.txtar", nil)
	for range 20 {
		world.Gateway.Do(t.Context(), a.Request)
		var mutations []string
		for _, r := range world.Gateway.Recorder.Take() {
			if strings.HasPrefix(r.Text, "mutation") {
				mutations = append(mutations, r.Subgraph)
			}
		}
		if want := []string{"cart", "pay", "cart"}; !slices.Equal(mutations, want) {
			t.Fatalf("mutations sent to %v, want %v", mutations, want)
		}
	}
}
