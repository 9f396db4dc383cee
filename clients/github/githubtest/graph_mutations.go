package githubtest

import (
	"context"
	"fmt"
	"slices"

	"callboard.dev/callboard/clients/clientstest"
)

// mutationFields are what a client may change.
func mutationFields() clientstest.Resolvers {
	fields := clientstest.Resolvers{}
	change := func(name string, f func(c *call, in clientstest.Args) (map[string]any, error)) {
		fields["Mutation."+name] = func(ctx context.Context, at clientstest.Field) (any, error) {
			c, in := callOf(ctx), at.Args.Object("input")
			payload, err := f(c, in)
			if err != nil {
				return nil, graphError(err)
			}
			payload["clientMutationId"] = in["clientMutationId"]
			return payload, nil
		}
	}
	change("createIssue", func(c *call, in clientstest.Args) (map[string]any, error) {
		r, err := node[*Repository](c, in.Text("repositoryId"))
		if err != nil {
			return nil, err
		}
		i := Issue{Title: in.Text("title"), Body: in.Text("body"), AuthorLogin: c.loginOfWho()}
		if i.Labels, i.Assignees, err = c.namesOf(in.Texts("labelIds"), in.Texts("assigneeIds")); err != nil {
			return nil, err
		}
		if id := in.Text("milestoneId"); id != "" {
			m, err := node[*Milestone](c, id)
			if err != nil {
				return nil, err
			}
			i.MilestoneTitle = m.Title
		}
		made, err := c.g.addIssue(r.NameWithOwner(), i)
		return map[string]any{"issue": made}, err
	})
	change("closeIssue", func(c *call, in clientstest.Args) (map[string]any, error) {
		i, err := changed[*Issue](c, in.Text("issueId"), "TRIAGE")
		if err != nil {
			return nil, err
		}
		return map[string]any{"issue": i}, c.g.closeIssue(i, in.Text("stateReason"), c.who())
	})
	change("reopenIssue", func(c *call, in clientstest.Args) (map[string]any, error) {
		i, err := changed[*Issue](c, in.Text("issueId"), "TRIAGE")
		if err != nil {
			return nil, err
		}
		return map[string]any{"issue": i}, c.g.reopenIssue(i, c.who())
	})
	change("addComment", func(c *call, in clientstest.Args) (map[string]any, error) {
		i, err := node[item](c, in.Text("subjectId"))
		if err != nil {
			return nil, err
		}
		k := c.g.comment(i, c.who(), in.Text("body"))
		return map[string]any{"commentEdge": map[string]any{"cursor": cursor(len(*i.thread())-1, identify(k)), "node": k}, "subject": i}, nil
	})
	labels := func(name string, f func(*GitHub, item, *Label, any)) {
		change(name, func(c *call, in clientstest.Args) (map[string]any, error) {
			i, err := changed[item](c, in.Text("labelableId"), "TRIAGE")
			if err != nil {
				return nil, err
			}
			for _, id := range in.Texts("labelIds") {
				l, err := node[*Label](c, id)
				if err != nil {
					return nil, err
				}
				if l.repository != i.in() {
					return nil, notFound("a node with the global id of '%s'", id)
				}
				f(c.g, i, l, c.who())
			}
			return map[string]any{"labelable": i}, nil
		})
	}
	labels("addLabelsToLabelable", (*GitHub).putLabel)
	labels("removeLabelsFromLabelable", (*GitHub).takeLabel)
	change("createLabel", func(c *call, in clientstest.Args) (map[string]any, error) {
		r, err := changed[*Repository](c, in.Text("repositoryId"), "WRITE")
		if err != nil {
			return nil, err
		}
		l, err := c.g.addLabel(r, Label{Name: in.Text("name"), Color: in.Text("color"), Description: in.Text("description")})
		return map[string]any{"label": l}, err
	})
	pullMutations(change)
	return fields
}

type changeFunc = func(name string, f func(c *call, in clientstest.Args) (map[string]any, error))

