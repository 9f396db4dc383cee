// Package ci says what systems that build and test know, such as GitHub Actions, GitLab CI and Jenkins, in one vocabulary. Names go in, what the systems say of
// them comes out, each value with the state it is in: said just now, remembered, or not known and why.
//
// The one rule: everything is asked for in batches, and nothing twice: a driver is called once for all that one level of a query wants of its system and that
// is not remembered.
//
// Open vocabulary.go first, for what is said; then driver.go, for what each kind of system has to answer; load.go is how answers are remembered.
package ci

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/upstream"
)

// The kinds of errors that are not those of package clients.
var (
	ErrInvalid     = errors.New("invalid argument")
	ErrUnsupported = errors.New("not supported")
	// ErrRefused says that the system does not do what it was asked to, for a reason that its text has: a run that is too old to be run again, or is over.
	ErrRefused = errors.New("refused")
)

// System is one configured system. It is immutable.
type System struct {
	Name     string // of the source, such as "github.com"
	Provider Provider
	Web      *url.URL    // where its pages lie
	Host     *forge.Host // where it is a repository host, too; else nil

	source *clients.Source
	driver Driver
}

// New returns the system whose pages lie at web, reached through the source by the driver. host is nil for one that is no repository host.
func New(provider Provider, web *url.URL, host *forge.Host, source *clients.Source, driver Driver) *System {
	return &System{Name: source.Settings().Name, Provider: provider, Web: web, Host: host, source: source, driver: driver}
}

// Forge returns the host, so that it can be found by package forge.
func (s *System) Forge() *forge.Host { return s.Host }

// Below tells whether an address is that of a page of the system.
func (s *System) Below(address *url.URL) bool {
	return strings.EqualFold(address.Host, s.Web.Host) && (address.Scheme == "https" || address.Scheme == "http") &&
		strings.HasPrefix(address.Path+"/", strings.TrimSuffix(s.Web.Path, "/")+"/")
}

// Loaded is what became of one value that was asked for.
type Loaded[T any] = upstream.Loaded[T]

// named is the name and the tags of what is named by a text.
func (s *System) named(tags func(string) []string) func(string) (string, []string) {
	return func(name string) (string, []string) { return name, tags(name) }
}

// Overviews returns the pipelines of repositories, or jobs, that have run lately.
func (s *System) Overviews(ctx context.Context, names []string) []Loaded[[]*Pipeline] {
	return load(ctx, s, KindPipelines, names, s.named(s.tags), s.driver.Overviews)
}

// All returns all pipelines of repositories.
func (s *System) All(ctx context.Context, names []string) []Loaded[[]*Pipeline] {
	return load(ctx, s, KindAllPipelines, names, s.named(s.tags), s.driver.All)
}

// Pipelines returns pipelines by their keys.
func (s *System) Pipelines(ctx context.Context, keys []string) []Loaded[*Pipeline] {
	return load(ctx, s, KindPipeline, keys, s.named(s.tagsOfKey), s.driver.Pipelines)
}

// Runs returns runs by their keys.
func (s *System) Runs(ctx context.Context, keys []string) []Loaded[*Run] {
	return load(ctx, s, KindRun, keys, s.named(s.tagsOfKey), s.driver.Runs)
}

// RunPages returns pages of runs, the newest first.
func (s *System) RunPages(ctx context.Context, queries []RunsQuery) []Loaded[*Page[*Run]] {
	return load(ctx, s, KindRuns, queries, func(q RunsQuery) (string, []string) {
		if q.Repository != "" {
			return upstream.NameOf(q), s.tags(q.Repository)
		}
		return upstream.NameOf(q), s.tagsOfKey(q.Pipeline)
	}, s.driver.RunPages)
}

// CommitRuns returns the newest run of each pipeline for each of the commits.
func (s *System) CommitRuns(ctx context.Context, commits []CommitName) []Loaded[[]*Run] {
	return load(ctx, s, KindCommitRuns, commits, func(c CommitName) (string, []string) { return upstream.NameOf(c), s.tags(c.Repository) }, s.driver.CommitRuns)
}

// PullRequestRuns returns the newest run of each pipeline for the newest commit of each of the pull requests.
func (s *System) PullRequestRuns(ctx context.Context, names []PullRequestName) []Loaded[[]*Run] {
	return load(ctx, s, KindPullRequestRuns, names, func(n PullRequestName) (string, []string) { return upstream.NameOf(n), s.tags(n.Repository) }, s.driver.PullRequestRuns)
}

