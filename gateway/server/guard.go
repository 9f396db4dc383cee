package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// hostList is the names by which clients may call this server.
type hostList struct {
	any   bool
	names map[string]bool
}

func newHostList(names []string) hostList {
	l := hostList{names: map[string]bool{}}
	for _, name := range names {
		if name == "*" {
			l.any = true
		}
		if name = hostName(name); name != "" {
			l.names[name] = true
		}
	}
	return l
}

// allows tells whether a client may call this server by the host. A page that has its own name resolve to our address (DNS rebinding) gets
// a browser to send requests here as if they were to the page's own site; but they carry the page's name.
func (l hostList) allows(host string, local net.Addr) bool {
	name := hostName(host)
	if l.any || l.names[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	if ip.Unmap().IsLoopback() {
		return true
	}
	if tcp, ok := local.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("") == ip.Unmap().WithZone("")
	}
	return false
}

// hostName returns the name in a Host header: lower case, without port, brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// onlyAllowedHosts refuses requests that call the server by another's name.
func (s *Server) onlyAllowedHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admits(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// admits tells whether the request calls the server by one of its names, and refuses it otherwise.
func (s *Server) admits(w http.ResponseWriter, r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if s.hosts.allows(r.Host, local) {
		return true
	}
	s.metrics.refused(CodeHost)
	s.log.Info("refused", "code", CodeHost, "path", r.URL.Path)
	problem := refusal{status: http.StatusForbidden, code: CodeHost,
		message: "this server does not go by the name in the Host header: an operator can add it to the allowed hosts"}
	problem.write(w, mediaJSON)
	return false
}

func newOriginList(origins []string) map[string]bool {
	list := map[string]bool{}
	for _, o := range origins {
		if canonical, ok := canonicalOrigin(o); ok {
			list[canonical] = true
		}
	}
	return list
}

// canonicalOrigin returns the origin in lower case and without the port its scheme implies.
func canonicalOrigin(origin string) (string, bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", false
	}
	return strings.ToLower(u.Scheme) + "://" + canonicalHost(u.Scheme, u.Host), true
}

// canonicalHost returns the host in lower case and without the port the scheme implies.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch strings.ToLower(scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// checkOrigin refuses the requests of pages that are neither ours nor on the list. Browsers set Origin and no page can change it; clients
// that are not browsers send none.
func (s *Server) checkOrigin(r *http.Request) *refusal {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	if len(origins) == 1 {
		if canonical, ok := canonicalOrigin(origins[0]); ok {
			scheme, host, _ := strings.Cut(canonical, "://")
			// The scheme is not compared: behind a proxy that ends TLS this server does not know its own. The host was checked before.
			if s.origins[canonical] || (scheme == "http" || scheme == "https") && host == canonicalHost(scheme, r.Host) {
				return nil
			}
		}
	}
	return &refusal{status: http.StatusForbidden, code: CodeOrigin,
		message: "pages of this origin may not use this server: an operator can add it to the allowed origins"}
}

// preflightAge is for how many seconds a browser may remember that an origin is allowed; browsers cap it at two hours or less.
const preflightAge = "7200"

// cors adds the headers that let an allowed origin read the answer. Without an Origin header, or for our own pages, they do nothing.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header[headerVary] = append(header[headerVary], "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	if canonical, ok := canonicalOrigin(origin); !ok || !s.origins[canonical] {
		return
	}
	// No Access-Control-Allow-Credentials: requests from other origins carry a token or nothing, never a cookie.
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
}

// preflight answers OPTIONS, by which a browser asks before it sends what an allowed origin wants to send.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Allow", allMethods)
	if header.Get("Access-Control-Allow-Origin") != "" && r.Header.Get("Access-Control-Request-Method") != "" {
		header.Set("Access-Control-Allow-Methods", "GET, POST")
		header.Set("Access-Control-Max-Age", preflightAge)
		header.Add("Vary", "Access-Control-Request-Headers")
		if asked := r.Header.Get("Access-Control-Request-Headers"); isTokenList(asked) {
			header.Set("Access-Control-Allow-Headers", asked)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// isTokenList tells whether the text is made of what header names and the commas between them are made of, and nothing else.
func isTokenList(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!#$%&'*+^`|~, ", c) >= 0) {
			return false
		}
	}
	return text != ""
}

// preflightHeaders cannot be set by a page of another origin unless this server allowed it in a preflight. Their values mean nothing here.
var preflightHeaders = []string{"GraphQL-Require-Preflight", "GraphQL-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With"}

// checkForgery refuses a GET that a page of another origin could get a browser to send without asking first, as it does for an image. A
// POST needs no such guard, as it must declare JSON, for which browsers ask.
func checkForgery(r *http.Request) *refusal {
	if r.Header.Get("Content-Type") != "" { // only JSON got this far, and that needs a preflight
		return nil
	}
	for _, name := range preflightHeaders {
		if r.Header.Get(name) != "" {
			return nil
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") { // set by the browser alone: a page of ours, or somebody who typed the address
	case "same-origin", "none":
		return nil
	}
	return &refusal{status: http.StatusForbidden, code: CodeCSRF,
		message: "a page of another site could have made a browser send this: add a header such as GraphQL-Require-Preflight: 1, or use POST"}
}

// securityHeaders sets what no answer should go without. The playground sets a content policy of its own.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

// securityFields are set on every answer.
var securityFields = []struct {
	name  string
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
}

func setSecurityHeaders(header http.Header) {
	for i := range securityFields {
		header[securityFields[i].name] = securityFields[i].value
	}
}
