package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// anAction is one without a key; later ones are begun later.
func anAction(n int) store.Action {
	return store.Action{
		ID: fmt.Sprintf("action-%03d", n), Principal: "user:default/ada", Kind: "rerun", Target: "host.example/team/repo/run/1", At: after(n), Details: `{"jobs":["ä"]}`, State: store.Pending,
	}
}

// begin begins an action that nobody knows.
func begin(t *testing.T, s store.Store, a store.Action) {
	t.Helper()
	if known := must[*store.Action](t)(s.Begin(t.Context(), a)); known != nil {
		t.Fatalf("%s is known as %+v", a.ID, known)
	}
}

// actions returns all of them, with the time of their ends replaced by another time, as that is the store's.
func actions(t *testing.T, s store.Store, q store.ActionsQuery) []store.Action {
	t.Helper()
	got := must[[]store.Action](t)(s.Actions(t.Context(), q))
	for i := range got {
		if ended := got[i].Ended; !ended.IsZero() {
			if ended.Before(someTime) || ended.Location() != time.UTC {
				t.Errorf("%s ended at %s", got[i].ID, ended)
			}
			got[i].Ended = someTime
		}
	}
	return got
}

func actionsAreRemembered(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	if got := actions(t, s, store.ActionsQuery{}); len(got) != 0 {
		t.Errorf("an empty store has %v", got)
	}
	one, two, three := anAction(0), anAction(1), anAction(2)
	two.Target, three.Principal, three.Key = "another", "bot'; DROP TABLE x", "key"
	told := two
	told.State, told.Result, told.Ended = store.Done, "what others say", someTime // which nobody can say before
	begin(t, s, one)
	begin(t, s, told)
	begin(t, s, three)
	same(t, "pending", actions(t, s, store.ActionsQuery{}), []store.Action{three, two, one})
	done(t, s.Finish(ctx, one.ID, store.Done, `{"run":2}`))
	done(t, s.Finish(ctx, two.ID, store.Failed, `{"error":"no"}`))
	one.State, one.Result, one.Ended = store.Done, `{"run":2}`, someTime
	two.State, two.Result, two.Ended = store.Failed, `{"error":"no"}`, someTime
	for _, s := range []store.Store{s, open()} {
		same(t, "all", actions(t, s, store.ActionsQuery{}), []store.Action{three, two, one})
		same(t, "of a target", actions(t, s, store.ActionsQuery{Target: one.Target}), []store.Action{three, one})
		same(t, "of a principal", actions(t, s, store.ActionsQuery{Principal: one.Principal}), []store.Action{two, one})
		same(t, "of both", actions(t, s, store.ActionsQuery{Principal: one.Principal, Target: one.Target}), []store.Action{one})
		same(t, "of nobody", actions(t, s, store.ActionsQuery{Principal: "nobody"}), nil)
	}
	now := anAction(3)
	now.At = time.Time{}
	before := time.Now().Add(-time.Millisecond)
	begin(t, s, now)
	if got := must[[]store.Action](t)(s.Actions(ctx, store.ActionsQuery{Most: 1})); len(got) != 1 || got[0].ID != now.ID || got[0].At.Before(before) {
		t.Errorf("begun now: %+v", got)
	}
}

func aKeyIsAnAction(t *testing.T, open Opener) {
	ctx, s, other := t.Context(), open(), open()
	first := anAction(0)
	first.Key = "key"
	begin(t, s, first)
	again := anAction(1)
	again.Key, again.Details = first.Key, "others"
	same(t, "while it is pending", must[*store.Action](t)(other.Begin(ctx, again)), &first)
	done(t, s.Finish(ctx, first.ID, store.Failed, `"why"`))
	known := must[*store.Action](t)(other.Begin(ctx, again))
	if known == nil || known.ID != first.ID || known.State != store.Failed || known.Result != `"why"` || known.Ended.IsZero() {
		t.Errorf("when it has failed: %+v", known)
	}
	earlier := again // as a replica's clock may be
	earlier.At = after(-48)
	if known := must[*store.Action](t)(other.Begin(ctx, earlier)); known == nil || known.ID != first.ID {
		t.Errorf("by a clock that is behind: %+v", known)
	}
	for i, change := range []func(a *store.Action){
		func(a *store.Action) { a.Key = "Key" }, func(a *store.Action) { a.Principal = "user:default/ben" }, func(a *store.Action) { a.Key = "" }, func(a *store.Action) { a.Key = "" },
	} {
		a := anAction(10 + i)
		a.Key = first.Key
		change(&a)
		begin(t, other, a)
	}
	if got := actions(t, s, store.ActionsQuery{}); len(got) != 5 {
		t.Errorf("there are %d actions", len(got))
	}
}

