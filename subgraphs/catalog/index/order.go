package index

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/subgraphs/relay"
)

// Key is one thing to order by.
type Key struct {
	Field      Field
	Descending bool
}

// MaxKeys is how many keys an order may have: as many as there are fields, since a second time a field changes nothing.
const MaxKeys = int(FieldRelevance) + 1

// ErrOrder says that an order cannot be used.
var ErrOrder = errors.New("bad order")

// order compares entities by some keys and then by reference. Values become ranks: numbers of which the smaller comes first.
type order struct {
	index  *Index
	keys   []Key
	scores Scores
	codes  [][]uint32 // of the column of each key; nil for a key that has none
}

func (x *Index) newOrder(keys []Key, scores Scores) *order {
	o := &order{index: x, keys: keys, scores: scores, codes: make([][]uint32, len(keys))}
	for i, key := range keys {
		if key.Field < fieldCount {
			o.codes[i] = x.columns[key.Field].codes
		}
	}
	return o
}

// lastRank is the rank of no value. It comes last in both directions.
const lastRank = math.MaxUint32

// rank returns the rank of an entity by the key at a position.
func (o *order) rank(at int, id ID) uint32 {
	var rank uint32
	switch codes := o.codes[at]; {
	case codes != nil:
		rank = 2 * codes[id]
	case o.keys[at].Field == FieldRef:
		rank = 2*id + 1
	case o.scores != nil:
		rank = 2 * uint32(o.scores[id])
	}
	if rank == 0 {
		return lastRank
	}
	return directed(rank, o.keys[at].Descending)
}

func directed(rank uint32, descending bool) uint32 {
	if descending {
		return lastRank - 1 - rank
	}
	return rank
}

// candidate is an entity with its ranks by the first two keys, the first in the upper half. That decides nearly every comparison.
type candidate struct {
	ranks uint64
	id    ID
}

func (o *order) candidate(id ID) candidate {
	switch len(o.keys) {
	case 0:
		return candidate{0, id}
	case 1:
		return candidate{uint64(o.rank(0, id)) << 32, id}
	}
	return candidate{uint64(o.rank(0, id))<<32 | uint64(o.rank(1, id)), id}
}

// compare orders two entities; they are equal only if they are one.
func (o *order) compare(a, b candidate) int {
	if a.ranks != b.ranks {
		return cmp.Compare(a.ranks, b.ranks)
	}
	for at := 2; at < len(o.keys); at++ {
		if ra, rb := o.rank(at, a.id), o.rank(at, b.id); ra != rb {
			return cmp.Compare(ra, rb)
		}
	}
	return cmp.Compare(a.id, b.id)
}

// bound is the place of a cursor in an order: a rank for each key, and the place of its reference.
type bound struct {
	ranks []uint32
	ref   uint32
}

// compareBound orders an entity and a bound. Equal are only an entity and its own cursor.
func (o *order) compareBound(a candidate, b *bound) int {
	for at := range o.keys {
		if rank := o.rank(at, a.id); rank != b.ranks[at] {
			return cmp.Compare(rank, b.ranks[at])
		}
	}
	return cmp.Compare(2*a.id+1, b.ref)
}

// Page is one page of a set in some order.
type Page struct {
	IDs     []ID
	Cursors []string // one for each ID
	Total   int      // of the whole set
	Info    relay.PageInfo
}

// Page returns the page of a set that args ask for, ordered by keys and then by reference. Entities without a value come last
// in both directions. A cursor names an entity and the values it was ordered by, so it keeps its place when the entity has
// moved or gone. scores are those of the search the set comes from, if it comes from one. Errors are about args and keys.
func (x *Index) Page(of Set, keys []Key, scores Scores, args relay.Args) (Page, error) {
	if err := args.Check(); err != nil {
		return Page{}, err
	}
	if len(keys) > MaxKeys {
		return Page{}, fmt.Errorf("%w: at most %d keys, got %d; name each field once", ErrOrder, MaxKeys, len(keys))
	}
	o := x.newOrder(keys, scores)
	after, err := o.bound("after", args.After)
	if err != nil {
		return Page{}, err
	}
	before, err := o.bound("before", args.Before)
	if err != nil {
		return Page{}, err
	}
	size, fromEnd := relay.DefaultPage, false
	switch {
	case args.Last != nil:
		size, fromEnd = *args.Last, true
	case args.First != nil:
		size = *args.First
	}
	best := selection{order: o, size: size, fromEnd: fromEnd}
	page := Page{}
	left, right := false, false
	for id := range of.Each() {
		page.Total++
		one := o.candidate(id)
		switch {
		case after != nil && o.compareBound(one, after) <= 0:
			left = true
		case before != nil && o.compareBound(one, before) >= 0:
			right = true
		default:
			best.offer(one)
		}
	}
	page.IDs = best.ids()
	left = left || fromEnd && best.offered > size
	right = right || !fromEnd && best.offered > size
	page.Info = relay.PageInfo{HasPreviousPage: left, HasNextPage: right}
	page.Cursors = make([]string, len(page.IDs))
	for i, id := range page.IDs {
		page.Cursors[i] = o.cursor(id)
	}
	if n := len(page.Cursors); n > 0 {
		page.Info.StartCursor, page.Info.EndCursor = &page.Cursors[0], &page.Cursors[n-1]
	}
	return page, nil
}

