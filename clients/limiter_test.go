package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/cache"
)

func github(remaining int, resets time.Duration, resource string) []string {
	return []string{"X-Ratelimit-Limit", "5000", "X-Ratelimit-Remaining", strconv.Itoa(remaining), "X-Ratelimit-Used", strconv.Itoa(5000 - remaining),
		"X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(resets).Unix(), 10), "X-Ratelimit-Resource", resource}
}

// both asks through the two links of the limiter, as the chain does.
func both(l *limiter, network http.RoundTripper) http.RoundTripper {
	return join(network, l.pass, l.spend)
}

func TestExhaustedBudgetIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		network := always(200, github(0, time.Hour, "core")...)
		chain := both(l, network)
		if _, err := chain.RoundTrip(get(t.Context())); err != nil {
			t.Fatalf("the last point was refused: %v", err)
		}
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				_, err := chain.RoundTrip(get(t.Context()))
				wantWait(t, err, ErrLimited, time.Hour)
			})
		}
		all.Wait()
		if n := network.n.Load(); n != 1 {
			t.Errorf("%d of 10,000 requests were sent", n-1)
		}
		// Another resource and another credential have budgets of their own.
		for _, r := range []*http.Request{query(t.Context()), scoped(get(t.Context()), "other")} {
			if _, err := chain.RoundTrip(r); err != nil {
				t.Errorf("got %v", err)
			}
		}
		time.Sleep(time.Hour)
		if _, err := chain.RoundTrip(get(t.Context())); err != nil {
			t.Errorf("after the reset: %v", err)
		}
	})
}

// One refusal is the last request, also for those that were allowed before it and waited for their place.
func TestOneRefusalStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		const places = 20
		network := &counting{answer: func(_ int64, r *http.Request) (*http.Response, error) {
			if err := wait(r.Context(), 100*time.Millisecond); err != nil {
				return nil, err
			}
			return says(403, `{"message":"You have exceeded a secondary rate limit."}`), nil
		}}
		chain := join(network, l.pass, newBulkhead("example", places, 10_000).pass, l.spend)
		var limited atomic.Int64
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				if _, err := chain.RoundTrip(get(t.Context())); errors.Is(err, ErrLimited) {
					limited.Add(1)
				}
			})
		}
		all.Wait()
		if network.n.Load() != places || limited.Load() != 10_000 {
			t.Errorf("%d were sent, %d limited", network.n.Load(), limited.Load())
		}
		// Those that were out together are one refusal: the wait is a minute, not a minute doubled twenty times.
		_, err := chain.RoundTrip(get(t.Context()))
		wantWait(t, err, ErrLimited, minStrike)
	})
}

func TestWaitsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		refused := always(429)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 32, 32} {
			_, err := both(l, refused).RoundTrip(get(t.Context()))
			if e := wantError(t, err, ErrLimited); time.Until(e.RetryAt) != want*time.Minute || e.Status != 429 {
				t.Fatalf("the wait is %v with status %d, want %v minutes", time.Until(e.RetryAt), e.Status, int(want))
			}
			_, err = both(l, refused).RoundTrip(query(t.Context())) // all resources wait
			wantWait(t, err, ErrLimited, want*time.Minute)
			time.Sleep(want * time.Minute)
		}
		if _, err := both(l, always(200)).RoundTrip(get(t.Context())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		_, err := both(l, refused).RoundTrip(get(t.Context()))
		wantWait(t, err, ErrLimited, time.Minute)
	})
}

func TestLimitedOverGraphQL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		network := &counting{answer: func(_ int64, r *http.Request) (*http.Response, error) {
			resp := says(200, `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`, github(0, 20*time.Minute, "graphql")...)
			resp.Request = r
			return resp, nil
		}}
		_, err := both(l, network).RoundTrip(query(t.Context()))
		if e := wantError(t, err, ErrLimited); e.Status != 200 || e.ours {
			t.Errorf("got %+v", e)
		}
		_, err = both(l, network).RoundTrip(query(t.Context()))
		if wantWait(t, err, ErrLimited, 20*time.Minute); network.n.Load() != 1 {
			t.Errorf("it was asked %d times", network.n.Load())
		}
		if _, err := both(l, always(200)).RoundTrip(get(t.Context())); err != nil {
			t.Errorf("REST has a budget of its own: %v", err)
		}
	})
}

