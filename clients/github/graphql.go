package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/shurcooL/graphql/ident"
	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/clients"
)

// A query asks one field of the root for many: an item is one use of the field, with an alias and variables of its own. Its answer is decoded
// into a T, whose fields are what is selected, as githubv4 has it: by their tags, else by their names.
//
//	repository(owner:$owner,name:$name){...Repository}          the query of one item
//	r7:repository(owner:$owner_7,name:$name_7){...Repository}   as the eighth item of a request
//
// Types with a method on are fragments: they are written once for all items. No value is ever part of the text, so that there are only as
// many texts, and Go types made of them, as there are numbers of items.
type query[T any] struct {
	route     string
	field     string // with variables as in the first line above
	fragments string
	longest   int      // as exchange.longest
	roots     sync.Map // number of items -> reflect.Type
}

// fragment is a type whose selections are written as a fragment on a type of GitHub's schema. They have no variables.
type fragment interface{ on() string }

var (
	fragmentType    = reflect.TypeFor[fragment]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// item holds a T where githubv4 must not write its selections: it takes what is an Unmarshaler for a scalar, yet decodes objects by the
// fields they have, and those of Value as if they were its own.
type item[T any] struct {
	Value T `graphql:"... of an item"`
}

// UnmarshalJSON is called where there is a scalar in the place of an object.
func (*item[T]) UnmarshalJSON([]byte) error { return errors.New("not an object") }

// newQuery prepares the query of a field of the root, such as repository(owner:$owner,name:$name), whose type T selects from.
//
// longest is the longest list that an answer may hold: maxElements, unless it selects one that is no connection.
func newQuery[T any](name, field string, longest int) *query[T] {
	w := selections{fragments: map[string]string{}}
	text := w.braces(reflect.TypeFor[T]())
	q := &query[T]{route: "POST /graphql " + name, field: field + text, longest: longest}
	names := make([]string, 0, len(w.fragments))
	for name := range w.fragments {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		q.fragments += " " + w.fragments[name]
	}
	if strings.Contains(q.fragments, "$") {
		panic("github: a fragment of " + name + " has variables")
	}
	return q
}

// selections writes what types select.
type selections struct{ fragments map[string]string } // by name

// braces returns the selections of a type in braces, "" for a scalar.
func (w *selections) braces(t reflect.Type) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	if t.Implements(fragmentType) {
		name := strings.TrimPrefix(t.Name(), "wire")
		if _, ok := w.fragments[name]; !ok {
			w.fragments[name] = ""
			w.fragments[name] = "fragment " + name + " on " + reflect.Zero(t).Interface().(fragment).on() + w.fields(t)
		}
		return "{..." + name + "}"
	}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return ""
	}
	return w.fields(t)
}

func (w *selections) fields(t reflect.Type) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range t.NumField() {
		f := t.Field(i)
		if i > 0 {
			b.WriteByte(' ')
		}
		if text, ok := f.Tag.Lookup("graphql"); ok {
			b.WriteString(text)
		} else {
			b.WriteString(ident.ParseMixedCaps(f.Name).ToLowerCamelCase())
		}
		b.WriteString(w.braces(f.Type))
	}
	b.WriteByte('}')
	return b.String()
}

var variable = regexp.MustCompile(`\$(\w+)`)

// root returns the type of the query for n items.
func (q *query[T]) root(n int) reflect.Type {
	if t, ok := q.roots.Load(n); ok {
		return t.(reflect.Type)
	}
	fields := make([]reflect.StructField, n)
	for i := range fields {
		number := strconv.Itoa(i)
		text := "r" + number + ":" + variable.ReplaceAllString(q.field, "${0}_"+number)
		fields[i] = reflect.StructField{Name: "R" + number, Type: reflect.TypeFor[*item[T]](), Tag: reflect.StructTag("graphql:" + strconv.Quote(text))}
	}
	t, _ := q.roots.LoadOrStore(n, reflect.StructOf(fields))
	return t.(reflect.Type)
}

// answer is what came of one item: a value, with what is missing of it, or an error.
type answer[T any] struct {
	Value   *T
	Missing []Missing
	Err     error
}

// do asks for all items in one request. Each has the same variables, by their names in the query of one.
func (q *query[T]) do(ctx context.Context, c *Client, items []map[string]any) []answer[T] {
	out := make([]answer[T], len(items))
	if len(items) == 0 {
		return out
	}
	variables := map[string]any{}
	for i, item := range items {
		for name, value := range item {
			variables[name+"_"+strconv.Itoa(i)] = value
		}
	}
	root := reflect.New(q.root(len(items)))
	x := &exchange{fragments: q.fragments, longest: q.longest}
	if err := c.ask(ctx, q.route, x, root.Interface(), variables); err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	for i := range out {
		if v := root.Elem().Field(i).Interface().(*item[T]); v != nil {
			out[i].Value = &v.Value
		}
	}
	x.assign(c.source, len(out), func(i int) (*[]Missing, *error, bool) { return &out[i].Missing, &out[i].Err, out[i].Value != nil })
	return out
}

