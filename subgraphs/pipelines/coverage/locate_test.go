package coverage_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
)

// covered makes an LCOV report: "a.go 1:1 2:0".
func covered(t testing.TB, files ...string) *coverage.Report {
	t.Helper()
	var text strings.Builder
	for _, f := range files {
		fields := strings.Fields(f)
		fmt.Fprintf(&text, "SF:%s\n", fields[0])
		for _, l := range fields[1:] {
			fmt.Fprintf(&text, "DA:%s\n", strings.Replace(l, ":", ",", 1))
		}
		text.WriteString("end_of_record\n")
	}
	return parse(t, "TN:\n"+text.String())
}

func TestLocate(t *testing.T) {
	for name, c := range map[string]struct {
		report, repository []string
		roots              []string
		want               string // the files, then ? ambiguous ones, then ! foreign ones
	}{
		"the same":            {[]string{"src/a.py", "b.py"}, []string{"src/a.py", "b.py", "test/src/a.py"}, nil, "b.py src/a.py"},
		"Go module":           {[]string{"x.dev/m/pkg/a.go", "x.dev/m/main.go"}, []string{"pkg/a.go", "other/pkg/a.go", "main.go", "cmd/main.go"}, nil, "main.go pkg/a.go"},
		"flat Go module":      {[]string{"x.dev/m/a.go", "x.dev/m/b.go"}, []string{"a.go", "b.go", "sub/b.go"}, nil, "a.go b.go"},
		"Go module in folder": {[]string{"x.dev/m/a.go", "x.dev/m/pkg/b.go"}, []string{"server/a.go", "server/pkg/b.go", "client/a.go"}, nil, "server/a.go server/pkg/b.go"},
		"two Go modules": {[]string{"x.dev/m/p/a.go", "x.dev/m/tools/q/b.go", "x.dev/tool/r/c.go", "x.dev/tool/r/d.go"}, []string{"p/a.go", "tools/q/b.go", "third/r/c.go", "third/r/d.go"}, nil,
			"p/a.go third/r/c.go third/r/d.go tools/q/b.go"},
		"build folder":   {[]string{"/home/jenkins/workspace/x/src/a.py", "/home/jenkins/workspace/x/setup.py"}, []string{"src/a.py", "setup.py", "docs/setup.py"}, nil, "setup.py src/a.py"},
		"system files":   {[]string{"/usr/include/c++/12/vector", "/usr/include/x/config.h", "/b/src/a.c"}, []string{"src/a.c", "lib/config.h", "include/y/config.h"}, nil, "src/a.c !/usr/include/c++/12/vector !/usr/include/x/config.h"},
		"Java package":   {[]string{"com/l/A.java"}, []string{"app/src/main/java/com/l/A.java", "A.java"}, nil, "app/src/main/java/com/l/A.java"},
		"ambiguous":      {[]string{"com/l/A.java"}, []string{"a/src/com/l/A.java", "b/src/com/l/A.java"}, nil, "?com/l/A.java=a/src/com/l/A.java,b/src/com/l/A.java"},
		"groups":         {[]string{"a/com/l/A.java", "b/com/l/A.java"}, []string{"a/src/com/l/A.java", "b/src/com/l/A.java"}, nil, "a/src/com/l/A.java b/src/com/l/A.java"},
		"a name alone":   {[]string{"/x/y/index.js"}, []string{"a/index.js", "b/index.js"}, nil, "!/x/y/index.js"},
		"Windows":        {[]string{`C:\agent\1\s\src\app.ts`}, []string{"src/app.ts"}, nil, "src/app.ts"},
		"joined":         {[]string{"/b1/src/a.c 1:1", "/b2/src/a.c 1:1 2:0"}, []string{"src/a.c"}, nil, "src/a.c"},
		"no files":       {[]string{"a.c"}, nil, nil, "!a.c"},
		"roots":          {[]string{"com/l/A.java", "com/l/B.java"}, []string{"app/src/com/l/A.java", "lib/src/com/l/B.java"}, []string{"/w/app/src", "/w/lib/src"}, "app/src/com/l/A.java lib/src/com/l/B.java"},
		"roots disagree": {[]string{"l/A.java"}, []string{"app/l/A.java", "lib/l/A.java"}, []string{"/w/app", "/w/lib"}, "?l/A.java=app/l/A.java,lib/l/A.java"},
	} {
		t.Run(name, func(t *testing.T) {
			r := covered(t, c.report...)
			r.Roots = c.roots
			for range 3 {
				rand.Shuffle(len(c.repository), func(i, j int) { c.repository[i], c.repository[j] = c.repository[j], c.repository[i] })
				located := r.Locate(c.repository)
				var got []string
				for _, f := range located.Report.Files {
					got = append(got, f.Path)
				}
				for _, a := range located.Ambiguous {
					got = append(got, "?"+a.Path+"="+strings.Join(a.Candidates, ","))
				}
				for _, f := range located.Foreign {
					got = append(got, "!"+f)
				}
				if text := strings.Join(got, " "); text != c.want {
					t.Errorf("%s, want %s", text, c.want)
				}
			}
		})
	}
	joined := covered(t, "/b1/src/a.c 1:1", "/b2/src/a.c 1:1 2:0").Locate([]string{"src/a.c"}).Report.Files
	if len(joined) != 1 || !reflect.DeepEqual(joined[0].Lines, []coverage.Line{{Number: 1, Hits: 2}, {Number: 2}}) {
		t.Error(joined)
	}
}

