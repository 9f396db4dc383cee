package upstream

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// Selects tells whether the field being resolved has a selection that asks for the field at the end of the path, at any of the paths. Who resolves no field
// selects everything.
func Selects(ctx context.Context, paths ...string) bool {
	field := graphql.GetFieldContext(ctx)
	if field == nil || !graphql.HasOperationContext(ctx) {
		return true
	}
	operation := graphql.GetOperationContext(ctx)
	for _, p := range paths {
		fields := []graphql.CollectedField{field.Field}
		for _, name := range strings.Split(p, ".") {
			var below []graphql.CollectedField
			for _, f := range fields {
				for _, sub := range graphql.CollectFields(operation, f.Selections, nil) {
					if sub.Name == name {
						below = append(below, sub)
					}
				}
			}
			fields = below
		}
		if len(fields) > 0 {
			return true
		}
	}
	return false
}
