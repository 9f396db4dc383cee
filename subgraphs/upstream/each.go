package upstream

import "golang.org/x/sync/errgroup"

// Each asks about each of some things where a source has to be asked for each, no more than so many at once: one value and one error each, in their order.
func Each[Q, V any](questions []Q, most int, ask func(Q) (V, error)) ([]V, []error) {
	out, errs := make([]V, len(questions)), make([]error, len(questions))
	var group errgroup.Group
	group.SetLimit(most)
	for i, q := range questions {
		group.Go(func() error {
			out[i], errs[i] = ask(q)
			return nil
		})
	}
	_ = group.Wait() // errors are those of the questions
	return out, errs
}
