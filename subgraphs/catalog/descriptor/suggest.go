package descriptor

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// closest returns the name that was probably meant by the one that was written, or "". Names that differ in case alone are the
// closest there are; otherwise one letter in three may differ, and two at most, as in "lifecyle" or "ower".
func closest(written string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if strings.EqualFold(written, name) {
			return name
		}
		if len(written) > 2*len(name)+2 || len(name) < 3 {
			continue
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(written), strings.ToLower(name)); d < distance && 3*d <= len(name) {
			best, distance = name, d
		}
	}
	return best
}

// quotedLength is how much of a value a message repeats.
const quotedLength = 80

func quote(text string) string {
	if len(text) > quotedLength {
		cut := quotedLength
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		return strconv.Quote(text[:cut]) + "…"
	}
	return strconv.Quote(text)
}

// describe names a value for a message: "the number 7", "a list".
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return "the string " + quote(v)
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", value)
}
