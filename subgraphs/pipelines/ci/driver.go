package ci

import (
	"context"
	"io"
)

// Driver is what a kind of system has to answer. Every method that takes a list answers for all of it at once, in its order, one result and one error each;
// an error with clients.ErrNotFound says that there is no such thing, and one with ErrUnsupported that the system cannot do or tell it. What names nothing, such
// as a key that is none of the driver's, is an error with ErrInvalid, and nobody is asked. A driver remembers nothing and never asks twice: that is done for it.
type Driver interface {
	// Overviews returns the pipelines of repositories, or the jobs of Jenkins, each with its newest run of the default branch: of 20 in one request. They are named
	// by the paths of repositories, or by the full names of jobs. Those are left out that have not run for the newest commits.
	Overviews(ctx context.Context, names []string) ([][]*Pipeline, []error)
	// All returns all pipelines of repositories, also those that have not run for long; their Latest need not be told.
	All(ctx context.Context, names []string) ([][]*Pipeline, []error)
	// Pipelines returns pipelines by their keys.
	Pipelines(ctx context.Context, keys []string) ([]*Pipeline, []error)

	// Runs returns runs by their keys.
	Runs(ctx context.Context, keys []string) ([]*Run, []error)
	RunPages(ctx context.Context, queries []RunsQuery) ([]*Page[*Run], []error)
	// CommitRuns returns the newest run of each pipeline for each of the commits, the newest first.
	CommitRuns(ctx context.Context, commits []CommitName) ([][]*Run, []error)
	// PullRequestRuns returns the newest run of each pipeline for the newest commit of each of the pull requests, the newest first.
	PullRequestRuns(ctx context.Context, names []PullRequestName) ([][]*Run, []error)

	// Stages returns the stages of runs.
	Stages(ctx context.Context, runs []string) ([]*Stages, []error)
	// Steps returns the steps of jobs, where Stages does not tell them.
	Steps(ctx context.Context, jobs []string) ([][]Step, []error)
	// Tests returns what the system itself knows of the tests of runs: nil without an error where it tells none.
	Tests(ctx context.Context, runs []string) ([]*Tests, []error)
	// Coverages returns the coverage of runs as the system itself knows it: the share of lines, in percent; nil without an error where it tells none.
	Coverages(ctx context.Context, runs []string) ([]*float64, []error)
	Artifacts(ctx context.Context, runs []string) ([][]Artifact, []error)
	Logs(ctx context.Context, queries []LogQuery) ([]*Log, []error)
	// Open returns an artifact as it comes, and its size in bytes, -1 where that is not told. It must be closed. It is never more than so many bytes.
	Open(ctx context.Context, run, artifact string, most int64) (io.ReadCloser, int64, error)

	// What follows changes something, and is never tried twice. A run that is returned need not be more than queued.

	// Rerun runs all of a run again.
	Rerun(ctx context.Context, run string) (*Run, error)
	// RerunFailed runs what failed again.
	RerunFailed(ctx context.Context, run string) (*Run, error)
	Cancel(ctx context.Context, run string) (*Run, error)
	// Start starts a pipeline. The run has no key where the system does not tell which one it made.
	Start(ctx context.Context, q StartQuery) (*Run, error)
}

// Forge is what a driver can do where its system is a repository host, too.
type Forge interface {
	// Files returns the paths of the files of a commit, and whether these are all: submodules, symbolic links and folders are none.
	Files(ctx context.Context, commit CommitName) (paths []string, complete bool, err error)
	Compare(ctx context.Context, queries []ComparisonQuery) ([]*Comparison, []error)
	// SetStatus says something of a commit.
	SetStatus(ctx context.Context, s CommitStatus) error
	// Comment comments on a pull request, or gives the comment of the id another text, and returns the comment's id. Where the comment is gone there is a new one.
	Comment(ctx context.Context, repository string, pullRequest int, id, text string) (string, error)
	// Linked returns the addresses that others have put on a commit as its statuses, or checks, at most 100.
	Linked(ctx context.Context, commits []CommitName) ([][]string, []error)
}
