package logtext_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/logtext"
)

// shown is lines as text: a level in front, a time where there is one, and a bar after each.
func shown(lines []logtext.Line) string {
	var b strings.Builder
	for _, l := range lines {
		if !l.At.IsZero() {
			b.WriteString(l.At.Format("15:04:05.999999999 "))
		}
		if l.Level != "" {
			fmt.Fprintf(&b, "%s: ", l.Level)
		}
		b.WriteString(l.Text + "|")
	}
	return b.String()
}

func TestClean(t *testing.T) {
	const fffd = "\uFFFD"
	for _, c := range []struct{ name, in, want string }{
		{"lines", "one\ntwo\r\n\nlast", "one|two||last|"},
		{"nothing", "", ""},
		{"only an end", "\n", "|"},
		{"colours", "\x1b[1;31mred\x1b[0m and \x1b[38;5;8mgrey\x1b[m \x1b[38;2;8;8;8mdark\x1b[39m", "red and grey dark|"},
		{"a progress bar", "10%\r50% \r100%\nfetched\x1b[K\r\n", "100%|fetched|"},
		{"a shorter text over a longer one", "downloading\rdone\n", "doneloading|"},
		{"and what was left of it erased", "downloading\rdone\x1b[K\n", "done|"},
		{"a line erased", "[====>   ]\x1b[2K\rready", "ready|"},
		{"erased to its beginning", "abc\x1b[1Kd", "   d|"},
		{"backspaces", "wait |\b/\b-\b\\\b done\b\b\b\b\b\b\b\b\b\b\b\b\b\b\bW", "Wait  done|"},
		{"a spinner taken away", "ready|\b \b", "ready|"},
		{"to columns", "abcdef\x1b[3GX\x1b[2DY\x1b[2CZ", "aYXdZf|"},
		{"a link", "see \x1b]8;;https://example.org/a?b\x1b\\here\x1b]8;;\x07.", "see here.|"},
		{"a title", "\x1b]0;title\x07text", "text|"},
		{"device strings", "\x1bPq#0;2;0\x1b\\a\x1bXb\x1b\\c\x1b^d\x1b\\e\x1b_f\x1b\\g", "aceg|"},
		{"single characters", "\x1b7a\x1b8b\x1b(Bc\x1bcd\x1b=e\x1b#8f", "abcdef|"},
		{"in one character", "\u009b31mred\u009b0m\u009d0;title\u009ctext\u0085", "redtext|"},
		{"a string without an end takes its line alone", "a\x1b]0;title\nb", "a|b|"},
		{"a sequence without an end likewise", "a\x1b[31\nb\x1b\nc\x1b(\nd", "a|b|c|d|"},
		{"a sequence cancelled", "a\x1b[3\x18b\x1b]x\x1ac", "abc|"},
		{"an escape in a sequence", "a\x1b[3\x1b[31mb\x1b]x\x1b[1mc", "abc|"},
		{"not a sequence", "a\x1b[3é\x1bé", "aéé|"},
		{"hidden, as Jenkins's notes are", "a\x1b[8mha:////4AAAA\x1b[0mb\x1b[8mc\nd", "ab|d|"},
		{"private ones are not obeyed", "ab\x1b[?25l\x1b[?2Kc\x1b[>4;1m", "abc|"},
		{"control characters", "a\x00b\x01c\x07d\x0be\x0cf\x7fg\u0080h\ti", "abcdefgh\ti|"},
		{"broken UTF-8", "a\xffb\xe2\x82c\xe2\x82", "a" + fffd + "b" + fffd + fffd + "c" + fffd + fffd + "|"},
		{"overlong and surrogates", "\xc0\xafx\xed\xa0\x80", fffd + fffd + "x" + fffd + fffd + fffd + "|"},
		{"bidirectional", "if \u202E} \u2066// x\u2069\u2066", "if " + fffd + "} " + fffd + "// x" + fffd + fffd + "|"},
		{"others' line ends", "a\u2028b\u2029c\uFEFFd", "a b cd|"},
		{"wide ones", "日本語\r中", "中本語|"},
	} {
		if got := shown(logtext.Clean(c.in, logtext.Settings{})); got != c.want {
			t.Errorf("%s: %q is shown as %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestVendors(t *testing.T) {
	github := logtext.Settings{Format: logtext.GitHub, Times: true}
	gitlab := logtext.Settings{Format: logtext.GitLab}
	timed := logtext.Settings{Format: logtext.GitLab, Times: true}
	const at, shownAt = "2026-11-27T10:00:00.1234567Z ", "10:00:00.1234567 "
	for _, c := range []struct {
		name     string
		settings logtext.Settings
		in, want string
	}{
		{"times", github, "\uFEFF" + at + "one\n" + at + "\n" + at + "20%\r100%\nno time\n" + at + "end",
			shownAt + "one|" + shownAt + "|" + shownAt + "100%|no time|" + shownAt + "end|"},
		{"what is nearly a time", github, "2026-11-27\n2026-13-27T10:00:00Z x\n2026-11-27T10:00:00.12345678901Z x\n2026-11-27T10:00:00Zx\n2026-11-27T10:00:00Z\n2026-11-27T10",
			"2026-11-27|2026-13-27T10:00:00Z x|2026-11-27T10:00:00.12345678901Z x|2026-11-27T10:00:00Zx|10:00:00 |2026-11-27T10|"},
		{"times that nobody asked for", logtext.Settings{}, at + "one", at + "one|"},
		{"groups", github, at + "##[group]Run go test\n" + at + "\x1b[36;1mgo test ./...\x1b[0m\n" + at + "##[endgroup]\n", shownAt + "Run go test|" + shownAt + "go test ./...|"},
		{"levels", github, "##[error]Process completed with exit code 1.\n##[warning]old\n##[notice]n\n##[debug]d\n##[command]/usr/bin/git version\n##[section]Starting\n##[add-matcher]/m.json\n##[other]x\n##[error\n",
			"error: Process completed with exit code 1.|warning: old|n|d|/usr/bin/git version|Starting|##[other]x|##[error|"},
		{"another's marks are text", gitlab, "##[error]x\n", "##[error]x|"},
		{"sections", gitlab, "section_start:1796000000:prepare_executor\r\x1b[0K\x1b[0K\x1b[36;1mPreparing\x1b[0;m\nwork\n\nsection_end:1796000001:prepare_executor\r\x1b[0K\n" +
			"section_end:1796000002:a\r\x1b[0Ksection_start:1796000002:b[collapsed=true,hide_duration=true]\r\x1b[0KNext\nsection_end:3:b\n",
			"Preparing|work||Next|"},
		{"what is nearly a section", gitlab, "section_start:x:y\nsection_start:1:\nsection_middle:1:a\nsection_start:1:a b\nsection_5\rS", "section_start:x:y|section_start:1:|section_middle:1:a|section_start:1:a b|Section_5|"},
		{"the runner's last word", gitlab, "\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m\nERROR: of a program", "error: ERROR: Job failed: exit code 1||ERROR: of a program|"},
		{"GitLab's times", timed, "2026-11-27T10:00:00.123456Z 00O one\n2026-11-27T10:00:00.123456Z 01E+two\n2026-11-27T10:00:00Z 0x\n2026-11-27T10:00:00Z 00O section_end:1:a\r\x1b[0K\n",
			"10:00:00.123456 one|10:00:00.123456 two|10:00:00 0x|"},
	} {
		if got := shown(logtext.Clean(c.in, c.settings)); got != c.want {
			t.Errorf("%s: %q\nis shown as %q\nwant %q", c.name, c.in, got, c.want)
		}
		if got := shown(inPieces(c.in, c.settings, 1)); got != c.want {
			t.Errorf("%s: byte by byte %q\nis shown as %q\nwant %q", c.name, c.in, got, c.want)
		}
	}
}

// inPieces cleans a text that comes in pieces of so many bytes.
func inPieces(text string, s logtext.Settings, n int) (out []logtext.Line) {
	c := logtext.NewCleaner(s)
	for piece := range slices.Chunk([]byte(text), n) {
		out = append(out, c.Feed(piece)...)
	}
	return append(out, c.End()...)
}

// Lines, windows and what has no end are bounded, and say what is left out.
func TestLimits(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, text := range []string{long, "x\r" + long} {
		got := shown(logtext.Clean(text, logtext.Settings{Limits: logtext.Limits{Line: 64}}))
		if want := strings.Repeat("é", 17) + " [... 166 bytes left out ...]|"; got != want {
			t.Errorf("a line is cut to %q, want %q", got, want)
		}
	}
	// A mark of a CI system does not count, and is not cut.
	marked := logtext.Settings{Format: logtext.GitHub, Limits: logtext.Limits{Line: 64}}
	if got, want := shown(logtext.Clean("##[error]"+strings.Repeat("x", 64), marked)), "error: "+strings.Repeat("x", 64)+"|"; got != want {
		t.Errorf("an error as long as can be is %q, want %q", got, want)
	}
	few := logtext.Settings{Limits: logtext.Limits{Lines: 3}}
	if got := shown(logtext.Clean("1\n2\n3\n", few)); got != "1|2|3|" {
		t.Errorf("as many lines as may be are %q", got)
	}
	c := logtext.NewCleaner(few)
	for range 2 { // each window anew
		if got := shown(c.Feed([]byte("1\n2\n3\n4\n5\n"))); got != "1|2|[... 3 lines left out ...]|" {
			t.Errorf("too many lines are %q", got)
		}
	}
	lines := logtext.Clean(strings.Repeat(strings.Repeat("x", 49)+"\n", 100), logtext.Settings{Limits: logtext.Limits{Bytes: 128}})
	if got := shown(lines); got != strings.Repeat(strings.Repeat("x", 49)+"|", 2)+"[... 98 lines left out ...]|" {
		t.Errorf("too many bytes are %q", got)
	}
	// What is erased, or far to the right, takes no room.
	for _, text := range []string{
		strings.Repeat("\x1b[999999999C\x1b[2K", 10_000), strings.Repeat("x\r", 1<<20), strings.Repeat("x", 1<<22), "\x1b]" + strings.Repeat("x", 1<<22), "\x1b[" + strings.Repeat("1;", 1<<20),
		strings.Repeat("\b", 1<<20), "\x1b[99999999999999999999999Cx\x1b[1K",
	} {
		total := 0
		for _, l := range logtext.Clean(text, logtext.Settings{Format: logtext.GitLab}) {
			total += len(l.Text)
		}
		if total > 4096 {
			t.Errorf("%q... is shown in %d bytes", text[:8], total)
		}
	}
}

// The end of a stream is read however long it is.
func TestTail(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "\x1b[32mline %d\x1b[0m\n", i)
	}
	s := logtext.Settings{}
	for _, c := range []struct {
		text string
		n    int
		most int64
		want string
	}{
		{text.String(), 2, 0, "line 4998|line 4999|"},
		{text.String(), 2, 30, "line 4999|"}, // the one before it begins before that
		{text.String(), 100, 60, "line 4997|line 4998|line 4999|"},
		{"a\nb", 5, 0, "a|b|"},
		{"", 5, 0, ""},
		{"a\nb\n", 0, 0, ""},
		{"a\n" + strings.Repeat("x", 100) + "yz", 5, 2, "[... 100 bytes left out ...] yz|"},
		{"a\n" + strings.Repeat("x", 100) + "yz\n", 5, 3, "[... 100 bytes left out ...] yz|"},
		{"a\n" + strings.Repeat("x", 100) + "\nyz\n", 5, 3, "yz|"},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text)), iotest.DataErrReader(strings.NewReader(c.text))} {
			lines, size, err := logtext.Tail(r, c.n, c.most, s)
			if got := shown(lines); err != nil || got != c.want || size != int64(len(c.text)) {
				t.Errorf("the last %d lines of %d bytes are %q (of %d bytes, %v), want %q", c.n, c.most, got, size, err, c.want)
			}
		}
	}
	lines, size, err := logtext.Tail(iotest.TimeoutReader(iotest.HalfReader(strings.NewReader(text.String()))), 1, 0, s)
	if err != iotest.ErrTimeout || len(lines) != 1 || size == 0 {
		t.Errorf("a stream that breaks: %v of %d bytes, %v", lines, size, err)
	}
	if _, _, err := logtext.Tail(iotest.ErrReader(nil), 1, 0, s); err != io.ErrNoProgress {
		t.Errorf("a stream of nothing: %v", err)
	}
	if lines, _, _ := logtext.Tail(strings.NewReader(text.String()), 4000, 0, logtext.Settings{Limits: logtext.Limits{Lines: 2}}); shown(lines) != "line 4998|line 4999|" {
		t.Errorf("the limit of lines keeps %q", shown(lines))
	}
}

