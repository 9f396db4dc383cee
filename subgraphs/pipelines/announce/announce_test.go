package announce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// host is a repository host that remembers what was written to it.
type host struct {
	ci.Driver // nothing else of it is asked
	ci.Forge

	mu       sync.Mutex
	statuses []ci.CommitStatus
	comments map[string]string // by id
	writes   []time.Time       // also those that failed
	fail     func(write int) error
	takes    time.Duration
	lost     bool // a comment is made, and the answer to that is lost
}

func (h *host) write() error {
	h.writes = append(h.writes, time.Now())
	if h.fail != nil {
		return h.fail(len(h.writes))
	}
	return nil
}

func (h *host) wait(ctx context.Context) error {
	select {
	case <-time.After(h.takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *host) SetStatus(ctx context.Context, s ci.CommitStatus) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.write(); err != nil {
		return err
	}
	h.statuses = append(h.statuses, s)
	return nil
}

func (h *host) Comment(ctx context.Context, repository string, number int, id, text string) (string, error) {
	if err := h.wait(ctx); err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.write(); err != nil {
		return "", err
	}
	if _, found := h.comments[id]; !found {
		id = fmt.Sprintf("%s#%d/%d", repository, number, len(h.writes))
	}
	if h.comments == nil {
		h.comments = map[string]string{}
	}
	h.comments[id] = text
	if h.lost {
		return "", clients.ErrTimeout
	}
	return id, nil
}

func (h *host) said() (statuses []ci.CommitStatus, writes []time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.statuses), slices.Clone(h.writes)
}

var _ ci.Forge = (*host)(nil) // else nothing is announced

// rest lets time pass, and what was to be done by then be done.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// memory is a store.
type memory struct {
	mu     sync.Mutex
	known  map[string]store.Announcement
	until  map[string]time.Time
	leases int
	fail   error
}

func newMemory() *memory {
	return &memory{known: map[string]store.Announcement{}, until: map[string]time.Time{}}
}

func (m *memory) Announce(_ context.Context, name string, lease time.Duration) (store.Announcement, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return store.Announcement{}, false, m.fail
	}
	a := m.known[name]
	a.Name = name
	if m.until[name].After(time.Now()) {
		a.Lease = ""
		return a, false, nil
	}
	m.leases++
	a.Lease = fmt.Sprint(m.leases)
	m.known[name], m.until[name] = a, time.Now().Add(lease)
	return a, true, nil
}

func (m *memory) SaveAnnouncement(_ context.Context, a store.Announcement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.known[a.Name].Lease != a.Lease || a.Lease == "" {
		return store.ErrLost
	}
	a.Lease = ""
	m.known[a.Name] = a
	delete(m.until, a.Name)
	return nil
}

// scene is one replica, or several, with a host.
type scene struct {
	t      *testing.T
	host   *host
	store  *memory
	system *ci.System
	how    string
	view   string

	mu       sync.Mutex
	summary  announce.Summary
	failure  error
	describe int
	log      bytes.Buffer
}

var source = func() *clients.Source {
	s, err := clients.Open(clients.Settings{Name: "github.com", Address: &url.URL{Scheme: "https", Host: "api.github.com"}}, clients.Shared{})
	if err != nil {
		panic(err)
	}
	return s
}()

func newScene(t *testing.T, provider ci.Provider, how string) *scene {
	s := &scene{t: t, host: &host{}, store: newMemory(), how: how, view: "https://callboard.example/pull-request?url="}
	s.system = ci.New(provider, &url.URL{Scheme: "https", Host: "github.com", Path: "/"}, nil, source, s.host)
	s.builds(ci.Running, ci.Queued)
	return s
}

func (s *scene) builds(statuses ...ci.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summary.Builds = nil
	for i, status := range statuses {
		s.summary.Builds = append(s.summary.Builds, announce.Build{Name: fmt.Sprintf("build %d", i), Status: status, URL: fmt.Sprintf("https://github.com/larkfold/tiles/actions/runs/%d", i)})
	}
}

