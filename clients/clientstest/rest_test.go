package clientstest_test

import (
	"net/http"
	"net/url"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
)

func TestNotModified(t *testing.T) {
	etag := clientstest.ETag([]byte("body"))
	if etag == clientstest.ETag([]byte("bodies")) || etag == clientstest.ETag([]byte("body"), "page 2") {
		t.Error("two answers have one ETag")
	}
	for _, test := range []struct {
		method, header string
		want           bool
	}{
		{"GET", "", false},
		{"GET", etag, true},
		{"GET", etag[2:], true},
		{"GET", `"other", ` + etag, true},
		{"GET", `"other"`, false},
		{"GET", "*", true},
		{"POST", etag, false},
	} {
		r := &http.Request{Method: test.method, Header: http.Header{}}
		if test.header != "" {
			r.Header.Set("If-None-Match", test.header)
		}
		if got := clientstest.NotModified(r, etag); got != test.want {
			t.Errorf("%s %s: got %v", test.method, test.header, got)
		}
	}
}

func TestPaging(t *testing.T) {
	for _, test := range []struct {
		query    string
		total    int
		from, to int
		links    string
	}{
		{"", 30, 0, 30, ``},
		{"", 0, 0, 0, ``},
		{"per_page=10", 25, 0, 10, `<http://x.example/l?page=2&per_page=10>; rel="next", <http://x.example/l?page=3&per_page=10>; rel="last"`},
		{"per_page=10&page=2", 25, 10, 20, `<http://x.example/l?page=1&per_page=10>; rel="prev", <http://x.example/l?page=3&per_page=10>; rel="next", <http://x.example/l?page=3&per_page=10>; rel="last", <http://x.example/l?page=1&per_page=10>; rel="first"`},
		{"per_page=10&page=3", 25, 20, 25, `<http://x.example/l?page=2&per_page=10>; rel="prev", <http://x.example/l?page=1&per_page=10>; rel="first"`},
		{"per_page=10&page=9", 25, 25, 25, `<http://x.example/l?page=3&per_page=10>; rel="prev", <http://x.example/l?page=1&per_page=10>; rel="first"`},
		{"per_page=1000", 150, 0, 100, `<http://x.example/l?page=2&per_page=1000>; rel="next", <http://x.example/l?page=2&per_page=1000>; rel="last"`},
		{"per_page=-1&page=x", 3, 0, 3, ``},
		{"page=9223372036854775807", 3, 3, 3, `<http://x.example/l?page=1>; rel="prev", <http://x.example/l?page=1>; rel="first"`},
	} {
		address, _ := url.Parse("http://x.example/l?" + test.query)
		p := clientstest.PagingOf(address.Query(), 30, 100)
		from, to := p.Bounds(test.total)
		if links := p.Links(*address, test.total); from != test.from || to != test.to || links != test.links {
			t.Errorf("%s of %d: %d-%d %s", test.query, test.total, from, to, links)
		}
	}
}
