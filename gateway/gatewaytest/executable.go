package gatewaytest

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Executable returns the stand-in as a gqlgen schema, to be called in process as first-party subgraphs are.
func (s *StandIn) Executable() graphql.ExecutableSchema { return executable{s} }

type executable struct{ standIn *StandIn }

func (e executable) Schema() *ast.Schema { return e.standIn.schema.Schema }

func (e executable) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (e executable) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	answer := e.standIn.execute(operation.Doc, operation.Operation, operation.Variables)
	response := &graphql.Response{Data: answer.Data}
	for _, one := range answer.Errors {
		out := &gqlerror.Error{Message: one.Message}
		for _, step := range one.Path {
			switch step := step.(type) {
			case string:
				out.Path = append(out.Path, ast.PathName(step))
			case int:
				out.Path = append(out.Path, ast.PathIndex(step))
			}
		}
		for key, value := range one.Extensions {
			if out.Extensions == nil {
				out.Extensions = map[string]any{}
			}
			out.Extensions[key] = value
		}
		response.Errors = append(response.Errors, out)
	}
	return graphql.OneShot(response)
}