// many is a reader of a text again and again.
type many struct {
	text string
	left int64
	at   int
}

func (m *many) Read(b []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(int64(len(b)), m.left)], m.text[m.at:])
	m.at = (m.at + n) % len(m.text)
	m.left -= int64(n)
	return n, nil
}

// A gigabyte is read in a few megabytes.
func TestTailOfAGigabyte(t *testing.T) {
	for _, c := range []struct {
		text string
		size int64
	}{{strings.Repeat("a line of a log that is as long as lines are\n", 1000), 1 << 30}, {strings.Repeat("x", 100_000), 1 << 28}, {strings.Repeat("\n", 1000), 1 << 28}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		lines, size, err := logtext.Tail(&many{text: c.text, left: c.size}, 1000, 1<<20, logtext.Settings{})
		runtime.ReadMemStats(&after)
		if err != nil || size != c.size || len(lines) == 0 || len(lines) > 1000 {
			t.Fatalf("%d lines of %d bytes, %v", len(lines), size, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
			t.Errorf("it took %d bytes", got)
		}
	}
}

var pieces = []string{
	"a", "é", "日", "\xff", "\xe2\x82", "\n", "\r", "\r\n", "\b", "\t", " ", "\x1b", "\x1b[", "\x1b[2K", "\x1b[K", "\x1b[1K", "\x1b[8m", "\x1b[0m", "\x1b]8;;", "\x07", "\x1b\\", "\u009b", "\u009c", "3", ";", "m",
	"G", "\x1b[5C", "\x1b[9D", "\x18", "\u202E", "\uFEFF", "2026-11-27T10:00:00.1234567Z ", "2026-11-27T", "2026-11-27T10:00:00Z", "00O ", "01E+", "##[group]", "##[error]", "##[endgroup]", "section_start:1:a", "section_end:2:b[x=y]", "ERROR: Job failed", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "\x00",
}

// Whatever is written, and however it comes, the same is shown, and it is fit to.
func TestSplits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(14) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		check(t, b.String(), random.Uint64())
	}
}

