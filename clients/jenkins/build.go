package jenkins

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// What a build ended as, in Jenkins' own words (hudson.model.Result).
const (
	Success  = "SUCCESS"
	Unstable = "UNSTABLE" // it went through, and tests failed
	Failure  = "FAILURE"
	NotBuilt = "NOT_BUILT"
	Aborted  = "ABORTED"
)

// Build is one run of a job.
type Build struct {
	BuildID
	Title       string // Jenkins' name for it, such as "#12", or the one it was given
	Description string // may be HTML, as somebody wrote it
	URL         string // of its page

	Building bool
	Result   string // one of the words above, "" until it is known
	Started  time.Time
	Duration time.Duration // zero while it builds
	Estimate time.Duration // how long it takes, by Jenkins' guess from the builds before; zero where it has none, and in Job.Last of Jobs and Branches
	Waited   time.Duration // in the queue; zero too where Jenkins has not the Metrics plugin, which alone knows
	QueueID  int64         // the item of the queue that it was; 0 where unknown

	Causes     []Cause
	Parameters []Parameter
	Revisions  []Revision // what was checked out, of each repository: shared libraries too
	Tests      *TestCounts
	Changes    []Change   // since the build before, newest last; only Build tells them, at most 100
	Artifacts  []Artifact // only Build tells them, at most 500
}

// Cause is why there is a build.
type Cause struct {
	Class string  // of Java, such as "hudson.model.Cause$UserIdCause"
	Text  string  // such as "Started by user Ada"
	User  string  // whose doing it is: a user's id
	By    BuildID // of which build this one follows, or is a replay; empty where of none
}

// Trigger is what kind of thing a cause is.
type Trigger string

// The triggers that are told apart, of the classes of Jenkins and of widely used plugins.
const (
	Manual   Trigger = "manual"   // somebody, by hand
	Push     Trigger = "push"     // something new in the repository
	Indexing Trigger = "indexing" // Jenkins looked for branches and found one, or a new commit
	Timer    Trigger = "timer"
	Upstream Trigger = "upstream" // another build
	Replay   Trigger = "replay"   // somebody, with what an earlier build was made of
	Remote   Trigger = "remote"   // an address with a token, without a user
	Unknown  Trigger = "unknown"
)

var triggers = map[string]Trigger{
	"hudson.model.Cause$UserIdCause":                                        Manual,
	"hudson.model.Cause$RemoteCause":                                        Remote,
	"hudson.model.Cause$UpstreamCause":                                      Upstream,
	"org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause": Upstream,
	"hudson.triggers.SCMTrigger$SCMTriggerCause":                            Push,
	"com.cloudbees.jenkins.GitHubPushCause":                                 Push,
	"com.dabsquared.gitlabjenkins.cause.GitLabWebHookCause":                 Push,
	"jenkins.branch.BranchEventCause":                                       Push,
	"jenkins.branch.BranchIndexingCause":                                    Indexing,
	"hudson.triggers.TimerTrigger$TimerTriggerCause":                        Timer,
	"com.sonyericsson.rebuild.RebuildCause":                                 Replay,
	replayed:                                                                Replay,
}

// Trigger returns what kind of thing the cause is.
func (c Cause) Trigger() Trigger {
	if t := triggers[c.Class]; t != "" {
		return t
	}
	return Unknown
}

// Parameter is a value a build was given.
type Parameter struct {
	Name, Value string
	Hidden      bool // Jenkins does not tell the value: it is a password, or a file
}

// Revision is what a build checked out of one repository.
type Revision struct {
	Commit  git.OID
	Branch  string   // such as "main", without the remote's name where that is "origin"; "" for none
	Remotes []string // the repository's addresses, as the job has them, without credentials; at most 10
}

// Change is a commit that is new in a build.
type Change struct {
	Commit  string // as the version control system names it
	Message string
	Author  string
	At      time.Time
}

// Artifact is a file that a build has kept.
type Artifact struct {
	Name string // of the file
	Path string // as Client.Artifact takes it
}

// TestCounts is what a build tells of its tests.
type TestCounts struct{ Total, Failed, Skipped int }

// Passed returns how many tests did what they should.
func (t TestCounts) Passed() int { return max(0, t.Total-t.Failed-t.Skipped) }

// replayed is the class of the cause of replays, which names the build in its text alone.
const replayed = "org.jenkinsci.plugins.workflow.cps.replay.ReplayCause"

