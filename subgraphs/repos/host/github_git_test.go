package host_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/subgraphs/repos/host"
)

const (
	tilesPath = "larkfold/tiles"
	noCommit  = "1111111111111111111111111111111111111111"
)

func TestGitHubCommits(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	got, errs := s.driver.Resolve(ctx, []host.NamedRef{{tilesPath, ""}, {tilesPath, "feature/gapless"}, {tilesPath, "v1.0.0"}, {tilesPath, s.first}, {tilesPath, "gone"}, {tilesPath, "main^{/x}"}, {"larkfold/empty", ""}})
	for i, want := range []string{s.head, s.side, s.first, s.first} {
		if errs[i] != nil || got[i].OID != want {
			t.Errorf("ref %d is %+v, %v", i, got[i], errs[i])
		}
	}
	if !errors.Is(errs[4], clients.ErrNotFound) || !errors.Is(errs[5], git.ErrInvalid) || !errors.Is(errs[6], clients.ErrNotFound) {
		t.Errorf("what is not there: %v", errs[4:])
	}
	s.asked()
	got, errs = s.driver.Commits(ctx, []host.NamedObject{{tilesPath, s.first}, {tilesPath, noCommit}, {tilesPath, "main"}, {tilesPath, s.png}, {"..", s.first}})
	if errs[0] != nil || got[0].Message != "Start\n\nWith a body." || got[0].Author.Login != "ada" || len(got[0].Parents) != 1 || *got[0].Signed {
		t.Errorf("commit is %+v, %v", got[0], errs[0])
	}
	if !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[2], git.ErrInvalid) || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], git.ErrInvalid) {
		t.Errorf("what is no commit: %v", errs[1:])
	}
	if n, _ := s.asked(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestGitHubHistories(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	two := host.Paging{First: 2}
	got, errs := s.driver.Histories(ctx, []host.HistoryQuery{
		{Repository: tilesPath, Start: s.head, Paging: two},
		{Repository: tilesPath, Start: s.head, Path: "docs/more.md", Paging: two},
		{Repository: tilesPath, Start: s.side, Author: "ben@larkfold.example", Paging: two},
		{Repository: tilesPath, Start: s.head, Since: january(4).Add(-1), Paging: two},
		{Repository: tilesPath, Start: noCommit, Paging: two},
		{Repository: tilesPath, Start: s.head, Author: "ben", Paging: two},
		{Repository: tilesPath, Start: "main", Paging: two},
		{Repository: tilesPath, Start: s.head, Path: "../x", Paging: two},
		{Repository: tilesPath, Start: s.head, Paging: host.Paging{Last: 2}},
		{Repository: tilesPath, Start: s.head, Paging: host.Paging{First: 2, After: "no\ncursor"}},
	})
	for i, want := range []struct{ items, total int }{{2, 3}, {1, 1}, {1, 1}, {1, 1}} {
		if errs[i] != nil || len(got[i].Items) != want.items || len(got[i].Cursors) != want.items || *got[i].Total != want.total {
			t.Errorf("history %d is %+v, %v", i, got[i], errs[i])
		}
	}
	if !errors.Is(errs[4], clients.ErrNotFound) {
		t.Errorf("of nothing: %v", errs[4])
	}
	for i, err := range errs[5:] {
		if !errors.Is(err, git.ErrInvalid) || clients.Of(err) == nil || clients.CodeOf(err) != "" {
			t.Errorf("wrong query %d: %v", i, err)
		}
	}
	if !strings.Contains(errs[5].Error(), "email") {
		t.Errorf("a name for an author: %v", errs[5])
	}
	if h := got[0]; h.Items[0].OID != s.head || !h.Next || h.Prev || got[2].Items[0].OID != s.side {
		t.Errorf("history is %+v", h)
	}
	next, errs := s.driver.Histories(ctx, []host.HistoryQuery{{Repository: tilesPath, Start: s.head, Paging: host.Paging{First: 2, After: got[0].Cursors[0]}}})
	if errs[0] != nil || len(next[0].Items) != 2 || next[0].Items[0].OID != s.first || next[0].Next {
		t.Errorf("after the first come %+v, %v", next[0], errs[0])
	}
}

func TestGitHubFiles(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	trees, errs := s.driver.Trees(ctx, []host.Folder{{tilesPath, s.head, ""}, {tilesPath, s.head, "docs"}, {tilesPath, s.head, "gone"}, {tilesPath, s.head, "main.go"}, {tilesPath, "HEAD", ""}, {tilesPath, s.head, "/etc"}})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], git.ErrInvalid) || !errors.Is(errs[5], git.ErrInvalid) {
		t.Fatal(errs)
	}
	at := func(name string) host.TreeEntry {
		i := slices.IndexFunc(trees[0], func(e host.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			t.Fatalf("there is no %s in %+v", name, trees[0])
		}
		return trees[0][i]
	}
	if docs := at("docs"); docs.Kind != git.KindFolder || docs.Size != nil || docs.OID == "" {
		t.Errorf("a folder is %+v", docs)
	}
	if file := at("main.go"); file.Kind != git.KindFile || *file.Size != 13 {
		t.Errorf("a file is %+v", file)
	}
	s.asked()
	blobs, errs := s.driver.Blobs(ctx, []host.NamedObject{{tilesPath, at("main.go").OID}, {tilesPath, s.png}, {tilesPath, noCommit}, {tilesPath, at("docs").OID}, {tilesPath, "main"}})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) || !errors.Is(errs[4], git.ErrInvalid) {
		t.Fatal(errs)
	}
	if diff := cmp.Diff([]*host.Blob{{OID: at("main.go").OID, Size: 13, Data: []byte("package main\n")}, {OID: s.png, Size: 6, Data: []byte("\x89PNG\x00\x01")}}, blobs[:2]); diff != "" {
		t.Error(diff)
	}
	if n, _ := s.asked(); n != 2 { // one of them for what is no text
		t.Errorf("%d requests", n)
	}
}

func TestGitHubChangesAndContributors(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	ctx := t.Context()
	changes, errs := s.driver.Changes(ctx, []host.NamedObject{{tilesPath, s.head}, {tilesPath, s.side}, {tilesPath, noCommit}, {tilesPath, "main"}})
	if !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], git.ErrInvalid) {
		t.Errorf("of what is no commit: %v", errs)
	}
	want := [][]git.ChangedFile{{{Path: "docs/more.md", Change: git.Added, Additions: 1}}, {{Path: "main.go", Change: git.Modified, Additions: 2}}}
	if diff := cmp.Diff(want, changes[:2]); errs[0] != nil || errs[1] != nil || diff != "" {
		t.Errorf("%v %s", errs, diff)
	}
	who, errs := s.driver.Contributors(ctx, []string{tilesPath, "larkfold/empty", "larkfold/gone", "a/b/c"})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], git.ErrInvalid) {
		t.Fatal(errs)
	}
	if len(who[0]) != 2 || who[0][0] != (host.Contributor{Login: "ada", Commits: 2}) || who[0][1] != (host.Contributor{Name: "Ada Writer", Email: "ada@example.com", Commits: 1}) || len(who[1]) != 0 {
		t.Errorf("contributors are %+v", who)
	}
}
