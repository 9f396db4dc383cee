package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/server"
)

const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	okBody       = `{"data":{"answer":42}}`
)

// recorder is an Executor that answers everything and remembers the last request.
type recorder struct {
	last     *server.Request
	response *server.Response // nil means okBody
}

func (e *recorder) Execute(_ context.Context, r *server.Request) *server.Response {
	e.last = r
	if e.response != nil {
		return e.response
	}
	return &server.Response{Body: []byte(okBody), Executed: true}
}

// send hands a request to a server and returns the answer. Headers are given as "Name: value".
func send(h http.Handler, method, target, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:4000"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// code returns extensions.code of the first error, or "" where the body has no error; it fails the test where the body is no GraphQL response.
func code(t *testing.T, response *http.Response) string {
	t.Helper()
	body, _ := io.ReadAll(response.Body)
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("the body is not JSON: %v\n%s", err, body)
	}
	if len(answer.Errors) == 0 {
		if answer.Data == nil {
			t.Fatalf("the body has neither data nor errors: %s", body)
		}
		return ""
	}
	if answer.Errors[0].Message == "" || answer.Errors[0].Extensions.Code == "" {
		t.Fatalf("an error without message or code: %s", body)
	}
	return answer.Errors[0].Extensions.Code
}

func media(response *http.Response) string {
	name, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	return name
}

// a rule is one row of a table: a request, and the status and code it must get.
type rule struct {
	name    string
	method  string
	target  string // after /graphql
	body    string
	headers []string
	status  int
	code    string
}

const asJSON = "Content-Type: application/json"

func checkRules(t *testing.T, settings server.Settings, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			e := &recorder{}
			response := send(server.New(e, settings), r.method, "/graphql"+r.target, r.body, r.headers...)
			if got := code(t, response); response.StatusCode != r.status || got != r.code {
				t.Errorf("status %d and code %q, want %d and %q", response.StatusCode, got, r.status, r.code)
			}
			if executed := e.last != nil; executed != (r.code == "") {
				t.Errorf("executed: %v", executed)
			}
			if r.status == 405 && response.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestMethodsAndMediaTypes(t *testing.T) {
	const query = `{"query":"{a}"}`
	checkRules(t, server.Settings{}, []rule{
		{"POST JSON", "POST", "", query, []string{asJSON}, 200, ""},
		{"POST JSON in UTF-8", "POST", "", query, []string{"Content-Type: application/json; charset=UTF-8"}, 200, ""},
		{"POST in UTF-16", "POST", "", query, []string{"Content-Type: application/json; charset=utf-16"}, 415, server.CodeMediaType},
		{"POST in UTF-7", "POST", "", query, []string{"Content-Type: application/json; charset=utf-7"}, 415, server.CodeMediaType},
		{"POST without a type", "POST", "", query, nil, 415, server.CodeMediaType},
		{"POST text", "POST", "", query, []string{"Content-Type: text/plain"}, 415, server.CodeMediaType},
		{"POST a form", "POST", "", "query={a}", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, server.CodeMediaType},
		{"POST a multipart form", "POST", "", query, []string{"Content-Type: multipart/form-data; boundary=x"}, 415, server.CodeMediaType},
		{"POST a type that hides another", "POST", "", query, []string{"Content-Type: application/json, text/plain"}, 415, server.CodeMediaType},
		{"POST two types", "POST", "", query, []string{asJSON, "Content-Type: text/plain"}, 415, server.CodeMediaType},
		{"PUT", "PUT", "", query, []string{asJSON}, 405, server.CodeMethod},
		{"DELETE", "DELETE", "", "", nil, 405, server.CodeMethod},
		{"PATCH", "PATCH", "", query, []string{asJSON}, 405, server.CodeMethod},
		{"GET", "GET", "?query={a}", "", []string{"GraphQL-Require-Preflight: 1"}, 200, ""},
		{"accepts a page only", "POST", "", query, []string{asJSON, "Accept: text/html"}, 406, server.CodeNotAcceptable},
		{"accepts another charset only", "POST", "", query, []string{asJSON, "Accept: application/json; charset=latin1"}, 406, server.CodeNotAcceptable},
		{"accepts nothing of ours", "POST", "", query, []string{asJSON, "Accept: application/json;q=0, application/graphql-response+json;q=0"}, 406, server.CodeNotAcceptable},
	})
}

func TestAccept(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", mediaGraphQL},
		{"*/*", mediaGraphQL},
		{"application/*", mediaGraphQL},
		{mediaJSON, mediaJSON},
		{mediaGraphQL, mediaGraphQL},
		{"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", mediaGraphQL},
		{"application/json, application/graphql-response+json", mediaJSON},
		{"application/json;q=0.9, application/graphql-response+json;q=0.8", mediaJSON},
		{"application/json;q=0.8, application/graphql-response+json", mediaGraphQL},
		{"application/json, */*", mediaJSON},
		{"application/json, multipart/mixed", mediaJSON},
		{"*/*, application/json", mediaGraphQL},
		{"application/graphql-response+json;q=0, */*", mediaJSON},
		{"text/html, application/xhtml+xml, */*;q=0.8", mediaGraphQL},
		{"APPLICATION/JSON", mediaJSON},
		{"nonsense, application/json", mediaJSON},
	}
	for _, test := range tests {
		headers := []string{asJSON}
		if test.accept != "" {
			headers = append(headers, "Accept: "+test.accept)
		}
		response := send(server.New(&recorder{}, server.Settings{}), "POST", "/graphql", `{"query":"{a}"}`, headers...)
		if got := media(response); got != test.want {
			t.Errorf("Accept %q: answered with %s, want %s", test.accept, got, test.want)
		}
		if vary := strings.Join(response.Header.Values("Vary"), ","); !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Origin") {
			t.Errorf("Vary is %q", vary)
		}
	}
}

