package descriptor

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type is what a field may hold.
type Type int

// The types of fields. Where a string must not be empty it is a String, else a Text.
const (
	Any Type = iota
	String
	Text
	TextOrBool
	Strings         // a list of String, may be empty
	Texts           // a list of Text
	StringOrStrings // one String, or a list
	TextMap         // an object whose values are Text
	Object
	Objects         // a list of Object
	ObjectOrObjects // one Object, or a list
)

var typeNames = map[Type]string{
	String: "a string", Text: "a string", TextOrBool: "a string or a boolean", Strings: "a list of strings", Texts: "a list of strings",
	StringOrStrings: "a string or a list of strings", TextMap: "an object of strings", Object: "an object", Objects: "a list of objects",
	ObjectOrObjects: "an object or a list of objects",
}

// Field declares one field of an object.
type Field struct {
	Name      string
	Type      Type
	Required  bool
	Enum      []string // where not empty, the only values
	MaxLength int      // in characters; 0 for any
	MinItems  int
	Format    func(string) bool
	Fields    []Field // of the object, or of each in the list
	Closed    bool    // no fields but Fields
	Others    *Field  // what all other fields must be
	Example   string  // for the message that asks for the field
}

// Path leads to a value: the keys and, in decimal, the list positions from the root.
type Path []string