// TestMerge holds that hits add up without wrapping round, in any order of the reports, and that the reports stay as they were.
func TestMerge(t *testing.T) {
	a := covered(t, "a 1:1 2:0 9:4294967295", "b 1:1")
	b := covered(t, "a 1:2 3:1 9:1", "c")
	c := parse(t, "mode: set\na:2.1,2.9 3 1\n")
	before := print(a) + print(b)
	merge := func(l coverage.Limits, reports ...*coverage.Report) (string, error) {
		r, err := coverage.Merge(l, reports...)
		if err != nil {
			return "", err
		}
		return print(r), nil
	}
	const want = " files 2 lines {5 5} branches {0 0} functions {0 0} statements {3 3}\na\n  1:3 2:1 3:1 9:4294967295\nb\n  1:1\nc\n \n"
	for _, order := range [][]*coverage.Report{{a, b, c}, {c, a, b}, {b, c, a}} {
		if got, err := merge(coverage.Limits{}, order...); err != nil || got != want {
			t.Errorf("%v\n%s", err, got)
		}
	}
	if got := print(a) + print(b); got != before {
		t.Error("the reports were changed")
	}
	if got, _ := merge(coverage.Limits{}, a); got != print(a) {
		t.Error(got)
	}
	if _, err := merge(coverage.Limits{Files: 2}, a, b); err == nil || !strings.Contains(err.Error(), "more than 2 files") {
		t.Error(err)
	}
	if _, err := merge(coverage.Limits{Lines: 4}, a, b); err == nil || !strings.Contains(err.Error(), "more than 4 lines") {
		t.Error(err)
	}
	branches := func(taken string) *coverage.Report {
		return parse(t, "SF:a\nDA:1,1\nBRDA:1,0,0,"+taken[:1]+"\nBRDA:1,0,1,"+taken[1:]+"\nend_of_record")
	}
	if got, _ := merge(coverage.Limits{}, branches("10"), branches("01")); !strings.Contains(got, "1:2(1/2)") {
		t.Errorf("which branches were taken is not known, but %s", got)
	}
}