// selection keeps the first, or the last, few of many candidates, as a heap whose top is the one to give up next.
type selection struct {
	order   *order
	size    int
	fromEnd bool
	heap    []candidate
	offered int
}

// worse tells whether a is to be given up before b.
func (s *selection) worse(a, b candidate) bool {
	if s.fromEnd {
		return s.order.compare(a, b) < 0
	}
	return s.order.compare(a, b) > 0
}

func (s *selection) offer(one candidate) {
	s.offered++
	switch {
	case len(s.heap) == s.size && s.size > 0 && !s.fromEnd && one.ranks > s.heap[0].ranks: // most, so tell it first
	case len(s.heap) < s.size:
		s.heap = append(s.heap, one)
		for at := len(s.heap) - 1; at > 0; {
			parent := (at - 1) / 2
			if !s.worse(s.heap[at], s.heap[parent]) {
				break
			}
			s.heap[at], s.heap[parent] = s.heap[parent], s.heap[at]
			at = parent
		}
	case s.size > 0 && s.worse(s.heap[0], one):
		s.heap[0] = one
		for at := 0; ; {
			worst := at
			for child := 2*at + 1; child <= 2*at+2 && child < len(s.heap); child++ {
				if s.worse(s.heap[child], s.heap[worst]) {
					worst = child
				}
			}
			if worst == at {
				break
			}
			s.heap[at], s.heap[worst] = s.heap[worst], s.heap[at]
			at = worst
		}
	}
}

func (s *selection) ids() []ID {
	slices.SortFunc(s.heap, s.order.compare)
	out := make([]ID, len(s.heap))
	for i, one := range s.heap {
		out[i] = one.id
	}
	return out
}

// mark is what a cursor holds: the order it belongs to, the entity, and the values the entity was ordered by.
type mark struct {
	Order  string    `json:"o,omitempty"`
	Ref    string    `json:"r"`
	Values []*string `json:"v,omitempty"`
}

// maxCursor bounds what is decoded of a cursor: a reference, and for every key a value of at most orderedBytes, each of which
// JSON and base64 may blow up.
const maxCursor = 64 << 10

// signature names the order, so that a cursor of one is not read as one of another.
func (o *order) signature() string {
	parts := make([]string, len(o.keys))
	for i, key := range o.keys {
		parts[i] = strconv.Itoa(int(key.Field))
		if key.Descending {
			parts[i] = "-" + parts[i]
		}
	}
	return strings.Join(parts, ",")
}

func (o *order) cursor(id ID) string {
	m := mark{Order: o.signature(), Ref: o.index.refs[id]}
	for _, key := range o.keys {
		m.Values = append(m.Values, o.value(key, id))
	}
	text, err := json.Marshal(m)
	if err != nil { // strings always marshal
		return ""
	}
	return relay.Cursor(string(text))
}

// value returns the value an entity is ordered by, as a cursor holds it.
func (o *order) value(key Key, id ID) *string {
	switch key.Field {
	case FieldRef:
		return &o.index.refs[id]
	case FieldRelevance:
		if o.scores == nil {
			return nil
		}
		score := strconv.Itoa(int(o.scores[id]))
		return &score
	}
	c := &o.index.columns[key.Field]
	if code := c.codes[id]; code != 0 {
		return &c.values[code-1]
	}
	return nil
}

// bound reads a cursor; nil stands for none.
func (o *order) bound(argument string, cursor *string) (*bound, error) {
	if cursor == nil {
		return nil, nil
	}
	if len(*cursor) > maxCursor {
		return nil, fmt.Errorf("%s: too long for a cursor of this list; use endCursor or startCursor of an earlier page", argument)
	}
	text, err := relay.Key(*cursor)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", argument, err)
	}
	var m mark
	if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Values) != len(o.keys) && m.Order == o.signature() {
		return nil, fmt.Errorf("%s: not a cursor of this list; use endCursor or startCursor of an earlier page", argument)
	}
	if m.Order != o.signature() {
		return nil, fmt.Errorf("%s: the cursor belongs to another order; start again without it when the order changes", argument)
	}
	b := &bound{ref: o.index.place(m.Ref), ranks: make([]uint32, len(o.keys))}
	for i, key := range o.keys {
		b.ranks[i] = o.boundRank(key, m.Values[i])
	}
	return b, nil
}

func (o *order) boundRank(key Key, value *string) uint32 {
	if value == nil {
		return lastRank
	}
	switch key.Field {
	case FieldRef:
		return directed(o.index.place(*value), key.Descending)
	case FieldRelevance:
		score, err := strconv.ParseUint(*value, 10, 8)
		if err != nil {
			return lastRank
		}
		return directed(2*uint32(score), key.Descending)
	}
	return directed(o.index.columns[key.Field].place(*value), key.Descending)
}
