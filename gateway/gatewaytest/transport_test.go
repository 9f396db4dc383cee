package gatewaytest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// twoSubgraphs is a graph of which one subgraph works and the other is what a test makes of it.
func twoSubgraphs(t testing.TB, second execute.Subgraph) *Gateway {
	gateway := graphOf(t, map[string]string{
		"good": `type Query { users: [User] }  type User @key(fields: "id") { id: ID! name: String! }`,
		"bad":  `type Query { motto: String }  type User @key(fields: "id") { id: ID! mail: String age: Int friends: [User] }`,
	})
	gateway.Executor.Subgraphs["bad"] = second
	return gateway
}

// respond is a subgraph over HTTP that answers everything alike.
func respond(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const badQuery = "{ users { name mail age friends { mail } } }"

// TestBadAnswers puts a subgraph that answers badly beside one that works. The client gets a valid answer each time: what the working one knows, null
// for the rest, and an error with a code that says nothing of what is inside.
func TestBadAnswers(t *testing.T) {
	const asJSON, asGraphQL = "application/json", "application/graphql-response+json"
	good := `{"data":{"_entities":[{"mail":"a","age":1,"friends":[]},{"mail":"b","age":2,"friends":[]}]}}`
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", asJSON)
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		spaces := bytes.Repeat([]byte(" "), 1<<20)
		for range 64 {
			z.Write(spaces)
		}
		z.Close()
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", asJSON)
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, good)
		panic(http.ErrAbortHandler)
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		code   string // of the first error; "" for none
	}{
		{"good", respond(200, asJSON, good), ""},
		{"good, with its charset", respond(200, asGraphQL+"; charset=utf-8", good), ""},
		{"good, with a status that is not", respond(500, asGraphQL, `{"errors":[{"message":"secret"}],"data":null}`), execute.CodeSubgraph},
		{"404 as text", respond(404, "text/plain", "secret not found"), execute.CodeStatus},
		{"401 as HTML", respond(401, "text/html", "<html>secret</html>"), execute.CodeStatus},
		{"429 as JSON that is not GraphQL", respond(429, asJSON, `{"secret":1}`), execute.CodeStatus},
		{"500 with GraphQL errors", respond(500, asJSON, `{"errors":[{"message":"secret","extensions":{"code":"NOT_FOUND"}}]}`), "NOT_FOUND"},
		{"502 with data and no errors", respond(502, asJSON, good), execute.CodeStatus},
		{"503 and nothing", respond(503, "", ""), execute.CodeStatus},
		{"200 and nothing", respond(200, asJSON, ""), execute.CodeBadAnswer},
		{"200 as text", respond(200, "text/html", good), execute.CodeBadAnswer},
		{"200 without a content type that can be read", respond(200, ";;;", good), execute.CodeBadAnswer},
		{"not JSON", respond(200, asJSON, "secret"), execute.CodeBadAnswer},
		{"JSON that ends too early", respond(200, asJSON, good[:40]), execute.CodeBadAnswer},
		{"JSON with something behind it", respond(200, asJSON, good+"x"), execute.CodeBadAnswer},
		{"a list", respond(200, asJSON, "[1,2]"), execute.CodeBadAnswer},
		{"null", respond(200, asJSON, "null"), execute.CodeBadAnswer},
		{"an empty object", respond(200, asJSON, "{}"), execute.CodeBadAnswer},
		{"errors that are not a list", respond(200, asJSON, `{"errors":"secret"}`), execute.CodeBadAnswer},
		{"errors that are null, and data", respond(200, asJSON, strings.Replace(good, "{", `{"errors":null,`, 1)), ""},
		{"errors without a message", respond(200, asJSON, `{"errors":[{}],"data":null}`), execute.CodeSubgraph},
		{"an empty list of errors, and no data", respond(200, asJSON, `{"errors":[]}`), execute.CodeBadAnswer},
		{"errors with a path that is nowhere", respond(200, asJSON, `{"errors":[{"message":"secret","path":["_entities",99,"x",-1,null,{}]}],"data":null}`), execute.CodeSubgraph},
		{"errors with a position that is huge", respond(200, asJSON, `{"errors":[{"message":"secret","path":["_entities",1e300]}],"data":null}`), execute.CodeSubgraph},
		{"errors without a path", respond(200, asJSON, `{"errors":[{"message":"secret"}],"data":{"_entities":[null,null]}}`), execute.CodeSubgraph},
		{"a code that is a text", respond(200, asJSON, `{"errors":[{"message":"x","extensions":{"code":"secret at 10.0.0.1"}}]}`), execute.CodeSubgraph},
		{"data that is a list", respond(200, asJSON, `{"data":[]}`), execute.CodeBadAnswer},
		{"data that is text", respond(200, asJSON, `{"data":"secret"}`), execute.CodeBadAnswer},
		{"data that is null, without errors", respond(200, asJSON, `{"data":null}`), execute.CodeBadAnswer},
		{"entities that are an object", respond(200, asJSON, `{"data":{"_entities":{}}}`), execute.CodeBadAnswer},
		{"entities that are null", respond(200, asJSON, `{"data":{"_entities":null}}`), execute.CodeBadAnswer},
		{"entities that are text", respond(200, asJSON, `{"data":{"_entities":["secret","secret"]}}`), execute.CodeBadAnswer},
		{"too few entities", respond(200, asJSON, `{"data":{"_entities":[{"mail":"a"}]}}`), execute.CodeBadAnswer},
		{"too many entities", respond(200, asJSON, `{"data":{"_entities":[null,null,null]}}`), execute.CodeBadAnswer},
		{"a field of the wrong type", respond(200, asJSON, `{"data":{"_entities":[{"mail":{"secret":1},"age":"x","friends":3},null]}}`), execute.CodeBadAnswer},
		{"a list where there is none", respond(200, asJSON, `{"data":{"_entities":[{"mail":["secret"],"age":[[1]],"friends":[[[]]]},null]}}`), execute.CodeBadAnswer},
		{"one member twice", respond(200, asJSON, `{"data":{"_entities":[{"mail":"a","mail":{"b":1},"friends":[{"mail":"x"}],"friends":[]},null]},"data":{"_entities":[null,null]}}`), ""},
		{"a broken text", respond(200, asJSON, "{\"data\":{\"_entities\":[{\"mail\":\"\xff\xfe\"},null]}}"), execute.CodeBadAnswer},
		{"a control character in a text", respond(200, asJSON, "{\"data\":{\"_entities\":[{\"mail\":\"a\nb\"},null]}}"), execute.CodeBadAnswer},
		{"a number that is not JSON's", respond(200, asJSON, `{"data":{"_entities":[{"age":01},null]}}`), execute.CodeBadAnswer},
		{"nested too deep", respond(200, asJSON, `{"data":{"_entities":`+strings.Repeat("[", 100_000)), execute.CodeBadAnswer},
		{"nested too deep in errors", respond(200, asJSON, `{"errors":`+strings.Repeat(`[{"path":`, 50_000)), execute.CodeBadAnswer},
		{"too large", respond(200, asJSON, `{"data":{"x":"`+strings.Repeat("x", 2<<20)+`"}}`), execute.CodeBadAnswer},
		{"a small answer that unpacks into a large one", bomb, execute.CodeBadAnswer},
		{"a connection that breaks in the middle", cut, execute.CodeUnreachable},
		{"a connection that breaks before the answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, execute.CodeUnreachable},
		{"204 and nothing", respond(204, "", ""), execute.CodeBadAnswer},
		{"200 without a content type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, good)
		}, execute.CodeBadAnswer},
		{"a byte order mark before the JSON", respond(200, asJSON, "\xef\xbb\xbf"+good), execute.CodeBadAnswer},
		{"an encoding that nobody asked for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", asJSON)
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "secret")
		}, execute.CodeBadAnswer},
		{"gzip that is damaged", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", asJSON)
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b\x08\x00secret"+strings.Repeat("\xff", 40))
		}, execute.CodeBadAnswer},
		{"more header fields than there is room for", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-Secret-%d", i), strings.Repeat("x", 100))
			}
			io.WriteString(w, good)
		}, execute.CodeBadAnswer},
		{"entities that are not known there", respond(200, asJSON, `{"data":{"_entities":[null,null]}}`), ""},
		{"members that were not asked for, and none that were", respond(200, asJSON, `{"data":{"_entities":[{"secret":1},{"__typename":"Secret"}]}}`), ""},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, execute.CodeStatus},
		{"a redirect to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, execute.CodeStatus},
	}
	rows := []string{"| the subgraph | its fields | code | message |", "| --- | --- | --- | --- |"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(test.answer)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			client := server.Client()
			client.CheckRedirect = execute.DefaultClient.CheckRedirect
			client.Transport.(*http.Transport).MaxResponseHeaderBytes = 64 << 10
			plain := badly(t, twoSubgraphs(t, &execute.HTTP{URL: server.URL, MaxAnswer: 1 << 20}), test.code)
			code := test.code
			if strings.HasPrefix(test.name, "more header fields") { // which net/http tells as it tells a broken connection
				code = execute.CodeUnreachable
			}
			other := badly(t, twoSubgraphs(t, &execute.HTTP{URL: server.URL, Client: client, MaxAnswer: 1 << 20}), code)
			if plain.fields != other.fields || plain.failed != other.failed {
				t.Errorf("over one transport %+v, over the other %+v", plain, other)
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", test.name, plain.fields, plain.code, plain.message))
		})
	}
	unreached := badly(t, twoSubgraphs(t, nil), execute.CodeUnreachable)
	late := badly(t, twoSubgraphs(t, &execute.HTTP{URL: "http://subgraph.example", Client: &http.Client{Transport: silent{}}, Timeout: time.Nanosecond}), execute.CodeTimeout)
	rows = append(rows, fmt.Sprintf("| no address | %s | %s | %s |", unreached.fields, unreached.code, unreached.message), fmt.Sprintf("| no answer in time | %s | %s | %s |", late.fields, late.code, late.message))
	readmeTable(t, "../README.md", "bad answers", strings.Join(rows, "\n")+"\n")
}

