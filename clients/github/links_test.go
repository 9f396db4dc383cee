package github_test

import (
	"errors"
	"slices"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

// Links are those of statuses and of check runs, of all commits in one request; what is no address is left out.
func TestLinks(t *testing.T) {
	s := newSite(t, githubtest.Settings{})
	for context, target := range map[string]string{"jenkins": "https://ci.example/job/tiles/7/", "again": "https://ci.example/job/tiles/7/", "odd": "javascript:alert(1)", "none": ""} {
		if err := s.SetStatus("larkfold/tiles", string(s.head), githubtest.CommitStatus{Context: context, State: "SUCCESS", TargetURL: target, CreatorLogin: "ada"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddCheck("larkfold/tiles", string(s.head), githubtest.Check{Name: "lint", App: "Jenkins", Status: "COMPLETED", Conclusion: "SUCCESS", DetailsURL: "https://ci.example/job/lint/3/"}); err != nil {
		t.Fatal(err)
	}
	s.Watch.Reset()
	got, errs := s.client.Links(t.Context(), []github.Object{{Slug: tiles, OID: s.head}, {Slug: tiles, OID: s.first}, {Slug: tiles, OID: someOID}, {Slug: tiles, OID: "main"}})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], clients.ErrNotFound) || !errors.Is(errs[3], github.ErrInvalid) {
		t.Fatal(errs)
	}
	slices.Sort(got[0])
	if want := []string{"https://ci.example/job/lint/3/", "https://ci.example/job/tiles/7/"}; !slices.Equal(got[0], want) || len(got[1]) != 0 {
		t.Errorf("links are %q, want %q", got, want)
	}
	if n := s.Watch.Count(""); n != 1 {
		t.Errorf("%d requests", n)
	}
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"r0", "object", "statusCheckRollup"}, Type: "FORBIDDEN", Message: "Resource not accessible by personal access token"})
	if _, errs := s.client.Links(t.Context(), []github.Object{{Slug: tiles, OID: s.head}}); !errors.Is(errs[0], clients.ErrForbidden) {
		t.Errorf("what is withheld: %v", errs[0])
	}
}
