package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// The budget of a plan where a Planner says nothing.
const (
	// DefaultBudget is far above what any real operation takes (some thousands), and about a second of work.
	DefaultBudget = 2_000_000
	// DefaultMemory is what planning may remember at once, in bytes. Real operations need less than a megabyte.
	DefaultMemory = 64 << 20
	// DefaultTimeout is for machines on which the steps take longer than thought.
	DefaultTimeout = 5 * time.Second
)

// budget bounds the work of one plan: in steps, in bytes and in time. Every loop of planning whose length a client or a supergraph decides spends from
// it.
type budget struct {
	ctx    context.Context
	steps  int // left
	memory int // left, in bytes
	check  int // the number of steps left at which to look at the context again
	err    error
}

// stepsBetweenChecks is how many steps pass before the context is looked at: well below a millisecond of work, and far more than looking costs.
const stepsBetweenChecks = 256

// recordBytes is about what one record of planning takes: a choice, an entry, a presence or a place, with its key, its share of a map and the slices it
// starts with. heldBytes are those of a member of such a slice.
const (
	recordBytes = 400
	heldBytes   = 64
)

var errPlanningTime = errors.New("the time for planning is up")

// newBudget returns the budget of one plan, and what ends it.
func newBudget(ctx context.Context, p *Planner) (*budget, context.CancelFunc) {
	orDefault := func(value, standard int) int {
		if value <= 0 {
			return standard
		}
		return value
	}
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errPlanningTime)
	b := &budget{ctx: ctx, steps: orDefault(p.Budget, DefaultBudget), memory: orDefault(p.Memory, DefaultMemory), check: math.MaxInt}
	return b, cancel
}

// spend counts so many steps and tells whether to go on.
func (b *budget) spend(n int) bool {
	if b.err != nil {
		return false
	}
	if b.steps -= n; b.steps < 0 {
		b.err = tooMuch("takes too many steps")
		return false
	}
	if b.steps < b.check {
		b.check = b.steps - stepsBetweenChecks
		if b.ctx.Err() != nil {
			b.err = b.ctx.Err()
			if errors.Is(context.Cause(b.ctx), errPlanningTime) {
				b.err = tooMuch("takes too long")
			}
			return false
		}
	}
	return true
}

// hold counts what is remembered: so many records, and bytes beside them.
func (b *budget) hold(records, bytes int) {
	b.memory -= records*recordBytes + bytes
	if b.memory < 0 && b.err == nil {
		b.err = tooMuch("takes too much memory")
	}
}

// stopped is what must panics with; Planner.Plan recovers it.
type stopped struct{}

// must counts so many steps, and leaves the stage where the budget is used up: the stages after choosing build on each other's results and have no use
// for a part of one.
func (b *budget) must(n int) {
	if !b.spend(n) {
		panic(stopped{})
	}
}

func tooMuch(what string) *Error {
	return &Error{CodeBudget, fmt.Sprintf("planning this operation %s: ask for less in one operation", what)}
}
