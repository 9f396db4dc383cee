package entitycache_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/gatewaytest"
)

func TestOnlyWhatIsMissingIsAsked(t *testing.T) {
	w := shop(t)
	expect(t, w.ask(t, `{ products(n: 1) { left } }`), `{"products":[{"left":1}]}`)
	w.asked(t, "stock", `{"representations":[{"__typename":"Product","upc":"p1"}]}`)
	expect(t, w.ask(t, `{ products(n: 2) { left } }`), `{"products":[{"left":1},{"left":2}]}`)
	w.asked(t, "stock", `{"representations":[{"__typename":"Product","upc":"p2"}]}`)
	expect(t, w.ask(t, `{ products(n: 3) { left } }`), `{"products":[{"left":3},{"left":1},{"left":2},{"left":3}]}`)
	w.asked(t, "stock", `{"representations":[{"__typename":"Product","upc":"p3"}]}`)
	expect(t, w.ask(t, `{ products(n: 3) { left } }`), `{"products":[{"left":3},{"left":1},{"left":2},{"left":3}]}`)
	w.asked(t, "stock")
	w.inner["shop"].take()
	w.ask(t, `{ products(n: 3) { left } }`)
	w.asked(t, "shop", "products(n: 3)") // which says nothing of how long it holds
}

func TestSelectionsAndVariablesAreApart(t *testing.T) {
	w := shop(t)
	request := func(query, variables string) string {
		return string(w.do(t, gatewaytest.Request{Query: query, Variables: json.RawMessage(variables)}).Body)
	}
	expect(t, request(`query ($l: String) { products(n: 1) { name(in: $l) } }`, `{"l":"no"}`), `{"products":[{"name":"Hatt"}]}`)
	w.asked(t, "stock", `"l":"no"`)
	expect(t, request(`query ($l: String) { products(n: 1) { name(in: $l) left } }`, `{}`), `{"products":[{"name":"Hat","left":1}]}`)
	w.asked(t, "stock", `name(in: $l)`)
	expect(t, request(`query ($l: String) { products(n: 1) { name(in: $l) } }`, `{}`), `{"products":[{"name":"Hat"}]}`)
	w.asked(t, "stock", `name(in: $l)`)
	// What stands for a variable that is not given is part of what is asked.
	expect(t, request(`query ($l: String = "no") { products(n: 1) { name(in: $l) } }`, `{}`), `{"products":[{"name":"Hatt"}]}`)
	w.asked(t, "stock", `$l:String="no"`)
	expect(t, request(`query ($l: String) { products(n: 2) { name(in: $l) } }`, `{"l":"no"}`), `{"products":[{"name":"Hatt"},{"name":"Sko"}]}`)
	w.asked(t, "stock", `{"l":"no","representations":[{"__typename":"Product","upc":"p2"}]}`)
}

func TestRootFieldsAreRememberedAsAWhole(t *testing.T) {
	w := shop(t)
	for range 3 {
		expect(t, w.ask(t, `{ stock { size } }`), `{"stock":{"size":9}}`)
	}
	w.asked(t, "stock", "{stock{size}}")
}

func TestAgeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.ask(t, `{ products(n: 1) { left } stock { size } }`)
		w.inner["stock"].take()
		time.Sleep(19 * second)
		w.ask(t, `{ products(n: 1) { left } stock { size } }`)
		w.asked(t, "stock")
		time.Sleep(2 * second)
		w.ask(t, `{ products(n: 1) { left } stock { size } }`)
		w.asked(t, "stock", "stock{size}")
		time.Sleep(40 * second)
		w.ask(t, `{ products(n: 1) { left } }`)
		w.asked(t, "stock", "p1")
	})
}

