package check_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/gateway/compose"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/plan/check"
	"callboard.dev/callboard/gateway/supergraph"
)

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.8",
	import: ["@key", "@external", "@requires", "@provides", "@shareable", "@override", "@inaccessible", "@context", "@fromContext", "@interfaceObject"])
`

// graph has one of everything that a plan can get wrong.
var graph = map[string]string{
	"shop": link + `
		type Query { products(first: Int): [Product] featured: Product @provides(fields: "maker { name }") hits: [Hit] guests: [Guest] rated: [Rated] }
		type Mutation { add(name: String): Product drop: Product }
		union Hit = Product | Maker
		interface Rated @key(fields: "id") { id: ID! }
		type Product implements Rated @key(fields: "id") { id: ID! name: String! price: Int weight: Int maker: Maker box: Box parts: [Part] left: Int }
		interface Box { size: Int }
		type Crate implements Box { size: Int lid: Boolean }
		type Bag implements Box @inaccessible { size: Int }
		type Part { code: Int! }
		type Maker implements Rated @key(fields: "id") { id: ID! name: String @external }
		type Guest @key(fields: "id") @context(name: "guest") { id: ID! locale: String! seats: [Seat] }
		type Seat @key(fields: "id") { id: ID! label(locale: String! @fromContext(field: "$guest { locale }")): String next: Seat }`,
	"makers": link + `
		type Query { makers: [Maker] }
		type Mutation { found(name: String): Maker }
		type Maker @key(fields: "id") { id: ID! name: String @shareable country: Country }
		enum Country { SE NO XX @inaccessible }`,
	"stock": link + `
		type Query { stocked: Product }
		type Product @key(fields: "id") {
			id: ID! price: Int @external weight: Int @external box: Box @external
			left: Int @override(from: "shop", label: "percent(50)")
			shipping: Int @requires(fields: "price weight") packing: Int @requires(fields: "box { __typename size }") count: Int
		}
		interface Box { size: Int }
		type Crate implements Box { size: Int @external }
		type Bag implements Box { size: Int @external }`,
	"ratings": link + `type Query { best: [Rated] } type Rated @key(fields: "id") @interfaceObject { id: ID! stars: Int }`,
}

// planned returns the plan of a query with the label on.
func planned(t *testing.T, query string) (*check.Checker, *operation.Operation, *plan.Plan) {
	t.Helper()
	var list []compose.Subgraph
	for _, name := range []string{"makers", "ratings", "shop", "stock"} {
		list = append(list, compose.Subgraph{Name: name, SDL: graph[name]})
	}
	composed, errs := compose.Compose(list)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := supergraph.Read("test", composed.SDL)
	if err != nil {
		t.Fatal(err)
	}
	document, wrong := operation.Parse(s.API, query, operation.Limits{})
	if wrong != nil {
		t.Fatal(wrong)
	}
	op, wrong := document.Normalize("", nil)
	if wrong != nil {
		t.Fatal(wrong)
	}
	made, err := (&plan.Planner{Supergraph: s}).Plan(t.Context(), op, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return &check.Checker{Supergraph: s}, op, made
}

// The queries whose plans are broken.
const (
	shipping = `{ products(first: 3) { name shipping } }`
	stocked  = `{ stocked { count shipping } }`
	makers   = `query ($n: Int = 2) { products(first: $n) { maker { name country } } }`
	left     = `{ stocked { left } }`
	hits     = `{ hits { __typename ... on Product { name } ... on Maker { country } } }`
	boxes    = `{ products { box { size } packing } }`
	mutation = `mutation { add { name shipping } found { name } again: found(name: "x") { id } drop { name } }`
	seats    = `{ guests { locale seats { label } } }`
	next     = `{ guests { seats { next { label } } } }`
	best     = `{ best { stars id } }`
	typed    = `{ best { __typename stars } }`
	two      = `{ products { name } makers { country } }`
	renamed  = `{ a: products { n: name } b: products { m: name } }`
)

// TestBroken breaks good plans, each in one way, and wants the finding that says so.
func TestBroken(t *testing.T) {
	tests := []struct {
		name  string
		query string
		brk   func(p *plan.Plan)
		want  string
	}{
		// order
		{"a fetch does not wait", shipping, func(p *plan.Plan) { p.Fetches[1].After = nil }, "fetch 1 from stock at products.id: it sends id, and no fetch it waits for brings that of Product"},
		{"fetches change places", shipping, func(p *plan.Plan) { p.Fetches[0], p.Fetches[1] = p.Fetches[1], p.Fetches[0] }, "it is number 0 of the plan"},
		{"a fetch waits for a later one", shipping, func(p *plan.Plan) { p.Fetches[0].After = []int{1} }, "fetch 0 from shop: it waits for fetch 1"},
		{"a fetch waits twice", shipping, func(p *plan.Plan) { p.Fetches[1].After = []int{0, 0} }, "listed once"},
		// requests
		{"the text ends early", shipping, func(p *plan.Plan) { rewrite(p.Fetches[0], "}}", "}") }, "its text does not parse"},
		{"a field the subgraph lacks", shipping, func(p *plan.Plan) { rewrite(p.Fetches[0], "name", "nome") }, `Cannot query field "nome" on type "Product"`},
		{"an argument of another type", shipping, func(p *plan.Plan) { rewrite(p.Fetches[0], "first: 3", `first: "3"`) }, "not valid for its subgraph"},
		{"no such subgraph", shipping, func(p *plan.Plan) { p.Fetches[0].Subgraph = "nobody" }, "no such subgraph"},
		{"another subgraph", shipping, func(p *plan.Plan) { p.Fetches[0].Subgraph = "makers" }, "not valid for its subgraph"},
		{"the prefix is another", shipping, func(p *plan.Plan) { p.Fetches[0].Prefix = []byte(`{"query":"{products{name}}"`) }, "prefix"},
		{"a variable is not listed", makers, func(p *plan.Plan) { p.Fetches[0].Variables = nil }, "it lists the variables []; its text has [n]"},
		{"a variable too many", makers, func(p *plan.Plan) { p.Fetches[1].Variables = []string{"n"} }, "it lists the variables [n]; its text has []"},
		{"a variable without its default", makers, func(p *plan.Plan) { rewrite(p.Fetches[0], "=2", "") }, "it declares $n: Int; the client declares $n: Int = 2"},
		{"a variable of nobody", makers, func(p *plan.Plan) { rewrite(p.Fetches[0], "$n", "$m"); p.Fetches[0].Variables = []string{"m"} }, "neither the client's nor its own"},
		{"another key of the entities", shipping, func(p *plan.Plan) { p.Fetches[1].Entities[0].Key = "_e7" }, "_e7: _entities"},
		{"another variable of the entities", shipping, func(p *plan.Plan) { p.Fetches[1].Entities[0].Variable = "r" }, "_entities: _entities(representations: $r)"},
		{"more than entities", shipping, func(p *plan.Plan) { rewriteEnd(p.Fetches[1], "stocked{count}}") }, "more than its entities"},
		{"a kind of its own", shipping, func(p *plan.Plan) { p.Fetches[0].Kind = "mutation" }, "its text must be one mutation"},
		{"of another kind", shipping, func(p *plan.Plan) { p.Kind = "mutation" }, "those of a query"},
		{"a path to nowhere", shipping, func(p *plan.Plan) { p.Fetches[1].Entities[0].Targets[0].Path[0].Slot = 7 }, "does not lead to objects"},
		{"read into another layout", shipping, func(p *plan.Plan) { p.Fetches[0].Root.Fields[0].Selection.Object = p.Root }, "another layout"},
		{"read without a slot", shipping, func(p *plan.Plan) { p.Fetches[0].Root.Fields[0].Selection.Fields[0].Slot = 99 }, "has no slot"},
		{"read into another slot", shipping, func(p *plan.Plan) { swapSlots(below(p.Fetches[0])) }, "is read into the slot of"},
		// what subgraphs resolve
		{"an external field", makers, func(p *plan.Plan) {
			rewrite(p.Fetches[0], "maker{id", "maker{id name")
			of := below(p.Fetches[0]).Fields[0].Selection
			of.Fields = append(of.Fields, target(p.Fetches[1]).Selection.Fields[0])
		}, "fetch 0 from shop at products.maker.name: it asks for Maker.name, which is external and not provided here"},
		{"provided elsewhere", `{ featured { maker { name } } }`, func(p *plan.Plan) {
			rewrite(p.Fetches[0], "featured", "featured:products")
			p.Root.Slots[1].Name = "products"
		}, "Maker.name, which is external and not provided here"},
		{"the label is off", left, func(p *plan.Plan) { p.Labels["percent(50)"] = false }, "Product.left, which is elsewhere where the label percent(50) is false"},
		{"the label is not decided", left, func(p *plan.Plan) { p.Labels = nil }, "without the label percent(50) being decided"},
		{"a requirement is not sent", shipping, func(p *plan.Plan) { drop(p.Fetches[1], "weight") }, `Product.shipping, which requires "price weight"; the representation lacks weight`},
		{"a requirement at the root", stocked, func(p *plan.Plan) {
			rewrite(p.Fetches[0], "count", "count shipping")
			last := p.Fetches[len(p.Fetches)-1]
			root := below(p.Fetches[0])
			root.Fields = append(root.Fields, target(last).Selection.Fields[0])
		}, "of an object that was not sent to it"},
		{"the type of a requirement is not sent", boxes, func(p *plan.Plan) { member(p.Fetches[1], "box").Typed = false }, "the representation lacks box.__typename"},
		{"the type of an interface object", typed, func(p *plan.Plan) {
			rewrite(p.Fetches[0], "best{", "best{__typename ")
			root := below(p.Fetches[0])
			root.Fields = append(root.Fields, plan.SelectionField{Key: "__typename"})
		}, "it asks for the __typename of Rated, which is not the object type"},
		// representations
		{"a key is not sent", shipping, func(p *plan.Plan) { drop(p.Fetches[1], "id") }, "the representation of Product has no complete key by which Product is entered there"},
		{"a key may be null", shipping, func(p *plan.Plan) { member(p.Fetches[1], "id").Null = true }, "no complete key"},
		{"a requirement may not be null", shipping, func(p *plan.Plan) { member(p.Fetches[1], "price").Null = false }, "leaves Product out where its price is null"},
		{"sent as another type", shipping, func(p *plan.Plan) { target(p.Fetches[1]).Representations[0].Typename = "Maker" }, "an object of type Product is sent as Maker"},
		{"sent for a type that is not there", shipping, func(p *plan.Plan) { target(p.Fetches[1]).Representations[0].On = []string{"Maker"} }, "no object can be here that is sent as Product"},
		{"a member of no use", shipping, func(p *plan.Plan) { rewrite(p.Fetches[1], "shipping", "count"); rename(p, "shipping", "count") }, "the representation of Product has price, of which nothing has need"},
		{"a member from another slot", shipping, func(p *plan.Plan) { member(p.Fetches[1], "price").Slot = 1 }, "the representation's price is not in slot 1"},
		{"no type to choose by", hits, func(p *plan.Plan) { unask(p.Fetches[0], below(p.Fetches[0]), "__typename") }, "whether and as what an object is sent depends on its type, and no fetch it waits for brings that of Maker"},
		{"no type below to send", boxes, func(p *plan.Plan) { unask(p.Fetches[0], sub(below(p.Fetches[0]), "box"), "__typename") }, "it sends the object type of box"},
		// contexts
		{"nothing fills an argument", seats, func(p *plan.Plan) { context(p).Sources = nil }, "does not fill the argument Seat.label(locale:) from Guest at guests"},
		{"filled from the object itself", seats, func(p *plan.Plan) {
			context(p).Sources[0] = plan.ContextSource{Fields: []plan.RepresentationField{{Name: "id", Slot: 1}}}
		}, "does not fill the argument Seat.label(locale:) from Guest at guests"},
		{"filled from an object between", next, func(p *plan.Plan) {
			nearer := plan.ContextSource{Up: 1, Fields: []plan.RepresentationField{{Name: "next", Slot: 1, Fields: []plan.RepresentationField{{Name: "id", Slot: 1}}}}}
			context(p).Sources = append([]plan.ContextSource{nearer}, context(p).Sources...)
		}, "from Seat at guests.seats, which does not set the context"},
		{"filled with something else", seats, func(p *plan.Plan) {
			context(p).Sources[0].Fields[0] = plan.RepresentationField{Name: "seats", Slot: slotOf(p, "seats"), Fields: []plan.RepresentationField{{Name: "id", Slot: 1}}}
		}, "but not with its locale"},
		{"filled too early", seats, func(p *plan.Plan) { p.Fetches[1].After = nil }, "it fills $c0 with locale, and no fetch it waits for brings"},
		{"another argument", seats, func(p *plan.Plan) { context(p).Argument = "language" }, "which is no value from the context"},
		{"not noted in the plan", seats, func(p *plan.Plan) { p.Filled = false }, "Filled is false"},
		// the shape
		{"a field may be null", shipping, func(p *plan.Plan) { retype(field(p, "name"), func(t *plan.Type) { t.NonNull = false }) }, "Product.name is of type String!, and in the shape null is allowed: true"},
		{"another leaf", shipping, func(p *plan.Plan) { retype(field(p, "name"), func(t *plan.Type) { t.Leaf = plan.LeafInt }) }, "its values are of leaf kind"},
		{"a list is none", shipping, func(p *plan.Plan) { retype(&p.Shape.Fields[0], func(t *plan.Type) { t.Element = nil }) }, "it is a list: false"},
		{"a hidden value is seen", makers, func(p *plan.Plan) { p.Shape.Fields[0].Shape.Fields[0].Shape.Fields[1].Type.Values["XX"] = true }, "clients may see its value XX: true"},
		{"a hidden type is seen", boxes, func(p *plan.Plan) { field(p, "box").Shape.Types["Bag"] = true }, "whether clients may see it: false"},
		{"a type too many", boxes, func(p *plan.Plan) { field(p, "box").Shape.Types["Product"] = true }, "the object type Product, which is not one of Box"},
		{"fields change places", shipping, func(p *plan.Plan) { f := p.Shape.Fields[0].Shape.Fields; f[0], f[1] = f[1], f[0] }, "plan at products.name: the shape has another field in its place: shipping"},
		{"a field is missing", shipping, func(p *plan.Plan) { s := p.Shape.Fields[0].Shape; s.Fields = s.Fields[:1] }, "has 1 fields, the operation has 2"},
		{"a field too many", shipping, func(p *plan.Plan) { s := p.Shape.Fields[0].Shape; s.Fields = append(s.Fields, s.Fields[0]) }, "has 3 fields, the operation has 2"},
		{"a field is not asked", shipping, func(p *plan.Plan) { field(p, "name").Unasked = true }, "plan at products.name: no fetch brings Product.name"},
		{"a field is not read", shipping, func(p *plan.Plan) {
			s := below(p.Fetches[0])
			s.Fields = slices.DeleteFunc(s.Fields, func(f plan.SelectionField) bool { return f.Key == "name" })
		}, "no fetch brings Product.name"},
		{"a field from another slot", shipping, func(p *plan.Plan) { field(p, "name").Slot = field(p, "shipping").Slot }, "does not hold name"},
		{"narrowed", shipping, func(p *plan.Plan) { field(p, "name").On = []string{"Maker"} }, "another field in its place"},
		{"no type to check", hits, func(p *plan.Plan) { unask(p.Fetches[0], below(p.Fetches[0]), "__typename") }, "no fetch brings the object type of Product"},
		{"nothing brings the type", hits, func(p *plan.Plan) { p.Shape.Fields[0].Shape.Untyped = true }, "which the shape says nothing brings"},
		{"something must bring the type", best, func(p *plan.Plan) { p.Shape.Fields[0].Shape.Untyped = false }, "no fetch brings the object type of Maker"},
		{"a layout of one type", hits, func(p *plan.Plan) { p.Root.Slots[1].Object.Type = "Product" }, "an object of type Maker can be here"},
		// mutations
		{"a mutation does not wait", mutation, func(p *plan.Plan) { f := rootFetch(p, 1); f.After = f.After[:1] }, "which belongs to a root field before it"},
		{"a mutation says another place", mutation, func(p *plan.Plan) { rootFetch(p, 1).Mutation = 3 }, "its first root field is number 2, and it says 3"},
		{"mutations in another order", mutation, func(p *plan.Plan) {
			rewrite(rootFetch(p, 1), `found{name} found__2:found(name: "x"){id}`, `found__2:found(name: "x"){id} found{name}`)
		}, "in another order than the client"},
		{"a mutation runs twice", mutation, func(p *plan.Plan) {
			again := rootFetch(p, 2)
			rewrite(again, "drop{", "add{name} drop{")
			again.Root.Fields = append(again.Root.Fields, rootFetch(p, 0).Root.Fields[0])
		}, "a root field of a mutation must be asked once: it is in 2 fetches"},
		{"a mutation nobody asked for", mutation, func(p *plan.Plan) { rewrite(rootFetch(p, 2), "drop{", "add{name} drop{") }, "more than root fields that the client asked for"},
		{"two mutations are one", `mutation { a: drop { id } b: drop { id } }`, func(p *plan.Plan) { p.Shape.Fields[1].Slot = p.Shape.Fields[0].Slot }, "must be asked once"},
		// waste
		{"a field nobody reads", shipping, func(p *plan.Plan) { rewrite(p.Fetches[0], "name", "name left") }, "fetch 0 from shop at products.left: the answer to left is read nowhere"},
		{"a field nobody wants", two, func(p *plan.Plan) { p.Shape.Fields[1].Shape.Fields[0].Unasked = true }, "nothing has need of country"},
		{"a fetch for nothing", two, func(p *plan.Plan) { again := *p.Fetches[1]; again.ID = 2; p.Fetches = append(p.Fetches, &again) }, "fetch 2 from makers: it brings nothing that is needed and no other fetch brings"},
		{"two fetches for one", two, func(p *plan.Plan) { again := *p.Fetches[1]; again.ID = 2; p.Fetches = append(p.Fetches, &again) }, "fetch 2 from makers: it could be one request with fetch 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, op, p := planned(t, test.query)
			if findings := c.Check(op, p); len(findings) > 0 {
				t.Fatalf("before it is broken:\n%s\n%s", text(findings), p)
			}
			test.brk(p)
			found := text(c.Check(op, p))
			if !strings.Contains(found, test.want) {
				t.Errorf("want %q in\n%s\n%s", test.want, found, p)
			}
			if again := text(c.Check(op, p)); again != found {
				t.Errorf("checked again it finds\n%s\nand before\n%s", again, found)
			}
		})
	}
}

// TestWhole checks plans that are right in ways the table above does not need.
func TestWhole(t *testing.T) {
	for _, query := range []string{
		renamed, `{ __typename }`, `{ __schema { types { name } } products { name } }`, `{ rated { stars ... on Maker { country } } best { ... on Product { name } } }`,
		`mutation ($name: String) { add(name: $name) { left } __typename }`, `{ hits { ... on Product { parts { code } } ... on Maker { __typename } } }`,
	} {
		c, op, p := planned(t, query)
		if findings := c.Check(op, p); len(findings) > 0 {
			t.Errorf("%s:\n%s\n%s", query, text(findings), p)
		}
	}
}

func text(findings []check.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// rewrite changes the text of a fetch, and its prefix with it.
func rewrite(f *plan.Fetch, from, to string) {
	if !strings.Contains(f.Text, from) {
		panic("no " + from + " in " + f.Text)
	}
	setText(f, strings.Replace(f.Text, from, to, -1))
}

// rewriteEnd puts something into the outermost selection set of a fetch.
func rewriteEnd(f *plan.Fetch, more string) {
	setText(f, strings.TrimSuffix(f.Text, "}")+" "+more)
}

func setText(f *plan.Fetch, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	f.Text, f.Prefix = text, append([]byte(`{"query":`), quoted...)
}

// below is how the value of the first root field is read.
func below(f *plan.Fetch) *plan.Selection { return f.Root.Fields[0].Selection }

func sub(s *plan.Selection, key string) *plan.Selection {
	return s.Fields[slices.IndexFunc(s.Fields, func(f plan.SelectionField) bool { return f.Key == key })].Selection
}

func target(f *plan.Fetch) *plan.Target { return f.Entities[0].Targets[0] }

func drop(f *plan.Fetch, name string) {
	r := target(f).Representations[0]
	r.Fields = slices.DeleteFunc(r.Fields, func(field plan.RepresentationField) bool { return field.Name == name })
}

func member(f *plan.Fetch, name string) *plan.RepresentationField {
	fields := target(f).Representations[0].Fields
	return &fields[slices.IndexFunc(fields, func(field plan.RepresentationField) bool { return field.Name == name })]
}

// unask takes a leaf out of the text of a fetch and of how it is read.
func unask(f *plan.Fetch, s *plan.Selection, key string) {
	rewrite(f, key+" ", "")
	s.Fields = slices.DeleteFunc(s.Fields, func(field plan.SelectionField) bool { return field.Key == key })
}

// swapSlots reads two leaves each into the other's slot.
func swapSlots(s *plan.Selection) {
	last := len(s.Fields) - 1
	s.Fields[0].Slot, s.Fields[last].Slot = s.Fields[last].Slot, s.Fields[0].Slot
}

// rename has the plan read and show one field of the products where it did another.
func rename(p *plan.Plan, from, to string) {
	field(p, from).Name = to
	p.Root.Slots[1].Object.Slots[field(p, from).Slot].Name = to
	target(p.Fetches[1]).Selection.Fields[0].Key = to
}

func context(p *plan.Plan) *plan.ContextVariable { return &p.Fetches[1].Entities[0].Context[0] }

func slotOf(p *plan.Plan, name string) int {
	return slices.IndexFunc(p.Root.Slots[1].Object.Slots, func(s plan.Slot) bool { return s.Name == name })
}

// field is a field of the shape below the first root field.
func field(p *plan.Plan, key string) *plan.ShapeField {
	fields := p.Shape.Fields[0].Shape.Fields
	return &fields[slices.IndexFunc(fields, func(f plan.ShapeField) bool { return f.Key == key })]
}

// retype gives a field a type of its own, changed.
func retype(f *plan.ShapeField, change func(t *plan.Type)) {
	own := *f.Type
	change(&own)
	f.Type = &own
}

// rootFetch is the n-th of the fetches of root fields.
func rootFetch(p *plan.Plan, n int) *plan.Fetch {
	for _, f := range p.Fetches {
		if f.Root != nil {
			if n == 0 {
				return f
			}
			n--
		}
	}
	return nil
}
