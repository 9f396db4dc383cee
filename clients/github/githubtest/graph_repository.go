package githubtest

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// repositoryFields are the fields of a repository and of what it has one list of.
func repositoryFields() clientstest.Resolvers {
	fields := clientstest.Resolvers{
		"Repository.owner":       of(func(r *Repository) any { return r.owner }),
		"Repository.homepageUrl": of(func(r *Repository) any { return r.HomepageURL }),
		"Repository.sshUrl": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			return "git@" + c.g.settings.Host + ":" + r.NameWithOwner() + ".git", nil
		}),
		"Repository.descriptionHTML": of(func(r *Repository) any { return "<div>" + html.EscapeString(r.Description) + "</div>" }),
		"Repository.shortDescriptionHTML": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			limit, _ := at.Args.Int("limit")
			return html.EscapeString(cut(r.Description, limit)), nil
		}),
		"Repository.openGraphImageUrl": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			return "https://opengraph." + c.g.settings.Host + "/1/" + r.NameWithOwner(), nil
		}),
		"Repository.isInOrganization": of(func(r *Repository) any { _, ok := r.owner.(*Organization); return ok }),
		"Repository.isEmpty": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			head, err := c.g.head(c.ctx, r)
			return head == nil, err
		}),
		"Repository.diskUsage": summarised(func(_ *Repository, s *summary) any { return (s.size + 1023) / 1024 }),
		"Repository.licenseInfo": summarised(func(r *Repository, s *summary) any {
			if r.License != "" {
				return licenseNamed(r.License)
			}
			return s.license
		}),
		"Repository.primaryLanguage": summarised(func(_ *Repository, s *summary) any {
			if len(s.languages) == 0 {
				return nil
			}
			return s.languages[0]
		}),
		"Repository.languages": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			s, err := c.summary(r)
			if err != nil {
				return nil, err
			}
			total := 0
			for _, l := range s.languages {
				total += l.size
			}
			list := ordered(s.languages, at.Args.Object("orderBy"), func(_ string, a, b *language) int { return cmp.Compare(a.size, b.size) })
			page, err := connect(at, list, ids, func(l *language) map[string]any { return map[string]any{"size": l.size} })
			if err == nil {
				page["totalSize"] = total
			}
			return page, err
		}),
		"Repository.repositoryTopics": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			var list []*repositoryTopic
			for _, name := range r.Topics {
				list = append(list, &repositoryTopic{topic: &topic{Name: name}, repository: r})
			}
			return connect(at, list, ids, nil)
		}),
		"RepositoryTopic.topic":       of(func(t *repositoryTopic) any { return t.topic }),
		"License.url":                 of(func(l *license) any { return "https://choosealicense.com/licenses/" + l.Key + "/" }),
		"License.nickname":            always(nil),
		"License.featured":            of(func(l *license) any { return l.Key == "mit" || l.Key == "apache-2.0" || l.Key == "gpl-3.0" }),
		"License.pseudoLicense":       of(func(l *license) any { return l.Key == "other" }),
		"Repository.stargazerCount":   of(func(r *Repository) any { return r.StargazerCount }),
		"Repository.viewerHasStarred": always(false),
		"Topic.stargazerCount":        always(0),
		"Topic.viewerHasStarred":      always(false),

		"Repository.codeowners": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			head, err := c.g.revision(c.ctx, r, at.Args.Text("refName"))
			if head == nil || err != nil {
				return nil, err
			}
			for _, file := range ownersFiles {
				_, blob, err := r.content.File(c.ctx, head.OID, file)
				if absent(err) {
					continue
				}
				if err != nil {
					return nil, err
				}
				return map[string]any{"errors": c.g.ownersErrors(r, file, string(blob.Data))}, nil
			}
			return nil, nil
		}),

		"Repository.vulnerabilityAlerts": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			if err := c.refused("vulnerability_alerts"); err != nil {
				return nil, err
			}
			states, scopes := at.Args.Texts("states"), at.Args.Texts("dependencyScopes")
			list := slices.DeleteFunc(slices.Clone(r.alerts), func(a *Alert) bool {
				return len(states) > 0 && !slices.Contains(states, a.State) || len(scopes) > 0 && !slices.Contains(scopes, a.scope())
			})
			if rank(c.may(r)) < rank("WRITE") {
				list = nil // alerts are for those who may write
			}
			return connect(at, list, ids, nil)
		}),
		"Repository.vulnerabilityAlert": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("number")
			for _, a := range r.alerts {
				if a.Number == n && rank(c.may(r)) >= rank("WRITE") {
					return a, nil
				}
			}
			return nil, notFound("a RepositoryVulnerabilityAlert with the number of %d", n)
		}),
		"RepositoryVulnerabilityAlert.repository":             of(func(a *Alert) any { return a.repository }),
		"RepositoryVulnerabilityAlert.dependencyScope":        of(func(a *Alert) any { return a.scope() }),
		"RepositoryVulnerabilityAlert.vulnerableManifestPath": of(func(a *Alert) any { return a.Manifest }),
		"RepositoryVulnerabilityAlert.vulnerableManifestFilename": of(func(a *Alert) any {
			return a.Manifest[strings.LastIndex(a.Manifest, "/")+1:]
		}),
		"RepositoryVulnerabilityAlert.vulnerableRequirements": of(func(a *Alert) any { return a.Requirements }),
		"RepositoryVulnerabilityAlert.securityAdvisory":       of(func(a *Alert) any { return &advisory{a} }),
		"RepositoryVulnerabilityAlert.securityVulnerability": of(func(a *Alert) any {
			v := map[string]any{
				"severity": a.Severity, "vulnerableVersionRange": a.VulnerableRange, "updatedAt": a.CreatedAt, "advisory": &advisory{a},
				"package": map[string]any{"ecosystem": a.Ecosystem, "name": a.Package}, "firstPatchedVersion": nil,
			}
			if a.PatchedIn != "" {
				v["firstPatchedVersion"] = map[string]any{"identifier": a.PatchedIn}
			}
			return v
		}),
		"SecurityAdvisory.permalink":   of(func(a *advisory) any { return "https://github.com/advisories/" + a.alert.GhsaID }),
		"SecurityAdvisory.identifiers": of(func(a *advisory) any { return []map[string]any{{"type": "GHSA", "value": a.alert.GhsaID}} }),

		"Repository.branchProtectionRules": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			if err := c.refused("administration"); err != nil {
				return nil, err
			}
			if rank(c.may(r)) < rank("WRITE") {
				return connect(at, []*Protection(nil), ids, nil)
			}
			return connect(at, r.protections, ids, nil)
		}),
		"BranchProtectionRule.repository": of(func(p *Protection) any { return p.repository }),
		"BranchProtectionRule.creator": on(func(c *call, p *Protection, _ clientstest.Field) (any, error) {
			if p.CreatorLogin == "" {
				return nil, nil
			}
			return c.g.account(p.CreatorLogin), nil
		}),
		"BranchProtectionRule.requiredApprovingReviewCount": of(func(p *Protection) any {
			if !p.RequiresApprovingReviews {
				return nil
			}
			return max(1, p.RequiredApprovingReviewCount)
		}),
		"BranchProtectionRule.matchingRefs": on(func(c *call, p *Protection, at clientstest.Field) (any, error) {
			list, err := c.refList(p.repository, "refs/heads/")
			list = slices.DeleteFunc(list, func(ref *gitRef) bool {
				return p.repository.protection(strings.TrimPrefix(ref.Name, "refs/heads/")) != p || !strings.Contains(ref.Name, at.Args.Text("query"))
			})
			if err != nil {
				return nil, err
			}
			return connect(at, list, ids, nil)
		}),
		"Repository.rulesets": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			targets := at.Args.Texts("targets")
			list := slices.DeleteFunc(slices.Clone(r.rulesets), func(s *Ruleset) bool { return len(targets) > 0 && !slices.Contains(targets, s.Target) })
			return connect(at, list, ids, nil)
		}),
		"Repository.ruleset": on(func(_ *call, r *Repository, at clientstest.Field) (any, error) {
			n, _ := at.Args.Int("databaseId")
			for _, s := range r.rulesets {
				if s.DatabaseID == n {
					return s, nil
				}
			}
			return nil, nil
		}),
		"RepositoryRuleset.conditions": of(func(s *Ruleset) any {
			return map[string]any{"refName": map[string]any{"include": orEmpty(s.Include), "exclude": orEmpty(s.Exclude)}}
		}),
		"RepositoryRuleset.rules": on(func(_ *call, s *Ruleset, at clientstest.Field) (any, error) {
			wanted := at.Args.Text("type")
			return connect(at, slices.DeleteFunc(slices.Clone(s.rules), func(r *rule) bool { return wanted != "" && wanted != r.Type }), ids, nil)
		}),
		"RepositoryRule.repositoryRuleset": of(func(r *rule) any { return r.ruleset }),

		"Repository.collaborators": on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
			if err := c.refused("metadata"); err != nil {
				return nil, err
			}
			if rank(c.may(r)) < rank("WRITE") {
				return nil, &clientstest.Error{Type: "FORBIDDEN", Message: "You do not have permission to view repository collaborators."}
			}
			query, login := strings.ToLower(at.Args.Text("query")), at.Args.Text("login")
			list := slices.DeleteFunc(c.g.writers(r, "READ"), func(u *User) bool {
				_, direct := r.Collaborators[u.Login]
				return query != "" && !strings.Contains(strings.ToLower(u.Login+" "+u.Name), query) || login != "" && !strings.EqualFold(login, u.Login) ||
					at.Args.Text("affiliation") == "DIRECT" && !direct
			})
			return connect(at, list, ids, func(u *User) map[string]any { return map[string]any{"permission": c.g.permission(u, r)} })
		}),
		"Repository.assignableUsers": people(func(c *call, r *Repository) []*User { return c.g.writers(r, "TRIAGE") }),
		"Repository.mentionableUsers": people(func(c *call, r *Repository) []*User {
			return c.g.writers(r, "READ")
		}),
		"Repository.watchers": people(func(c *call, r *Repository) []*User { users, _ := c.g.usersNamed(r.Watchers); return users }),
		"Repository.parent": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			if parent := c.g.state.repositories[strings.ToLower(r.ParentName)]; c.sees(parent) {
				return parent, nil
			}
			return nil, nil
		}),
		"Repository.viewerPermission": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) { return c.may(r), nil }),
		"Repository.viewerCanAdminister": on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
			return c.may(r) == "ADMIN", nil
		}),
	}
	// What the simulator has one answer for, which is the one of a new repository.
	for name, value := range map[string]any{
		"isDisabled": false, "isLocked": false, "isMirror": false, "lockReason": nil, "mirrorUrl": nil, "usesCustomOpenGraphImage": false,
		"hasIssuesEnabled": true, "hasProjectsEnabled": true, "hasWikiEnabled": true, "hasDiscussionsEnabled": false, "hasSponsorshipsEnabled": false,
		"hasVulnerabilityAlertsEnabled": true, "templateRepository": nil, "viewerSubscription": "UNSUBSCRIBED", "viewerDefaultMergeMethod": "MERGE",
		"mergeCommitAllowed": true, "squashMergeAllowed": true, "rebaseMergeAllowed": true, "autoMergeAllowed": false, "forkingAllowed": true,
		"webCommitSignoffRequired": false, "isSecurityPolicyEnabled": false, "securityPolicyUrl": nil,
	} {
		fields["Repository."+name] = always(value)
	}
	fields["License.hidden"] = always(false)
	fields["BranchProtectionRule.requiredStatusCheckContexts"] = of(func(p *Protection) any { return orEmpty(p.RequiredStatusCheckContexts) })
	for _, name := range []string{"ghsaId", "summary", "description", "severity", "publishedAt", "updatedAt", "classification"} {
		fields["SecurityAdvisory."+name] = of(func(a *advisory) any {
			return map[string]any{
				"ghsaId": a.alert.GhsaID, "summary": a.alert.Summary, "description": a.alert.Description, "severity": a.alert.Severity,
				"publishedAt": a.alert.CreatedAt, "updatedAt": a.alert.CreatedAt, "classification": "GENERAL",
			}[name]
		})
	}
	fields["RepositoryVulnerabilityAlert.autoDismissedAt"] = always(nil)
	return fields
}

