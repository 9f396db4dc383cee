package clients_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/cache"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestBudgetAllows(t *testing.T) {
	known := func(remaining int) clients.Budget {
		return clients.Budget{Limit: 5000, Remaining: remaining, ResetsAt: noon.Add(time.Hour)}
	}
	waiting := known(5000)
	waiting.NotBefore = noon.Add(time.Minute)
	over := known(0)
	over.ResetsAt = noon
	for _, c := range []struct {
		name    string
		budget  clients.Budget
		urgency cache.Urgency
		cost    int
		allows  bool
		at      time.Time
	}{
		{"nothing is known", clients.Budget{}, cache.Background, 100, true, time.Time{}},
		{"half is left", known(2500), cache.Background, 1, true, time.Time{}},
		{"a quarter is left, after the call", known(1251), cache.Background, 1, true, time.Time{}},
		{"a quarter is left", known(1250), cache.Background, 1, false, noon.Add(time.Hour)},
		{"a quarter is left, for a renewal", known(1250), cache.Renewal, 1, true, time.Time{}},
		{"a tenth is left", known(500), cache.Renewal, 1, false, noon.Add(time.Hour)},
		{"a tenth is left, for who waits", known(500), cache.Needed, 1, true, time.Time{}},
		{"as much is left as it costs", known(7), cache.Needed, 7, true, time.Time{}},
		{"less is left", known(6), cache.Needed, 7, false, noon.Add(time.Hour)},
		{"nothing is left", known(0), cache.Needed, 1, false, noon.Add(time.Hour)},
		{"the window is over", over, cache.Background, 1, true, time.Time{}},
		{"the vendor said wait", waiting, cache.Needed, 1, false, noon.Add(time.Minute)},
	} {
		allows, at := c.budget.Allows(c.urgency, c.cost, noon)
		if allows != c.allows || !at.Equal(c.at) {
			t.Errorf("%s: %v until %v, want %v until %v", c.name, allows, at, c.allows, c.at)
		}
	}
}

func TestBudgetMerged(t *testing.T) {
	at := func(minutes, remaining int) clients.Budget {
		return clients.Budget{Resource: "core", Limit: 100, Remaining: remaining, ResetsAt: noon.Add(time.Duration(minutes) * time.Minute)}
	}
	rounded := at(60, 40)
	rounded.ResetsAt = rounded.ResetsAt.Add(time.Second)
	for _, c := range []struct {
		name      string
		a, b      clients.Budget
		remaining int
	}{
		{"answers out of order", at(60, 40), at(60, 41), 40},
		{"a window that is rounded", at(60, 41), rounded, 40},
		{"a window that is rounded, out of order", rounded, at(60, 41), 40},
		{"a new window", at(60, 0), at(120, 99), 99},
		{"an answer of the old window", at(120, 99), at(60, 0), 99},
		{"nothing was known", clients.Budget{}, at(60, 5), 5},
	} {
		for _, got := range []clients.Budget{c.a.Merged(c.b), c.b.Merged(c.a)} {
			if got.Remaining != c.remaining || got.Resource != "core" {
				t.Errorf("%s: %+v", c.name, got)
			}
		}
	}
	waits := at(60, 40)
	waits.NotBefore = noon.Add(time.Minute)
	if got := at(120, 99).Merged(waits); !got.NotBefore.Equal(waits.NotBefore) || got.Remaining != 99 {
		t.Errorf("the wait is lost: %+v", got)
	}
}

// In which order reports come does not matter.
func TestBudgetMergedInAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var reports []clients.Budget
		for range 6 {
			reports = append(reports, clients.Budget{Resource: "core", Limit: 100, Remaining: random.IntN(100),
				ResetsAt: noon.Add(time.Duration(random.IntN(3)) * time.Hour), NotBefore: noon.Add(time.Duration(random.IntN(10)) * time.Minute)})
		}
		merge := func() (out clients.Budget) {
			for _, r := range reports {
				out = out.Merged(r)
			}
			return out
		}
		want := merge()
		for range 10 {
			random.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
			if got := merge(); got != want {
				t.Fatalf("seed %d: %+v, then %+v", seed, want, got)
			}
		}
	}
}

func TestBudgetLess(t *testing.T) {
	b := clients.Budget{Limit: 10, Remaining: 3, Used: 7}
	if got := b.Less(5); got.Remaining != 0 || got.Used != 12 || b.Remaining != 3 {
		t.Errorf("got %+v", got)
	}
}
