package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
)

// worlds returns the graphs of the archives that can answer everything, each with its own data and with made-up data.
func worlds(t testing.TB) []*World {
	var list []*World
	for _, file := range archives(t) {
		a, own := open(t, file, nil)
		if a.Settings.Partial {
			continue
		}
		if own.Monolith.Down != nil && a.Settings.Oracle != nil && !*a.Settings.Oracle {
			continue // what the subgraph that is down costs others, the monolith does not know
		}
		_, random := open(t, file, nil)
		random.Monolith.Universe = RandomUniverse(random.Gateway.Supergraph, 1)
		for _, s := range random.StandIns {
			s.universe = random.Monolith.Universe
		}
		list = append(list, own, random)
	}
	return list
}

// FuzzOperations makes up operations for the graphs of the archives and compares the gateway with the monolith.
func FuzzOperations(f *testing.F) {
	all := worlds(f)
	for seed := range uint64(len(all) * 10) {
		f.Add(seed%uint64(len(all)), seed)
	}
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		world := all[which%uint64(len(all))]
		compare(t, world, RandomOperation(world.Gateway.Supergraph.API, seed))
	})
}

// compare answers a request by the gateway and by the monolith.
func compare(t *testing.T, world *World, r Request) {
	t.Helper()
	world.Gateway.Limits = operation.Limits{Fields: 100_000, Aliases: 100_000, RootFields: 100_000, SameKey: 100_000}
	result := world.Gateway.Do(t.Context(), r)
	if result.Plan == nil {
		t.Fatalf("no plan: %s\n%s\n%s", result.Body, r.Query, r.Variables)
	}
	proved(t, world.Gateway, result)
	agree(t, world, r, result)
	faultless(t, world)
	requests := world.Gateway.Recorder.Take()
	if t.Failed() {
		t.Logf("%s%s\n%s\n%s%s", r.Query, r.Variables, result.Plan, Describe(requests), result.Body)
	}
}

// FuzzAnswer takes arbitrary bytes for the answer of a subgraph, to root fields and to entities. The client's answer is JSON, has what the working
// subgraph knows, and holds no value that is not of its type.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"_entities":[{"mail":"a","age":1,"friends":[{"mail":"b"}]},null]}}`,
		`{"data":{"_entities":[{"mail":"a","friends":[{"mail":"x"},null]},{"friends":[[]]}]},"errors":[{"message":"m","path":["_entities",0,"friends",1,"mail"],"extensions":{"code":"X"}}]}`,
		`{"data":{"users":[{"id":1,"name":"n"},{"id":"2","name":"\ud83d\ude00"}]}}`,
		`{"data":{"users":{"id":1e5,"name":null}},"extensions":{}}`,
		`{"errors":[{"message":"x","path":["users",0,"name"]}]}`,
		`{"data":null}`, `[]`, `{`, ``,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, root bool) {
		hostile := execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) { return execute.ReadAnswer(text) })
		gateway := answerGateway(t)
		if root {
			gateway.Executor = &execute.Executor{Subgraphs: map[string]execute.Subgraph{"good": hostile, "bad": gateway.Executor.Subgraphs["bad"]}}
		} else {
			gateway.Executor = &execute.Executor{Subgraphs: map[string]execute.Subgraph{"good": gateway.Executor.Subgraphs["good"], "bad": hostile}}
		}
		result := gateway.Do(t.Context(), Request{Query: "{ users { id name mail age friends { mail } } }"})
		var response struct {
			Data *struct {
				Users []*struct {
					ID      string
					Name    string
					Mail    *string
					Age     *int32
					Friends []*struct{ Mail *string }
				}
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(result.Body))
		if err := decoder.Decode(&response); err != nil || !utf8.Valid(result.Body) || decoder.More() {
			t.Fatalf("%v: %q", err, result.Body)
		}
		if !root && (len(response.Data.Users) != 2 || response.Data.Users[0].Name == "") {
			t.Errorf("the fields of the other subgraph are gone: %s", result.Body)
		}
		if len(result.Body) > 8*len(text)+64<<10 {
			t.Errorf("%d bytes of answer to %d bytes of the subgraph", len(result.Body), len(text))
		}
	})
}

var answering struct {
	sync.Mutex
	gateway *Gateway
}

// answerGateway returns a copy of one gateway of two subgraphs that answer by themselves; composing it for every input would be all that fuzzing does.
func answerGateway(t testing.TB) *Gateway {
	answering.Lock()
	defer answering.Unlock()
	if answering.gateway == nil {
		answering.gateway = graphOf(t, map[string]string{
			"good": `type Query { users: [User] }  type User @key(fields: "id") { id: ID! name: String! }`,
			"bad":  `type User @key(fields: "id") { id: ID! mail: String age: Int friends: [User] }`,
		})
	}
	copied := *answering.gateway
	return &copied
}

// FuzzPrepare takes arbitrary text for an operation and its variables. What comes of it is an answer, and no subgraph is asked for anything it does
// not have.
func FuzzPrepare(f *testing.F) {
	for _, file := range archives(f) {
		a, err := ReadArchive(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Request.Query, string(a.Request.Variables))
	}
	for _, seed := range []string{
		"{ node { id next { far { size ...f } } } } fragment f on Node { name(x: 1) kind { ... on Leaf { id } __typename } }",
		"query ($i: In = {n: 1, list: [{in: {}}]}, $n: Int) { it(in: $i) list(first: $n) { next { size } } }",
		"query ($b: Boolean = true) { a: node @skip(if: $b) { id } a: node @include(if: $b) { ... @skip(if: $b) { size } } __schema { types { name } } }",
		chain(30, "...f%d ...f%d"),
		"{ node { ...f } } fragment f on Node { ...g next { ...f } } fragment g on Node { ...f @include(if: true) }",
		"mutation { x } subscription { y }", "{ it(in: {in: {in: {in: null}}}) }", "\xef\xbb\xbf{it}", `{ list(first: "\u0000") { id } }`,
	} {
		f.Add(seed, `{"i": {"list": []}, "n": 1, "b": true}`)
	}
	gateway := limitsGraph(f)
	f.Fuzz(func(t *testing.T, text, variables string) {
		result := gateway.Do(t.Context(), Request{Query: text, Variables: json.RawMessage(variables)})
		if !json.Valid(result.Body) || !utf8.Valid(result.Body) {
			t.Errorf("the answer is not JSON: %q", result.Body)
		}
		proved(t, gateway, result)
		for _, fault := range gateway.Recorder.Faults() {
			t.Error(fault)
		}
		if asked := len(gateway.Recorder.Take()); result.Plan != nil && asked > len(result.Plan.Fetches) {
			t.Errorf("%d requests for a plan of %d fetches", asked, len(result.Plan.Fetches))
		}
	})
}
