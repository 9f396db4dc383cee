package githubtest

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Protection is a branch protection rule.
type Protection struct {
	Pattern                        string // as fnmatch has it: "main", "release/*"
	RequiresApprovingReviews       bool
	RequiredApprovingReviewCount   int
	RequiresCodeOwnerReviews       bool
	DismissesStaleReviews          bool
	RequireLastPushApproval        bool
	RequiresStatusChecks           bool
	RequiresStrictStatusChecks     bool
	RequiredStatusCheckContexts    []string
	RequiresConversationResolution bool
	RequiresCommitSignatures       bool
	RequiresLinearHistory          bool
	RequiresDeployments            bool
	IsAdminEnforced                bool
	AllowsForcePushes              bool
	AllowsDeletions                bool
	BlocksCreations                bool
	RestrictsPushes                bool
	LockBranch                     bool
	CreatorLogin                   string
	DatabaseID                     int

	repository *Repository
}

// GraphQLType implements clientstest.Typed.
func (*Protection) GraphQLType() string { return "BranchProtectionRule" }

// Ruleset is a repository's set of rules.
type Ruleset struct {
	Name                 string
	Target               string // BRANCH, TAG or PUSH; BRANCH where empty
	Enforcement          string // ACTIVE, EVALUATE or DISABLED; ACTIVE where empty
	Include, Exclude     []string
	Rules                []string // such as PULL_REQUEST and REQUIRED_STATUS_CHECKS
	CreatedAt, UpdatedAt time.Time
	DatabaseID           int

	repository *Repository
	rules      []*rule
}

// GraphQLType implements clientstest.Typed.
func (*Ruleset) GraphQLType() string { return "RepositoryRuleset" }

type rule struct {
	Type       string
	databaseID int
	ruleset    *Ruleset
}

func (*rule) GraphQLType() string { return "RepositoryRule" }

// Protect gives a repository a branch protection rule.
func (g *GitHub) Protect(repository string, p Protection) (*Protection, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	if p.DatabaseID == 0 {
		p.DatabaseID = g.nextID()
	}
	p.repository = r
	r.protections = append(r.protections, &p)
	g.register(&p)
	return &p, nil
}

// AddRuleset gives a repository a ruleset.
func (g *GitHub) AddRuleset(repository string, s Ruleset) (*Ruleset, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	if s.Target == "" {
		s.Target = "BRANCH"
	}
	if s.Enforcement == "" {
		s.Enforcement = "ACTIVE"
	}
	g.stamp(&s.CreatedAt, &s.UpdatedAt, &s.DatabaseID)
	s.repository = r
	for _, t := range s.Rules {
		one := &rule{Type: t, databaseID: g.nextID(), ruleset: &s}
		s.rules = append(s.rules, one)
		g.register(one)
	}
	r.rulesets = append(r.rulesets, &s)
	g.register(&s)
	return &s, nil
}

// protection returns the rule that holds for a branch: one without wildcards before others, else the oldest. Nil for none.
func (r *Repository) protection(branch string) *Protection {
	var found *Protection
	for _, p := range r.protections {
		if p.Pattern == branch {
			return p
		}
		if matched, err := path.Match(p.Pattern, branch); found == nil && err == nil && matched {
			found = p
		}
	}
	return found
}

// Alert is a vulnerable dependency that was found in a repository.
type Alert struct {
	Number                     int    // the next one where zero
	Severity                   string // CRITICAL, HIGH, MODERATE or LOW
	State                      string // OPEN, FIXED, DISMISSED or AUTO_DISMISSED; OPEN where empty
	Package, Ecosystem         string // Ecosystem as GitHub names it: GO, NPM, MAVEN ...
	VulnerableRange, PatchedIn string
	Manifest                   string // the path of the file that names the package
	Requirements               string // what that file asks for, such as "= 1.2.3"
	Development                bool   // it is not part of what is shipped
	GhsaID, Summary            string
	Description                string
	CreatedAt                  time.Time
	FixedAt, DismissedAt       time.Time
	DismissReason              string

	databaseID int
	repository *Repository
}

