package host

import (
	"slices"
	"strings"
)

// statesVersion starts the cursors of lists that are put together of two, of which each cursor has one.
const statesVersion = "2:"

// apart splits a query for pull requests in two states, which GitLab does not list together, into one for each; others stay what they are.
func (g *gitLab) apart(q PullRequestQuery) ([]PullRequestQuery, error) {
	states := slices.Clone(q.States)
	slices.Sort(states)
	states = slices.Compact(states)
	if len(states) != 2 {
		return []PullRequestQuery{q}, nil
	}
	if q.Paging.Last != 0 || q.Paging.Before != "" {
		return nil, g.refuse("pull requests in two states are listed from one end only: ask for the first, or for each state by itself")
	}
	first, second := q, q
	first.States, second.States = states[:1], states[1:]
	if q.Paging.After != "" {
		rest, ok := strings.CutPrefix(q.Paging.After, statesVersion)
		a, b, parted := strings.Cut(rest, ":")
		if !ok || !parted || a == "" && b == "" {
			return nil, g.refuse("%.50q is not a cursor of this list; use endCursor of an earlier page", q.Paging.After)
		}
		first.Paging.After, second.Paging.After = a, b
	}
	return []PullRequestQuery{first, second}, nil
}

// joined puts the pages of the two queries that apart made of one together, in its order. The cursor of an item says how far each list was read.
func joined(q PullRequestQuery, parts []PullRequestQuery, pages []*Page[*PullRequest]) *Page[*PullRequest] {
	before := func(a, b *PullRequest) bool {
		at, bt := a.CreatedAt, b.CreatedAt
		if q.Order.Field == "UPDATED_AT" {
			at, bt = a.UpdatedAt, b.UpdatedAt
		}
		if q.Order.Desc {
			at, bt = bt, at
		}
		return at.Before(bt)
	}
	out := &Page[*PullRequest]{Items: []*PullRequest{}, Total: new(*pages[0].Total + *pages[1].Total), Prev: q.Paging.After != ""}
	read := [2]int{}
	marks := [2]string{parts[0].Paging.After, parts[1].Paging.After}
	for len(out.Items) < q.Paging.First {
		which := 0
		switch left := [2]int{len(pages[0].Items) - read[0], len(pages[1].Items) - read[1]}; {
		case left[0] == 0 && left[1] == 0:
			out.Next = pages[0].Next || pages[1].Next
			return out
		case left[0] == 0, left[1] > 0 && before(pages[1].Items[read[1]], pages[0].Items[read[0]]):
			which = 1
		}
		out.Items = append(out.Items, pages[which].Items[read[which]])
		marks[which] = pages[which].Cursors[read[which]]
		read[which]++
		out.Cursors = append(out.Cursors, statesVersion+marks[0]+":"+marks[1])
	}
	out.Next = pages[0].Next || pages[1].Next || read[0] < len(pages[0].Items) || read[1] < len(pages[1].Items)
	return out
}
