package view

import (
	"strings"
	"testing"
)

func TestReadmeHTML(t *testing.T) {
	for _, c := range []struct{ path, text, want string }{
		{"README.md", "a **b** `c`", "<p>a <strong>b</strong> <code>c</code></p>\n"},
		{"readme.MARKDOWN", "- [x] done", "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> done</li>\n</ul>\n"},
		{"README", "<b>a & b</b>", "<pre>&lt;b&gt;a &amp; b&lt;/b&gt;</pre>"},
		{"README.md", "<img src=x onerror=alert(1)><iframe src=//x></iframe><style>*{}</style><form><input type=password></form>", "<p><img src=\"x\"></p>\n"},
		{"README.md", "[a](javascript:x) [b](data:text/html,x) [c](https://x.example)", "<p>a b <a href=\"https://x.example\" rel=\"nofollow noreferrer\">c</a></p>\n"},
	} {
		got, err := (&Readme{Path: c.path, Text: c.text}).HTML()
		if err != nil || got != c.want {
			t.Errorf("%s %q gives %q, %v; want %q", c.path, c.text, got, err, c.want)
		}
	}
}

// What is known to take a Markdown renderer minutes is shown as it is instead, and what only looks like it is not.
func TestIntricate(t *testing.T) {
	for _, text := range []string{"> ", ">", "[a](", "[a](\n", "| [a](\n", "1. x\n2. [a](", "    - [a](\n"} {
		readme := Readme{Path: "README.md", Text: strings.Repeat(text, maxReadme/len(text))}
		if got, err := readme.HTML(); err != nil || !strings.HasPrefix(got, "<pre>") {
			t.Errorf("%q, repeated, gives %.60q, %v; want it as it is", text, got, err)
		}
	}
	for _, text := range []string{"- [a](https://a.example) is a thing\n", "[a](https://a.example)\n\n", "> a quote\n", "## Part [a](b)\n"} {
		readme := Readme{Path: "README.md", Text: strings.Repeat(text, 200)}
		if got, err := readme.HTML(); err != nil || strings.HasPrefix(got, "<pre>") {
			t.Errorf("%q, repeated, gives %.60q, %v; want it rendered", text, got, err)
		}
	}
}

func FuzzReadme(f *testing.F) {
	f.Add("# a\n> b\n<script>x</script>[c](javascript:x)\n|a|\n|-|\n[^1]: x")
	f.Fuzz(func(t *testing.T, text string) {
		html, err := (&Readme{Path: "README.md", Text: strings.ToValidUTF8(text, "")}).HTML()
		if err != nil {
			t.Fatal(err)
		}
		lower := strings.ToLower(html)
		for _, bad := range []string{"<script", "<iframe", "<form", "<style", "<object", "<embed", "href=\"javascript:", "src=\"javascript:"} {
			if strings.Contains(lower, bad) {
				t.Errorf("%q gives %q", text, html)
			}
		}
	})
}
