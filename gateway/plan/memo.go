package plan

import "math/bits"

// memo remembers the results of one kind of question.
//
// A question may lead back to itself: to answer a field a key may be wanted, for which the same field may be wanted. Asked again while it is being
// answered, it counts as impossible. What was answered on that assumption holds for as long as the question above is open, and no longer: it is
// remembered until then. Without that, graphs with many ways round would be walked once for each way.
type memo[K comparable, V any] struct {
	known  map[K]V
	until  map[K]tentative[V]
	active map[K]int // questions being answered, by how many are above them; nil where one may be asked inside itself, as others in between say no
}

// tentative is a result that rests on assumptions about open questions.
type tentative[V any] struct {
	value V
	rests idSet
}

func newMemo[K comparable, V any]() memo[K, V] {
	return memo[K, V]{known: map[K]V{}, until: map[K]tentative[V]{}, active: map[K]int{}}
}

// memoBytes is about what the key of a question takes, beside the record of its result.
const memoBytes = 100

// newOpenMemo is for questions that may be asked inside themselves.
func newOpenMemo[K comparable, V any]() memo[K, V] {
	return memo[K, V]{known: map[K]V{}, until: map[K]tentative[V]{}}
}

// once answers a question at most once. sure tells that the result would be the same whatever was assumed.
func once[K comparable, V any](c *chooser, m *memo[K, V], key K, answer func() (value V, sure bool)) V {
	if found, ok := m.known[key]; ok {
		return found
	}
	if found, ok := m.until[key]; ok {
		c.rests = c.rests.union(found.rests)
		return found.value
	}
	var none V
	if open, ok := m.active[key]; ok {
		c.rests = c.rests.union(single(open))
		return none
	}
	if !c.step() {
		return none
	}
	depth := len(c.forget)
	c.forget = append(c.forget, nil)
	if m.active != nil {
		m.active[key] = depth
	}
	above := c.rests
	c.rests = nil
	value, sure := answer()
	delete(m.active, key)
	for _, forget := range c.forget[depth] {
		forget()
	}
	c.forget = c.forget[:depth]
	rests := c.rests.without(depth)
	c.hold(1, memoBytes)
	if sure || rests.count() == 0 {
		m.known[key] = value
		c.rests = above
		return value
	}
	m.until[key] = tentative[V]{value, rests}
	last := rests.last()
	c.forget[last] = append(c.forget[last], func() { delete(m.until, key) })
	c.rests = above.union(rests)
	return value
}

// idSet is a set of small numbers.
type idSet []uint64

func single(id int) idSet {
	set := make(idSet, id/64+1)
	set[id/64] = 1 << (id % 64)
	return set
}

func (s idSet) count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

func (s idSet) union(o idSet) idSet {
	if len(s) < len(o) {
		s, o = o, s
	}
	if len(o) == 0 {
		return s
	}
	out := make(idSet, len(s))
	copy(out, s)
	for i, word := range o {
		out[i] |= word
	}
	return out
}

func (s idSet) without(id int) idSet {
	if id/64 >= len(s) || s[id/64]&(1<<(id%64)) == 0 {
		return s
	}
	out := make(idSet, len(s))
	copy(out, s)
	out[id/64] &^= 1 << (id % 64)
	return out
}

// last returns the greatest member.
func (s idSet) last() int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			return 64*i + bits.Len64(s[i]) - 1
		}
	}
	return -1
}

// added counts the members of o that s lacks.
func (s idSet) added(o idSet) int { return s.union(o).count() - s.count() }
