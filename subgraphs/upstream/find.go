package upstream

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// FindMany finds what each of the representations stands for, all at once, so that what has to be asked for is asked for together.
func FindMany[R, T any](reps []*R, find func(*R) (*T, error)) ([]*T, error) {
	out := make([]*T, len(reps))
	errs := make([]error, len(reps))
	var group sync.WaitGroup
	for i, rep := range reps {
		group.Go(func() { out[i], errs[i] = find(rep) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return out, graphql.BatchErrorList(errs)
		}
	}
	return out, nil
}
