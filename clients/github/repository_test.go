package github_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

// oneRepository is shaped as GitHub answers, with all that is asked for.
const oneRepository = `{"id":"R_kgDOABC","databaseId":5010,"name":"Player","owner":{"login":"larkfold"},"url":"https://github.com/larkfold/Player",
"homepageUrl":"https://larkfold.example","description":"Plays","repositoryTopics":{"nodes":[{"topic":{"name":"audio"}},null]},"visibility":"INTERNAL","isArchived":true,
"isFork":true,"isTemplate":true,"isEmpty":false,"stargazerCount":12,"forkCount":3,"watchers":{"totalCount":7},"diskUsage":2048,
"languages":{"totalSize":100,"edges":[{"size":90,"node":{"name":"Go","color":"#00ADD8"}},{"size":10,"node":{"name":"Odd","color":null}}]},
"licenseInfo":{"key":"mit","name":"MIT License","spdxId":"MIT","url":"http://choosealicense.com/licenses/mit/"},
"defaultBranchRef":{"name":"trunk","target":{"oid":"1111111111111111111111111111111111111111","message":"Play\n\nLouder","url":"https://github.com/larkfold/Player/commit/1","tree":{"oid":"2222222222222222222222222222222222222222"},
"author":{"name":"Ada","email":"ada@larkfold.example","date":"2026-05-01T10:00:00+02:00","user":{"login":"ada","name":"Ada L","url":"https://github.com/ada","avatarUrl":"https://a.example/1"}},
"committer":{"name":"GitHub","email":"noreply@github.com","date":"2026-05-01T08:30:00Z","user":null},"signature":{"state":"VALID"},
"parents":{"totalCount":1,"nodes":[{"oid":"3333333333333333333333333333333333333333"}]}},
"branchProtectionRule":{"pattern":"trunk","requiredApprovingReviewCount":2,"requiresApprovingReviews":true,"requiresCodeOwnerReviews":true,"dismissesStaleReviews":false,"requiresStatusChecks":true,
"requiredStatusCheckContexts":["build"],"requiresStrictStatusChecks":true,"requiresLinearHistory":true,"requiresCommitSignatures":true,"requiresConversationResolution":false,"isAdminEnforced":true,"allowsForcePushes":false,"allowsDeletions":false}},
"pullRequests":{"totalCount":4},"issues":{"totalCount":9},"vulnerabilityAlerts":{"totalCount":3,"nodes":[{"securityVulnerability":{"severity":"HIGH"}},{"securityVulnerability":{"severity":"LOW"}},{"securityVulnerability":{"severity":"HIGH"}}]},
"hasVulnerabilityAlertsEnabled":true,"codeowners":{"errors":[{"kind":"Unknown owner"}]},
"latestRelease":{"id":"RE_1","tagName":"v1.2.0","name":"One two","description":"Notes","url":"https://github.com/larkfold/Player/releases/tag/v1.2.0","author":{"login":"ada","name":null,"url":"https://github.com/ada","avatarUrl":"https://a.example/1"},
"isDraft":false,"isPrerelease":false,"isLatest":true,"createdAt":"2026-04-01T00:00:00Z","publishedAt":"2026-04-02T00:00:00Z"},
"createdAt":"2020-01-01T00:00:00Z","updatedAt":"2026-05-02T00:00:00Z","pushedAt":"2026-05-01T08:31:00Z"}`

func TestRepositoriesOfOneRequest(t *testing.T) {
	bare := strings.NewReplacer(
		`"homepageUrl":"https://larkfold.example"`, `"homepageUrl":null`, `"description":"Plays"`, `"description":null`).Replace(oneRepository)
	c, a := text(t, `{"data":{"r0":`+oneRepository+`,"r1":null,"r2":`+strings.Replace(bare, `"vulnerabilityAlerts":{"totalCount":3,"nodes":[{"securityVulnerability":{"severity":"HIGH"}},{"securityVulnerability":{"severity":"LOW"}},{"securityVulnerability":{"severity":"HIGH"}}]}`, `"vulnerabilityAlerts":null`, 1)+`},
"errors":[{"type":"NOT_FOUND","path":["r1"],"locations":[{"line":1,"column":9}],"message":"Could not resolve to a Repository with the name 'larkfold/gone'."},
{"type":"FORBIDDEN","path":["r2","vulnerabilityAlerts"],"extensions":{"saml_failure":false},"locations":[],"message":"Resource not accessible by integration"}]}`)
	got, errs := c.Repositories(context.Background(), []github.Slug{{"Larkfold", "old-player"}, {"larkfold", "gone"}, {"larkfold", "no/name"}, {"larkfold", "shy"}})
	if len(a.asked) != 1 {
		t.Fatalf("%d requests, want 1", len(a.asked))
	}
	if want := map[string]any{"owner_0": "Larkfold", "name_0": "old-player", "owner_1": "larkfold", "name_1": "gone", "owner_2": "larkfold", "name_2": "shy"}; !cmp.Equal(a.asked[0].Variables, want) {
		t.Errorf("asked with %v", a.asked[0].Variables)
	}
	if strings.Contains(a.asked[0].Query, "player") {
		t.Errorf("a value is in the text of the query: %s", a.asked[0].Query)
	}
	r := got[0]
	if errs[0] != nil || r == nil {
		t.Fatal(errs[0])
	}
	if r.Slug != (github.Slug{Owner: "larkfold", Name: "Player"}) {
		t.Errorf("a renamed repository is called %s", r.Slug)
	}
	if want := map[string]int{"HIGH": 2, "LOW": 1}; r.Alerts == nil || r.Alerts.Total != 3 || !r.Alerts.Complete || !cmp.Equal(r.Alerts.BySeverity, want) {
		t.Errorf("alerts are %+v", r.Alerts)
	}
	head := r.DefaultBranch.Head
	if head.Headline() != "Play" || head.Author.Email != "ada@larkfold.example" || head.AuthorAccount.Login != "ada" || head.CommitterAccount != nil || !head.Signed || head.Signature != "VALID" || len(head.Parents) != 1 ||
		head.Author.At.UTC().Hour() != 8 || head.Tree[0] != '2' {
		t.Errorf("head is %+v", head)
	}
	if p := r.DefaultBranch.Protection; p.ApprovingReviews != 2 || !p.CodeOwnerReviews || !p.AdminEnforced || p.ForcePushes || !cmp.Equal(p.RequiredChecks, []string{"build"}) {
		t.Errorf("protection is %+v", p)
	}
	if !cmp.Equal(r.Topics, []string{"audio"}) || r.OpenPullRequests != 4 || r.OpenIssues != 9 || r.Stars != 12 || *r.CodeownersErrors != 1 || r.LatestRelease.Tag != "v1.2.0" || r.License.SPDX != "MIT" || len(r.Languages) != 2 || !r.Archived {
		t.Errorf("repository is %+v", r)
	}
	if !errors.Is(errs[1], clients.ErrNotFound) || got[1] != nil {
		t.Errorf("what is gone fails with %v", errs[1])
	}
	if !errors.Is(errs[2], github.ErrInvalid) {
		t.Errorf("no name fails with %v", errs[2])
	}
	shy := got[3]
	if errs[3] != nil || shy == nil || shy.Alerts != nil || shy.Homepage != "" {
		t.Fatalf("what withholds its alerts is %+v, %v", shy, errs[3])
	}
	if len(shy.Missing) != 1 || shy.Missing[0].Field != "vulnerabilityAlerts" || !errors.Is(shy.Missing[0].Err, clients.ErrForbidden) {
		t.Errorf("missing is %+v", shy.Missing)
	}
}
