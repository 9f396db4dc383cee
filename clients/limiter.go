package clients

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"callboard.dev/callboard/clients/cache"
)

// limiter asks a source no more than it allows: by a rate that is configured, and by what the source's answers say about its budgets. Budgets
// are those of a credential and a resource. A call is charged when it goes in; what the vendor says is left when it comes out, which counts the
// calls the vendor knows of, less those that are still out, is what there is to spend.
//
// Once an answer says that a limit is reached nobody asks until the time has come.
type limiter struct {
	source  string
	limits  Limits
	rate    *rate.Limiter // nil where there is none
	observe Observer
	log     *slog.Logger
	board   *board // what is shared with other replicas; nil where nothing is

	mu       sync.Mutex
	accounts map[cache.Scope]*account
	named    map[string]struct{} // the resources that answers and other replicas have named
}

// account is what is known of one credential's budgets. The limiter's lock guards it.
type account struct {
	scope     cache.Scope
	resources map[string]*resource
	notBefore time.Time // for all resources
	strikes   int       // refusals in a row that did not say how long to wait
	struck    time.Time // when the last of them came
	used      time.Time // when it was last charged
	calls     int       // that are charged and not settled
	exchange  exchange  // with other replicas
}

// resource is one budget and the points that are not in it yet.
type resource struct {
	budget   Budget
	reserved int // points of calls that are charged and not settled
	out      int // points of those among them that have been sent
}

// Bounds by judgement.
const (
	minStrike    = time.Minute      // GitHub: "wait for at least one minute", then exponentially longer
	maxStrike    = 32 * time.Minute // five times doubled
	maxPace      = 5 * time.Second  // the longest that a request waits for the configured rate: after that it is better told
	maxAccounts  = 1000             // credentials whose budgets are remembered; more only where people bring their own
	maxResources = 32               // names of resources that are learnt from answers; GitHub has a dozen
)

func newLimiter(set *Settings, shared *Shared) *limiter {
	l := &limiter{source: set.Name, limits: set.Limits, observe: shared.Observe, log: shared.Log, accounts: map[cache.Scope]*account{}, named: map[string]struct{}{}}
	if set.Rate > 0 {
		burst := set.Burst
		if burst == 0 {
			burst = int(set.Rate) + 1
		}
		l.rate = rate.NewLimiter(rate.Limit(set.Rate), burst)
	}
	if shared.Redis != nil {
		l.board = &board{redis: shared.Redis, source: set.Name, log: shared.Log}
	}
	return l
}

// charge is what one call costs.
type charge struct {
	scope    cache.Scope
	resource string
	cost     int
	urgency  cache.Urgency
	at       time.Time // when it was made
	sent     bool
	settled  bool
}

type chargeKey struct{}

func (l *limiter) chargeOf(r *http.Request) *charge {
	ctx := r.Context()
	call := callOf(ctx)
	c := &charge{scope: passageOf(ctx).scope, resource: call.resource, cost: max(call.cost, 0), urgency: cache.UrgencyOf(ctx), at: time.Now()}
	if call.resource == "" {
		c.resource = l.limits.Resource(r)
	}
	if call.cost == 0 {
		c.cost = 1
	}
	return c
}

// oneResource is for vendors whose limits do not depend on what is asked.
func oneResource(*http.Request) string { return "" }

// pass charges the call and waits for the configured rate.
func (l *limiter) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	c := l.chargeOf(r)
	l.consult(r.Context(), c.scope)
	if err := l.reserve(c); err != nil {
		return nil, err
	}
	defer func() {
		if !c.settled {
			l.settle(c, nil)
		}
	}()
	if err := l.pace(r.Context()); err != nil {
		return nil, err
	}
	return next.RoundTrip(r.WithContext(context.WithValue(r.Context(), chargeKey{}, c)))
}

// spend stands right before the network, within the bulkhead: a call that waited for its place may meet a limit that became known meanwhile,
// and what an answer says about limits is known before another call takes its place.
func (l *limiter) spend(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	c, _ := r.Context().Value(chargeKey{}).(*charge)
	if c == nil {
		return next.RoundTrip(r)
	}
	if err := l.send(c); err != nil {
		return nil, err
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		l.settle(c, nil)
		return nil, err
	}
	reading := l.limits.Read(resp, textOf(resp), time.Now())
	budget, until := l.settle(c, &reading)
	if l.observe.Budget != nil && budget.Limit > 0 {
		l.observe.Budget(l.source, budget)
	}
	if !reading.Limited {
		return resp, nil
	}
	resp.Body.Close()
	l.log.Warn("a source's rate limit is reached", "source", l.source, "resource", c.resource, "status", resp.StatusCode, "until", until)
	return nil, l.refused(c.resource, resp.StatusCode, until)
}

// send counts the call's points as on their way, or refuses it.
func (l *limiter) send(c *charge) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	a := l.account(c.scope, now)
	res := a.resource(c.resource)
	if ok, until := a.allows(c, res.out, now); !ok {
		return l.refused(c.resource, 0, until)
	}
	res.out += c.cost
	c.sent = true
	return nil
}

// reserve charges the call, or refuses it.
func (l *limiter) reserve(c *charge) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(c.scope, c.at)
	res := a.resource(c.resource)
	if ok, until := a.allows(c, res.reserved, c.at); !ok {
		return l.refused(c.resource, 0, until)
	}
	res.reserved += c.cost
	a.calls++
	return nil
}

