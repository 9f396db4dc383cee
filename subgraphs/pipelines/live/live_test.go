package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/live"
)

// source is what is watched: a text that changes when it is told to, and takes down who looked when.
type source struct {
	takes time.Duration

	mu    sync.Mutex
	text  string
	done  bool
	err   error
	looks []time.Time
	now   int // how many look just now
	most  int
}

func (s *source) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *source) finish(done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = done
}

func (s *source) looked() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.looks...)
}

func (s *source) look(ctx context.Context) ([]byte, bool, error) {
	s.mu.Lock()
	s.looks = append(s.looks, time.Now())
	s.now++
	s.most = max(s.most, s.now)
	text, done, err, takes := s.text, s.done, s.err, s.takes
	s.mu.Unlock()
	if takes > 0 {
		time.Sleep(takes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	return []byte(text), done, err
}

// counter is a source that is something new at each look.
func counter() (look live.Look, count *atomic.Int64) {
	count = new(atomic.Int64)
	return func(context.Context) ([]byte, bool, error) { return fmt.Append(nil, count.Add(1)), false, nil }, count
}

func watch(t *testing.T, h *live.Hub, topic, after string, look live.Look) *live.Watch {
	t.Helper()
	w, err := h.Watch(t.Context(), topic, after, look)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// next is the next event as text, and its ID.
func next(t *testing.T, w *live.Watch) (text, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	e, err := w.Next(ctx)
	if err != nil {
		return err.Error(), ""
	}
	text = string(e.Data)
	if e.Lost {
		text = "lost, " + text
	}
	if e.Done {
		text += ", done"
	}
	return text, e.ID
}

func expect(t *testing.T, w *live.Watch, want ...string) (id string) {
	t.Helper()
	for _, want := range want {
		var got string
		if got, id = next(t, w); got != want {
			t.Fatalf("next is %q, want %q", got, want)
		}
	}
	return id
}

// nothing says that there is no event now.
func nothing(t *testing.T, w *live.Watch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if e, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("there is %q (%v), want nothing", e.Data, err)
	}
}

func inBubble(t *testing.T, c live.Config, test func(t *testing.T, h *live.Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(c)
		test(t, h)
		h.Close()
		synctest.Wait()
	})
}

// A thousand watchers cost one look per interval, and each gets every change once.
func TestOneLooksForMany(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0"}
		var group sync.WaitGroup
		const watchers, changes = 1000, 12
		for range watchers {
			w := watch(t, h, "run", "", s.look)
			group.Go(func() {
				defer w.Close()
				for i := range changes {
					if got, _ := next(t, w); got != fmt.Sprint(i) {
						t.Errorf("next is %q, want %d", got, i)
						return
					}
				}
			})
		}
		begin := time.Now()
		for i := 1; i < changes; i++ {
			time.Sleep(6 * time.Second)
			s.set(fmt.Sprint(i))
		}
		group.Wait()
		looks := s.looked()
		if least := time.Since(begin) / (live.DefaultEvery + live.DefaultEvery/10); len(looks) > int(time.Since(begin)/(live.DefaultEvery-live.DefaultEvery/10))+1 || len(looks) < int(least) {
			t.Errorf("%d looks in %v", len(looks), time.Since(begin))
		}
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(looks); i++ {
			gaps[looks[i].Sub(looks[i-1])] = true
		}
		if len(gaps) < 3 {
			t.Errorf("looks are as regular as clockwork: %v", gaps)
		}
		if h.Watched("run") || h.Status() != (live.Status{}) {
			t.Errorf("nobody watches: %+v", h.Status())
		}
		time.Sleep(time.Minute)
		if n := len(s.looked()); n != len(looks) {
			t.Errorf("%d more looks though nobody watches", n-len(looks))
		}
	})
}

// A storm of nudges has it looked four times a second, one after the other, and the last change is seen at once.
func TestNudgeStorm(t *testing.T) {
	inBubble(t, live.Config{Every: time.Minute}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0", takes: 40 * time.Millisecond}
		w := watch(t, h, "run", "", s.look)
		expect(t, w, "0")
		before := len(s.looked())
		for i := range 10_000 {
			s.set(fmt.Sprint(i + 1))
			h.Nudge("run")
			time.Sleep(time.Millisecond)
		}
		if n := len(s.looked()) - before; n < 38 || n > 41 {
			t.Errorf("%d looks in ten seconds", n)
		}
		storm := time.Now()
		for last := ""; last != "10000"; {
			last, _ = next(t, w)
			last = strings.TrimPrefix(last, "lost, ")
		}
		if d := time.Since(storm); d > 300*time.Millisecond {
			t.Errorf("the last change was seen after %v", d)
		}
		if s.most != 1 {
			t.Errorf("%d looked at once", s.most)
		}
		synctest.Wait()
		n := len(s.looked())
		time.Sleep(30 * time.Second)
		if more := len(s.looked()) - n; more > 1 {
			t.Errorf("%d looks after the storm", more)
		}
	})
}

