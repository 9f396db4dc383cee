package forge_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/forge"
)

func hostAt(provider forge.Provider, web string) *forge.Host {
	u, err := url.Parse(web)
	if err != nil {
		panic(err)
	}
	return forge.New(u.Host, provider, u)
}

func TestGitHubSplit(t *testing.T) {
	d := hostAt(forge.GitHub, "https://github.com")
	for way, want := range map[string][2]string{
		"larkfold/player/blob/main/go.mod": {"larkfold/player", "blob/main/go.mod"}, "larkfold/player": {"larkfold/player", ""}, "larkfold": {"larkfold", ""}, "": {"", ""},
		"larkfold/player/pull/12": {"larkfold/player", "pull/12"}, "a//b": {"a", "b"},
	} {
		if repository, rest := d.Split(way); repository != want[0] || rest != want[1] {
			t.Errorf("%q is %q and %q", way, repository, rest)
		}
	}
	for rest, want := range map[string]int{
		"pull/12": 12, "pull/12/files": 12, "pull/12/commits/abc": 12, "pull/0": 0, "pull/-1": 0, "pull/+1": 0, "pull/99999999999": 0, "pull/": 0, "pull": 0, "": 0, "pulls/12": 0, "issues/12": 0, "tree/pull/12": 0, "pull/12x": 0, "pull/1_2": 0,
	} {
		if got := d.PullRequestIn(rest); got != want {
			t.Errorf("%q names %d", rest, got)
		}
	}
	for path, want := range map[string]bool{"larkfold/player": true, "larkfold/.github": true, "larkfold": false, "": false, "a/b/c": false, "a/..": false, "a b/c": false, "a/b\n": false, "ü/b": false} {
		if d.Valid(path) != want {
			t.Errorf("%q is valid: %v", path, !want)
		}
	}
}

func FuzzGitHubWays(f *testing.F) {
	f.Add("larkfold/player/pull/12/files")
	f.Add("//\x00/pull/9999999999999999999999")
	f.Add("a/../pull/+1")
	f.Fuzz(func(t *testing.T, way string) {
		d := hostAt(forge.GitHub, "https://github.com")
		repository, rest := d.Split(way)
		if d.Valid(repository) && strings.Count(repository, "/") != 1 {
			t.Fatalf("%q is the path of a repository", repository)
		}
		if n := d.PullRequestIn(rest); n < 0 || n > 1<<31-1 || n > 0 && !strings.HasPrefix(rest, "pull/") {
			t.Fatalf("%q names %d", rest, n)
		}
	})
}

func TestGitLabAddresses(t *testing.T) {
	d := hostAt(forge.GitLab, "https://gitlab.com")
	for way, want := range map[string]string{
		"larkfold/platform/search":                              "larkfold/platform/search||0|true",
		"larkfold/platform/search/-/merge_requests/12/diffs":    "larkfold/platform/search|merge_requests/12/diffs|12|true",
		"larkfold/platform/search/-/blob/main/docs/-/x.md":      "larkfold/platform/search|blob/main/docs/-/x.md|0|true",
		"larkfold/platform/search/-/tree/main/docs":             "larkfold/platform/search|tree/main/docs|0|true",
		"larkfold/platform/search/-/merge_requests/0":           "larkfold/platform/search|merge_requests/0|0|true",
		"larkfold/platform/search/-/merge_requests/99999999999": "larkfold/platform/search|merge_requests/99999999999|0|true",
		"larkfold/platform/search/-/merge_requests/new":         "larkfold/platform/search|merge_requests/new|0|true",
		"larkfold/platform/search/blob/main/catalog-info.yaml":  "larkfold/platform/search|blob/main/catalog-info.yaml|0|true",
		"larkfold/search/merge_requests/7":                      "larkfold/search|merge_requests/7|7|true",
		"larkfold/merge_requests/7":                             "larkfold/merge_requests/7||0|true",
		"larkfold/tree":                                         "larkfold/tree||0|true",
		"groups/larkfold/-/group_members":                       "|groups/larkfold/-/group_members|0|false",
		"-/snippets/1":                                          "|-/snippets/1|0|false",
		"larkfold":                                              "larkfold||0|false",
		"larkfold/-/milestones":                                 "larkfold|milestones|0|false",
		"":                                                      "||0|false",
		"a/../b":                                                "a/../b||0|false",
		"a/b\x00":                                               "a/b\x00||0|false",
	} {
		repository, rest := d.Split(way)
		if got := fmt.Sprintf("%s|%s|%d|%v", repository, rest, d.PullRequestIn(rest), d.Valid(repository)); got != want {
			t.Errorf("%q: %q, want %q", way, got, want)
		}
	}
	if n := d.PullRequestIn("-/merge_requests/12"); n != 12 {
		t.Errorf("with a dash: %d", n)
	}
}

// FuzzGitLabAddress takes addresses apart: what is left of them names a project that can be asked for, or nothing.
func FuzzGitLabAddress(f *testing.F) {
	for _, seed := range []string{"larkfold/platform/search/-/merge_requests/12/diffs", "a/b/blob/main/x", "-/", "a/-/-/b", "a/b/merge_requests/1/merge_requests/2", "../x", "a//b", "groups/a/b"} {
		f.Add(seed)
	}
	d := hostAt(forge.GitLab, "https://gitlab.com")
	f.Fuzz(func(t *testing.T, way string) {
		repository, rest := d.Split(way)
		number := d.PullRequestIn(rest)
		if number < 0 || len(repository)+len(rest) > len(way) {
			t.Fatalf("%q: %q, %q, %d", way, repository, rest, number)
		}
		if !d.Valid(repository) {
			return
		}
		if again, left := d.Split(repository); again != repository || left != "" {
			t.Fatalf("%q: %q, and then %q", way, repository, again)
		}
		if number == 0 {
			return
		}
		if again, left := d.Split(fmt.Sprintf("%s/-/merge_requests/%d", repository, number)); again != repository || d.PullRequestIn(left) != number {
			t.Fatalf("%q: %q %d, and then %q, %q", way, repository, number, again, left)
		}
	})
}

// TestPagesAreFound checks that the addresses of pages that a host makes are those that it finds again.
func TestPagesAreFound(t *testing.T) {
	for _, h := range []*forge.Host{hostAt(forge.GitHub, "https://github.com"), hostAt(forge.GitLab, "https://gitlab.example/git")} {
		u, err := url.Parse(h.PullRequestURL("larkfold/tiles", 12))
		if err != nil {
			t.Fatal(err)
		}
		if path, rest, ok := h.Locate(u); !ok || path != "larkfold/tiles" || h.PullRequestIn(rest) != 12 {
			t.Errorf("%s is %q, %q, %v", u, path, rest, ok)
		}
		if u, err = url.Parse(h.CommitURL("larkfold/tiles", "abc")); err != nil {
			t.Fatal(err)
		}
		if path, rest, ok := h.Locate(u); !ok || path != "larkfold/tiles" || h.CommitIn(rest) != "abc" || h.CommitIn(rest+"/checks") != "abc" || h.CommitIn("tree/main") != "" {
			t.Errorf("%s is %q, %q, %v", u, path, rest, ok)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "2147483648": 2147483648, "9223372036854775807": 9223372036854775807} {
		if n, ok := forge.Number(text); !ok || n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "-1", "-0", "+1", "01", "1_0", "0x1", "1.0", " 1", "١", "9223372036854775808"} {
		if n, ok := forge.Number(text); ok || n != 0 {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}
