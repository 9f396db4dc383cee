package testreport_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

var update = flag.Bool("update", false, "rewrite the sections of testdata that say what must come out")

func print(r *testreport.Report) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %+v cut %d other %d\n", r.Format, r.Totals(), r.Cut, r.Other)
	for _, s := range r.Suites {
		fmt.Fprintf(&out, "suite %q %v", s.Name, s.Duration)
		if !s.Started.IsZero() {
			fmt.Fprintf(&out, " at %s", s.Started.UTC().Format(time.RFC3339Nano))
		}
		fmt.Fprintln(&out)
		for _, c := range s.Cases {
			fmt.Fprintf(&out, "  %s %q of %q %v x%d", c.Status, c.Name, c.Class, c.Duration, c.Attempts)
			if c.File != "" {
				fmt.Fprintf(&out, " %s:%d", c.File, c.Line)
			}
			fmt.Fprintln(&out)
			for _, text := range []struct{ name, text string }{{"type", c.Type}, {"message", c.Message}, {"details", c.Details}, {"output", c.Output}} {
				if text.text != "" {
					fmt.Fprintf(&out, "    %s %q\n", text.name, text.text)
				}
			}
		}
	}
	return out.String()
}

func parse(t testing.TB, text string, l testreport.Limits) *testreport.Report {
	t.Helper()
	r, err := testreport.Parse(strings.NewReader(text), testreport.Settings{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func archives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	names, err := filepath.Glob("testdata/reports/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no archives", err)
	}
	all := map[string]*txtar.Archive{}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = a
	}
	return all
}

// TestReports reads the reports of testdata as they are, with other ends of lines, byte order marks and encodings, and in pieces.
func TestReports(t *testing.T) {
	for name, a := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text := string(a.Files[0].Data)
			got := print(parse(t, text, testreport.Limits{}))
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := string(a.Files[1].Data)
			if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			utf16 := []byte("\xfe\xff")
			for _, c := range text {
				utf16 = append(utf16, byte(c>>8), byte(c))
			}
			for how, changed := range map[string]string{"CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "mark": "\xef\xbb\xbf" + text, "UTF-16": string(utf16), "space": "\n \n" + text} {
				if got := print(parse(t, changed, testreport.Limits{})); got != want {
					t.Errorf("%s: got\n%swant\n%s", how, got, want)
				}
			}
			pieces, err := testreport.Parse(iotest.OneByteReader(strings.NewReader(text)), testreport.Settings{})
			if err != nil || print(pieces) != want {
				t.Errorf("in pieces: %v", err)
			}
		})
	}
}

