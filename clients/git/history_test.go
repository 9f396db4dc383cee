package git_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/git"
)

// The pages of a history, put together, are what git lists in one go, whatever the filter and the size of a page.
func TestHistoryPages(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	for i := range 12 {
		w.Write(fmt.Sprintf("ground/app/part%d/file.txt", i%3), strings.Repeat("x\n", i+1))
		w.Git("ground/app", "add", "-A")
		w.GitAt("ground/app", fmt.Sprintf("2026-02-%02dT00:00:00Z", i+1), "commit", "-q", "-m", fmt.Sprint("change ", i))
	}
	w.Git("ground/app", "checkout", "-q", "-b", "side", "HEAD~5")
	w.Write("ground/app/side.txt", "side\n")
	w.Git("ground/app", "add", "-A")
	w.GitAt("ground/app", "2026-03-01T00:00:00Z", "commit", "-q", "-m", "side", "--author=Grace (x) [y] <grace@example.com>")
	w.Git("ground/app", "checkout", "-q", "main")
	w.GitAt("ground/app", "2026-03-02T00:00:00Z", "merge", "-q", "--no-ff", "-m", "merge", "side")

	r := w.lookup(w.open(), "ground/app")
	head := resolve(t, r, "")
	day := func(n int) time.Time { return time.Date(2026, 2, n, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		filter git.Filter
		args   []string
	}{
		"all":                      {git.Filter{}, nil},
		"a folder":                 {git.Filter{Path: "part1"}, []string{"--", "part1"}},
		"a path like a option":     {git.Filter{Path: "--all"}, []string{"--", "--all"}},
		"a path like magic":        {git.Filter{Path: ":(exclude)part1"}, []string{"--", ":(literal):(exclude)part1"}},
		"an author":                {git.Filter{Author: "grace"}, []string{"-i", "--author=grace"}},
		"an author like a pattern": {git.Filter{Author: "(x) [y]"}, []string{"-F", "--author=(x) [y]"}},
		"nobody":                   {git.Filter{Author: ".*"}, []string{"-F", "--author=.*"}},
		"since":                    {git.Filter{Since: day(5)}, []string{"--since=2026-02-05T00:00:00Z"}},
		"between":                  {git.Filter{Since: day(3), Until: day(8)}, []string{"--since=2026-02-03T00:00:00Z", "--until=2026-02-08T00:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Fields(w.Git("ground/app", append([]string{"rev-list", "HEAD"}, c.args...)...))
			for _, size := range []int{1, 3, 100} {
				var got []string
				after, more := git.OID(""), true
				for more {
					var oids []git.OID
					var err error
					if oids, more, err = r.History(t.Context(), head.OID, c.filter, after, size); err != nil {
						t.Fatal(err)
					}
					for _, oid := range oids {
						got, after = append(got, string(oid)), oid
					}
					if len(got) > len(want) {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("in pages of %d:\n%v\nwant\n%v", size, got, want)
				}
			}
			if n, err := r.Count(t.Context(), head.OID, c.filter); err != nil || n != len(want) {
				t.Errorf("counted %d, %v; want %d", n, err, len(want))
			}
		})
	}
	if _, _, err := r.History(t.Context(), head.OID, git.Filter{}, git.OID(strings.Repeat("0", 40)), 1); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("a cursor that is not in the history gives %v, want ErrNotFound", err)
	}
	for _, path := range []string{"../x", "/etc/passwd", "a/../../b", "x\x00y", strings.Repeat("p", 5000)} {
		if _, _, err := r.History(t.Context(), head.OID, git.Filter{Path: path}, "", 1); !errors.Is(err, git.ErrInvalid) {
			t.Errorf("path %.20q gives %v, want ErrInvalid", path, err)
		}
	}
	side := resolve(t, r, "side")
	base := resolve(t, r, string(w.Git("ground/app", "rev-parse", "HEAD~1")))
	if d, err := r.Compare(t.Context(), base.OID, side.OID); err != nil || d != (git.Divergence{Ahead: 1, Behind: 5}) {
		t.Errorf("side stands to main as %+v, %v; want 1 ahead, 5 behind", d, err)
	}
}

// People are who the .mailmap says; an address counts in any letter case.
func TestContributors(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	for i, author := range []string{
		"Grace <grace@old.example>", "Grace Hopper <GRACE@new.example>", "Gee <shared@example.com>", "Other <shared@example.com>", "no email <>",
	} {
		w.GitAt("ground/app", fmt.Sprintf("2026-02-%02dT00:00:00Z", i+1), "commit", "-q", "--allow-empty", "-m", "x", "--author="+author)
	}
	w.Write("ground/app/.mailmap", "# who is who\nGrace Hopper <grace@new.example> <grace@old.example>\nGrace Hopper <grace@new.example> GEE <SHARED@example.com>\nAda Lovelace <ada@example.com>\nbroken line\n")
	w.Commit("ground/app", "names")
	r := w.lookup(w.open(), "ground/app")
	people, err := r.Contributors(t.Context(), resolve(t, r, "").OID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range people {
		got = append(got, fmt.Sprintf("%d %s <%s> %s..%s", p.Commits, p.Name, strings.ToLower(p.Email), p.First.Format("0102"), p.Last.Format("0102")))
	}
	want := []string{
		"3 Grace Hopper <grace@new.example> 0201..0203",
		"2 Ada Lovelace <ada@example.com> 0102..0102",
		"1 Other <shared@example.com> 0204..0204",
		"1 no email <> 0205..0205",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every kind of change is told, with the lines it touched.
func TestChanges(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	long := strings.Repeat("a line that stays as it is\n", 30)
	for _, name := range []string{"gone.txt", "changed.txt", "turned.txt"} {
		w.Write("ground/app/"+name, "one\ntwo\n")
	}
	w.Write("ground/app/with \"quotes\"\tand tab.txt", long)
	w.Commit("ground/app", "before")
	w.Git("ground/app", "rm", "-q", "gone.txt", "turned.txt")
	w.Git("ground/app", "mv", "with \"quotes\"\tand tab.txt", "moved.txt")
	w.Write("ground/app/moved.txt", long+"and more\n")
	w.Write("ground/app/changed.txt", "one\nthree\nfour\n")
	w.Write("ground/app/new.bin", "\x00\x01")
	w.Write("ground/app/new.txt", "something else\n")
	w.Git("ground/app", "update-index", "--add", "--cacheinfo", "120000,"+w.Git("ground/app", "rev-parse", "HEAD:changed.txt")+",turned.txt")
	w.Git("ground/app", "add", "new.bin", "new.txt", "moved.txt", "changed.txt")
	w.Git("ground/app", "commit", "-q", "-m", "after")
	r := w.lookup(w.open(), "ground/app")
	list, err := r.Changes(t.Context(), resolve(t, r, ""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range list {
		got = append(got, fmt.Sprintf("%s %s<%s +%d -%d %v", f.Change, f.Path, f.PreviousPath, f.Additions, f.Deletions, f.Binary))
	}
	want := []string{
		"modified changed.txt< +2 -1 false",
		"deleted gone.txt< +0 -2 false",
		"renamed moved.txt<with \"quotes\"\tand tab.txt +1 -0 false",
		"added new.bin< +0 -0 true",
		"added new.txt< +1 -0 false",
		"type changed turned.txt< +0 -0 false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Trees tell files, programs, links, folders and submodules apart; a link is shown and never followed; of a huge file only the
// beginning is held.
func TestFiles(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	w.Write("ground/app/folder/inner.txt", "inner\n")
	w.Write("ground/app/huge.txt", strings.Repeat("0123456789abcde\n", 1<<19)) // 8 MiB
	w.Git("ground/app", "add", "-A")
	w.Write("link", "/etc/passwd")
	w.Git("ground/app", "update-index", "--add", "--cacheinfo", "120000,"+w.Git("ground/app", "hash-object", "-w", w.Path("link"))+",link")
	w.Git("ground/app", "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	w.Git("ground/app", "update-index", "--chmod=+x", "README.md")
	w.Git("ground/app", "commit", "-q", "-m", "all kinds")
	r := w.lookup(w.open(), "ground/app")
	head := resolve(t, r, "").OID
	entries, err := r.List(t.Context(), head, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Path+" "+string(e.Kind))
	}
	want := "README.md executable, folder folder, huge.txt file, link symlink, module submodule"
	if strings.Join(got, ", ") != want {
		t.Errorf("the top holds %s, want %s", strings.Join(got, ", "), want)
	}
	if _, blob, err := r.File(t.Context(), head, "link"); err != nil || string(blob.Data) != "/etc/passwd" {
		t.Errorf("a link gives %v, %v; want the path it points to", blob, err)
	}
	_, huge, err := r.File(t.Context(), head, "huge.txt")
	if err != nil || huge.Size != 8<<20 || huge.Complete() || len(huge.Data) != 4<<20 {
		t.Errorf("of 8 MiB %d bytes are held, %v; want 4 MiB and the whole size", len(huge.Data), err)
	}
	for _, path := range []string{"folder", "module", "nothing", "folder/nothing", "README.md/x", "link/x", ""} {
		if _, _, err := r.File(t.Context(), head, path); !errors.Is(err, git.ErrNotFound) {
			t.Errorf("file %q gives %v, want ErrNotFound", path, err)
		}
	}
	if _, err := r.List(t.Context(), head, "module"); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("listing a submodule gives %v, want ErrNotFound", err)
	}
	if _, _, err := r.File(t.Context(), head, "../secret"); !errors.Is(err, git.ErrInvalid) {
		t.Errorf("a path that goes up gives %v, want ErrInvalid", err)
	}
}
