package git

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// valid returns the bytes as UTF-8, with U+FFFD for what is not.
func valid(text []byte) string {
	return strings.ToValidUTF8(string(text), string(utf8.RuneError))
}

// decode returns the bytes as UTF-8. encoding is what the commit says it is written in, empty for UTF-8; bytes that do not
// fit, or an encoding nobody knows, give U+FFFD.
func decode(text []byte, encoding string) string {
	if encoding != "" && !strings.EqualFold(encoding, "utf-8") && !strings.EqualFold(encoding, "utf8") {
		if known, err := htmlindex.Get(encoding); err == nil {
			if decoded, err := known.NewDecoder().Bytes(text); err == nil {
				return valid(decoded)
			}
		}
	}
	return valid(text)
}

// binarySample is how much of a file git itself looks at to tell text from binary.
const binarySample = 8000

// IsBinary tells whether content is no text, as git tells it: one of its first 8,000 bytes is zero.
func IsBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), binarySample)], 0) >= 0
}

// maxPath is the longest path that is looked up, in bytes: what most systems allow for a whole path.
const maxPath = 4096

// CleanPath returns the path inside a repository that text means, "" for its top. It refuses what can name nothing there.
func CleanPath(text string) (string, error) {
	if len(text) > maxPath {
		return "", fmt.Errorf("%w: a path of %d bytes; the limit is %d", ErrInvalid, len(text), maxPath)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "", fmt.Errorf("%w: a path with a NUL byte", ErrInvalid)
	}
	if strings.HasPrefix(text, "/") {
		return "", fmt.Errorf("%w: path %q is absolute; give it from the top of the repository", ErrInvalid, text)
	}
	parts := make([]string, 0, 8)
	for part := range strings.SplitSeq(text, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", fmt.Errorf("%w: path %q goes up; give it from the top of the repository", ErrInvalid, text)
		default:
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), nil
}
