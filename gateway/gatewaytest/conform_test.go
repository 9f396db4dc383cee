package gatewaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
)

// conformer checks an answer against the operation in normal form and the API schema, knowing nothing of subgraphs or plans.
type conformer struct {
	api *ast.Schema
}

// member is a member of a JSON object, in the order written.
type member struct {
	key   string
	value any // nil, bool, json.Number, string, []any or []member
}

// ordered reads JSON without losing the order of members, or a member that is there twice.
func ordered(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		out := []member{}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := ordered(decoder)
			if err != nil {
				return nil, err
			}
			out = append(out, member{key.(string), value})
		}
		_, err = decoder.Token()
		return out, err
	case json.Delim('['):
		out := []any{}
		for decoder.More() {
			value, err := ordered(decoder)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		_, err = decoder.Token()
		return out, err
	}
	return token, nil
}

// answered is an answer, read.
type answered struct {
	data   any
	errors []any
}

// readAnswered reads a body, which must be one JSON object of data and, where there are any, errors.
func readAnswered(body []byte) (*answered, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	value, err := ordered(decoder)
	if err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("something follows the object")
	}
	members, ok := value.([]member)
	if !ok || len(members) == 0 || members[0].key != "data" || len(members) > 2 || len(members) == 2 && members[1].key != "errors" {
		return nil, fmt.Errorf("its members are not data and errors")
	}
	out := &answered{data: members[0].value}
	if len(members) == 2 {
		if out.errors, ok = members[1].value.([]any); !ok || len(out.errors) == 0 {
			return nil, fmt.Errorf("its errors are not a list of some")
		}
	}
	return out, nil
}

// check says what of an answer is not as the operation and the schema want it.
func (c *conformer) check(a *answered, op *operation.Operation) error {
	if a.data == nil && len(a.errors) == 0 {
		return fmt.Errorf("data is null and there are no errors")
	}
	if a.data != nil {
		if err := c.object(a.data, op.Selections); err != nil {
			return err
		}
	}
	for _, e := range a.errors {
		members, ok := e.([]member)
		if !ok {
			return fmt.Errorf("an error that is no object")
		}
		var message string
		for _, m := range members {
			switch m.key {
			case "message":
				message, _ = m.value.(string)
			case "path":
				path, ok := m.value.([]any)
				if !ok || len(path) == 0 {
					return fmt.Errorf("the path %v", m.value)
				}
				if err := c.path(path, a.data, op.Selections, nil); err != nil {
					return fmt.Errorf("the path %v: %w", path, err)
				}
			}
		}
		if message == "" {
			return fmt.Errorf("an error without a message")
		}
	}
	return nil
}

// object checks an object that may be of any of the types the selections leave open.
func (c *conformer) object(value any, selections *operation.Selections) error {
	members, ok := value.([]member)
	if !ok {
		return fmt.Errorf("%v is not an object", value)
	}
	possible := []*ast.Definition{selections.Type}
	if selections.Type.Kind != ast.Object {
		possible = c.api.GetPossibleTypes(selections.Type)
	}
	var first error
	for _, t := range possible {
		err := c.objectOf(members, selections, c.api.Types[t.Name])
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return fmt.Errorf("an object of a type without object types")
	}
	return first
}

func (c *conformer) objectOf(members []member, selections *operation.Selections, t *ast.Definition) error {
	var wanted []*operation.Field
	for _, f := range selections.Fields {
		if f.Applies(t.Name) {
			wanted = append(wanted, f)
		}
	}
	if len(members) != len(wanted) {
		return fmt.Errorf("%d members of %s where %d fields were asked for", len(members), t.Name, len(wanted))
	}
	for i, f := range wanted {
		m := members[i]
		if m.key != f.Key {
			return fmt.Errorf("member %q of %s stands where %q was asked for", m.key, t.Name, f.Key)
		}
		if f.Name == "__typename" {
			if m.value != t.Name {
				return fmt.Errorf("__typename is %v, not %s", m.value, t.Name)
			}
			continue
		}
		typ := f.Definition.Type
		if own := t.Fields.ForName(f.Name); own != nil { // __schema and __type are no fields of the type
			typ = own.Type
		}
		if err := c.value(m.value, typ, f.Selections); err != nil {
			return fmt.Errorf("%s.%s: %w", t.Name, f.Key, err)
		}
	}
	return nil
}

