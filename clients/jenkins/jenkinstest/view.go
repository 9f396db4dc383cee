package jenkinstest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// beans makes beans of the world at one moment, with addresses below root.
type beans struct {
	*Server
	root string // with a slash at the end
	now  time.Time
}

func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Server) has(plugin string) bool { return !slices.Contains(s.settings.Without, plugin) }

// top is Jenkins itself.
func (v *beans) top() *bean {
	views := func() any { return []*bean{v.view()} }
	b := &bean{class: "hudson.model.Hudson"}
	return b.add(1, "assignedLabels", []*bean{(&bean{}).add(always, "name", "built-in")}, "mode", "NORMAL", "nodeDescription", "the Jenkins controller's built-in node",
		"nodeName", "", "numExecutors", v.settings.Executors, "description", nil, "jobs", func() any { return v.jobs(v.world.top) },
		"primaryView", func() any { return v.view() }, "quietDownReason", nil, "quietingDown", false, "slaveAgentPort", -1,
		"unlabeledLoad", &bean{class: "jenkins.model.UnlabeledLoadStatistics"}, "url", v.root, "useCrumbs", !v.settings.Unprotected, "useSecurity", true, "views", views)
}

func (v *beans) view() *bean {
	b := &bean{class: "hudson.model.AllView"}
	b.add(1, "description", nil, "jobs", func() any { return v.jobs(v.world.top) })
	return b.add(always, "name", "all").add(1, "property", []*bean{}).add(always, "url", v.root)
}

func (v *beans) jobs(folder *item) []*bean {
	out := []*bean{}
	for _, child := range folder.children {
		out = append(out, v.job(child))
	}
	return out
}

var classes = map[Kind]string{
	Pipeline: "org.jenkinsci.plugins.workflow.job.WorkflowJob", Freestyle: "hudson.model.FreeStyleProject",
	folderKind: "com.cloudbees.hudson.plugins.folder.Folder", multibranchKind: "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
}

func (v *beans) job(i *item) *bean {
	b := &bean{class: classes[i.kind]}
	b.add(1, "actions", func() any { return v.jobActions(i) }, "description", i.description, "displayName", i.title(), "displayNameOrNull", orNull(i.Title),
		"fullDisplayName", i.fullTitle(), "fullName", i.fullName())
	b.add(always, "name", i.name, "url", v.root+i.path())
	if i.isFolder() {
		b.add(1, "healthReport", []*bean{}, "jobs", func() any { return v.jobs(i) },
			"primaryView", (&bean{class: "hudson.model.AllView"}).add(always, "name", "All", "url", v.root+i.path()),
			"views", []*bean{(&bean{class: "hudson.model.AllView"}).add(always, "name", "All", "url", v.root+i.path())})
		if i.kind == multibranchKind {
			b.add(1, "sources", []*bean{{}})
		}
		return b
	}
	b.add(1, "buildable", !i.Disabled, "builds", func() any { return v.builds(i, 100) })
	b.add(-always, "allBuilds", func() any { return v.builds(i, len(i.builds)) }) // only where a tree names it
	b.add(2, "color", i.color(v.now))
	b.add(1, "firstBuild", v.nth(i, func(*build) bool { return true }, false), "healthReport", func() any { return v.health(i) }, "inQueue", v.waiting(i) != nil,
		"keepDependencies", false)
	for _, p := range permalinks {
		b.add(1, p.name, v.nth(i, func(b *build) bool { return p.is(b, v.now) }, true))
	}
	b.add(1, "nextBuildNumber", i.next, "property", func() any { return v.properties(i) }, "queueItem", func() any {
		if e := v.waiting(i); e != nil {
			return v.item(e)
		}
		return nil
	}, "concurrentBuild", i.Concurrent)
	if i.kind == Freestyle {
		b.add(1, "disabled", i.Disabled, "downstreamProjects", []*bean{}, "labelExpression", nil, "scm", &bean{class: "hudson.plugins.git.GitSCM"}, "upstreamProjects", []*bean{})
	} else {
		b.add(1, "resumeBlocked", false)
	}
	return b
}

