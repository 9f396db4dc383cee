package operation

import (
	"bytes"
	"encoding/json"
	"io"
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

// True tells whether the variable has the value true.
func (v Variables) True(name string) bool { return string(v[name]) == "true" }
