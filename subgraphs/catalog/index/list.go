package index

import (
	"hash/maphash"
	"slices"
)

// lists holds, for every tag or every key of a map, the entities that have it.
type lists struct {
	values    []string // folded, sorted, each once
	spellings []string
	starts    []uint32 // where each value's entities start in ids; one more than there are values
	ids       []ID     // ascending within a value
	hashes    []uint32 // beside ids: of the folded text that a map has at the key; nil for tags
}

// entry is one value of one entity while lists are built.
type entry struct {
	code uint32
	id   ID
	hash uint32
}

// newLists orders entries, which come by ascending ID, by value. A tag is kept once for an entity, however often and in however
// many spellings the entity has it; a key of a map is kept for each spelling, as each has a text of its own.
func newLists(written *spellingCount, entries []entry, hashed bool) lists {
	var l lists
	var recode []uint32
	l.values, l.spellings, recode = written.fold()
	last := make([]ID, len(l.values)) // the entity last seen with each value, plus one
	kept := entries[:0]
	l.starts = make([]uint32, len(l.values)+1)
	for _, e := range entries {
		e.code = recode[e.code]
		if !hashed && last[e.code] == e.id+1 {
			continue
		}
		last[e.code] = e.id + 1
		l.starts[e.code+1]++
		kept = append(kept, e)
	}
	for i := 1; i < len(l.starts); i++ {
		l.starts[i] += l.starts[i-1]
	}
	l.ids = make([]ID, len(kept))
	if hashed {
		l.hashes = make([]uint32, len(kept))
	}
	next := slices.Clone(l.starts[:len(l.values)])
	for _, e := range kept {
		at := next[e.code]
		next[e.code]++
		l.ids[at] = e.id
		if hashed {
			l.hashes[at] = e.hash
		}
	}
	return l
}

// find returns the bounds in ids of the entities that have the folded value; they are equal where none has.
func (l *lists) find(folded string) (from, to uint32) {
	at, ok := slices.BinarySearch(l.values, folded)
	if !ok {
		return 0, 0
	}
	return l.starts[at], l.starts[at+1]
}

var hashSeed = maphash.MakeSeed()

// hashFolded returns a hash of a folded text. Equal texts have equal hashes, so a hash that differs saves a comparison.
func hashFolded(folded string) uint32 { return uint32(maphash.String(hashSeed, folded)) }
