package execute

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// DefaultMaxValues bounds the fields that gqlgen schemas resolve for one operation. The busiest pages of a portal ask for some ten thousand; as
// many as this take about a second of one core.
const DefaultMaxValues = 100_000

// maxTextBytes bounds the text in what they resolve, as DefaultMaxAnswer does what comes over HTTP.
const maxTextBytes = DefaultMaxAnswer

// heavyFrom is how many values an operation may have resolved before it must wait for one of heavySlots. gqlgen starts a goroutine for every item
// of a list, and holds all of an answer until it is whole: some 250 MB at DefaultMaxValues. More such operations at once than there are processors
// would end no sooner, and slow all others down by seconds. The pages of a portal have some hundred values and are never held up.
const heavyFrom = 2_000

// heavySlots are taken by the operations past heavyFrom, in this process.
var heavySlots = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// Quota bounds what gqlgen schemas do for one operation, which the operation's size does not: lists inside lists multiply. Once it is used up, or
// the context ends, no further field is resolved. gqlgen itself would go on to the end in either case.
type Quota struct {
	values, bytes atomic.Int64 // left
	over          atomic.Bool  // used up
	stopped       atomic.Bool  // used up, or the context has ended
	maxValues     int
}

// NewQuota returns a quota of so many values; 0 means DefaultMaxValues.
func NewQuota(maxValues int) *Quota {
	if maxValues <= 0 {
		maxValues = DefaultMaxValues
	}
	q := &Quota{maxValues: maxValues}
	q.values.Store(int64(maxValues))
	q.bytes.Store(maxTextBytes)
	return q
}

// Watch has the operation use the quota until ctx ends. The caller calls release when the operation is done.
func (q *Quota) Watch(ctx context.Context, operation *graphql.OperationContext) (release func()) {
	var once sync.Once
	heavy := false
	admit := func() {
		select {
		case heavySlots <- struct{}{}:
			heavy = true
		case <-ctx.Done():
			q.stopped.Store(true)
		}
	}
	resolve := operation.ResolverMiddleware
	operation.ResolverMiddleware = func(ctx context.Context, next graphql.Resolver) (any, error) {
		left := q.values.Add(-1)
		switch {
		case q.stopped.Load():
		case left < 0:
			q.exceed()
		case int64(q.maxValues)-left > heavyFrom:
			once.Do(admit)
		}
		// Null, in place of a value, passes for the field as marshalled: no error is made of it, of which there would be as many as fields.
		if q.stopped.Load() {
			return graphql.Null, nil
		}
		v, err := resolve(ctx, next)
		if n := textBytes(v); n > 0 && q.bytes.Add(-n) < 0 {
			q.exceed()
			return graphql.Null, nil
		}
		return v, err
	}
	stop := context.AfterFunc(ctx, func() { q.stopped.Store(true) })
	return func() {
		stop()
		if heavy {
			<-heavySlots
		}
	}
}

// Renew gives the whole quota again, unless it was used up.
func (q *Quota) Renew() {
	q.values.Store(int64(q.maxValues))
	q.bytes.Store(maxTextBytes)
}

func (q *Quota) exceed() {
	q.over.Store(true)
	q.stopped.Store(true)
}

// Err says that the quota was used up, for a client. Data that was resolved until then is not an answer.
func (q *Quota) Err() error {
	if !q.over.Load() {
		return nil
	}
	return &FetchError{Code: CodeTooLarge, Reason: fmt.Sprintf("the answer would hold more than %d values or %d bytes: ask for less at once, with smaller pages", q.maxValues, maxTextBytes)}
}

// textBytes returns about how many bytes a leaf value is written with, 0 for what is no text.
func textBytes(v any) int64 {
	switch v := v.(type) {
	case nil, bool, int:
		return 0
	case string:
		return int64(len(v))
	case *string:
		if v == nil {
			return 0
		}
		return int64(len(*v))
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	switch r.Kind() {
	case reflect.String:
		return int64(r.Len())
	case reflect.Slice:
		switch r.Type().Elem().Kind() {
		case reflect.Uint8:
			return int64(r.Len())
		case reflect.String:
			return textsBytes(r)
		}
	case reflect.Map:
		var n int64
		for entries := r.MapRange(); entries.Next(); {
			if key, value := entries.Key(), entries.Value(); key.Kind() == reflect.String && value.Kind() == reflect.String {
				n += int64(key.Len() + value.Len())
			}
		}
		return n
	}
	return 0
}

func textsBytes(list reflect.Value) int64 {
	var n int64
	for i := range list.Len() {
		n += int64(list.Index(i).Len())
	}
	return n
}