func aKeyIsForgotten(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	first, last, next := anAction(0), anAction(1), anAction(2)
	first.Key, last.Key, next.Key = "key", "key", "key"
	last.At, next.At = first.At.Add(store.KeyLives-time.Microsecond), first.At.Add(store.KeyLives)
	begin(t, s, first)
	if known := must[*store.Action](t)(s.Begin(ctx, last)); known == nil || known.ID != first.ID {
		t.Errorf("just before a day: %+v", known)
	}
	begin(t, s, next)
	if known := must[*store.Action](t)(s.Begin(ctx, last)); known == nil || known.ID != next.ID {
		t.Errorf("after another: %+v", known)
	}
	other := anAction(3)
	other.Key, other.Kind, other.At = "key", "cancel", next.At.Add(store.KeyLives)
	begin(t, s, other)
}

func aKeyIsUsedForOneThing(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	first := anAction(0)
	first.Key = "key"
	begin(t, s, first)
	for i, change := range []func(a *store.Action){func(a *store.Action) { a.Kind = "cancel" }, func(a *store.Action) { a.Target = "another" }} {
		a := anAction(1 + i)
		a.Key = first.Key
		change(&a)
		known, err := s.Begin(ctx, a)
		refused(t, a.Kind+" of "+a.Target, err, store.ErrKeyReused)
		if known != nil {
			t.Errorf("with the error came %+v", known)
		}
	}
	same(t, "all", actions(t, s, store.ActionsQuery{}), []store.Action{first})
}

// Fifty who ask for the same at once, of three replicas.
func oneOfManyBegins(t *testing.T, open Opener) {
	const many = 50
	stores := []store.Store{open(), open(), open()}
	for round := range 3 {
		var (
			asking sync.WaitGroup
			mu     sync.Mutex
			won    []string
			known  = map[string]int{}
			start  = make(chan struct{})
		)
		for i := range many {
			a := anAction(round*many + i)
			a.Key, a.At = fmt.Sprint("key", round), after(0)
			asking.Go(func() {
				<-start
				before, err := stores[i%len(stores)].Begin(t.Context(), a)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case before == nil:
					won = append(won, a.ID)
				default:
					known[before.ID]++
				}
			})
		}
		close(start)
		asking.Wait()
		if len(won) != 1 || len(known) != 1 || known[won[0]] != many-1 {
			t.Errorf("%v began, and the others were told of %v", won, known)
		}
		if got := actions(t, stores[0], store.ActionsQuery{}); len(got) != round+1 {
			t.Errorf("after %d rounds there are %d actions", round+1, len(got))
		}
	}
}

func anActionEndsOnce(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	a := anAction(0)
	begin(t, s, a)
	refused(t, "an end of nothing", s.Finish(ctx, "unknown", store.Done, ""), store.ErrNotFound)
	for _, state := range []store.State{store.Pending, "", "DONE"} {
		refused(t, "an end that is none", s.Finish(ctx, a.ID, state, ""), store.ErrInvalid)
	}
	refused(t, "a long result", s.Finish(ctx, a.ID, store.Done, strings.Repeat("x", store.MaxText+1)), store.ErrTooLarge)
	refused(t, "a strange result", s.Finish(ctx, a.ID, store.Done, "\xff"), store.ErrInvalid)
	same(t, "before", actions(t, s, store.ActionsQuery{}), []store.Action{a})
	long := strings.Repeat("ä", store.MaxText/2)
	done(t, s.Finish(ctx, a.ID, store.Done, long))
	before := must[[]store.Action](t)(s.Actions(ctx, store.ActionsQuery{}))
	done(t, s.Finish(ctx, a.ID, store.Done, long)) // as after an answer that was lost
	refused(t, "another result", s.Finish(ctx, a.ID, store.Done, "2"), store.ErrEnded)
	refused(t, "another end", s.Finish(ctx, a.ID, store.Failed, long), store.ErrEnded)
	same(t, "afterwards", must[[]store.Action](t)(s.Actions(ctx, store.ActionsQuery{})), before)
	if before[0].Result != long || before[0].State != store.Done {
		t.Errorf("it ended as %s with %d bytes", before[0].State, len(before[0].Result))
	}
}

// An id is one action's; who uses it again changes nothing of it.
func anActionBegunTwice(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	a := anAction(0)
	begin(t, s, a)
	again := a
	again.At, again.Target = after(1), "another"
	_, err := s.Begin(ctx, again)
	refused(t, "an id used again", err, store.ErrInvalid)
	same(t, "all", actions(t, s, store.ActionsQuery{}), []store.Action{a})
}

