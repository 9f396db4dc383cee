package main_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
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

// The same page from a Callboard that knows all of it: fresh, and stale while the hosts are down or hang. Read it as ratios to the first.
func BenchmarkPageServed(b *testing.B) {
	s := newTheatre(b)
	c := s.up(s.config("2s", "server:\n  shareRequests: false\n"))
	run := func(name string) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if answer := c.ask(page, nil); len(answer.Errors) > 0 {
					b.Fatal(answer.Errors)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us/op")
		})
	}
	c.ask(page, nil)
	run("working")
	for _, fault := range []clientstest.Fault{{Kind: clientstest.Down}, {Kind: clientstest.Hang}} {
		s.fail(fault)
		until(b, "all is stale", func() bool {
			sum := c.ask(page, nil).total()
			return sum.Cached == 0 && sum.Stale > 0
		})
		run(string(fault.Kind))
		s.repair()
	}
}

// From a change on a host until an answer has it: the host's webhook, what is forgotten, the question to the host.
func BenchmarkChangeIsSeen(b *testing.B) {
	s := newTheatre(b)
	c := s.up(s.config("1h", ""))
	const query = `{ repository(nameWithOwner: "larkfold/tiles") { description } }`
	c.query(query, nil)
	n := 0
	for b.Loop() {
		n++
		want := fmt.Sprint("Description ", n)
		if err := s.GitHub.UpdateRepository("larkfold/tiles", func(r *githubtest.Repository) { r.Description = want }); err != nil {
			b.Fatal(err)
		}
		until(b, "the answer has the change", func() bool { return dig(c.query(query, nil), "data", "repository", "description") == want })
	}
}
