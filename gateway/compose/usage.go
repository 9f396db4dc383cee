package compose

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// usage is what the field sets of a subgraph say about its fields, by coordinate (Type.field).
type usage struct {
	keys     map[string][]key // by type, in the order written
	key      map[string]bool  // part of a key, hence shareable
	external map[string]bool  // declared but not resolved here
	provided map[string]bool  // external, but resolved along some path
	used     map[string]bool  // selected by a field set, or asked for by an interface
	certain  bool             // every field set could be read, so what is not used is not used
	requires map[string]ast.SelectionSet
	provides map[string]ast.SelectionSet
}

// key is one @key of a type.
type key struct {
	set        ast.SelectionSet
	text       string
	resolvable bool
	extension  bool // written on an extension
	pos        *ast.Position
}

func coordinate(parent, field string) string { return parent + "." + field }

// isExternal says whether a field is declared but not resolved here. A field of an interface is, where it is on some
// implementation: only those are resolved.
func (s *subgraph) isExternal(parent *ast.Definition, field string) bool {
	if parent.Kind == ast.Interface {
		for _, name := range s.implements[parent.Name] {
			if s.uses.external[coordinate(name, field)] {
				return true
			}
		}
		return false
	}
	return s.uses.external[coordinate(parent.Name, field)]
}

// mark notes a selected field in a set of coordinates; of an interface's field, those of all its implementations as well.
func (s *subgraph) mark(in map[string]bool, p pick) {
	in[coordinate(p.parent.Name, p.field.Name)] = true
	if p.parent.Kind == ast.Interface {
		for _, name := range s.implements[p.parent.Name] {
			in[coordinate(name, p.field.Name)] = true
		}
	}
}

// readUsage reads all field sets of the subgraph. Keys come first, for they decide which @external is meant.
func (s *subgraph) readUsage() Errors {
	s.uses = usage{
		keys: map[string][]key{}, key: map[string]bool{}, external: map[string]bool{}, provided: map[string]bool{}, used: map[string]bool{},
		requires: map[string]ast.SelectionSet{}, provides: map[string]ast.SelectionSet{},
	}
	errs, resolved := s.readKeys()
	s.readExternal(resolved)
	for _, name := range s.order {
		def := s.types[name]
		for _, f := range def.Fields {
			errs = append(errs, s.readRequires(def, f)...)
			errs = append(errs, s.readProvides(def, f)...)
		}
		if def.Kind != ast.Object {
			continue
		}
		for _, i := range def.Interfaces {
			for _, f := range s.types[i].Fields {
				s.uses.used[coordinate(name, f.Name)] = true
			}
		}
	}
	return append(errs, s.readContexts()...)
}

// fieldSetFailure turns a flaw in a field set into an error with the directive's own code for it.
func (s *subgraph) fieldSetFailure(d *ast.Directive, on string, err *fieldSetError, codes map[flaw]Code) Error {
	return Error{codes[err.flaw], fmt.Sprintf("@%s on %s is wrong: %s", d.Name, on, err.message), []Place{s.place(d.Position)}}
}

var keyCodes = map[flaw]Code{
	flawFields: KeyInvalidFields, flawType: KeyInvalidFieldsType, flawArguments: KeyFieldsHasArgs,
	flawAbstract: KeyFieldsSelectInvalidType, flawDirective: KeyDirectiveInFields,
}

// readKeys reads the keys, and returns the fields whose @external does not count: key fields of an extension are marked external
// by the habit of Federation 1, but every subgraph resolves the keys it is entered by.
func (s *subgraph) readKeys() (Errors, map[string]bool) {
	var errs Errors
	resolved := map[string]bool{}
	for _, name := range s.order {
		def := s.types[name]
		for _, d := range s.all(def.Directives, "key") {
			set, err := readFieldSet(d, "fields")
			if err == nil {
				err = s.walk(def, set, func(p pick) *fieldSetError {
					if len(p.field.Arguments) > 0 {
						return flawed(flawArguments, "%s.%s takes arguments, which a key field cannot", p.parent.Name, p.field.Name)
					}
					if target := s.types[p.field.Type.Name()]; target != nil && target.IsAbstractType() {
						return flawed(flawAbstract, "%s.%s is of type %s; an interface or union cannot be part of a key", p.parent.Name, p.field.Name, p.field.Type)
					}
					s.mark(s.uses.key, p)
					s.mark(s.uses.used, p)
					if s.onExtension[d] {
						s.mark(resolved, p)
					}
					return nil
				})
			}
			if err != nil {
				errs = append(errs, s.fieldSetFailure(d, name, err, keyCodes))
				continue
			}
			k := key{set: set, text: fieldSetText(set), resolvable: true, extension: s.onExtension[d], pos: d.Position}
			if arg := d.Arguments.ForName("resolvable"); arg != nil && arg.Value.Raw == "false" {
				k.resolvable = false
			}
			s.uses.keys[name] = append(s.uses.keys[name], k)
		}
	}
	return errs, resolved
}