// TestPrivate: two clients, in every combination of what the schema says, what the header of the answer says, and who sends which header.
func TestPrivate(t *testing.T) {
	for _, scope := range []string{"", "PUBLIC", "PRIVATE"} {
		for _, header := range []string{"", "max-age=60", "max-age=60, public", "max-age=60, private", "no-store", "private", "max-age=60 vary"} {
			for _, at := range []string{"entity", "field", "root"} {
				for _, users := range [][2]string{{"ann", "bob"}, {"", "bob"}, {"ann", ""}, {"ann", "ann"}, {"", ""}} {
					t.Run(fmt.Sprintf("%s/%s/%s/%s+%s", scope, header, at, users[0], users[1]), func(t *testing.T) { private(t, scope, header, at, users) })
				}
			}
		}
	}
}

func private(t *testing.T, scope, header, at string, users [2]string) {
	said := func(here string) string {
		text := "maxAge: 60"
		if scope != "" && at == here {
			text += ", scope: " + scope
		}
		return "@cacheControl(" + text + ")"
	}
	w := newWorld(t, map[string]string{
		"shop": shopSchema,
		"stock": `
type Query { stock: Int ` + said("root") + ` }
type Product @key(fields: "upc") ` + said("entity") + ` { upc: ID! left: Int ` + said("field") + ` }`,
	}, shopUniverse)
	stock := w.inner["stock"]
	stock.instead = func(r *execute.Request) (*execute.Answer, error) {
		user := 10 * len(r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "bob" {
			user++
		}
		if r.Fetch.Root != nil {
			return &execute.Answer{Data: fmt.Appendf(nil, `{"stock":%d}`, user)}, nil
		}
		return &execute.Answer{Data: fmt.Appendf(nil, `{"_entities":[{"left":%d}]}`, user)}, nil
	}
	if header != "" {
		stock.control = &execute.Control{CacheControl: strings.TrimSuffix(header, " vary")}
		if strings.HasSuffix(header, "vary") {
			stock.control.Vary = "Accept, authorization"
		}
	}
	w.forward("stock", "authorization", "X-Other")
	query := `{ products(n: 1) { left } }`
	if at == "root" {
		query = `{ stock }`
	}
	bodies := map[string]string{"": "0", "ann": "30", "bob": "31"}
	total := 0
	for range 2 {
		for i, user := range users {
			var headers []string
			if user != "" {
				headers = []string{"Authorization", user}
			}
			body := w.ask(t, query, headers...)
			total = len(stock.requests)
			// Where the schema says outright that it is for anybody and the answers say nothing else, the first one's answer is everybody's.
			outright := scope == "PUBLIC" && at != "field" && !strings.Contains(header, "private") && header != "no-store" && !strings.HasSuffix(header, "vary")
			want := bodies[user]
			if outright {
				want = bodies[users[0]]
			}
			if !strings.Contains(body, ":"+want+"}") {
				t.Errorf("client %d (%q) got %s", i, user, body)
			}
		}
	}
	anonymous := 0
	for _, user := range users {
		if user == "" {
			anonymous++
		}
	}
	distinct := 2
	if users[0] == users[1] {
		distinct = 1
	}
	want := distinct
	isPrivate := scope == "PRIVATE" || strings.Contains(header, "private")
	switch {
	case header == "no-store", scope == "PUBLIC" && at != "field" && (isPrivate || strings.HasSuffix(header, "vary")):
		want = 4
	case scope == "PUBLIC" && at != "field":
		want = 1
	case isPrivate && anonymous > 0:
		want = 2*anonymous + (2-anonymous+1)/2
	}
	if total != want {
		t.Errorf("%d requests, want %d", total, want)
	}
}

// TestPrivateTogether: two clients wait for the same at once, and the answers turn out to be private although the schema says that they are for anybody.
func TestPrivateTogether(t *testing.T) {
	for _, control := range []string{"max-age=60, private", "no-store", "max-age=60"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]string{
				"shop":  shopSchema,
				"stock": `type Product @key(fields: "upc") @cacheControl(maxAge: 60, scope: PUBLIC) { upc: ID! name: String }`,
			}, shopUniverse)
			stock := w.inner["stock"]
			stock.control, stock.gate = &execute.Control{CacheControl: control}, make(chan struct{})
			stock.instead = func(r *execute.Request) (*execute.Answer, error) {
				return &execute.Answer{Data: []byte(`{"_entities":[{"name":"` + r.Header.Get("User") + `"}]}`)}, nil
			}
			w.forward("stock", "User")
			bodies := map[string]string{}
			var mu sync.Mutex
			var group sync.WaitGroup
			for _, user := range []string{"ann", "bob", ""} {
				group.Go(func() {
					body := w.ask(t, `{ products(n: 1) { name } }`, "User", user)
					mu.Lock()
					defer mu.Unlock()
					bodies[user] = body
				})
			}
			synctest.Wait()
			close(stock.gate)
			group.Wait()
			for user, body := range bodies {
				own := strings.Contains(body, `"name":"`+user+`"`)
				if control != "max-age=60" && !own {
					t.Errorf("%s: %q got %s", control, user, body)
				}
			}
			if control == "max-age=60" && len(stock.take()) != 1 {
				t.Error("what is for anybody was asked for more than once")
			}
		})
	}
}

