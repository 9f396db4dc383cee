package demo

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/examples"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle []byte

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// failures are the ways in which a host can be made to fail, as the page offers them.
var failures = []struct {
	Name, Text string
	fault      clientstest.Fault
}{
	{"down", "does not answer at all", clientstest.Fault{Kind: clientstest.Down}},
	{"errors", "answers 503", clientstest.Fault{Kind: clientstest.Status, Status: http.StatusServiceUnavailable}},
	{"limited", "says that the rate limit is used up", clientstest.Fault{Kind: clientstest.Status, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "60"}}},
	{"slow", "takes three seconds", clientstest.Fault{Kind: clientstest.Slow, Delay: 3 * time.Second}},
	{"hanging", "takes requests and never answers", clientstest.Fault{Kind: clientstest.Hang}},
	{"rubbish", "answers with a web page", clientstest.Fault{Kind: clientstest.WrongType}},
	{"cut", "cuts its answers off", clientstest.Fault{Kind: clientstest.Cut}},
}

// page shows the hosts and takes what is to happen to them.
type page struct {
	stage *Stage

	mu     sync.Mutex
	broken map[string]string // by host: the name of the failure
	merged map[string]bool   // by address of the pull request
	said   string            // what happened last
}

// Pages are the page at /demo and what belongs to it.
func (s *Stage) Pages() map[string]http.Handler {
	p := &page{stage: s, broken: map[string]string{}, merged: map[string]bool{}}
	return map[string]http.Handler{
		"GET /demo":          http.HandlerFunc(p.show),
		"GET /demo/page.css": http.HandlerFunc(style),
		"POST /demo/fail":    http.HandlerFunc(p.fail),
		"POST /demo/merge":   http.HandlerFunc(p.merge),
		"POST /demo/again":   http.HandlerFunc(p.again),
	}
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(pageStyle)
}

// hostRow and pullRow are lines of the page.
type hostRow struct {
	Name, Broken     string
	Requests, Points int
}

type pullRow struct {
	Address, Title, Repository string
	Number                     int
}

func (p *page) show(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var hosts []hostRow
	for _, d := range p.stage.doors {
		row := hostRow{Name: d.name, Broken: p.broken[d.name], Requests: len(d.watch.Requests())}
		for _, points := range d.watch.Points() {
			row.Points += points
		}
		hosts = append(hosts, row)
	}
	var pulls []pullRow
	for _, name := range examples.Repositories() {
		for _, pull := range p.stage.forge.Repositories[name].PullRequests {
			if address := p.stage.address(name, pull.Number); pull.MergedBy == "" && !pull.Draft && !p.merged[address] {
				pulls = append(pulls, pullRow{address, pull.Title, name, pull.Number})
			}
		}
	}
	script := p.stage.player.shown(p.stage)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	// An error here is that the reader has gone.
	_ = pageTemplate.Execute(w, map[string]any{"Hosts": hosts, "Failures": failures, "Pulls": pulls, "Said": p.said, "Script": script})
}

// fail makes a host fail, or work again.
func (p *page) fail(w http.ResponseWriter, r *http.Request) {
	host, how := r.PostFormValue("host"), r.PostFormValue("how")
	at := slices.IndexFunc(p.stage.doors, func(d door) bool { return d.name == host })
	failure := slices.IndexFunc(failures, func(f struct {
		Name, Text string
		fault      clientstest.Fault
	}) bool {
		return f.Name == how
	})
	if at < 0 || failure < 0 && how != "" {
		http.Error(w, "there is no such host, or no such way to fail", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage.doors[at].faults.Clear()
	delete(p.broken, host)
	p.said = host + " works again."
	if how != "" {
		p.stage.doors[at].faults.Add(failures[failure].fault)
		p.broken[host] = failures[failure].Text
		p.said = host + " " + failures[failure].Text + "."
	}
	http.Redirect(w, r, "/demo", http.StatusSeeOther)
}

// merge merges a pull request, of which the host tells Callboard.
func (p *page) merge(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("repository")
	number, err := strconv.Atoi(r.PostFormValue("number"))
	if err == nil {
		err = p.stage.Merge(r.Context(), name, number)
	}
	if err != nil {
		http.Error(w, "it cannot be merged: "+err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.merged[p.stage.address(name, number)] = true
	p.said = fmt.Sprintf("%s %d is merged.", name, number)
	http.Redirect(w, r, "/demo", http.StatusSeeOther)
}

// again begins the script again, with its next act.
func (p *page) again(w http.ResponseWriter, r *http.Request) {
	p.stage.player.mu.Lock()
	p.stage.player.ask = true
	p.stage.player.mu.Unlock()
	p.mu.Lock()
	p.said = "The script begins again."
	p.mu.Unlock()
	http.Redirect(w, r, "/demo", http.StatusSeeOther)
}

// scriptShown is what the page says of the script.
type scriptShown struct {
	Title, Repository string
	Said              []line
	Next              string // what it does next, and when; empty where it is over
	Pull, Run         string // addresses; empty before they are there
}

func (p *player) shown(s *Stage) scriptShown {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := scriptShown{Title: p.told.Title, Repository: p.told.Repository, Said: slices.Clone(p.said)}
	if p.begun.IsZero() {
		out.Next = "The script has not begun."
		return out
	}
	if p.step < len(s.script.Steps) {
		beat := s.script.Steps[p.step]
		out.Next = "Next, it waits until the checks are over."
		if left := p.begun.Add(beat.At).Sub(s.clock.Now()); left > 0 {
			out.Next = fmt.Sprintf("Next, in %.0f seconds: %s", left.Seconds(), words[beat.Do])
		}
	}
	if p.pull != 0 {
		out.Pull, out.Run = s.address(p.told.Repository, p.pull), s.RunAddress(s.forge.Organisation+"/"+p.told.Repository, p.run)
	}
	return out
}

// words are what steps do, for those who wait for them.
var words = map[string]string{
	examples.Open:    "somebody opens a pull request.",
	examples.Rerun:   "its author runs the checks again, unless you do so before.",
	examples.Approve: "a reviewer approves.",
	examples.Merge:   "it is merged.",
	examples.End:     "main is green.",
}

// address is that of a pull request's page.
func (s *Stage) address(repository string, number int) string {
	if s.forge.Repositories[repository].GitLab != "" {
		return fmt.Sprintf("%s/-/merge_requests/%d", s.forge.Page(repository), number)
	}
	return fmt.Sprintf("%s/pull/%d", s.forge.Page(repository), number)
}

// Merge merges a pull request of one of the hosts, as its author. What is on Jenkins is built then.
func (s *Stage) Merge(ctx context.Context, repository string, number int) error {
	r := s.forge.Repositories[repository]
	at := slices.IndexFunc(r.PullRequests, func(p examples.ForgePull) bool { return p.Number == number })
	if at < 0 {
		return fmt.Errorf("there is no pull request %d in %s", number, repository)
	}
	author := r.PullRequests[at].Author
	if r.GitLab == "" {
		if err := s.GitHub.MergePullRequest(ctx, path.Join(s.forge.Organisation, repository), number, "SQUASH", author); err != nil {
			return err
		}
		return s.built(ctx, repository)
	}
	return s.GitLab.ChangeMergeRequest(r.GitLab, int64(number), author, func(m *gitlabtest.MergeRequest) { m.State, m.MergedBy = gitlabtest.Merged, author })
}
