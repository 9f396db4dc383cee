package testreport

// Change is a case that is not as it was, or still is not as it should be.
type Change struct {
	ID         ID
	Suite      string // in the head; in the base where the head does not have it
	Base, Head *Case  // nil in the one that does not have it
}

// Comparison is what became of the cases from one report to another. Changes are in the order of the head, then of the base.
type Comparison struct {
	Base, Head   Totals
	NewlyFailing []Change // fails, and did not in the base: it passed, was skipped or flaky, or is new
	StillFailing []Change
	Failing      []Change // fails, and there is no base to compare with
	Fixed        []Change // failed, and passes; it may be flaky
	Flaky        []Change // of the head
	Unseen       []Change // failed, and was skipped or is gone: nobody knows whether it would pass
	Added, Gone  int      // cases that only the head has, or only the base
}

// Compare tells what changed from the report of the base to that of the head, by the identity of cases. Without a base (nil), what fails is Failing, and nothing is
// new or fixed. Several cases of one identity count as the worst of them. The cases of the result are those of the reports.
func Compare(base, head *Report) *Comparison {
	c := &Comparison{Head: head.Totals()}
	now := known(head)
	was := map[ID]*Change{}
	var before []*Change
	if base != nil {
		c.Base = base.Totals()
		before = known(base)
		for _, b := range before {
			was[b.ID] = b
		}
	}
	for _, h := range now {
		change := *h
		b := was[h.ID]
		if b != nil {
			change.Base = b.Head
			delete(was, h.ID)
		} else if base != nil {
			c.Added++
		}
		failed, fails := b != nil && b.Head.Status.Failing(), h.Head.Status.Failing()
		switch {
		case fails && base == nil:
			c.Failing = append(c.Failing, change)
		case fails && failed:
			c.StillFailing = append(c.StillFailing, change)
		case fails:
			c.NewlyFailing = append(c.NewlyFailing, change)
		case failed && h.Head.Status == Skipped:
			c.Unseen = append(c.Unseen, change)
		case failed:
			c.Fixed = append(c.Fixed, change)
		}
		if h.Head.Status == Flaky {
			c.Flaky = append(c.Flaky, change)
		}
	}
	for _, b := range before {
		if was[b.ID] == nil {
			continue
		}
		c.Gone++
		if b.Head.Status.Failing() {
			c.Unseen = append(c.Unseen, Change{ID: b.ID, Suite: b.Suite, Base: b.Head})
		}
	}
	return c
}

// known lists the cases of a report by their identity, in the order of the first of each; of several of one identity it has the worst.
func known(r *Report) []*Change {
	var order []*Change
	by := map[ID]*Change{}
	for i := range r.Suites {
		for j := range r.Suites[i].Cases {
			c := &r.Suites[i].Cases[j]
			k := by[c.ID]
			if k == nil {
				k = &Change{ID: c.ID, Suite: r.Suites[i].Name, Head: c}
				by[c.ID], order = k, append(order, k)
			} else if badness[c.Status] > badness[k.Head.Status] {
				k.Head, k.Suite = c, r.Suites[i].Name
			}
		}
	}
	return order
}

var badness = map[Status]int{Skipped: 0, Passed: 1, Flaky: 2, Failed: 3, Error: 4}
