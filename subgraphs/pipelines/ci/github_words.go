package ci

import (
	"regexp"

	"callboard.dev/callboard/clients/github"
)

// gitHubStatuses is the one table from GitHub's words for how far something is, and how it ended (CheckStatusState and CheckConclusionState of its GraphQL
// interface; "Workflow runs" of its REST documentation), to those of this package.
var gitHubStatuses = map[string]Status{
	"REQUESTED":   Queued,
	"QUEUED":      Queued,
	"PENDING":     Queued,  // others of its concurrency group are before it
	"WAITING":     Waiting, // for an approval, or a timer, of an environment
	"IN_PROGRESS": Running,

	"SUCCESS":         Succeeded,
	"FAILURE":         Failed,
	"STARTUP_FAILURE": Failed, // its file cannot be run
	"TIMED_OUT":       TimedOut,
	"STALE":           TimedOut, // GitHub ended it as it took too long
	"CANCELLED":       Canceled,
	"SKIPPED":         Skipped,
	"NEUTRAL":         Skipped, // it says nothing of the result
	"ACTION_REQUIRED": Waiting, // somebody has to approve the run of somebody new
}

// gitHubStatus returns the status, and GitHub's word for it: the conclusion, or the status where there is none yet.
func gitHubStatus(status, conclusion string) (Status, string) {
	word := status
	if conclusion != "" {
		word = conclusion
	}
	if s, ok := gitHubStatuses[word]; ok {
		return s, word
	}
	return Unknown, word
}

// gitHubFilters are the words by which runs of a status are asked for: GitHub takes one, so that those of rarer words are left out.
var gitHubFilters = map[Status]string{
	Queued: "QUEUED", Waiting: "WAITING", Running: "IN_PROGRESS", Succeeded: "SUCCESS", Failed: "FAILURE", TimedOut: "TIMED_OUT", Canceled: "CANCELLED", Skipped: "SKIPPED",
}

// gitHubTriggers is the one table from the events that start workflows ("Events that trigger workflows" of GitHub's documentation) to triggers.
var gitHubTriggers = map[string]Trigger{
	"push":                        ByPush,
	"pull_request":                ByPullRequest,
	"pull_request_target":         ByPullRequest,
	"pull_request_review":         ByPullRequest,
	"pull_request_review_comment": ByPullRequest,
	"merge_group":                 ByPullRequest,
	"schedule":                    BySchedule,
	"workflow_dispatch":           ByHand,
	"repository_dispatch":         ByAPI,
	"workflow_call":               ByPipeline,
	"workflow_run":                ByPipeline,
	"release":                     ByTag,

	"branch_protection_rule": ByOther,
	"check_run":              ByOther,
	"check_suite":            ByOther,
	"create":                 ByOther,
	"delete":                 ByOther,
	"deployment":             ByOther,
	"deployment_status":      ByOther,
	"discussion":             ByOther,
	"discussion_comment":     ByOther,
	"dynamic":                ByOther, // of workflows that GitHub brings along
	"fork":                   ByOther,
	"gollum":                 ByOther,
	"image_version":          ByOther,
	"issue_comment":          ByOther,
	"issues":                 ByOther,
	"label":                  ByOther,
	"milestone":              ByOther,
	"page_build":             ByOther,
	"public":                 ByOther,
	"registry_package":       ByOther,
	"status":                 ByOther,
	"watch":                  ByOther,
}

// gitHubVersion is what the name of a tag of a version is like.
var gitHubVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]*)?$`)

// gitHubTrigger returns why there is a run. GitHub does not tell a pushed tag from a pushed branch: one that is named like v1.2.3 is taken for a tag, by judgement.
func gitHubTrigger(r *github.WorkflowRun) Trigger {
	trigger, ok := gitHubTriggers[r.Event]
	switch {
	case !ok:
		return ByOther
	case trigger == ByPush && gitHubVersion.MatchString(r.Branch):
		return ByTag
	}
	return trigger
}