// settle ends the charge, by what an answer says or, where there was none, by what may have been spent. It returns what is known now, and until
// when nobody asks.
func (l *limiter) settle(c *charge, reading *Reading) (Budget, time.Time) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c.settled = true
	a := l.account(c.scope, now)
	res := a.resource(c.resource)
	res.reserved -= c.cost
	a.calls--
	if c.sent {
		res.out -= c.cost
	}
	if reading == nil {
		if c.sent { // it may or may not have been counted; what the vendor says next is right again
			res.budget = res.budget.Less(c.cost)
		}
		return res.budget, a.notBefore
	}
	said := reading.Budget
	if said.Resource == "" || !l.mayName(said.Resource) {
		said.Resource = c.resource
	}
	about := a.resource(said.Resource)
	if said.Limit > 0 {
		about.budget = about.budget.Merged(said)
	}
	switch {
	case !reading.Limited:
		if c.at.After(a.struck) {
			a.strikes = 0
		}
	case reading.Whole:
		a.notBefore = latest(a.notBefore, now.Add(a.wait(c, reading, now)))
	default:
		res.budget.NotBefore = latest(res.budget.NotBefore, now.Add(a.wait(c, reading, now)))
	}
	if l.board != nil {
		l.board.post(l, a)
	}
	return about.budget, latest(a.notBefore, res.budget.NotBefore)
}

// wait returns how long a refusal is to be heeded. One that does not say makes it longer each time; those that were out together are one.
func (a *account) wait(c *charge, reading *Reading, now time.Time) time.Duration {
	if reading.Wait > 0 {
		return min(reading.Wait, maxWait)
	}
	if a.strikes == 0 || c.at.After(a.struck) {
		a.strikes++
		a.struck = now
		return min(minStrike<<min(a.strikes-1, 10), maxStrike)
	}
	return 0
}

// allows tells whether the call may be made while points are spent that the budget does not know of.
func (a *account) allows(c *charge, spent int, now time.Time) (bool, time.Time) {
	if a.notBefore.After(now) {
		return false, a.notBefore
	}
	return a.resource(c.resource).budget.Less(spent).Allows(c.urgency, c.cost, now)
}

func (a *account) resource(name string) *resource {
	r := a.resources[name]
	if r == nil {
		r = new(resource)
		r.budget.Resource = name
		a.resources[name] = r
	}
	return r
}

// mayName tells whether an answer may speak of the resource: what others name is not let grow without bound, here and in metrics.
func (l *limiter) mayName(name string) bool {
	if _, known := l.named[name]; !known {
		if len(l.named) >= maxResources {
			return false
		}
		l.named[name] = struct{}{}
	}
	return true
}

// account returns the account of the scope; a new one may take the place of one that was not used for long. The lock is held.
func (l *limiter) account(scope cache.Scope, now time.Time) *account {
	a := l.accounts[scope]
	if a == nil {
		if len(l.accounts) >= maxAccounts {
			l.forget()
		}
		a = &account{scope: scope, resources: map[string]*resource{}}
		l.accounts[scope] = a
	}
	a.used = now
	return a
}

// forget drops the older half of the accounts that nothing is charged to.
func (l *limiter) forget() {
	var idle []*account
	for _, a := range l.accounts {
		if a.calls == 0 {
			idle = append(idle, a)
		}
	}
	slices.SortFunc(idle, func(a, b *account) int {
		if c := a.used.Compare(b.used); c != 0 {
			return c
		}
		return slices.Compare(a.scope[:], b.scope[:])
	})
	for _, a := range idle[:(len(idle)+1)/2] {
		delete(l.accounts, a.scope)
	}
}

// pace waits for the configured rate.
func (l *limiter) pace(ctx context.Context) error {
	if l.rate == nil {
		return nil
	}
	turn := l.rate.Reserve()
	delay := turn.Delay()
	if delay == 0 {
		return nil
	}
	deadline, bounded := ctx.Deadline()
	if delay > maxPace || bounded && time.Until(deadline) <= delay {
		turn.Cancel()
		return l.refused("configured rate", 0, time.Now().Add(delay))
	}
	if err := wait(ctx, delay); err != nil {
		turn.Cancel()
		return err
	}
	return nil
}

// wait returns after the time, or with the end of the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *limiter) refused(resource string, status int, until time.Time) *Error {
	what := "its rate limit"
	if resource != "" {
		what = "its limit of " + resource
	}
	return &Error{Kind: ErrLimited, Source: l.source, Status: status, RetryAt: until, ours: status == 0,
		Message: fmt.Sprintf("%s is used up; it is asked again at %s", what, until.UTC().Format("15:04:05 UTC"))}
}

// budgets returns what is known, sorted by resource: of several credentials the one with the least left.
func (l *limiter) budgets() []Budget {
	now := time.Now()
	least := map[string]Budget{}
	l.mu.Lock()
	for _, a := range l.accounts {
		for name, r := range a.resources {
			b := r.budget
			b.NotBefore = latest(b.NotBefore, a.notBefore)
			if !b.Known(now) && !b.NotBefore.After(now) {
				continue
			}
			if known, ok := least[name]; !ok || b.share() < known.share() {
				least[name] = b
			}
		}
	}
	l.mu.Unlock()
	out := make([]Budget, 0, len(least))
	for _, b := range least {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Budget) int { return strings.Compare(a.Resource, b.Resource) })
	return out
}
