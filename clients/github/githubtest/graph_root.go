package githubtest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// rootFields are where queries begin, and what all that has an id or a page has.
func rootFields() clientstest.Resolvers {
	type resolve = func(c *call, at clientstest.Field) (any, error)
	root := func(f resolve) clientstest.Resolve {
		return func(ctx context.Context, at clientstest.Field) (any, error) {
			value, err := f(callOf(ctx), at)
			return value, graphError(err)
		}
	}
	return clientstest.Resolvers{
		"Query.id":   always("Q_kgAB"),
		"Query.meta": always(map[string]any{"gitHubServicesSha": strings.Repeat("0", 40), "isPasswordAuthenticationVerifiable": false}),
		"Query.rateLimit": root(func(c *call, _ clientstest.Field) (any, error) {
			if !c.g.limited() {
				return nil, nil
			}
			b := c.budget
			return map[string]any{"limit": b.Limit, "cost": c.cost, "remaining": b.Remaining, "used": b.Used, "resetAt": b.Reset, "nodeCount": c.nodes}, nil
		}),
		"Query.viewer": root(func(c *call, _ clientstest.Field) (any, error) {
			if u := c.user(); u != nil {
				return u, nil
			}
			return nil, forbidden("integration")
		}),
		"Query.node": root(func(c *call, at clientstest.Field) (any, error) {
			return c.node(at.Args.Text("id"))
		}),
		"Query.nodes": root(func(c *call, at clientstest.Field) (any, error) {
			wanted := at.Args.Texts("ids")
			if len(wanted) > maxPage {
				return nil, &clientstest.Error{Type: "ARGUMENT_LIMIT", Message: fmt.Sprintf("You may not provide more than %d node ids; you provided %d.", maxPage, len(wanted))}
			}
			out := make([]any, len(wanted))
			for i, id := range wanted {
				value, err := c.node(id)
				if out[i] = value; err != nil {
					out[i] = err
				}
			}
			return out, nil
		}),
		"Query.repository": root(func(c *call, at clientstest.Field) (any, error) {
			return c.repository(at.Args.Text("owner"), at.Args.Text("name"), at.Args.True("followRenames"))
		}),
		"Query.repositoryOwner": root(func(c *call, at clientstest.Field) (any, error) {
			return c.g.account(at.Args.Text("login")), nil
		}),
		"Query.organization": root(func(c *call, at clientstest.Field) (any, error) {
			if o := c.g.state.organizations[strings.ToLower(at.Args.Text("login"))]; o != nil {
				return o, nil
			}
			return nil, notFound("an Organization with the login of '%s'", at.Args.Text("login"))
		}),
		"Query.user": root(func(c *call, at clientstest.Field) (any, error) {
			if u := c.g.state.users[strings.ToLower(at.Args.Text("login"))]; u != nil {
				return u, nil
			}
			return nil, notFound("a User with the login of '%s'", at.Args.Text("login"))
		}),
		"Query.resource": root(func(c *call, at clientstest.Field) (any, error) { return c.resource(at.Args.Text("url")) }),
		"Query.search":   root(search),
		"Node.id":        func(_ context.Context, at clientstest.Field) (any, error) { return identify(at.Object), nil },
		"UniformResourceLocatable.url": root(func(c *call, at clientstest.Field) (any, error) {
			return c.g.web(page(at.Object)), nil
		}),
		"UniformResourceLocatable.resourcePath": root(func(_ *call, at clientstest.Field) (any, error) { return page(at.Object), nil }),
	}
}

// notFound is GitHub's error for what is not there, or is hidden.
func notFound(format string, args ...any) error {
	return &clientstest.Error{Type: "NOT_FOUND", Message: "Could not resolve to " + fmt.Sprintf(format, args...) + "."}
}

// forbidden is GitHub's error for what a kind of credential may not have.
func forbidden(kind string) error {
	return &clientstest.Error{Type: "FORBIDDEN", Message: "Resource not accessible by " + kind}
}

// refused is forbidden for whoever calls, where a permission is not granted; nil where it is.
func (c *call) refused(permission string) error {
	switch {
	case c.granted(permission):
		return nil
	case c.token.user == nil:
		return forbidden("integration")
	}
	return forbidden("personal access token")
}

// node returns what an id stands for, as far as it may be seen.
func (c *call) node(id string) (any, error) {
	value, err := c.g.node(c, id)
	if err != nil {
		return nil, err
	}
	if value == nil || !c.visible(value) {
		return nil, notFound("a node with the global id of '%s'", id)
	}
	return value, nil
}

