package examples

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed script.yaml
var scriptText []byte

// Script is what happens by itself while the organisation is shown to somebody.
type Script struct {
	Steps  []Beat    `yaml:"steps"`
	Acts   []Play    `yaml:"acts"`
	Always []Regular `yaml:"always"`
}

// What steps do.
const (
	Open    = "open"    // a pull request: its run fails
	Rerun   = "rerun"   // the run, unless somebody has done so
	Approve = "approve" // the pull request, once the run is good
	Merge   = "merge"   // it
	End     = "end"     // the act
)

// Beat is a step of the script.
type Beat struct {
	At   time.Duration `yaml:"at"`   // since the act began, at the earliest: a step waits for what it needs
	Do   string        `yaml:"do"`   // Open, Rerun, Approve, Merge or End
	Says string        `yaml:"says"` // what people read; {author}, {reviewer} and {title} stand for those of the act
}

// Play is an act: a pull request on GitHub, and how a test of it fails at first.
type Play struct {
	Repository string            `yaml:"repository"`
	Pipeline   string            `yaml:"pipeline"` // by name
	Branch     string            `yaml:"branch"`
	Title      string            `yaml:"title"`
	Body       string            `yaml:"body"`
	Message    string            `yaml:"message"` // of the commit
	Author     string            `yaml:"author"`
	Reviewer   string            `yaml:"reviewer"`
	Labels     []string          `yaml:"labels"`
	Files      map[string]string `yaml:"files"` // that the commit writes
	Job        string            `yaml:"job"`
	Test       string            `yaml:"test"`
	Failure    string            `yaml:"failure"`
	Details    string            `yaml:"details"`
	Log        string            `yaml:"log"` // as Exception has it
}

// Regular is a pipeline that begins anew all the time.
type Regular struct {
	Repository string        `yaml:"repository"`
	On         string        `yaml:"on"` // OnJenkins or OnGitLab
	Every      time.Duration `yaml:"every"`
}

// ReadScript returns the script. What it names is there.
func ReadScript() (*Script, error) {
	out := &Script{}
	if err := yaml.UnmarshalWithOptions(scriptText, out, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	pipelines, err := ReadPipelines()
	if err != nil {
		return nil, err
	}
	if len(out.Acts) == 0 || len(out.Steps) == 0 {
		return nil, errors.New("reading the script: nothing happens")
	}
	for i, s := range out.Steps {
		if !slices.Contains([]string{Open, Rerun, Approve, Merge, End}, s.Do) || i > 0 && s.At < out.Steps[i-1].At {
			return nil, fmt.Errorf("reading the script: step %d does %q at %v", i+1, s.Do, s.At)
		}
	}
	for _, a := range out.Acts {
		p := pipelines.Of(a.Repository, OnGitHub, a.Pipeline)
		if p == nil || !slices.ContainsFunc(p.Jobs, func(j Job) bool { return j.Name == a.Job }) {
			return nil, fmt.Errorf("reading the script: %s has no pipeline %q with a job %q on GitHub", a.Repository, a.Pipeline, a.Job)
		}
	}
	for _, r := range out.Always {
		if pipelines.Of(r.Repository, r.On, "") == nil || r.Every <= 0 {
			return nil, fmt.Errorf("reading the script: nothing of %s runs on %s every %v", r.Repository, r.On, r.Every)
		}
	}
	return out, nil
}

// Of returns a pipeline of a repository, the first where no name is given; nil where there is none.
func (p *Pipelines) Of(repository, on, name string) *Pipeline {
	for i := range p.Pipelines {
		if one := &p.Pipelines[i]; one.Repository == repository && one.On == on && (name == "" || one.Name == name) {
			return one
		}
	}
	return nil
}
