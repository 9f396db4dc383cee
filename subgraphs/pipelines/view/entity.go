package view

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/scalar"
)

// The annotations that name jobs of Jenkins; the older one wins where there are both, as it does in Backstage.
const (
	jenkinsJob       = "jenkins.io/job-full-name"
	jenkinsJobBefore = "jenkins.io/github-folder"
)

// target is what a system may have pipelines of: a repository or a job.
type target struct {
	system *ci.System
	name   string
}

// choice is targets of which the first that there is counts.
type choice []target

// choices returns what annotations name, in their order.
func (q *Request) choices(annotations map[string]string) []choice {
	var out []choice
	jobs := annotations[jenkinsJobBefore]
	if jobs == "" {
		jobs = annotations[jenkinsJob]
	}
	for _, text := range strings.Split(jobs, ",") {
		if t, ok := q.job(strings.TrimSpace(text)); ok && !slices.ContainsFunc(out, func(c choice) bool { return c[0] == t }) {
			out = append(out, choice{t})
		}
		if len(out) == maxJobs {
			break
		}
	}
	var places choice
	for _, place := range forge.Find(q.source.hosts(), annotations, forge.Checkout{}) {
		places = append(places, target{place.Site, place.Path})
	}
	if len(places) > 0 {
		out = append(out, places)
	}
	return out
}

// maxJobs is how many jobs of Jenkins one entity may name, by judgement.
const maxJobs = 20

// job reads "[instance:]folder/job". Without an instance, the first Jenkins of the configuration is meant.
func (q *Request) job(text string) (target, bool) {
	systems := q.source.of(ci.Jenkins)
	if text == "" || len(systems) == 0 {
		return target{}, false
	}
	if instance, job, ok := strings.Cut(text, ":"); ok {
		i := slices.IndexFunc(systems, func(s *ci.System) bool { return strings.EqualFold(s.Name, instance) })
		if i < 0 {
			return target{}, false
		}
		systems, text = systems[i:], job
	}
	t := target{systems[0], strings.Trim(text, "/ ")}
	return t, t.name != ""
}

// at returns the target that the address of a page on a host is in, and the rest of the address.
func (q *Request) at(page string) (target, string, bool) {
	place, ok := forge.At(q.source.hosts(), page)
	return target{place.Site, place.Path}, place.Rest, ok
}

// cohort is what one step of a query asks for together: what one of them is asked all of them are, as they have one selection. So when the first is asked, the
// same is asked for all, and nothing depends on how long who waits for whom.
type cohort struct {
	overviews, all sync.Once
	choices        []choice
}

// ask has the pipelines of the likeliest of all asked for.
func (c *cohort) ask(ctx context.Context, q *Request, idle bool) {
	c.overviews.Do(func() {
		for _, one := range c.choices {
			q.of(one[0].system).overviews.Prepare(ctx, one[0].name)
		}
	})
	if idle {
		c.all.Do(func() {
			for _, one := range c.choices {
				q.of(one[0].system).all.Prepare(ctx, one[0].name)
			}
		})
	}
}

// CatalogEntity is an entity of the catalog, as far as its pipelines are concerned.
type CatalogEntity struct {
	Ref         string
	Annotations scalar.StringMap

	choices []choice
	request *Request
	cohort  *cohort
}

// IsEntity marks a type with a key, for the generated code.
func (*CatalogEntity) IsEntity() {}

// NewEntities returns entities that are asked for together.
func (q *Request) NewEntities(n int, at func(i int) (ref string, annotations map[string]string)) []*CatalogEntity {
	together := &cohort{}
	out := make([]*CatalogEntity, n)
	for i := range out {
		ref, annotations := at(i)
		out[i] = &CatalogEntity{Ref: ref, Annotations: annotations, choices: q.choices(annotations), request: q, cohort: together}
		together.choices = append(together.choices, out[i].choices...)
	}
	return out
}

// Pipelines are what builds, tests and ships the entity.
func (e *CatalogEntity) Pipelines(ctx context.Context, idle bool, first *int, after *string) (*PipelineConnection, error) {
	return e.request.pipelinesOf(ctx, e.choices, e.cohort, idle, first, after)
}

// Repository is a repository, as far as its pipelines are concerned.
type Repository struct {
	URL           *scalar.URL
	DefaultBranch *string

	choices []choice
	request *Request
	cohort  *cohort
}

// IsEntity marks a type with a key, for the generated code.
func (*Repository) IsEntity() {}

// NewRepositories returns repositories that are asked for together.
func (q *Request) NewRepositories(n int, at func(i int) (page *scalar.URL, branch *string)) []*Repository {
	together := &cohort{}
	out := make([]*Repository, n)
	for i := range out {
		page, branch := at(i)
		out[i] = &Repository{URL: page, DefaultBranch: branch, request: q, cohort: together}
		if page == nil {
			continue
		}
		if t, _, ok := q.at(string(*page)); ok {
			out[i].choices = []choice{{t}}
			together.choices = append(together.choices, choice{t})
		}
	}
	return out
}

// Pipelines are those that the host runs for it.
func (r *Repository) Pipelines(ctx context.Context, idle bool, first *int, after *string) (*PipelineConnection, error) {
	return r.request.pipelinesOf(ctx, r.choices, r.cohort, idle, first, after)
}

// pipelinesOf returns the pipelines of the first target of each choice that there is. Where some cannot be had the others are there, and an error says so.
func (q *Request) pipelinesOf(ctx context.Context, choices []choice, together *cohort, idle bool, first *int, after *string) (*PipelineConnection, error) {
	if len(choices) == 0 {
		return nil, nil
	}
	together.ask(ctx, q, idle)
	var (
		all   []*Pipeline
		errs  []error
		found int
	)
	for _, one := range choices {
		pipelines, ok, err := q.firstOf(ctx, one, idle)
		if err != nil {
			errs = append(errs, err)
		}
		if ok {
			found++
			all = append(all, pipelines...)
		}
	}
	switch {
	case found == 0 && len(errs) > 0:
		return nil, errs[0]
	case found == 0:
		return nil, nil
	}
	page, err := cut(all, relay.Args{First: first, After: after}, func(p *Pipeline) string { return p.ID }, func(e edge[*Pipeline]) *PipelineEdge { return &PipelineEdge{e} })
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		page.TotalCount = nil
		for _, err := range errs {
			graphql.AddError(ctx, err)
		}
	}
	return &PipelineConnection{page}, nil
}

// firstOf returns the pipelines of the first of the targets that there is. Beside an error there may be those that have run lately.
func (q *Request) firstOf(ctx context.Context, one choice, idle bool) ([]*Pipeline, bool, error) {
	for _, t := range one {
		l, err := q.of(t.system).overviews.Load(ctx, t.name)
		if err != nil {
			return nil, false, err
		}
		if l.Absent {
			continue
		}
		out := make([]*Pipeline, 0, len(l.Value))
		for _, p := range l.Value {
			out = append(out, q.showPipeline(t.system, sourced(t.system, l), p))
		}
		if !idle {
			return out, true, nil
		}
		every, err := q.of(t.system).all.Load(ctx, t.name)
		if err != nil {
			return out, true, err
		}
		for _, p := range every.Value {
			if !slices.ContainsFunc(l.Value, func(known *ci.Pipeline) bool { return known.Key == p.Key }) {
				out = append(out, q.showPipeline(t.system, sourced(t.system, every), p))
			}
		}
		return out, true, nil
	}
	return nil, false, nil
}
