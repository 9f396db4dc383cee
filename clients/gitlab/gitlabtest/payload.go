package gitlabtest

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// hookTime writes a time as most webhooks have it, which is not how REST has it.
func hookTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

var visibilityLevels = map[Visibility]int{Private: 0, Internal: 10, Public: 20}

// address is where the server says it is in webhooks, which answer no request.
func (s *Server) address() string { return cmp.Or(s.settings.Address, "https://gitlab.example") }

func (s *Server) hookProject(p *project) object {
	web := s.address() + "/" + p.Path
	_, host, _ := strings.Cut(s.address(), "://")
	ssh := "git@" + host + ":" + p.Path + ".git"
	return object{"id": p.ID, "name": p.Name, "description": p.Description, "web_url": web, "avatar_url": nil, "git_ssh_url": ssh, "git_http_url": web + ".git",
		"namespace": path.Base(path.Dir(p.Path)), "visibility_level": visibilityLevels[p.Visibility], "path_with_namespace": p.Path,
		"default_branch": p.DefaultBranch, "ci_config_path": "", "homepage": web, "url": ssh, "ssh_url": ssh, "http_url": web + ".git"}
}

func (s *Server) hookRepository(p *project) object {
	o := s.hookProject(p)
	return object{"name": p.Name, "url": o["url"], "description": p.Description, "homepage": o["homepage"], "git_http_url": o["git_http_url"],
		"git_ssh_url": o["git_ssh_url"], "visibility_level": o["visibility_level"]}
}

func (s *Server) hookUser(username string) object {
	u := s.world.user(username)
	if u == nil {
		return object{}
	}
	return object{"id": u.ID, "name": u.Name, "username": u.Username, "avatar_url": avatar(u), "email": "[REDACTED]"}
}

func (s *Server) hookUsers(usernames []string) []object {
	return each(usernames, func(name string) object { return s.hookUser(name) })
}

func (s *Server) userIDs(usernames []string) []int64 {
	out := []int64{}
	for _, name := range usernames {
		if u := s.world.user(name); u != nil {
			out = append(out, u.ID)
		}
	}
	return out
}

func (s *Server) hookLabels(p *project, names []string) []object {
	out := []object{}
	for _, l := range p.Labels {
		if slices.Contains(names, l.Name) {
			out = append(out, object{"id": l.ID, "title": l.Name, "color": l.Color, "project_id": p.ID, "created_at": hookTime(l.CreatedAt),
				"updated_at": hookTime(l.CreatedAt), "template": false, "description": l.Description, "type": "ProjectLabel", "group_id": nil})
		}
	}
	return out
}

func (s *Server) hookCommit(p *project, k *git.Commit) object {
	return object{"id": k.OID, "message": k.Message, "title": titleOf(k), "timestamp": k.Author.At.Format(time.RFC3339),
		"url": s.address() + "/" + p.Path + "/-/commit/" + string(k.OID), "author": object{"name": k.Author.Name, "email": k.Author.Email}}
}

// mostPushed is how many commits a push event holds ("Push events" in GitLab's documentation).
const mostPushed = 20

func (s *Server) tellPush(ctx context.Context, p *project, by, ref, before, after string, commits []git.OID) error {
	u := s.world.user(by)
	kind, event := "push", "Push Hook"
	if strings.HasPrefix(ref, "refs/tags/") {
		kind, event = "tag_push", "Tag Push Hook"
	}
	list, err := p.repository.Commits(ctx, commits[:min(len(commits), mostPushed)])
	if err != nil {
		return err
	}
	slices.Reverse(list)
	shown := make([]object, len(list))
	for i, k := range list {
		changes, err := p.repository.Changes(ctx, k)
		if err != nil {
			return err
		}
		added, modified, removed := []string{}, []string{}, []string{}
		for _, change := range changes {
			switch change.Change {
			case git.Added, git.Copied:
				added = append(added, change.Path)
			case git.Deleted:
				removed = append(removed, change.Path)
			case git.Renamed:
				added, removed = append(added, change.Path), append(removed, change.PreviousPath)
			default:
				modified = append(modified, change.Path)
			}
		}
		shown[i] = s.hookCommit(p, k)
		shown[i]["added"], shown[i]["modified"], shown[i]["removed"] = added, modified, removed
	}
	_, protected := p.protects(strings.TrimPrefix(ref, "refs/heads/"))
	s.hooks.tell(s, p, event, func(h *Hook) bool { return kind == "push" && h.Push || kind == "tag_push" && h.TagPush }, object{
		"object_kind": kind, "event_name": kind, "before": cmp.Or(before, nothing), "after": cmp.Or(after, nothing), "ref": ref, "ref_protected": protected,
		"checkout_sha": orNull(after), "message": nil, "user_id": u.ID, "user_name": u.Name, "user_username": u.Username, "user_email": "", "user_avatar": avatar(u),
		"project_id": p.ID, "project": s.hookProject(p), "commits": shown, "total_commits_count": len(commits), "push_options": object{}, "repository": s.hookRepository(p)})
	return nil
}

