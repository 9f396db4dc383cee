package entitycache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

// readAnswer takes the answer to an ask apart. What is not an answer to it is an error.
func (c *call) readAnswer(a *ask) error {
	a.read = a.answer
	if a.answer.Text != nil {
		var err error
		if a.read, err = execute.ReadAnswer(a.answer.Text); err != nil {
			return unreadable(err)
		}
	} else if len(a.answer.Data) > 0 {
		if err := execute.CheckData(a.answer.Data); err != nil {
			return unreadable(err)
		}
	}
	a.items = make([][]byte, len(a.positions))
	data := a.read.Data
	data = data[skip(data, 0, ' '):]
	missing := len(data) == 0 || data[0] == 'n' // then no error belongs to one value alone
	switch {
	case missing:
	case data[0] != '{':
		return unreadable(errors.New("its data is no object"))
	case c.places == nil:
		a.items[0] = data
	default:
		var err error
		if missing, err = c.readLists(a, data); err != nil {
			return err
		}
	}
	if missing && len(a.read.Errors) == 0 {
		return &execute.FetchError{Code: execute.CodeBadAnswer, Reason: "it sent null, and no error that says why"}
	}
	for _, e := range a.read.Errors {
		l := located{at: -1, err: e}
		if c.places != nil {
			l.err.Path, l.at, l.below = c.original(a, e.Path)
		}
		if missing {
			l.at = -1
		}
		a.errors = append(a.errors, l)
	}
	return nil
}

// readLists reads the entities of an answer. missing tells that a list is null.
func (c *call) readLists(a *ask, data []byte) (missing bool, err error) {
	at := 0
	for i, sent := range a.sent {
		if len(sent) == 0 {
			continue
		}
		value, ok := find(data, a.keys[i])
		switch {
		case !ok || len(value) == 0:
			return false, unreadable(errors.New("a list of entities is not there, or there twice"))
		case value[0] == 'n':
			missing = true
			at += len(sent)
			continue
		}
		items, ok := readItems(nil, value)
		if !ok || len(items) != len(sent) {
			return false, unreadable(errors.New("it has not as many entities as were asked for"))
		}
		for _, item := range items {
			switch item[0] {
			case '{':
				a.items[at] = item
			case 'n':
			default:
				return false, unreadable(errors.New("an entity is no object"))
			}
			at++
		}
	}
	return missing, nil
}

func unreadable(err error) error {
	return &execute.FetchError{Code: execute.CodeBadAnswer, Reason: "it sent an answer that cannot be read", Cause: err}
}

// original turns a path of the answer to an ask into that of the answer to the whole request, and tells which value it belongs to: at -1, of none alone.
func (c *call) original(a *ask, path []any) (whole []any, at int, below []any) {
	if len(path) < 2 {
		return nil, -1, nil
	}
	key, _ := path[0].(string)
	list := slices.Index(a.keys, key)
	n, ok := index(path[1])
	if key == "" || list < 0 || !ok || n < 0 || n >= len(a.sent[list]) {
		return nil, -1, nil
	}
	p := place{list, a.sent[list][n]}
	at = c.first(list) + p.n
	return c.path(p, path[2:]), at, path[2:]
}

// first is the position of the first of a list among what is wanted.
func (c *call) first(list int) int {
	at := 0
	for i := range list {
		at += len(c.lists[i].Representations)
	}
	return at
}

// path is that of something below a representation's entity in the answer.
func (c *call) path(p place, below []any) []any {
	l := c.lists[p.list]
	return append([]any{plan.GroupName(l.Entities.Key, l.Group), p.n}, below...)
}

func index(step any) (int, bool) {
	switch n := step.(type) {
	case int:
		return n, true
	case float64:
		return int(n), n == float64(int(n))
	}
	return 0, false
}

// answer puts the answer together from what the store gave, in the order it was asked for.
func (c *call) answer(ctx context.Context, results []cache.Result) (*execute.Answer, error) {
	c.mu.Lock()
	asks := slices.Clone(c.asks)
	c.mu.Unlock()
	own := make([]*ask, len(c.wanted))
	take := func(a *ask) {
		for _, at := range a.positions {
			own[at] = a
		}
	}
	for _, a := range asks {
		take(a)
	}
	var again []int
	remembered := false
	for at := range results {
		switch r := &results[at]; {
		case own[at] == nil && (r.State == cache.Failed && othersFault(r.Err) || r.State == cache.Stale && errors.Is(r.Err, errOwn)):
			again = append(again, at)
		case r.State == cache.Cached || r.State == cache.Stale:
			remembered = true
		}
	}
	if len(again) > 0 {
		a := c.ask(ctx, again, c.request.Quota)
		asks = append(asks, a)
		take(a)
	}
	if len(asks) == 1 && asks[0].whole && !remembered {
		return c.verbatim(asks[0])
	}
	m := &merge{call: c, results: results, own: own, asks: asks}
	return m.answer()
}

// errLost is the error of a value of which nobody says why it is not there.
var errLost error = &execute.FetchError{Code: execute.CodeInternal, Reason: "its answer was lost"}

