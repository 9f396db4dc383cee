package jenkinstest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type object = map[string]any

// path returns an address as the plugin's links have it: without the host.
func (c *call) path(b *build) string {
	u, _ := url.Parse(c.buildURL(b))
	return u.EscapedPath()
}

func link(href string) object { return object{"href": href} }

// state is how far something that runs until end is.
func (c *call) state(state string, end time.Time) string {
	if end.After(c.now) {
		return "IN_PROGRESS"
	}
	return state
}

// since returns how long something has run that began at a time and ends at another.
func (c *call) since(begin, end time.Time) int64 {
	if end.After(c.now) {
		end = c.now
	}
	return max(0, end.Sub(begin).Milliseconds())
}

// visible returns the stages that have begun. A build that is open goes on until now.
func (c *call) visible(b *build) ([]act, time.Time) {
	acts, end, open := b.timeline()
	if open && end.Before(c.now) {
		end = c.now
	}
	var out []act
	for _, a := range acts {
		if a.begin.After(c.now) {
			break
		}
		if open && a.state == "PAUSED_PENDING_INPUT" {
			a.end = c.now
		}
		out = append(out, a)
	}
	return out, end
}

func (c *call) stage(b *build, a act) object {
	paused := int64(0)
	for _, m := range a.steps {
		if m.Asks != "" && !m.begin.After(c.now) {
			paused += c.since(m.begin, map[bool]time.Time{true: c.now, false: m.end}[m.asks])
		}
	}
	state := c.state(a.state, a.end)
	if a.state == "PAUSED_PENDING_INPUT" && !a.steps[len(a.steps)-1].begin.After(c.now) {
		state = a.state
	}
	out := object{"_links": object{"self": link(c.node(b, a.id) + "/wfapi/describe")}, "id": a.id, "name": a.name, "execNode": "", "status": state,
		"startTimeMillis": a.begin.UnixMilli(), "durationMillis": c.since(a.begin, a.end), "pauseDurationMillis": paused}
	for _, m := range a.steps {
		if m.Failure != "" && state == "FAILED" {
			out["error"] = object{"message": m.Failure, "type": "hudson.AbortException"}
		}
	}
	return out
}

func (c *call) node(b *build, id string) string { return c.path(b) + "execution/node/" + id }

// describe is a build with its stages.
func (c *call) describe(b *build) object {
	acts, end := c.visible(b)
	list, paused := []object{}, int64(0)
	status := c.state(map[string]string{"SUCCESS": "SUCCESS", "UNSTABLE": "UNSTABLE", "ABORTED": "ABORTED", "NOT_BUILT": "NOT_EXECUTED"}[b.result()], end)
	if status == "" {
		status = "FAILED"
	}
	if b.runs(c.now) {
		status = "IN_PROGRESS"
	}
	links := object{"self": link(c.path(b) + "wfapi/describe")}
	for _, a := range acts {
		one := c.stage(b, a)
		if one["status"] == "PAUSED_PENDING_INPUT" {
			status = "PAUSED_PENDING_INPUT"
			links["pendingInputActions"] = link(c.path(b) + "wfapi/pendingInputActions")
		}
		paused += one["pauseDurationMillis"].(int64)
		list = append(list, one)
	}
	if len(b.plan.Artifacts) > 0 && !b.runs(c.now) {
		links["artifacts"] = link(c.path(b) + "wfapi/artifacts")
	}
	if end.After(c.now) {
		end = c.now
	}
	return object{"_links": links, "id": fmt.Sprint(b.number), "name": fmt.Sprintf("#%d", b.number), "status": status, "startTimeMillis": b.started.UnixMilli(),
		"endTimeMillis": end.UnixMilli(), "durationMillis": c.since(b.started, end), "queueDurationMillis": b.started.Sub(b.entry.since).Milliseconds(), "pauseDurationMillis": paused, "stages": list}
}

