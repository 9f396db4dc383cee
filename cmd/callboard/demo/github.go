package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/examples"
)

func (s *Stage) openGitHub(ctx context.Context, folder string, repositories map[string]*git.Repository) (err error) {
	// Logs and artifacts lie elsewhere, as GitHub has them.
	storage, err := clientstest.Listen("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.GitHub.Storage().ServeHTTP(w, r) }), nil)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, storage)
	// Budgets are those of github.com, so that there is something to see.
	s.GitHub, err = githubtest.New(ctx, githubtest.Settings{Enterprise: true, Host: strings.TrimPrefix(examples.GitHub, "https://"), Folders: []string{folder},
		Limits:  &githubtest.Limits{Core: 5000, GraphQL: 5000, Search: 30, CodeSearch: 10},
		Storage: storage.URL(), Now: s.clock.Now, Log: s.log})
	if err != nil {
		return err
	}
	var everybody []string
	for _, p := range s.forge.People {
		if _, err := s.GitHub.AddUser(githubtest.User{Login: p.Login, Name: p.Name, Email: p.Email}); err != nil {
			return err
		}
		everybody = append(everybody, p.Login)
	}
	if _, err := s.GitHub.AddOrganization(githubtest.Organization{Login: s.forge.Organisation, Name: "Larkfold"}, everybody, everybody[:1]); err != nil {
		return err
	}
	for slug, members := range s.forge.Teams {
		if _, err := s.GitHub.AddTeam(s.forge.Organisation, githubtest.Team{Slug: slug, Members: members}); err != nil {
			return err
		}
	}
	if err := s.GitHub.AddToken(s.token, githubtest.Token{Login: everybody[0]}); err != nil {
		return err
	}
	for _, name := range examples.Repositories() {
		if r := s.forge.Repositories[name]; r.GitLab == "" {
			if err := s.fillGitHub(ctx, name, r, repositories[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	_, err = s.listen(GitHub, s.GitHub, &s.GitHub.Faults, &s.GitHub.Watch)
	return err
}

func (s *Stage) fillGitHub(ctx context.Context, name string, r examples.ForgeRepository, content *git.Repository) error {
	if content == nil {
		return fmt.Errorf("it was not built")
	}
	full := s.forge.Organisation + "/" + name
	if _, err := s.GitHub.AddRepository(ctx, githubtest.Repository{OwnerLogin: s.forge.Organisation, Name: name, Description: r.Description, Topics: r.Topics,
		Visibility: r.Visibility, StargazerCount: r.Stars, Folder: content.Dir}); err != nil {
		return err
	}
	for label, looks := range s.forge.Labels {
		if _, err := s.GitHub.AddLabel(full, githubtest.Label{Name: label, Color: looks.Color, Description: looks.Description}); err != nil {
			return err
		}
	}
	if p := r.Protect; p != nil {
		rule := githubtest.Protection{Pattern: "main", RequiresApprovingReviews: p.Approvals > 0, RequiredApprovingReviewCount: p.Approvals,
			RequiresCodeOwnerReviews: p.CodeOwners, RequiresStatusChecks: p.Checks, RequiresLinearHistory: p.Linear, RequiresCommitSignatures: p.Signatures}
		if _, err := s.GitHub.Protect(full, rule); err != nil {
			return err
		}
	}
	for _, p := range r.PullRequests {
		if err := s.pullOnGitHub(ctx, full, p, content); err != nil {
			return fmt.Errorf("pull request %d: %w", p.Number, err)
		}
	}
	for _, i := range r.Issues {
		if _, err := s.GitHub.AddIssue(full, githubtest.Issue{Number: i.Number, Title: i.Title, AuthorLogin: i.Author, Labels: i.Labels, Assignees: i.Assignees,
			CreatedAt: i.Opened, UpdatedAt: later(i.Opened, i.Closed), ClosedAt: i.Closed}); err != nil {
			return fmt.Errorf("issue %d: %w", i.Number, err)
		}
	}
	for _, a := range r.Alerts {
		if _, err := s.GitHub.AddAlert(full, githubtest.Alert{Severity: a.Severity, Package: a.Package, Ecosystem: a.Ecosystem, Summary: a.Summary}); err != nil {
			return err
		}
	}
	releases, err := s.releases(ctx, content)
	if err != nil {
		return err
	}
	for _, one := range releases {
		if _, err := s.GitHub.AddRelease(full, githubtest.Release{TagName: one.tag, Name: one.tag, Description: one.text, AuthorLogin: one.author, CreatedAt: one.at, PublishedAt: one.at}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) pullOnGitHub(ctx context.Context, full string, p examples.ForgePull, content *git.Repository) error {
	pull := githubtest.PullRequest{Number: p.Number, Title: p.Title, Body: p.Body, AuthorLogin: p.Author, HeadRefName: p.Branch, IsDraft: p.Draft, Labels: p.Labels,
		Reviewers: p.Reviewers, CreatedAt: p.Opened, UpdatedAt: p.Opened}
	for _, team := range p.Teams {
		pull.Reviewers = append(pull.Reviewers, s.forge.Organisation+"/"+team)
	}
	if p.MergedBy != "" {
		merged, err := s.merge(ctx, content, p.Number)
		if err != nil {
			return err
		}
		pull.MergedByLogin, pull.MergedAt, pull.UpdatedAt = p.MergedBy, merged.Committer.At, merged.Committer.At
		pull.BaseOID, pull.HeadOID, pull.MergeOID = string(merged.Parents[0]), string(merged.Parents[1]), string(merged.OID)
	}
	if _, err := s.GitHub.AddPullRequest(ctx, full, pull); err != nil {
		return err
	}
	for _, r := range p.Reviews {
		if _, err := s.GitHub.ReviewPullRequest(ctx, full, p.Number, githubtest.Review{AuthorLogin: r.By, State: r.State, SubmittedAt: r.At}); err != nil {
			return err
		}
	}
	return nil
}
