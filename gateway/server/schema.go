package server

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
)

// Schema answers requests with one gqlgen schema, as a subgraph that other gateways ask over HTTP: _service and _entities included.
type Schema struct {
	executor *executor.Executor
}

// documentsKept bounds how many parsed operations a served schema remembers: gateways repeat theirs.
const documentsKept = 1000

// NewSchema returns the schema as an Executor.
func NewSchema(schema graphql.ExecutableSchema) *Schema {
	e := executor.New(schema)
	e.SetQueryCache(lru.New[*ast.QueryDocument](documentsKept))
	e.SetParserTokenLimit(operation.DefaultLimits.Tokens)
	e.Use(extension.Introspection{})
	return &Schema{executor: e}
}

// Execute answers the request.
func (s *Schema) Execute(ctx context.Context, r *Request) *Response {
	params := &graphql.RawParams{Query: r.Query, OperationName: r.OperationName, Headers: r.Header}
	if len(r.Variables) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(r.Variables))
		decoder.UseNumber()
		if err := decoder.Decode(&params.Variables); err != nil {
			return failure(operation.Failure(operation.CodeVariables, "variables must be a JSON object: %v", err))
		}
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := s.executor.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		return encoded(s.executor.DispatchError(graphql.WithOperationContext(ctx, op), errs), false)
	}
	if op.Operation.Operation == ast.Mutation && r.ReadOnly {
		response := failure(operation.Failure("METHOD_NOT_ALLOWED", "a mutation must be sent with POST"))
		response.NotAllowed = true
		return response
	}
	handler, ctx := s.executor.DispatchOperation(ctx, op)
	return encoded(handler(ctx), true)
}

func encoded(response *graphql.Response, executed bool) *Response {
	text, err := json.Marshal(response)
	if err != nil {
		return failure(operation.Failure("INTERNAL_SERVER_ERROR", "the answer could not be written"))
	}
	return &Response{Body: text, Executed: executed}
}
