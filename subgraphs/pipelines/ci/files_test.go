package ci_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// TestGitHubFiles lists what git itself does, in one request.
func TestGitHubFiles(t *testing.T) {
	s := newGitHubSite(t, githubtest.Settings{})
	s.Watch.Reset()
	paths, complete, err := s.driver.(ci.Forge).Files(t.Context(), ci.CommitName{Repository: "larkfold/tiles", OID: s.head})
	if want := strings.Split(s.work.Git("tiles", "ls-tree", "-r", "--name-only", s.head), "\n"); err != nil || !complete || !slices.Equal(paths, want) {
		t.Errorf("%q, %v, %v, want %q", paths, complete, err, want)
	}
	if n := s.asked(); n != 1 {
		t.Errorf("%d requests", n)
	}
	for name, want := range map[ci.CommitName]error{
		{Repository: "larkfold/tiles", OID: strings.Repeat("0", 40)}: clients.ErrNotFound,
		{Repository: "larkfold/tiles", OID: "main"}:                  ci.ErrInvalid,
		{Repository: "tiles", OID: s.head}:                           ci.ErrInvalid,
	} {
		if _, _, err := s.driver.(ci.Forge).Files(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%+v: %v", name, err)
		}
	}
}

// TestGitLabFiles lists what git itself does, 100 entries in a request, and no more than it may take.
func TestGitLabFiles(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	host := onGitLab(t, s, stage.AdaToken).(ci.Forge)
	files := func(commit string) (paths []string, complete bool) {
		t.Helper()
		paths, complete, err := host.Files(t.Context(), ci.CommitName{Repository: stage.Search, OID: commit})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(paths)
		return paths, complete
	}
	want := func(commit string) []string {
		paths := strings.Split(s.Workshop.Git("search", "ls-tree", "-r", "--name-only", commit), "\n")
		slices.Sort(paths)
		return paths
	}
	gitLabCosts(t, s, 1, "a small tree", func() {
		if paths, complete := files(s.Head); !complete || !slices.Equal(paths, want(s.Head)) {
			t.Errorf("%q, %v", paths, complete)
		}
	})
	for i := range 250 {
		s.Workshop.Write(fmt.Sprintf("search/many/%03d.go", i), fmt.Sprintf("package many // %d\n", i))
	}
	many := s.Workshop.Commit("search", "Many")
	gitLabCosts(t, s, 3, "a tree of some 260 entries", func() {
		if paths, complete := files(many); !complete || !slices.Equal(paths, want(many)) {
			t.Errorf("%d paths, %v", len(paths), complete)
		}
	})
	s.Workshop.Git("search", "rm", "-q", "-r", "many")
	for i := range 250 { // where a page ends is not certain
		s.Workshop.Write(fmt.Sprintf("search/same/%03d.go", i), "package same\n")
	}
	same := s.Workshop.Commit("search", "Same")
	if paths, complete := files(same); complete || len(paths) < 90 || len(paths) != len(slices.Compact(slices.Clone(paths))) {
		t.Errorf("%d paths, %v", len(paths), complete)
	}
	for name, want := range map[ci.CommitName]error{
		{Repository: stage.Search, OID: strings.Repeat("0", 40)}: clients.ErrNotFound,
		{Repository: stage.Search, OID: "main"}:                  ci.ErrInvalid,
		{Repository: "search", OID: s.Head}:                      ci.ErrInvalid,
	} {
		if _, _, err := host.Files(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%+v: %v", name, err)
		}
	}
}

// TestGitLabFilesWithoutEnd asks for 100 pages of a tree, whatever its size.
func TestGitLabFilesWithoutEnd(t *testing.T) {
	asked := 0
	host := onGitLab(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?pagination=keyset&page_token=%d>; rel="next"`, gitLabAddress, r.URL.EscapedPath(), asked))
		fmt.Fprintf(w, `[{"id":"%040x","name":"a.go","type":"blob","path":"%d/a.go","mode":"100644"}]`, asked, asked)
	}), stage.AdaToken).(ci.Forge)
	paths, complete, err := host.Files(t.Context(), ci.CommitName{Repository: stage.Search, OID: strings.Repeat("a", 40)})
	if err != nil || complete || asked != 100 || len(paths) != 100 || paths[99] != "100/a.go" {
		t.Errorf("%d paths, %v, %v, asked %d times", len(paths), complete, err, asked)
	}
}
