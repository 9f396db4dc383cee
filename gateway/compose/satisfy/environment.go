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
	e := &environment{labels: labels, sources: sources, memo: newMemo()}
	all[string(key)] = e
	return e
}

// decide returns the environment in which the label has the value too.
func (all environments) decide(e *environment, label string, on bool) *environment {
	labels := append(slices.Clone(e.labels), Label{label, on})
	slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return all.with(labels, e.sources)
}

// forkSteps is what an environment takes in time and memory, in steps.
const forkSteps = 200

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
			e.steps += forkSteps
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
	for _, argument := range f.Context {
		if !slices.Contains(e.environment.sources, e.sourceNumber(argument)) {
			return false
		}
	}
	return true
}

// merged returns the positions with those put together that differ in the value of a label alone, and in nothing that could be asked there. So a
// label counts for what is below a field that it moves only where the subgraphs it moves between cannot enter each other.
func (w *walk) merged(list []position) []position {
	if len(list) < 2 {
		return list
	}
	ends := make([]string, len(list))
	for i, p := range list {
		ends[i] = w.end(p)
	}
	for i := 0; i < len(list); i++ {
		for j := i + 1; j < len(list); j++ {
			without := w.all.without(list[i].environment, list[j].environment)
			if without == nil || ends[i] == "" || ends[i] != ends[j] {
				continue
			}
			list[i].environment = without
			list, ends = slices.Delete(list, j, j+1), slices.Delete(ends, j, j+1)
			i, j = -1, len(list) // what was merged may merge again
		}
	}
	return list
}

// without returns the environment of what two have in common, if all they differ in is the value of one label; else nil.
func (all environments) without(a, b *environment) *environment {
	if len(a.labels) != len(b.labels) || !slices.Equal(a.sources, b.sources) {
		return nil
	}
	at := -1
	for i, l := range a.labels {
		switch other := b.labels[i]; {
		case l == other:
		case l.Name != other.Name || at >= 0:
			return nil
		default:
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	return all.with(slices.Delete(slices.Clone(a.labels), at, at+1), a.sources)
}

// end tells apart the states that follow from positions: two of one type with the same end lead to the same states. It is empty where that depends
// on labels.
func (w *walk) end(p position) string {
	w.environment, w.wanted = p.environment, ""
	var key []byte
	note := func(u *unit, set *set) {
		key = binary.AppendUvarint(append(key, u.def.Name...), uint64(w.reach(u, w.as(set, u)).id))
	}
	switch {
	case !supergraph.Abstract(p.def) || !p.set.typed():
		note(w.unit(p.def.Name), p.set)
	default:
		for _, name := range w.graph.objects(p.def.Name) {
			if w.step() && p.set.occurs(name) {
				note(w.unit(name), p.set)
			}
		}
	}
	if w.wanted != "" || w.spent {
		return ""
	}
	return string(key)
}