func FuzzClean(f *testing.F) {
	for i, p := range pieces {
		f.Add(p+pieces[(i*7+3)%len(pieces)]+"x\n"+p, uint64(i))
	}
	f.Fuzz(check)
}

func check(t *testing.T, text string, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	s := logtext.Settings{Format: logtext.Format(seed % 3), Times: seed%2 == 0, Limits: logtext.Limits{Line: 64 + int(seed%50), Lines: 1 << 20, Bytes: 1 << 30}}
	want := logtext.Clean(text, s)
	for _, l := range want {
		if !fit(l.Text) || len(l.Text) > s.Limits.Line {
			t.Errorf("%q is shown as %q", text, l.Text)
		}
		if l.At != (time.Time{}) && !s.Times {
			t.Errorf("%q has a time nobody asked for", text)
		}
	}
	c := logtext.NewCleaner(s)
	var got []logtext.Line
	for rest := []byte(text); len(rest) > 0; {
		n := 1 + random.IntN(min(len(rest), 1+random.IntN(12)))
		got = append(got, c.Feed(rest[:n:n])...)
		rest = rest[n:]
	}
	got = append(got, c.End()...)
	if !slices.Equal(got, want) {
		t.Errorf("%q (%+v) in pieces is\n%q, in one\n%q", text, s, got, want)
	}
	s.Limits.Lines, s.Limits.Bytes = 2+int(seed%5), 128+int(seed%100)
	c = logtext.NewCleaner(s)
	for _, lines := range [][]logtext.Line{logtext.Clean(text, s), c.Feed([]byte(text)), c.End()} {
		size := 0
		for _, l := range lines {
			size += len(l.Text)
		}
		if len(lines) > s.Limits.Lines || size > s.Limits.Bytes {
			t.Errorf("%q is shown in %d lines of %d bytes", text, len(lines), size)
		}
	}
}

