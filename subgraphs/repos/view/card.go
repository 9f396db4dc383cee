package view

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// sourced is where a value of a host comes from.
func sourced[V any](h *host.Host, l host.Loaded[V]) Provenance {
	return Provenance{Source: h.Name, FetchedAt: moment(l.At), Freshness: Freshness(upstream.Freshness(l.State))}
}

// showHosted returns what the schema shows of a host's repository.
func (q *Request) showHosted(ctx context.Context, h *host.Host, l host.Loaded[*host.Repository], c *cohort) (*Repository, error) {
	card := l.Value
	known, err := q.byOrigin(ctx)
	if err != nil {
		return nil, fail(err)
	}
	local := known[strings.ToLower(h.Web.Host+path.Join("/", h.Web.Path, card.Path))]
	provider := RepositoryProvider(h.Provider)
	return &Repository{Provenance: sourced(h, l), ID: encodeID(provider, h.Name, card.Path), Provider: provider, facts: q.newHosted(h, card, local, c),
		host: h, card: card, local: local, cohort: c, request: q}, nil
}

// originOf returns what a host tells about where a repository is.
func originOf(h *host.Host, card *host.Repository) origin {
	owner, name := path.Split(card.Path)
	return origin{host: h.Web.Hostname(), owner: strings.Trim(owner, "/"), name: name, web: card.URL}
}

// Checkout is the repository on a disk.
func (r *Repository) Checkout() *Repository {
	if r.local == nil {
		return nil
	}
	return r.request.show(r.local)
}

// of returns what a host says of a repository: the zero value of a checkout.
func of[T any](r *Repository, what func(*host.Repository) T) T {
	var none T
	if r.card == nil {
		return none
	}
	return what(r.card)
}

// Description is what the host says it is.
func (r *Repository) Description() *string {
	return of(r, func(c *host.Repository) *string { return orNull(c.Description) })
}

// HomepageURL is the page of the project.
func (r *Repository) HomepageURL() *scalar.URL {
	return of(r, func(c *host.Repository) *scalar.URL { return webAddress(c.Homepage) })
}

// Topics are what it is about.
func (r *Repository) Topics() []string {
	return of(r, func(c *host.Repository) []string { return append([]string{}, c.Topics...) })
}

// RepositoryVisibility is who may see a repository.
type RepositoryVisibility string

// Visibility is who may see it.
func (r *Repository) Visibility() *RepositoryVisibility {
	return of(r, func(c *host.Repository) *RepositoryVisibility {
		return oneOf[RepositoryVisibility](c.Visibility, "PUBLIC", "PRIVATE", "INTERNAL")
	})
}

// IsArchived tells whether nobody can change it any more.
func (r *Repository) IsArchived() *bool {
	return of(r, func(c *host.Repository) *bool { return &c.Archived })
}

// IsFork tells whether it was copied.
func (r *Repository) IsFork() *bool { return of(r, func(c *host.Repository) *bool { return &c.Fork }) }

// StargazerCount is how many people starred it.
func (r *Repository) StargazerCount() *int {
	return of(r, func(c *host.Repository) *int { return &c.Stars })
}

// ForkCount is how many forks it has.
func (r *Repository) ForkCount() *int {
	return of(r, func(c *host.Repository) *int { return &c.Forks })
}

// RepositoryLanguage is a language it is written in.
type RepositoryLanguage struct {
	Name    string
	Percent float64
}

// Languages are those it is written in.
func (r *Repository) Languages() []*RepositoryLanguage {
	return of(r, func(c *host.Repository) []*RepositoryLanguage {
		out := []*RepositoryLanguage{}
		for _, l := range c.Languages {
			out = append(out, &RepositoryLanguage{Name: l.Name, Percent: l.Percent})
		}
		return out
	})
}

// RepositoryLicense is a licence.
type RepositoryLicense struct {
	SpdxID *string
	Name   string
}

// License is its licence.
func (r *Repository) License() *RepositoryLicense {
	return of(r, func(c *host.Repository) *RepositoryLicense {
		if c.License == nil {
			return nil
		}
		return &RepositoryLicense{SpdxID: orNull(c.License.SPDX), Name: c.License.Name}
	})
}

// CreatedAt is when it was made.
func (r *Repository) CreatedAt() *time.Time {
	return of(r, func(c *host.Repository) *time.Time { return moment(c.CreatedAt) })
}

// PushedAt is when somebody pushed last.
func (r *Repository) PushedAt() *time.Time {
	return of(r, func(c *host.Repository) *time.Time { return moment(c.PushedAt) })
}

