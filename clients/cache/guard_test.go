package cache

import (
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", maxAnswerLine)
	for _, c := range []struct {
		name, bytes string
		wrong       bool
	}{
		{"simple ones", "+OK\r\n-ERR no\r\n:12\r\n_\r\n#t\r\n,1.5\r\n(123456789012345678901234567890\r\n", false},
		{"texts", "$3\r\na\nb\r\n$0\r\n\r\n$-1\r\n!5\r\nERR x\r\n=5\r\ntxt:x\r\n", false},
		{"lists", "*2\r\n$1\r\nx\r\n*0\r\n%1\r\n+k\r\n*1\r\n:1\r\n~1\r\n+a\r\n>2\r\n+message\r\n+x\r\n*-1\r\n", false},
		{"an aside", "*2\r\n|1\r\n+ttl\r\n:3\r\n:1\r\n:2\r\n+OK\r\n", false},
		{"a long error", "-" + long[:maxAnswerLine-3] + "\r\n", false},
		{"a longer error", "-" + long + "\r\n", true},
		{"a line that never ends", "+" + long, true},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n", true},
		{"no line end", "+OK\n", true},
		{"nothing", "\r\n", true},
		{"too long a text", "$999999999999\r\n", true},
		{"a text of a length that is no number", "$?\r\n", true},
		{"a text of a negative length", "$-2\r\n", true},
		{"a length beyond numbers", "$99999999999999999999999999\r\n", true},
		{"too long a list", "*2147483647\r\n", true},
		{"too long a map", "%2147483647\r\n", true},
		{"lists in lists", strings.Repeat("*1\r\n", maxAnswerDeep) + ":1\r\n", false},
		{"too many lists in lists", strings.Repeat("*2\r\n:1\r\n", maxAnswerDeep+1), true},
		{"many answers", strings.Repeat("*2\r\n$1\r\nx\r\n:1\r\n", 100_000), false},
		{"too large an answer", "*1000\r\n" + strings.Repeat("$1000000\r\n"+strings.Repeat("x", 1_000_000)+"\r\n", maxAnswer/1_000_000+1), true},
	} {
		var a answers
		if err := a.take([]byte(c.bytes)); (err != nil) != c.wrong {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.wrong && (len(a.lists) > 0 || a.text > 0 || a.long > 0 || a.size > 0) {
			t.Errorf("%s: more is expected: %+v", c.name, a)
		}
	}
}

// In whatever pieces bytes come, they are taken alike, and what is remembered of them is bounded.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\nx\r\n*0\r\n+OK\r\n%1\r\n+k\r\n|1\r\n+a\r\n:1\r\n$-1\r\n"), 3)
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n"), 1)
	f.Add([]byte("$999999999999\r\nx"), 2)
	f.Add([]byte("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"), 5)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		var whole, pieces answers
		want := whole.take(b)
		size = max(size, 1)
		var got error
		for rest := b; len(rest) > 0 && got == nil; {
			n := min(size, len(rest))
			got = pieces.take(rest[:n])
			rest = rest[n:]
		}
		if got != want {
			t.Errorf("in pieces of %d: %v, and at once: %v", size, got, want)
		}
		if len(whole.lists) > maxAnswerDeep || len(whole.line) > 24 || whole.size > maxAnswer+len(b) {
			t.Errorf("%+v is remembered", whole)
		}
	})
}
