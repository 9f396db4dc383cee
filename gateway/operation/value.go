package operation

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
)

// WriteValue writes a GraphQL value. Strings are escaped here, so that no text of a client can end the literal it is in.
func WriteValue(b *strings.Builder, v *ast.Value) {
	switch v.Kind {
	case ast.Variable:
		b.WriteString("$" + v.Raw)
	case ast.StringValue, ast.BlockValue:
		writeString(b, v.Raw)
	case ast.NullValue:
		b.WriteString("null")
	case ast.ListValue:
		b.WriteByte('[')
		for i, child := range v.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			WriteValue(b, child.Value)
		}
		b.WriteByte(']')
	case ast.ObjectValue:
		b.WriteByte('{')
		for i, child := range v.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(child.Name + ": ")
			WriteValue(b, child.Value)
		}
		b.WriteByte('}')
	default: // numbers, booleans, enum values: the lexer has checked their characters
		b.WriteString(v.Raw)
	}
}

const hexDigits = "0123456789abcdef"

func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00`)
			b.WriteByte(hexDigits[r>>4])
			b.WriteByte(hexDigits[r&0xf])
		case r == utf8.RuneError:
			b.WriteString("\uFFFD")
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// NewArguments sorts the arguments and prints them.
func NewArguments(list ast.ArgumentList) Arguments {
	if len(list) == 0 {
		return Arguments{}
	}
	sorted := append(ast.ArgumentList(nil), list...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	var b strings.Builder
	for i, arg := range sorted {
		b.WriteString(map[bool]string{true: "(", false: ", "}[i == 0])
		b.WriteString(arg.Name + ": ")
		WriteValue(&b, arg.Value)
	}
	b.WriteByte(')')
	return Arguments{List: sorted, Text: b.String()}
}

// VariablesIn calls found with the name of every variable in the arguments.
func (a Arguments) VariablesIn(found func(name string)) {
	for _, arg := range a.List {
		variablesIn(arg.Value, found)
	}
}

func variablesIn(v *ast.Value, found func(string)) {
	if v.Kind == ast.Variable {
		found(v.Raw)
	}
	for _, child := range v.Children {
		variablesIn(child.Value, found)
	}
}
