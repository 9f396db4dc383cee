package coverage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
)

var fuzzed = coverage.Limits{Bytes: 1 << 20, Files: 50, Lines: 5000, LineNumber: 5000, Record: 4096}

// valid checks what holds of every report.
func valid(t *testing.T, r *coverage.Report, l coverage.Limits) {
	t.Helper()
	lines := 0
	for i, f := range r.Files {
		if f.Path == "" || i > 0 && r.Files[i-1].Path >= f.Path {
			t.Fatalf("path %q at %d", f.Path, i)
		}
		for j, line := range f.Lines {
			if line.Number == 0 || int(line.Number) > l.LineNumber || j > 0 && f.Lines[j-1].Number >= line.Number || line.Taken > line.Branches {
				t.Fatalf("%s: line %+v", f.Path, line)
			}
		}
		lines += len(f.Lines)
	}
	if lines > l.Lines || len(r.Files) > l.Files {
		t.Fatalf("%d lines in %d files", lines, len(r.Files))
	}
	for _, c := range []coverage.Count{r.Totals().Lines, r.Totals().Branches, r.Totals().Functions, r.Totals().Statements} {
		if c.Covered < 0 || c.Covered > c.Total {
			t.Fatalf("count %v", c)
		}
	}
	stored, err := coverage.Decode(r.Encode(), coverage.Limits{Path: 1 << 20})
	if err != nil || !bytes.Equal(stored.Encode(), r.Encode()) || print(stored) != print(r) {
		t.Fatalf("stored: %v", err)
	}
}

// fuzz reads reports of one format, or of whichever.
func fuzz(f *testing.F, format coverage.Format) {
	for _, a := range archives(f) {
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := coverage.Parse(bytes.NewReader(data), coverage.Settings{Format: format, Limits: fuzzed})
		if err != nil {
			return
		}
		valid(t, r, fuzzed)
		twice, err := coverage.Merge(coverage.Limits{}, r, r)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := r.Totals(), twice.Totals(); a != b {
			t.Fatalf("merged with itself %v, was %v", b, a)
		}
		var paths []string
		for _, f := range r.Files {
			paths = append(paths, f.Path)
		}
		r.Locate(paths)
		for _, change := range coverage.Compare(r, r, nil).Elsewhere {
			t.Fatalf("changed to itself: %+v", change)
		}
	})
}

func FuzzParse(f *testing.F)     { fuzz(f, "") }
func FuzzCobertura(f *testing.F) { fuzz(f, coverage.Cobertura) }
func FuzzJaCoCo(f *testing.F)    { fuzz(f, coverage.JaCoCo) }
func FuzzLCOV(f *testing.F)      { fuzz(f, coverage.LCOV) }
func FuzzGoProfile(f *testing.F) { fuzz(f, coverage.GoProfile) }

// FuzzDecode puts a right checksum under the bytes, so that what is before it is read.
func FuzzDecode(f *testing.F) {
	for _, a := range archives(f) {
		r := parse(f, string(a.Files[0].Data))
		stored := r.Encode()
		f.Add(stored[:len(stored)-4])
	}
	limits := coverage.Limits{Files: 50, Lines: 5000, LineNumber: 5000, Path: 200}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = coverage.Decode(data, limits)
		r, err := coverage.Decode(signed(data), limits)
		if err == nil {
			valid(t, r, limits)
			return
		}
		var syntax *coverage.SyntaxError
		var limit *coverage.LimitError
		if !errors.As(err, &syntax) && !errors.As(err, &limit) {
			t.Fatal(err)
		}
	})
}

// FuzzLocate looks for any paths among any.
func FuzzLocate(f *testing.F) {
	f.Add("x.dev/m/a.go\nx.dev/m/b/a.go", "a.go\nb/a.go", "")
	f.Add("com/A.java", "a/com/A.java\nb/com/A.java", "/w/a\n/w/b")
	f.Fuzz(func(t *testing.T, report, repository, roots string) {
		r := &coverage.Report{}
		for _, p := range strings.Split(report, "\n") {
			r.Files = append(r.Files, coverage.File{Path: p})
		}
		if roots != "" {
			r.Roots = strings.Split(roots, "\n")
		}
		files := strings.Split(repository, "\n")
		a := r.Locate(files)
		for _, f := range a.Report.Files {
			if !slices.Contains(files, f.Path) {
				t.Fatalf("%q is not in the repository", f.Path)
			}
		}
		slices.Reverse(files)
		if b := r.Locate(files); len(a.Ambiguous)+len(a.Foreign) != len(b.Ambiguous)+len(b.Foreign) || !reflect.DeepEqual(a.Foreign, b.Foreign) {
			t.Fatalf("%v then %v", a, b)
		}
	})
}

