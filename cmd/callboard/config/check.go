package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
)

// Check reports what is not allowed in a configuration, such as one whose values were changed after it was loaded. The error joins
// one *Error for each key.
func (c Config) Check() error {
	var errs []error
	for _, problem := range c.problems() {
		errs = append(errs, problem)
	}
	return errors.Join(errs...)
}

func (c Config) problems() []*Error {
	var out []*Error
	var invalid validator.ValidationErrors
	if err := rules.Struct(c); errors.As(err, &invalid) {
		for _, e := range invalid {
			out = append(out, &Error{Key: keyOf(e), Problem: explain(e)})
		}
	}
	add := func(key, format string, args ...any) {
		out = append(out, &Error{Key: key, Problem: fmt.Sprintf(format, args...)})
	}
	checkSubgraphs("subgraphs", c.Subgraphs, add)
	for i, s := range c.Subgraphs {
		if slices.Contains(FirstParty, graphName(s.Name)) {
			add(fmt.Sprintf("subgraphs[%d].name", i), "%s is one of Callboard's own subgraphs: choose another name", s.Name)
		}
		if s.URL == "" {
			add(fmt.Sprintf("subgraphs[%d].url", i), "is missing: say where the subgraph answers")
		}
	}
	c.checkSources(add)
	c.checkAccess(add)
	checkSubgraphs("gateway.subgraphs", c.Gateway.Subgraphs, add)
	for i, s := range c.Gateway.Subgraphs {
		if s.Schema != "" {
			add(fmt.Sprintf("gateway.subgraphs[%d].schema", i), "is not used here: the supergraph holds the schema")
		}
	}
	return out
}

// checkSources finds what is wrong between sources, and between the keys of one.
func (c Config) checkSources(add func(key, format string, args ...any)) {
	named, hosts := map[string]bool{}, map[string]string{}
	for i, s := range c.Sources {
		at := func(key string) string { return fmt.Sprintf("sources[%d].%s", i, key) }
		if named[strings.ToLower(s.Name)] {
			add(at("name"), "is the name of another source: choose another")
		}
		named[strings.ToLower(s.Name)] = true
		if u, err := url.Parse(s.URL); err == nil && s.URL != "" {
			page := strings.ToLower(u.Host) + strings.TrimRight(u.Path, "/")
			if other, taken := hosts[page]; taken {
				add(at("url"), "is where the source %s has its pages: two sources cannot answer for the same repositories", other)
			}
			hosts[page] = s.Name
		}
		for n, r := range s.Reports {
			if err := (reports.Rule{Artifact: r.Artifact, Files: r.Files, Kind: r.Kind, Format: r.Format, Flag: r.Flag}).Check(); err != nil {
				add(at(fmt.Sprintf("reports[%d]", n)), "%s", strings.TrimPrefix(err.Error(), "a rule for reports: "))
			}
		}
		if s.Announce.As != "none" && c.PublicURL == "" {
			add(at("announce"), "needs publicURL, so that there is something to link to")
		}
		if s.Announce.As != "none" && len(s.Announce.Repositories) == 0 {
			add(at("announce.repositories"), "is missing: say for which repositories, such as larkfold/*")
		}
		app := s.App != (App{})
		if app && (s.App.ID == 0 || s.App.Installation == 0 || s.App.Key == "") {
			add(at("app"), "needs id, installation and key")
		}
		if app && s.Kind != "github" {
			add(at("app"), "is for GitHub alone: give a token")
		}
		if app && s.Token.Reveal() != "" {
			add(at("app"), "stands beside a token: keep one of the two")
		}
		switch token := s.Token.Reveal() != ""; {
		case s.Kind != "jenkins" && s.User != "":
			add(at("user"), "is for Jenkins alone: remove it")
		case s.Kind == "jenkins" && token && s.User == "":
			add(at("user"), "is missing: an API token of Jenkins is that of a user")
		case s.Kind == "jenkins" && !token && s.User != "":
			add(at("token"), "is missing: give an API token of the user")
		}
		if s.Kind == "jenkins" && len(s.Discover.Groups) > 0 {
			add(at("discover"), "is for repository hosts alone: Jenkins keeps no catalog files")
		}
	}
	r := c.Cache.Redis
	if r.Cluster && r.Master != "" {
		add("cache.redis.cluster", "stands beside master, which is for Sentinel: keep one of the two")
	}
	if r.Cluster && r.Database != 0 {
		add("cache.redis.database", "is not possible in a cluster, which has one database")
	}
	if len(r.Addresses) == 0 && (r.Cluster || r.Master != "") {
		add("cache.redis.addresses", "is missing: say where Redis is")
	}
}

