package github

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Cost is what a GraphQL query takes by GitHub's published rule ("Rate limits and node limits for the GraphQL API"), counted before it is sent
// and as if every list were as long as it may be.
type Cost struct {
	Requests int // to the connections: one for each connection and each object it is asked of
	Nodes    int // in all lists; a query with more than 500,000 is refused
}

// MaxNodes is what one query may ask for.
const MaxNodes = 500_000

// Points returns what the query takes from the hourly budget: a point for a hundred requests, at least one.
func (c Cost) Points() int {
	return max(1, int(math.Round(float64(c.Requests)/100)))
}

// CostOf counts a query with its variables. Connections are known by their first or last argument, as GitHub demands one on each. It fails
// where the text is no query.
func CostOf(query string, variables map[string]any) (Cost, error) {
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return Cost{}, fmt.Errorf("counting the cost of a query: %w", err)
	}
	count := counting{document: document, variables: variables, known: map[string]Cost{}}
	var total Cost
	for _, operation := range document.Operations {
		total = total.plus(count.of(operation.SelectionSet, 0))
	}
	return total, nil
}

func (c Cost) plus(d Cost) Cost { return Cost{c.Requests + d.Requests, c.Nodes + d.Nodes} }
func (c Cost) times(n int) Cost { return Cost{c.Requests * n, c.Nodes * n} }

// counting counts the parts of one query, each fragment once.
type counting struct {
	document  *ast.QueryDocument
	variables map[string]any
	known     map[string]Cost
}

// of returns what the selections cost for one object.
func (c *counting) of(selections ast.SelectionSet, depth int) Cost {
	const deepest = 50 // fragments that hold themselves end here
	var total Cost
	if depth > deepest {
		return total
	}
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			inner := c.of(s.SelectionSet, depth+1)
			if n, ok := c.length(s.Arguments); ok {
				inner = inner.times(n).plus(Cost{Requests: 1, Nodes: n})
			}
			total = total.plus(inner)
		case *ast.InlineFragment:
			total = total.plus(c.of(s.SelectionSet, depth+1))
		case *ast.FragmentSpread:
			cost, ok := c.known[s.Name]
			if fragment := c.document.Fragments.ForName(s.Name); !ok && fragment != nil {
				cost = c.of(fragment.SelectionSet, depth+1)
				c.known[s.Name] = cost
			}
			total = total.plus(cost)
		}
	}
	return total
}

// length returns how long the list of a field may be.
func (c *counting) length(arguments ast.ArgumentList) (int, bool) {
	for _, name := range []string{"first", "last"} {
		argument := arguments.ForName(name)
		if argument == nil {
			continue
		}
		switch v := argument.Value; v.Kind {
		case ast.IntValue:
			n, err := strconv.Atoi(v.Raw)
			return n, err == nil
		case ast.Variable:
			switch n := c.variables[v.Raw].(type) {
			case int:
				return n, true
			case float64:
				return int(n), true
			case json.Number:
				n64, err := n.Int64()
				return int(n64), err == nil
			}
		}
	}
	return 0, false
}