func fit(text string) bool {
	for _, r := range text {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' {
			return false
		}
	}
	return utf8.ValidString(text)
}

// The last lines of a stream are those of all of it, unless its end alone has fewer.
func FuzzTail(f *testing.F) {
	f.Add("a\nb\nc", 2, uint16(10))
	f.Add("\x1b[31ma\r\nb\x1b]\nc\xe2\x82", 9, uint16(3))
	f.Fuzz(func(t *testing.T, text string, n int, most uint16) {
		got, size, err := logtext.Tail(iotest.HalfReader(strings.NewReader(text)), n, int64(most), logtext.Settings{})
		if err != nil || size != int64(len(text)) || len(got) > max(n, 0) {
			t.Fatalf("%d lines of %d bytes, %v", len(got), size, err)
		}
		all := logtext.Clean(text, logtext.Settings{Limits: logtext.Limits{Lines: 1 << 20, Bytes: 1 << 30}})
		for i := range got {
			if l := got[len(got)-1-i]; !strings.HasPrefix(l.Text, "[... ") && l != all[len(all)-1-i] {
				t.Errorf("line %d from the end of %q is %q, want %q", i, text, l.Text, all[len(all)-1-i].Text)
			}
		}
		if int(most) >= len(text) && len(text) > 0 && n > 0 && len(got) != min(n, len(all)) && len(all) <= 10_000 {
			t.Errorf("%d lines of %d", len(got), len(all))
		}
	})
}