// readmeTable compares a table with the one between two comments of a page; -update rewrites it.
func readmeTable(t *testing.T, page, name, table string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+": made by a test -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	have, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has no table between %q and %q", page, begin, end)
	}
	if have == table {
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the table %s of %s is stale; -update rewrites it:\n%s", name, page, cmp.Diff(have, table))
}

// gotten is what a client got of a subgraph that answered badly.
type gotten struct {
	fields        string // "null", "as answered" or "null where wrong"
	code, message string // of the first error
	failed        bool
}

// badly asks for what both subgraphs know and checks that the answer holds what the good one does, and the code.
func badly(t *testing.T, gateway *Gateway, code string) gotten {
	t.Helper()
	result := gateway.Do(t.Context(), Request{Query: badQuery})
	response, err := result.Response()
	if err != nil {
		t.Fatalf("%v: %s", err, result.Body)
	}
	var data struct {
		Users []struct {
			Name    string
			Mail    *string
			Age     *int
			Friends []any
		}
	}
	if err := json.Unmarshal(response.Data, &data); err != nil || len(data.Users) != 2 || data.Users[0].Name == "" {
		t.Errorf("the fields of the other subgraph are gone: %v: %s", err, result.Body)
	}
	if !strings.Contains(string(response.Data), `"friends":`) {
		t.Errorf("a field that could not be fetched is not there at all: %s", result.Body)
	}
	codes := response.Codes()
	if code == "" && len(codes) > 0 || code != "" && (len(codes) == 0 || codes[0] != code) {
		t.Errorf("codes %v, want %q: %s", codes, code, result.Body)
	}
	if bytes.Contains(result.Body, []byte("secret")) || bytes.Contains(result.Body, []byte("127.0.0.1")) || bytes.Contains(result.Body, []byte("192.0.2.1")) {
		t.Errorf("text of the subgraph, or its address, reached the client: %s", result.Body)
	}
	if len(result.Body) > 64<<10 {
		t.Errorf("the answer has %d bytes", len(result.Body))
	}
	out := gotten{fields: "null", failed: len(codes) > 0}
	for _, user := range data.Users {
		if user.Mail != nil || user.Age != nil || user.Friends != nil {
			out.fields = "as answered"
		}
	}
	if out.failed {
		out.code, out.message = codes[0], response.Errors[0].Message
		if out.fields != "null" {
			out.fields = "null where wrong"
		}
	}
	return out
}

