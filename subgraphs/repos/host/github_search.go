package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/github"
)

// Searches makes one search for each person: whether a search that names several means any or all of them depends on the server ("author:a author:b" means
// any of them on GitHub Enterprise Server up to 3.17, and all of them where the advanced search is). What one search answers is asked for in one request
// with its page. Of what takes several, one request finds the names, and one brings the pull requests of the page; the members of teams take one more.
func (d gitHub) Searches(ctx context.Context, searches []Search) ([]*Page[*PullRequest], []error) {
	out, errs := make([]*Page[*PullRequest], len(searches)), make([]error, len(searches))
	members := d.members(ctx, searches)
	var single, several []*gitHubSearch
	for i, s := range searches {
		one, err := d.search(s, members)
		switch {
		case err != nil:
			errs[i] = d.said(err)
		case len(one.parts) == 0:
			out[i] = &Page[*PullRequest]{Items: []*PullRequest{}, Cursors: []string{}, Total: new(0)}
		case one.merged:
			one.at, several = i, append(several, one)
		default:
			one.at, single = i, append(single, one)
		}
	}
	d.searchOnce(ctx, single, out, errs)
	d.searchAndMerge(ctx, several, out, errs)
	return out, errs
}

// gitHubSearch is a search as GitHub is asked.
type gitHubSearch struct {
	Search
	at     int // its position among those that were asked for
	parts  []github.Words
	all    bool // parts are of everybody who is meant
	merged bool // there may be several parts, and cursors are places
	after  place
}

// teamAnswer is who is in a team.
type teamAnswer struct {
	logins   []string
	complete bool
	err      error
}

