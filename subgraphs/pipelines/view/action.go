package view

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"syscall"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// The closed sets of the schema around what changes something.
type (
	PipelineErrorCode   string
	PipelineActionKind  string
	PipelineActionState string
)

// The kinds of actions.
const (
	Rerun       PipelineActionKind = "RERUN"
	RerunFailed PipelineActionKind = "RERUN_FAILED"
	Cancel      PipelineActionKind = "CANCEL"
	Start       PipelineActionKind = "START"
)

// The codes of what is wrong with a mutation.
const (
	errNotFound    PipelineErrorCode = "NOT_FOUND"
	errBadInput    PipelineErrorCode = "BAD_INPUT"
	errUnsupported PipelineErrorCode = "UNSUPPORTED"
	errRefused     PipelineErrorCode = "REFUSED"
	errKeyReused   PipelineErrorCode = "KEY_REUSED"
	errUnknown     PipelineErrorCode = "OUTCOME_UNKNOWN"
	errUnavailable PipelineErrorCode = "UNAVAILABLE"
	errForbidden   PipelineErrorCode = "FORBIDDEN"
	errLimited     PipelineErrorCode = "RATE_LIMITED"
)

// PipelineUserError is what is wrong with what a mutation was asked for.
type PipelineUserError struct {
	Field   []string
	Message string
	Code    PipelineErrorCode
}

// Outcome is what came of a mutation.
type Outcome struct {
	Run        *PipelineRun
	UserErrors []*PipelineUserError
}

func wrong(code PipelineErrorCode, message string, field ...string) *Outcome {
	return &Outcome{UserErrors: []*PipelineUserError{{Field: field, Message: message, Code: code}}}
}

