package clients

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// story is a server whose answers a test changes, and a source with a cache.
type story struct {
	t       *testing.T
	source  *Source
	cache   *cache.Cache
	served  atomic.Int64 // requests since last asked
	asked   http.Header  // of the last request
	status  int
	body    string
	headers []string
	slow    time.Duration
}

var storyPolicy = cache.Policy{Fresh: time.Minute, Revalidate: 10 * time.Minute, OnError: time.Hour, Absent: 30 * time.Second}

func tell(t *testing.T, set Settings, test func(s *story)) {
	t.Helper()
	story := &story{}
	handler := func(w http.ResponseWriter, r *http.Request) {
		story.served.Add(1)
		story.asked = r.Header
		if wait(r.Context(), story.slow) != nil {
			return
		}
		for i := 0; i < len(story.headers); i += 2 {
			w.Header().Add(story.headers[i], story.headers[i+1])
		}
		if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(304)
			return
		}
		w.WriteHeader(story.status)
		io.WriteString(w, story.body)
	}
	set.Policies = map[string]cache.Policy{"thing": storyPolicy}
	// The cache is made within the bubble: it has goroutines of its own.
	shared := Shared{}
	inBubbleWith(t, set, &shared, handler, func() func() {
		shared.Cache = cache.New(cache.Config{Store: cache.NewMemory(0)})
		return func() { shared.Cache.Close() }
	}, func(t *testing.T, s *Source) {
		story.t, story.source, story.cache = t, s, shared.Cache
		story.status, story.body = 200, "one"
		test(story)
	})
}

// ask asks and says what came of it: the body or the error's code, the state, its age, and how often the server was asked for it.
func (s *story) ask(path string, change ...func(context.Context) context.Context) string {
	s.t.Helper()
	var o Outcome
	ctx := WithOutcome(WithKind(s.t.Context(), "thing", "tag"), &o)
	for _, c := range change {
		ctx = c(ctx)
	}
	s.served.Store(0)
	text, err := ask(ctx, s.source, "GET", path)
	if err != nil {
		text = CodeOf(err)
	}
	out := text + " " + stateName(o.State)
	if age := time.Since(o.At); !o.At.IsZero() && age > 0 {
		out += " " + age.String()
	}
	if o.Err != nil {
		out += " " + CodeOf(o.Err)
	}
	if o.State == cache.Stale && o.Err == nil { // what is asked behind the answer may or may not be on its way
		return out
	}
	return out + " " + strconv.FormatInt(s.served.Load(), 10)
}

func (s *story) want(got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("got %q, want %q", got, want)
	}
}

// settle lets what goes on behind the answers end.
func (s *story) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func TestMemory(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.headers = []string{"Etag", `"1"`, "Link", "<x>; rel=next"}
		s.want(s.ask("/x"), "one live 1")
		s.want(s.ask("/x"), "one cached 0")
		s.want(s.ask("/y"), "one live 1")
		time.Sleep(59 * time.Second)
		s.want(s.ask("/x"), "one cached 59s 0")

		time.Sleep(time.Second) // no longer fresh: shown, and asked about behind the answer
		s.want(s.ask("/x"), "one stale 1m0s")
		s.settle()
		if s.asked.Get("If-None-Match") != `"1"` {
			t.Errorf("it was asked with %v", s.asked)
		}
		s.want(s.ask("/x"), "one cached 1s 0") // it still holds

		s.headers[1], s.body = `"2"`, "two"
		time.Sleep(time.Minute)
		s.want(s.ask("/x"), "one stale 1m1s")
		s.settle()
		s.want(s.ask("/x"), "two cached 1s 0")

		time.Sleep(30 * time.Minute) // too old to be shown while it can be asked
		s.want(s.ask("/x"), "two live 1")
	})
}

func TestMemoryKeepsHeaders(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.headers = []string{"Link", "<x>; rel=next", "Content-Type", "application/json", "X-Total", "7", "Set-Cookie", "SECRET", "X-Ratelimit-Remaining", "5"}
		s.ask("/x")
		r := request(WithKind(s.t.Context(), "thing"), "GET", "http://api.example/x")
		resp, err := s.source.HTTP().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		h := resp.Header
		if h.Get("Link") != "<x>; rel=next" || h.Get("Content-Type") != "application/json" || h.Get("X-Total") != "7" || h.Get("Set-Cookie") != "" || h.Get("X-Ratelimit-Remaining") != "" {
			t.Errorf("the headers are %v", h)
		}
	})
}

func TestMemoryWhileTheSourceFails(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.ask("/x")
		s.status = 500
		time.Sleep(20 * time.Minute)
		s.want(s.ask("/x"), "one stale 20m0s UNAVAILABLE 1")
		time.Sleep(40 * time.Minute)
		s.want(s.ask("/x"), "one stale 1h0m0s UNAVAILABLE 1")
		time.Sleep(time.Minute)
		s.want(s.ask("/x"), "UNAVAILABLE failed UNAVAILABLE 1")
		s.status, s.body = 200, "two"
		s.want(s.ask("/x"), "two live 1")
		if got := s.source.Status().Requests; got != (Requests{Live: 2, Stale: 2, Failed: 1}) {
			t.Errorf("counted %+v", got)
		}
	})
}

