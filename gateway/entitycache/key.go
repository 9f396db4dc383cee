package entitycache

import (
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
	sum := sha256.Sum256(text)
	return cache.Wanted{
		Key:    cache.Key{Source: c.settings.Name, Kind: rootKind, Scope: c.keyScope(f.Cache), Name: nameOf(sum)},
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
	buffer := make([]byte, 0, 256)
	for n, representation := range l.Representations {
		buffer = appendCanonical(append(buffer[:0], asked[:]...), representation)
		typename := typenameOf(representation)
		c.places = append(c.places, place{at, n})
		c.wanted = append(c.wanted, cache.Wanted{
			Key:    cache.Key{Source: c.settings.Name, Kind: typename, Scope: scope, Name: nameOf(sha256.Sum256(buffer))},
			Policy: policy,
			Tags:   appendTags([]string{own}, typename, representation, e.Keys),
		})
	}
}

func appendVariable(b []byte, name string, value []byte) []byte {
	b = append(append(append(b, '\n'), name...), '=')
	return appendCanonical(b, value)
}

func nameOf(sum [sha256.Size]byte) string { return base64.RawURLEncoding.EncodeToString(sum[:]) }

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
	tag, _ := appendTagValue(entityTagStart(typename), text, nil)
	return shortTag(typename, tag), nil
}

func entityTagStart(typename string) []byte { return append([]byte("entity "+typename), ' ') }

// longestKey is how long the text of a key may be in a tag: tags are kept beside every value.
const longestKey = 200

func shortTag(typename string, tag []byte) string {
	start := len("entity ") + len(typename) + 1
	if len(tag)-start <= longestKey {
		return string(tag)
	}
	return fmt.Sprintf("%s#%x", tag[:start], sha256.Sum256(tag[start:]))
}

// appendTags appends the tags of a representation: one for each key it has.
func appendTags(tags []string, typename string, representation []byte, keys [][]plan.KeyField) []string {
	for _, key := range keys {
		if tag, ok := appendTagValue(entityTagStart(typename), representation, key); ok {
			tags = append(tags, shortTag(typename, tag))
		}
	}
	return tags
}

// appendTagValue appends a value the way tags have it: of an object the members of the key alone, all where it is nil. It is false where one of them
// is missing or null.
func appendTagValue(b, value []byte, key []plan.KeyField) (_ []byte, ok bool) {
	if len(value) == 0 {
		return b, false
	}
	switch value[0] {
	case '{':
		var room [8]member
		members := readMembers(room[:0], value)
		if key != nil {
			members = slices.DeleteFunc(members, func(m member) bool { return !keyHas(key, m.name) })
			if len(members) < len(key) {
				return b, false
			}
		}
		sortMembers(members)
		b = append(b, '{')
		for i, m := range members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), m.name...), '"', ':')
			if b, ok = appendTagValue(b, m.value, keyBelow(key, m.name)); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	case '[':
		b = append(b, '[')
		items, _ := readItems(nil, value)
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = appendTagValue(b, item, key); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case '"':
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

func keyHas(key []plan.KeyField, name []byte) bool {
	return slices.ContainsFunc(key, func(f plan.KeyField) bool { return f.Name == string(name) })
}

func keyBelow(key []plan.KeyField, name []byte) []plan.KeyField {
	for i := range key {
		if key[i].Name == string(name) {
			return key[i].Fields
		}
	}
	return nil
}