// withheld is the error of what the credentials may not see of a repository.
func withheld(h *host.Host, what string, card *host.Repository) error {
	return failHost(h, &clients.Error{Kind: clients.ErrForbidden, Source: h.Name,
		Message: "the credentials that it is asked with do not allow to see the " + what + " of " + card.Path})
}

// VulnerabilityAlertCounts counts open alerts.
type VulnerabilityAlertCounts struct {
	Total                         int
	Critical, High, Moderate, Low *int
}

// VulnerabilityAlerts counts the open alerts.
func (r *Repository) VulnerabilityAlerts() (*VulnerabilityAlertCounts, error) {
	if r.card == nil || r.card.Alerts == nil {
		if r.card != nil && r.card.AlertsDenied {
			return nil, withheld(r.host, "vulnerability alerts", r.card)
		}
		return nil, nil
	}
	a := r.card.Alerts
	return &VulnerabilityAlertCounts{Total: a.Total, Critical: a.Critical, High: a.High, Moderate: a.Moderate, Low: a.Low}, nil
}

// BranchProtection is how a branch is protected.
type BranchProtection struct {
	Pattern                      string
	RequiredApprovingReviewCount *int
	RequiresCodeOwnerReviews     *bool
	RequiresStatusChecks         *bool
	RequiresCommitSignatures     *bool
	RequiresLinearHistory        *bool
	IsAdminEnforced              *bool
	AllowsForcePushes            *bool
	AllowsDeletions              *bool
}

// BranchProtection is how the default branch is protected.
func (r *Repository) BranchProtection() *BranchProtection {
	return of(r, func(c *host.Repository) *BranchProtection {
		p := c.Protection
		if p == nil {
			return nil
		}
		return &BranchProtection{Pattern: p.Pattern, RequiredApprovingReviewCount: p.Approvals, RequiresCodeOwnerReviews: p.CodeOwners, RequiresStatusChecks: p.StatusChecks,
			RequiresCommitSignatures: p.Signatures, RequiresLinearHistory: p.LinearHistory, IsAdminEnforced: p.AdminsToo, AllowsForcePushes: p.ForcePushes, AllowsDeletions: p.DeletionsToo}
	})
}

// Release is a release.
type Release struct {
	Name, TagName string
	PublishedAt   *time.Time
	IsPrerelease  bool
	URL           *scalar.URL
}

func showRelease(r *host.Release) *Release {
	out := &Release{Name: r.Name, TagName: r.Tag, PublishedAt: moment(r.PublishedAt), IsPrerelease: r.Prerelease, URL: webAddress(r.URL)}
	if out.Name == "" {
		out.Name = r.Tag
	}
	return out
}

// LatestRelease is the newest release.
func (r *Repository) LatestRelease() *Release {
	return of(r, func(c *host.Repository) *Release {
		if c.LatestRelease == nil {
			return nil
		}
		return showRelease(c.LatestRelease)
	})
}

// GitHubRepository is what only GitHub has.
type GitHubRepository struct {
	DatabaseID   *int
	NodeID       string
	IsTemplate   bool
	WatcherCount *int
}

// Github is what only GitHub has.
func (r *Repository) Github() *GitHubRepository {
	if r.host == nil || r.host.Provider != forge.GitHub {
		return nil
	}
	out := &GitHubRepository{NodeID: r.card.ID, IsTemplate: r.card.Template, WatcherCount: r.card.Watchers}
	if n := r.card.Number; n > 0 && n <= 1<<31-1 {
		out.DatabaseID = new(int(n))
	}
	return out
}

// GitLabRepository is what only GitLab has.
type GitLabRepository struct {
	ProjectID            string
	Namespace            string
	RequestAccessEnabled *bool
}

// Gitlab is what only GitLab has.
func (r *Repository) Gitlab() *GitLabRepository {
	if r.host == nil || r.host.Provider != forge.GitLab {
		return nil
	}
	return &GitLabRepository{ProjectID: strconv.FormatInt(r.card.Number, 10), Namespace: r.card.Namespace, RequestAccessEnabled: r.card.RequestAccess}
}

// webAddress returns the address where it is one of the web, which a client may make a link of.
func webAddress(text string) *scalar.URL {
	if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		return nil
	}
	return new(scalar.URL(text))
}

// oneOf returns the value where it is one that the schema has.
func oneOf[T ~string](text string, values ...T) *T {
	for _, v := range values {
		if string(v) == text {
			return &v
		}
	}
	return nil
}
