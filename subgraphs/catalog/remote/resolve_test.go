package remote

import (
	"net/url"
	"path"
	"strings"
	"testing"
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
