package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"callboard.dev/callboard/clients/cache"
)

// Settings are those of one configured source. The zero value of all but Name and Address is right.
type Settings struct {
	Name    string      // what people call it, such as "github.com"; unique among the sources
	Kind    string      // what it is, such as "github" or "gitlab"; it chooses Limits and Places where they are zero
	Address *url.URL    // where it is asked; the credential goes to this host alone, and to Hosts. A user and password in it are not sent.
	Hosts   []string    // further hosts of the source, each host or host:port, such as "uploads.github.com"; of the same scheme as Address
	Token   TokenSource // nil: anonymous

	Policies map[string]cache.Policy // how long what kind of value may be shown; DefaultPolicy for others
	Limits   Limits                  // how the vendor announces rate limits
	Rate     float64                 // requests per second, on average, whatever the vendor allows; no bound where 0
	Burst    int                     // requests at once within Rate; Rate rounded up where 0
	Places   int                     // requests in flight at once; DefaultPlaces where 0, defaultGitHubPlaces for GitHub
	Queue    int                     // requests that may wait for a place; 50 times Places where 0

	Timeout        time.Duration // for a request with its retries, within the caller's deadline; DefaultTimeout where 0
	AttemptTimeout time.Duration // for one attempt; DefaultAttemptTimeout where 0
	MaxAnswer      int64         // bytes of an answer after decompression; DefaultMaxAnswer where 0
	MaxStream      int64         // as MaxAnswer, for answers that are handed on as they come; DefaultMaxStream where 0

	// Allow are addresses that may be connected to although they are closed, such as 127.0.0.0/8. Closed are loopback, link-local, multicast and
	// what clouds keep their metadata at; private ranges are open, as GitHub Enterprise and the like live there, but not to Source.Elsewhere.
	Allow []netip.Prefix
	Proxy *url.URL    // the proxy to go through; none where nil, whatever the environment says
	TLS   *tls.Config // authorities and client certificates; the system's where nil
	// Dial makes the connections; nil for the network. It is for listeners in memory: it goes round Allow and what is closed.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// The settings of a source that says nothing else, by judgement.
const (
	DefaultTimeout        = 30 * time.Second // people have left by then
	DefaultAttemptTimeout = 12 * time.Second // GitHub gives up after 10 seconds itself, and its answer then is better than none
	DefaultPlaces         = 10               // an upstream of unknown size, such as a Jenkins under a desk
	DefaultMaxAnswer      = 16 << 20         // a page of 100 of anything is far below; a file of a repository above is no text to show
	DefaultMaxStream      = 256 << 20        // the log of a long build

	defaultGitHubPlaces = 20 // a fifth of the 100 that GitHub allows for all that use one credential
)

// DefaultPolicy is that of kinds of values which Settings.Policies does not name, by judgement: a page that is opened again within a minute
// costs nothing, one that is opened after lunch is shown at once and renewed behind it, and yesterday's answer is better than none.
var DefaultPolicy = cache.Policy{Fresh: time.Minute, Revalidate: time.Hour, OnError: 24 * time.Hour, Absent: time.Minute}

// Shared is what the sources of one process have in common. Its zero value is right: nothing is remembered or shared.
type Shared struct {
	Cache   *cache.Cache          // nil: nothing is remembered
	Redis   redis.UniversalClient // nil: this process alone knows what it learns about rate limits
	Observe Observer
	Log     *slog.Logger         // nowhere where nil
	Tracer  trace.TracerProvider // OpenTelemetry's global one where nil
}

// checked returns the settings with the defaults filled in.
func (s Settings) checked() (Settings, error) {
	switch {
	case s.Name == "":
		return s, errors.New("a source has no name")
	case s.Address == nil:
		return s, fmt.Errorf("source %s has no address", s.Name)
	case s.Address.Scheme != "https" && s.Address.Scheme != "http" || s.Address.Host == "" || s.Address.Opaque != "":
		return s, fmt.Errorf("the address of source %s must be https://HOST or http://HOST", s.Name)
	case s.Rate < 0 || s.Burst < 0 || s.Places < 0 || s.Queue < 0 || s.Timeout < 0 || s.AttemptTimeout < 0 || s.MaxAnswer < 0 || s.MaxStream < 0:
		return s, fmt.Errorf("a setting of source %s is negative", s.Name)
	}
	for _, host := range s.Hosts {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || host == "" {
			return s, fmt.Errorf("a further host of source %s is neither HOST nor HOST:PORT", s.Name)
		}
	}
	address := *s.Address
	address.User, address.RawQuery, address.Fragment, address.RawFragment = nil, "", "", ""
	s.Address = &address
	if s.Limits.Read == nil && s.Limits.Resource == nil {
		switch strings.ToLower(s.Kind) {
		case "github":
			s.Limits = GitHubLimits
		case "gitlab":
			s.Limits = GitLabLimits
		}
	}
	if s.Limits.Read == nil {
		s.Limits.Read = RetryAfterLimits.Read
	}
	if s.Limits.Resource == nil {
		s.Limits.Resource = oneResource
	}
	if s.Places == 0 {
		if s.Places = DefaultPlaces; strings.EqualFold(s.Kind, "github") {
			s.Places = defaultGitHubPlaces
		}
	}
	if s.Queue == 0 {
		s.Queue = 50 * s.Places
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.AttemptTimeout == 0 {
		s.AttemptTimeout = DefaultAttemptTimeout
	}
	if s.MaxAnswer == 0 {
		s.MaxAnswer = DefaultMaxAnswer
	}
	if s.MaxStream == 0 {
		s.MaxStream = DefaultMaxStream
	}
	if s.Token == nil {
		s.Token = Anonymous
	}
	return s, nil
}
