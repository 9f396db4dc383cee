package githubtest

import (
	"context"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// What REST and webhooks say of the things of the state. They are maps, since GitHub leaves fields out by the route.

type object = map[string]any

// stamp writes a time as REST does, nil where it is not set.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}

// orNil returns nil for an empty text.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// api returns the address of a REST resource as it stands in answers.
func (g *GitHub) api(path string) string {
	if g.settings.Enterprise {
		return g.web("/api/v3" + path)
	}
	return "https://api." + g.settings.Host + path
}

func (g *GitHub) restActor(who any) object {
	switch a := who.(type) {
	case *User:
		return object{
			"login": a.Login, "id": a.DatabaseID, "node_id": identify(a), "avatar_url": "https://avatars.githubusercontent.com/u/" + itoa(a.DatabaseID) + "?v=4", "gravatar_id": "",
			"url": g.api("/users/" + a.Login), "html_url": g.web(page(a)), "type": "User", "user_view_type": "public", "site_admin": a.IsSiteAdmin,
		}
	case *Organization:
		return object{
			"login": a.Login, "id": a.DatabaseID, "node_id": identify(a), "avatar_url": "https://avatars.githubusercontent.com/u/" + itoa(a.DatabaseID) + "?v=4", "gravatar_id": "",
			"url": g.api("/users/" + a.Login), "html_url": g.web(page(a)), "type": "Organization", "user_view_type": "public", "site_admin": false,
		}
	case *bot:
		return object{
			"login": a.Login + "[bot]", "id": a.DatabaseID, "node_id": identify(a), "avatar_url": "https://avatars.githubusercontent.com/in/" + itoa(a.DatabaseID) + "?v=4", "gravatar_id": "",
			"url": g.api("/users/" + a.Login + "%5Bbot%5D"), "html_url": g.web(page(a)), "type": "Bot", "user_view_type": "public", "site_admin": false,
		}
	}
	return nil
}

func (g *GitHub) restOrganization(o *Organization) object {
	return object{
		"login": o.Login, "id": o.DatabaseID, "node_id": identify(o), "url": g.api("/orgs/" + o.Login), "repos_url": g.api("/orgs/" + o.Login + "/repos"),
		"avatar_url": "https://avatars.githubusercontent.com/u/" + itoa(o.DatabaseID) + "?v=4", "description": orNil(o.Description),
	}
}

func (g *GitHub) restTeam(t *Team) object {
	privacy := "closed"
	if t.Secret {
		privacy = "secret"
	}
	return object{
		"id": t.DatabaseID, "node_id": identify(t), "name": t.Name, "slug": t.Slug, "description": orNil(t.Description), "privacy": privacy, "permission": "pull",
		"url": g.api("/organizations/" + itoa(t.organization.DatabaseID) + "/team/" + itoa(t.DatabaseID)), "html_url": g.web(page(t)), "parent": nil,
	}
}

func (g *GitHub) restLicense(l *license) any {
	if l == nil {
		return nil
	}
	return object{"key": l.Key, "name": l.Name, "spdx_id": l.SpdxID, "url": g.api("/licenses/" + l.Key), "node_id": identify(l)}
}

// restRepository describes a repository as lists and webhooks do.
func (g *GitHub) restRepository(ctx context.Context, r *Repository) object {
	s := &summary{}
	if head, err := g.head(ctx, r); err == nil && head != nil {
		if known, err := g.summarise(ctx, head); err == nil {
			s = known
		}
	}
	var main, licence any
	if len(s.languages) > 0 {
		main = s.languages[0].Name
	}
	licence = g.restLicense(s.license)
	if r.License != "" {
		licence = g.restLicense(licenseNamed(r.License))
	}
	issues := 0
	for _, one := range r.items {
		issues += count(open(one.(item)))
	}
	name := r.NameWithOwner()
	address := g.api("/repos/" + name)
	return object{
		"id": r.DatabaseID, "node_id": identify(r), "name": r.Name, "full_name": name, "private": r.IsPrivate(), "owner": g.restActor(r.owner),
		"html_url": g.web("/" + name), "description": orNil(r.Description), "fork": r.IsFork, "url": address,
		"contributors_url": address + "/contributors", "commits_url": address + "/commits{/sha}", "contents_url": address + "/contents/{+path}",
		"trees_url": address + "/git/trees{/sha}", "compare_url": address + "/compare/{base}...{head}", "branches_url": address + "/branches{/branch}",
		"pulls_url": address + "/pulls{/number}", "issues_url": address + "/issues{/number}", "releases_url": address + "/releases{/id}",
		"created_at": stamp(r.CreatedAt), "updated_at": stamp(r.UpdatedAt), "pushed_at": stamp(r.PushedAt), "homepage": orNil(r.HomepageURL),
		"git_url": "git://" + g.settings.Host + "/" + name + ".git", "ssh_url": "git@" + g.settings.Host + ":" + name + ".git", "clone_url": g.web("/" + name + ".git"),
		"size": (s.size + 1023) / 1024, "stargazers_count": r.StargazerCount, "watchers_count": r.StargazerCount, "language": main,
		"has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
		"forks_count": r.ForkCount, "mirror_url": nil, "archived": r.IsArchived, "disabled": false, "open_issues_count": issues, "license": licence,
		"allow_forking": true, "is_template": r.IsTemplate, "web_commit_signoff_required": false, "topics": orEmpty(r.Topics),
		"visibility": strings.ToLower(r.Visibility), "forks": r.ForkCount, "open_issues": issues, "watchers": r.StargazerCount, "default_branch": r.DefaultBranch,
	}
}

func (g *GitHub) restLabel(l *Label) object {
	return object{
		"id": l.databaseID, "node_id": identify(l), "url": g.api("/repos/" + l.repository.NameWithOwner() + "/labels/" + strings.TrimPrefix(page(l), page(l.repository)+"/labels/")),
		"name": l.Name, "color": l.Color, "default": l.IsDefault, "description": orNil(l.Description),
	}
}

func (g *GitHub) restLabels(list []*Label) []any {
	out := []any{}
	for _, l := range list {
		out = append(out, g.restLabel(l))
	}
	return out
}

func (g *GitHub) restActors(list []*User) []any {
	out := []any{}
	for _, u := range list {
		out = append(out, g.restActor(u))
	}
	return out
}

func (g *GitHub) restMilestone(m *Milestone) any {
	if m == nil {
		return nil
	}
	return object{
		"id": m.databaseID, "node_id": identify(m), "number": m.Number, "title": m.Title, "description": orNil(m.Description), "state": strings.ToLower(m.State()),
		"html_url": g.web(page(m)), "url": g.api("/repos/" + m.repository.NameWithOwner() + "/milestones/" + itoa(m.Number)), "creator": g.restActor(m.creator),
		"created_at": stamp(m.CreatedAt), "updated_at": stamp(m.UpdatedAt), "due_on": stamp(m.DueOn), "closed_at": stamp(m.ClosedAt),
	}
}

// restItem describes what issues and pull requests have in common.
func (g *GitHub) restItem(i item, kind, path string) object {
	title, body, author, created := i.opened()
	r, state := i.in(), "closed"
	if open(i) {
		state = "open"
	}
	address := g.api("/repos/" + r.NameWithOwner() + "/" + kind + "/" + itoa(i.number()))
	assignees := g.restActors(*i.people())
	var assignee any
	if len(assignees) > 0 {
		assignee = assignees[0]
	}
	return object{
		"number": i.number(), "title": title, "body": orNil(body), "state": state, "user": g.restActor(author), "url": address, "html_url": g.web(path),
		"comments_url": g.api("/repos/" + r.NameWithOwner() + "/issues/" + itoa(i.number()) + "/comments"),
		"labels":       g.restLabels(*i.tags()), "assignee": assignee, "assignees": assignees, "milestone": g.restMilestone(milestoneOf(i)),
		"comments": len(*i.thread()), "created_at": stamp(created), "updated_at": stamp(updatedOf(i)), "closed_at": stamp(closedOf(i)),
		"author_association": g.association(author, r), "active_lock_reason": nil, "locked": false,
	}
}

func (g *GitHub) restIssue(i *Issue) object {
	out := g.restItem(i, "issues", page(i))
	out["id"], out["node_id"], out["repository_url"], out["locked"] = i.DatabaseID, identify(i), g.api("/repos/"+i.repository.NameWithOwner()), i.Locked
	out["state_reason"] = orNil(strings.ToLower(i.StateReason))
	return out
}

// restPullAsIssue describes a pull request where issues are listed.
func (g *GitHub) restPullAsIssue(p *PullRequest) object {
	out := g.restItem(p, "issues", page(p))
	address := g.api("/repos/" + p.repository.NameWithOwner() + "/pulls/" + itoa(p.Number))
	out["id"], out["node_id"], out["repository_url"], out["locked"] = p.DatabaseID, identify(p), g.api("/repos/"+p.repository.NameWithOwner()), p.Locked
	out["draft"], out["state_reason"] = p.IsDraft, nil
	out["pull_request"] = object{
		"url": address, "html_url": g.web(page(p)), "diff_url": g.web(page(p)) + ".diff", "patch_url": g.web(page(p)) + ".patch", "merged_at": stamp(p.MergedAt),
	}
	return out
}

func (g *GitHub) restPull(ctx context.Context, p *PullRequest) object {
	out := g.restItem(p, "pulls", page(p))
	c := &call{g: g, ctx: ctx}
	head, _ := p.head(ctx)
	base, _ := p.base(ctx)
	b, err := c.compared(p)
	if err != nil {
		b = &between{}
	}
	r := p.repository
	side := func(name string, oid git.OID) object {
		return object{"label": ownerLogin(r.owner) + ":" + name, "ref": name, "sha": string(oid), "user": g.restActor(r.owner), "repo": g.restRepository(ctx, r)}
	}
	reviewers, teams := []any{}, []any{}
	for _, one := range p.requests {
		switch reviewer := one.reviewer.(type) {
		case *User:
			reviewers = append(reviewers, g.restActor(reviewer))
		case *Team:
			teams = append(teams, g.restTeam(reviewer))
		}
	}
	var mergeable any
	if p.State() == "OPEN" {
		mergeable = !b.conflicted
	}
	for key, value := range (object{
		"id": p.DatabaseID, "node_id": identify(p), "draft": p.IsDraft, "locked": p.Locked, "merged": p.Merged(), "merged_at": stamp(p.MergedAt),
		"merged_by": nil, "merge_commit_sha": orNil(p.MergeOID), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": "unknown",
		"head": side(p.HeadRefName, head), "base": side(p.BaseRefName, base), "requested_reviewers": reviewers, "requested_teams": teams,
		"commits": len(b.commits), "additions": lines(b.files, func(f git.ChangedFile) int { return f.Additions }),
		"deletions": lines(b.files, func(f git.ChangedFile) int { return f.Deletions }), "changed_files": len(b.files), "review_comments": 0,
		"maintainer_can_modify": p.MaintainerCanModify, "auto_merge": nil, "issue_url": g.api("/repos/" + r.NameWithOwner() + "/issues/" + itoa(p.Number)),
		"diff_url": g.web(page(p)) + ".diff", "patch_url": g.web(page(p)) + ".patch",
	}) {
		out[key] = value
	}
	if p.mergedBy != nil {
		out["merged_by"] = g.restActor(p.mergedBy)
	}
	return out
}

func (g *GitHub) restComment(c *Comment) object {
	return object{
		"id": c.DatabaseID, "node_id": identify(c), "body": c.Body, "user": g.restActor(c.author), "html_url": g.web(page(c)),
		"url":        g.api("/repos/" + c.on.in().NameWithOwner() + "/issues/comments/" + itoa(c.DatabaseID)),
		"issue_url":  g.api("/repos/" + c.on.in().NameWithOwner() + "/issues/" + itoa(c.on.number())),
		"created_at": stamp(c.CreatedAt), "updated_at": stamp(c.UpdatedAt), "author_association": g.association(c.author, c.on.in()),
	}
}

func (g *GitHub) restReview(v *Review) object {
	return object{
		"id": v.DatabaseID, "node_id": identify(v), "body": orNil(v.Body), "user": g.restActor(v.author), "state": strings.ToLower(v.State), "html_url": g.web(page(v)),
		"pull_request_url": g.api("/repos/" + v.pull.repository.NameWithOwner() + "/pulls/" + itoa(v.pull.Number)), "commit_id": orNil(v.CommitOID),
		"submitted_at": stamp(v.SubmittedAt), "author_association": g.association(v.author, v.pull.repository),
	}
}

func (g *GitHub) restRelease(r *Release) object {
	assets := []any{}
	for i := range r.Assets {
		a := &r.Assets[i]
		assets = append(assets, object{
			"id": a.databaseID, "node_id": identify(a), "name": a.Name, "label": nil, "content_type": a.ContentType, "state": "uploaded", "size": a.Size,
			"download_count": a.DownloadCount, "browser_download_url": g.web(a.path()), "created_at": stamp(a.CreatedAt), "updated_at": stamp(a.UpdatedAt),
			"url": g.api("/repos/" + r.repository.NameWithOwner() + "/releases/assets/" + itoa(a.databaseID)), "uploader": g.restActor(r.author),
		})
	}
	address := g.api("/repos/" + r.repository.NameWithOwner() + "/releases/" + itoa(r.DatabaseID))
	return object{
		"id": r.DatabaseID, "node_id": identify(r), "tag_name": r.TagName, "name": orNil(r.Name), "body": orNil(r.Description), "draft": r.IsDraft, "prerelease": r.IsPrerelease,
		"author": g.restActor(r.author), "created_at": stamp(r.CreatedAt), "published_at": stamp(r.PublishedAt), "html_url": g.web(page(r)), "url": address,
		"assets_url": address + "/assets", "upload_url": address + "/assets{?name,label}", "target_commitish": r.repository.DefaultBranch, "assets": assets,
		"tarball_url": g.api("/repos/" + r.repository.NameWithOwner() + "/tarball/" + r.TagName), "zipball_url": g.api("/repos/" + r.repository.NameWithOwner() + "/zipball/" + r.TagName),
	}
}

// statuses are how REST calls the ways a file changes.
var statuses = map[git.Change]string{
	git.Added: "added", git.Deleted: "removed", git.Modified: "modified", git.Renamed: "renamed", git.Copied: "copied", git.TypeChanged: "changed",
}

func (g *GitHub) restFile(r *Repository, oid git.OID, f git.ChangedFile) object {
	out := object{
		"filename": f.Path, "status": statuses[f.Change], "additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
		"blob_url": g.web(page(r) + "/blob/" + string(oid) + "/" + f.Path), "raw_url": g.web(page(r) + "/raw/" + string(oid) + "/" + f.Path),
		"contents_url": g.api("/repos/" + r.NameWithOwner() + "/contents/" + f.Path + "?ref=" + string(oid)),
	}
	if f.PreviousPath != "" {
		out["previous_filename"] = f.PreviousPath
	}
	return out
}

func (g *GitHub) restPerson(p git.Person) object {
	return object{"name": p.Name, "email": p.Email, "date": stamp(p.At)}
}
