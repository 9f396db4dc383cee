package githubtest

import (
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// pullFields are the fields of pull requests and reviews that are not those of every item.
func pullFields() clientstest.Resolvers {
	ref := func(name func(*PullRequest) string) clientstest.Resolve {
		return on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			ref, err := c.g.refNamed(c, p.repository, "refs/heads/"+name(p))
			return ref, err
		})
	}
	reviews := func(list func(*PullRequest) []*Review) clientstest.Resolve {
		return on(func(_ *call, p *PullRequest, at clientstest.Field) (any, error) {
			states, author := at.Args.Texts("states"), at.Args.Text("author")
			return connect(at, slices.DeleteFunc(slices.Clone(list(p)), func(v *Review) bool {
				return len(states) > 0 && !slices.Contains(states, v.State) || author != "" && !strings.EqualFold(author, ownerLogin(v.author))
			}), ids, nil)
		})
	}
	fields := clientstest.Resolvers{
		"Repository.pullRequest": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("number")
			if p, ok := r.items[n].(*PullRequest); ok {
				return p, nil
			}
			return nil, notFound("a PullRequest with the number of %d", n)
		}),
		"Repository.pullRequests": on(func(c *call, r *Repository, at clientstest.Field) (any, error) { return connectPulls(c, at, r.pulls()) }),

		"PullRequest.permalink": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) { return c.g.web(page(p)), nil }),
		"PullRequest.checksUrl": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			return c.g.web(page(p) + "/checks"), nil
		}),
		"PullRequest.checksResourcePath":   of(func(p *PullRequest) any { return page(p) + "/checks" }),
		"PullRequest.baseRef":              ref(func(p *PullRequest) string { return p.BaseRefName }),
		"PullRequest.headRef":              ref(func(p *PullRequest) string { return p.HeadRefName }),
		"PullRequest.baseRefOid":           on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) { return p.base(c.ctx) }),
		"PullRequest.headRefOid":           on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) { return p.head(c.ctx) }),
		"PullRequest.baseRepository":       of(func(p *PullRequest) any { return p.repository }),
		"PullRequest.headRepository":       of(func(p *PullRequest) any { return p.repository }),
		"PullRequest.headRepositoryOwner":  of(func(p *PullRequest) any { return p.repository.owner }),
		"PullRequest.isCrossRepository":    always(false),
		"PullRequest.isInMergeQueue":       always(false),
		"PullRequest.isMergeQueueEnabled":  always(false),
		"PullRequest.potentialMergeCommit": always(nil),
		"PullRequest.mergedBy":             of(func(p *PullRequest) any { return p.mergedBy }),
		"PullRequest.mergeCommit": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			commit, err := c.g.commit(c.ctx, p.repository, git.OID(p.MergeOID))
			return commit, err
		}),
		"PullRequest.additions":    compared(func(b *between) any { return lines(b.files, func(f git.ChangedFile) int { return f.Additions }) }),
		"PullRequest.deletions":    compared(func(b *between) any { return lines(b.files, func(f git.ChangedFile) int { return f.Deletions }) }),
		"PullRequest.changedFiles": compared(func(b *between) any { return len(b.files) }),
		"PullRequest.files": on(func(c *call, p *PullRequest, at clientstest.Field) (any, error) {
			b, err := c.compared(p)
			if err != nil {
				return nil, err
			}
			list := make([]map[string]any, len(b.files))
			for i, f := range b.files {
				list[i] = map[string]any{"path": f.Path, "additions": f.Additions, "deletions": f.Deletions, "changeType": patchStatus[f.Change], "viewerViewedState": "UNVIEWED"}
			}
			return connect(at, list, func(f map[string]any) string { return f["path"].(string) }, nil)
		}),
		"PullRequest.commits": on(func(c *call, p *PullRequest, at clientstest.Field) (any, error) {
			b, err := c.compared(p)
			if err != nil {
				return nil, err
			}
			commits, err := c.g.commits(c.ctx, p.repository, b.commits)
			if err != nil {
				return nil, err
			}
			list := make([]*pullCommit, len(commits))
			for i, one := range commits {
				list[i] = &pullCommit{pull: p, commit: one}
			}
			return connect(at, list, ids, nil)
		}),
		"PullRequestCommit.commit":      of(func(k *pullCommit) any { return k.commit }),
		"PullRequestCommit.pullRequest": of(func(k *pullCommit) any { return k.pull }),
		"PullRequest.mergeable": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			return c.mergeable(p)
		}),
		"PullRequest.canBeRebased": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			state, err := c.mergeable(p)
			return state == "MERGEABLE", err
		}),
		"PullRequest.mergeStateStatus": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) { return c.mergeState(p) }),

		"PullRequest.reviews":                  reviews(func(p *PullRequest) []*Review { return p.reviews }),
		"PullRequest.latestReviews":            reviews(func(p *PullRequest) []*Review { return p.latest(func(v *Review) bool { return v.State != "PENDING" }) }),
		"PullRequest.latestOpinionatedReviews": reviews(func(p *PullRequest) []*Review { return p.latest(opinion) }),
		"PullRequest.reviewRequests": on(func(_ *call, p *PullRequest, at clientstest.Field) (any, error) {
			return connect(at, p.requests, ids, nil)
		}),
		"ReviewRequest.pullRequest":       of(func(r *reviewRequest) any { return r.pull }),
		"ReviewRequest.requestedReviewer": of(func(r *reviewRequest) any { return r.reviewer }),
		"PullRequestReview.pullRequest":   of(func(v *Review) any { return v.pull }),
		"PullRequestReview.repository":    of(func(v *Review) any { return v.pull.repository }),
		"PullRequestReview.url":           on(func(c *call, v *Review, _ clientstest.Field) (any, error) { return c.g.web(page(v)), nil }),
		"PullRequestReview.resourcePath":  of(func(v *Review) any { return page(v) }),
		"PullRequestReview.updatedAt":     of(func(v *Review) any { return v.SubmittedAt }),
		"PullRequestReview.commit": on(func(c *call, v *Review, _ clientstest.Field) (any, error) {
			commit, err := c.g.commit(c.ctx, v.pull.repository, git.OID(v.CommitOID))
			return commit, err
		}),
		"PullRequestReview.authorCanPushToRepository": on(func(c *call, v *Review, _ clientstest.Field) (any, error) {
			u, _ := v.author.(*User)
			return rank(c.g.permission(u, v.pull.repository)) >= rank("WRITE"), nil
		}),
		"PullRequest.totalCommentsCount": of(func(p *PullRequest) any { return len(p.comments) }),
		"PullRequest.closingIssuesReferences": on(func(c *call, p *PullRequest, at clientstest.Field) (any, error) {
			var list []*Issue
			for _, n := range closing(p.Body) {
				if i, ok := p.repository.items[n].(*Issue); ok {
					list = append(list, i)
				}
			}
			return connect(at, list, ids, nil)
		}),
	}
	writer := on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) { return c.writes(p.repository), nil })
	for _, name := range []string{"viewerCanUpdate", "viewerCanUpdateBranch"} {
		fields["PullRequest."+name] = writer
	}
	fields["PullRequest.viewerCanDeleteHeadRef"] = on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
		return c.writes(p.repository) && p.State() != "OPEN", nil
	})
	fields["PullRequest.viewerCanMergeAsAdmin"] = on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
		return c.may(p.repository) == "ADMIN", nil
	})
	return fields
}