func TestUnknownLimitsAllow(t *testing.T) {
	l := newTestLimiter(Settings{Kind: "github"})
	network := always(200) // as GitHub Enterprise with its limits off
	for range 1000 {
		if _, err := both(l, network).RoundTrip(get(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.budgets()) != 0 {
		t.Errorf("budgets that nobody announced: %v", l.budgets())
	}
}

// Points of calls that are out are not spent twice.
func TestCallsInFlightAreCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		both(l, always(200, github(100, time.Hour, "graphql")...)).RoundTrip(query(t.Context()))
		hold := make(chan struct{})
		var sent atomic.Int64
		network := stub(func(r *http.Request) (*http.Response, error) {
			left := 100 - 30*sent.Add(1)
			<-hold
			return says(200, "", github(int(left), time.Hour, "graphql")...), nil
		})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { both(l, network).RoundTrip(query(WithCost(t.Context(), "graphql", 30))) })
		}
		synctest.Wait()
		if sent.Load() != 3 {
			t.Errorf("%d calls of 30 points were sent on a budget of 100", sent.Load())
		}
		close(hold)
		all.Wait()
		if b := l.budgets(); len(b) != 1 || b[0].Remaining != 10 || l.accounts[cache.Scope{}].resources["graphql"].reserved != 0 || l.accounts[cache.Scope{}].resources["graphql"].out != 0 {
			t.Errorf("the budgets are %+v, the account %+v", b, l.accounts[cache.Scope{}].resources["graphql"])
		}
	})
}

func TestUrgency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		for _, c := range []struct {
			remaining int
			allows    map[cache.Urgency]bool
		}{
			{2500, map[cache.Urgency]bool{cache.Background: true, cache.Renewal: true, cache.Needed: true}},
			{1200, map[cache.Urgency]bool{cache.Background: false, cache.Renewal: true, cache.Needed: true}},
			{400, map[cache.Urgency]bool{cache.Background: false, cache.Renewal: false, cache.Needed: true}},
			{0, map[cache.Urgency]bool{cache.Background: false, cache.Renewal: false, cache.Needed: false}},
		} {
			l.settle(&charge{resource: "core"}, &Reading{Budget: Budget{Resource: "core", Limit: 5000, Remaining: c.remaining, ResetsAt: time.Now().Add(time.Hour)}})
			for urgency, want := range c.allows {
				charge := &charge{resource: "core", cost: 1, urgency: urgency, at: time.Now()}
				err := l.reserve(charge)
				if (err == nil) != want {
					t.Errorf("with %d left, urgency %d: %v", c.remaining, urgency, err)
				}
				if err == nil {
					l.settle(charge, nil)
				}
			}
		}
	})
}

// A call that was sent and brought no answer may have been counted.
func TestLostAnswersAreCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		both(l, always(200, github(10, time.Hour, "core")...)).RoundTrip(get(t.Context()))
		lost := stub(func(*http.Request) (*http.Response, error) { return nil, &Error{Kind: ErrTimeout} })
		for range 10 {
			both(l, lost).RoundTrip(get(t.Context()))
		}
		_, err := both(l, lost).RoundTrip(get(t.Context()))
		wantError(t, err, ErrLimited)
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Rate: 10, Burst: 5})
		network := always(200)
		started := time.Now()
		for range 25 {
			if _, err := both(l, network).RoundTrip(get(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("25 requests at 10 a second after 5 at once took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := both(l, network).RoundTrip(get(ctx))
		if wantWait(t, err, ErrLimited, 100*time.Millisecond); time.Since(started) != 2*time.Second {
			t.Error("it waited for what could not come in time")
		}
		var refused atomic.Int64
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, err := both(l, network).RoundTrip(get(t.Context())); err != nil {
					refused.Add(1)
				}
			})
		}
		all.Wait()
		if n := refused.Load(); n < 1000-60 || time.Since(started) > 8*time.Second {
			t.Errorf("%d were refused, after %v", n, time.Since(started))
		}
	})
}

func TestBudgetsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Budget
		l := newTestLimiter(Settings{Kind: "github"}, Observer{Budget: func(source string, b Budget) { told = append(told, b) }})
		both(l, always(200, github(7, time.Hour, "core")...)).RoundTrip(scoped(get(t.Context()), "a"))
		both(l, always(200, github(9, time.Hour, "core")...)).RoundTrip(scoped(get(t.Context()), "b"))
		both(l, always(200, github(4, time.Hour, "graphql")...)).RoundTrip(query(t.Context()))
		if len(told) != 3 || told[0].Remaining != 7 || told[2].Resource != "graphql" {
			t.Errorf("told %+v", told)
		}
		b := l.budgets()
		if len(b) != 2 || b[0].Resource != "core" || b[0].Remaining != 7 || b[1].Remaining != 4 || b[0].Used != 4993 || time.Until(b[0].ResetsAt) != time.Hour {
			t.Errorf("the budgets are %+v", b)
		}
		time.Sleep(time.Hour)
		if len(l.budgets()) != 0 {
			t.Error("a window that is over is told")
		}
	})
}

// What a source names, and whose credentials come, does not grow without bound.
func TestAccountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := map[string]bool{}
		l := newTestLimiter(Settings{Kind: "github"}, Observer{Budget: func(_ string, b Budget) { names[b.Resource] = true }})
		for i := range 3 * maxAccounts {
			both(l, always(200, github(7, time.Hour, fmt.Sprint("resource", i))...)).RoundTrip(scoped(get(t.Context()), fmt.Sprint(i)))
			time.Sleep(time.Millisecond)
		}
		if len(l.accounts) > maxAccounts || len(names) > maxResources+1 {
			t.Errorf("%d accounts, %d resources", len(l.accounts), len(names))
		}
		if _, known := l.accounts[cache.ScopeOf(fmt.Sprint(3*maxAccounts-1))]; !known {
			t.Error("the newest account is forgotten")
		}
	})
}

func TestBoardIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLimiter(Settings{Kind: "github"})
		a := l.account(cache.Scope{}, time.Now())
		now := time.Now()
		l.learn(a, map[string]string{
			"":              "x",
			"wait":          strconv.FormatInt(now.Add(1000*time.Hour).UnixMilli(), 10),
			"wait:core":     "9999999999999999999999999",
			"wait:a b":      strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10),
			"budget:core":   `{"limit":100,"remaining":-5,"resetsAt":"` + now.Add(time.Minute).Format(time.RFC3339) + `"}`,
			"budget:search": `{"limit":100,"remaining":101,"resetsAt":"` + now.Add(time.Minute).Format(time.RFC3339) + `"}`,
			"budget:code":   `{"limit":100,"remaining":1,"resetsAt":"9999-01-01T00:00:00Z"}`,
			"budget:x":      `{`,
			"other:y":       "1",
		}, now)
		if len(l.budgets()) != 0 {
			t.Errorf("learnt %+v", l.budgets())
		}
		l.learn(a, map[string]string{
			"wait:core":      strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10),
			"budget:graphql": `{"limit":100,"remaining":3,"used":97,"resetsAt":"` + now.Add(time.Minute).Format(time.RFC3339) + `","notBefore":"2099-01-01T00:00:00Z"}`,
		}, now)
		_, err := both(l, always(200)).RoundTrip(get(t.Context()))
		wantWait(t, err, ErrLimited, time.Minute)
		_, err = both(l, always(200)).RoundTrip(query(WithCost(t.Context(), "graphql", 4)))
		wantWait(t, err, ErrLimited, time.Minute)
		if _, err = both(l, always(200)).RoundTrip(query(WithCost(t.Context(), "graphql", 3))); err != nil {
			t.Error(err)
		}
	})
}
