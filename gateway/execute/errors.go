package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// The codes of errors in a response, as extensions.code. They are stable.
const (
	CodeSubgraph    = "SUBGRAPH_ERROR"       // the subgraph answered with an error
	CodeUnreachable = "SUBGRAPH_UNREACHABLE" // no connection, or it broke
	CodeTimeout     = "SUBGRAPH_TIMEOUT"
	CodeStatus      = "SUBGRAPH_HTTP_STATUS" // an HTTP status without a GraphQL body
	CodeBadAnswer   = "SUBGRAPH_BAD_ANSWER"  // not JSON, not GraphQL, too large, or not what the schema says
	CodeTooLarge    = "ANSWER_TOO_LARGE"     // more values or bytes than one answer may hold
	CodeCancelled   = "REQUEST_CANCELLED"
	CodeInternal    = "INTERNAL_SERVER_ERROR"
	CodeNull        = "NULL_IN_NON_NULLABLE_FIELD"
)

// FetchError says why a fetch has no answer. Reason is for clients: it names no address and quotes nothing a subgraph said.
type FetchError struct {
	Code   string
	Reason string
	Cause  error // for logs
	Panic  any   // for logs: what a subgraph in this process panicked with
}

func (e *FetchError) Error() string {
	switch {
	case e.Cause != nil:
		return e.Reason + ": " + e.Cause.Error()
	case e.Panic != nil:
		return fmt.Sprintf("%s: %v", e.Reason, e.Panic)
	}
	return e.Reason
}

func (e *FetchError) Unwrap() error { return e.Cause }

// contextError turns the end of a context into a FetchError.
func contextError(err error) *FetchError {
	if errors.Is(err, context.DeadlineExceeded) {
		return &FetchError{Code: CodeTimeout, Reason: "it did not answer in time", Cause: err}
	}
	return &FetchError{Code: CodeCancelled, Reason: "the request was cancelled", Cause: err}
}

// responseError is one entry of the response's errors.
type responseError struct {
	Message    string
	Path       []any
	later      func() []any // finds Path once every answer is there: what else an object turns out to have decides what clients see of it
	Code       string
	Subgraph   string
	Extensions map[string]json.RawMessage // of an exposed subgraph, code included
	fetch      int
}

// errorList collects errors up to a bound; the rest is counted.
type errorList struct {
	list    []responseError
	dropped int
}

// maxErrors bounds how many errors one response lists. A subgraph that fails every item of a long list says the same each time.
const maxErrors = 100

func (l *errorList) add(e responseError) {
	if len(l.list) >= maxErrors {
		l.dropped++
		return
	}
	l.list = append(l.list, e)
}

// settle finds the paths, and sorts what fetches noted in the order of the plan: which answer came first is nothing for clients to see.
func (l *errorList) settle() {
	for i := range l.list {
		if find := l.list[i].later; find != nil {
			l.list[i].Path = find()
		}
	}
	slices.SortStableFunc(l.list, func(a, b responseError) int { return a.fetch - b.fetch })
}

func (l *errorList) append(b []byte) []byte {
	b = append(b, '[')
	if l.dropped > 0 {
		l.list = append(l.list, responseError{Message: fmt.Sprintf("and %d more errors", l.dropped), Code: CodeSubgraph})
	}
	for i, e := range l.list {
		if i > 0 {
			b = append(b, ',')
		}
		extensions := map[string]any{"code": e.Code}
		if e.Subgraph != "" {
			extensions["subgraph"] = e.Subgraph
		}
		for key, value := range e.Extensions {
			extensions[key] = value
		}
		text, err := json.Marshal(struct {
			Message    string         `json:"message"`
			Path       []any          `json:"path,omitempty"`
			Extensions map[string]any `json:"extensions"`
		}{e.Message, e.Path, extensions})
		if err != nil { // extensions that are not JSON
			text, _ = json.Marshal(map[string]any{"message": e.Message, "extensions": map[string]string{"code": e.Code}})
		}
		b = append(b, text...)
	}
	return append(b, ']')
}

