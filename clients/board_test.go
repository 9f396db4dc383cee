package clients

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"callboard.dev/callboard/clients/cache"
)

// hashes is a Redis that knows hashes alone, in memory, for tests in a bubble.
type hashes struct {
	mu    sync.Mutex
	keys  map[string]map[string]string
	seen  strings.Builder // all that was sent
	slow  time.Duration   // before each answer
	fails bool
	reads int
	sets  int
}

func (h *hashes) client() redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Protocol: 2, DisableIdentity: true, MaxRetries: -1,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.fails {
				return nil, errors.New("no connection")
			}
			here, there := net.Pipe()
			go h.serve(there)
			return here, nil
		}})
}

func (h *hashes) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		command, err := readCommand(r)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, h.answer(command)); err != nil {
			return
		}
	}
}

func readCommand(r *bufio.Reader) ([]string, error) {
	line := func(prefix string) (int, error) {
		text, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(text, prefix)))
	}
	n, err := line("*")
	if err != nil {
		return nil, err
	}
	var command []string
	for range n {
		size, err := line("$")
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, err
		}
		command = append(command, string(text[:size]))
	}
	return command, nil
}

func (h *hashes) answer(command []string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintln(&h.seen, command)
	if h.slow > 0 {
		h.mu.Unlock()
		time.Sleep(h.slow)
		h.mu.Lock()
	}
	switch name := strings.ToLower(command[0]); {
	case name == "hello":
		return "-ERR unknown command\r\n"
	case h.fails:
		return "-ERR broken\r\n"
	case name == "hgetall":
		h.reads++
		var out strings.Builder
		fields := h.keys[command[1]]
		fmt.Fprintf(&out, "*%d\r\n", 2*len(fields))
		for field, value := range fields {
			fmt.Fprintf(&out, "$%d\r\n%s\r\n$%d\r\n%s\r\n", len(field), field, len(value), value)
		}
		return out.String()
	case name == "hset":
		h.sets++
		if h.keys == nil {
			h.keys = map[string]map[string]string{}
		}
		fields := h.keys[command[1]]
		if fields == nil {
			fields = map[string]string{}
			h.keys[command[1]] = fields
		}
		for i := 2; i+1 < len(command); i += 2 {
			fields[command[i]] = command[i+1]
		}
		return fmt.Sprintf(":%d\r\n", len(command)/2-1)
	case name == "expire":
		return ":1\r\n"
	}
	return "+OK\r\n"
}

func replica(r redis.UniversalClient) *limiter {
	l := newTestLimiter(Settings{Kind: "github"})
	l.board = &board{redis: r, source: "example", log: l.log}
	return l
}

func TestReplicasShareBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(hashes)
		r := h.client()
		one, two := replica(r), replica(r)
		shared := func() {
			time.Sleep(boardFresh + 2*boardPause)
			synctest.Wait()
		}
		both(one, always(200, github(1, time.Hour, "core")...)).RoundTrip(get(t.Context()))
		shared()
		if _, err := both(two, always(200, github(0, time.Hour, "core")...)).RoundTrip(get(t.Context())); err != nil {
			t.Errorf("the last point was refused: %v", err)
		}
		shared()
		_, err := both(one, always(200)).RoundTrip(get(t.Context()))
		wantError(t, err, ErrLimited)

		// A wait that one was told holds for the other, and is not lost when the other writes what it knows.
		_, err = both(one, always(403, "Retry-After", "600")).RoundTrip(query(t.Context()))
		wantWait(t, err, ErrLimited, 10*time.Minute)
		both(two, always(200, github(4000, time.Hour, "graphql")...)).RoundTrip(scoped(query(t.Context()), "x")) // another credential
		two.mu.Lock()
		two.board.post(two, two.account(cache.Scope{}, time.Now())) // writes without having read
		two.mu.Unlock()
		shared()
		third := replica(r)
		for _, l := range []*limiter{two, third} {
			_, err = both(l, always(200)).RoundTrip(query(t.Context()))
			if e := wantError(t, err, ErrLimited); time.Until(e.RetryAt) < 9*time.Minute {
				t.Errorf("got %+v", e)
			}
		}
		if _, err = both(third, always(200)).RoundTrip(scoped(query(t.Context()), "x")); err != nil {
			t.Errorf("another credential: %v", err)
		}
		r.Close()
		time.Sleep(time.Second)
	})
}

func TestBoardIsAskedLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(hashes)
		r := h.client()
		l := replica(r)
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				both(l, always(200, github(5000-i, time.Hour, "core")...)).RoundTrip(get(t.Context()))
			})
		}
		all.Wait()
		time.Sleep(2 * boardPause)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.reads > int(time.Second/boardFresh)+1 || h.sets > int(time.Second/boardPause)+2 || h.sets == 0 {
			t.Errorf("in a second it was read %d and written %d times", h.reads, h.sets)
		}
		if text := h.keys["callboard:budgets:example:00000000000000000000000000000000"]["budget:core"]; !strings.Contains(text, `"remaining":4001`) {
			t.Errorf("the last that was written is %s", text)
		}
		r.Close()
	})
}

func TestSlowBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hashes{slow: time.Minute}
		r := h.client()
		l := replica(r)
		var waited time.Duration
		for i := range 100 {
			started := time.Now()
			if _, err := both(l, always(200, github(4000-i, time.Hour, "core")...)).RoundTrip(get(t.Context())); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(started); took > boardPatience {
				t.Errorf("a request waited %v", took)
			} else {
				waited += took
			}
			time.Sleep(10 * time.Millisecond)
		}
		if waited != boardPatience {
			t.Errorf("requests of a second waited %v for Redis, want %v once", waited, boardPatience)
		}
		if b := l.budgets(); len(b) != 1 || b[0].Remaining != 3901 {
			t.Errorf("what this process knows is %+v", b)
		}
		r.Close()
		time.Sleep(time.Hour)
	})
}

func TestBoardThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hashes{fails: true}
		r := h.client()
		l := replica(r)
		ask := func(want error) {
			t.Helper()
			started := time.Now()
			_, err := both(l, always(200, github(0, time.Hour, "core")...)).RoundTrip(get(t.Context()))
			if !errors.Is(err, want) || time.Since(started) > boardPatience {
				t.Errorf("got %v after %v", err, time.Since(started))
			}
		}
		ask(nil)
		ask(ErrLimited)
		h.mu.Lock()
		h.fails = false
		h.mu.Unlock()
		time.Sleep(boardRest)
		both(l, always(200, github(7, time.Hour, "graphql")...)).RoundTrip(query(t.Context()))
		time.Sleep(2 * boardPause)
		synctest.Wait()
		other := replica(r)
		_, err := both(other, always(200)).RoundTrip(get(t.Context()))
		wantError(t, err, ErrLimited) // what was learnt while Redis was down is told when it is back
		r.Close()
		time.Sleep(time.Second)
	})
}

func TestBoardOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hashes{keys: map[string]map[string]string{"callboard:budgets:example:00000000000000000000000000000000": {
			"budget:core": strings.Repeat("x", 1<<20), "wait": "\x00", "": "", "wait:core": "-5"}}}
		r := h.client()
		if _, err := both(replica(r), always(200)).RoundTrip(get(t.Context())); err != nil {
			t.Error(err)
		}
		r.Close()
		time.Sleep(time.Second)
	})
}