// TestRefused holds what is refused, with the limit and the place.
func TestRefused(t *testing.T) {
	small := testreport.Limits{Bytes: 600, Suites: 2, Cases: 2, Depth: 5, Record: 100}
	suite := func(inner string) string { return "<testsuite>\n" + inner + "</testsuite>" }
	event := func(action, test string) string {
		return fmt.Sprintf(`{"Action":%q,"Package":"p","Test":%q}`+"\n", action, test)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "neither JUnit"},
		"gzip":              {"\x1f\x8b\x08\x00", "compressed"},
		"zip":               {"PK\x03\x04....", "compressed"},
		"prose":             {"all tests pass\n", "neither JUnit"},
		"other XML":         {"<!-- --><coverage/>", `root element is "coverage"`},
		"second root":       {"<testsuite/><coverage/>", `root element is "coverage"`},
		"only a comment":    {"<!-- -->", "neither JUnit"},
		"bytes":             {suite(strings.Repeat("<!-- abc -->\n", 60)), "line 47: more than 600 bytes"},
		"suites":            {"<testsuites>\n<testsuite/><testsuite/>\n<testsuite/></testsuites>", "line 3: more than 2 suites"},
		"cases":             {suite("<testcase/><testcase/>\n<testcase/>"), "line 3: more than 2 cases"},
		"depth":             {suite("<testsuite><a><b><c><d><e>"), "line 2: more than 5 nested"},
		"deep suites":       {strings.Repeat("<testsuite>", 20), "more than 2 suites"},
		"attribute":         {suite(`<testcase name="` + strings.Repeat("x", 200) + `"/>`), "line 2: more than 100 bytes of a tag"},
		"comment":           {suite("<!--" + strings.Repeat("x", 200) + "-->"), "line 2: more than 100 bytes of a tag"},
		"comment in two":    {suite("<!-->" + strings.Repeat("x", 200) + strings.Repeat("<b>"+strings.Repeat("x", 97), 4) + "-->"), "more than 100 bytes of a tag"},
		"entity":            {suite("&lol;"), "line 2: invalid character entity"},
		"bomb":              {`<!DOCTYPE testsuite [<!ENTITY a "aaaa">]><testsuite/>`, "document type"},
		"doctype":           {`<!DOCTYPE testsuite SYSTEM "file:///etc/passwd"><testsuite/>`, "document type"},
		"open":              {"<testsuite>\n<testcase>", "line 2: unexpected EOF"},
		"wrong end":         {"<testsuite></testcase>", "line 1: element"},
		"case in case":      {suite("<testcase><testcase/></testcase>"), "line 2: a testcase in a case"},
		"suite in case":     {suite("<testcase><testsuite><testcase/></testsuite></testcase>"), "line 2: a testsuite in a case"},
		"case in failure":   {suite("<failure><testcase/></failure>"), "line 2: a testcase in a case"},
		"encoding":          {`<?xml version="1.0" encoding="klingon"?><testsuite/>`, `unknown encoding "klingon"`},
		"stream of cases":   {event("pass", "a") + event("pass", "b") + event("pass", "c"), "line 3: more than 2 cases"},
		"stream of runs":    {event("run", "a") + event("run", "b") + event("run", "c"), "line 3: more than 2 cases"},
		"stream of suites":  {`{"Action":"start","Package":"a"}` + "\n" + `{"Action":"start","Package":"b"}` + "\n" + `{"Action":"start","Package":"c"}`, "line 3: more than 2 suites"},
		"stream of builds":  {`{"Action":"build-fail","ImportPath":"a"}` + "\n" + `{"Action":"build-fail","ImportPath":"b"}` + "\n" + `{"Action":"build-fail","ImportPath":"c"}`, "line 3: more than 2 suites"},
		"stream too long":   {event("run", "a") + strings.Repeat("x\n", 400), "more than 600 bytes"},
		"long empty packet": {event("run", "a") + strings.Repeat("\n", 600), "more than 600 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := testreport.Parse(strings.NewReader(c.text), testreport.Settings{Limits: small})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q; report %v", err, c.want, r)
			}
			var limit *testreport.LimitError
			if strings.Contains(c.want, "more than") && (!errors.As(err, &limit) || limit.Max == 0 || limit.Line == 0) {
				t.Errorf("%#v", err)
			}
		})
	}
	if _, err := testreport.Parse(strings.NewReader("x"), testreport.Settings{Format: "TRX"}); err == nil || !strings.Contains(err.Error(), "unknown format") {
		t.Error(err)
	}
	for _, text := range []string{"<testsuite>", event("run", "a")} {
		if _, err := testreport.Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))), testreport.Settings{}); !errors.Is(err, iotest.ErrTimeout) {
			t.Error(err)
		}
	}
}

