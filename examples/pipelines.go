package examples

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed pipelines.yaml
var pipelinesText []byte

// Jenkins is the address of the organisation's Jenkins, at which nothing ever answers.
const Jenkins = "https://jenkins.larkfold.example"

// Pipelines is what builds and tests the organisation's repositories. Whoever simulates the systems that do fills them with this; Runs says how it went.
type Pipelines struct {
	Texts     map[string]string `yaml:"texts"` // what steps write, by the name that Step.Log has
	Pipelines []Pipeline        `yaml:"pipelines"`
}

// What runs pipelines.
const (
	OnGitHub  = "github"
	OnGitLab  = "gitlab"
	OnJenkins = "jenkins"
)

// Why there are runs.
const (
	Push        = "push" // to main
	PullRequest = "pull_request"
	Schedule    = "schedule"
	Tagged      = "tag"
)

// Pipeline is a workflow of GitHub Actions, the CI of a project of GitLab, or a project of Jenkins.
type Pipeline struct {
	Repository  string        `yaml:"repository"`
	On          string        `yaml:"on"`   // OnGitHub, OnGitLab or OnJenkins
	Name        string        `yaml:"name"` // of the workflow; the full name on Jenkins; GitLab has none
	File        string        `yaml:"file"`
	Description string        `yaml:"description"`
	Single      bool          `yaml:"single"`   // on Jenkins: one job, and not one for each branch and pull request
	Dispatch    bool          `yaml:"dispatch"` // on GitHub: it can be started by hand
	Disabled    bool          `yaml:"disabled"` // it does not run any more
	Since       time.Time     `yaml:"since"`    // the first day; FirstDay where zero
	Until       time.Time     `yaml:"until"`    // the day on which it did not run any more; zero for never
	Starts      []string      `yaml:"starts"`   // why it runs; Push and PullRequest where empty, and Schedule where there are Nights
	Nights      int           `yaml:"nights"`   // how many of the last nights it ran in
	At          time.Duration `yaml:"at"`       // when it did, since midnight, UTC
	Reports     bool          `yaml:"reports"`  // package reports has what its tests say of the commits
	Parameters  []Parameter   `yaml:"parameters"`
	Jobs        []Job         `yaml:"jobs"`
	Runs        []Exception   `yaml:"runs"`
}

// Parameter is what somebody who starts a pipeline is asked for.
type Parameter struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Default     string   `yaml:"default"`
	Choices     []string `yaml:"choices"`
	Required    bool     `yaml:"required"`
	Secret      bool     `yaml:"secret"`
	Flag        bool     `yaml:"flag"` // "true" or "false"
}

// Job is a part of a pipeline: a job of GitHub or GitLab, a stage of Jenkins.
type Job struct {
	Name         string            `yaml:"name"`
	Stage        string            `yaml:"stage"` // on GitLab
	Needs        []string          `yaml:"needs"` // jobs before it; on GitHub, where the others run beside each other
	RunsOn       []string          `yaml:"runsOn"`
	On           []string          `yaml:"on"`      // why it runs; whenever the pipeline does where empty
	Queue        time.Duration     `yaml:"queue"`   // how long it waits for a machine, as a rule
	Manual       bool              `yaml:"manual"`  // somebody has to start it
	Percent      float64           `yaml:"percent"` // of lines that are run, as the log says; zero for not told
	Covered      float64           `yaml:"covered"` // likewise, as the coverage plugin of Jenkins has it
	AllowFailure bool              `yaml:"allowFailure"`
	Tests        []string          `yaml:"tests"` // "class > name"
	Steps        []Step            `yaml:"steps"`
	Files        map[string]string `yaml:"files"` // that it leaves
}

// Step is a part of a job.
type Step struct {
	Name  string        `yaml:"name"`
	Run   string        `yaml:"run"`   // the command
	Takes time.Duration `yaml:"takes"` // as a rule
	Log   string        `yaml:"log"`   // the name of one of the texts; nothing where empty
}

// How runs that were not good went.
const (
	Failed   = "failed"
	Flaky    = "flaky" // it failed, and somebody ran it again, which was good
	TimedOut = "timed-out"
	Canceled = "canceled"
	Unstable = "unstable" // a test failed, which Jenkins does not take for a failure
	Waiting  = "waiting"  // for somebody to say that it may go on
)

