package gitlabtest

import (
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) issueRoutes(get getter, change changer) {
	get("/projects/{id}/issues", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		return c.issuePage(p)
	})
	get("/projects/{id}/issues/{iid}", func(c *call) (any, error) {
		p, i, err := c.issueAsked()
		if err != nil {
			return nil, err
		}
		return c.issue(p, i), nil
	})
	change("POST /projects/{id}/issues", http.StatusCreated, func(c *call) (any, error) {
		s.mu.RLock()
		p, err := c.projectAsked()
		if err != nil {
			s.mu.RUnlock()
			return nil, err
		}
		path := p.Path
		s.mu.RUnlock()
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		if sent.Get("title") == "" {
			return nil, fault{http.StatusBadRequest, object{"error": "title is missing"}}
		}
		iid, err := s.OpenIssue(path, Issue{Title: sent.Get("title"), Description: sent.Get("description"), Author: c.viewer.Username, Labels: splitLabels(sent.Get("labels"))})
		if err != nil {
			return nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return c.issue(p, p.issue(iid)), nil
	})
	change("PUT /projects/{id}/issues/{iid}", http.StatusOK, func(c *call) (any, error) {
		s.mu.RLock()
		p, i, err := c.issueAsked()
		if err == nil && c.world.access(c.viewer, p) < Planner && c.viewer.Username != i.Author {
			err = forbidden
		}
		if err != nil {
			s.mu.RUnlock()
			return nil, err
		}
		path, iid := p.Path, i.IID
		s.mu.RUnlock()
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		err = s.ChangeIssue(path, iid, c.viewer.Username, func(i *Issue) {
			i.Title, i.Description = cmp.Or(sent.Get("title"), i.Title), cmp.Or(sent.Get("description"), i.Description)
			switch sent.Get("state_event") {
			case "close":
				i.State = Closed
			case "reopen":
				i.State = Opened
			}
		})
		if err != nil {
			return nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return c.issue(p, i), nil
	})
	get("/projects/{id}/labels", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		search := strings.ToLower(c.query.Get("search"))
		found := slices.DeleteFunc(slices.Clone(p.Labels), func(l Label) bool { return !strings.Contains(strings.ToLower(l.Name), search) })
		slices.SortFunc(found, func(a, b Label) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
		list, err := page(c, found)
		return each(list, func(l Label) object { return c.label(p, l) }), err
	})
	get("/projects/{id}/labels/{name}", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		for _, l := range p.Labels {
			if name := c.r.PathValue("name"); l.Name == name || strconv.FormatInt(l.ID, 10) == name {
				return c.label(p, l), nil
			}
		}
		return nil, absent("Label")
	})
	get("/projects/{id}/releases", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		found := slices.Clone(p.releases)
		by := func(r *Release) time.Time { return r.ReleasedAt }
		if c.query.Get("order_by") == "created_at" {
			by = func(r *Release) time.Time { return r.CreatedAt }
		}
		slices.SortStableFunc(found, func(a, b *Release) int {
			if order := by(a).Compare(by(b)); c.query.Get("sort") == "asc" {
				return order
			} else {
				return -order
			}
		})
		list, err := page(c, found)
		return each(list, func(r *Release) object { return c.release(p, r) }), err
	})
	get("/projects/{id}/releases/{tag}", func(c *call) (any, error) {
		p, err := c.projectAsked()
		if err != nil {
			return nil, err
		}
		for _, r := range p.releases {
			if r.Tag == c.r.PathValue("tag") {
				return c.release(p, r), nil
			}
		}
		return nil, message(http.StatusNotFound, "Not Found")
	})
}

// sent reads the body of a change, JSON or a form, as text by name.
func (c *call) sent() (url.Values, error) {
	const most = 1 << 20
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, most)
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" {
		if err := c.r.ParseForm(); err != nil {
			return nil, fault{http.StatusBadRequest, object{"error": "the form cannot be read"}}
		}
		return c.r.Form, nil
	}
	body, err := io.ReadAll(c.r.Body)
	var values map[string]any
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &values)
	}
	if err != nil {
		return nil, fault{http.StatusBadRequest, object{"error": "Bad Request"}}
	}
	out := url.Values{}
	for name, value := range values {
		switch v := value.(type) {
		case string:
			out.Set(name, v)
		case bool:
			out.Set(name, strconv.FormatBool(v))
		case float64:
			out.Set(name, strconv.FormatFloat(v, 'f', -1, 64))
		case []any:
			var parts []string
			for _, part := range v {
				if text, ok := part.(string); ok {
					parts = append(parts, text)
				}
			}
			out.Set(name, strings.Join(parts, ","))
		}
	}
	return out, nil
}

func (c *call) issueAsked() (*project, *Issue, error) {
	p, err := c.projectAsked()
	if err != nil {
		return nil, nil, err
	}
	iid, err := strconv.ParseInt(c.r.PathValue("iid"), 10, 64)
	if err != nil {
		return nil, nil, fault{http.StatusBadRequest, object{"error": "issue_iid is invalid"}}
	}
	if i := p.issue(iid); i != nil && c.world.seesIssue(c.viewer, p, i) {
		return p, i, nil
	}
	return nil, nil, absent("Issue")
}

func (p *project) issue(iid int64) *Issue {
	for _, i := range p.issues {
		if i.IID == iid {
			return i
		}
	}
	return nil
}

