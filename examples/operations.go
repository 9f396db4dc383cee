package examples

import (
	"encoding/json"
	"strings"
)

// Operation is one question worth asking the example organisation.
type Operation struct {
	Name      string          // of the file and, in its own letter case, of the operation
	Question  string          // one sentence, the first line of the file
	Query     string          // the whole file
	Variables json.RawMessage // defaults, a JSON object
}

// operationOrder is how the operations are shown: from the most common question to the one that only its asker has.
var operationOrder = []string{
	"component",
	"where-is-my-pull-request",
	"pull-request",
	"review-queue",
	"team-portfolio",
	"ci-health",
	"what-broke",
	"components-at-a-glance",
	"impact",
	"recent-changes",
	"who-to-ask",
	"search",
	"app-features",
	"api-definition",
	"repository",
	"repository-health",
	"org-chart",
	"ingestion-issues",
	"sources",
}

// Operations returns the example operations in a fixed order.
func Operations() []Operation {
	out := make([]Operation, 0, len(operationOrder))
	for _, name := range operationOrder {
		query := mustRead("operations/" + name + ".graphql")
		first, _, _ := strings.Cut(string(query), "\n")
		out = append(out, Operation{
			Name:      name,
			Question:  strings.TrimSpace(strings.TrimPrefix(first, "#")),
			Query:     string(query),
			Variables: mustRead("operations/" + name + ".json"),
		})
	}
	return out
}

func mustRead(name string) []byte {
	text, err := embedded.ReadFile(name)
	if err != nil {
		panic("examples: bug: reading an embedded file: " + err.Error())
	}
	return text
}
