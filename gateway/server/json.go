package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
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
			key := unquote(object[i:end])
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

// unquote returns what a valid JSON string says. Half a surrogate pair becomes U+FFFD, as in the standard library, which would check the text once
// more: for queries, that doubles the time to decode them.
func unquote(quoted []byte) string {
	text := quoted[1 : len(quoted)-1]
	at := bytes.IndexByte(text, '\\')
	if at < 0 {
		return string(text)
	}
	out := make([]byte, 0, len(text))
	for ; at >= 0; at = bytes.IndexByte(text, '\\') {
		out = append(out, text[:at]...)
		escape := text[at+1]
		text = text[at+2:]
		switch escape {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := codeUnit(text)
			text = text[4:]
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
					second = codeUnit(text[2:])
				}
				if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
					text = text[6:]
				}
			}
			out = utf8.AppendRune(out, r)
		default: // a quote or a slash, either way
			out = append(out, escape)
		}
	}
	out = append(out, text...)
	return unsafe.String(unsafe.SliceData(out), len(out)) // nobody else has it
}

// codeUnit reads four hexadecimal digits.
func codeUnit(text []byte) rune {
	var r rune
	for _, c := range text[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
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