// fetchFailed notes one error for a fetch without an answer, at the first place that stays empty for it.
func (r *run) fetchFailed(s *sent, err error) {
	failure := &FetchError{}
	switch {
	case errors.As(err, &failure):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		failure = contextError(err)
	default:
		failure = &FetchError{Code: CodeUnreachable, Reason: "it could not be asked", Cause: err}
	}
	e := responseError{Message: fmt.Sprintf("subgraph %s: %s", s.fetch.Subgraph, failure.Reason), Code: failure.Code, Subgraph: s.fetch.Subgraph, fetch: s.fetch.ID}
	e.later = func() []any { return r.firstEmpty(s) }
	r.errors.add(e)
}

// firstEmpty returns the client's path of the first place that stays empty without the fetch.
func (r *run) firstEmpty(s *sent) []any {
	if s.fetch.Root != nil {
		return r.emptyPath(r.rootWay(s), s.fetch.Root)
	}
	for i := range s.lists {
		if len(s.lists[i].first) > 0 {
			place := s.lists[i].places[r.firstMissing(s, &s.lists[i])]
			target := s.lists[i].entities.Targets[place.target]
			return r.emptyPath(r.locate(target.Path, place.at), target.Selection)
		}
	}
	return nil
}

// firstMissing returns the first place of a list that a partial answer left empty, the first of all where none is there.
func (r *run) firstMissing(s *sent, l *representations) int32 {
	if s.answer != nil && s.answer.Err != nil {
		for _, first := range l.first {
			if place := l.places[first]; r.tree.holdsNothing(l.entities.Targets[place.target].Selection, place.at) {
				return first
			}
		}
	}
	return l.first[0]
}

// rootWay returns the way to the first object that root fields are for.
func (r *run) rootWay(s *sent) []any {
	if len(s.objects) == 0 {
		return nil
	}
	return r.locate(s.fetch.At, s.objects[0])
}

// emptyPath returns the client's path of the first field it asked for that the selection would have brought to the object at the end of the way;
// of the object where it asked for none.
func (r *run) emptyPath(way []any, selection *plan.Selection) []any {
	object := r.clientPath(way)
	for _, f := range selection.Fields {
		if path := r.clientPath(append(way[:len(way):len(way)], slotStep(f.Slot))); len(path) > len(object) {
			return path
		}
	}
	return object
}

// subgraphError notes an error that a subgraph answered, at the client's path of the value concerned.
func (r *run) subgraphError(s *sent, in *SubgraphError) {
	if len(r.errors.list) >= maxErrors { // finding the path of an error nobody will see is work for nothing
		r.errors.dropped++
		return
	}
	e := responseError{Code: CodeSubgraph, Subgraph: s.fetch.Subgraph, later: func() []any { return r.translate(s, in.Path) }, fetch: s.fetch.ID}
	if r.executor.Expose[s.fetch.Subgraph] {
		e.Message, e.Extensions = in.Message, in.Extensions
	} else {
		e.Message = fmt.Sprintf("subgraph %s answered with an error", s.fetch.Subgraph)
		var code string
		if json.Unmarshal(in.Extensions["code"], &code) == nil && stableCode(code) {
			e.Code = code
		}
	}
	r.errors.add(e)
}

