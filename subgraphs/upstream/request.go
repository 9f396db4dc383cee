package upstream

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// PerRequest gives every operation of a schema a value of its own, which RequestOf returns to its resolvers: what one request has learnt.
func PerRequest[R any](schema graphql.ExecutableSchema, begin func() *R) graphql.ExecutableSchema {
	return perRequest[R]{schema, begin}
}

type perRequest[R any] struct {
	graphql.ExecutableSchema
	begin func() *R
}

type requestKey[R any] struct{}

func (s perRequest[R]) Exec(ctx context.Context) graphql.ResponseHandler {
	request := s.begin()
	with := func(ctx context.Context) context.Context { return context.WithValue(ctx, requestKey[R]{}, request) }
	next := s.ExecutableSchema.Exec(with(ctx))
	return func(ctx context.Context) *graphql.Response { return next(with(ctx)) }
}

// RequestOf returns the value of the operation that the context is of, or nil.
func RequestOf[R any](ctx context.Context) *R {
	request, _ := ctx.Value(requestKey[R]{}).(*R)
	return request
}
