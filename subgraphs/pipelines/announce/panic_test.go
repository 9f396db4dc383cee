package announce_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
)

// TestAMistakeCostsOnePullRequest checks that a panic in finding out how a pull request is costs that one its turn, and neither others nor the process.
func TestAMistakeCostsOnePullRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ci.GitHubActions, announce.Comment)
		a := announce.New(announce.Config{
			Store: s.store, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
			View: func(string) string { return "https://callboard.example/pull-request" },
			How:  func(string, string) string { return announce.Comment },
			Describe: func(_ context.Context, p announce.Pull) (announce.Summary, error) {
				if p.Number == 1 {
					panic("a mistake")
				}
				return announce.Summary{}, nil
			},
		})
		for n := range 6 {
			a.Tell(s.pull(n + 1))
		}
		rest(time.Minute)
		s.writes(5)
		a.Close()
		if !strings.Contains(s.log.String(), "a mistake") {
			t.Errorf("nobody is told: %s", s.log.String())
		}
	})
}
