package coverage_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/tools/txtar"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
)

var update = flag.Bool("update", false, "rewrite the sections of testdata that say what must come out")

// print shows a report: for each file its lines as number:hits, with branches behind.
func print(r *coverage.Report) string {
	var out strings.Builder
	t := r.Totals()
	fmt.Fprintf(&out, "%s files %d lines %v branches %v functions %v statements %v\n", r.Format, t.Files, t.Lines, t.Branches, t.Functions, t.Statements)
	if len(r.Roots) > 0 {
		fmt.Fprintf(&out, "roots %s\n", strings.Join(r.Roots, " "))
	}
	for _, f := range r.Files {
		fmt.Fprintf(&out, "%s\n ", f.Path)
		for _, l := range f.Lines {
			fmt.Fprintf(&out, " %d:%d", l.Number, l.Hits)
			if l.Branches > 0 {
				fmt.Fprintf(&out, "(%d/%d)", l.Taken, l.Branches)
			}
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

func parse(t testing.TB, text string) *coverage.Report {
	t.Helper()
	r, err := coverage.Parse(strings.NewReader(text), coverage.Settings{})
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

// TestReports reads the reports of testdata as they are, with other ends of lines, byte order marks and encodings, in pieces, and from what was stored of them.
func TestReports(t *testing.T) {
	for name, a := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text := string(a.Files[0].Data)
			r := parse(t, text)
			got := print(r)
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
			utf16 := []byte("\xff\xfe")
			for _, c := range text {
				utf16 = append(utf16, byte(c), byte(c>>8))
			}
			for how, changed := range map[string]string{"CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "mark": "\xef\xbb\xbf" + text, "UTF-16": string(utf16), "space": "\n \n" + text} {
				if got := print(parse(t, changed)); got != want {
					t.Errorf("%s: got\n%swant\n%s", how, got, want)
				}
			}
			pieces, err := coverage.Parse(iotest.OneByteReader(strings.NewReader(text)), coverage.Settings{Format: r.Format})
			if err != nil || print(pieces) != want {
				t.Errorf("in pieces: %v", err)
			}
			stored := r.Encode()
			again, err := coverage.Decode(stored, coverage.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if print(again) != want || !bytes.Equal(again.Encode(), stored) {
				t.Errorf("stored and read again: %s", print(again))
			}
			if !slices.Contains(coverage.Formats(), r.Format) {
				t.Errorf("format %s is not among Formats", r.Format)
			}
		})
	}
}

// TestStored holds the bytes of a small report: what was stored must be readable by later versions.
func TestStored(t *testing.T) {
	r := parse(t, "SF:a/b.c\nDA:1,1\nBRDA:3,0,0,1\nBRDA:3,0,1,0\nDA:3,300\nFN:1,x\nend_of_record\nSF:a/d.c\nend_of_record\n")
	const want = "6362636f7601020002" + "0005612f622e63" + "0100" + "0000" + "02" + "0201" + "05ac020201" + "0203642e63" + "00000000" + "00"
	got := fmt.Sprintf("%x", r.Encode())
	if !strings.HasPrefix(got, want) || len(got) != len(want)+8 {
		t.Errorf("stored as %s, want %s and a checksum", got, want)
	}
}

// TestRefused holds what is refused, with the limit and the place.
func TestRefused(t *testing.T) {
	small := coverage.Limits{Bytes: 400, Files: 2, Lines: 70, LineNumber: 1000, Path: 20, Roots: 2, Record: 100, Depth: 5}
	lines := func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "DA:%d,1\n", i+1)
		}
		return out.String()
	}
	cobertura := func(inner string) string { return "<coverage>\n" + inner + "</coverage>" }
	for name, c := range map[string]struct {
		text   string
		limits coverage.Limits
		want   string
	}{
		"empty":               {"", small, "neither Cobertura"},
		"only space":          {" \n\n", small, "neither Cobertura"},
		"gzip":                {"\x1f\x8b\x08\x00", small, "compressed"},
		"zip":                 {"PK\x03\x04....", small, "compressed"},
		"prose":               {"hello: world\n", small, "neither Cobertura"},
		"other XML":           {"<?xml version='1.0'?><!-- x --><testsuite/>", small, `root element is "testsuite"`},
		"Clover":              {`<coverage generated="1" clover="3.2.0"><project/></coverage>`, small, "root element is \"coverage\""},
		"bytes":               {"TN:\n" + strings.Repeat("# abcdefgh\n", 40), small, "more than 400 bytes"},
		"files":               {"SF:a\nend_of_record\nSF:b\nend_of_record\nSF:c\n", small, "line 5: more than 2 files"},
		"lines":               {"SF:a\n" + lines(80) + "end_of_record\n", coverage.Limits{Lines: 70}, "more than 70 lines"},
		"lines early":         {"SF:a\n" + lines(500) + "end_of_record\nSF:b\nnonsense", coverage.Limits{Lines: 70}, "line 502: more than 70 lines"},
		"line number":         {"SF:a\nDA:1001,1\n", small, "line 2: more than 1000 line number"},
		"huge line number":    {"SF:a\nDA:99999999999999999999,1\n", small, "line 2: more than 1000 line number"},
		"path":                {"SF:" + strings.Repeat("p", 21), small, "line 1: more than 20 bytes of a path"},
		"record":              {"SF:a\nDA:1," + strings.Repeat("1", 101), small, "line 2: more than 100 bytes of a record"},
		"long record":         {"SF:" + strings.Repeat("a", 200_000), coverage.Limits{}, "line 1: more than 65536 bytes of a record"},
		"no end":              {"SF:a\nDA:1,1\n", small, "cut off"},
		"two beginnings":      {"SF:a\nSF:b\n", small, "line 2: SF before"},
		"no beginning":        {"TN:\nDA:1,1\n", small, "line 2: DA outside"},
		"no number":           {"SF:a\nDA:x,1\n", small, `line 2: the number of a line is "x"`},
		"no count":            {"SF:a\nDA:1,=====\n", small, `line 2: a count is "====="`},
		"no path":             {"SF:\n", small, "line 1: a file without a path"},
		"no record":           {"TN:\nwhat\n", small, "line 2: no record"},
		"short branch":        {"SF:a\nBRDA:1\n", small, "line 2: BRDA"},
		"mode":                {"mode: rough\n", small, "line 1: unknown mode"},
		"no block":            {"mode: set\na.go:1.1,2.2 1\n", small, "line 2: no block"},
		"block without file":  {"mode: set\n:1.1,2.2 1 1\n", small, "line 2: no block"},
		"block backwards":     {"mode: set\na.go:3.1,2.2 1 1\n", small, "line 2: a block ends before"},
		"block line":          {"mode: set\na.go:3.1,2000.2 1 1\n", small, "line 2: more than 1000 line number"},
		"overlapping blocks":  {"mode: set\n" + overlapping(), coverage.Limits{Lines: 1000}, "more than 1000 lines"},
		"entity":              {cobertura("<sources>&lol;</sources>"), small, "line 2: invalid character entity"},
		"bomb":                {`<!DOCTYPE coverage [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><coverage/>`, small, "document type"},
		"external entity":     {`<!DOCTYPE coverage [<!ENTITY x SYSTEM "file:///etc/passwd">]><coverage>&x;</coverage>`, coverage.Limits{}, "document type"},
		"depth":               {cobertura("<a><b><c><d><e>"), small, "line 2: more than 5 nested"},
		"long attribute":      {cobertura(`<a b="` + strings.Repeat("x", 200) + `"/>`), small, "line 2: more than 100 bytes of a record"},
		"many attributes":     {"<coverage " + strings.Repeat(`a="" `, 30) + "/>", small, "more than 100 bytes of a record"},
		"long text":           {cobertura(strings.Repeat("x", 200)), small, "more than 100 bytes of a record"},
		"long comment":        {cobertura("<!--" + strings.Repeat("x", 200) + "-->"), small, "more than 100 bytes of a record"},
		"roots":               {cobertura("<source>/a</source><source>/b</source><source>/c</source>"), small, "line 2: more than 2 source folders"},
		"long root":           {cobertura("<source>" + strings.Repeat("a/", 30) + "</source>"), small, "more than 20 bytes of a path"},
		"open element":        {"<coverage><packages>\n", small, "line 2: unexpected EOF"},
		"wrong end":           {"<coverage></report>", small, "line 1: element"},
		"line alone":          {cobertura(`<line number="1" hits="1"/>`), small, "line 2: a line outside"},
		"class in class":      {cobertura(`<class filename="a"><class filename="b">`), small, "line 2: a class in a class"},
		"class without file":  {cobertura(`<class name="a"/>`), small, "line 2: a file without a path"},
		"line without number": {cobertura(`<class filename="a"><line hits="1"/></class>`), small, "line 2: the number of a line"},
		"JaCoCo line alone":   {`<report><line nr="1"/></report>`, small, "line 1: a line outside"},
		"encoding":            {`<?xml version="1.0" encoding="klingon"?><coverage/>`, small, `unknown encoding "klingon"`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := coverage.Parse(strings.NewReader(c.text), coverage.Settings{Limits: c.limits})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q; report %v", err, c.want, r)
			}
			var limit *coverage.LimitError
			if strings.Contains(c.want, "more than") && (!errors.As(err, &limit) || limit.Max == 0 || limit.Limit == "" || limit.Line == 0) {
				t.Errorf("%#v", err)
			}
		})
	}
	if _, err := coverage.Parse(strings.NewReader("x"), coverage.Settings{Format: "CLOVER"}); err == nil || !strings.Contains(err.Error(), "unknown format") {
		t.Error(err)
	}
	if _, err := coverage.Parse(strings.NewReader("<coverage/>"), coverage.Settings{Format: coverage.JaCoCo}); err == nil || !strings.Contains(err.Error(), `not "report"`) {
		t.Error(err)
	}
	broken := errors.New("the line is down")
	if _, err := coverage.Parse(io.MultiReader(strings.NewReader("SF:a\nDA:1,1\n"), iotest.ErrReader(broken)), coverage.Settings{}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func overlapping() string {
	var out strings.Builder
	for i := range 20 {
		fmt.Fprintf(&out, "a.go:1.%d,1000.2 1 1\n", i+1)
	}
	return out.String()
}

// TestText reads reports in other encodings and with bytes that are no text.
func TestText(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"ISO-8859-1":     {"<?xml version=\"1.0\" encoding='ISO-8859-1'?>\n<coverage><class filename=\"M\xfcsik.py\"><line number=\"1\" hits=\"1\"/></class></coverage>", "Müsik.py"},
		"windows-1252":   {"<?xml version=\"1.1\" encoding=\"windows-1252\"?><coverage><class filename=\"a\x80.py\"/></coverage>", "a€.py"},
		"broken UTF-8":   {"<coverage><class filename=\"a\xff\xc3.py\"/></coverage>", "a\uFFFD\uFFFD.py"},
		"control in XML": {"<coverage><class filename=\"a\x00\x1b.py\"/></coverage>", "a??.py"},
		"broken LCOV":    {"SF:a\xff\x00.c\nend_of_record", "a\uFFFD\uFFFD.c"},
		"UTF-8":          {"SF:音.c\nend_of_record", "音.c"},
		"address":        {"SF:file:///w/a.c\nend_of_record", "/w/a.c"},
		"namespace":      {`<c:coverage xmlns:c="urn:x"><c:class filename="a"/></c:coverage>`, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, c.text)
			if len(r.Files) != 1 || r.Files[0].Path != c.want {
				t.Errorf("%+q, want %+q", print(r), c.want)
			}
		})
	}
}

// TestRate holds that nothing divided by nothing is no number, and not NaN.
func TestRate(t *testing.T) {
	if rate, ok := (coverage.Count{}).Rate(); ok || rate != 0 {
		t.Error(rate, ok)
	}
	if rate, ok := (coverage.Count{Covered: 1, Total: 4}).Rate(); !ok || rate != 0.25 {
		t.Error(rate, ok)
	}
}
