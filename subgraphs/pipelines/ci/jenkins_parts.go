package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// maxJenkinsStages is how many stages, and how many steps of one, Jenkins' client tells.
const maxJenkinsStages = 500

// Stages makes one request for each run, a few at a time, and one more for each that has no stages, as it is none of a Pipeline or Jenkins lacks the plugin that
// tells them: such a run has one stage, with one job. Stages that run beside each other are told one after the other.
func (d *jenkinsDriver) Stages(ctx context.Context, runs []string) ([]*Stages, []error) {
	return jenkinsEach(runs, func(key string) (*Stages, error) {
		id, item, err := d.build(ctx, key)
		switch {
		case err != nil:
			return nil, err
		case id == nil:
			return &Stages{Stages: []Stage{}, Complete: true, Done: item.State == jenkins.Cancelled}, nil
		}
		found, err := d.client.Stages(ctx, *id)
		if errors.Is(err, clients.ErrNotFound) {
			return d.whole(ctx, *id)
		}
		if err != nil {
			return nil, d.failed(err)
		}
		return &Stages{Stages: d.stagesOf(*id, found), Complete: len(found.Stages) < maxJenkinsStages, Done: jenkinsState(found.State).Done()}, nil
	})
}

// whole is a build without stages.
func (d *jenkinsDriver) whole(ctx context.Context, id jenkins.BuildID) (*Stages, error) {
	b, err := d.client.Build(ctx, id)
	if err != nil {
		return nil, d.failed(err)
	}
	run := d.told(jenkinsBuild{Build: b})
	_, name := jenkinsPipeline(id.Job, "", "")
	job := Job{Key: jenkinsStageKey(id, jenkinsWhole), Name: name, Status: run.Status, Word: run.Word, CreatedAt: run.CreatedAt, StartedAt: run.StartedAt, FinishedAt: run.FinishedAt,
		Duration: run.Duration, Waited: run.Waited, URL: run.URL, Steps: []Step{}}
	return &Stages{Stages: []Stage{{Name: name, Status: job.Status, Word: job.Word, StartedAt: job.StartedAt, FinishedAt: job.FinishedAt, Duration: job.Duration, Jobs: []Job{job}}},
		Complete: true, Done: run.Status.Done()}, nil
}

// Steps makes one request for each job, a few at a time, and none for that of a build without stages. It tells 500 of a job.
func (d *jenkinsDriver) Steps(ctx context.Context, jobs []string) ([][]Step, []error) {
	return jenkinsEach(jobs, func(key string) ([]Step, error) {
		id, node, err := d.stage(key)
		if err != nil {
			return nil, err
		}
		if node == jenkinsWhole {
			return []Step{}, nil
		}
		_, found, err := d.client.Steps(ctx, id, node)
		if err != nil {
			return nil, d.failed(err)
		}
		out := make([]Step, 0, len(found))
		for i, s := range found {
			one := Step{Number: i + 1, Name: s.Name, Detail: s.Detail, Status: jenkinsState(s.State), Word: string(s.State), StartedAt: s.Started}
			one.FinishedAt, one.Duration = jenkinsEnd(one.Status, s)
			out = append(out, one)
		}
		return out, nil
	})
}

// jenkinsTests are what becomes of tests. What fails anew, or no longer, is known from the builds before it.
var jenkinsTests = map[jenkins.TestState]testreport.Status{
	jenkins.TestPassed:     testreport.Passed,
	jenkins.TestFixed:      testreport.Passed,
	jenkins.TestFailed:     testreport.Failed,
	jenkins.TestRegression: testreport.Failed,
	jenkins.TestSkipped:    testreport.Skipped,
}

