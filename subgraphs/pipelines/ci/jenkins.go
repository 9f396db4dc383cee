package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/upstream"
)

// NewJenkins returns the driver of a Jenkins. Its pipelines are jobs and multibranch projects, which are named by their full names; a folder is neither. Its
// keys are:
//
//   - of a pipeline the full name of the job or the project, "team/app";
//   - of a run the full name of the job that was built and the number of the build, "team/app/main#12";
//   - of what waits in the queue the job and the number of its item there, "team/app/main#q123". It stays good: once the item has become a build, the key
//     leads to that;
//   - of a job of a run the build and the node of the stage, "team/app/main#12/6", or "#12/0" where a build has no stages;
//   - of an artifact its path.
//
// Jenkins knows no repositories. Runs tell the address of what was checked out (Remote), and those of a commit or a pull request are found by the
// addresses that Jenkins has put on the commit: JenkinsKeyAt. A Pipeline that loads shared libraries has checked out those too, and Jenkins does not tell which
// is which: what counts is the first with the branch of the job, else the first. What Jenkins does not tell either is why a build was aborted, so that
// nothing is ever TimedOut; and of pull requests that are merged before they are built, Commit is the merge, which is on no host.
//
// Artifacts that Jenkins keeps at other hosts can be opened with a client that is Fetching.
func NewJenkins(client *jenkins.Client) Driver {
	return &jenkinsDriver{client: client, source: client.Source()}
}

// jenkinsDriver is the Driver of a Jenkins.
type jenkinsDriver struct {
	client *jenkins.Client
	source string
}

// JenkinsKeyAt returns the key of the run whose page, or a page of whose, lies at an address, such as the address of a commit's status: .../job/app/12/,
// .../job/app/12/display/redirect or .../job/app/12/console. ok is false for what is no build of the Jenkins whose pages lie at web.
func JenkinsKeyAt(address, web *url.URL) (key string, ok bool) {
	if address.Scheme != "https" && address.Scheme != "http" || !strings.EqualFold(address.Host, web.Host) {
		return "", false
	}
	path, found := strings.CutPrefix(address.EscapedPath(), strings.TrimRight(web.EscapedPath(), "/")+"/")
	if !found {
		return "", false
	}
	id, found := jenkins.Locate("/" + path)
	if !found || id.Number < 1 {
		return "", false
	}
	return jenkinsKey(id), true
}

func jenkinsKey(id jenkins.BuildID) string { return KeyOf(id.Job, strconv.Itoa(id.Number)) }

// jenkinsQueued stands before the number of an item of the queue in keys.
const jenkinsQueued = "q"

func jenkinsQueueKey(job string, item int64) string {
	return KeyOf(job, jenkinsQueued+strconv.FormatInt(item, 10))
}

// jenkinsNumber reads a number of digits alone, as it would be written; -1 for anything else.
func jenkinsNumber(text string) int64 {
	if n, ok := forge.Number(text); ok {
		return n
	}
	return -1
}

// job reads the key of a pipeline.
func (d *jenkinsDriver) job(key string) (string, error) {
	if d.client.JobURL(key) == "" {
		return "", d.refuse("%.100q is not the full name of a job, such as team/app", key)
	}
	return key, nil
}

// jenkinsRun is what the key of a run names: a build, or where item is above 0 what waits in the queue of the job.
type jenkinsRun struct {
	jenkins.BuildID
	item int64
}

// run reads the key of a run.
func (d *jenkinsDriver) run(key string) (jenkinsRun, error) {
	job, name, _ := strings.Cut(key, "#")
	digits, queued := strings.CutPrefix(name, jenkinsQueued)
	n := jenkinsNumber(digits)
	if d.client.JobURL(job) == "" || n < 1 || !queued && n > 1<<31-1 {
		return jenkinsRun{}, d.refuse("%.100q is not the key of a run, such as team/app/main#12", key)
	}
	if queued {
		return jenkinsRun{BuildID: jenkins.BuildID{Job: job}, item: n}, nil
	}
	return jenkinsRun{BuildID: jenkins.BuildID{Job: job, Number: int(n)}}, nil
}

