package view

import (
	"context"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/scalar"
)

// Pipeline is what runs again and again. What is not known of it where it is met is asked for when it is wanted.
type Pipeline struct {
	Provenance
	ID       string
	Provider PipelineProvider
	Name     string

	system  *ci.System
	key     string
	card    *ci.Pipeline // nil where only its name is known
	whole   bool         // card has its parameters
	request *Request
}

// IsEntity marks a type with a key, for the generated code.
func (*Pipeline) IsEntity() {}

func (q *Request) showPipeline(s *ci.System, from Provenance, p *ci.Pipeline) *Pipeline {
	return &Pipeline{Provenance: from, ID: encodeID(pipelineID, s, p.Key), Provider: PipelineProvider(s.Provider), Name: p.Name, system: s, key: p.Key, card: p, request: q}
}

// PipelineByID returns the pipeline with an id, or nil where there is none.
func (q *Request) PipelineByID(ctx context.Context, id string) (*Pipeline, error) {
	s, key, ok := q.decodeID(pipelineID, id)
	if !ok {
		return nil, nil
	}
	l, err := q.of(s).pipelines.Load(ctx, key)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	out := q.showPipeline(s, sourced(s, l), l.Value)
	out.whole = true
	return out, nil
}

// load returns what is known of it, with its parameters where they are wanted.
func (p *Pipeline) load(ctx context.Context, whole bool) (*ci.Pipeline, error) {
	if p.card != nil && (p.whole || !whole) {
		return p.card, nil
	}
	l, err := p.request.of(p.system).pipelines.Load(ctx, p.key)
	if err != nil {
		return nil, err
	}
	if !l.Known() || l.Value == nil {
		return &ci.Pipeline{Key: p.key, Name: p.Name}, nil
	}
	return l.Value, nil
}

// File says what it does.
func (p *Pipeline) File(ctx context.Context) (*string, error) {
	card, err := p.load(ctx, false)
	if err != nil {
		return nil, err
	}
	return orNull(card.File), nil
}

// URL is its page.
func (p *Pipeline) URL(ctx context.Context) (*scalar.URL, error) {
	card, err := p.load(ctx, false)
	if err != nil {
		return nil, err
	}
	return address(card.URL), nil
}

// IsDisabled tells whether it does not run by itself any more.
func (p *Pipeline) IsDisabled(ctx context.Context) (*bool, error) {
	card, err := p.load(ctx, false)
	if err != nil {
		return nil, err
	}
	return &card.Disabled, nil
}

// PipelineParameter is what it takes.
type PipelineParameter struct {
	Name                 string
	Description, Default *string
	IsRequired, IsSecret bool
	Choices              []string
}

// Parameters are what it takes when somebody starts it by hand.
func (p *Pipeline) Parameters(ctx context.Context) ([]*PipelineParameter, error) {
	card, err := p.load(ctx, true)
	if err != nil || card.Parameters == nil {
		return nil, err
	}
	out := []*PipelineParameter{}
	for _, one := range card.Parameters {
		shown := &PipelineParameter{Name: one.Name, Description: orNull(one.Description), IsRequired: one.Required, IsSecret: one.Secret, Choices: one.Choices}
		if !one.Secret {
			shown.Default = orNull(one.Default)
		}
		out = append(out, shown)
	}
	return out, nil
}

// lately returns what is known of it with its newest run, nil where it has not run lately, and where that comes from.
func (p *Pipeline) lately(ctx context.Context) (*ci.Pipeline, Provenance, error) {
	if p.card != nil && !p.whole {
		return p.card, p.Provenance, nil
	}
	// Only the list of the pipelines that have run lately tells it.
	l, err := p.request.of(p.system).overviews.Load(ctx, ci.OwnerOf(p.key))
	if err != nil || l.Absent {
		return nil, Provenance{}, err
	}
	i := slices.IndexFunc(l.Value, func(known *ci.Pipeline) bool { return known.Key == p.key })
	if i < 0 {
		return nil, Provenance{}, nil
	}
	return l.Value[i], sourced(p.system, l), nil
}

