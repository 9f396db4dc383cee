package entitycache

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

// control is what the header of an answer says, by RFC 9111 and RFC 5861. Where it contradicts itself, or cannot be understood, it is taken for the strictest.
type control struct {
	aged       bool          // it says for how long
	maxAge     time.Duration // from now on
	never      bool          // it says that the answer is not to be remembered
	private    bool
	revalidate time.Duration
	onError    time.Duration
	strict     bool     // it says that nothing old may be shown
	vary       []string // canonical names of header fields of the request that decided it
}

// readControl reads a header, which may be nil.
func readControl(from *execute.Control) control {
	var c control
	if from == nil {
		return c
	}
	shared := false // s-maxage was there, which is for caches that serve several, such as this one
	for name, value := range directives(from.CacheControl) {
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			c.never = true
		case "private":
			c.private = true
		case "must-revalidate", "proxy-revalidate":
			c.strict = true
		case "s-maxage":
			if d := seconds(value); !shared || d < c.maxAge {
				c.maxAge = d
			}
			shared, c.aged = true, true
		case "max-age":
			if d := seconds(value); !shared && (!c.aged || d < c.maxAge) {
				c.aged, c.maxAge = true, d
			}
		case "stale-while-revalidate":
			c.revalidate = seconds(value)
		case "stale-if-error":
			c.onError = seconds(value)
		}
	}
	for name := range directives(from.Vary) {
		if name == "*" {
			c.never = true
		}
		c.vary = append(c.vary, http.CanonicalHeaderKey(name))
	}
	if from.Age != "" {
		age, more, several := strings.Cut(from.Age, ",")
		if c.maxAge -= seconds(strings.TrimSpace(age)); several && strings.TrimSpace(more) != "" {
			c.maxAge = 0
		}
		if _, err := strconv.ParseUint(strings.TrimSpace(age), 10, 64); err != nil {
			c.maxAge = 0 // nobody knows how old it is
		}
	}
	c.maxAge = max(c.maxAge, 0)
	if c.strict {
		c.revalidate, c.onError = 0, 0
	}
	return c
}

// maxSeconds is the longest time that a header can say: RFC 9111 has all beyond it be taken for it.
const maxSeconds = math.MaxInt32

// seconds reads a number of seconds; what is none is 0.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && len(text) > 0 && strings.Trim(text, "0123456789") == "" {
		n = maxSeconds
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}

// directives reads a list of names, some of which have a value, which may be quoted.
func directives(text string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for text != "" {
			text = strings.TrimLeft(text, " \t,")
			end := strings.IndexAny(text, "=, \t")
			if end < 0 {
				end = len(text)
			}
			name := text[:end]
			value := ""
			if text = strings.TrimLeft(text[end:], " \t"); strings.HasPrefix(text, "=") {
				value, text = token(strings.TrimLeft(text[1:], " \t"))
			}
			if name != "" && !yield(name, value) {
				return
			}
			if name == "" && value == "" && text != "" && text[0] != ',' {
				text = text[1:]
			}
		}
	}
}

// token reads a token or a quoted string.
func token(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ", \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}

// storable tells whether the header alone lets an answer be remembered.
func (c control) storable() bool { return c.aged && c.maxAge > 0 && !c.never }

// verdict is what may be done with an answer. One that may not be remembered is for nobody either who waits for the same: it may be private, or older than a
// change that who waits knows of.
type verdict struct {
	store  bool
	policy cache.Policy
}

// judge puts together what the schema and the header say of what was asked for, the stricter of the two.
func (c *call) judge(says plan.CachePolicy, header control) verdict {
	switch {
	case header.never:
		return verdict{}
	case header.private && !c.scope.present:
		return verdict{}
	case says.Public && len(c.headers) > 0 && (header.private || slices.ContainsFunc(header.vary, c.sends)):
		return verdict{} // the schema is wrong: others have the same key
	case !header.aged && header.revalidate == 0 && header.onError == 0:
		return verdict{store: says.MaxAge > 0, policy: bySchema(says)}
	}
	fresh := says.MaxAge
	if header.aged {
		if fresh = header.maxAge; says.Said {
			fresh = min(fresh, says.Most)
		}
	}
	return verdict{store: fresh > 0, policy: cache.Policy{Fresh: fresh, Absent: fresh, Revalidate: header.revalidate, OnError: header.onError}}
}

// sends tells whether the subgraph is sent a header field of the client's.
func (c *call) sends(name string) bool { return slices.Contains(c.headers, name) }
