package git

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkText fails where a text that leaves the package is not UTF-8.
func checkText(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("not UTF-8: %q", text)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 40) + " commit 123\n"))
	f.Add([]byte(strings.Repeat("0", 64) + " blob 0\n"))
	f.Add([]byte("abcd missing\n"))
	f.Add([]byte("abcd ambiguous\n"))
	f.Add([]byte(strings.Repeat("a", 40) + " tree -1\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		found, err := parseHeader(line)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if _, ok := ParseOID(string(found.oid)); !ok || found.size < 0 || found.kind == "" {
			t.Errorf("%q gives %+v", line, found)
		}
	})
}

func FuzzParseRefs(f *testing.F) {
	oid := strings.Repeat("a", 40)
	f.Add([]byte("refs/heads/main\x00" + oid + "\x00\nrefs/tags/v1\x00" + oid + "\x00\nrefs/remotes/origin/HEAD\x00" + oid + "\x00refs/remotes/origin/main\n"))
	f.Add([]byte("refs/heads/\xff\x00" + oid + "\x00\n\n\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		refs := parseRefs(out)
		for _, list := range [][]Ref{refs.Branches, refs.Tags, refs.remote} {
			for i, ref := range list {
				checkText(t, ref.Name, ref.Short())
				if i > 0 && list[i-1].Name > ref.Name {
					t.Errorf("%q before %q", list[i-1].Name, ref.Name)
				}
				if found, ok := refs.find(ref.Name); !ok || found.Name != ref.Name {
					t.Errorf("%q is not found again", ref.Name)
				}
			}
		}
		if branch, ok := refs.Default(); ok {
			checkText(t, branch.Short())
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	f.Add([]byte("tree " + strings.Repeat("a", 40) + "\nparent " + strings.Repeat("b", 40) +
		"\nauthor A B <a@b.c> 1700000000 +0130\ncommitter C <> 1700000001 -2400\nencoding ISO-8859-1\ngpgsig -----BEGIN\n x\n\nhead\nline\n\nbody \xe9\n"))
	f.Add([]byte("author <<>> -5 +9999\n\n\r\n\r\n"))
	f.Add([]byte("author x\ncommitter y> < 99999999999999999999 z"))
	f.Add([]byte("encoding utf-16le\n\nab\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := parseCommit("", text)
		checkText(t, c.Message, c.Headline(), c.Body(), c.Author.Name, c.Author.Email, c.Committer.Name, c.Committer.Email)
		if strings.ContainsAny(c.Headline(), "\n") {
			t.Errorf("headline %q has a line break", c.Headline())
		}
		for _, at := range []time.Time{c.Author.At, c.Committer.At} {
			if at.Year() > 9999 {
				t.Errorf("time %v has no RFC 3339 text", at)
			}
			if _, err := at.MarshalText(); err != nil {
				t.Error(err)
			}
		}
		if len(c.Parents) > maxParents {
			t.Errorf("%d parents", len(c.Parents))
		}
	})
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 a.txt\x00"+strings.Repeat("\x01", 20)+"40000 dir\x00"+strings.Repeat("\x02", 20)), false)
	f.Add([]byte("160000 \xff\x00"+strings.Repeat("\x01", 32)), true)
	f.Add([]byte("100644  \x00"), false)
	f.Fuzz(func(t *testing.T, data []byte, long bool) {
		size := 20
		if long {
			size = 32
		}
		entries, err := parseTree(data, size)
		if err != nil {
			return
		}
		for _, e := range entries {
			if _, ok := ParseOID(string(e.oid)); !ok || e.name == "" || e.kind == "" {
				t.Errorf("entry %+v", e)
			}
			if found, ok := entries.find(e.name); !ok || found.name != e.name {
				t.Errorf("%q is not found again", e.name)
			}
			entries.find(valid([]byte(e.name)))
		}
	})
}

func FuzzParseChanges(f *testing.F) {
	raw := ":100644 100644 " + strings.Repeat("a", 40) + " " + strings.Repeat("b", 40) + " "
	f.Add([]byte(raw + "M\x00a\x00" + raw + "R090\x00b\x00c\x00" + "1\t2\ta\x00" + "-\t-\t\x00b\x00c\x00"))
	f.Add([]byte(raw + "A\x00\xff\x001\t0\t\xff\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		list, err := parseChanges(out)
		if err != nil {
			return
		}
		for _, file := range list {
			checkText(t, file.Path, file.PreviousPath)
			if file.Change == "" {
				t.Errorf("%+v", file)
			}
		}
	})
}

func FuzzParseMailmap(f *testing.F) {
	f.Add([]byte("Proper <proper@x> Commit <commit@x>\nName <a@b>\n<new@x> <old@x>\n# no\n<>\n"), "Commit", "COMMIT@x")
	f.Add([]byte("<<>>><\xff"), "", "")
	f.Fuzz(func(t *testing.T, text []byte, name, email string) {
		name, email = valid([]byte(name)), valid([]byte(email))
		who := parseMailmap(text).canonical(name, email)
		checkText(t, who.Name, who.Email)
		if name != "" && who.Name == "" {
			t.Errorf("%q <%q> lost the name", name, email)
		}
	})
}

func FuzzCensus(f *testing.F) {
	f.Add([]byte("1700000000\x00a@b\x00A B\ncommit x\n-1\x00\x00\n\x00\x00\x00\n99999999999999999999\x00x\x00y"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		people := census{byKey: map[string]*Contributor{}, written: map[string]*Contributor{}}
		counted := 0
		for line := range bytes.SplitSeq(lines, []byte("\n")) {
			if bytes.Count(line, []byte{0}) >= 2 {
				counted++
			}
			people.add(line)
		}
		total := 0
		for _, p := range people.list() {
			checkText(t, p.Name, p.Email)
			total += p.Commits
			if p.Last.Before(p.First) {
				t.Errorf("%+v", p)
			}
		}
		if total != counted {
			t.Errorf("%d commits counted, want %d", total, counted)
		}
	})
}

func FuzzParseConfiguration(f *testing.F) {
	f.Add([]byte("core.bare\nfalse\x00remote.origin.url\nhttps://user:secret@x/y\x00remote.origin.url\nsecond\x00"))
	f.Add([]byte("remote.origin.url\x00remote.origin.url\n\xff\n\x00"))
	f.Fuzz(func(t *testing.T, out []byte) { checkText(t, parseOrigin(out)) })
}

func FuzzCleanPath(f *testing.F) {
	for _, path := range []string{"", "/", "a/./b//c/", "../x", "a/../b", "a\x00b", "..a/b.."} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		clean, err := CleanPath(path)
		if err != nil {
			return
		}
		if strings.HasPrefix(clean, "/") || strings.Contains("/"+clean+"/", "/../") || strings.Contains(clean, "//") {
			t.Errorf("%q became %q", path, clean)
		}
		if again, err := CleanPath(clean); err != nil || again != clean {
			t.Errorf("%q became %q and then %q, %v", path, clean, again, err)
		}
	})
}
