package entitycache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/plan"
)

// scope is whose answers those of one request are.
type scope struct {
	key     cache.Scope // zero where the subgraph is sent no header of the client's
	present bool        // the subgraph is sent some
}

// scopeOf returns the scope of a client's header: every value that the subgraph is sent of it counts.
func (s *Subgraph) scopeOf(header http.Header) scope {
	var all []byte
	for _, name := range s.headers {
		for _, value := range header[name] {
			all = strconv.AppendInt(all, int64(len(name)), 10)
			all = append(append(all, ' '), name...)
			all = strconv.AppendInt(all, int64(len(value)), 10)
			all = append(append(all, ' '), value...)
		}
	}
	return scope{cache.ScopeOf(string(all)), len(all) > 0}
}

// keyScope is the scope of the key of what the policy is of.
func (c *call) keyScope(p plan.CachePolicy) cache.Scope {
	if p.Public {
		return cache.Scope{}
	}
	return c.scope.key
}

// rootKind is what root fields are called where entities have the names of their types.
const rootKind = "Query"

// wantedRoot names the root fields of a fetch: what is asked, and every variable.
func (c *call) wantedRoot() cache.Wanted {
	f := c.request.Fetch
	text := append(c.settings.Version[:len(c.settings.Version):len(c.settings.Version)], "root "...)
	text = append(text, f.Text...)
	for _, name := range slices.Sorted(maps.Keys(c.client)) {
		text = appendVariable(text, name, c.client[name])
	}
	return cache.Wanted{
		Key:    cache.Key{Source: c.settings.Name, Kind: rootKind, Scope: c.keyScope(f.Cache), Name: nameOf(text)},
		Policy: bySchema(f.Cache),
		Tags:   []string{SubgraphTag(c.settings.Name)},
	}
}

// wantEntities names the entities of a list: what is asked of each, with the variables in it, and the representation.
func (c *call) wantEntities(at int) {
	l := &c.lists[at]
	e := l.Entities
	text := append(c.settings.Version[:len(c.settings.Version):len(c.settings.Version)], "entity "...)
	text = c.request.Fetch.AppendAsked(text, e)
	for _, name := range e.Uses {
		if value, given := c.client[name]; given {
			text = appendVariable(text, name, value)
		}
	}
	for i, value := range l.Context {
		text = appendVariable(text, e.Context[i].Argument, value)
	}
	asked := sha256.Sum256(text)
	own := SubgraphTag(c.settings.Name)
	scope, policy := c.keyScope(e.Cache), bySchema(e.Cache)
	tags := make([]string, 0, len(l.Representations)*(1+len(e.Keys)))
	var s scratch
	buffer, typename := make([]byte, 0, 256), "" // nearly always that of the one before
	for n, representation := range l.Representations {
		members, before := s.object(representation)
		if name := typenameOf(members); string(name) != typename {
			typename = string(name)
		}
		buffer = s.appendMembers(append(buffer[:0], asked[:]...), members, 0)
		name := nameOf(buffer)
		from := len(tags)
		tags = append(tags, own)
		tags, buffer = s.appendTags(tags, buffer[:0], typename, members, e.Keys)
		s.back(before)
		c.places = append(c.places, place{at, n})
		c.wanted = append(c.wanted, cache.Wanted{
			Key:    cache.Key{Source: c.settings.Name, Kind: typename, Scope: scope, Name: name},
			Policy: policy,
			Tags:   tags[from:len(tags):len(tags)],
		})
	}
}

func appendVariable(b []byte, name string, value []byte) []byte {
	b = append(append(append(b, '\n'), name...), '=')
	return new(scratch).appendCanonical(b, value)
}

// nameOf returns a digest of a text as a name.
func nameOf(text []byte) string {
	sum := sha256.Sum256(text)
	var room [48]byte
	return string(base64.RawURLEncoding.AppendEncode(room[:0], sum[:]))
}

// SubgraphTag is the tag of everything that is remembered of a subgraph: the word subgraph, and its name.
func SubgraphTag(name string) string { return "subgraph " + name }

// EntityTag is the tag of what all subgraphs answered of one entity, found by a key: the word entity, the name of the type that the entity was asked for by,
// and the key as JSON, as in
//
//	entity Product {"upc":"p1"}
//	entity Variant {"no":"3","product":{"upc":"p1"}}
//
// with members in the order of their names and no space. Numbers are written as strings, as an ID may be either. A key of more than 200 bytes is written as # and its
// SHA-256 in hexadecimal. An entity with several keys has a tag for each that its subgraph is sent.
func EntityTag(typename string, key map[string]any) (string, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("naming a key of %s: %w", typename, err)
	}
	tag, _ := new(scratch).appendTagValue(appendTagStart(nil, typename), text, nil)
	return shortTag(typename, tag), nil
}

func appendTagStart(b []byte, typename string) []byte {
	return append(append(append(b, "entity "...), typename...), ' ')
}

// longestKey is how long the text of a key may be in a tag: tags are kept beside every value.
const longestKey = 200

func shortTag(typename string, tag []byte) string {
	start := len("entity ") + len(typename) + 1
	if len(tag)-start <= longestKey {
		return string(tag)
	}
	return fmt.Sprintf("%s#%x", tag[:start], sha256.Sum256(tag[start:]))
}

// appendTags appends the tags of a representation with the members: one for each key it has. b is memory to write in.
func (s *scratch) appendTags(tags []string, b []byte, typename string, members []member, keys [][]plan.KeyField) ([]string, []byte) {
	for _, key := range keys {
		var ok bool
		if b, ok = s.appendTagMembers(appendTagStart(b[:0], typename), members, key); ok {
			tags = append(tags, shortTag(typename, b))
		}
	}
	return tags, b
}

// appendTagMembers appends an object the way tags have it: the members of the key alone, all where it is nil. It is false where one of them is missing or null.
func (s *scratch) appendTagMembers(b []byte, members []member, key []plan.KeyField) (_ []byte, ok bool) {
	sortMembers(members)
	b = append(b, '{')
	n := 0
	for _, m := range members {
		below, in := inKey(key, m.name)
		if !in {
			continue
		}
		if n > 0 {
			b = append(b, ',')
		}
		n++
		b = append(append(append(b, '"'), m.name...), '"', ':')
		if b, ok = s.appendTagValue(b, m.value, below); !ok {
			return b, false
		}
	}
	return append(b, '}'), n >= len(key)
}

func (s *scratch) appendTagValue(b, value []byte, key []plan.KeyField) (_ []byte, ok bool) {
	if len(value) == 0 {
		return b, false
	}
	switch value[0] {
	case '{':
		members, before := s.object(value)
		b, ok = s.appendTagMembers(b, members, key)
		s.back(before)
		return b, ok
	case '[':
		b = append(b, '[')
		items, _ := readItems(nil, value)
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = s.appendTagValue(b, item, key); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case '"':
		if bytes.IndexByte(value, '\\') < 0 {
			return append(b, value...), true
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			return b, false
		}
		return appendString(b, text), true
	case 'n':
		return b, false
	case 't', 'f':
		return append(b, value...), true
	}
	return append(append(append(b, '"'), value...), '"'), true
}

// inKey tells whether a key has a field, and what it has below it. One that is nil has every field.
func inKey(key []plan.KeyField, name []byte) (below []plan.KeyField, in bool) {
	for i := range key {
		if key[i].Name == string(name) {
			return key[i].Fields, true
		}
	}
	return nil, key == nil
}

// appendString appends a JSON string with no more escapes than there must be.
func appendString(b []byte, text string) []byte {
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
