// Package store is what the pipelines must not forget, and what replicas share: the reports of coverage and tests that builds sent,
// the actions that people asked for, and what was announced on pull requests. What happened goes in, and comes out again after a
// restart and in every other process that opened the same database.
//
// The one rule: what was acknowledged is there, whoever is killed in between, and of several who do the same at once one does it.
//
// Store in this file is the interface; open it first. report.go, action.go and announcement.go say what is remembered, with its
// bounds. Package sqlite keeps it in one file, which several processes of one machine may open, and package postgres in a server.
// Package storetest holds the test that both must pass.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/database"
)

// Errors of a Store that are not of its database.
var (
	// ErrInvalid is wrapped by the error for what can never be remembered or asked for as it is. Nothing was changed.
	ErrInvalid = errors.New("it cannot be stored")
	// ErrTooLarge is wrapped by the error for a text or a body that is longer than its bound. Nothing was changed.
	ErrTooLarge = errors.New("it is too large to be stored")
	// ErrFull is wrapped by the error for a report that would be the one after MaxFlags.
	ErrFull = errors.New("a commit has too many flags")
	// ErrKeyReused is wrapped by the error for an action whose key its principal has given to an action of another kind or target.
	ErrKeyReused = errors.New("the key was used for another action")
	// ErrNotFound is wrapped by the error for the end of an action that was not begun.
	ErrNotFound = errors.New("there is no such action")
	// ErrEnded is wrapped by the error for another end of an action that has ended.
	ErrEnded = errors.New("the action has ended")
	// ErrLost is wrapped by the error for an announcement whose lease somebody else has taken in the meantime.
	ErrLost = errors.New("the lease was lost")
	// ErrNewer is wrapped by the error for a database that a newer program has migrated. No later attempt succeeds.
	ErrNewer = database.ErrNewer
	// ErrClosed is wrapped by the error of a Store that was closed.
	ErrClosed = database.ErrClosed
)

// Store remembers. Its methods may be called at once; each is one transaction, unless it says otherwise, and fails where the database
// cannot be used, and the next call tries again. Opening one asks nothing of the database: the first call migrates it. Times are kept
// to the microsecond and come back in UTC.
type Store interface {
	// SaveReport remembers a report. Of several of the same repository, commit, flag and kind the one that was taken later stays,
	// and of those taken at once the one that was saved last. The error may be ErrInvalid, ErrTooLarge or ErrFull.
	SaveReport(ctx context.Context, report Report) error
	// Reports returns the reports of one kind of all flags of some commits, in the order of the commits and then of the flags. All
	// their bodies are in memory at once: up to MaxBodies for each commit.
	Reports(ctx context.Context, repository, kind string, commits []string) ([]Report, error)
	// ReportHeads returns what Reports does, without the bodies.
	ReportHeads(ctx context.Context, repository, kind string, commits []string) ([]Report, error)
	// Series returns the reports of a branch without their bodies, sorted by At, and those of one time by commit and flag.
	Series(ctx context.Context, query SeriesQuery) ([]Report, error)

	// Begin remembers an action as pending, and returns nil. Where its principal began one with the same kind, target and key less
	// than KeyLives before it, nothing is changed and that one is returned as it is now: it may have ended, be under way, or never end
	// because who began it was killed; its ID, State and At tell. The error may be ErrInvalid, ErrTooLarge or ErrKeyReused.
	Begin(ctx context.Context, action Action) (known *Action, err error)
	// Finish writes down how a pending action ended; telling the same again changes nothing. The error may be ErrInvalid,
	// ErrTooLarge, ErrNotFound or ErrEnded.
	Finish(ctx context.Context, id string, state State, result string) error
	// Actions returns actions, the newest first.
	Actions(ctx context.Context, query ActionsQuery) ([]Action, error)

	// Announce returns what was announced under a name, which is nothing at first, and takes the lease on it unless somebody else
	// holds it. Who holds it posts and calls SaveAnnouncement before the lease ends. The error may be ErrInvalid.
	Announce(ctx context.Context, name string, lease time.Duration) (announcement Announcement, held bool, err error)
	// SaveAnnouncement remembers what was posted and gives the lease back, which is the one Announce returned. Saving what Announce
	// returned only gives it back. The error is ErrLost where somebody else took the lease after it had ended: they have posted, or
	// are posting, the same.
	SaveAnnouncement(ctx context.Context, announcement Announcement) error

	// Prune forgets the reports that were taken before a time and are not the newest, by At, of their repository, kind, branch and
	// flag; announcements made before that time; and actions begun before it which are also older than ActionsStay. It does so in
	// small transactions: where it fails it may have forgotten some.
	Prune(ctx context.Context, before time.Time) error

	// Close gives back what the store holds. Calls under way fail or are waited for.
	Close() error
}

// Bounds of texts, in bytes.
const (
	// MaxName bounds texts by which something is found. Git hosts allow about half of it for the names of branches and repositories,
	// and an index of PostgreSQL takes five of them.
	MaxName = 500
	// MaxText bounds the details and the result of an action: enough for what was asked for, not for what was written to a log.
	MaxText = 64 << 10
)

// checkName checks a text by which something is found.
func checkName(what, text string, needed bool) error {
	if text == "" && needed {
		return fmt.Errorf("%w: %s is missing", ErrInvalid, what)
	}
	return checkText(what, text, MaxName)
}

// checkText checks any text. PostgreSQL refuses texts that are not UTF-8 or hold the byte 0, so all stores do.
func checkText(what, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("%w: %s has %d bytes, of at most %d", ErrTooLarge, what, len(text), most)
	case !utf8.ValidString(text) || strings.Contains(text, "\x00"):
		return fmt.Errorf("%w: %s is not a text", ErrInvalid, what)
	}
	return nil
}

// checkTime checks a time. Years that are written with more than four digits are mistakes, and not all of them can be kept.
func checkTime(what string, t time.Time) error {
	if year := t.UTC().Year(); t.IsZero() || year < 1 || year > 9999 {
		return fmt.Errorf("%w: %s is not a time", ErrInvalid, what)
	}
	return nil
}
