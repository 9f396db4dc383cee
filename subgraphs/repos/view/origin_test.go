package view

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://github.com/larkfold/web.git":                "github.com larkfold web https://github.com/larkfold/web",
		"https://user:secret@github.com/larkfold/web":        "github.com larkfold web https://github.com/larkfold/web",
		"https://token@host.example:8443/a/b.git?x=secret#y": "host.example a b https://host.example:8443/a/b",
		"http://[::1]:3000/a/b":                              "::1 a b http://[::1]:3000/a/b",
		"git@github.com:larkfold/web.git":                    "github.com larkfold web https://github.com/larkfold/web",
		"ssh://git@GitLab.example.com:2222/a/b/web.git":      "gitlab.example.com a/b web https://gitlab.example.com/a/b/web",
		"git://host.example/web.git/":                        "host.example  web https://host.example/web",
		"ssh://host.example/~me/web":                         "host.example ~me web ",
		"/srv/git/web.git":                                   "no",
		"../web.git":                                         "no",
		"file:///srv/git/web.git":                            "no",
		"C:/work/web":                                        "no",
		"ext::sh -c x":                                       "no",
		"ext::ssh://x/y":                                     "no",
		"javascript:alert(1)":                                "javascript  alert(1) https://javascript/alert%281%29",
		"https://ho st/x":                                    "no",
		"https://host.example/":                              "no",
		"https://evil.example\\@github.com/a/b":              "no",
		"ftp://host.example/a/b":                             "no",
		"":                                                   "no",
	} {
		got := "no"
		if o, ok := parseOrigin(text); ok {
			got = strings.Join([]string{o.host, o.owner, o.name, o.web}, " ")
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func FuzzParseOrigin(f *testing.F) {
	for _, text := range []string{"https://u:p@h/a/b.git", "git@h:a/b", "ssh://h:1/~x/y", "http://[::1]/x", "https://h/%2e%2e/%00", "h:../../x", "h:a/b/.git"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, ok := parseOrigin(strings.ToValidUTF8(text, ""))
		if !ok {
			return
		}
		for _, part := range []string{o.host, o.owner, o.name, o.web} {
			if !utf8.ValidString(part) {
				t.Errorf("not UTF-8: %q", part)
			}
		}
		if o.host == "" || o.name == "" {
			t.Errorf("%q gives %+v", text, o)
		}
		if o.web != "" && !strings.HasPrefix(o.web, "https://") && !strings.HasPrefix(o.web, "http://") {
			t.Errorf("%q gives the address %q", text, o.web)
		}
		if _, after, _ := strings.Cut(o.web, "://"); strings.Contains(strings.SplitN(after, "/", 2)[0], "@") {
			t.Errorf("%q gives the address %q", text, o.web)
		}
	})
}

func FuzzDecodeID(f *testing.F) {
	f.Add("MTpHSVQ6OmE", "ground/app:x")
	f.Fuzz(func(t *testing.T, id, path string) {
		decodeID(id)
		provider, host, got, ok := decodeID(encodeID(ProviderGit, "", path))
		if !ok || provider != ProviderGit || host != "" || got != path {
			t.Errorf("%q comes back as %q %q %q %v", path, provider, host, got, ok)
		}
	})
}