// checkAccess finds what is wrong between tokens.
func (c Config) checkAccess(add func(key, format string, args ...any)) {
	if slices.Contains(c.Access.Anonymous, string(access.UploadReports)) {
		add("access.anonymous", "cannot have %s: whoever reads reports has to know whom they are from, and any web page could send some; give it to a token", access.UploadReports)
	}
	names, tokens := map[string]bool{}, map[string]bool{}
	for i, t := range c.Access.Tokens {
		if names[strings.ToLower(t.Name)] || strings.EqualFold(t.Name, access.Anonymous) {
			add(fmt.Sprintf("access.tokens[%d].name", i), "is the name of another: choose another")
		}
		names[strings.ToLower(t.Name)] = true
		switch secret := t.Token.Reveal(); {
		case secret == hidden, secret == "": // as Effective prints it, and where there is none: nobody has either
		case len(secret) < minToken:
			add(fmt.Sprintf("access.tokens[%d].token", i), "has less than %d bytes, and can be guessed: openssl rand -hex 32 makes one that cannot", minToken)
		case tokens[secret]:
			add(fmt.Sprintf("access.tokens[%d].token", i), "is that of another: nobody could tell who gives it")
		default:
			tokens[secret] = true
		}
	}
}

// minToken is how short a token may be, in bytes: 16 digits in hexadecimal are 64 bits, which nobody guesses over a network.
const minToken = 16

func permissions() string {
	var out []string
	for _, p := range access.Permissions() {
		out = append(out, string(p))
	}
	return strings.Join(out, ", ")
}

func isPermission(value string) bool {
	return slices.Contains(access.Permissions(), access.Permission(value))
}

// checkSubgraphs finds what is wrong between the entries of a list, and between the fields of one entry.
func checkSubgraphs(path string, list []Subgraph, add func(key, format string, args ...any)) {
	first := map[string]string{}
	for i, s := range list {
		if other, taken := first[graphName(s.Name)]; taken && s.Name != "" {
			add(fmt.Sprintf("%s[%d].name", path, i), "%s and %s are one name in a graph: choose another", s.Name, other)
		}
		first[graphName(s.Name)] = s.Name
		set := map[string]string{}
		for _, name := range sortedNames(s.Headers) {
			canonical := textproto.CanonicalMIMEHeaderKey(name)
			if other, taken := set[canonical]; taken {
				add(fmt.Sprintf("%s[%d].headers[%s]", path, i, name), "is the header %s again", other)
			}
			set[canonical] = name
		}
		for n, name := range s.ForwardHeaders {
			if _, taken := set[textproto.CanonicalMIMEHeaderKey(name)]; taken {
				add(fmt.Sprintf("%s[%d].forwardHeaders[%d]", path, i, n), "%s is also set under headers: remove one of the two", name)
			}
		}
	}
}

// graphName folds the names that become one in a supergraph's enum of subgraphs.
func graphName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "_")) }

