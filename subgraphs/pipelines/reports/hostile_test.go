package reports_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// raw writes an archive whose entries say of themselves what they like.
func raw(t testing.TB, entries ...rawEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range entries {
		var deflated bytes.Buffer
		f, err := flate.NewWriter(&deflated, 9)
		if err != nil {
			t.Fatal(err)
		}
		size, err := io.Copy(f, e.text)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, CompressedSize64: uint64(deflated.Len()), UncompressedSize64: uint64(size)}
		if e.change != nil {
			e.change(h)
		}
		w, err := z.CreateRaw(h)
		if err == nil && !strings.HasSuffix(e.name, "/") {
			_, err = w.Write(deflated.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type rawEntry struct {
	name   string
	text   io.Reader
	change func(*zip.FileHeader)
}

// spaces is a text of so many bytes that packs well.
func spaces(n int64) io.Reader {
	return io.MultiReader(strings.NewReader("<testsuite>"), io.LimitReader(blank{}, n), strings.NewReader("</testsuite>"))
}

type blank struct{}

func (blank) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestHostileArchives refuses what archives do to who unpacks them. What is refused is said, the reports beside it are read, and nothing is left on the disk.
func TestHostileArchives(t *testing.T) {
	p := newPlayer(t)
	good := func() rawEntry { return rawEntry{name: "a/junit.xml", text: strings.NewReader(junit)} }
	entry := func(name, text string, change func(*zip.FileHeader)) func() []rawEntry {
		return func() []rawEntry {
			return []rawEntry{good(), {name, strings.NewReader(text), change}}
		}
	}
	for name, c := range map[string]struct {
		data   func() []byte
		reason reports.Reason
		cases  int
		other  bool // the report itself is refused, and not how it is packed
	}{
		"encrypted": {func() []byte { return raw(t, entry("junit.xml", junit, func(h *zip.FileHeader) { h.Flags |= 1 })()...) }, reports.Encrypted, 2, false},
		"a bomb": {func() []byte {
			return raw(t, good(), rawEntry{"junit.xml", spaces(40 << 20 / portion * min(portion, 4)), nil})
		}, reports.TooDense, 2, false},
		"larger than said": {func() []byte {
			return raw(t, entry("junit.xml", junit, func(h *zip.FileHeader) { h.UncompressedSize64 = 10 })()...)
		}, reports.NotReadable, 2, false},
		"smaller than said": {func() []byte {
			return raw(t, entry("junit.xml", junit, func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 40 })()...)
		}, reports.NotReadable, 2, false},
		"another checksum": {func() []byte { return raw(t, entry("junit.xml", junit, func(h *zip.FileHeader) { h.CRC32 = 7 })()...) }, reports.NotReadable, 2, false},
		"an unknown method": {func() []byte {
			return raw(t, entry("junit.xml", junit, func(h *zip.FileHeader) { h.Method = 99 })()...)
		}, reports.NotReadable, 2, false},
		"an archive in it": {func() []byte {
			return raw(t, entry("junit.xml", string(packed(t, map[string]string{"junit.xml": junit})), nil)()...)
		}, "", 2, true},
		"no archive": {func() []byte { return []byte(junit) }, reports.NotReadable, 0, false},
		"cut off":    {func() []byte { return raw(t, good())[:40] }, reports.NotReadable, 0, false},
		"many entries": {func() []byte {
			var all []rawEntry
			for i := range 2000 {
				all = append(all, rawEntry{fmt.Sprint(i), strings.NewReader(""), nil})
			}
			return raw(t, all...)
		}, reports.TooMany, 0, false},
		"long names": {func() []byte {
			var all []rawEntry
			for i := range 100 {
				all = append(all, rawEntry{fmt.Sprint(strings.Repeat("a/", 20_000), i), strings.NewReader(""), nil})
			}
			return raw(t, all...)
		}, reports.TooMany, 0, false},
		"names that lead away": {func() []byte {
			return raw(t, rawEntry{"../../../../../tmp/x/junit.xml", strings.NewReader(junit), nil}, rawEntry{`..\..\junit.xml`, strings.NewReader(junit), nil}, rawEntry{"/etc/junit.xml", strings.NewReader(junit), nil})
		}, "", 6, false},
		"links and folders": {func() []byte {
			return raw(t, good(), rawEntry{"b/junit.xml", strings.NewReader("/etc/passwd"), func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }}, rawEntry{"c/junit.xml/", strings.NewReader(""), nil})
		}, "", 2, false},
		"one entry many times": {func() []byte { return overlapping(1900/portion, 1000) }, reports.TooLarge, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s := newStage(t, func(cfg *reports.Config) {
				cfg.Folder, cfg.Limits = folder, reports.Limits{Entries: 1900, Directory: 1 << 20, Unpacked: 16 << 20, Reports: 100_000}
			})
			s.system.leave("x", true, c.data())
			if err := s.Collect(t.Context(), s.of, run(p.base, 1)); err != nil {
				t.Fatal(err)
			}
			tests, err := s.Tests(t.Context(), s.of, p.base, "")
			if err != nil {
				t.Fatal(err)
			}
			cases := 0
			if tests != nil {
				cases = tests.Report.Totals().Cases()
			}
			if cases != c.cases && c.cases >= 0 {
				t.Errorf("%d cases", cases)
			}
			var packed *reports.PackedError
			for _, err := range s.log.errs {
				if packed == nil {
					errors.As(err, &packed)
				}
			}
			switch {
			case c.reason == "" && (packed != nil || c.other != (len(s.log.errs) == 1)), c.reason != "" && (packed == nil || packed.Reason != c.reason):
				t.Errorf("%v", s.log.errs)
			}
			if left, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(left) > 0 {
				t.Error("left on the disk:", left, err)
			}
		})
	}
}

