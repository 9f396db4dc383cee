package clients_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
)

// answerOf makes the answer whose head is the text, with "METHOD URL" of its request.
func answerOf(t testing.TB, asked string, status int, head string) *http.Response {
	t.Helper()
	method, address, _ := strings.Cut(asked, " ")
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	headers, err := textproto.NewReader(bufio.NewReader(strings.NewReader(head + "\n\n"))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return &http.Response{StatusCode: status, Header: http.Header(headers), Request: r}
}

func TestLimits(t *testing.T) {
	epoch := noon.Add(10 * time.Minute).Unix()
	headers := func(remaining int, resource string) string {
		return fmt.Sprintf("x-ratelimit-limit: 5000\nx-ratelimit-remaining: %d\nx-ratelimit-used: %d\nx-ratelimit-reset: %d\nx-ratelimit-resource: %s", remaining, 5000-remaining, epoch, resource)
	}
	gitlab := func(remaining int) string {
		return fmt.Sprintf("RateLimit-Limit: 600\nRateLimit-Remaining: %d\nRateLimit-Observed: %d\nRateLimit-Reset: %d\nRateLimit-Name: throttle_authenticated_api", remaining, 600-remaining, epoch)
	}
	const (
		rest    = "GET https://api.github.com/repos/a/b"
		graphql = "POST https://api.github.com/graphql"
		lab     = "GET https://gitlab.com/api/v4/projects/1"
	)
	for _, c := range []struct {
		name   string
		limits clients.Limits
		asked  string
		status int
		head   string
		body   string
		want   string
	}{
		{"GitHub: all is well", clients.GitHubLimits, rest, 200, headers(4999, "core"), "{}", "core 4999/5000 used 1 resets 10m0s"},
		{"GitHub: nothing changed", clients.GitHubLimits, rest, 304, headers(4999, "core"), "", "core 4999/5000 used 1 resets 10m0s"},
		{"GitHub Enterprise: limits are off", clients.GitHubLimits, "GET https://github.example/api/v3/repos/a/b", 200, "", "{}", ""},
		{"GitHub: some headers are missing", clients.GitHubLimits, rest, 200, "x-ratelimit-remaining: 0", "{}", ""},
		{"GitHub: headers that are none", clients.GitHubLimits, rest, 200, "x-ratelimit-limit: many\nx-ratelimit-remaining: -1\nx-ratelimit-reset: soon", "{}", ""},
		{"GitHub: the primary limit over REST", clients.GitHubLimits, rest, 403, headers(0, "core"), `{"message":"API rate limit exceeded for user ID 1."}`, "core 0/5000 used 5000 resets 10m0s, limited for 10m0s"},
		{"GitHub: the primary limit as a 429", clients.GitHubLimits, rest, 429, headers(0, "core"), `{}`, "core 0/5000 used 5000 resets 10m0s, limited for 10m0s"},
		{"GitHub: the primary limit over GraphQL", clients.GitHubLimits, graphql, 200, headers(0, "graphql"), `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`, "graphql 0/5000 used 5000 resets 10m0s, limited for 10m0s"},
		{"GitHub: the last points over GraphQL", clients.GitHubLimits, graphql, 200, headers(0, "graphql"), `{"data":{"viewer":{}}}`, "graphql 0/5000 used 5000 resets 10m0s"},
		{"GitHub: the secondary limit, with a time", clients.GitHubLimits, rest, 403, headers(4000, "core") + "\nretry-after: 42", `{"message":"You have exceeded a secondary rate limit. Please wait."}`, "core 4000/5000 used 1000 resets 10m0s, limited wholly for 42s"},
		{"GitHub: the secondary limit, without", clients.GitHubLimits, rest, 403, headers(4000, "core"), `{"message":"You have exceeded a secondary rate limit. Please wait."}`, "core 4000/5000 used 1000 resets 10m0s, limited wholly"},
		{"GitHub: the secondary limit as a 429", clients.GitHubLimits, rest, 429, headers(4000, "core"), `busy`, "core 4000/5000 used 1000 resets 10m0s, limited wholly"},
		{"GitHub: the secondary limit over GraphQL", clients.GitHubLimits, graphql, 200, headers(4000, "graphql"), `{"message":"You have exceeded a secondary rate limit."}`, "graphql 4000/5000 used 1000 resets 10m0s, limited wholly"},
		{"GitHub: the secondary limit among errors", clients.GitHubLimits, graphql, 200, headers(0, "graphql"), `{"data":null,"errors":[{"message":"You have exceeded a secondary rate limit."}]}`, "graphql 0/5000 used 5000 resets 10m0s, limited wholly"},
		{"GitHub: its older words", clients.GitHubLimits, rest, 403, "", `{"message":"You have triggered an abuse detection mechanism."}`, "limited wholly"},
		{"GitHub: no permission", clients.GitHubLimits, rest, 403, headers(4000, "core"), `{"message":"Resource not accessible by integration"}`, "core 4000/5000 used 1000 resets 10m0s"},
		{"GitHub: a file that speaks of rate limits", clients.GitHubLimits, graphql, 200, headers(9, "graphql"), `{"data":{"repository":{"object":{"text":"You have exceeded a secondary rate limit. RATE_LIMITED"}}}}`, "graphql 9/5000 used 4991 resets 10m0s"},
		{"GitHub: an issue that speaks of rate limits", clients.GitHubLimits, rest, 200, headers(9, "core"), `{"message":"You have exceeded a secondary rate limit"}`, "core 9/5000 used 4991 resets 10m0s"},
		{"GitHub: a resource that is no name", clients.GitHubLimits, rest, 200, headers(9, "a b\"c"), `{}`, " 9/5000 used 4991 resets 10m0s"},
		{"GitHub: a wait without end", clients.GitHubLimits, rest, 429, "retry-after: 99999999999", ``, "limited wholly for 2h0m0s"},
		{"GitHub: no wait at all", clients.GitHubLimits, rest, 429, "retry-after: 0", ``, "limited wholly for 1s"},
		{"GitHub: its clock is ahead", clients.GitHubLimits, rest, 200, strings.Replace(headers(1, "core"), fmt.Sprint(epoch), fmt.Sprint(epoch+3600), 1) + "\nDate: " + noon.Add(time.Hour).Format(http.TimeFormat), "", "core 1/5000 used 4999 resets 10m0s"},
		{"GitHub: a reset in the far future", clients.GitHubLimits, rest, 200, strings.Replace(headers(1, "core"), fmt.Sprint(epoch), "999999999999", 1), "", "core 1/5000 used 4999 resets 2h0m0s"},
		{"GitHub: a reset that has been", clients.GitHubLimits, rest, 200, strings.Replace(headers(1, "core"), fmt.Sprint(epoch), "1700000000", 1), "", "core 1/5000 used 4999 resets 0s"},
		{"GitLab: all is well", clients.GitLabLimits, lab, 200, gitlab(599), "", "api 599/600 used 1 resets 10m0s"},
		{"GitLab: limits are off", clients.GitLabLimits, lab, 200, "", "", ""},
		{"GitLab: a limit", clients.GitLabLimits, lab, 429, gitlab(0) + "\nRetry-After: 30", "Retry later", "api 0/600 used 600 resets 10m0s, limited wholly for 30s"},
		{"GitLab: a limit without a wait", clients.GitLabLimits, lab, 429, gitlab(0), "Retry later", "api 0/600 used 600 resets 10m0s, limited wholly for 10m0s"},
		{"GitLab: another limit", clients.GitLabLimits, lab, 200, strings.Replace(gitlab(3), "throttle_authenticated_api", "throttle_authenticated_files_api", 1), "", "throttle_authenticated_files_api 3/600 used 597 resets 10m0s"},
		{"GitLab: no permission", clients.GitLabLimits, lab, 403, gitlab(3), "", "api 3/600 used 597 resets 10m0s"},
		{"the drafts of the IETF", clients.GitLabLimits, lab, 200, "RateLimit-Limit: 10, 10;w=60\nRateLimit-Remaining: 9\nRateLimit-Reset: 50", "", "api 9/10 used 1 resets 50s"},
		{"any server: a limit", clients.RetryAfterLimits, lab, 429, "Retry-After: 5", "", "limited wholly for 5s"},
		{"any server: until a date", clients.RetryAfterLimits, lab, 429, "Date: " + noon.Format(http.TimeFormat) + "\nRetry-After: " + noon.Add(time.Minute).Format(http.TimeFormat), "", "limited wholly for 1m0s"},
		{"any server: no wait", clients.RetryAfterLimits, lab, 429, "Retry-After: later", "", "limited wholly"},
		{"any server: it is down", clients.RetryAfterLimits, lab, 503, "Retry-After: 5", "", ""},
	} {
		got := describe(c.limits.Read(answerOf(t, c.asked, c.status, c.head), []byte(c.body), noon))
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func describe(r clients.Reading) string {
	var out strings.Builder
	if b := r.Budget; b.Limit > 0 {
		fmt.Fprintf(&out, "%s %d/%d used %d resets %v", b.Resource, b.Remaining, b.Limit, b.Used, b.ResetsAt.Sub(noon))
	}
	if r.Limited {
		if out.Len() > 0 {
			out.WriteString(", ")
		}
		out.WriteString("limited")
		if r.Whole {
			out.WriteString(" wholly")
		}
		if r.Wait > 0 {
			fmt.Fprintf(&out, " for %v", r.Wait)
		}
	}
	return out.String()
}

func TestGitHubResources(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.github.com/graphql":                "graphql",
		"https://github.example/api/graphql":            "graphql",
		"https://api.github.com/repos/a/b":              "core",
		"https://api.github.com/search/code?q=x":        "code_search",
		"https://api.github.com/search/issues":          "search",
		"https://github.example/api/v3/search/issues":   "search",
		"https://github.example/api/v3/repos/search/b":  "core",
		"https://github.example/api/v3/search/code?q=x": "code_search",
	} {
		r, _ := http.NewRequest("GET", address, nil)
		if got := clients.GitHubLimits.Resource(r); got != want {
			t.Errorf("%s is charged to %s, want %s", address, got, want)
		}
	}
}

func FuzzLimits(f *testing.F) {
	f.Add("4999", "1", "1795694400", "core", "30", "Thu, 26 Nov 2026 12:00:00 GMT", []byte(`{"message":"You have exceeded a secondary rate limit."}`), 403)
	f.Add("0", "0", "0", "graphql", "0", "", []byte(`{"errors":[{"type":"RATE_LIMITED"}]}`), 200)
	f.Add("-1", "99999999999999999999", "999999999999", "A B", "1e9", "x", []byte(`rate limit`), 429)
	f.Add("5, 5;w=1", " 4 ", "60", "", "Thu, 26 Nov 2099 12:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", []byte(`{`), 429)
	f.Fuzz(func(t *testing.T, limit, remaining, reset, resource, retry, date string, body []byte, status int) {
		head := http.Header{}
		for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
			for name, value := range map[string]string{"Limit": limit, "Remaining": remaining, "Used": remaining, "Observed": limit, "Reset": reset, "Resource": resource, "Name": resource} {
				head[prefix+name] = []string{value}
			}
		}
		head["Retry-After"], head["Date"] = []string{retry}, []string{date}
		for _, address := range []string{"https://api.github.com/graphql", "https://api.github.com/repos/a/b"} {
			r, _ := http.NewRequest("GET", address, nil)
			for _, limits := range []clients.Limits{clients.GitHubLimits, clients.GitLabLimits, clients.RetryAfterLimits} {
				got := limits.Read(&http.Response{StatusCode: status, Header: head, Request: r}, body, noon)
				b := got.Budget
				if b.Limit < 0 || b.Remaining < 0 || b.Remaining > b.Limit || b.Used < 0 || len(b.Resource) > 40 || strings.ContainsAny(b.Resource, " \"\n:") {
					t.Errorf("the budget is %+v", b)
				}
				if b.Limit > 0 && (b.ResetsAt.Before(noon) || b.ResetsAt.After(noon.Add(2*time.Hour))) {
					t.Errorf("it resets at %v", b.ResetsAt)
				}
				if got.Wait < 0 || got.Wait > 2*time.Hour || got.Wait > 0 && !got.Limited {
					t.Errorf("the reading is %+v", got)
				}
				if bytes.Contains(body, []byte(`"data":{`)) && status == 200 && got.Limited && !bytes.Contains(body, []byte("rate")) && !bytes.Contains(body, []byte("RATE")) && !bytes.Contains(body, []byte("abuse")) {
					t.Error("an answer with data counts as a refusal")
				}
			}
		}
	})
}