// GraphQLType implements clientstest.Typed.
func (*Alert) GraphQLType() string { return "RepositoryVulnerabilityAlert" }

type advisory struct{ alert *Alert }

func (*advisory) GraphQLType() string { return "SecurityAdvisory" }

// AddAlert finds a vulnerable dependency.
func (g *GitHub) AddAlert(repository string, a Alert) (*Alert, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return nil, err
	}
	if a.Number == 0 {
		a.Number = len(r.alerts) + 1
	}
	if a.State == "" {
		a.State = "OPEN"
	}
	var updated time.Time
	g.stamp(&a.CreatedAt, &updated, &a.databaseID)
	a.repository = r
	r.alerts = append(r.alerts, &a)
	g.register(&a)
	return &a, nil
}

// ownersFile is where GitHub looks for code owners, in this order.
var ownersFiles = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// ownersError is what is wrong with one line of a CODEOWNERS file.
type ownersError struct {
	Line, Column                      int
	Kind, Path, Source, Message, hint string
}

// Suggestion returns what GitHub proposes.
func (e *ownersError) Suggestion() string { return e.hint }

// ownersErrors checks a CODEOWNERS file as GitHub does: patterns that it does not know, and owners that are not there or may not write.
func (g *GitHub) ownersErrors(r *Repository, file, text string) []*ownersError {
	errors := []*ownersError{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		source := line
		if at := strings.Index(line, "#"); at >= 0 && (at == 0 || line[at-1] == ' ' || line[at-1] == '\t') {
			line = line[:at]
		}
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		add := func(kind, word, hint string) {
			e := &ownersError{Line: n + 1, Column: strings.Index(source, word) + 1, Kind: kind, Path: file, Source: source, hint: hint}
			e.Message = kind + " on line " + itoa(e.Line)
			if hint != "" {
				e.Message += ": " + hint
			}
			e.Message += "\n\n  " + source + "\n  " + strings.Repeat(" ", max(0, e.Column-1)) + "^"
			errors = append(errors, e)
		}
		if strings.HasPrefix(fields[0], "!") || strings.ContainsAny(fields[0], "[]") {
			add("Invalid pattern", fields[0], "")
			continue
		}
		for _, owner := range fields[1:] {
			switch g.ownerKind(r, owner) {
			case "":
				add("Invalid owner", owner, "")
			case "unknown":
				add("Unknown owner", owner, "make sure "+owner+" exists and has write access to the repository")
			}
		}
	}
	return errors
}

// ownerKind returns "" for what is no owner, "unknown" for one that is not there or may not write, else "owner".
func (g *GitHub) ownerKind(r *Repository, owner string) string {
	name, mentioned := strings.CutPrefix(owner, "@")
	if !mentioned {
		if !strings.Contains(owner, "@") {
			return ""
		}
		if u := g.byEmail(owner); u != nil && rank(g.permission(u, r)) >= rank("WRITE") {
			return "owner"
		}
		return "unknown"
	}
	if organization, team, ok := strings.Cut(name, "/"); ok {
		o := g.state.organizations[strings.ToLower(organization)]
		if o == nil || o != r.owner || o.team(team) == nil || o.team(team).Secret {
			return "unknown"
		}
		if rank(o.team(team).repositories[strings.ToLower(r.NameWithOwner())]) >= rank("WRITE") {
			return "owner"
		}
		return "unknown"
	}
	if !loginPattern.MatchString(name) {
		return ""
	}
	if u := g.state.users[strings.ToLower(name)]; u != nil && rank(g.permission(u, r)) >= rank("WRITE") {
		return "owner"
	}
	return "unknown"
}

// closing returns the numbers of issues that a text says it closes: "fixes #3", "Closes: #4".
func closing(text string) []int {
	var out []int
	for _, m := range closingPattern.FindAllStringSubmatch(text, -1) {
		if n := atoi(m[1]); n > 0 && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
