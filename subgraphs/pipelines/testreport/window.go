package testreport

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// window keeps the beginning and the end of a text, in no more than twice its limit.
type window struct {
	limit int
	head  []byte
	tail  []byte
	total int
}

func (w *window) Write(p []byte) {
	w.total += len(p)
	if room := w.limit/2 - len(w.head); room > 0 {
		n := min(room, len(p))
		w.head, p = append(w.head, p[:n]...), p[n:]
	}
	end := w.limit - w.limit/2
	if len(p) > end {
		w.tail, p = w.tail[:0], p[len(p)-end:]
	}
	if w.tail = append(w.tail, p...); len(w.tail) > 2*end {
		w.tail = append(w.tail[:0], w.tail[len(w.tail)-end:]...)
	}
}

func (w *window) reset() { w.head, w.tail, w.total = w.head[:0], w.tail[:0], 0 }

// text is what was kept, with a mark where something was left out.
func (w *window) text() (text string, cut bool) {
	end := w.limit - w.limit/2
	if w.total <= len(w.head)+min(len(w.tail), end) {
		return plain(string(w.head) + string(w.tail)), false
	}
	head, tail := w.head, w.tail[max(len(w.tail)-end, 0):]
	for n := 0; n < utf8.UTFMax && len(tail) > 0 && !utf8.RuneStart(tail[0]); n++ {
		tail = tail[1:]
	}
	return plain(fmt.Sprintf("%s\n[... %d bytes left out ...]\n%s", whole(string(head)), w.total-len(head)-len(tail), tail)), true
}

// whole takes a character off the end of which not all is there.
func whole(s string) string {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if c := s[len(s)-n]; utf8.RuneStart(c) {
			if !utf8.FullRuneInString(s[len(s)-n:]) {
				return s[:len(s)-n]
			}
			break
		}
	}
	return s
}

// colours matches what tells a terminal to change how it shows text (ECMA-48, control sequences).
var colours = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// plain replaces broken UTF-8, and control characters but those that lay a text out, and takes colours out: a page or a terminal may show
// the text.
func plain(s string) string {
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = colours.ReplaceAllString(s, "")
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return strings.Map(func(r rune) rune {
				switch {
				case r == '\r':
					return -1
				case r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0:
					return utf8.RuneError
				}
				return r
			}, strings.ToValidUTF8(s, "\uFFFD"))
		}
	}
	return s
}

// texts hands out the room that all texts share, and counts those that were cut.
type texts struct {
	limits Limits
	left   int
	cut    *int
}

// name shortens a name so that two that differ stay different.
func (t *texts) name(s string) string {
	s = strings.TrimSpace(plain(s))
	if len(s) <= t.limits.Name {
		return s
	}
	*t.cut++
	sum := sha256.Sum256([]byte(s))
	return whole(s[:t.limits.Name-20]) + "...#" + hex.EncodeToString(sum[:8])
}

// message shortens a message.
func (t *texts) message(s string) string {
	s = strings.TrimSpace(plain(s))
	if len(s) > t.limits.Message {
		*t.cut++
		s = whole(s[:t.limits.Message-3]) + "..."
	}
	return t.take(s)
}

// window is a new window for details or output.
func (t *texts) window() window { return window{limit: t.limits.Details} }

func (t *texts) details(w *window) string {
	s, cut := w.text()
	if cut {
		*t.cut++
	}
	return t.take(strings.Trim(s, "\n"))
}

func (t *texts) take(s string) string {
	if len(s) > t.left {
		*t.cut++
		return ""
	}
	t.left -= len(s)
	return s
}

// longest is the longest duration that is believed.
const longest = 10 * 365 * 24 * time.Hour

// seconds is a duration from a number that may be negative, not a number, or infinite: these are no duration.
func seconds(f float64) time.Duration {
	if math.IsNaN(f) || f <= 0 || f > longest.Seconds() {
		return 0
	}
	return time.Duration(math.Round(f * float64(time.Second)))
}

// parseSeconds reads a time attribute. Some runners write it as their country does: "1,234.5" is 1234.5, "1.234,5" is so too, and "0,25" is a quarter. What is
// there once is the sign before the fraction, and of two different ones it is the last.
func parseSeconds(text string) time.Duration {
	text = strings.TrimSuffix(strings.TrimSpace(text), "s")
	if len(text) > 40 {
		return 0
	}
	comma, dot := strings.LastIndexByte(text, ','), strings.LastIndexByte(text, '.')
	switch {
	case comma >= 0 && dot > comma, strings.Count(text, ",") > 1:
		text = strings.ReplaceAll(text, ",", "")
	case comma >= 0:
		text = strings.ReplaceAll(strings.ReplaceAll(text, ".", ""), ",", ".")
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return seconds(f)
}

func addDurations(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}
