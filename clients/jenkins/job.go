package jenkins

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Kind is what a job is.
type Kind string

// The kinds that are told apart. A folder or a multibranch project is no job, and holds some.
const (
	Pipeline    Kind = "pipeline"
	Freestyle   Kind = "freestyle"
	Multibranch Kind = "multibranch"
	Folder      Kind = "folder"
	Other       Kind = "other"
)

// kinds is the one table from Java's classes to kinds.
var kinds = map[string]Kind{
	"org.jenkinsci.plugins.workflow.job.WorkflowJob":                        Pipeline,
	"hudson.model.FreeStyleProject":                                         Freestyle,
	"org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject": Multibranch,
	"com.cloudbees.hudson.plugins.folder.Folder":                            Folder,
	"jenkins.branch.OrganizationFolder":                                     Folder,
}

// Job is what Jenkins builds, or a folder of it.
type Job struct {
	Name        string // in full, such as "team/app/main"
	Title       string // for people: a branch as it is called, or what somebody wrote
	Description string // may be HTML, as somebody wrote it; only Job tells it
	URL         string // of its page
	Kind        Kind
	Class       string // of Java
	Color       string // Jenkins' word for its state, such as "blue", "red_anime", "notbuilt" or "disabled"; "" for folders
	Buildable   bool   // it is no folder, and not disabled
	Queued      bool   // a build of it waits in the queue
	Last        *Build // nil where there is none

	// What Job alone tells. Jenkins reads several builds for the health of a job.
	Health                        int // of the worst of its reports, in percent; -1 where there is none
	LastCompleted, LastSuccessful int // numbers of builds; 0 for none
	Next                          int // the number of the next build
	Definitions                   []Definition
	Jobs                          []Child // of a folder or a multibranch project, at most 1,000

	Object *Object // what a branch's job is made for; Job and Branches tell it
}

// Definition is a parameter that a job takes.
type Definition struct {
	Name, Description string
	Type              string // such as "StringParameterDefinition", "ChoiceParameterDefinition" or "PasswordParameterDefinition"
	Default           string
	Choices           []string // at most 100
}

// Child is a job in a folder.
type Child struct {
	Name  string // in full
	Title string
	Kind  Kind
	Color string
}

// Object is the branch or pull request that the job of a multibranch project is made for, as the host of the repository told Jenkins.
type Object struct{ Title, URL string }

const (
	jobFields = "name,fullName,displayName,url,color,buildable,inQueue"
	briefJob  = jobFields + ",lastBuild[" + listedBuild + "]"
	fullJob   = jobFields + ",lastBuild[" + briefBuild + "],healthReport[score],description,nextBuildNumber,lastCompletedBuild[number],lastSuccessfulBuild[number],actions[objectDisplayName,objectUrl]," +
		"property[parameterDefinitions[name,type,description,defaultParameterValue[value],choices]],jobs[name,fullName,displayName,color]{0,1000}"
)

const maxJobs = 1000 // of one folder that are looked at in one answer, by judgement

type wireJob struct {
	Class        string `json:"_class"`
	Name         string
	FullName     string
	DisplayName  string
	Description  string
	URL          string
	Color        string
	Buildable    bool
	InQueue      bool
	HealthReport []struct{ Score int }
	LastBuild    *wireBuild

	NextBuildNumber                         int
	LastCompletedBuild, LastSuccessfulBuild *struct{ Number int }
	Actions, Property                       []json.RawMessage
	Jobs                                    []*wireJob
}

func kindOf(class string) Kind {
	if kind := kinds[class]; kind != "" {
		return kind
	}
	return Other
}

// value makes a job of what was answered for it. Its name is the one that was asked for.
func (w *wireJob) value(c *Client, name string) *Job {
	j := &Job{Name: name, Title: line(w.DisplayName), Description: cut(w.Description, maxText), URL: page(w.URL, c.JobURL(name)), Class: line(w.Class),
		Kind: kindOf(w.Class), Color: line(w.Color), Buildable: w.Buildable, Queued: w.InQueue, Health: -1, Last: w.LastBuild.value(c, name)}
	for _, report := range w.HealthReport {
		if score := min(max(report.Score, 0), 100); j.Health < 0 || score < j.Health {
			j.Health = score
		}
	}
	return j
}