func sortedNames(headers map[string]Secret) []string {
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// keyOf is the path of the key that an error is about, as the file has it.
func keyOf(e validator.FieldError) string {
	return strings.TrimPrefix(e.Namespace(), reflect.TypeFor[Config]().Name()+".")
}

// explain says what is allowed. It prints no value: one may have come from the environment.
func explain(e validator.FieldError) string {
	if own, ok := allowed[e.Tag()]; ok {
		return "want " + own.want
	}
	switch e.Tag() {
	case "oneof":
		return "want one of " + strings.Join(strings.Fields(e.Param()), ", ")
	case "gt":
		return "must be more than " + e.Param()
	case "gte":
		return "must be " + e.Param() + " or more"
	case "required":
		if e.Field() == "state" {
			return "is not known: the environment sets neither XDG_STATE_HOME nor HOME, so name a folder"
		}
		return "is missing"
	}
	panic("config: bug: no words for the rule " + e.Tag())
}

// allowed are the rules that the validator does not bring along.
var allowed = map[string]struct {
	want  string
	holds func(value string) bool
}{
	"address":     {"HOST:PORT, such as localhost:4000 or :4000; port 0 picks a free one", isAddress},
	"allowedhost": {"the name of a host without scheme, port and path, such as callboard.example.com, or \"*\" for any", isAllowedHost},
	"origin":      {"one origin, such as https://portal.example.com; there is no wildcard", isOrigin},
	"endpoint":    {"an http or https URL without user, password and fragment; credentials belong under headers", isEndpoint},
	"subgraph":    {"a name of letters, digits, - and _ that starts with a letter, 1 to 63 characters", subgraphName.MatchString},
	"source":      {"a name of letters, digits, ., - and _ that starts with a letter or a digit, 1 to 100 characters", sourceName.MatchString},
	"user":        {"the ID of a user, in one line and without colons", isUser},
	"store":       {"the address of a PostgreSQL database, such as postgres://USER:PASSWORD@HOST:5432/DATABASE, or nothing", isStore},
	"prefix":      {"a range of addresses, such as 127.0.0.0/8 or fd00::/8", isPrefix},
	"header":      {"the name of an HTTP header that is not one of the connection's own", isHeader},
	"permission":  {"a permission: " + permissions(), isPermission},
	"headervalue": {"a header's value: one line of text", isHeaderValue},
}

// rules is safe for concurrent use once built.
var rules = func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(field reflect.StructField) string { return field.Tag.Get("yaml") })
	v.RegisterCustomTypeFunc(func(value reflect.Value) any { return value.Interface().(Secret).Reveal() }, Secret{})
	for tag, rule := range allowed {
		err := v.RegisterValidation(tag, func(field validator.FieldLevel) bool { return rule.holds(field.Field().String()) }, true)
		if err != nil {
			panic("config: bug: registering the rule " + tag + ": " + err.Error())
		}
	}
	return v
}()

var (
	subgraphName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
	sourceName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	hostName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	headerName   = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
)

func isAddress(value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err != nil || host != "" && !isHost(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

func isHost(value string) bool {
	_, err := netip.ParseAddr(value)
	return err == nil || hostName.MatchString(value)
}

func isPrefix(value string) bool {
	_, err := netip.ParsePrefix(value)
	return err == nil
}

func isAllowedHost(value string) bool { return value == "*" || isHost(value) }

func isOrigin(value string) bool {
	u, err := url.Parse(value)
	return err == nil && isHTTP(u) && value == u.Scheme+"://"+u.Host
}

func isEndpoint(value string) bool {
	u, err := url.Parse(value)
	return err == nil && isHTTP(u) && u.User == nil && !strings.Contains(value, "#")
}

// isStore also takes the stars that Effective prints, as what it prints is a configuration.
func isStore(value string) bool {
	u, err := url.Parse(value)
	return value == hidden || err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && (u.Host != "" || u.Query().Get("host") != "")
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// connectionHeaders belong to the connection or the request body, not to what is asked (RFC 9110, 7.6.1).
var connectionHeaders = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func isHeader(value string) bool {
	return headerName.MatchString(value) && !slices.Contains(connectionHeaders, textproto.CanonicalMIMEHeaderKey(value))
}

// isUser tells whether Basic authentication can name the user (RFC 7617, 2).
func isUser(value string) bool { return isHeaderValue(value) && !strings.Contains(value, ":") }

func isHeaderValue(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