// patchStatus is how GraphQL calls the ways a file changes.
var patchStatus = map[git.Change]string{
	git.Added: "ADDED", git.Deleted: "DELETED", git.Modified: "MODIFIED", git.Renamed: "RENAMED", git.Copied: "COPIED", git.TypeChanged: "CHANGED",
}

func lines(files []git.ChangedFile, of func(git.ChangedFile) int) int {
	total := 0
	for _, f := range files {
		total += of(f)
	}
	return total
}

// compared returns what a pull request shows of its branches; nothing where they are gone.
func (c *call) compared(p *PullRequest) (*between, error) {
	base, err := p.base(c.ctx)
	if err != nil {
		return nil, err
	}
	head, err := p.head(c.ctx)
	if err != nil {
		return nil, err
	}
	if base == "" || head == "" || p.repository.content == nil {
		return &between{}, nil
	}
	return c.g.between(c.ctx, p.repository, base, head)
}

func compared(field func(*between) any) clientstest.Resolve {
	return on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
		b, err := c.compared(p)
		if err != nil {
			return nil, err
		}
		return field(b), nil
	})
}

// holds reports whether a commit belongs to a pull request, or is the one it was merged as.
func (c *call) holds(p *PullRequest, oid git.OID) (bool, error) {
	if p.MergeOID == string(oid) {
		return true, nil
	}
	b, err := c.compared(p)
	if err != nil {
		return false, err
	}
	return slices.Contains(b.commits, oid), nil
}

