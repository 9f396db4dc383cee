package execute

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
)

// documentsKept bounds how many parsed operations an in-process subgraph remembers. Plans repeat theirs.
const documentsKept = 2000

// InProcess is a subgraph in this process: a gqlgen schema, called without HTTP and, for an operation seen before, without parsing.
type InProcess struct {
	executor *executor.Executor
}

// NewInProcess returns the schema as a Subgraph. Its errors are presented by present, gqlgen's way where nil; a panic of a resolver costs its
// field.
func NewInProcess(schema graphql.ExecutableSchema, present graphql.ErrorPresenterFunc) *InProcess {
	e := executor.New(schema)
	e.SetQueryCache(lru.New[*ast.QueryDocument](documentsKept))
	if present != nil {
		e.SetErrorPresenter(present)
	}
	return &InProcess{executor: e}
}

// Fetch executes the request's operation.
func (p *InProcess) Fetch(ctx context.Context, r *Request) (*Answer, error) {
	params := &graphql.RawParams{Query: r.Fetch.Text, Headers: r.Header}
	if len(r.Variables) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(r.Variables))
		decoder.UseNumber()
		if err := decoder.Decode(&params.Variables); err != nil {
			return nil, &FetchError{Code: CodeInternal, Reason: "its variables could not be read", Cause: err}
		}
	}
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := p.executor.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		return answerOf(p.executor.DispatchError(graphql.WithOperationContext(ctx, operation), errs)), nil
	}
	quota := r.Quota
	if quota == nil {
		quota = NewQuota(0)
	}
	defer quota.Watch(ctx, operation)()
	handler, ctx := p.executor.DispatchOperation(ctx, operation)
	response := handler(ctx)
	if err := ctx.Err(); err != nil {
		return nil, contextError(err)
	}
	if err := quota.Err(); err != nil {
		return nil, err
	}
	if response == nil {
		return nil, &FetchError{Code: CodeBadAnswer, Reason: "it gave no answer"}
	}
	return answerOf(response), nil
}

func answerOf(response *graphql.Response) *Answer {
	answer := &Answer{Data: response.Data}
	for _, e := range response.Errors {
		out := SubgraphError{Message: e.Message}
		for _, step := range e.Path {
			switch step := step.(type) {
			case ast.PathName:
				out.Path = append(out.Path, string(step))
			case ast.PathIndex:
				out.Path = append(out.Path, int(step))
			}
		}
		for key, value := range e.Extensions {
			if text, err := json.Marshal(value); err == nil {
				if out.Extensions == nil {
					out.Extensions = map[string]json.RawMessage{}
				}
				out.Extensions[key] = text
			}
		}
		answer.Errors = append(answer.Errors, out)
	}
	return answer
}