func (c *call) serveJobStages(i *item, parts []string) {
	switch strings.Join(parts, "/") {
	case "", "describe":
		u, _ := url.Parse(c.root + i.path())
		c.json(object{"_links": object{"self": link(u.EscapedPath() + "wfapi/describe"), "runs": link(u.EscapedPath() + "wfapi/runs")}, "name": i.name, "runCount": len(i.builds)})
	case "runs":
		list := []object{}
		const most = 10 // as the stage view shows
		for n := len(i.builds) - 1; n >= 0 && len(list) < most; n-- {
			list = append(list, c.describe(i.builds[n]))
		}
		c.json(list)
	default:
		c.fail(http.StatusNotFound, "")
	}
}

func (c *call) serveBuildStages(b *build, parts []string) {
	switch strings.Join(parts, "/") {
	case "", "describe":
		c.json(c.describe(b))
	case "pendingInputActions":
		list := []object{}
		acts, _ := c.visible(b)
		for _, a := range acts {
			for _, m := range a.steps {
				if m.asks && !m.begin.After(c.now) {
					id := inputID(m.id)
					list = append(list, object{"id": id, "proceedText": "Proceed", "message": m.Asks, "inputs": []any{}, "proceedUrl": c.path(b) + "wfapi/inputSubmit?inputId=" + id,
						"abortUrl": c.path(b) + "input/" + id + "/abort", "redirectApprovalUrl": c.path(b) + "input/"})
				}
			}
		}
		c.json(list)
	case "artifacts":
		list := []object{}
		for n, a := range b.plan.Artifacts {
			list = append(list, object{"id": fmt.Sprintf("n%d", n+1), "name": a.Path[strings.LastIndexByte(a.Path, '/')+1:], "path": a.Path, "url": c.path(b) + "artifact/" + a.Path, "size": len(a.Content)})
		}
		c.json(list)
	default:
		c.fail(http.StatusNotFound, "")
	}
}

// serveNode answers for a stage or a step.
func (c *call) serveNode(b *build, id, what string) {
	acts, _ := c.visible(b)
	for _, a := range acts {
		parent := a.id
		var steps []object
		for _, m := range a.steps {
			if m.begin.After(c.now) {
				break
			}
			one := c.step(b, m, parent)
			if m.id == id {
				c.serveStep(b, m, one, what)
				return
			}
			steps, parent = append(steps, one), m.id
		}
		if a.id == id && what == "wfapi/describe" {
			out := c.stage(b, a)
			out["stageFlowNodes"] = steps
			c.json(out)
			return
		}
	}
	c.fail(http.StatusNotFound, "")
}

func (c *call) step(b *build, m moment, parent string) object {
	state := c.state(m.state, m.end)
	self := c.node(b, m.id)
	links := object{"self": link(self + "/wfapi/describe")}
	if m.Log != "" || m.Detail != "" || m.Asks != "" {
		links["log"], links["console"] = link(self+"/wfapi/log"), link(self+"/log")
	}
	out := object{"_links": links, "id": m.id, "name": m.Name, "execNode": "", "status": state, "parameterDescription": m.Detail,
		"startTimeMillis": m.begin.UnixMilli(), "durationMillis": c.since(m.begin, m.end), "pauseDurationMillis": 0, "parentNodes": []string{parent}}
	if m.asks {
		out["status"] = "PAUSED_PENDING_INPUT"
	}
	if state == "FAILED" {
		out["error"] = object{"message": m.Failure, "type": "hudson.AbortException"}
	}
	return out
}

func (c *call) serveStep(b *build, m moment, described object, what string) {
	switch what {
	case "wfapi/describe":
		c.json(described)
	case "wfapi/log":
		text := m.written(c.now)
		if m.Detail != "" {
			text = "+ " + m.Detail + "\n" + text
		}
		const most = 10 << 10 // com.cloudbees.workflow.rest.external.FlowNodeLogExt.maxReturnChars
		length, more := len(text), false
		if length > most {
			text, more = text[length-most:], true
		}
		c.json(object{"nodeId": m.id, "nodeStatus": described["status"], "length": length, "hasMore": more, "text": html.EscapeString(text), "consoleUrl": c.node(b, m.id) + "/log"})
	default:
		c.fail(http.StatusNotFound, "")
	}
}
