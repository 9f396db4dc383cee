package clients

import (
	"net/http"
	"net/url"
	"strings"
)

// admission lets through what goes to the source's own hosts, and takes away every credential that is not the source's: answers are remembered
// and shared by the credential they were read with, so there must be no second one. The cookie of a POST stays: its answer is neither remembered
// nor shared, and Jenkins takes a crumb in the session alone that it was given in.
type admission struct{ settings *Settings }

// agent is what the source sees us as where the client library does not say; GitHub refuses requests without it.
const agent = "Callboard"

// foreignHeaders are taken out of requests: credentials, what net/http does itself, and where a redirect came from, which changes no answer.
var foreignHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Private-Token", "Job-Token", "Deploy-Token", "Accept-Encoding", "Referer"}

func (a *admission) pass(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := a.admit(r, next)
	if err != nil && r.Body != nil {
		r.Body.Close() // where a link above the network refuses, nobody else does
	}
	return resp, err
}

func (a *admission) admit(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if !a.settings.own(r.URL) {
		return nil, &Error{Kind: ErrForbidden, Source: a.settings.Name, ours: true,
			Message: "it is asked at its own address alone, and this request was for another host; check the address that is configured"}
	}
	scope, err := a.settings.Token.Scope(r.Context())
	if err != nil {
		return nil, credentialError(a.settings.Name, err)
	}
	ctx, p := withPassage(r.Context())
	p.scope = scope
	out := r.Clone(ctx)
	out.URL.User, out.URL.Fragment, out.URL.RawFragment = nil, "", ""
	out.Host = ""
	for _, name := range foreignHeaders {
		if name != "Cookie" || r.Method != http.MethodPost {
			out.Header.Del(name)
		}
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", agent)
	}
	resp, err := next.RoundTrip(out)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// own tells whether the address is one of the source's.
func (s *Settings) own(u *url.URL) bool {
	if u == nil || !strings.EqualFold(u.Scheme, s.Address.Scheme) {
		return false
	}
	host := hostPort(u)
	if host == hostPort(s.Address) {
		return true
	}
	for _, further := range s.Hosts {
		if host == hostPort(&url.URL{Scheme: s.Address.Scheme, Host: further}) {
			return true
		}
	}
	return false
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "443"; strings.EqualFold(u.Scheme, "http") {
			port = "80"
		}
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}