func BenchmarkClean(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"plain", "ok  \tcallboard.dev/callboard/subgraphs/pipelines/logtext\t0.123s\n"},
		{"github", "2026-11-27T10:00:00.1234567Z ok  \tcallboard.dev/callboard/subgraphs/pipelines/logtext\t0.123s\n"},
		{"colours", "\x1b[32mok\x1b[0m  \tcallboard.dev/callboard/\x1b[1mlogtext\x1b[0m\t0.123s\n"},
		{"progress", "\r 10% [=>       ]\r 50% [====>    ]\r100% [=========]\x1b[K\n"},
		{"unicode", "✓ проверено: 日本語のテスト — 12 мс\n"},
		{"hostile", "\x1b[9999C\x1b[1K\x1b[2K"},
	} {
		text := []byte(strings.Repeat(c.line, 1<<20/len(c.line)))
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				cleaner := logtext.NewCleaner(logtext.Settings{Format: logtext.GitHub, Times: true, Limits: logtext.Limits{Lines: 1 << 20}})
				cleaner.Feed(text)
				cleaner.End()
			}
		})
	}
}

func BenchmarkTail(b *testing.B) {
	text := strings.Repeat("ok  \tcallboard.dev/callboard/subgraphs/pipelines/logtext\t0.123s\n", 1000)
	b.SetBytes(1 << 28)
	for b.Loop() {
		if _, _, err := logtext.Tail(&many{text: text, left: 1 << 28}, 1000, 0, logtext.Settings{}); err != nil {
			b.Fatal(err)
		}
	}
}
