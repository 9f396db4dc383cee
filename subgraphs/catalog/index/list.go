package index

import (
	"hash/maphash"
	"maps"
	"slices"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// lists holds, for every tag or every key of a map, the entities that have it.
type lists struct {
	dictionary
	starts []uint32 // where each value's entities start in ids; one more than there are values
	ids    []ID     // ascending within a value
	hashes []uint32 // beside ids: of the folded text that a map has at the key; nil for tags
}

// entry is one value of one entity while lists are built.
type entry struct {
	code uint32
	id   ID
	hash uint32
}

// listed says what of an entity goes into lists. A tag is kept once for an entity, however often and in however many spellings the
// entity has it; a key of a map is kept for each spelling, as each has a text of its own.
type listed struct {
	hashed bool
	count  func(e *descriptor.Entity) int
	each   func(e *descriptor.Entity, yield func(text, at string)) // at is the text that a map has at the key
	same   func(a, b *descriptor.Entity) bool
}

var (
	listedTags = listed{
		count: func(e *descriptor.Entity) int { return len(e.Metadata.Tags) },
		each: func(e *descriptor.Entity, yield func(text, at string)) {
			for _, tag := range e.Metadata.Tags {
				yield(tag, "")
			}
		},
		same: func(a, b *descriptor.Entity) bool { return slices.Equal(a.Metadata.Tags, b.Metadata.Tags) },
	}
	listedLabels      = listedMap(func(e *descriptor.Entity) map[string]string { return e.Metadata.Labels })
	listedAnnotations = listedMap(func(e *descriptor.Entity) map[string]string { return e.Metadata.Annotations })
)

func listedMap(of func(*descriptor.Entity) map[string]string) listed {
	return listed{
		hashed: true,
		count:  func(e *descriptor.Entity) int { return len(of(e)) },
		each: func(e *descriptor.Entity, yield func(text, at string)) {
			for key, value := range of(e) {
				yield(key, value)
			}
		},
		same: func(a, b *descriptor.Entity) bool { return maps.Equal(of(a), of(b)) },
	}
}

// newLists lists the entities by what is listed of them.
func newLists(entities []*descriptor.Entity, what listed) lists {
	var written spellingCount
	count := 0
	for _, entity := range entities {
		count += what.count(entity)
	}
	entries := make([]entry, 0, count)
	for id, entity := range entities {
		what.each(entity, func(text, at string) {
			one := entry{code: written.add(text), id: ID(id)}
			if what.hashed {
				one.hash = hashFolded(fold(at))
			}
			entries = append(entries, one)
		})
	}
	d, recode := written.fold()
	starts := make([]uint32, len(d.values)+1)
	for i := range entries {
		entries[i].code = recode[entries[i].code]
		starts[entries[i].code+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]entry, len(entries)) // by value; entries come by ascending ID
	for _, one := range entries {
		sorted[starts[one.code]] = one
		starts[one.code]++
	}
	l := lists{dictionary: d}
	l.fill(sorted, what)
	return l
}

// fill takes in all entries, sorted by value and then by ID.
func (l *lists) fill(entries []entry, what listed) {
	l.starts = make([]uint32, len(l.values)+1)
	l.ids = make([]ID, 0, len(entries))
	if what.hashed {
		l.hashes = make([]uint32, 0, len(entries))
	}
	for i, one := range entries {
		if what.hashed {
			l.hashes = append(l.hashes, one.hash)
		} else if i > 0 && entries[i-1].code == one.code && entries[i-1].id == one.id {
			continue
		}
		l.ids = append(l.ids, one.id)
		l.starts[one.code+1]++
	}
	for i := 1; i < len(l.starts); i++ {
		l.starts[i] += l.starts[i-1]
	}
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
