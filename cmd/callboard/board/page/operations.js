// What the pages ask the graph.

// what a run is like at any moment; a subscription sends it again with each change.
const progress = `
fragment Progress on PipelineRun {
  id source fetchedAt freshness
  pipeline { id provider name url }
  number attempt title status providerStatus trigger commitOid branch
  actor { login name }
  createdAt startedAt finishedAt duration queueTime estimatedRemaining
  estimate { duration remaining method runs }
  url
  stages { name status jobs { id name status providerStatus duration url isAllowedToFail failure } }
  actions { canRerun canRerunFailed }
}`;

// what comes of a run; it is asked for with the page, and again when the run is done.
const result = `
fragment Result on PipelineRun {
  tests {
    total passed failed skipped hasCases comparedWith
    failing(first: 20) { ...Test }
    newlyFailing(first: 20) { ...Test }
  }
  coverage { origin lines change { againstMergeBase } }
}
fragment Test on TestCase { name className suite status message file line }`;

const change = `
fragment Change on CoverageChange {
  againstMergeBase before after mergeBase base isExact addedLines addedLinesCovered leftOutFlags
  files { ...File }
  elsewhere { ...File }
}
fragment File on CoverageFileChange { path previousPath verdict before after change untestedLines uncoveredLines }`;

export const pullRequest = `query PullRequestView($url: URL!) {
  pullRequest(url: $url) {
    source fetchedAt freshness
    number title state isDraft url createdAt updatedAt closedAt mergedAt
    author { login name url avatarUrl }
    baseRefName headRefName headRefOid
    additions deletions changedFileCount
    mergeable reviewDecision checks
    repository { nameWithOwner url }
    pipelineRuns(first: 50) { totalCount nodes { ...Progress ...Result } }
    coverageChange { ...Change }
  }
}${progress}${result}${change}`;

export const run = `query RunView($id: ID!) {
  pipelineRun(id: $id) { ...Progress ...Result coverage { change { ...Change } } }
}${progress}${result}${change}`;

export const followRun = `subscription FollowRun($id: ID!, $after: String) {
  pipelineRun(id: $id, after: $after) { event missedEvents ...Progress }
}${progress}`;

export const followLog = `subscription FollowLog($run: ID!, $job: ID, $after: String) {
  pipelineLog(run: $run, job: $job, after: $after) { entries { text at level } next isCutBefore isComplete }
}`;

const payload = `{ run { id } userErrors { message code } }`;

export const rerun = `mutation RunAgain($id: ID!, $key: String) {
  rerunPipelineRun(input: { id: $id, clientMutationId: $key }) ${payload}
}`;

export const rerunFailed = `mutation RunFailedAgain($id: ID!, $key: String) {
  rerunFailedJobs(input: { id: $id, clientMutationId: $key }) ${payload}
}`;