// summary returns what GitHub works out from the files of the default branch; nothing where there are none.
func (c *call) summary(r *Repository) (*summary, error) {
	head, err := c.g.head(c.ctx, r)
	if head == nil || err != nil {
		return &summary{}, err
	}
	return c.g.summarise(c.ctx, head)
}

func summarised(field func(*Repository, *summary) any) clientstest.Resolve {
	return on(func(c *call, r *Repository, _ clientstest.Field) (any, error) {
		s, err := c.summary(r)
		if err != nil {
			return nil, err
		}
		return field(r, s), nil
	})
}

// people makes a resolver of a list of users that may be searched.
func people(list func(*call, *Repository) []*User) clientstest.Resolve {
	return on(func(c *call, r *Repository, at clientstest.Field) (any, error) {
		query := strings.ToLower(at.Args.Text("query"))
		return connect(at, slices.DeleteFunc(list(c, r), func(u *User) bool {
			return query != "" && !strings.Contains(strings.ToLower(u.Login+" "+u.Name), query)
		}), ids, nil)
	})
}

// writers returns who has at least a permission on a repository beyond what everybody has, sorted by login.
func (g *GitHub) writers(r *Repository, least string) []*User {
	var out []*User
	for _, login := range sortedKeys(g.state.users) {
		u := g.state.users[login]
		held := g.permission(u, r)
		outsider := held == "READ" && !r.IsPrivate()
		if o, ok := r.owner.(*Organization); ok && o.has(u) {
			outsider = false
		}
		if rank(held) >= rank(least) && !outsider {
			out = append(out, u)
		}
	}
	return out
}

func (a *Alert) scope() string {
	if a.Development {
		return "DEVELOPMENT"
	}
	return "RUNTIME"
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// cut returns the beginning of a text.
func cut(text string, runes int) string {
	if list := []rune(text); len(list) > runes {
		return string(list[:max(0, runes)])
	}
	return text
}
