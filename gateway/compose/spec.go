package compose

import "strings"

// version is the version of a linked specification.
type version struct{ major, minor int }

// federation1 is the version of a subgraph that links no federation specification.
var federation1 = version{1, 0}

// federationDirective is one directive of the federation specification, as a subgraph may write it.
type federationDirective struct {
	name  string
	since int    // the minor version of federation 2 that brought it
	one   bool   // Federation 1 has it too
	rest  string // what follows its name in its definition; every special scalar is written String, which is what the texts hold
}

// everywhere are the places of @tag and @inaccessible.
const everywhere = "FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION"

// federationDirectives are the directives a subgraph can use, with the federation version each came with.
var federationDirectives = []federationDirective{
	{"key", 0, true, "(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE"},
	{"requires", 0, true, "(fields: String!) on FIELD_DEFINITION"},
	{"provides", 0, true, "(fields: String!) on FIELD_DEFINITION"},
	{"external", 0, true, "(reason: String) on OBJECT | FIELD_DEFINITION"},
	{"extends", 0, true, "on OBJECT | INTERFACE"},
	{"tag", 0, true, "(name: String!) repeatable on SCHEMA | " + everywhere},
	{"shareable", 0, false, "repeatable on OBJECT | FIELD_DEFINITION"},
	{"inaccessible", 0, false, "on " + everywhere},
	{"override", 0, false, "(from: String!, label: String) on FIELD_DEFINITION"},
	{"composeDirective", 1, false, "(name: String!) repeatable on SCHEMA"},
	{"interfaceObject", 3, false, "on OBJECT"},
	{"authenticated", 5, false, "on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
	{"requiresScopes", 5, false, "(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
	{"policy", 6, false, "(policies: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
	{"context", 8, false, "(name: String!) repeatable on INTERFACE | OBJECT | UNION"},
	{"fromContext", 8, false, "(field: String) on ARGUMENT_DEFINITION"},
	{"cost", 9, false, "(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR"},
	{"listSize", 9, false, "(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION"},
	{"cacheTag", 12, false, "(format: String!) repeatable on OBJECT | FIELD_DEFINITION"},
}

// federationTypes are the types of the federation specification that a subgraph may name or import.
var federationTypes = map[string]int{"FieldSet": 0, "Scope": 5, "Policy": 6, "ContextFieldValue": 8}

// directiveNamed returns the federation directive of that name.
func directiveNamed(name string) (federationDirective, bool) {
	for _, d := range federationDirectives {
		if d.name == name {
			return d, true
		}
	}
	return federationDirective{}, false
}

// feature is a specification whose directives a supergraph carries for the gateway to act on.
type feature struct {
	name       string // of the specification
	version    string
	purpose    string // SECURITY: a gateway that does not know it must refuse the supergraph
	directives []string
	definition string
}

// features are the specifications whose directives go into the supergraph, each under its own name whatever the subgraphs call
// it: a gateway that looks for @authenticated must find it even where every subgraph renamed it.
var features = []feature{
	{"authenticated", "v0.1", "SECURITY", []string{"authenticated"}, "directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM\n"},
	{"context", "v0.1", "SECURITY", []string{"context"}, "directive @context(name: String!) repeatable on INTERFACE | OBJECT | UNION\n\ndirective @context__fromContext(field: context__ContextFieldValue) on ARGUMENT_DEFINITION\n\nscalar context__ContextFieldValue\n"},
	{"cost", "v0.1", "", []string{"cost", "listSize"}, "directive @cost(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR\n\ndirective @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION\n"},
	{"inaccessible", "v0.2", "SECURITY", []string{"inaccessible"}, "directive @inaccessible on " + everywhere + "\n"},
	{"policy", "v0.1", "SECURITY", []string{"policy"}, "directive @policy(policies: [[policy__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM\n\nscalar policy__Policy\n"},
	{"requiresScopes", "v0.1", "SECURITY", []string{"requiresScopes"}, "directive @requiresScopes(scopes: [[requiresScopes__Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM\n\nscalar requiresScopes__Scope\n"},
	{"tag", "v0.3", "", []string{"tag"}, "directive @tag(name: String!) repeatable on " + everywhere + " | SCHEMA\n"},
}

// specIdentity is where the specifications of federation and its features live.
const specIdentity = "https://specs.apollo.dev/"

// specDirectives returns the directives of a known specification by its name, or nil where the name is unknown.
func specDirectives(name string) []string {
	if name == "context" {
		return []string{"context", "fromContext"}
	}
	for _, f := range features {
		if f.name == name {
			return f.directives
		}
	}
	return nil
}

// reserved are the prefixes of names that the supergraph's own machinery uses.
var reserved = []string{"join__", "link__", "core__", "federation__", "requiresScopes__", "policy__", "context__"}

func isReserved(name string) bool {
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// machinery are the types of the subgraph protocol itself.
var machinery = map[string]bool{"_Any": true, "_FieldSet": true, "_Entity": true, "_Service": true}

// builtInScalars and builtInDirectives may be defined again by a printed schema; the definition says nothing new.
var (
	builtInScalars    = map[string]bool{"Int": true, "Float": true, "String": true, "Boolean": true, "ID": true}
	builtInDirectives = map[string]bool{"skip": true, "include": true, "deprecated": true, "specifiedBy": true, "oneOf": true, "defer": true}
)