// permalinks are the builds of a job that have a name of their own.
var permalinks = []struct {
	name string
	is   func(b *build, now time.Time) bool
}{
	{"lastBuild", func(*build, time.Time) bool { return true }},
	{"lastCompletedBuild", func(b *build, now time.Time) bool { return !b.runs(now) }},
	{"lastFailedBuild", func(b *build, now time.Time) bool { return !b.runs(now) && b.result() == "FAILURE" }},
	{"lastStableBuild", func(b *build, now time.Time) bool { return !b.runs(now) && b.result() == "SUCCESS" }},
	{"lastSuccessfulBuild", func(b *build, now time.Time) bool {
		return !b.runs(now) && (b.result() == "SUCCESS" || b.result() == "UNSTABLE")
	}},
	{"lastUnstableBuild", func(b *build, now time.Time) bool { return !b.runs(now) && b.result() == "UNSTABLE" }},
	{"lastUnsuccessfulBuild", func(b *build, now time.Time) bool { return !b.runs(now) && b.result() != "SUCCESS" }},
}

// nth returns the first or last build that is like this, for when it is wanted.
func (v *beans) nth(i *item, is func(*build) bool, last bool) func() any {
	return func() any {
		if b := i.pick(is, last); b != nil {
			return v.build(b)
		}
		return nil
	}
}

func (i *item) pick(is func(*build) bool, last bool) *build {
	var found *build
	for _, b := range i.builds {
		if is(b) {
			if found = b; !last {
				break
			}
		}
	}
	return found
}

func (v *beans) builds(i *item, most int) []*bean {
	out := []*bean{}
	for n := len(i.builds) - 1; n >= 0 && len(out) < most; n-- {
		out = append(out, v.build(i.builds[n]))
	}
	return out
}

var colors = map[string]string{"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red", "ABORTED": "aborted", "NOT_BUILT": "notbuilt"}

func (i *item) color(now time.Time) string {
	color := "notbuilt"
	running := false
	for _, b := range i.builds {
		if b.runs(now) {
			running = true
		} else {
			color = colors[b.result()]
		}
	}
	if i.Disabled {
		color = "disabled"
	}
	if running {
		color += "_anime"
	}
	return color
}

func (v *beans) health(i *item) []*bean {
	done, failed := 0, 0
	for n := len(i.builds) - 1; n >= 0 && done < 5; n-- {
		if b := i.builds[n]; !b.runs(v.now) {
			if done++; b.result() == "FAILURE" {
				failed++
			}
		}
	}
	if done == 0 {
		return []*bean{}
	}
	score := 100 * (done - failed) / done
	text := "Build stability: No recent builds failed."
	if failed > 0 {
		text = fmt.Sprintf("Build stability: %d out of the last %d builds failed.", failed, done)
	}
	band := map[bool]string{true: "80plus", false: "00to19"}[score > 50]
	return []*bean{(&bean{}).add(2, "description", text, "iconClassName", "icon-health-"+band, "iconUrl", "health-"+band+".png", "score", score)}
}

func (v *beans) jobActions(i *item) []*bean {
	out := []*bean{{}}
	if o := i.Object; o != nil {
		// Its properties are of the usual visibility, so that they are hidden at depth 0.
		out = append(out, (&bean{class: "jenkins.scm.api.metadata.ObjectMetadataAction"}).add(1, "objectDescription", orNull(o.Description), "objectDisplayName", orNull(o.Title), "objectUrl", orNull(o.URL)))
	}
	return append(out, &bean{class: "com.cloudbees.plugins.credentials.ViewCredentialsAction"})
}

func (v *beans) properties(i *item) []*bean {
	out := []*bean{}
	if len(i.Parameters) == 0 {
		return out
	}
	definitions := []*bean{}
	for _, p := range i.Parameters {
		d := &bean{class: "hudson.model." + p.kind() + "ParameterDefinition"}
		first := p.Default
		if len(p.Choices) > 0 && first == "" {
			first = p.Choices[0]
		}
		d.add(always, "defaultParameterValue", v.parameter(value{p, first}), "description", p.Description, "name", p.Name, "type", p.kind()+"ParameterDefinition")
		if len(p.Choices) > 0 {
			d.add(always, "choices", p.Choices)
		}
		definitions = append(definitions, d)
	}
	return append(out, (&bean{class: "hudson.model.ParametersDefinitionProperty"}).add(2, "parameterDefinitions", definitions))
}

func (p Parameter) kind() string {
	switch {
	case p.Secret:
		return "Password"
	case p.Flag:
		return "Boolean"
	case len(p.Choices) > 0:
		return "Choice"
	}
	return "String"
}

