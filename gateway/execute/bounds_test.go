package execute_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/server"
	"callboard.dev/callboard/gateway/supergraph"
)

// graphOf composes the schemas, by name in pairs, into a graph with the subgraphs.
func graphOf(t *testing.T, subgraphs map[string]execute.Subgraph, schemas ...string) *server.Graph {
	t.Helper()
	var list []compose.Subgraph
	for i := 0; i < len(schemas); i += 2 {
		link := `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])` + "\n"
		list = append(list, compose.Subgraph{Name: schemas[i], SDL: link + schemas[i+1]})
	}
	composed, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("test", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	return server.NewGraph(s, subgraphs, server.GraphSettings{})
}

// answers is a response, as far as tests look at it.
type answers struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, Subgraph string }
	}
}

func ask(ctx context.Context, t *testing.T, g *server.Graph, query string) answers {
	t.Helper()
	var out answers
	if err := json.Unmarshal(g.Execute(ctx, &server.Request{Query: query}).Body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (a answers) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// representations returns what the fetch sends, by the response key it is to be answered under.
func representations(t *testing.T, r *execute.Request) map[string][]map[string]any {
	t.Helper()
	var variables map[string]json.RawMessage
	if err := json.Unmarshal(r.Variables, &variables); err != nil {
		t.Fatal(err)
	}
	out := map[string][]map[string]any{}
	for _, e := range r.Fetch.Entities {
		var list []map[string]any
		if err := json.Unmarshal(variables[e.Variable], &list); err != nil {
			t.Fatal(err)
		}
		out[e.Key] = list
	}
	return out
}

func repeated(text string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(text+",", n), ",") + "]"
}

// TestEntityInManyPlaces has an entity with a long list in so many places that the response would be far larger than what subgraphs sent.
func TestEntityInManyPlaces(t *testing.T) {
	places, items := 10, 10
	g := graphOf(t, map[string]execute.Subgraph{
		"a": execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) {
			return &execute.Answer{Data: []byte(`{"list":` + repeated(`{"__typename":"T","id":"1"}`, places) + `}`)}, nil
		}),
		"b": execute.SubgraphFunc(func(_ context.Context, r *execute.Request) (*execute.Answer, error) {
			for key, list := range representations(t, r) {
				if len(list) != 1 {
					t.Errorf("%d representations of one entity", len(list))
				}
				return &execute.Answer{Data: []byte(`{"` + key + `":[{"items":` + repeated(`{"n":7}`, items) + `}]}`)}, nil
			}
			return &execute.Answer{}, nil
		}),
	}, "a", `type Query { list: [T] } type T @key(fields: "id") { id: ID! }`, "b", `type T @key(fields: "id") { id: ID! items: [Item] } type Item { n: Int }`)
	const query = `{ list { items { n } } }`
	if got, want := string(ask(t.Context(), t, g, query).Data), `{"list":`+repeated(`{"items":`+repeated(`{"n":7}`, items)+`}`, places)+`}`; got != want {
		t.Errorf("a small response is\n%s\nnot\n%s", got, want)
	}
	places, items = 5000, 5000
	if got := ask(t.Context(), t, g, query); got.code() != execute.CodeTooLarge || string(got.Data) != "null" {
		t.Errorf("code %q and %d bytes of data, want %s and null", got.code(), len(got.Data), execute.CodeTooLarge)
	}
}