func (c *call) visible(value any) bool {
	switch v := value.(type) {
	case *gitCommit:
		return c.sees(v.repository)
	case *gitBlob:
		return c.sees(v.repository)
	case *gitRef:
		return c.sees(v.repository)
	case *gitTree:
		return c.sees(v.repository)
	case *gitTag:
		return c.sees(v.repository)
	}
	if r := repositoryOf(value); r != nil {
		return c.sees(r)
	}
	return true
}

// repository returns a repository by its name, or by a name that it had.
func (c *call) repository(owner, name string, renamed bool) (any, error) {
	key := strings.ToLower(owner + "/" + name)
	r := c.g.state.repositories[key]
	if r == nil && renamed {
		r = c.g.state.renamed[key]
	}
	if !c.sees(r) {
		return nil, notFound("a Repository with the name '%s/%s'", owner, name)
	}
	return r, nil
}

// resource returns what a web page of this GitHub is about.
func (c *call) resource(address string) (any, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host != "" && u.Host != c.g.settings.Host {
		return nil, nil
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) == 1 {
		return c.g.account(parts[0]), nil
	}
	if len(parts) < 2 {
		return nil, nil
	}
	found, err := c.repository(parts[0], parts[1], true)
	if err != nil || len(parts) == 2 {
		return found, err
	}
	r := found.(*Repository)
	if len(parts) < 4 {
		return nil, nil
	}
	switch parts[2] {
	case "pull", "issues":
		if one := r.items[atoi(parts[3])]; one != nil {
			return one, nil
		}
	case "commit", "commits":
		if commit, err := c.g.revision(c.ctx, r, parts[3]); err != nil || commit != nil {
			return commit, err
		}
	case "releases":
		if one := r.release(strings.Join(parts[4:], "/")); parts[3] == "tag" && one != nil {
			return one, nil
		}
	}
	return nil, nil
}

// page returns the path of the web page of a value.
func page(value any) string {
	switch v := value.(type) {
	case *User:
		return "/" + v.Login
	case *Organization:
		return "/" + v.Login
	case *bot:
		return "/apps/" + v.Login
	case *Team:
		return "/orgs/" + v.organization.Login + "/teams/" + v.Slug
	case *Repository:
		return "/" + v.NameWithOwner()
	case *Issue:
		return page(v.repository) + "/issues/" + itoa(v.Number)
	case *PullRequest:
		return page(v.repository) + "/pull/" + itoa(v.Number)
	case *Comment:
		return page(v.on) + "#issuecomment-" + itoa(v.DatabaseID)
	case *Review:
		return page(v.pull) + "#pullrequestreview-" + itoa(v.DatabaseID)
	case *pullCommit:
		return page(v.pull) + "/commits/" + string(v.commit.OID)
	case *Label:
		return page(v.repository) + "/labels/" + url.PathEscape(v.Name)
	case *Milestone:
		return page(v.repository) + "/milestone/" + itoa(v.Number)
	case *Release:
		if v.IsDraft {
			return page(v.repository) + "/releases/tag/untagged-" + itoa(v.DatabaseID)
		}
		return page(v.repository) + "/releases/tag/" + v.TagName
	case *Check:
		if v.suite.run != nil {
			return page(v.suite.run) + "/job/" + itoa(v.DatabaseID)
		}
		return page(v.suite.repository) + "/runs/" + itoa(v.DatabaseID)
	case *checkSuite:
		return page(v.repository) + "/commit/" + string(v.oid) + "/checks?check_suite_id=" + itoa(v.DatabaseID)
	case *workflowRun:
		return page(v.suite.repository) + "/actions/runs/" + itoa(v.DatabaseID)
	case *workflowRunFile:
		return page(v.run) + "/workflow"
	case *workflow:
		return page(v.repository) + "/actions/workflows/" + v.file()
	case *gitCommit:
		return page(v.repository) + "/commit/" + string(v.OID)
	case *repositoryTopic:
		return "/topics/" + v.topic.Name
	}
	panic(fmt.Sprintf("githubtest: bug: a %T has no page", value))
}

// seen returns the repositories of a list that whoever calls may see.
func (c *call) seen(list []*Repository) []*Repository {
	return slices.DeleteFunc(slices.Clone(list), func(r *Repository) bool { return !c.sees(r) })
}
