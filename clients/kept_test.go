package clients

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestKept(t *testing.T) {
	for _, c := range []struct {
		resp *http.Response
		want string
	}{
		{says(200, "hello\r\n\r\nworld", "Etag", `"x"`, "Link", "<a>; rel=next", "Link", "<b>; rel=last"), "200\r\nEtag: \"x\"\r\nLink: <a>; rel=next\r\nLink: <b>; rel=last\r\n\r\nhello\r\n\r\nworld"},
		{says(200, ""), "200\r\n\r\n"},
		{says(301, "", "Location", "/x", "Set-Cookie", "SECRET", "X-Ratelimit-Remaining", "1", "Ratelimit-Reset", "1", "Retry-After", "1", "Content-Length", "5", "Transfer-Encoding", "chunked"), "301\r\nLocation: /x\r\n\r\n"},
		{says(200, "", "X", "a\r\nY: b"), "200\r\nX: a  Y: b\r\n\r\n"},
	} {
		text := textOfAnswer(c.resp)
		if string(text) != c.want {
			t.Errorf("it is kept as %q, want %q", text, c.want)
		}
		got, err := answerOfText(text, nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if body, _ := io.ReadAll(got.Body); string(body) != string(textOf(c.resp)) || got.StatusCode != c.resp.StatusCode || got.Header.Get("Link") != c.resp.Header.Get("Link") || got.ContentLength != int64(len(body)) {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

func TestMayKeep(t *testing.T) {
	for _, c := range []struct {
		resp *http.Response
		want bool
	}{
		{says(200, "x"), true},
		{says(200, "x", "Cache-Control", "private, max-age=60"), true},
		{says(200, "x", "Cache-Control", "max-age=0, private, must-revalidate"), true}, // as GitLab says of everything
		{says(200, "x", "Set-Cookie", "x"), true},                                      // as proxies add to everything; the cookie is not kept
		{says(301, ""), true},
		{says(308, ""), true},
		{says(200, strings.Repeat("x", maxKept)), true},
		{says(200, strings.Repeat("x", maxKept+1)), false},
		{says(200, "x", "Cache-Control", "private", "Cache-Control", "x, No-Store"), false},
		{says(200, "x", "Vary", "*"), false},
		{says(206, "x"), false},
		{says(302, ""), false},
		{says(304, ""), false},
		{says(202, ""), false},
		{says(422, ""), false},
	} {
		if got := mayKeep(c.resp); got != c.want {
			t.Errorf("%d %v: %v", c.resp.StatusCode, c.resp.Header, got)
		}
	}
}

func TestValidators(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    http.Header
	}{
		{[]string{"Etag", `"x"`, "Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT"}, http.Header{"If-None-Match": {`"x"`}}},
		{[]string{"Etag", `W/"x"`}, http.Header{"If-None-Match": {`W/"x"`}}},
		{[]string{"Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT"}, http.Header{"If-Modified-Since": {"Thu, 26 Nov 2026 12:00:00 GMT"}}},
		{[]string{"Etag", "x"}, http.Header{}},
		{[]string{"Etag", "\"x\r\nY: z\""}, http.Header{}},
		{nil, http.Header{}},
	} {
		got := http.Header{}
		validate(got, validatorOf(says(200, "", c.headers...).Header))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v is asked about with %v, want %v", c.headers, got, c.want)
		}
	}
}

func FuzzKept(f *testing.F) {
	f.Add([]byte("200\r\nA: b\r\n\r\nbody"))
	f.Add([]byte("200\r\n\r\n"))
	f.Add([]byte("200\r\n : \r\n\r\n"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		resp, err := answerOfText(text, nil)
		if err != nil {
			return
		}
		again, err := answerOfText(textOfAnswer(resp), nil)
		if err != nil || again.StatusCode != resp.StatusCode || string(textOf(again)) != string(textOf(resp)) {
			t.Errorf("%q became %+v, then %+v, %v", text, resp, again, err)
		}
	})
}
