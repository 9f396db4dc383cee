package testreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// elements reads the elements of an XML report, one by one. Entities other than the five of XML itself are refused, and so is any document type: no test runner
// writes one.
type elements struct {
	in    *xmlBytes
	d     *xml.Decoder
	depth int
}

func newElements(in *input) *elements {
	x := &xmlBytes{in: in}
	d := xml.NewDecoder(x)
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // the encoding was seen to in open
	return &elements{in: x, d: d}
}

// next returns the next start or end of an element, or a text. It is good until the next one is read.
func (e *elements) next() (xml.Token, error) {
	for {
		e.in.token, e.in.given = 0, 0
		token, err := e.d.Token()
		if e.in.fault != nil {
			return nil, e.in.fault
		}
		if err != nil {
			var broken *xml.SyntaxError
			switch {
			case errors.As(err, &broken):
				return nil, &SyntaxError{Reason: broken.Msg}
			case err == io.EOF:
				return nil, err
			}
			return nil, &SyntaxError{Reason: err.Error()}
		}
		switch token.(type) {
		case xml.StartElement:
			if e.depth++; e.depth > e.in.in.limits.Depth {
				return nil, &LimitError{Limit: LimitDepth, Max: int64(e.in.in.limits.Depth)}
			}
			return token, nil
		case xml.EndElement:
			e.depth--
			return token, nil
		case xml.CharData:
			return token, nil
		case xml.Directive:
			return nil, &SyntaxError{Reason: "a document type is refused"}
		}
	}
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// place is where in the text of XML a byte is.
type place int

const (
	inText place = iota
	inTag
	inCDATA
	inOther // a comment, an instruction or a directive
)

// xmlBytes gives the decoder text that it can take and hold: what is no UTF-8 and what XML does not allow is replaced, also where it is written as a character
// reference; texts are cut after Limits.Record bytes; a tag or comment that is longer is an error.
type xmlBytes struct {
	in      *input
	pending []byte // to be given out
	room    [12]byte
	fault   error

	place  place
	quote  byte   // of the attribute in which we are
	end    string // that ends the CDATA section, comment, instruction or directive
	last   [3]byte
	token  int // bytes of the tag, text or comment that were read
	given  int // bytes that the decoder may hold, whatever it takes them for
	entity int // bytes of a character reference that are still to come
}

func (x *xmlBytes) fail(err error) (byte, error) {
	if err != io.EOF {
		x.fault = err
	}
	return 0, err
}

func (x *xmlBytes) ReadByte() (byte, error) {
	if x.given++; x.given > 4*x.in.limits.Record {
		return x.fail(&LimitError{Limit: LimitRecord, Max: int64(x.in.limits.Record)})
	}
	if len(x.pending) > 0 {
		c := x.pending[0]
		x.pending = x.pending[1:]
		return c, nil
	}
	c, err := x.in.r.ReadByte()
	if err != nil {
		return x.fail(err)
	}
	if x.token++; x.token > x.in.limits.Record {
		switch {
		case x.place == inText && x.entity == 0 || x.place == inCDATA && !x.ending(c):
			if c, err = x.skip(c); err != nil {
				return x.fail(err)
			}
		case x.place == inTag || x.place == inOther:
			return x.fail(&LimitError{Limit: LimitRecord, Max: int64(x.in.limits.Record)})
		}
	}
	x.entity = max(x.entity-1, 0)
	switch {
	case c == '\n':
		x.in.line++
	case c >= utf8.RuneSelf:
		return x.wide()
	case c < ' ' && c != '\t' && c != '\r', c == 0x7f:
		c = '?'
	}
	x.move(c)
	return c, nil
}

// ending says whether c is the second or third byte of what ends a CDATA section.
func (x *xmlBytes) ending(c byte) bool {
	switch {
	case x.last[2] != ']':
		return false
	case c == '>':
		return x.last[1] == ']'
	}
	next, _ := x.in.r.Peek(1)
	return c == ']' && string(next) == ">"
}

// skip leaves out the rest of a text and returns the byte it ends with.
func (x *xmlBytes) skip(c byte) (byte, error) {
	x.in.cut++
	for {
		if x.place == inText && c == '<' {
			x.token = 0
			return c, nil
		}
		if x.place == inCDATA && c == ']' {
			if next, _ := x.in.r.Peek(2); string(next) == "]>" {
				x.token = 0
				return c, nil
			}
		}
		if c == '\n' {
			x.in.line++
		}
		var err error
		if c, err = x.in.r.ReadByte(); err != nil {
			return 0, err
		}
	}
}

// move follows where in the text we are.
func (x *xmlBytes) move(c byte) {
	switch x.place {
	case inText:
		if c == '&' {
			x.reference()
		} else if c == '<' {
			next, _ := x.in.r.Peek(8)
			x.place, x.end, x.last = inOther, "", [3]byte{}
			switch {
			case string(next) == "![CDATA[":
				x.place, x.end = inCDATA, "]]>"
			case bytes.HasPrefix(next, []byte("!--")):
				x.end = "-->"
			case bytes.HasPrefix(next, []byte("?")):
				x.end = "?>"
			case bytes.HasPrefix(next, []byte("!")):
				x.end = ">"
			default:
				x.place, x.quote = inTag, 0
			}
		}
	case inTag:
		switch {
		case x.quote != 0 && c == '&':
			x.reference()
		case x.quote != 0:
			if c == x.quote {
				x.quote = 0
			}
		case c == '"' || c == '\'':
			x.quote = c
		case c == '>':
			x.place = inText
		}
	case inCDATA, inOther:
		x.last = [3]byte{x.last[1], x.last[2], c}
		if strings.HasSuffix(string(x.last[:]), x.end) {
			x.place = inText
		}
	}
}

// reference looks at a character reference, of which the "&" is given out next: one of a character that XML does not have is exchanged for one of a character that
// stands for what cannot be read. A reference is not cut.
func (x *xmlBytes) reference() {
	next, _ := x.in.r.Peek(12)
	i := bytes.IndexByte(next, ';')
	if i < 0 {
		return
	}
	x.entity = i + 1
	if i < 2 || next[0] != '#' {
		return
	}
	digits, base := string(next[1:i]), 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return // it is found to be broken by the decoder
	}
	if err != nil || !allowed(n) {
		_, _ = x.in.r.Discard(i + 1)
		x.pending = append(x.room[:0], "#xFFFD;"...)
		x.entity = 0
	}
}

// allowed says which characters XML has.
func allowed(n uint64) bool {
	return n == '\t' || n == '\n' || n == '\r' || n >= ' ' && n <= 0xd7ff || n >= 0xe000 && n <= 0xfffd || n >= 0x10000 && n <= utf8.MaxRune
}

// wide reads a character of several bytes.
func (x *xmlBytes) wide() (byte, error) {
	_ = x.in.r.UnreadByte()
	head, err := x.in.r.Peek(utf8.UTFMax)
	if len(head) == 0 {
		return x.fail(err)
	}
	r, size := utf8.DecodeRune(head)
	_, _ = x.in.r.Discard(size)
	if !allowed(uint64(r)) {
		r = utf8.RuneError
	}
	x.pending = utf8.AppendRune(x.room[:0], r)
	c := x.pending[0]
	x.pending = x.pending[1:]
	x.last = [3]byte{}
	return c, nil
}

// Read is there because the decoder asks for a reader; it reads by bytes.
func (x *xmlBytes) Read(p []byte) (int, error) {
	for i := range p {
		c, err := x.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = c
	}
	return len(p), nil
}
