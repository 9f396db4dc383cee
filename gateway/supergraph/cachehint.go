package supergraph

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// CacheHint is what a subgraph's schema says, with @cacheControl, of how long a field's value or the objects of a type may be remembered. The zero value
// says nothing.
type CacheHint struct {
	Aged    bool          // MaxAge is said
	MaxAge  time.Duration // in whole seconds, 0 for not at all
	Scope   CacheScope
	Inherit bool // as long, and for as many, as what is around it
}

// CacheScope says who may be shown a value that is remembered.
type CacheScope uint8

// The scopes, the stricter the higher.
const (
	CacheScopeUnsaid  CacheScope = iota
	CacheScopePublic             // anybody
	CacheScopePrivate            // whoever it was asked for
)

func (s CacheScope) String() string { return [...]string{"unsaid", "public", "private"}[s] }

// cacheHintLink is the specification of the directive @cacheHint, up to its version. The directive is written by package compose.
const cacheHintLink = "https://callboard.dev/specs/cacheHint/"

// readCacheHints reads what each subgraph says of each type and field: from @cacheHint, and from the @cacheControl that @join__directive carries.
func (r *reader) readCacheHints(doc *ast.SchemaDocument) {
	own := false
	for _, schema := range doc.Schema {
		for _, d := range schema.Directives.ForNames("link") {
			own = own || strings.HasPrefix(argument(d, "url"), cacheHintLink)
		}
	}
	each := func(list ast.DirectiveList, said func(subgraph *Subgraph, hint CacheHint)) {
		for _, d := range list {
			switch {
			case d.Name == "cacheHint" && own:
				if subgraph := r.graph(d); subgraph != nil {
					said(subgraph, cacheHint(func(name string) string { return argument(d, name) }))
				}
			case d.Name == "join__directive" && argument(d, "name") == "cacheControl":
				graphs, args := d.Arguments.ForName("graphs"), d.Arguments.ForName("args")
				if graphs == nil || args == nil {
					continue
				}
				hint := cacheHint(func(name string) string {
					if v := args.Value.Children.ForName(name); v != nil && v.Kind != ast.NullValue {
						return v.Raw
					}
					return ""
				})
				for _, child := range graphs.Value.Children {
					if subgraph := r.graphs[child.Value.Raw]; subgraph != nil {
						said(subgraph, hint)
					}
				}
			}
		}
	}
	for _, def := range doc.Definitions {
		t := r.supergraph.types[def.Name]
		if t == nil {
			continue
		}
		each(def.Directives, func(subgraph *Subgraph, hint CacheHint) {
			if view := t.Views[subgraph.Index]; view != nil {
				view.Cache, subgraph.CacheHints = hint, true
			}
		})
		for _, field := range def.Fields {
			each(field.Directives, func(subgraph *Subgraph, hint CacheHint) {
				if view := t.Views[subgraph.Index]; view != nil && view.Fields[field.Name] != nil {
					view.Fields[field.Name].Cache, subgraph.CacheHints = hint, true
				}
			})
		}
	}
}

// cacheHint reads the arguments of a hint. What cannot be understood is the strictest.
func cacheHint(argument func(name string) string) CacheHint {
	hint := CacheHint{Inherit: argument("inheritMaxAge") == "true"}
	if text := argument("maxAge"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			seconds = 0
		}
		hint.Aged, hint.MaxAge = true, time.Duration(seconds)*time.Second
	}
	switch argument("scope") {
	case "":
	case "PUBLIC":
		hint.Scope = CacheScopePublic
	default:
		hint.Scope = CacheScopePrivate
	}
	return hint
}

// Version returns a digest of all that the supergraph says of the subgraph with the name. An answer of a subgraph of one version is of the shape that the same
// operation has under it.
func (s *Supergraph) Version(name string) [16]byte {
	h := sha256.New()
	subgraph := s.Subgraph(name)
	if subgraph != nil {
		for _, typename := range slices.Sorted(maps.Keys(s.types)) {
			s.types[typename].Views[subgraph.Index].write(h)
		}
	}
	return [16]byte(h.Sum(nil))
}

// write writes all that is particular to a view, in order.
func (v *View) write(w io.Writer) {
	if v == nil {
		return
	}
	fmt.Fprintln(w, v.Type.Def.Kind, v.Type.Name, v.InterfaceObject, v.Objects, v.Implements, v.Cache)
	for _, key := range v.Keys {
		fmt.Fprintf(w, "%q %t\n", key.Fields.Text, key.Resolvable)
	}
	for _, value := range slices.Sorted(maps.Keys(v.EnumValues)) {
		fmt.Fprintln(w, value)
	}
	for _, name := range slices.Sorted(maps.Keys(v.Fields)) {
		f := v.Fields[name]
		fmt.Fprintf(w, "%s %s %t %t %q %q %v\n", name, f.Type, f.External, f.Overridden, f.Requires.Text, f.Provides.Text, f.Cache)
		for _, arg := range f.Arguments {
			fmt.Fprintf(w, "%s %s", arg.Name, arg.Type)
			if arg.DefaultValue != nil {
				fmt.Fprintf(w, " %s", arg.DefaultValue)
			}
			fmt.Fprintln(w)
		}
	}
}
