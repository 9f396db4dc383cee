package clients

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"callboard.dev/callboard/clients/cache"
)

// AppSettings name an installation of a GitHub App.
type AppSettings struct {
	ID           string   // the App's client ID or App ID
	Installation int64    // the ID of its installation in the organisation
	Key          []byte   // a private key of the App, PEM
	Address      *url.URL // the REST API: https://api.github.com, or https://HOST/api/v3
}

// App is the token source of an installation of a GitHub App: it signs itself in with its key, gets a token for an hour, and renews it ahead of
// its end. However many ask, one token is got at a time. Its scope is the installation's and stays the same.
//
// From "Generating a JSON Web Token" and "Generating an installation access token" in GitHub's documentation. Of the libraries for tokens,
// golang-jwt is one package upon the standard library, and one signature is all that is needed here; keys of others are not read.
type App struct {
	id      string
	key     *rsa.PrivateKey
	address string
	scope   cache.Scope

	mu      sync.Mutex
	token   Credential
	got     time.Time
	ends    time.Time
	getting chan struct{} // closed when the token that is being got has come; nil where none is
	failure error         // of the last try, where it failed
	again   time.Time     // no other try before
}

// How an App signs in and when it renews, by judgement but for the first, which GitHub says.
const (
	maxAssertion  = 10 * time.Minute // how far ahead a JSON Web Token may end
	clockSkew     = time.Minute      // by which our clock may be ahead of or behind GitHub's
	renewAhead    = 5 * time.Minute  // before its end a token is renewed behind the requests, and there is time for many tries
	lastUse       = 30 * time.Second // before its end a token is not used any more: requests take time
	signInTimeout = 10 * time.Second
	maxLifetime   = time.Hour
	refusedPause  = 15 * time.Second // after GitHub refused to give a token: a storm of requests must not become one of these
	failedPause   = 2 * time.Second  // after it could not be asked
	maxToken      = 4 << 10          // bytes of a token
)

// NewApp makes the token source. It fails where the key cannot be read; GitHub is not asked.
func NewApp(s AppSettings) (*App, error) {
	if s.ID == "" || s.Installation <= 0 || s.Address == nil || s.Address.Host == "" {
		return nil, errors.New("a GitHub App needs its ID, the ID of an installation, and the address of the API")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(s.Key)
	if err != nil { // its text may hold what it could not read
		return nil, fmt.Errorf("the private key of GitHub App %s cannot be read: it must be an RSA key in PEM, as GitHub makes it", s.ID)
	}
	address := *s.Address
	address.User, address.RawQuery, address.Fragment = nil, "", ""
	installation := strconv.FormatInt(s.Installation, 10)
	return &App{
		id: s.ID, key: key,
		address: strings.TrimSuffix(address.String(), "/") + "/app/installations/" + installation + "/access_tokens",
		scope:   cache.ScopeOf("GitHub App " + s.ID + " installation " + installation + " at " + address.Host),
	}, nil
}

// String says what it is and no more.
func (a *App) String() string { return "a GitHub App" }

// GoString says what it is and no more.
func (a *App) GoString() string { return a.String() }

// Scope returns the scope of the installation.
func (a *App) Scope(context.Context) (cache.Scope, error) { return a.scope, nil }

// Credential returns a token that is good for a while, getting one where there is none.
func (a *App) Credential(ctx context.Context, network http.RoundTripper) (Credential, error) {
	for {
		a.mu.Lock()
		now := time.Now()
		left := a.ends.Sub(now)
		usable := a.token.Header != "" && left > lastUse
		if usable && left > renewAhead {
			defer a.mu.Unlock()
			return a.token, nil
		}
		waits := a.again.After(now)
		if a.getting == nil && !waits {
			a.getting = make(chan struct{})
			go a.renew(ctx, network, a.getting)
		}
		if usable {
			defer a.mu.Unlock()
			return a.token, nil
		}
		if waits {
			defer a.mu.Unlock()
			return Credential{}, a.failure
		}
		coming := a.getting
		a.mu.Unlock()
		select {
		case <-coming:
		case <-ctx.Done():
			return Credential{}, ctx.Err()
		}
	}
}

// Refused is told that GitHub does not accept a credential, and tells whether there is another to be had. A token may be revoked before its end.
func (a *App) Refused(c Credential) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != c {
		return true // it was renewed meanwhile
	}
	if time.Since(a.got) < clockSkew {
		return false // a new one would not be accepted either
	}
	a.token = Credential{}
	return true
}

