package gitlabtest

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) projectRoutes(get getter) {
	get("/projects", func(c *call) (any, error) { return c.projectPage(func(*project) bool { return true }) })
	get("/users/{id}/projects", func(c *call) (any, error) {
		owner := c.r.PathValue("id")
		if id, err := strconv.ParseInt(owner, 10, 64); err == nil && c.world.byUserID[id] != nil {
			owner = c.world.byUserID[id].Username
		}
		return c.projectPage(func(p *project) bool { return strings.EqualFold(path.Dir(p.Path), owner) })
	})
	get("/projects/{id}", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		o := c.project(p)
		if c.flag("license") {
			o["license_url"], o["license"] = nil, nil
			if l := p.License; l.Key != "" {
				o["license_url"] = c.web(p) + "/-/blob/" + p.DefaultBranch + "/LICENSE"
				o["license"] = object{"key": l.Key, "name": l.Name, "nickname": orNull(l.Nickname), "html_url": orNull(l.URL), "source_url": orNull(l.SourceURL)}
			}
		}
		if c.flag("statistics") && c.world.access(c.viewer, p) >= Reporter {
			commits := 0
			if p.repository != nil {
				if head, err := c.resolve(p, p.DefaultBranch); err == nil {
					commits, _ = p.repository.Count(c.r.Context(), head.OID, all)
				}
			}
			o["statistics"] = object{"commit_count": commits, "storage_size": 0, "repository_size": 0, "wiki_size": 0, "lfs_objects_size": 0,
				"job_artifacts_size": 0, "pipeline_artifacts_size": 0, "packages_size": 0, "snippets_size": 0, "uploads_size": 0, "container_registry_size": 0}
		}
		return o, nil
	})
	get("/projects/{id}/languages", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		o := object{}
		for _, l := range p.Languages {
			o[l.Name] = l.Share
		}
		return o, nil
	})
	get("/projects/{id}/members", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		return c.memberPage(c.world.merged(slices.Clone(p.Members)))
	})
	get("/projects/{id}/members/all", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		return c.memberPage(c.world.members(p))
	})
	get("/projects/{id}/protected_branches", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		if c.world.access(c.viewer, p) < Developer {
			return nil, forbidden
		}
		search := c.query.Get("search")
		list, err := page(c, slices.DeleteFunc(slices.Clone(p.Protected), func(b ProtectedBranch) bool { return !strings.Contains(b.Name, search) }))
		return each(list, c.protectedBranch), err
	})
	get("/projects/{id}/protected_branches/{name}", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		if c.world.access(c.viewer, p) < Developer {
			return nil, forbidden
		}
		for _, b := range p.Protected {
			if b.Name == c.r.PathValue("name") {
				return c.protectedBranch(b), nil
			}
		}
		return nil, message(http.StatusNotFound, "Not found")
	})
}

// projectAsked returns the project of the address, by its number or path.
func (c *call) projectAsked() (*project, error) {
	text := c.r.PathValue("id")
	p := c.world.project(text)
	if id, err := strconv.ParseInt(text, 10, 64); err == nil {
		p = c.world.byID[id]
	}
	if p == nil || !c.world.sees(c.viewer, p) {
		return nil, absent("Project")
	}
	return p, nil
}

