package clients

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits says how a vendor announces its rate limits. The zero value knows Retry-After alone.
type Limits struct {
	// Resource names the budget a request is charged to where WithCost does not say; nil means that there is one budget, named "".
	Resource func(r *http.Request) string
	// Read reads what an answer says about limits. The body is nil where it is handed on as it comes. Nil means RetryAfterLimits.
	Read func(resp *http.Response, body []byte, now time.Time) Reading
}

// Reading is what one answer says about limits.
type Reading struct {
	// Budget is what the answer announces; one whose Limit is 0 announces nothing, and absent headers are not zeros.
	Budget Budget
	// Limited tells that the answer is a refusal because of a limit, whatever its status.
	Limited bool
	// Wait is how long the vendor says not to ask, 0 where it does not say.
	Wait time.Duration
	// Whole tells that the refusal holds for all the credential may ask, not for one resource.
	Whole bool
}

// Bounds of what is believed. By judgement: no vendor's window is longer than an hour, and a wait of two is past anything that is no mistake.
const (
	maxWait         = 2 * time.Hour
	maxResourceName = 40
	// maxLimitText bounds the answers that are searched for words about limits: refusals are short.
	maxLimitText = 64 << 10
)

// GitHubLimits reads the limits of GitHub and GitHub Enterprise.
//
// Its ways, from "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL API" in GitHub's documentation: the headers
// x-ratelimit-limit, -remaining, -used, -reset (in seconds since 1970) and -resource are on every answer where limits are on. An exhausted
// primary limit is a 403 or 429 with 0 remaining, and over GraphQL a 200 with errors. Secondary limits are a 403 or 429, or over GraphQL a 200,
// with words that say so and maybe retry-after.
var GitHubLimits = Limits{Resource: gitHubResource, Read: readGitHub}

func gitHubResource(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	switch {
	case strings.HasSuffix(path, "/graphql"):
		return "graphql"
	case strings.HasPrefix(path, "/search/code"):
		return "code_search"
	case strings.HasPrefix(path, "/search/"):
		return "search"
	}
	return "core"
}

func readGitHub(resp *http.Response, body []byte, now time.Time) Reading {
	h := resp.Header
	var out Reading
	limit, known := number(h.Get("X-Ratelimit-Limit"))
	remaining, left := number(h.Get("X-Ratelimit-Remaining"))
	reset, resets := number(h.Get("X-Ratelimit-Reset"))
	if known && left && resets && limit > 0 {
		used, _ := number(h.Get("X-Ratelimit-Used"))
		out.Budget = Budget{Resource: resourceName(h.Get("X-Ratelimit-Resource")), Limit: int(limit), Remaining: int(min(remaining, limit)), Used: int(used),
			ResetsAt: moment(reset, h, now), At: now}
	}
	words := limitWords(resp, body)
	switch resp.StatusCode {
	case http.StatusOK:
		out.Limited = words != notLimited
	case http.StatusForbidden:
		out.Limited = words != notLimited || h.Get("Retry-After") != "" || left && remaining == 0
	case http.StatusTooManyRequests:
		out.Limited = true
	}
	if !out.Limited {
		return out
	}
	wait, said := retryAfter(h, now)
	switch {
	case said:
		out.Wait, out.Whole = wait, true
	case words != secondary && left && remaining == 0 && resets:
		out.Wait = moment(reset, h, now).Sub(now)
	default:
		out.Whole = true
	}
	return out
}

// The kinds of words about limits.
type limitKind int

const (
	notLimited limitKind = iota
	primary
	secondary
)

// limitWords finds what a refusal says in words. Only what GitHub puts in the places of messages counts: the text of a file in an answer may
// hold the same words.
func limitWords(resp *http.Response, body []byte) limitKind {
	if len(body) > maxLimitText || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return notLimited
	}
	if !bytes.Contains(body, []byte("rate limit")) && !bytes.Contains(body, []byte("RATE_LIMIT")) && !bytes.Contains(body, []byte("abuse")) {
		return notLimited
	}
	var answer struct {
		Data    json.RawMessage `json:"data"`
		Message string          `json:"message"`
		Errors  []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Data) > 0 && string(answer.Data) != "null" {
		return notLimited
	}
	graphql := resp.Request != nil && resp.Request.URL != nil && gitHubResource(resp.Request) == "graphql"
	if resp.StatusCode == http.StatusOK && !graphql {
		return notLimited
	}
	found := wordsOf(answer.Message)
	for _, e := range answer.Errors {
		if kind := wordsOf(e.Message); kind > found {
			found = kind
		}
		if strings.HasPrefix(e.Type, "RATE_LIMIT") && found == notLimited { // RATE_LIMITED, and RATE_LIMIT in some answers
			found = primary
		}
	}
	return found
}