// TestCut holds how long texts are cut: at both ends of what matters, between characters, and never so that two names become one.
func TestCut(t *testing.T) {
	limits := testreport.Limits{Record: 500, Name: 64, Message: 64, Details: 100, Texts: 1000}
	failing := func(name, message, details string) string {
		return fmt.Sprintf(`<testcase classname="c" name=%q><failure message=%q>%s</failure></testcase>`, name, message, details)
	}
	only := func(text string) testreport.Case {
		t.Helper()
		r := parse(t, "<testsuite>"+text+"<testcase name='last'/></testsuite>", limits)
		if n := len(r.Suites[0].Cases); n != 2 || r.Suites[0].Cases[1].Name != "last" {
			t.Fatalf("%d cases", n)
		}
		return r.Suites[0].Cases[0]
	}
	long := strings.Repeat("ü", 60)
	c := only(failing("n", long, long))
	if len(c.Message) > 64 || !strings.HasSuffix(c.Message, "ü...") || !utf8.ValidString(c.Message) {
		t.Errorf("message %q", c.Message)
	}
	if want := strings.Repeat("ü", 25) + "\n[... 20 bytes left out ...]\n" + strings.Repeat("ü", 25); c.Details != want {
		t.Errorf("details %q", c.Details)
	}
	a, b := only(failing(strings.Repeat("n", 100)+"1", "", "")), only(failing(strings.Repeat("n", 100)+"2", "", ""))
	if len(a.Name) > 64 || a.Name == b.Name || a.ID == b.ID {
		t.Errorf("names %q %q", a.Name, b.Name)
	}
	// Texts that are longer than what a decoder may hold are cut before it: not in a reference, nor in what ends a section.
	for n := 480; n < 520; n++ {
		for _, text := range []string{
			strings.Repeat("x", n) + "&amp;&#65;&#xFFFF;tail<b/>more", "<![CDATA[" + strings.Repeat("x", n) + "]]>after", "<![CDATA[" + strings.Repeat("]", n) + "]]>after", "<![CDATA[" + strings.Repeat("x]]", n) + " >]]>after",
			strings.Repeat("ü", n) + "after", "<![CDATA[" + strings.Repeat("ü\n", n) + "]]>after", strings.Repeat("&lt;", n),
		} {
			if c := only(failing("n", "m", text)); c.Status != testreport.Failed || !utf8.ValidString(c.Details) {
				t.Errorf("%d: %q", n, c.Details)
			}
		}
	}
	// All texts together.
	r := parse(t, "<testsuite>"+strings.Repeat(failing("n", "", strings.Repeat("d", 90)), 50)+"</testsuite>", limits)
	total := 0
	for _, c := range r.Suites[0].Cases {
		total += len(c.Message) + len(c.Details)
	}
	if total > 1000 || total < 800 || r.Cut < 30 || len(r.Suites[0].Cases) != 50 {
		t.Errorf("%d bytes, %d cut, %d cases", total, r.Cut, len(r.Suites[0].Cases))
	}
	// A line of a stream.
	r = parse(t, `{"Action":"run","Package":"p","Test":"T"}`+"\n"+`{"Action":"output","Package":"p","Test":"T","Output":"`+strings.Repeat("x", 100_000)+"\"}\n"+`{"Action":"pass","Package":"p","Test":"T"}`+"\n"+`{"Action":"pass","Package":"p"}`, limits)
	if r.Other != 1 || r.Totals().Passed != 1 || r.Totals().Cases() != 1 {
		t.Error(print(r))
	}
	// Colours of a terminal are taken out.
	r = parse(t, `{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:1: \u001b[1;31mred\u001b[0m \u001bM\u001b[99"}`+"\n"+`{"Action":"fail","Package":"p","Test":"T"}`, limits)
	if got := r.Suites[0].Cases[0].Message; got != "red \uFFFDM\uFFFD[99" {
		t.Errorf("%q", got)
	}
	// A line longer than a buffer is one line.
	r = parse(t, `{"Action":"fail","Package":"p","Test":"T","Elapsed":1,"X":"`+strings.Repeat("x", 300_000)+`"}`+"\n"+`{"Action":"fail","Package":"p"}`, testreport.Limits{})
	if r.Other != 0 || r.Totals().Failed != 1 || r.Totals().Cases() != 1 {
		t.Error(print(r))
	}
}

