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

// newLists orders entries, which come by ascending ID, by value. Each value is kept once for an entity.
func newLists(written *spellingCount, entries []entry, hashed bool) lists {
	var l lists
	var recode []uint32
	l.values, l.spellings, recode = written.fold()
	l.starts = make([]uint32, len(l.values)+1)
	for i := range entries {
		entries[i].code = recode[entries[i].code]
	}
	// Two spellings of one tag on one entity are one tag; two spellings of one key are kept, as each has its own value.
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.code != b.code {
			return int(a.code) - int(b.code)
		}
		return int(a.id) - int(b.id)
	})
	if !hashed {
		entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.code == b.code && a.id == b.id })
	}
	l.ids = make([]ID, len(entries))
	if hashed {
		l.hashes = make([]uint32, len(entries))
	}
	for i, e := range entries {
		l.ids[i] = e.id
		if hashed {
			l.hashes[i] = e.hash
		}
		l.starts[e.code+1]++
	}
	for i := 1; i < len(l.starts); i++ {
		l.starts[i] += l.starts[i-1]
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
