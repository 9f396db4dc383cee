package jenkins

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"callboard.dev/callboard/clients"
)

// crumbed makes a request that changes something. Jenkins does it at once for who comes with an API token. Who comes with a password has to send
// a crumb along, and the cookie of the session that the crumb was given in, and is else refused with 403 before anything was done; an answer
// tells nothing else than what one without the permission does. So where a request is refused a crumb is asked for, and it is made once more;
// and once a crumb has helped, it is asked for before.
//
// Neither crumb nor session is kept: the client may serve many people, and a session is as good as the password it was begun with.
func (c *Client) crumbed(ctx context.Context, post func(http.Header) (*http.Response, error)) (*http.Response, error) {
	if c.crumbs.Load() {
		header, err := c.crumb(ctx)
		if err == nil {
			return post(header)
		}
		if !errors.Is(err, clients.ErrNotFound) {
			return nil, err
		}
		c.crumbs.Store(false) // they were switched off
	}
	resp, refusal := post(nil)
	if e := clients.Of(refusal); e == nil || e.Kind != clients.ErrForbidden || e.Status != http.StatusForbidden {
		return resp, refusal
	}
	header, err := c.crumb(ctx)
	if err != nil {
		return nil, refusal // it wants none, or gives none: the refusal was meant
	}
	resp, err = post(header)
	if err == nil {
		c.crumbs.Store(true)
	}
	return resp, err
}

// crumb asks for a crumb and returns the headers that carry it. It makes one request.
func (c *Client) crumb(ctx context.Context) (http.Header, error) {
	var w struct{ Crumb, CrumbRequestField string }
	var cookies []string
	err := c.readWith(ctx, "/crumbIssuer/api/json", "crumbIssuer/api/json", "crumb,crumbRequestField", &w, func(resp *http.Response) {
		const most = 10
		for _, cookie := range resp.Cookies() {
			if len(cookies) < most {
				cookies = append(cookies, (&http.Cookie{Name: cookie.Name, Value: cookie.Value}).String())
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if !strings.Contains(strings.ToLower(w.CrumbRequestField), "crumb") || !token(w.CrumbRequestField) || !token(w.Crumb) {
		return nil, bad(c.source, "its answer is not what it should be: a crumb that cannot be sent")
	}
	header := http.Header{}
	header.Set(w.CrumbRequestField, w.Crumb)
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; "))
	}
	return header, nil
}

// token reports whether a text may be the name or, of a crumb, the value of a header.
func token(text string) bool {
	const most = 1024
	return text != "" && len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r == '-' || r == '.' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
}
