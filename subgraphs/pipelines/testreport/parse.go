package testreport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Settings is how a report is read.
type Settings struct {
	Format Format // found out from the content where empty
	Limits Limits
}

// Parse reads a report. The errors are ErrCompressed, ErrFormat, *LimitError, *SyntaxError, or what the reader failed with.
func Parse(r io.Reader, s Settings) (*Report, error) {
	limits := s.Limits.filled()
	in, err := open(r, limits)
	if err != nil {
		return nil, err
	}
	format := s.Format
	if format == "" {
		if format, err = in.detect(); err != nil {
			return nil, in.place(err)
		}
	}
	out := &Report{Format: format}
	switch format {
	case JUnit:
		err = parseJUnit(in, out)
	case GoJSON:
		err = parseGoJSON(in, out)
	default:
		return nil, fmt.Errorf("read test report: unknown format %q", format)
	}
	if err != nil {
		return nil, in.place(err)
	}
	out.finish()
	return out, nil
}

// input is the text of a report, as UTF-8 (which may be broken) and without its byte order mark and XML declaration.
type input struct {
	r      *bufio.Reader
	line   int // of what was read last, from 1
	limits Limits
	long   []byte // a line that is longer than the buffer
	cut    int    // texts
}

const bufferSize = 64 << 10

// open finds out how the bytes are encoded. UTF-16 is what a redirected output is in PowerShell.
func open(r io.Reader, limits Limits) (*input, error) {
	in := &input{r: bufio.NewReaderSize(&bounded{r: r, left: limits.Bytes, max: limits.Bytes}, bufferSize), line: 1, limits: limits}
	head, err := in.r.Peek(1024)
	if len(head) == 0 && err != nil && err != io.EOF {
		return nil, err
	}
	for _, magic := range []string{"\x1f\x8b", "PK\x03\x04", "PK\x05\x06", "\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, ErrCompressed
		}
	}
	wide := func(order unicode.Endianness) {
		in.r = bufio.NewReaderSize(transform.NewReader(in.r, unicode.UTF16(order, unicode.UseBOM).NewDecoder()), bufferSize)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.r.Discard(3)
	case bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.HasPrefix(head, []byte("\x00<")):
		wide(unicode.BigEndian)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("<\x00")):
		wide(unicode.LittleEndian)
	}
	return in, in.declaration()
}

// declaration reads white space and the XML declaration, and what follows in the encoding it names.
func (in *input) declaration() error {
	if err := in.skipSpace(); err != nil {
		return err
	}
	head, err := in.r.Peek(1024)
	if len(head) == 0 && err != nil && err != io.EOF {
		return err
	}
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return nil
	}
	text, _, found := bytes.Cut(head, []byte("?>"))
	if !found {
		return nil // it is found to be broken later
	}
	name := strings.ToLower(pseudoAttribute(string(text), "encoding"))
	in.line += bytes.Count(text, []byte("\n"))
	_, _ = in.r.Discard(len(text) + 2)
	if name != "" && !strings.HasPrefix(name, "utf") && !strings.HasPrefix(name, "ucs-2") { // UTF-16 was found from its first bytes
		e, err := htmlindex.Get(name)
		if err != nil {
			return fmt.Errorf("read test report: unknown encoding %.40q", name)
		}
		in.r = bufio.NewReaderSize(transform.NewReader(in.r, e.NewDecoder()), bufferSize)
	}
	return in.skipSpace()
}

func pseudoAttribute(text, name string) string {
	_, rest, found := strings.Cut(text, name)
	if !found {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t\r\n=")
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	value, _, _ := strings.Cut(rest[1:], rest[:1])
	return value
}

func (in *input) skipSpace() error {
	for {
		c, err := in.r.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch c {
		case '\n':
			in.line++
		case ' ', '\t', '\r':
		default:
			return in.r.UnreadByte()
		}
	}
}

// detect tells the format from the first bytes. What go and its programs write to the same stream may be before the first event.
func (in *input) detect() (Format, error) {
	head, err := in.r.Peek(bufferSize)
	if len(head) == 0 && err != nil && err != io.EOF {
		return "", err
	}
	if bytes.HasPrefix(head, []byte("<")) {
		return JUnit, nil
	}
	for line := range bytes.Lines(head) {
		if bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"Action"`)) {
			return GoJSON, nil
		}
	}
	if err != nil && err != io.EOF {
		return "", err
	}
	return "", ErrFormat
}

// record reads one line, and at most Limits.Record bytes of it. It is good until the next one is read. cut says that the line is longer.
func (in *input) record() (text []byte, cut bool, err error) {
	in.long = in.long[:0]
	for {
		text, err = in.r.ReadSlice('\n')
		if room := in.limits.Record - len(in.long); len(text) > room {
			text, cut = text[:room], true
		}
		if err != bufio.ErrBufferFull {
			break
		}
		in.long = append(in.long, text...)
	}
	if len(in.long) > 0 {
		in.long = append(in.long, text...)
		text = in.long
	}
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	return text, cut, err
}

// place says in an error where it was.
func (in *input) place(err error) error {
	var limit *LimitError
	var syntax *SyntaxError
	switch {
	case errors.As(err, &limit):
		limit.Line = in.line
		return limit
	case errors.As(err, &syntax):
		syntax.Line = in.line
		return syntax
	}
	return err
}

// bounded refuses to read more than its limit. What it failed with once it fails with again, as bufio.Reader.Peek forgets errors.
type bounded struct {
	r    io.Reader
	left int64
	max  int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	var n int
	if b.left <= 0 {
		var one [1]byte
		if n, b.err = b.r.Read(one[:]); n > 0 {
			b.err = &LimitError{Limit: LimitBytes, Max: b.max}
		}
		return 0, b.err
	}
	n, b.err = b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, b.err
}
