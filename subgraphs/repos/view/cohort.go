package view

import (
	"context"
	"slices"
	"sync"

	"callboard.dev/callboard/subgraphs/repos/host"
	"golang.org/x/sync/errgroup"
)

// cohort is entities that one step of a query asks for together. What one of them is asked all of them are, as they have one selection: so when the first is
// asked something of a host, the same is asked of it for all, and nothing depends on how long who waits for whom.
type cohort struct {
	request  *Request
	entities []*CatalogEntity

	once  sync.Once
	found map[*host.Host][]func() (string, bool) // the paths of their repositories as the host writes them, once it has answered

	asked sync.Map // a sync.Once for each question, by host, kind and name
}

// NewEntities returns entities that are asked for together: the references and the annotations that the catalog has for them.
func (q *Request) NewEntities(n int, at func(i int) (ref string, annotations map[string]string)) []*CatalogEntity {
	together := &cohort{request: q, entities: make([]*CatalogEntity, n)}
	for i := range together.entities {
		ref, annotations := at(i)
		together.entities[i] = &CatalogEntity{Ref: ref, Annotations: annotations, request: q, cohort: together}
	}
	return together.entities
}

// gather finds where the code of all of them may lie, and asks the hosts for the likeliest repository of each.
func (c *cohort) gather(ctx context.Context) {
	c.once.Do(func() {
		var group errgroup.Group
		group.SetLimit(readAtOnce)
		for _, e := range c.entities {
			group.Go(func() error {
				e.locate(ctx) // an error is the entity's
				return nil
			})
		}
		_ = group.Wait()
		c.found = map[*host.Host][]func() (string, bool){}
		for _, e := range c.entities {
			if len(e.candidates) == 0 {
				continue
			}
			at := e.candidates[0]
			answer := c.request.of(at.Site).repositories.Prepare(ctx, at.Path)
			c.found[at.Site] = append(c.found[at.Site], func() (string, bool) {
				l, err := answer()
				if err != nil || !l.Known() || l.Value == nil {
					return "", false
				}
				return l.Value.Path, true
			})
		}
	})
}

// on returns the paths of the cohort's repositories on the host.
func (c *cohort) on(ctx context.Context, h *host.Host) []string {
	c.gather(ctx)
	var out []string
	for _, path := range c.found[h] {
		if path, known := path(); known {
			out = append(out, path)
		}
	}
	return sortedSet(slices.Clip(out))
}

// ask has a question asked for all, the first time that it comes up. Who comes later waits until it is.
func (c *cohort) ask(h *host.Host, kind, question string, all func()) {
	once, _ := c.asked.LoadOrStore([3]string{h.Name, kind, question}, &sync.Once{})
	once.(*sync.Once).Do(all)
}

// together returns the answer to a question about a repository. The same is asked about all of its cohort.
func together[Q, V any](ctx context.Context, c *cohort, b batch[Q, V], path string, about func(path string) Q) (host.Loaded[V], error) {
	if c != nil {
		c.ask(b.host, b.Kind, host.NameOf(about("")), func() {
			for _, path := range c.on(ctx, b.host) {
				b.Prepare(ctx, about(path))
			}
		})
	}
	return b.Load(ctx, about(path))
}
