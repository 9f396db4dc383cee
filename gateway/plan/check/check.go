// Package check proves a plan right without running it. A supergraph, an operation and a plan go in; Findings come out, none where the plan
// asks each subgraph only for what it resolves by itself, sends it everything it needs, and brings everything the client asked for.
//
// The one rule: nothing here knows how the plan was found. Which objects there can be and what is known of them when is worked out
// again from the plan alone, by following its fetches over the types that each subgraph can answer with.
//
// Start with Checker.Check, which names the stages: requests.go reads each request by itself; objects.go follows all of them from the root to
// the objects they bring; resolve.go, send.go, shape.go, flow.go, mutation.go and waste.go each prove one thing about these objects.
package check

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

// Checker checks plans for one supergraph. It is safe for concurrent use.
type Checker struct {
	Supergraph *supergraph.Supergraph

	mu      sync.Mutex
	schemas map[string]*schema // by subgraph: made when first asked for
}

// Finding is one thing that is wrong with a plan.
type Finding struct {
	Fetch    int    // the fetch it is about; -1 where it is about the plan as a whole
	Subgraph string // of the fetch
	Path     string // where in the response, field by field from the root; "" is the root
	Message  string // names coordinates as their subgraph does
}

// String prints the finding on one line.
func (f Finding) String() string {
	var b strings.Builder
	if f.Fetch >= 0 {
		fmt.Fprintf(&b, "fetch %d from %s", f.Fetch, f.Subgraph)
	} else {
		b.WriteString("plan")
	}
	if f.Path != "" {
		b.WriteString(" at " + f.Path)
	}
	return b.String() + ": " + f.Message
}

// Check returns what is wrong with the plan of the operation, in the order of the fetches. A plan whose requests cannot be read is
// not followed any further.
func (c *Checker) Check(op *operation.Operation, p *plan.Plan) []Finding {
	k := &checking{checker: c, graph: c.Supergraph, operation: op, plan: p, documents: map[*plan.Fetch]*document{}, contexts: map[string]map[string]bool{}}
	k.order()
	k.requests()
	if len(k.findings) > 0 {
		return k.sorted()
	}
	root := k.follow()
	k.resolved()
	k.sent()
	k.shown(root)
	k.handed()
	k.mutations(root)
	k.waste()
	return k.sorted()
}

// checking is the work on one plan.
type checking struct {
	checker   *Checker
	graph     *supergraph.Supergraph
	operation *operation.Operation
	plan      *plan.Plan
	findings  []Finding

	before    []map[int]bool // by fetch: those that are done when it starts
	documents map[*plan.Fetch]*document
	contexts  map[string]map[string]bool // by object type: the contexts it sets

	walk   walk
	needed map[int]bool // fetches that bring something nothing else brings in time
	lacks  map[lackKey]*lack
}

// document is the text of a fetch, read.
type document struct {
	schema   *schema
	root     ast.SelectionSet
	entities []ast.SelectionSet // below each of the fetch's Entities
}

// found adds a finding about a fetch; nil is the plan as a whole.
func (k *checking) found(f *plan.Fetch, path, format string, args ...any) {
	finding := Finding{Fetch: -1, Path: path, Message: fmt.Sprintf(format, args...)}
	if f != nil {
		finding.Fetch, finding.Subgraph = f.ID, f.Subgraph
	}
	k.findings = append(k.findings, finding)
}

// sorted returns the findings in order, each once.
func (k *checking) sorted() []Finding {
	sort.SliceStable(k.findings, func(i, j int) bool {
		a, b := k.findings[i], k.findings[j]
		if a.Fetch != b.Fetch {
			return a.Fetch < b.Fetch
		}
		return a.Path < b.Path
	})
	return slices.Compact(k.findings)
}

// order checks that fetches wait only for earlier ones, and notes what is done when each starts.
func (k *checking) order() {
	k.before = make([]map[int]bool, len(k.plan.Fetches))
	for i, f := range k.plan.Fetches {
		k.before[i] = map[int]bool{}
		if f.ID != i {
			k.found(f, "", "it is number %d of the plan", i)
			continue
		}
		last := -1
		for _, before := range f.After {
			if before <= last || before >= i {
				k.found(f, "", "it waits for fetch %d: what it waits for must be earlier, in order and listed once", before)
				continue
			}
			last = before
			k.before[i][before] = true
			for earlier := range k.before[before] {
				k.before[i][earlier] = true
			}
		}
	}
}
