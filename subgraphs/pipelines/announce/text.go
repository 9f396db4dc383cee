package announce

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// Bounds of what is said, by judgement.
const (
	maxBuilds = 50   // rows of the table
	maxName   = 100  // characters of a name
	maxURL    = 1000 // bytes of an address
)

// lasting is said of a commit where it cannot be changed afterwards.
const lasting = "builds, tests and coverage as they are now"

// marker tells the comment from others. It is not shown.
const marker = "<!-- callboard -->"

// counts are how many builds are how.
type counts struct{ all, passed, red, running, waiting, canceled int }

func count(builds []Build) counts {
	c := counts{all: len(builds)}
	for _, b := range builds {
		switch {
		case b.Status == ci.Succeeded, b.Status == ci.Skipped:
			c.passed++
		case b.Status.Red():
			c.red++
		case b.Status == ci.Running:
			c.running++
		case !b.Status.Done():
			c.waiting++
		default:
			c.canceled++
		}
	}
	return c
}

// parts are the facts, each as a few words, the weightiest first. None holds anything that somebody else wrote.
func parts(s Summary) (builds, rest []string) {
	c := count(s.Builds)
	if c.all == 0 {
		builds = append(builds, "no build is known yet")
	} else {
		builds = append(builds, fmt.Sprintf("%d of %s passed", c.passed, many(c.all, "build", "builds")))
	}
	for _, one := range []struct {
		n    int
		what string
	}{{c.red, "failed"}, {c.running, "running"}, {c.waiting, "waiting"}, {c.canceled, "canceled"}} {
		if one.n > 0 {
			builds = append(builds, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	if s.NewlyFailing > 0 {
		rest = append(rest, many(s.NewlyFailing, "test", "tests")+" newly failing")
	}
	if change := coverageChange(s.Coverage); change != "" {
		rest = append(rest, "coverage "+change)
	}
	return builds, rest
}

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// coverageChange says how many points more there are: with one decimal, with two where one would say nothing. It is empty where that is not known.
func coverageChange(points *float64) string {
	switch {
	case points == nil || math.IsNaN(*points) || math.Abs(*points) > 100:
		return ""
	case math.Abs(*points) < 0.005:
		return "unchanged"
	case math.Abs(*points) < 0.05:
		return fmt.Sprintf("%+.2f points", *points)
	}
	return fmt.Sprintf("%+.1f points", *points)
}

// describe says how a pull request is in 140 bytes of ASCII at most, as GitHub takes them: numbers of more than six digits are none that are.
func describe(s Summary) string {
	builds, rest := parts(s)
	text := strings.Join(append(builds, rest...), ", ")
	return text[:min(len(text), 140)]
}

// statusWords are how statuses are shown, with a mark that is seen at a glance.
var statusWords = map[ci.Status]string{
	ci.Queued: "○ waiting", ci.Waiting: "○ waiting for somebody", ci.Running: "◐ running", ci.Succeeded: "✓ passed", ci.Unstable: "! unstable", ci.Failed: "✗ **failed**",
	ci.TimedOut: "✗ **timed out**", ci.Canceled: "– canceled", ci.Skipped: "– skipped",
}

// comment says how a pull request is in Markdown.
func comment(system *ci.System, s Summary, view string) string {
	var b strings.Builder
	builds, rest := parts(s)
	fmt.Fprintf(&b, "%s\n**[Builds, tests and coverage](<%s>)** · %s\n", marker, encoded(view), strings.Join(append(builds, rest...), " · "))
	if len(s.Builds) > 0 {
		b.WriteString("\n| Build | |\n| --- | --- |\n")
		for _, one := range s.Builds[:min(len(s.Builds), maxBuilds)] {
			word := statusWords[one.Status]
			if word == "" {
				word = "? unknown"
			}
			of := one.System
			if of == nil {
				of = system
			}
			fmt.Fprintf(&b, "| %s | %s |\n", linked(of, one), word)
		}
		if more := len(s.Builds) - maxBuilds; more > 0 {
			fmt.Fprintf(&b, "\nAnd %d more.\n", more)
		}
	}
	b.WriteString("\nThe page follows the builds as they run, shows which lines no test runs, and can run a build again.\n")
	return b.String()
}

// linked is the name of a build, with a link to its page where that is one of its system and nobody can listen to who follows it.
func linked(system *ci.System, b Build) string {
	name := named(b.Name)
	u, err := url.Parse(b.URL)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || !system.Below(u) || len(u.String()) > maxURL {
		return name
	}
	return "[" + name + "](<" + encoded(u.String()) + ">)"
}

// named shows what somebody else wrote as code, in which nothing is a link, a mention, a reference or HTML. That it is code holds as it has no backtick, and
// that it is one cell of a table as it has no bar. A space without width keeps who looks for names of people in any text from finding some.
func named(name string) string {
	var b strings.Builder
	n := 0
	for _, r := range name {
		if n == maxName {
			b.WriteString("…")
			break
		}
		switch {
		case r == '`':
			r = '\''
		case r == '|':
			r = '¦'
		case unicode.IsSpace(r):
			r = ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r): // the latter also turns around the direction of what follows
			continue
		}
		b.WriteRune(r)
		if r == '@' {
			b.WriteRune('\u200b')
		}
		n++
	}
	if text := strings.Join(strings.Fields(b.String()), " "); text != "" {
		return "`" + text + "`"
	}
	return "unnamed"
}

// encoded returns an address in which nothing has a meaning in Markdown.
func encoded(address string) string {
	var b strings.Builder
	for i := range len(address) {
		c := address[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~:/?#&=%+,;", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