// Job returns a job with all that is told of one. It makes one request.
func (c *Client) Job(ctx context.Context, name string) (*Job, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	var w wireJob
	if err := c.read(ctx, "/job/{job}/api/json", jobPath(name)+"/api/json", fullJob, &w); err != nil {
		return nil, err
	}
	if w.Name == "" || !w.is(name) {
		return nil, bad(c.source, "its answer is not what it should be: a job of another name")
	}
	j := w.value(c, name)
	j.Next = max(0, w.NextBuildNumber)
	if w.LastCompletedBuild != nil {
		j.LastCompleted = max(0, w.LastCompletedBuild.Number)
	}
	if w.LastSuccessfulBuild != nil {
		j.LastSuccessful = max(0, w.LastSuccessfulBuild.Number)
	}
	j.Object = w.object()
	for _, raw := range w.Property[:min(len(w.Property), maxActions)] {
		j.define(raw)
	}
	for _, child := range w.Jobs[:min(len(w.Jobs), maxJobs)] {
		if child == nil {
			continue
		}
		if full := name + "/" + child.Name; checkName(full) == nil {
			j.Jobs = append(j.Jobs, Child{Name: full, Title: line(child.DisplayName), Kind: kindOf(child.Class), Color: line(child.Color)})
		}
	}
	return j, nil
}

func (w *wireJob) object() *Object {
	for _, raw := range w.Actions[:min(len(w.Actions), maxActions)] {
		if a := loose[struct{ ObjectDisplayName, ObjectURL string }](raw); a.ObjectDisplayName != "" || a.ObjectURL != "" {
			return &Object{Title: line(a.ObjectDisplayName), URL: page(a.ObjectURL, "")}
		}
	}
	return nil
}

// Branches returns the jobs of a multibranch project, or of a folder, with their last builds and what each is made for, at most 1,000. It makes one request.
// So the builds of a pull request are found by its address in Object, and those of a commit by the Revisions of the last builds.
func (c *Client) Branches(ctx context.Context, project string) ([]*Job, error) {
	if err := checkName(project); err != nil {
		return nil, err
	}
	var w wireJob
	tree := "name,fullName,jobs[" + briefJob + ",actions[objectDisplayName,objectUrl]]" + ranged(0, maxJobs)
	if err := c.read(ctx, "/job/{folder}/api/json", jobPath(project)+"/api/json", tree, &w); err != nil {
		return nil, err
	}
	if w.Name == "" || !w.is(project) {
		return nil, bad(c.source, "its answer is not what it should be: a job of another name")
	}
	var out []*Job
	for _, child := range w.Jobs[:min(len(w.Jobs), maxJobs)] {
		if child == nil {
			continue
		}
		if full := project + "/" + child.Name; checkName(full) == nil {
			j := child.value(c, full)
			j.Object = child.object()
			out = append(out, j)
		}
	}
	return out, nil
}

// is reports whether the job is the one of the name: Jenkins finds names whatever their case.
func (w *wireJob) is(name string) bool {
	if w.FullName != "" {
		return strings.EqualFold(w.FullName, name)
	}
	return strings.EqualFold(w.Name, name[strings.LastIndexByte(name, '/')+1:])
}

func (j *Job) define(raw json.RawMessage) {
	property := loose[struct{ ParameterDefinitions []json.RawMessage }](raw)
	for _, raw := range property.ParameterDefinitions {
		d := loose[struct {
			Name, Type, Description string
			DefaultParameterValue   struct{ Value json.RawMessage }
			Choices                 []string
		}](raw)
		if d.Name == "" || len(j.Definitions) >= maxList {
			continue
		}
		definition := Definition{Name: line(d.Name), Type: line(d.Type), Description: cut(d.Description, maxText), Default: text(d.DefaultParameterValue.Value)}
		for _, choice := range d.Choices[:min(len(d.Choices), maxList)] {
			definition.Choices = append(definition.Choices, cut(choice, maxLine))
		}
		j.Definitions = append(j.Definitions, definition)
	}
}

func ranged(from, to int) string { return fmt.Sprintf("{%d,%d}", from, to) }
