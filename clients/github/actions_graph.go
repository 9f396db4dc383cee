package github

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/shurcooL/githubv4"

	"callboard.dev/callboard/clients/git"
)

// RunsQuery asks for the runs of commits of one repository.
type RunsQuery struct {
	Revision     // HEAD stands for the newest commit of the default branch; an annotated tag stands for no commit here
	Depth    int // how many commits are looked at, from the revision backwards; 1 where 0, at most MaxDepth
}

// MaxDepth is how many commits one RunsQuery looks at, by judgement: who wants more wants a list of runs.
const MaxDepth = 10

// CommitRuns are the runs of one commit.
type CommitRuns struct {
	Commit  git.OID
	Checks  string         // of all checks together: "SUCCESS", "FAILURE", "ERROR", "PENDING", "EXPECTED"; "" where there are none
	Runs    []*WorkflowRun // the newest first
	More    bool           // there are more than the newest 20 check suites, among which these are
	Missing []Missing      // what GitHub withheld of all this
	// Default is the name of the repository's default branch; "" where it was not asked for: of a pull request.
	Default string
}

// wireCommitRuns is a commit with its runs: GraphQL's runs have neither status nor conclusion, those are their check suites'.
type wireCommitRuns struct {
	OID               string
	StatusCheckRollup *struct{ State string }
	CheckSuites       *struct {
		TotalCount int
		Nodes      []*wireSuite
	} `graphql:"checkSuites(last:20)"`
}

func (wireCommitRuns) on() string { return "Commit" }

type wireSuite struct {
	DatabaseID  int
	Status      string
	Conclusion  string
	CreatedAt   moment
	UpdatedAt   moment
	Branch      *struct{ Name string }
	Creator     *wireUser
	WorkflowRun *struct {
		ID         string
		DatabaseID int
		RunNumber  int
		Event      string
		URL        string
		CreatedAt  moment
		UpdatedAt  moment
		File       *struct{ Path string }
		Workflow   struct {
			ID         string
			DatabaseID int
			Name       string
			State      string
			URL        string
		}
	}
	CheckRuns *struct {
		TotalCount int
		Nodes      []*wireCheckRun
	} `graphql:"checkRuns(first:50,filterBy:{checkType:LATEST})"`
}

func (wireSuite) on() string { return "CheckSuite" }

type wireCheckRun struct {
	DatabaseID  int
	Name        string
	Status      string
	Conclusion  string
	StartedAt   moment
	CompletedAt moment
	URL         string
}

func (wireCheckRun) on() string { return "CheckRun" }

func (w *wireCheckRun) value() *CheckRun {
	return &CheckRun{DatabaseID: idOf(w.DatabaseID, w.URL, "job"), Name: cut(w.Name, maxLine), Status: word(w.Status), Conclusion: word(w.Conclusion),
		StartedAt: w.StartedAt.Time, CompletedAt: w.CompletedAt.Time, URL: address(w.URL)}
}

// value returns nil for suites of other apps than Actions.
func (w *wireSuite) value(commit git.OID) *WorkflowRun {
	run := w.WorkflowRun
	if run == nil || run.ID == "" {
		return nil
	}
	out := &WorkflowRun{
		ID: cut(run.ID, maxLine), DatabaseID: idOf(run.DatabaseID, run.URL, "runs"), Suite: w.DatabaseID, Number: run.RunNumber, Event: cut(run.Event, maxLine),
		Status: word(w.Status), Conclusion: word(w.Conclusion), Commit: commit, URL: address(run.URL),
		CreatedAt: run.CreatedAt.Time, UpdatedAt: run.UpdatedAt.Time, Actor: w.Creator.value(),
		Workflow: Workflow{ID: cut(run.Workflow.ID, maxLine), DatabaseID: run.Workflow.DatabaseID, Name: cut(run.Workflow.Name, maxLine), State: word(run.Workflow.State), URL: address(run.Workflow.URL)},
		Checks:   &CheckCounts{ByState: map[string]int{}, Complete: true},
	}
	if w.UpdatedAt.After(out.UpdatedAt) {
		out.UpdatedAt = w.UpdatedAt.Time
	}
	if w.Branch != nil {
		out.Branch = cut(w.Branch.Name, maxLine)
	}
	if run.File != nil {
		out.Workflow.Path = cut(run.File.Path, maxPath)
	}
	if w.CheckRuns == nil { // withheld
		out.Checks = nil
		return out
	}
	out.CheckRuns = convert(w.CheckRuns.Nodes, (*wireCheckRun).value)
	out.Checks.Total, out.Checks.Complete = w.CheckRuns.TotalCount, w.CheckRuns.TotalCount <= len(out.CheckRuns)
	for _, check := range out.CheckRuns {
		out.Checks.ByState[check.State()]++
		// What waits has the time it was made at in some answers.
		if waits := check.Status == "QUEUED" || check.Status == "WAITING"; !waits && !check.StartedAt.IsZero() && (out.StartedAt.IsZero() || check.StartedAt.Before(out.StartedAt)) {
			out.StartedAt = check.StartedAt
		}
	}
	return out
}

// idOf returns an id of the REST interface. GraphQL's Int ends at 31 bits, which ids of runs and jobs have passed; the address has it too:
// .../actions/runs/ID, .../job/ID.
func idOf(id int, address, before string) int {
	if id > 0 {
		return id
	}
	_, rest, found := strings.Cut(address, "/"+before+"/")
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		rest = rest[:digits]
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if !found || err != nil {
		return 0
	}
	return int(n)
}

