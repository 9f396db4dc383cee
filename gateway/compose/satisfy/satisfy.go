// Package satisfy tells whether every field that clients can ask for can be answered by the subgraphs together, on every path that leads to
// it. A supergraph goes in; findings come out: fields that no route reaches, each with a shortest path on which that is so, and the reason
// for each subgraph that has the field.
//
// The one rule: it must agree with the planner. A field that it lets pass on a path can be planned there, and one that it finds wanting cannot.
// It shares no code with the planner, so that the two can be held against each other.
//
// How it works, in words: an object is at hand in a position in some ways, a presence for each subgraph whose answer holds it. From those others
// are reached by keys; all presences there are in the end are the state of the position (reach.go). What a field returns is at hand in every
// presence that answers the field, which is the next position. The walk (walk.go) visits every distinct state once, breadth first. What is more at
// hand can only answer more, so of the presences of a state none is ever left out, and one walk does for all operations.
//
// Start with Checker.Check. schema.go is the supergraph made ready, environment.go what a path has decided (labels of overrides, contexts),
// why.go finds the reasons, path.go writes example operations.
package satisfy

import (
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/supergraph"
)

// DefaultBudget is how many steps a check may take: some seventy times what a graph of 100 subgraphs and 2,000 types takes, and about two seconds of work.
const DefaultBudget = 20_000_000

// Checker checks one supergraph.
type Checker struct {
	Supergraph *supergraph.Supergraph
	Budget     int        // steps the check may take; 0 means DefaultBudget
	Reached    func(Path) // called for each field in each distinct state that answers it; nil for none
}

// Result is what a check found.
type Result struct {
	Findings []Finding // in the order of the length of their paths
	Complete bool      // false where the budget ended the check; what it had found until then stands
}

// Kind says what is wrong.
type Kind int

// The kinds of findings.
const (
	Unanswered Kind = iota // no subgraph that is reached resolves the fields
	Untyped                // no subgraph that is reached knows the object type of the object
	Divided                // only several subgraphs together answer what is below the field, and it is one that must be asked once
)

// Finding is fields that cannot be answered on a path.
type Finding struct {
	Kind    Kind
	Type    string    // the object type, or for Untyped the interface
	Fields  []string  // fields of the type, all for the same reasons; for Untyped none
	Path    Path      // leads to the first of the fields
	AtHand  []string  // subgraphs that hold the object on this path, or are reached from there
	Labels  []Label   // what labels of overrides are there
	Reasons []Reason  // for each subgraph that has the fields, in the order of the supergraph
	Others  int       // further states in which the same fields cannot be answered
	Parts   []Finding // for Divided: for each subgraph that could be asked, what it could not answer
	From    string    // as a part of another: the subgraph that was asked
}

// Label is the label of an @override, and whether the request is one that the override is for.
type Label struct {
	Name string
	On   bool
}

// Obstacle says why a subgraph that has a field does not answer it.
type Obstacle int

// The obstacles.
const (
	External       Obstacle = iota // the field is @external there, and not provided on the path
	Overridden                     // another subgraph took the field over
	OtherLabel                     // the field is resolved there only for the other requests
	NoKey                          // the type has no key there
	KeyNotEntered                  // every key is declared as not to be entered by
	KeyOutOfReach                  // the fields of no key are to be had
	RequirementOut                 // what the field requires is not to be had
	ContextNotSet                  // nothing on the path sets a context that an argument comes from
)

// Reason is why one subgraph does not answer.
type Reason struct {
	Obstacle Obstacle
	Subgraph string
	Type     string // the type that has the field there: the object type, or the interface that an @interfaceObject stands for
	Keys     []Lack // for KeyOutOfReach: each key that could be entered by
	Lack     Lack   // for RequirementOut: the requirement; for ContextNotSet: the context
	Label    Label  // for OtherLabel: what it would have to be
}

// Lack is a field set, and the first of its fields that is not to be had.
type Lack struct {
	Set   string
	Field string // coordinate
}

// Check walks all of the supergraph that clients can reach.
func (c *Checker) Check() Result {
	w := newWalk(c)
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		w.enterRoot(kind)
	}
	w.run()
	w.divisions()
	return w.result()
}
