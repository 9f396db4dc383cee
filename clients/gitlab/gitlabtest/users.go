package gitlabtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type object = map[string]any

type getter = func(pattern string, serve func(*call) (any, error))

type changer = func(pattern string, status int, serve func(*call) (any, error))

func (s *Server) userRoutes(get getter) {
	get("/version", func(c *call) (any, error) {
		if c.viewer == nil {
			return nil, unauthorized
		}
		return object{"version": s.settings.Version, "revision": "0a1b2c3d4e5"}, nil
	})
	get("/metadata", func(c *call) (any, error) {
		if c.viewer == nil {
			return nil, unauthorized
		}
		return object{"version": s.settings.Version, "revision": "0a1b2c3d4e5", "enterprise": !s.settings.Free,
			"kas": object{"enabled": false, "externalUrl": nil, "version": nil}}, nil
	})
	get("/user", func(c *call) (any, error) {
		if c.viewer == nil {
			return nil, unauthorized
		}
		return c.currentUser(c.viewer), nil
	})
	get("/users", (*call).users)
	get("/users/{id}", func(c *call) (any, error) {
		id, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
		if err != nil {
			return nil, invalid("id")
		}
		u := c.world.byUserID[id]
		if u == nil {
			return nil, absent("User")
		}
		return c.user(u), nil
	})
}

// users lists accounts. Nobody may ask for one by name only.
func (c *call) users() (any, error) {
	username, search := c.query.Get("username"), strings.ToLower(c.query.Get("search"))
	if c.viewer == nil && username == "" {
		return nil, message(http.StatusForbidden, "Forbidden - Not authorized to access /api/v4/users")
	}
	var found []*User
	for _, u := range c.world.users {
		switch {
		case username != "" && !strings.EqualFold(u.Username, username):
		case search != "" && !strings.Contains(strings.ToLower(u.Username+"\n"+u.Name+"\n"+u.Email), search):
		case c.flag("active") && u.State != "active", c.flag("blocked") && u.State != "blocked":
		default:
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b *User) int { return cmp.Compare(b.ID, a.ID) })
	list, err := page(c, found)
	return each(list, c.basicUser), err
}

// each maps a list; it is never null.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, one := range list {
		out[i] = f(one)
	}
	return out
}

func (c *call) basicUser(u *User) object {
	return object{"id": u.ID, "username": u.Username, "public_email": "", "name": u.Name, "state": u.State, "locked": false,
		"avatar_url": avatar(u), "web_url": c.root + "/" + u.Username}
}

// userNamed is null for nobody and for who is not there any more.
func (c *call) userNamed(username string) any {
	if u := c.world.user(username); username != "" && u != nil {
		return c.basicUser(u)
	}
	return nil
}

func (c *call) usersNamed(usernames []string) []object {
	out := []object{}
	for _, name := range usernames {
		if u := c.world.user(name); u != nil {
			out = append(out, c.basicUser(u))
		}
	}
	return out
}

func (c *call) user(u *User) object {
	o := c.basicUser(u)
	for name, value := range (object{"created_at": at(u.CreatedAt), "bio": "", "location": "", "linkedin": "", "twitter": "", "website_url": "", "organization": "",
		"job_title": "", "bot": u.Bot}) {
		o[name] = value
	}
	return o
}

func (c *call) currentUser(u *User) object {
	o := c.user(u)
	for name, value := range (object{"email": u.Email, "is_admin": u.Admin, "external": false, "private_profile": false, "two_factor_enabled": false,
		"can_create_group": true, "can_create_project": true, "projects_limit": 100000, "theme_id": 3, "color_scheme_id": 1, "identities": []any{},
		"confirmed_at": at(u.CreatedAt), "last_activity_on": c.now.UTC().Format("2006-01-02"), "namespace_id": u.ID}) {
		o[name] = value
	}
	return o
}

// avatar is where GitLab would find a picture.
func avatar(u *User) string {
	hash := sha256.Sum256([]byte(strings.ToLower(u.Email)))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(hash[:]) + "?s=80&d=identicon"
}

func (c *call) member(m Member) object {
	u := c.world.user(m.Username)
	o := c.basicUser(u)
	delete(o, "public_email")
	o["access_level"], o["created_at"], o["expires_at"], o["membership_state"] = m.Access, at(m.Since), nil, "active"
	return o
}

func (c *call) memberPage(members []Member) (any, error) {
	search := strings.ToLower(c.query.Get("query"))
	members = slices.DeleteFunc(slices.Clone(members), func(m Member) bool {
		u := c.world.user(m.Username)
		return u == nil || !strings.Contains(strings.ToLower(u.Username+"\n"+u.Name), search)
	})
	list, err := page(c, members)
	return each(list, c.member), err
}
