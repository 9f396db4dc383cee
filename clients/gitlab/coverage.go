package gitlab

import (
	"context"
	"time"

	"callboard.dev/callboard/clients/git"
)

// CoverageQuery asks for a page of the coverage of a branch or a tag over time.
type CoverageQuery struct {
	Project      string
	Ref          string    // the branch or the tag; of all where empty
	UpdatedAfter time.Time // only of pipelines that have changed since; of all where zero
	Page         Page
}

// CoveragePoint is the coverage of a pipeline that has succeeded.
type CoveragePoint struct {
	Pipeline   int64 // its id
	Number     int
	SHA        git.OID
	Coverage   *float64 // in percent; nil where the pipeline tells none
	CreatedAt  time.Time
	FinishedAt time.Time
	Duration   time.Duration
}

// CoveragePage is a page of coverages, the newest first.
type CoveragePage struct {
	Points  []CoveragePoint
	Cursors []string // one for each
	Info    PageInfo
}

type wireCoverage struct {
	FullPath  string
	Pipelines *connection[wirePipeline]
}

func (w *wireCoverage) path() string { return w.FullPath }

// Coverage returns the coverage of the pipelines that have succeeded, with or without any coverage; each page with the error it has instead, or with one of
// kind clients.ErrPartial. It makes one request for all that differ in nothing but the project: of pages of 100 those of 20 projects.
func (c *Client) Coverage(ctx context.Context, queries []CoverageQuery) ([]*CoveragePage, []error) {
	const weight = 8
	found, errs := paged[CoverageQuery, wireCoverage](ctx, c, queries, func(q CoverageQuery) (string, many, error) {
		filters := PipelinesQuery{Ref: q.Ref, Status: "success", UpdatedAfter: q.UpdatedAfter}
		if err := filters.check(); err != nil {
			return "", many{}, err
		}
		declared, given, variables, more := filters.filter()
		err := q.Page.into(variables)
		return q.Project, many{name: "coverage", fragment: "page", variables: variables, declared: pageVariables + declared + " ", atOnce: q.Page.together(weight + 11 + more),
			fields: "\nfragment page on Project { fullPath pipelines(" + pageArguments + given + ") " + pageOf("id iid sha coverage createdAt finishedAt duration") + " }"}, err
	})
	out := make([]*CoveragePage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.Pipelines != nil:
			out[i] = &CoveragePage{Info: w.Pipelines.PageInfo.value()}
			out[i].Points, out[i].Cursors = elements(w.Pipelines, func(p *wirePipeline) CoveragePoint {
				point := CoveragePoint{Pipeline: int64(p.ID), Number: int(p.IID), Coverage: percent(p.Coverage), CreatedAt: p.CreatedAt.Time, FinishedAt: p.FinishedAt.Time,
					Duration: time.Duration(p.Duration)}
				point.SHA, _ = git.ParseOID(p.SHA)
				return point
			})
		case errs[i] == nil:
			errs[i] = c.absent("list of pipelines")
		}
	}
	return out, errs
}