// mergeable returns MERGEABLE or CONFLICTING of an open pull request, else UNKNOWN.
func (c *call) mergeable(p *PullRequest) (string, error) {
	if p.State() != "OPEN" {
		return "UNKNOWN", nil
	}
	b, err := c.compared(p)
	switch {
	case err != nil:
		return "", err
	case b.conflicted:
		return "CONFLICTING", nil
	}
	return "MERGEABLE", nil
}

// mergeState says why an open pull request can be merged or not.
func (c *call) mergeState(p *PullRequest) (string, error) {
	mergeable, err := c.mergeable(p)
	if err != nil || mergeable == "UNKNOWN" {
		return "UNKNOWN", err
	}
	head, err := p.head(c.ctx)
	if err != nil {
		return "", err
	}
	commit, err := c.g.commit(c.ctx, p.repository, head)
	if err != nil {
		return "", err
	}
	rule := p.repository.protection(p.BaseRefName)
	checks := c.g.checksOf(commit)
	failing := checks != nil && checks.State() != "SUCCESS"
	decision := p.ReviewDecision()
	switch {
	case mergeable == "CONFLICTING":
		return "DIRTY", nil
	case p.IsDraft:
		return "DRAFT", nil
	case decision == "REVIEW_REQUIRED", rule != nil && decision == "CHANGES_REQUESTED", rule != nil && rule.RequiresStatusChecks && failing:
		return "BLOCKED", nil
	case failing:
		return "UNSTABLE", nil
	}
	return "CLEAN", nil
}

// pullsWhere returns the pull requests that a user opened, in the repositories that whoever calls may see.
func (c *call) pullsWhere(author *User) []*PullRequest {
	var out []*PullRequest
	for _, key := range sortedKeys(c.g.state.repositories) {
		if r := c.g.state.repositories[key]; c.sees(r) {
			out = append(out, slices.DeleteFunc(r.pulls(), func(p *PullRequest) bool { return p.author != author })...)
		}
	}
	return out
}

// connectPulls selects, sorts and cuts pull requests as the arguments of a connection of them say.
func connectPulls(c *call, at clientstest.Field, list []*PullRequest) (any, error) {
	states, labels := at.Args.Texts("states"), at.Args.Texts("labels")
	base, head := at.Args.Text("baseRefName"), at.Args.Text("headRefName")
	list = slices.DeleteFunc(slices.Clone(list), func(p *PullRequest) bool {
		return len(states) > 0 && !slices.Contains(states, p.State()) || len(labels) > 0 && !hasAny(p.labels, labels) ||
			base != "" && base != p.BaseRefName || head != "" && head != p.HeadRefName
	})
	list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *PullRequest) int { return compareItems(field, a, b, a.UpdatedAt, b.UpdatedAt) })
	return connect(at, list, ids, nil)
}