// String returns the path as one would write it: spec.dependsOn[0].
func (p Path) String() string {
	var b strings.Builder
	for _, step := range p {
		_, err := strconv.ParseUint(step, 10, 32)
		switch {
		case err == nil:
			b.WriteString("[" + step + "]")
		case !all(step, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '_' || c == '$' }) || step == "":
			b.WriteString("[" + quote(step) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}

func (p Path) join(step string) Path { return append(p[:len(p):len(p)], step) }

// Problem is what is wrong at one place of a document.
type Problem struct {
	Rule    string
	Path    Path
	Message string
}

// envelopeFields is what a document needs to be told from others at all.
var envelopeFields = []Field{
	{Name: "apiVersion", Type: String, Required: true, Example: "backstage.io/v1alpha1"},
	{Name: "kind", Type: String, Required: true, Example: "Component"},
	{Name: "metadata", Type: Object, Required: true, Fields: []Field{
		{Name: "name", Type: String, Required: true, Example: "artist-web"},
		{Name: "namespace", Type: String},
	}},
}

// rootFields is the envelope of every kind. Relations and status are written by catalogs, but have a declared form too.
var rootFields = []Field{
	{Name: "apiVersion", Type: String, Required: true, Example: "backstage.io/v1alpha1"},
	{Name: "kind", Type: String, Required: true, Example: "Component"},
	{Name: "metadata", Type: Object, Required: true, Fields: metadataFields},
	{Name: "spec", Type: Object},
	{Name: "relations", Type: Objects, Closed: true, Fields: []Field{
		{Name: "type", Type: String, Required: true, Format: isWord},
		{Name: "target", Type: Object, Closed: true, Fields: []Field{
			{Name: "kind", Type: String, Required: true},
			{Name: "namespace", Type: String, Required: true},
			{Name: "name", Type: String, Required: true},
		}},
		{Name: "targetRef", Type: String, Required: true},
	}},
	{Name: "status", Type: Object, Fields: []Field{
		{Name: "items", Type: Objects, Fields: []Field{
			{Name: "type", Type: String, Required: true},
			{Name: "level", Type: String, Required: true, Enum: []string{"info", "warning", "error"}},
			{Name: "message", Type: Text, Required: true},
			{Name: "error", Type: Object, Fields: []Field{
				{Name: "name", Type: String, Required: true},
				{Name: "message", Type: Text, Required: true},
				{Name: "code", Type: Text},
				{Name: "stack", Type: Text},
			}},
		}},
	}},
}

var metadataFields = []Field{
	{Name: "name", Type: String, Required: true, Example: "artist-web"},
	{Name: "namespace", Type: String},
	{Name: "uid", Type: String},
	{Name: "etag", Type: String},
	{Name: "title", Type: String},
	{Name: "description", Type: Text},
	{Name: "labels", Type: TextMap},
	{Name: "annotations", Type: TextMap},
	{Name: "tags", Type: Strings},
	{Name: "links", Type: Objects, Fields: []Field{
		{Name: "url", Type: String, Required: true, Example: "https://example.com"},
		{Name: "title", Type: String},
		{Name: "icon", Type: String},
		{Name: "type", Type: String},
	}},
}

func isWord(s string) bool {
	return all(s, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' })
}

// CheckEnvelope reports what keeps a value from being a document of any kind: it must be an object with apiVersion, kind and
// metadata.name.
func CheckEnvelope(value any) []Problem {
	document, ok := value.(map[string]any)
	if !ok {
		return []Problem{{Rule: "document-not-object", Message: "the document is " + describe(value) + " where an entity is an object"}}
	}
	return checkObject(nil, document, envelopeFields, nil)
}

// CheckSchema reports the fields that break the form common to all kinds: what is missing, of the wrong type, or unknown at the
// root of the document. What spec holds is the kind's affair.
func CheckSchema(value any) []Problem {
	document, ok := value.(map[string]any)
	if !ok {
		return CheckEnvelope(value)
	}
	return checkObject(nil, document, rootFields, &Field{Closed: true})
}

// checkObject checks the fields of one object. Container, where there is one, says what may be there beside them.
func checkObject(at Path, object map[string]any, fields []Field, container *Field) []Problem {
	var problems []Problem
	var missing []string
	for i := range fields {
		field := &fields[i]
		value, found := object[field.Name]
		switch {
		case found:
			problems = append(problems, checkValue(at.join(field.Name), value, field)...)
		case field.Required:
			missing = append(missing, field.Name)
			problems = append(problems, Problem{Rule: "field-missing", Path: at.join(field.Name), Message: missingMessage(at, object, fields, field)})
		}
	}
	if container == nil || !container.Closed && container.Others == nil {
		return problems
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if slices.ContainsFunc(fields, func(f Field) bool { return f.Name == key }) {
			continue
		}
		if container.Others != nil {
			problems = append(problems, checkValue(at.join(key), object[key], container.Others)...)
			continue
		}
		message := at.join(key).String() + " is not a field of the format; remove it"
		if len(at) == 0 {
			message += ", or move it below metadata or spec"
		}
		if name := closest(key, fieldList(fields, nil)); name != "" {
			if slices.Contains(missing, name) {
				continue // the message about the missing field asks already
			}
			message = at.join(key).String() + " is not a field of the format; did you mean " + quote(name) + "?"
		}
		problems = append(problems, Problem{Rule: "field-unknown", Path: at.join(key), Message: message})
	}
	return problems
}

func missingMessage(at Path, object map[string]any, fields []Field, field *Field) string {
	message := at.join(field.Name).String() + " is missing"
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == key }) {
			unknown = append(unknown, key)
		}
	}
	if key := closest(field.Name, unknown); key != "" {
		return message + "; did you mean it by " + quote(key) + "?"
	}
	message += "; add it as " + typeNames[field.Type]
	if field.Example != "" {
		message += ", such as " + field.Example
	}
	return message
}

func fieldList(fields []Field, object map[string]any) []string {
	var names []string
	for _, field := range fields {
		if _, there := object[field.Name]; !there {
			names = append(names, field.Name)
		}
	}
	return names
}

func checkValue(at Path, value any, field *Field) []Problem {
	switch field.Type {
	case Any:
		return nil
	case String, Text:
		s, ok := value.(string)
		if !ok {
			return wrongType(at, value, field)
		}
		return checkText(at, s, field)
	case TextOrBool:
		switch value.(type) {
		case string, bool:
			return nil
		}
		return wrongType(at, value, field)
	case Strings, Texts, StringOrStrings:
		item := *field
		item.Type = String
		if field.Type == Texts {
			item.Type = Text
		}
		if s, ok := value.(string); ok && field.Type == StringOrStrings {
			return checkText(at, s, &item)
		}
		return checkList(at, value, field, &item)
	case TextMap:
		return checkMap(at, value, field)
	case Object:
		o, ok := value.(map[string]any)
		if !ok {
			return wrongType(at, value, field)
		}
		return checkObject(at, o, field.Fields, field)
	default: // Objects, ObjectOrObjects
		item := *field
		item.Type = Object
		if o, ok := value.(map[string]any); ok && field.Type == ObjectOrObjects {
			return checkValue(at, o, &item)
		}
		return checkList(at, value, field, &item)
	}
}

