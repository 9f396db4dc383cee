package check

import (
	"slices"

	"callboard.dev/callboard/gateway/plan"
)

// handed marks what each fetch takes from earlier ones, the last fetch first. What is missing has been reported where the fetch's answer was wanted: an
// object of which nothing is wanted may lack what would be sent for it, and then is not sent.
func (k *checking) handed() {
	for i := len(k.plan.Fetches) - 1; i >= 0; i-- {
		for _, o := range k.walk.all {
			for _, e := range o.entered {
				if e.fetch.ID == i && e.wanted(o) {
					k.takes(o, e, func(at *object, slot int, _ string) { k.wants(at, slot, e.fetch) })
				}
			}
		}
	}
}

// wanted tells whether the entry brings something of the object that is wanted.
func (e *entry) wanted(o *object) bool {
	for slot := range o.fills {
		for _, f := range o.fills[slot] {
			if o.wanted[slot] && e.brings(f) {
				return true
			}
		}
	}
	return false
}

// brings tells whether the value comes from this entry of the object.
func (e *entry) brings(f *fill) bool { return f.way.entry != nil && f.way.entry.target == e.target }

// wants notes that the fetch needs a value of the object when it starts, or the response where it is nil, and tells whether it is there by then. Where
// it is only because an entry lacks what it sends, that is reported, and the value counts as there.
func (k *checking) wants(o *object, slot int, g *plan.Fetch) bool {
	o.wanted[slot] = true
	from := map[int]bool{}
	whole := false
	var lacking []*lack
	for _, f := range o.fills[slot] {
		if !k.inTime(o, f, g) {
			continue
		}
		from[f.way.fetch.ID] = true
		if l := k.lackOf(o, f); l != nil {
			lacking = append(lacking, l)
		} else {
			whole = true
		}
	}
	if len(from) == 1 {
		for only := range from {
			k.needed[only] = true
		}
	}
	if !whole || o.layout.Slots[slot].Object != nil { // objects in a value may be at hand only by one of those who bring it
		for _, l := range lacking {
			if !l.reported {
				l.reported = true
				k.findings = append(k.findings, l.list...)
			}
		}
	}
	return len(from) > 0
}

// inTime tells whether a value is there when the fetch starts; nil is when all are done.
func (k *checking) inTime(o *object, f *fill, g *plan.Fetch) bool {
	if f.declared == nil && f.way.typename != o.typename {
		return false // the type of an interface object
	}
	return g == nil || k.before[g.ID][f.way.fetch.ID]
}

// lack is what an entry of an object sends that is not there in time.
type lack struct {
	list     []Finding
	reported bool
}

type lackKey struct {
	object *object
	target *plan.Target
}

// lackOf returns what the entry lacks by which the value comes, or nil.
func (k *checking) lackOf(o *object, f *fill) *lack {
	for _, e := range o.entered {
		if e.brings(f) {
			if l := k.lack(o, e); len(l.list) > 0 {
				return l
			}
		}
	}
	return nil
}

func (k *checking) lack(o *object, e *entry) *lack {
	key := lackKey{o, e.target}
	if known := k.lacks[key]; known != nil {
		return known
	}
	out := &lack{}
	k.lacks[key] = out
	k.takes(o, e, func(at *object, slot int, what string) {
		for _, f := range at.fills[slot] {
			if k.inTime(at, f, e.fetch) {
				return
			}
		}
		out.list = append(out.list, Finding{
			Fetch: e.fetch.ID, Subgraph: e.fetch.Subgraph, Path: join(at.path, at.layout.Slots[slot].Name),
			Message: what + ", and no fetch it waits for brings that of " + at.typename,
		})
	})
	return out
}

// takes calls value with everything that sending the object takes from the response so far.
func (k *checking) takes(o *object, e *entry, value func(o *object, slot int, what string)) {
	typed := func(at *object, what string) {
		if at.layout.Type == "" {
			value(at, 0, what)
		}
	}
	if r := e.representation; r.Typename == "" || applicable(e.target.Representations, "") != r {
		typed(o, "whether and as what an object is sent depends on its type")
	}
	var members func(at *object, fields []plan.RepresentationField)
	members = func(at *object, fields []plan.RepresentationField) {
		for _, f := range fields {
			if f.On != nil {
				typed(at, "whether a member is sent depends on the object type")
			}
			if !applies(f.On, at.typename) {
				continue
			}
			value(at, f.Slot, "it sends "+f.Name)
			for _, below := range at.below[f.Slot] {
				if f.Typed {
					typed(below, "it sends the object type of "+f.Name)
				}
				members(below, f.Fields)
			}
		}
	}
	members(o, e.representation.Fields)
	for i := range e.entities.Context {
		sources(o, &e.entities.Context[i], typed, value)
	}
}

// sources calls value with what the nearest objects above, that have a source, fill the variable with.
func sources(o *object, v *plan.ContextVariable, typed func(o *object, what string), value func(o *object, slot int, what string)) {
	level := []*object{o}
	for up := 0; len(level) > 0; up++ {
		at := level
		level = nil
		for _, above := range at {
			for _, s := range v.Sources {
				if s.Up == up && s.On != nil {
					typed(above, "where $"+v.Variable+" is taken from depends on the object type")
				}
			}
			if s := source(v, up, above.typename); s != nil {
				picked(above, s.Fields, v.Variable, typed, value)
			} else {
				level = addEach(level, above.above)
			}
		}
	}
}

// picked calls value with the one value that the fields lead to.
func picked(o *object, fields []plan.RepresentationField, variable string, typed func(o *object, what string), value func(o *object, slot int, what string)) {
	for _, f := range fields {
		if f.On != nil {
			typed(o, "what $"+variable+" is depends on the object type")
		}
		if applies(f.On, o.typename) {
			value(o, f.Slot, "it fills $"+variable+" with "+f.Name)
			for _, below := range o.below[f.Slot] {
				picked(below, f.Fields, variable, typed, value)
			}
			return
		}
	}
}

// addEach adds the objects that are not in the list.
func addEach(list, more []*object) []*object {
	for _, o := range more {
		if !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}
