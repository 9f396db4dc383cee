// Package access says who a request comes from and what they may do. The headers of a request go in, and a Principal comes out, or why there is none.
//
// The one rule: who gives a token that nobody was given is refused, and not taken for somebody without one.
//
// Open this file. Tokens are kept as digests, compared in constant time, and never told.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Permission is what somebody may do.
type Permission string

// The permissions. What is not among them is open to all who may ask the graph.
const (
	RunPipelines   Permission = "pipelines.run"   // start, repeat and cancel what builds
	AuditPipelines Permission = "pipelines.audit" // see who did that
	UploadReports  Permission = "reports.upload"  // send reports of tests and coverage
)

// Permissions returns all permissions.
func Permissions() []Permission { return []Permission{AuditPipelines, RunPipelines, UploadReports} }

// Anonymous is the name of the principal of requests without a token.
const Anonymous = "anonymous"

// Principal is who a request comes from.
type Principal struct {
	Name string
	may  []Permission
}

// May tells whether the principal has the permission.
func (p *Principal) May(permission Permission) bool { return slices.Contains(p.may, permission) }

// Token lets who knows it be somebody.
type Token struct {
	Name   string // of the principal
	Secret string
	May    []Permission
}

// Access is who there is. It is immutable; its zero value lets nobody do anything.
type Access struct {
	anonymous Principal
	known     []known
}

type known struct {
	digest    [sha256.Size]byte
	principal Principal
}

// New returns the access of these tokens, and of requests without one. Empty secrets are left out.
func New(anonymous []Permission, tokens []Token) *Access {
	a := &Access{anonymous: Principal{Name: Anonymous, may: slices.Clone(anonymous)}}
	for _, t := range tokens {
		if t.Secret != "" {
			a.known = append(a.known, known{sha256.Sum256([]byte(t.Secret)), Principal{t.Name, slices.Clone(t.May)}})
		}
	}
	return a
}

// The errors of a request that may not do what it asks for.
var (
	ErrUnknown   = errors.New("the token is none that is known here")
	ErrForbidden = errors.New("this takes a permission that is not given")
)

// Of returns who a request with these headers comes from: by the bearer token in Authorization, as RFC 6750 has it. It wraps ErrUnknown.
func (a *Access) Of(header http.Header) (*Principal, error) {
	given := header.Values("Authorization")
	if len(given) == 0 {
		if a == nil {
			return &Principal{Name: Anonymous}, nil
		}
		return &a.anonymous, nil
	}
	scheme, secret, _ := strings.Cut(strings.TrimSpace(given[0]), " ")
	if a == nil || len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, ErrUnknown
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	var found *Principal
	for i := range a.known {
		if subtle.ConstantTimeCompare(digest[:], a.known[i].digest[:]) == 1 {
			found = &a.known[i].principal
		}
	}
	if found == nil {
		return nil, ErrUnknown
	}
	return found, nil
}

// The codes of errors, in extensions.code.
const (
	codeUnauthenticated = "UNAUTHENTICATED"
	codeForbidden       = "FORBIDDEN"
)

// Want returns who the operation of the context comes from where they have the permission, else an error for the client, that says what to do.
func (a *Access) Want(ctx context.Context, permission Permission) (*Principal, error) {
	var header http.Header
	if graphql.HasOperationContext(ctx) {
		header = graphql.GetOperationContext(ctx).Headers
	}
	p, err := a.Of(header)
	switch {
	case err != nil:
		return nil, refuse(err, codeUnauthenticated, "the token in the header Authorization is none that is known here: send one of those that the configuration has in access.tokens, as \"Bearer TOKEN\"")
	case p.May(permission):
		return p, nil
	case p.Name == Anonymous:
		return nil, refuse(ErrForbidden, codeUnauthenticated, "this takes the permission "+string(permission)+": send the token of somebody who has it in the header Authorization, as \"Bearer TOKEN\"; the configuration says who has it in access.tokens")
	}
	return nil, refuse(ErrForbidden, codeForbidden, p.Name+" has not the permission "+string(permission)+": the configuration gives it in access.tokens")
}

func refuse(err error, code, message string) error {
	return &gqlerror.Error{Err: err, Message: message, Extensions: map[string]any{"code": code}}
}
