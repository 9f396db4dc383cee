package github_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

// compared returns what a comparison says of one file with a patch.
func compared(t testing.TB, status, patch string, additions, deletions int) github.ComparedFile {
	t.Helper()
	body, err := json.Marshal(map[string]any{"files": []any{map[string]any{"filename": "a", "status": status, "patch": patch, "additions": additions, "deletions": deletions}}})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := text(t, string(body))
	got, err := c.Compare(t.Context(), tiles, "main", "side")
	if err != nil || len(got.Files) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	return got.Files[0]
}

func TestPatches(t *testing.T) {
	for _, test := range []struct {
		name, status, patch  string
		additions, deletions int
		want                 string
	}{
		{"a line becomes two", "modified", "@@ -10,4 +10,5 @@ func main() {\n \ta\n-b\n+c\n+d\n e\n f", 2, 1, "[{11 1 11 2}]"},
		{"a new file", "added", "@@ -0,0 +1,2 @@\n+a\n+b", 2, 0, "[{0 0 1 2}]"},
		{"a file of one line goes", "removed", "@@ -1 +0,0 @@\n-a\n\\ No newline at end of file", 0, 1, "[{1 1 0 0}]"},
		{"two pieces of one section, and a third", "modified", "@@ -1,4 +1,4 @@\n-a\n b\n c\n+x\n d\n@@ -20 +20 @@\n-q\n+r", 2, 2, "[{1 1 0 0} {3 0 3 1} {20 1 20 1}]"},
		{"no newline at the end on either side", "modified", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file", 1, 1, "[{1 1 1 1}]"},
		{"another name alone", "renamed", "", 0, 0, "[]"},
		{"no patch", "modified", "", 400, 3, "nil"},
		{"cut off between sections", "modified", "@@ -1 +1 @@\n-a\n+b", 2, 2, "nil"},
		{"cut off within a section", "modified", "@@ -1,3 +1,3 @@\n-a\n+b", 1, 1, "nil"},
		{"more than its header says", "modified", "@@ -1 +1 @@\n-a\n+b\n+c", 2, 1, "nil"},
		{"sections that go back", "modified", "@@ -9 +9 @@\n-a\n+b\n@@ -3 +3 @@\n-a\n+b", 2, 2, "nil"},
		{"numbers that are too large", "modified", "@@ -1,9999999999 +1,9999999999 @@\n-a\n+b", 1, 1, "nil"},
		{"a merge's", "modified", "@@@ -1 -1 +1 @@@\n--a\n++b", 1, 1, "nil"},
		{"no patch at all", "modified", "Binary files differ", 0, 0, "nil"},
	} {
		got := compared(t, test.status, test.patch, test.additions, test.deletions)
		text := fmt.Sprint(got.Hunks)
		if got.Hunks == nil {
			text = "nil"
		}
		if text != test.want {
			t.Errorf("%s: hunks are %s, want %s", test.name, text, test.want)
		}
	}
}

// The hunks of any two texts are those that git itself tells without the lines around them.
func TestPatchesAreThoseOfGit(t *testing.T) {
	w := gittest.New(t)
	w.Checkout("tiles")
	random := rand.New(rand.NewPCG(1, 2))
	content := func() string {
		var b strings.Builder
		for range random.IntN(60) {
			fmt.Fprintln(&b, random.IntN(9))
		}
		return strings.TrimSuffix(b.String(), strings.Repeat("\n", random.IntN(2)))
	}
	change := func(text string) string {
		var out []string
		for line := range strings.SplitSeq(text, "\n") {
			switch random.IntN(12) {
			case 0:
			case 1:
				out = append(out, line, "more", "")
			case 2:
				out = append(out, "other")
			default:
				out = append(out, line)
			}
		}
		return strings.Join(out, "\n")
	}
	before := map[string]string{}
	for i := range 60 {
		name := fmt.Sprintf("file-%02d", i)
		before[name] = content()
		w.Write("tiles/"+name, before[name])
	}
	base := w.Commit("tiles", "before")
	for name, text := range before {
		w.Write("tiles/"+name, change(text))
	}
	head := w.Commit("tiles", "after")

	g, err := githubtest.New(t.Context(), githubtest.Settings{Folders: []string{w.Dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	s := &site{GitHub: g}
	_, err = g.AddUser(githubtest.User{Login: "larkfold"})
	if err == nil {
		_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: "larkfold", Name: "tiles", Folder: w.Path("tiles")})
	}
	if err == nil {
		err = g.AddToken("ada-token", githubtest.Token{Login: "larkfold"})
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.as(t, "ada-token", false).Compare(t.Context(), tiles, base, head)
	if err != nil || len(got.Files) < 40 {
		t.Fatalf("%d files, %v", len(got.Files), err)
	}
	for _, f := range got.Files {
		var want []github.Hunk
		for line := range strings.SplitSeq(w.Git("tiles", "diff", "-U0", base, head, "--", f.Path), "\n") {
			if strings.HasPrefix(line, "@@ ") {
				want = append(want, header(t, line))
			}
		}
		if f.Hunks == nil || fmt.Sprint(f.Hunks) != fmt.Sprint(want) {
			t.Errorf("%s: hunks are %v, want %v", f.Path, f.Hunks, want)
		}
	}
}

// header reads the numbers of a section's first line as git writes it.
func header(t testing.TB, line string) (h github.Hunk) {
	t.Helper()
	fields := strings.Fields(line)
	for i, into := range [][2]*int{{&h.BaseStart, &h.BaseLines}, {&h.HeadStart, &h.HeadLines}} {
		start, lines, found := strings.Cut(fields[i+1][1:], ",")
		if !found {
			lines = "1"
		}
		var err1, err2 error
		*into[0], err1 = strconv.Atoi(start)
		*into[1], err2 = strconv.Atoi(lines)
		if err1 != nil || err2 != nil {
			t.Fatal(line)
		}
	}
	return h
}

// Whatever comes as a patch, hunks are in their order, do not overlap and have the lines that are counted.
func FuzzPatch(f *testing.F) {
	f.Add("@@ -10,4 +10,5 @@ func main() {\n \ta\n-b\n+c\n+d\n e\n f", 2, 1)
	f.Add("@@ -1 +0,0 @@\n-a\n\\ No newline at end of file", 0, 1)
	f.Add("@@ -1,4 +1,4 @@\n-a\n b\n c\n+x\n d\n@@ -20 +20 @@\n-q\n+r", 2, 2)
	f.Add("@@ -0,0 +1,2147483647 @@\n+", 1, 0)
	f.Fuzz(func(t *testing.T, patch string, additions, deletions int) {
		got := compared(t, "modified", patch, additions, deletions)
		base, head, added, deleted := 1, 1, 0, 0
		first := func(start, lines int) int {
			if lines == 0 {
				return start + 1
			}
			return start
		}
		for _, h := range got.Hunks {
			from, to := first(h.BaseStart, h.BaseLines), first(h.HeadStart, h.HeadLines)
			if h.BaseLines < 0 || h.HeadLines < 0 || h.BaseLines+h.HeadLines == 0 || from < base || to < head {
				t.Fatalf("hunks are %v", got.Hunks)
			}
			base, head, added, deleted = from+h.BaseLines, to+h.HeadLines, added+h.HeadLines, deleted+h.BaseLines
		}
		if got.Hunks != nil && patch != "" && (added != additions || deleted != deletions) {
			t.Fatalf("%v are not %d lines more and %d less", got.Hunks, additions, deletions)
		}
	})
}
