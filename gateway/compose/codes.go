package compose

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Code names a kind of error. Where the meaning is the same as in Apollo's published list, so is the name.
type Code string

// The codes; what each means is in the table below.
const (
	InvalidSubgraphName        Code = "INVALID_SUBGRAPH_NAME"
	InvalidGraphQL             Code = "INVALID_GRAPHQL"
	TooLarge                   Code = "SCHEMA_TOO_LARGE"
	NoQueries                  Code = "NO_QUERIES"
	RootQueryUsed              Code = "ROOT_QUERY_USED"
	RootMutationUsed           Code = "ROOT_MUTATION_USED"
	RootSubscriptionUsed       Code = "ROOT_SUBSCRIPTION_USED"
	TypeKindMismatch           Code = "TYPE_KIND_MISMATCH"
	TypeOnlyUnusedExternal     Code = "TYPE_WITH_ONLY_UNUSED_EXTERNAL"
	ExtensionWithNoBase        Code = "EXTENSION_WITH_NO_BASE"
	DirectiveDefinitionInvalid Code = "DIRECTIVE_DEFINITION_INVALID"

	InvalidLink              Code = "INVALID_LINK_DIRECTIVE_USAGE"
	InvalidLinkIdentifier    Code = "INVALID_LINK_IDENTIFIER"
	UnknownFederationVersion Code = "UNKNOWN_FEDERATION_LINK_VERSION"
	UnknownLinkVersion       Code = "UNKNOWN_LINK_VERSION"

	KeyInvalidFields           Code = "KEY_INVALID_FIELDS"
	KeyInvalidFieldsType       Code = "KEY_INVALID_FIELDS_TYPE"
	KeyFieldsHasArgs           Code = "KEY_FIELDS_HAS_ARGS"
	KeyFieldsSelectInvalidType Code = "KEY_FIELDS_SELECT_INVALID_TYPE"
	KeyDirectiveInFields       Code = "KEY_DIRECTIVE_IN_FIELDS_ARG"
	KeyUnsupportedOnInterface  Code = "KEY_UNSUPPORTED_ON_INTERFACE"
	InterfaceKeyNotOnImpl      Code = "INTERFACE_KEY_NOT_ON_IMPLEMENTATION"
	InterfaceKeyMissingImpl    Code = "INTERFACE_KEY_MISSING_IMPLEMENTATION_TYPE"
	InterfaceObjectUsage       Code = "INTERFACE_OBJECT_USAGE_ERROR"
	InterfaceFieldNoImpl       Code = "INTERFACE_FIELD_NO_IMPLEM"
	ProvidesInvalidFields      Code = "PROVIDES_INVALID_FIELDS"
	ProvidesInvalidFieldsType  Code = "PROVIDES_INVALID_FIELDS_TYPE"
	ProvidesFieldsHasArgs      Code = "PROVIDES_FIELDS_HAS_ARGS"
	ProvidesMissingExternal    Code = "PROVIDES_FIELDS_MISSING_EXTERNAL"
	ProvidesOnNonObject        Code = "PROVIDES_ON_NON_OBJECT_FIELD"
	ProvidesDirectiveInFields  Code = "PROVIDES_DIRECTIVE_IN_FIELDS_ARG"
	ProvidesOnInterface        Code = "PROVIDES_UNSUPPORTED_ON_INTERFACE"
	RequiresInvalidFields      Code = "REQUIRES_INVALID_FIELDS"
	RequiresInvalidFieldsType  Code = "REQUIRES_INVALID_FIELDS_TYPE"
	RequiresMissingExternal    Code = "REQUIRES_FIELDS_MISSING_EXTERNAL"
	RequiresDirectiveInFields  Code = "REQUIRES_DIRECTIVE_IN_FIELDS_ARG"
	RequiresOnInterface        Code = "REQUIRES_UNSUPPORTED_ON_INTERFACE"
	ExternalUnused             Code = "EXTERNAL_UNUSED"
	ExternalMissingOnBase      Code = "EXTERNAL_MISSING_ON_BASE"
	ExternalOnInterface        Code = "EXTERNAL_ON_INTERFACE"
	ExternalTypeMismatch       Code = "EXTERNAL_TYPE_MISMATCH"
	ExternalArgumentMissing    Code = "EXTERNAL_ARGUMENT_MISSING"
	ExternalArgumentType       Code = "EXTERNAL_ARGUMENT_TYPE_MISMATCH"
	ExternalArgumentDefault    Code = "EXTERNAL_ARGUMENT_DEFAULT_MISMATCH"
	MergedDirectiveOnExternal  Code = "MERGED_DIRECTIVE_APPLICATION_ON_EXTERNAL"
	ExternalCollision          Code = "EXTERNAL_COLLISION_WITH_ANOTHER_DIRECTIVE"
	InvalidShareable           Code = "INVALID_SHAREABLE_USAGE"
	InvalidFieldSharing        Code = "INVALID_FIELD_SHARING"
	ShareableRuntimeTypes      Code = "SHAREABLE_HAS_MISMATCHED_RUNTIME_TYPES"
	OverrideFromSelf           Code = "OVERRIDE_FROM_SELF_ERROR"
	OverrideSourceHasOverride  Code = "OVERRIDE_SOURCE_HAS_OVERRIDE"
	OverrideCollision          Code = "OVERRIDE_COLLISION_WITH_ANOTHER_DIRECTIVE"
	OverrideOnInterface        Code = "OVERRIDE_ON_INTERFACE"
	OverrideLabelInvalid       Code = "OVERRIDE_LABEL_INVALID"
	FieldTypeMismatch          Code = "FIELD_TYPE_MISMATCH"
	ArgumentTypeMismatch       Code = "FIELD_ARGUMENT_TYPE_MISMATCH"
	ArgumentDefaultMismatch    Code = "FIELD_ARGUMENT_DEFAULT_MISMATCH"
	InputFieldDefaultMismatch  Code = "INPUT_FIELD_DEFAULT_MISMATCH"
	RequiredArgumentMissing    Code = "REQUIRED_ARGUMENT_MISSING_IN_SOME_SUBGRAPH"
	RequiredInputFieldMissing  Code = "REQUIRED_INPUT_FIELD_MISSING_IN_SOME_SUBGRAPH"
	EmptyMergedInput           Code = "EMPTY_MERGED_INPUT_TYPE"
	EmptyMergedEnum            Code = "EMPTY_MERGED_ENUM_TYPE"
	EnumValueMismatch          Code = "ENUM_VALUE_MISMATCH"
	DirectiveComposition       Code = "DIRECTIVE_COMPOSITION_ERROR"
	DisallowedInaccessible     Code = "DISALLOWED_INACCESSIBLE"
	ReferencedInaccessible     Code = "REFERENCED_INACCESSIBLE"
	RequiredInaccessible       Code = "REQUIRED_INACCESSIBLE"
	OnlyInaccessibleChildren   Code = "ONLY_INACCESSIBLE_CHILDREN"
	ImplementedByInaccessible  Code = "IMPLEMENTED_BY_INACCESSIBLE"
	DefaultUsesInaccessible    Code = "DEFAULT_VALUE_USES_INACCESSIBLE"
	QueryRootInaccessible      Code = "QUERY_ROOT_TYPE_INACCESSIBLE"
	AuthOnInterface            Code = "AUTH_REQUIREMENTS_APPLIED_ON_INTERFACE"
	AuthMissingTransitive      Code = "MISSING_TRANSITIVE_AUTH_REQUIREMENTS"
	AuthInvalid                Code = "AUTH_REQUIREMENTS_INVALID"
	CostInvalid                Code = "COST_INVALID"
	ContextNameInvalid         Code = "CONTEXT_NAME_INVALID"
	ContextNotSet              Code = "CONTEXT_NOT_SET"
	ContextInvalidSelection    Code = "CONTEXT_INVALID_SELECTION"
	ContextNoResolvableKey     Code = "CONTEXT_NO_RESOLVABLE_KEY"
	ContextOnInterface         Code = "CONTEXTUAL_ARGUMENT_ON_INTERFACE"
	ContextArgumentElsewhere   Code = "CONTEXTUAL_ARGUMENT_NOT_CONTEXTUAL_IN_ALL_SUBGRAPHS"
	Unsatisfiable              Code = "SATISFIABILITY_ERROR"
)

