package clients

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"callboard.dev/callboard/clients/cache"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func appKeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
}

func newTestApp(t testing.TB) *App {
	t.Helper()
	address, _ := url.Parse("https://github.example/api/v3")
	app, err := NewApp(AppSettings{ID: "Iv1.abc", Installation: 42, Key: appKeyPEM(), Address: address})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// signer gives installation tokens that last an hour, after a second, each another one.
func signer(t testing.TB) *counting {
	return &counting{answer: func(n int64, r *http.Request) (*http.Response, error) {
		if err := wait(r.Context(), time.Second); err != nil {
			return nil, err
		}
		if r.Method != "POST" || r.URL.String() != "https://github.example/api/v3/app/installations/42/access_tokens" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return &appKey().PublicKey, nil }, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuedAt())
		if err != nil || claims.Issuer != "Iv1.abc" || time.Until(claims.ExpiresAt.Time) > 10*time.Minute || time.Until(claims.ExpiresAt.Time) < 5*time.Minute || time.Since(claims.IssuedAt.Time) < clockSkew {
			t.Errorf("the assertion is %+v, %v", claims, err)
		}
		return says(201, fmt.Sprintf(`{"token":"ghs_%d","expires_at":%q}`, n, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))), nil
	}}
}

func TestApp(t *testing.T) {
	appKey()
	synctest.Test(t, func(t *testing.T) {
		app, network := newTestApp(t), signer(t)
		want := func(value string) {
			t.Helper()
			if c, err := app.Credential(t.Context(), network); err != nil || c.Header != "Authorization" || c.Value != "Bearer "+value {
				t.Errorf("the credential is %s %s, %v; want %s", c.Header, c.Value, err, value)
			}
		}
		scope, _ := app.Scope(t.Context())
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { want("ghs_1") })
		}
		all.Wait()
		if network.n.Load() != 1 {
			t.Errorf("%d tokens were got for requests at once", network.n.Load())
		}
		time.Sleep(54 * time.Minute)
		want("ghs_1")
		time.Sleep(2 * time.Minute) // less than renewAhead is left: it is renewed while it is used
		started := time.Now()
		want("ghs_1")
		want("ghs_1")
		if time.Since(started) != 0 {
			t.Error("a request waited for a token although there was one")
		}
		time.Sleep(2 * time.Second)
		want("ghs_2")
		time.Sleep(2 * time.Hour)
		want("ghs_3")
		if after, _ := app.Scope(t.Context()); after != scope || scope == (cache.Scope{}) || network.n.Load() != 3 {
			t.Errorf("after %d tokens the scope is %x, was %x", network.n.Load(), after, scope)
		}
	})
}

func TestAppOutlivesItsCaller(t *testing.T) {
	appKey()
	synctest.Test(t, func(t *testing.T) {
		app, network := newTestApp(t), signer(t)
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := app.Credential(ctx, network); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		}()
		synctest.Wait()
		leave()
		if c, err := app.Credential(t.Context(), network); err != nil || c.Value != "Bearer ghs_1" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAppRevoked(t *testing.T) {
	appKey()
	synctest.Test(t, func(t *testing.T) {
		app := newTestApp(t)
		tokens := signer(t)
		good := "Bearer ghs_1"
		var api int
		network := stub(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/access_tokens") {
				return tokens.RoundTrip(r)
			}
			api++
			if text, _ := io.ReadAll(r.Body); string(text) != "{}" {
				t.Errorf("sent %q", text)
			}
			if r.Header.Get("Authorization") != good {
				return says(401, ""), nil
			}
			return says(200, ""), nil
		})
		link := &authorization{"example", app}
		ask := func(want, asked int) {
			t.Helper()
			api = 0
			resp, err := link.pass(query(t.Context()), network)
			if err != nil || resp.StatusCode != want || api != asked {
				t.Errorf("got %v, %v after %d requests; want %d after %d", resp, err, api, want, asked)
			}
		}
		ask(200, 1)
		time.Sleep(10 * time.Minute)
		good = "Bearer ghs_2" // the token was revoked
		ask(200, 2)
		good = "nothing" // the App was: a token that is new is not renewed again
		ask(401, 1)
		if tokens.n.Load() != 2 {
			t.Errorf("%d tokens were got", tokens.n.Load())
		}
	})
}

func TestAppFails(t *testing.T) {
	appKey()
	for _, c := range []struct {
		name   string
		answer *http.Response
		err    error
		kind   error
		pause  time.Duration
	}{
		{"a wrong key", says(401, `{"message":"A JSON web token could not be decoded"}`, "Content-Type", "application/json"), nil, ErrForbidden, refusedPause},
		{"a wrong installation", says(404, `{}`), nil, ErrForbidden, refusedPause},
		{"a limit", says(403, `{"message":"API rate limit exceeded"}`, "Retry-After", "90"), nil, ErrLimited, 90 * time.Second},
		{"it is down", says(502, ""), nil, ErrUnavailable, failedPause},
		{"no connection", nil, &Error{Kind: ErrUnavailable, Source: "example", broken: true}, ErrUnavailable, failedPause},
		{"not JSON", says(201, "<html>"), nil, ErrBadAnswer, failedPause},
		{"a token that breaks the header", says(201, `{"token":"a\r\nX: y","expires_at":"2100-01-01T00:00:00Z"}`), nil, ErrBadAnswer, failedPause},
		{"a token that has ended", says(201, `{"token":"a","expires_at":"1999-01-01T00:00:00Z"}`), nil, ErrBadAnswer, failedPause},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &counting{answer: func(int64, *http.Request) (*http.Response, error) {
					if c.err != nil {
						return nil, c.err
					}
					return again(c.answer, nil), nil
				}}
				link := &authorization{"example", newTestApp(t)}
				for range 100 {
					_, err := link.pass(get(t.Context()), network)
					if e := wantError(t, err, c.kind); e.Source != "example" {
						t.Errorf("the source is %q", e.Source)
					}
				}
				if network.n.Load() != 1 {
					t.Errorf("a token that cannot be had was asked for %d times", network.n.Load())
				}
				time.Sleep(c.pause - time.Millisecond)
				link.pass(get(t.Context()), network)
				if network.n.Load() != 1 {
					t.Errorf("it was asked for again before %v", c.pause)
				}
				time.Sleep(time.Millisecond)
				link.pass(get(t.Context()), network)
				if network.n.Load() != 2 {
					t.Errorf("it was not asked for again after %v", c.pause)
				}
			})
		})
	}
}