func (v *beans) parameter(p value) *bean {
	kind := p.kind()
	if kind == "Choice" {
		kind = "String"
	}
	b := (&bean{class: "hudson.model." + kind + "ParameterValue"}).add(always, "name", p.Name)
	switch kind {
	case "String":
		b.add(always, "value", p.text)
	case "Boolean":
		b.add(always, "value", p.text == "true")
	}
	return b
}

func (v *beans) actions(e *entry) []*bean {
	out := []*bean{}
	if len(e.values) > 0 {
		list := []*bean{}
		for _, p := range e.values {
			list = append(list, v.parameter(p))
		}
		out = append(out, (&bean{class: "hudson.model.ParametersAction"}).add(2, "parameters", list))
	}
	causes := []*bean{}
	for _, c := range e.causes {
		b := (&bean{class: c.Class}).add(3, "shortDescription", c.Text)
		if c.User != "" {
			b.add(3, "userId", c.User, "userName", v.world.user(c.User).FullName)
		}
		if c.Upstream != "" {
			b.add(3, "upstreamBuild", c.Number, "upstreamProject", c.Upstream, "upstreamUrl", "job/"+strings.ReplaceAll(c.Upstream, "/", "/job/")+"/")
		}
		causes = append(causes, b)
	}
	return append(out, (&bean{class: "hudson.model.CauseAction"}).add(2, "causes", causes))
}

func (v *beans) build(b *build) *bean {
	i := b.job
	running := b.runs(v.now)
	end, _ := b.end()
	duration, result := int64(0), any(nil)
	if !running {
		duration, result = end.Sub(b.started).Milliseconds(), b.result()
	}
	class := "org.jenkinsci.plugins.workflow.job.WorkflowRun"
	if i.kind == Freestyle {
		class = "hudson.model.FreeStyleBuild"
	}
	title := fmt.Sprintf("#%d", b.number)
	out := &bean{class: class}
	out.add(1, "actions", func() any { return v.buildActions(b, running) }, "artifacts", func() any { return v.artifacts(b, running) }, "building", running, "description", nil,
		"displayName", title, "duration", duration, "estimatedDuration", b.estimate.Milliseconds(), "executor", nil, "fullDisplayName", i.fullTitle()+" "+title, "id", fmt.Sprint(b.number),
		"inProgress", running, "keepLog", false)
	out.add(2, "number", b.number)
	out.add(1, "queueId", b.id, "result", result, "timestamp", millis(b.started))
	out.add(2, "url", v.buildURL(b))
	if i.kind == Freestyle {
		out.add(1, "builtOn", "", "changeSet", v.changeSet(b), "culprits", []*bean{})
		return out
	}
	sets := []*bean{}
	if len(b.changes) > 0 {
		sets = append(sets, v.changeSet(b))
	}
	at := slices.Index(i.builds, b)
	neighbour := func(n int) func() any {
		return func() any {
			if n < 0 || n >= len(i.builds) {
				return nil
			}
			return v.build(i.builds[n])
		}
	}
	return out.add(1, "changeSets", sets, "culprits", []*bean{}, "nextBuild", neighbour(at+1), "previousBuild", neighbour(at-1))
}

func (v *beans) buildURL(b *build) string {
	return fmt.Sprintf("%s%s%d/", v.root, b.job.path(), b.number)
}

func (v *beans) changeSet(b *build) *bean {
	items := []*bean{}
	for _, c := range b.changes {
		paths := c.Paths
		if paths == nil {
			paths = []string{}
		}
		author := (&bean{}).add(always, "absoluteUrl", v.root+"user/"+strings.ToLower(strings.ReplaceAll(c.Author, " ", ".")), "fullName", c.Author)
		subject, _, _ := strings.Cut(c.Message, "\n")
		items = append(items, (&bean{class: "hudson.plugins.git.GitChangeSet"}).add(always, "affectedPaths", paths, "commitId", c.Commit, "timestamp", millis(c.At),
			"author", author, "comment", c.Message+"\n", "date", c.At.Format("2006-01-02 15:04:05 -0700"), "id", c.Commit, "msg", subject))
	}
	return (&bean{class: "hudson.plugins.git.GitChangeSetList"}).add(always, "items", items, "kind", "git")
}

func (v *beans) artifacts(b *build, running bool) []*bean {
	out := []*bean{}
	for _, a := range b.plan.Artifacts {
		if !running && b.result() != "ABORTED" {
			out = append(out, (&bean{}).add(always, "displayPath", path.Base(a.Path), "fileName", path.Base(a.Path), "relativePath", a.Path))
		}
	}
	return out
}