// TestNoConnection asks a subgraph at an address where nobody listens, and at one that is not an address.
func TestNoConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no socket here: %v", err)
	}
	address := listener.Addr().String()
	listener.Close()
	badly(t, twoSubgraphs(t, &execute.HTTP{URL: "http://" + address}), execute.CodeUnreachable)
	badly(t, twoSubgraphs(t, &execute.HTTP{URL: "http://secret host/%%"}), execute.CodeUnreachable)
	badly(t, twoSubgraphs(t, nil), execute.CodeUnreachable)
}

// silent is a transport that never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// drip is a transport that answers at once with a body that never ends.
type drip struct{}

func (drip) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, Body: &endless{r.Context()}}, nil
}

type endless struct{ ctx context.Context }

func (e *endless) Read(p []byte) (int, error) {
	select {
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	}
}

func (e *endless) Close() error { return nil }

// TestTimeout gives up on a subgraph that says nothing, or too little too slowly, after its time and not before. The clock is not the real one.
func TestTimeout(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{"silent": silent{}, "dripping": drip{}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				badly(t, twoSubgraphs(t, &execute.HTTP{URL: "http://bad/", Client: &http.Client{Transport: transport}, Timeout: 7 * time.Second}), execute.CodeTimeout)
				if waited := time.Since(start); waited != 7*time.Second {
					t.Errorf("waited %v", waited)
				}
			})
		})
	}
}