func TestStatusOfAnswers(t *testing.T) {
	failed := []byte(`{"errors":[{"message":"no","extensions":{"code":"X"}}]}`)
	tests := []struct {
		name          string
		response      server.Response
		graphql, json int
	}{
		{"executed", server.Response{Body: []byte(okBody), Executed: true}, 200, 200},
		{"partly failed", server.Response{Body: []byte(`{"data":null,"errors":[{"message":"no","extensions":{"code":"X"}}]}`), Executed: true}, 200, 200},
		{"request error", server.Response{Body: failed}, 400, 200},
		{"mutation with GET", server.Response{Body: failed, NotAllowed: true}, 405, 405},
		{"forced", server.Response{Body: failed, Status: 503}, 503, 503},
	}
	for _, test := range tests {
		for accept, want := range map[string]int{mediaGraphQL: test.graphql, mediaJSON: test.json} {
			response := send(server.New(&recorder{response: &test.response}, server.Settings{}), "POST", "/graphql", `{"query":"{a}"}`, asJSON, "Accept: "+accept)
			if response.StatusCode != want {
				t.Errorf("%s, %s: status %d, want %d", test.name, accept, response.StatusCode, want)
			}
			if allow := response.Header.Get("Allow"); (allow == "POST") != test.response.NotAllowed {
				t.Errorf("%s: Allow is %q", test.name, allow)
			}
			if body, _ := io.ReadAll(response.Body); !bytes.Equal(body, test.response.Body) {
				t.Errorf("%s: the body was changed: %s", test.name, body)
			}
		}
	}
}