// stableCode tells whether a subgraph's code may pass to clients: a short word in capitals, which holds no text of its own.
func stableCode(code string) bool {
	if code == "" || len(code) > 64 {
		return false
	}
	return len(bytes.Trim([]byte(code), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")) == 0
}

// slotStep is a step of an internal path: the slot of an object. List positions are ints.
type slotStep int

// translate turns the path of a subgraph's error into the client's.
func (r *run) translate(s *sent, path []any) []any {
	if len(path) == 0 {
		return nil
	}
	first, ok := path[0].(string)
	if !ok {
		return nil
	}
	if s.fetch.Root != nil {
		return r.clientPath(append(r.rootWay(s), slotPath(s.fetch.Root, path)...))
	}
	for i := range s.lists {
		if s.lists[i].key != first || len(path) < 2 {
			continue
		}
		e := s.lists[i].entities
		n, ok := position(path[1])
		if !ok || n < 0 || n >= len(s.lists[i].first) {
			return nil
		}
		place := s.lists[i].places[s.lists[i].first[n]]
		steps := r.locate(e.Targets[place.target].Path, place.at)
		return r.clientPath(append(steps, slotPath(e.Targets[place.target].Selection, path[2:])...))
	}
	return nil
}

func position(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case float64:
		return int(n), true
	case json.Number:
		i, err := n.Int64()
		return int(i), err == nil
	}
	return 0, false
}

// slotPath turns response keys of a subgraph into slots, as far as they are known.
func slotPath(selection *plan.Selection, path []any) []any {
	var out []any
	for _, step := range path {
		if n, ok := position(step); ok {
			out = append(out, n)
			continue
		}
		key, _ := step.(string)
		found := false
		if selection != nil {
			for _, f := range selection.Fields {
				if f.Key == key {
					out = append(out, slotStep(f.Slot))
					selection, found = f.Selection, true
					break
				}
			}
		}
		if !found {
			break
		}
	}
	return out
}

// locate returns the way from the root to an object, found by walking the path again.
func (r *run) locate(path []plan.Step, at uint32) []any {
	type step struct {
		slot bool
		n    int
	}
	var way []step
	seen := r.tree.walk()
	var object func(layout *plan.Object, from uint32, path []plan.Step) bool
	var item func(layout *plan.Object, v value, path []plan.Step) bool
	item = func(layout *plan.Object, v value, path []plan.Step) bool {
		switch {
		case v.kind == kindObject && !seen.again(v):
			return object(layout, v.at, path)
		case v.kind == kindList && !seen.again(v):
			for i := range v.length {
				way = append(way, step{n: int(i)})
				if item(layout, r.tree.values[v.at+i], path) {
					return true
				}
				way = way[:len(way)-1]
			}
		}
		return false
	}
	object = func(layout *plan.Object, from uint32, path []plan.Step) bool {
		if len(path) == 0 {
			return from == at
		}
		if !r.tree.takes(path[0], layout, from) {
			return false
		}
		way = append(way, step{slot: true, n: path[0].Slot})
		if item(layout.Slots[path[0].Slot].Object, r.tree.values[from+uint32(path[0].Slot)], path[1:]) {
			return true
		}
		way = way[:len(way)-1]
		return false
	}
	if !object(r.plan.Root, r.tree.root, path) {
		return nil
	}
	found := make([]any, len(way))
	for i, s := range way {
		if found[i] = s.n; s.slot {
			found[i] = slotStep(s.n)
		}
	}
	return found
}

// clientPath turns slots into the client's response keys, up to the first value the client did not ask for. Where the tree has the objects on the
// way, it says which fields are theirs and how long their lists are.
func (r *run) clientPath(steps []any) []any {
	var out []any
	shape, layout := r.plan.Shape, r.plan.Root
	have := value{kind: kindObject, at: r.tree.root}
	var list *plan.Type // of the value reached, where it is a list
	for _, step := range steps {
		if n, ok := step.(int); ok {
			if list == nil || n < 0 || have.kind == kindList && n >= int(have.length) {
				break
			}
			next := value{}
			if have.kind == kindList {
				next = r.tree.values[have.at+uint32(n)]
			}
			have, list = next, list.Element
			if list.Element == nil {
				list = nil
			}
			out = append(out, step)
			continue
		}
		slot, ok := step.(slotStep)
		if !ok || shape == nil || list != nil {
			break
		}
		f := r.fieldAt(shape, layout, have, int(slot))
		if f == nil {
			break
		}
		next := value{}
		if have.kind == kindObject {
			next = r.tree.values[have.at+uint32(slot)]
		}
		out = append(out, f.Key)
		have, layout, shape, list = next, layout.Slots[slot].Object, f.Shape, nil
		if f.Type.Element != nil {
			list = f.Type
		}
	}
	for len(out) > 0 { // a path ends with a field, or with the position of an item the client sees
		if _, number := out[len(out)-1].(int); !number || shape != nil {
			break
		}
		out = out[:len(out)-1]
	}
	return out
}

// fieldAt returns the field of the client's that shows the slot of an object, of a type that has it where the type is known.
func (r *run) fieldAt(shape *plan.Shape, layout *plan.Object, object value, slot int) *plan.ShapeField {
	typename := ""
	if object.kind == kindObject {
		typename = r.tree.typename(layout, object.at)
	}
	for i := range shape.Fields {
		f := &shape.Fields[i]
		if !f.Typename && !f.Unasked && f.Slot == slot && (f.On == nil || typename == "" || slices.Contains(f.On, typename)) {
			return f
		}
	}
	return nil
}