// What is asked of a build. In pages of jobs, where it is repeated for each level of folders, Jenkins' guess is left out: for it Jenkins reads
// several builds of each job from its disk.
const (
	listedBuild = "number,url,displayName,result,building,timestamp,duration,queueId," +
		"actions[causes[shortDescription,userId,upstreamProject,upstreamBuild],parameters[name,value],lastBuiltRevision[SHA1,branch[name]],remoteUrls," +
		"failCount,skipCount,totalCount,queuingDurationMillis]"
	briefBuild = listedBuild + ",estimatedDuration"
	changes    = "[items[commitId,msg,timestamp,author[fullName]]{0,100}]"
	fullBuild  = briefBuild + ",description,changeSet" + changes + ",changeSets" + changes + "{0,20},artifacts[fileName,relativePath]{0,500}"
)

// Bounds of what is kept of a build's lists, by judgement.
const (
	maxActions   = 200
	maxList      = 100
	maxArtifacts = 500
	maxRemotes   = 10
)

type wireBuild struct {
	Number            int
	URL               string
	DisplayName       string
	Description       string
	Result            string
	Building          bool
	Timestamp         int64
	Duration          int64
	EstimatedDuration int64
	QueueID           int64 `json:"queueId"`
	Actions           []rawAction
	ChangeSet         json.RawMessage
	ChangeSets        []json.RawMessage
	Artifacts         []struct{ FileName, RelativePath string }
}

// wireAction is the parts of all kinds of actions that are read. Plugins add kinds of their own.
type wireAction struct {
	Causes []struct {
		Class            string `json:"_class"`
		ShortDescription string
		UserID           string `json:"userId"`
		UpstreamProject  string
		UpstreamBuild    int
	}
	Parameters []struct {
		Name  string
		Value json.RawMessage
	}
	LastBuiltRevision *struct {
		SHA1   string
		Branch []struct{ Name string }
	}
	RemoteURLs            []string `json:"remoteUrls"`
	FailCount             *int
	SkipCount             int
	TotalCount            *int
	QueuingDurationMillis *int64
}

type wireChangeSet struct {
	Items []struct {
		CommitID  string `json:"commitId"`
		Msg       string
		Timestamp int64
		Author    struct{ FullName string }
	}
}

// value makes a build of what was answered for it, nil where it is none.
func (w *wireBuild) value(c *Client, job string) *Build {
	if w == nil || w.Number < 1 {
		return nil
	}
	id := BuildID{Job: job, Number: w.Number}
	b := &Build{BuildID: id, Title: line(w.DisplayName), Description: cut(w.Description, maxText), URL: page(w.URL, c.BuildURL(id)),
		Building: w.Building, Result: line(w.Result), Started: at(w.Timestamp), Duration: span(w.Duration), Estimate: span(w.EstimatedDuration), QueueID: max(0, w.QueueID)}
	if b.Building {
		b.Duration = 0
	}
	for _, raw := range w.Actions[:min(len(w.Actions), maxActions)] {
		raw.into(b)
	}
	for _, raw := range append(w.ChangeSets, w.ChangeSet) {
		set := loose[wireChangeSet](raw)
		for _, i := range set.Items {
			if len(b.Changes) < maxList {
				b.Changes = append(b.Changes, Change{Commit: line(i.CommitID), Message: cut(i.Msg, maxText), Author: line(i.Author.FullName), At: at(i.Timestamp)})
			}
		}
	}
	for _, a := range w.Artifacts[:min(len(w.Artifacts), maxArtifacts)] {
		if checkArtifact(a.RelativePath) == nil {
			b.Artifacts = append(b.Artifacts, Artifact{Name: line(a.FileName), Path: a.RelativePath})
		}
	}
	return b
}

// rawAction is an action of a kind that is not known yet.
type rawAction struct{ json.RawMessage }

