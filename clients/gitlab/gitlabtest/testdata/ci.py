"""Drives the CI of a simulated GitLab with python-gitlab: pipelines, jobs, traces, reports, and what may be done to them.

Arguments: the address, the tokens of Ada (a developer) and Max (a reporter), the ids of a pipeline of main and of a failed one. On that GitLab a second
goes by with every look at its clock. Prints nothing and ends with 0 where all is as expected.
"""

import io
import sys
import zipfile

import gitlab

address, ada, max_, newest, failed = sys.argv[1:6]
SEARCH = "larkfold/platform/search"


def eq(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def refused(status, ask):
    try:
        ask()
    except gitlab.exceptions.GitlabError as e:
        eq(e.response_code, status)
        return str(e)
    raise AssertionError(f"not refused with {status}")


def until(pipeline, *states):
    for _ in range(1000):
        pipeline.refresh()
        if pipeline.status in states:
            return
    raise AssertionError(f"{pipeline.status} for ever, not {states}")


project = gitlab.Gitlab(address, private_token=ada).projects.get(SEARCH)
reporter = gitlab.Gitlab(address, private_token=max_).projects.get(SEARCH)

# Pipelines.
page = project.pipelines.list(iterator=True, per_page=2)
eq((page.total, page.total_pages, page.next_page), (4, 2, 2))
eq(len(list(page)), 4)
eq([p.id for p in project.pipelines.list(ref="main", status="success", all=True)][0], int(newest))
eq(len(project.pipelines.list(source="parent_pipeline", all=True)), 3)
eq(project.pipelines.get("latest", ref="main").id, int(newest))
main = project.pipelines.get(newest)
eq((main.status, main.source, main.coverage, main.user["username"]), ("success", "push", "82.50", "ada"))
eq(main.detailed_status["label"], "passed with warnings")
broken = project.pipelines.get(failed)
eq((broken.status, broken.ref, broken.duration, broken.queued_duration), ("failed", "refs/merge-requests/1/head", 70, 2))
eq([(v.key, v.value, v.variable_type) for v in broken.variables.list()], [("LEVEL", "3", "env_var")])

# Jobs.
eq([(j.stage, j.name, j.status) for j in broken.jobs.list(all=True)],
   [("deploy", "production", "skipped"), ("test", "style", "failed"), ("test", "unit", "failed"), ("build", "compile", "success")])
eq([j.name for j in broken.jobs.list(scope=["success"], all=True)], ["compile"])
bridge = main.bridges.list(all=True)[0]
eq((bridge.name, bridge.downstream_pipeline["status"]), ("images", "success"))
eq(project.pipelines.get(bridge.downstream_pipeline["id"]).source, "parent_pipeline")
unit = project.jobs.get([j for j in broken.jobs.list(all=True) if j.name == "unit"][0].id)
eq((unit.failure_reason, unit.coverage, unit.duration, unit.tag_list, unit.runner["description"]), ("script_failure", 79, 60, ["linux"], "runner-1"))
eq([a["file_type"] for a in unit.attributes["artifacts"]], ["archive", "junit", "trace"])
trace = unit.trace()
eq((len(trace), trace[:16]), (16000, b"line 0000000000\n"))
lazy = project.jobs.get(unit.id, lazy=True)
archive = zipfile.ZipFile(io.BytesIO(lazy.artifacts()))
eq(archive.namelist(), ["coverage/index.html", "junit.xml"])
eq(lazy.artifact("junit.xml"), b"<testsuite/>")
eq(len(list(project.jobs.list(iterator=True, per_page=5))), 19)

# Reports.
report = broken.test_report.get()
eq((report.total_count, report.failed_count), (2, 1))
case = report.test_suites[0]["test_cases"][0]
eq((case["name"], case["status"], case["recent_failures"]), ("TestRank", "failed", {"count": 3, "base_branch": "main"}))
summary = broken.test_report_summary.get()
eq((summary.total["failed"], summary.test_suites[0]["build_ids"]), (1, [unit.id]))

# What a reporter may not.
theirs = reporter.pipelines.get(failed)
refused(403, theirs.retry)
refused(403, theirs.cancel)
refused(403, reporter.jobs.get(unit.id).retry)
refused(403, lambda: reporter.pipelines.create({"ref": "main"}))
refused(403, lambda: theirs.variables.list())

# A job again: another comes in its place, and the pipeline goes on.
again = unit.retry()
assert again["id"] != unit.id
assert "not retryable" in refused(403, unit.retry)
until(broken, "success")
eq([(j.name, j.status) for j in broken.jobs.list(include_retried=True, all=True) if j.name == "unit"], [("unit", "success"), ("unit", "failed")])
eq([j.name for j in broken.jobs.list(all=True)].count("unit"), 1)

# A pipeline of its own: its trace grows, it is canceled and begun again.
made = project.pipelines.create({"ref": "main", "variables": [{"key": "LEVEL", "value": "7"}]})
eq((made.status, made.source, made.ref), ("pending", "api", "main"))
eq([(v.key, v.value) for v in made.variables.list()], [("LEVEL", "7")])
job = lambda name: project.jobs.get([j for j in made.jobs.list(all=True) if j.name == name][0].id)
sizes = []
while not sizes or sizes[-1] < 16000:
    made.refresh()
    sizes.append(len(job("unit").trace()))
assert sizes == sorted(sizes) and len(set(sizes)) > 3, sizes
until(made, "success")
manual = job("production")
eq(manual.status, "manual")
manual.play()
eq(job("production").status in ("pending", "running"), True)
manual.cancel()
eq(job("production").status, "canceled")
assert "Unplayable" in refused(400, manual.play)
made = project.pipelines.create({"ref": "main"})
made.cancel()
made.refresh()
eq(made.status, "canceled")
made.retry()
until(made, "success")
assert "Reference not found" in refused(400, lambda: project.pipelines.create({"ref": "none"}))
refused(404, lambda: project.pipelines.get(1))

# A pipeline of a merge request, and what lies between two commits.
mr = project.mergerequests.get(1)
made = mr.pipelines.create({})
eq((made.ref, made.source, made.sha), ("refs/merge-requests/1/head", "merge_request_event", mr.sha))
project.pipelines.get(made.id).cancel()
base = project.repository_merge_base(["main", "feature/ranking"])
between = project.repository_compare(base["id"], "feature/ranking")
eq(sorted(d["new_path"] for d in between["diffs"]), ["docs/taste.md", "rank.go", "taste.go"])
eq([d["collapsed"] or d["too_large"] for d in between["diffs"]], [False] * 3)

# What leads to somewhere else.
commit = project.commits.get("main")
commit.statuses.create({"state": "running", "name": "callboard", "target_url": "https://callboard.example/1"})
eq([(s.status, s.target_url) for s in commit.statuses.list(name="callboard", all=True)], [("running", "https://callboard.example/1")])
refused(400, lambda: commit.statuses.create({"state": "running", "name": "callboard"}))
mr = project.mergerequests.get(4)
note = mr.notes.create({"body": "See the view"})
note.body = "Seen"
note.save()
eq([n.body for n in mr.notes.list(all=True)], ["Seen"])
eq([n.author["username"] for n in mr.notes.list(all=True)], ["ada"])
