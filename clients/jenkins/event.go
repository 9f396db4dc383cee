package jenkins

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// ErrBadEvent says that a notification is not what one of Jenkins' plugins sends.
var ErrBadEvent = errors.New("no event of Jenkins")

// MaxEvent is the longest body of a notification that is read, in bytes: the Notification plugin can be told to send the log along.
const MaxEvent = 4 << 20

// Phase is how far a build is when its event is sent, in the words of the Notification plugin.
type Phase string

// The phases of a build. When it is Completed its result is known, and when it is Finalized all it had to do after is done too, such as keeping
// its artifacts.
const (
	Queued    Phase = "QUEUED"
	Started   Phase = "STARTED"
	Completed Phase = "COMPLETED"
	Finalized Phase = "FINALIZED"
)

// Event is what a notification tells. It has no name that a repetition would have too; what it says of a build may be told twice.
type Event struct {
	Build    BuildID
	QueueID  int64  // the item of the queue that it was; 0 where that is not told
	Phase    Phase  // "" where that is not told
	Result   string // Jenkins' word, such as Success; "" before it is known
	Instance string // where the Jenkins says it is, with a slash at the end; "" where it does not know
	Remote   string // the address of the repository that it builds, without credentials
	Branch   string
	Commit   git.OID
	Tests    *TestCounts
}

// wireEvent is the parts of all kinds of notifications that are read. What is not of the expected type is as if it were not there.
type wireEvent struct {
	// The Notification plugin.
	URL   string `json:"url"`
	Build *struct {
		FullURL string `json:"full_url"`
		Number  int    `json:"number"`
		QueueID int64  `json:"queue_id"`
		Phase   string `json:"phase"`
		Status  string `json:"status"`
		URL     string `json:"url"`
		SCM     struct {
			URL    string `json:"url"`
			Branch string `json:"branch"`
			Commit string `json:"commit"`
		} `json:"scm"`
		Tests *struct {
			Total   int `json:"total"`
			Failed  int `json:"failed"`
			Skipped int `json:"skipped"`
		} `json:"test_summary"`
	} `json:"build"`
	// The outbound WebHook plugin, and what a Pipeline may send by itself in the same form.
	BuildURL string `json:"buildUrl"`
	Event    string `json:"event"`
	Result   string `json:"result"`
	Commit   string `json:"commit"`
	Branch   string `json:"branch"`
}

// ParseEvent reads a notification that Verify has let pass: one of the Notification plugin in JSON, or one of the kind that the outbound WebHook
// plugin sends, and that a Pipeline can send by itself with httpRequest:
//
//	{"buildUrl": "https://ci.larkfold.example/job/app/12/", "event": "start"}
//	{"buildUrl": "https://ci.larkfold.example/job/app/12/", "event": "success", "commit": "...", "branch": "main"}
//
// It wraps ErrBadEvent.
func ParseEvent(body []byte) (*Event, error) {
	if len(body) > MaxEvent {
		return nil, fmt.Errorf("%w: a body of %d bytes; the limit is %d", ErrBadEvent, len(body), MaxEvent)
	}
	var w wireEvent
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &w); err != nil && !errors.As(err, &other) {
		return nil, fmt.Errorf("%w: its body cannot be read; choose the format JSON in Jenkins", ErrBadEvent)
	}
	e := &Event{}
	if w.Build != nil {
		w.notification(e)
	} else {
		w.webhook(e)
	}
	if e.Build.check() != nil {
		return nil, fmt.Errorf("%w: it does not say of which build it is", ErrBadEvent)
	}
	return e, nil
}

// notification reads what the Notification plugin sends.
func (w *wireEvent) notification(e *Event) {
	b := w.Build
	for _, address := range []string{b.FullURL, b.URL, w.URL} {
		if id, ok := Locate(address); ok {
			e.Build = id
			break
		}
	}
	if e.Build.Number == 0 {
		e.Build.Number = b.Number
	}
	e.QueueID, e.Phase, e.Result = max(0, b.QueueID), Phase(plain(b.Phase)), plain(b.Status)
	e.Instance = instance(b.FullURL)
	e.Remote, e.Branch = remote(b.SCM.URL), branch(b.SCM.Branch)
	if oid, ok := git.ParseOID(b.SCM.Commit); ok {
		e.Commit = oid
	}
	if t := b.Tests; t != nil {
		e.Tests = &TestCounts{Total: max(0, t.Total), Failed: max(0, t.Failed), Skipped: max(0, t.Skipped)}
	}
}

// webhook reads what the outbound WebHook plugin sends.
func (w *wireEvent) webhook(e *Event) {
	e.Build, _ = Locate(w.BuildURL)
	e.Instance, e.Branch = instance(w.BuildURL), branch(w.Branch)
	if oid, ok := git.ParseOID(w.Commit); ok {
		e.Commit = oid
	}
	switch word := strings.ToUpper(plain(w.Event)); word {
	case "START", "STARTED":
		e.Phase = Started
	case Success, Failure, Unstable, Aborted, NotBuilt:
		e.Phase, e.Result = Completed, word
	}
	if result := strings.ToUpper(plain(w.Result)); result != "" && e.Result == "" {
		e.Phase, e.Result = Completed, result
	}
}

// instance returns the part of the address of a build's page that is the address of Jenkins.
func instance(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(address) > 4*maxName || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	path, _, found := strings.Cut(u.EscapedPath(), "/job/")
	if !found {
		return ""
	}
	return line(u.Scheme + "://" + u.Host + path + "/")
}