// LatestRun is the newest run of the default branch.
func (p *Pipeline) LatestRun(ctx context.Context) (*PipelineRun, error) {
	card, from, err := p.lately(ctx)
	if err != nil || card == nil || card.Latest == nil {
		return nil, err
	}
	return p.request.showRun(p.system, from, card.Latest), nil
}

// defaultBranch returns the branch whose newest run is told, "" where it is not known.
func (p *Pipeline) defaultBranch(ctx context.Context) (string, error) {
	if p.card != nil && p.card.Branch != "" {
		return p.card.Branch, nil
	}
	card, _, err := p.lately(ctx)
	switch {
	case err != nil || card == nil:
		return "", err
	case card.Branch == "" && card.Latest != nil:
		return card.Latest.Branch, nil
	}
	return card.Branch, nil
}

// Runs are the runs, the newest first.
func (p *Pipeline) Runs(ctx context.Context, branch, commit *string, status *PipelineStatus, first *int, after *string) (*PipelineRunConnection, error) {
	wanted, err := pagingOf(first, after)
	if err != nil {
		return nil, err
	}
	query := ci.RunsQuery{Pipeline: p.key, Branch: orEmpty(branch), Commit: orEmpty(commit), Paging: wanted.Paging}
	if status != nil {
		query.Status = ci.Status(*status)
	}
	l, err := p.request.of(p.system).pages.Load(ctx, query)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	from := sourced(p.system, l)
	return &PipelineRunConnection{showPage(wanted, l.Value, func(r *ci.Run) *PipelineRun { return p.request.showRun(p.system, from, r) },
		func(e edge[*PipelineRun]) *PipelineRunEdge { return &PipelineRunEdge{e} })}, nil
}

// done returns the newest runs of a branch that are done, the newest first.
func (p *Pipeline) done(ctx context.Context, query ci.RunsQuery) ([]*ci.Run, Provenance, error) {
	query.Pipeline = p.key
	l, err := p.request.of(p.system).pages.Load(ctx, query)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, Provenance{}, err
	}
	var out []*ci.Run
	for _, r := range l.Value.Items {
		if r.Status.Done() {
			out = append(out, r)
		}
	}
	return out, sourced(p.system, l), nil
}

// PipelineHealth is how a pipeline did lately.
type PipelineHealth struct {
	Runs, Succeeded, Failed         int
	SuccessRate                     *float64
	MedianDuration, MedianQueueTime *scalar.Duration
	BrokenSince                     *PipelineRun
}

// maxHealth is how many runs are looked at: what one page of a system has.
const maxHealth = 100

// Health is how it did lately.
func (p *Pipeline) Health(ctx context.Context, runs int) (*PipelineHealth, error) {
	if runs < 1 || runs > maxHealth {
		return nil, Refuse(CodeBadInput, "runs must be from 1 to %d, got %d", maxHealth, runs)
	}
	branch, err := p.defaultBranch(ctx)
	if err != nil {
		return nil, err
	}
	done, from, err := p.done(ctx, ci.RunsQuery{Branch: branch, Paging: ci.Paging{First: runs}})
	if err != nil {
		return nil, err
	}
	out := &PipelineHealth{Runs: len(done)}
	var (
		durations, waits []time.Duration
		broken           *ci.Run // the earliest of those that failed after the newest that succeeded
		healed           bool
	)
	for _, r := range done {
		switch {
		case r.Status == ci.Succeeded:
			out.Succeeded++
			healed = true
			if r.Duration != nil {
				durations = append(durations, *r.Duration)
			}
		case r.Status.Red():
			out.Failed++
			if !healed {
				broken = r
			}
		}
		if r.Waited != nil {
			waits = append(waits, *r.Waited)
		}
	}
	if n := out.Succeeded + out.Failed; n > 0 {
		out.SuccessRate = new(float64(out.Succeeded) / float64(n))
	}
	out.MedianDuration, out.MedianQueueTime = span(median(durations)), span(median(waits))
	if broken != nil && healed {
		out.BrokenSince = p.request.showRun(p.system, from, broken)
	}
	return out, nil
}

// median returns the middle of the spans, nil of none. Of an even number it is the mean of the two in the middle.
func median(spans []time.Duration) *time.Duration {
	if len(spans) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(spans))
	n := len(sorted)
	return new((sorted[(n-1)/2] + sorted[n/2]) / 2)
}
