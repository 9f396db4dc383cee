package gitlabtest

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// access returns what a user may do in a project: the most that the project, the groups above it and being its owner give.
func (w *world) access(u *User, p *project) Access {
	if u == nil {
		return NoAccess
	}
	most := Access(NoAccess)
	if strings.EqualFold(path.Dir(p.Path), u.Username) {
		most = Owner
	}
	for _, m := range w.members(p) {
		if strings.EqualFold(m.Username, u.Username) {
			most = max(most, m.Access)
		}
	}
	return most
}

// sees reports whether a user, nobody where nil, can see a project.
func (w *world) sees(u *User, p *project) bool {
	switch {
	case p.Visibility == Public, u != nil && (p.Visibility == Internal || u.Admin):
		return true
	}
	return w.access(u, p) > NoAccess
}

// seesGroup reports whether a user can see a group: members of it, of one above and of anything below do.
func (w *world) seesGroup(u *User, g *Group) bool {
	switch {
	case g.Visibility == Public, u != nil && (g.Visibility == Internal || u.Admin):
		return true
	case u == nil:
		return false
	}
	for _, m := range w.groupMembers(g.Path) {
		if strings.EqualFold(m.Username, u.Username) {
			return true
		}
	}
	for _, p := range w.order {
		if below(p.Path, g.Path) && w.access(u, p) > NoAccess {
			return true
		}
	}
	return false
}

// seesIssue reports whether a user can see an issue of a project that he can see.
func (w *world) seesIssue(u *User, p *project, i *Issue) bool {
	if !i.Confidential || u != nil && (u.Admin || strings.EqualFold(i.Author, u.Username) || slices.Contains(i.Assignees, u.Username)) {
		return true
	}
	return w.access(u, p) >= Planner
}

// members returns who has access to a project, each once with the most that is given, by id.
func (w *world) members(p *project) []Member {
	return w.merged(append(slices.Clone(p.Members), w.groupMembers(path.Dir(p.Path))...))
}

// groupMembers returns who has access to a group and the groups above it.
func (w *world) groupMembers(full string) []Member {
	var all []Member
	for at := full; at != "."; at = path.Dir(at) {
		if g := w.group(at); g != nil {
			all = append(all, g.Members...)
		}
	}
	return w.merged(all)
}

func (w *world) merged(all []Member) []Member {
	var out []Member
	for _, m := range all {
		at := slices.IndexFunc(out, func(o Member) bool { return strings.EqualFold(o.Username, m.Username) })
		if at < 0 {
			out = append(out, m)
		} else if m.Access > out[at].Access {
			out[at] = m
		}
	}
	slices.SortStableFunc(out, func(a, b Member) int { return cmp.Compare(w.user(a.Username).ID, w.user(b.Username).ID) })
	return out
}

// below reports whether a path lies below a group's.
func below(inner, outer string) bool {
	return len(inner) > len(outer) && inner[len(outer)] == '/' && strings.EqualFold(inner[:len(outer)], outer)
}

// matches reports whether the name of a protected branch stands for a branch: "*" is any text.
func (b ProtectedBranch) matches(branch string) bool {
	parts := strings.Split(b.Name, "*")
	if len(parts) == 1 {
		return b.Name == branch
	}
	if !strings.HasPrefix(branch, parts[0]) {
		return false
	}
	rest := branch[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func (p *project) protects(branch string) (ProtectedBranch, bool) {
	for _, b := range p.Protected {
		if b.matches(branch) {
			return b, true
		}
	}
	return ProtectedBranch{}, false
}
