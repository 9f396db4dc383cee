package ci_test

import (
	"net/url"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// systemAt is a system that is never asked.
func systemAt(t testing.TB, provider ci.Provider, web string) *ci.System {
	t.Helper()
	u, err := url.Parse(web)
	if err != nil {
		t.Fatal(err)
	}
	source, err := clients.Open(clients.Settings{Name: u.Host, Kind: "test", Address: u}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	var host *forge.Host
	switch provider {
	case ci.GitHubActions:
		host = forge.New(u.Host, forge.GitHub, u)
	case ci.GitLabCI:
		host = forge.New(u.Host, forge.GitLab, u)
	}
	return ci.New(provider, u, host, source, nil)
}

func TestRunAt(t *testing.T) {
	github, gitlab, jenkins := systemAt(t, ci.GitHubActions, "https://github.com"), systemAt(t, ci.GitLabCI, "https://gitlab.example/git"), systemAt(t, ci.Jenkins, "https://ci.example/jenkins")
	for _, c := range []struct {
		system       *ci.System
		address, key string
	}{
		{github, "https://github.com/larkfold/tiles/actions/runs/77", "larkfold/tiles#r77"},
		{github, "https://github.com/larkfold/tiles/actions/runs/77/job/8?pr=1", "larkfold/tiles#r77"},
		{github, "https://github.com/larkfold/tiles/actions/runs/077", ""},
		{github, "https://github.com/larkfold/tiles/actions/runs/", ""},
		{github, "https://github.com/larkfold/tiles/pull/77", ""},
		{github, "https://gitlab.example/larkfold/tiles/actions/runs/77", ""},
		{github, "https://github.com/actions/runs/77", ""},
		{gitlab, "https://gitlab.example/git/larkfold/data/mixes/-/pipelines/5", "larkfold/data/mixes#5"},
		{gitlab, "https://gitlab.example/git/larkfold/data/mixes/-/pipelines/5/failures", "larkfold/data/mixes#5"},
		{gitlab, "https://gitlab.example/git/larkfold/data/mixes/-/pipelines/-5", ""},
		{gitlab, "https://gitlab.example/larkfold/data/mixes/-/pipelines/5", ""},
		{jenkins, "https://ci.example/jenkins/job/larkfold/job/tiles/job/main/12/display/redirect", "larkfold/tiles/main#12"},
		{jenkins, "https://ci.example/job/larkfold/12/", ""},
		{jenkins, "https://ci.example/jenkins/job/larkfold/", ""},
		{jenkins, "javascript:alert(1)", ""},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if key, ok := c.system.RunAt(u); key != c.key || ok != (c.key != "") {
			t.Errorf("%s is %q, %v; want %q", c.address, key, ok, c.key)
		}
	}
}
