package clients

import (
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Budget is what is known of one of a vendor's rate limits for one credential. Its zero value is a budget of which nothing is known, and
// allows everything: a vendor that announces no limit has none that we know of (GitHub Enterprise Server has its limits off by default).
type Budget struct {
	Resource  string    `json:"resource"`            // the vendor's name for it, such as "graphql"
	Limit     int       `json:"limit"`               // points in one window
	Remaining int       `json:"remaining"`           // points left in this window
	Used      int       `json:"used"`                // points spent in this window
	ResetsAt  time.Time `json:"resetsAt,omitzero"`   // when the next window begins; zero where the limits are not known
	NotBefore time.Time `json:"notBefore,omitzero"`  // nobody asks before, whatever is left: the vendor said so
	At        time.Time `json:"observedAt,omitzero"` // when the vendor said the rest
}

// What is kept of a budget for those whose need is greater. Both by judgement: a quarter of GitHub's 5,000 points is enough for a quarter of an
// hour of people who wait, and a tenth for six minutes; renewals behind an answer nobody sees the age of are the first to be left out.
const (
	backgroundReserve = 0.25 // of the limit: below it nobody asks who is not waited for
	renewalReserve    = 0.10 // of the limit: below it nobody asks who has something to show
)

// sameWindow is how far two announcements of one window's end may lie apart: vendors round, and say it in whole seconds of their own clock.
const sameWindow = 2 * time.Second

// Known tells whether the vendor announced limits for the window that now lies in.
func (b Budget) Known(now time.Time) bool { return b.ResetsAt.After(now) && b.Limit > 0 }

// Allows tells whether a call of the cost may be made now, and if not, when it is worth to try again.
func (b Budget) Allows(urgency cache.Urgency, cost int, now time.Time) (bool, time.Time) {
	if b.NotBefore.After(now) {
		return false, b.NotBefore
	}
	if !b.Known(now) {
		return true, time.Time{}
	}
	reserve := 0
	switch urgency {
	case cache.Background:
		reserve = int(backgroundReserve * float64(b.Limit))
	case cache.Renewal:
		reserve = int(renewalReserve * float64(b.Limit))
	}
	if b.Remaining-cost < reserve {
		return false, b.ResetsAt
	}
	return true, time.Time{}
}

// Less returns the budget with points taken out that are spent but not yet accounted for by the vendor.
func (b Budget) Less(points int) Budget {
	b.Remaining = max(b.Remaining-points, 0)
	b.Used += points
	return b
}

// Merged returns what is known from two reports of one budget, in any order: the later window, and within one window the report that leaves
// least, as points only ever go down there and answers arrive out of order. The later of the two times to wait for holds.
func (b Budget) Merged(other Budget) Budget {
	out, later := b, other
	if other.ResetsAt.Before(b.ResetsAt) {
		out, later = other, b
	}
	// Of one window the report that leaves least keeps its own end: where a vendor's window slides, the reports move away from it and a later one
	// is a new window in time.
	if later.ResetsAt.Sub(out.ResetsAt) > sameWindow || later.Remaining < out.Remaining {
		out = later
	}
	if out.Resource == "" {
		out.Resource = max(b.Resource, other.Resource)
	}
	out.NotBefore = latest(b.NotBefore, other.NotBefore)
	return out
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// share is the part of the budget that is left, from 0 to 1; 1 where nothing is known.
func (b Budget) share() float64 {
	if b.Limit <= 0 {
		return 1
	}
	return float64(b.Remaining) / float64(b.Limit)
}
