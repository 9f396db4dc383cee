package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/execute/http1"
)

func mustURL(t *testing.T, text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHead(t *testing.T) {
	for _, test := range []struct{ address, want, dial string }{
		{"http://products/graphql", "POST /graphql HTTP/1.1\r\nHost: products\r\n", "products:80"},
		{"http://products:4001/a%20b?x=1&y=%0d%0a#part", "POST /a%20b?x=1&y=%0d%0a HTTP/1.1\r\nHost: products:4001\r\n", "products:4001"},
		{"http://[::1]:4001", "POST / HTTP/1.1\r\nHost: [::1]:4001\r\n", "[::1]:4001"},
		{"http://[::1]", "POST / HTTP/1.1\r\nHost: [::1]\r\n", "[::1]:80"},
		{"http://[fe80::1%25eth0]:4001/", "POST / HTTP/1.1\r\nHost: [fe80::1]:4001\r\n", "[fe80::1%eth0]:4001"},
		{"http://products:/", "POST / HTTP/1.1\r\nHost: products\r\n", "products:80"},
		{"http://me:pass@products/", "POST / HTTP/1.1\r\nHost: products\r\nAuthorization: Basic bWU6cGFzcw==\r\n", "products:80"},
	} {
		u := mustURL(t, test.address)
		head, err := http1.NewHead(u)
		if err != nil {
			t.Errorf("%s: %v", test.address, err)
		} else if got := string(head.Append([]byte("> "))); got != "> "+test.want {
			t.Errorf("%s: %q", test.address, got)
		}
		if got := http1.Address(u); got != test.dial {
			t.Errorf("%s is dialed at %s", test.address, got)
		}
	}
	head, err := http1.NewHead(mustURL(t, "http://me:pass@products/"), http1.Field{Name: "authorization", Value: "Bearer x"}, http1.Field{Name: "Accept", Value: " */* "})
	if want := "POST / HTTP/1.1\r\nHost: products\r\nauthorization: Bearer x\r\nAccept: */*\r\n"; err != nil || string(head.Append(nil)) != want {
		t.Errorf("%q, %v", head.Append(nil), err)
	}
}

func TestHeadRefused(t *testing.T) {
	for _, u := range []*url.URL{
		mustURL(t, "https://products/"), mustURL(t, "products"), mustURL(t, "http:products"), mustURL(t, "/graphql"), mustURL(t, "http:///graphql"),
		mustURL(t, "http://prödukte/"),
		{Scheme: "http", Host: "a\r\nX: y", Path: "/"}, {Scheme: "http", Host: "a b", Path: "/"}, {Scheme: "http", Host: "a", RawQuery: "x\r\n"},
		{Scheme: "http", Host: "a", RawQuery: "x y"}, {Scheme: "http", Host: "a", RawQuery: "x\x00"},
	} {
		_, err := http1.NewHead(u)
		if wantKind(t, err, http1.ErrField); err == nil {
			t.Errorf("%#v is accepted", u)
		}
	}
	_, err := http1.NewHead(mustURL(t, "http://a/"), http1.Field{Name: "X", Value: "a\r\nb"})
	wantKind(t, err, http1.ErrField)
}

func TestAppendField(t *testing.T) {
	for _, f := range []http1.Field{
		{"", "x"}, {"a b", "x"}, {"a:", "x"}, {"a\r\nb", "x"}, {"a\x00", "x"}, {"ä", "x"}, {" a", "x"},
		{"a", "x\r\nHost: y"}, {"a", "x\n"}, {"a", "\r"}, {"a", "x\x00"}, {"a", "\x7f"},
		{"Host", "x"}, {"content-length", "5"}, {"CONTENT-LENGTH", "5"}, {"Transfer-Encoding", "chunked"}, {"Connection", "close"}, {"TE", "trailers"},
		{"Upgrade", "h2c"}, {"Expect", "100-continue"}, {"Trailer", "x"}, {"Keep-Alive", "x"}, {"Proxy-Connection", "x"}, {"HTTP2-Settings", "x"},
	} {
		got, err := http1.AppendField([]byte("> "), f.Name, f.Value)
		if wantKind(t, err, http1.ErrField); string(got) != "> " {
			t.Errorf("%q became %q", f, got)
		}
		if err != nil && f.Value != "x" && strings.Contains(err.Error(), f.Value) {
			t.Errorf("the error quotes a value: %v", err)
		}
	}
	for _, f := range []http1.Field{{"X-Request-Id", "7"}, {"a", ""}, {"a", "\tb\tc "}, {"a", "sch\xc3\xb6n"}, {"A-Name-That-Is-Longer-Than-All-That-Matter", "x"}} {
		got, err := http1.AppendField(nil, f.Name, f.Value)
		if want := f.Name + ": " + strings.Trim(f.Value, " \t") + "\r\n"; err != nil || string(got) != want {
			t.Errorf("%q became %q, %v", f, got, err)
		}
	}
}

// FuzzRequest: whatever a client's header holds, the upstream reads one request with this body, and the field as it was.
func FuzzRequest(f *testing.F) {
	f.Add("X-Request-Id", "7", []byte("{}"))
	f.Add("X", "a\r\nContent-Length: 3", []byte("{}"))
	f.Add("Content-Length ", "3", []byte(""))
	f.Add("Transfer-Encoding", "chunked", []byte("0\r\n\r\nGET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, name, value string, body []byte) {
		head, err := http1.NewHead(&url.URL{Scheme: "http", Host: "products", Path: "/graphql"}, http1.Field{Name: "Accept", Value: "*/*"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := http1.AppendField(head.Append(nil), name, value)
		text, at := http1.OpenBody(text)
		text = http1.CloseBody(append(text, body...), at)
		r := bufio.NewReader(bytes.NewReader(text))
		request, readErr := http.ReadRequest(r)
		if readErr != nil {
			t.Fatalf("%q: %v", text, readErr)
		}
		got, readErr := io.ReadAll(request.Body)
		if readErr != nil || !bytes.Equal(got, body) || request.ContentLength != int64(len(body)) || request.Host != "products" || request.URL.Path != "/graphql" {
			t.Fatalf("%q: %v", text, readErr)
		}
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Fatalf("%q: more than one request", text)
		}
		if sent := request.Header.Values(name); err == nil && sent[0] != strings.Trim(value, " \t") && !strings.EqualFold(name, "Accept") {
			t.Fatalf("%q arrived as %q", value, sent)
		}
		delete(request.Header, http.CanonicalHeaderKey(name))
		delete(request.Header, "Content-Length")
		delete(request.Header, "Accept")
		if len(request.Header) > 0 {
			t.Fatalf("%q: more fields than were sent", text)
		}
	})
}