// repeat is an endless report that is made while it is read: sections of files, each again and again.
type repeat struct {
	sections [][]byte
	next     int
	left     []byte
	bytes    int64
	watch    func()
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		if r.bytes <= 0 {
			return 0, io.EOF
		}
		r.left = r.sections[r.next%len(r.sections)]
		if r.next++; r.watch != nil && r.next%(8*len(r.sections)) == 0 {
			r.watch()
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	r.bytes -= int64(n)
	return n, nil
}

func lcovSections(files, lines int) [][]byte {
	var all [][]byte
	random := rand.New(rand.NewPCG(1, 2))
	for i := range files {
		var b bytes.Buffer
		fmt.Fprintf(&b, "TN:\nSF:/build/project/src/part%d/file%d.c\n", i%20, i)
		for n := range lines {
			fmt.Fprintf(&b, "DA:%d,%d\n", 3*n+1, random.IntN(2000))
			if n%5 == 0 {
				fmt.Fprintf(&b, "BRDA:%d,0,0,%d\nBRDA:%d,0,1,-\n", 3*n+1, random.IntN(3), 3*n+1)
			}
		}
		b.WriteString("end_of_record\n")
		all = append(all, b.Bytes())
	}
	return all
}

// TestLarge reads 200 MB in which 100,000 lines come again and again: memory is that of the lines, not of the text.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB are read")
	}
	sections := lcovSections(200, 500)
	var start, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&start)
	most := uint64(0)
	r, err := coverage.Parse(&repeat{sections: sections, bytes: 200 << 20 / portion, watch: func() {
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse-min(start.HeapInuse, now.HeapInuse))
	}}, coverage.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Totals().Lines.Total; got != 100_000 {
		t.Errorf("%d lines", got)
	}
	t.Logf("at most %d kB in use for 200 MB", most>>10)
	if most > 64<<20 {
		t.Errorf("%d MB in use", most>>20)
	}
}

// TestRepeated holds that lines in the worst order, again and again, do not take time or room that grows with their square.
func TestRepeated(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("SF:a\n")
	for i := range 400_000 {
		fmt.Fprintf(&b, "DA:%d,1\n", 1000-i%1000)
	}
	b.WriteString("end_of_record\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "SF:a\nDA:%d,1\nend_of_record\n", 1000-i%1000)
	}
	r, err := coverage.Parse(&b, coverage.Settings{Limits: coverage.Limits{Lines: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Files[0]; len(f.Lines) != 1000 || f.Lines[0].Hits != 420 {
		t.Errorf("%d lines, %+v", len(f.Lines), f.Lines[0])
	}
}

func BenchmarkLCOV(b *testing.B) {
	const size = 20 << 20
	sections := lcovSections(400, 1000)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := coverage.Parse(&repeat{sections: sections, bytes: size}, coverage.Settings{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCobertura(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("<coverage><packages><package><classes>")
	for i := range 100 {
		fmt.Fprintf(&text, `<class name="c" filename="src/file%d.py"><methods/><lines>`, i)
		for n := range 1000 {
			fmt.Fprintf(&text, `<line number="%d" hits="%d"/>`+"\n", n+1, n%3)
		}
		text.WriteString("</lines></class>")
	}
	text.WriteString("</classes></package></packages></coverage>")
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := coverage.Parse(bytes.NewReader(text.Bytes()), coverage.Settings{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStored(b *testing.B) {
	r, err := coverage.Parse(&repeat{sections: lcovSections(400, 1000), bytes: 6 << 20}, coverage.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	lines := r.Totals().Lines.Total
	for b.Loop() {
		stored := r.Encode()
		if _, err := coverage.Decode(stored, coverage.Limits{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(stored))/float64(lines), "bytes/line")
	}
}

// signed puts the checksum under what is to be read.
func signed(data []byte) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(data), crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// TestDecodeRefused holds what is refused of what was stored.
func TestDecodeRefused(t *testing.T) {
	good := parse(t, "SF:a\nDA:1,1\nend_of_record\n").Encode()
	head := "cbcov\x01"
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "unknown version"},
		"another version":   {signed([]byte("cbcov\x02\x00\x00\x00")), "unknown version"},
		"a wrong byte":      {append([]byte(head+"\x01"), good[7:]...), "checksum"},
		"cut off":           {good[:len(good)-1], "checksum"},
		"unknown format":    {signed([]byte(head + "\x09\x00\x00")), "too large"},
		"many files":        {signed([]byte(head + "\x00\x00\xff\xff\x01")), "fewer items"},
		"over a limit":      {signed([]byte(head + "\x00\x00\xff\xff\xff\x7f")), "more than 50000 files"},
		"line out of order": {signed([]byte(head + "\x02\x00\x01\x00\x01a\x00\x00\x00\x00\x01\x00\x01")), "out of order"},
		"too many lines":    {signed([]byte(head + "\x02\x00\x01\x00\x01a\x00\x00\x00\x00\x05\x02\x01")), "fewer items"},
		"more taken":        {signed([]byte(head + "\x02\x00\x01\x00\x01a\x00\x00\x00\x00\x01\x03\x01\x01\x02")), "too large"},
		"more":              {signed([]byte(head + "\x02\x00\x00\x00")), "something follows"},
		"no path":           {signed([]byte(head + "\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00")), "path is empty"},
	} {
		if _, err := coverage.Decode(c.data, coverage.Limits{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
