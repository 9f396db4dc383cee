package testreport_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

func fuzz(f *testing.F, format testreport.Format) {
	for _, a := range archives(f) {
		f.Add(a.Files[0].Data)
	}
	limits := testreport.Limits{Bytes: 1 << 20, Suites: 50, Cases: 200, Depth: 10, Record: 300, Name: 64, Message: 64, Details: 100, Texts: 2000}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := testreport.Parse(bytes.NewReader(data), testreport.Settings{Format: format, Limits: limits})
		if err != nil {
			return
		}
		cases, texts := 0, 0
		for _, s := range r.Suites {
			if len(s.Cases) == 0 || len(s.Name) > 64 || s.Duration < 0 {
				t.Fatalf("suite %+v", s)
			}
			for _, c := range s.Cases {
				cases++
				texts += len(c.Message) + len(c.Details) + len(c.Output)
				if len(c.Name) > 64 || len(c.Class) > 64 || len(c.File) > 64 || len(c.Type) > 64 || len(c.Message) > 64 || c.Duration < 0 || c.Line < 0 || c.Attempts < 1 || len(c.ID) != 32 || c.Status == "" {
					t.Fatalf("case %+v", c)
				}
				for _, text := range []string{s.Name, c.Name, c.Class, c.File, c.Type, c.Message, c.Details, c.Output} {
					if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") {
						t.Fatalf("text %q", text)
					}
				}
			}
		}
		if cases > 250 || texts > 2000 || cases != r.Totals().Cases() {
			t.Fatalf("%d cases, %d bytes of text, %+v", cases, texts, r.Totals())
		}
		if c := testreport.Compare(r, r); len(c.NewlyFailing)+len(c.Fixed)+c.Added+c.Gone != 0 {
			t.Fatalf("changed to itself: %+v", c)
		}
	})
}

func FuzzJUnit(f *testing.F)  { fuzz(f, testreport.JUnit) }
func FuzzGoJSON(f *testing.F) { fuzz(f, testreport.GoJSON) }
func FuzzParse(f *testing.F)  { fuzz(f, "") }

// TestLarge reads a text of 100 MB in one failure: what is held is what may be kept of it.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB are read")
	}
	for name, text := range map[string]string{"text": "", "CDATA": "<![CDATA["} {
		t.Run(name, func(t *testing.T) {
			end := strings.Replace(text, "<![CDATA[", "]]>", 1)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := testreport.Parse(&filled{head: "<testsuite><testcase name='a'><failure>" + text, line: strings.Repeat("a line of what it wrote\n", 1000), lines: 4000 / portion, tail: end + "</failure></testcase></testsuite>"}, testreport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 || r.Totals().Failed != 1 || r.Cut == 0 {
				t.Errorf("%d MB allocated, %d cut, %+v", grown>>20, r.Cut, r.Totals())
			}
		})
	}
}

// filled reads as a head, many equal lines and a tail.
type filled struct {
	head, line, tail string
	lines            int
}

func (f *filled) Read(p []byte) (int, error) {
	if f.head == "" && f.lines > 0 {
		f.head, f.lines = f.line, f.lines-1
	}
	if f.head == "" {
		n := copy(p, f.tail)
		f.tail = f.tail[n:]
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n := copy(p, f.head)
	f.head = f.head[n:]
	return n, nil
}

// junitOf makes a report of about so many bytes: a case of a hundred fails.
func junitOf(size int) []byte {
	var b bytes.Buffer
	b.WriteString("<testsuites>")
	for i := 0; b.Len() < size; i++ {
		if i%50 == 0 {
			if i > 0 {
				b.WriteString("</testsuite>")
			}
			fmt.Fprintf(&b, "<testsuite name=\"com.larkfold.Suite%d\" tests=\"50\">\n", i/50)
		}
		fmt.Fprintf(&b, `<testcase name="plays song %d" classname="com.larkfold.Suite%d" time="0.%03d"`, i, i/50, i%1000)
		if i%100 == 7 {
			fmt.Fprintf(&b, `><failure message="expected &lt;1&gt;" type="AssertionError"><![CDATA[%s]]></failure></testcase>`+"\n", strings.Repeat("\tat com.larkfold.Play.song(Play.java:17)\n", 40))
		} else {
			b.WriteString("/>\n")
		}
	}
	b.WriteString("</testsuite></testsuites>")
	return b.Bytes()
}

func BenchmarkJUnit(b *testing.B) {
	text := junitOf(10 << 20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := testreport.Parse(bytes.NewReader(text), testreport.Settings{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Totals().Cases()), "cases")
	}
}

func BenchmarkGoJSON(b *testing.B) {
	var text bytes.Buffer
	for i := 0; text.Len() < 10<<20; i++ {
		for _, action := range []string{`run"`, `output","Output":"=== RUN   TestX\n"`, `output","Output":"--- PASS: TestX (0.00s)\n"`, `pass","Elapsed":0.01`} {
			fmt.Fprintf(&text, `{"Time":"2026-11-27T03:22:34.833768396Z","Action":"%s,"Package":"larkfold.example/stage/p%d","Test":"Test%d"}`+"\n", action, i/100, i)
		}
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := testreport.Parse(bytes.NewReader(text.Bytes()), testreport.Settings{}); err != nil {
			b.Fatal(err)
		}
	}
}