func TestCompare(t *testing.T) {
	base := covered(t, "a.go 1:1 2:1 3:0 4:1 10:1", "moved.go 1:1 2:1", "gone.go 1:1", "edited.go 1:1", "still.go 1:1 2:1", "drift.go 1:1 2:0", "lost.go 1:0")
	head := covered(t, "a.go 1:1 2:0 3:7 4:1 5:0 6:1 12:0", "new.go 1:1 2:0", "to.go 1:1 2:0", "edited.go 1:0", "still.go 1:1 2:1", "drift.go 1:0 2:1", "found.go 1:1")
	got := func(hunks ...coverage.Hunk) string {
		c := coverage.Compare(base, head, []coverage.Touched{
			{Path: "a.go", Hunks: hunks},
			{Path: "README.md", Hunks: []coverage.Hunk{hunk(1, 1, 1, 1)}}, {Path: "new.go"}, {Path: "gone.go"}, {Path: "to.go", From: "moved.go", Same: true}, {Path: "edited.go"},
		})
		points, ok := c.Lines()
		out := fmt.Sprintf("base %v head %v %.2f %v added %v\n", c.Base.Lines, c.Head.Lines, points, ok, c.Added)
		for _, f := range slices.Concat(c.Files, c.Elsewhere) {
			out += fmt.Sprintf("%s %v %s base %v head %v added %v untested %v covered %v uncovered %v\n", f.Path, f.Touched, f.Verdict, f.Base.Lines, f.Head.Lines, f.Added, f.Untested, f.Covered, f.Uncovered)
		}
		return out
	}
	// Two lines are new behind line 4 (5 and 6), so line 12 is what line 10 was.
	want := `base {11 14} head {10 17} -19.75 true added {2 4}
README.md true NO_LINES base {0 0} head {0 0} added {0 0} untested [] covered [] uncovered []
a.go true COMPARED base {4 5} head {4 7} added {1 2} untested [5] covered [3] uncovered [2 12]
edited.go true NO_HUNKS base {1 1} head {0 1} added {0 0} untested [] covered [] uncovered []
gone.go true GONE base {1 1} head {0 0} added {0 0} untested [] covered [] uncovered []
new.go true NEW base {0 0} head {1 2} added {1 2} untested [2] covered [] uncovered []
to.go true COMPARED base {2 2} head {1 2} added {0 0} untested [] covered [] uncovered [2]
drift.go false COMPARED base {1 2} head {1 2} added {0 0} untested [] covered [2] uncovered [1]
found.go false NEW base {0 0} head {1 1} added {0 0} untested [] covered [] uncovered []
lost.go false GONE base {0 1} head {0 0} added {0 0} untested [] covered [] uncovered []
`
	if text := got(coverage.Hunk{BaseStart: 4, HeadStart: 5, HeadLines: 2}); text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	for _, hunks := range [][]coverage.Hunk{{hunk(1, 1, 2, 1)}, {hunk(1, 2, 1, 2), hunk(2, 1, 2, 1)}, {hunk(-1, 1, -1, 1)}, {hunk(1, -1, 1, 1)}, {hunk(1, 1<<40, 1, 1)}, {hunk(0, 0, 5, 2)}} {
		if text := got(hunks...); !strings.Contains(text, "a.go true BAD_HUNKS") {
			t.Errorf("%v: %s", hunks, text)
		}
	}
	// Lines 1 and 2 are gone: line 1 of the head is what line 3 was.
	c := coverage.Compare(covered(t, "x 1:1 2:1 3:1 4:0"), covered(t, "x 1:0 2:1"), []coverage.Touched{{Path: "x", Hunks: []coverage.Hunk{{BaseStart: 1, BaseLines: 2}}}})
	if f := c.Files[0]; f.Verdict != coverage.Compared || !slices.Equal(f.Uncovered, []uint32{1}) || !slices.Equal(f.Covered, []uint32{2}) || f.Added.Total != 0 {
		t.Errorf("%+v", f)
	}
	// The base has the file and its report does not: what the change wrote is line 2 alone, and nothing where the file was only moved.
	for _, t1 := range []struct {
		touched  coverage.Touched
		added    coverage.Count
		untested []uint32
	}{
		{coverage.Touched{Path: "x", Hunks: []coverage.Hunk{hunk(2, 1, 2, 1)}}, coverage.Count{Total: 1}, []uint32{2}}, {coverage.Touched{Path: "x", From: "y", Same: true}, coverage.Count{}, nil},
		{coverage.Touched{Path: "x", Hunks: []coverage.Hunk{hunk(0, 0, 1, 3)}}, coverage.Count{Covered: 2, Total: 3}, []uint32{2}}, {coverage.Touched{Path: "x"}, coverage.Count{Covered: 2, Total: 3}, []uint32{2}},
	} {
		c := coverage.Compare(covered(t, "z 1:1"), covered(t, "x 1:1 2:0 3:1"), []coverage.Touched{t1.touched})
		if f := c.Files[0]; f.Verdict != coverage.New || f.Added != t1.added || !slices.Equal(f.Untested, t1.untested) {
			t.Errorf("%+v: %+v", t1.touched, f)
		}
	}
	empty := coverage.Compare(&coverage.Report{}, head, nil)
	if _, ok := empty.Lines(); ok {
		t.Error("nothing can be compared with nothing")
	}
}

func hunk(base, baseLines, head, headLines int) coverage.Hunk {
	return coverage.Hunk{BaseStart: base, BaseLines: baseLines, HeadStart: head, HeadLines: headLines}
}
