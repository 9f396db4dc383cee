package execute

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// Documents are the operations that a gqlgen schema has parsed and found valid. Plans repeat theirs.
type Documents struct {
	kept *otter.Cache[string, *ast.QueryDocument]
}

// How much memory the documents of one schema may take, in bytes. A parsed operation takes some 75 times the size of its text.
const (
	documentsBytes       = 64 << 20
	documentBytesPerByte = 75
	documentBytes        = 1 << 10 // beside its text
)

// NewDocuments returns no documents yet.
func NewDocuments() *Documents {
	return &Documents{otter.Must(&otter.Options[string, *ast.QueryDocument]{
		MaximumWeight: documentsBytes,
		Weigher: func(text string, _ *ast.QueryDocument) uint32 {
			return uint32(min(documentBytesPerByte*len(text)+documentBytes, math.MaxUint32))
		},
	})}
}

// Get returns the document with the text.
func (d *Documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	return d.kept.GetIfPresent(text)
}

// Add keeps the document, for as long as there is room.
func (d *Documents) Add(_ context.Context, text string, document *ast.QueryDocument) {
	d.kept.Set(text, document)
}

// InProcess is a subgraph in this process: a gqlgen schema, called without HTTP and, for an operation seen before, without parsing.
type InProcess struct {
	// Forward are the names of the client's headers that resolvers may see. It must not be changed once the subgraph is used.
	Forward []string

	executor *executor.Executor
}

// Forwards returns Forward.
func (p *InProcess) Forwards() []string { return p.Forward }

// NewInProcess returns the schema as a Subgraph. Its errors are presented by present, gqlgen's way where nil; a panic of a resolver costs its
// field.
func NewInProcess(schema graphql.ExecutableSchema, present graphql.ErrorPresenterFunc) *InProcess {
	e := executor.New(schema)
	e.SetQueryCache(NewDocuments())
	if present != nil {
		e.SetErrorPresenter(present)
	}
	return &InProcess{executor: e}
}

// params returns the request as gqlgen takes it.
func (p *InProcess) params(r *Request) (*graphql.RawParams, error) {
	params := &graphql.RawParams{Query: r.Text}
	for _, name := range p.Forward {
		if values := r.Header.Values(name); len(values) > 0 {
			if params.Headers == nil {
				params.Headers = http.Header{}
			}
			params.Headers[http.CanonicalHeaderKey(name)] = values
		}
	}
	if r.Sources {
		params.Extensions = map[string]any{"sources": true}
	}
	if len(r.Variables) > 0 {
		var err error
		if params.Variables, err = decode(r.Variables); err != nil {
			return nil, &FetchError{Code: CodeInternal, Reason: "its variables could not be read", Cause: err}
		}
	}
	return params, nil
}

// Fetch executes the request's operation.
func (p *InProcess) Fetch(ctx context.Context, r *Request) (*Answer, error) {
	params, err := p.params(r)
	if err != nil {
		return nil, err
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
	return whole(r, response), nil
}

// whole returns the answer with where it comes from.
func whole(r *Request, response *graphql.Response) *Answer {
	answer := answerOf(response)
	if r.Sources && response.Extensions["sources"] != nil {
		if text, err := json.Marshal(response.Extensions); err == nil {
			answer.Sources = readSources(text)
		}
	}
	return answer
}

// Stream begins the request's subscription. Each event may use as much as the request's quota has.
func (p *InProcess) Stream(ctx context.Context, r *Request) (Stream, error) {
	params, err := p.params(r)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(graphql.StartOperationTrace(ctx))
	operation, errs := p.executor.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		stop()
		return &refused{answerOf(p.executor.DispatchError(graphql.WithOperationContext(ctx, operation), errs))}, nil
	}
	s := &stream{request: r, stop: stop, quota: r.Quota}
	if s.quota == nil {
		s.quota = NewQuota(0)
	}
	s.release = s.quota.Watch(ctx, operation)
	s.handler, s.ctx = p.executor.DispatchOperation(ctx, operation)
	return s, nil
}

// stream is a subscription of a gqlgen schema.
type stream struct {
	request *Request
	ctx     context.Context
	stop    context.CancelFunc
	quota   *Quota
	release func()
	handler graphql.ResponseHandler
}

// Next waits for the resolver's channel.
func (s *stream) Next() (*Answer, error) {
	s.quota.Renew()
	response := s.handler(s.ctx)
	switch {
	case s.ctx.Err() != nil:
		return nil, contextError(s.ctx.Err())
	case s.quota.Err() != nil:
		return nil, s.quota.Err()
	case response == nil:
		return nil, io.EOF
	}
	return whole(s.request, response), nil
}

// Close tells the resolver to stop.
func (s *stream) Close() {
	s.stop()
	s.release()
}

// refused is a subscription that was not begun: its answer says why.
type refused struct{ answer *Answer }

func (r *refused) Next() (*Answer, error) {
	answer := r.answer
	if r.answer = nil; answer == nil {
		return nil, io.EOF
	}
	return answer, nil
}

func (r *refused) Close() {}

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
