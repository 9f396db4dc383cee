package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// contextArgument is an argument that the gateway fills in from an ancestor, instead of the client.
type contextArgument struct {
	name      string
	typ       *ast.Type
	context   string // as the supergraph calls it
	selection string
	set       ast.SelectionSet
	pos       *ast.Position
}

// contextName is what the supergraph calls a context of a subgraph: contexts of two subgraphs have nothing to do with each other.
func (s *subgraph) contextName(name string) string { return s.Name + "__" + name }

// readContexts reads which types set a context, and which arguments take one.
func (s *subgraph) readContexts() Errors {
	var errs Errors
	s.contexts, s.contextual = map[string][]string{}, map[string][]contextArgument{}
	for _, name := range s.order {
		for _, d := range s.all(s.types[name].Directives, "context") {
			context := stringArgument(d, "name")
			if !isName(context) || strings.Contains(context, "_") {
				errs = append(errs, s.failure(ContextNameInvalid, d.Position, "%q cannot be the name of a context; use letters and digits, without underscores", context)...)
				continue
			}
			s.contexts[context] = append(s.contexts[context], name)
		}
	}
	for _, name := range s.order {
		def := s.types[name]
		for _, f := range def.Fields {
			for _, arg := range f.Arguments {
				if d := s.find(arg.Directives, "fromContext"); d != nil {
					errs = append(errs, s.readFromContext(def, f, arg, d)...)
				}
			}
		}
	}
	return errs
}

func (s *subgraph) readFromContext(def *ast.Definition, f *ast.FieldDefinition, arg *ast.ArgumentDefinition, d *ast.Directive) Errors {
	at := coordinate(def.Name, f.Name)
	if def.Kind == ast.Interface {
		return s.failure(ContextOnInterface, d.Position, "@%s is on an argument of %s, a field of an interface; put it on the implementations", d.Name, at)
	}
	text := strings.TrimSpace(stringArgument(d, "field"))
	end := strings.IndexFunc(text, func(r rune) bool { return r == '{' || r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '.' })
	if !strings.HasPrefix(text, "$") || end < 2 {
		return s.failure(ContextInvalidSelection, d.Position, `@%s must name a context and select in it, such as "$user { id }"`, d.Name)
	}
	context, selection := text[1:end], strings.TrimSpace(text[end:])
	if !strings.HasPrefix(selection, "{") {
		selection = "{ " + selection + " }"
	}
	types := s.contexts[context]
	if len(types) == 0 {
		return s.failure(ContextNotSet, d.Position, "no type of this subgraph sets the context %q; add @context(name: %q) to the type to take it from", context, context)
	}
	if !slices.ContainsFunc(s.uses.keys[def.Name], func(k key) bool { return k.resolvable }) {
		return s.failure(ContextNoResolvableKey, d.Position, "%s takes an argument from a context, but %s has no resolvable @key to be entered by; add one", at, def.Name)
	}
	set, err := parseFieldSet(selection)
	if err == nil {
		for _, name := range types {
			if err = s.checkContextSelection(s.types[name], set, arg.Type); err != nil {
				break
			}
		}
	}
	if err != nil {
		return s.failure(ContextInvalidSelection, d.Position, "@%s on %s(%s:) is wrong: %s", d.Name, at, arg.Name, err.message)
	}
	s.contextual[at] = append(s.contextual[at], contextArgument{arg.Name, arg.Type, s.contextName(context), "{ " + fieldSetText(set) + " }", set, d.Position})
	return nil
}

// checkContextSelection: in a type that sets the context, the selection must pick exactly one value, and one the argument can take.
func (s *subgraph) checkContextSelection(def *ast.Definition, set ast.SelectionSet, wanted *ast.Type) *fieldSetError {
	var here ast.SelectionSet
	for _, selection := range set {
		if fragment, ok := selection.(*ast.InlineFragment); ok && fragment.TypeCondition != "" {
			target := s.types[fragment.TypeCondition]
			if target != nil && target.IsCompositeType() && !s.overlap(def, target) {
				continue
			}
		}
		here = append(here, selection)
	}
	var path []*ast.Type
	leaves := 0
	err := s.walk(def, here, func(p pick) *fieldSetError {
		s.mark(s.uses.used, p)
		path = append(path, p.field.Type)
		if p.leaf() {
			leaves++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if leaves != 1 {
		return flawed(flawFields, "in %s it selects %d values instead of one", def.Name, leaves)
	}
	got := alongPath(path)
	if !acceptsInput(wanted, got) {
		return flawed(flawFields, "in %s it selects %s, which an argument of type %s cannot take", def.Name, got, wanted)
	}
	return nil
}

// alongPath returns the type of what is found by following fields of these types: in a list where any is a list, null where any is.
func alongPath(path []*ast.Type) *ast.Type {
	got := path[len(path)-1]
	for i := len(path) - 2; i >= 0; i-- {
		got = within(path[i], got)
	}
	return got
}

func within(outer, inner *ast.Type) *ast.Type {
	if outer.Elem != nil {
		return &ast.Type{Elem: within(outer.Elem, inner), NonNull: outer.NonNull}
	}
	nested := *inner
	nested.NonNull = outer.NonNull && inner.NonNull
	return &nested
}

// acceptsInput says whether every value of type given can go where wanted is.
func acceptsInput(wanted, given *ast.Type) bool {
	if wanted.NonNull && !given.NonNull {
		return false
	}
	if wanted.Elem != nil || given.Elem != nil {
		return wanted.Elem != nil && given.Elem != nil && acceptsInput(wanted.Elem, given.Elem)
	}
	return wanted.NamedType == given.NamedType
}
