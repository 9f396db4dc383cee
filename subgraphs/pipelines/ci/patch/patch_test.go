package patch_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/subgraphs/pipelines/ci/patch"
)

func TestHunks(t *testing.T) {
	for text, want := range map[string]string{
		"":                                         "[]",
		"Binary files a/x and b/x differ\n":        "[]",
		"@@ -1 +1 @@\n-a\n+b\n":                    "[{1 1 1 1}]",
		"@@ -0,0 +1,2 @@\n+a\n+b\n":                "[{0 0 1 2}]",
		"@@ -1,2 +0,0 @@\n-a\n-b":                  "[{1 2 0 0}]",
		"@@ -3,0 +4 @@ func main() {\n+a\n":        "[{3 0 4 1}]",
		"@@ -3 +2,0 @@\n-a\n":                      "[{3 1 2 0}]",
		"@@ -1,4 +1,5 @@\n a\n-b\n+c\n+d\n \n e\n": "[{2 1 2 2}]",
		"@@ -1,4 +1,5 @@\n a\n-b\n+c\n+d\n\n e\n":  "[{2 1 2 2}]",
		"@@ -1,3 +1,3 @@\n-a\n+b\n c\n-d\n\\ No newline at end of file\n+d\n\\ No newline at end of file\n": "[{1 1 1 1} {3 1 3 1}]",
		"--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -9,2 +10,1 @@\n-h\n i\n":                         "[{1 0 2 1} {9 1 9 0}]",
		"@@ -1 +1 @@\n-a\n+b\n@@ -2 +2 @@\n-c\n+d\n":                                                        "[{1 2 1 2}]", // they touch

		"@@ -1,2 +1,2 @@\n-a\n+b\n":                  "", // cut off
		"@@ -1 +1 @@\n-a\n+b\n c\n":                  "", // more than it says
		"@@ -1 +1 @@\n-a\n-b\n":                      "",
		"@@ -1 +1 @@\n?a\n":                          "",
		"@@ -1 +1\n-a\n+b\n":                         "",
		"@@ -x +1 @@\n":                              "",
		"@@ +1 -1 @@\n":                              "",
		"@@ -0 +1 @@\n-a\n+b\n":                      "",
		"@@ -1 +99999999999 @@\n":                    "",
		"@@ -5 +5 @@\n-a\n+b\n@@ -4 +4 @@\n-a\n+b\n": "", // not in order
		"@@ -5 +5 @@\n-a\n+b\n@@ -9 +8 @@\n-a\n+b\n": "", // what lies between is the same
		"@@ -1 +1 @@\n-a\n+b\ndiff --git a/y b/y\n":  "", // of another file
	} {
		got, ok := patch.Hunks(text)
		if ok != (want != "") || ok && fmt.Sprint(got) != want || !ok && got != nil {
			t.Errorf("%q: %v, %v, want %s", text, got, ok, want)
		}
		if ok && got == nil {
			t.Errorf("%q: nil", text)
		}
	}
}

// TestGit asks git for the differences of many texts, with lines around them and without: the pieces are the same.
func TestGit(t *testing.T) {
	w := gittest.New(t)
	w.Write("r/a", "")
	w.Git("r", "init", "-q")
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var base, head strings.Builder
		for range random.IntN(30) {
			line := fmt.Sprintln("line", random.IntN(6))
			switch random.IntN(6) {
			case 0:
				base.WriteString(line)
			case 1:
				head.WriteString(line)
			default:
				base.WriteString(line)
				head.WriteString(line)
			}
		}
		var ids []string
		for i, text := range []string{base.String(), head.String()} {
			if random.IntN(3) == 0 {
				text = strings.TrimSuffix(text, "\n")
			}
			name := fmt.Sprint("side", i)
			w.Write("r/"+name, text)
			ids = append(ids, w.Git("r", "hash-object", "-w", name))
		}
		got, ok := patch.Hunks(w.Git("r", "diff", ids[0], ids[1]))
		want, bare := patch.Hunks(w.Git("r", "diff", "-U0", ids[0], ids[1]))
		if !ok || !bare || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q to %q: %v, want %v", base.String(), head.String(), got, want)
		}
		headers := strings.Count("\n"+w.Git("r", "diff", "-U0", ids[0], ids[1]), "\n@@ ")
		if len(got) != headers {
			t.Errorf("%q to %q: %d pieces, git has %d", base.String(), head.String(), len(got), headers)
		}
	}
}

func FuzzHunks(f *testing.F) {
	f.Add("@@ -1,4 +1,5 @@\n a\n-b\n+c\n+d\n \n e\n")
	f.Add("--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -9,2 +10,1 @@\n-h\n i\n")
	f.Add("@@ -3,0 +4 @@\n+a\n\\ No newline at end of file\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, ok := patch.Hunks(text)
		if !ok && found != nil || ok && found == nil {
			t.Fatal(found, ok)
		}
		same, base, head := 0, 1, 1 // lines before the piece
		for i, h := range found {
			baseFirst, headFirst := h.BaseStart, h.HeadStart
			if h.BaseLines == 0 {
				baseFirst++
			}
			if h.HeadLines == 0 {
				headFirst++
			}
			if h.BaseLines < 0 || h.HeadLines < 0 || h.BaseLines+h.HeadLines == 0 || baseFirst < base || headFirst < head || baseFirst-base != headFirst-head {
				t.Fatalf("%q: %v", text, found)
			}
			if same = baseFirst - base; i > 0 && same == 0 {
				t.Fatalf("%q: pieces touch: %v", text, found)
			}
			base, head = baseFirst+h.BaseLines, headFirst+h.HeadLines
		}
	})
}
