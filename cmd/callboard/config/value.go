package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// hidden stands for a secret wherever one would be printed.
const hidden = "********"

// Secret is text that prints as eight stars, whatever prints it. The zero value is the empty secret.
type Secret struct{ text *string } // a pointer, because package fmt prints the unexported fields of others' structs

// NewSecret returns a secret that holds text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Call it only where the secret is sent to the one it is for.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Given tells whether there is a secret: neither none, nor the stars that stand for one in what was printed, which everybody knows.
func (s Secret) Given() bool { return s.Reveal() != "" && s.Reveal() != hidden }

// Format prints stars for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// String returns stars.
func (s Secret) String() string { return hidden }

// MarshalText returns stars.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON returns stars.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// MarshalYAML returns stars.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }

// LogValue returns stars.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Duration is a time.Duration that is written as Go writes it: 30s, 1m30s, 250ms.
type Duration time.Duration

// Duration returns it as the standard library's type.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// String returns the text without trailing zero units: 1m, not 1m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalYAML returns the text.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

func parseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("want a duration such as 30s, 1m30s or 250ms")
	}
	return Duration(d), nil
}

// Size is a number of bytes, written as 64KiB, 1MiB, 10MB or a plain number.
type Size int64

// sizeUnits are tried in this order to print a size, and all of them to read one.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
}

// String returns the size with the largest unit that divides it.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && int64(s)%unit.bytes == 0 && unit.bytes > 1 {
			return strconv.FormatInt(int64(s)/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalYAML returns the text.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

func parseSize(text string) (Size, error) {
	number, factor := text, int64(1)
	for _, unit := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = strings.TrimRight(rest, " "), unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("want a size such as 64KiB, 1MiB or 10MB")
	}
	return Size(n * factor), nil
}