// A source whose budget is used up is not asked behind what can be shown.
func TestMemoryAndBudgets(t *testing.T) {
	tell(t, Settings{Kind: "github"}, func(s *story) {
		limit := func(remaining int) {
			s.headers = []string{"X-Ratelimit-Limit", "5000", "X-Ratelimit-Remaining", strconv.Itoa(remaining), "X-Ratelimit-Resource", "core",
				"X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)}
		}
		limit(3000)
		s.ask("/x")
		limit(1000) // a fifth
		s.ask("/y")
		time.Sleep(2 * time.Minute)
		s.want(s.ask("/x"), "one stale 2m0s")
		s.served.Store(0)
		s.settle()
		if s.served.Load() != 0 {
			t.Error("it was renewed behind the answer with a fifth of the budget left")
		}
		s.want(s.ask("/z"), "one live 1") // who has nothing is served
		time.Sleep(20 * time.Minute)
		s.want(s.ask("/x"), "one live 1") // and who has something old, with a fifth left
		limit(400)
		s.ask("/z2")
		time.Sleep(20 * time.Minute)
		s.want(s.ask("/x"), "one stale 20m0s RATE_LIMITED 0") // but not with less than a tenth
		s.want(s.ask("/z3"), "one live 1")
		limit(0)
		s.ask("/z4")
		s.want(s.ask("/z5"), "RATE_LIMITED failed RATE_LIMITED 0")
	})
}

func TestMemoryOfWhatIsNotThere(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		for _, status := range []int{404, 410} {
			path := fmt.Sprint("/", status)
			s.status, s.headers = status, nil
			s.want(s.ask(path), "NOT_FOUND live 1")
			s.want(s.ask(path), "NOT_FOUND cached 0")
			time.Sleep(31 * time.Second)
			s.status = 200
			s.want(s.ask(path), "one live 1")
		}
	})
}

// What may no longer be seen is not shown from memory.
func TestMemoryForgetsWhatIsForbidden(t *testing.T) {
	for _, status := range []int{401, 403} {
		tell(t, Settings{}, func(s *story) {
			s.ask("/x")
			s.status = status
			time.Sleep(2 * time.Minute)
			s.want(s.ask("/x"), "one stale 2m0s") // nobody knows yet
			s.settle()
			s.want(s.ask("/x"), "FORBIDDEN failed FORBIDDEN 1")
			s.status = 500
			s.want(s.ask("/x"), "UNAVAILABLE failed UNAVAILABLE 1")
		})
	}
}

func TestMemoryKeepsApart(t *testing.T) {
	type reader struct{}
	who := TokenFunc(func(ctx context.Context) (Credential, error) {
		name, _ := ctx.Value(reader{}).(string)
		return Credential{"Authorization", name}, nil
	})
	as := func(name string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return context.WithValue(ctx, reader{}, name) }
	}
	tell(t, Settings{Token: who}, func(s *story) {
		s.body = "of alice"
		s.want(s.ask("/x", as("alice")), "of alice live 1")
		s.body = "of bob"
		s.want(s.ask("/x", as("bob")), "of bob live 1")
		s.want(s.ask("/x", as("alice")), "of alice cached 0")
		s.body = "of alice, with a query"
		s.want(s.ask("/x?page=2", as("alice")), "of alice, with a query live 1")

		accept := func(value string) string {
			r := request(context.WithValue(WithKind(s.t.Context(), "thing"), reader{}, "alice"), "GET", "http://api.example/x")
			r.Header.Set("Accept", value)
			resp, err := s.source.HTTP().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return string(text)
		}
		s.body = "raw"
		if got := accept("application/vnd.github.raw"); got != "raw" {
			t.Errorf("another form of it is %q", got)
		}
	})
}

func TestMemoryOfRedirects(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.status, s.headers = 301, []string{"Location", "/new"}
		s.served.Store(0)
		// The server answers the redirect for every path, so it is followed until the bound.
		s.want(s.ask("/old"), "BAD_ANSWER cached 2")
		s.want(s.ask("/old"), "BAD_ANSWER cached 0")
		s.status, s.headers = 302, []string{"Location", "http://logs.example/1?signature"}
		s.want(s.ask("/log"), "one live 1")
		s.want(s.ask("/log"), "one live 1") // leads to another place each time
	})
}

