package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func TestMessages(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name   string
		text   string
		bodies string // of all messages, with | after each
		fails  string // part of the error after them; "" for the end of the connection
	}{
		{"a length", ok + "Content-Length: 5\r\n\r\nhello", "hello|", ""},
		{"names in any case, spaces", ok + "content-LENGTH:   5  \r\n\r\nhello", "hello|", ""},
		{"two, one after the other", ok + "Content-Length: 1\r\n\r\na" + ok + "Content-Length: 2\r\n\r\nbc", "a|bc|", ""},
		{"chunks", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "abc0123456789|", ""},
		{"chunks with trailers, and one more", ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: 1\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nb", "a|b|", ""},
		{"chunks that hold ends of lines", ok + "Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n|", ""},
		{"an announcement before", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 1\r\n\r\na", "a|", ""},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", "|", ""},
		{"a length that is none", ok + "Content-Length: -5\r\n\r\nhello", "", "is no length"},
		{"a length beyond all bounds", ok + "Content-Length: 99999999999999999999\r\n\r\n", "", "is no length"},
		{"two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "", "is no length"},
		{"a length that is not kept", ok + "Content-Length: 5\r\n\r\nhell", "", "unexpected EOF"},
		{"a header that ends early", ok + "Content-Le", "", "unexpected EOF"},
		{"no length", ok + "\r\nhello", "", "does not say"},
		{"another encoding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "", "is not known"},
		{"chunks before their time", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "is not known"},
		{"another protocol", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n", "", "is not of HTTP/1"},
		{"a chunk without a size", ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "", "is no size"},
		{"a chunk longer than it says", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "", "no end of line"},
		{"a chunk beyond all bounds", ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "", "is no size"},
		{"chunks that end early", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "", "unexpected EOF"},
		{"a line that is no field", ok + "hello\r\n\r\n", "", "is no field"},
		{"a header without end", strings.Repeat("x", maxHead+5000), "", "does not end"},
	}
	for _, test := range tests {
		for _, reader := range []struct {
			name string
			of   func(io.Reader) io.Reader
		}{{"at once", func(r io.Reader) io.Reader { return r }}, {"byte by byte", iotest.OneByteReader}} {
			t.Run(test.name+" "+reader.name, func(t *testing.T) {
				m := &messages{from: reader.of(strings.NewReader(test.text)), responses: true}
				var bodies strings.Builder
				for {
					one, err := m.next()
					if err != nil {
						if bodies.String() != test.bodies {
							t.Errorf("bodies %q, want %q", bodies.String(), test.bodies)
						}
						if test.fails == "" && err != io.EOF || !strings.Contains(err.Error(), test.fails) {
							t.Errorf("error %v, want %q", err, test.fails)
						}
						return
					}
					bodies.Write(one.Body)
					bodies.WriteString("|")
				}
			})
		}
	}
}

func TestRequests(t *testing.T) {
	text := "POST /plays HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /-/counters HTTP/1.1\r\n\r\nPOST /plays HTTP/1.1\r\nConnection: Close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	m := &messages{from: strings.NewReader(text)}
	var got []string
	for {
		one, err := m.next()
		if err != nil {
			break
		}
		line := string(one.First) + " " + string(one.Body)
		if one.Close {
			line += " close"
		}
		got = append(got, line)
	}
	want := "POST /plays HTTP/1.1 {}\nGET /-/counters HTTP/1.1 \nPOST /plays HTTP/1.1 {} close"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// FuzzResponse reads arbitrary bytes as a response. Where net/http reads one too, the bodies are equal; but it takes a line feed alone for the end of a line.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1  304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nab",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &messages{from: bytes.NewReader(text), responses: true}
		one, err := m.next()
		if err != nil || bytes.HasPrefix(status(one.First), []byte("1")) {
			return
		}
		if len(one.Body) > len(text) {
			t.Fatalf("a body of %d bytes in a text of %d", len(one.Body), len(text))
		}
		if bytes.Count(text, []byte("\n")) != bytes.Count(text, []byte("\r\n")) {
			return
		}
		reader := bufio.NewReader(bytes.NewReader(text))
		for {
			theirs, err := http.ReadResponse(reader, nil)
			if err != nil {
				return
			}
			if theirs.StatusCode/100 == 1 {
				continue
			}
			want, err := io.ReadAll(theirs.Body)
			if err == nil && !bytes.Equal(want, one.Body) {
				t.Errorf("net/http reads the body %q, we %q", want, one.Body)
			}
			return
		}
	})
}
