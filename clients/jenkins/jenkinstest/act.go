package jenkinstest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// start puts a build into the queue ("Remote access API", submitting jobs).
func (c *call) start(i *item, parameterized bool) {
	if !c.changes("Job/Build") {
		return
	}
	_ = c.r.ParseForm()
	switch {
	case i.Disabled:
		c.fail(http.StatusConflict, i.fullName()+" is not buildable")
		return
	case parameterized && len(i.Parameters) == 0:
		c.fail(http.StatusInternalServerError, "") // it throws: this build is not parameterized
		return
	case !parameterized && len(i.Parameters) > 0:
		c.fail(http.StatusBadRequest, "Nothing is submitted")
		return
	}
	given := map[string]string{}
	for _, p := range i.Parameters {
		if values, ok := c.r.Form[p.Name]; ok {
			if len(p.Choices) > 0 && !slices.Contains(p.Choices, values[0]) {
				c.fail(http.StatusInternalServerError, "") // it throws: illegal choice
				return
			}
			given[p.Name] = values[0]
		}
	}
	quiet := c.settings.Quiet
	if text := strings.TrimSuffix(c.r.Form.Get("delay"), "sec"); text != "" {
		if n, err := strconv.Atoi(text); err == nil && n >= 0 {
			quiet = time.Duration(n) * time.Second
		}
	}
	e := c.enqueue(i, i.values(given), quiet, c.byUser())
	c.w.Header().Set("Location", fmt.Sprintf("%squeue/item/%d/", c.root, e.id))
	c.w.WriteHeader(http.StatusCreated)
	c.advance()
}

func (c *call) byUser() Cause {
	return Cause{Class: "hudson.model.Cause$UserIdCause", Text: "Started by user " + c.viewer.FullName, User: c.viewer.ID}
}

// replay starts a build with the script, revision and parameters of another, at once.
func (c *call) replay(b *build) {
	if !c.changes("Job/Build") {
		return
	}
	for _, v := range b.values {
		if v.Secret {
			c.fail(http.StatusBadRequest, "Replay is not allowed when password parameters are used.")
			return
		}
	}
	if b.job.Disabled {
		c.fail(http.StatusConflict, b.job.fullName()+" is not buildable")
		return
	}
	c.world.lastItem++
	e := &entry{id: c.world.lastItem, job: b.job, values: b.values, since: c.now, quiet: c.now, commit: b.commit, replay: b,
		causes: []Cause{c.byUser(), {Class: "org.jenkinsci.plugins.workflow.cps.replay.ReplayCause", Text: fmt.Sprintf("Replayed #%d", b.number)}}}
	c.world.queue = append(c.world.queue, e)
	c.back("../..")
	c.advance()
}

func (c *call) stop(b *build) {
	if !c.changes("Job/Cancel") {
		return
	}
	if b.runs(c.now) && b.stopped.IsZero() {
		b.stopped = c.now
	}
	c.back(c.buildURL(b))
	c.advance()
}

func (c *call) remove(b *build) {
	if !c.changes("Run/Delete") {
		return
	}
	if b.runs(c.now) {
		c.fail(http.StatusBadRequest, "Unable to delete a build that runs")
		return
	}
	b.job.builds = slices.DeleteFunc(b.job.builds, func(other *build) bool { return other == b })
	c.back(c.root + b.job.path())
}

func (c *call) cancel() {
	if !c.changes("Job/Cancel") {
		return
	}
	_ = c.r.ParseForm()
	for _, e := range c.world.queue {
		if strconv.FormatInt(e.id, 10) == c.r.Form.Get("id") && e.waits() {
			e.cancelled, e.left = true, c.now
			c.w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	c.fail(http.StatusNotFound, "")
}

// answer answers the question that a build waits with.
func (c *call) answer(b *build, id, verb string) {
	if !c.changes("Job/Build") {
		return
	}
	acts, _, _ := b.timeline()
	for _, a := range acts {
		for _, m := range a.steps {
			if !m.asks || inputID(m.id) != id {
				continue
			}
			switch verb {
			case "proceedEmpty":
				b.answers[m.id] = c.now
			case "abort":
				b.stopped = c.now
			default:
				c.fail(http.StatusNotFound, "")
				return
			}
			c.w.WriteHeader(http.StatusOK)
			c.advance()
			return
		}
	}
	c.fail(http.StatusNotFound, "")
}

func inputID(node string) string { return "Input" + node }
