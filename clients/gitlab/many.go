package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// GitLab takes 50 paths of projects in one list ("Query.projects" of its GraphQL reference), and two lists of what is asked for here stay below
// its limits on complexity: of a signed-in user's 250, and of nobody's 200. A test counts them.
const (
	maxPaths  = 50
	maxLists  = 2
	maxWeight = 195
)

// located is what byPath needs to know of an element.
type located interface{ path() string }

// many is a question about many projects.
type many struct {
	name      string         // of the operation
	fragment  string         // the fragment on Project that is asked for
	fields    string         // its text, and that of the fragments it needs
	declared  string         // further variables of the operation
	variables map[string]any // their values
	atOnce    int            // projects in one request; 100 where 0
}

// byPath asks for a fragment of many projects, atOnce in one request, and returns what there is of each, or the error it has instead.
func byPath[W any, P interface {
	*W
	located
}](ctx context.Context, c *Client, q many, paths []string) ([]*W, []error) {
	out, errs := make([]*W, len(paths)), make([]error, len(paths))
	at := map[string][]int{} // the places of each path, in lower case
	var wanted []string
	for i, path := range paths {
		if errs[i] = checkProject(path); errs[i] != nil {
			continue
		}
		key := strings.ToLower(path)
		if at[key] == nil {
			wanted = append(wanted, path)
		}
		at[key] = append(at[key], i)
	}
	fail := func(path string, err error) {
		for _, i := range at[strings.ToLower(path)] {
			errs[i] = err
		}
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), cmp.Or(q.atOnce, maxLists*maxPaths))]
		wanted = wanted[len(batch):]
		text, arguments, variables := "", q.declared, map[string]any{}
		maps.Copy(variables, q.variables)
		for n := 0; n*maxPaths < len(batch); n++ {
			list := batch[n*maxPaths : min(len(batch), (n+1)*maxPaths)]
			variables[fmt.Sprintf("p%d", n)] = list
			arguments += fmt.Sprintf("$p%d: [String!] ", n)
			text += fmt.Sprintf("  l%d: projects(fullPaths: $p%d, first: %d) { nodes { ...%s } }\n", n, n, len(list), q.fragment)
		}
		answer := map[string]*struct{ Nodes []P }{}
		below, err := c.query(ctx, q.name, "query "+q.name+"("+arguments+") {\n"+text+"}"+q.fields, variables, &answer)
		for i, path := range batch {
			fail(path, c.absent("project"))
			list := fmt.Sprintf("l%d", i/maxPaths)
			if e := below[list]; e != nil && (answer[list] == nil || slices.Contains(answer[list].Nodes, nil)) {
				fail(path, e) // it may be the one that the error took
			}
			if err != nil {
				fail(path, err)
			}
		}
		for list, found := range answer {
			if found == nil {
				continue
			}
			for _, w := range found.Nodes {
				if w == nil {
					continue
				}
				for _, i := range at[strings.ToLower(w.path())] {
					out[i], errs[i] = (*W)(w), nil
					if e := below[list]; e != nil {
						errs[i] = partial(e)
					}
				}
			}
		}
	}
	return out, errs
}
