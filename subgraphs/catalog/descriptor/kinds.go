package descriptor

import (
	"maps"
	"slices"
	"strings"
)

// Kind declares one kind of entity: what its documents hold and which relations they state.
type Kind struct {
	Name, Plural string
	APIVersions  []string
	Fields       []Field // of spec; other fields may hold anything
	Relations    []RelationField
	Variants     []Variant
}

// Variant is the form of spec for one spec.type, instead of the kind's own.
type Variant struct {
	Type      string
	Fields    []Field
	Relations []RelationField
}

// RelationField is a spec field that holds references: one, or a list of them. A reference without a namespace is in that of the
// entity. One without a kind has DefaultKind, or is refused where there is none.
type RelationField struct {
	Field       string
	Relation    string
	Inverse     string
	DefaultKind string
	Allowed     []string // the kinds that make sense; others are stored with a warning; empty for any
}

var (
	coreVersions = []string{"backstage.io/v1alpha1", "backstage.io/v1beta1"}

	specType  = Field{Name: "type", Type: String, Required: true, Example: "service"}
	lifecycle = Field{Name: "lifecycle", Type: String, Required: true, Example: "production"}
	owner     = Field{Name: "owner", Type: String, Required: true, Example: "team-a or user:jane"}
	system    = Field{Name: "system", Type: String}
	profile   = Field{Name: "profile", Type: Object, Fields: []Field{{Name: "displayName", Type: String}, {Name: "email", Type: String}, {Name: "picture", Type: String}}}

	ownedBy        = RelationField{"owner", "ownedBy", "ownerOf", "Group", []string{"Group", "User"}}
	partOfSystem   = RelationField{"system", "partOf", "hasPart", "System", []string{"System"}}
	dependsOn      = RelationField{"dependsOn", "dependsOn", "dependencyOf", "", nil}
	dependencyOf   = RelationField{"dependencyOf", "dependencyOf", "dependsOn", "", nil}
	ownedAndPartOf = []RelationField{ownedBy, partOfSystem}
)

