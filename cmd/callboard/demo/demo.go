// Package demo sets the stage for trying Callboard without the world: a folder goes in; the repository hosts of the example organisation come up on this
// machine, with sources for the configuration that are them, and a page on which they can be made to fail.
//
// The one rule: Callboard is not told. It asks the hosts over HTTP as it would ask the real ones, and they tell it of changes by webhooks.
//
// Open this file first; github.go and gitlab.go fill the hosts with what examples.ReadForge knows; runs.go plays how the pipelines of examples.ReadPipelines went,
// with actions.go, gitlabci.go and jenkins.go for each of the hosts; script.go plays what examples.ReadScript has happen from then on; page.go is the page.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/examples"
)

// Stage is the hosts. Close it after use.
type Stage struct {
	GitHub  *githubtest.GitHub
	GitLab  *gitlabtest.Server
	Jenkins *jenkinstest.Server

	// ScriptToken is what the script shows when it asks Callboard for something: whoever bears it must be allowed to run pipelines.
	ScriptToken string

	forge   *examples.Forge
	folder  string // of the hosts' repositories
	secret  string // of webhooks
	token   string // that Callboard is given
	git     *git.Client
	servers []*clientstest.Server
	doors   []door
	log     *slog.Logger

	content   map[string]*git.Repository // of the hosts, by name
	clock     clock
	pipelines *examples.Pipelines
	mains     map[*examples.Pipeline]examples.Commit // what main was at when the stage was set
	statuses  string                                 // where Jenkins tells of builds whose commits are told in turn
	jobs      []string                               // of Jenkins, by full name
	numbers   map[string]int                         // of the newest build of each
	reported  map[string]string                      // the address of a build with a report of coverage, by its commit

	script    *examples.Script
	player    player
	callboard string     // its address; empty before it is told. The player's lock is for it.
	stepping  sync.Mutex // one step is done after the other
	stop      context.CancelFunc
	playing   sync.WaitGroup
}

// door is one host, as the page shows it.
type door struct {
	name   string // of the source
	faults *clientstest.Faults
	watch  *clientstest.Watch
	server *clientstest.Server
}