// projectPage lists the wanted projects that the viewer sees.
func (c *call) projectPage(wanted func(*project) bool) (any, error) {
	q := c.query
	var found []*project
	for _, p := range c.world.order {
		if wanted(p) && c.world.sees(c.viewer, p) && c.selected(p, q) {
			found = append(found, p)
		}
	}
	orderBy, sort := cmp.Or(q.Get("order_by"), "created_at"), cmp.Or(q.Get("sort"), "desc")
	keys := map[string]func(a, b *project) int{
		"id":               func(a, b *project) int { return cmp.Compare(a.ID, b.ID) },
		"name":             func(a, b *project) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
		"path":             func(a, b *project) int { return cmp.Compare(path.Base(a.Path), path.Base(b.Path)) },
		"created_at":       func(a, b *project) int { return a.CreatedAt.Compare(b.CreatedAt) },
		"updated_at":       func(a, b *project) int { return a.LastActivity.Compare(b.LastActivity) },
		"last_activity_at": func(a, b *project) int { return a.LastActivity.Compare(b.LastActivity) },
		"star_count":       func(a, b *project) int { return cmp.Compare(a.Stars, b.Stars) },
	}
	by := keys[orderBy]
	switch {
	case by == nil:
		return nil, invalid("order_by")
	case sort != "asc" && sort != "desc":
		return nil, invalid("sort")
	}
	slices.SortStableFunc(found, func(a, b *project) int {
		order := cmp.Or(by(a, b), cmp.Compare(a.ID, b.ID))
		if sort == "desc" {
			return -order
		}
		return order
	})
	show := c.project
	if c.flag("simple") || c.viewer == nil {
		show = c.simpleProject
	}
	if q.Get("pagination") == "keyset" {
		if orderBy != "id" {
			return nil, fault{http.StatusMethodNotAllowed, object{"error": "Keyset pagination is not yet available for this type of request"}}
		}
		return c.projectsByKey(found, sort, show)
	}
	list, err := page(c, found)
	return each(list, show), err
}

// projectsByKey pages as GitLab does for projects: the next page is all after, or before, an id.
func (c *call) projectsByKey(found []*project, sort string, show func(*project) object) (any, error) {
	p, err := c.paging()
	if err != nil {
		return nil, err
	}
	parameter := "id_after"
	if sort == "desc" {
		parameter = "id_before"
	}
	to := min(p.PerPage, len(found))
	if to < len(found) {
		c.w.Header().Set("Link", c.link("next", map[string]string{parameter: strconv.FormatInt(found[to-1].ID, 10)}))
	}
	return each(found[:to], show), nil
}

// selected reports whether a project is one of those that the parameters of a list select.
func (c *call) selected(p *project, q url.Values) bool {
	number := func(name string) int64 { n, _ := strconv.ParseInt(q.Get(name), 10, 64); return n }
	var topics []string
	if q.Get("topic") != "" {
		topics = strings.Split(q.Get("topic"), ",")
	}
	search := strings.ToLower(q.Get("search"))
	inPath := p.Name + "\n" + path.Base(p.Path) + "\n" + p.Description
	if c.flag("search_namespaces") {
		inPath += "\n" + p.Path
	}
	switch {
	case q.Get("archived") != "" && c.flag("archived") != p.Archived,
		q.Get("visibility") != "" && q.Get("visibility") != string(p.Visibility),
		!strings.Contains(strings.ToLower(inPath), search),
		c.flag("membership") && c.world.access(c.viewer, p) == NoAccess,
		c.flag("owned") && c.world.access(c.viewer, p) < Owner,
		c.world.access(c.viewer, p) < Access(number("min_access_level")),
		q.Get("id_after") != "" && p.ID <= number("id_after"),
		q.Get("id_before") != "" && p.ID >= number("id_before"):
		return false
	}
	for _, topic := range topics {
		if !slices.Contains(p.Topics, topic) {
			return false
		}
	}
	if after, err := time.Parse(time.RFC3339, q.Get("last_activity_after")); err == nil && !p.LastActivity.After(after) {
		return false
	}
	return true
}

// web is the address of a project's pages.
func (c *call) web(p *project) string { return c.root + "/" + p.Path }

func (c *call) host() string {
	if u, err := url.Parse(c.root); err == nil {
		return u.Hostname()
	}
	return "gitlab"
}

func (c *call) simpleProject(p *project) object {
	namespace := path.Dir(p.Path)
	ns := object{"name": "", "path": path.Base(namespace), "full_path": namespace, "avatar_url": nil, "parent_id": nil}
	if g := c.world.group(namespace); g != nil {
		ns["id"], ns["name"], ns["kind"], ns["web_url"] = g.ID, g.Name, "group", c.root+"/groups/"+g.Path
		if above := c.world.group(path.Dir(g.Path)); above != nil {
			ns["parent_id"] = above.ID
		}
	} else if u := c.world.user(namespace); u != nil {
		ns["id"], ns["name"], ns["kind"], ns["web_url"] = u.ID, u.Name, "user", c.root+"/"+u.Username
	}
	var readme any
	if p.repository != nil {
		readme = c.web(p) + "/-/blob/" + p.DefaultBranch + "/README.md"
	}
	return object{"id": p.ID, "description": p.Description, "name": p.Name, "name_with_namespace": c.fullName(namespace) + " / " + p.Name,
		"path": path.Base(p.Path), "path_with_namespace": p.Path, "created_at": at(p.CreatedAt), "default_branch": orNull(p.DefaultBranch), "tag_list": p.topics(),
		"topics": p.topics(), "ssh_url_to_repo": "git@" + c.host() + ":" + p.Path + ".git", "http_url_to_repo": c.web(p) + ".git", "web_url": c.web(p),
		"readme_url": readme, "forks_count": p.Forks, "avatar_url": nil, "star_count": p.Stars, "last_activity_at": at(p.LastActivity), "namespace": ns,
		"visibility": p.Visibility}
}

