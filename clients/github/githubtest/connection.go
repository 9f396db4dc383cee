package githubtest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// connect cuts a list into the page that a connection field asks for. key names an element within the list; edge adds to its edge.
func connect[T any](at clientstest.Field, items []T, key func(T) string, edge func(T) map[string]any) (map[string]any, error) {
	name := at.Definition.Name
	if err := checkPage(at, name); err != nil {
		return nil, err
	}
	from, to := 0, len(items)
	position := func(argument string) (int, bool, error) {
		text := at.Args.Text(argument)
		if text == "" {
			return 0, false, nil
		}
		n, wanted, err := openCursor(text)
		if err != nil {
			return 0, false, err
		}
		if n < len(items) && key(items[n]) == wanted {
			return n, true, nil
		}
		if found := slices.IndexFunc(items, func(item T) bool { return key(item) == wanted }); found >= 0 {
			return found, true, nil
		}
		return min(n, len(items)) - 1, true, nil // what was there is gone
	}
	after, ok, err := position("after")
	if err != nil {
		return nil, err
	}
	if ok {
		from = max(0, after+1)
	}
	before, ok, err := position("before")
	if err != nil {
		return nil, err
	}
	if ok {
		to = max(from, before)
	}
	if n, ok := at.Args.Int("first"); ok {
		to = min(to, from+n)
	} else if n, ok := at.Args.Int("last"); ok {
		from = max(from, to-n)
	} else {
		to = from // only a count was asked for
	}
	return slicePage(items, from, to, len(items), key, edge), nil
}

// slicePage makes the connection of items[from:to], which stands at from in a list of total elements.
func slicePage[T any](items []T, from, to, total int, key func(T) string, edge func(T) map[string]any) map[string]any {
	nodes, edges := make([]any, 0, to-from), make([]any, 0, to-from)
	for i, item := range items[from:to] {
		one := map[string]any{"cursor": cursor(from+i, key(item)), "node": item}
		if edge != nil {
			maps.Copy(one, edge(item))
		}
		nodes, edges = append(nodes, item), append(edges, one)
	}
	info := map[string]any{"hasNextPage": to < total, "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if to > from {
		info["startCursor"], info["endCursor"] = cursor(from, key(items[from])), cursor(to-1, key(items[to-1]))
	}
	return map[string]any{"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": total}
}

// checkPage refuses what GitHub does. A connection of which only counts are asked needs no size.
func checkPage(at clientstest.Field, name string) error {
	first, hasFirst := at.Args.Int("first")
	last, hasLast := at.Args.Int("last")
	switch {
	case hasFirst && hasLast:
		return &clientstest.Error{Type: "INVALID_PAGINATION_BOUNDARIES", Message: fmt.Sprintf("Passing both `first` and `last` to paginate the `%s` connection is not supported.", name)}
	case !hasFirst && !hasLast:
		if at.Selects("nodes", "edges", "pageInfo") {
			return &clientstest.Error{Type: "MISSING_PAGINATION_BOUNDARIES", Message: fmt.Sprintf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", name)}
		}
	}
	for _, one := range []struct {
		name  string
		n     int
		given bool
	}{{"first", first, hasFirst}, {"last", last, hasLast}} {
		switch {
		case one.given && one.n > maxPage:
			return &clientstest.Error{
				Type:    "EXCESSIVE_PAGINATION",
				Message: fmt.Sprintf("Requesting %d records on the `%s` connection exceeds the `%s` limit of %d records.", one.n, name, one.name, maxPage),
			}
		case one.given && one.n < 1:
			return &clientstest.Error{Type: "INVALID_PAGINATION_BOUNDARIES", Message: fmt.Sprintf("`%s` on the `%s` connection cannot be less than one.", one.name, name)}
		}
	}
	return nil
}

const cursorPrefix = "cursor:v2:"

func cursor(position int, key string) string {
	return base64.StdEncoding.EncodeToString([]byte(cursorPrefix + itoa(position) + ":" + key))
}

// openCursor reads a cursor that cursor made.
func openCursor(text string) (int, string, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		if rest, ok := strings.CutPrefix(string(raw), cursorPrefix); ok {
			position, key, _ := strings.Cut(rest, ":")
			if n, err := strconv.Atoi(position); err == nil && n >= 0 {
				return n, key, nil
			}
		}
	}
	return 0, "", badCursor(text)
}

func badCursor(text string) error {
	return &clientstest.Error{Type: "INVALID_CURSOR_ARGUMENTS", Message: fmt.Sprintf("`%s` does not appear to be a valid cursor.", text)}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// ids is the key of what has an id.
func ids[T any](value T) string { return identify(value) }

// ordered sorts a copy of a list by what an order argument says: less is ascending, and DESC turns it around.
func ordered[T any](items []T, order clientstest.Args, compare func(field string, a, b T) int) []T {
	if order == nil {
		return items
	}
	sorted := slices.Clone(items)
	field, down := order.Text("field"), order.Text("direction") == "DESC"
	slices.SortStableFunc(sorted, func(a, b T) int {
		if down {
			return compare(field, b, a)
		}
		return compare(field, a, b)
	})
	return sorted
}
