package operation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
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
	coerced, err := coerce(op.Name, func() (map[string]any, error) { return validator.VariableValues(d.schema, op, given) })
	if err != nil {
		e, ok := err.(*gqlerror.Error)
		if !ok {
			return nil, Failure(CodeVariables, "%v", err)
		}
		return nil, Failure(CodeVariables, "%s: %s", e.Path.String(), e.Message)
	}
	out := make(Variables, len(coerced))
	for name, value := range coerced {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, Failure(CodeVariables, "variable $%s: %v", name, err)
		}
		out[name] = text
	}
	return out, nil
}

// coerce turns a panic of the library on a value it did not expect into an error: the values come from outside.
func coerce(operation string, values func() (map[string]any, error)) (out map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the variables of operation %q do not fit their types: %v", operation, r)
		}
	}()
	return values()
}

// True tells whether the variable has the value true.
func (v Variables) True(name string) bool { return string(v[name]) == "true" }
