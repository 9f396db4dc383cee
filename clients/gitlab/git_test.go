package gitlab_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

func TestCommits(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	revisions := []gitlab.Revision{{stage.Search, ""}, {stage.Search, "feature/ranking"}, {stage.Search, "v1.0.0"}, {stage.Search, s.Head}, {stage.Search, "nope"}, {"larkfold/nothing", ""},
		{stage.Empty, ""}, {stage.Search, "a..b"}, {stage.Player, "main"}, {stage.Search, "main"}, {stage.Search, "old"}}
	var got []*gitlab.Commit
	var errs []error
	costs(t, s, 2, "ten commits", func() { got, errs = c.Commits(t.Context(), revisions) })
	for i, want := range []string{"Move main", "Explain taste", "Begin", "Move main", "", "", "", "", "Play", "Move main", "Rank by plays"} {
		switch {
		case want == "" && (got[i] != nil || !errors.Is(errs[i], clients.ErrNotFound) && !errors.Is(errs[i], gitlab.ErrInvalid)):
			t.Errorf("%v: %v, %v", revisions[i], got[i], errs[i])
		case want != "" && (errs[i] != nil || got[i].Headline() != want):
			t.Errorf("%v: %v, %v; want %s", revisions[i], got[i], errs[i], want)
		}
	}
}

func TestCommit(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	k, err := c.Commit(t.Context(), stage.Search, git.OID(s.Head))
	if err != nil || k.Headline() != "Move main" || len(k.Parents) != 1 || string(k.Parents[0]) != s.Commits["Rank by plays"] {
		t.Errorf("%+v, %v", k, err)
	}
	if _, err := c.Commit(t.Context(), stage.Search, someCommit); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("no commit: %v", err)
	}
	if _, err := c.Commit(t.Context(), stage.Search, "main"); !errors.Is(err, gitlab.ErrInvalid) {
		t.Errorf("a branch: %v", err)
	}
}

func titles(commits []*gitlab.Commit) string {
	var out []string
	for _, k := range commits {
		out = append(out, k.Headline())
	}
	return strings.Join(out, ", ")
}

