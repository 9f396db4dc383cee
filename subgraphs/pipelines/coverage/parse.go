package coverage

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
			return nil, in.place(format, err)
		}
	}
	b := newBuilder(format, limits)
	switch format {
	case LCOV:
		err = parseLCOV(in, b)
	case GoProfile:
		err = parseGoProfile(in, b)
	case Cobertura:
		err = parseCobertura(in, b)
	case JaCoCo:
		err = parseJaCoCo(in, b)
	default:
		return nil, fmt.Errorf("read coverage: unknown format %q", format)
	}
	if err != nil {
		return nil, in.place(format, err)
	}
	report, err := b.report()
	if err != nil {
		return nil, in.place(format, err)
	}
	return report, nil
}

// input is the text of a report, as UTF-8 (which may be broken) and without its byte order mark and XML declaration.
type input struct {
	r      *bufio.Reader
	line   int // of what was read last, from 1
	limits Limits
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
			return fmt.Errorf("read coverage: unknown encoding %.40q", name)
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

// detect tells the format from the first bytes: the root element of XML, or the first record.
func (in *input) detect() (Format, error) {
	head, err := in.r.Peek(16 << 10)
	if len(head) == 0 && err != nil && err != io.EOF {
		return "", err
	}
	if bytes.HasPrefix(head, []byte("mode:")) {
		return GoProfile, nil
	}
	if bytes.HasPrefix(head, []byte("<")) {
		name, rest := rootElement(head)
		switch {
		case name == "coverage" && !bytes.Contains(firstTag(rest), []byte("clover=")):
			return Cobertura, nil
		case name == "report":
			return JaCoCo, nil
		case name != "":
			return "", fmt.Errorf("%w: its root element is %.60q", ErrFormat, name)
		}
		return "", unknown(err)
	}
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if key, _, found := bytes.Cut(line, []byte(":")); found && (string(key) == "TN" || string(key) == "SF") {
			return LCOV, nil
		}
		break
	}
	return "", unknown(err)
}

// unknown is why a format was not found out: it could not be read on, or it is none.
func unknown(err error) error {
	if err != nil && err != io.EOF {
		return err
	}
	return ErrFormat
}

// rootElement returns the local name of the first element, behind comments, instructions and directives, and what follows the name.
func rootElement(text []byte) (string, []byte) {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 {
			return "", nil
		}
		text = text[i:]
		end := ">"
		switch {
		case bytes.HasPrefix(text, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(text, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(text, []byte("<!")):
		default:
			text = text[1:]
			n := bytes.IndexAny(text, " \t\r\n/>")
			if n < 0 {
				n = len(text)
			}
			name := string(text[:n])
			if _, local, found := strings.Cut(name, ":"); found {
				name = local
			}
			return name, text[n:]
		}
		i = bytes.Index(text, []byte(end))
		if i < 0 {
			return "", nil
		}
		text = text[i+len(end):]
	}
}

func firstTag(text []byte) []byte {
	tag, _, _ := bytes.Cut(text, []byte(">"))
	return tag
}

// record reads one line, without its end, and at most Limits.Record bytes of it. It is good until the next one is read. cut says that the line is longer.
func (in *input) record() (text []byte, cut bool, err error) {
	text, err = in.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(text) > in.limits.Record {
		text, cut = bytes.Clone(text[:min(len(text), in.limits.Record)]), true
		for err == bufio.ErrBufferFull {
			_, err = in.r.ReadSlice('\n')
		}
	}
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	return bytes.TrimRight(text, "\r\n \t"), cut, err
}

// place says in an error where it was.
func (in *input) place(format Format, err error) error {
	var limit *LimitError
	var syntax *SyntaxError
	switch {
	case errors.As(err, &limit):
		if limit.Line == 0 {
			limit.Line = in.line
		}
		return limit
	case errors.As(err, &syntax):
		syntax.Format = format
		if syntax.Line == 0 {
			syntax.Line = in.line
		}
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
			b.err = &LimitError{Limit: LimitBytes, Max: b.max, Bytes: b.max}
		}
		return 0, b.err
	}
	n, b.err = b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, b.err
}
