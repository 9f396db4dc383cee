package execute

import (
	"bytes"
	"encoding/json"
)

// decode reads a JSON object as encoding/json does, with numbers as json.Number. Half the work of a call to a subgraph in this process was once to read
// its variables.
func decode(text []byte) (map[string]any, error) {
	s := &scanner{data: text}
	out, err := s.decodeObject()
	if err == nil {
		err = s.end()
	}
	return out, err
}

func (s *scanner) decodeObject() (map[string]any, error) {
	out := map[string]any{}
	err := s.members(func(key []byte) error {
		name, err := unescape(key)
		if err == nil {
			out[name], err = s.decodeAny()
		}
		return err
	})
	return out, err
}

func (s *scanner) decodeAny() (any, error) {
	switch s.peek() {
	case '{':
		return s.decodeObject()
	case '[':
		list := []any{}
		err := s.items(func() error {
			item, err := s.decodeAny()
			list = append(list, item)
			return err
		})
		return list, err
	}
	start := s.pos
	if err := s.skip(); err != nil {
		return nil, err
	}
	switch text := s.data[start:s.pos]; text[0] {
	case '"':
		return unescape(text[1 : len(text)-1])
	case 't', 'f':
		return text[0] == 't', nil
	case 'n':
		return nil, nil
	default:
		return json.Number(text), nil
	}
}

// unescape returns what stands between the quotes of a JSON string.
func unescape(text []byte) (string, error) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text), nil
	}
	var out string
	err := json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &out)
	return out, err
}