func (s *Server) tellMergeRequest(p *project, m *MergeRequest, by, action, oldRev string, changes object) {
	number := strconv.FormatInt(m.IID, 10)
	reviewers := each(m.Reviewers, func(r Reviewer) string { return r.Username })
	source := cmp.Or(s.world.project(m.SourceProject), p)
	states := map[string]int{Opened: 1, Closed: 2, Merged: 3, Locked: 4}
	attributes := object{"id": m.ID, "iid": m.IID, "target_branch": m.TargetBranch, "source_branch": m.SourceBranch, "source_project_id": source.ID,
		"target_project_id": p.ID, "author_id": s.world.user(m.Author).ID, "assignee_ids": s.userIDs(m.Assignees), "reviewer_ids": s.userIDs(reviewers), "title": m.title(),
		"description": m.Description, "created_at": hookTime(m.CreatedAt), "updated_at": hookTime(m.UpdatedAt), "state": m.State, "state_id": states[m.State],
		"draft": m.Draft, "work_in_progress": m.Draft, "merge_status": "can_be_merged", "detailed_merge_status": s.mergeStatus(m), "merge_commit_sha": orNull(m.MergeCommitSHA),
		"blocking_discussions_resolved": true, "first_contribution": false, "url": s.address() + "/" + p.Path + "/-/merge_requests/" + number,
		"source": s.hookProject(source), "target": s.hookProject(p), "labels": s.hookLabels(p, m.Labels), "action": action, "last_commit": nil}
	if oldRev != "" {
		attributes["oldrev"] = oldRev
	}
	if head, err := resolve(context.Background(), source, m.SHA); err == nil && m.SHA != "" {
		attributes["last_commit"] = s.hookCommit(source, head)
	}
	s.hooks.tell(s, p, "Merge Request Hook", func(h *Hook) bool { return h.MergeRequests }, object{
		"object_kind": "merge_request", "event_type": "merge_request", "user": s.hookUser(by), "project": s.hookProject(p), "repository": s.hookRepository(p),
		"object_attributes": attributes, "labels": s.hookLabels(p, m.Labels), "changes": changes, "assignees": s.hookUsers(m.Assignees), "reviewers": s.hookUsers(reviewers)})
}

// differences is "changes" of a merge request's event.
func (s *Server) differences(p *project, was, now *MergeRequest) object {
	out := object{"updated_at": object{"previous": hookTime(was.UpdatedAt), "current": hookTime(now.UpdatedAt)}}
	note := func(name string, previous, current any, differ bool) {
		if differ {
			out[name] = object{"previous": previous, "current": current}
		}
	}
	states := map[string]int{Opened: 1, Closed: 2, Merged: 3, Locked: 4}
	names := func(m *MergeRequest) []string {
		return each(m.Reviewers, func(r Reviewer) string { return r.Username })
	}
	note("title", was.title(), now.title(), was.title() != now.title())
	note("description", was.Description, now.Description, was.Description != now.Description)
	note("draft", was.Draft, now.Draft, was.Draft != now.Draft)
	note("state_id", states[was.State], states[now.State], was.State != now.State)
	note("labels", s.hookLabels(p, was.Labels), s.hookLabels(p, now.Labels), !slices.Equal(was.Labels, now.Labels))
	note("reviewers", s.hookUsers(names(was)), s.hookUsers(names(now)), !slices.Equal(was.Reviewers, now.Reviewers))
	return out
}

func (s *Server) tellIssue(p *project, i *Issue, by, action string, changes object) {
	states := map[string]int{Opened: 1, Closed: 2}
	kind, event := "issue", "Issue Hook"
	if i.Confidential {
		kind, event = "confidential_issue", "Confidential Issue Hook"
	}
	s.hooks.tell(s, p, event, func(h *Hook) bool { return h.Issues }, object{
		"object_kind": "issue", "event_type": kind, "user": s.hookUser(by), "project": s.hookProject(p), "repository": s.hookRepository(p),
		"object_attributes": object{"id": i.ID, "iid": i.IID, "title": i.Title, "description": i.Description, "author_id": s.world.user(i.Author).ID,
			"assignee_ids": s.userIDs(i.Assignees), "project_id": p.ID, "created_at": hookTime(i.CreatedAt), "updated_at": hookTime(i.UpdatedAt),
			"closed_at": hookTime(i.ClosedAt), "state": i.State, "state_id": states[i.State], "confidential": i.Confidential, "due_date": orNull(i.DueOn),
			"url": s.address() + "/" + p.Path + "/-/issues/" + strconv.FormatInt(i.IID, 10), "labels": s.hookLabels(p, i.Labels), "action": action, "type": "Issue"},
		"labels": s.hookLabels(p, i.Labels), "changes": changes, "assignees": s.hookUsers(i.Assignees)})
}

func (s *Server) tellRelease(p *project, r *Release, action string) {
	var commit any
	if k, err := resolve(context.Background(), p, "refs/tags/"+r.Tag); err == nil {
		commit = s.hookCommit(p, k)
	}
	links := each(r.Links, func(l ReleaseLink) object {
		return object{"id": l.ID, "link_type": cmp.Or(l.Kind, "other"), "name": l.Name, "url": l.URL}
	})
	s.hooks.tell(s, p, "Release Hook", func(h *Hook) bool { return h.Releases }, object{
		"object_kind": "release", "id": r.ID, "created_at": hookTime(r.CreatedAt), "description": r.Description, "name": r.Name, "released_at": hookTime(r.ReleasedAt),
		"tag": r.Tag, "project": s.hookProject(p), "url": s.address() + "/" + p.Path + "/-/releases/" + r.Tag, "action": action,
		"assets": object{"count": len(links), "links": links, "sources": []any{}}, "commit": commit})
}
