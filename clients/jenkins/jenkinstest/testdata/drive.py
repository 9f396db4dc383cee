"""Drives the simulator with python-jenkins, which knows nothing of it: argv is its address, and who asks."""
import sys
import urllib.request

import jenkins
import requests

address, user, token, password, control = sys.argv[1:6]


def passes(seconds):
    """Lets time pass on the simulator's clock."""
    urllib.request.urlopen("%s/%d" % (control, seconds)).read()


def check(what, got, want):
    if got != want:
        raise SystemExit("%s: got %r, want %r" % (what, got, want))


def refused(what, kind, call, *args, **more):
    try:
        got = call(*args, **more)
    except kind as e:
        return str(e)
    raise SystemExit("%s: got %r, want %s" % (what, got, kind.__name__))


server = jenkins.Jenkins(address, username=user, password=token)
check("whoami", server.get_whoami()["fullName"], "Ada Lark")
check("version", server.get_version(), "2.504.3")
info = server.get_info()
check("mode", (info["mode"], info["useSecurity"], info["primaryView"]["name"]), ("NORMAL", True, "all"))
check("views", [v["name"] for v in server.get_views()], ["all"])
check("plugins", server.get_plugin_info("git")["active"], True)

# Jobs, in folders too.
everything = sorted(j["fullname"] for j in server.get_all_jobs())
check("all jobs", everything, sorted(["music", "deploy", "nightly report", "music/release", "music/search", "music/tools", "music/tools/lint",
                                      "music/search/PR-7", "music/search/feature%2Franking", "music/search/main"]))
for depth in (1, 2, 3):  # folders that are deeper than one request asks for are asked for by themselves
    check("all jobs by %d" % depth, sorted(j["fullname"] for j in server.get_all_jobs(folder_depth_per_request=depth)), everything)
check("top jobs", [j["name"] for j in server.get_jobs()], ["deploy", "music", "nightly report"])
check("count", server.jobs_count(), len(everything))
check("exists", (server.job_exists("music/search/main"), bool(server.job_exists("music/nothing"))), (True, False))
check("folder", server.is_folder("music"), True)
refused("no job", jenkins.JenkinsException, server.get_job_info, "nothing")
refused("no folder", jenkins.JenkinsException, server.get_job_info, "nothing/at/all")

job = server.get_job_info("music/search/main")
check("job", (job["name"], job["fullName"], job["displayName"], job["color"], job["buildable"], job["inQueue"], job["nextBuildNumber"]),
      ("main", "music/search/main", "main", "blue", True, False, 4))
check("builds at depth 0", [sorted(b) for b in job["builds"]], [["_class", "number", "url"]] * 3)
check("builds", [b["number"] for b in job["builds"]], [3, 2, 1])
check("last builds", [job[k]["number"] for k in ("lastBuild", "lastStableBuild", "lastUnstableBuild", "lastSuccessfulBuild", "lastUnsuccessfulBuild", "firstBuild")], [3, 3, 2, 3, 2, 1])
check("no failed build", job["lastFailedBuild"], None)
check("health", job["healthReport"][0]["score"], 100)
deep = server.get_job_info("music/search/main", depth=1)
check("builds at depth 1", [(b["result"], b["building"]) for b in deep["builds"]], [("SUCCESS", False), ("UNSTABLE", False), ("SUCCESS", False)])
check("branch", server.get_job_info("music/search/feature%2Franking")["displayName"], "feature/ranking")
pull = server.get_job_info("music/search/PR-7", depth=1)
check("pull request", [a["objectUrl"] for a in pull["actions"] if a.get("objectUrl")], ["https://git.larkfold.example/larkfold/search/pull/7"])
check("regex", [j["name"] for j in server.get_job_info_regex("^nightly")], ["nightly report"])
check("all builds", [b["number"] for b in server.get_job_info("music/search/main", fetch_all_builds=True)["builds"]], [3, 2, 1])

build = server.get_build_info("music/search/main", 3)
check("build", (build["number"], build["result"], build["building"], build["duration"], build["displayName"], build["inProgress"]), (3, "SUCCESS", False, 100000, "#3", False))
action = {k: a[k] for a in build["actions"] for k in a if k != "_class"}
check("causes", [c["shortDescription"] for c in action["causes"]], ["Push event to branch main"])
check("revision", (action["lastBuiltRevision"]["SHA1"], action["lastBuiltRevision"]["branch"][0]["name"]), ("da1560886d4f094c3e6c9ef40349f7d38b5d27d7", "main"))
check("tests", (action["totalCount"], action["failCount"], action["skipCount"]), (3, 0, 1))
check("changes", [(i["commitId"], i["msg"], i["author"]["fullName"]) for s in build["changeSets"] for i in s["items"]], [("da1560886d4f094c3e6c9ef40349f7d38b5d27d7", "Rank by plays", "Ada Lark")])
check("artifacts", [a["relativePath"] for a in build["artifacts"]], ["build/search 1.0.tar.gz", "far.bin"])
refused("no build", jenkins.JenkinsException, server.get_build_info, "music/search/main", 99)
report = server.get_build_test_report("music/search/main", 2)
check("report", (report["failCount"], report["passCount"], report["skipCount"]), (1, 1, 1))
check("cases", [(c["name"], c["status"], c["failedSince"], c["errorDetails"]) for s in report["suites"] for c in s["cases"]],
      [("ranksByPlays", "PASSED", 0, None), ("ranksByTaste", "REGRESSION", 2, "expected [a b] but was [b a]"), ("big", "SKIPPED", 0, None)])
