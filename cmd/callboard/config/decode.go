package config

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml/ast"
)

// decoder fills a Config from a parsed file. It collects errors instead of stopping at the first. It is our own, and not the
// YAML library's, because variables must be expanded in parsed values, and because the library's errors quote the file.
type decoder struct {
	file  string
	env   func(string) (string, bool)
	lines map[string]int // key path -> line
	errs  []*Error
}

func (d *decoder) fail(node ast.Node, path, format string, args ...any) {
	d.errs = append(d.errs, &Error{File: d.file, Line: lineOf(node), Key: path, Problem: fmt.Sprintf(format, args...)})
}

func lineOf(node ast.Node) int {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

func (d *decoder) decodeRoot(root ast.Node, c *Config) { d.decode(root, reflect.ValueOf(c).Elem(), "") }

// decode sets target to what the node says. A key without a value leaves a list, a mapping or a section at its default, as
// when everything below it is commented out.
func (d *decoder) decode(node ast.Node, target reflect.Value, path string) {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fail(node, path, "anchors, aliases and tags are not used in a configuration: write the value here")
		return
	}
	_, absent := node.(*ast.NullNode)
	if _, isSecret := target.Interface().(Secret); !isSecret {
		switch target.Kind() {
		case reflect.Struct:
			if !absent {
				d.decodeStruct(node, target, path)
			}
			return
		case reflect.Slice:
			if !absent {
				d.decodeList(node, target, path)
			}
			return
		case reflect.Map:
			if !absent {
				d.decodeMap(node, target, path)
			}
			return
		}
	}
	if absent {
		d.fail(node, path, "has no value: give it one or remove the key")
		return
	}
	d.decodeScalar(node, target, path)
}

// pairs returns the entries of a mapping; ok is false, and the error told, where the node is none.
func (d *decoder) pairs(node ast.Node, path string) (pairs []*ast.MappingValueNode, ok bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	d.fail(node, path, "want keys with values here, such as \"key: value\"")
	return nil, false
}

// key returns the text of a mapping's key.
func (d *decoder) key(pair *ast.MappingValueNode, path string) (string, bool) {
	key, ok := pair.Key.(*ast.StringNode)
	if !ok || key.Value == "" {
		d.fail(pair.Key, path, "want a plain key here")
		return "", false
	}
	return key.Value, true
}

func (d *decoder) decodeStruct(node ast.Node, target reflect.Value, path string) {
	pairs, ok := d.pairs(node, path)
	if !ok {
		return
	}
	fields := map[string]int{}
	for i := range target.NumField() {
		fields[target.Type().Field(i).Tag.Get("yaml")] = i
	}
	for _, pair := range pairs {
		name, ok := d.key(pair, path)
		if !ok {
			continue
		}
		field, ok := fields[name]
		if !ok {
			d.fail(pair.Key, join(path, name), "there is no such key%s", suggest(name, fields))
			continue
		}
		d.lines[join(path, name)] = lineOf(pair.Key)
		d.decode(pair.Value, target.Field(field), join(path, name))
	}
}

func (d *decoder) decodeList(node ast.Node, target reflect.Value, path string) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(node, path, "want a list here: lines that start with \"- \"")
		return
	}
	items := reflect.MakeSlice(target.Type(), len(list.Values), len(list.Values))
	for i, value := range list.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = lineOf(value)
		if line, ok := firstKeyLine(value); ok {
			d.lines[at] = line
		}
		switch item := items.Index(i).Addr().Interface().(type) {
		case *Subgraph:
			item.Timeout = defaultSubgraphTimeout
		case *Source:
			*item = NewSource()
		}
		if _, absent := value.(*ast.NullNode); absent {
			d.fail(value, at, "is empty: give it a value or remove it")
			continue
		}
		d.decode(value, items.Index(i), at)
		if s, ok := items.Index(i).Addr().Interface().(*Source); ok && d.lines[join(at, "concurrency")] == 0 {
			s.Concurrency = s.concurrency()
		}
	}
	target.Set(items)
}

// firstKeyLine is the line on which a mapping starts; the token of a mapping is a colon further on.
func firstKeyLine(node ast.Node) (int, bool) {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return lineOf(m.Values[0].Key), true
	}
	return 0, false
}

func (d *decoder) decodeMap(node ast.Node, target reflect.Value, path string) {
	pairs, ok := d.pairs(node, path)
	if !ok {
		return
	}
	out := reflect.MakeMapWithSize(target.Type(), len(pairs))
	for _, pair := range pairs {
		name, ok := d.key(pair, path)
		if !ok {
			continue
		}
		at := fmt.Sprintf("%s[%s]", path, name)
		d.lines[at] = lineOf(pair.Key)
		value := reflect.New(target.Type().Elem()).Elem()
		d.decode(pair.Value, value, at)
		out.SetMapIndex(reflect.ValueOf(name), value)
	}
	target.Set(out)
}

// decodeScalar sets a value from its text, with variables expanded. Errors hold no value: it may have come from the environment.
func (d *decoder) decodeScalar(node ast.Node, target reflect.Value, path string) {
	text, ok := scalarText(node)
	if !ok {
		d.fail(node, path, "want one value here, not a list or a mapping")
		return
	}
	text, err := expand(text, d.env)
	if err == nil && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		err = fmt.Errorf("holds a line break or another control character")
	}
	if err == nil {
		err = setScalar(target, text)
	}
	if err != nil {
		d.fail(node, path, "%s", err)
	}
}

func setScalar(target reflect.Value, text string) (err error) {
	switch value := target.Addr().Interface().(type) {
	case *string:
		*value = text
	case *Secret:
		if *value = (Secret{}); text != "" {
			*value = NewSecret(text)
		}
	case *Duration:
		*value, err = parseDuration(text)
	case *Size:
		*value, err = parseSize(text)
	case *bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("want true or false")
		}
		*value = text == "true"
	case *int:
		if *value, err = strconv.Atoi(strings.ReplaceAll(text, "_", "")); err != nil {
			return fmt.Errorf("want a whole number")
		}
	default:
		panic(fmt.Sprintf("config: bug: no way to read a %s", target.Type()))
	}
	return err
}

// scalarText is a scalar as written: a number or a date keeps its own spelling where text is wanted.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest names the key that was probably meant, else all there are.
func suggest(name string, fields map[string]int) string {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	best, distance := "", 1+len(name)/3
	for _, key := range keys {
		// A key of another length by more than the distance cannot be near, and an endless one costs nothing this way.
		if difference := len(key) - len(name); difference > distance || -difference > distance {
			continue
		}
		if n := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(key)); n <= distance && (best == "" || n < distance) {
			best, distance = key, n
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	return "; there are " + strings.Join(keys, ", ")
}
