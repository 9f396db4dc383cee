package coverage

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// elements reads the elements of an XML report, one by one. Entities other than the five of XML itself are refused, and so is a document type that declares
// anything: JaCoCo and Cobertura write one that only names a DTD, which is not fetched.
type elements struct {
	in    *xmlBytes
	d     *xml.Decoder
	depth int
}

func newElements(in *input) *elements {
	bytes := &xmlBytes{in: in}
	d := xml.NewDecoder(bytes)
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // the encoding was seen to in open
	return &elements{in: bytes, d: d}
}

// next returns the next start or end of an element, or a text. It is good until the next one is read.
func (e *elements) next() (xml.Token, error) {
	for {
		e.in.token = 0
		token, err := e.d.Token()
		if e.in.fault != nil {
			return nil, e.in.fault
		}
		if err != nil {
			var broken *xml.SyntaxError
			if errors.As(err, &broken) {
				return nil, &SyntaxError{Reason: broken.Msg}
			}
			if err == io.EOF {
				return nil, err
			}
			return nil, &SyntaxError{Reason: err.Error()}
		}
		switch t := token.(type) {
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
			if strings.ContainsRune(string(t), '[') || !strings.HasPrefix(string(t), "DOCTYPE") {
				return nil, &SyntaxError{Reason: "a document type with declarations of its own is refused"}
			}
		}
	}
}

// root reads up to the first element, which must have the name.
func (e *elements) root(name string) error {
	for {
		token, err := e.next()
		if err == io.EOF {
			return &SyntaxError{Reason: "there is no element"}
		}
		if err != nil {
			return err
		}
		if start, is := token.(xml.StartElement); is {
			if start.Name.Local != name {
				return &SyntaxError{Reason: "the root element is " + quoted(start.Name.Local) + ", not " + quoted(name)}
			}
			return nil
		}
	}
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// xmlBytes gives the decoder text that it can take: what is no UTF-8 and what XML does not allow is replaced. It counts lines, and the bytes of one token, all of
// which the decoder would hold.
type xmlBytes struct {
	in      *input
	pending [utf8.UTFMax]byte
	left    int // of pending
	token   int
	fault   error
}

func (x *xmlBytes) ReadByte() (byte, error) {
	if x.left > 0 {
		x.left--
		return x.pending[len(x.pending)-1-x.left], nil
	}
	c, err := x.in.r.ReadByte()
	if err != nil {
		if err != io.EOF {
			x.fault = err
		}
		return 0, err
	}
	if x.token++; x.token > x.in.limits.Record {
		x.fault = &LimitError{Limit: LimitRecord, Max: int64(x.in.limits.Record)}
		return 0, x.fault
	}
	switch {
	case c == '\n':
		x.in.line++
	case c >= utf8.RuneSelf:
		return x.wide()
	case c < ' ' && c != '\t' && c != '\r', c == 0x7f:
		return '?', nil
	}
	return c, nil
}

// wide reads a character of several bytes.
func (x *xmlBytes) wide() (byte, error) {
	_ = x.in.r.UnreadByte()
	head, err := x.in.r.Peek(utf8.UTFMax)
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) && len(head) == 0 {
		x.fault = err
		return 0, err
	}
	r, size := utf8.DecodeRune(head)
	_, _ = x.in.r.Discard(size)
	if r == 0xfffe || r == 0xffff {
		r = utf8.RuneError
	}
	var text [utf8.UTFMax]byte
	n := utf8.EncodeRune(text[:], r)
	x.left = n - 1
	copy(x.pending[len(x.pending)-x.left:], text[1:n])
	return text[0], nil
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