func (c *call) issuePage(p *project) (any, error) {
	q := c.query
	state, search := q.Get("state"), strings.ToLower(q.Get("search"))
	if state != "" && !slices.Contains([]string{Opened, Closed, "all"}, state) {
		return nil, invalid("state")
	}
	var found []*Issue
	for _, i := range p.issues {
		switch {
		case !c.world.seesIssue(c.viewer, p, i),
			state != "" && state != "all" && state != i.State,
			q.Get("author_username") != "" && q.Get("author_username") != i.Author,
			q.Get("assignee_username") != "" && !slices.Contains(i.Assignees, q.Get("assignee_username")),
			!strings.Contains(strings.ToLower(i.Title+"\n"+i.Description), search),
			slices.ContainsFunc(splitLabels(q.Get("labels")), func(l string) bool { return !slices.Contains(i.Labels, l) }),
			len(q["iids[]"]) > 0 && !slices.Contains(q["iids[]"], strconv.FormatInt(i.IID, 10)),
			!within(q, "created", i.CreatedAt), !within(q, "updated", i.UpdatedAt):
		default:
			found = append(found, i)
		}
	}
	byUpdate, ascending := q.Get("order_by") == "updated_at", q.Get("sort") == "asc"
	slices.SortStableFunc(found, func(a, b *Issue) int {
		order := cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		if byUpdate {
			order = cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
		}
		if !ascending {
			return -order
		}
		return order
	})
	list, err := page(c, found)
	return each(list, func(i *Issue) object { return c.issue(p, i) }), err
}

func (c *call) issue(p *project, i *Issue) object {
	number := strconv.FormatInt(i.IID, 10)
	self := c.api(p) + "/issues/" + number
	o := object{"id": i.ID, "iid": i.IID, "project_id": p.ID, "title": i.Title, "description": orNull(i.Description), "state": i.State, "created_at": at(i.CreatedAt),
		"updated_at": at(i.UpdatedAt), "closed_at": at(i.ClosedAt), "closed_by": c.userNamed(i.ClosedBy), "labels": append([]string{}, i.Labels...), "milestone": nil,
		"assignees": c.usersNamed(i.Assignees), "assignee": nil, "author": c.userNamed(i.Author), "type": "ISSUE", "issue_type": "issue", "user_notes_count": i.Comments,
		"merge_requests_count": 0, "upvotes": i.Upvotes, "downvotes": 0, "due_date": orNull(i.DueOn), "confidential": i.Confidential, "discussion_locked": nil,
		"web_url":                c.web(p) + "/-/issues/" + number,
		"time_stats":             object{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil},
		"task_completion_status": object{"count": 0, "completed_count": 0}, "has_tasks": false, "moved_to_id": nil, "imported": false, "imported_from": "none",
		"references": object{"short": "#" + number, "relative": "#" + number, "full": p.Path + "#" + number}, "severity": "UNKNOWN", "service_desk_reply_to": nil,
		"_links": object{"self": self, "notes": self + "/notes", "award_emoji": self + "/award_emoji", "project": c.api(p), "closed_as_duplicate_of": nil}}
	if len(i.Assignees) > 0 {
		o["assignee"] = c.userNamed(i.Assignees[0])
	}
	if !c.settings.Free {
		o["weight"], o["health_status"], o["epic_iid"], o["epic"], o["iteration"] = nil, nil, nil, nil, nil
		if i.Weight > 0 {
			o["weight"] = i.Weight
		}
	}
	return o
}

func (c *call) label(p *project, l Label) object {
	open, closed, merging := 0, 0, 0
	for _, i := range p.issues {
		if slices.Contains(i.Labels, l.Name) {
			if i.State == Opened {
				open++
			} else {
				closed++
			}
		}
	}
	for _, m := range p.mergeRequests {
		if m.State == Opened && slices.Contains(m.Labels, l.Name) {
			merging++
		}
	}
	var priority any
	if l.Priority > 0 {
		priority = l.Priority
	}
	o := object{"id": l.ID, "name": l.Name, "color": l.Color, "text_color": "#FFFFFF", "description": orNull(l.Description), "description_html": l.Description,
		"subscribed": false, "priority": priority, "is_project_label": l.Group == "", "archived": false}
	if c.flag("with_counts") {
		o["open_issues_count"], o["closed_issues_count"], o["open_merge_requests_count"] = open, closed, merging
	}
	return o
}

func (c *call) labelsNamed(p *project, names []string) []object {
	out := []object{}
	for _, l := range p.Labels {
		if slices.Contains(names, l.Name) {
			out = append(out, object{"id": l.ID, "name": l.Name, "color": l.Color, "text_color": "#FFFFFF", "description": l.Description, "description_html": l.Description})
		}
	}
	return out
}

func (c *call) release(p *project, r *Release) object {
	self := c.web(p) + "/-/releases/" + url.PathEscape(r.Tag)
	links := each(r.Links, func(l ReleaseLink) object {
		return object{"id": l.ID, "name": l.Name, "url": l.URL, "direct_asset_url": cmp.Or(l.DirectPath, l.URL), "link_type": cmp.Or(l.Kind, "other")}
	})
	archive := c.web(p) + "/-/archive/" + r.Tag + "/" + p.Name + "-" + r.Tag
	sources := each([]string{"zip", "tar.gz", "tar.bz2", "tar"}, func(f string) object { return object{"format": f, "url": archive + "." + f} })
	o := object{"tag_name": r.Tag, "description": r.Description, "name": r.Name, "created_at": at(r.CreatedAt), "released_at": at(r.ReleasedAt),
		"author": c.userNamed(r.Author), "upcoming_release": r.ReleasedAt.After(c.now), "evidences": []any{},
		"assets": object{"count": len(links) + len(sources), "sources": sources, "links": links}, "_links": object{"self": self, "edit_url": self + "/edit"}}
	if commit, err := c.resolve(p, "refs/tags/"+r.Tag); err == nil {
		o["commit"], o["commit_path"], o["tag_path"] = c.commit(p, commit), "/"+p.Path+"/-/commit/"+string(commit.OID), "/"+p.Path+"/-/tags/"+r.Tag
	}
	return o
}