// TestSharedInShared follows lists from entity to entity and back. The same few entities are met again at each level, on ways whose number is
// 20 to the power of the level: that the test ends is the proof that none is walked more than once.
func TestSharedInShared(t *testing.T) {
	const n = 20
	list := func(more string) string {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(`{"id":"%d"%s}`, i, more))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	member := map[string]string{"T": `"us":` + list(""), "U": `"ts":` + list("")}
	fetches := 0
	entities := execute.SubgraphFunc(func(_ context.Context, r *execute.Request) (*execute.Answer, error) {
		fetches++
		if r.Fetch.Root != nil {
			return &execute.Answer{Data: []byte(`{"t":` + list(","+member["T"]) + `}`)}, nil
		}
		answer := &execute.Answer{}
		var fields []string
		for key, list := range representations(t, r) {
			if len(list) != n {
				t.Errorf("%d representations of %d entities", len(list), n)
			}
			var items []string
			for _, one := range list {
				items = append(items, `{`+member[one["__typename"].(string)]+`}`)
			}
			fields = append(fields, `"`+key+`":[`+strings.Join(items, ",")+`]`)
			answer.Errors = append(answer.Errors, execute.SubgraphError{Message: "no", Path: []any{key, n - 1}})
		}
		answer.Data = []byte("{" + strings.Join(fields, ",") + "}")
		return answer, nil
	})
	g := graphOf(t, map[string]execute.Subgraph{"a": entities, "b": entities},
		"a", `type Query { t: [T] } type T @key(fields: "id") { id: ID! us: [U] } type U @key(fields: "id") { id: ID! }`,
		"b", `type U @key(fields: "id") { id: ID! ts: [T] } type T @key(fields: "id") { id: ID! }`)
	got := ask(t.Context(), t, g, `{ t { us { ts { us { id } } } } }`)
	if len(got.Errors) != 2 || fmt.Sprint(got.Errors[1].Path) != "[t 0 us 0 ts 19]" {
		t.Errorf("four levels: errors %v, want two, and the path of the first place", got.Errors)
	}
	if len(got.Data) < n*n*n*n {
		t.Errorf("four levels: %d bytes of data for %d places", len(got.Data), n*n*n*n)
	}
	deep := "id"
	for range 6 {
		deep = "us { ts { " + deep + " } }"
	}
	fetches = 0
	if got := ask(t.Context(), t, g, "{ t { "+deep+" } }"); got.code() != execute.CodeTooLarge || fetches != 12 {
		t.Errorf("twelve levels: code %q after %d fetches, want %s after 12", got.code(), fetches, execute.CodeTooLarge)
	}
}

// resolving is a gqlgen schema of which one operation resolves so many fields, one after the other.
type resolving struct {
	fields   int
	value    any
	resolved *int
	before   func(i int) // called before field i is resolved
}

var oneField = gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { f: String }"})

func (e resolving) Schema() *ast.Schema { return oneField }

func (e resolving) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (e resolving) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	for i := range e.fields {
		if e.before != nil {
			e.before(i)
		}
		_, _ = operation.ResolverMiddleware(ctx, func(context.Context) (any, error) {
			*e.resolved++
			return e.value, nil
		})
	}
	return graphql.OneShot(&graphql.Response{Data: []byte(`{"f":"done"}`)})
}

func TestQuota(t *testing.T) {
	megabyte := strings.Repeat("x", 1<<20)
	tests := []struct {
		name     string
		fields   int
		value    any
		code     string
		resolved int
	}{
		{"as many values as there may be", execute.DefaultMaxValues, 1, "", execute.DefaultMaxValues},
		{"one value more", execute.DefaultMaxValues + 1, 1, execute.CodeTooLarge, execute.DefaultMaxValues},
		{"ten times as many", 10 * execute.DefaultMaxValues, 1, execute.CodeTooLarge, execute.DefaultMaxValues},
		{"as much text as there may be", execute.DefaultMaxAnswer >> 20, megabyte, "", execute.DefaultMaxAnswer >> 20},
		{"more text", 100, megabyte, execute.CodeTooLarge, execute.DefaultMaxAnswer>>20 + 1},
		{"more text behind pointers", 100, &megabyte, execute.CodeTooLarge, execute.DefaultMaxAnswer>>20 + 1},
		{"more text in lists", 100, []string{megabyte}, execute.CodeTooLarge, execute.DefaultMaxAnswer>>20 + 1},
		{"more bytes", 100, json.RawMessage(megabyte), execute.CodeTooLarge, execute.DefaultMaxAnswer>>20 + 1},
		{"more text in maps", 100, map[string]string{"x": megabyte}, execute.CodeTooLarge, execute.DefaultMaxAnswer >> 20},
		{"null pointers", 10, (*string)(nil), "", 10},
		{"null pointers to others", 10, (*json.RawMessage)(nil), "", 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resolved := 0
			g := graphOf(t, map[string]execute.Subgraph{"a": execute.NewInProcess(resolving{fields: test.fields, value: test.value, resolved: &resolved}, nil)}, "a", "type Query { f: String }")
			got := ask(t.Context(), t, g, "{ f }")
			if got.code() != test.code {
				t.Errorf("code %q, want %q: %v", got.code(), test.code, got.Errors)
			}
			if resolved != test.resolved {
				t.Errorf("%d fields were resolved, want %d", resolved, test.resolved)
			}
			if test.code != "" && (len(got.Errors) != 1 || got.Errors[0].Extensions.Subgraph != "a" || fmt.Sprint(got.Errors[0].Path) != "[f]") {
				t.Errorf("errors %v, want one that names the subgraph and the path", got.Errors)
			}
		})
	}
}