func (s *scene) replica() *announce.Announcer {
	return announce.New(announce.Config{
		Store: s.store,
		View: func(pull string) string {
			if s.view == "" {
				return ""
			}
			return s.view + url.QueryEscape(pull)
		},
		How: func(system, repository string) string { return s.how },
		Describe: func(context.Context, announce.Pull) (announce.Summary, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.describe++
			return s.summary, s.failure
		},
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

func (s *scene) pull(number int) announce.Pull {
	return announce.Pull{System: s.system, Repository: "larkfold/tiles", Number: number, URL: fmt.Sprintf("https://github.com/larkfold/tiles/pull/%d", number), Head: strings.Repeat("a", 40)}
}

func (s *scene) warnings() int { return strings.Count(s.log.String(), "level=WARN") }

func (s *scene) writes(want int) []time.Time {
	s.t.Helper()
	_, writes := s.host.said()
	if len(writes) != want {
		s.t.Errorf("the host was written to %d times, want %d", len(writes), want)
	}
	return writes
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		rest(2 * time.Second)
		want := ci.CommitStatus{Repository: "larkfold/tiles", Commit: strings.Repeat("a", 40), State: ci.Succeeded, Name: "callboard",
			Description: "0 of 2 builds passed, 1 running, 1 waiting", URL: "https://callboard.example/pull-request?url=https%3A%2F%2Fgithub.com%2Flarkfold%2Ftiles%2Fpull%2F7"}
		if got, _ := s.host.said(); len(got) != 1 || got[0] != want {
			t.Fatalf("said\n%+v, want\n%+v", got, want)
		}
		s.builds(ci.Failed, ci.Succeeded)
		s.summary.Coverage, s.summary.NewlyFailing = new(-0.26), 3
		a.Tell(s.pull(7))
		rest(time.Minute)
		want.Description = "1 of 2 builds passed, 1 failed, 3 tests newly failing, coverage -0.3 points"
		if got, _ := s.host.said(); len(got) != 2 || got[1] != want {
			t.Fatalf("said\n%+v, want\n%+v", got, want)
		}
		// The same of another commit is another thing, and the same of the same is not said.
		pushed := s.pull(7)
		pushed.Head = strings.Repeat("b", 40)
		a.Tell(pushed)
		rest(time.Minute)
		a.Tell(pushed)
		rest(time.Minute)
		if got, _ := s.host.said(); len(got) != 3 || got[2].Commit != pushed.Head {
			t.Fatalf("said %+v", got)
		}
		// Who tells no commit means the one that is described.
		s.summary.Head, pushed.Head = strings.Repeat("c", 40), ""
		a.Tell(pushed)
		rest(time.Minute)
		if got, _ := s.host.said(); len(got) != 4 || got[3].Commit != s.summary.Head {
			t.Fatalf("said %+v", got)
		}
	})
}

func TestStatusThatCannotBeChangedSaysNothingThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitLabCI, announce.Status)
		a := s.replica()
		defer a.Close()
		for _, status := range []ci.Status{ci.Running, ci.Failed} {
			s.builds(status)
			a.Tell(s.pull(7))
			rest(time.Minute)
		}
		if got, _ := s.host.said(); len(got) != 1 || strings.ContainsAny(got[0].Description, "0123456789") {
			t.Errorf("said %+v", got)
		}
	})
}

func TestCommentIsKeptUpToDateInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		a := s.replica()
		a.Tell(s.pull(7))
		rest(time.Minute)
		s.builds(ci.Succeeded, ci.Succeeded)
		a.Tell(s.pull(7))
		rest(time.Minute)
		s.writes(2)
		if len(s.host.comments) != 1 {
			t.Fatalf("comments are %q", s.host.comments)
		}
		for _, text := range s.host.comments {
			if !strings.Contains(text, "2 of 2 builds passed") || !strings.Contains(text, "(<https://callboard.example/pull-request?url=https%3A%2F%2Fgithub.com") {
				t.Errorf("the comment is\n%s", text)
			}
		}
		a.Close()
		// Another process goes on with it, also where somebody writes the repository in another letter case; and who deletes the comment gets one more.
		a = s.replica()
		defer a.Close()
		clear(s.host.comments)
		again := s.pull(7)
		again.Repository = "Larkfold/Tiles"
		a.Tell(again)
		rest(time.Minute)
		s.writes(2) // it is as it was said
		s.builds(ci.Failed)
		for range 3 {
			a.Tell(again)
			rest(time.Minute)
		}
		s.writes(3)
		if len(s.host.comments) != 1 {
			t.Errorf("comments are %q", s.host.comments)
		}
	})
}

func TestNewsIsGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		s.host.takes = 3 * time.Second
		a := s.replica()
		defer a.Close()
		for i := range 1000 {
			s.builds(slices.Repeat([]ci.Status{ci.Succeeded}, 1+i)...)
			a.Tell(s.pull(7))
			rest(100 * time.Millisecond)
		}
		rest(time.Minute)
		said, writes := s.host.said()
		if len(writes) > 11 || len(writes) < 5 {
			t.Errorf("100 seconds of changes were written %d times", len(writes))
		}
		for i := 1; i < len(writes); i++ {
			if gap := writes[i].Sub(writes[i-1]); gap < 10*time.Second {
				t.Errorf("there are %s between two posts", gap)
			}
		}
		if last := said[len(said)-1].Description; last != "1000 of 1000 builds passed" {
			t.Errorf("the last state is not what was said last: %s", last)
		}
	})
}

func TestOneReplicaPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.takes = 2 * time.Second
		var all []*announce.Announcer
		for range 5 {
			a := s.replica()
			defer a.Close()
			all = append(all, a)
		}
		for i := range 20 {
			s.builds(slices.Repeat([]ci.Status{ci.Succeeded}, 1+i)...)
			for _, a := range all {
				a.Tell(s.pull(7))
			}
			rest(3 * time.Second)
		}
		rest(2 * time.Minute)
		if len(s.host.comments) != 1 {
			t.Errorf("comments are %q", s.host.comments)
		}
		for _, text := range s.host.comments {
			if !strings.Contains(text, "20 of 20 builds passed") {
				t.Errorf("the last state is not what was said last:\n%s", text)
			}
		}
		_, writes := s.host.said()
		for i := 1; i < len(writes); i++ {
			if gap := writes[i].Sub(writes[i-1]); gap < 10*time.Second {
				t.Errorf("there are %s between two posts", gap)
			}
		}
	})
}

func TestTheTurnOfAReplicaThatWasKilledEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		if _, held, err := s.store.Announce(t.Context(), "github.com/larkfold/tiles#7", time.Minute); !held || err != nil {
			t.Fatal("the lease is not free", err)
		}
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		rest(30 * time.Second)
		s.writes(0)
		rest(40 * time.Second)
		s.writes(1)
	})
}

func TestFailuresAreTriedAgainMoreAndMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		s.host.fail = func(int) error { return clients.ErrUnavailable }
		a := s.replica()
		defer a.Close()
		stop := time.Now().Add(24 * time.Hour)
		for time.Now().Before(stop) { // it changes all the time
			a.Tell(s.pull(7))
			rest(time.Second)
		}
		_, writes := s.host.said()
		if len(writes) > 24*12+5 {
			t.Errorf("in a day a host that is down was written to %d times", len(writes))
		}
		s.host.mu.Lock()
		s.host.fail = nil
		s.host.mu.Unlock()
		rest(6 * time.Minute)
		if said, _ := s.host.said(); len(said) != 1 {
			t.Errorf("when it is back, %d statuses are said", len(said))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		s.host.fail = func(n int) error {
			if n < 3 {
				return &clients.Error{Kind: clients.ErrLimited, RetryAt: time.Now().Add(7 * time.Minute)}
			}
			return nil
		}
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		rest(time.Hour) // nobody tells again
		writes := s.writes(3)
		if len(writes) == 3 && (writes[1].Sub(writes[0]) < 7*time.Minute || writes[2].Sub(writes[1]) < 7*time.Minute) {
			t.Errorf("a host that said when to come again was asked at %v", writes)
		}
		if said, _ := s.host.said(); len(said) != 1 {
			t.Errorf("said %v", said)
		}
	})
}

func TestWhatIsForbiddenIsNotTriedForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.fail = func(int) error { return fmt.Errorf("commenting: %w", clients.ErrForbidden) }
		a := s.replica()
		defer a.Close()
		for number := range 50 { // one after the other, for 50 minutes
			a.Tell(s.pull(1 + number))
			rest(time.Minute)
		}
		s.writes(1)
		if s.warnings() != 1 {
			t.Errorf("the log is\n%s", s.log.String())
		}
		other := s.pull(1)
		other.Repository = "larkfold/mixes"
		a.Tell(other)
		rest(30 * time.Minute)
		s.writes(2)
		a.Tell(s.pull(1))
		rest(time.Minute)
		s.writes(3)
	})
}

func TestWhatFailsForeverIsNotTriedAgain(t *testing.T) {
	for _, failure := range []error{clients.ErrNotFound, ci.ErrRefused, ci.ErrUnsupported, ci.ErrInvalid} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, ci.GitHubActions, announce.Comment)
			s.host.fail = func(int) error { return failure }
			a := s.replica()
			defer a.Close()
			a.Tell(s.pull(7))
			rest(24 * time.Hour)
			s.writes(1)
		})
	}
}

func TestACommentThatMayBeThereIsNotMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.lost = true
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		rest(24 * time.Hour)
		s.writes(1)
	})
}

func TestWhatCannotBeWrittenDownIsNotMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.takes = time.Second
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		rest(1500 * time.Millisecond)
		s.store.mu.Lock()
		s.store.fail = errors.New("the database is away") // while it is being posted
		s.store.mu.Unlock()
		s.builds(ci.Failed)
		rest(5 * time.Second)
		a.Tell(s.pull(7))
		rest(time.Minute)
		s.store.mu.Lock()
		s.store.fail = nil
		s.store.mu.Unlock()
		rest(10 * time.Minute)
		if len(s.host.comments) != 1 {
			t.Errorf("comments are %q", s.host.comments)
		}
		s.writes(2)
	})
}

func TestWhatIsNotToBeAnnouncedIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.None)
		a := s.replica()
		defer a.Close()
		a.Tell(s.pull(7))
		s.how = "somehow"
		a.Tell(s.pull(7))
		s.how, s.view = announce.Comment, ""
		a.Tell(s.pull(7))
		s.view = "https://callboard.example/"
		a.Tell(announce.Pull{System: s.system, Repository: "larkfold/tiles"})
		jenkins := s.pull(7)
		jenkins.System = ci.New(ci.Jenkins, s.system.Web, nil, source, nil)
		a.Tell(jenkins)
		rest(time.Hour)
		s.writes(0)
		if s.describe != 0 {
			t.Errorf("%d were described", s.describe)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.takes = 3 * time.Second
		a := s.replica()
		a.Tell(s.pull(7))
		rest(2 * time.Second)
		a.Tell(s.pull(8))
		a.Close() // what is on its way arrives and is remembered
		s.writes(1)
		if s.store.known["github.com/larkfold/tiles#7"].Reference == "" {
			t.Error("what was posted is not remembered")
		}
		a.Tell(s.pull(9))
		rest(time.Hour)
		s.writes(1)
		a.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		s.host.takes = time.Hour
		a := s.replica()
		a.Tell(s.pull(7))
		rest(2 * time.Second)
		began := time.Now()
		a.Close()
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %s to close", took)
		}
	})
}

func TestManyPullRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Status)
		a := s.replica()
		defer a.Close()
		for number := range 7000 {
			a.Tell(s.pull(1 + number))
		}
		rest(time.Hour)
		s.writes(5000)
		if s.warnings() != 1 {
			t.Errorf("the log has %d warnings", s.warnings())
		}
	})
}
