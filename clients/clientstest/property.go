package clientstest

import (
	"reflect"
	"strings"
	"sync"
)

// property looks a field up in the value of its object, and reports whether there is any such thing.
func property(object any, name string) (any, bool, error) {
	if m, ok := object.(map[string]any); ok {
		value, ok := m[name]
		return value, ok, nil
	}
	rv := reflect.ValueOf(object)
	if !rv.IsValid() {
		return nil, false, nil
	}
	if rv.Kind() == reflect.Struct {
		// Methods are mostly those of the pointer.
		pointer := reflect.New(rv.Type())
		pointer.Elem().Set(rv)
		rv = pointer
	}
	at := find(rv.Type(), name)
	switch {
	case at.method >= 0:
		out := rv.Method(at.method).Call(nil)
		if len(out) == 2 && !out[1].IsNil() {
			return nil, true, out[1].Interface().(error)
		}
		return out[0].Interface(), true, nil
	case at.field != nil:
		value, err := rv.Elem().FieldByIndexErr(at.field)
		if err != nil {
			return nil, true, nil // an embedded struct that is not there
		}
		return value.Interface(), true, nil
	}
	return nil, false, nil
}

// place says where a Go type holds a property.
type place struct {
	method int // -1 for none
	field  []int
}

type placeKey struct {
	t    reflect.Type
	name string
}

// places remembers what find found: names come from a schema, so there are only so many.
var places sync.Map

var errorType = reflect.TypeFor[error]()

// find looks for a method, then a field, whose name is the property's in any letter case: nameWithOwner is NameWithOwner, and id is ID.
func find(t reflect.Type, name string) place {
	key := placeKey{t, name}
	if known, ok := places.Load(key); ok {
		return known.(place)
	}
	found := place{method: -1}
	for i := range t.NumMethod() {
		m := t.Method(i)
		out := m.Type.NumOut()
		if strings.EqualFold(m.Name, name) && m.Type.NumIn() == 1 && (out == 1 || out == 2 && m.Type.Out(1) == errorType) {
			found.method = i
		}
	}
	if found.method < 0 && t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		field, ok := t.Elem().FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, name) })
		if ok && field.IsExported() {
			found.field = field.Index
		}
	}
	places.Store(key, found)
	return found
}