// What changes while it is looked is seen by the look after it.
func TestNudgeWhileLooking(t *testing.T) {
	inBubble(t, live.Config{Every: time.Hour}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "old", takes: time.Second}
		w := watch(t, h, "run", "", s.look)
		time.Sleep(500 * time.Millisecond)
		s.set("new")
		h.Nudge("run")
		expect(t, w, "old", "new")
		h.Nudge("nobody watches this")
	})
}

// Looks that fail are further and further apart, up to a minute; watchers wait, and those who come see the last that is known.
func TestFailingLook(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0", err: errors.New("source is down")}
		w := watch(t, h, "run", "", s.look)
		time.Sleep(10 * time.Minute)
		nothing(t, w)
		looks := s.looked()
		for i := 1; i < len(looks); i++ {
			want := min(5*time.Second<<(i-1), time.Minute)
			if d := looks[i].Sub(looks[i-1]); d < want*9/10 || d > want*11/10 {
				t.Errorf("look %d is %v after the one before, want about %v", i, d, want)
			}
		}
		for range 600 {
			h.Nudge("run")
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(s.looked()) - len(looks); n > 13 {
			t.Errorf("%d looks at a source that is down in a minute of nudges", n)
		}
		s.fail(nil)
		expect(t, w, "0")
		id := expect(t, watch(t, h, "run", "", s.look), "0")
		w.Close()
		s.fail(errors.New("source is down"))
		other := watch(t, h, "run", "another", s.look)
		nudged := watch(t, h, "run", id, s.look)
		expect(t, other, "lost, 0")
		nothing(t, nudged)
	})
}

// A look that panics is one that fails.
func TestPanickingLook(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		first := true
		w := watch(t, h, "run", "", func(context.Context) ([]byte, bool, error) {
			if first {
				first = false
				panic("a mistake")
			}
			return []byte("well"), false, nil
		})
		expect(t, w, "well")
	})
}

// A topic ends for all who watch it; who comes later is told so again, after one more look, or sees that it goes on.
func TestEnds(t *testing.T) {
	for _, end := range []struct {
		look func(s *source)
		want []string
	}{
		{func(s *source) { s.set("1"); s.finish(true) }, []string{"1, done", "EOF", "EOF"}},
		{func(s *source) { s.fail(fmt.Errorf("run 7: %w", live.ErrGone)) }, []string{live.ErrGone.Error(), live.ErrGone.Error()}},
		{func(s *source) { s.set(strings.Repeat("x", live.MaxData+1)) }, []string{live.ErrTooLarge.Error(), live.ErrTooLarge.Error()}},
	} {
		inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
			s := &source{text: "0"}
			quick, slow := watch(t, h, "run", "", s.look), watch(t, h, "run", "", s.look)
			zero := expect(t, quick, "0")
			expect(t, slow, "0")
			end.look(s)
			expect(t, quick, end.want...)
			looks := len(s.looked())
			time.Sleep(time.Minute)
			expect(t, slow, end.want...)
			if n := len(s.looked()); n != looks {
				t.Errorf("%d looks after the end", n-looks)
			}
			quick.Close()
			slow.Close()
			expect(t, watch(t, h, "run", "", s.look), end.want...)
			resumed := watch(t, h, "run", zero, s.look)
			expect(t, resumed, end.want...)
			if n := len(s.looked()); n != looks+2 && n != looks+1 {
				t.Errorf("%d looks by two who came late", n-looks)
			}
			// It begins again: nobody is told of the end in between.
			resumed = watch(t, h, "run", zero, s.look)
			s.fail(nil)
			s.finish(false)
			s.set("2")
			if want := end.want[0]; want == "1, done" {
				expect(t, resumed, "1", "2")
			} else {
				expect(t, resumed, "2")
			}
		})
	}
}

// Who has seen the end is told that it is over, and nothing twice.
func TestResumeAtTheEnd(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0", done: true}
		w := watch(t, h, "run", "", s.look)
		id := expect(t, w, "0, done")
		w.Close()
		expect(t, watch(t, h, "run", id, s.look), "EOF")
	})
}

// A client that comes back gets what came after the event it saw last, whether others watched meanwhile or not.
func TestResume(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		look, _ := counter()
		w := watch(t, h, "run", "", look)
		one := expect(t, w, "1")
		two := expect(t, w, "2")
		expect(t, w, "3")
		w.Close()
		time.Sleep(10 * time.Minute)
		w = watch(t, h, "run", two, look)
		expect(t, w, "3", "4", "5")
		expect(t, watch(t, h, "run", one, look), "2", "3", "4", "5")
		for _, after := range []string{"x", one[1:] + one[:1], one + "A", strings.Repeat("A", 32), strings.Repeat("_", 32), "\x00", strings.Repeat("x", 1<<16)} {
			expect(t, watch(t, h, "run", after, look), "lost, 5")
		}
		other, _ := counter()
		expect(t, watch(t, h, "other run", one, other), "lost, 1", "2")
	})
}

// After an hour in which nobody watched, what was is not known any more.
func TestForgotten(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		look, _ := counter()
		w := watch(t, h, "run", "", look)
		id := expect(t, w, "1")
		w.Close()
		time.Sleep(61 * time.Minute)
		watch(t, h, "other", "", look).Close()
		expect(t, watch(t, h, "run", id, look), "lost, 2", "3")
	})
}