func (c *conformer) value(value any, t *ast.Type, below *operation.Selections) error {
	if value == nil {
		if t.NonNull {
			return fmt.Errorf("null is not of type %s", t)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%v is not a list", value)
		}
		for _, item := range list {
			if err := c.value(item, t.Elem, below); err != nil {
				return err
			}
		}
		return nil
	}
	if below != nil {
		return c.object(value, below)
	}
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	_, isBool := value.(bool)
	ok := true
	switch def := c.api.Types[t.NamedType]; {
	case def.Kind == ast.Enum:
		ok = isText && def.EnumValues.ForName(text) != nil
	case def.Name == "Int":
		_, err := strconv.ParseInt(string(number), 10, 32)
		ok = isNumber && err == nil
	case def.Name == "Float":
		ok = isNumber
	case def.Name == "String", def.Name == "ID":
		ok = isText
	case def.Name == "Boolean":
		ok = isBool
	}
	if !ok {
		return fmt.Errorf("%.100v is not of type %s", value, t)
	}
	return nil
}

// path checks that the path of an error leads along fields that were asked for, and through what the data has, up to where it is null.
func (c *conformer) path(path []any, data any, selections *operation.Selections, t *ast.Type) error {
	if len(path) == 0 {
		return nil
	}
	if number, isNumber := path[0].(json.Number); isNumber {
		if t == nil || t.Elem == nil {
			return fmt.Errorf("position %s in what is no list", number)
		}
		list, _ := data.([]any)
		n, err := strconv.Atoi(string(number))
		if err != nil || n < 0 || data != nil && n >= len(list) {
			return fmt.Errorf("position %s of a list of %d", number, len(list))
		}
		var item any
		if data != nil {
			item = list[n]
		}
		return c.path(path[1:], item, selections, t.Elem)
	}
	key, _ := path[0].(string)
	if t != nil && t.Elem != nil {
		return fmt.Errorf("field %q of a list", key)
	}
	if selections == nil {
		return fmt.Errorf("field %q of a leaf", key)
	}
	var err error = fmt.Errorf("%q was not asked for", key)
	for _, f := range selections.Fields {
		if f.Key != key {
			continue
		}
		members, _ := data.([]member)
		at := slices.IndexFunc(members, func(m member) bool { return m.key == key })
		var below any
		if at >= 0 {
			below = members[at].value
		} else if data != nil {
			err = fmt.Errorf("%q is not in the data", key)
			continue
		}
		if err = c.path(path[1:], below, f.Selections, f.Definition.Type); err == nil {
			return nil
		}
	}
	return err
}

// leaves lists the leaf values of data by their path.
func leaves(data any, path string, into map[string]any) {
	switch data := data.(type) {
	case []member:
		for _, m := range data {
			leaves(m.value, path+"/"+m.key, into)
		}
	case []any:
		for i, item := range data {
			leaves(item, path+"/"+strconv.Itoa(i), into)
		}
	case nil:
	default:
		into[path] = data
	}
}

// atPath returns what the data has at a path of leaves, or the first null on the way to it and where that is.
func atPath(data any, path string) (value any, at string) {
	for _, step := range strings.Split(path, "/")[1:] {
		if data == nil {
			break
		}
		at += "/" + step
		var next any
		switch own := data.(type) {
		case []member:
			for _, m := range own {
				if m.key == step {
					next = m.value
				}
			}
		case []any:
			if n, err := strconv.Atoi(step); err == nil && n < len(own) {
				next = own[n]
			}
		}
		data = next
	}
	return data, at
}
