package githubtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Token is a credential of a user or of an installation of an app.
type Token struct {
	Login       string            // the user; empty for an installation
	Scopes      []string          // of a classic token, such as "repo" and "read:org"; with nil Permissions, nil means all
	Permissions map[string]string // of a fine-grained token or an installation, such as "contents": "read"; with nil Scopes, nil means all
	Expires     time.Time         // never where zero
	Account     string            // of an installation: the account whose repositories it may see
	Bot         string            // of an installation: the login of its app, without "[bot]"
}

type token struct {
	Token
	user *User
	bot  any
}

// AddToken lets clients in that bear the text.
func (g *GitHub) AddToken(text string, t Token) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addToken(text, t)
}

func (g *GitHub) addToken(text string, t Token) error {
	one := &token{Token: t}
	switch {
	case text == "":
		return refuse("adding a token: it is empty")
	case t.Login != "":
		if one.user = g.state.users[strings.ToLower(t.Login)]; one.user == nil {
			return fmt.Errorf("adding a token of %q: %w", t.Login, ErrUnknown)
		}
	default:
		if g.account(t.Account) == nil {
			return fmt.Errorf("adding a token of an installation in %q: %w", t.Account, ErrUnknown)
		}
		name := t.Bot
		if name == "" {
			name = "callboard"
		}
		var err error
		if one.bot, err = g.actor(name + "[bot]"); err != nil {
			return err
		}
	}
	g.state.tokens[text] = one
	return nil
}

// RevokeToken keeps out who bears the text.
func (g *GitHub) RevokeToken(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.state.tokens, text)
}

// call is one request, and who makes it.
type call struct {
	ctx    context.Context
	g      *GitHub
	token  *token // nil for nobody
	base   string // what addresses of the API begin with, as the client wrote it
	spends string // whose budget it is
	body   []byte // of a POST

	cost, nodes int      // of a GraphQL operation
	budget      standing // of a GraphQL operation, once it is charged
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// user returns who calls, nil for nobody and for apps.
func (c *call) user() *User {
	if c.token == nil {
		return nil
	}
	return c.token.user
}

// who returns who changes something: a *User or a *bot.
func (c *call) who() any {
	if c.token.user == nil {
		return c.token.bot
	}
	return c.token.user
}

// sees reports whether a repository is there for whoever calls.
func (c *call) sees(r *Repository) bool {
	switch {
	case r == nil:
		return false
	case !r.IsPrivate():
		return true
	case c.token == nil:
		return false
	case c.token.user == nil:
		return strings.EqualFold(c.token.Account, ownerLogin(r.owner))
	case c.token.Scopes != nil && !slices.Contains(c.token.Scopes, "repo"):
		return false
	}
	return c.g.permission(c.token.user, r) != ""
}

// may returns what whoever calls may do in a repository.
func (c *call) may(r *Repository) string {
	if c.token != nil && c.token.user == nil {
		if strings.EqualFold(c.token.Account, ownerLogin(r.owner)) {
			return "WRITE"
		}
		return ""
	}
	return c.g.permission(c.user(), r)
}

// granted reports whether a fine-grained token or an installation has a permission, such as "members", and any other token.
func (c *call) granted(permission string) bool {
	return c.token == nil || c.token.Permissions == nil || c.token.Permissions[permission] != ""
}

// lacks returns the scopes of which a classic token would need one and has none.
func (c *call) lacks(anyOf ...string) bool {
	if c.token == nil || c.token.Scopes == nil {
		return false
	}
	for _, s := range anyOf {
		if slices.Contains(c.token.Scopes, s) {
			return false
		}
	}
	return true
}

// errCredentials says that there are credentials, and that they are none of ours.
var errCredentials = &restError{status: http.StatusUnauthorized, message: "Bad credentials"}

// authenticate finds out who calls. The lock is held.
func (g *GitHub) authenticate(r *http.Request, c *call) error {
	header := r.Header.Get("Authorization")
	kind, text, _ := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	switch strings.ToLower(kind) {
	case "":
		host, _, _ := strings.Cut(r.RemoteAddr, ":")
		c.spends = "ip " + host
		return nil
	case "bearer", "token":
	case "basic": // any name, and the token as the password
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errCredentials
		}
		_, text, _ = strings.Cut(string(raw), ":")
	default:
		return errCredentials
	}
	t := g.state.tokens[text]
	if t == nil || !t.Expires.IsZero() && !g.settings.Now().Before(t.Expires) {
		return errCredentials
	}
	c.token = t
	c.spends = "installation " + t.Account
	if t.user != nil {
		c.spends = "user " + itoa(t.user.DatabaseID)
	}
	return nil
}
