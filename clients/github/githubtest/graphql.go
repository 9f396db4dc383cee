package githubtest

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

//go:embed schema/*.graphqls
var schemaFiles embed.FS

// SDL returns the schema that is served.
func SDL() string {
	var b strings.Builder
	names, err := fs.Glob(schemaFiles, "schema/*.graphqls")
	if err != nil {
		panic("githubtest: bug: listing the schema: " + err.Error())
	}
	for _, name := range names {
		text, err := schemaFiles.ReadFile(name)
		if err != nil {
			panic("githubtest: bug: reading the schema: " + err.Error())
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

// schema puts the schema and what answers its fields together.
func (g *GitHub) schema() (*clientstest.GraphQL, error) {
	fields := clientstest.Resolvers{}
	for _, some := range []clientstest.Resolvers{
		rootFields(), accountFields(), repositoryFields(), gitFields(), checkFields(), issueFields(), pullFields(), releaseFields(), mutationFields(),
	} {
		maps.Copy(fields, some)
	}
	graph, err := clientstest.NewGraphQL(SDL(), fields)
	if err != nil {
		return nil, err
	}
	graph.Absent = none
	// GitHub lets fields of one name return different enums in different types, and its own command line relies on it.
	graph.Accepts = func(e *clientstest.Error) bool {
		return strings.Contains(e.Message, "because they return conflicting types")
	}
	graph.Scalars = map[string]clientstest.Scalar{
		// A time as it stands in a commit keeps its zone.
		"GitTimestamp": func(value any) (any, error) {
			if at, ok := value.(time.Time); ok {
				return at.Format(time.RFC3339), nil
			}
			return value, nil
		},
	}
	return graph, nil
}

// none reports whether a value stands for none: an empty text, or a time that is not set.
func none(value any) bool {
	if at, ok := value.(time.Time); ok {
		return at.IsZero()
	}
	rv := reflect.ValueOf(value)
	return rv.Kind() == reflect.String && rv.Len() == 0
}

// on makes a resolver of a function that takes the object as what it is.
func on[T any](resolve func(c *call, object T, at clientstest.Field) (any, error)) clientstest.Resolve {
	return func(ctx context.Context, at clientstest.Field) (any, error) {
		object, ok := at.Object.(T)
		if !ok {
			return nil, fmt.Errorf("bug: %s of a %T", at.Definition.Name, at.Object)
		}
		value, err := resolve(callOf(ctx), object, at)
		return value, graphError(err)
	}
}

// of makes a resolver of a function that needs only the object.
func of[T any](resolve func(object T) any) clientstest.Resolve {
	return on(func(_ *call, object T, _ clientstest.Field) (any, error) { return resolve(object), nil })
}

// always makes a resolver that gives one value.
func always(value any) clientstest.Resolve {
	return func(context.Context, clientstest.Field) (any, error) { return value, nil }
}

// graphError turns what methods fail with into GitHub's errors.
func graphError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnknown), errors.Is(err, git.ErrNotFound):
		return &clientstest.Error{Type: "NOT_FOUND", Message: err.Error()}
	case errors.Is(err, ErrRefused):
		return &clientstest.Error{Type: "UNPROCESSABLE", Message: refusal(err)}
	}
	return err
}

// graphql serves the GraphQL endpoint.
func (g *GitHub) graphql() http.Handler {
	return g.free(route{graph: true}, func(c *call, w http.ResponseWriter, r *http.Request) (*reply, error) {
		if c.token == nil {
			return nil, &restError{status: http.StatusUnauthorized, message: "This endpoint requires you to be authenticated.", page: "graphql/guides/forming-calls-with-graphql#authenticating-with-graphql"}
		}
		w.Header().Set("X-GitHub-Media-Type", "github.v4; format=json")
		var request clientstest.Request
		if err := json.Unmarshal(c.body, &request); err != nil {
			return nil, &restError{status: http.StatusBadRequest, message: "Problems parsing JSON", page: "graphql"}
		}
		answer := g.answer(c, request)
		if g.limited() {
			if c.budget.Resource == "" {
				c.budget = g.charge(c.spends, true, resourceGraphQL, 0)
			}
			c.budget.header(w.Header())
		}
		return &reply{body: answer}, nil
	})
}

// answer prepares an operation, charges for it and executes it. It is called with the lock held for reading.
func (g *GitHub) answer(c *call, request clientstest.Request) clientstest.Answer {
	operation, failed := g.graph.Prepare(request)
	if len(failed) > 0 {
		for i, f := range failed {
			failed[i] = asGitHubSays(f)
		}
		return clientstest.Answer{Errors: failed}
	}
	price := priceOf(operation)
	if price.nodes > maxNodes {
		return clientstest.Answer{Errors: []*clientstest.Error{price.tooMany()}}
	}
	if lacking := price.scopes(c); lacking != nil {
		return clientstest.Answer{Errors: []*clientstest.Error{lacking}}
	}
	c.cost, c.nodes = price.points(), price.nodes
	if g.limited() {
		if c.budget = g.charge(c.spends, true, resourceGraphQL, 0); c.budget.Remaining == 0 {
			return clientstest.Answer{Errors: []*clientstest.Error{{Type: "RATE_LIMITED", Message: c.exhausted()}}}
		}
		c.budget = g.charge(c.spends, true, resourceGraphQL, c.cost)
		g.Watch.Charge(resourceGraphQL, c.cost)
	}
	if operation.Definition.Operation == ast.Mutation {
		g.mu.RUnlock()
		g.mu.Lock()
		defer func() {
			g.mu.Unlock()
			g.mu.RLock()
		}()
	}
	return operation.Execute(c.ctx)
}

var (
	unknownField    = regexp.MustCompile(`^Cannot query field "(\w+)" on type "(\w+)"`)
	unknownArgument = regexp.MustCompile(`^Unknown argument "(\w+)" on field "(\w+)\.(\w+)"`)
)

// asGitHubSays puts an error of validation in GitHub's words, where clients are known to read them.
func asGitHubSays(e *clientstest.Error) *clientstest.Error {
	out := *e
	if m := unknownField.FindStringSubmatch(e.Message); m != nil {
		out.Message = fmt.Sprintf("Field '%s' doesn't exist on type '%s'", m[1], m[2])
		out.Extensions = map[string]any{"code": "undefinedField", "typeName": m[2], "fieldName": m[1]}
	} else if m := unknownArgument.FindStringSubmatch(e.Message); m != nil {
		out.Message = fmt.Sprintf("Field '%s' doesn't accept argument '%s'", m[3], m[1])
		out.Extensions = map[string]any{"code": "argumentNotAccepted", "name": m[3], "typeName": "Field", "argumentName": m[1]}
	}
	return &out
}