func (v *beans) buildActions(b *build, running bool) []*bean {
	out := v.actions(b.entry)
	if v.has(Metrics) {
		end := v.now
		if !running {
			end, _ = b.end()
		}
		queued, building := b.started.Sub(b.entry.since).Milliseconds(), int64(0)
		if !running {
			building = end.Sub(b.started).Milliseconds()
		}
		out = append(out, (&bean{class: "jenkins.metrics.impl.TimeInQueueAction"}).add(2, "blockedDurationMillis", 0, "blockedTimeMillis", 0, "buildableDurationMillis", 0, "buildableTimeMillis", 0,
			"buildingDurationMillis", building, "executingTimeMillis", building, "executorUtilization", 1.0).add(1, "queuingDurationMillis", queued, "queuingTimeMillis", queued).
			add(2, "subTaskCount", 0).add(1, "totalDurationMillis", queued+building).add(2, "waitingDurationMillis", queued, "waitingTimeMillis", queued))
	}
	if b.commit != "" && b.job.Remote != "" {
		branch := b.job.Branch
		if b.job.kind == Freestyle {
			branch = "refs/remotes/origin/" + branch
		}
		revision := (&bean{}).add(always, "SHA1", b.commit, "branch", []*bean{(&bean{}).add(always, "SHA1", b.commit, "name", branch)})
		of := (&bean{class: "hudson.plugins.git.util.Build"}).add(always, "buildNumber", b.number, "buildResult", nil, "marked", revision, "revision", revision)
		out = append(out, (&bean{class: "hudson.plugins.git.util.BuildData"}).add(always, "buildsByBranchName", func() any { return (&bean{}).add(always, branch, of) },
			"lastBuiltRevision", revision, "remoteUrls", []string{b.job.Remote}, "scmName", ""))
	}
	if len(b.plan.Suites) > 0 && !running {
		total, failed, skipped := b.counts()
		out = append(out, (&bean{class: "hudson.tasks.junit.TestResultAction"}).add(2, "failCount", failed, "skipCount", skipped, "totalCount", total, "urlName", "testReport"))
	}
	return append(out, &bean{})
}

func (b *build) counts() (total, failed, skipped int) {
	for _, state := range b.states {
		switch total++; state {
		case "FAILED", "REGRESSION":
			failed++
		case "SKIPPED":
			skipped++
		}
	}
	return total, failed, skipped
}

func (v *beans) waiting(i *item) *entry {
	for _, e := range v.world.queue {
		if e.job == i && e.waits() {
			return e
		}
	}
	return nil
}

// item is an item of the queue.
func (v *beans) item(e *entry) *bean {
	b := &bean{class: "hudson.model.Queue$LeftItem"}
	why, blocked, buildable := any(nil), false, false
	if e.waits() {
		switch blocker := v.blockedBy(e); {
		case e.quiet.After(v.now):
			b.class, why = "hudson.model.Queue$WaitingItem", fmt.Sprintf("In the quiet period. Expires in %.1f sec", e.quiet.Sub(v.now).Seconds())
		case blocker != "":
			b.class, why, blocked = "hudson.model.Queue$BlockedItem", blocker, true
		default:
			b.class, why, buildable = "hudson.model.Queue$BuildableItem", "Waiting for next available executor", true
		}
	}
	params := ""
	for _, p := range e.values {
		if !p.Secret {
			params += "\n" + p.Name + "=" + p.text
		}
	}
	b.add(always, "actions", v.actions(e), "blocked", blocked, "buildable", buildable, "id", e.id, "inQueueSince", millis(e.since), "params", params, "stuck", false,
		"task", func() any { return v.job(e.job) }, "url", fmt.Sprintf("queue/item/%d/", e.id), "why", why)
	switch b.class {
	case "hudson.model.Queue$WaitingItem":
		b.add(always, "timestamp", millis(e.quiet))
	case "hudson.model.Queue$LeftItem":
		b.add(always, "cancelled", e.cancelled, "executable", func() any {
			if e.build == nil {
				return nil
			}
			return v.build(e.build)
		})
	case "hudson.model.Queue$BuildableItem":
		b.add(always, "buildableStartMilliseconds", millis(e.quiet), "pending", false)
	default:
		b.add(always, "buildableStartMilliseconds", millis(e.quiet))
	}
	return b
}
