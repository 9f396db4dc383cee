package gitlab

import (
	"context"
	"encoding/json"

	"golang.org/x/sync/errgroup"
)

// connection is a page of a list with the cursor of each element.
type connection[W any] struct {
	Count    int
	PageInfo wirePageInfo
	Edges    []*struct {
		Cursor string
		Node   *W
	}
}

// pageOf is what a page asks for of a list whose elements have these fields.
func pageOf(fields string) string {
	return "{ count " + pageInfoFields + " edges { cursor node { " + fields + " } } }"
}

// elements returns what made of each element that is there, the first 100, and the cursors of these.
func elements[W, V any](c *connection[W], made func(*W) V) ([]V, []string) {
	var out []V
	var cursors []string
	for _, e := range c.Edges[:min(len(c.Edges), maxPage)] {
		if e != nil && e.Node != nil {
			out, cursors = append(out, made(e.Node)), append(cursors, cut(e.Cursor, maxCursor))
		}
	}
	return out, cursors
}

// The bounds of pages of many projects in one request: so many elements at most are in an answer, and so many requests of one call at a time
// are under way. Both by judgement: 2,000 merge requests with usual descriptions are a third of maxAnswer.
const (
	maxTogether = 2000
	maxParallel = 4
)

// together returns for how many projects one request may ask for such a page of a list of this weight, which is what GitLab's complexity of the
// list is without the size of its page: 1 for each field, and 1 more for those that read git. A list weighs a hundredth more for each element
// of its page, and so does the list of projects around it.
func (p Page) together(weight int) int {
	n := min(max(p.First, p.Last, 0), maxPage) // more is refused elsewhere
	if n == 0 {
		n = usualPage
	}
	weight += weight*n/100 + 3 // the list of projects, its nodes and their paths
	return max(1, min(maxPaths, (maxWeight-weight)*100/weight, maxTogether/n))
}

// paged asks for pages of lists of projects. Questions that differ in nothing but their project share a request.
func paged[Q, W any, P interface {
	*W
	located
}](ctx context.Context, c *Client, queries []Q, ask func(Q) (project string, q many, err error)) ([]*W, []error) {
	out, errs := make([]*W, len(queries)), make([]error, len(queries))
	type alike struct {
		question many
		places   []int
		projects []string
	}
	var groups []*alike
	known := map[string]*alike{}
	for i, one := range queries {
		project, q, err := ask(one)
		if err == nil {
			err = checkProject(project)
		}
		if errs[i] = err; err != nil {
			continue
		}
		values, err := json.Marshal(q.variables)
		if errs[i] = err; err != nil {
			continue
		}
		key := q.fields + q.declared + string(values)
		if known[key] == nil {
			known[key] = &alike{question: q}
			groups = append(groups, known[key])
		}
		known[key].places, known[key].projects = append(known[key].places, i), append(known[key].projects, project)
	}
	var group errgroup.Group
	group.SetLimit(maxParallel)
	for _, g := range groups {
		group.Go(func() error {
			found, failed := byPath[W, P](ctx, c, g.question, g.projects)
			for n, i := range g.places {
				out[i], errs[i] = found[n], failed[n]
			}
			return nil
		})
	}
	_ = group.Wait()
	return out, errs
}
