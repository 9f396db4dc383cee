// Package upstream is how resolvers ask the systems outside of Callboard. Questions go in, each alone as a resolver has it; what became of each comes out: a
// value with the state it is in, or why there is none.
//
// The one rule: everything is asked for in batches, and nothing twice: a source is called once for all that one level of a query wants of one kind and that is
// not remembered.
//
// Open load.go for how answers are remembered, then batch.go for how the questions of one request become few.
package upstream

import (
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Loaded is what became of one value that was asked for.
type Loaded[T any] struct {
	Value  T // zero where it is Absent, or State is cache.Failed
	Absent bool
	State  cache.State
	At     time.Time // when the source said it
	Err    error     // why there is no value, or why it is stale
}

// Known tells whether there is a value.
func (l Loaded[T]) Known() bool { return !l.Absent && l.State != cache.Failed }
