package host

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/gitlab"
)

// The bounds of a search, by judgement. Of a team with more members nobody reads what all of them have open. Of what somebody was asked to review more is
// read at once than is wanted, as a part of it does not wait any more, and after so many rounds of it, with up to 100 each, the search is given up.
const (
	maxTeam     = 200
	maxRounds   = 6
	leastReview = 50
)

// mark is where in a search something is: when it was opened, the newest first, or when it was touched last, the longest untouched first, in seconds; of
// equals the higher id is the newer one.
type mark struct{ second, id int64 }

// searchVersion starts the cursors of searches, which are marks: what comes after is found again however else the list has changed.
const searchVersion = "1:"

func (m mark) cursor() string {
	return searchVersion + strconv.FormatInt(m.second, 10) + ":" + strconv.FormatInt(m.id, 10)
}

func (g *gitLab) markOf(cursor string) (*mark, error) {
	if cursor == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(cursor, searchVersion)
	second, id, parted := strings.Cut(rest, ":")
	var m mark
	var err1, err2 error
	m.second, err1 = strconv.ParseInt(second, 10, 64)
	m.id, err2 = strconv.ParseInt(id, 10, 64)
	const latest = 253402300799 // the end of the year 9999, as far as GitLab reads times
	if !ok || !parted || err1 != nil || err2 != nil || m.second < 0 || m.second > latest || m.id < 0 || m.cursor() != cursor {
		return nil, g.refuse("%.50q is not a cursor of this list; use endCursor of an earlier page", cursor)
	}
	return &m, nil
}

// seeker is one search under way.
type seeker struct {
	Search
	people []string
	first  int
	after  *mark
	page   *Page[*PullRequest]
	err    error
	done   bool
}

// mark is where in the search a merge request is.
func (s *seeker) mark(m *gitlab.MergeRequest) mark {
	if s.Reviews {
		return mark{m.UpdatedAt.Unix(), m.ID}
	}
	return mark{m.CreatedAt.Unix(), m.ID}
}

// compare compares the places of two.
func (s *seeker) compare(a, b mark) int {
	if !s.Reviews {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.id, b.id))
}

// fail ends the search.
func (s *seeker) fail(err error) { s.err, s.done = err, true }

// Searches asks for what each of the people has open, and puts that together: the newest first, of what waits for a review the longest untouched. It is one request for every 20 people of all searches that
// begin at the same place, one more for each team of up to 100 members of its own: those of the groups above are not meant. Of who was asked for a review
// only what waits for his answer is shown, and one more request is made where a page holds none of these.
func (g *gitLab) Searches(ctx context.Context, searches []Search) ([]*Page[*PullRequest], []error) {
	seekers := make([]*seeker, len(searches))
	for i, q := range searches {
		seekers[i] = &seeker{Search: q, first: q.Paging.First}
		switch {
		case q.Paging.Last != 0 || q.Paging.Before != "":
			seekers[i].fail(g.refuse("what people have open is listed from one end only: ask for the first"))
		case q.Paging.First < 1 || q.Paging.First > 100:
			seekers[i].fail(g.refuse("a page has the first 1 to 100 items"))
		case len(q.Users) == 0 && q.Team == "":
			seekers[i].fail(g.refuse("a search is for users or for a team"))
		default:
			var err error
			if seekers[i].after, err = g.markOf(q.Paging.After); err != nil {
				seekers[i].fail(err)
			}
		}
	}
	g.gather(ctx, seekers)
	for n := range maxRounds {
		if !g.round(ctx, seekers, n) {
			break
		}
	}
	for _, s := range seekers {
		if !s.done {
			s.fail(&clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Message: "of too many pull requests, none waits for a review by these people any more; remove reviewers who are done"})
		}
	}
	pages, errs := make([]*Page[*PullRequest], len(searches)), make([]error, len(searches))
	for i, s := range seekers {
		pages[i], errs[i] = s.page, g.failed(false, s.err)
	}
	return pages, errs
}

// gather finds out who the people are.
func (g *gitLab) gather(ctx context.Context, seekers []*seeker) {
	var teams []string
	for _, s := range seekers {
		if !s.done && s.Team != "" && !slices.Contains(teams, s.Team) {
			teams = append(teams, s.Team)
		}
	}
	members, errs := oneByOne(teams, func(team string) ([]string, error) { return g.members(ctx, team) })
	for _, s := range seekers {
		if s.done {
			continue
		}
		people := slices.Clone(s.Users)
		if at := slices.Index(teams, s.Team); at >= 0 {
			if errs[at] != nil {
				s.fail(errs[at])
				continue
			}
			people = append(people, members[at]...)
		}
		for _, name := range people {
			if name = strings.ToLower(name); !slices.Contains(s.people, name) {
				s.people = append(s.people, name)
			}
		}
		if len(s.people) == 0 {
			s.page, s.done = &Page[*PullRequest]{Total: new(0)}, true
		}
	}
}