// Tests makes two requests for each run, as the report does not tell whether the run is done, and one more where tests failed, for their stack traces: with
// those Jenkins is asked for fewer cases. A case of a state that is not known is an error. Of a build without tests it is nil.
func (d *jenkinsDriver) Tests(ctx context.Context, runs []string) ([]*Tests, []error) {
	return jenkinsEach(runs, func(key string) (*Tests, error) {
		id, _, err := d.build(ctx, key)
		if err != nil || id == nil {
			return nil, err
		}
		b, err := d.client.Build(ctx, *id)
		if err != nil {
			return nil, d.failed(err)
		}
		found, err := d.client.Report(ctx, jenkins.ReportQuery{Build: *id})
		if errors.Is(err, clients.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, d.failed(err)
		}
		stacks := map[[3]string]string{}
		if found.Failed > 0 {
			with, err := d.client.Report(ctx, jenkins.ReportQuery{Build: *id, Stacks: true})
			switch {
			case errors.Is(err, clients.ErrTooLarge): // what is known without them is worth more than nothing
			case err != nil:
				return nil, d.failed(err)
			default:
				for _, suite := range with.Suites {
					for _, c := range suite.Cases {
						stacks[[3]string{suite.Name, c.Class, c.Name}] = c.Stack
					}
				}
			}
		}
		return &Tests{Report: jenkinsReport(found, stacks), Cut: !found.Complete, Done: !b.Building}, nil
	})
}

// jenkinsReport is a report as package testreport has it. Jenkins has read it from JUnit's XML.
func jenkinsReport(found *jenkins.Report, stacks map[[3]string]string) *testreport.Report {
	suites := make([]testreport.Suite, len(found.Suites))
	for i, s := range found.Suites {
		suites[i] = testreport.Suite{Name: s.Name, Duration: s.Duration, Cases: make([]testreport.Case, len(s.Cases))}
		for n, c := range s.Cases {
			status := jenkinsTests[c.State]
			if status == "" {
				status = testreport.Error
			}
			suites[i].Cases[n] = testreport.Case{Name: c.Name, Class: c.Class, Duration: c.Duration, Status: status, Message: c.Message, Details: stacks[[3]string{s.Name, c.Class, c.Name}]}
		}
	}
	return testreport.New(testreport.JUnit, suites)
}

// Coverages makes one to three requests for each run, a few at a time: one for each plugin that may know it. It is nil where none does, or not in lines.
func (d *jenkinsDriver) Coverages(ctx context.Context, runs []string) ([]*float64, []error) {
	return jenkinsEach(runs, func(key string) (*float64, error) {
		id, _, err := d.build(ctx, key)
		if err != nil || id == nil {
			return nil, err
		}
		found, err := d.client.Coverage(ctx, *id)
		if errors.Is(err, clients.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, d.failed(err)
		}
		if lines, known := found.Of("line"); known {
			return &lines.Percent, nil
		}
		return nil, nil
	})
}

// Artifacts makes one request for each run, a few at a time. It tells 500 of a run. Jenkins does not tell how large they are without being asked for each.
func (d *jenkinsDriver) Artifacts(ctx context.Context, runs []string) ([][]Artifact, []error) {
	return jenkinsEach(runs, func(key string) ([]Artifact, error) {
		id, _, err := d.build(ctx, key)
		if err != nil || id == nil {
			return []Artifact{}, err
		}
		b, err := d.client.Build(ctx, *id)
		if err != nil {
			return nil, d.failed(err)
		}
		out := make([]Artifact, 0, len(b.Artifacts))
		for _, a := range b.Artifacts {
			out = append(out, Artifact{Key: a.Path, Name: a.Path, Size: -1, Archive: strings.HasSuffix(strings.ToLower(a.Path), ".zip"),
				URL: strings.TrimRight(b.URL, "/") + "/artifact/" + (&url.URL{Path: a.Path}).EscapedPath()})
		}
		return out, nil
	})
}

// Open makes one request, and one to another host where Jenkins keeps it there.
func (d *jenkinsDriver) Open(ctx context.Context, run, artifact string, most int64) (io.ReadCloser, int64, error) {
	id, _, err := d.build(ctx, run)
	if err != nil {
		return nil, 0, err
	}
	if id == nil {
		return nil, 0, d.absent("it has not begun to be built")
	}
	file, err := d.client.Artifact(ctx, *id, artifact)
	if err != nil {
		return nil, 0, d.failed(err)
	}
	large := &clients.Error{Kind: clients.ErrBadAnswer, Source: d.source, Err: clients.ErrTooLarge, Message: fmt.Sprintf("the artifact is larger than %d bytes, the most that is read", most)}
	if file.Size > most {
		file.Body.Close()
		return nil, 0, large
	}
	return &jenkinsBody{ReadCloser: file.Body, left: most, refuse: large}, file.Size, nil
}
