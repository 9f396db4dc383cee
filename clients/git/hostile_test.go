package git_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/git"
)

// everything calls whatever a repository can be asked, and returns the errors.
func everything(t *testing.T, r *git.Repository) []error {
	t.Helper()
	ctx := t.Context()
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	refs, err := r.Refs(ctx)
	if note(err); err != nil {
		return errs
	}
	_, err = r.Origin(ctx)
	note(err)
	head, err := r.Resolve(ctx, refs, "")
	if note(err); err != nil {
		return errs
	}
	oids, _, err := r.History(ctx, head.OID, git.Filter{Path: "README.md", Author: "a"}, "", 50)
	note(err)
	_, err = r.Count(ctx, head.OID, git.Filter{})
	note(err)
	_, err = r.Contributors(ctx, head.OID)
	note(err)
	commits, err := r.Commits(ctx, oids)
	note(err)
	for _, commit := range append(commits, head) {
		_, err = r.Changes(ctx, commit)
		note(err)
	}
	entries, err := r.List(ctx, head.OID, "")
	note(err)
	for _, e := range entries {
		_, _, err = r.File(ctx, head.OID, e.Path)
		note(err)
		_, err = r.Sizes(ctx, []git.OID{e.OID})
		note(err)
	}
	for _, branch := range refs.Branches {
		_, err = r.Compare(ctx, head.OID, branch.Target)
		note(err)
	}
	return errs
}

// A repository's own configuration, attributes and hooks make nothing run. Each case first shows that an ordinary git would
// have run it, so that the case cannot pass by being toothless.
func TestNothingRuns(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(w workshop, run string) // run is a command that leaves a mark
		control []string                     // what makes an ordinary git leave the mark
	}{
		{"fsmonitor", func(w workshop, run string) {
			w.Git("ground/app", "config", "core.fsmonitor", run)
		}, []string{"status"}},
		{"hooks", func(w workshop, run string) {
			w.Write("ground/app/.git/evil/post-index-change", "#!/bin/sh\n"+run+"\n")
			w.Write("ground/app/.git/evil/reference-transaction", "#!/bin/sh\n"+run+"\n")
			for _, name := range []string{"post-index-change", "reference-transaction"} {
				if err := os.Chmod(w.Path("ground/app/.git/evil", name), 0o755); err != nil {
					w.T.Fatal(err)
				}
			}
			w.Git("ground/app", "config", "core.hooksPath", w.Path("ground/app/.git/evil"))
		}, []string{"branch", "another"}},
		{"external diff", func(w workshop, run string) {
			w.Git("ground/app", "config", "diff.external", run)
		}, []string{"log", "-p", "--ext-diff"}},
		{"diff driver in attributes", func(w workshop, run string) {
			w.Git("ground/app", "config", "diff.evil.command", run)
			w.Write("ground/app/.git/info/attributes", "* diff=evil\n")
		}, []string{"log", "-p", "--ext-diff"}},
		{"text conversion", func(w workshop, run string) {
			w.Git("ground/app", "config", "diff.evil.textconv", run)
			w.Write("ground/app/.git/info/attributes", "* diff=evil\n")
		}, []string{"log", "-p"}},
		{"filter", func(w workshop, run string) {
			w.Git("ground/app", "config", "filter.evil.smudge", run)
			w.Write("ground/app/.git/info/attributes", "* filter=evil\n")
		}, []string{"cat-file", "--filters", "HEAD:README.md"}},
		{"signature check", func(w workshop, run string) {
			w.Write("ground/app/.git/gpg", "#!/bin/sh\n"+run+"\n")
			if err := os.Chmod(w.Path("ground/app/.git/gpg"), 0o755); err != nil {
				w.T.Fatal(err)
			}
			w.Git("ground/app", "config", "gpg.program", w.Path("ground/app/.git/gpg"))
			w.Git("ground/app", "config", "log.showSignature", "true")
			text := "tree " + w.Git("ground/app", "rev-parse", "HEAD^{tree}") + "\nparent " + w.Git("ground/app", "rev-parse", "HEAD") +
				"\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\nsigned\n"
			w.Write("commit.txt", text)
			w.Git("ground/app", "reset", "-q", "--hard", w.Git("ground/app", "hash-object", "-t", "commit", "-w", w.Path("commit.txt")))
		}, []string{"log"}},
		{"included configuration", func(w workshop, run string) {
			w.Write("ground/app/.git/more", "[core]\n\tfsmonitor = "+run+"\n[diff]\n\texternal = "+run+"\n")
			w.Git("ground/app", "config", "include.path", "more")
			w.Git("ground/app", "config", "includeIf.gitdir:/.path", "more")
		}, []string{"status"}},
		{"lazy fetch", func(w workshop, run string) {
			blob := w.Git("ground/app", "rev-parse", "HEAD:README.md")
			if err := os.Remove(w.Path("ground/app/.git/objects", blob[:2], blob[2:])); err != nil {
				w.T.Fatal(err)
			}
			w.Git("ground/app", "config", "core.repositoryFormatVersion", "1")
			w.Git("ground/app", "config", "extensions.partialClone", "origin")
			w.Git("ground/app", "config", "remote.origin.promisor", "true")
			w.Git("ground/app", "config", "remote.origin.url", "ext::"+run)
			w.Git("ground/app", "config", "protocol.ext.allow", "always")
			w.Git("ground/app", "config", "protocol.allow", "always")
			w.Git("ground/app", "config", "core.sshCommand", run)
		}, []string{"cat-file", "-p", "HEAD:README.md"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkshop(t)
			w.Checkout("ground/app")
			mark := w.Path("ran")
			c.prepare(w, "touch "+mark)

			cmd := exec.Command("git", c.control...)
			cmd.Dir = w.Path("ground/app")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_PAGER=cat"}
			out, _ := cmd.CombinedOutput()
			if os.Remove(mark) != nil {
				t.Skipf("this git does not run it either: git %s: %s", strings.Join(c.control, " "), out)
			}

			for _, r := range mustSearch(t, w.open()).Repositories {
				everything(t, r)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("the repository made something run")
			}
		})
	}
}