// members asks for the members of the teams whose pull requests are searched for, by the teams' names.
func (d gitHub) members(ctx context.Context, searches []Search) map[string]teamAnswer {
	var names []github.TeamName
	for _, s := range searches {
		if name, err := github.ParseTeamName(s.Team); err == nil && !s.Reviews && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	teams, errs := d.client.Teams(ctx, names)
	out := map[string]teamAnswer{}
	for i, name := range names {
		answer := teamAnswer{err: errs[i]}
		if errs[i] == nil {
			answer.complete = teams[i].Complete
			for _, m := range teams[i].Members {
				answer.logins = append(answer.logins, m.Login)
			}
		}
		out[name.String()] = answer
	}
	return out
}

// search writes what GitHub is to be asked. Pull requests come the newest first, and what waits for a review the longest untouched first.
func (d gitHub) search(s Search, members map[string]teamAnswer) (*gitHubSearch, error) {
	out := &gitHubSearch{Search: s, all: true}
	logins := slices.Clone(s.Users)
	switch {
	case s.Paging.Last != 0 || s.Paging.Before != "" || s.Paging.First < 1:
		return nil, d.wrong("searches go forwards only; use first and after")
	case len(s.Users) == 0 && s.Team == "":
		return nil, d.wrong("a search needs a user or a team")
	}
	qualifier, order := "author", "created-desc"
	if s.Reviews {
		qualifier, order = "review-requested", "updated-asc"
	}
	if s.Team != "" {
		name, err := github.ParseTeamName(s.Team)
		if err != nil {
			return nil, err
		}
		if s.Reviews {
			out.parts = append(out.parts, github.OpenPullRequests(order).With("team-review-requested", name.String()))
		} else {
			team := members[name.String()]
			if team.err != nil {
				return nil, team.err
			}
			out.all, out.merged = team.complete, true // also of one member: a cursor holds when others join
			logins = append(logins, team.logins...)
		}
	}
	slices.SortFunc(logins, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, login := range slices.CompactFunc(logins, strings.EqualFold) {
		out.parts = append(out.parts, github.OpenPullRequests(order).WithLogin(qualifier, login))
	}
	for _, words := range out.parts {
		if _, err := words.Text(); err != nil {
			return nil, err
		}
	}
	out.merged = out.merged || len(out.parts) > 1
	if out.merged && s.Paging.After != "" {
		var err error
		if out.after, err = parsePlace(s.Paging.After); err != nil {
			return nil, d.wrong(err.Error())
		}
	}
	return out, nil
}

// searchOnce answers searches of one part each.
func (d gitHub) searchOnce(ctx context.Context, searches []*gitHubSearch, out []*Page[*PullRequest], errs []error) {
	asked := make([]github.Search, len(searches))
	for i, s := range searches {
		text, _ := s.parts[0].Text() // looked at before
		asked[i] = github.Search{Query: text, Page: pageOf(s.Paging)}
	}
	found, failures := d.client.SearchPullRequests(ctx, asked)
	made, failures := pages(d, found, failures, pullRequestsOf)
	for i, s := range searches {
		out[s.at], errs[s.at] = made[i], failures[i]
	}
}

// namesOfPart is how many names are asked of each part, GitHub's most: more than a page has, as what is of the same second as the last item of the page before
// comes again and is left out. They cost the same however many they are.
const namesOfPart = 100

// searchAndMerge answers searches of several parts: the names that each part finds are merged, and the pull requests of the page are read.
func (d gitHub) searchAndMerge(ctx context.Context, searches []*gitHubSearch, out []*Page[*PullRequest], errs []error) {
	var asked []github.Search
	for _, s := range searches {
		for _, words := range s.parts {
			text, err := s.from(words).Text()
			if err != nil {
				text = "" // which is not asked for
			}
			asked = append(asked, github.Search{Query: text, Page: github.Page{First: namesOfPart}})
		}
	}
	found, failures := d.client.SearchNames(ctx, asked)
	var numbers []github.PullRequestNumber
	names := make([][]place, len(searches))
	for i, s := range searches {
		n := len(s.parts)
		names[i], out[s.at], errs[s.at] = s.merge(d.client.Source(), found[:n], failures[:n])
		found, failures = found[n:], failures[n:]
		for _, name := range names[i] {
			numbers = append(numbers, name.name)
		}
	}
	pulls, failures := d.client.PullRequestsByNumber(ctx, numbers)
	for i, s := range searches {
		n := len(names[i])
		if errs[s.at] = d.said(errs[s.at]); errs[s.at] != nil {
			continue
		}
		page := out[s.at]
		for k, pull := range pulls[:n] {
			switch err := failures[k]; {
			case err == nil:
				page.Items, page.Cursors = append(page.Items, pullRequestOf(pull)), append(page.Cursors, names[i][k].String())
			case !errors.Is(err, clients.ErrNotFound): // one that is there no more is none
				errs[s.at] = d.said(err)
			}
		}
		if errs[s.at] != nil {
			out[s.at] = nil
		}
		pulls, failures = pulls[n:], failures[n:]
	}
}

// from returns the words with the bound that the page before sets.
func (s *gitHubSearch) from(words github.Words) github.Words {
	switch {
	case s.after == place{}:
		return words
	case s.Reviews:
		return words.WithTime("updated", ">=", s.after.when)
	}
	return words.WithTime("created", "<=", s.after.when)
}

// merge returns the names of the page and the page without its items.
func (s *gitHubSearch) merge(source string, found []*github.FoundPage, failures []error) ([]place, *Page[*PullRequest], error) {
	page := &Page[*PullRequest]{Items: []*PullRequest{}, Cursors: []string{}, Prev: s.after != place{}}
	var names, ends []place
	total, known := 0, s.all && !page.Prev
	failed := 0
	for i, f := range found {
		if err := failures[i]; err != nil {
			// Of somebody whom GitHub does not know, or does not tell of, there is nothing.
			if failed++; failed == len(found) || !errors.Is(err, clients.ErrNotFound) && !errors.Is(err, clients.ErrForbidden) && !errors.Is(err, clients.ErrBadAnswer) {
				return nil, nil, err
			}
			known = false
			continue
		}
		total, known = total+f.Total, known && len(f.Missing) == 0
		var last place
		for _, one := range f.Found {
			last = place{one.CreatedAt, one.PullRequestNumber}
			if s.Reviews {
				last.when = one.UpdatedAt
			}
			if s.after == (place{}) || s.compare(s.after, last) < 0 {
				names = append(names, last)
			}
		}
		if f.HasNext && len(f.Found) > 0 {
			ends = append(ends, last)
		}
	}
	slices.SortFunc(names, s.compare)
	names = slices.CompactFunc(names, func(a, b place) bool { return s.compare(a, b) == 0 })
	if known && (!s.Reviews || len(s.parts) == 1) { // the same may wait for several
		page.Total = &total
	}
	if len(ends) > 0 {
		if names = s.before(names, slices.MinFunc(ends, s.compare)); len(names) == 0 {
			return nil, nil, &clients.Error{Kind: clients.ErrBadAnswer, Source: source, Message: fmt.Sprintf("it has more than %d pull requests of one second, which cannot be told apart", namesOfPart)}
		}
		page.Next = true
	}
	if len(names) > s.Paging.First {
		names, page.Next = names[:s.Paging.First], true
	}
	return names, page, nil
}

// before returns the names that come before the place where a part ends, as there may be more of that part beyond it: those of earlier seconds, for within one
// GitHub has an order of its own. Where there are none, those of its second have to do.
func (s *gitHubSearch) before(names []place, end place) []place {
	earlier, same := 0, 0
	for _, name := range names {
		switch {
		case name.when.Equal(end.when):
			same++
		case s.compare(name, end) < 0:
			earlier++
		}
	}
	if earlier == 0 {
		return names[:same]
	}
	return names[:earlier]
}

// place is where a pull request stands in an order. It is what a cursor of several searches says: it holds whoever joins a team and whatever is opened
// meanwhile.
type place struct {
	when time.Time
	name github.PullRequestNumber
}

func (p place) String() string {
	return p.when.UTC().Format(time.RFC3339) + " " + p.name.Slug.String() + "#" + strconv.Itoa(p.name.Number)
}

// parsePlace reads what String writes.
func parsePlace(text string) (place, error) {
	const longest = 300 // bytes: a time, the longest slug and a number
	bad := fmt.Errorf("%.100q is no cursor of this list; start again without it", text)
	when, name, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339, when)
	if len(text) > longest || err != nil || at.Year() < 1 || at.Year() > 9999 {
		return place{}, bad
	}
	slug, digits, _ := strings.Cut(name, "#")
	var out place
	out.when = at.UTC()
	if out.name.Slug, err = github.ParseSlug(slug); err != nil {
		return place{}, bad
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 {
		return place{}, bad
	}
	out.name.Number = int(n)
	return out, nil
}

// compare orders places as the search does, and those of the same second by name.
func (s *gitHubSearch) compare(a, b place) int {
	times := b.when.Compare(a.when)
	if s.Reviews {
		times = -times
	}
	return cmp.Or(times, cmp.Compare(strings.ToLower(a.name.Slug.String()), strings.ToLower(b.name.Slug.String())), cmp.Compare(a.name.Number, b.name.Number))
}
