package clientstest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql/introspection"

	"callboard.dev/callboard/clients/clientstest"
)

const theatre = `
interface Person { name: String!  agent: Person }
type Actor implements Person { name: String! agent: Person age: Int roles(first: Int = 2, kind: Kind, named: [String!]): [Role!]! }
type Agent implements Person { name: String! agent: Person phone: String! }
type Role { title: String! kind: Kind! since: DateTime play: Play! }
type Play { title: String! }
union Found = Actor | Play
enum Kind { LEAD EXTRA }
scalar DateTime
input Filter { kind: Kind = LEAD names: [String!] min: Int! }
type Query {
	person(name: String!): Person
	actors: [Actor]
	found: [Found!]
	echo(filter: Filter, id: ID, ratio: Float): String
	broken: Actor!
	many: [Int!]!
}
type Mutation { rename(to: String!): String! }
`

type actor struct {
	Name   string
	Age    *int
	Absent *embedded
}

type embedded struct{}

func (a *actor) GraphQLType() string { return "Actor" }
func (a *actor) Agent() (any, error) {
	if a.Name == "Orphan" {
		return nil, &clientstest.Error{Type: "NOT_FOUND", Message: "no agent"}
	}
	return map[string]any{"__typename": "Agent", "name": "Agnes", "agent": nil, "phone": func() (any, error) { return nil, errors.New("line is dead") }}, nil
}

