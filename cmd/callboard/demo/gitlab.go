package demo

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/examples"
)

func (s *Stage) openGitLab(ctx context.Context, folder string, repositories map[string]*git.Repository) (err error) {
	if s.GitLab, err = gitlabtest.New(ctx, gitlabtest.Settings{Folders: []string{folder}, Address: examples.GitLab, Limit: 2000, Now: s.clock.Now, Log: s.log}); err != nil {
		return err
	}
	var members []gitlabtest.Member
	for i, p := range s.forge.People {
		if err := s.GitLab.AddUser(gitlabtest.User{Username: p.Login, Name: p.Name, Email: p.Email}); err != nil {
			return err
		}
		access := gitlabtest.Developer
		if i == 0 { // whose token Callboard has: how branches are protected is for maintainers to see
			access = gitlabtest.Maintainer
		}
		members = append(members, gitlabtest.Member{Username: p.Login, Access: access})
	}
	if err := s.GitLab.AddToken(gitlabtest.Token{Value: s.token, Username: s.forge.People[0].Login}); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, name := range s.onGitLab() {
		r := s.forge.Repositories[name]
		parts := strings.Split(path.Dir(r.GitLab), "/")
		for i := range parts {
			group := strings.Join(parts[:i+1], "/")
			if made[group] {
				continue
			}
			made[group] = true
			all := members
			if i > 0 {
				all = nil // they have it from the group above
			}
			if err := s.GitLab.AddGroup(gitlabtest.Group{Path: group, Visibility: gitlabtest.Internal, Members: all}); err != nil {
				return err
			}
		}
		if err := s.fillGitLab(ctx, r, repositories[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = s.listen(GitLab, s.GitLab, &s.GitLab.Faults, &s.GitLab.Watch)
	return err
}

func (s *Stage) fillGitLab(ctx context.Context, r examples.ForgeRepository, content *git.Repository) error {
	if content == nil {
		return fmt.Errorf("it was not built")
	}
	project := gitlabtest.Project{Path: r.GitLab, Description: r.Description, Topics: r.Topics, Stars: r.Stars, Repository: content.Path, Visibility: gitlabtest.Internal}
	if r.Visibility != "" {
		project.Visibility = gitlabtest.Visibility(strings.ToLower(r.Visibility))
	}
	if r.Protect != nil {
		project.Protected = []gitlabtest.ProtectedBranch{{Name: "main", Push: gitlabtest.Maintainer, Merge: gitlabtest.Developer, CodeOwnerApproval: r.Protect.CodeOwners}}
	}
	for language, share := range r.Languages {
		project.Languages = append(project.Languages, gitlabtest.Language{Name: language, Share: share})
	}
	slices.SortFunc(project.Languages, func(a, b gitlabtest.Language) int { return cmp.Compare(b.Share, a.Share) })
	for label, looks := range s.forge.Labels {
		project.Labels = append(project.Labels, gitlabtest.Label{Name: label, Color: "#" + looks.Color, Description: looks.Description})
	}
	if err := s.GitLab.AddProject(ctx, project); err != nil {
		return err
	}
	for _, p := range r.PullRequests {
		request := gitlabtest.MergeRequest{IID: int64(p.Number), Title: p.Title, Description: p.Body, SourceBranch: p.Branch, Author: p.Author, Labels: p.Labels,
			Draft: p.Draft, CreatedAt: p.Opened, UpdatedAt: p.Opened}
		if r.Protect != nil {
			request.ApprovalsRequired = r.Protect.Approvals
		}
		for _, reviewer := range p.Reviewers {
			request.Reviewers = append(request.Reviewers, gitlabtest.Reviewer{Username: reviewer})
		}
		if _, err := s.GitLab.AddMergeRequest(ctx, r.GitLab, request); err != nil {
			return fmt.Errorf("merge request %d: %w", p.Number, err)
		}
	}
	for _, i := range r.Issues {
		issue := gitlabtest.Issue{IID: int64(i.Number), Title: i.Title, Author: i.Author, Labels: i.Labels, Assignees: i.Assignees, CreatedAt: i.Opened,
			UpdatedAt: later(i.Opened, i.Closed), ClosedAt: i.Closed}
		if !i.Closed.IsZero() {
			issue.State = gitlabtest.Closed
		}
		if _, err := s.GitLab.AddIssue(r.GitLab, issue); err != nil {
			return fmt.Errorf("issue %d: %w", i.Number, err)
		}
	}
	releases, err := s.releases(ctx, content)
	if err != nil {
		return err
	}
	for _, one := range releases {
		if err := s.GitLab.AddRelease(r.GitLab, gitlabtest.Release{Tag: one.tag, Description: one.text, Author: one.author, CreatedAt: one.at, ReleasedAt: one.at}); err != nil {
			return err
		}
	}
	return nil
}

// release is made of a tag.
type release struct {
	tag, text, author string
	at                time.Time
}

// releases are made of the tags of a repository.
func (s *Stage) releases(ctx context.Context, r *git.Repository) ([]release, error) {
	refs, err := r.Refs(ctx)
	if err != nil {
		return nil, err
	}
	var out []release
	for _, tag := range refs.Tags {
		commit, err := r.Resolve(ctx, refs, tag.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, release{tag.Short(), commit.Headline(), s.login(commit.Author.Email), commit.Committer.At})
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