func mustSearch(t *testing.T, client *git.Client) *git.Found {
	t.Helper()
	found, err := client.Search(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// However a repository tries to reach another one outside the configured folders, it is refused with an issue; inside them
// the same is fine.
func TestNothingOutside(t *testing.T) {
	link := func(w workshop, target, name string) {
		if err := os.Symlink(target, name); err != nil {
			w.T.Skip("no symbolic links here:", err)
		}
	}
	for name, reach := range map[string]func(w workshop, target string){
		"a .git file": func(w workshop, target string) {
			w.Write("ground/app/.git", "gitdir: "+target+"/.git\n")
		},
		"a link for .git": func(w workshop, target string) {
			w.Write("ground/app/x", "")
			link(w, target+"/.git", w.Path("ground/app/.git"))
		},
		"a commondir file": func(w workshop, target string) {
			w.Git("ground", "init", "-q", "--bare", "app")
			w.Write("ground/app/commondir", target+"/.git\n")
		},
		"a link for objects": func(w workshop, target string) {
			w.Git("ground", "init", "-q", "--bare", "app")
			if err := os.RemoveAll(w.Path("ground/app/objects")); err != nil {
				w.T.Fatal(err)
			}
			link(w, target+"/.git/objects", w.Path("ground/app/objects"))
		},
		"a link for one folder of objects": func(w workshop, target string) {
			w.Git("ground", "init", "-q", "--bare", "app")
			folders, _ := filepath.Glob(target + "/.git/objects/??")
			link(w, folders[0], w.Path("ground/app/objects", filepath.Base(folders[0])))
		},
		"a link for refs": func(w workshop, target string) {
			w.Git("ground", "init", "-q", "--bare", "app")
			if err := os.RemoveAll(w.Path("ground/app/refs")); err != nil {
				w.T.Fatal(err)
			}
			link(w, target+"/.git/refs", w.Path("ground/app/refs"))
		},
		"a link for one ref": func(w workshop, target string) {
			w.Git("ground", "init", "-q", "--bare", "app")
			link(w, target+"/.git/refs/heads/main", w.Path("ground/app/refs/heads/main"))
		},
		"a link for the configuration": func(w workshop, target string) {
			w.Checkout("ground/app")
			if err := os.Remove(w.Path("ground/app/.git/config")); err != nil {
				w.T.Fatal(err)
			}
			link(w, target+"/.git/config", w.Path("ground/app/.git/config"))
		},
		"alternates": func(w workshop, target string) {
			w.Git("ground", "clone", "-q", "--shared", target, "app")
		},
		"alternates of alternates": func(w workshop, target string) {
			w.Git("ground", "clone", "-q", "--shared", target, "between")
			w.Git("ground", "clone", "-q", "--shared", "between", "app")
			if err := os.Rename(w.Path("ground/between/.git/HEAD"), w.Path("ground/between/.git/HEAD.away")); err != nil {
				w.T.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			w.Write("ground/keep", "")
			w.Checkout("secret")
			reach(w, w.Path("secret"))

			found := mustSearch(t, w.open("ground"))
			for _, r := range found.Repositories {
				t.Errorf("%s is served", r.Path)
			}
			refused := false
			for _, issue := range found.Issues {
				refused = refused || issue.Path == "ground/app" && errors.Is(issue.Err, git.ErrBadRepository)
				if strings.Contains(issue.Err.Error(), w.Dir) {
					t.Errorf("the issue tells where things lie: %v", issue.Err)
				}
			}
			if !refused {
				t.Errorf("no issue for ground/app; issues: %+v", found.Issues)
			}
			if strings.HasSuffix(name, "of alternates") {
				return // the one between is damaged, for the sake of the case
			}
			both := mustSearch(t, w.open("ground", "secret"))
			if n := len(both.Repositories); n != 2 {
				t.Errorf("with both folders configured %d repositories are served, want 2; issues: %+v", n, both.Issues)
			}
		})
	}
}

// Holding follows links before it looks where a path lies, so a link out of the folders leads nowhere, and one into them to the
// checkout that really holds the file.
func TestHolding(t *testing.T) {
	w := newWorkshop(t)
	w.Checkout("ground/app")
	w.Write("ground/app/services/web/catalog-info.yaml", "x")
	w.Checkout("secret")
	w.Write("ground/loose/file", "x")
	if err := os.Symlink(w.Path("secret"), w.Path("ground/app/out")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := os.Symlink(w.Path("ground/app/services"), w.Path("ground/in")); err != nil {
		t.Fatal(err)
	}
	client := w.open()
	for path, want := range map[string]string{
		w.Path("ground/app/services/web/catalog-info.yaml"): "ground/app: services/web/catalog-info.yaml",
		w.Path("ground/in/web/catalog-info.yaml"):           "ground/app: services/web/catalog-info.yaml",
		w.Path("ground/app"):                                "ground/app: ",
		w.Path("ground/app/gone/for/good"):                  "ground/app: gone/for/good",
		w.Path("ground/loose/file"):                         "",
		w.Path("ground/app/out/README.md"):                  "",
		w.Path("ground/app") + "/../../secret/README.md":    "",
		w.Path("secret/README.md"):                          "",
		"/etc/passwd":                                       "",
		"relative/path":                                     "",
		w.Path("ground/app") + "/\x00":                      "",
	} {
		r, rel, err := client.Holding(path)
		got := ""
		if err == nil {
			got = r.Path + ": " + rel
		} else if !errors.Is(err, git.ErrNotFound) && !errors.Is(err, git.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
		if got != want {
			t.Errorf("%q is held by %q, want %q", path, got, want)
		}
	}
}

// Damage gives an error that says so, and never another repository's answer.
func TestDamage(t *testing.T) {
	for name, harm := range map[string]func(w workshop){
		"HEAD is nonsense":          func(w workshop) { w.Write("ground/app/.git/HEAD", "nonsense\n") },
		"configuration is nonsense": func(w workshop) { w.Write("ground/app/.git/config", "[core\nx") },
		"unknown format":            func(w workshop) { w.Git("ground/app", "config", "core.repositoryFormatVersion", "99") },
		"the head commit is gone": func(w workshop) {
			oid := w.Git("ground/app", "rev-parse", "HEAD")
			if err := os.Remove(w.Path("ground/app/.git/objects", oid[:2], oid[2:])); err != nil {
				w.T.Fatal(err)
			}
		},
		"the tree is garbage": func(w workshop) {
			oid := w.Git("ground/app", "rev-parse", "HEAD^{tree}")
			file := w.Path("ground/app/.git/objects", oid[:2], oid[2:])
			if err := os.Chmod(file, 0o644); err != nil {
				w.T.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("garbage"), 0o644); err != nil {
				w.T.Fatal(err)
			}
		},
		"a HEAD without an end": func(w workshop) { w.Write("ground/app/.git/HEAD", strings.Repeat("x", 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			w.Checkout("ground/app")
			harm(w)
			r := w.lookup(w.open(), "ground/app")
			errs := everything(t, r)
			if len(errs) == 0 {
				t.Fatal("nothing failed")
			}
			for _, err := range errs {
				if !errors.Is(err, git.ErrBadRepository) && !errors.Is(err, git.ErrNotFound) {
					t.Errorf("want ErrBadRepository or ErrNotFound, got %v", err)
				}
				if strings.Contains(err.Error(), w.Dir) {
					t.Errorf("the error tells where things lie: %v", err)
				}
			}
		})
	}
}
