package server

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// planning is the making of plans. It is the one stage of a query that may take the time of a thousand. So requests that want the same plan wait for one
// making of it, and of plans that take more than quickSteps few are made at once: no request whose plan is known, or easy to find, is held up by them.
type planning struct {
	quick *plan.Planner
	long  *plan.Planner
	slots chan struct{} // taken by long ones under way

	mu     sync.Mutex
	flying map[planKey]*making
}

// making is a plan being made.
type making struct {
	done    chan struct{} // closed when the rest is there
	plan    *plan.Plan
	errs    operation.Errors
	panic   any
	waiting int // requests that want it; at 0 it is given up. Guarded by planning.mu
	cancel  context.CancelFunc
}

// quickSteps are several times what real operations take to plan, and some ten milliseconds of work.
const quickSteps = 50_000

// newPlanning returns a planning that leaves a processor to others, where there are several.
func newPlanning(s *supergraph.Supergraph, budget int) *planning {
	p := &planning{long: &plan.Planner{Supergraph: s, Budget: budget}, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), flying: map[planKey]*making{}}
	if budget == 0 || budget > quickSteps {
		p.quick = &plan.Planner{Supergraph: s, Budget: quickSteps}
	}
	return p
}

// make returns a plan of the operation.
func (p *planning) make(ctx context.Context, op *operation.Operation, label func(name string) bool) (*plan.Plan, error) {
	if p.quick != nil {
		made, err := p.quick.Plan(ctx, op, label)
		var refused *plan.Error
		if !errors.As(err, &refused) || refused.Code != plan.CodeBudget {
			return made, err
		}
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return p.long.Plan(ctx, op, label)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// once has a plan made, or waits for one that is being made. It returns when ctx ends. Errors are not remembered: what was refused is refused again, within
// the same bounds.
func (p *planning) once(ctx context.Context, key planKey, work func(ctx context.Context) (*plan.Plan, operation.Errors)) (*plan.Plan, operation.Errors) {
	p.mu.Lock()
	m := p.flying[key]
	if m == nil || m.waiting == 0 {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		m = &making{done: make(chan struct{}), cancel: cancel}
		p.flying[key] = m
		go p.run(own, key, m, work)
	}
	m.waiting++
	p.mu.Unlock()
	select {
	case <-m.done:
		if m.panic != nil { // a bug of planning is reported where the request is
			panic(m.panic)
		}
		return m.plan, m.errs
	case <-ctx.Done():
	}
	p.mu.Lock()
	if m.waiting--; m.waiting == 0 {
		m.cancel()
	}
	p.mu.Unlock()
	return nil, operation.Failure(execute.CodeCancelled, "the request ended before it was planned")
}

func (p *planning) run(ctx context.Context, key planKey, m *making, work func(ctx context.Context) (*plan.Plan, operation.Errors)) {
	defer func() {
		m.panic = recover()
		m.cancel()
		p.mu.Lock()
		if p.flying[key] == m {
			delete(p.flying, key)
		}
		p.mu.Unlock()
		close(m.done)
	}()
	m.plan, m.errs = work(ctx)
}

// plan returns the plan of the operation.
func (g *Graph) plan(ctx context.Context, r *Request, p *preparing) (*plan.Plan, operation.Errors) {
	key := planKey{text: r.Query, name: r.OperationName}
	names := p.document.Conditions(r.OperationName)
	labels := g.labels(ctx, r)
	if len(names) > 0 || labels != nil {
		decided := make([]byte, 0, len(names)+len(labels))
		for _, name := range names {
			decided = append(decided, digit(p.variables.True(name)))
		}
		for _, label := range g.Supergraph.Labels {
			decided = append(decided, digit(labels[label]))
		}
		key.decided = string(decided)
	}
	if found, known := g.plans.GetIfPresent(key); known {
		return found, nil
	}
	conditions := make(map[string]bool, len(names))
	for _, name := range names {
		conditions[name] = p.variables.True(name)
	}
	document := p.document
	return g.planning.once(ctx, key, func(ctx context.Context) (*plan.Plan, operation.Errors) {
		op, errs := document.Normalize(key.name, conditions)
		if errs != nil {
			return nil, errs
		}
		made, err := g.planning.make(ctx, op, func(name string) bool { return labels[name] })
		if err != nil {
			var planError *plan.Error
			if errors.As(err, &planError) {
				return nil, operation.Failure(planError.Code, "%s", planError.Message)
			}
			return nil, operation.Failure(execute.CodeCancelled, "the request ended before it was planned")
		}
		g.plans.Set(key, made)
		return made, nil
	})
}

func digit(on bool) byte {
	if on {
		return '1'
	}
	return '0'
}
