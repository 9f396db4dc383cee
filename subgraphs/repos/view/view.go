// Package view is the graph of repositories as Go types: a client of local git repositories and the configured repository hosts go in, and what the schema
// says about a repository comes out, one method for each field. gqlgen binds the types of schema/repos.graphqls to the types here by their names, so the
// generated code calls these methods.
//
// The one rule: within one request a repository's refs are read once, so one answer never mixes two states of a repository; all else is named by object
// ids, which never change. Open repository.go first, then facts.go for what a checkout and a host's repository have in common, and asking.go for how a
// request's questions to a host become few.
package view

import (
	"context"
	"errors"
	"fmt"

	"callboard.dev/callboard/clients/git"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The codes of the errors of this subgraph, in extensions.code.
const (
	CodeNotFound      = "NOT_FOUND"      // what was asked for is not in the repository
	CodeBadInput      = "BAD_INPUT"      // an argument can name nothing
	CodeBadPage       = "BAD_PAGE"       // first, after, last or before cannot be used
	CodeBadRepository = "BAD_REPOSITORY" // git cannot read the repository
	CodeTooLarge      = "TOO_LARGE"      // the answer exceeds a limit
	CodeTimeout       = "TIMEOUT"        // git took too long
	CodeUnavailable   = "UNAVAILABLE"    // git cannot be run
)

// source is what extensions.source says of errors that come from git.
const source = "git"

// codeOf returns the code of an error of the client; "" for one that is the request's own, such as its end.
func codeOf(err error) string {
	switch {
	case errors.Is(err, git.ErrNotFound):
		return CodeNotFound
	case errors.Is(err, git.ErrInvalid):
		return CodeBadInput
	case errors.Is(err, git.ErrTooLarge):
		return CodeTooLarge
	case errors.Is(err, git.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout
	case errors.Is(err, git.ErrUnavailable):
		return CodeUnavailable
	case errors.Is(err, git.ErrBadRepository):
		return CodeBadRepository
	}
	return ""
}

// fail returns the error with its code for the client. One that has its code already stays what it is.
func fail(err error) error {
	code := codeOf(err)
	if err == nil || code == "" || codeIn(err) != "" {
		return err
	}
	return &gqlerror.Error{Err: err, Message: err.Error(), Extensions: map[string]any{"code": code, "source": source}}
}

// codeIn returns the code of an error that is ready for the client, "" of any other.
func codeIn(err error) string {
	var ready *gqlerror.Error
	if !errors.As(err, &ready) {
		return ""
	}
	code, _ := ready.Extensions["code"].(string)
	return code
}

// Refuse returns an error of the client's own making.
func Refuse(code, format string, args ...any) error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}

// RepositoryIssue is something that could not be read.
type RepositoryIssue struct{ Path, Code, Message string }

// issueOf returns the issue that an error is.
func issueOf(path string, err error) *RepositoryIssue {
	code := codeOf(err)
	if code == "" {
		code = CodeBadRepository
	}
	return &RepositoryIssue{Path: path, Code: code, Message: err.Error()}
}
