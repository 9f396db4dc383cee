package execute

import (
	"fmt"
	"strings"
	"time"

	"callboard.dev/callboard/gateway/plan"
)

// Control is what the header of an answer says of remembering it. Of a field that came several times the values are joined by commas.
type Control struct {
	CacheControl string
	Age          string
	Vary         string
}

// controlOf reads a header. values calls with each value of a field.
func controlOf(values func(name string, each func(value string))) *Control {
	joined := func(name string) string {
		var all []string
		values(name, func(value string) { all = append(all, value) })
		return strings.Join(all, ", ")
	}
	return &Control{CacheControl: joined("Cache-Control"), Age: joined("Age"), Vary: joined("Vary")}
}

// Freshness says how long an answer holds from now on, and for whom.
type Freshness struct {
	For     time.Duration // 0 and less: it is old already
	Private bool          // it is for whoever asked alone
	Public  bool          // it is for anybody, whatever headers they send
}

// Join returns the freshness of what is made of two answers.
func (f Freshness) Join(other Freshness) Freshness {
	private := f.Private || other.Private
	return Freshness{For: min(f.For, other.For), Private: private, Public: f.Public && other.Public && !private}
}

// note adds the freshness of one answer to the response's.
func (r *run) note(answer *Answer) {
	switch {
	case answer == nil || answer.Fresh == nil:
		r.perishes = true
	case r.fresh == nil:
		first := *answer.Fresh
		r.fresh = &first
	default:
		*r.fresh = r.fresh.Join(*answer.Fresh)
	}
}

// freshness returns the freshness of the response, nil where it is not to be remembered.
func (r *run) freshness() *Freshness {
	if r.perishes || len(r.errors.list) > 0 {
		return nil
	}
	return r.fresh
}

// List is what one _entities field of a request sends.
type List struct {
	Entities        *plan.Entities
	Group           int      // which, of several groups of one of the fetch's Entities
	Context         [][]byte // the values of Entities.Context
	Representations [][]byte
}

// Split takes the variables of a request apart: those of the client, and the lists of representations in the order of the operation.
func (r *Request) Split() (map[string][]byte, []List, error) {
	variables := map[string][]byte{}
	if len(r.Variables) > 0 {
		s := &scanner{data: r.Variables}
		err := s.members(func(key []byte) error {
			s.peek()
			start := s.pos
			err := s.skip()
			variables[string(key)] = r.Variables[start:s.pos]
			return err
		})
		if err == nil {
			err = s.end()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the variables of a request: %w", err)
		}
	}
	take := func(name string) ([]byte, bool) {
		value, ok := variables[name]
		delete(variables, name)
		return value, ok
	}
	var lists []List
	for _, e := range r.Fetch.Entities {
		for n := 0; n == 0 || e.Context != nil; n++ {
			text, ok := take(plan.GroupName(e.Variable, n))
			if !ok {
				break
			}
			l := List{Entities: e, Group: n}
			s := &scanner{data: text}
			err := s.items(func() error {
				s.peek()
				start := s.pos
				err := s.skip()
				l.Representations = append(l.Representations, text[start:s.pos])
				return err
			})
			if err != nil {
				return nil, nil, fmt.Errorf("reading the representations of a request: %w", err)
			}
			for i := range e.Context {
				value, _ := take(plan.GroupName(e.Context[i].Variable, n))
				l.Context = append(l.Context, value)
			}
			lists = append(lists, l)
		}
	}
	return variables, lists, nil
}
