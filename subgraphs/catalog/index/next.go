package index

import (
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// Next makes the index of a newer snapshot, as Build does, but takes from x what has not changed. An entity has not changed where
// both snapshots hold the same pointer.
//
// Columns, lists and texts are merged with what is new: the numbers of entities move, but not their order. What follows from
// relations is made anew if any changed or an entity came or went, and what is wrong with the catalog every time.
func (x *Index) Next(s descriptor.Snapshot) *Index {
	c := x.compare(s.Entities)
	if c == nil {
		return Build(s)
	}
	next := c.next
	var kept bool
	next.edges, kept = x.edges.next(c)
	if kept {
		for _, field := range [...]Field{FieldOwner, FieldSystem, FieldDomain} {
			next.columns[field] = x.columns[field]
		}
		next.owners, next.dangling, next.orphaned = x.owners, x.dangling, x.orphaned
	} else {
		next.fillRelated()
	}
	for _, own := range ownFields {
		next.columns[own.field] = x.columns[own.field].next(c, own.of)
	}
	next.tags = x.tags.next(c, listedTags)
	next.labels = x.labels.next(c, listedLabels)
	next.annotations = x.annotations.next(c, listedAnnotations)
	next.text = x.text.next(c)
	next.fillIssues(s.Issues)
	return next
}

// change is what happens to the entities between one Index and the next.
type change struct {
	old, next *Index // of next there are the entities and their references
	same      []ID   // by old ID: the new ID of the entity, or noID where it is another or gone
	named     []ID   // by old ID: the new ID of the entity of that reference, or noID where it is gone
	fresh     []ID   // new IDs of the entities that are new or changed, ascending
	gone      []ID   // old IDs of the entities that changed or are gone, ascending
	moved     bool   // some reference has another ID, or came, or went
}

// manyChanges is the part of the entities, as a divisor, from which on it is faster to build all anew. A few changes are never many.
const manyChanges = 8

// compare finds what changed, or returns nil where it is too much, or the snapshot not sorted, so that all is to be built anew.
func (x *Index) compare(entities []*descriptor.Entity) *change {
	n, m := len(x.entities), len(entities)
	c := &change{old: x, next: &Index{entities: entities}, same: make([]ID, n), named: make([]ID, n)}
	refs := make([]string, 0, m)
	old := 0
	leave := func(named ID) {
		c.same[old], c.named[old] = noID, named
		c.gone = append(c.gone, ID(old))
		old++
	}
	for id, entity := range entities {
		ref := ""
		for ref == "" {
			switch {
			case old < n && x.entities[old] == entity:
				ref = x.refs[old]
				c.same[old], c.named[old] = ID(id), ID(id)
				old++
				continue
			case old < n && x.entities[old].Ref == entity.Ref:
				ref = x.refs[old]
				leave(ID(id))
			case old < n && x.refs[old] < entity.Ref.String():
				leave(noID)
				continue
			default:
				ref = entity.Ref.String()
			}
			c.fresh = append(c.fresh, ID(id))
		}
		if id > 0 && refs[id-1] >= ref || len(c.fresh)+len(c.gone) > 64+(n+m)/manyChanges {
			return nil
		}
		refs = append(refs, ref)
	}
	for old < n {
		leave(noID)
	}
	c.next.refs = refs
	c.moved = n != m
	for id := 0; id < n && !c.moved; id++ {
		c.moved = c.named[id] != ID(id)
	}
	if !c.moved {
		c.next.refs = x.refs
	}
	return c
}

// alike tells whether no entity has another ID, and all that changed are alike in some way.
func (c *change) alike(same func(a, b *descriptor.Entity) bool) bool {
	return !c.moved && !slices.ContainsFunc(c.fresh, func(id ID) bool { return !same(c.old.entities[id], c.next.entities[id]) })
}

// next also tells whether the edges are the very same, by the same numbers.
func (e *edges) next(c *change) (edges, bool) {
	if c.alike(func(a, b *descriptor.Entity) bool {
		return slices.EqualFunc(a.Relations, b.Relations, func(a, b descriptor.Relation) bool {
			return a.Type == b.Type && a.Inverse == b.Inverse && a.Target == b.Target
		})
	}) {
		return *e, true
	}
	n := uint32(c.next.Len())
	out := edges{types: e.types, stated: make([]stated, 0, len(e.stated))}
	missing := make(map[descriptor.Ref]uint32)
	find := func(ref descriptor.Ref) uint32 {
		if id, ok := c.next.Lookup(ref); ok {
			return id
		}
		target, ok := missing[ref]
		if !ok {
			target = n + uint32(len(out.missing))
			missing[ref] = target
			out.missing = append(out.missing, ref)
		}
		return target
	}
	targets := append(slices.Clone(c.named), make([]uint32, len(e.missing))...) // by old target
	for i := c.old.Len(); i < len(targets); i++ {
		targets[i] = noID
	}
	all, old := e.stated, 0
	skip := func() []stated {
		own := all[:len(c.old.entities[old].Relations)]
		all = all[len(own):]
		old++
		return own
	}
	fresh := c.fresh
	for id, entity := range c.next.entities {
		if len(fresh) == 0 || fresh[0] != ID(id) {
			for c.same[old] == noID {
				skip()
			}
			for _, one := range skip() {
				if targets[one.target] == noID {
					targets[one.target] = find(c.old.targetRef(edge{target: one.target}))
				}
				one.target = targets[one.target]
				out.stated = append(out.stated, one)
			}
			continue
		}
		fresh = fresh[1:]
		for i := range entity.Relations {
			relation := &entity.Relations[i]
			one := stated{e.kind(relation.Type), e.kind(relation.Inverse), find(relation.Target)}
			if one.kind == noKind || one.inverse == noKind && relation.Inverse != "" {
				return newEdges(c.next.entities, c.next.refs), false // a type that no one had
			}
			out.stated = append(out.stated, one)
		}
	}
	out.settle(c.next.entities, c.next.refs)
	return out, false
}

// next merges a dictionary with what entities no longer say and what they say now. It returns the new position of every value
// that stays, and the new positions of those whose spellings must be counted again.
//
// uses tells how often each value occurs in entities that did not change, lost lists the values of those that did, and won
// what is written in them now.
func (d *dictionary) next(uses, lost []uint32, won []string) (out dictionary, recode, doubtful []uint32) {
	type spelling struct{ folded, text string }
	fresh := make([]spelling, len(won))
	for i, text := range won {
		fresh[i] = spelling{fold(text), text}
	}
	slices.SortFunc(fresh, func(a, b spelling) int { return strings.Compare(a.folded, b.folded) })
	doubt := make([]bool, len(d.values))
	for _, value := range lost {
		doubt[value] = d.mixed[value]
	}
	recode = make([]uint32, len(d.values))
	add := func(value, spelling string, mixed, doubted bool) {
		if doubted {
			doubtful = append(doubtful, uint32(len(out.values)))
		}
		out.values = append(out.values, value)
		out.spellings = append(out.spellings, spelling)
		out.mixed = append(out.mixed, mixed)
	}
	out = dictionary{make([]string, 0, len(d.values)), make([]string, 0, len(d.values)), make([]bool, 0, len(d.values))}
	for at := 0; at < len(d.values) || len(fresh) > 0; {
		if len(fresh) == 0 || at < len(d.values) && d.values[at] < fresh[0].folded {
			if uses[at] > 0 {
				recode[at] = uint32(len(out.values))
				add(d.values[at], d.spellings[at], d.mixed[at], doubt[at])
			}
			at++
			continue
		}
		folded, text, doubted := fresh[0].folded, fresh[0].text, false
		if known := at < len(d.values) && d.values[at] == folded; known {
			text, doubted = d.spellings[at], d.mixed[at]
			recode[at] = uint32(len(out.values))
			at++
		}
		for len(fresh) > 0 && fresh[0].folded == folded {
			doubted = doubted || fresh[0].text != text
			fresh = fresh[1:]
		}
		add(folded, text, doubted, doubted)
	}
	return out, recode, doubtful
}

// respell counts the spellings of one value again: writings yields every writing of it, and may yield others.
func (d *dictionary) respell(value uint32, writings func(yield func(text string))) {
	times := make(map[string]int)
	writings(func(text string) {
		if fold(text) == d.values[value] {
			times[text]++
		}
	})
	best := ""
	for text, count := range times {
		if most := times[best]; count > most || count == most && text < best {
			best = text
		}
	}
	d.spellings[value], d.mixed[value] = best, len(times) > 1
}

func (c *column) next(ch *change, of func(*descriptor.Entity) string) column {
	value := func(e *descriptor.Entity) string { return ordered(of(e)) }
	if ch.alike(func(a, b *descriptor.Entity) bool { return value(a) == value(b) }) {
		return *c
	}
	uses := make([]uint32, len(c.values))
	out := column{codes: make([]uint32, ch.next.Len())}
	var lost []uint32
	for old, code := range c.codes {
		switch id := ch.same[old]; {
		case code == 0:
		case id == noID:
			lost = append(lost, code-1)
		default:
			uses[code-1]++
			out.codes[id] = code
		}
	}
	var won []string
	for _, id := range ch.fresh {
		if v := value(ch.next.entities[id]); v != "" {
			won = append(won, v)
		}
	}
	var recode, doubtful []uint32
	out.dictionary, recode, doubtful = c.dictionary.next(uses, lost, won)
	for id, code := range out.codes {
		if code != 0 {
			out.codes[id] = recode[code-1] + 1
		}
	}
	for _, id := range ch.fresh {
		if v := value(ch.next.entities[id]); v != "" {
			out.codes[id], _ = out.code(fold(v))
		}
	}
	for _, at := range doubtful {
		out.respell(at, func(yield func(string)) {
			for id, code := range out.codes {
				if code == at+1 {
					yield(value(ch.next.entities[id]))
				}
			}
		})
	}
	return out
}

func (l *lists) next(ch *change, what listed) lists {
	if ch.alike(what.same) {
		return *l
	}
	uses := make([]uint32, len(l.values))
	var lost []uint32
	for value := range l.values {
		for _, old := range l.ids[l.starts[value]:l.starts[value+1]] {
			if ch.same[old] == noID {
				lost = append(lost, uint32(value))
			} else {
				uses[value]++
			}
		}
	}
	var won []string
	for _, id := range ch.fresh {
		what.each(ch.next.entities[id], func(text, _ string) { won = append(won, text) })
	}
	d, recode, doubtful := l.dictionary.next(uses, lost, won)
	var fresh []entry
	for _, id := range ch.fresh {
		what.each(ch.next.entities[id], func(text, at string) {
			code, _ := slices.BinarySearch(d.values, fold(text))
			one := entry{code: uint32(code), id: id}
			if what.hashed {
				one.hash = hashFolded(fold(at))
			}
			fresh = append(fresh, one)
		})
	}
	slices.SortStableFunc(fresh, compareEntries)
	entries := make([]entry, 0, len(l.ids)+len(fresh))
	for value := range l.values {
		for at := l.starts[value]; at < l.starts[value+1]; at++ {
			id := ch.same[l.ids[at]]
			if id == noID {
				continue
			}
			one := entry{code: recode[value], id: id}
			if what.hashed {
				one.hash = l.hashes[at]
			}
			for len(fresh) > 0 && compareEntries(fresh[0], one) < 0 {
				entries = append(entries, fresh[0])
				fresh = fresh[1:]
			}
			entries = append(entries, one)
		}
	}
	out := lists{dictionary: d}
	out.fill(append(entries, fresh...), what)
	for _, value := range doubtful {
		out.respell(value, func(yield func(string)) {
			last := noID
			for _, id := range out.ids[out.starts[value]:out.starts[value+1]] {
				if id != last {
					what.each(ch.next.entities[id], func(text, _ string) { yield(text) })
				}
				last = id
			}
		})
	}
	return out
}

func compareEntries(a, b entry) int {
	if a.code != b.code {
		return int(a.code) - int(b.code)
	}
	return int(a.id) - int(b.id)
}

// next makes the stretches anew in which something changed. One ends where an old one did, so that the others stay as they are; a
// stretch that has grown to twice its length becomes two.
func (t text) next(c *change) text {
	var out text
	fresh, from := c.fresh, ID(0)
	for i, old := range t {
		oldEnd := old.from + ID(len(old.starts)-1)
		// The stretch ends where the next one's first entity that is still there starts.
		to := ID(c.next.Len())
		if i+1 < len(t) {
			at := oldEnd
			for int(at) < len(c.named) && c.named[at] == noID {
				at++
			}
			if int(at) < len(c.named) {
				to = c.named[at]
			}
		}
		kept := true
		for len(fresh) > 0 && fresh[0] < to {
			kept = false
			fresh = fresh[1:]
		}
		if kept && to-from == oldEnd-old.from {
			old.from = from
			out = append(out, old)
			from = to
			continue
		}
		for to-from > 2*stretchLength {
			out = append(out, c.next.newStretch(from, from+stretchLength))
			from += stretchLength
		}
		if to > from {
			out = append(out, c.next.newStretch(from, to))
		}
		from = to
	}
	for ; int(from) < c.next.Len(); from = min(from+stretchLength, ID(c.next.Len())) {
		out = append(out, c.next.newStretch(from, min(from+stretchLength, ID(c.next.Len()))))
	}
	return out
}
