package githubtest

import (
	"cmp"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// checkFields are the fields of what checks say about a commit.
func checkFields() clientstest.Resolvers {
	rollupOf := func(c *call, o *gitCommit) any {
		if r := c.g.checksOf(o); r != nil {
			return r
		}
		return nil
	}
	return clientstest.Resolvers{
		"Commit.statusCheckRollup": on(func(c *call, o *gitCommit, _ clientstest.Field) (any, error) {
			if err := c.refused("checks"); err != nil {
				return nil, err
			}
			return rollupOf(c, o), nil
		}),
		"PullRequest.statusCheckRollup": on(func(c *call, p *PullRequest, _ clientstest.Field) (any, error) {
			head, err := p.head(c.ctx)
			if err != nil {
				return nil, err
			}
			commit, err := c.g.commit(c.ctx, p.repository, head)
			if commit == nil || err != nil {
				return nil, err
			}
			return rollupOf(c, commit), nil
		}),
		"Commit.checkSuites": on(func(c *call, o *gitCommit, at clientstest.Field) (any, error) {
			filter := at.Args.Object("filterBy")
			app, isApp := filter.Int("appId")
			list := slices.DeleteFunc(slices.Clone(o.repository.suites), func(s *checkSuite) bool {
				return s.oid != o.OID || isApp && s.app.DatabaseID != app ||
					filter.Text("checkName") != "" && !slices.ContainsFunc(s.checks, func(k *Check) bool { return k.Name == filter.Text("checkName") })
			})
			return connect(at, list, ids, nil)
		}),
		"StatusCheckRollup.commit": of(func(r *rollup) any { return r.commit }),
		"StatusCheckRollup.contexts": on(func(_ *call, r *rollup, at clientstest.Field) (any, error) {
			page, err := connect(at, r.contexts, ids, nil)
			if err != nil {
				return nil, err
			}
			checks, statuses := map[string]int{}, map[string]int{}
			for _, one := range r.contexts {
				switch k := one.(type) {
				case *Check:
					checks[k.checkState()]++
				case *commitStatus:
					statuses[k.State]++
				}
			}
			page["checkRunCount"], page["checkRunCountsByState"] = sum(checks), counts(checks)
			page["statusContextCount"], page["statusContextCountsByState"] = sum(statuses), counts(statuses)
			return page, nil
		}),
		"StatusContext.isRequired": on(func(c *call, s *commitStatus, at clientstest.Field) (any, error) {
			return c.required(s.repository, s.Context, at)
		}),
		"StatusContext.commit": on(func(c *call, s *commitStatus, _ clientstest.Field) (any, error) {
			commit, err := c.g.commit(c.ctx, s.repository, s.oid)
			return commit, err
		}),
		"StatusContext.creator":   of(func(s *commitStatus) any { return s.creator }),
		"StatusContext.avatarUrl": always(nil),

		"CheckSuite.app": of(func(s *checkSuite) any { return s.app }),
		"CheckSuite.branch": on(func(c *call, s *checkSuite, _ clientstest.Field) (any, error) {
			if s.branch == "" {
				return nil, nil
			}
			ref, err := c.g.refNamed(c, s.repository, "refs/heads/"+s.branch)
			return ref, err
		}),
		"CheckSuite.commit": on(func(c *call, s *checkSuite, _ clientstest.Field) (any, error) {
			commit, err := c.g.commit(c.ctx, s.repository, s.oid)
			return commit, err
		}),
		"CheckSuite.status":     of(func(s *checkSuite) any { status, _ := s.state(); return status }),
		"CheckSuite.conclusion": of(func(s *checkSuite) any { _, conclusion := s.state(); return conclusion }),
		"CheckSuite.creator": of(func(s *checkSuite) any {
			if s.run != nil && s.run.build != nil {
				if u, ok := s.run.build.actor.(*User); ok {
					return u
				}
			}
			return nil
		}),
		"CheckSuite.repository":   of(func(s *checkSuite) any { return s.repository }),
		"CheckSuite.workflowRun":  of(func(s *checkSuite) any { return s.run }),
		"CheckSuite.url":          on(func(c *call, s *checkSuite, _ clientstest.Field) (any, error) { return c.g.web(page(s)), nil }),
		"CheckSuite.resourcePath": of(func(s *checkSuite) any { return page(s) }),
		"CheckSuite.checkRuns": on(func(_ *call, s *checkSuite, at clientstest.Field) (any, error) {
			filter := at.Args.Object("filterBy")
			checks := slices.Clone(s.checks)
			if filter.Text("checkType") == "ALL" && s.run != nil {
				checks = nil
				for _, j := range s.run.jobs() {
					checks = append(checks, j.check)
				}
			}
			list := slices.DeleteFunc(checks, func(k *Check) bool {
				return filter.Text("checkName") != "" && filter.Text("checkName") != k.Name ||
					filter.Text("status") != "" && filter.Text("status") != k.Status ||
					len(filter.Texts("statuses")) > 0 && !slices.Contains(filter.Texts("statuses"), k.Status) ||
					len(filter.Texts("conclusions")) > 0 && !slices.Contains(filter.Texts("conclusions"), k.Conclusion)
			})
			return connect(at, list, ids, nil)
		}),
		"CheckRun.checkSuite": of(func(k *Check) any { return k.suite }),
		"CheckRun.repository": of(func(k *Check) any { return k.suite.repository }),
		"CheckRun.permalink":  on(func(c *call, k *Check, _ clientstest.Field) (any, error) { return c.g.web(page(k)), nil }),
		"CheckRun.detailsUrl": on(func(c *call, k *Check, _ clientstest.Field) (any, error) {
			if k.DetailsURL != "" || k.suite.run == nil {
				return k.DetailsURL, nil
			}
			return c.g.web(page(k.suite.run) + "/job/" + itoa(k.DatabaseID)), nil
		}),
		"CheckRun.isRequired": on(func(c *call, k *Check, at clientstest.Field) (any, error) {
			return c.required(k.suite.repository, k.Name, at)
		}),
		"WorkflowRun.checkSuite": of(func(r *workflowRun) any { return r.suite }),
		"WorkflowRun.workflow":   of(func(r *workflowRun) any { return r.workflow }),
		"WorkflowRun.createdAt":  of(func(r *workflowRun) any { return r.suite.CreatedAt }),
		"WorkflowRun.updatedAt":  of(func(r *workflowRun) any { return r.suite.UpdatedAt }),
		"WorkflowRun.file":       of(func(r *workflowRun) any { return &workflowRunFile{r} }),
		"Workflow.state":         of(func(w *workflow) any { return cmp.Or(w.definition.State, "ACTIVE") }),

		"WorkflowRunFile.run":  of(func(f *workflowRunFile) any { return f.run }),
		"WorkflowRunFile.path": of(func(f *workflowRunFile) any { return f.run.workflow.path() }),
		"WorkflowRunFile.repositoryName": on(func(_ *call, f *workflowRunFile, _ clientstest.Field) (any, error) {
			return page(f.run.suite.repository), nil
		}),
		"WorkflowRunFile.viewerCanReadRepository": always(true),
		"App.description":                         always(nil),
		"App.logoBackgroundColor":                 always("ffffff"),
		"App.url":                                 on(func(c *call, a *app, _ clientstest.Field) (any, error) { return c.g.web("/apps/" + a.Slug), nil }),
		"App.logoUrl": on(func(c *call, a *app, _ clientstest.Field) (any, error) {
			return "https://avatars." + c.g.settings.Host + "/in/" + itoa(a.DatabaseID), nil
		}),
	}
}

// required reports whether the branch that a pull request goes into asks for a check.
func (c *call) required(r *Repository, check string, at clientstest.Field) (any, error) {
	var p *PullRequest
	if n, ok := at.Args.Int("pullRequestNumber"); ok {
		p, _ = r.items[n].(*PullRequest)
	} else if id := at.Args.Text("pullRequestId"); id != "" {
		p, _ = c.g.state.nodes[id].(*PullRequest)
	} else {
		return nil, &clientstest.Error{Type: "ARGUMENT_ERROR", Message: "A pull request ID or pull request number is required."}
	}
	if p == nil || p.repository != r {
		return false, nil
	}
	rule := r.protection(p.BaseRefName)
	return rule != nil && rule.RequiresStatusChecks && slices.Contains(rule.RequiredStatusCheckContexts, check), nil
}

func sum(m map[string]int) int {
	total := 0
	for _, n := range m {
		total += n
	}
	return total
}

func counts(m map[string]int) []map[string]any {
	out := []map[string]any{}
	for _, state := range sortedKeys(m) {
		out = append(out, map[string]any{"state": state, "count": m[state]})
	}
	return out
}

// releaseFields are the fields of releases.
func releaseFields() clientstest.Resolvers {
	return clientstest.Resolvers{
		"Repository.release": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			if one := r.release(at.Args.Text("tagName")); one != nil && c.seesRelease(one) {
				return one, nil
			}
			return nil, nil
		}),
		"Repository.latestRelease": of(func(r *Repository) any { return r.latest() }),
		"Repository.releases": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			list := slices.DeleteFunc(slices.Clone(r.releases), func(one *Release) bool { return !c.seesRelease(one) })
			slices.SortStableFunc(list, func(a, b *Release) int { return b.CreatedAt.Compare(a.CreatedAt) })
			list = ordered(list, at.Args.Object("orderBy"), func(field string, a, b *Release) int {
				if field == "NAME" {
					return cmp.Compare(a.Name, b.Name)
				}
				return a.CreatedAt.Compare(b.CreatedAt)
			})
			return connect(at, list, ids, nil)
		}),
		"Release.repository": of(func(r *Release) any { return r.repository }),
		"Release.author":     of(func(r *Release) any { return r.author }),
		"Release.tag": on(func(c *call, r *Release, _ clientstest.Field) (any, error) {
			ref, err := c.g.refNamed(c, r.repository, "refs/tags/"+r.TagName)
			return ref, err
		}),
		"Release.tagCommit": on(func(c *call, r *Release, _ clientstest.Field) (any, error) {
			commit, err := c.g.revision(c.ctx, r.repository, "refs/tags/"+r.TagName)
			return commit, err
		}),
		"Release.descriptionHTML": of(func(r *Release) any { return rendered(r.Description) }),
		"Release.shortDescriptionHTML": on(func(_ *call, r *Release, at clientstest.Field) (any, error) {
			limit, _ := at.Args.Int("limit")
			return rendered(cut(r.Description, limit)), nil
		}),
		"Release.releaseAssets": on(func(_ *call, r *Release, at clientstest.Field) (any, error) {
			var list []*Asset
			for i := range r.Assets {
				if name := at.Args.Text("name"); name == "" || name == r.Assets[i].Name {
					list = append(list, &r.Assets[i])
				}
			}
			return connect(at, list, ids, nil)
		}),
		"ReleaseAsset.uploadedBy":  of(func(a *Asset) any { return a.release.author }),
		"ReleaseAsset.downloadUrl": on(func(c *call, a *Asset, _ clientstest.Field) (any, error) { return c.g.web(a.path()), nil }),
		"ReleaseAsset.url":         on(func(c *call, a *Asset, _ clientstest.Field) (any, error) { return c.g.web(a.path()), nil }),
	}
}

func (a *Asset) path() string {
	return page(a.release.repository) + "/releases/download/" + a.release.TagName + "/" + strings.ReplaceAll(a.Name, " ", ".")
}

// seesRelease reports whether a release is there for whoever calls: drafts are for those who may write.
func (c *call) seesRelease(r *Release) bool {
	return !r.IsDraft || rank(c.may(r.repository)) >= rank("WRITE")
}