// Stages returns the stages of runs.
func (s *System) Stages(ctx context.Context, runs []string) []Loaded[*Stages] {
	return load(ctx, s, KindStages, runs, s.named(s.tagsOfKey), s.driver.Stages)
}

// Steps returns the steps of jobs.
func (s *System) Steps(ctx context.Context, jobs []string) []Loaded[[]Step] {
	return load(ctx, s, KindSteps, jobs, s.named(s.tagsOfKey), s.driver.Steps)
}

// TellsResults tells whether the system itself knows of the tests and the coverage of runs. GitHub does not: what is said of them there comes from reports alone.
func (s *System) TellsResults() bool { return s.Provider != GitHubActions }

// Tests returns what the system itself knows of the tests of runs.
func (s *System) Tests(ctx context.Context, runs []string) []Loaded[*Tests] {
	return load(ctx, s, KindTests, runs, s.named(s.tagsOfKey), s.driver.Tests)
}

// Coverages returns the share of lines that the tests of runs ran, in percent, as the system itself knows it.
func (s *System) Coverages(ctx context.Context, runs []string) []Loaded[*float64] {
	return load(ctx, s, KindCoverage, runs, s.named(s.tagsOfKey), s.driver.Coverages)
}

// Artifacts returns what runs have left.
func (s *System) Artifacts(ctx context.Context, runs []string) []Loaded[[]Artifact] {
	return load(ctx, s, KindArtifacts, runs, s.named(s.tagsOfKey), s.driver.Artifacts)
}

// Logs returns parts of logs.
func (s *System) Logs(ctx context.Context, queries []LogQuery) []Loaded[*Log] {
	return load(ctx, s, KindLog, queries, func(q LogQuery) (string, []string) { return upstream.NameOf(q), s.tagsOfKey(q.Run) }, s.driver.Logs)
}

// Open returns an artifact as it comes.
func (s *System) Open(ctx context.Context, run, artifact string, most int64) (io.ReadCloser, int64, error) {
	return s.driver.Open(ctx, run, artifact, most)
}

// Actions returns what changes something. What is remembered of a run has to be forgotten after: Outdated.
func (s *System) Actions() Driver { return s.driver }

// Hosting returns what only repository hosts do, nil for a system that is none.
func (s *System) Hosting() Forge {
	f, _ := s.driver.(Forge)
	return f
}

// Compare returns what commits change against where they left others. It is for repository hosts alone.
func (s *System) Compare(ctx context.Context, queries []ComparisonQuery) []Loaded[*Comparison] {
	return load(ctx, s, KindComparison, queries, func(q ComparisonQuery) (string, []string) { return upstream.NameOf(q), s.tags(q.Repository) }, s.Hosting().Compare)
}

// Linked returns the addresses that others have put on commits as their statuses. It is for repository hosts alone.
func (s *System) Linked(ctx context.Context, commits []CommitName) []Loaded[[]string] {
	return load(ctx, s, KindLinked, commits, func(c CommitName) (string, []string) { return upstream.NameOf(c), s.tags(c.Repository) }, s.Hosting().Linked)
}

// Outdated returns the tags of all that is remembered of a repository or a job and its runs, for Invalidate of the cache. Of a repository host these are
// the tags under which package repos remembers what it knows of the repository, too.
func (s *System) Outdated(names ...string) []string {
	var out []string
	for _, name := range names {
		out = append(out, s.tag(name))
	}
	return out
}

// tag is that of a repository or a job, of which keys have a # in another way than names.
func (s *System) tag(name string) string {
	return "repository:" + s.Name + "/" + strings.ToLower(strings.ReplaceAll(name, "#", "%23"))
}

// tags are the tags of everything that belongs to a repository or a job.
func (s *System) tags(name string) []string { return []string{"source:" + s.Name, s.tag(name)} }

// tagsOfKey are those of what is named by a key: keys begin with the name of what they belong to.
func (s *System) tagsOfKey(key string) []string { return s.tags(OwnerOf(key)) }

// Keys of all drivers are the path of a repository, or the full name of a job, and behind a "#" what names something in it. Neither can have a "#" itself:
// full names of jobs are written with it as %23.

// KeyOf returns the key of what has a name in an owner.
func KeyOf(owner, name string) string { return strings.ReplaceAll(owner, "#", "%23") + "#" + name }

// OwnerOf returns the repository or the job that a key belongs to.
func OwnerOf(key string) string {
	owner, _, _ := strings.Cut(key, "#")
	return strings.ReplaceAll(owner, "%23", "#")
}
