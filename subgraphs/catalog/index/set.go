package index

import (
	"iter"
	"math/bits"
)

// Set is a set of entities of one Index, as one bit for each. A hundred thousand entities make 12 kB, which is why no sparser
// form is kept beside it.
type Set []uint64

func newSet(n int) Set { return make(Set, (n+63)/64) }

// Has tells whether id is in the set.
func (s Set) Has(id ID) bool { return s[id/64]&(1<<(id%64)) != 0 }

// Count tells how many entities are in the set.
func (s Set) Count() int {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// Each yields the set's entities in the order of their references.
func (s Set) Each() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for i, word := range s {
			for word != 0 {
				if !yield(ID(i*64 + bits.TrailingZeros64(word))) {
					return
				}
				word &= word - 1
			}
		}
	}
}

// And keeps what is in both sets.
func (s Set) And(other Set) {
	for i := range s {
		s[i] &= other[i]
	}
}

func (s Set) add(id ID) { s[id/64] |= 1 << (id % 64) }

func (s Set) or(other Set) {
	for i := range s {
		s[i] |= other[i]
	}
}

// andNot takes out what is in the other set.
func (s Set) andNot(other Set) {
	for i := range s {
		s[i] &^= other[i]
	}
}

// fill adds the first n entities: all of them.
func (s Set) fill(n int) {
	for i := range s {
		s[i] = ^uint64(0)
	}
	if rest := n % 64; rest != 0 {
		s[len(s)-1] = 1<<rest - 1
	}
}
