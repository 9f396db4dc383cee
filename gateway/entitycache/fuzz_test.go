package entitycache

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

func TestReadControl(t *testing.T) {
	const second = time.Second
	for _, test := range []struct {
		header execute.Control
		want   control
	}{
		{execute.Control{}, control{}},
		{execute.Control{CacheControl: "max-age=60"}, control{aged: true, maxAge: 60 * second}},
		{execute.Control{CacheControl: "MAX-AGE=60 , Public"}, control{aged: true, maxAge: 60 * second}},
		{execute.Control{CacheControl: `max-age="60"`}, control{aged: true, maxAge: 60 * second}},
		{execute.Control{CacheControl: "max-age=60, max-age=5"}, control{aged: true, maxAge: 5 * second}},
		{execute.Control{CacheControl: "max-age=5, s-maxage=60"}, control{aged: true, maxAge: 60 * second}},
		{execute.Control{CacheControl: "s-maxage=60, max-age=5"}, control{aged: true, maxAge: 60 * second}},
		{execute.Control{CacheControl: "max-age"}, control{aged: true}},
		{execute.Control{CacheControl: "max-age=-1"}, control{aged: true}},
		{execute.Control{CacheControl: "max-age=1.5"}, control{aged: true}},
		{execute.Control{CacheControl: "max-age=99999999999999999999999"}, control{aged: true, maxAge: maxSeconds * second}},
		{execute.Control{CacheControl: "no-store"}, control{never: true}},
		{execute.Control{CacheControl: `no-cache="Set-Cookie, X", private="Y"`}, control{never: true, private: true}},
		{execute.Control{CacheControl: `x="a, max-age=7\", no-store", max-age=3`}, control{aged: true, maxAge: 3 * second}},
		{execute.Control{CacheControl: "max-age=3, stale-while-revalidate=4, stale-if-error=5"}, control{aged: true, maxAge: 3 * second, revalidate: 4 * second, onError: 5 * second}},
		{execute.Control{CacheControl: "max-age=3, stale-while-revalidate=4, must-revalidate, stale-if-error=5"}, control{aged: true, maxAge: 3 * second, strict: true}},
		{execute.Control{CacheControl: "max-age=30", Age: "10"}, control{aged: true, maxAge: 20 * second}},
		{execute.Control{CacheControl: "max-age=30", Age: "10, 10"}, control{aged: true}},
		{execute.Control{CacheControl: "max-age=30", Age: "99999999999999999999"}, control{aged: true}},
		{execute.Control{Vary: "accept, X-user"}, control{vary: []string{"Accept", "X-User"}}},
		{execute.Control{Vary: "*"}, control{never: true, vary: []string{"*"}}},
	} {
		if got := readControl(&test.header); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: got %+v, want %+v", test.header, got, test.want)
		}
	}
}

// FuzzControl: whatever a header is, it is read, and what it forbids in so many words is forbidden.
func FuzzControl(f *testing.F) {
	for _, seed := range []string{"max-age=60, private", `x="a\"b,c", no-store`, "=,=\"", "no-store", "a b=c", `"`, "max-age = 7"} {
		f.Add(seed, "7", "Accept, *")
	}
	f.Fuzz(func(t *testing.T, text, age, vary string) {
		c := readControl(&execute.Control{CacheControl: text, Age: age, Vary: vary})
		if c.maxAge < 0 || c.revalidate < 0 || c.onError < 0 || c.maxAge > maxSeconds*time.Second {
			t.Errorf("%+v", c)
		}
		if strict := readControl(&execute.Control{CacheControl: "no-store, " + text}); !strict.never {
			t.Errorf("no-store before %q is not seen", text)
		}
	})
}

// FuzzJSON compares what is taken apart and put into order with what encoding/json reads, and looks for panics in what is not JSON.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"__typename":"Product","upc":"p1"}`, `{"b":[1,{"d":null,"c":"\\\""},[]],"a":{},"_entities":[{"x":1},null]}`, ` { "a" : [ 1 , "\u0041" ] } `,
		`{"a":1,"a":2}`, `[`, `{"a`, `{"a":`, `{"a":}`, `[,]`, `"\`, `{"a":"\\"}`, `{"":[[[["]"]]]]}`, ``,
	} {
		f.Add([]byte(seed))
	}
	key := []plan.KeyField{{Name: "upc"}, {Name: "a", Fields: []plan.KeyField{{Name: "b"}}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		var s scratch
		ordered := s.appendCanonical(nil, text)
		items, _ := readItems(nil, text)
		members := readMembers(nil, text)
		typenameOf(members)
		s.appendTags(nil, nil, "T", members, [][]plan.KeyField{key, nil})
		if execute.CheckData(text) != nil || !json.Valid(text) {
			return
		}
		var want, got any
		if err := json.Unmarshal(text, &want); err != nil {
			return
		}
		if err := json.Unmarshal(ordered, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %s in order (%v)", text, ordered, err)
		}
		if again := s.appendCanonical(nil, ordered); !bytes.Equal(again, ordered) {
			t.Errorf("%s in order is %s", ordered, again)
		}
		if list, ok := want.([]any); ok && len(list) != len(items) {
			t.Errorf("%s has %d items, want %d", text, len(items), len(list))
		}
	})
}

func TestEntityTag(t *testing.T) {
	nested := [][]plan.KeyField{{{Name: "no"}, {Name: "product", Fields: []plan.KeyField{{Name: "upc"}}}}}
	for _, test := range []struct {
		representation string
		keys           [][]plan.KeyField
		key            map[string]any
		want           string
	}{
		{`{"__typename":"V","product":{"x":1,"upc":"p\u0031"},"no":3,"y":[]}`, nested, map[string]any{"product": map[string]any{"upc": "p1"}, "no": "3"}, `entity V {"no":"3","product":{"upc":"p1"}}`},
		{`{"__typename":"V","id":"<é\"\n>"}`, [][]plan.KeyField{{{Name: "id"}}, {{Name: "missing"}}}, map[string]any{"id": "<é\"\n>"}, `entity V {"id":"<é\"\u000a>"}`},
		{`{"__typename":"V","id":null}`, [][]plan.KeyField{{{Name: "id"}}}, nil, ""},
	} {
		tags, _ := new(scratch).appendTags(nil, nil, "V", readMembers(nil, []byte(test.representation)), test.keys)
		if test.want == "" {
			if len(tags) > 0 {
				t.Errorf("%s has the tags %q", test.representation, tags)
			}
			continue
		}
		tag, err := EntityTag("V", test.key)
		if err != nil || tag != test.want || fmt.Sprint(tags) != fmt.Sprint([]string{tag}) {
			t.Errorf("%s has the tags %q, the key %q (%v), want %q", test.representation, tags, tag, err, test.want)
		}
	}
	long, err := EntityTag("V", map[string]any{"id": string(bytes.Repeat([]byte("x"), 5000))})
	if err != nil || len(long) > 100 {
		t.Error(long, err)
	}
}
