package main_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
)

// gitLabSays sends a webhook as GitLab would.
func (s *theatre) gitLabSays(c *server, name, delivery, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, c.URL+"/webhooks/gitlab", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = http.Header{"X-Gitlab-Event": {name}, "X-Gitlab-Token": {s.Sources()[1].WebhookSecrets[0].Reveal()}, "Idempotency-Key": {delivery}, "Content-Type": {"application/json"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		s.t.Fatalf("the webhook is answered with %s", response.Status)
	}
}

// A project that was made, or renamed, is found when GitLab tells of it, and under its old name no more.
func TestGitLabTellsOfProjects(t *testing.T) {
	s := newTheatre(t)
	s.checkouts = t.TempDir() // all comes from GitLab
	c := s.up(s.config("1h", ""))
	const entity = `{ entity(ref: "component:default/tiles") { title } }`
	if dig(c.query(entity, nil), "data", "entity") != nil {
		t.Fatal("it is there already")
	}
	if err := s.GitLab.AddProject(t.Context(), gitlabtest.Project{Path: "larkfold/data/tiles", Visibility: gitlabtest.Internal, Repository: "repositories/tiles"}); err != nil {
		t.Fatal(err)
	}
	s.gitLabSays(c, "Project Hook", "made", `{"event_name":"project_create","path_with_namespace":"larkfold/data/tiles"}`)
	until(t, "the new project is found", func() bool { return dig(c.query(entity, nil), "data", "entity") != nil })

	const known = `{ repository(nameWithOwner: "larkfold/data/mixes") { freshness } }`
	c.query(known, nil)
	if answer := c.query(known, nil); dig(answer, "data", "repository", "freshness") != "CACHED" {
		t.Fatalf("%v", answer)
	}
	s.gitLabSays(c, "Project Hook", "renamed", `{"event_name":"project_rename","path_with_namespace":"larkfold/data/mixtapes","old_path_with_namespace":"larkfold/data/mixes"}`)
	until(t, "the old name is asked about again", func() bool { return dig(c.query(known, nil), "data", "repository", "freshness") == "LIVE" })
}

// A host that hangs does not keep another one's changes from the catalog.
func TestHostsAreReadApart(t *testing.T) {
	s := newTheatre(t)
	s.checkouts = t.TempDir() // all comes from the hosts
	config := s.discovering()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, strings.ReplaceAll(string(text), "    discover:", "    timeout: 10m\n    discover:"))
	c := s.up(config)
	s.GitLab.Faults.Add(clientstest.Fault{Kind: clientstest.Hang})
	s.GitLab.Watch.Reset()
	s.gitLabSays(c, "Project Hook", "made", `{"event_name":"project_create","path_with_namespace":"larkfold/data/new"}`)
	until(t, "GitLab is asked", func() bool { return len(s.GitLab.Watch.Requests()) > 0 })
	const file = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: tiles, title: Mosaic}\nspec: {type: library, lifecycle: production, owner: web}\n"
	if _, err := s.GitHub.Push(t.Context(), "larkfold/tiles", "main", "arjun-mehta", "Say it in other words", githubtest.File{Path: "catalog-info.yaml", Data: []byte(file)}); err != nil {
		t.Fatal(err)
	}
	until(t, "the new title is there", func() bool {
		return dig(c.query(`{ entity(ref: "component:default/tiles") { title } }`, nil), "data", "entity", "title") == "Mosaic"
	})
}
