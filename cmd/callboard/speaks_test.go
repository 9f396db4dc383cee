package main

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"callboard.dev/callboard/cmd/callboard/config"
)

// TestHostsSpeakForThemselves checks that who knows the secret of one source's webhooks cannot tell what happens at another, unless both have that secret.
func TestHostsSpeakForThemselves(t *testing.T) {
	cfg := config.Default()
	for _, s := range []struct{ name, kind, secret string }{
		{"a", "github", "of-a-and-of-c"}, {"b", "github", "of-b"}, {"c", "github", "of-a-and-of-c"}, {"d", "github", ""},
		{"one", "jenkins", "of-one"}, {"two", "jenkins", "of-two"},
	} {
		cfg.Sources = append(cfg.Sources, config.Source{Name: s.name, Kind: s.kind, URL: "https://" + s.name + ".example", WebhookSecrets: []config.Secret{config.NewSecret(s.secret)}})
	}
	u, err := openUpstream(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), "all")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	for _, c := range []struct{ source, server, want string }{
		{"a", "a.example", "a"}, {"a", "c.example", "c"}, {"a", "b.example", "a"}, {"a", "d.example", "a"}, {"b", "a.example", "b"}, {"c", "a.example", "a"},
	} {
		if got := u.hooks.at(c.source, c.server).host.Name; got != c.want {
			t.Errorf("%s tells of %s: it is taken for %s, not %s", c.source, c.server, got, c.want)
		}
	}
	if got := u.hooks.builder("one", "https://two.example/").Name; got != "one" {
		t.Errorf("one Jenkins tells of another: it is taken for %s", got)
	}
}