// Kinds are the kinds of the format, in the order of its documentation.
var Kinds = []Kind{
	{
		Name: "Component", Plural: "components", APIVersions: coreVersions,
		// dependencyOf states relations, but the format leaves its type unchecked.
		Fields: []Field{specType, lifecycle, owner, system, {Name: "subcomponentOf", Type: String}, {Name: "providesApis", Type: Strings},
			{Name: "consumesApis", Type: Strings}, {Name: "dependsOn", Type: Strings}, {Name: "dependencyOf", Type: Any}},
		Relations: []RelationField{ownedBy, partOfSystem, {"subcomponentOf", "partOf", "hasPart", "Component", []string{"Component"}},
			{"providesApis", "providesApi", "apiProvidedBy", "API", []string{"API"}}, {"consumesApis", "consumesApi", "apiConsumedBy", "API", []string{"API"}},
			dependsOn, dependencyOf},
	},
	{
		Name: "API", Plural: "apis", APIVersions: coreVersions,
		Fields:    []Field{specType, lifecycle, owner, system, {Name: "definition", Type: String, Required: true, Example: "{ $text: ./openapi.yaml }"}},
		Relations: ownedAndPartOf,
		Variants: []Variant{{
			Type: "mcp-server",
			Fields: []Field{specType, lifecycle, owner, system, {Name: "remotes", Type: Objects, Required: true, MinItems: 1, Fields: []Field{
				{Name: "type", Type: String, Required: true, Example: "streamable-http"}, {Name: "url", Type: String, Required: true, Example: "https://mcp.example.com"}}}},
			Relations: ownedAndPartOf,
		}},
	},
	{
		Name: "Resource", Plural: "resources", APIVersions: coreVersions,
		Fields:    []Field{specType, owner, system, {Name: "dependsOn", Type: Strings}, {Name: "dependencyOf", Type: Any}},
		Relations: []RelationField{ownedBy, partOfSystem, dependsOn, dependencyOf},
	},
	{
		Name: "System", Plural: "systems", APIVersions: coreVersions,
		Fields:    []Field{owner, {Name: "domain", Type: String}, {Name: "type", Type: String}},
		Relations: []RelationField{ownedBy, {"domain", "partOf", "hasPart", "Domain", []string{"Domain"}}},
	},
	{
		Name: "Domain", Plural: "domains", APIVersions: coreVersions,
		Fields:    []Field{owner, {Name: "subdomainOf", Type: String}, {Name: "type", Type: String}},
		Relations: []RelationField{ownedBy, {"subdomainOf", "partOf", "hasPart", "Domain", []string{"Domain"}}},
	},
	{
		Name: "Group", Plural: "groups", APIVersions: coreVersions,
		Fields: []Field{specType, profile, {Name: "parent", Type: String}, {Name: "children", Type: Strings, Required: true, Example: "[]"}, {Name: "members", Type: Strings}},
		Relations: []RelationField{{"parent", "childOf", "parentOf", "Group", []string{"Group"}}, {"children", "parentOf", "childOf", "Group", []string{"Group"}},
			{"members", "hasMember", "memberOf", "User", []string{"User"}}},
	},
	{
		Name: "User", Plural: "users", APIVersions: coreVersions,
		Fields:    []Field{profile, {Name: "memberOf", Type: Strings, Required: true, Example: "[]"}},
		Relations: []RelationField{{"memberOf", "memberOf", "hasMember", "Group", []string{"Group"}}},
	},
	{
		Name: "Location", Plural: "locations", APIVersions: coreVersions,
		Fields: []Field{{Name: "type", Type: String}, {Name: "target", Type: String}, {Name: "targets", Type: Strings},
			{Name: "presence", Type: String, Enum: []string{"required", "optional"}}},
	},
	{
		Name: "Template", Plural: "templates", APIVersions: []string{"scaffolder.backstage.io/v1beta3"},
		Fields:    templateFields,
		Relations: []RelationField{ownedBy},
	},
	{
		Name: "AiResource", Plural: "airesources", APIVersions: []string{"backstage.io/v1alpha1"},
		Fields: []Field{specType, lifecycle, owner, system}, Relations: ownedAndPartOf,
		Variants: []Variant{
			{
				Type: "skill",
				Fields: []Field{specType, lifecycle, owner, system, {Name: "disciplines", Type: Strings}, {Name: "categories", Type: Strings}, {Name: "agents", Type: Strings},
					{Name: "dependsOn", Type: Strings},
					// A list when the kind was new, a string since; files of both forms are about.
					{Name: "allowedTools", Type: StringOrStrings},
					{Name: "license", Type: String}, {Name: "compatibility", Type: String, MaxLength: 500}},
				Relations: []RelationField{ownedBy, partOfSystem, {"dependsOn", "dependsOn", "dependencyOf", "AiResource", nil}},
			},
			{
				Type: "rule", Relations: ownedAndPartOf,
				Fields: []Field{specType, lifecycle, owner, system, {Name: "disciplines", Type: Strings},
					{Name: "category", Type: String, Required: true}, {Name: "rationale", Type: String, Required: true}},
			},
			{
				Type: "plugin", Relations: ownedAndPartOf,
				Fields: []Field{specType, lifecycle, owner, system, {Name: "skills", Type: Strings, Required: true}, {Name: "version", Type: String}},
			},
			{
				Type: "marketplace", Relations: ownedAndPartOf,
				Fields: []Field{specType, lifecycle, owner, system, {Name: "plugins", Type: Strings, Required: true}, {Name: "version", Type: String}},
			},
		},
	},
}

