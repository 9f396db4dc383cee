package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// KeyLives is how long an action is known by its key: longer than any client tries again.
	KeyLives = 24 * time.Hour
	// ActionsStay is how long an action stays at least: a year, and time to look at it.
	ActionsStay = 400 * 24 * time.Hour
	// MaxActions bounds what one call returns.
	MaxActions = 1000
)

// State is how far an action is.
type State string

// The states of an action. Only a pending one changes.
const (
	Pending State = "pending"
	Done    State = "done"
	Failed  State = "failed"
)

// Action is something that was done for somebody, such as running a pipeline again. It is written down before it is done.
type Action struct {
	ID        string    // chosen by who begins it, for it alone
	Key       string    // chosen by the client, so that asking again does nothing twice; may be empty
	Principal string    // for whom
	Kind      string    // what
	Target    string    // to what
	At        time.Time // when it was begun; zero: now
	Details   string    // JSON
	State     State
	Result    string    // JSON
	Ended     time.Time // zero while it is pending
}

// Begun returns the action as it is remembered first, or an error, ErrInvalid or ErrTooLarge, where no store can keep it.
func (a Action) Begun() (Action, error) {
	for _, err := range []error{
		checkName("the action's id", a.ID, true), checkName("the key", a.Key, false), checkName("the principal", a.Principal, true), checkName("the kind", a.Kind, true),
		checkName("the target", a.Target, true), checkText("what the action is about", a.Details, MaxText),
	} {
		if err != nil {
			return a, err
		}
	}
	if a.At.IsZero() {
		a.At = time.Now()
	}
	if err := checkTime("the time of the action", a.At); err != nil {
		return a, err
	}
	a.State, a.Result, a.Ended = Pending, "", time.Time{}
	return a, nil
}

// Answers tells whether the action is what another one with the same principal and key asks for; else the error is ErrKeyReused.
func (a Action) Answers(asked Action) error {
	if a.Kind != asked.Kind || a.Target != asked.Target {
		return fmt.Errorf("%w: it was for %s of %s; use another key", ErrKeyReused, a.Kind, a.Target)
	}
	return nil
}

// CheckEnd returns an error, ErrInvalid or ErrTooLarge, where an action cannot end so.
func CheckEnd(id string, state State, result string) error {
	if err := checkName("the action's id", id, true); err != nil {
		return err
	}
	if state != Done && state != Failed {
		return fmt.Errorf("%w: an action does not end as %.20q", ErrInvalid, state)
	}
	return checkText("the result", result, MaxText)
}

// EndedSo returns nil where an action that is not pending ended as somebody tells again, and else ErrEnded.
func (a Action) EndedSo(state State, result string) error {
	if a.State == state && a.Result == result {
		return nil
	}
	return fmt.Errorf("%w: %s is %s since %s", ErrEnded, a.ID, a.State, a.Ended.Format(time.RFC3339))
}

// ActionsQuery asks for actions.
type ActionsQuery struct {
	Target    string // empty: all
	Principal string // empty: all
	Before    string // the cursor of the action after which to go on; empty: from the newest
	Most      int    // 0 and what is larger mean MaxActions
}

// Check returns an error where nothing can be known of such actions, and sets their number where it is not given.
func (q *ActionsQuery) Check() error {
	if err := checkName("the target", q.Target, false); err != nil {
		return err
	}
	if err := checkName("the principal", q.Principal, false); err != nil {
		return err
	}
	if q.Most <= 0 || q.Most > MaxActions {
		q.Most = MaxActions
	}
	return nil
}

// Cursor is the place of an action among all, which no later action changes.
func (a Action) Cursor() string { return strconv.FormatInt(a.At.UnixMicro(), 36) + "." + a.ID }

// Place reads what Cursor wrote. Clients may send anything; the error is ErrInvalid or ErrTooLarge.
func Place(cursor string) (at time.Time, id string, err error) {
	number, id, found := strings.Cut(cursor, ".")
	micro, err := strconv.ParseInt(number, 36, 64)
	if err != nil || !found {
		return time.Time{}, "", fmt.Errorf("%w: %.40q is no cursor", ErrInvalid, cursor)
	}
	at = time.UnixMicro(micro).UTC()
	if err := checkTime("the cursor", at); err != nil {
		return time.Time{}, "", err
	}
	return at, id, checkName("the cursor", id, true)
}
