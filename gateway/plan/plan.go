// Package plan decides which subgraphs to ask, for what, in which order. An operation goes in, a Plan comes out: a flat list of
// fetches, each with the fetches it waits for, and the shape of the response. A plan is data: it holds no values, clients or
// results, so it can be cached, printed, compared and checked, and one plan serves any number of requests at once.
//
// The one rule: a plan asks a subgraph only for what its own schema resolves there.
//
// Start with Planner.Plan, which names the stages: choose (choose.go) decides which subgraph answers each field, build (build.go)
// turns the choice into fetches, finish (finish.go) orders and joins them, shape (shape.go) says what the client sees.
package plan

import "github.com/vektah/gqlparser/v2/ast"

// Plan is how one operation is answered.
type Plan struct {
	Kind    ast.Operation
	Fetches []*Fetch // each stands after those it waits for
	Root    *Object  // layout of the root object
	Shape   *Shape   // what the client sees of it
}

// Fetch is one request to one subgraph.
type Fetch struct {
	ID        int // position in Plan.Fetches
	Subgraph  string
	Kind      ast.Operation
	After     []int       // fetches it waits for
	Text      string      // the operation sent
	Prefix    []byte      // the JSON of the request up to its variables: {"query":"..."
	Variables []string    // the client's variables it uses, sorted
	Root      *Selection  // for a fetch of root fields: how data is read
	Entities  []*Entities // for a fetch of entities: one for each _entities field in Text
	Mutation  int         // for mutations: the position of the first root field answered; 0 otherwise
}

// Entities is one _entities field of a fetch: objects in the response so far are sent as representations, and the answers are
// merged into them.
type Entities struct {
	Key      string // response key of the _entities field
	Variable string // variable that carries the representations
	Targets  []*Target
}

// Target is one place in the response whose objects are sent.
type Target struct {
	Path            []Step
	Representations []*Representation // the first that applies to an object is sent for it; none: the object is left out
	Selection       *Selection
}

// Step goes from an object to the value of one of its slots, and through any lists it finds there.
type Step struct {
	Slot int
	Name string // for printing and errors: the field's name
}

// Representation is what is sent for an object.
type Representation struct {
	On       []string // object types it applies to; nil means any
	Typename string   // what is sent as __typename; "" means the object's own
	Fields   []RepresentationField
}

// RepresentationField is one member of a representation. __typename is the type of the object, left out where it is not known.
type RepresentationField struct {
	Name   string
	Slot   int
	On     []string // below an abstract position: object types it applies to; nil means any
	Fields []RepresentationField
	Null   bool // null is a value the subgraph accepts: a requirement, not a key
}

// Object is the layout of the objects at one position of the response: a slot for each value that some fetch brings.
type Object struct {
	Type  string // the object type, where only one is possible; else slot 0 holds __typename
	Slots []Slot
}

// Slot is one value of an object.
type Slot struct {
	Name   string  // field name and arguments
	Object *Object // for composite values: the layout of the object or objects in it
}

// Selection is how an object in a subgraph's answer is read.
type Selection struct {
	Object *Object
	Fields []SelectionField
}

// SelectionField puts the member Key of an answered object into a slot.
type SelectionField struct {
	Key       string
	Slot      int
	Selection *Selection // for composite values
}

// Shape is what the client sees of the objects at one position, in the order it asked for.
type Shape struct {
	Type    string          // the object type, where only one is possible; else ""
	Name    string          // declared type, for errors
	Types   map[string]bool // the object types possible here, false for those hidden from clients; nil where Type is set
	Untyped bool            // no fetch brings the object type, and no field depends on it: the objects are those of an interface object
	Fields  []ShapeField
}

// ShapeField is one member of a response object.
type ShapeField struct {
	Key      string
	Slot     int      // -1 is __typename
	On       []string // object types it is wanted for; nil means every one
	Type     *Type
	Own      map[string]*Type // by object type, where that promises something else than Type, which an interface says
	Shape    *Shape           // for composite values
	Name     string           // the field's name, for errors
	Unasked  bool             // the field has no fetch: nothing can bring it, it is null
	Typename bool
}

// Leaf says what a leaf value must look like.
type Leaf uint8

// The kinds of leaf values.
const (
	LeafAny Leaf = iota // a custom scalar: any JSON
	LeafInt
	LeafFloat
	LeafString
	LeafBoolean
	LeafID
	LeafEnum
)

// Type is a field's type in the API schema.
type Type struct {
	NonNull bool
	Element *Type // for lists
	Leaf    Leaf
	Values  map[string]bool // for LeafEnum: the values, false for those hidden from clients
	Name    string          // named type, for errors
}

// Size is about how many bytes the plan takes in memory.
func (p *Plan) Size() int {
	size := shapeSize(p.Shape)
	for _, f := range p.Fetches {
		size += 4 * (len(f.Text) + len(f.Prefix)) // selections and layouts grow with the text
	}
	return size
}

func shapeSize(s *Shape) int {
	if s == nil {
		return 0
	}
	size := 64
	for i := range s.Fields {
		size += 128 + 16*len(s.Fields[i].On) + shapeSize(s.Fields[i].Shape)
	}
	return size
}