func checkText(at Path, s string, field *Field) []Problem {
	if s != "" && len(field.Enum) == 0 && field.MaxLength == 0 && field.Format == nil {
		return nil
	}
	problem := func(rule, message string) []Problem {
		return []Problem{{Rule: rule, Path: at, Message: at.String() + message}}
	}
	switch {
	case len(field.Enum) > 0 && !slices.Contains(field.Enum, s):
		message := " is " + quote(s) + " and must be one of " + strings.Join(field.Enum, ", ")
		if name := closest(s, field.Enum); name != "" {
			message += "; did you mean " + quote(name) + "?"
		}
		return problem("field-value", message)
	case s == "" && field.Type == String:
		return problem("field-empty", " is empty; give it a value or remove it")
	case field.MaxLength > 0 && utf8.RuneCountInString(s) > field.MaxLength:
		return problem("field-length", fmt.Sprintf(" has %d characters and may have %d; shorten it", utf8.RuneCountInString(s), field.MaxLength))
	case field.Format != nil && !field.Format(s):
		return problem("field-value", " is "+quote(s)+" and may hold letters, digits and _ only")
	}
	return nil
}

func checkList(at Path, value any, field, item *Field) []Problem {
	items, ok := value.([]any)
	if !ok {
		return wrongType(at, value, field)
	}
	if len(items) < field.MinItems {
		return []Problem{{Rule: "field-empty", Path: at, Message: fmt.Sprintf("%s has %d items and must have %d; add what is missing", at, len(items), field.MinItems)}}
	}
	var problems []Problem
	for i, v := range items {
		if len(problems) > maxDocumentIssues {
			break // the document is refused, and has problems enough
		}
		problems = append(problems, checkValue(at.join(strconv.Itoa(i)), v, item)...)
	}
	return problems
}

func checkMap(at Path, value any, field *Field) []Problem {
	o, ok := value.(map[string]any)
	if !ok {
		return wrongType(at, value, field)
	}
	var problems []Problem
	for key := range o {
		if _, ok := o[key].(string); !ok {
			path := at.join(key)
			message := path.String() + " is " + describe(o[key]) + " and must be a string"
			switch o[key].(type) {
			case bool, int64, float64:
				message += "; write it in quotes"
			}
			problems = append(problems, Problem{Rule: "field-type", Path: path, Message: message})
		}
	}
	sortProblems(problems)
	return problems
}

func wrongType(at Path, value any, field *Field) []Problem {
	return []Problem{{Rule: "field-type", Path: at, Message: at.String() + " is " + describe(value) + " and must be " + typeNames[field.Type]}}
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if c := slices.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.Rule, b.Rule)
	})
}

// The readers below are for documents that passed CheckSchema: what is absent reads as empty.

func text(v any) string           { s, _ := v.(string); return s }
func object(v any) map[string]any { o, _ := v.(map[string]any); return o }
func list(v any) []any            { l, _ := v.([]any); return l }
func optional(o map[string]any, key string) *string {
	if s, ok := o[key].(string); ok {
		return &s
	}
	return nil
}

func stringMap(v any) map[string]string {
	o := object(v)
	if len(o) == 0 {
		return nil
	}
	out := make(map[string]string, len(o))
	for key, value := range o {
		out[key] = text(value)
	}
	return out
}

func stringList(v any) []string {
	l := list(v)
	if len(l) == 0 {
		return nil
	}
	out := make([]string, len(l))
	for i, value := range l {
		out[i] = text(value)
	}
	return out
}
