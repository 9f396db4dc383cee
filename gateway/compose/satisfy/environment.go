package satisfy

import (
	"cmp"
	"encoding/binary"
	"slices"

	"callboard.dev/callboard/gateway/supergraph"
)

// environment is what the path to a position has decided for all that is below it: labels of overrides, as far as anything depended on them, and
// which sources of context arguments there are above. Environments are interned.
type environment struct {
	id      int
	labels  []Label // by name
	sources []int   // positions in graph.sources, in order

	memo memo
}

// value returns the value of a label, and whether it is decided.
func (e *environment) value(label string) (on, known bool) {
	for _, l := range e.labels {
		if l.Name == label {
			return l.On, true
		}
	}
	return false, false
}

// covers tells whether what holds in e holds in other too: other decides more labels, and has more sources.
func (e *environment) covers(other *environment) bool {
	return e == other || contains(other.labels, e.labels) && contains(other.sources, e.sources)
}

func contains[T comparable](all, some []T) bool {
	for _, one := range some {
		if !slices.Contains(all, one) {
			return false
		}
	}
	return true
}

// environments interns environments.
type environments map[string]*environment

func (all environments) with(labels []Label, sources []int) *environment {
	key := binary.AppendUvarint(nil, uint64(len(labels)))
	for _, l := range labels {
		key = binary.AppendUvarint(key, uint64(len(l.Name)))
		key = append(key, l.Name...)
		key = append(key, map[bool]byte{true: 1}[l.On])
	}
	for _, n := range sources {
		key = binary.AppendUvarint(key, uint64(n))
	}
	if found := all[string(key)]; found != nil {
		return found
	}
	e := &environment{id: len(all), labels: labels, sources: sources, memo: newMemo()}
	all[string(key)] = e
	return e
}

// decide returns the environment in which the label has the value too.
func (all environments) decide(e *environment, label string, on bool) *environment {
	labels := append(slices.Clone(e.labels), Label{label, on})
	slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return all.with(labels, e.sources)
}

// fork calls evaluate for the environment. Where it turns out to depend on a label that is not decided yet, it is called again for both values
// of it. done gets each result with its environment.
func fork[T any](e *evaluation, env *environment, evaluate func() T, done func(*environment, T)) {
	pending := []*environment{env}
	for len(pending) > 0 {
		last := len(pending) - 1
		e.environment, e.wanted = pending[last], ""
		pending = pending[:last]
		result := evaluate()
		if e.spent {
			return
		}
		if e.wanted != "" {
			off, on := e.all.decide(e.environment, e.wanted, false), e.all.decide(e.environment, e.wanted, true)
			pending = append(pending, on, off)
			continue
		}
		done(e.environment, result)
	}
}

// resolvedHere tells whether the label of an override leaves the field with the subgraph. A label that is not decided is noted as wanted.
func (e *evaluation) resolvedHere(f *supergraph.Field) bool {
	if f.Label == "" {
		return true
	}
	on, known := e.environment.value(f.Label)
	if !known {
		if e.wanted == "" {
			e.wanted = f.Label
		}
		return false
	}
	return on == f.LabelOn
}

// sourced tells whether every context argument of the field can be filled in.
func (e *evaluation) sourced(f *supergraph.Field) bool {
	for _, argument := range f.ContextArguments {
		if !slices.Contains(e.environment.sources, e.sourceNumber(argument)) {
			return false
		}
	}
	return true
}
