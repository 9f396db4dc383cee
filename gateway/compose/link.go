package compose

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// link is one @link of a subgraph: a specification whose elements the subgraph uses.
type link struct {
	url      string
	identity string // the URL without the version
	name     string // the last part of the identity
	version  version
	prefix   string // elements that are not imported are called prefix__element
	imports  []imported
	pos      *ast.Position
}

// imported is one element of an import list. A directive's names start with "@".
type imported struct {
	name, as string
	pos      *ast.Position
}

// schemaDirectives returns what is applied to the schema, definition and extensions together.
func schemaDirectives(doc *ast.SchemaDocument) ast.DirectiveList {
	var out ast.DirectiveList
	for _, def := range doc.Schema {
		out = append(out, def.Directives...)
	}
	for _, ext := range doc.SchemaExtension {
		out = append(out, ext.Directives...)
	}
	return out
}

// linkName returns what the subgraph calls @link: the specification of links can itself be linked under another name.
func linkName(applied ast.DirectiveList) string {
	for _, d := range applied {
		if !strings.HasPrefix(stringArgument(d, "url"), specIdentity+"link/") {
			continue
		}
		l := link{name: "link", prefix: "link"}
		if as := stringArgument(d, "as"); as != "" {
			return as
		}
		_ = l.readImports(d)
		for _, i := range l.imports {
			if i.name == "@link" {
				return i.as[1:]
			}
		}
		return "link"
	}
	return "link"
}