func newTheatre(t testing.TB) *clientstest.GraphQL {
	t.Helper()
	age := 41
	roles := []map[string]any{
		{"title": "Hamlet", "kind": "LEAD", "since": time.Date(2024, 5, 1, 12, 0, 0, 0, time.FixedZone("", 7200)), "play": map[string]any{"title": "<Hamlet>"}},
		{"title": "Guard", "kind": "EXTRA", "since": nil, "play": nil},
		{"title": "Ghost", "kind": "WRONG", "since": nil, "play": map[string]any{"title": "Hamlet"}},
	}
	g, err := clientstest.NewGraphQL(theatre, clientstest.Resolvers{
		"Query.person": func(_ context.Context, at clientstest.Field) (any, error) {
			return &actor{Name: at.Args.Text("name"), Age: &age}, nil
		},
		"Query.actors": func(context.Context, clientstest.Field) (any, error) {
			return []any{&actor{Name: "Ada"}, errors.New("left the company"), (*actor)(nil)}, nil
		},
		"Query.found": func(context.Context, clientstest.Field) (any, error) {
			return []any{&actor{Name: "Ada", Age: &age}, map[string]any{"__typename": "Play", "title": "Hamlet"}}, nil
		},
		"Query.echo": func(_ context.Context, at clientstest.Field) (any, error) {
			text, err := json.Marshal(at.Args)
			return string(text), err
		},
		"Query.broken": func(context.Context, clientstest.Field) (any, error) { return nil, errors.New("no") },
		"Query.many":   func(context.Context, clientstest.Field) (any, error) { return make([]int, 100), nil },
		"Mutation.rename": func(_ context.Context, at clientstest.Field) (any, error) {
			return at.Args.Text("to"), nil
		},
		"Actor.roles": func(_ context.Context, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("first")
			return roles[:n], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestExecute(t *testing.T) {
	for name, test := range map[string]struct {
		query     string
		variables string
		want      string
	}{
		"aliases, typename, struct fields and methods": {
			query: `{ p: person(name: "Ada") { __typename n: name agent { name agent { name } } ... on Actor { age } ... on Agent { phone } } }`,
			want:  `{"data":{"p":{"__typename":"Actor","n":"Ada","agent":{"name":"Agnes","agent":null},"age":41}}}`,
		},
		"fields of one key are merged, in the order of first appearance": {
			query: `{ person(name: "Ada") { agent { name } ...F name } } fragment F on Person { name agent { agent { name } name } }`,
			want:  `{"data":{"person":{"agent":{"name":"Agnes","agent":null},"name":"Ada"}}}`,
		},
		"skip and include": {
			query:     `query($yes: Boolean!, $no: Boolean = false) { person(name: "Ada") { name @skip(if: $yes) ... @include(if: $no) { name } ... on Actor @include(if: $yes) { age } } }`,
			variables: `{"yes": true}`,
			want:      `{"data":{"person":{"age":41}}}`,
		},
		"a resolver's error has type and path and makes its field null": {
			query: `{ person(name: "Orphan") { name agent { name } } }`,
			want:  `{"data":{"person":{"name":"Orphan","agent":null}},"errors":[{"type":"NOT_FOUND","path":["person","agent"],"locations":[{"line":1,"column":33}],"message":"no agent"}]}`,
		},
		"a null where none may be takes the nearest nullable field": {
			query: `{ person(name: "Ada") { name agent { name ... on Agent { phone } } } }`,
			want:  `{"data":{"person":{"name":"Ada","agent":null}},"errors":[{"path":["person","agent","phone"],"locations":[{"line":1,"column":58}],"message":"line is dead"}]}`,
		},
		"lists of values that may not be null fall as a whole": {
			query: `{ person(name: "Ada") { ... on Actor { roles { title play { title } } } } }`,
			want:  `{"data":{"person":null},"errors":[{"path":["person","roles",1,"play"],"locations":[{"line":1,"column":54}],"message":"Cannot return null for non-nullable field play"}]}`,
		},
		"elements that are errors": {
			query: `{ actors { name } }`,
			want:  `{"data":{"actors":[{"name":"Ada"},null,null]},"errors":[{"path":["actors",1],"locations":[{"line":1,"column":3}],"message":"left the company"}]}`,
		},
		"null reaches the root": {
			query: `{ many broken { name } }`,
			want:  `{"data":null,"errors":[{"path":["broken"],"locations":[{"line":1,"column":8}],"message":"no"}]}`,
		},
		"unions, times, no HTML escaping": {
			query: `{ found { ... on Actor { roles(first: 1) { since play { title } } } ... on Play { title } } }`,
			want:  `{"data":{"found":[{"roles":[{"since":"2024-05-01T10:00:00Z","play":{"title":"<Hamlet>"}}]},{"title":"Hamlet"}]}}`,
		},
		"an enum value that is none": {
			query: `{ actors { roles(first: 3) { kind } } }`,
			want:  `{"data":{"actors":[null,null,null]},"errors":[{"path":["actors",0,"roles",2,"kind"],"locations":[{"line":1,"column":30}],"message":"bug: \"WRONG\" is no Kind"},{"path":["actors",1],"locations":[{"line":1,"column":3}],"message":"left the company"}]}`,
		},
		"literals are coerced, with defaults": {
			query: `{ echo(filter: {min: 3, names: "one"}, id: 7, ratio: 2) }`,
			want:  `{"data":{"echo":"{\"filter\":{\"kind\":\"LEAD\",\"min\":3,\"names\":[\"one\"]},\"id\":\"7\",\"ratio\":2}"}}`,
		},
		"variables are coerced, inside objects too": {
			query:     `query($f: Filter, $id: ID, $min: Int!, $none: Float) { echo(filter: $f, id: $id, ratio: $none) b: echo(filter: {min: $min, kind: EXTRA}) }`,
			variables: `{"f": {"min": 3, "names": "one"}, "id": 7, "min": 1}`,
			want:      `{"data":{"echo":"{\"filter\":{\"kind\":\"LEAD\",\"min\":3,\"names\":[\"one\"]},\"id\":\"7\"}","b":"{\"filter\":{\"kind\":\"EXTRA\",\"min\":1}}"}}`,
		},
		"a variable that does not fit": {
			query:     `query($f: Filter!) { echo(filter: $f) }`,
			variables: `{"f": {"min": 1.5}}`,
			want:      `{"errors":[{"locations":[{"line":1,"column":7}],"message":"Variable $f of type Filter! was provided invalid value: min: could not coerce value 1.5 to Int"}]}`,
		},
		"an unknown field": {
			query: `{ person(name: "Ada") { shoe } }`,
			want:  `{"errors":[{"locations":[{"line":1,"column":25}],"message":"Cannot query field \"shoe\" on type \"Person\"."}]}`,
		},
		"a mutation": {
			query: `mutation { a: rename(to: "x") b: rename(to: "y") }`,
			want:  `{"data":{"a":"x","b":"y"}}`,
		},
		"nothing at all": {
			query: ``,
			want:  `{"errors":[{"message":"A query attribute must be specified and must be a string."}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			request := clientstest.Request{Query: test.query}
			if test.variables != "" {
				if err := json.Unmarshal([]byte(test.variables), &request.Variables); err != nil {
					t.Fatal(err)
				}
			}
			if got := answer(t, newTheatre(t), request); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// answer writes an answer as a server does.
func answer(t *testing.T, g *clientstest.GraphQL, request clientstest.Request) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(g.Do(t.Context(), request)); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestOperationNames(t *testing.T) {
	g := newTheatre(t)
	const two = `query A { many } query B { person(name: "Ada") { name } }`
	if got, want := answer(t, g, clientstest.Request{Query: two, OperationName: "B"}), `{"data":{"person":{"name":"Ada"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, name := range []string{"", "C"} {
		if got := answer(t, g, clientstest.Request{Query: two, OperationName: name}); strings.Contains(got, "data") {
			t.Errorf("operation %q: got %s", name, got)
		}
	}
}

// A client that reads the schema through the standard query finds what the SDL says.
func TestIntrospection(t *testing.T) {
	answered := newTheatre(t).Do(t.Context(), clientstest.Request{Query: introspection.Query})
	if len(answered.Errors) > 0 {
		t.Fatal(answered.Errors[0])
	}
	var data struct {
		Schema struct {
			QueryType struct{ Name string }
			Types     []struct {
				Kind, Name    string
				Fields        []struct{ Name string }
				PossibleTypes []struct{ Name string }
				EnumValues    []struct{ Name string }
				InputFields   []struct{ Name, DefaultValue string }
			}
		} `json:"__schema"`
	}
	if err := json.Unmarshal(answered.Data, &data); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, typ := range data.Schema.Types {
		found[typ.Kind+" "+typ.Name] = len(typ.Fields)*1000 + len(typ.PossibleTypes)*100 + len(typ.EnumValues)*10 + len(typ.InputFields)
	}
	for key, want := range map[string]int{
		"INTERFACE Person": 2200, "OBJECT Actor": 4000, "UNION Found": 200, "ENUM Kind": 20, "INPUT_OBJECT Filter": 3, "SCALAR DateTime": 0,
	} {
		if got, ok := found[key]; !ok || got != want {
			t.Errorf("%s: got %d, want %d", key, got, want)
		}
	}
	if data.Schema.QueryType.Name != "Query" {
		t.Errorf("query type %q", data.Schema.QueryType.Name)
	}
}

func TestLimits(t *testing.T) {
	g := newTheatre(t)
	g.Limits = clientstest.Limits{Tokens: 1000, Depth: 5, Values: 50}
	for name, query := range map[string]string{
		"values":   `{ many }`,
		"depth":    `{ person(name: "a") { agent { agent { agent { agent { name } } } } } }`,
		"tokens":   `{ ` + strings.Repeat("many ", 1000) + `}`,
		"fragment": `{ person(name: "a") { ...A } } fragment A on Person { agent { ...B } } fragment B on Person { agent { ...C } } fragment C on Person { agent { agent { name } } }`,
		"cycle":    `{ person(name: "a") { ...A } } fragment A on Person { agent { ...A } }`,
	} {
		if answered := g.Do(t.Context(), clientstest.Request{Query: query}); len(answered.Errors) != 1 {
			t.Errorf("%s: got %d errors, want one: %s", name, len(answered.Errors), answered.Data)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if answered := g.Do(stopped, clientstest.Request{Query: `{ person(name: "a") { name } }`}); len(answered.Errors) != 1 {
		t.Errorf("a client that has gone is still served: %s", answered.Data)
	}
}

func TestResolversNameFields(t *testing.T) {
	if _, err := clientstest.NewGraphQL(theatre, clientstest.Resolvers{"Query.persons": nil}); err == nil {
		t.Error("a resolver of a field that is not there is accepted")
	}
}

func FuzzExecute(f *testing.F) {
	f.Add(`{ person(name: "Ada") { name ... on Actor { roles { title } } } }`, `{}`)
	f.Add(`query($f: Filter) { echo(filter: $f) }`, `{"f": {"min": 1, "names": [null]}}`)
	f.Add(`{ __schema { types { name fields { args { name } } } } }`, `null`)
	f.Add(`{ found { ...F } } fragment F on Found { ...F }`, `[]`)
	g := newTheatre(f)
	g.Limits = clientstest.Limits{Tokens: 2000, Depth: 10, Values: 5000}
	f.Fuzz(func(t *testing.T, query, variables string) {
		request := clientstest.Request{Query: query}
		if json.Unmarshal([]byte(variables), &request.Variables) != nil {
			return
		}
		answered := g.Do(t.Context(), request)
		text, err := json.Marshal(answered)
		if err != nil || !json.Valid(text) {
			t.Fatalf("no JSON: %v: %s", err, answered.Data)
		}
	})
}
