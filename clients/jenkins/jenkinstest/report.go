package jenkinstest

import (
	"fmt"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (c *call) tests(b *build, parts []string) {
	if len(b.plan.Suites) == 0 || b.runs(c.now) {
		c.fail(http.StatusNotFound, "")
		return
	}
	suites, n, all := []*bean{}, 0, 0.0
	for _, suite := range b.plan.Suites {
		cases, sum := []*bean{}, 0.0
		for _, one := range suite.Cases {
			seconds := one.Duration.Seconds()
			sum += seconds
			age, since := 0, b.since[n]
			if since > 0 {
				age = b.number - since + 1
			}
			cases = append(cases, (&bean{}).add(9, "testActions", []*bean{}, "age", age, "className", one.Class, "duration", seconds, "errorDetails", orNull(one.Failure),
				"errorStackTrace", orNull(one.Stack), "failedSince", since, "name", one.Name, "properties", object{}, "skipped", one.Skipped, "skippedMessage", nil,
				"status", b.states[n], "stderr", nil, "stdout", nil))
			n++
		}
		all += sum
		suites = append(suites, (&bean{}).add(9, "cases", cases, "duration", sum, "enclosingBlockNames", []string{}, "enclosingBlocks", []string{}, "id", nil, "name", suite.Name,
			"nodeId", nil, "properties", object{}, "stderr", nil, "stdout", nil, "timestamp", nil))
	}
	total, failed, skipped := b.counts()
	c.api((&bean{class: "hudson.tasks.junit.TestResult"}).add(9, "testActions", []*bean{}, "duration", all, "empty", total == 0, "failCount", failed,
		"passCount", total-failed-skipped, "skipCount", skipped, "suites", suites), parts)
}

// coverage answers as one of the three plugins, each in its own way.
func (c *call) coverage(b *build, plugin string, parts []string) {
	covered := b.plan.Coverage
	what := strings.Join(parts[1:], "/")
	if covered == nil || b.runs(c.now) || what != "api/json" && !(what == "modified/api/json" && plugin == Coverage) {
		c.fail(http.StatusNotFound, "")
		return
	}
	of := covered.Plugin
	if of == "" {
		of = Coverage
	}
	if of != plugin || of == Coverage && !c.has(Coverage) {
		c.fail(http.StatusNotFound, "")
		return
	}
	if what == "modified/api/json" {
		files := []*bean{}
		for _, f := range covered.Files {
			blocks := []*bean{}
			for _, one := range f.Blocks {
				blocks = append(blocks, (&bean{}).add(always, "endLine", one.Last, "startLine", one.First, "type", one.State))
			}
			files = append(files, (&bean{}).add(always, "fullyQualifiedFileName", f.Path, "modifiedLinesBlocks", blocks))
		}
		c.api((&bean{class: "io.jenkins.plugins.coverage.metrics.restapi.ModifiedLinesCoverageApi"}).add(1, "files", files), parts)
		return
	}
	kinds := make([]string, 0, len(covered.Project))
	for kind := range covered.Project {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	switch plugin {
	case "coverage":
		project := percentages(covered.Project)
		for name, word := range covered.Words {
			project[name] = word
		}
		delta := map[string]string{}
		for kind, points := range covered.Delta {
			delta[kind] = fmt.Sprintf("%+.2f%%", points)
		}
		none := map[string]string{}
		gates := (&bean{}).add(always, "overallResult", "INACTIVE", "resultItems", []*bean{})
		c.api((&bean{class: "io.jenkins.plugins.coverage.metrics.restapi.CoverageApi"}).add(1, "modifiedFilesDelta", none, "modifiedFilesStatistics", none, "modifiedLinesDelta", none,
			"modifiedLinesStatistics", percentages(covered.Changed), "projectDelta", delta, "projectStatistics", project, "qualityGates", gates, "referenceBuild", "-"), parts)
	case "cobertura":
		names := map[string]string{"package": "Packages", "file": "Files", "class": "Classes", "method": "Methods", "line": "Lines", "branch": "Conditionals"}
		elements := []*bean{}
		for _, kind := range kinds {
			f := covered.Project[kind]
			elements = append(elements, (&bean{}).add(2, "denominator", float64(f.Total), "name", names[kind], "numerator", float64(f.Covered), "ratio", f.percent()))
		}
		// Of results nothing is shown at depth 0.
		c.api((&bean{class: "hudson.plugins.cobertura.targets.CoverageResult"}).add(2, "results", (&bean{}).add(1, "children", []*bean{}, "elements", elements, "name", "Cobertura Coverage Report")), parts)
	case "jacoco":
		out := &bean{class: "hudson.plugins.jacoco.report.CoverageReport"}
		for _, kind := range kinds {
			f := covered.Project[kind]
			out.add(1, kind+"Coverage", (&bean{}).add(always, "covered", f.Covered, "missed", f.Total-f.Covered, "percentage", int(f.percent()), "percentageFloat", f.percent(), "total", f.Total))
		}
		c.api(out.add(1, "previousResult", nil), parts)
	}
}

func (f Fraction) percent() float64 {
	if f.Total == 0 {
		return 0
	}
	return 100 * float64(f.Covered) / float64(f.Total)
}

func percentages(of map[string]Fraction) map[string]string {
	out := map[string]string{}
	for kind, f := range of {
		out[kind] = fmt.Sprintf("%.2f%%", f.percent())
	}
	return out
}

func (c *call) artifact(b *build, name string) {
	for _, a := range b.plan.Artifacts {
		if a.Path != name || b.runs(c.now) {
			continue
		}
		if a.Elsewhere != "" {
			http.Redirect(c.w, c.r, a.Elsewhere, http.StatusFound)
			return
		}
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "application/octet-stream"
		}
		c.w.Header().Set("Content-Type", kind)
		c.w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; style-src 'self';")
		c.w.Header().Set("Content-Length", strconv.Itoa(len(a.Content)))
		_, _ = c.w.Write(a.Content)
		return
	}
	c.fail(http.StatusNotFound, "")
}

var notes = regexp.MustCompile("\x1b\\[8mha:[^\x1b]*\x1b\\[0m")

// shown returns a log without the notes that Jenkins hides in it.
func shown(log string) string { return notes.ReplaceAllString(log, "") }

// progressive answers with a log from an offset on, as Stapler's LargeText does: the offset and the size are of the file, with its notes, and
// the text comes without them and with CR LF. Of a log that is still written only whole lines are shown.
func (c *call) progressive(log string, complete bool) {
	start := 0
	if text := c.r.URL.Query().Get("start"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			c.fail(http.StatusInternalServerError, "")
			return
		}
		start = n
	}
	if start > len(log) {
		start = 0 // the log has become shorter
	}
	end := len(log)
	if !complete {
		end = max(start, strings.LastIndexByte(log, '\n')+1)
		c.w.Header().Set("X-More-Data", "true")
	}
	c.w.Header().Set("X-Text-Size", strconv.Itoa(end))
	c.text(strings.ReplaceAll(shown(log[start:end]), "\n", "\r\n"))
}