// TestClientGone ends what is under way when the request's context ends.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := twoSubgraphs(t, &execute.HTTP{URL: "http://bad/", Client: &http.Client{Transport: silent{}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		result := gateway.Do(ctx, Request{Query: badQuery})
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		response, err := result.Response()
		if err != nil || len(response.Errors) == 0 {
			t.Errorf("%v: %s", err, result.Body)
		}
	})
}

// TestPanic contains what a subgraph in this process panics with to its own fields.
func TestPanic(t *testing.T) {
	badly(t, twoSubgraphs(t, execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) {
		panic("secret")
	})), execute.CodeInternal)
	badly(t, twoSubgraphs(t, execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) { return nil, nil })), execute.CodeInternal)
}

// TestErrorFlood answers with as many errors as fit. The client gets a bounded list that says how many more there are.
func TestErrorFlood(t *testing.T) {
	flood := `{"errors":[` + strings.Repeat(`{"message":"secret","path":["_entities",0,"mail"]},`, 100_000) + `{"message":"secret"}],"data":{"_entities":[null,null]}}`
	gateway := twoSubgraphs(t, execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) {
		return execute.ReadAnswer([]byte(flood))
	}))
	badly(t, gateway, execute.CodeSubgraph)
}

// TestForwardedHeaders passes on the headers a subgraph is configured to get, and no others.
func TestForwardedHeaders(t *testing.T) {
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		respond(200, "application/json", `{"data":{"_entities":[null,null]}}`)(w, r)
	}))
	defer server.Close()
	gateway := twoSubgraphs(t, &execute.HTTP{URL: server.URL, Client: server.Client(), Forward: []string{"x-tenant", "Missing"}, Header: map[string]string{"X-Own": "1"}})
	header := http.Header{"X-Tenant": {"t1"}, "Authorization": {"secret"}, "Cookie": {"secret"}, "X-Own": {"theirs"}}
	gateway.Do(t.Context(), Request{Query: badQuery, Header: header})
	sent := <-got
	if sent.Get("X-Tenant") != "t1" || sent.Get("X-Own") != "1" || sent.Get("Authorization") != "" || sent.Get("Cookie") != "" {
		t.Errorf("headers sent: %v", sent)
	}
}

// TestMutationsRunOnce answers a mutation from a subgraph that fails. It is asked once.
func TestMutationsRunOnce(t *testing.T) {
	for _, status := range []int{200, 500, 503} {
		a, world := open(t, "../testdata/mutation-order.txtar", nil)
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte("mutation")) {
				asked++
			}
			respond(status, "text/plain", "no")(w, r)
		}))
		world.Gateway.Executor.Subgraphs["pay"] = &execute.HTTP{URL: server.URL, Client: server.Client()}
		world.Gateway.Do(t.Context(), a.Request)
		server.Close()
		if asked != 1 {
			t.Errorf("with status %d the mutation was sent %d times", status, asked)
		}
	}
}

// TestObserver is told about every fetch once, failed or not.
func TestObserver(t *testing.T) {
	gateway := twoSubgraphs(t, nil)
	seen := make(chan string, 10)
	gateway.Executor.Observe = execute.Observer{FetchDone: func(f *plan.Fetch, answer *execute.Answer, err error) {
		seen <- fmt.Sprintf("%s %v", f.Subgraph, err == nil)
	}}
	gateway.Do(t.Context(), Request{Query: badQuery + " "})
	close(seen)
	var all []string
	for one := range seen {
		all = append(all, one)
	}
	if strings.Join(all, ", ") != "good true, bad false" {
		t.Errorf("seen %v", all)
	}
	if gateway.Executor.Subgraphs[supergraph.IntrospectionName] == nil {
		t.Error("the gateway has no introspection subgraph")
	}
}

// TestHandshakeOfASubgraphThatNeverEnds asks a subgraph that takes the connection and never says a word of TLS.
func TestHandshakeOfASubgraphThatNeverEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no socket here: %v", err)
	}
	defer listener.Close()
	go func() {
		var open []net.Conn // held: one that nobody holds is closed when the garbage is collected
		for {
			c, err := listener.Accept()
			if err != nil {
				break
			}
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	badly(t, twoSubgraphs(t, &execute.HTTP{URL: "https://" + listener.Addr().String(), Timeout: 50 * time.Millisecond}), execute.CodeTimeout)
}
