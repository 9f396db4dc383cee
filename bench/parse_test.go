package main

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/supergraph"
)

func TestParseStat(t *testing.T) {
	const rest = " S 12 34 34 0 -1 4194560 100 0 0 0 150 25 7 3 20 0 5 0 1000 200 300"
	for _, name := range []string{"callboard", "node (worker) 1", "a) S 99 (b"} {
		s, err := parseStat("77 (" + name + ")" + rest)
		if err != nil || s.parent != 12 || s.own != 1750*time.Millisecond || s.children != 100*time.Millisecond {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for _, text := range []string{"", "77 callboard" + rest, "77 (callboard) S 12 34", "77 (callboard)" + strings.Replace(rest, "12", "x", 1), "77 (callboard)" + strings.Replace(rest, "150", "-", 1)} {
		if s, err := parseStat(text); err == nil {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

func TestParsePeak(t *testing.T) {
	got, err := parsePeak("Name:\tcallboard\nVmPeak:\t 1234567 kB\nVmHWM:\t   45678 kB\nVmRSS:\t   40000 kB\n")
	if err != nil || got != 45678<<10 {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := parsePeak("Name:\tkthreadd\n"); err != nil || got != 0 {
		t.Errorf("without a peak: %d, %v", got, err)
	}
	for _, text := range []string{"VmHWM:\t 12 MB\n", "VmHWM:\t kB\n"} {
		if got, err := parsePeak(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestUsageOf(t *testing.T) {
	if !procAvailable() {
		t.Skip("this system has no /proc")
	}
	u, err := usageOf(os.Getpid())
	if err != nil || u.Peak < 1<<20 {
		t.Errorf("this process: %+v, %v", u, err)
	}
	if u, err := usageOf(math.MaxInt32); err == nil {
		t.Errorf("no process: %+v", u)
	}
}

func TestBelow(t *testing.T) {
	stats := map[int]processStat{1: {}, 10: {parent: 1}, 11: {parent: 10}, 12: {parent: 11}, 20: {parent: 1}, 30: {parent: 31}, 31: {parent: 30}}
	for id, want := range map[int]bool{10: true, 11: true, 12: true, 1: false, 20: false, 30: false, 99: false} {
		if got := below(stats, id, 10); got != want {
			t.Errorf("%d below 10: %v", id, got)
		}
	}
}

func TestFigures(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	unknown := figure(math.NaN())
	for _, test := range []struct {
		name      string
		got, want figure
	}{
		{"p50 of 100", percentile(hundred, 0.50), 50},
		{"p99 of 100", percentile(hundred, 0.99), 99},
		{"p99 of 1", percentile([]time.Duration{7 * time.Millisecond}, 0.99), 7},
		{"p0 of 2", percentile([]time.Duration{2e6, 1e6}, 0), 1},
		{"p100 of 2", percentile([]time.Duration{2e6, 1e6}, 1), 2},
		{"median of 3", median([]figure{3, 1, 2}), 2},
		{"median of 4", median([]figure{4, 1, 2, 3}), 2.5},
		{"median of some", median([]figure{unknown, 5, unknown}), 5},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
	for name, got := range map[string]figure{"percentile of none": percentile(nil, 0.5), "median of none": median([]figure{unknown})} {
		if text, err := got.MarshalJSON(); err != nil || string(text) != "null" {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// Ratios are taken inside rounds: a machine that is slow for one round is slow for both.
func TestSummarise(t *testing.T) {
	rounds := func(cpu ...figure) (list []sample) {
		for _, c := range cpu {
			list = append(list, sample{CPU: c})
		}
		return list
	}
	o := &outcome{Rows: []*row{{Rounds: rounds(1, 10, 2), peak: 20}, {Rounds: rounds(3, 30, 2), peak: 50}}}
	o.summarise()
	if got := o.Rows[1]; got.Median["cpu_ms"] != 3 || got.Ratio["cpu_ms"] != 3 || got.Ratio["peak_mb"] != 2.5 {
		t.Errorf("median %v, ratio %v", got.Median, got.Ratio)
	}
}

func TestSetAddresses(t *testing.T) {
	const text = `# @join__graph(name: "comment", url: "stays")
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
"""
@join__graph(name: "description", url: "stays") – »ümlauts« count as one character each
"""
enum join__Graph {
  A @join__graph(name: "a", url: "")
  B
    @join__graph( # between
      url: "http://old/\"b\"" name: "b"
    )
  C @other(url: "stays") @join__graph(name: "c", url: """http://block""")
}
`
	want := strings.NewReplacer(`url: "")`, `url: "http://new/a")`, `"""http://block"""`, `"http://new/c"`, `"http://old/\"b\""`, `"http://new/b"`).Replace(text)
	got, err := setAddresses(text, func(name string) string { return "http://new/" + name })
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	for _, bad := range []string{"type Query { a: Int }", `enum join__Graph { A @join__graph(name: "a" }`, `enum { "`} {
		if got, err := setAddresses(bad, strings.ToUpper); err == nil {
			t.Errorf("%s gives %s", bad, got)
		}
	}
}

// What composition prints is read again with the new addresses, and nothing else differs.
func TestSetAddressesOfComposition(t *testing.T) {
	c, err := openCase(theatre)
	if err != nil {
		t.Fatal(err)
	}
	text, err := setAddresses(c.Supergraph.Text, func(name string) string { return "http://127.0.0.1:1/" + name })
	if err != nil {
		t.Fatal(err)
	}
	again, err := supergraph.Read("again", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Subgraphs {
		if got := again.Subgraph(s.Name).URL; got != "http://127.0.0.1:1/"+s.Name {
			t.Errorf("%s is at %s", s.Name, got)
		}
	}
	back, err := setAddresses(text, func(string) string { return "" })
	if err != nil || back != c.Supergraph.Text {
		t.Errorf("%v: with the old addresses it is\n%s", err, back)
	}
}

func TestUnique(t *testing.T) {
	text, at := withUnique([]byte(`{"a":"UNIQ","b":["UNIQ"]}`))
	putUnique(text, at, 1234567)
	if want := `{"a":"UNIQ000001234567","b":["UNIQ000001234567"]}`; string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if i := findUnique(text); string(text[i:i+uniqueDigits]) != "000001234567" {
		t.Errorf("found at %d", i)
	}
	maskUnique(text)
	if want := `{"a":"UNIQ000000000000","b":["UNIQ000000000000"]}`; string(text) != want {
		t.Errorf("masked: %s, want %s", text, want)
	}
	for _, none := range []string{"", "UNIQ", "UNIQ123", "UNI000000000000"} {
		if i := findUnique([]byte(none)); i >= 0 {
			t.Errorf("%q: found at %d", none, i)
		}
		maskUnique([]byte(none))
	}
}

func TestCompareBodies(t *testing.T) {
	const want = `{"data":{"a":1,"b":[null,"x"]}}`
	for _, test := range []struct {
		got   string
		like  likeness
		other bool
	}{
		{want, identical, false},
		{want + "\n", equal, false},
		{`{ "data": {"b": [null, "\u0078"], "a": 1}, "extensions": {} }`, equal, false},
		{`{"data":{"a":1,"b":["x",null]}}`, "", true},
		{`{"data":{"a":1}}`, "", true},
		{`{"data":null}`, "", true},
		{`{"errors":[{"message":"no"}]}`, "", false},
		{`{"data":{"a":1,"b":[null,"x"]},"errors":[{"message":"no"}]}`, "", false},
		{`<html>`, "", false},
	} {
		like, err := compareBodies([]byte(want), []byte(test.got))
		if like != test.like || (err == nil) != (test.like != "") || errors.Is(err, errOther) != test.other {
			t.Errorf("%s: %q, %v", test.got, like, err)
		}
	}
}