func (s *subgraph) readExternal(resolved map[string]bool) {
	for _, name := range s.order {
		def := s.types[name]
		if def.Kind != ast.Object {
			continue
		}
		for _, f := range def.Fields {
			at := coordinate(name, f.Name)
			written := s.find(f.Directives, "external") != nil || s.find(s.beside[f], "external") != nil
			if written && !resolved[at] {
				s.uses.external[at] = true
			}
		}
	}
}

var requiresCodes = map[flaw]Code{
	flawFields: RequiresInvalidFields, flawType: RequiresInvalidFieldsType, flawArguments: RequiresInvalidFields,
	flawAbstract: RequiresInvalidFields, flawDirective: RequiresDirectiveInFields, flawExternal: RequiresMissingExternal,
}

func (s *subgraph) readRequires(def *ast.Definition, f *ast.FieldDefinition) Errors {
	d := s.find(f.Directives, "requires")
	if d == nil {
		return nil
	}
	at := coordinate(def.Name, f.Name)
	if def.Kind == ast.Interface {
		return Errors{{RequiresOnInterface, fmt.Sprintf("@%s is on %s, a field of an interface; put it on the implementations", d.Name, at), []Place{s.place(d.Position)}}}
	}
	set, err := readFieldSet(d, "fields")
	some := false
	if err == nil {
		err = s.walk(def, set, func(p pick) *fieldSetError {
			s.mark(s.uses.used, p)
			some = some || p.external
			return s.mustBeExternal(p)
		})
	}
	if err != nil {
		return Errors{s.fieldSetFailure(d, at, err, requiresCodes)}
	}
	if some || s.version != federation1 {
		s.uses.requires[at] = set
	}
	return nil
}

var providesCodes = map[flaw]Code{
	flawFields: ProvidesInvalidFields, flawType: ProvidesInvalidFieldsType, flawArguments: ProvidesFieldsHasArgs,
	flawAbstract: ProvidesInvalidFields, flawDirective: ProvidesDirectiveInFields, flawExternal: ProvidesMissingExternal,
}

func (s *subgraph) readProvides(def *ast.Definition, f *ast.FieldDefinition) Errors {
	d := s.find(f.Directives, "provides")
	if d == nil {
		return nil
	}
	at := coordinate(def.Name, f.Name)
	if def.Kind == ast.Interface {
		return Errors{{ProvidesOnInterface, fmt.Sprintf("@%s is on %s, a field of an interface; put it on the implementations", d.Name, at), []Place{s.place(d.Position)}}}
	}
	target := s.types[f.Type.Name()]
	if target == nil || !target.IsCompositeType() {
		return Errors{{ProvidesOnNonObject, fmt.Sprintf("@%s is on %s, which returns %s; only fields of an object, interface or union type provide anything", d.Name, at, f.Type), []Place{s.place(d.Position)}}}
	}
	set, err := readFieldSet(d, "fields")
	some := false
	if err == nil {
		err = s.walk(target, set, func(p pick) *fieldSetError {
			if len(p.field.Arguments) > 0 {
				return flawed(flawArguments, "%s.%s takes arguments, which a provided field cannot", p.parent.Name, p.field.Name)
			}
			s.mark(s.uses.used, p)
			s.mark(s.uses.provided, p)
			some = some || p.external
			return s.mustBeExternal(p)
		})
	}
	if err != nil {
		return Errors{s.fieldSetFailure(d, at, err, providesCodes)}
	}
	if some || s.version != federation1 {
		s.uses.provides[at] = set
	}
	return nil
}

// mustBeExternal refuses a path that ends without having met an external field: the subgraph resolves all of it by itself. Federation
// 1 let such paths pass, and they did nothing.
func (s *subgraph) mustBeExternal(p pick) *fieldSetError {
	if s.version == federation1 || p.external || !p.leaf() {
		return nil
	}
	return flawed(flawExternal, "%s.%s is not @external, so it is resolved here anyway; mark it @external or leave it out", p.parent.Name, p.field.Name)
}
