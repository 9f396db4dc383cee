package server_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/gateway/server"
)

// FuzzBody sends any bytes as the body of a POST. What is executed must be what the standard library reads there.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{a}"}`,
		` { "variables" : {"n": [1,{"\"}": "]"}], "t":true} , "query":"{a}" , "x" : -1.5e3 , "extensions":{} } `,
		`{"query":"{first}","query":"{last}","qu\u0065ry":"\u007b\\\"","operationName":"\ud83d\ude00"}`,
		`{"query":"\b\f\n\r\t\/\"\\ \uD83D\uDE00 \ud83d \ude00 \ud83d\u0041 \ud83d\ud83d\ude00 \u00e9\uABCD é😀","operationName":"\u0000"}`,
		`{"extensions":{"persistedQuery":{"sha256Hash":"\\"}}}`,
		`[{"query":"{a}"}]`, `{"query":`, `{}`, `"`, "{\"\xff\":1}", `{"query":null,"variables":null}`, `{"a":1,"b":"\\","c":[[]],"query":"q"}x`,
	} {
		f.Add([]byte(seed))
	}
	e := &recorder{}
	s := server.New(e, server.Settings{})
	f.Fuzz(func(t *testing.T, body []byte) {
		e.last = nil
		response := send(s, "POST", "/graphql", string(body), asJSON)
		refused := code(t, response)
		if (refused == "") != (e.last != nil) {
			t.Fatalf("code %q, executed %v", refused, e.last != nil)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(body, &want); err != nil || !utf8.Valid(body) {
			if e.last != nil {
				t.Fatalf("executed what is no JSON object in UTF-8: %q", body)
			}
			return
		}
		if e.last == nil {
			return
		}
		for _, m := range []struct {
			name string
			got  any
		}{
			{"query", e.last.Query}, {"operationName", e.last.OperationName}, {"variables", e.last.Variables}, {"extensions", e.last.Extensions},
		} {
			text := want[m.name]
			if string(text) == "null" {
				text = nil
			}
			switch got := m.got.(type) {
			case string:
				var wanted string
				if text != nil && json.Unmarshal(text, &wanted) != nil || wanted != got {
					t.Fatalf("%s is %q, want %s", m.name, got, text)
				}
			case json.RawMessage:
				if !bytes.Equal(got, text) || got != nil && (got[0] != '{' || !json.Valid(got)) {
					t.Fatalf("%s is %s, want %s", m.name, got, text)
				}
			}
		}
	})
}

// FuzzURL sends any text as the parameters of a GET.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{"query={a}", "query=%7Ba%7D&variables=%7B%22a%22:1%7D&operationName=A", "query=a&query=b", "query=%ff", "variables=[", "query=a;b", "%zz"} {
		f.Add(seed)
	}
	e := &recorder{}
	s := server.New(e, server.Settings{})
	f.Fuzz(func(t *testing.T, query string) {
		target := &url.URL{Path: "/graphql", RawQuery: query}
		if parsed, err := url.ParseRequestURI(target.String()); err != nil || parsed.RawQuery != query || bytes.ContainsAny([]byte(query), " \t\r\n\v\f") {
			t.Skip("net/http refuses it before we see it")
		}
		e.last = nil
		response := send(s, "GET", target.String(), "", "GraphQL-Preflight: 1")
		refused := code(t, response)
		if (refused == "") != (e.last != nil) {
			t.Fatalf("code %q, executed %v", refused, e.last != nil)
		}
		if e.last == nil {
			return
		}
		want, err := url.ParseQuery(query)
		if err != nil || !e.last.ReadOnly || !reflect.DeepEqual(want["query"], []string{e.last.Query}) && e.last.Query != "" {
			t.Fatalf("executed %q as %q (%v)", query, e.last.Query, err)
		}
		if v := e.last.Variables; v != nil && !json.Valid(v) {
			t.Fatalf("variables %s", v)
		}
	})
}

// FuzzHeaders sends any text in the headers that are parsed. Nothing may panic, and what is executed was declared as JSON in UTF-8.
func FuzzHeaders(f *testing.F) {
	f.Add("application/json;q=0.5, */*", "application/json; charset=utf-8", "http://localhost:4000", "localhost:4000")
	f.Add("a/b;q=NaN", `application/json;charset="utf-8"`, "null", "[::1]")
	f.Add(",;,=", "application/json;;", "://", "[")
	e := &recorder{}
	s := server.New(e, server.Settings{})
	f.Fuzz(func(t *testing.T, accept, contentType, origin, host string) {
		e.last = nil
		response := send(s, "POST", "/graphql", `{"query":"{a}"}`,
			"Accept: "+accept, "Content-Type: "+contentType, "Origin: "+origin, "Host: "+host)
		if refused := code(t, response); (refused == "") != (e.last != nil) {
			t.Fatalf("code %q, executed %v", refused, e.last != nil)
		}
	})
}
