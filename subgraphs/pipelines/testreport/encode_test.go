package testreport_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// TestEncode reads what was written of every report of testdata: it is the same, and takes fewer bytes.
func TestEncode(t *testing.T) {
	for name, archive := range archives(t) {
		for _, f := range archive.Files {
			r, err := testreport.Parse(strings.NewReader(string(f.Data)), testreport.Settings{})
			if err != nil || len(r.Suites) == 0 {
				continue // a section that says what must come out
			}
			for i := range r.Suites { // in UTC, as a time zone is not kept
				if s := &r.Suites[i]; !s.Started.IsZero() {
					s.Started = s.Started.UTC()
				}
			}
			data := r.Encode(1 << 20)
			again, err := testreport.Decode(data, testreport.Limits{})
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%s, %s: %v\n%s\n%s", name, f.Name, err, print(r), print(again))
			}
			if len(data) > len(f.Data) {
				t.Errorf("%s, %s: %d bytes of %d", name, f.Name, len(data), len(f.Data))
			}
		}
	}
}

// TestEncodeTexts leaves texts out where there is no room: the outputs first, the messages last, and no case.
func TestEncodeTexts(t *testing.T) {
	report := func() *testreport.Report {
		return parse(t, `<testsuite name="s" timestamp="2026-05-04T03:02:01.5Z">
<testcase name="a" classname="c"><failure message="first">details of a</failure><system-out>output of a</system-out></testcase>
<testcase name="b" classname="c"><failure message="second">details of b</failure></testcase></testsuite>`, testreport.Limits{})
	}
	for _, c := range []struct {
		room, cut int
		left      string
	}{
		{0, 5, "|||||"}, {5, 4, "first|||||"}, {11, 3, "first|||second||"}, {23, 2, "first|details of a||second||"}, {35, 1, "first|details of a||second|details of b|"},
		{46, 0, "first|details of a|output of a|second|details of b|"},
	} {
		r, err := testreport.Decode(report().Encode(c.room), testreport.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := r.Suites[0].Cases[0], r.Suites[0].Cases[1]
		if left := strings.Join([]string{a.Message, a.Details, a.Output, b.Message, b.Details, b.Output}, "|"); left != c.left || r.Cut != c.cut {
			t.Errorf("with room for %d: %q, %d cut", c.room, left, r.Cut)
		}
		if !r.Suites[0].Started.Equal(time.Date(2026, 5, 4, 3, 2, 1, 5e8, time.UTC)) || r.Totals() != report().Totals() || a.ID != report().Suites[0].Cases[0].ID {
			t.Errorf("with room for %d: %+v", c.room, r)
		}
	}
}

// FuzzDecode reads anything: it is refused, or is a report that is written as the same bytes again.
func FuzzDecode(f *testing.F) {
	for _, archive := range archives(f) {
		for _, section := range archive.Files {
			if r, err := testreport.Parse(strings.NewReader(string(section.Data)), testreport.Settings{}); err == nil {
				f.Add(r.Encode(1 << 20))
			}
		}
	}
	f.Add([]byte("cbtst\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, testreport.Sealed(data)} {
			r, err := testreport.Decode(data, testreport.Limits{Bytes: 1 << 16, Cases: 1000})
			if err != nil {
				if r != nil {
					t.Fatal("a report and an error")
				}
				continue
			}
			again, err := testreport.Decode(r.Encode(1<<20), testreport.Limits{})
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%v: %+v, and then %+v", err, r, again)
			}
		}
	})
}
