"""Drives a simulated GitLab with python-gitlab: what GitLab's users have agreed to read must be there.

Arguments: the address, the tokens of Ada, Rita and Otto. Prints nothing and ends with 0 where all is as expected.
"""

import sys

import gitlab

address, ada, rita, otto = sys.argv[1:5]
SEARCH = "larkfold/platform/search"


def eq(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def refused(status, ask):
    try:
        ask()
    except gitlab.exceptions.GitlabError as e:
        eq(e.response_code, status)
        return str(e)
    raise AssertionError(f"not refused with {status}")


gl = gitlab.Gitlab(address, private_token=ada)
admin = gitlab.Gitlab(address, private_token=rita)
bearer = gitlab.Gitlab(address, oauth_token=rita)
anonymous = gitlab.Gitlab(address)

# Who, and what.
gl.auth()
eq(gl.user.username, "ada")
bearer.auth()
eq(bearer.user.username, "rita")
eq(gl.version()[0], "18.6.0-ee")
eq([u.name for u in gl.users.list(username="max")], ["Max Committer"])
eq(gl.users.get(gl.user.id).username, "ada")
eq(len(gl.users.list(all=True)), 6)

# Projects.
eq(sorted(p.path_with_namespace for p in gl.projects.list(iterator=True, per_page=2)),
   sorted(["ada/dotfiles", "larkfold/apps/player", "larkfold/handbook", "larkfold/platform/empty", SEARCH]))
eq([p.path for p in anonymous.projects.list(all=True)], ["player"])
eq([p.path for p in gl.projects.list(search="sea", all=True)], ["search"])
eq([p.path for p in gl.projects.list(topic="go", all=True)], ["search"])
project = gl.projects.get(SEARCH, license=True, statistics=True)
eq(project.description, "Finds music")
eq(project.topics, ["go", "search"])
eq(project.license["key"], "apache-2.0")
eq(project.statistics["commit_count"], 3)
eq(project.default_branch, "main")
eq(gl.projects.get(project.id).path_with_namespace, SEARCH)
eq(project.languages(), {"Go": 90.5, "Shell": 9.5})
by_key = gl.projects.list(pagination="keyset", order_by="id", sort="asc", per_page=2, iterator=True)
eq(len(list(by_key)), 5)

# What git holds.
eq([e["path"] for e in project.repository_tree(all=True)],
   ["docs", "README.md", "catalog-info.yaml", "rank.go", "run.go"])
recursive = project.repository_tree(ref="feature/ranking", recursive=True, iterator=True, pagination="keyset", per_page=3)
eq(len(list(recursive)), 10)
f = project.files.get(file_path="docs/api/catalog-info.yaml", ref="main")
eq(f.decode(), b"kind: API\n")
eq(f.file_name, "catalog-info.yaml")
eq(project.files.raw(file_path="rank.go", ref="feature/ranking"), b"package main\n\nfunc rank() int { return 2 }\n")
blob = [e for e in project.repository_tree() if e["name"] == "rank.go"][0]
eq(project.repository_raw_blob(blob["id"]), b"package main\n\nfunc rank() int { return 1 }\n")
commits = project.commits.list(get_all=False)
eq([c.title for c in commits], ["Move main", "Rank by plays", "Begin"])
eq([c.title for c in project.commits.list(query_parameters={"ref_name": "feature/ranking", "path": "rank.go"}, all=True)], ["Rank by taste", "Rank by plays"])
eq([c.title for c in project.commits.list(since="2026-02-01T00:00:00Z", all=True)], ["Move main"])
commit = project.commits.get("main")
eq(commit.author_email, "ada@example.com")
eq(commit.stats, {"additions": 0, "deletions": 0, "total": 0})
diff = list(commit.diff())
eq((diff[0]["old_path"], diff[0]["new_path"], diff[0]["renamed_file"]), ("main.go", "run.go", True))
eq([b.name for b in project.branches.list(all=True)], ["feature/ranking", "main", "old"])
main = project.branches.get("main")
eq((main.default, main.protected, main.developers_can_merge, main.developers_can_push), (True, True, True, False))
eq(project.branches.get("feature/ranking").commit["title"], "Explain taste")
eq([t.name for t in project.tags.list(all=True)], ["v1.1.0", "v1.0.0"])
eq(project.tags.get("v1.0.0").release["description"], "The first")
comparison = project.repository_compare("main", "feature/ranking")
eq([c["title"] for c in comparison["commits"]], ["Rank by taste", "Explain taste"])
eq([d["new_path"] for d in comparison["diffs"]], ["docs/taste.md", "rank.go", "taste.go"])
eq([(c["name"], c["commits"]) for c in project.repository_contributors()], [("Ada Writer", 3)])
eq(project.repository_merge_base(["main", "feature/ranking"])["title"], "Rank by plays")

# Merge requests.
eq([m.iid for m in project.mergerequests.list(state="opened", order_by="updated_at", all=True)], [5, 4, 1])
eq([m.iid for m in project.mergerequests.list(labels=["bug", "relevance"], all=True)], [1])
mr = project.mergerequests.get(1)
eq(mr.title, "Rank by taste")
eq(mr.detailed_merge_status, "not_approved")
eq([r["username"] for r in mr.reviewers], ["rita", "max"])
eq([c.title for c in mr.commits()], ["Explain taste", "Rank by taste"])
approvals = mr.approvals.get()
eq((approvals.approved, approvals.approvals_required, approvals.approvals_left), (False, 2, 1))
eq([a["user"]["username"] for a in approvals.approved_by], ["rita"])
eq([m.iid for m in gl.mergerequests.list(scope="all", reviewer_username="ada", state="opened", all=True)], [5, 4])
eq([m.iid for m in gl.mergerequests.list(scope="created_by_me", state="closed", all=True)], [3])

# Issues, labels, releases, protected branches, members.
eq([i.title for i in admin.projects.get(SEARCH).issues.list(state="opened", all=True)], ["Secret", "Results are dull"])
eq(project.issues.get(1).assignees[0]["username"], "ada")
eq([l.name for l in project.labels.list(all=True)], ["bug", "relevance", "ünïcode & co"])
eq(project.labels.get("bug").color, "#d9534f")
eq([r.tag_name for r in project.releases.list(all=True)], ["v1.1.0", "v1.0.0"])
eq(project.releases.get("v1.0.0").commit["title"], "Begin")
eq([b.name for b in project.protectedbranches.list(all=True)], ["main", "release/*"])
eq(project.protectedbranches.get("release/*").merge_access_levels[0]["access_level"], gitlab.const.AccessLevel.MAINTAINER)
eq(sorted(m.username for m in project.members_all.list(all=True)), ["ada", "max", "renovate", "rita"])
eq(project.members.list(all=True), [])

# Groups.
group = gl.groups.get("larkfold/platform")
eq(group.full_name, "Larkfold / Platform")
eq([p.path for p in gl.groups.get("larkfold").projects.list(include_subgroups=True, order_by="name", sort="asc", all=True)],
   ["empty", "handbook", "player", "search"])
eq([g.full_path for g in gl.groups.get("larkfold").descendant_groups.list(all=True)], ["larkfold/apps", "larkfold/platform"])
eq(sorted(m.username for m in group.members_all.list(all=True)), ["ada", "max", "renovate", "rita"])
eq(sorted(b["path"] for b in gl.groups.get("larkfold").search(gitlab.const.SearchScope.BLOBS, "filename:catalog-info.yaml")),
   ["catalog-info.yaml", "catalog-info.yaml", "docs/api/catalog-info.yaml"])
eq([b["path"] for b in project.search(gitlab.const.SearchScope.BLOBS, "rank")], ["rank.go"])

# Pages.
page = project.mergerequests.list(iterator=True, per_page=2, page=2)
eq((page.current_page, page.per_page, page.prev_page, page.next_page, page.total, page.total_pages), (2, 2, 1, 3, 5, 3))
page = project.commits.list(iterator=True, per_page=2)
eq((page.total, page.next_page), (None, 2))

# What changes things.
outside = admin.projects.get(SEARCH)
hook = outside.hooks.create({"url": "https://callboard.example/hook", "push_events": False, "issues_events": True, "token": "x"})
eq((hook.push_events, hook.issues_events, hook.token_present), (False, True, True))
eq(len(outside.hooks.list(all=True)), 1)
hook.delete()
eq(outside.hooks.list(all=True), [])
issue = project.issues.create({"title": "New", "labels": ["bug"]})
issue.state_event = "close"
issue.save()
eq(project.issues.get(issue.iid).state, "closed")
theirs = project.mergerequests.get(4)
theirs.approve()
eq([a["user"]["username"] for a in project.mergerequests.get(4).approvals.get().approved_by], ["ada"])
theirs.unapprove()
eq(project.mergerequests.get(4).approvals.get().approved_by, [])
theirs.state_event = "close"
theirs.save()
eq(project.mergerequests.get(4).state, "closed")

# What is refused.
foreign = gitlab.Gitlab(address, private_token=otto)
assert "404 Project Not Found" in refused(404, lambda: foreign.projects.get(SEARCH))
assert "404 Group Not Found" in refused(404, lambda: foreign.groups.get("larkfold/platform"))
assert "401 Unauthorized" in refused(401, lambda: gitlab.Gitlab(address, private_token="glpat-no").auth())
assert "404 File Not Found" in refused(404, lambda: project.files.get(file_path="no/such", ref="main"))
assert "404 Branch Not Found" in refused(404, lambda: project.branches.get("no"))
assert "404 Commit Not Found" in refused(404, lambda: project.commits.get("no"))
assert "403 Forbidden" in refused(403, lambda: project.hooks.list())
refused(404, lambda: project.mergerequests.get(99))
refused(400, lambda: project.mergerequests.list(state="open"))
refused(404, lambda: gl.projects.get("larkfold/platform/empty").commits.list())
