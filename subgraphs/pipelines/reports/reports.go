// Package reports is what tests and coverage of commits are known by: reports are taken from what runs of pipelines left and from who uploads them, are kept in a
// store with the paths of the repository, and out comes what they say of a commit, of a change and of a branch over time.
//
// The one rule: only like is compared with like. What one side has no report of is left out on the other side too, and named.
//
// Open this file first. rule.go says which files of which artifacts are reports; collect.go fetches them, with archive.go for what is packed, and upload.go is sent
// them; take.go reads them and saves them, in the shape that stored.go has. coverage.go, change.go, series.go and tests.go are what is said of them.
package reports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// The kinds of reports, as rules and the store name them.
const (
	KindCoverage = store.Coverage
	KindTests    = store.Tests
)

// The kinds of errors that are not those of packages clients and ci.
var (
	// ErrNoRepository says that a name is that of no repository of a configured host.
	ErrNoRepository = errors.New("no repository of a configured host")
	// ErrUnauthenticated is what Config.Authorize returns, or wraps, where it cannot tell who asks.
	ErrUnauthenticated = errors.New("it is not known who asks")
	// ErrEmpty says that a report has nothing to be kept: no line with code, no test, or no file of the repository.
	ErrEmpty = errors.New("nothing to report")
)

// Store is where reports are kept, and where replicas agree on who collects them.
type Store interface {
	SaveReport(ctx context.Context, report store.Report) error
	Reports(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error)
	ReportHeads(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error)
	Series(ctx context.Context, query store.SeriesQuery) ([]store.Report, error)
	Announce(ctx context.Context, name string, lease time.Duration) (store.Announcement, bool, error)
	SaveAnnouncement(ctx context.Context, announcement store.Announcement) error
}

// Config is what reports are made of. The store is needed; all else has a useful zero value.
type Config struct {
	Store   Store
	Systems []*ci.System // where repositories of uploads, and of the runs of systems that are no repository hosts, are looked for
	// Rules returns which files of what runs left are reports, by the name of the system that ran them and the path of the repository. Without it Usual holds.
	Rules func(system, repository string) []Rule
	// Authorize tells by an error that whoever sends the header may not upload reports of the repository. Without it nobody may.
	Authorize func(ctx context.Context, header http.Header, repository Repository) error
	Limits    Limits
	Folder    string // for artifacts while they are read; that of the operating system where empty
	Log       *slog.Logger
}

// Limits bounds what is fetched, received and read, all of which anybody may have made. A zero is the default.
type Limits struct {
	Time       time.Duration // that collecting one run may take: 5 minutes
	Collecting int           // runs that are collected at once: 2
	Artifacts  int           // of one run that are fetched: 64
	Artifact   int64         // bytes of one, as it comes: 128 MiB
	Fetched    int64         // bytes of all of one run, as they come: 512 MiB
	Entries    int           // of one archive: 50,000
	Directory  int64         // bytes of what an archive says of its entries: 16 MiB
	File       int64         // bytes of one file, unpacked: 256 MiB
	Unpacked   int64         // bytes of all files of one run, unpacked: 1 GiB
	Ratio      int           // how much larger a file may get by being unpacked, beyond 4 MiB: 300 times. The markup of reports repeats itself, about 50 times.
	Reports    int           // files of one run that are read: 5,000, as some runners write one for each class
	Upload     int64         // bytes of an upload, packed and unpacked: 256 MiB
	Uploads    int           // that are read at once: 4
	UploadTime time.Duration // that one upload may take: 2 minutes
	Texts      int           // bytes of texts that are kept of one report of tests: 2 MiB
	Flaky      int           // reports of tests of a branch that are read for what is flaky: 50
	Coverage   coverage.Limits
	Tests      testreport.Limits
}

