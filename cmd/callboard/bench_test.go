package main_test

import (
	"fmt"
	"testing"
)

// What a portal's page of twenty components costs upstream, with nothing known and with all of it: requests, and points of GitHub's budget. GitHub has the
// repositories of sixteen of them, GitLab those of four.
func BenchmarkPageUpstream(b *testing.B) {
	s := newTheatre(b)
	for b.Loop() {
		b.StopTimer()
		c := s.up(s.config("1h", ""))
		for _, state := range []string{"cold", "warm"} {
			s.forget()
			b.StartTimer()
			answer := c.ask(page, nil)
			b.StopTimer()
			if len(answer.Errors) > 0 {
				b.Fatal(answer.Errors)
			}
			b.ReportMetric(float64(len(s.GitHub.Watch.Requests())), fmt.Sprintf("github-requests-%s/op", state))
			b.ReportMetric(float64(s.GitHub.Watch.Points()["graphql"]), fmt.Sprintf("github-points-%s/op", state))
			b.ReportMetric(float64(len(s.GitLab.Watch.Requests())), fmt.Sprintf("gitlab-requests-%s/op", state))
		}
		if err := c.stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// The same page from a Callboard that knows all of it: fresh, and stale with hosts that are down.
func BenchmarkPageServed(b *testing.B) {
	s := newTheatre(b)
	c := s.up(s.config("1h", "server:\n  shareRequests: false\n"))
	c.ask(page, nil)
	b.Run("fresh", func(b *testing.B) {
		for b.Loop() {
			c.ask(page, nil)
		}
	})
}
