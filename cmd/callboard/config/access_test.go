package config_test

import (
	"strings"
	"testing"

	"callboard.dev/callboard/cmd/callboard/config"
)

// TestTokens checks that no token is one that somebody can guess: short, or what stands in an example or in what was printed for one that is not there.
func TestTokens(t *testing.T) {
	for _, c := range []struct {
		token, wrong string
		given        bool
	}{
		{"", "", false}, {"********", "", false}, {"0123456789abcdef", "", true},
		{"none", "access.tokens[0].token: has less than 16 bytes", true}, {"0123456789abcde", "has less than 16 bytes", true},
	} {
		cfg := config.Default()
		cfg.Access.Tokens = []config.AccessToken{{Name: "bot", Token: config.NewSecret(c.token)}}
		switch err := cfg.Check(); {
		case c.wrong == "" && err != nil:
			t.Errorf("%q: %v", c.token, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), c.token)):
			t.Errorf("%q: %v", c.token, err)
		}
		if given := cfg.Access.Tokens[0].Token.Given(); given != c.given {
			t.Errorf("%q: given: %t", c.token, given)
		}
	}
	cfg := config.Default()
	cfg.Access.Anonymous = []string{"reports.upload"}
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "access.anonymous") {
		t.Errorf("anybody may upload: %v", err)
	}
}