// TestSeveralLists: of a request with several lists of entities, those of which all is remembered are left out, with the variables that only they use.
func TestSeveralLists(t *testing.T) {
	w := shop(t)
	w.ask(t, `{ products(n: 1) { left } }`)
	w.inner["stock"].take()
	request := gatewaytest.Request{Query: `query ($l: String) { products(n: 1) { left } more: products(n: 2) { name(in: $l) } }`, Variables: json.RawMessage(`{"l":"no"}`)}
	want := `{"products":[{"left":1}],"more":[{"name":"Hatt"},{"name":"Sko"}]}`
	expect(t, string(w.do(t, request).Body), want)
	w.asked(t, "stock", `query($l:String,$r1:[_Any!]!){_e1:_entities(representations:$r1){...on Product{name(in: $l)}}} {"l":"no","r1":[{"__typename":"Product","upc":"p1"},{"__typename":"Product","upc":"p2"}]}`)
	expect(t, string(w.do(t, request).Body), want)
	w.asked(t, "stock")
	request.Query = strings.Replace(request.Query, "n: 1", "n: 3", 1)
	expect(t, string(w.do(t, request).Body), `{"products":[{"left":3},{"left":1},{"left":2},{"left":3}],"more":[{"name":"Hatt"},{"name":"Sko"}]}`)
	w.asked(t, "stock", `{_entities(representations:$representations){...on Product{left}}} {"representations":[{"__typename":"Product","upc":"p3"},{"__typename":"Product","upc":"p2"}]}`)
}