check("fixed", [c["status"] for s in server.get_build_test_report("music/search/main", 3)["suites"] for c in s["cases"]], ["PASSED", "FIXED", "SKIPPED"])
check("no report", server.get_build_test_report("music/tools/lint", 1), None)
console = server.get_build_console_output("music/search/main", 3)
check("console", ("Push event" in console, "compiling d\n" in console, "\x1b" in console, "\r" in console, console.endswith("Finished: SUCCESS\n")), (True, True, False, False, True))

# A build with parameters, from the queue to its end.
item = server.build_job("deploy", {"ENVIRONMENT": "production", "VERSION": "1.2 & more", "NOTHING": "x"})
queued = server.get_queue_item(item)
check("queued", (queued["_class"], queued["task"]["name"], "quiet period" in queued["why"], "executable" in queued), ("hudson.model.Queue$WaitingItem", "deploy", True, False))
check("queue", [(i["id"], i["task"]["name"]) for i in server.get_queue_info()], [(item, "deploy")])
check("in queue", server.get_job_info("deploy")["inQueue"], True)
check("the same again", server.build_job("deploy", {"ENVIRONMENT": "production", "VERSION": "1.2 & more"}), item)
other = server.build_job("deploy", {"ENVIRONMENT": "staging"})
if other == item:
    raise SystemExit("a build with other parameters is the same item of the queue")
# Jenkins answers with 204 and without a body, which python-jenkins takes for a failure although it is none.
refused("cancel", jenkins.EmptyResponseException, server.cancel_queue, other)
check("cancelled", server.get_queue_item(other)["cancelled"], True)
passes(6)
left = server.get_queue_item(item)
check("left", (left["_class"], left["executable"]["number"], left["cancelled"], left["why"]), ("hudson.model.Queue$LeftItem", 1, False, None))
running = server.get_build_info("deploy", 1)
check("running", (running["building"], running["result"], running["duration"], running["estimatedDuration"]), (True, None, 0, -1))
parameters = {p["name"]: p.get("value", "?") for a in running["actions"] for p in a.get("parameters", [])}
check("parameters", parameters, {"ENVIRONMENT": "production", "VERSION": "1.2 & more", "DRY_RUN": True, "PASSWORD": "?"})
check("causes", [(c["userId"], c["shortDescription"]) for a in running["actions"] for c in a.get("causes", [])], [("ada", "Started by user Ada Lark")] * 2)
check("anime", server.get_job_info("deploy")["color"], "notbuilt_anime")
begun = server.get_build_console_output("deploy", 1)
passes(40)
check("console grows", server.get_build_console_output("deploy", 1).startswith(begun) and len(server.get_build_console_output("deploy", 1)) > len(begun), True)
passes(60)
check("done", server.get_build_info("deploy", 1)["result"], "SUCCESS")
definitions = [d for p in server.get_job_info("deploy")["property"] for d in p["parameterDefinitions"]]
check("definitions", [(d["name"], d["type"], d["defaultParameterValue"].get("value")) for d in definitions],
      [("ENVIRONMENT", "ChoiceParameterDefinition", "staging"), ("VERSION", "StringParameterDefinition", "latest"), ("DRY_RUN", "BooleanParameterDefinition", True), ("PASSWORD", "PasswordParameterDefinition", None)])
passes(600)
refused("forgotten item", jenkins.JenkinsException, server.get_queue_item, item)
refused("no parameters", Exception, server.build_job, "deploy")
refused("parameters for none", jenkins.JenkinsException, server.build_job, "nightly report", {"X": "1"})
refused("no such choice", jenkins.JenkinsException, server.build_job, "deploy", {"ENVIRONMENT": "moon"})

# A freestyle build that is stopped, and a disabled job.
server.build_job("nightly report")
passes(10)
check("freestyle", server.get_build_info("nightly report", 2)["building"], True)
server.stop_build("nightly report", 2)
check("stopped", server.get_build_info("nightly report", 2)["result"], "ABORTED")
# Its own delete_build cannot send a crumb.
server.jenkins_open(requests.Request("POST", address + "/job/nightly%20report/2/doDelete"))
refused("deleted", jenkins.JenkinsException, server.get_build_info, "nightly report", 2)
server.disable_job("nightly report")
check("disabled", (server.get_job_info("nightly report")["color"], server.get_job_info("nightly report")["buildable"]), ("disabled", False))
refused("build of a disabled job", Exception, server.build_job, "nightly report")
server.enable_job("nightly report")

# With a password, crumbs are needed: python-jenkins asks for one.
person = jenkins.Jenkins(address, username=user, password=password)
item = person.build_job("music/tools/lint")
check("crumb", bool(person.crumb and person.crumb["crumbRequestField"] == "Jenkins-Crumb"), True)
passes(6)
check("built with a crumb", person.get_queue_item(item)["executable"]["number"], 2)
person.crumb = {"crumbRequestField": "Jenkins-Crumb", "crumb": "0" * 64}
if "403" not in refused("wrong crumb", jenkins.JenkinsException, person.build_job, "music/tools/lint"):
    raise SystemExit("a wrong crumb is not answered with 403")

# Who is wrong, and who is nobody.
refused("wrong token", jenkins.JenkinsException, jenkins.Jenkins(address, username=user, password="wrong").get_whoami)
refused("nobody", jenkins.JenkinsException, jenkins.Jenkins(address).get_info)
print("ok")