func (p *project) topics() []string { return append([]string{}, p.Topics...) }

func (c *call) project(p *project) object {
	o := c.simpleProject(p)
	for name, value := range (object{"archived": p.Archived, "empty_repo": p.repository == nil, "owner": nil, "creator_id": 1, "import_status": "none",
		"open_issues_count": p.openIssues(), "updated_at": at(p.LastActivity), "issues_enabled": true, "merge_requests_enabled": true, "wiki_enabled": true,
		"jobs_enabled": true, "snippets_enabled": true, "container_registry_enabled": true, "shared_runners_enabled": true, "lfs_enabled": true,
		"public_jobs": true, "request_access_enabled": p.RequestAccess, "shared_with_groups": []any{}, "merge_method": "merge", "squash_option": "default_off",
		"only_allow_merge_if_pipeline_succeeds": false, "only_allow_merge_if_all_discussions_are_resolved": false,
		"remove_source_branch_after_merge": true, "issues_access_level": "enabled", "repository_access_level": "enabled", "merge_requests_access_level": "enabled",
		"marked_for_deletion_on": nil,
		"_links": object{"self": c.api(p), "issues": c.api(p) + "/issues", "merge_requests": c.api(p) + "/merge_requests",
			"repo_branches": c.api(p) + "/repository/branches", "labels": c.api(p) + "/labels", "events": c.api(p) + "/events", "members": c.api(p) + "/members"}}) {
		o[name] = value
	}
	if u := c.world.user(path.Dir(p.Path)); u != nil {
		o["owner"] = c.basicUser(u)
	}
	if from := c.world.project(p.ForkedFrom); from != nil {
		o["forked_from_project"] = c.simpleProject(from)
	}
	if level := c.world.access(c.viewer, p); c.viewer != nil {
		o["permissions"] = object{"project_access": nil, "group_access": nil}
		if level > NoAccess {
			o["permissions"] = object{"project_access": object{"access_level": level, "notification_level": 3}, "group_access": nil}
		}
	}
	return o
}

func (c *call) api(p *project) string {
	return c.root + "/api/v4/projects/" + strconv.FormatInt(p.ID, 10)
}

func (p *project) openIssues() int {
	n := 0
	for _, i := range p.issues {
		if i.State == Opened {
			n++
		}
	}
	return n
}

func (p *project) openMergeRequests() int {
	n := 0
	for _, m := range p.mergeRequests {
		if m.State == Opened {
			n++
		}
	}
	return n
}

// accessNames are how protected branches describe who may.
var accessNames = map[Access]string{NoAccess: "No one", Developer: "Developers + Maintainers", Maintainer: "Maintainers", Owner: "Owners"}

func (c *call) protectedBranch(b ProtectedBranch) object {
	level := func(n int64, a Access) []object {
		return []object{{"id": b.ID*10 + n, "access_level": a, "access_level_description": accessNames[a], "user_id": nil, "group_id": nil, "deploy_key_id": nil}}
	}
	o := object{"id": b.ID, "name": b.Name, "push_access_levels": level(1, b.Push), "merge_access_levels": level(2, b.Merge), "allow_force_push": b.AllowForcePush}
	if c.settings.Free {
		for _, name := range []string{"push_access_levels", "merge_access_levels"} {
			delete(o[name].([]object)[0], "user_id")
			delete(o[name].([]object)[0], "group_id")
		}
		return o
	}
	o["unprotect_access_levels"], o["code_owner_approval_required"] = []any{}, b.CodeOwnerApproval
	return o
}
