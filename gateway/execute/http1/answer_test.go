package http1_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/execute/http1"
)

const (
	testMaxHead   = 2 << 10
	testMaxAnswer = 40 << 10
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func zlibbed(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func chunked(text string, size int) string {
	var b strings.Builder
	for _, piece := range split(text, size) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
	}
	return b.String() + "0\r\n\r\n"
}

func noise(n int) string {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// answers are the bytes of answers and what is to be made of them.
var answers = []struct {
	name   string
	text   string
	status int
	body   string
	kind   error // nil if it is an answer
	kept   bool  // the connection may carry another
}{
	// Framings.
	{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"length of nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", nil, true},
	{"length larger than all buffers", "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + noise(30000), 200, noise(30000), nil, true},
	{"length, with much space", "HTTP/1.1 200 OK\r\nContent-Length: \t  5\t \r\n\r\nhello", 200, "hello", nil, true},
	{"length with zeros", "HTTP/1.1 200 OK\r\nContent-Length: 0000000000000000000000005\r\n\r\nhello", 200, "hello", nil, true},
	{"length twice, the same", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"length, then more", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", 200, "hello", nil, false},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, "hello world", nil, true},
	{"chunks, none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "", nil, true},
	{"chunks with extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c\r\nhello\r\n1 \r\n!\r\n0;x\r\n\r\n", 200, "hello!", nil, true},
	{"chunks with zeros and letters", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000000000000000A\r\n0123456789\r\na\r\nabcdefghij\r\n000\r\n\r\n", 200, "0123456789abcdefghij", nil, true},
	{"chunks with trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n", 200, "hello", nil, true},
	{"chunks, then more", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nx", 200, "hello", nil, false},
	{"large chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(noise(40000), 13000), 200, noise(40000), nil, true},
	{"one large chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(noise(40000), 40000), 200, noise(40000), nil, true},
	{"many small chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(noise(9000), 7), 200, noise(9000), nil, true},
	{"until it closes", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", nil, false},
	{"until it closes, large", "HTTP/1.1 200 OK\r\n\r\n" + noise(39000), 200, noise(39000), nil, false},
	{"until it closes, nothing", "HTTP/1.1 200 OK\r\n\r\n", 200, "", nil, false},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", nil, true},
	{"no content of a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "", nil, false},
	{"not modified", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "", nil, false},
	{"a status of no reason", "HTTP/1.1 500\r\nContent-Length: 2\r\n\r\nno", 500, "no", nil, true},
	{"a status of an empty reason", "HTTP/1.1 500 \r\nContent-Length: 2\r\n\r\nno", 500, "no", nil, true},
	{"a later minor version", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nno", 200, "no", nil, true},
	{"line feeds alone", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 200, "hello", nil, false},
	{"letters of either case", "HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"letters beyond ASCII", "HTTP/1.1 200 Schön\r\nX: \xff\xfe\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"an empty value", "HTTP/1.1 200 OK\r\nX:\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},

	// Connections.
	{"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"close in a list", "HTTP/1.1 200 OK\r\nConnection: x , CLOSE\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"close in a second field", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"HTTP/1.0 kept without an end", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\nhello", 200, "hello", nil, false},
	{"not kept for any time", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"kept for ever", "HTTP/1.1 200 OK\r\nKeep-Alive: max=7, timeout=99999999999999999999, =, ,\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},

	// Informational heads.
	{"continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, true},
	{"hints that say close and a length", "HTTP/1.1 103 Early Hints\r\nConnection: close\r\nContent-Length: 70\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", nil, false},
	{"hints without end", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), 103, "", http1.ErrBadAnswer, false},
	{"another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", 101, "", http1.ErrBadAnswer, false},

	// Framings that contradict themselves or mean nothing.
	{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunks and length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"two lengths in one", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"length below zero", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"length of no digits", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"length of sixteen", "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"length that overflows", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"another transfer encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"identity as transfer encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunked with a form feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0cchunked\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk below zero", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk of 0x", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk with space before", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk of two sizes", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 6\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk that overflows", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk size that ends in a line feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk that ends in a line feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"extension with a line feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"extension with a carriage return", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"chunk shorter than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"extension without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 9000) + "\r\nhello\r\n0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"too many extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 90)+"\r\na\r\n", 100) + "0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"trailers without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 1000), 200, "", http1.ErrBadAnswer, false},
	{"trailers above the bound", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 350) + "\r\n", 200, "", http1.ErrBadAnswer, false},
	{"trailer without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("y", 9000), 200, "", http1.ErrBadAnswer, false},
	{"trailer of no name", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", 200, "", http1.ErrBadAnswer, false},

	// Heads.
	{"another protocol at all", "SSH-2.0-OpenSSH_9.6\r\n", 0, "", http1.ErrBadAnswer, false},
	{"HTTP/2", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"HTTP/1.10", "HTTP/1.10 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"a status with a sign", "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", 99, "", http1.ErrBadAnswer, false},
	{"a reason with NUL", "HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n", 0, "", http1.ErrBadAnswer, false},
	{"a value with NUL", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a value with a carriage return", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 3\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a line that ends in two carriage returns", "HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a folded first field", "HTTP/1.1 200 OK\r\n\tX: a\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a field of no colon", "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a field of no name", "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"space before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a head without end", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1000), 200, "", http1.ErrBadAnswer, false},
	{"a head above the bound", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 350) + "Content-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a line above the bound", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 2100) + "\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a head at the bound", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 2048-43) + "\r\nContent-Length: 0\r\n\r\n", 200, "", nil, true},
	{"a head one above the bound", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 2048-42) + "\r\nContent-Length: 0\r\n\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a line without end", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 100000), 200, "", http1.ErrBadAnswer, false},
	{"a head that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a status line that ends early", "HTTP/1.1 200", 0, "", http1.ErrBadAnswer, false},
	{"nothing", "", 0, "", http1.ErrBroken, false},

	// Bodies that are too short or too large.
	{"a body that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"a large body that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + noise(39000), 200, "", http1.ErrBadAnswer, false},
	{"a chunk that ends early", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9000\r\nhello", 200, "", http1.ErrBadAnswer, false},
	{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, "", http1.ErrBadAnswer, false},
	{"no end of the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", 200, "", http1.ErrBadAnswer, false},
	{"a length above the bound", "HTTP/1.1 200 OK\r\nContent-Length: 40961\r\n\r\n", 200, "", http1.ErrTooLarge, false},
	{"a length at the bound", "HTTP/1.1 200 OK\r\nContent-Length: 40960\r\n\r\n" + noise(40960), 200, noise(40960), nil, true},
	{"chunks above the bound", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(noise(40961), 1000), 200, "", http1.ErrTooLarge, false},
	{"a chunk above the bound", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3fffffffffffffff\r\n", 200, "", http1.ErrTooLarge, false},
	{"chunks at the bound", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(noise(40960), 1000), 200, noise(40960), nil, true},
	{"until it closes, above the bound", "HTTP/1.1 200 OK\r\n\r\n" + noise(40961), 200, "", http1.ErrTooLarge, false},
	{"until it closes, at the bound", "HTTP/1.1 200 OK\r\n\r\n" + noise(40960), 200, noise(40960), nil, false},

	// Content encodings.
	{"gzip", encoded("gzip", gzipped("hello")), 200, "hello", nil, true},
	{"x-gzip", encoded("X-GZIP", gzipped("hello")), 200, "hello", nil, true},
	{"gzip in two members", encoded("gzip", gzipped("hel")+gzipped("lo")), 200, "hello", nil, true},
	{"gzip in chunks", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(gzipped(noise(40000)), 1000), 200, noise(40000), nil, true},
	{"gzip until it closes", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzipped("hello"), 200, "hello", nil, false},
	{"gzip of nothing", encoded("gzip", gzipped("")), 200, "", nil, true},
	{"nothing as gzip", encoded("gzip", ""), 200, "", nil, true},
	{"gzip of a status without a body", "HTTP/1.1 204 No Content\r\nContent-Encoding: br\r\n\r\n", 204, "", nil, true},
	{"deflate", encoded("deflate", zlibbed("hello")), 200, "hello", nil, true},
	{"deflate, bare", encoded("deflate", deflated("hello")), 200, "hello", nil, true},
	{"identity", encoded("identity", "hello"), 200, "hello", nil, true},
	{"gzip at the bound", encoded("gzip", gzipped(strings.Repeat("x", testMaxAnswer))), 200, strings.Repeat("x", testMaxAnswer), nil, true},
	{"gzip above the bound", encoded("gzip", gzipped(strings.Repeat("x", testMaxAnswer+1))), 200, "", http1.ErrTooLarge, true},
	{"gzip far above the bound", encoded("gzip", gzipped(strings.Repeat("x", 10<<20))), 200, "", http1.ErrTooLarge, true},
	{"deflate far above the bound", encoded("deflate", zlibbed(strings.Repeat("x", 10<<20))), 200, "", http1.ErrTooLarge, true},
	{"no gzip", encoded("gzip", "hello"), 200, "", http1.ErrBadAnswer, true},
	{"no deflate", encoded("deflate", "\xff\xff\xff"), 200, "", http1.ErrBadAnswer, true},
	{"gzip that ends early", encoded("gzip", gzipped(noise(1000))[:900]), 200, "", http1.ErrBadAnswer, true},
	{"gzip with a wrong sum", encoded("gzip", gzipped("hello")[:20]+"abcdefgh"), 200, "", http1.ErrBadAnswer, true},
	{"gzip, then more", encoded("gzip", gzipped("hello")+"more"), 200, "", http1.ErrBadAnswer, true},
	{"deflate, then more", encoded("deflate", zlibbed("hello")+"more"), 200, "", http1.ErrBadAnswer, true},
	{"brotli", encoded("br", "hello"), 200, "", http1.ErrBadAnswer, false},
	{"gzip twice", encoded("gzip, gzip", "hello"), 200, "", http1.ErrBadAnswer, false},
	{"gzip in two fields", encoded("gzip\r\nContent-Encoding: gzip", "hello"), 200, "", http1.ErrBadAnswer, false},
}

func encoded(name, body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", name, len(body), body)
}

// outcome is all that can be seen of an answer.
type outcome struct {
	status int
	body   string
	err    string
	kept   bool
}

// receive asks an upstream that answers with the pieces and then closes.
func receive(e *http1.Exchange, pieces [][]byte) (outcome, error) {
	c := http1.New("upstream:80", http1.Settings{MaxHead: testMaxHead, MaxAnswer: testMaxAnswer, Dial: func(context.Context, string, string) (net.Conn, error) {
		return newScript(pieces...), nil
	}})
	defer c.Close()
	e.Start(c, http1.Request{Text: question("{a}")})
	body, err := e.Finish([]byte("before "))
	o := outcome{status: e.Status(), kept: c.Idle() == 1}
	before, after, _ := strings.Cut(string(body), " ")
	if o.body = after; before != "before" {
		o.body = "not what was in the buffer: " + before
	}
	if err != nil {
		o.err = err.Error()
	}
	return o, err
}

func TestAnswers(t *testing.T) {
	var e http1.Exchange // the same for all: nothing may be left over
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			for _, size := range []int{len(a.text) + 1, 1, 2, 3, 1000} {
				if size == 1 && len(a.text) > 50000 {
					continue
				}
				o, err := receive(&e, split(a.text, size))
				if size < len(a.text) && a.kind == nil && strings.HasSuffix(a.name, ", then more") {
					o.kept = false // it comes too late; see TestStrayAnswer
				}
				if o.status != a.status || o.body != a.body || o.kept != a.kept {
					t.Fatalf("in pieces of %d: status %d, body %.80q, kept %v, error %v; want %d, %.80q, %v", size, o.status, o.body, o.kept, err, a.status, a.body, a.kept)
				}
				wantKind(t, err, a.kind)
				if a.kind == nil && err != nil {
					t.Fatalf("in pieces of %d: %v", size, err)
				}
			}
		})
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	var e http1.Exchange
	for _, a := range answers {
		marked := strings.NewReplacer("x", "SECRET", "X", "SECRET", "hello", "SECRET").Replace(a.text)
		if o, _ := receive(&e, split(marked, 5000)); strings.Contains(o.err, "SECRET") {
			t.Errorf("%s: the error quotes the answer: %s", a.name, o.err)
		}
	}
}

func TestHeader(t *testing.T) {
	var e http1.Exchange
	if e.Status() != 0 || e.Header("X") != nil {
		t.Error("there is an answer before any")
	}
	text := "HTTP/1.1 100 Continue\r\nCache-Control: no\r\n\r\n" +
		"HTTP/1.1 429 Slow down\r\nRetry-After:  30 \r\nCache-Control: private\r\ncache-control: max-age=5\nEmpty:\r\nContent-Length: 9000\r\n\r\n" + noise(9000)
	if _, err := receive(&e, split(text, 100)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"retry-after": "30", "CACHE-CONTROL": "private", "Content-Length": "9000", "Empty": "", "HTTP/1.1 429 Slow down": "", "Missing": ""} {
		if got := e.Header(name); string(got) != want || got == nil != (name == "Missing" || name == "HTTP/1.1 429 Slow down") {
			t.Errorf("%s is %q", name, got)
		}
	}
	var all []string
	for value := range e.Values("Cache-Control") {
		all = append(all, string(value))
	}
	if fmt.Sprint(all) != "[private max-age=5]" {
		t.Errorf("Cache-Control is %q", all)
	}
	if o, err := receive(&e, split("nonsense\r\n", 100)); err == nil || o.status != 0 || e.Header("Retry-After") != nil {
		t.Error("fields of an earlier answer are left")
	}
}