func TestNotRemembered(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		twice := func(name, path string, headers []string, change ...func(context.Context) context.Context) {
			t.Helper()
			s.headers = headers
			for range 2 {
				if got := s.ask(path, change...); !strings.HasSuffix(got, "live 1") {
					t.Errorf("%s: %.100q", name, got)
				}
			}
		}
		twice("no kind", "/1", nil, func(context.Context) context.Context { return s.t.Context() })
		twice("no-store", "/2", []string{"Cache-Control", "private, no-store"})
		twice("a stream", "/3", nil, WithStream)
		s.body = strings.Repeat("x", maxKept+1)
		twice("a large one", "/4", nil)
		s.body, s.status = "wrong", 422
		twice("a refusal of what was asked", "/5", nil)
		s.status = 200
		for _, name := range []string{"Range", "If-None-Match", "Cache-Control"} {
			s.served.Store(0)
			for range 2 {
				r := request(WithKind(s.t.Context(), "thing"), "GET", "http://api.example/6")
				r.Header.Set(name, "x")
				if resp, err := s.source.HTTP().Do(r); err == nil {
					resp.Body.Close()
				}
			}
			if s.served.Load() != 2 {
				t.Errorf("with %s it was asked %d times", name, s.served.Load())
			}
		}
		s.served.Store(0)
		for range 2 {
			ask(WithKind(s.t.Context(), "thing"), s.source, "POST", "/7")
		}
		if s.served.Load() != 2 {
			t.Errorf("POSTs were sent %d times", s.served.Load())
		}
	})
}

func TestInvalidate(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.ask("/x")
		s.body = "two"
		s.want(s.ask("/x"), "one cached 0")
		s.cache.Invalidate(s.t.Context(), "tag")
		s.want(s.ask("/x"), "two live 1")
		s.cache.Invalidate(s.t.Context(), "tag")
		s.status = 503
		if got := s.ask("/x"); !strings.HasPrefix(got, "two stale") {
			t.Errorf("what was known is not shown while the source is down: %q", got)
		}
	})
}

// A 304 that answers no question is an error, not an empty value.
func TestUnaskedNotModified(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.status = 304
		s.want(s.ask("/x"), "BAD_ANSWER failed BAD_ANSWER 1")
	})
}

// A renewal behind the answer writes to no outcome of a call that is over, and ends although the caller has gone.
func TestRenewalOutlivesTheCaller(t *testing.T) {
	tell(t, Settings{}, func(s *story) {
		s.ask("/x")
		time.Sleep(2 * time.Minute)
		s.slow, s.body = 5*time.Second, "two"
		ctx, leave := context.WithCancel(s.t.Context())
		var o Outcome
		if text, err := ask(WithOutcome(WithKind(ctx, "thing", "tag"), &o), s.source, "GET", "/x"); text != "one" || err != nil {
			t.Errorf("got %q, %v", text, err)
		}
		leave()
		before := o
		time.Sleep(9 * time.Second)
		s.settle()
		if o != before || o.State != cache.Stale {
			t.Errorf("the outcome is %+v, then %+v", before, o)
		}
		s.want(s.ask("/x"), "two cached 10s 0")
	})
}

func TestLoad(t *testing.T) {
	tell(t, Settings{Token: Bearer("x")}, func(s *story) {
		var urgencies []cache.Urgency
		load := func(kind string, names ...string) string {
			wanted := make([]Name, len(names))
			for i, name := range names {
				wanted[i] = Name{Name: name, Tags: []string{"tag:" + name}}
			}
			var out []string
			for _, r := range s.source.Load(s.t.Context(), kind, wanted, func(ctx context.Context, missing []cache.Missing) []cache.Fetched {
				urgencies = append(urgencies, cache.UrgencyOf(ctx))
				out := make([]cache.Fetched, len(missing))
				for i, m := range missing {
					text, err := ask(ctx, s.source, "GET", "/"+names[m.Index])
					out[i] = cache.Fetched{Value: cache.Value{Body: []byte(text)}, Err: err}
				}
				return out
			}) {
				text := string(r.Value.Body)
				if r.State == cache.Failed {
					text = CodeOf(r.Err)
				}
				out = append(out, text+" "+stateName(r.State))
			}
			return strings.Join(out, ", ")
		}
		s.want(load("thing", "a", "b"), "one live, one live")
		s.body = "two"
		s.want(load("thing", "b", "c", "a"), "one cached, two live, one cached")
		s.want(load("other", "a"), "two live")
		s.cache.Invalidate(s.t.Context(), "tag:b")
		s.want(load("thing", "a", "b"), "one cached, two live")
		s.status = 502
		time.Sleep(20 * time.Minute)
		s.want(load("thing", "a", "d"), "one stale, UNAVAILABLE failed")
		if got := s.source.Status(); got.Requests != (Requests{Live: 5, Cached: 3, Stale: 1, Failed: 1}) || got.HitRatio != 0.4 {
			t.Errorf("the status is %+v", got)
		}
		if fmt.Sprint(urgencies) != fmt.Sprint([]cache.Urgency{cache.Needed, cache.Needed, cache.Needed, cache.Renewal, cache.Needed}) {
			t.Errorf("the urgencies are %v", urgencies)
		}
	})
}

func TestLoadWithoutCredential(t *testing.T) {
	nobody := TokenFunc(func(context.Context) (Credential, error) { return Credential{}, io.ErrClosedPipe })
	tell(t, Settings{Token: nobody}, func(s *story) {
		got := s.source.Load(s.t.Context(), "thing", []Name{{Name: "a"}}, func(context.Context, []cache.Missing) []cache.Fetched {
			t.Error("it was asked")
			return nil
		})
		if len(got) != 1 || got[0].State != cache.Failed || Of(got[0].Err).Kind != ErrForbidden {
			t.Errorf("got %+v", got)
		}
	})
}
