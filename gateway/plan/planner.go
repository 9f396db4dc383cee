package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/supergraph"
)

// Planner makes plans for one supergraph. It is safe for concurrent use.
type Planner struct {
	Supergraph *supergraph.Supergraph
	Budget     int           // steps one plan may take; 0 means DefaultBudget
	Memory     int           // bytes one plan may remember while it is made, as estimated; 0 means DefaultMemory
	Timeout    time.Duration // time one plan may take; 0 means DefaultTimeout

	mu        sync.Mutex
	fieldSets map[fieldSetKey]*operation.Selections
	knowns    map[string]*known
}

// known is who knows an object of a type, and how.
type known struct {
	views       []*supergraph.View            // of the type itself, in the order of the subgraphs
	entries     []*supergraph.View            // by which an object can be entered in some subgraph: its own type, or an interface object of it
	conditional map[string][]*supergraph.View // by field: the entries that resolve it given a requirement, or arguments from a context
	computed    map[string]bool               // fields that some view computes from a requirement
}

// knownAs returns who knows objects of the type.
func (p *Planner) knownAs(def *ast.Definition) *known {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.knowns[def.Name]; ok {
		return found
	}
	k := &known{conditional: map[string][]*supergraph.View{}, computed: map[string]bool{}}
	each := func(typename string, do func(view *supergraph.View)) {
		if t := p.Supergraph.Type(typename); t != nil {
			for _, view := range t.Views {
				if view != nil {
					do(view)
				}
			}
		}
	}
	each(def.Name, func(view *supergraph.View) {
		k.views = append(k.views, view)
		if len(view.Keys) > 0 {
			k.entries = append(k.entries, view)
		}
		for name, f := range view.Fields {
			k.computed[name] = k.computed[name] || !f.Requires.Empty()
		}
	})
	if def.Kind == ast.Object {
		for _, name := range def.Interfaces {
			each(name, func(view *supergraph.View) {
				if view.InterfaceObject && len(view.Keys) > 0 {
					k.entries = append(k.entries, view)
				}
			})
		}
	}
	slices.SortStableFunc(k.entries, func(a, b *supergraph.View) int { return a.Subgraph.Index - b.Subgraph.Index })
	for _, view := range k.entries {
		for name, f := range view.Fields {
			if !f.Requires.Empty() || len(f.Context) > 0 {
				k.conditional[name] = append(k.conditional[name], view)
			}
		}
	}
	if p.knowns == nil {
		p.knowns = map[string]*known{}
	}
	p.knowns[def.Name] = k
	return k
}

// Error says why there is no plan.
type Error struct {
	Code    string
	Message string
}

// The codes of planning errors.
const (
	CodeNoPlan = "QUERY_PLANNING_FAILED"
	CodeBudget = "QUERY_PLANNING_LIMIT_EXCEEDED"
)

func (e *Error) Error() string { return e.Message }

// Plan returns the plan of the operation, or an *Error. Cancelling ctx ends the work within a millisecond or so, with ctx's error. label decides which
// labels of progressive overrides are on, each once; nil is none. What was decided is in the plan.
func (p *Planner) Plan(ctx context.Context, op *operation.Operation, label func(name string) bool) (*Plan, error) {
	return p.plan(ctx, op, label, func(*siteChoice) {})
}

// plan names the stages. chosen is told what was chosen for the root fields.
func (p *Planner) plan(ctx context.Context, op *operation.Operation, label func(name string) bool, chosen func(*siteChoice)) (made *Plan, err error) {
	root := p.Supergraph.Root(op.Kind)
	if root == nil {
		return nil, &Error{CodeNoPlan, fmt.Sprintf("the schema has no %s type", op.Kind)}
	}
	left, done := newBudget(ctx, p)
	defer done()
	defer func() {
		if what := recover(); what == (stopped{}) {
			made, err = nil, left.err
		} else if what != nil {
			panic(what)
		}
	}()
	c := newChooser(left, p, label)
	b := newBuild(p, left, op, root)
	for _, part := range rootParts(op.Kind, c.fillArguments(left.withoutAliases(op), op.Kind == ast.Mutation)) {
		choice := c.site(root, nil, part)
		if left.err != nil {
			return nil, left.err
		}
		if choice == nil {
			return nil, &Error{CodeNoPlan, "no subgraph can answer " + c.deepest()}
		}
		chosen(choice)
		b.root(choice)
	}
	b.fillAll()
	shape := newShaper(p, b).object(b.rootSite, op.Selections)
	made = b.finish()
	made.Shape = shape
	made.Labels = c.labels
	return made, nil
}

