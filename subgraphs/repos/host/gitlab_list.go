package host

import (
	"context"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/subgraphs/forge"
)

// page is the part of a list as GraphQL is asked for it. Cursors are GitLab's own, which are in base64; what cannot be one is not sent.
func (g *gitLab) page(p Paging) (gitlab.Page, error) {
	for _, cursor := range []string{p.After, p.Before} {
		if len(cursor) > 1024 || strings.ContainsFunc(cursor, func(c rune) bool {
			return (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("+/-_=", c)
		}) {
			return gitlab.Page{}, g.refuse("%.50q is not a cursor of this list; use endCursor or startCursor of an earlier page", cursor)
		}
	}
	if p.First > 0 && p.Before != "" || p.Last > 0 && p.After != "" {
		return gitlab.Page{}, g.refuse("GitLab lists the first items after a cursor or the last before one, and not between two")
	}
	return gitlab.Page{First: p.First, After: p.After, Last: p.Last, Before: p.Before}, nil
}

// pages asks for pages of lists. What is no question is not asked, and is the error of its place.
func pagesOf[Q, A, P, T any](g *gitLab, questions []Q, question func(Q) (A, error), ask func([]A) ([]*P, []error), show func(*P) *Page[T]) ([]*Page[T], []error) {
	out, errs := make([]*Page[T], len(questions)), make([]error, len(questions))
	var wanted []A
	var places []int
	for i, q := range questions {
		asked, err := question(q)
		if errs[i] = err; err == nil {
			wanted, places = append(wanted, asked), append(places, i)
		}
	}
	if len(wanted) == 0 {
		return out, errs
	}
	found, failed := ask(wanted)
	for n, i := range places {
		if errs[i] = g.failed(found[n] != nil, failed[n]); errs[i] == nil {
			out[i] = show(found[n])
		}
	}
	return out, errs
}

// pageFrom is a page of what GraphQL listed.
func pageFrom[S, T any](items []S, cursors []string, total int, info gitlab.PageInfo, show func(S) T) *Page[T] {
	out := &Page[T]{Items: make([]T, len(items)), Cursors: cursors, Total: &total, Next: info.HasNext, Prev: info.HasPrevious}
	for i, item := range items {
		out.Items[i] = show(item)
	}
	return out
}

// oneState returns the only state of GitLab's that is asked for, "" for all.
func (g *gitLab) oneState(states []string, names map[string]string) (string, error) {
	wanted := map[string]bool{}
	for _, s := range states {
		if names[s] == "" {
			return "", g.refuse("%.50q is no state", s)
		}
		wanted[s] = true
	}
	if len(wanted) == 0 || len(wanted) == len(names) {
		return "", nil
	}
	if len(wanted) > 1 {
		return "", g.refuse("GitLab lists one state or all of them; ask for each by itself")
	}
	return names[states[0]], nil
}

// order returns the name of an order in GitLab's words.
func (g *gitLab) order(o Order) (string, error) {
	field := map[string]string{"": "CREATED", "CREATED_AT": "CREATED", "UPDATED_AT": "UPDATED"}[o.Field]
	if field == "" {
		return "", g.refuse("GitLab does not order by %.50q", o.Field)
	}
	if o.Desc {
		return field + "_DESC", nil
	}
	return field + "_ASC", nil
}

var issueStates = map[string]string{"OPEN": "opened", "CLOSED": "closed"}

// IssuePages makes one request for all that differ in nothing but the repository: see gitlab.Client.Issues.
func (g *gitLab) IssuePages(ctx context.Context, queries []IssueQuery) ([]*Page[*Issue], []error) {
	return pagesOf(g, queries, func(q IssueQuery) (out gitlab.IssuesQuery, err error) {
		out = gitlab.IssuesQuery{Project: q.Repository, Labels: q.Labels, Assignee: q.Assignee}
		var order string
		if order, err = g.order(q.Order); err != nil {
			return out, err
		}
		out.Order = gitlab.IssueOrder(order)
		if out.State, err = g.oneState(q.States, issueStates); err != nil {
			return out, err
		}
		out.Page, err = g.page(q.Paging)
		return out, err
	}, func(asked []gitlab.IssuesQuery) ([]*gitlab.IssuePage, []error) { return g.client.Issues(ctx, asked) },
		func(p *gitlab.IssuePage) *Page[*Issue] {
			return pageFrom(p.Issues, p.Cursors, p.Total, p.Info, g.issue)
		})
}

func (g *gitLab) issue(i *gitlab.Issue) *Issue {
	state := "OPEN"
	if i.State == "closed" {
		state = "CLOSED"
	}
	return &Issue{Number: i.Number, Title: i.Title, URL: i.URL, State: state, Author: g.user(i.Author), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, ClosedAt: i.ClosedAt,
		Labels: tellLabels(i.Labels), Assignees: g.users(i.Assignees), Comments: &i.Comments}
}

func (g *gitLab) list(q ListQuery) (gitlab.ListQuery, error) {
	page, err := g.page(q.Paging)
	return gitlab.ListQuery{Project: q.Repository, Page: page}, err
}

// ReleasePages makes one request for all with pages of the same size and place: see gitlab.Client.Releases.
func (g *gitLab) ReleasePages(ctx context.Context, queries []ListQuery) ([]*Page[*Release], []error) {
	return pagesOf(g, queries, g.list, func(asked []gitlab.ListQuery) ([]*gitlab.ReleasePage, []error) { return g.client.Releases(ctx, asked) },
		func(p *gitlab.ReleasePage) *Page[*Release] {
			return pageFrom(p.Releases, p.Cursors, p.Total, p.Info, tellRelease)
		})
}

// LabelPages makes one request for all with pages of the same size and place: see gitlab.Client.Labels.
func (g *gitLab) LabelPages(ctx context.Context, queries []ListQuery) ([]*Page[*Label], []error) {
	return pagesOf(g, queries, g.list, func(asked []gitlab.ListQuery) ([]*gitlab.LabelPage, []error) { return g.client.Labels(ctx, asked) },
		func(p *gitlab.LabelPage) *Page[*Label] {
			return pageFrom(p.Labels, p.Cursors, p.Total, p.Info, tellLabel)
		})
}

// placeVersion starts the cursors that are places in a list, counted from 0: REST's lists are read page by page, and have none of their own.
const placeVersion = "1:"

// maxPlace is beyond the last item that REST lists, whatever the size of its pages: GitLab's limit on offsets.
const maxPlace = 50_000

func placeCursor(place int) string { return placeVersion + strconv.Itoa(place) }

func (g *gitLab) placeOf(cursor string) (int, error) {
	digits, ok := strings.CutPrefix(cursor, placeVersion)
	place, natural := forge.Number(digits)
	if !ok || !natural || place >= maxPlace {
		return 0, g.refuse("%.50q is not a cursor of this list; use endCursor or startCursor of an earlier page", cursor)
	}
	return int(place), nil
}

// chunk is a page of one of REST's lists.
type chunk[T any] struct {
	items []T
	next  int  // the page after it; 0 where there is none
	total *int // nil where GitLab does not tell
}

// stretch reads a part of one of REST's lists: one request where it begins at a multiple of its size, as it does for those who go on from page to page, else
// two; and one more for the last items, whose place the first request tells.
func stretch[T any](g *gitLab, p Paging, read func(page, size int) (chunk[T], error)) (*Page[T], error) {
	from, end := 0, maxPlace
	if p.After != "" {
		at, err := g.placeOf(p.After)
		if err != nil {
			return nil, err
		}
		from = at + 1
	}
	if p.Before != "" {
		at, err := g.placeOf(p.Before)
		if err != nil {
			return nil, err
		}
		end = at
	}
	if p.First < 0 || p.Last < 0 || p.First > 100 || p.Last > 100 || (p.First == 0) == (p.Last == 0) {
		return nil, g.refuse("a page has the first or the last 1 to 100 items")
	}
	if p.Last > 0 {
		if p.Before == "" {
			known, err := read(1, p.Last)
			if err != nil {
				return nil, err
			}
			if known.total == nil {
				return nil, g.refuse("GitLab does not tell how many items this list has, so that its last are not known; ask for the first")
			}
			end = *known.total
		}
		from = max(from, end-p.Last)
	}
	size := min(p.First+p.Last, end-from)
	if size <= 0 {
		return &Page[T]{Prev: from > 0, Next: p.Before != ""}, nil
	}
	if from/size >= maxPlace/100 {
		return nil, g.refuse("GitLab lists no further: ask for larger pages, or for fewer items")
	}
	skip := from % size
	read1, err := read(from/size+1, size)
	if err != nil {
		return nil, err
	}
	items, more, total := read1.items[min(skip, len(read1.items)):], read1.next != 0, read1.total
	if skip > 0 && more {
		read2, err := read(read1.next, size)
		if err != nil {
			return nil, err
		}
		more = read2.next != 0 || len(read2.items) > skip
		items = append(items[:len(items):len(items)], read2.items[:min(skip, len(read2.items))]...)
	}
	out := &Page[T]{Items: items, Total: total, Prev: from > 0, Next: more || p.Before != ""}
	for i := range items {
		out.Cursors = append(out.Cursors, placeCursor(from+i))
	}
	return out, nil
}

// listedRef is a branch or a tag that was listed, and whether it is the default branch.
type listedRef struct {
	*Ref
	isDefault bool
}

// RefPages makes one request to REST for each, two for the last branches or tags. To compare them with the default branch takes two more for each that has
// fewer than 100 commits of its own, as gitlab.Client.Compare says.
func (g *gitLab) RefPages(ctx context.Context, queries []RefQuery) ([]*Page[*Ref], []error) {
	listed, errs := oneByOne(queries, func(q RefQuery) (*Page[listedRef], error) {
		page, err := g.refs(ctx, q)
		return page, g.failed(false, err)
	})
	type compared struct {
		project string
		ref     listedRef
		err     *error // of the page
	}
	var open []compared
	out := make([]*Page[*Ref], len(queries))
	for i, l := range listed {
		if errs[i] != nil {
			continue
		}
		out[i] = &Page[*Ref]{Cursors: l.Cursors, Total: l.Total, Next: l.Next, Prev: l.Prev, Items: []*Ref{}}
		for _, r := range l.Items {
			out[i].Items = append(out[i].Items, r.Ref)
			switch {
			case !queries[i].Compare || r.Target == nil:
			case r.isDefault:
				r.Ahead, r.Behind = new(0), new(0)
			default:
				open = append(open, compared{queries[i].Repository, r, &errs[i]})
			}
		}
	}
	_, failed := oneByOne(open, func(c compared) (struct{}, error) {
		found, err := g.client.Compare(ctx, c.project, "HEAD", c.ref.Target.OID)
		if err == nil && found.Complete {
			c.ref.Ahead, c.ref.Behind = &found.Ahead, &found.Behind
		}
		return struct{}{}, g.failed(false, err)
	})
	for i, err := range failed {
		// One that went meanwhile, or whose history is not to be had, is not compared.
		if err != nil && clients.CodeOf(err) != clients.CodeOf(clients.ErrNotFound) {
			*open[i].err = err
		}
	}
	return out, errs
}

func (g *gitLab) refs(ctx context.Context, q RefQuery) (*Page[listedRef], error) {
	if strings.Contains(q.Contains, "^") {
		return &Page[listedRef]{Total: new(0)}, nil // git has no such names, and to GitLab it means the beginning of one
	}
	if strings.HasSuffix(q.Contains, "$") {
		return nil, g.refuse(`GitLab takes "$" for the end of a name; leave it out`)
	}
	kind, ask := "refs/heads/", g.client.Branches
	if q.Tags {
		kind, ask = "refs/tags/", g.client.Tags
	}
	return stretch(g, q.Paging, func(number, size int) (chunk[listedRef], error) {
		found, err := ask(ctx, gitlab.RefsQuery{Project: q.Repository, Search: q.Contains, Page: number, PerPage: size})
		if err != nil {
			return chunk[listedRef]{}, err
		}
		out := chunk[listedRef]{next: found.Next, total: found.Total}
		for _, r := range found.Refs {
			out.items = append(out.items, listedRef{&Ref{Name: kind + r.Name, Target: tellCommit(r.Commit, true)}, r.Default})
		}
		return out, nil
	})
}

// Histories makes one request to REST for each, two where a page does not begin at a multiple of its size.
func (g *gitLab) Histories(ctx context.Context, queries []HistoryQuery) ([]*Page[*Commit], []error) {
	return oneByOne(queries, func(q HistoryQuery) (*Page[*Commit], error) {
		oid, ok := git.ParseOID(q.Start)
		switch {
		case !ok:
			return nil, g.refuse("%.50q is not the id of a commit", q.Start)
		case q.Paging.Last != 0 || q.Paging.Before != "":
			return nil, g.refuse("GitLab reads a history from its newest commit: ask for the first commits")
		}
		page, err := stretch(g, q.Paging, func(number, size int) (chunk[*Commit], error) {
			found, err := g.client.History(ctx, gitlab.HistoryQuery{Project: q.Repository, Revision: string(oid), Path: q.Path, Author: q.Author, Since: q.Since, Until: q.Until,
				Page: number, PerPage: size})
			if err != nil {
				return chunk[*Commit]{}, err
			}
			out := chunk[*Commit]{next: found.Next}
			for _, c := range found.Commits {
				out.items = append(out.items, tellCommit(c, true))
			}
			return out, nil
		})
		return page, g.failed(false, err)
	})
}