var (
	permissions    = Field{Name: "backstage:permissions", Type: Object, Fields: []Field{{Name: "tags", Type: Texts}}}
	condition      = Field{Name: "if", Type: TextOrBool}
	templateFields = []Field{
		{Name: "type", Type: String, Required: true, Example: "service"},
		{Name: "steps", Type: Objects, Required: true, Fields: []Field{
			{Name: "id", Type: Text}, {Name: "name", Type: Text}, {Name: "action", Type: Text, Required: true, Example: "fetch:template"},
			{Name: "input", Type: Object}, condition, permissions}},
		{Name: "owner", Type: String}, {Name: "lifecycle", Type: String},
		{Name: "parameters", Type: ObjectOrObjects, Fields: []Field{permissions}},
		{Name: "secrets", Type: Object, Fields: []Field{{Name: "schema", Type: Object}}},
		{Name: "presentation", Type: Object, Fields: []Field{{Name: "buttonLabels", Type: Object, Fields: []Field{
			{Name: "backButtonText", Type: Text}, {Name: "createButtonText", Type: Text}, {Name: "reviewButtonText", Type: Text}}}}},
		{Name: "EXPERIMENTAL_recovery", Type: Object, Fields: []Field{{Name: "EXPERIMENTAL_strategy", Type: Text}}},
		{Name: "EXPERIMENTAL_formDecorators", Type: Objects, Fields: []Field{{Name: "id", Type: Text}, {Name: "input", Type: Object}}},
		{Name: "output", Type: Object, Others: &Field{Type: Text}, Fields: []Field{
			{Name: "links", Type: Objects, Fields: []Field{condition, {Name: "url", Type: String}, {Name: "entityRef", Type: String}, {Name: "title", Type: String}, {Name: "icon", Type: String}}},
			{Name: "text", Type: Objects, Fields: []Field{condition, {Name: "title", Type: String}, {Name: "icon", Type: String}, {Name: "content", Type: Text}}}}},
	}
)

// KindNamed returns the kind with that name, as written, or nil.
func KindNamed(name string) *Kind {
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i]
		}
	}
	return nil
}

// form returns the fields and relations of a spec of that type.
func (k *Kind) form(specType string) ([]Field, []RelationField) {
	for i := range k.Variants {
		if k.Variants[i].Type == specType {
			return k.Variants[i].Fields, k.Variants[i].Relations
		}
	}
	return k.Fields, k.Relations
}

// Check reports whether the document is of the kind and of one of its versions and, if so, what its spec breaks.
func (k *Kind) Check(document map[string]any) (mine bool, problems []Problem) {
	if document["kind"] != k.Name || !slices.Contains(k.APIVersions, text(document["apiVersion"])) {
		return false, nil
	}
	spec, found := document["spec"]
	if !found {
		return true, []Problem{{Rule: "field-missing", Path: Path{"spec"}, Message: "spec is missing; every " + k.Name + " needs one"}}
	}
	fields, _ := k.form(text(object(spec)["type"]))
	return true, checkValue(Path{"spec"}, spec, &Field{Type: Object, Fields: fields})
}

// checkKind finds the kind of a document and checks it, or says why there is none.
func checkKind(document map[string]any) (problems, warnings []Problem) {
	name := text(document["kind"])
	kind := KindNamed(name)
	if kind == nil {
		names := make([]string, len(Kinds))
		for i := range Kinds {
			names[i] = Kinds[i].Name
		}
		message := "the kind " + quote(name) + " is not known; the kinds are " + strings.Join(names, ", ")
		if meant := closest(name, names); meant != "" {
			message = "the kind " + quote(name) + " is not known; did you mean " + quote(meant) + "?"
		}
		return []Problem{{Rule: "kind-unknown", Path: Path{"kind"}, Message: message}}, nil
	}
	mine, problems := kind.Check(document)
	if !mine {
		return []Problem{{Rule: "api-version-unknown", Path: Path{"apiVersion"},
			Message: "a " + name + " has no version " + quote(text(document["apiVersion"])) + "; write " + strings.Join(kind.APIVersions, " or ")}}, nil
	}
	if len(problems) == 0 {
		spec := object(document["spec"])
		fields, _ := kind.form(text(spec["type"]))
		warnings = append(misspelt(Path{"spec"}, spec, fields), misspelt(Path{"metadata"}, object(document["metadata"]), metadataFields)...)
	}
	return problems, warnings
}

// misspelt warns of unknown fields that look like a known one that is not there. They are legal, but do nothing.
func misspelt(at Path, object map[string]any, fields []Field) []Problem {
	var warnings []Problem
	absent := fieldList(fields, object)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if slices.ContainsFunc(fields, func(f Field) bool { return f.Name == key }) {
			continue
		}
		if name := closest(key, absent); name != "" {
			warnings = append(warnings, Problem{Rule: "field-misspelt", Path: at.join(key), Message: at.join(key).String() + " has no meaning in the format; did you mean " + quote(name) + "?"})
		}
	}
	return warnings
}