func TestBodies(t *testing.T) {
	post := func(name, body string, status int, code string) rule {
		return rule{name, "POST", "", body, []string{asJSON}, status, code}
	}
	deep := strings.Repeat("[", 99) + strings.Repeat("]", 99)
	checkRules(t, server.Settings{}, []rule{
		post("nothing", "", 400, server.CodeBadRequest),
		post("not JSON", "{a}", 400, server.CodeBadRequest),
		post("cut off", `{"query":`, 400, server.CodeBadRequest),
		post("a batch", `[{"query":"{a}"}]`, 400, server.CodeBatching),
		post("an empty batch", ` []`, 400, server.CodeBatching),
		post("a string", `"{a}"`, 400, server.CodeBadRequest),
		post("null", `null`, 400, server.CodeBadRequest),
		post("trailing garbage", `{"query":"{a}"} x`, 400, server.CodeBadRequest),
		post("two requests", `{"query":"{a}"}{"query":"{b}"}`, 400, server.CodeBadRequest),
		post("no query", `{"qeury":"{a}"}`, 400, server.CodeBadRequest),
		post("null query", `{"query":null}`, 400, server.CodeBadRequest),
		post("query of the wrong case", `{"Query":"{a}"}`, 400, server.CodeBadRequest),
		post("query is an object", `{"query":{}}`, 400, server.CodeBadRequest),
		post("query is a number", `{"query":1}`, 400, server.CodeBadRequest),
		post("variables are a list", `{"query":"{a}","variables":[7]}`, 400, server.CodeBadRequest),
		post("variables are text", `{"query":"{a}","variables":"{}"}`, 400, server.CodeBadRequest),
		post("extensions are a number", `{"query":"{a}","extensions":1}`, 400, server.CodeBadRequest),
		post("operationName is a number", `{"query":"{a}","operationName":1}`, 400, server.CodeBadRequest),
		post("not UTF-8", "{\"query\":\"{a(b:\\\"\xff\\\")}\"}", 400, server.CodeBadRequest),
		post("as deep as allowed", `{"query":"{a}","x":`+deep+`}`, 200, ""),
		post("too deep", `{"query":"{a}","x":[`+deep+`]}`, 400, server.CodeBadRequest),
		post("deep without end", strings.Repeat("[", 1<<19), 400, server.CodeBadRequest),
		post("nulls are nothing", `{"query":"{a}","variables":null,"operationName":null,"extensions":null}`, 200, ""),
		post("no query but a persisted one", `{"extensions":{"persistedQuery":{"version":1}}}`, 200, ""),
		post("no query and other extensions", `{"extensions":{"sources":true}}`, 400, server.CodeBadRequest),
	})
}

func TestWhatTheExecutorSees(t *testing.T) {
	tests := []struct {
		body string
		want server.Request
	}{
		{`{"query":"{a}"}`, server.Request{Query: "{a}"}},
		{` { "variables" : {"n": 9007199254740993, "__proto__": {"x":1}} , "query":"query A{a}","operationName":"A", "extensions":{"sources":true}} `,
			server.Request{Query: "query A{a}", OperationName: "A", Variables: json.RawMessage(`{"n": 9007199254740993, "__proto__": {"x":1}}`), Extensions: json.RawMessage(`{"sources":true}`)}},
		{`{"query":"{first}","query":"{last}"}`, server.Request{Query: "{last}"}},
		{`{"query":"{a}","QUERY":"{b}","id":[1,{"query":"{c}"}],"n":-1.5e3,"t":true}`, server.Request{Query: "{a}"}},
		{`{"qu\u0065ry":"{\u0061}"}`, server.Request{Query: "{a}"}},
		{`{"query":"\b\f\n\r\t\/\"\\ \uD83D\uDE00\u00e9 é😀"}`, server.Request{Query: "\b\f\n\r\t/\"\\ 😀é é😀"}},
		{`{"query":"\ud83d \ude00 \ud83d\u0041 \ud83d\ud83d\ude00"}`, server.Request{Query: "\ufffd \ufffd \ufffdA \ufffd😀"}},
		{`{"query":"","variables":{}}`, server.Request{Variables: json.RawMessage(`{}`)}},
		{`{"query":"a","variables":{"a":1},"variables":null}`, server.Request{Query: "a"}},
	}
	for _, test := range tests {
		e := &recorder{}
		response := send(server.New(e, server.Settings{}), "POST", "/graphql", test.body, asJSON, "X-Team: stage")
		if response.StatusCode != 200 {
			t.Errorf("%s: status %d", test.body, response.StatusCode)
			continue
		}
		if got, want := show(e.last), show(&test.want); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", test.body, got, want)
		}
		if e.last.Header.Get("X-Team") != "stage" || e.last.ReadOnly {
			t.Errorf("%s: header %v, read-only %v", test.body, e.last.Header, e.last.ReadOnly)
		}
	}
}

func show(r *server.Request) string {
	return fmt.Sprintf("%q %q %s %s", r.Query, r.OperationName, r.Variables, r.Extensions)
}