// rootParts splits the root fields into what is planned together. Fields of a mutation run one after another, so each is planned alone.
func rootParts(kind ast.Operation, selections *operation.Selections) []*operation.Selections {
	if kind != ast.Mutation {
		return []*operation.Selections{selections}
	}
	var parts []*operation.Selections
	for _, field := range selections.Fields {
		parts = append(parts, &operation.Selections{Type: selections.Type, Fields: []*operation.Field{field}})
	}
	return parts
}

// withoutAliases returns the operation's selections with fields that differ only in their response keys made one: what is asked once is best chosen
// once. Root fields of a mutation stay apart, each is to be run.
func (b *budget) withoutAliases(op *operation.Operation) *operation.Selections {
	if op.Kind != ast.Mutation {
		return b.mergeAliases([]*operation.Selections{op.Selections})
	}
	out := &operation.Selections{Type: op.Selections.Type}
	for _, field := range op.Selections.Fields {
		one := *field
		if one.Selections != nil {
			one.Selections = b.mergeAliases([]*operation.Selections{one.Selections})
		}
		out.Fields = append(out.Fields, &one)
	}
	return out
}

// mergeAliases returns one of several selections of a position.
func (b *budget) mergeAliases(list []*operation.Selections) *operation.Selections {
	type same struct{ name, arguments, composite, on string }
	out := &operation.Selections{Type: list[0].Type}
	below := map[same][]*operation.Selections{}
	for _, s := range list {
		b.hold(len(s.Fields), 0)
		for _, field := range s.Fields {
			b.must(1 + len(field.On)/8)
			key := same{field.Name, field.Arguments.Text, compositeName(field), strings.Join(field.On, " ")}
			if below[key] == nil {
				one := *field
				out.Fields = append(out.Fields, &one)
			}
			below[key] = append(below[key], field.Selections)
		}
	}
	all := len(out.Fields)
	out.Fields = slices.DeleteFunc(out.Fields, func(f *operation.Field) bool { // a leaf wanted of every object is wanted of some
		return f.On != nil && f.Selections == nil && below[same{f.Name, f.Arguments.Text, "", ""}] != nil
	})
	if len(out.Fields) < all && below[same{"__typename", "", "", ""}] == nil { // who sees it still depends on the object type
		out.Fields = append(out.Fields, typenameField)
	}
	for _, field := range out.Fields {
		if field.Selections != nil {
			field.Selections = b.mergeAliases(below[same{field.Name, field.Arguments.Text, compositeName(field), strings.Join(field.On, " ")}])
		}
	}
	return out
}

type fieldSetKey struct {
	typeName string
	text     string
}

// fieldSet returns a key, requirement or provision of the type in normal form; equal sets of a type share one pointer.
func (p *Planner) fieldSet(def *ast.Definition, set supergraph.FieldSet) *operation.Selections {
	key := fieldSetKey{def.Name, set.Text}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fieldSets == nil {
		p.fieldSets = map[fieldSetKey]*operation.Selections{}
	}
	if found, ok := p.fieldSets[key]; ok {
		return found
	}
	selections, err := operation.FromFieldSet(p.Supergraph.Full, def, set.Selections)
	if err != nil {
		selections = nil // a set that does not fit its type: what needs it cannot be planned
	}
	p.fieldSets[key] = selections
	return selections
}

// both returns the union of a key and a requirement of the type; equal pairs share one pointer.
func (p *Planner) both(def *ast.Definition, key, requires supergraph.FieldSet) *operation.Selections {
	if requires.Empty() {
		return p.fieldSet(def, key)
	}
	if key.Empty() {
		return p.fieldSet(def, requires)
	}
	joined := supergraph.FieldSet{Text: key.Text + " & " + requires.Text}
	joined.Selections = append(append(ast.SelectionSet{}, key.Selections...), requires.Selections...)
	return p.fieldSet(def, joined)
}
