package gitlabtest

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limiter counts requests by user in fixed windows, as GitLab's "user and IP rate limits" do.
type limiter struct {
	mu      sync.Mutex
	windows map[string]*window
}

type window struct {
	begins time.Time
	used   int
}

// take counts a request, says in headers what is left, and refuses where nothing is.
func (l *limiter) take(c *call, who string) error {
	limit := c.settings.Limit
	if limit <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows == nil {
		l.windows = map[string]*window{}
	}
	w := l.windows[who]
	begins := c.now.Truncate(c.settings.Window)
	if w == nil || !w.begins.Equal(begins) {
		w = &window{begins: begins}
		l.windows[who] = w
	}
	w.used++
	name := "throttle_authenticated_api"
	if who == "" {
		name = "throttle_unauthenticated_api"
	}
	resets := begins.Add(c.settings.Window)
	h := c.w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(limit))
	h.Set("RateLimit-Name", name)
	h.Set("RateLimit-Observed", strconv.Itoa(w.used))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, limit-w.used)))
	h.Set("RateLimit-Reset", strconv.FormatInt(resets.Unix(), 10))
	h.Set("RateLimit-ResetTime", resets.UTC().Format(http.TimeFormat))
	if w.used <= limit {
		return nil
	}
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(resets.Sub(c.now).Seconds()))))
	return fault{http.StatusTooManyRequests, "Retry later\n"}
}

// Exhaust uses up the limit of a user, or of nobody where the name is empty, for the rest of the window.
func (s *Server) Exhaust(username string) {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	if s.limiter.windows == nil {
		s.limiter.windows = map[string]*window{}
	}
	s.limiter.windows[username] = &window{begins: s.settings.Now().Truncate(s.settings.Window), used: s.settings.Limit}
}
