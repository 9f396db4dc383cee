//go:build servers

package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"callboard.dev/callboard/clients/cache/redistest"
	"callboard.dev/callboard/clients/clientstest"
)

// replicas starts two Callboards that share a Redis. Only the first is told of changes.
func (s *theatre) replicas(redis *redistest.Server, fresh, more string) (first, second *server) {
	s.t.Helper()
	config := s.config(fresh, fmt.Sprintf("cache:\n  redis:\n    addresses: [%q]\n%s", redis.Address, more))
	second = start(s.t, "up", "--config", config, s.checkouts)
	first = s.up(config)
	until(s.t, "the second knows the entities of GitLab", func() bool {
		return dig(second.query(`{ entity(ref: "component:default/mixes-api") { ref } }`, nil), "data", "entity", "ref") != nil
	})
	return first, second
}

// A thousand that ask two replicas the same at once, with nothing known, have the hosts asked once for each thing: the replicas share the work, so that each
// asks for what the other does not.
func TestHerdOverReplicas(t *testing.T) {
	s := newTheatre(t)
	first, second := s.replicas(redistest.Single(t), "1h", "")
	s.forget()
	herd(t, 1000, first, second)
	names := map[string]bool{}
	for _, name := range regexp.MustCompile(`"nameWithOwner":"([^"]+)","provider":"GITHUB"`).FindAllStringSubmatch(string(first.ask(page, nil).Data), -1) {
		names[name[1]] = true
	}
	wanted := 0
	for _, request := range s.GitHub.Watch.Requests() {
		wanted += len(regexp.MustCompile(`\$owner_\d+:String!`).FindAll(request.Body, -1))
	}
	if kinds := 2; len(names) == 0 || wanted != kinds*len(names) { // the repositories, and their pull requests
		t.Errorf("GitHub was asked for %d things, and there are %d repositories", wanted, len(names))
	}
	for host, watch := range map[string]*clientstest.Watch{"GitHub": &s.GitHub.Watch, "GitLab": &s.GitLab.Watch} {
		if n := len(watch.Requests()); n < 1 || n > 4 {
			t.Errorf("%s was asked %d times", host, n)
		}
	}
}

// What one replica knows the other one knows, and what one is told of is out of date for both.
func TestReplicasShareWhatTheyKnow(t *testing.T) {
	s := newTheatre(t)
	write(t, filepath.Join(s.checkouts, "catalog-info.yaml"), planted)
	redis := redistest.Single(t)
	first, second := s.replicas(redis, "1h", guarded)
	const pull = `{ pullRequest(url: "https://github.larkfold.example/larkfold/playback-api/pull/131") { state freshness } }`
	for _, c := range []*server{first, second} {
		c.query(pull, nil)
	}
	s.forget()
	if answer := second.query(pull, nil); dig(answer, "data", "pullRequest", "freshness") != "CACHED" || s.asked() > 0 {
		t.Errorf("%v, asked %d times", answer, s.asked())
	}
	if err := s.Merge(t.Context(), "playback-api", 131); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*server{first, second} {
		until(t, "the pull request is merged", func() bool { return dig(c.query(pull, nil), "data", "pullRequest", "state") == "MERGED" })
	}
	for _, c := range []*server{first, second} {
		s.startPlanted(c)
	}
	// Nothing that is secret, and nobody's credential, is in what Redis holds.
	dump, err := exec.CommandContext(t.Context(), "sh", "-c", `redis-cli -h "${1%:*}" -p "${1##*:}" --scan | while read -r key; do echo "$key"; redis-cli -h "${1%:*}" -p "${1##*:}" --no-raw dump "$key"; done`, "sh", redis.Address).Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(dump) < 1000 {
		t.Errorf("Redis holds next to nothing: %s", dump)
	}
	source := s.Sources()[0]
	for _, secret := range []string{source.Token.Reveal(), source.WebhookSecrets[0].Reveal(), runnerToken, auditorToken, plantedPassword, plantedVersion} {
		if strings.Contains(string(dump), secret) {
			t.Error("Redis holds a secret")
		}
	}
}

// While Redis goes away under load nobody notices.
func TestRedisGoesAway(t *testing.T) {
	s := newTheatre(t)
	redis := redistest.Single(t)
	first, second := s.replicas(redis, "50ms", "")
	first.ask(page, nil)
	var (
		group  sync.WaitGroup
		stop   atomic.Bool
		served atomic.Int64
	)
	for _, c := range []*server{first, first, second, second} {
		group.Go(func() {
			for !stop.Load() {
				answer := c.ask(page, nil)
				if len(answer.Errors) > 0 || strings.Count(string(answer.Data), `"ref"`) != 20 {
					t.Errorf("%+v", answer)
					return
				}
				served.Add(1)
			}
		})
	}
	more := func(n int64) {
		from := served.Load()
		until(t, "there are further answers", func() bool { return served.Load() > from+n || t.Failed() })
	}
	more(50)
	redis.Kill()
	more(50)
	until(t, "it is told that Redis has gone", func() bool {
		return dig(first.query(`{ cache { healthy } }`, nil), "data", "cache", "healthy") == false || t.Failed()
	})
	stop.Store(true)
	group.Wait()
}
