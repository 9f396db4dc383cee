package upstream

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// FindMany finds what each of the representations stands for, all at once, so that what has to be asked for is asked for together. A
// panic of find is one of the caller's goroutine, whose business it is what that costs.
func FindMany[R, T any](reps []*R, find func(*R) (*T, error)) ([]*T, error) {
	out := make([]*T, len(reps))
	errs := make([]error, len(reps))
	var (
		group    sync.WaitGroup
		once     sync.Once
		panicked any
	)
	for i, rep := range reps {
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					once.Do(func() { panicked = fmt.Errorf("%v\n%s", p, debug.Stack()) })
				}
			}()
			out[i], errs[i] = find(rep)
		})
	}
	group.Wait()
	if panicked != nil {
		panic(panicked)
	}
	for _, err := range errs {
		if err != nil {
			return out, graphql.BatchErrorList(errs)
		}
	}
	return out, nil
}
