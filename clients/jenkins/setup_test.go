package jenkins_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins"
)

// as sends a user and a password or an API token along.
type as struct {
	next         http.RoundTripper
	user, secret string
}

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if a.user != "" {
		r.SetBasicAuth(a.user, a.secret)
	}
	return a.next.RoundTrip(r)
}

const address = "https://ci.larkfold.example/jenkins"

// on returns a client of the stage, for somebody.
func on(t testing.TB, h http.Handler, user, secret string) *jenkins.Client {
	t.Helper()
	return at(t, &http.Client{Transport: as{clientstest.Transport{Handler: h}, user, secret}}, address)
}

func at(t testing.TB, client *http.Client, where string) *jenkins.Client {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	c, err := jenkins.New("jenkins", u, client)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counting counts requests as they come: a Watch has them once they are answered to the end.
type counting struct {
	next http.Handler
	n    atomic.Int64
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.n.Add(1)
	c.next.ServeHTTP(w, r)
}

// through returns a client that asks a stage on a real port, through all of package clients.
func through(t *testing.T, s http.Handler, user, secret string) *jenkins.Client {
	t.Helper()
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL())
	source, err := clients.Open(clients.Settings{Name: "jenkins", Kind: "jenkins", Address: u, Token: clients.Basic(user, secret), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return at(t, source.HTTP(), server.URL())
}

func ok[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func id(job string, number int) jenkins.BuildID { return jenkins.BuildID{Job: job, Number: number} }
