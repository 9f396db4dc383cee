package githubtest

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The resources that have a budget.
const (
	resourceCore       = "core"
	resourceGraphQL    = "graphql"
	resourceSearch     = "search"
	resourceCodeSearch = "code_search"
)

// anonymousCore is how many requests an address without a token has in an hour, as documented in November 2026.
const anonymousCore = 60

// budgets is what everybody has spent, and the secondary limits that are on.
type budgets struct {
	mu        sync.Mutex
	spent     map[string]*window // by whose budget and resource
	throttles []Throttle
}

type window struct {
	used  int
	reset time.Time
}

// standing is how a budget stands.
type standing struct {
	Limit, Remaining, Used int
	Reset                  time.Time
	Resource               string
}

// Throttle is a secondary rate limit that is on.
type Throttle struct {
	Times      int           // requests it meets; at least one
	Status     int           // 200 (GraphQL only), 403 or 429; 403 where zero
	RetryAfter time.Duration // the header is left out where zero, as GitHub often does
}

// Throttle switches a secondary rate limit on for the next requests.
func (g *GitHub) Throttle(t Throttle) {
	g.budgets.mu.Lock()
	defer g.budgets.mu.Unlock()
	t.Times = max(1, t.Times)
	if t.Status == 0 {
		t.Status = http.StatusForbidden
	}
	g.budgets.throttles = append(g.budgets.throttles, t)
}

// Spend takes points from a user's budget for a resource ("core", "graphql", "search", "code_search") as other programs of theirs would.
func (g *GitHub) Spend(login, resource string, points int) error {
	g.mu.RLock()
	u, _ := g.account(login).(*User)
	g.mu.RUnlock()
	if u == nil {
		return fmt.Errorf("spending of %q: %w", login, ErrUnknown)
	}
	g.charge("user "+itoa(u.DatabaseID), true, resource, points)
	return nil
}

// throttled returns the secondary limit that meets a request.
func (g *GitHub) throttled() (Throttle, bool) {
	b := &g.budgets
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.throttles) == 0 {
		return Throttle{}, false
	}
	t := b.throttles[0]
	if b.throttles[0].Times--; b.throttles[0].Times == 0 {
		b.throttles = b.throttles[1:]
	}
	return t, true
}

// limited reports whether there are budgets at all.
func (g *GitHub) limited() bool { return !g.settings.Enterprise || g.settings.Limits != nil }

// charge takes points from a budget, if any are left, and returns how it stands then. With no points it only looks.
func (g *GitHub) charge(whose string, known bool, resource string, points int) standing {
	limits := usualLimits
	if g.settings.Limits != nil {
		limits = *g.settings.Limits
	}
	limit, length := limits.Core, time.Hour
	switch resource {
	case resourceGraphQL:
		limit = limits.GraphQL
	case resourceSearch:
		limit, length = limits.Search, time.Minute
	case resourceCodeSearch:
		limit, length = limits.CodeSearch, time.Minute
	}
	if !known {
		limit = min(limit, anonymousCore)
		if resource == resourceGraphQL {
			limit = 0
		}
	}
	b, now := &g.budgets, g.settings.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	key := whose + " " + resource
	w := b.spent[key]
	if w == nil || !now.Before(w.reset) {
		w = &window{reset: now.Add(length).Truncate(time.Second)}
		if b.spent == nil {
			b.spent = map[string]*window{}
		}
		b.spent[key] = w
	}
	w.used += points
	return standing{Limit: limit, Remaining: max(0, limit-w.used), Used: w.used, Reset: w.reset, Resource: resource}
}

// header writes how a budget stands.
func (s standing) header(h http.Header) {
	h.Set("X-RateLimit-Limit", itoa(s.Limit))
	h.Set("X-RateLimit-Remaining", itoa(s.Remaining))
	h.Set("X-RateLimit-Used", itoa(s.Used))
	h.Set("X-RateLimit-Reset", fmt.Sprint(s.Reset.Unix()))
	h.Set("X-RateLimit-Resource", s.Resource)
}

// exhausted says in GitHub's words that a budget is spent.
func (c *call) exhausted() string {
	if c.token == nil {
		return "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
	}
	if u := c.user(); u != nil {
		return fmt.Sprintf("API rate limit exceeded for user ID %d.", u.DatabaseID)
	}
	return "API rate limit exceeded for installation."
}

const secondaryMessage = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
