package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// ErrBadEvent says that a webhook is not what GitLab sends.
var ErrBadEvent = errors.New("no event of GitLab")

// MaxEvent is the longest body of a webhook that is read, in bytes: GitLab's own limit.
const MaxEvent = 25 << 20

// Event is what a webhook tells. What does not belong to its kind is empty.
type Event struct {
	Kind     string // GitLab's object_kind, such as "push", "tag_push", "merge_request", "issue", "release", "pipeline", "build" or "deployment", else its event_name, such as "project_create"
	Name     string // GitLab's name for it, such as "Push Hook"
	Delivery string // the same for every attempt to deliver it, and no other: Idempotency-Key, or the event's UUID from before GitLab 17.4
	Instance string // where the GitLab says it is

	ProjectID int64
	Project   string // the path of the project in full; "" for the events of groups
	Was       string // how the path was until now: after it was renamed or transferred

	Ref           string  // of a push, a pipeline or a build: the ref in full, such as "refs/heads/main" or "refs/merge-requests/1/head"
	DefaultBranch string  // of the project, without "refs/heads/"; not every kind says it
	Before, After git.OID // of a push: "" where the ref was made or removed

	Number       int    // of a merge request or an issue: the iid; of a pipeline or a build: that of its merge request, 0 for none
	Action       string // of a merge request, an issue or a release, such as "open", "update", "close", "merge", "approved" or "create"
	State        string // of a merge request or an issue now
	SourceBranch string // of a merge request
	TargetBranch string
	Head         git.OID // of a merge request, a pipeline or a build
	Confidential bool    // of an issue
	Tag          string  // of a release
	Username     string  // whose doing it is

	Pipeline *PipelineEvent // of a pipeline
	Job      *JobEvent      // of a build
}

// wireEvent is the parts of all kinds of events that are read. What is not of the expected type is as if it were not there.
type wireEvent struct {
	ObjectKind string `json:"object_kind"`
	EventName  string `json:"event_name"`
	EventType  string `json:"event_type"`
	Ref        string `json:"ref"`
	Before     string `json:"before"`
	After      string `json:"after"`
	ProjectID  number `json:"project_id"`
	Tag        string `json:"tag"` // the name of a release's tag; whether a job's ref is one
	Action     string `json:"action"`
	Username   string `json:"user_username"`
	SHA        string `json:"sha"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	Project struct {
		ID            number `json:"id"`
		Path          string `json:"path_with_namespace"`
		DefaultBranch string `json:"default_branch"`
	} `json:"project"`
	PathWithNamespace string `json:"path_with_namespace"`
	OldPath           string `json:"old_path_with_namespace"`
	Attributes        struct {
		IID          number `json:"iid"`
		Action       string `json:"action"`
		State        string `json:"state"`
		SourceBranch string `json:"source_branch"`
		TargetBranch string `json:"target_branch"`
		Confidential bool   `json:"confidential"`
		Ref          string `json:"ref"`
		SHA          string `json:"sha"`
		IsTag        bool   `json:"tag"`
		LastCommit   struct {
			ID string `json:"id"`
		} `json:"last_commit"`
	} `json:"object_attributes"`
}

// ParseEvent reads a webhook that Verify has let pass. Kinds that this package knows nothing of give an Event with what all have. It wraps
// ErrBadEvent.
func ParseEvent(header http.Header, body []byte) (*Event, error) {
	if len(body) > MaxEvent {
		return nil, fmt.Errorf("%w: a body of %d bytes; the limit is %d", ErrBadEvent, len(body), MaxEvent)
	}
	var w wireEvent
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &w); err != nil && !errors.As(err, &other) {
		return nil, fmt.Errorf("%w: its body cannot be read", ErrBadEvent)
	}
	e := &Event{Kind: plain(w.ObjectKind), Name: plain(header.Get("X-Gitlab-Event")), Instance: plain(header.Get("X-Gitlab-Instance")),
		Delivery: Delivery(header), ProjectID: int64(w.Project.ID), Project: w.Project.Path}
	if e.Kind == "" {
		e.Kind = plain(w.EventName) // system hooks
	}
	if e.Kind == "" || e.Name == "" {
		return nil, fmt.Errorf("%w: it does not say of what kind it is", ErrBadEvent)
	}
	if e.ProjectID == 0 {
		e.ProjectID = int64(w.ProjectID)
	}
	if e.Project == "" {
		e.Project = w.PathWithNamespace
	}
	if e.Project != "" && checkProject(e.Project) != nil {
		return nil, fmt.Errorf("%w: the path of its project is none", ErrBadEvent)
	}
	if checkProject(w.OldPath) == nil && !strings.EqualFold(w.OldPath, e.Project) {
		e.Was = w.OldPath
	}
	e.Username = username(w.Username)
	if e.Username == "" {
		e.Username = username(w.User.Username)
	}
	w.into(e)
	if e.Kind == "pipeline" || e.Kind == "build" {
		e.ran(body)
	}
	return e, nil
}

func username(text string) string {
	if checkUsername(text) != nil {
		return ""
	}
	return text
}

// into fills in what belongs to the kind of the event.
func (w *wireEvent) into(e *Event) {
	a := &w.Attributes
	oid := func(text string) git.OID {
		if strings.Trim(text, "0") == "" {
			return "" // the id of nothing
		}
		id, _ := git.ParseOID(text)
		return id
	}
	ref := func(text, kind string) string {
		if text == "" {
			return ""
		}
		if !strings.HasPrefix(text, "refs/") {
			text = "refs/" + kind + "/" + text
		}
		if checkRef(text) != nil {
			return ""
		}
		return text
	}
	branch := func(text string) string { return strings.TrimPrefix(ref(text, "heads"), "refs/heads/") }
	e.DefaultBranch = branch(w.Project.DefaultBranch)
	switch e.Kind {
	case "push", "tag_push":
		e.Ref, e.Before, e.After = ref(w.Ref, "heads"), oid(w.Before), oid(w.After)
	case "merge_request":
		e.Number, e.Action, e.State, e.Head = int(a.IID), plain(a.Action), plain(a.State), oid(a.LastCommit.ID)
		e.SourceBranch, e.TargetBranch = branch(a.SourceBranch), branch(a.TargetBranch)
	case "issue", "work_item":
		e.Number, e.Action, e.State = int(a.IID), plain(a.Action), plain(a.State)
		e.Confidential = a.Confidential || w.EventType == "confidential_issue"
	case "release":
		e.Action = plain(w.Action)
		if checkRef(w.Tag) == nil {
			e.Tag = w.Tag
		}
	case "pipeline":
		kind := "heads"
		if a.IsTag {
			kind = "tags"
		}
		e.Ref, e.Head = ref(a.Ref, kind), oid(a.SHA)
	case "build", "deployment":
		e.Ref, e.Head = ref(w.Ref, "heads"), oid(w.SHA)
	}
}
