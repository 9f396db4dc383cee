package jenkins

import (
	"context"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// State is how far a stage or a step of a Pipeline is, in the words of Jenkins' Pipeline REST API plugin: one of those below.
type State string

// The states of stages and steps.
const (
	StateSuccess     State = "SUCCESS"
	StateFailed      State = "FAILED"
	StateAborted     State = "ABORTED"
	StateUnstable    State = "UNSTABLE"
	StateInProgress  State = "IN_PROGRESS"
	StateNotExecuted State = "NOT_EXECUTED"
	StatePaused      State = "PAUSED_PENDING_INPUT"
)

// Stages is the stages of a build of a Pipeline.
type Stages struct {
	State          State
	Started, Ended time.Time // Ended is that of the latest stage while it builds
	Duration       time.Duration
	Queued, Paused time.Duration // waiting for what it runs on, and for people
	Stages         []Stage       // in the order in which they began, at most 500; those that run beside each other too
}

// Stage is one stage of a Pipeline, or one step in it.
type Stage struct {
	ID       string // of its node in the graph of the build, as Client.Steps and Client.StepLog take it
	Name     string // such as "Build", or "Shell Script" of a step
	Detail   string // of a step: what it was told, such as "make test"
	Node     string // what it ran on; "" where that is not told
	State    State
	Started  time.Time
	Duration time.Duration
	Paused   time.Duration // of Duration
	Failure  string        // why it failed
	Parents  []string      // of a step: the IDs of what came right before it
	HasLog   bool          // of a step
}

const (
	maxStages  = 500
	maxParents = 100
)

type wireStage struct {
	Links struct {
		Log *struct{ Href string } `json:"log"`
	} `json:"_links"`
	ID                   string
	Name                 string
	ExecNode             string
	ParameterDescription string
	Status               string
	StartTimeMillis      int64
	EndTimeMillis        int64
	DurationMillis       int64
	QueueDurationMillis  int64
	PauseDurationMillis  int64
	Error                *struct{ Message string }
	ParentNodes          []string
	Stages               []wireStage
	StageFlowNodes       []wireStage
}

func (w *wireStage) value() Stage {
	s := Stage{ID: line(w.ID), Name: line(w.Name), Detail: cut(w.ParameterDescription, maxLine), Node: line(w.ExecNode), State: State(line(w.Status)),
		Started: at(w.StartTimeMillis), Duration: span(w.DurationMillis), Paused: span(w.PauseDurationMillis), HasLog: w.Links.Log != nil}
	if w.Error != nil {
		s.Failure = cut(w.Error.Message, maxText)
	}
	for _, parent := range w.ParentNodes[:min(len(w.ParentNodes), maxParents)] {
		s.Parents = append(s.Parents, line(parent))
	}
	return s
}

func stages(list []wireStage) []Stage {
	var out []Stage
	for _, w := range list[:min(len(list), maxStages)] {
		if checkNode(w.ID) == nil {
			out = append(out, w.value())
		}
	}
	return out
}

// Stages returns the stages of a build of a Pipeline. It makes one request. Builds of other jobs, and all of a Jenkins without the plugin
// pipeline-rest-api, fail with an error of kind clients.ErrNotFound.
func (c *Client) Stages(ctx context.Context, id BuildID) (*Stages, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	var w wireStage
	if err := c.read(ctx, "/job/{job}/{build}/wfapi/describe", id.path()+"/wfapi/describe", "", &w); err != nil {
		return nil, err
	}
	return &Stages{State: State(line(w.Status)), Started: at(w.StartTimeMillis), Ended: at(w.EndTimeMillis), Duration: span(w.DurationMillis),
		Queued: span(w.QueueDurationMillis), Paused: span(w.PauseDurationMillis), Stages: stages(w.Stages)}, nil
}

// Steps returns a stage and its steps in the order in which they began, at most 500. It makes one request.
func (c *Client) Steps(ctx context.Context, id BuildID, stage string) (Stage, []Stage, error) {
	path, err := nodePath(id, stage)
	if err != nil {
		return Stage{}, nil, err
	}
	var w wireStage
	if err := c.read(ctx, "/job/{job}/{build}/execution/node/{node}/wfapi/describe", path+"/wfapi/describe", "", &w); err != nil {
		return Stage{}, nil, err
	}
	return w.value(), stages(w.StageFlowNodes), nil
}

// StepLog is the log of one step.
type StepLog struct {
	State State
	Text  string // its end where there is more
	More  bool   // it is longer: Jenkins tells 10 KB
}

// StepLog returns the log of one step. It makes one request.
func (c *Client) StepLog(ctx context.Context, id BuildID, step string) (*StepLog, error) {
	path, err := nodePath(id, step)
	if err != nil {
		return nil, err
	}
	var w struct {
		NodeStatus string
		HasMore    bool
		Text       string
	}
	if err := c.read(ctx, "/job/{job}/{build}/execution/node/{node}/wfapi/log", path+"/wfapi/log", "", &w); err != nil {
		return nil, err
	}
	const most = 1 << 20 // a Jenkins can be told to tell more than 10 KB
	text := cut(w.Text, most)
	return &StepLog{State: State(line(w.NodeStatus)), Text: unmarked(text), More: w.HasMore || len(w.Text) > most}, nil
}

var mark = regexp.MustCompile(`<[^<>]*>`)

// unmarked returns the text of a log that was written for a web page.
func unmarked(text string) string {
	text = html.UnescapeString(mark.ReplaceAllString(text, ""))
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "")
}

// Input is a question that a Pipeline waits for somebody to answer.
type Input struct{ ID, Message string }

// Inputs returns the questions that a build of a Pipeline waits with, at most 100. It makes one request.
func (c *Client) Inputs(ctx context.Context, id BuildID) ([]Input, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	var w []struct{ ID, Message string }
	if err := c.read(ctx, "/job/{job}/{build}/wfapi/pendingInputActions", id.path()+"/wfapi/pendingInputActions", "", &w); err != nil {
		return nil, err
	}
	var out []Input
	for _, i := range w[:min(len(w), maxList)] {
		out = append(out, Input{ID: line(i.ID), Message: cut(i.Message, maxText)})
	}
	return out, nil
}

func nodePath(id BuildID, node string) (string, error) {
	if err := id.check(); err != nil {
		return "", err
	}
	if err := checkNode(node); err != nil {
		return "", err
	}
	return id.path() + "/execution/node/" + node, nil
}

// checkNode checks the ID of a node: Jenkins counts them.
func checkNode(node string) error {
	if n, err := strconv.ParseUint(node, 10, 31); err != nil || strconv.FormatUint(n, 10) != node {
		return invalid("ID of a step", node)
	}
	return nil
}