// assign gives every error of an answer to the item it belongs to. An error that names no item belongs to all that lack something.
func (x *exchange) assign(source string, n int, of func(i int) (missing *[]Missing, err *error, there bool)) {
	var whole error
	for _, e := range x.errors {
		err := e.failure(source, x.retryAt)
		i := -1
		if len(e.Path) > 0 {
			if number, ok := strings.CutPrefix(e.Path[0], "r"); ok {
				if at, convErr := strconv.Atoi(number); convErr == nil && at >= 0 && at < n {
					i = at
				}
			}
		}
		if i < 0 {
			if whole == nil {
				whole = err
			}
			continue
		}
		missing, failed, there := of(i)
		switch {
		case !there && *failed == nil:
			*failed = err
		case there && len(*missing) < maxMissing:
			*missing = append(*missing, Missing{Field: strings.Join(e.Path[1:], "."), Err: err})
		}
	}
	for i := range n {
		missing, failed, there := of(i)
		switch {
		case there && whole != nil && len(*missing) < maxMissing:
			*missing = append(*missing, Missing{Err: whole})
		case !there && *failed == nil && whole != nil:
			*failed = whole
		case !there && *failed == nil:
			*failed = absent(source)
		}
	}
}

// network reports whether the error is of the exchange, not of what was read.
func network(err error) bool {
	var u *url.Error
	return errors.As(err, &u)
}

// many asks for items that were checked, in as few requests as the bounds allow: most items each, and no more than heaviest of the sum of
// their weights (nil: 1 each). An item that is wrong is not asked for.
type many struct {
	most, heaviest int
	weight         func(i int) int
}

// atOnce is how many requests of one call are under way at once, by judgement: GitHub asks not to have many, and the transport bounds them in all.
const atOnce = 4

// all runs a query over n items, the requests side by side. The variables of an item come with an error where it cannot be asked for.
func all[T any](ctx context.Context, c *Client, q *query[T], m many, n int, variables func(i int) (map[string]any, error)) []answer[T] {
	out := make([]answer[T], n)
	var (
		requests errgroup.Group
		items    []map[string]any
		at       []int
		weight   int
	)
	requests.SetLimit(atOnce)
	send := func(items []map[string]any, at []int) {
		requests.Go(func() error {
			for i, a := range q.do(ctx, c, items) {
				out[at[i]] = a
			}
			return nil
		})
	}
	for i := range n {
		v, err := variables(i)
		if err != nil {
			out[i].Err = err
			continue
		}
		w := 1
		if m.weight != nil {
			w = m.weight(i)
		}
		if len(items) == m.most || len(items) > 0 && m.heaviest > 0 && weight+w > m.heaviest {
			send(items, at)
			items, at, weight = nil, nil, 0
		}
		items, at, weight = append(items, v), append(at, i), weight+w
	}
	if len(items) > 0 {
		send(items, at)
	}
	_ = requests.Wait() // errors are those of the items
	return out
}

// split returns the values and the errors of answers, with what made of each value.
func split[T, V any](answers []answer[T], convert func(*T, []Missing) V) ([]V, []error) {
	values, failures := make([]V, len(answers)), make([]error, len(answers))
	for i, a := range answers {
		if a.Err != nil {
			failures[i] = a.Err
		} else {
			values[i] = convert(a.Value, a.Missing)
		}
	}
	return values, failures
}

// below returns what is missing below a field, in words from there downwards.
func below(missing []Missing, field string) []Missing {
	var out []Missing
	for _, m := range missing {
		if rest, ok := strings.CutPrefix(m.Field, field+"."); ok {
			m.Field = rest
			out = append(out, m)
		} else if m.Field != field {
			out = append(out, m)
		}
	}
	return out
}

// perNode takes out of what is missing what belongs to the nodes of a list's edges, whose positions follow the prefix: "pullRequests.edges.3.node.author"
// is "author" of the fourth.
func perNode(missing []Missing, prefix string) (whole []Missing, nodes map[int][]Missing) {
	for _, m := range missing {
		position, field, _ := strings.Cut(strings.TrimPrefix(m.Field, prefix), ".")
		at, err := strconv.Atoi(position)
		if !strings.HasPrefix(m.Field, prefix) || err != nil {
			whole = append(whole, m)
			continue
		}
		if nodes == nil {
			nodes = map[int][]Missing{}
		}
		if field == "node" {
			field = ""
		}
		nodes[at] = append(nodes[at], Missing{strings.TrimPrefix(field, "node."), m.Err})
	}
	return whole, nodes
}

// absent returns the error of a field that is null: what GitHub says, else that there is no such thing.
func (c *Client) absent(missing []Missing, field string) error {
	for _, m := range missing {
		if m.Field == field || m.Field == "" || strings.HasPrefix(m.Field, field+".") {
			return m.Err
		}
	}
	return absent(c.source)
}

func absent(source string) error {
	return &clients.Error{Kind: clients.ErrNotFound, Source: source, Message: "there is no such thing, or the credential may not see it"}
}
