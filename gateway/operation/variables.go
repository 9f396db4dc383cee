package operation

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/vektah/gqlparser/v2/ast"
)

// Variables are the coerced values of an operation's variables, as JSON. A variable that was neither given nor has a default is
// absent.
type Variables map[string]json.RawMessage

// Coerce checks the values a client sent (a JSON object, or empty) against the named operation's variables, and fills in defaults.
func (d *Document) Coerce(name string, raw json.RawMessage) (Variables, Errors) {
	op, errs := d.operation(name)
	if errs != nil {
		return nil, errs
	}
	if len(op.VariableDefinitions) == 0 && (len(raw) == 0 || string(raw) == "{}") {
		return nil, nil
	}
	if out, ok := d.coercePlain(op, raw); ok {
		return out, nil
	}
	var given map[string]any
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && !bytes.Equal(trimmed, []byte("null")) {
		decoder := json.NewDecoder(bytes.NewReader(trimmed))
		decoder.UseNumber()
		if err := decoder.Decode(&given); err != nil {
			return nil, Failure(CodeVariables, "variables must be a JSON object: %v", err)
		}
		if _, err := decoder.Token(); err != io.EOF {
			return nil, Failure(CodeVariables, "variables must be one JSON object, with nothing after it")
		}
	}
	if len(op.VariableDefinitions) == 0 {
		return nil, nil
	}
	c := &coercer{schema: d.schema}
	out := make(Variables, len(op.VariableDefinitions))
	for _, v := range op.VariableDefinitions {
		value, found := given[v.Variable]
		switch {
		case !found && v.DefaultValue != nil:
			value = constant(v.DefaultValue)
		case !found && v.Type.NonNull:
			return nil, Failure(CodeVariables, "variable $%s of type %s must be given", v.Variable, v.Type)
		case !found:
			continue
		}
		coerced, err := c.value(v.Type, value, nil)
		if err != nil {
			return nil, Failure(CodeVariables, "variable $%s%s", v.Variable, err)
		}
		text, err := json.Marshal(coerced)
		if err != nil {
			return nil, Failure(CodeVariables, "variable $%s: %v", v.Variable, err)
		}
		out[v.Variable] = text
	}
	return out, nil
}

// coercePlain does for the variables that most requests have: text, whole numbers and booleans that stand in the JSON as they are sent on, and a member for
// each variable. It is false for all else, valid or not.
func (d *Document) coercePlain(op *ast.OperationDefinition, raw json.RawMessage) (Variables, bool) {
	members, ok := plainMembers(raw)
	if !ok || len(members) != len(op.VariableDefinitions) {
		return nil, false
	}
	out := make(Variables, len(members))
	for _, m := range members {
		v := op.VariableDefinitions.ForName(string(m.key))
		if v == nil || v.Type.Elem != nil || !fits(v.Type.NamedType, m.value) {
			return nil, false
		}
		out[v.Variable] = m.value
	}
	return out, len(out) == len(members)
}

// fits tells whether a plain value is of the built-in type, and needs nothing done to it.
func fits(typename string, value []byte) bool {
	switch first := value[0]; typename {
	case "String", "ID":
		return first == '"'
	case "Boolean":
		return first == 't' || first == 'f'
	case "Int":
		return first != '"' && first != 't' && first != 'f' && len(value) <= 9
	}
	return false
}

// plainMember is a member of a JSON object, without space around it.
type plainMember struct{ key, value []byte }

// maxPlainMembers bounds the members for which plainMembers is quicker than a map.
const maxPlainMembers = 16

// plainMembers splits an object whose keys and values are strings without escapes, booleans or whole numbers. It is false for all others.
func plainMembers(raw []byte) ([]plainMember, bool) {
	i := 0
	space := func() {
		for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
			i++
		}
	}
	next := func(c byte) bool {
		space()
		if i < len(raw) && raw[i] == c {
			i++
			return true
		}
		return false
	}
	if !next('{') {
		return nil, false
	}
	members := make([]plainMember, 0, 4)
	for {
		space()
		key := plainValue(raw[i:])
		if len(key) < 2 || key[0] != '"' || len(members) == maxPlainMembers {
			return nil, false
		}
		i += len(key)
		if !next(':') {
			return nil, false
		}
		space()
		value := plainValue(raw[i:])
		if value == nil {
			return nil, false
		}
		i += len(value)
		members = append(members, plainMember{key[1 : len(key)-1], value})
		if next('}') {
			space()
			return members, i == len(raw)
		}
		if !next(',') {
			return nil, false
		}
	}
}

// plainValue returns the string without escapes, the boolean or the whole number at the start of the text, or nil.
func plainValue(text []byte) []byte {
	switch {
	case len(text) == 0:
		return nil
	case text[0] == '"':
		for i := 1; i < len(text); i++ {
			switch c := text[i]; {
			case c == '"':
				return text[:i+1]
			case c == '\\' || c < 0x20 || c >= 0x7f:
				return nil
			}
		}
		return nil
	case bytes.HasPrefix(text, []byte("true")):
		return text[:4]
	case bytes.HasPrefix(text, []byte("false")):
		return text[:5]
	}
	i := 0
	if text[0] == '-' {
		i++
	}
	digits := i
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	// Of "0" and what begins with it only "0" itself is a number as everybody writes it.
	if i == digits || text[digits] == '0' && (i > digits+1 || digits > 0) || i < len(text) && (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
		return nil
	}
	return text[:i]
}

// True tells whether the variable has the value true.
func (v Variables) True(name string) bool { return string(v[name]) == "true" }