func wordsOf(message string) limitKind {
	switch message = strings.ToLower(message); {
	case strings.Contains(message, "secondary rate limit"), strings.Contains(message, "abuse detection"):
		return secondary
	case strings.Contains(message, "rate limit exceeded"), strings.Contains(message, "rate limit already exceeded"), strings.Contains(message, "exceeded a rate limit"):
		return primary
	}
	return notLimited
}

// GitLabLimits reads the limits of GitLab: RateLimit-Limit, -Remaining and -Reset (in seconds since 1970), RateLimit-Name, and Retry-After on a
// 429 ("Rate limits" in GitLab's documentation). Instances set them as they like, or not at all.
var GitLabLimits = Limits{Resource: gitLabResource, Read: readGitLab}

func gitLabResource(*http.Request) string { return gitLabResourceName }

// gitLabResourceName stands for the general limits of the API; a request cannot know which of them it falls under.
const gitLabResourceName = "api"

func readGitLab(resp *http.Response, _ []byte, now time.Time) Reading {
	h := resp.Header
	var out Reading
	limit, known := number(h.Get("Ratelimit-Limit"))
	remaining, left := number(h.Get("Ratelimit-Remaining"))
	reset, resets := number(h.Get("Ratelimit-Reset"))
	if known && left && resets && limit > 0 {
		name := resourceName(h.Get("Ratelimit-Name"))
		switch name {
		case "", "throttle_authenticated_api", "throttle_unauthenticated_api":
			name = gitLabResourceName
		}
		used, said := number(h.Get("Ratelimit-Observed"))
		if !said {
			used = limit - min(remaining, limit)
		}
		out.Budget = Budget{Resource: name, Limit: int(limit), Remaining: int(min(remaining, limit)), Used: int(used), ResetsAt: moment(reset, h, now), At: now}
	}
	if resp.StatusCode != http.StatusTooManyRequests {
		return out
	}
	out.Limited, out.Whole = true, true
	if wait, said := retryAfter(h, now); said {
		out.Wait = wait
	} else if resets {
		out.Wait = moment(reset, h, now).Sub(now)
	}
	return out
}

// RetryAfterLimits reads what any server may say: a 429 with or without Retry-After.
var RetryAfterLimits = Limits{Read: readRetryAfter}

func readRetryAfter(resp *http.Response, _ []byte, now time.Time) Reading {
	if resp.StatusCode != http.StatusTooManyRequests {
		return Reading{}
	}
	wait, _ := retryAfter(resp.Header, now)
	return Reading{Limited: true, Wait: wait, Whole: true}
}

// retryAfter reads Retry-After, which is in seconds or a date, and tells whether there is one that can be read.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if seconds, ok := number(text); ok {
		return time.Duration(max(min(seconds, int64(maxWait/time.Second)), 1)) * time.Second, true // to come back at once is no wait
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(within(at.Sub(serverTime(h, now))), time.Second), true
	}
	return 0, false
}

// moment turns a vendor's reset into a time of this machine's clock. Numbers too small to be a date of our time are seconds from now, as in the IETF's drafts.
func moment(reset int64, h http.Header, now time.Time) time.Time {
	if reset < 1e8 {
		return now.Add(within(time.Duration(reset) * time.Second))
	}
	return now.Add(within(time.Unix(reset, 0).Sub(serverTime(h, now))))
}

// serverTime is the time of the server's clock as it answered, so that a difference between clocks does not lengthen or shorten a wait.
func serverTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

func within(d time.Duration) time.Duration { return min(max(d, 0), maxWait) }

// number reads a count that is not negative; what follows a comma or semicolon are parameters of the IETF's drafts.
func number(text string) (int64, bool) {
	if i := strings.IndexAny(text, ",;"); i >= 0 {
		text = text[:i]
	}
	text = strings.TrimSpace(text)
	if len(text) == 0 || len(text) > 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err == nil
}

// resourceName returns the name if it is one that can be shown, "" if not.
func resourceName(text string) string {
	if len(text) > maxResourceName {
		return ""
	}
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return ""
		}
	}
	return text
}
