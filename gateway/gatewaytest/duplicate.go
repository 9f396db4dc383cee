package gatewaytest

import (
	"bytes"
	"encoding/json"
)

// duplicate returns the name of a member that an object in the JSON has twice, "" for none. Whoever reads such an object takes one of the values, and not
// everyone the same one.
func duplicate(text []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var names []map[string]bool // of the objects around, nil for a list
	name := false               // whether a name may come next
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch token {
		case json.Delim('{'):
			names, name = append(names, map[string]bool{}), true
			continue
		case json.Delim('['):
			names, name = append(names, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			names = names[:len(names)-1]
		default:
			if text, ok := token.(string); ok && name {
				around := names[len(names)-1]
				if around[text] {
					return text
				}
				around[text], name = true, false
				continue
			}
		}
		name = len(names) > 0 && names[len(names)-1] != nil
	}
}