// jenkinsWhole is the node of the one job of a build that has no stages. Jenkins counts from 2.
const jenkinsWhole = "0"

func jenkinsStageKey(id jenkins.BuildID, node string) string {
	return KeyOf(id.Job, strconv.Itoa(id.Number)+"/"+node)
}

// stage reads the key of a job of a run.
func (d *jenkinsDriver) stage(key string) (jenkins.BuildID, string, error) {
	at := strings.IndexByte(key, '#') + 1 // names of jobs have slashes of their own
	number, node, _ := strings.Cut(key[at:], "/")
	r, err := d.run(key[:at] + number)
	if n := jenkinsNumber(node); err != nil || r.item > 0 || n < 0 || n > 1<<31-1 {
		return jenkins.BuildID{}, "", d.refuse("%.100q is not the key of a job of a run, such as team/app/main#12/6", key)
	}
	return r.BuildID, node, nil
}

// refuse makes the error of what is not asked for, as it can name nothing on Jenkins.
func (d *jenkinsDriver) refuse(format string, args ...any) error {
	return &clients.Error{Kind: ErrInvalid, Source: d.source, Message: fmt.Sprintf(format, args...)}
}

// unable makes the error of what Jenkins cannot do.
func (d *jenkinsDriver) unable(message string) error {
	return &clients.Error{Kind: ErrUnsupported, Source: d.source, Message: message}
}

// declined makes the error of what is not done as things stand.
func (d *jenkinsDriver) declined(message string) error {
	return &clients.Error{Kind: ErrRefused, Source: d.source, Message: message}
}

func (d *jenkinsDriver) absent(message string) error {
	return &clients.Error{Kind: clients.ErrNotFound, Source: d.source, Message: message}
}

// failed is what an error of the client is to whoever asked.
func (d *jenkinsDriver) failed(err error) error {
	if errors.Is(err, jenkins.ErrInvalid) {
		return d.refuse("%v", err)
	}
	return err
}

// undone is failed for what changes something: where Jenkins says that it does not do that, it is refused.
func (d *jenkinsDriver) undone(err error) error {
	if e := clients.Of(err); e != nil && (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) {
		return d.declined(e.Message)
	}
	return d.failed(err)
}

// jenkinsAtOnce bounds how many requests of one call are under way: Jenkins reads what it is asked for from its disk.
const jenkinsAtOnce = 4

// jenkinsEach asks for each of some things, a few at a time.
func jenkinsEach[Q, V any](questions []Q, ask func(Q) (V, error)) ([]V, []error) {
	return upstream.Each(questions, jenkinsAtOnce, ask)
}

// jenkinsUnknown answers questions for what only repository hosts know.
func jenkinsUnknown[V any](d *jenkinsDriver, n int) ([]V, []error) {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = d.unable("Jenkins knows jobs and no repositories; ask the repository's host, whose commits have the addresses of builds as statuses")
	}
	return make([]V, n), errs
}

// CommitRuns asks nobody: see NewJenkins.
func (d *jenkinsDriver) CommitRuns(_ context.Context, commits []CommitName) ([][]*Run, []error) {
	return jenkinsUnknown[[]*Run](d, len(commits))
}

// PullRequestRuns asks nobody: see NewJenkins.
func (d *jenkinsDriver) PullRequestRuns(_ context.Context, names []PullRequestName) ([][]*Run, []error) {
	return jenkinsUnknown[[]*Run](d, len(names))
}

// jenkinsBody is a body that fails beyond a limit.
type jenkinsBody struct {
	io.ReadCloser
	left   int64
	refuse error
}

func (b *jenkinsBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.refuse
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one byte more tells that there is more
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.refuse
	}
	return n, err
}
