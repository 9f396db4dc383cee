package http1

import "errors"

// The kinds of error. Every error of an Exchange is an *Error of one of them.
var (
	// ErrConnect: no connection could be made; the request was not sent.
	ErrConnect = errors.New("could not connect")
	// ErrBroken: the connection failed while the request was sent or the answer awaited or read.
	ErrBroken = errors.New("the connection broke")
	// ErrTimeout: the deadline of the exchange passed.
	ErrTimeout = errors.New("timed out")
	// ErrAborted: the exchange was ended by Abort, or none was under way.
	ErrAborted = errors.New("aborted")
	// ErrBadAnswer: what came is not an HTTP/1.1 answer that can be trusted to mean one thing.
	ErrBadAnswer = errors.New("bad answer")
	// ErrTooLarge: the body is larger than Settings.MaxAnswer, as it came or decoded.
	ErrTooLarge = errors.New("answer too large")
	// ErrField: a field of a request is one that cannot be sent. Only what builds requests returns it.
	ErrField = errors.New("field cannot be sent")
)

// Error says why an exchange failed.
type Error struct {
	Kind   error  // one of the kinds above
	Reason string // more about it; it quotes nothing that an upstream sent
	Cause  error  // what the network said; nil where it has no part in it
}

// Error joins the kind, the reason and the cause.
func (e *Error) Error() string {
	text := e.Kind.Error()
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the kind and the cause, for errors.Is.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Timeout reports whether the deadline of the exchange passed, as net.Error does.
func (e *Error) Timeout() bool { return e.Kind == ErrTimeout }

func badAnswer(reason string) *Error { return &Error{Kind: ErrBadAnswer, Reason: reason} }

var (
	errTimeout = &Error{Kind: ErrTimeout}
	errAborted = &Error{Kind: ErrAborted}
	errIdle    = &Error{Kind: ErrAborted, Reason: "no exchange is under way"}
	errLarge   = &Error{Kind: ErrTooLarge}
	errEnds    = badAnswer("it ends too early")
)
