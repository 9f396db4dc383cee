package config

import (
	"fmt"
	"regexp"
	"strings"
)

// maxExpanded bounds one value after its variables were expanded, in bytes.
const maxExpanded = 1 << 20

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-default}, where the default also stands for an empty variable, and turns $$ into one
// dollar. Any other dollar is itself. Errors name variables, never their values.
func expand(text string, env func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '$')
		if at < 0 || at == len(text)-1 {
			out.WriteString(text)
			break
		}
		out.WriteString(text[:at])
		next := text[at+1]
		text = text[at+2:]
		switch next {
		case '$':
			out.WriteByte('$')
		case '{':
			reference, rest, closed := strings.Cut(text, "}")
			if !closed {
				return "", fmt.Errorf("${ is not closed with }; write $${ for the text itself")
			}
			text = rest
			value, err := variable(reference, env)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
		default:
			out.WriteByte('$')
			out.WriteByte(next)
		}
		if out.Len() > maxExpanded {
			return "", fmt.Errorf("expands to more than %d KiB", maxExpanded>>10)
		}
	}
	return out.String(), nil
}

func variable(reference string, env func(string) (string, bool)) (string, error) {
	name, standard, hasDefault := strings.Cut(reference, ":-")
	if !variableName.MatchString(name) {
		return "", fmt.Errorf("${...} must hold the name of an environment variable, as ${NAME} or ${NAME:-default}")
	}
	value, set := env(name)
	switch {
	case hasDefault && value == "":
		return standard, nil
	case !set:
		return "", fmt.Errorf("the environment variable %s is not set: set it, or write ${%s:-default}", name, name)
	}
	return value, nil
}
