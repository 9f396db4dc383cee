package index

import (
	"slices"
	"sort"
	"strings"
)

// text is what words are searched in: for every entity its reference, name, title, description and tags, folded and one to a
// line, one entity after the other. One long text is searched many times faster than as many short ones as there are entities.
type text struct {
	all    string
	starts []uint32 // of each ID's part; one more than there are entities
}

// maxText is how much text there may be. Offsets are 32 bits wide; what comes after is not found, which a catalog of ten
// million entities would notice first.
const maxText = 1<<32 - 1

func (x *Index) newText() text {
	var b strings.Builder
	out := text{starts: make([]uint32, x.Len()+1)}
	line := func(part string) {
		if b.Len()+len(part)+1 < maxText {
			b.WriteString(part)
			b.WriteByte('\n')
		}
	}
	size := 0
	for id, entity := range x.entities {
		size += len(x.refs[id]) + len(entity.Metadata.Title) + len(entity.Metadata.Description) + 3
		for _, tag := range entity.Metadata.Tags {
			size += len(tag) + 1
		}
	}
	b.Grow(min(size, maxText)) // folding hardly ever changes a length
	for id, entity := range x.entities {
		line(x.refs[id])
		if folded := fold(entity.Metadata.Title); folded != "" {
			line(folded)
		}
		if entity.Metadata.Description != "" {
			line(fold(entity.Metadata.Description))
		}
		for _, tag := range entity.Metadata.Tags {
			line(fold(tag))
		}
		out.starts[id+1] = uint32(b.Len())
	}
	out.all = b.String()
	return out
}

func (t *text) of(id ID) string { return t.all[t.starts[id]:t.starts[id+1]] }

// Scores tells how well entities match the words that were searched for: the lower, the better. It is indexed by ID and
// holds only the entities that match.
type Scores []uint8

// How well an entity matches, from best to worst.
const (
	scoreName uint8 = iota + 1
	scoreNameStart
	scoreInName
	scoreInTitle
	scoreElsewhere
)

// Search takes out of the set all entities whose text does not hold every word of the query, in any letter case, and tells
// how well the others match. A query without words takes out nothing and matches all alike.
func (x *Index) Search(query string, from Set) Scores {
	words := strings.Fields(fold(query))
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) == 0 {
		return nil
	}
	// The longest word is the rarest as a rule.
	sort.SliceStable(words, func(i, j int) bool { return len(words[i]) > len(words[j]) })
	whole := strings.Join(strings.Fields(fold(query)), " ")
	scores := make(Scores, x.Len())
	found := newSet(x.Len())
	all, starts := x.text.all, x.text.starts
	id := 0
	for at := 0; at < len(all); {
		hit := strings.Index(all[at:], words[0])
		if hit < 0 {
			break
		}
		at += hit
		id += sort.Search(len(starts)-1-id, func(i int) bool { return int(starts[id+i+1]) > at })
		at = int(starts[id+1])
		if from.Has(ID(id)) && containsAll(x.text.of(ID(id)), words[1:]) {
			found.add(ID(id))
			scores[id] = x.score(ID(id), whole, words)
		}
	}
	copy(from, found)
	return scores
}

func (x *Index) score(id ID, whole string, words []string) uint8 {
	name := x.entities[id].Ref.Name
	switch {
	case name == whole || x.refs[id] == whole:
		return scoreName
	case strings.HasPrefix(name, whole):
		return scoreNameStart
	case containsAll(name, words):
		return scoreInName
	case containsAll(fold(x.entities[id].Metadata.Title), words):
		return scoreInTitle
	}
	return scoreElsewhere
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
