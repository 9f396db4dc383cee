package operation

import (
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

// Limits bound what one operation may ask for. Zero means the default. They hold for every document, over every transport.
type Limits struct {
	Tokens     int // lexical tokens of the text
	Depth      int // fields inside fields
	Fields     int // fields after all fragments are expanded
	Aliases    int // fields with an alias, after expansion
	RootFields int // fields of the root type, after expansion
	Directives int // directives in the text
	SameKey    int // fields with one response key in one selection set, after fragments are expanded: checking that they agree is quadratic
}

// DefaultLimits let through what real clients send, many times over, and stop what only an attacker does.
var DefaultLimits = Limits{Tokens: 15_000, Depth: 40, Fields: 20_000, Aliases: 500, RootFields: 100, Directives: 500, SameKey: 100}

func (l Limits) orDefault() Limits {
	pick := func(value *int, standard int) {
		if *value <= 0 {
			*value = standard
		}
	}
	pick(&l.Tokens, DefaultLimits.Tokens)
	pick(&l.Depth, DefaultLimits.Depth)
	pick(&l.Fields, DefaultLimits.Fields)
	pick(&l.Aliases, DefaultLimits.Aliases)
	pick(&l.RootFields, DefaultLimits.RootFields)
	pick(&l.Directives, DefaultLimits.Directives)
	pick(&l.SameKey, DefaultLimits.SameKey)
	return l
}

// size is what a selection set expands to. Every count stops at math.MaxInt32, so that no sum can wrap around.
type size struct{ fields, aliases, depth, own int }

func saturated(n int) int { return min(n, math.MaxInt32) }

func (s *size) add(o size) {
	s.fields = saturated(s.fields + o.fields)
	s.aliases = saturated(s.aliases + o.aliases)
	s.own = saturated(s.own + o.own)
	s.depth = max(s.depth, o.depth)
}

// counter counts each fragment once, whatever the number of its spreads, so the work is linear in the document.
type counter struct {
	doc        *ast.QueryDocument
	fragments  map[string]*size // nil while being counted: a cycle, which validation reports
	keys       map[string]map[string]int
	directives int
	sameKey    int
}

// check runs before validation, on a document that may be invalid in any way.
func (l Limits) check(doc *ast.QueryDocument) Errors {
	c := &counter{doc: doc, fragments: map[string]*size{}, keys: map[string]map[string]int{}}
	for _, op := range doc.Operations {
		s := c.selections(op.SelectionSet)
		c.directives += len(op.Directives)
		for _, v := range op.VariableDefinitions {
			c.directives += len(v.Directives)
		}
		exceeded := []struct {
			what      string
			count     int
			limit     int
			remedy    string
			available bool
		}{
			{"is nested", s.depth, l.Depth, "levels deep", true},
			{"expands to", s.fields, l.Fields, "fields", true},
			{"expands to", s.aliases, l.Aliases, "aliases", true},
			{"expands to", s.own, l.RootFields, "root fields", true},
			{"carries", c.directives, l.Directives, "directives", true},
			{"asks for one response key", c.sameKey, l.SameKey, "times in one selection set", true},
		}
		for _, e := range exceeded {
			if e.count > e.limit {
				return Failure(CodeLimit, "the operation %s %d %s; the limit is %d: split it into smaller operations", e.what, e.count, e.remedy, e.limit)
			}
		}
	}
	return nil
}

func (c *counter) selections(set ast.SelectionSet) size {
	keys := map[string]int{}
	total := c.into(set, keys)
	for _, n := range keys {
		c.sameKey = max(c.sameKey, n)
	}
	return total
}

// into counts set, and how often each response key stands in it, looking through fragments.
func (c *counter) into(set ast.SelectionSet, keys map[string]int) size {
	var total size
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			c.directives += len(s.Directives)
			below := c.selections(s.SelectionSet)
			one := size{fields: saturated(below.fields + 1), aliases: below.aliases, depth: below.depth + 1, own: 1}
			if s.Alias != "" && s.Alias != s.Name {
				one.aliases = saturated(one.aliases + 1)
			}
			total.add(one)
			keys[s.Alias] = saturated(keys[s.Alias] + 1)
		case *ast.InlineFragment:
			c.directives += len(s.Directives)
			total.add(c.into(s.SelectionSet, keys))
		case *ast.FragmentSpread:
			c.directives += len(s.Directives)
			total.add(c.fragment(s.Name))
			for key, n := range c.keys[s.Name] {
				keys[key] = saturated(keys[key] + n)
			}
		}
	}
	return total
}

func (c *counter) fragment(name string) size {
	if s, seen := c.fragments[name]; seen {
		if s == nil {
			return size{}
		}
		return *s
	}
	definition := c.doc.Fragments.ForName(name)
	if definition == nil {
		return size{}
	}
	c.fragments[name] = nil
	c.directives += len(definition.Directives)
	keys := map[string]int{}
	s := c.into(definition.SelectionSet, keys)
	c.fragments[name] = &s
	c.keys[name] = keys
	return s
}