func TestGet(t *testing.T) {
	const ask = "GraphQL-Require-Preflight: 1"
	get := func(name, target string, status int, code string, headers ...string) rule {
		return rule{name, "GET", target, "", append(headers, ask), status, code}
	}
	checkRules(t, server.Settings{}, []rule{
		get("no query", "", 400, server.CodeBadRequest),
		get("empty query", "?query=", 400, server.CodeBadRequest),
		get("query twice", "?query={a}&query={b}", 400, server.CodeBadRequest),
		get("bad escape", "?query=%zz", 400, server.CodeBadRequest),
		get("not UTF-8", "?query=%ff", 400, server.CodeBadRequest),
		get("variables are a list", "?query={a}&variables=[]", 400, server.CodeBadRequest),
		get("variables are not JSON", "?query={a}&variables={", 400, server.CodeBadRequest),
		get("extensions with garbage behind", "?query={a}&extensions={}x", 400, server.CodeBadRequest),
		get("empty variables", "?query={a}&variables=&extensions=&operationName=", 200, ""),
		get("JSON type", "?query={a}", 200, "", asJSON),
		get("text type", "?query={a}", 415, server.CodeMediaType, "Content-Type: text/plain"),
		get("odd type", "?query={a}", 415, server.CodeMediaType, "Content-Type: application/json;,text/plain"),
		get("empty type", "?query={a}", 415, server.CodeMediaType, "Content-Type: "),
	})
	e := &recorder{}
	send(server.New(e, server.Settings{}), "GET", `/graphql?query=query+A{a}&operationName=A&variables=%7B%22n%22:1%7D&extensions=%7B%7D&other=1`, "", ask)
	if e.last == nil {
		t.Fatal("not executed")
	}
	want := &server.Request{Query: "query A{a}", OperationName: "A", Variables: json.RawMessage(`{"n":1}`), Extensions: json.RawMessage(`{}`)}
	if got, want := show(e.last), show(want); got != want || !e.last.ReadOnly {
		t.Errorf("got %s, read-only %v, want %s, read-only", got, e.last.ReadOnly, want)
	}
}

func TestForgery(t *testing.T) {
	get := func(name string, status int, code string, headers ...string) rule {
		return rule{name, "GET", "?query={a}", "", headers, status, code}
	}
	checkRules(t, server.Settings{}, []rule{
		get("as an image would", 403, server.CodeCSRF),
		get("as an image would, in a new browser", 403, server.CodeCSRF, "Sec-Fetch-Site: cross-site"),
		get("from another site of ours", 403, server.CodeCSRF, "Sec-Fetch-Site: same-site"),
		get("by a page of ours", 200, "", "Sec-Fetch-Site: same-origin"),
		get("typed", 200, "", "Sec-Fetch-Site: none"),
		get("empty header", 403, server.CodeCSRF, "Apollo-Require-Preflight: "),
		get("GraphQL-Require-Preflight", 200, "", "GraphQL-Require-Preflight: 1"),
		get("GraphQL-Preflight", 200, "", "GraphQL-Preflight: 1"),
		get("Apollo-Require-Preflight", 200, "", "Apollo-Require-Preflight: true"),
		get("X-Apollo-Operation-Name", 200, "", "X-Apollo-Operation-Name: A"),
		get("JSON type", 200, "", asJSON),
	})
}

func TestHosts(t *testing.T) {
	post := func(host string, refused bool) rule {
		r := rule{host, "POST", "", `{"query":"{a}"}`, []string{asJSON, "Host: " + host}, 200, ""}
		if refused {
			r.status, r.code = 403, server.CodeHost
		}
		return r
	}
	checkRules(t, server.Settings{}, []rule{
		post("localhost", false), post("localhost:4000", false), post("LOCALHOST.:4000", false), post("callboard.localhost", false),
		post("127.0.0.1:4000", false), post("127.8.8.8", false), post("[::1]:4000", false), post("[::1]", false), post("[::ffff:127.0.0.1]:4000", false),
		post("evil.example", true), post("evil.example:4000", true), post("localhost.evil.example", true), post("evillocalhost", true),
		post("192.0.2.7", true), post("0.0.0.0:4000", true), post("[2001:db8::1]:4000", true), post("localhost:4000:4000", true), post("", true),
	})
	checkRules(t, server.Settings{AllowedHosts: []string{"Board.example.com", ""}}, []rule{
		post("board.example.com:4000", false), post("board.example.com.", false), post("localhost", false),
		post("other.example.com", true), post("board.example.com.evil.example", true), post("", true),
	})
	checkRules(t, server.Settings{AllowedHosts: []string{"*"}}, []rule{post("evil.example", false)})
	s := server.New(&recorder{}, server.Settings{Playground: true})
	for path, want := range map[string]int{"/": 403, "/playground/page.js": 403, "/metrics": 403, "/nothing": 403, "/healthz": 200, "/readyz": 200} {
		if response := send(s, "GET", path, "", "Host: evil.example"); response.StatusCode != want {
			t.Errorf("%s by another's name: status %d, want %d", path, response.StatusCode, want)
		}
	}
}

