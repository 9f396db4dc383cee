package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"unicode/utf8"
)

// maxJSONDepth bounds how deep values in a request may lie inside each other. An input of a real schema is some ten levels deep.
const maxJSONDepth = 100

// checkJSON returns the one JSON value in the text, without the space around it. What is not JSON in UTF-8, and nothing else, is refused, and so
// is what is nested deeper than maxJSONDepth.
func checkJSON(what string, text []byte) ([]byte, *refusal) {
	if !utf8.Valid(text) {
		return nil, badRequest(what + " is not UTF-8")
	}
	if depth(text) > maxJSONDepth {
		return nil, badRequest(fmt.Sprintf("%s is nested more than %d levels deep", what, maxJSONDepth))
	}
	if !json.Valid(text) {
		// The standard library's message says where; it quotes one character of the text at most.
		var ignored struct{}
		if err := json.Unmarshal(text, &ignored); err != nil {
			return nil, badRequest(what + " is not JSON: " + err.Error())
		}
		return nil, badRequest(what + " is not JSON")
	}
	return bytes.Trim(text, " \t\r\n"), nil
}

// depth returns how deep objects and lists lie inside each other. The text need not be JSON.
func depth(text []byte) int {
	now, most := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i) - 1
		case '{', '[':
			now++
			most = max(most, now)
		case '}', ']':
			now--
		}
	}
	return most
}

// endOfString returns the position after the string that starts at i, or the end of the text where it never ends.
func endOfString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// members yields the members of a valid JSON object, in order; values are slices of the text.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(key string, value []byte) bool) {
		i := skipSpace(object, 1)
		for object[i] != '}' {
			end := endOfString(object, i)
			key := memberName(object[i:end])
			i = skipSpace(object, end) // the colon
			i = skipSpace(object, i+1) // the value
			end = endOfValue(object, i)
			if !yield(key, object[i:end:end]) {
				return
			}
			if i = skipSpace(object, end); object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

func memberName(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return "" // cannot be: the object is valid
	}
	return name
}

// endOfValue returns the position after the value that starts at i in valid JSON.
func endOfValue(text []byte, i int) int {
	for open := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i) - 1
		case '{', '[':
			open++
			continue
		case '}', ']':
			if open == 0 { // the end of what the value is in, which is a number or a word
				return i
			}
			open--
		case ',', ' ', '\t', '\r', '\n':
			if open == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if open == 0 {
			return i + 1
		}
	}
	return len(text)
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}
