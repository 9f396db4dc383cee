package gatewaytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
)

// lasting is a subgraph all of whose answers say that they hold for long. Some requests fail, where it is told so.
type lasting struct {
	execute.Subgraph
	fail func(r *execute.Request, answer *execute.Answer) (*execute.Answer, error)
}

func (*lasting) Forwards() []string { return nil }

func (l *lasting) Fetch(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
	answer, err := l.Subgraph.Fetch(ctx, r)
	if err != nil {
		return nil, err
	}
	out := *answer
	out.Control = &execute.Control{CacheControl: "max-age=1000"}
	if l.fail != nil {
		return l.fail(r, &out)
	}
	return &out, nil
}

// remember puts caches before the subgraphs of a world, and returns what is behind them.
func (w *World) remember(t testing.TB) []*lasting {
	c := cache.New(cache.Config{Store: cache.NewMemory(0)})
	t.Cleanup(func() { c.Close() })
	var behind []*lasting
	reached := map[string]execute.Subgraph{}
	for name, s := range w.StandIns {
		inner := &lasting{Subgraph: s}
		behind = append(behind, inner)
		reached[name] = entitycache.New(inner, entitycache.Settings{Name: name, Version: w.Gateway.Supergraph.Version(name), Store: c})
	}
	labels, expose := w.Gateway.Labels, w.Gateway.Executor.Expose
	w.Gateway = New(w.Gateway.Supergraph, reached, w.Gateway.Recorder)
	w.Gateway.Labels, w.Gateway.Executor.Expose = labels, expose
	return behind
}

// rememberingWorld is a world twice: as it is, and with caches before its subgraphs.
type rememberingWorld struct {
	plain, remembering *World
	behind             []*lasting
}

func rememberingWorlds(t testing.TB) []*rememberingWorld {
	var list []*rememberingWorld
	for _, file := range archives(t) {
		a, plain := open(t, file, nil)
		if a.Settings.Partial || a.Settings.Down != nil {
			continue
		}
		_, remembering := open(t, file, nil)
		w := &rememberingWorld{plain: plain, remembering: remembering, behind: remembering.remember(t)}
		w.plain.Gateway.Limits = operation.Limits{Fields: 100_000, Aliases: 100_000, RootFields: 100_000, SameKey: 100_000}
		w.remembering.Gateway.Limits = w.plain.Gateway.Limits
		list = append(list, w)
	}
	return list
}

// same answers a request several times from what is remembered, and compares the bytes with what is answered without.
func (w *rememberingWorld) same(t *testing.T, r Request) {
	t.Helper()
	want := w.plain.Gateway.Do(t.Context(), r)
	w.plain.Gateway.Recorder.Take()
	for n := range 3 {
		got := w.remembering.Gateway.Do(t.Context(), r)
		faultless(t, w.remembering)
		w.remembering.Gateway.Recorder.Take()
		if !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("%s%s\n%s\nthe %d. time\n%s\nwithout a cache\n%s", r.Query, r.Variables, want.Plan, n+1, got.Body, want.Body)
		}
	}
}

// TestRemembered answers every archive from what is remembered.
func TestRemembered(t *testing.T) {
	for i, w := range rememberingWorlds(t) {
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("%d/%d", i, seed), func(t *testing.T) { w.same(t, RandomOperation(w.plain.Gateway.Supergraph.API, seed)) })
		}
	}
}

// FuzzRemembered makes up operations, one after another over the same cache, and compares the bytes of each answer with those without a cache. Between them come requests
// to subgraphs that fail in part: of what those answer nothing must be remembered that is wrong.
func FuzzRemembered(f *testing.F) {
	all := rememberingWorlds(f)
	for seed := range uint64(len(all) * 5) {
		f.Add(seed%uint64(len(all)), seed)
	}
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		w := all[which%uint64(len(all))]
		random := rand.New(rand.NewPCG(seed, 3))
		r := RandomOperation(w.plain.Gateway.Supergraph.API, seed)
		before := RandomOperation(w.plain.Gateway.Supergraph.API, seed+1)
		for _, inner := range w.behind {
			kind := random.IntN(7)
			inner.fail = func(_ *execute.Request, answer *execute.Answer) (*execute.Answer, error) { return broken(kind, answer) }
		}
		for _, one := range []Request{r, before} {
			w.remembering.Gateway.Do(t.Context(), one)
			w.remembering.Gateway.Recorder.Take()
			w.remembering.Gateway.Recorder.Faults() // what is asked of a subgraph that lies may be wrong
		}
		for _, inner := range w.behind {
			inner.fail = nil
		}
		w.same(t, before)
		w.same(t, r)
	})
}

// broken makes one of several failures of an answer.
func broken(kind int, answer *execute.Answer) (*execute.Answer, error) {
	switch kind {
	case 0:
		return nil, errors.New("down")
	case 1:
		answer.Errors = append(answer.Errors, execute.SubgraphError{Message: "oh", Path: []any{"_entities", 0, "x"}})
		answer.Data = bytes.Replace(answer.Data, []byte(`"_entities":[{`), []byte(`"_entities":[{"wrong":1,`), 1)
	case 2:
		return &execute.Answer{Data: []byte("null"), Control: answer.Control, Errors: []execute.SubgraphError{{Message: "oh"}}}, nil
	case 3:
		answer.Data = bytes.Replace(answer.Data, []byte(`"_entities":[`), []byte(`"_entities":[null,`), 1)
	case 4:
		answer.Data = answer.Data[:len(answer.Data)/2]
	case 5:
		answer.Control = &execute.Control{CacheControl: "no-store"}
	}
	return answer, nil
}