func pullMutations(change changeFunc) {
	pull := func(name, key, permission string, f func(c *call, p *PullRequest, in clientstest.Args) error) {
		change(name, func(c *call, in clientstest.Args) (map[string]any, error) {
			p, err := changed[*PullRequest](c, in.Text(key), permission)
			if err != nil {
				return nil, err
			}
			if err := f(c, p, in); err != nil {
				return nil, err
			}
			return map[string]any{"pullRequest": p, "actor": c.who()}, nil
		})
	}
	change("createPullRequest", func(c *call, in clientstest.Args) (map[string]any, error) {
		r, err := changed[*Repository](c, in.Text("repositoryId"), "READ")
		if err != nil {
			return nil, err
		}
		p, err := c.g.addPull(c.ctx, r.NameWithOwner(), PullRequest{
			Title: in.Text("title"), Body: in.Text("body"), AuthorLogin: c.loginOfWho(), IsDraft: in.True("draft"),
			BaseRefName: in.Text("baseRefName"), HeadRefName: in.Text("headRefName"), MaintainerCanModify: in.True("maintainerCanModify"),
		})
		return map[string]any{"pullRequest": p}, err
	})
	pull("updatePullRequest", "pullRequestId", "TRIAGE", func(c *call, p *PullRequest, in clientstest.Args) error {
		if in.Given("title") {
			p.Title = in.Text("title")
		}
		if in.Given("body") {
			p.Body = in.Text("body")
		}
		if in.Given("labelIds") || in.Given("assigneeIds") {
			labels, logins, err := c.namesOf(in.Texts("labelIds"), in.Texts("assigneeIds"))
			if err != nil {
				return err
			}
			if in.Given("labelIds") {
				p.labels = nil
				for _, name := range labels {
					p.labels = append(p.labels, c.g.label(p.repository, name))
				}
			}
			if in.Given("assigneeIds") {
				if p.assignees, err = c.g.usersNamed(logins); err != nil {
					return err
				}
			}
		}
		p.UpdatedAt = c.g.now()
		c.g.hooks.pull(p, "edited", c.who(), nil)
		return nil
	})
	pull("closePullRequest", "pullRequestId", "TRIAGE", func(c *call, p *PullRequest, _ clientstest.Args) error { return c.g.closePull(c.ctx, p, c.who()) })
	pull("reopenPullRequest", "pullRequestId", "TRIAGE", func(c *call, p *PullRequest, _ clientstest.Args) error { return c.g.reopenPull(c.ctx, p, c.who()) })
	pull("markPullRequestReadyForReview", "pullRequestId", "TRIAGE", func(c *call, p *PullRequest, _ clientstest.Args) error {
		p.IsDraft, p.UpdatedAt = false, c.g.now()
		c.g.hooks.pull(p, "ready_for_review", c.who(), nil)
		return nil
	})
	pull("mergePullRequest", "pullRequestId", "WRITE", func(c *call, p *PullRequest, in clientstest.Args) error {
		head, err := p.head(c.ctx)
		if err != nil {
			return err
		}
		if wanted := in.Text("expectedHeadOid"); wanted != "" && wanted != string(head) {
			return refuse("Head branch was modified. Review and try the merge again.")
		}
		state, err := c.mergeState(p)
		if err != nil {
			return err
		}
		if state == "BLOCKED" && c.may(p.repository) != "ADMIN" {
			return refuse("Base branch policy prohibits the merge")
		}
		return c.g.merge(c.ctx, p, in.Text("mergeMethod"), c.who())
	})
	change("addPullRequestReview", func(c *call, in clientstest.Args) (map[string]any, error) {
		p, err := changed[*PullRequest](c, in.Text("pullRequestId"), "READ")
		if err != nil {
			return nil, err
		}
		state := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "DISMISS": "DISMISSED"}[in.Text("event")]
		if state == "" {
			return nil, refuse("a review without an event is not kept as a draft here")
		}
		v, err := c.g.review(c.ctx, p, Review{AuthorLogin: c.loginOfWho(), State: state, Body: in.Text("body"), CommitOID: in.Text("commitOID"), author: c.who()})
		return map[string]any{"pullRequestReview": v}, err
	})
	pull("requestReviews", "pullRequestId", "TRIAGE", func(c *call, p *PullRequest, in clientstest.Args) error {
		var names []string
		for _, id := range in.Texts("userIds") {
			u, err := node[*User](c, id)
			if err != nil {
				return err
			}
			names = append(names, u.Login)
		}
		for _, id := range in.Texts("teamIds") {
			t, err := node[*Team](c, id)
			if err != nil {
				return err
			}
			names = append(names, t.organization.Login+"/"+t.Slug)
		}
		if !in.True("union") {
			p.requests = slices.Clone(p.requests[:0])
		}
		for _, name := range names {
			if err := c.g.request(p, name, c.who()); err != nil {
				return err
			}
		}
		return nil
	})
}

// node returns what an id stands for, where it is a T and may be seen.
func node[T any](c *call, id string) (T, error) {
	value, err := c.node(id)
	if err != nil {
		var zero T
		return zero, err
	}
	one, ok := value.(T)
	if !ok {
		return one, notFound("a node with the global id of '%s'", id)
	}
	return one, nil
}

// changed is node, where whoever calls has a permission on the repository, or opened what the id stands for.
func changed[T any](c *call, id, permission string) (T, error) {
	one, err := node[T](c, id)
	if err != nil {
		return one, err
	}
	r := repositoryOf(any(one))
	own := false
	if i, ok := any(one).(item); ok {
		_, _, author, _ := i.opened()
		own = author == c.who() && permission != "WRITE"
	}
	if !own && rank(c.may(r)) < rank(permission) {
		login := c.loginOfWho()
		return one, &clientstest.Error{Type: "FORBIDDEN", Message: fmt.Sprintf("%s does not have the correct permissions to execute this mutation", login)}
	}
	return one, c.g.writable(r)
}

// loginOfWho returns the login of whoever calls, with "[bot]" for an app.
func (c *call) loginOfWho() string {
	if b, ok := c.who().(*bot); ok {
		return b.Login + "[bot]"
	}
	return ownerLogin(c.who())
}

// namesOf returns the names of labels and the logins of users.
func (c *call) namesOf(labelIDs, userIDs []string) (labels, logins []string, err error) {
	for _, id := range labelIDs {
		l, err := node[*Label](c, id)
		if err != nil {
			return nil, nil, err
		}
		labels = append(labels, l.Name)
	}
	for _, id := range userIDs {
		u, err := node[*User](c, id)
		if err != nil {
			return nil, nil, err
		}
		logins = append(logins, u.Login)
	}
	return labels, logins, nil
}