// For a watcher that is slow the newest events are kept, and it is told that others were left out. What it resumed with does not count.
func TestSlowReader(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		look, _ := counter()
		slow, quick := watch(t, h, "run", "", look), watch(t, h, "run", "", look)
		first := expect(t, slow, "1")
		for text := ""; text != "100"; {
			text, _ = next(t, quick)
		}
		expect(t, slow, "lost, 69", "70", "71")
		resumed := watch(t, h, "run", first, look)
		expect(t, quick, "101", "102")
		for i := 2; i <= 102; i++ {
			expect(t, resumed, fmt.Sprint(i))
		}
		resumed = watch(t, h, "run", first, look)
		expect(t, resumed, "2")
		for range 33 {
			next(t, quick)
		}
		expect(t, resumed, "lost, 104")
	})
}

// Of what is long only the end is kept.
func TestRingIsBounded(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		n := 0
		look := func(context.Context) ([]byte, bool, error) {
			n++
			return append(make([]byte, live.MaxData-8), fmt.Sprintf("%08d", n)...), false, nil
		}
		w := watch(t, h, "run", "", look)
		e, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			if _, err := w.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		again, err := watch(t, h, "run", e.ID, look).Next(t.Context())
		if err != nil || !again.Lost || string(again.Data[live.MaxData-8:]) != "00000041" {
			t.Errorf("resumed at %q, lost %v, %v", again.Data[live.MaxData-8:], again.Lost, err)
		}
	})
}

// Who comes and goes does not have it looked more often than nudges do; and one looks at a time even where a look does not heed its context.
func TestComeAndGo(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		s := &source{takes: 400 * time.Millisecond}
		for range 1000 {
			w := watch(t, h, "run", "", s.look)
			time.Sleep(10 * time.Millisecond)
			w.Close()
		}
		if n := len(s.looked()); n > 41 {
			t.Errorf("%d looks in ten seconds", n)
		}
		if s.most != 1 {
			t.Errorf("%d looked at once", s.most)
		}
	})
}

// The bounds hold, and what is free again can be had.
func TestFull(t *testing.T) {
	inBubble(t, live.Config{Topics: 2, Watchers: 3}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0"}
		a, b := watch(t, h, "a", "", s.look), watch(t, h, "b", "", s.look)
		if _, err := h.Watch(t.Context(), "c", "", s.look); !errors.Is(err, live.ErrFull) {
			t.Errorf("a third topic: %v", err)
		}
		watch(t, h, "b", "", s.look)
		if _, err := h.Watch(t.Context(), "b", "", s.look); !errors.Is(err, live.ErrFull) {
			t.Errorf("a fourth watcher: %v", err)
		}
		if got := h.Status(); got != (live.Status{Topics: 2, Watchers: 3, Looking: 2}) {
			t.Errorf("status %+v", got)
		}
		a.Close()
		a.Close()
		expect(t, watch(t, h, "c", "", s.look), "0")
		expect(t, b, "0")
	})
}

// A watch ends with its context, its Close and its hub, and Next with what it is given.
func TestWaysToEnd(t *testing.T) {
	inBubble(t, live.Config{}, func(t *testing.T, h *live.Hub) {
		s := &source{text: "0"}
		ctx, cancel := context.WithCancel(t.Context())
		bound, err := h.Watch(ctx, "run", "", s.look)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		expect(t, bound, live.ErrClosed.Error())
		if h.Watched("run") {
			t.Error("it is watched by one whose context has ended")
		}
		if _, err := h.Watch(ctx, "run", "", s.look); !errors.Is(err, context.Canceled) {
			t.Errorf("a watch of a context that has ended: %v", err)
		}
		closed, left := watch(t, h, "run", "", s.look), watch(t, h, "run", "", s.look)
		expect(t, closed, "0")
		go func() {
			time.Sleep(time.Second)
			closed.Close()
		}()
		expect(t, closed, live.ErrClosed.Error())
		expect(t, left, "0")
		go func() {
			time.Sleep(time.Second)
			h.Close()
		}()
		expect(t, left, live.ErrClosed.Error())
		left.Close()
		if _, err := h.Watch(t.Context(), "run", "", s.look); !errors.Is(err, live.ErrClosed) {
			t.Errorf("a watch of a hub that is closed: %v", err)
		}
		if _, err := closed.Next(t.Context()); errors.Is(err, io.EOF) {
			t.Error("what is closed looks as if it were at its end")
		}
	})
}

// Whatever a client says it has seen, it gets how it is now.
func FuzzAfter(f *testing.F) {
	for _, seed := range []string{"", "x", strings.Repeat("A", 32), strings.Repeat("\xff", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, after string) {
		h := live.New(live.Config{Every: time.Hour})
		defer h.Close()
		w, err := h.Watch(t.Context(), "run", after, (&source{text: "0"}).look)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := w.Next(t.Context()); err != nil || string(e.Data) != "0" || e.Lost != (after != "") {
			t.Errorf("after %q there is %+v (%v)", after, e, err)
		}
	})
}