// into adds what an action tells to a build.
func (r rawAction) into(b *Build) {
	a := loose[wireAction](r.RawMessage)
	for _, w := range a.Causes {
		if len(b.Causes) >= maxList {
			break
		}
		cause := Cause{Class: line(w.Class), Text: line(w.ShortDescription), User: line(w.UserID)}
		by := BuildID{w.UpstreamProject, w.UpstreamBuild}
		if number, found := strings.CutPrefix(cause.Text, "Replayed #"); found && cause.Class == replayed {
			by.Job = b.Job
			by.Number, _ = strconv.Atoi(number)
		}
		if by.check() == nil {
			cause.By = by
		}
		b.Causes = append(b.Causes, cause)
	}
	for _, p := range a.Parameters {
		if len(b.Parameters) >= maxList {
			break
		}
		b.Parameters = append(b.Parameters, Parameter{Name: line(p.Name), Value: text(p.Value), Hidden: len(p.Value) == 0 || string(p.Value) == "null"})
	}
	if r := a.LastBuiltRevision; r != nil && len(b.Revisions) < maxList {
		if oid, ok := git.ParseOID(r.SHA1); ok {
			revision := Revision{Commit: oid}
			if len(r.Branch) > 0 {
				revision.Branch = branch(r.Branch[0].Name)
			}
			for _, address := range a.RemoteURLs[:min(len(a.RemoteURLs), maxRemotes)] {
				if address = remote(address); address != "" {
					revision.Remotes = append(revision.Remotes, address)
				}
			}
			b.Revisions = append(b.Revisions, revision)
		}
	}
	if a.FailCount != nil && a.TotalCount != nil {
		b.Tests = &TestCounts{Total: max(0, *a.TotalCount), Failed: max(0, *a.FailCount), Skipped: max(0, a.SkipCount)}
	}
	if a.QueuingDurationMillis != nil {
		b.Waited = span(*a.QueuingDurationMillis)
	}
}

// text returns the value of a parameter as a form would send it. Values that are not simple ones have none.
func text(raw json.RawMessage) string {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return cut(word, maxText)
	}
	if t := string(raw); t == "true" || t == "false" || t != "" && strings.Trim(t, "-+.eE0123456789") == "" {
		return cut(t, maxLine)
	}
	return ""
}

// branch returns the branch of what the git plugin calls one: "refs/remotes/origin/main", "origin/main", "main", or "detached".
func branch(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "refs/remotes/"), "refs/heads/")
	if name = strings.TrimPrefix(name, "origin/"); name == "detached" {
		return ""
	}
	return line(name)
}

// remote returns the address of a repository without what may be a credential in it, "" where that cannot be told.
func remote(address string) string {
	address = line(address)
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return address // git@host:path, or a folder
	}
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if user := authority[:at]; scheme != "ssh" || strings.ContainsAny(user, ":") {
			authority = authority[at+1:]
		}
	}
	return scheme + "://" + authority + "/" + path
}

// Build returns a build with its changes and artifacts. It makes one request.
func (c *Client) Build(ctx context.Context, id BuildID) (*Build, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	var w wireBuild
	if err := c.read(ctx, "/job/{job}/{build}/api/json", id.path()+"/api/json", fullBuild, &w); err != nil {
		return nil, err
	}
	b := w.value(c, id.Job)
	if b == nil || b.Number != id.Number {
		return nil, bad(c.source, "its answer is not what it should be: a build of another number")
	}
	return b, nil
}

// BuildsQuery asks for builds of a job, the latest first.
type BuildsQuery struct {
	Job  string
	Skip int // how many of the latest are left out
	Most int // 1 to 100; 20 where 0
}

// Builds returns builds without their changes and artifacts. It makes one request. Beyond the latest 100 Jenkins has to read every build up to
// those that are asked for from its disk, so Skip is 10,000 at most.
func (c *Client) Builds(ctx context.Context, q BuildsQuery) ([]Build, error) {
	if err := checkName(q.Job); err != nil {
		return nil, err
	}
	const usual, most, far = 20, 100, 10_000
	if q.Most == 0 {
		q.Most = usual
	}
	if q.Most < 0 || q.Most > most || q.Skip < 0 || q.Skip > far {
		return nil, invalid("page", ranged(q.Skip, q.Skip+q.Most))
	}
	list := "builds" // Jenkins ends it at 100
	if q.Skip+q.Most > most {
		list = "allBuilds"
	}
	var w struct{ Builds, AllBuilds []*wireBuild }
	if err := c.read(ctx, "/job/{job}/api/json", jobPath(q.Job)+"/api/json", list+"["+briefBuild+"]"+ranged(q.Skip, q.Skip+q.Most), &w); err != nil {
		return nil, err
	}
	var out []Build
	found := append(w.Builds, w.AllBuilds...)
	for _, one := range found[:min(len(found), most)] {
		if b := one.value(c, q.Job); b != nil {
			out = append(out, *b)
		}
	}
	return out, nil
}