func TestErrorsAreNotRemembered(t *testing.T) {
	w := shop(t)
	w.Gateway.Executor.Expose = map[string]bool{"stock": true}
	failing := func(r *execute.Request) (*execute.Answer, error) {
		if !strings.Contains(string(r.Variables), "p2") {
			return nil, nil
		}
		answer, _ := w.StandIns["stock"].Fetch(t.Context(), r)
		n := strings.Count(strings.Split(string(r.Variables), "p2")[0], "__typename") - 1
		answer.Errors = []execute.SubgraphError{{Message: "oh", Path: []any{"_entities", n, "left"}}}
		return answer, nil
	}
	w.ask(t, `{ products(n: 1) { left } }`)
	w.inner["stock"].instead = failing
	w.inner["stock"].take()
	for range 2 {
		// p1 is remembered, p2 comes with an error, p3 with the error of another.
		got := w.ask(t, `{ products(n: 3) { left } }`)
		if want := `{"data":{"products":[{"left":3},{"left":1},{"left":2},{"left":3}]},"errors":[{"message":"oh","path":["products",2,"left"],"extensions":{"code":"SUBGRAPH_ERROR","subgraph":"stock"}}]}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	w.asked(t, "stock", `[{"__typename":"Product","upc":"p3"},{"__typename":"Product","upc":"p2"}]`, `[{"__typename":"Product","upc":"p3"},{"__typename":"Product","upc":"p2"}]`)
	w.inner["stock"].instead = func(r *execute.Request) (*execute.Answer, error) {
		return &execute.Answer{Data: []byte(`{"stock":null}`), Errors: []execute.SubgraphError{{Message: "oh"}}}, nil
	}
	w.ask(t, `{ stock { size } }`)
	w.inner["stock"].instead = nil
	expect(t, w.ask(t, `{ stock { size } }`), `{"stock":{"size":9}}`)
}

// TestWhatWasNotAskedFor: an answer that is none to what was asked costs what was asked, and nothing that is remembered; and it is not remembered.
func TestWhatWasNotAskedFor(t *testing.T) {
	for _, data := range []string{`{"_entities":[]}`, `{"_entities":[{"left":2},{"left":2}]}`, `{"_entities":{}}`, `{"_entities":[7]}`, `{"_entities":null}`, `{}`, `null`, `[]`, `{"_entities":[{"left":2}],"_entities":[{"left":2}]}`} {
		t.Run(data, func(t *testing.T) {
			w := shop(t)
			w.ask(t, `{ products(n: 1) { left } }`)
			w.inner["stock"].instead = func(*execute.Request) (*execute.Answer, error) {
				return &execute.Answer{Text: []byte(`{"data":` + data + `}`)}, nil
			}
			got := responseOf(t, w.ask(t, `{ products(n: 2) { left } }`))
			if want := `{"products":[{"left":1},{"left":null}]}`; string(got.Data) != want {
				t.Errorf("got  %s\nwant %s", got.Data, want)
			}
			if len(got.Errors) != 1 || got.Codes()[0] != execute.CodeBadAnswer || fmt.Sprint(got.Errors[0].Path) != "[products 1 left]" {
				t.Errorf("errors %+v", got.Errors)
			}
			w.inner["stock"].instead = nil
			expect(t, w.ask(t, `{ products(n: 2) { left } }`), `{"products":[{"left":1},{"left":2}]}`)
		})
	}
}

func TestSubgraphDown(t *testing.T) {
	w := shop(t)
	w.ask(t, `{ products(n: 1) { left } }`)
	w.inner["stock"].instead = func(*execute.Request) (*execute.Answer, error) {
		return nil, &execute.FetchError{Code: execute.CodeUnreachable, Reason: "it could not be reached"}
	}
	expect(t, w.ask(t, `{ products(n: 2) { left } }`),
		`{"data":{"products":[{"left":1},{"left":null}]},"errors":[{"message":"subgraph stock: it could not be reached","path":["products",1,"left"],"extensions":{"code":"SUBGRAPH_UNREACHABLE","subgraph":"stock"}}]}`)
	w.inner["stock"].instead = func(*execute.Request) (*execute.Answer, error) { panic("oh") }
	if got := w.ask(t, `{ products(n: 2) { left } }`); !strings.Contains(got, execute.CodeInternal) || !strings.Contains(got, `{"left":1}`) {
		t.Error(got)
	}
}

func TestNullEntities(t *testing.T) {
	w := newWorld(t, map[string]string{"shop": shopSchema, "stock": stockSchema}, strings.Replace(shopUniverse, `"Product:2": {`, `"Product:2": {"@missing": ["stock"], `, 1))
	w.inner["stock"].instead = func(*execute.Request) (*execute.Answer, error) {
		return &execute.Answer{Data: []byte(`{"_entities":[{"left":1},null]}`)}, nil
	}
	for range 2 {
		expect(t, w.ask(t, `{ products(n: 2) { left } }`), `{"products":[{"left":1},{"left":null}]}`)
	}
	w.asked(t, "stock", "p2")
}

func TestHeaderRules(t *testing.T) {
	for _, test := range []struct {
		header execute.Control
		entity string // what the schema says of the entity
		held   time.Duration
	}{
		{execute.Control{}, "", 0},
		{execute.Control{CacheControl: "max-age=30"}, "", 30 * second},
		{execute.Control{CacheControl: "max-age=30"}, "@cacheControl(maxAge: 10)", 10 * second},
		{execute.Control{CacheControl: "max-age=10"}, "@cacheControl(maxAge: 30)", 10 * second},
		{execute.Control{CacheControl: "max-age=10, s-maxage=20"}, "", 20 * second},
		{execute.Control{CacheControl: "max-age=30", Age: "20"}, "", 10 * second},
		{execute.Control{CacheControl: "max-age=30", Age: "40"}, "", 0},
		{execute.Control{CacheControl: "max-age=30", Age: "x"}, "", 0},
		{execute.Control{CacheControl: "no-cache, max-age=30"}, "@cacheControl(maxAge: 10)", 0},
		{execute.Control{CacheControl: "no-store"}, "@cacheControl(maxAge: 10)", 0},
		{execute.Control{CacheControl: "public"}, "@cacheControl(maxAge: 10)", 10 * second},
		{execute.Control{CacheControl: "public"}, "", 0},
		{execute.Control{CacheControl: "max-age=30"}, "@cacheControl(maxAge: 0)", 0},
		{execute.Control{CacheControl: "max-age=0"}, "@cacheControl(maxAge: 10)", 0},
		{execute.Control{CacheControl: "max-age=30, private"}, "", 0}, // nobody sends a header that says who asks
		{execute.Control{CacheControl: "max-age=30", Vary: "*"}, "", 0},
		{execute.Control{CacheControl: "max-age=30", Vary: "Accept"}, "", 30 * second},
	} {
		t.Run(fmt.Sprintf("%v/%s", test.header, test.entity), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]string{"shop": shopSchema, "stock": "type Product @key(fields: \"upc\") " + test.entity + " { upc: ID! left: Int }"}, shopUniverse)
				w.inner["stock"].control = &test.header
				w.ask(t, `{ products(n: 1) { left } }`)
				w.ask(t, `{ products(n: 1) { left } }`) // the first may have been for finding out
				w.inner["stock"].take()
				held := time.Duration(0)
				for range 40 {
					w.ask(t, `{ products(n: 1) { left } }`)
					if len(w.inner["stock"].take()) > 0 {
						break
					}
					time.Sleep(second)
					held += second
				}
				if held != test.held {
					t.Errorf("held for %s, want %s", held, test.held)
				}
			})
		})
	}
}

func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		stock := w.inner["stock"]
		stock.control = &execute.Control{CacheControl: "max-age=10, stale-while-revalidate=10, stale-if-error=100"}
		w.ask(t, `{ products(n: 1) { left } }`)
		stock.take()
		time.Sleep(12 * second)
		expect(t, w.ask(t, `{ products(n: 1) { left } }`), `{"products":[{"left":1}]}`)
		synctest.Wait()
		w.asked(t, "stock", "p1") // behind the answer
		time.Sleep(25 * second)
		stock.instead = func(*execute.Request) (*execute.Answer, error) { return nil, errors.New("down") }
		expect(t, w.ask(t, `{ products(n: 1) { left } }`), `{"products":[{"left":1}]}`)
		stock.instead = func(*execute.Request) (*execute.Answer, error) {
			return &execute.Answer{Data: []byte(`{"_entities":[null]}`), Errors: []execute.SubgraphError{{Message: "oh", Path: []any{"_entities", 0}}}}, nil
		}
		expect(t, w.ask(t, `{ products(n: 1) { left } }`), `{"products":[{"left":1}]}`)
		time.Sleep(100 * second)
		if got := w.ask(t, `{ products(n: 1) { left } }`); !strings.Contains(got, `[{"left":null}]`) {
			t.Error(got)
		}
	})
}

func TestHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		w.inner["stock"].gate = make(chan struct{})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { expect(t, w.ask(t, `{ products(n: 2) { left } }`), `{"products":[{"left":1},{"left":2}]}`) })
		}
		synctest.Wait()
		close(w.inner["stock"].gate)
		group.Wait()
		w.asked(t, "stock", "p1")
	})
}

func TestInvalidate(t *testing.T) {
	w := shop(t)
	ask := func() { w.ask(t, `{ products(n: 2) { left } }`) }
	ask()
	w.inner["stock"].take()
	tag, err := entitycache.EntityTag("Product", map[string]any{"upc": "p2"})
	if err != nil || tag != `entity Product {"upc":"p2"}` {
		t.Fatal(tag, err)
	}
	for _, test := range []struct{ tag, asked string }{
		{tag, `[{"__typename":"Product","upc":"p2"}]`},
		{entitycache.SubgraphTag("stock"), `"p1"},{"__typename":"Product","upc":"p2"}]`},
		{entitycache.SubgraphTag("shop"), ""},
	} {
		if err := w.cache.Invalidate(t.Context(), test.tag); err != nil {
			t.Fatal(err)
		}
		if ask(); test.asked == "" {
			w.asked(t, "stock")
		} else {
			w.asked(t, "stock", test.asked)
		}
	}
}

func TestMutationsPass(t *testing.T) {
	w := newWorld(t, map[string]string{
		"shop":  shopSchema + "\ntype Mutation { sell: Product @cacheControl(maxAge: 60) }",
		"stock": stockSchema,
	}, strings.Replace(shopUniverse, `"Product:1": {`, `"Mutation": {"sell": "@Product:1"}, "Product:1": {`, 1))
	w.ask(t, `{ products(n: 1) { left } }`)
	w.inner["stock"].take()
	w.inner["shop"].take()
	for range 2 {
		expect(t, w.ask(t, `mutation { sell { left } }`), `{"sell":{"left":1}}`)
		w.asked(t, "shop", "sell")
		w.asked(t, "stock", "p1") // it may have changed
	}
}

func TestNewSchemaReadsNothingOld(t *testing.T) {
	w := shop(t)
	w.ask(t, `{ products(n: 1) { left } }`)
	other := newWorld(t, map[string]string{"shop": shopSchema, "stock": strings.Replace(stockSchema, "left: Int", "left: [Int]", 1)}, strings.ReplaceAll(shopUniverse, `"left": 1`, `"left": [1]`))
	other.cache = w.cache
	other.forward("stock")
	expect(t, other.ask(t, `{ products(n: 1) { left } }`), `{"products":[{"left":[1]}]}`)
}

func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := shop(t)
		ask := func() string {
			body := string(w.do(t, gatewaytest.Request{Query: `{ products(n: 2) { left } }`, Sources: true}).Body)
			_, after, _ := strings.Cut(body, `"extensions":`)
			return after
		}
		w.ask(t, `{ products(n: 1) { left } }`)
		time.Sleep(5 * second)
		w.inner["stock"].after = func(r *execute.Request, answer *execute.Answer) *execute.Answer {
			if !r.Sources {
				t.Error("the subgraph is not told that sources are asked for")
			}
			answer.Sources = []execute.SourceReport{{Name: "shelf", SourceCounts: execute.SourceCounts{Live: 1, Failed: 1}, Errors: []execute.SourceError{{Code: "LIMITED", Paths: [][]any{{"_entities", 0, "left"}}}}}}
			return answer
		}
		if got, want := ask(), `{"sources":[{"name":"shelf","live":1,"cached":0,"stale":0,"failed":1,"errors":[{"code":"LIMITED","paths":[["products",1,"left"]]}]},`+
			`{"name":"stock","live":0,"cached":1,"stale":0,"failed":0,"oldest":"PT5S","kinds":[{"kind":"Product","live":0,"cached":1,"stale":0,"failed":0}]}]}}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		time.Sleep(2 * second)
		if got := ask(); !strings.Contains(got, `"cached":2,"stale":0,"failed":0,"oldest":"PT7S"`) || strings.Contains(got, "shelf") {
			t.Error(got)
		}
	})
}