// result is what is remembered of the end of an action.
type result struct {
	Run     string            `json:"run,omitempty"` // its key
	Code    PipelineErrorCode `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
}

// Bounds of actions, by judgement.
const (
	maxKey = 200 // bytes of a client's key
	// actTime is what doing something may take, with all that a system is asked for it. It goes on when the client has gone, so that what came of it is known.
	actTime = 30 * time.Second
	// afterTime is what writing down what came of it may take.
	afterTime = 10 * time.Second
	// waitTime is how long somebody waits for what another does under the same key, and lookAgain how often that is looked at.
	waitTime  = 20 * time.Second
	lookAgain = 150 * time.Millisecond
)

// Act does something to the run or pipeline with an id, for who may, and once for each key.
func (q *Request) Act(ctx context.Context, kind PipelineActionKind, id string, key *string, start ci.StartQuery) (*Outcome, error) {
	who, err := q.source.Access.Want(ctx, access.RunPipelines)
	if err != nil { // nothing is written down, so that who may do nothing cannot fill the store
		q.source.Log.Info("an action was refused", "kind", kind, "target", cutText(id, maxKey), "error", err)
		return nil, err
	}
	release := q.source.Behind.Hold()
	if release == nil {
		return wrong(errUnavailable, "nothing was done, as Callboard is being stopped: try again"), nil
	}
	defer release()
	if key != nil && (*key == "" || len(*key) > maxKey) {
		return wrong(errBadInput, "a key has 1 to 200 bytes", "input", "clientMutationId"), nil
	}
	of := runID
	if kind == Start {
		of = pipelineID
	}
	system, name, ok := q.decodeID(of, id)
	if !ok {
		return wrong(errNotFound, "there is nothing of this id", "input", "id"), nil
	}
	action := store.Action{ID: rand.Text(), Key: orEmpty(key), Principal: who.Name, Kind: string(kind), Target: encodeID(of, system, name), At: time.Now(), Details: details(orEmpty(key), start)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Who is cut off from now on has started it nonetheless: else it could be written down as begun, and never be done.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTime)
	defer cancel()
	known, err := q.source.Store.Begin(within, action)
	switch {
	case errors.Is(err, store.ErrKeyReused):
		return wrong(errKeyReused, "this key was used for something else within the last day: use another", "input", "clientMutationId"), nil
	case errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrTooLarge):
		return wrong(errBadInput, err.Error(), "input"), nil
	case err != nil:
		return wrong(errUnavailable, "nothing was done, as it could not be written down: try again later"), nil
	case known != nil && known.Details != action.Details:
		return wrong(errKeyReused, "this key was used with another ref or other parameters within the last day: use another", "input", "clientMutationId"), nil
	case known != nil:
		return q.again(ctx, system, action, known)
	}
	run, err := q.do(within, system, kind, name, start)
	end, state := ended(run, err)
	text, _ := json.Marshal(end)
	after, done := context.WithTimeout(context.WithoutCancel(ctx), afterTime) // of within there may be nothing left
	defer done()
	if err := q.source.Store.Finish(after, action.ID, state, string(text)); err != nil {
		q.source.Log.Error("what came of an action could not be written down", "action", action.ID, "kind", action.Kind, "principal", action.Principal, "error", err)
	}
	q.changed(after, system, name, run)
	return q.outcome(system, run, end), nil
}

// details are what is written down of what was asked for: names of parameters and never their values, which may be secret, but a check too short to guess them by.
func details(key string, start ci.StartQuery) string {
	if start.Ref == "" && len(start.Parameters) == 0 {
		return "{}"
	}
	sum := sha256.New()
	names := slices.Sorted(maps.Keys(start.Parameters))
	_ = json.NewEncoder(sum).Encode([]any{key, start.Ref, start.Parameters})
	text, _ := json.Marshal(struct {
		Ref        string   `json:"ref,omitempty"`
		Parameters []string `json:"parameters,omitempty"`
		Check      string   `json:"check"`
	}{start.Ref, names, hex.EncodeToString(sum.Sum(nil)[:2])})
	return string(text)
}

func (q *Request) do(ctx context.Context, system *ci.System, kind PipelineActionKind, name string, start ci.StartQuery) (*ci.Run, error) {
	actions := system.Actions()
	switch kind {
	case Rerun:
		return actions.Rerun(ctx, name)
	case RerunFailed:
		return actions.RerunFailed(ctx, name)
	case Cancel:
		return actions.Cancel(ctx, name)
	}
	start.Pipeline = name
	return actions.Start(ctx, start)
}

// ended is what is remembered of the end of an action.
func ended(run *ci.Run, err error) (result, store.State) {
	if err == nil {
		if run == nil {
			return result{}, store.Done
		}
		return result{Run: run.Key}, store.Done
	}
	out := result{Message: cutText(err.Error(), maxTitle)}
	switch {
	case errors.Is(err, ci.ErrInvalid):
		out.Code = errBadInput
	case errors.Is(err, ci.ErrUnsupported):
		out.Code = errUnsupported
	case errors.Is(err, ci.ErrRefused):
		out.Code = errRefused
	case errors.Is(err, clients.ErrNotFound):
		out.Code, out.Message = errNotFound, "there is no such run or pipeline any more"
	case errors.Is(err, clients.ErrForbidden):
		out.Code = errForbidden
	case errors.Is(err, clients.ErrLimited):
		out.Code = errLimited
	case errors.Is(err, clients.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, clients.ErrBadAnswer),
		errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET): // it was connected to, and may have been asked
		out.Code, out.Message = errUnknown, "the system was asked and did not say whether it does it: look at its runs before asking again, with another key; "+out.Message
	default:
		out.Code = errUnavailable
	}
	return out, store.Failed
}

// outcome is what is said of the end of an action.
func (q *Request) outcome(system *ci.System, run *ci.Run, end result) *Outcome {
	out := &Outcome{UserErrors: []*PipelineUserError{}}
	if end.Code != "" {
		out.UserErrors = append(out.UserErrors, &PipelineUserError{Message: end.Message, Code: end.Code})
	}
	if run != nil && run.Key != "" {
		out.Run = q.showRun(system, Provenance{Source: system.Name, FetchedAt: new(time.Now()), Freshness: "LIVE"}, run)
	}
	return out
}

// laterOn is how long after an action what is remembered is forgotten once more: systems tell for a while how it was before, and what is done is remembered for long. By
// judgement: GitHub's API takes a second or two.
var laterOn = []time.Duration{3 * time.Second, 10 * time.Second}

// changed forgets what is remembered of what was changed, and has those look who watch; now, and twice within the next seconds.
func (q *Request) changed(ctx context.Context, system *ci.System, name string, run *ci.Run) {
	owners := []string{ci.OwnerOf(name)}
	topics := []string{encodeID(runID, system, name)}
	if run != nil && run.Key != "" {
		owners = append(owners, ci.OwnerOf(run.Key), ci.OwnerOf(run.Pipeline))
		topics = append(topics, encodeID(runID, system, run.Key))
	}
	source := q.source
	forget := func(ctx context.Context) {
		if source.Forget != nil {
			_ = source.Forget(ctx, system.Outdated(owners...)...) // the cache says so itself where it cannot
		}
		for _, topic := range topics {
			source.Hub.Nudge(topic)
		}
	}
	forget(ctx)
	source.Behind.Do("", func(ctx context.Context) {
		for _, wait := range laterOn {
			select {
			case <-time.After(wait):
				forget(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
}

// again returns what came of an action that was begun before under the key of another, once that is known.
func (q *Request) again(ctx context.Context, system *ci.System, action store.Action, known *store.Action) (*Outcome, error) {
	for latest := time.Now().Add(waitTime); known.State == store.Pending && time.Since(known.At) < actTime+waitTime && time.Now().Before(latest); {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lookAgain):
		}
		found, err := q.source.Store.Begin(ctx, action)
		if err != nil || found == nil {
			return wrong(errUnknown, "the same was asked for before, and what came of it cannot be read now: try again"), nil
		}
		known = found
	}
	if known.State == store.Pending {
		return wrong(errUnknown, "the same was asked for before, and it is not known what came of it: look at the runs before asking again, with another key"), nil
	}
	var end result
	_ = json.Unmarshal([]byte(known.Result), &end)
	out := q.outcome(system, nil, end)
	if end.Run == "" {
		return out, nil
	}
	// It may have been done by another process, whose cache is not this one's.
	if q.source.Forget != nil {
		_ = q.source.Forget(ctx, system.Outdated(ci.OwnerOf(end.Run))...)
	}
	run, err := q.runOf(ctx, system, end.Run)
	if err != nil {
		return nil, err
	}
	out.Run = run
	return out, nil
}

// PipelineAction is something that was done through Callboard.
type PipelineAction struct {
	ID        string
	Principal string
	Kind      PipelineActionKind
	Target    string
	At        time.Time
	State     PipelineActionState
	EndedAt   *time.Time
	Run       *string
	Error     *string
}

// actionStates are the states of actions as the schema names them.
var actionStates = map[store.State]PipelineActionState{store.Pending: "PENDING", store.Done: "DONE", store.Failed: "FAILED"}

// Actions are what was done, the newest first.
func (q *Request) Actions(ctx context.Context, target, principal *string, first *int, after *string) (*PipelineActionConnection, error) {
	if _, err := q.source.Access.Want(ctx, access.AuditPipelines); err != nil {
		return nil, err
	}
	wanted, err := pagingOf(first, after)
	if err != nil {
		return nil, err
	}
	found, err := q.source.Store.Actions(ctx, store.ActionsQuery{Target: orEmpty(target), Principal: orEmpty(principal), Before: wanted.After, Most: wanted.First + 1})
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrTooLarge) {
		return nil, Refuse(CodeBadInput, "%v", err)
	}
	if err != nil {
		return nil, Refuse(CodeUnavailable, "what was done cannot be read now: try again later")
	}
	page := &ci.Page[*PipelineAction]{Next: len(found) > wanted.First}
	for _, a := range found[:min(len(found), wanted.First)] {
		page.Items = append(page.Items, q.showAction(a))
		page.Cursors = append(page.Cursors, a.Cursor())
	}
	return &PipelineActionConnection{showPage(wanted, page, func(a *PipelineAction) *PipelineAction { return a },
		func(e edge[*PipelineAction]) *PipelineActionEdge { return &PipelineActionEdge{e} })}, nil
}

func (q *Request) showAction(a store.Action) *PipelineAction {
	out := &PipelineAction{ID: a.ID, Principal: a.Principal, Kind: PipelineActionKind(a.Kind), Target: a.Target, At: a.At, State: actionStates[a.State], EndedAt: moment(a.Ended)}
	var end result
	if json.Unmarshal([]byte(a.Result), &end) == nil {
		out.Error = orNull(end.Message)
		of := runID
		if out.Kind == Start {
			of = pipelineID
		}
		if system, _, ok := q.decodeID(of, a.Target); ok && end.Run != "" {
			out.Run = new(encodeID(runID, system, end.Run))
		}
	}
	return out
}
