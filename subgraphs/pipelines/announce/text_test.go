package announce

import (
	"flag"
	"math"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

var update = flag.Bool("update", false, "write what is said into testdata")

func system(t testing.TB, provider ci.Provider, web string) *ci.System {
	u, err := url.Parse(web)
	if err != nil {
		t.Fatal(err)
	}
	source, err := clients.Open(clients.Settings{Name: u.Host, Address: u}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	return ci.New(provider, u, nil, source, nil)
}

func TestCommentText(t *testing.T) {
	github, jenkins := system(t, ci.GitHubActions, "https://github.com/"), system(t, ci.Jenkins, "https://ci.example/jenkins")
	got := comment(github, Summary{Coverage: new(0.62), NewlyFailing: 2, Builds: []Build{
		{Name: "Check", Status: ci.Succeeded, URL: "https://github.com/larkfold/tiles/actions/runs/1"},
		{Name: "larkfold » tiles » PR-7", Status: ci.Failed, URL: "https://ci.example/jenkins/job/larkfold/job/tiles/42/", System: jenkins},
		{Name: "Nightly", Status: ci.Running, URL: "https://elsewhere.example/phish"},
		{Name: "Deploy", Status: ci.Waiting, URL: "http://github.com/larkfold/tiles/actions/runs/4"},
		{Name: "Docs", Status: ci.Skipped}, {Name: "Old", Status: ci.Canceled}, {Name: "Lint", Status: ci.Unstable}, {Name: "", Status: "NEW_WORD"},
	}}, "https://callboard.example/pull-request?url=https%3A%2F%2Fgithub.com%2Flarkfold%2Ftiles%2Fpull%2F7")
	const golden = "testdata/comment.md"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the comment is\n%s\nwant\n%s", got, want)
	}
}

func TestDescription(t *testing.T) {
	for _, test := range []struct {
		summary Summary
		want    string
	}{
		{Summary{}, "no build is known yet"},
		{Summary{Coverage: new(0.0)}, "no build is known yet, coverage unchanged"},
		{Summary{Builds: []Build{{Status: ci.Succeeded}}, Coverage: new(0.04)}, "1 of 1 build passed, coverage +0.04 points"},
		{Summary{Builds: []Build{{Status: ci.Succeeded}, {Status: ci.Skipped}, {Status: ci.TimedOut}}, Coverage: new(0.6)}, "2 of 3 builds passed, 1 failed, coverage +0.6 points"},
		{Summary{Builds: []Build{{Status: ci.Running}}, NewlyFailing: 1, Coverage: new(-12.34)}, "0 of 1 build passed, 1 running, 1 test newly failing, coverage -12.3 points"},
		{Summary{Builds: []Build{{Status: ci.Canceled}}, Coverage: new(math.NaN())}, "0 of 1 build passed, 1 canceled"},
		{Summary{Builds: []Build{{Status: ci.Unknown}}, Coverage: new(math.Inf(1))}, "0 of 1 build passed, 1 waiting"},
	} {
		if got := describe(test.summary); got != test.want {
			t.Errorf("it says %q, want %q", got, test.want)
		}
	}
}

func TestManyBuildsAreCut(t *testing.T) {
	text := comment(system(t, ci.GitHubActions, "https://github.com/"), Summary{Builds: make([]Build, 10_000)}, "https://callboard.example/")
	if !strings.Contains(text, "And 9950 more.") || strings.Count(text, "unnamed") != 50 {
		t.Errorf("it is\n%s", text)
	}
}

var (
	mention = regexp.MustCompile(`@[\p{L}\p{N}_/-]`)
	links   = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	inCode  = regexp.MustCompile(`(?s)<code>.*?</code>`)
	tags    = regexp.MustCompile(`</?([a-zA-Z][a-zA-Z0-9]*)`)
	allowed = map[string]bool{"p": true, "strong": true, "a": true, "table": true, "thead": true, "tbody": true, "tr": true, "th": true, "td": true, "code": true}
)

// Whatever a pipeline is called, and wherever its page is said to lie, the comment has our links and those of the system, and nothing of the name is more than a text.
func FuzzComment(f *testing.F) {
	for _, seed := range [][2]string{
		{"Check", "https://github.com/a/b/actions/runs/1"}, {"@larkfold/all", ""}, {"a|b`|c\\", "https://github.com/a)b>c|d"}, {"<img src=x onerror=alert(1)>", "javascript:alert(1)"},
		{"[x](https://evil.example) https://evil.example www.evil.example", "https://github.com.evil.example/"}, {"``` \n\n/close\n# a", "https://user@github.com/"}, {"\u202eevil\u2066", "http://github.com/"},
		{"<!-- -->", "https://github.com/%0a%22"}, {"`", "https://github.com/`|`"}, {"\\", "https://github.com/\\"}, {"a\\`b\\|", "//github.com/"}, {"#1 !2 GH-3 $4 ~5 &6", "https://github.com/@a"},
	} {
		f.Add(seed[0], seed[1])
	}
	of := system(f, ci.GitHubActions, "https://github.com/")
	const view = "https://callboard.example/pull-request?url=x"
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM))
	f.Fuzz(func(t *testing.T, name, address string) {
		text := comment(of, Summary{Builds: []Build{{Name: name, Status: ci.Failed, URL: address}, {Name: "after", Status: ci.Succeeded}}}, view)
		if mention.MatchString(text) {
			t.Errorf("somebody is mentioned:\n%q", text)
		}
		for _, r := range text {
			if unicode.IsControl(r) && r != '\n' {
				t.Errorf("it has control characters:\n%q", text)
			}
		}
		var out strings.Builder
		if err := markdown.Convert([]byte(strings.TrimPrefix(text, marker+"\n")), &out); err != nil {
			t.Fatal(err)
		}
		page := inCode.ReplaceAllString(out.String(), "<code></code>")
		for _, link := range links.FindAllStringSubmatch(page, -1) {
			if u, err := url.Parse(link[1]); err != nil || link[1] != view && (u.Scheme != "https" || !strings.EqualFold(u.Host, "github.com")) {
				t.Errorf("it links to %s:\n%s", link[1], text)
			}
		}
		for _, tag := range tags.FindAllStringSubmatch(page, -1) {
			if !allowed[tag[1]] {
				t.Errorf("it has a tag %s:\n%s\nof\n%s", tag[1], out.String(), text)
			}
		}
		if rows := strings.Count(page, "<tr>"); rows != 3 || strings.Count(page, "<td>") != 4 || !strings.Contains(out.String(), "<td><code>after</code></td>") {
			t.Errorf("the table has %d rows:\n%s\nof\n%s", rows, out.String(), text)
		}
		if n := strings.Count(page, "\n<p>"); n != 1 {
			t.Errorf("there are %d paragraphs after the table:\n%s", n, out.String())
		}
	})
}