func TestHistory(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	day := func(d string) time.Time { at, _ := time.Parse("2006-01-02", d); return at }
	for _, k := range []struct {
		q    gitlab.HistoryQuery
		want string
		next int
	}{
		{gitlab.HistoryQuery{}, "Move main, Rank by plays, Begin", 0},
		{gitlab.HistoryQuery{PerPage: 2}, "Move main, Rank by plays", 2},
		{gitlab.HistoryQuery{PerPage: 2, Page: 2}, "Begin", 0},
		{gitlab.HistoryQuery{Revision: "feature/ranking", Path: "rank.go"}, "Rank by taste, Rank by plays", 0},
		{gitlab.HistoryQuery{Path: "docs"}, "Begin", 0},
		{gitlab.HistoryQuery{Author: "ada@example"}, "Move main, Rank by plays, Begin", 0},
		{gitlab.HistoryQuery{Author: "nobody"}, "", 0},
		{gitlab.HistoryQuery{Since: day("2026-01-10"), Until: day("2026-02-01")}, "Rank by plays", 0},
	} {
		k.q.Project = stage.Search
		page, err := c.History(t.Context(), k.q)
		if err != nil || titles(page.Commits) != k.want || page.Next != k.next {
			t.Errorf("%+v: %+v, %v", k.q, page, err)
		}
	}
	page, err := c.History(t.Context(), gitlab.HistoryQuery{Project: stage.Search, PerPage: 1})
	if err != nil || string(page.Commits[0].Parents[0]) != s.Commits["Rank by plays"] {
		t.Errorf("parents: %+v, %v", page, err)
	}
	if _, err := c.History(t.Context(), gitlab.HistoryQuery{Project: stage.Search, Revision: "nope"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of no branch: %v", err)
	}
}

func TestTree(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	var seen []string
	after := ""
	for range 9 {
		page, err := c.Tree(t.Context(), gitlab.TreeQuery{Project: stage.Search, Revision: "feature/ranking", PerPage: 3, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			seen = append(seen, fmt.Sprintf("%s %s", e.Kind, e.Path))
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(seen, ", "); got != "folder docs, file README.md, file catalog-info.yaml, file main.go, file rank.go, file taste.go" {
		t.Error(got)
	}
	page, err := c.Tree(t.Context(), gitlab.TreeQuery{Project: stage.Search, Path: "docs", Recursive: true})
	if err != nil || len(page.Entries) != 3 || page.Entries[0].Path != "docs/api" || page.Entries[1].Path != "docs/api/catalog-info.yaml" || page.Entries[2].Key() != "index.md" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, q := range []gitlab.TreeQuery{{Revision: "nope"}, {Path: "nope"}} {
		q.Project = stage.Search
		if _, err := c.Tree(t.Context(), q); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestFolders(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	s.Workshop.Git("search", "checkout", "-q", "main")
	for i := range 101 {
		s.Workshop.Write(fmt.Sprintf("search/many/%03d", i), "x")
	}
	s.Workshop.Write("search/bin/run", "#!/bin/sh\n")
	s.Workshop.Git("search", "add", "-A")
	s.Workshop.Git("search", "update-index", "--chmod=+x", "bin/run")
	s.Workshop.Git("search", "commit", "-q", "-m", "Many")
	c := on(t, s, stage.AdaToken)
	folders := []gitlab.FolderIn{{Project: stage.Search}, {Project: stage.Search, Path: "docs", Revision: "feature/ranking"}, {Project: stage.Search, Path: "many"}, {Project: stage.Search, Path: "nope"},
		{Project: stage.Search, Revision: "nope"}, {Project: "larkfold/nothing"}, {Project: stage.Search, Path: "../x"}, {Project: stage.Empty}, {Project: stage.Search, Path: "bin"}}
	var got []*gitlab.Folder
	var errs []error
	costs(t, s, 1, "eight folders", func() { got, errs = c.Folders(t.Context(), folders) })
	for i, want := range []string{"folder bin, folder docs, folder many, file README.md, file catalog-info.yaml, file rank.go, file run.go", "folder docs/api, file docs/index.md, file docs/taste.md", "", "", "absent", "absent", "invalid", "absent", "executable bin/run"} {
		switch {
		case want == "absent" || want == "invalid":
			if got[i] != nil || !errors.Is(errs[i], map[string]error{"absent": clients.ErrNotFound, "invalid": gitlab.ErrInvalid}[want]) {
				t.Errorf("%+v: %+v, %v", folders[i], got[i], errs[i])
			}
		case i == 2:
			if errs[i] != nil || len(got[i].Entries) != 100 || got[i].Complete {
				t.Errorf("%+v: %+v, %v", folders[i], got[i], errs[i])
			}
		default:
			var entries []string
			for _, e := range got[i].Entries {
				entries = append(entries, fmt.Sprintf("%s %s", e.Kind, e.Path))
			}
			if text := strings.Join(entries, ", "); errs[i] != nil || text != want || !got[i].Complete {
				t.Errorf("%+v: %s, %v", folders[i], text, errs[i])
			}
		}
	}
	// From nobody too, who may ask for less.
	if err := s.ChangeProject(stage.Search, func(p *gitlabtest.Project) { p.Visibility = gitlabtest.Public }); err != nil {
		t.Fatal(err)
	}
	for i := range folders {
		folders[i] = folders[0]
	}
	costs(t, s, 2, "nine folders", func() {
		if _, errs := on(t, s, "").Folders(t.Context(), folders); errors.Join(errs...) != nil {
			t.Error(errs)
		}
	})
}

func TestFiles(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	blob, err := c.File(t.Context(), gitlab.PathIn{Project: stage.Search, Revision: "feature/ranking", Path: "docs/taste.md"})
	if err != nil || string(blob.Data) != "# Taste\n\nYours.\n" || blob.Size != 16 || !blob.Complete() || blob.Binary || blob.OID == "" {
		t.Errorf("%+v, %v", blob, err)
	}
	if blob, err := c.File(t.Context(), gitlab.PathIn{Project: stage.Dotfiles, Path: ".zshrc"}); err != nil || string(blob.Data) != "export A=1\n" {
		t.Errorf("a file with a dot: %+v, %v", blob, err)
	}
	if _, err := c.File(t.Context(), gitlab.PathIn{Project: stage.Search, Path: "nope"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("no file: %v", err)
	}
	if again, err := c.Blob(t.Context(), stage.Search, blob.OID); err != nil || string(again.Data) != string(blob.Data) || again.Size != 16 || again.OID != blob.OID || again.Binary {
		t.Errorf("a file by its id: %+v, %v", again, err)
	}
	if _, err := c.Blob(t.Context(), stage.Search, git.OID(strings.Repeat("0", 40))); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("no file of that id: %v", err)
	}
	costs(t, s, 1, "a file of four projects", func() {
		blobs, errs := c.FilesAt(t.Context(), []string{stage.Search, stage.Empty, stage.Player, "larkfold/nothing"}, "catalog-info.yaml")
		if errs[0] != nil || !strings.Contains(string(blobs[0].Data), "name: search") || !blobs[0].Complete() || errs[2] != nil || !errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[3], clients.ErrNotFound) {
			t.Errorf("%v, %v", blobs, errs)
		}
	})
}

func TestFindFiles(t *testing.T) {
	for _, free := range []bool{false, true} {
		s := stage.Set(t, gitlabtest.Settings{Free: free})
		c := on(t, s, stage.RitaToken)
		found, complete, err := c.FindFiles(t.Context(), gitlab.FilesQuery{Group: "larkfold", Name: "catalog-info.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Project+":"+f.Path)
		}
		want := "larkfold/apps/player:catalog-info.yaml, larkfold/platform/search:catalog-info.yaml, larkfold/platform/search:docs/api/catalog-info.yaml"
		if free {
			want = "larkfold/apps/player:catalog-info.yaml, larkfold/platform/search:catalog-info.yaml"
		}
		if strings.Join(got, ", ") != want || complete == free {
			t.Errorf("free %v: %v, %v", free, got, complete)
		}
		found, complete, err = c.FindFiles(t.Context(), gitlab.FilesQuery{Project: stage.Search, Name: "catalog-info.yaml"})
		if err != nil || len(found) != 2 || !complete || string(found[0].Commit) != s.Head {
			t.Errorf("in one project: %v, %v, %v", found, complete, err)
		}
		if _, _, err := c.FindFiles(t.Context(), gitlab.FilesQuery{Group: "nothing", Name: "x"}); !errors.Is(err, clients.ErrNotFound) {
			t.Errorf("in no group: %v", err)
		}
	}
}

func TestRefs(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	page, err := c.Branches(t.Context(), gitlab.RefsQuery{Project: stage.Search, PerPage: 2})
	if err != nil || len(page.Refs) != 2 || page.Refs[0].Name != "feature/ranking" || page.Refs[0].Merged || !page.Refs[1].Default || !page.Refs[1].Protected || page.Next != 2 || *page.Total != 3 {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = c.Branches(t.Context(), gitlab.RefsQuery{Project: stage.Search, PerPage: 2, Page: page.Next})
	if err != nil || len(page.Refs) != 1 || page.Refs[0].Name != "old" || !page.Refs[0].Merged || page.Next != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = c.Branches(t.Context(), gitlab.RefsQuery{Project: stage.Search, Search: "^fea"})
	if err != nil || len(page.Refs) != 1 || page.Refs[0].Commit.Headline() != "Explain taste" {
		t.Errorf("%+v, %v", page, err)
	}
	tags, err := c.Tags(t.Context(), gitlab.RefsQuery{Project: stage.Search, PerPage: 1})
	if err != nil || tags.Refs[0].Name != "v1.0.0" || tags.Refs[0].Commit.Headline() != "Begin" || tags.Next != 2 || *tags.Total != 2 {
		t.Fatalf("%+v, %v", tags, err)
	}
	tags, err = c.Tags(t.Context(), gitlab.RefsQuery{Project: stage.Search, PerPage: 1, Page: tags.Next})
	if err != nil || tags.Refs[0].Name != "v1.1.0" || tags.Next != 0 {
		t.Errorf("%+v, %v", tags, err)
	}
}

func TestCompare(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	costs(t, s, 2, "a comparison", func() {
		got, err := c.Compare(t.Context(), stage.Search, "main", "feature/ranking")
		if err != nil || *got != (gitlab.Comparison{Divergence: git.Divergence{Ahead: 2, Behind: 1}, Complete: true}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	if _, err := c.Compare(t.Context(), stage.Search, "main", "nope"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("with no branch: %v", err)
	}
	files, complete, err := c.ChangedFiles(t.Context(), stage.Search, git.OID(s.Commits["Rank by taste"]))
	want := []git.ChangedFile{{Path: "rank.go", Change: git.Modified, Additions: 1, Deletions: 1}, {Path: "taste.go", Change: git.Added, Additions: 1}}
	if err != nil || !complete || fmt.Sprint(files) != fmt.Sprint(want) {
		t.Errorf("%+v, %v, %v", files, complete, err)
	}
	files, _, err = c.ChangedFiles(t.Context(), stage.Search, git.OID(s.Head))
	if err != nil || len(files) != 1 || files[0] != (git.ChangedFile{Path: "run.go", PreviousPath: "main.go", Change: git.Renamed}) {
		t.Errorf("%+v, %v", files, err)
	}
	who, complete, err := c.Contributors(t.Context(), stage.Search)
	if err != nil || !complete || fmt.Sprint(who) != "[{Ada Writer ada@example.com 3}]" {
		t.Errorf("%+v, %v, %v", who, complete, err)
	}
}
