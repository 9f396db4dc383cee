package gitlabtest

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) groupRoutes(get getter) {
	get("/groups", func(c *call) (any, error) { return c.groupPage(func(g *Group) bool { return true }) })
	get("/groups/{id}", func(c *call) (any, error) {
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		o := c.group(g)
		o["shared_with_groups"] = []any{}
		if c.query.Get("with_projects") != "false" {
			var projects []object
			for _, p := range c.world.order {
				if strings.EqualFold(path.Dir(p.Path), g.Path) && c.world.sees(c.viewer, p) {
					projects = append(projects, c.project(p))
				}
			}
			o["projects"], o["shared_projects"] = append([]object{}, projects...), []any{}
		}
		return o, nil
	})
	children := func(all bool) func(c *call) (any, error) {
		return func(c *call) (any, error) {
			g, err := c.groupAsked()
			if err != nil {
				return nil, err
			}
			return c.groupPage(func(o *Group) bool {
				return all && below(o.Path, g.Path) || strings.EqualFold(path.Dir(o.Path), g.Path)
			})
		}
	}
	get("/groups/{id}/subgroups", children(false))
	get("/groups/{id}/descendant_groups", children(true))
	get("/groups/{id}/projects", func(c *call) (any, error) {
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		deep := c.flag("include_subgroups")
		return c.projectPage(func(p *project) bool {
			return deep && below(p.Path, g.Path) || strings.EqualFold(path.Dir(p.Path), g.Path)
		})
	})
	get("/groups/{id}/members", func(c *call) (any, error) {
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		return c.memberPage(c.world.merged(slices.Clone(g.Members)))
	})
	get("/groups/{id}/members/all", func(c *call) (any, error) {
		g, err := c.groupAsked()
		if err != nil {
			return nil, err
		}
		return c.memberPage(c.world.groupMembers(g.Path))
	})
}

// groupAsked returns the group of the address, by its number or path.
func (c *call) groupAsked() (*Group, error) {
	text := c.r.PathValue("id")
	var found *Group
	if id, err := strconv.ParseInt(text, 10, 64); err == nil {
		for _, g := range c.world.groups {
			if g.ID == id {
				found = g
			}
		}
	} else {
		found = c.world.group(text)
	}
	if found == nil || !c.world.seesGroup(c.viewer, found) {
		return nil, absent("Group")
	}
	return found, nil
}

func (c *call) groupPage(wanted func(*Group) bool) (any, error) {
	search := strings.ToLower(c.query.Get("search"))
	var found []*Group
	for _, g := range c.world.groups {
		if wanted(g) && c.world.seesGroup(c.viewer, g) && (!c.flag("top_level_only") || !strings.Contains(g.Path, "/")) &&
			strings.Contains(strings.ToLower(g.Name+"\n"+g.Path), search) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	list, err := page(c, found)
	return each(list, c.group), err
}

func (c *call) group(g *Group) object {
	var parent any
	if above := c.world.group(path.Dir(g.Path)); above != nil {
		parent = above.ID
	}
	return object{"id": g.ID, "web_url": c.root + "/groups/" + g.Path, "name": g.Name, "path": path.Base(g.Path), "description": g.Description,
		"visibility": g.Visibility, "share_with_group_lock": false, "require_two_factor_authentication": false, "two_factor_grace_period": 48,
		"project_creation_level": "developer", "subgroup_creation_level": "maintainer", "auto_devops_enabled": nil, "emails_enabled": true, "mentions_disabled": nil,
		"lfs_enabled": true, "avatar_url": nil, "request_access_enabled": true, "full_name": c.fullName(g.Path), "full_path": g.Path,
		"created_at": at(g.CreatedAt), "parent_id": parent, "organization_id": 1, "default_branch": nil, "archived": false, "marked_for_deletion_on": nil}
}

// fullName is the names of a group and the groups above it.
func (c *call) fullName(full string) string {
	var names []string
	for p := full; p != "."; p = path.Dir(p) {
		if g := c.world.group(p); g != nil {
			names = append([]string{g.Name}, names...)
		} else if u := c.world.user(p); u != nil {
			names = append([]string{u.Name}, names...)
		}
	}
	return strings.Join(names, " / ")
}
