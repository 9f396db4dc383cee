package clients

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Credential is a header that says who asks. It does not print itself.
type Credential struct {
	Header string // such as "Authorization"; "" for nobody in particular
	Value  string // such as "Bearer ghp_..."
}

// String returns the name of the header alone.
func (c Credential) String() string { return c.Header }

// GoString returns the name of the header alone.
func (c Credential) GoString() string { return "clients.Credential{" + c.Header + "}" }

// TokenSource gives the credential of each request.
type TokenSource interface {
	// Scope says whose rights a request with the context is made with. It does not wait, and stays the same when a credential is renewed.
	Scope(ctx context.Context) (cache.Scope, error)
	// Credential returns the credential, which may have to be got first: network reaches the source without one.
	Credential(ctx context.Context, network http.RoundTripper) (Credential, error)
}

// Anonymous is the token source of a source that is asked as nobody in particular.
var Anonymous TokenSource = fixed{}

// Bearer returns the token source of a token that is sent as "Authorization: Bearer", as GitHub, GitLab and most others take it. An empty
// token is Anonymous.
func Bearer(token string) TokenSource {
	if token == "" {
		return Anonymous
	}
	return newFixed("Authorization", "Bearer "+token, token)
}

// Basic returns the token source of a user and a password, or a user and an API token, that are sent as "Authorization: Basic", as Jenkins takes
// them. Without a user it is Anonymous.
func Basic(user, password string) TokenSource {
	if user == "" {
		return Anonymous
	}
	pair := user + ":" + password
	return newFixed("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)), "Basic "+pair)
}

// PrivateToken returns the token source of a GitLab token that is sent as "PRIVATE-TOKEN". An empty token is Anonymous.
func PrivateToken(token string) TokenSource {
	if token == "" {
		return Anonymous
	}
	return newFixed("PRIVATE-TOKEN", token, token)
}

// fixed is a credential that stays. The secret is behind a pointer, so that settings can be printed.
type fixed struct {
	credential *Credential
	scope      cache.Scope
}

func newFixed(header, value, token string) fixed {
	return fixed{&Credential{header, value}, cache.ScopeOf(token)}
}

func (f fixed) Scope(context.Context) (cache.Scope, error) { return f.scope, nil }

func (f fixed) Credential(context.Context, http.RoundTripper) (Credential, error) {
	if f.credential == nil {
		return Credential{}, nil
	}
	return *f.credential, nil
}

func (f fixed) String() string { return "a fixed token" }

// TokenFunc is a token source that reads the credential from the request's context: that of the person who asks. Its scope is the credential's.
type TokenFunc func(ctx context.Context) (Credential, error)

// Scope returns the scope of the credential of the context.
func (f TokenFunc) Scope(ctx context.Context) (cache.Scope, error) {
	c, err := f(ctx)
	if err != nil {
		return cache.Scope{}, err
	}
	return cache.ScopeOf(c.Value), nil
}

// Credential returns the credential of the context.
func (f TokenFunc) Credential(ctx context.Context, _ http.RoundTripper) (Credential, error) {
	return f(ctx)
}

// authorization puts the credential on the request. A credential that is refused time and again is not sent for a while: GitHub answers many
// requests with a bad credential by refusing the good ones too ("Authenticating to the REST API", failed login limit).
type authorization struct {
	source string
	token  TokenSource

	mu      sync.Mutex
	refused map[cache.Scope]*refusals
}

// refusals are those of one scope that came without anything else between them.
type refusals struct {
	row   int
	until time.Time // not sent before
}

// maxRefusals is how many refusals in a row are taken for an accident, by judgement. refusedPause follows each further one.
const maxRefusals = 3

func (a *authorization) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	scope := passageOf(r.Context()).scope
	if until := a.pause(scope); !until.IsZero() {
		return nil, &Error{Kind: ErrForbidden, Source: a.source, RetryAt: until, ours: true,
			Message: "it has refused the credential several times, and is not asked with it for a moment; renew the token that is configured for it"}
	}
	resp, err := a.askAgain(r, next)
	if err == nil && scope != (cache.Scope{}) { // nobody in particular has no credential to be refused
		a.note(scope, resp.StatusCode == http.StatusUnauthorized)
	}
	return resp, err
}

func (a *authorization) pause(scope cache.Scope) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.refused[scope]; f != nil && f.until.After(time.Now()) {
		return f.until
	}
	return time.Time{}
}

func (a *authorization) note(scope cache.Scope, refused bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !refused {
		delete(a.refused, scope)
		return
	}
	if a.refused == nil || len(a.refused) >= maxAccounts { // forgetting all costs a few refusals
		a.refused = map[cache.Scope]*refusals{}
	}
	f := a.refused[scope]
	if f == nil {
		f = new(refusals)
		a.refused[scope] = f
	}
	if f.row++; f.row >= maxRefusals {
		f.until = time.Now().Add(refusedPause)
	}
}

// askAgain asks, and once more where the credential was refused and there is another.
func (a *authorization) askAgain(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, credential, err := a.ask(r, next)
	renewing, can := a.token.(interface{ Refused(Credential) bool })
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !can || !renewing.Refused(credential) {
		return resp, err
	}
	second, ok := replay(r)
	if !ok {
		return resp, nil
	}
	resp.Body.Close()
	resp, _, err = a.ask(second, next)
	return resp, err
}

func (a *authorization) ask(r *http.Request, next http.RoundTripper) (*http.Response, Credential, error) {
	credential, err := a.token.Credential(r.Context(), next)
	if err != nil {
		return nil, credential, credentialError(a.source, err)
	}
	if credential.Header != "" {
		out := *r
		out.Header = r.Header.Clone()
		out.Header.Set(credential.Header, credential.Value)
		r = &out
	}
	resp, err := next.RoundTrip(r)
	return resp, credential, err
}

// replay returns the request once more, and whether that can be done: its body must be one that can be read again.
func replay(r *http.Request) (*http.Request, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	out := *r
	out.Body = body
	return &out, true
}

// credentialError makes the error of a credential that cannot be had. What a token source of another package says is not repeated.
func credentialError(source string, err error) error {
	if e := Of(err); e != nil {
		if e.Source == "" {
			named := *e
			named.Source = source
			return &named
		}
		return e
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: ErrTimeout, Source: source, Message: "its credential could not be got in time; try again later", Err: context.DeadlineExceeded, ours: true}
	}
	return &Error{Kind: ErrForbidden, Source: source, Message: "there is no credential to ask it with; sign in, or check the token that is configured", ours: true}
}