func actionsThatCannotBeKept(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	long := strings.Repeat("x", store.MaxName+1)
	for what, wrong := range map[string]struct {
		change func(a *store.Action)
		want   error
	}{
		"no id":             {func(a *store.Action) { a.ID = "" }, store.ErrInvalid},
		"no principal":      {func(a *store.Action) { a.Principal = "" }, store.ErrInvalid},
		"no kind":           {func(a *store.Action) { a.Kind = "" }, store.ErrInvalid},
		"no target":         {func(a *store.Action) { a.Target = "" }, store.ErrInvalid},
		"a long key":        {func(a *store.Action) { a.Key = long }, store.ErrTooLarge},
		"a strange key":     {func(a *store.Action) { a.Key = "\x00" }, store.ErrInvalid},
		"a long target":     {func(a *store.Action) { a.Target = long }, store.ErrTooLarge},
		"a long principal":  {func(a *store.Action) { a.Principal = long }, store.ErrTooLarge},
		"long details":      {func(a *store.Action) { a.Details = strings.Repeat("x", store.MaxText+1) }, store.ErrTooLarge},
		"strange details":   {func(a *store.Action) { a.Details = "\xff" }, store.ErrInvalid},
		"a time of no year": {func(a *store.Action) { a.At = time.Unix(1<<50, 0) }, store.ErrInvalid},
	} {
		a := anAction(0)
		wrong.change(&a)
		_, err := s.Begin(ctx, a)
		refused(t, what, err, wrong.want)
	}
	for _, cursor := range []string{"x", ".", "zzzzzzzzzzzzzzzzzzzzzz.a", "zzzzzzzzzzzz.a", "1.", "1.\x00", "1.\xff", "-zzzzzzzzzzzz.a"} {
		_, err := s.Actions(ctx, store.ActionsQuery{Before: cursor})
		refused(t, cursor, err, store.ErrInvalid)
	}
	_, err := s.Actions(ctx, store.ActionsQuery{Target: "\xff"})
	refused(t, "a strange target", err, store.ErrInvalid)
	same(t, "all", actions(t, s, store.ActionsQuery{}), nil)
}

// Paging sees every action that was there once, whatever is begun and ends in between.
func actionsArePaged(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	var want []string
	for i := range 23 {
		a := anAction(i)
		a.At = after(i / 5) // several at one time
		if i%3 == 0 {
			a.Principal, a.Target = "another", "another"
		}
		begin(t, s, a)
		want = append([]string{a.ID}, want...)
	}
	for _, q := range []store.ActionsQuery{{}, {Target: "another"}, {Principal: "another"}, {Target: "another", Principal: "another"}, {Target: anAction(0).Target}} {
		var got, wanted []string
		for _, a := range must[[]store.Action](t)(s.Actions(ctx, q)) {
			wanted = append(wanted, a.ID)
		}
		if q == (store.ActionsQuery{}) {
			same(t, "all", wanted, want)
		}
		for page := 0; ; page++ {
			q.Most = 4
			more := must[[]store.Action](t)(s.Actions(ctx, q))
			if len(more) == 0 {
				break
			}
			if len(more) > q.Most || page > 100 {
				t.Fatalf("page %d has %d actions", page, len(more))
			}
			for _, a := range more {
				got = append(got, a.ID)
			}
			q.Before = more[len(more)-1].Cursor()
			a := anAction(1000) // newer than all
			a.ID, a.Target, a.Principal = fmt.Sprintf("later %q %q %d", q.Target, q.Principal, page), "later", "later"
			begin(t, s, a)
			_ = s.Finish(ctx, more[0].ID, store.Done, "") // or again
		}
		same(t, fmt.Sprintf("the pages of %+v", q), got, wanted)
	}
}

// However much is old, what was done stays on record for more than a year.
func actionsStay(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	now := time.Now()
	for i, age := range []time.Duration{0, store.ActionsStay - time.Hour, store.ActionsStay + time.Hour, 2 * store.ActionsStay} {
		a := anAction(i)
		a.At = now.Add(-age)
		begin(t, s, a)
	}
	ids := func() (out []string) {
		for _, a := range must[[]store.Action](t)(s.Actions(ctx, store.ActionsQuery{})) {
			out = append(out, a.ID)
		}
		return out
	}
	done(t, s.Prune(ctx, now.Add(-store.ActionsStay*3/2)))
	same(t, "of a year and a half", ids(), []string{"action-000", "action-001", "action-002"})
	done(t, s.Prune(ctx, now.Add(time.Hour)))
	same(t, "when all is old", ids(), []string{"action-000", "action-001"})
}
