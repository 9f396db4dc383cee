package view

import (
	"strings"

	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/host"
)

// hostCursor starts the key in a cursor that is a host's own, so that it is not taken for one of a checkout.
const hostCursor = "h:"

// page is a page of a host's list, as the client wants it.
type page struct {
	host.Paging
	none bool // no item is wanted, but hosts give at least one
}

// pagingOf reads the arguments.
func pagingOf(args relay.Args) (page, error) {
	if err := args.Check(); err != nil {
		return page{}, Refuse(CodeBadPage, "%v", err)
	}
	var out page
	switch {
	case args.Last != nil:
		out.Last, out.none = max(*args.Last, 1), *args.Last == 0
	case args.First != nil:
		out.First, out.none = max(*args.First, 1), *args.First == 0
	default:
		out.First = relay.DefaultPage
	}
	for _, c := range []struct {
		name string
		from *string
		to   *string
	}{{"after", args.After, &out.After}, {"before", args.Before, &out.Before}} {
		if c.from == nil {
			continue
		}
		key, err := relay.Key(*c.from)
		if err != nil {
			return page{}, Refuse(CodeBadPage, "%s: %v", c.name, err)
		}
		own, ok := strings.CutPrefix(key, hostCursor)
		if !ok {
			return page{}, Refuse(CodeBadPage, "%s: %q is not a cursor of this list; use endCursor or startCursor of an earlier page", c.name, *c.from)
		}
		*c.to = own
	}
	return out, nil
}

// trimmed is what of a host's page is shown.
type trimmed struct {
	cursors []string // as clients get them
	info    relay.PageInfo
}

// trim returns what is shown of a page with these cursors. A host that gives more than was asked for is cut off.
func (p page) trim(cursors []string, next, prev bool) trimmed {
	n := min(len(cursors), p.First+p.Last)
	if p.none {
		next, prev, n = next || n > 0 && p.Last == 0, prev || n > 0 && p.Last > 0, 0
	}
	out := trimmed{info: relay.PageInfo{HasNextPage: next, HasPreviousPage: prev}}
	for _, cursor := range cursors[:n] {
		out.cursors = append(out.cursors, relay.Cursor(hostCursor+cursor))
	}
	if n > 0 {
		out.info.StartCursor, out.info.EndCursor = &out.cursors[0], &out.cursors[n-1]
	}
	return out
}
