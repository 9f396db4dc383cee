package github

import "encoding/json"

// Ran is what a webhook tells about a build. What it is not about, or has no id, is nil.
type Ran struct {
	Run      *WorkflowRun  // of a workflow_run
	Job      *Job          // of a workflow_job
	CheckRun *CheckRun     // of a check_run
	Suite    *CheckSuite   // of a check_suite
	Status   *CommitStatus // of a status
}

// readRan reads what a payload, whose lists are within bounds, tells about a build.
func (e *Event) readRan(body []byte) {
	var p struct {
		Run      json.RawMessage `json:"workflow_run"`
		Workflow json.RawMessage `json:"workflow"`
		Job      json.RawMessage `json:"workflow_job"`
		CheckRun json.RawMessage `json:"check_run"`
		Suite    json.RawMessage `json:"check_suite"`
	}
	switch e.Kind {
	case "workflow_run", "workflow_job", "check_run", "check_suite":
		_ = json.Unmarshal(body, &p)
	case "status":
		if status := decoded[restStatus](body); status != nil && status.ID > 0 {
			e.Ran.Status = status.value()
		}
		return
	default:
		return
	}
	switch e.Kind {
	case "workflow_run":
		if run := decoded[restRun](p.Run); run != nil && run.ID > 0 {
			e.Ran.Run = run.value()
			e.Ran.Run.Repository = e.Repository
			if workflow := decoded[restWorkflow](p.Workflow); workflow != nil {
				e.Ran.Run.Workflow = *workflow.value()
			}
		}
	case "workflow_job":
		if job := decoded[restJob](p.Job); job != nil && job.ID > 0 {
			e.Ran.Job = job.value()
		}
	case "check_run":
		if check := decoded[restCheckRun](p.CheckRun); check != nil && check.ID > 0 {
			e.Ran.CheckRun = check.value()
		}
	case "check_suite":
		if suite := decoded[restSuite](p.Suite); suite != nil && suite.ID > 0 {
			e.Ran.Suite = suite.value()
		}
	}
}
