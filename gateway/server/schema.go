package server

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
)

// Schema answers requests with one gqlgen schema, as a subgraph that other gateways ask over HTTP: _service and _entities included.
type Schema struct {
	executor  *executor.Executor
	schema    *ast.Schema
	documents *execute.Documents // within subgraphLimits
	maxValues int
}

// subgraphLimits bound what a gateway may ask of a subgraph. A plan has the fragments of clients expanded and aliases of its own, so they are
// higher than the limits for what clients write.
var subgraphLimits = operation.Limits{Tokens: 200_000, Depth: 60, Fields: 200_000, Aliases: 20_000, RootFields: 1000, Directives: 10_000, SameKey: 100}

// NewSchema returns the schema as an Executor. maxValues bounds the fields resolved for one request; 0 means execute.DefaultMaxValues.
func NewSchema(schema graphql.ExecutableSchema, maxValues int) *Schema {
	e := executor.New(schema)
	documents := execute.NewDocuments()
	e.SetQueryCache(documents)
	e.SetParserTokenLimit(subgraphLimits.Tokens)
	e.Use(extension.Introspection{})
	return &Schema{executor: e, schema: schema.Schema(), documents: documents, maxValues: maxValues}
}

// Execute answers the request.
func (s *Schema) Execute(ctx context.Context, r *Request) *Response {
	if _, known := s.documents.Get(ctx, r.Query); !known {
		// gqlgen's own checks expand fragments, which must not happen before it is known to what.
		if _, errs := operation.Parse(s.schema, r.Query, subgraphLimits); errs != nil {
			return failure(errs)
		}
	}
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
	quota := execute.NewQuota(s.maxValues)
	defer quota.Watch(ctx, op)()
	handler, ctx := s.executor.DispatchOperation(ctx, op)
	response := handler(ctx)
	if err := quota.Err(); err != nil {
		return failure(operation.Failure(execute.CodeTooLarge, "%s", err))
	}
	if err := ctx.Err(); err != nil {
		return failure(operation.Failure(execute.CodeCancelled, "the request ended before it was answered"))
	}
	return encoded(response, true)
}

func encoded(response *graphql.Response, executed bool) *Response {
	text, err := json.Marshal(response)
	if err != nil {
		return failure(operation.Failure("INTERNAL_SERVER_ERROR", "the answer could not be written"))
	}
	return &Response{Body: text, Executed: executed}
}