// meanings is the one table the reference page is printed from: what each code means, and what to do.
var meanings = map[Code]string{
	InvalidSubgraphName:        "A subgraph has no name, an unusable one, or the same name as another. Give each a name of its own.",
	InvalidGraphQL:             "A schema is not valid GraphQL: a subgraph's own, or the composed one, where two valid subgraphs contradict each other.",
	TooLarge:                   "A schema is larger than composition accepts. Split the subgraph, or look for a generator that ran wild.",
	NoQueries:                  "No subgraph has a field on its query type. At least one must.",
	RootQueryUsed:              "A type named Query is not the subgraph's query type. Rename it, or make it the query type.",
	RootMutationUsed:           "A type named Mutation is not the subgraph's mutation type. Rename it, or make it the mutation type.",
	RootSubscriptionUsed:       "A type named Subscription is not the subgraph's subscription type. Rename it, or make it the subscription type.",
	TypeKindMismatch:           "A type is of one kind in one subgraph and of another elsewhere. Make them agree or rename one.",
	TypeOnlyUnusedExternal:     "A Federation 1 type has only @external fields that nothing uses. Remove the type or use a field.",
	ExtensionWithNoBase:        "A Federation 1 subgraph extends a type that no subgraph defines. Define it, or write type instead of extend type.",
	DirectiveDefinitionInvalid: "A subgraph defines a federation directive differently from its specification. Remove the definition; it is implied.",

	InvalidLink:              "An @link is malformed, or imports what the linked version does not have. Correct the import or raise the version.",
	InvalidLinkIdentifier:    "The URL of an @link does not end in a name and a version such as federation/v2.9.",
	UnknownFederationVersion: "The linked federation version is not one that composition knows. Link a version from v2.0 on.",
	UnknownLinkVersion:       "The linked version of a specification is not one that composition knows. Link one that it does.",

	KeyInvalidFields:           "The fields of a @key are not a selection on the type in this subgraph. Correct the selection.",
	KeyInvalidFieldsType:       "The fields argument of a @key is not a string.",
	KeyFieldsHasArgs:           "A @key selects a field that takes arguments. Keys are made of fields without any.",
	KeyFieldsSelectInvalidType: "A @key selects a field of an interface or union type. Keys are made of scalars, enums and object types.",
	KeyDirectiveInFields:       "The fields of a @key apply a directive. Remove it.",
	KeyUnsupportedOnInterface:  "A @key is on an interface in a subgraph that links a federation version before v2.3. Raise the version.",
	InterfaceKeyNotOnImpl:      "An interface has a @key that one of its implementations in the same subgraph lacks. Add the key there.",
	InterfaceKeyMissingImpl:    "A subgraph gives an interface a resolvable @key but does not define all its implementations in the supergraph. Define the missing ones.",
	InterfaceObjectUsage:       "An @interfaceObject type lacks a key, is no interface elsewhere, or stands beside implementations of the interface in one subgraph.",
	InterfaceFieldNoImpl:       "After merging, an object type lacks a field of an interface it implements. Add the field, or take it off the interface.",

	ProvidesInvalidFields:     "The fields of a @provides are not a selection on the field's type. Correct the selection.",
	ProvidesInvalidFieldsType: "The fields argument of a @provides is not a string.",
	ProvidesFieldsHasArgs:     "A @provides selects a field that takes arguments, which cannot be provided.",
	ProvidesMissingExternal:   "A @provides selects a field that is not @external, so it is resolved here anyway. Mark it @external or drop it.",
	ProvidesOnNonObject:       "A @provides is on a field that returns no object, interface or union.",
	ProvidesDirectiveInFields: "The fields of a @provides apply a directive. Remove it.",
	ProvidesOnInterface:       "A @provides is on a field of an interface. Put it on the implementations.",
	RequiresInvalidFields:     "The fields of a @requires are not a selection on the type in this subgraph. Correct the selection.",
	RequiresInvalidFieldsType: "The fields argument of a @requires is not a string.",
	RequiresMissingExternal:   "A @requires selects a field that is not @external, so it needs no requiring. Mark it @external or drop it.",
	RequiresDirectiveInFields: "The fields of a @requires apply a directive. Remove it.",
	RequiresOnInterface:       "A @requires is on a field of an interface. Put it on the implementations.",

	ExternalUnused:            "A field is @external but no @key, @requires, @provides or interface uses it. Remove it.",
	ExternalMissingOnBase:     "A field is @external wherever it is defined, so no subgraph resolves it. Remove @external where it is resolved.",
	ExternalOnInterface:       "A field of an interface is @external, which means nothing: only its implementations are resolved.",
	ExternalTypeMismatch:      "An @external field has a type that the resolving subgraphs do not return.",
	ExternalArgumentMissing:   "An @external field lacks an argument that the resolving subgraphs declare.",
	ExternalArgumentType:      "An argument of an @external field has another type than where the field is resolved.",
	ExternalArgumentDefault:   "An argument of an @external field has another default than where the field is resolved.",
	MergedDirectiveOnExternal: "An @external field carries a tag, @inaccessible or an authorisation directive, which say something of the field itself. Put them where it is resolved.",
	ExternalCollision:         "An @external field also carries a directive that only a resolved field can have. Remove one of the two.",

	InvalidShareable:      "@shareable is on a field of an interface or of the subscription type. Remove it there.",
	InvalidFieldSharing:   "Several subgraphs resolve a field, and not all of them say @shareable. Say so everywhere, or resolve it in one.",
	ShareableRuntimeTypes: "A @shareable field returns an interface or union whose possible types in two subgraphs have nothing in common.",

	OverrideFromSelf:          "An @override names its own subgraph. Name the subgraph the field moves away from.",
	OverrideSourceHasOverride: "A field is overridden in two subgraphs at once, or overrides a field that is itself an override. Keep one.",
	OverrideCollision:         "An @override meets @external, @requires or @provides, on the field or on the one it overrides. Remove those first.",
	OverrideOnInterface:       "An @override is on a field of an interface. Put it on the implementations.",
	OverrideLabelInvalid:      "The label of an @override is neither a name nor percent(x) with x from 0 to 100.",

	FieldTypeMismatch:         "A field has types in two subgraphs of which neither can stand for the other.",
	ArgumentTypeMismatch:      "An argument has types in two subgraphs of which neither can stand for the other.",
	ArgumentDefaultMismatch:   "An argument has different defaults in different subgraphs. Make them the same.",
	InputFieldDefaultMismatch: "An input field has different defaults in different subgraphs. Make them the same.",
	RequiredArgumentMissing:   "An argument is required in one subgraph and missing in another that resolves the field. Add it, or make it optional.",
	RequiredInputFieldMissing: "An input field is required in one subgraph and missing in another. Add it, or make it optional.",
	EmptyMergedInput:          "An input type has no field that all its subgraphs share.",
	EmptyMergedEnum:           "An enum used only as input has no value that all its subgraphs share.",
	EnumValueMismatch:         "An enum is used both as input and as output, and a value is missing in some subgraph. Add it, or mark it @inaccessible.",
	DirectiveComposition:      "An @composeDirective cannot be honoured: the directive has no specification, or subgraphs disagree about it.",

	DisallowedInaccessible:    "@inaccessible is on an argument of a directive, which cannot be hidden. Remove it.",
	ReferencedInaccessible:    "A visible element refers to an @inaccessible type. Hide the element too, or show the type.",
	RequiredInaccessible:      "A required argument or input field is @inaccessible, so nobody could give it.",
	OnlyInaccessibleChildren:  "All fields or values of a visible type are @inaccessible. Hide the type too, or show one.",
	ImplementedByInaccessible: "A visible interface field is implemented by an @inaccessible field of a visible type.",
	DefaultUsesInaccessible:   "A visible element's default uses something @inaccessible.",
	QueryRootInaccessible:     "The query type is @inaccessible, so nothing could be asked.",

	AuthOnInterface:       "An authorisation directive is on an interface or its field, where asking through an object type would walk round it. Put it on the implementations.",
	AuthMissingTransitive: "A field is computed from one that asks for more authorisation than it does itself. Ask for at least as much.",
	AuthInvalid:           "An authorisation directive's argument is not a list of lists of strings, or the merged one would be too long.",
	CostInvalid:           "The argument of a @cost or @listSize is not of the type its specification says.",

	ContextNameInvalid:       "The name of a @context is not a GraphQL name without underscores.",
	ContextNotSet:            "A @fromContext names a context that no type of its subgraph sets.",
	ContextInvalidSelection:  "The selection of a @fromContext does not pick one field of every type that sets the context, or not one of the argument's type.",
	ContextNoResolvableKey:   "A @fromContext is on a type without a resolvable @key, where the argument could not be filled in.",
	ContextOnInterface:       "A @fromContext is on an argument of an interface's field. Put it on the implementations.",
	ContextArgumentElsewhere: "An argument is taken from a context in one subgraph and required from the client in another.",

	Unsatisfiable: "A field that clients can ask for cannot be answered on some path to it: no subgraph that is reached there resolves it. Add a key by which one is, or resolve the field where its object comes from.",
}

// WriteCodes writes the reference page of error codes: a Markdown table in alphabetical order.
func WriteCodes(w io.Writer) error {
	if _, err := fmt.Fprint(w, "| Code | Meaning |\n| --- | --- |\n"); err != nil {
		return err
	}
	for _, code := range Codes() {
		if _, err := fmt.Fprintf(w, "| `%s` | %s |\n", code, meanings[code]); err != nil {
			return err
		}
	}
	return nil
}

// Codes returns every code an error can carry, in alphabetical order.
func Codes() []Code {
	codes := make([]Code, 0, len(meanings))
	for code := range meanings {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, cmp.Compare[Code])
	return codes
}
