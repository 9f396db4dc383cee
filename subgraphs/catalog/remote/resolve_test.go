package remote

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/glob"
)

func TestResolve(t *testing.T) {
	const root = "https://host.example/team/web/blob/feature%2Fone/"
	const file = root + "a/b/catalog-info.yaml"
	for target, want := range map[string]string{
		"x.yaml":                 root + "a/b/x.yaml",
		"./x.yaml":               root + "a/b/x.yaml",
		"../x.yaml":              root + "a/x.yaml",
		"../../x.yaml":           root + "x.yaml",
		"../../../x.yaml":        "",
		"../../../web/x.yaml":    "",
		"c/../../x.yaml":         root + "a/x.yaml",
		"/c/x.yaml":              root + "c/x.yaml",
		"/../x.yaml":             "",
		"a b.yaml":               root + "a/b/a%20b.yaml",
		"a%20b.yaml":             root + "a/b/a%20b.yaml",
		"ä.yaml":                 root + "a/b/%C3%A4.yaml",
		"./a:b.yaml":             root + "a/b/a:b.yaml",
		"%2e%2e/x.yaml":          root + "a/x.yaml",
		"%2e%2e%2f%2e%2e/../x":   "",
		"...":                    root + "a/b/...",
		root + "c/x.yaml":        root + "c/x.yaml",
		root + "c/%2e%2e/x.yaml": "",
		"https://host.example/team/web/blob/feature/one/x.yaml": "",
		"https://HOST.example/team/web/blob/feature%2Fone/x":    "",
	} {
		got, err := resolve(file, root, target)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", target, got, err, want)
		}
	}
}

func TestResolvePattern(t *testing.T) {
	const root = "https://host.example/team/web/blob/feature%2Fone/"
	for target, want := range map[string][2]string{
		"*.yaml":                      {"a b/[c]", "*.yaml"},
		"./x/../*":                    {"a b/[c]", "*"},
		"../*.yaml":                   {"a b", "*.yaml"},
		"../../**/x.yaml":             {"", "**/x.yaml"},
		"../../../*":                  {},
		"%2e%2e/%2e%2e/%2e%2e/*":      {},
		"/*":                          {"", "*"},
		"/../*":                       {},
		"a%20?.yaml":                  {"a b/[c]", "a ?.yaml"},
		"?.yaml":                      {"a b/[c]", "?.yaml"},
		root + "{x,y}/*":              {"", "{x,y}/*"},
		root + "../*":                 {},
		root + "a%2f..%2f..%2f*":      {},
		"https://host.example/team/*": {},
		"//host.example/*":            {},
		"http:*":                      {},
		"*:x":                         {"a b/[c]", "*:x"},
		"*/":                          {},
		"*#x":                         {},
		"*%zz":                        {},
		"*%00":                        {},
		"*%5c":                        {},
		"{a/..":                       {},
	} {
		folder, pattern, err := resolvePattern(root+"a%20b/%5Bc%5D/catalog-info.yaml", root, target)
		if folder != want[0] || pattern != want[1] || (err == nil) != (want[1] != "") {
			t.Errorf("%s: %q, %q, %v, want %q", target, folder, pattern, err, want)
		}
	}
}

func FuzzResolvePattern(f *testing.F) {
	f.Add("https://host.example/team/web/blob/main/", "a/b/catalog-info.yaml", "../*.yaml", "a/x.yaml")
	f.Add("https://host.example/", "catalog-info.yaml", "/%2e%2e/{..,x}/*", "x%2Fy")
	f.Add("http://[::1]:8080/a%2Fb/", "c/d", "**", "%41")
	f.Fuzz(func(t *testing.T, root, name, target, listed string) {
		file := root + name
		if _, err := parseURL(file); err != nil || rootOf(root, file) != root {
			return
		}
		decoded, listable := pathBelow(root, root+listed)
		if listable {
			if got := urlBelow(root, decoded); got != root+listed {
				t.Fatalf("%q is %q, and that is %q", root+listed, decoded, got)
			}
			if clean := path.Clean("/" + must(t, root+listed).Path); !strings.HasPrefix(clean, path.Clean("/"+must(t, root).Path)) {
				t.Fatalf("%q is listed", root+listed)
			}
		}
		folder, text, err := resolvePattern(file, root, target)
		if err != nil {
			return
		}
		if strings.HasPrefix(folder, "/") || strings.HasPrefix("/"+text+"/", "/../") {
			t.Fatalf("%q in %q is %q in %q", target, file, text, folder)
		}
		p := pattern{folder: folder, text: text}
		urls, _ := p.find(root, glob.Files([]string{decoded, "x/" + decoded}))
		for _, found := range urls {
			if found != root+listed && found != root+"x/"+listed {
				t.Fatalf("%q in %q led to %q", target, file, found)
			}
		}
	})
}

func FuzzResolve(f *testing.F) {
	f.Add("https://host.example/team/web/blob/main/", "a/b/catalog-info.yaml", "../x.yaml")
	f.Add("https://host.example/", "catalog-info.yaml", "/%2e%2e/%2e%2e/x")
	f.Add("http://[::1]:8080/a%2Fb/", "c/d", "//evil.example/x")
	f.Add("https://host.example/a/", "b", "https://host.example/a/../../c")
	f.Fuzz(func(t *testing.T, root, name, target string) {
		file := root + name
		if _, err := parseURL(file); err != nil || rootOf(root, file) != root {
			return
		}
		got, err := resolve(file, root, target)
		if err != nil {
			return
		}
		from, to := must(t, root), must(t, got)
		if !strings.HasPrefix(got, root) || got == root || from.Host != to.Host || from.Scheme != to.Scheme || to.User != nil || to.RawQuery != "" || to.Fragment != "" {
			t.Fatalf("%q in %q leads to %q", target, file, got)
		}
		// However a host resolves it, it stays where it is.
		if clean := path.Clean("/" + to.Path); !strings.HasPrefix(clean+"/", path.Clean("/"+from.Path)) || strings.Contains(to.Path, "\\") {
			t.Fatalf("%q in %q leads to %q, which is %q", target, file, got, clean)
		}
	})
}

func must(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
