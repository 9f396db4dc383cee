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
	// Labels are the labels of progressive overrides that decided something, and how. For other decisions the operation has another plan.
	Labels map[string]bool
	Filled bool // some fetch takes arguments from a context
}

// Fetch is one request to one subgraph.
type Fetch struct {
	ID        int // position in Plan.Fetches
	Subgraph  string
	Kind      ast.Operation
	After     []int       // fetches it waits for
	Before    []int       // fetches that wait for it
	Text      string      // the operation sent
	Prefix    []byte      // the JSON of the request up to its variables: {"query":"..."
	Variables []string    // the client's variables it uses, sorted
	Root      *Selection  // for a fetch of root fields: how data is read
	At        []Step      // for a fetch of root fields: the objects of the root type that have them, where they are not the root itself
	Entities  []*Entities // for a fetch of entities: one for each _entities field in Text
	Mutation  int         // for mutations: the position of the first root field answered; 0 otherwise
	Cache     CachePolicy // for a fetch of root fields of a query

	declared []string // declarations of the client's variables, as listed in Variables
	rootText string   // the selection of root fields
}

// Entities is one _entities field of a fetch: objects in the response so far are sent as representations, and the answers are
// merged into them.
type Entities struct {
	Key      string // response key of the _entities field
	Variable string // variable that carries the representations
	Targets  []*Target
	// Context are variables whose values come from objects above those sent. Objects for which they differ cannot share a field: the _entities field
	// is asked once for each group of objects whose values are equal.
	Context []ContextVariable
	Uses    []string // the client's variables in it, sorted
	Cache   CachePolicy
	Keys    [][]KeyField // by which its entities can be entered

	text string // what follows _entities, a hole after the names of its own variables
}

// ContextVariable is a variable that fills an argument.
type ContextVariable struct {
	Variable string
	Argument string
	Type     string
	Sources  []ContextSource // the first whose object is of the type it is for counts; none: the object is left out
}

// ContextSource is where the value of a ContextVariable is.
type ContextSource struct {
	Up     int                   // how many steps before the end of the target's path
	On     []string              // object types there that it is for; nil means any
	Fields []RepresentationField // the way to one value: at each object the first field for its type
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
	Name string   // for printing and errors: the field's name
	On   []string // object types of the object it goes from that matter, sorted; nil means all
}

// Representation is what is sent for an object.
type Representation struct {
	On       []string // object types it applies to; nil means any
	Typename string   // what is sent as __typename; "" means the object's own
	Fields   []RepresentationField
}

// RepresentationField is one member of a representation.
type RepresentationField struct {
	Name   string
	Member string // the name as it is written: a comma, then the name with its quotes and colon
	Slot   int
	On     []string // below an abstract position: object types it applies to; nil means any
	Fields []RepresentationField
	Null   bool // null is a value the subgraph accepts: a requirement, not a key
	Typed  bool // for composite values: the object type is sent too
}

// Object is the layout of the objects at one position of the response: a slot for each value that some fetch brings.
type Object struct {
	Type  string   // the object type, where only one is possible; else slot 0 holds __typename
	Types []string // else: the object types possible, sorted
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
	Member    string // the key as subgraphs write it: "key":
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
	Member   string   // the key as it is written: a comma, then the key with its quotes and colon
	Slot     int      // -1 is __typename
	On       []string // object types it is wanted for; nil means every one
	Type     *Type
	Shape    *Shape           // for composite values
	Name     string           // the field's name, for errors
	Own      map[string]*Type // by object type: the type of its own field, where that differs from the interface's
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