func (l Limits) filled() Limits {
	for _, v := range []struct {
		limit *int
		with  int
	}{{&l.Collecting, 2}, {&l.Artifacts, 64}, {&l.Entries, 50_000}, {&l.Ratio, 300}, {&l.Reports, 5000}, {&l.Uploads, 4}, {&l.Texts, 2 << 20}, {&l.Flaky, 50}} {
		if *v.limit <= 0 {
			*v.limit = v.with
		}
	}
	for _, v := range []struct {
		limit *int64
		with  int64
	}{{&l.Artifact, 128 << 20}, {&l.Fetched, 512 << 20}, {&l.Directory, 16 << 20}, {&l.File, 256 << 20}, {&l.Unpacked, 1 << 30}, {&l.Upload, 256 << 20}} {
		if *v.limit <= 0 {
			*v.limit = v.with
		}
	}
	if l.Time <= 0 {
		l.Time = 5 * time.Minute
	}
	if l.UploadTime <= 0 {
		l.UploadTime = 2 * time.Minute
	}
	return l
}

// Reports knows the reports of commits. Its methods may be called at once.
type Reports struct {
	store     Store
	sites     []*ci.System // that are repository hosts
	rules     func(system, repository string) []Rule
	authorize func(ctx context.Context, header http.Header, repository Repository) error
	limits    Limits
	folder    string
	log       *slog.Logger

	collecting chan struct{} // as many as may be collected at once
	uploading  chan struct{}
	files      fileLists

	mu      sync.Mutex
	done    map[string]bool          // runs that were collected
	flights map[string]chan struct{} // runs that are being collected here
}

// New returns what is known of reports in a store.
func New(c Config) *Reports {
	r := &Reports{store: c.Store, rules: c.Rules, authorize: c.Authorize, limits: c.Limits.filled(), folder: c.Folder, log: c.Log, done: map[string]bool{}, flights: map[string]chan struct{}{}}
	for _, s := range c.Systems {
		if s.Host != nil {
			r.sites = append(r.sites, s)
		}
	}
	if r.rules == nil {
		r.rules = func(string, string) []Rule { return Usual() }
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.collecting, r.uploading = make(chan struct{}, r.limits.Collecting), make(chan struct{}, r.limits.Uploads)
	return r
}

// Repository is a repository of a system that hosts it.
type Repository struct {
	System *ci.System
	Path   string // such as "larkfold/player"
}

// key names the repository in the store.
func (of Repository) key() (string, error) {
	if of.System == nil || of.System.Host == nil || !of.System.Host.Valid(of.Path) {
		return "", fmt.Errorf("%w: %.100q", ErrNoRepository, of.Path)
	}
	return strings.ToLower(of.System.Host.Name + "/" + of.Path), nil
}

// named returns the key of a repository and the commit in the form in which it is kept.
func (of Repository) named(commit string) (key, oid string, err error) {
	if key, err = of.key(); err != nil {
		return "", "", err
	}
	id, ok := git.ParseOID(commit)
	if !ok {
		return "", "", fmt.Errorf("%w: %.100q is no object id of a commit", ci.ErrInvalid, commit)
	}
	return key, string(id), nil
}

// Find returns the repository that a text names: the address of a page of it, its remote as git has it, or its host and path.
func (r *Reports) Find(text string) (Repository, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 1000 {
		return Repository{}, false
	}
	if host, path, ok := strings.Cut(text, "/"); ok && !strings.Contains(text, "://") && !strings.Contains(host, ":") {
		for _, s := range r.sites { // "github.com/larkfold/player", where the source may have another name than its host
			if strings.EqualFold(host, s.Host.Name) && s.Host.Valid(path) {
				return Repository{s, path}, true
			}
		}
	}
	place, ok := forge.At(r.sites, page(text))
	if !ok {
		return Repository{}, false
	}
	return Repository{place.Site, place.Path}, true
}

// page returns the address of the page that a remote's is, where it is that: git@HOST:PATH and ssh://git@HOST:PORT/PATH have the host and the path of a page.
func page(remote string) string {
	if !strings.Contains(remote, "://") {
		host, path, ok := strings.Cut(remote, ":")
		if !ok || strings.Contains(host, "/") {
			return "https://" + remote
		}
		return "https://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(remote)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "ssh", "git":
		u.Scheme, u.Host = "https", u.Hostname()
	}
	u.User = nil
	return u.String()
}
