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
	ctx, op, refused := s.begin(ctx, r)
	if refused != nil {
		return refused
	}
	if op.Operation.Operation == ast.Subscription {
		return failure(subscriptionsStream())
	}
	return s.answer(ctx, op)
}

// begin reads a request and makes its operation ready.
func (s *Schema) begin(ctx context.Context, r *Request) (context.Context, *graphql.OperationContext, *Response) {
	if _, known := s.documents.Get(ctx, r.Query); !known {
		// gqlgen's own checks expand fragments, which must not happen before it is known to what.
		if _, errs := operation.Parse(s.schema, r.Query, subgraphLimits); errs != nil {
			return ctx, nil, failure(errs)
		}
	}
	params := &graphql.RawParams{Query: r.Query, OperationName: r.OperationName, Headers: r.Header}
	if len(r.Variables) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(r.Variables))
		decoder.UseNumber()
		if err := decoder.Decode(&params.Variables); err != nil {
			return ctx, nil, failure(operation.Failure(operation.CodeVariables, "variables must be a JSON object: %v", err))
		}
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := s.executor.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		return ctx, nil, encoded(s.executor.DispatchError(graphql.WithOperationContext(ctx, op), errs), false)
	}
	if op.Operation.Operation == ast.Mutation && r.ReadOnly {
		response := failure(operation.Failure("METHOD_NOT_ALLOWED", "a mutation must be sent with POST"))
		response.NotAllowed = true
		return ctx, nil, response
	}
	return ctx, op, nil
}

// answer does what has one answer.
func (s *Schema) answer(ctx context.Context, op *graphql.OperationContext) *Response {
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

// Stream begins what the request asks for. Each event of a subscription may use as much as a request.
func (s *Schema) Stream(ctx context.Context, r *Request, within func(context.Context) (context.Context, context.CancelFunc)) (Events, *Response) {
	ctx, stop := context.WithCancel(ctx)
	ctx, op, refused := s.begin(ctx, r)
	if refused != nil {
		stop()
		return nil, refused
	}
	if op.Operation.Operation != ast.Subscription {
		defer stop()
		short, cancel := within(ctx)
		defer cancel()
		return nil, s.answer(short, op)
	}
	out := &schemaEvents{quota: execute.NewQuota(s.maxValues), stop: stop}
	out.release = out.quota.Watch(ctx, op)
	out.handler, out.ctx = s.executor.DispatchOperation(ctx, op)
	return out, nil
}

// schemaEvents are the events of a subscription of a gqlgen schema.
type schemaEvents struct {
	ctx     context.Context
	stop    context.CancelFunc
	quota   *execute.Quota
	release func()
	handler graphql.ResponseHandler
	ended   bool
}

// Next waits for the resolver's channel. An event that is too large is the last one.
func (e *schemaEvents) Next() *Response {
	if e.ended {
		return nil
	}
	e.quota.Renew()
	response := e.handler(e.ctx)
	switch {
	case e.ctx.Err() != nil || response == nil:
		return nil
	case e.quota.Err() != nil:
		e.ended = true
		return failure(operation.Failure(execute.CodeTooLarge, "%s", e.quota.Err()))
	}
	return encoded(response, true)
}

// Close tells the resolver to stop.
func (e *schemaEvents) Close() {
	e.stop()
	e.release()
}

func encoded(response *graphql.Response, executed bool) *Response {
	text, err := json.Marshal(response)
	if err != nil {
		return failure(operation.Failure("INTERNAL_SERVER_ERROR", "the answer could not be written"))
	}
	return &Response{Body: text, Executed: executed}
}
