package index

import (
	"slices"
	"sort"
	"strings"
)

// text is what words are searched in: for every entity its reference, name, title, description and tags, folded and one to a
// line, one entity after the other. A long text is searched many times faster than as many short ones as there are entities, so
// it comes in stretches that are long, but not so long that all must be made anew when one entity changes.
type text []stretch

// stretch is the text of some entities that follow each other.
type stretch struct {
	from   ID // the first
	all    string
	starts []uint32 // of each one's part; one more than there are entities
}

// stretchLength is how many entities make a stretch: their text is some hundred kilobytes, which takes less than a millisecond to
// make and much longer to search than to go on to the next. With files of at most 5 MB, 32 bits hold every offset.
const stretchLength = 512

func (x *Index) newText() text {
	var out text
	for from := 0; from < x.Len(); from += stretchLength {
		out = append(out, x.newStretch(ID(from), ID(min(from+stretchLength, x.Len()))))
	}
	return out
}

func (x *Index) newStretch(from, to ID) stretch {
	var b strings.Builder
	line := func(part string) {
		b.WriteString(part)
		b.WriteByte('\n')
	}
	size := 0
	for id := from; id < to; id++ {
		metadata := &x.entities[id].Metadata
		size += len(x.refs[id]) + len(metadata.Title) + len(metadata.Description) + 3
		for _, tag := range metadata.Tags {
			size += len(tag) + 1
		}
	}
	b.Grow(size) // folding hardly ever changes a length
	out := stretch{from: from, starts: make([]uint32, to-from+1)}
	for id := from; id < to; id++ {
		metadata := &x.entities[id].Metadata
		line(x.refs[id])
		if metadata.Title != "" {
			line(fold(metadata.Title))
		}
		if metadata.Description != "" {
			line(fold(metadata.Description))
		}
		for _, tag := range metadata.Tags {
			line(fold(tag))
		}
		out.starts[id-from+1] = uint32(b.Len())
	}
	out.all = b.String()
	return out
}

// search calls found with every entity of the stretch whose part holds all words.
func (s *stretch) search(words []string, found func(ID)) {
	at := 0
	for in := 0; at < len(s.all); {
		hit := strings.Index(s.all[at:], words[0])
		if hit < 0 {
			return
		}
		at += hit
		in += sort.Search(len(s.starts)-1-in, func(i int) bool { return int(s.starts[in+i+1]) > at })
		at = int(s.starts[in+1])
		if containsAll(s.all[s.starts[in]:at], words[1:]) {
			found(s.from + ID(in))
		}
	}
}

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
	for i := range x.text {
		x.text[i].search(words, func(id ID) {
			if from.Has(id) {
				found.add(id)
				scores[id] = x.score(id, whole, words)
			}
		})
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