// OnGitLab are the names of the repositories that GitLab has; the others are on GitHub. There is no checkout of them, and so their entities come to the
// catalog from GitLab alone.
func OnGitLab() ([]string, error) {
	forge, err := examples.ReadForge()
	if err != nil {
		return nil, err
	}
	var out []string
	for name, r := range forge.Repositories {
		if r.GitLab != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// CheckedOut are the names of the repositories that somebody has cloned.
func CheckedOut() ([]string, error) {
	elsewhere, err := OnGitLab()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(examples.Repositories(), func(name string) bool { return slices.Contains(elsewhere, name) }), nil
}

// Open starts the hosts. Their repositories are made in a new folder below the one that is given, which Close removes.
func Open(ctx context.Context, below string, log *slog.Logger) (*Stage, error) {
	s := &Stage{secret: rand.Text(), token: "demo-" + rand.Text(), ScriptToken: "script-" + rand.Text(), log: log,
		mains: map[*examples.Pipeline]examples.Commit{}, numbers: map[string]int{}, reported: map[string]string{}}
	if err := s.open(ctx, below); err != nil {
		s.Close()
		return nil, fmt.Errorf("starting the hosts of the example organisation: %w", err)
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context, below string) (err error) {
	if s.forge, err = examples.ReadForge(); err != nil {
		return err
	}
	if s.script, err = examples.ReadScript(); err != nil {
		return err
	}
	if err := os.MkdirAll(below, 0o777); err != nil {
		return err
	}
	if s.folder, err = os.MkdirTemp(below, "hosts-"); err != nil {
		return err
	}
	built := filepath.Join(s.folder, "repositories")
	if err := examples.Build(ctx, built); err != nil {
		return err
	}
	if s.git, err = git.Open(ctx, git.Config{Folders: []string{built}}); err != nil {
		return err
	}
	found, err := s.git.Search(ctx)
	if err != nil {
		return err
	}
	s.content = map[string]*git.Repository{}
	for _, r := range found.Repositories {
		s.content[filepath.Base(r.Dir)] = r
	}
	if err := s.openGitHub(ctx, built, s.content); err != nil {
		return err
	}
	if err := s.openGitLab(ctx, built, s.content); err != nil {
		return err
	}
	return s.openRuns(ctx, s.content)
}

// listen brings a host up.
func (s *Stage) listen(name string, handler http.Handler, faults *clientstest.Faults, watch *clientstest.Watch) (*clientstest.Server, error) {
	server, err := clientstest.Listen("127.0.0.1:0", handler, nil)
	if err != nil {
		return nil, err
	}
	s.servers = append(s.servers, server)
	s.doors = append(s.doors, door{name, faults, watch, server})
	return server, nil
}

// Close ends the script and the hosts.
func (s *Stage) Close() {
	if s.stop != nil {
		s.stop()
	}
	s.playing.Wait()
	if s.Jenkins != nil {
		s.Jenkins.Close()
	}
	for _, server := range s.servers {
		server.Close()
	}
	if s.GitHub != nil {
		s.GitHub.Close()
	}
	if s.GitLab != nil {
		s.GitLab.Close()
	}
	if s.git != nil {
		s.git.Close()
	}
	if s.folder != "" {
		if err := os.RemoveAll(s.folder); err != nil {
			s.log.Warn("the hosts' repositories could not be removed", "error", err)
		}
	}
}

// Names of the sources.
const (
	GitHub  = "github.larkfold.example"
	GitLab  = "gitlab.larkfold.example"
	Jenkins = "jenkins.larkfold.example"
)

// Sources are the hosts as a configuration names them.
func (s *Stage) Sources() []config.Source {
	at := func(name, kind, page, api string, groups ...string) config.Source {
		out := config.NewSource()
		out.Name, out.Kind, out.URL, out.API = name, kind, page, api
		out.Token, out.WebhookSecrets = config.NewSecret(s.token), []config.Secret{config.NewSecret(s.secret)}
		out.AllowAddresses = []string{"127.0.0.0/8"}
		out.Discover.Groups = groups
		return out
	}
	var out []config.Source
	for _, d := range s.doors {
		switch d.name {
		case GitHub:
			out = append(out, at(d.name, "github", examples.GitHub, d.server.URL()+"/api/v3"))
		case GitLab:
			out = append(out, at(d.name, "gitlab", examples.GitLab, d.server.URL(), s.forge.Organisation))
		case Jenkins:
			source := at(d.name, "jenkins", examples.Jenkins, d.server.URL())
			source.User = JenkinsUser
			out = append(out, source)
		}
	}
	return out
}

// Tell has the hosts send their webhooks to the Callboard that listens at address, as host:port.
func (s *Stage) Tell(address net.Addr) error {
	to := "http://" + reachable(address) + "/webhooks/"
	s.GitHub.SetWebhook(githubtest.Webhook{URL: to + "github", Secret: s.secret})
	var failed error
	for _, name := range s.onGitLab() {
		_, err := s.GitLab.AddHook(s.forge.Repositories[name].GitLab, gitlabtest.Hook{URL: to + "gitlab", Token: s.secret,
			Push: true, TagPush: true, MergeRequests: true, Issues: true, Releases: true, Pipelines: true, Jobs: true})
		failed = errors.Join(failed, err)
	}
	// The Notification plugin sends the user and password of an address along.
	told := []jenkinstest.Endpoint{{URL: s.statuses}, {URL: strings.Replace(to, "http://", "http://jenkins:"+s.secret+"@", 1) + "jenkins"}}
	for _, name := range s.jobs {
		failed = errors.Join(failed, s.Jenkins.ChangeJob(name, func(j *jenkinstest.Job) { j.Endpoints = told }))
	}
	s.player.mu.Lock()
	defer s.player.mu.Unlock()
	s.callboard = "http://" + reachable(address)
	return failed
}

// reachable is an address that what listens on all of them is at.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return address.String()
}

func (s *Stage) onGitLab() []string {
	var out []string
	for _, name := range examples.Repositories() {
		if s.forge.Repositories[name].GitLab != "" {
			out = append(out, name)
		}
	}
	return out
}

// pull is a pull request that is known from the start.
func (s *Stage) pull(repository string, number int) examples.ForgePull {
	for _, p := range s.forge.Repositories[repository].PullRequests {
		if p.Number == number {
			return p
		}
	}
	return examples.ForgePull{}
}

// merge is the commit by which a pull request was merged, in the history of its repository.
func (s *Stage) merge(ctx context.Context, r *git.Repository, number int) (*git.Commit, error) {
	const most = 1000
	refs, err := r.Refs(ctx)
	if err != nil {
		return nil, err
	}
	oids, _, err := r.History(ctx, refs.HeadOID, git.Filter{}, "", most)
	if err != nil {
		return nil, err
	}
	commits, err := r.Commits(ctx, oids)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		if len(c.Parents) == 2 && strings.HasPrefix(c.Message, fmt.Sprintf("Merge pull request #%d ", number)) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no commit in the history of %s merges %d", filepath.Base(r.Dir), number)
}

// login returns who has an address.
func (s *Stage) login(email string) string {
	for _, p := range s.forge.People {
		if strings.EqualFold(p.Email, email) {
			return p.Login
		}
	}
	return s.forge.People[0].Login
}
