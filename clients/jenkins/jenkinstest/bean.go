package jenkinstest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// bean is something that Jenkins exports: its Java class, where an answer names it, and its properties in order.
type bean struct {
	class      string // "" where the class follows from the property it is the value of
	properties []property
}

// property is one property of a bean. Its visibility says how deep below the top it is still shown without a tree: 1 at the top alone, 2 one
// level below, and so on; as Stapler has it ("Exposing data as JSON or XML").
type property struct {
	name       string
	visibility int
	value      any // a func() any is called where it is wanted; beans and lists of beans are pruned, all else is shown as it is
}

const always = 999 // the visibility of what is shown at any depth

// add appends properties of one visibility: names and values in turn.
func (b *bean) add(visibility int, pairs ...any) *bean {
	for i := 0; i < len(pairs); i += 2 {
		b.properties = append(b.properties, property{pairs[i].(string), visibility, pairs[i+1]})
	}
	return b
}

// pruner decides which properties are shown.
type pruner interface {
	// below returns the pruner of a property's value, nil where the property is not shown.
	below(p property) pruner
	// bounds returns which elements of a list are shown.
	bounds() (from, to int)
}

const unbounded = 1<<31 - 1

// byDepth shows properties by their visibility. Jenkins begins with 1 less the depth that is asked for.
type byDepth int

func (d byDepth) below(p property) pruner {
	if p.visibility < int(d) {
		return nil
	}
	return d + 1
}

func (byDepth) bounds() (int, int) { return 0, unbounded }

// tree shows what it names.
type tree struct {
	children map[string]*tree
	from, to int
}

func (t *tree) below(p property) pruner {
	for _, name := range []string{p.name, "*"} {
		if child := t.children[name]; child != nil {
			return child
		}
	}
	return nil
}

func (t *tree) bounds() (int, int) { return t.from, t.to }

var errTree = errors.New("malformed tree")

var number = regexp.MustCompile(`^[0-9]+$`)

// parseTree reads a tree: names with commas between, each with what is below it in brackets and the elements wanted of a list in braces:
// a,b[c,d]{0,10}. Braces hold {from,to}, {from,}, {,to} or {one}.
func parseTree(text string) (*tree, error) {
	p := &parser{text: text}
	t := &tree{to: unbounded}
	p.list(t, 0)
	if p.failed || p.text != "" {
		return nil, errTree
	}
	return t, nil
}

type parser struct {
	text   string
	failed bool
}

func (p *parser) word() string {
	end := strings.IndexAny(p.text, ",[]{}")
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	return word
}

func (p *parser) accept(token string) bool {
	rest, found := strings.CutPrefix(p.text, token)
	if found {
		p.text = rest
	}
	return found
}

func (p *parser) expect(token string) { p.failed = !p.accept(token) || p.failed }

func (p *parser) list(t *tree, depth int) {
	const deepest = 200
	for !p.failed {
		name := p.word()
		if name == "" || depth > deepest {
			p.failed = true
			return
		}
		child := &tree{to: unbounded}
		if t.children == nil {
			t.children = map[string]*tree{}
		}
		t.children[name] = child // the last of a name wins
		if p.accept("[") {
			p.list(child, depth+1)
			p.expect("]")
		}
		if p.accept("{") {
			p.rangeOf(child)
			p.expect("}")
		}
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) rangeOf(t *tree) {
	if p.accept(",") {
		t.to = p.number()
		return
	}
	t.from = p.number()
	switch {
	case strings.HasPrefix(p.text, "}"):
		t.to = t.from + 1
	default:
		if p.expect(","); !strings.HasPrefix(p.text, "}") {
			t.to = p.number()
		}
	}
}

func (p *parser) number() int {
	word := p.word()
	n, err := strconv.Atoi(word)
	if err != nil || !number.MatchString(word) {
		p.failed = true
	}
	return n
}

// prunerOf reads the parameters of a request for JSON.
func prunerOf(treeText, depthText string) (pruner, error) {
	if treeText != "" {
		return parseTree(treeText)
	}
	depth := 0
	if depthText != "" {
		n, err := strconv.Atoi(depthText)
		if err != nil {
			return nil, fmt.Errorf("depth: %w", err)
		}
		const deepest = 8 // a bean may be reached through itself, and all of it would never end
		depth = min(n, deepest)
	}
	return byDepth(1 - depth), nil
}

// write writes a value as Jenkins' JSON.
func write(out *bytes.Buffer, value any, p pruner) {
	if lazy, ok := value.(func() any); ok {
		value = lazy()
	}
	switch v := value.(type) {
	case *bean:
		if v == nil {
			out.WriteString("null")
			return
		}
		v.write(out, p)
	case []*bean:
		out.WriteByte('[')
		from, to := p.bounds()
		for i, one := range v[min(from, len(v)):max(min(to, len(v)), min(from, len(v)))] {
			if i > 0 {
				out.WriteByte(',')
			}
			write(out, one, p)
		}
		out.WriteByte(']')
	default:
		out.Write(clientstest.JSON(value))
	}
}

func (b *bean) write(out *bytes.Buffer, p pruner) {
	out.WriteByte('{')
	first := true
	key := func(name string) {
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(clientstest.JSON(name))
		out.WriteByte(':')
	}
	if b.class != "" {
		key("_class")
		out.Write(clientstest.JSON(b.class))
	}
	for _, one := range b.properties {
		if below := p.below(one); below != nil {
			key(one.name)
			write(out, one.value, below)
		}
	}
	out.WriteByte('}')
}