// overlapping is an archive of so many entries that all have the same data, of so many kilobytes.
func overlapping(n, kilobytes int) []byte {
	text := []byte("<testsuite><testcase name='a'/>" + strings.Repeat(strings.Repeat(" ", 500)+"<!--"+strings.Repeat("x", 500)+"-->", kilobytes) + "</testsuite>")
	var deflated bytes.Buffer
	f, _ := flate.NewWriter(&deflated, 1)
	_, _ = f.Write(text)
	_ = f.Close()
	le := binary.LittleEndian
	const name = "junit.xml"
	header := func(signature uint32, central bool) []byte {
		out := le.AppendUint32(nil, signature)
		if central {
			out = le.AppendUint16(out, 20)
		}
		out = le.AppendUint16(out, 20)
		out = le.AppendUint16(out, 0)
		out = le.AppendUint16(out, 8)
		out = le.AppendUint32(out, 0)
		out = le.AppendUint32(out, crc32.ChecksumIEEE(text))
		out = le.AppendUint32(out, uint32(deflated.Len()))
		out = le.AppendUint32(out, uint32(len(text)))
		out = le.AppendUint16(out, uint16(len(name)))
		out = le.AppendUint16(out, 0)
		if central {
			out = append(out, make([]byte, 14)...) // the first one is where all are
		}
		return append(out, name...)
	}
	out := append(header(0x04034b50, false), deflated.Bytes()...)
	at := len(out)
	for range n {
		out = append(out, header(0x02014b50, true)...)
	}
	size := len(out) - at
	out = le.AppendUint32(out, 0x06054b50)
	out = append(out, 0, 0, 0, 0)
	out = le.AppendUint16(out, uint16(n))
	out = le.AppendUint16(out, uint16(n))
	out = le.AppendUint32(out, uint32(size))
	out = le.AppendUint32(out, uint32(at))
	return append(out, 0, 0)
}

// FuzzArchive reads any bytes as an archive, and as a file: nothing panics, and what was read has what was said of it.
func FuzzArchive(f *testing.F) {
	f.Add(packed(f, map[string]string{"junit.xml": junit, "lcov.info": lcov("a.go", 1, 2)}))
	f.Add(raw(f, rawEntry{"junit.xml", strings.NewReader(junit), func(h *zip.FileHeader) { h.Flags |= 1 }}))
	f.Add(gzipped(f, junit))
	f.Add(overlapping(3, 1))
	commit := strings.Repeat("a", 40)
	s := newStage(f, func(c *reports.Config) {
		c.Limits = reports.Limits{File: 1 << 20, Unpacked: 2 << 20, Entries: 100, Directory: 1 << 16}
	})
	number := 0
	f.Fuzz(func(t *testing.T, data []byte) {
		number++
		s.system.left, s.log.errs, s.log.text = nil, nil, nil
		s.system.leave("x", true, data)
		s.system.leave("junit.xml", false, data)
		if err := s.Collect(t.Context(), s.of, run(commit, number)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Tests(t.Context(), s.of, commit, ""); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Coverage(t.Context(), s.of, commit); err != nil || c != nil && c.Totals.Lines.Total == 0 {
			t.Fatal(c, err)
		}
	})
}

// FuzzStored reads any bytes that a store may return.
func FuzzStored(f *testing.F) {
	report, err := coverage.Parse(strings.NewReader(lcov("a.go", 1, 2)), coverage.Settings{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("cbrep\x01\x02{}" + string(report.Encode())))
	f.Add([]byte("cbrep\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01{}"))
	f.Add([]byte("cbrep\x01\x10{\"foreign\":\"many"))
	commit := strings.Repeat("a", 40)
	s := newStage(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []string{reports.KindCoverage, reports.KindTests} {
			if err := s.store.SaveReport(t.Context(), store.Report{Repository: "github.example/larkfold/player", Commit: commit, Kind: kind, Branch: "main", At: began, Taken: began, Body: body}); err != nil {
				t.Skip(err)
			}
		}
		if c, err := s.Coverage(t.Context(), s.of, commit); (c == nil) == (err == nil) {
			t.Fatal(c, err)
		}
		if tests, err := s.Tests(t.Context(), s.of, commit, ""); (tests == nil) == (err == nil) {
			t.Fatal(tests, err)
		}
		if _, err := s.Flaky(t.Context(), s.of, "main"); err == nil {
			if tests, err := s.Tests(t.Context(), s.of, commit, ""); tests == nil {
				t.Fatal("flaky of what cannot be read", err)
			}
		}
	})
}