// readLinks reads the @link directives of the schema, called by their local name.
func (s *subgraph) readLinks(applied ast.DirectiveList) Errors {
	var errs Errors
	fail := func(code Code, pos *ast.Position, format string, args ...any) {
		errs = append(errs, Error{Code: code, Message: fmt.Sprintf(format, args...), Places: []Place{s.place(pos)}})
	}
	for _, d := range applied {
		text := stringArgument(d, "url")
		if d.Name != s.linkName || text == "" {
			continue // a directive of the subgraph's own that happens to be called link is not ours to judge
		}
		l, err := parseLink(d, text)
		if err != nil {
			fail(InvalidLinkIdentifier, d.Position, "%v", err)
			continue
		}
		if err := l.readImports(d); err != nil {
			fail(InvalidLink, d.Position, "%v", err)
			continue
		}
		s.links = append(s.links, l)
		switch {
		case l.identity == specIdentity+"federation":
			if s.version != federation1 {
				fail(InvalidLink, d.Position, "federation is linked twice; keep one @link and put all imports there")
			} else if l.version.major != 2 {
				fail(UnknownFederationVersion, d.Position, "unknown federation version in %q; link %sfederation/v2.0 or later", text, specIdentity)
			} else {
				s.version = l.version
			}
		case strings.HasPrefix(l.identity, specIdentity) && specDirectives(l.name) != nil && l.version.major != 0:
			fail(UnknownLinkVersion, d.Position, "unknown version in %q; link a version v0.x of %s", text, l.name)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return s.nameDirectives()
}

// parseLink reads the URL of a link, such as https://specs.apollo.dev/federation/v2.3: the last part is the version, the part
// before it the name.
func parseLink(d *ast.Directive, text string) (link, error) {
	u, err := url.Parse(text)
	if err != nil || u.Path == "" {
		return link{}, fmt.Errorf("the url %q of @link is not a URL with a path; write one such as %sfederation/v2.9", text, specIdentity)
	}
	path := strings.TrimSuffix(u.Path, "/")
	l := link{url: text, pos: d.Position}
	at := strings.LastIndexByte(path, '/')
	if v, ok := parseVersion(path[at+1:]); ok {
		l.version = v
		path = path[:max(at, 0)]
		at = strings.LastIndexByte(path, '/')
	} else if strings.HasPrefix(text, specIdentity+"federation") {
		return link{}, fmt.Errorf("the url %q of @link ends in no version; write one such as %sfederation/v2.9", text, specIdentity)
	}
	l.name = path[at+1:]
	u.Path, u.RawPath, u.RawQuery, u.Fragment = path, "", "", ""
	l.identity = u.String()
	l.prefix = l.name
	if as := stringArgument(d, "as"); as != "" {
		if !isName(as) {
			return link{}, fmt.Errorf("as: %q of @link is not a name", as)
		}
		l.prefix = as
	}
	return l, nil
}

// parseVersion reads "v2.3".
func parseVersion(text string) (version, bool) {
	major, minor, ok := strings.Cut(strings.TrimPrefix(text, "v"), ".")
	if !ok || !strings.HasPrefix(text, "v") {
		return version{}, false
	}
	a, errA := strconv.ParseUint(major, 10, 16)
	b, errB := strconv.ParseUint(minor, 10, 16)
	return version{int(a), int(b)}, errA == nil && errB == nil
}

// readImports reads the import list: each item is a name, or an object with a name and what to call it.
func (l *link) readImports(d *ast.Directive) error {
	arg := d.Arguments.ForName("import")
	if arg == nil || arg.Value.Kind == ast.NullValue {
		return nil
	}
	if arg.Value.Kind != ast.ListValue {
		return fmt.Errorf(`import of @link is not a list; write import: ["@key"]`)
	}
	for _, child := range arg.Value.Children {
		one := imported{pos: child.Value.Position}
		switch child.Value.Kind {
		case ast.StringValue, ast.BlockValue:
			one.name, one.as = child.Value.Raw, child.Value.Raw
		case ast.ObjectValue:
			for _, f := range child.Value.Children {
				switch f.Name {
				case "name":
					one.name = f.Value.Raw
				case "as":
					one.as = f.Value.Raw
				default:
					return fmt.Errorf(`an import of @link has name and as, not %q`, f.Name)
				}
			}
			if one.as == "" {
				one.as = one.name
			}
		default:
			return fmt.Errorf(`an import of @link is a name or an object such as {name: "@key", as: "@id"}`)
		}
		if !isName(strings.TrimPrefix(one.name, "@")) || !isName(strings.TrimPrefix(one.as, "@")) {
			return fmt.Errorf("%q as %q cannot be imported; both must be names", one.name, one.as)
		}
		if strings.HasPrefix(one.name, "@") != strings.HasPrefix(one.as, "@") {
			return fmt.Errorf(`%q cannot be imported as %q; directives start with "@" under both names, types under neither`, one.name, one.as)
		}
		l.imports = append(l.imports, one)
	}
	return nil
}

// nameDirectives fills in what the subgraph calls each federation directive and type.
func (s *subgraph) nameDirectives() Errors {
	var errs Errors
	for _, l := range s.links {
		if !strings.HasPrefix(l.identity, specIdentity) {
			continue
		}
		var offered []string
		if l.name == "federation" {
			for _, d := range federationDirectives {
				if d.since <= l.version.minor {
					offered = append(offered, d.name)
				}
			}
			for name, since := range federationTypes {
				if since <= l.version.minor {
					s.machinery[l.prefix+"__"+name] = true
				}
			}
		} else if offered = specDirectives(l.name); offered == nil {
			continue
		}
		known := map[string]bool{}
		for _, name := range offered {
			known["@"+name] = true
			s.canonical[l.prefix+"__"+name] = name
			if name == l.name {
				errs = append(errs, s.call(l.prefix, name, l.pos)...)
			}
		}
		for _, i := range l.imports {
			directive := strings.HasPrefix(i.name, "@")
			switch {
			case directive && known[i.name]:
				errs = append(errs, s.call(i.as[1:], i.name[1:], i.pos)...)
			case directive:
				errs = append(errs, s.unknownImport(l, i))
			default:
				if since, ok := federationTypes[i.name]; l.name == "federation" && (!ok || since > l.version.minor) {
					errs = append(errs, s.unknownImport(l, i))
				}
				s.machinery[i.as] = true
			}
		}
	}
	if s.version == federation1 {
		for _, d := range federationDirectives {
			if d.one {
				s.canonical[d.name] = d.name
			}
		}
	}
	return errs
}

// call makes local the subgraph's name for a federation directive.
func (s *subgraph) call(local, name string, pos *ast.Position) Errors {
	if before, ok := s.canonical[local]; ok && before != name {
		return s.failure(InvalidLink, pos, "@%s cannot be called @%s, as @%s is; import it under another name", name, local, before)
	}
	if builtInDirectives[local] {
		return s.failure(InvalidLink, pos, "@%s cannot be called @%s, which is GraphQL's own; import it under another name", name, local)
	}
	s.canonical[local] = name
	return nil
}

func (s *subgraph) unknownImport(l link, i imported) Error {
	message := fmt.Sprintf("%s has no element %s to import", l.url, i.name)
	if d, ok := directiveNamed(strings.TrimPrefix(i.name, "@")); ok && l.name == "federation" {
		message += fmt.Sprintf("; link %sfederation/v2.%d or later", specIdentity, d.since)
	} else {
		message += "; remove it from the import list"
	}
	return Error{Code: InvalidLink, Message: message, Places: []Place{s.place(i.pos)}}
}

// stringArgument returns the text of a string argument, or "" where it is absent or no string.
func stringArgument(d *ast.Directive, name string) string {
	if arg := d.Arguments.ForName(name); arg != nil && (arg.Value.Kind == ast.StringValue || arg.Value.Kind == ast.BlockValue) {
		return arg.Value.Raw
	}
	return ""
}

// isName says whether text is a GraphQL name.
func isName(text string) bool {
	for i := range len(text) {
		switch b := text[i]; {
		case b == '_', 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z':
		case '0' <= b && b <= '9' && i > 0:
		default:
			return false
		}
	}
	return text != ""
}