// othersFault tells whether an error that came of another's request says nothing of what this one would get.
func othersFault(err error) bool {
	var theirs *flawed
	var failure *execute.FetchError
	switch {
	case errors.As(err, &theirs):
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), !errors.As(err, &failure):
		return true
	}
	return failure.Code == execute.CodeCancelled || failure.Code == execute.CodeTooLarge
}

// verbatim is the answer where all was asked for at once: as it came.
func (c *call) verbatim(a *ask) (*execute.Answer, error) {
	if a.err != nil {
		return a.answer, a.err
	}
	out := *a.answer
	out.Control, out.Fresh = nil, nil
	if a.failed == nil && len(a.errors) == 0 {
		var all held
		for _, at := range a.positions {
			all.add(c.live(a, at))
		}
		out.Fresh = all.freshness()
	}
	return &out, nil
}

// live is how long a value holds that came now.
func (c *call) live(a *ask, position int) (execute.Freshness, bool) {
	v := c.judge(c.policyOf(position), a.header)
	if !v.store {
		return execute.Freshness{}, false
	}
	return c.freshness(position, v.policy.Fresh, a.at)
}

// held adds up how long the values of an answer hold.
type held struct {
	least    execute.Freshness
	some     bool
	perishes bool // some value is not to be remembered
}

func (h *held) add(f execute.Freshness, ok bool) {
	switch {
	case !ok:
		h.perishes = true
	case h.some:
		h.least = h.least.Join(f)
	default:
		h.least, h.some = f, true
	}
}

// freshness returns the freshness of all of it, nil where it is not to be remembered.
func (h *held) freshness() *execute.Freshness {
	if h.perishes || !h.some {
		return nil
	}
	return &h.least
}

// merge puts an answer together of values that come from several sides.
type merge struct {
	*call
	results []cache.Result
	own     []*ask // by position: what this request asked for it
	asks    []*ask

	out    execute.Answer
	used   map[*ask]bool                    // whose errors are told
	told   map[*ask]bool                    // whose errors that belong to no value are
	kept   map[string]*execute.SourceCounts // by kind: what was remembered
	oldest time.Duration                    // of it
	stale  []execute.SourceError
	held   held
}

func (m *merge) answer() (*execute.Answer, error) {
	m.used, m.told = map[*ask]bool{}, map[*ask]bool{}
	if m.places == nil {
		body, ok := m.value(0, nil)
		if !ok {
			return nil, m.out.Err
		}
		m.out.Data = body
	} else {
		m.entities()
	}
	for _, a := range m.asks {
		if !m.used[a] {
			continue
		}
		for _, e := range a.errors {
			if e.at < 0 && !m.told[a] || e.at >= 0 && m.isLive(a, e.at) {
				m.out.Errors = append(m.out.Errors, e.err)
			}
		}
	}
	if len(m.out.Errors) == 0 && m.out.Err == nil {
		m.out.Fresh = m.held.freshness()
	}
	if m.request.Sources {
		m.sources()
	}
	return &m.out, nil
}

// entities writes every list.
func (m *merge) entities() {
	size := 2
	for at := range m.results {
		size += len(m.results[at].Value.Body) + 8
	}
	b := append(make([]byte, 0, size+64*len(m.lists)), '{')
	at := 0
	for i, l := range m.lists {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, plan.GroupName(l.Entities.Key, l.Group)...)
		b = append(b, `":[`...)
		for n := range l.Representations {
			if n > 0 {
				b = append(b, ',')
			}
			p := m.places[at]
			body, _ := m.value(at, &p)
			if body == nil {
				b = append(b, "null"...)
			} else {
				b = append(b, body...)
			}
			at++
		}
		b = append(b, ']')
	}
	m.out.Data = append(b, '}')
}

// isLive tells whether the answer has, at the position, what the ask brought.
func (m *merge) isLive(a *ask, at int) bool {
	return m.own[at] == a && a.failed == nil && (m.results[at].State != cache.Stale || len(a.errorsOf(at)) == 0)
}

// value returns the value at a position, nil for null, and notes its errors and its freshness. It is false where there is none. p is its place, nil for root fields.
func (m *merge) value(at int, p *place) (body []byte, ok bool) {
	r := &m.results[at]
	switch a := m.own[at]; {
	case a != nil && m.isLive(a, at):
		m.used[a] = true
		m.held.add(m.live(a, at))
		return a.item(at), true
	case r.State != cache.Failed:
		m.held.add(m.remembered(at, r))
		m.count(at, r, p)
		if r.Value.Absent {
			return nil, true
		}
		return r.Value.Body, true
	case a != nil && a.failed != nil:
		m.out.Err = cmp.Or(m.out.Err, a.failed)
		return nil, false
	}
	var theirs *flawed
	if !errors.As(r.Err, &theirs) {
		m.out.Err = cmp.Or(m.out.Err, r.Err, errLost)
		return nil, false
	}
	m.theirs(theirs, p)
	return theirs.body, true
}

// theirs notes the errors that another request got with a value.
func (m *merge) theirs(f *flawed, p *place) {
	for _, e := range f.errors {
		out := e.err
		switch {
		case e.at < 0 && m.told[f.ask]:
			continue
		case e.at < 0 && p != nil:
			out.Path = nil
		case p != nil:
			out.Path = m.path(*p, e.below)
		}
		m.out.Errors = append(m.out.Errors, out)
	}
	m.told[f.ask] = true
}