func (g *gitLab) members(ctx context.Context, team string) ([]string, error) {
	var out []string
	page := gitlab.Page{First: 100}
	for len(out) <= maxTeam {
		found, err := g.client.GroupMembers(ctx, team, false, page)
		if err != nil {
			return nil, err
		}
		for _, m := range found.Members {
			out = append(out, m.Username)
		}
		if page.After = found.Info.End; !found.Info.HasNext || page.After == "" {
			return out, nil
		}
	}
	return nil, &clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Message: "the group " + team + " has more than " + strconv.Itoa(maxTeam) + " members; name a smaller one"}
}

// alike is what searches have in common that are asked for together.
type alike struct {
	reviews bool
	first   int
	from    time.Time
}

// round asks once for all searches that are not done, and reports whether some are not done yet.
func (g *gitLab) round(ctx context.Context, seekers []*seeker, n int) bool {
	var order []alike
	groups := map[alike][]*seeker{}
	for _, s := range seekers {
		if s.done {
			continue
		}
		a := alike{reviews: s.Reviews, first: min(s.first+1, 100)}
		if s.Reviews {
			a.first = max(a.first, leastReview)
		}
		if n > 0 {
			a.first = 100
		}
		if s.after != nil {
			at := s.after.second
			if !s.Reviews {
				at++ // times are told without their fractions
			}
			a.from = time.Unix(at, 0).UTC()
		}
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], s)
	}
	_, _ = oneByOne(order, func(a alike) (struct{}, error) {
		var people []string
		for _, s := range groups[a] {
			people = append(people, s.people...)
		}
		slices.Sort(people)
		people = slices.Compact(people)
		found, errs := g.client.Queue(ctx, gitlab.QueueQuery{Usernames: people, Reviews: a.reviews, From: a.from, First: a.first})
		for _, s := range groups[a] {
			g.settle(s, people, found, errs, a.first)
		}
		return struct{}{}, nil
	})
	return slices.ContainsFunc(seekers, func(s *seeker) bool { return !s.done })
}

// settle makes the page of a search out of the queues of people, each of at most size. Of a queue that has more, what comes after its end is not known: no
// page goes past that.
func (g *gitLab) settle(s *seeker, people []string, found []*gitlab.Queue, errs []error, size int) {
	var list []*gitlab.MergeRequest
	var horizon *mark // the end of what is known
	total, known := 0, false
	var missing error
	for i, name := range people {
		switch {
		case !slices.Contains(s.people, name):
			continue
		case found[i] == nil && errors.Is(errs[i], clients.ErrNotFound):
			missing = errs[i]
			continue
		case found[i] == nil:
			s.fail(errs[i])
			return
		}
		known = true
		total += found[i].Total
		queue := found[i].MergeRequests
		if len(queue) >= size && found[i].Total > len(queue) {
			if end := s.mark(queue[len(queue)-1]); horizon == nil || s.compare(end, *horizon) < 0 {
				horizon = &end
			}
		}
		for _, m := range queue {
			if !s.Reviews || waits(m, name) {
				list = append(list, m)
			}
		}
	}
	if !known {
		s.fail(missing)
		return
	}
	slices.SortFunc(list, func(a, b *gitlab.MergeRequest) int { return s.compare(s.mark(a), s.mark(b)) })
	list = slices.CompactFunc(list, func(a, b *gitlab.MergeRequest) bool { return a.ID == b.ID })
	list = slices.DeleteFunc(list, func(m *gitlab.MergeRequest) bool {
		at := s.mark(m)
		return s.after != nil && s.compare(at, *s.after) <= 0 || horizon != nil && s.compare(at, *horizon) > 0
	})
	if len(list) == 0 && horizon != nil && (s.after == nil || s.compare(*horizon, *s.after) > 0) {
		s.after = horizon
		return
	}
	s.done = true
	s.page = &Page[*PullRequest]{Items: []*PullRequest{}, Next: len(list) > s.first || horizon != nil, Prev: s.Paging.After != ""}
	if s.after == nil {
		switch {
		case !s.Reviews:
			s.page.Total = &total
		case horizon == nil:
			s.page.Total = new(len(list))
		}
	}
	for _, m := range list[:min(len(list), s.first)] {
		s.page.Items, s.page.Cursors = append(s.page.Items, g.pullRequest(m)), append(s.page.Cursors, s.mark(m).cursor())
	}
}

// waits reports whether somebody was asked for a review and has not given one.
func waits(m *gitlab.MergeRequest, username string) bool {
	for _, r := range m.Reviewers {
		if strings.EqualFold(r.Username, username) {
			switch r.State {
			case "APPROVED", "REQUESTED_CHANGES", "REVIEWED":
				return false
			}
			return !r.Approved
		}
	}
	return true // beyond the reviewers that are told
}
