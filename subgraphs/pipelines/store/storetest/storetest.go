// Package storetest holds the test that every store of the pipelines must pass. A function that opens stores goes in; what fails is
// a promise of the interface that is not kept.
//
// The one rule: it sees a store as the subgraph does, through the interface, and several at once on one database as replicas do.
// Run tests one kind of store in this process, and Processes with others that are killed.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Opener returns another store on the same database each time it is called.
type Opener func() store.Store

// Run tests a kind of store. Each call of database makes an empty database, which is gone when the test ends.
func Run(t *testing.T, database func(t *testing.T) Opener) {
	for name, test := range map[string]func(t *testing.T, open Opener){
		"reports are remembered":            reportsAreRemembered,
		"bodies are kept byte for byte":     bodiesAreKept,
		"the report taken later stays":      theReportTakenLaterStays,
		"flags are limited":                 flagsAreLimited,
		"bodies are limited":                bodiesAreLimited,
		"reports that cannot be kept":       reportsThatCannotBeKept,
		"a series is sorted":                aSeriesIsSorted,
		"a series is a part":                aSeriesIsAPart,
		"actions are remembered":            actionsAreRemembered,
		"a key is an action":                aKeyIsAnAction,
		"a key is forgotten":                aKeyIsForgotten,
		"a key is used for one thing":       aKeyIsUsedForOneThing,
		"one of many begins":                oneOfManyBegins,
		"an action ends once":               anActionEndsOnce,
		"actions that cannot be kept":       actionsThatCannotBeKept,
		"actions are paged":                 actionsArePaged,
		"announcements are remembered":      announcementsAreRemembered,
		"a lease is one replica's":          aLeaseIsOneReplicas,
		"a lease ends":                      aLeaseEnds,
		"announcements that cannot be kept": announcementsThatCannotBeKept,
		"old reports are forgotten":         oldReportsAreForgotten,
		"many old reports are forgotten":    manyOldReportsAreForgotten,
		"old announcements are forgotten":   oldAnnouncementsAreForgotten,
		"actions stay more than a year":     actionsStay,
		"replicas start at once":            replicasStartAtOnce,
		"a call given up changes nothing":   aCallGivenUpChangesNothing,
		"a closed store says so":            aClosedStoreSaysSo,
		"replicas forget and write at once": replicasForgetAndWriteAtOnce,
		"an id is one action":               anActionBegunTwice,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			test(t, closing(t, database(t)))
		})
	}
}

// closing closes each store when the test ends.
func closing(t *testing.T, open Opener) Opener {
	return func() store.Store {
		s := open()
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
		return s
	}
}

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// done stops the test at an error.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused wants an error of a kind.
func refused(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: the error is %v, want %v", what, err, want)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

var someTime = time.Date(2026, 2, 3, 4, 5, 6, 789_012_000, time.UTC)

func after(hours int) time.Time { return someTime.Add(time.Duration(hours) * time.Hour) }

func replicasStartAtOnce(t *testing.T, open Opener) {
	var starting sync.WaitGroup
	for i := range 6 {
		s := open()
		starting.Go(func() {
			if _, err := s.Begin(t.Context(), anAction(i)); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if got := must[[]store.Action](t)(open().Actions(t.Context(), store.ActionsQuery{})); len(got) != 6 {
		t.Errorf("there are %d actions", len(got))
	}
}

func aCallGivenUpChangesNothing(t *testing.T, open Opener) {
	s := open()
	done(t, s.SaveReport(t.Context(), aReport(0)))
	known := must[*store.Action](t)(s.Begin(t.Context(), anAction(0)))
	if known != nil {
		t.Fatal("an empty store knows an action")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, begun := s.Begin(ctx, anAction(1))
	_, _, announced := s.Announce(ctx, "pull", time.Hour)
	_, read := s.Reports(ctx, repository, store.Coverage, []string{commit(0)})
	for what, err := range map[string]error{
		"a report": s.SaveReport(ctx, aReport(1)), "an action": begun, "an end": s.Finish(ctx, anAction(0).ID, store.Done, ""), "a lease": announced, "reading": read,
		"forgetting": s.Prune(ctx, after(1000)),
	} {
		if err == nil {
			t.Errorf("%s for nobody", what)
		}
	}
	if got := must[[]store.Report](t)(s.ReportHeads(t.Context(), repository, store.Coverage, []string{commit(0), commit(1)})); len(got) != 1 {
		t.Errorf("the reports are %+v", got)
	}
	if got := must[[]store.Action](t)(s.Actions(t.Context(), store.ActionsQuery{})); len(got) != 1 || got[0].State != store.Pending {
		t.Errorf("the actions are %+v", got)
	}
	if _, held, err := s.Announce(t.Context(), "pull", time.Hour); err != nil || !held {
		t.Errorf("the lease was given to nobody: %v, %v", held, err)
	}
}

func aClosedStoreSaysSo(t *testing.T, open Opener) {
	s := open()
	done(t, s.SaveReport(t.Context(), aReport(0)))
	for range 2 {
		done(t, s.Close())
	}
	refused(t, "saving", s.SaveReport(t.Context(), aReport(1)), store.ErrClosed)
	_, err := s.Series(t.Context(), store.SeriesQuery{Repository: repository, Kind: store.Coverage})
	refused(t, "reading", err, store.ErrClosed)
	_, err = s.Begin(t.Context(), anAction(1))
	refused(t, "beginning", err, store.ErrClosed)
}

// Two replicas forget the same while others write: nobody waits for another for ever, and what is new stays.
func replicasForgetAndWriteAtOnce(t *testing.T, open Opener) {
	ctx := t.Context()
	var working sync.WaitGroup
	for n := range 2 {
		s := open()
		working.Go(func() {
			for i := range 40 {
				r := aReport(i)
				r.Flag, r.Branch = fmt.Sprint("flag", n), "main"
				if err := s.SaveReport(ctx, r); err != nil {
					t.Error(err)
				}
			}
		})
		other := open()
		working.Go(func() {
			for i := range 10 {
				if err := other.Prune(ctx, after(i*4)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	s := open()
	done(t, s.Prune(ctx, after(20)))
	got := must[[]store.Report](t)(s.Series(ctx, store.SeriesQuery{Repository: repository, Kind: store.Coverage, Branch: "main", From: after(36)}))
	if len(got) < 8 { // of those, none was ever older than what was forgotten
		t.Errorf("only %d reports are left", len(got))
	}
}
