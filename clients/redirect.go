package clients

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// maxRedirects is how often an answer may lead on: a renamed repository of a renamed organisation takes two.
const maxRedirects = 5

// sameHost is for http.Client.CheckRedirect. A redirect to another host is the answer, for the caller to decide on: the credential must not
// go there. See Source.Elsewhere.
func (s *Source) sameHost(r *http.Request, via []*http.Request) error {
	if !s.settings.own(r.URL) {
		return http.ErrUseLastResponse
	}
	return s.boundRedirects(via)
}

func (s *Source) boundRedirects(via []*http.Request) error {
	if len(via) > maxRedirects {
		return &Error{Kind: ErrBadAnswer, Source: s.settings.Name, Message: "its answers lead from one address to the next without end; check the address that is configured"}
	}
	return nil
}

// Elsewhere asks for what lies at an address of another host that the source named, such as the short-lived address of a log, without a
// credential. Neither loopback nor private addresses are connected to, but for those in Settings.Allow: the address is the upstream's word, not
// the operator's. The body is handed on as it comes, is bounded by Settings.MaxStream, and must be closed.
//
// Nothing of the address but its host is in an error, span, metric or log, as it often is a secret in itself. Refusals are errors as those of HTTP are.
func (s *Source) Elsewhere(ctx context.Context, address *url.URL) (*http.Response, error) {
	name := s.settings.Name
	if address == nil || address.Scheme != "https" && address.Scheme != s.settings.Address.Scheme || address.Host == "" {
		return nil, &Error{Kind: ErrBadAnswer, Source: name, Message: "it named an address that cannot be fetched safely"}
	}
	bare := *address
	bare.User = nil
	r, err := http.NewRequestWithContext(WithStream(ctx), http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, &Error{Kind: ErrBadAnswer, Source: name, Message: "it named an address that cannot be read"}
	}
	r.Header.Set("User-Agent", agent)
	client := &http.Client{Transport: s.elsewhere(s.foreign), CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != via[0].URL.Scheme {
			return &Error{Kind: ErrBadAnswer, Source: name, Message: "the address it named leads to one that cannot be fetched safely"}
		}
		r.Header.Del("Referer") // net/http would tell the next host the address
		return s.boundRedirects(via)
	}}
	resp, err := client.Do(r)
	var outer *url.Error
	if errors.As(err, &outer) { // its text has the address
		err = outer.Err
	}
	if err != nil {
		return nil, failure(name, err)
	}
	return resp, nil
}

// elsewhere names the links of a request to another host.
func (s *Source) elsewhere(network http.RoundTripper) http.RoundTripper {
	set := &s.settings
	return join(network,
		(&judgement{set.Name, false}).pass,
		(&patience{set.Timeout}).pass,
		s.bulkhead.pass,
		(&telemetry{set.Name, s.shared.Observe, s.tracer()}).pass,
		(&sizes{set.Name, set.MaxAnswer, set.MaxStream}).pass,
		(&attempt{set.Name, set.AttemptTimeout}).pass,
	)
}