func (w *wireCommitRuns) value(missing []Missing) *CommitRuns {
	out := &CommitRuns{Commit: oid(w.OID), Missing: missing}
	if w.StatusCheckRollup != nil {
		out.Checks = cut(w.StatusCheckRollup.State, maxLine)
	}
	if w.CheckSuites == nil {
		return out
	}
	out.More = w.CheckSuites.TotalCount > len(w.CheckSuites.Nodes)
	for _, suite := range w.CheckSuites.Nodes {
		if suite != nil {
			if run := suite.value(out.Commit); run != nil {
				out.Runs = append(out.Runs, run)
			}
		}
	}
	slices.SortStableFunc(out.Runs, newer)
	return out
}

// newer orders runs, the newest first.
func newer(a, b *WorkflowRun) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.DatabaseID, a.DatabaseID))
}

// byWorkflow orders runs by the name of their workflow.
func byWorkflow(runs []*WorkflowRun) {
	slices.SortStableFunc(runs, func(a, b *WorkflowRun) int {
		return cmp.Or(cmp.Compare(a.Workflow.Name, b.Workflow.Name), cmp.Compare(a.Workflow.Path, b.Workflow.Path), cmp.Compare(a.Workflow.DatabaseID, b.Workflow.DatabaseID))
	})
}

type wireRuns struct {
	DefaultBranchRef *struct{ Name string }
	Object           *struct {
		Commit struct {
			History *struct{ Nodes []*wireCommitRuns } `graphql:"history(first:$depth)"`
		} `graphql:"...on Commit"`
	} `graphql:"object(expression:$expression)"`
}

var runsQuery = newQuery[wireRuns]("runs of commits", "repository(owner:$owner,name:$name)", maxElements)

// maxRunCommits is how many commits are asked for their runs in one request, by judgement: GitHub gives up a query after 10 seconds, and each may
// have 20 suites of 50 check runs. A page of a portal shows 20.
const maxRunCommits = 40

// Runs returns the runs of the commits of each query, the newest commit first: those of the newest 20 check suites of each. It makes one request
// for all queries that together look at up to 40 commits. A query costs 0.01 points and each commit 0.21: 20 components with the runs of the heads
// of their default branches are one request of four points.
func (c *Client) Runs(ctx context.Context, queries []RunsQuery) ([][]*CommitRuns, []error) {
	m := many{most: maxRepositories, heaviest: maxRunCommits, weight: func(i int) int { return max(1, queries[i].Depth) }}
	answers := all(ctx, c, runsQuery, m, len(queries), func(i int) (map[string]any, error) {
		q := queries[i]
		v, err := q.Slug.variables()
		if err != nil {
			return nil, err
		}
		if q.Depth < 0 || q.Depth > MaxDepth {
			return nil, invalid("number of commits", "1 to 10")
		}
		v["expression"], v["depth"] = githubv4.String(q.Name), githubv4.Int(max(1, q.Depth))
		return v, checkRef(q.Name)
	})
	lists, errs := split(answers, func(w *wireRuns, missing []Missing) []*CommitRuns {
		if w.Object == nil || w.Object.Commit.History == nil {
			return nil
		}
		whole, each := perNode(missing, "object.history.nodes.")
		out := []*CommitRuns{}
		for i, commit := range w.Object.Commit.History.Nodes {
			if commit == nil || oid(commit.OID) == "" {
				whole = append(whole, each[i]...)
				continue
			}
			one := commit.value(each[i])
			if w.DefaultBranchRef != nil {
				one.Default = cut(w.DefaultBranchRef.Name, maxLine)
			}
			out = append(out, one)
		}
		if len(out) > 0 {
			out[0].Missing = append(out[0].Missing, whole...)
		}
		return out
	})
	for i := range lists {
		if lists[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "object")
		}
	}
	return lists, errs
}

type wirePullRequestRuns struct {
	PullRequest *struct {
		Commits struct {
			Nodes []*struct{ Commit wireCommitRuns }
		} `graphql:"commits(last:1)"`
	} `graphql:"pullRequest(number:$number)"`
}

var pullRequestRunsQuery = newQuery[wirePullRequestRuns]("runs of pull requests", "repository(owner:$owner,name:$name)", maxElements)

// PullRequestRuns returns the runs of the head of each pull request, also of one from a fork. One request for 40 of them, of 0.22 points each.
func (c *Client) PullRequestRuns(ctx context.Context, numbers []PullRequestNumber) ([]*CommitRuns, []error) {
	answers := all(ctx, c, pullRequestRunsQuery, many{most: maxRunCommits}, len(numbers), func(i int) (map[string]any, error) {
		v, err := numbers[i].Slug.variables()
		if err != nil {
			return nil, err
		}
		v["number"] = githubv4.Int(numbers[i].Number)
		return v, checkNumber(numbers[i].Number)
	})
	out, errs := split(answers, func(w *wirePullRequestRuns, missing []Missing) *CommitRuns {
		if w.PullRequest == nil {
			return nil
		}
		for _, last := range w.PullRequest.Commits.Nodes {
			if last != nil && oid(last.Commit.OID) != "" {
				return last.Commit.value(below(missing, "pullRequest.commits.nodes.0.commit"))
			}
		}
		return nil
	})
	for i := range out {
		if out[i] == nil && errs[i] == nil {
			errs[i] = c.absent(answers[i].Missing, "pullRequest")
		}
	}
	return out, errs
}

func checkNumber(number int) error {
	if number < 1 || number > maxNumber {
		return invalid("number", strconv.Itoa(number))
	}
	return nil
}
