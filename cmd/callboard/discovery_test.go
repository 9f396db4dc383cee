package main_test

import (
	"fmt"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
)

// discovering writes a configuration in which all catalog files come from the hosts.
func (s *theatre) discovering() string {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, source := range s.Sources() {
		if source.Kind == "jenkins" { // it keeps no catalog files
			continue
		}
		fmt.Fprintf(&b, "  - name: %s\n    kind: %s\n    url: %s\n    api: %s\n    token: %s\n    webhookSecrets: [%s]\n    allowAddresses: [127.0.0.0/8]\n    discover: {groups: [larkfold]}\n",
			source.Name, source.Kind, source.URL, source.API, source.Token.Reveal(), source.WebhookSecrets[0].Reveal())
	}
	name := s.t.TempDir() + "/callboard.yaml"
	write(s.t, name, b.String())
	return name
}

// The catalog of an organisation comes from its hosts alone: kept up by webhooks, and by what was good last where a file turns bad or a host is down.
func TestCatalogFromHosts(t *testing.T) {
	s := newTheatre(t)
	config, state, empty := s.discovering(), t.TempDir(), t.TempDir()
	c := startIn(t, state, "up", "--config", config, empty)
	const count = `{ entities(first: 1) { totalCount } }`
	all := func(c *server) bool {
		n, _ := dig(c.query(count, nil), "data", "entities", "totalCount").(float64)
		return n > 100
	}
	until(t, "the catalog is there", func() bool { return all(c) })
	if err := s.Tell(c.address()); err != nil {
		t.Fatal(err)
	}
	title := func(c *server) any {
		return dig(c.query(`{ entity(ref: "component:default/tiles") { title } }`, nil), "data", "entity", "title")
	}
	push := func(message, text string) {
		t.Helper()
		if _, err := s.GitHub.Push(t.Context(), "larkfold/tiles", "main", "arjun-mehta", message, githubtest.File{Path: "catalog-info.yaml", Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	file := "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: tiles, title: %s}\nspec: {type: library, lifecycle: production, owner: web}\n"
	push("Say it in other words", fmt.Sprintf(file, "Mosaic"))
	until(t, "the new title is there", func() bool { return title(c) == "Mosaic" })

	// A file that comes where a pattern is belongs to the catalog.
	team := "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: understudies}\nspec: {type: team, children: []}\n"
	if _, err := s.GitHub.Push(t.Context(), "larkfold/company", "main", "arjun-mehta", "Found a team", githubtest.File{Path: "teams/understudies.yaml", Data: []byte(team)}); err != nil {
		t.Fatal(err)
	}
	until(t, "the new team is there", func() bool {
		return dig(c.query(`{ entity(ref: "group:default/understudies") { name } }`, nil), "data", "entity", "name") == "understudies"
	})

	// A file that turns bad is told of, and the last good one is served.
	push("Break it", "apiVersion: [")
	issues := `{ ingestionIssues(first: 100) { nodes { file message } } }`
	until(t, "the bad file is told of", func() bool {
		return strings.Contains(text(c.query(issues, nil)), "larkfold/tiles/blob/main/catalog-info.yaml")
	})
	if got := title(c); got != "Mosaic" {
		t.Errorf("while its file is bad the entity is called %v", got)
	}

	// So is what was known before a restart while the hosts are down.
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	s.fail(clientstest.Fault{Kind: clientstest.Down})
	again := startIn(t, state, "up", "--config", config, empty)
	if !all(again) || title(again) != "Mosaic" {
		t.Errorf("after a restart without hosts: %v, %v", again.query(count, nil), title(again))
	}
	until(t, "it is told that the hosts are down", func() bool { return strings.Contains(text(again.query(issues, nil)), "could not be") })
}