func (a *App) renew(ctx context.Context, network http.RoundTripper, done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInTimeout) // others wait for it too
	defer cancel()
	ctx = context.WithValue(ctx, passageKey{}, new(passage))
	ctx = withCall(ctx, call{route: "POST /app/installations/{id}/access_tokens"})
	token, lifetime, err := a.signIn(ctx, network)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if err == nil {
		a.token, a.got, a.ends = Credential{"Authorization", "Bearer " + token}, now, now.Add(lifetime)
		a.failure, a.again = nil, time.Time{}
	} else {
		pause := failedPause
		if errors.Is(err, ErrForbidden) {
			pause = refusedPause
		}
		a.failure, a.again = err, now.Add(pause)
		if e := Of(err); e != nil && e.RetryAt.After(a.again) {
			a.again = e.RetryAt
		}
	}
	a.getting = nil
	close(done)
}

// assertion is what proves to GitHub that we hold the App's key.
func (a *App) assertion(now time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer:    a.id,
		IssuedAt:  jwt.NewNumericDate(now.Add(-clockSkew)),
		ExpiresAt: jwt.NewNumericDate(now.Add(maxAssertion - clockSkew)),
	}).SignedString(a.key)
}

func (a *App) signIn(ctx context.Context, network http.RoundTripper) (token string, lifetime time.Duration, err error) {
	assertion, err := a.assertion(time.Now())
	if err != nil {
		return "", 0, &Error{Kind: ErrForbidden, Message: "the private key of its GitHub App cannot sign; make a new one", ours: true}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.address, nil)
	if err != nil {
		return "", 0, &Error{Kind: ErrForbidden, Message: "the address of its GitHub App cannot be read; check what is configured", ours: true}
	}
	r.Header.Set("Authorization", "Bearer "+assertion)
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	r.Header.Set("User-Agent", agent)
	resp, err := network.RoundTrip(r)
	if err != nil {
		return "", 0, failure("", err)
	}
	defer resp.Body.Close()
	if e := refusal("", resp); e != nil {
		if e.Kind == ErrForbidden || e.Kind == ErrNotFound {
			reading := GitHubLimits.Read(resp, textOf(resp), time.Now())
			if e.Kind, e.Message = ErrForbidden, "it gives no token to its GitHub App; check the App's ID, key and installation"; reading.Limited {
				e.Kind, e.Message = ErrLimited, "it gives no token to its GitHub App for now"
				e.RetryAt = time.Now().Add(max(reading.Wait, minStrike))
			}
		}
		return "", 0, e
	}
	var answer struct {
		Token string    `json:"token"`
		Ends  time.Time `json:"expires_at"`
	}
	if json.Unmarshal(textOf(resp), &answer) != nil || !isToken(answer.Token) {
		return "", 0, &Error{Kind: ErrBadAnswer, Status: resp.StatusCode, Message: "its answer holds no token for its GitHub App; check the address that is configured"}
	}
	lifetime = min(answer.Ends.Sub(serverTime(resp.Header, time.Now())), maxLifetime)
	if lifetime <= lastUse {
		return "", 0, &Error{Kind: ErrBadAnswer, Status: resp.StatusCode, Message: "its token for its GitHub App has ended before it was used; check this machine's clock"}
	}
	return answer.Token, lifetime, nil
}

// isToken tells whether the text can be sent in a header.
func isToken(text string) bool {
	if text == "" || len(text) > maxToken {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