// Exception is a run that is told more of than that it was good. Commit, Pull or Night says which.
type Exception struct {
	Commit  string        `yaml:"commit"` // its subject
	Pull    int           `yaml:"pull"`   // the newest run of an open pull request
	Night   string        `yaml:"night"`  // the day, as 2006-01-02
	Ago     time.Duration `yaml:"ago"`    // how long before the hosts come up it began; of a pull request
	Job     string        `yaml:"job"`    // where it happened; it is run even if it would not be
	Outcome string        `yaml:"outcome"`
	Queue   time.Duration `yaml:"queue"` // how long the job waited
	After   time.Duration `yaml:"after"` // when somebody canceled it
	Test    string        `yaml:"test"`  // which failed
	Message string        `yaml:"message"`
	Details string        `yaml:"details"`
	Log     string        `yaml:"log"` // the name of a text, or a text, that the job's last step wrote
}

// ReadPipelines returns what builds and tests the repositories.
func ReadPipelines() (*Pipelines, error) {
	out, err := parsePipelines(pipelinesText)
	if err != nil {
		return nil, fmt.Errorf("reading the pipelines of the example organisation: %w", err)
	}
	return out, nil
}

// parsePipelines decodes strictly; errors say where in the text they are.
func parsePipelines(text []byte) (*Pipelines, error) {
	out := &Pipelines{}
	if err := yaml.UnmarshalWithOptions(text, out, yaml.Strict()); err != nil {
		return nil, err
	}
	for i := range out.Pipelines {
		if err := out.check(&out.Pipelines[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", place(text, i), err)
		}
	}
	for name, text := range out.Texts {
		out.Texts[name] = colours.Replace(text)
	}
	return out, nil
}

// place says where a pipeline stands.
func place(text []byte, number int) string {
	path, err := yaml.PathString(fmt.Sprintf("$.pipelines[%d]", number))
	if err != nil {
		return "pipelines"
	}
	node, err := path.ReadNode(strings.NewReader(string(text)))
	if err != nil || node.GetToken() == nil {
		return fmt.Sprintf("pipeline %d", number+1)
	}
	return fmt.Sprintf("pipelines.yaml:%d", node.GetToken().Position.Line)
}

func (p *Pipelines) check(one *Pipeline) error {
	var jobs []string
	switch {
	case !slices.Contains([]string{OnGitHub, OnGitLab, OnJenkins}, one.On):
		return fmt.Errorf("nothing is called %q that runs pipelines", one.On)
	case !slices.Contains(Repositories(), one.Repository):
		return fmt.Errorf("there is no repository %q", one.Repository)
	case one.Name == "" && one.On != OnGitLab:
		return fmt.Errorf("a pipeline of %s has no name", one.Repository)
	}
	for _, j := range one.Jobs {
		jobs = append(jobs, j.Name)
		for _, s := range j.Steps {
			if _, ok := p.Texts[s.Log]; s.Log != "" && !ok {
				return fmt.Errorf("job %q: there is no text %q", j.Name, s.Log)
			}
		}
		for _, t := range j.Tests {
			if !strings.Contains(t, " > ") {
				return fmt.Errorf("job %q: the test %q has no class", j.Name, t)
			}
		}
	}
	for _, e := range one.Runs {
		_, dated := time.Parse(time.DateOnly, e.Night)
		switch {
		case named(e) != 1:
			return fmt.Errorf("a run is named by one of commit, pull and night: %+v", e)
		case e.Night != "" && dated != nil:
			return dated
		case e.Job != "" && !slices.Contains(jobs, e.Job):
			return fmt.Errorf("there is no job %q", e.Job)
		case e.Outcome != "" && !slices.Contains([]string{Failed, Flaky, TimedOut, Canceled, Unstable, Waiting}, e.Outcome):
			return fmt.Errorf("no run is %q", e.Outcome)
		case e.Job == "" && e.Outcome != "" && e.Outcome != Canceled:
			return fmt.Errorf("which job was %s?", e.Outcome)
		}
	}
	return nil
}

// named is how many ways of naming a run are used.
func named(e Exception) (n int) {
	for _, is := range []bool{e.Commit != "", e.Pull != 0, e.Night != ""} {
		if is {
			n++
		}
	}
	return n
}

// colours are the escape sequences that texts name.
var colours = strings.NewReplacer("<red>", "\x1b[31m", "<green>", "\x1b[32m", "<yellow>", "\x1b[33m", "<cyan>", "\x1b[36m", "<bold>", "\x1b[1m", "<off>", "\x1b[0m")