// TestText reads reports in other encodings and with bytes that are no text.
func TestText(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"ISO-8859-1":                {"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<testsuite><testcase name=\"h\xf6rt\"/></testsuite>", "hört"},
		"XML 1.1":                   {"<?xml version=\"1.1\"?><testsuite><testcase name=\"x\"/></testsuite>", "x"},
		"broken UTF-8":              {"<testsuite><testcase name=\"a\xff\xc3\"/></testsuite>", "a\uFFFD\uFFFD"},
		"control":                   {"<testsuite><testcase name=\"a\x00\x1b\"/></testsuite>", "a??"},
		"references":                {"<testsuite><testcase name=\"a&#0;&#x1B;&#xD800;&#9999999;&#65;&amp;\"/></testsuite>", "a\uFFFD\uFFFD\uFFFD\uFFFDA&"},
		"a case named as a suite's": {"<testsuite><testcase name=\"(suite)\"><failure/><error/></testcase></testsuite>", "(suite)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, c.text, testreport.Limits{}).Suites[0].Cases; len(got) != 1 || got[0].Name != c.want {
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

// TestTime holds how times are read that runners wrote as their country does, or wrongly.
func TestTime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1.5": 1500 * time.Millisecond, "1,5": 1500 * time.Millisecond, "1,234.5": 1234500 * time.Millisecond, "1.234,5": 1234500 * time.Millisecond, "1,234,567.5": 1234567500 * time.Millisecond,
		"1,234,567": 1234567 * time.Second, "0": 0, "": 0, "x": 0, "NaN": 0, "Inf": 0, "-Inf": 0, "-1": 0, "1e308": 0, "1e-3": time.Millisecond, " 2s ": 2 * time.Second, strings.Repeat("9", 50): 0, "1e999": 0,
	} {
		r := parse(t, fmt.Sprintf(`<testsuite time=%q><testcase time=%q/></testsuite>`, text, text), testreport.Limits{})
		if got := r.Suites[0].Cases[0].Duration; got != want || r.Suites[0].Duration != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	report := func(cases ...string) *testreport.Report {
		var out strings.Builder
		out.WriteString("<testsuite name='s'>")
		for _, c := range cases {
			name, status, _ := strings.Cut(c, " ")
			fmt.Fprintf(&out, "<testcase classname='c' name=%q>%s</testcase>", name, map[string]string{"pass": "", "fail": "<failure/>", "error": "<error/>", "skip": "<skipped/>", "flaky": "<flakyError/>"}[status])
		}
		return parse(t, out.String()+"</testsuite>", testreport.Limits{})
	}
	base := report("a pass", "b fail", "c error", "d skip", "e flaky", "f fail", "g fail", "h pass", "i fail", "j fail", "twice pass", "twice pass")
	head := report("new fail", "a fail", "b pass", "c fail", "d error", "e fail", "f skip", "i flaky", "j fail", "j pass", "twice pass", "twice pass", "fresh pass")
	show := func(c *testreport.Comparison) string {
		out := fmt.Sprintf("added %d gone %d", c.Added, c.Gone)
		for _, list := range []struct {
			name    string
			changes []testreport.Change
		}{{"new", c.NewlyFailing}, {"still", c.StillFailing}, {"failing", c.Failing}, {"fixed", c.Fixed}, {"flaky", c.Flaky}, {"unseen", c.Unseen}} {
			out += "; " + list.name
			for _, change := range list.changes {
				at := change.Head
				if at == nil {
					at = change.Base
				}
				if at.ID != change.ID || change.Suite != "s" {
					t.Errorf("%+v", change)
				}
				out += " " + at.Name
			}
		}
		return out
	}
	if got, want := show(testreport.Compare(base, head)), "added 2 gone 2; new new a d e; still c; failing; fixed b i j; flaky i j; unseen f g"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := show(testreport.Compare(nil, head)), "added 0 gone 0; new; still; failing new a c d e; fixed; flaky i j; unseen"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c := testreport.Compare(head, head); len(c.NewlyFailing)+len(c.Fixed)+len(c.Unseen)+c.Added+c.Gone != 0 {
		t.Error(show(c))
	}
}

// TestIdentity holds that an identity, which is stored, does not change.
func TestIdentity(t *testing.T) {
	r := parse(t, `<testsuite name="s"><testcase classname="c" name="n"/><testcase name="n"/></testsuite>`, testreport.Limits{})
	for i, want := range []testreport.ID{"75e29cc4f4ef7f569a836dca5f1823bf", "968c99d250e2073e566706c66bf021a0"} {
		if got := r.Suites[0].Cases[i].ID; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestNew makes the report that Parse does, of what others have read.
func TestNew(t *testing.T) {
	read := parse(t, `<testsuites><testsuite name="s"><testcase classname="c" name="n"/><testcase name="n"><failure/></testcase><testcase name="n"/></testsuite></testsuites>`, testreport.Limits{})
	made := testreport.New(testreport.JUnit, []testreport.Suite{{Name: "none"}, {Name: "s", Cases: []testreport.Case{{Class: "c", Name: "n", Status: testreport.Passed},
		{Name: "n", Status: testreport.Failed}, {Name: "n", Status: testreport.Passed}}}})
	if print(made) != print(read) || made.Totals().Flaky != 1 {
		t.Errorf("%s\nwant\n%s", print(made), print(read))
	}
	both := testreport.New(testreport.JUnit, []testreport.Suite{{Name: "1.25", Cases: []testreport.Case{{Class: "c", Name: "n", Status: testreport.Passed}}},
		{Name: "1.26", Cases: []testreport.Case{{Class: "c", Name: "n", Status: testreport.Failed}}}})
	if n := both.Totals(); n.Passed != 1 || n.Failed != 1 || both.Suites[0].Cases[0].ID != both.Suites[1].Cases[0].ID {
		t.Errorf("two jobs: %s", print(both))
	}
	odd := testreport.New(testreport.JUnit, []testreport.Suite{{Name: "s\x00", Duration: -1, Cases: []testreport.Case{{Name: strings.Repeat("n", 5000), Status: testreport.Failed,
		Message: "\x1b[31mred\x1b[0m\r\n", Details: strings.Repeat("d", 100_000), Output: "\xff", Duration: -1, Line: -1}}}})
	c := odd.Suites[0].Cases[0]
	if odd.Cut != 2 || odd.Suites[0].Name != "s\uFFFD" || odd.Suites[0].Duration != 0 || len(c.Name) > 1024 || c.Message != "red" || len(c.Details) > 17_000 || c.Output != "\uFFFD" || c.Duration != 0 || c.Line != 0 {
		t.Errorf("cut %d, %+v", odd.Cut, c)
	}
}