func TestNewAppRefuses(t *testing.T) {
	address, _ := url.Parse("https://api.github.com")
	for _, s := range []AppSettings{
		{},
		{ID: "1", Installation: 1, Key: []byte("SECRET"), Address: address},
		{ID: "1", Installation: 1, Key: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("SECRET")}), Address: address},
		{ID: "1", Installation: 1, Key: appKeyPEM()},
	} {
		if _, err := NewApp(s); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestAuthorization(t *testing.T) {
	for _, c := range []struct {
		token         TokenSource
		header, value string
	}{
		{Anonymous, "Authorization", ""},
		{Bearer(""), "Authorization", ""},
		{Bearer("x"), "Authorization", "Bearer x"},
		{PrivateToken("x"), "PRIVATE-TOKEN", "x"},
		{TokenFunc(func(context.Context) (Credential, error) { return Credential{"Authorization", "Bearer y"}, nil }), "Authorization", "Bearer y"},
	} {
		r := get(t.Context())
		_, err := (&authorization{"example", c.token}).pass(r, stub(func(r *http.Request) (*http.Response, error) {
			if got := r.Header.Get(c.header); got != c.value {
				t.Errorf("%T sends %q, want %q", c.token, got, c.value)
			}
			return says(200, ""), nil
		}))
		if err != nil || len(r.Header) != 0 {
			t.Errorf("%v; the caller's request has %v", err, r.Header)
		}
		scope, err := c.token.Scope(t.Context())
		if err != nil || (scope == cache.Scope{}) != (c.value == "") {
			t.Errorf("the scope of %q is %x, %v", c.value, scope, err)
		}
	}
	nobody := TokenFunc(func(context.Context) (Credential, error) { return Credential{}, errors.New("SECRET") })
	_, err := (&authorization{"example", nobody}).pass(get(t.Context()), always(200))
	if e := wantError(t, err, ErrForbidden); strings.Contains(fmt.Sprintf("%+v", e), "SECRET") {
		t.Errorf("got %+v", e)
	}
}

func TestAdmission(t *testing.T) {
	address, _ := url.Parse("https://GitHub.example/api/v3")
	set, err := Settings{Name: "example", Address: address, Hosts: []string{"uploads.github.example", "other.example:8443"}, Token: Bearer("x")}.checked()
	if err != nil {
		t.Fatal(err)
	}
	link := &admission{&set}
	for target, own := range map[string]bool{
		"https://github.example/x":            true,
		"https://github.example:443/x":        true,
		"https://GITHUB.EXAMPLE./x":           true,
		"https://uploads.github.example/x":    true,
		"https://other.example:8443/x":        true,
		"https://other.example/x":             false,
		"http://github.example/x":             false,
		"https://github.example:8443/x":       false,
		"https://github.example.evil.test/x":  false,
		"https://evil.test/github.example":    false,
		"https://github.example@evil.test/x":  false,
		"https://evil.test#@github.example/x": false,
	} {
		sent := false
		r := request(t.Context(), "GET", target)
		_, err := link.pass(r, stub(func(*http.Request) (*http.Response, error) {
			sent = true
			return says(200, ""), nil
		}))
		if sent != own {
			t.Errorf("%s: sent is %v, error %v", target, sent, err)
		}
		if !own {
			wantError(t, err, ErrForbidden)
		}
	}

	r := request(t.Context(), "GET", "https://user:pass@github.example/x?y#z")
	for _, name := range foreignHeaders {
		r.Header.Set(name, "of the caller")
	}
	r.Header.Set("Accept", "a")
	link.pass(r, stub(func(r *http.Request) (*http.Response, error) {
		if r.URL.String() != "https://github.example/x?y" || r.Header.Get("User-Agent") != agent || r.Header.Get("Accept") != "a" || len(r.Header) != 2 {
			t.Errorf("sent %s with %v", r.URL, r.Header)
		}
		if passageOf(r.Context()).scope != cache.ScopeOf("x") {
			t.Error("the scope is not the token's")
		}
		return says(200, ""), nil
	}))
	if r.Header.Get("Authorization") == "" || r.URL.User == nil {
		t.Error("the caller's request was changed")
	}
}

type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error {
	c.closed++
	return nil
}

func TestRefusedRequestsAreClosed(t *testing.T) {
	address, _ := url.Parse("https://api.example")
	set, _ := Settings{Name: "example", Address: address}.checked()
	body := &closing{Reader: strings.NewReader("x")}
	r, _ := http.NewRequest("POST", "https://other.example", body)
	if _, err := (&admission{&set}).pass(r, always(200)); err == nil || body.closed != 1 {
		t.Errorf("closed %d times, %v", body.closed, err)
	}
}