// TestQuotaIsOfTheOperation asks one subgraph twice in one operation: what the first fetch took is gone for the second.
func TestQuotaIsOfTheOperation(t *testing.T) {
	resolved := 0
	subgraph := execute.NewInProcess(resolving{fields: 60, value: 1, resolved: &resolved}, nil)
	quota := execute.NewQuota(100)
	fetch := &execute.Request{Text: "{f}", Quota: quota}
	if _, err := subgraph.Fetch(t.Context(), fetch); err != nil {
		t.Fatal(err)
	}
	if _, err := subgraph.Fetch(t.Context(), fetch); err == nil || resolved != 100 {
		t.Errorf("error %v after %d fields, want one after 100", err, resolved)
	}
}

// TestResolvingEndsWithTheContext has the client go away while fields are resolved.
func TestResolvingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		resolved := 0
		schema := resolving{fields: 1000, value: 1, resolved: &resolved, before: func(i int) {
			if i == 10 {
				cancel()
				synctest.Wait()
			}
		}}
		g := graphOf(t, map[string]execute.Subgraph{"a": execute.NewInProcess(schema, nil)}, "a", "type Query { f: String }")
		if got := ask(ctx, t, g, "{ f }"); got.code() != execute.CodeCancelled || resolved != 10 {
			t.Errorf("code %q after %d fields, want %s after 10", got.code(), resolved, execute.CodeCancelled)
		}
	})
}

// TestHeavyOperationsTakeTurns has many operations with many values arrive at once: few run at a time, and small ones are not held up by them.
func TestHeavyOperationsTakeTurns(t *testing.T) {
	slots := max(2, runtime.GOMAXPROCS(0))
	entered, leave := make(chan struct{}), make(chan struct{})
	heavy := func(ctx context.Context) string {
		resolved := 0
		g := graphOf(t, map[string]execute.Subgraph{"a": execute.NewInProcess(resolving{fields: 20_000, value: 1, resolved: &resolved, before: func(i int) {
			if i == 15_000 && ctx.Err() == nil {
				entered <- struct{}{}
				<-leave
			}
		}}, nil)}, "a", "type Query { f: String }")
		return ask(ctx, t, g, "{ f }").code()
	}
	results := make(chan string)
	for range 5 * slots {
		go func() { results <- heavy(t.Context()) }()
	}
	for range slots {
		<-entered
	}
	resolved := 0
	light := graphOf(t, map[string]execute.Subgraph{"a": execute.NewInProcess(resolving{fields: 1000, value: 1, resolved: &resolved}, nil)}, "a", "type Query { f: String }")
	for range 100 {
		if got := ask(t.Context(), t, light, "{ f }"); got.code() != "" {
			t.Fatalf("a small operation beside heavy ones: code %q", got.code())
		}
	}
	select {
	case <-entered:
		t.Errorf("more than %d heavy operations run at once", slots)
	default:
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := heavy(gone); got != execute.CodeCancelled {
		t.Errorf("one that need not be answered any more: code %q, want %s", got, execute.CodeCancelled)
	}
	close(leave)
	for done := 0; done < 5*slots; {
		select {
		case <-entered:
		case code := <-results:
			done++
			if code != "" {
				t.Errorf("a heavy operation that had to wait: code %q", code)
			}
		}
	}
}

// TestDocumentsAreBounded keeps ever more operations of 100 KB each.
func TestDocumentsAreBounded(t *testing.T) {
	documents := execute.NewDocuments()
	text := func(i int) string { return fmt.Sprintf("{f} # %d %s", i, strings.Repeat("x", 100_000)) }
	documents.Add(t.Context(), text(0), &ast.QueryDocument{})
	if _, known := documents.Get(t.Context(), text(0)); !known {
		t.Error("one operation is not kept")
	}
	for i := range 1000 {
		documents.Add(t.Context(), text(i), &ast.QueryDocument{})
	}
	kept := func() (n int) {
		for i := range 1000 {
			if _, known := documents.Get(t.Context(), text(i)); known {
				n++
			}
		}
		return n
	}
	for kept() > 20 { // the cache may lag behind a little: that the test ends is the proof that it follows
		runtime.Gosched()
	}
}
