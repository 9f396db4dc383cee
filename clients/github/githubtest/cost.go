package githubtest

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/clients/clientstest"
)

// maxNodes is how many nodes one operation may ask for, as documented in November 2026.
const maxNodes = 500_000

// maxPage is the largest page of a connection.
const maxPage = 100

// visitedFields bounds the walk of an operation whose fragments multiply; nothing that is within maxNodes comes near it.
const visitedFields = 200_000

// price is what an operation costs by the rule GitHub publishes: each connection is taken to be filled up to its first or last; the requests
// that takes, over a hundred, rounded, are the points, at least one.
type price struct {
	requests, nodes int
	visited         int
	fields          map[string]bool // the coordinates asked for
}

func priceOf(op *clientstest.Operation) *price {
	p := &price{fields: map[string]bool{}}
	p.walk(op, op.Definition.SelectionSet, 1)
	return p
}

// points returns what is charged.
func (p *price) points() int { return max(1, (p.requests+50)/100) }

func (p *price) walk(op *clientstest.Operation, set ast.SelectionSet, times int) {
	for _, selection := range set {
		if p.visited++; p.visited > visitedFields {
			p.nodes = maxNodes + 1
		}
		if p.nodes > 1000*maxNodes || p.visited > visitedFields {
			return // far too many; more exact need not be known
		}
		switch s := selection.(type) {
		case *ast.Field:
			p.fields[s.ObjectDefinition.Name+"."+s.Name] = true
			if s.Definition == nil || !op.Included(s.Directives) {
				continue
			}
			below := times
			if strings.HasSuffix(s.Definition.Type.Name(), "Connection") {
				p.requests += times
				if n, ok := pageSize(op, s); ok {
					below = times * n
					p.nodes += below
				}
			}
			if s.Name == "nodes" && s.ObjectDefinition.Name == "Query" {
				if args, err := op.Args(s); err == nil {
					below = times * max(1, len(args.Texts("ids")))
				}
			}
			p.walk(op, s.SelectionSet, below)
		case *ast.InlineFragment:
			p.walk(op, s.SelectionSet, times)
		case *ast.FragmentSpread:
			if d := op.Document.Fragments.ForName(s.Name); d != nil {
				p.walk(op, d.SelectionSet, times)
			}
		}
	}
}

// pageSize returns first or last of a connection, within what may be asked.
func pageSize(op *clientstest.Operation, field *ast.Field) (int, bool) {
	args, err := op.Args(field)
	if err != nil {
		return 0, false
	}
	for _, name := range []string{"first", "last"} {
		if n, ok := args.Int(name); ok {
			return min(max(n, 0), maxPage), true
		}
	}
	return 0, false
}

// tooMany is the error of an operation that asks for too many nodes.
func (p *price) tooMany() *clientstest.Error {
	return &clientstest.Error{
		Type:    "MAX_NODE_LIMIT_EXCEEDED",
		Message: fmt.Sprintf("This query requests up to %s possible nodes which exceeds the maximum limit of %s.", thousands(p.nodes), thousands(maxNodes)),
	}
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// needScopes are the scopes of classic tokens that fields ask for.
var needScopes = map[string][]string{
	"Organization.teams":           {"read:org", "read:discussion"},
	"Organization.team":            {"read:org", "read:discussion"},
	"Organization.membersWithRole": {"read:org"},
	"Team.members":                 {"read:org", "read:discussion"},
}

// scopes returns what a classic token lacks for the operation.
func (p *price) scopes(c *call) *clientstest.Error {
	for _, coordinate := range sortedKeys(p.fields) {
		needed := needScopes[coordinate]
		if needed == nil || !c.lacks(append(needed, "admin:org", "write:org")...) {
			continue
		}
		_, field, _ := strings.Cut(coordinate, ".")
		return &clientstest.Error{
			Type: "INSUFFICIENT_SCOPES",
			Message: fmt.Sprintf("Your token has not been granted the required scopes to execute this query. The '%s' field requires one of the following scopes: [%s], "+
				"but your token has only been granted the: [%s] scopes. Please modify your token's scopes at: %s.",
				field, quotedList(needed), quotedList(c.token.Scopes), c.g.web("/settings/tokens")),
		}
	}
	return nil
}

func quotedList(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "'" + strings.Join(words, "', '") + "'"
}