func TestHostMayBeTheAddressOfTheConnection(t *testing.T) {
	s := httptest.NewServer(server.New(&recorder{}, server.Settings{}))
	defer s.Close()
	response, err := http.Get(s.URL + "/metrics") // http://127.0.0.1:port
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestOrigins(t *testing.T) {
	post := func(origin string, refused bool) rule {
		r := rule{origin, "POST", "", `{"query":"{a}"}`, []string{asJSON, "Origin: " + origin}, 200, ""}
		if refused {
			r.status, r.code = 403, server.CodeOrigin
		}
		return r
	}
	checkRules(t, server.Settings{}, []rule{
		post("http://localhost:4000", false), post("https://localhost:4000", false),
		post("http://localhost:4001", true), post("http://evil.example", true), post("null", true), post("", true), post("file://", true),
		post("http://localhost:4000.evil.example", true), post("chrome-extension://localhost:4000", true),
	})
	checkRules(t, server.Settings{AllowedOrigins: []string{"https://portal.example.com", "http://dev.example.com:80", "*"}}, []rule{
		post("https://portal.example.com", false), post("https://PORTAL.example.com:443", false), post("http://dev.example.com", false),
		post("http://portal.example.com", true), post("https://portal.example.com.evil.example", true), post("https://a.portal.example.com", true),
		post("https://portal.example.com:444", true), post("https://evil.example", true),
	})
}

func TestCORS(t *testing.T) {
	s := server.New(&recorder{}, server.Settings{AllowedOrigins: []string{"https://portal.example.com"}})
	ask := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type, x-team"}
	response := send(s, "OPTIONS", "/graphql", "", append(ask, "Origin: https://portal.example.com")...)
	want := map[string]string{
		"Access-Control-Allow-Origin":      "https://portal.example.com",
		"Access-Control-Allow-Methods":     "GET, POST",
		"Access-Control-Allow-Headers":     "content-type, x-team",
		"Access-Control-Max-Age":           "7200",
		"Access-Control-Allow-Credentials": "",
	}
	for name, value := range want {
		if got := response.Header.Get(name); got != value {
			t.Errorf("preflight: %s is %q, want %q", name, got, value)
		}
	}
	if response.StatusCode != 204 {
		t.Errorf("preflight: status %d", response.StatusCode)
	}
	response = send(s, "OPTIONS", "/graphql", "", append(ask, "Origin: https://evil.example")...)
	if got := code(t, response); response.StatusCode != 403 || got != server.CodeOrigin {
		t.Errorf("preflight of another origin: status %d, code %s", response.StatusCode, got)
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("preflight of another origin has %s", name)
		}
	}
	response = send(s, "POST", "/graphql", `{`, asJSON, "Origin: https://portal.example.com")
	if response.Header.Get("Access-Control-Allow-Origin") != "https://portal.example.com" {
		t.Error("an allowed origin cannot read errors")
	}
	response = send(s, "OPTIONS", "/graphql", "", "Origin: https://portal.example.com", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a\r\nSet-Cookie: a=b")
	if got := response.Header.Get("Access-Control-Allow-Headers"); got != "" {
		t.Errorf("what is no header name is allowed as one: %q", got)
	}
	response = send(s, "OPTIONS", "/graphql", "")
	if response.StatusCode != 204 || response.Header.Get("Allow") != "GET, POST, OPTIONS" || response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS of no page: status %d, %v", response.StatusCode, response.Header)
	}
}
