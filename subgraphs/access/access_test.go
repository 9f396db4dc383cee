package access_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"callboard.dev/callboard/subgraphs/access"
)

func TestOf(t *testing.T) {
	a := access.New([]access.Permission{access.UploadReports}, []access.Token{
		{Name: "bot", Secret: "s3cret", May: []access.Permission{access.RunPipelines}}, {Name: "nobody", Secret: ""},
	})
	for _, c := range []struct {
		given []string
		name  string // "" for refused
		runs  bool
	}{
		{nil, access.Anonymous, false},
		{[]string{"Bearer s3cret"}, "bot", true},
		{[]string{"bearer  s3cret "}, "bot", true},
		{[]string{"Bearer s3cre"}, "", false},
		{[]string{"Bearer "}, "", false},
		{[]string{"Bearer"}, "", false},
		{[]string{"s3cret"}, "", false},
		{[]string{"Basic s3cret"}, "", false},
		{[]string{"Bearer s3cret", "Bearer s3cret"}, "", false},
		{[]string{""}, "", false},
	} {
		p, err := a.Of(http.Header{"Authorization": c.given})
		switch {
		case c.name == "":
			if !errors.Is(err, access.ErrUnknown) {
				t.Errorf("%q: %v, %v", c.given, p, err)
			}
		case err != nil || p.Name != c.name || p.May(access.RunPipelines) != c.runs || p.May(access.AuditPipelines):
			t.Errorf("%q: %+v, %v", c.given, p, err)
		}
	}
	var none *access.Access
	if p, err := none.Of(nil); err != nil || p.May(access.RunPipelines) {
		t.Errorf("nobody: %v, %v", p, err)
	}
	if _, err := none.Of(http.Header{"Authorization": {"Bearer "}}); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("somebody of nobody: %v", err)
	}
}

func TestWant(t *testing.T) {
	a := access.New(nil, []access.Token{{Name: "bot", Secret: "s3cret", May: []access.Permission{access.RunPipelines}}})
	want := func(header http.Header, permission access.Permission) (*access.Principal, error) {
		return a.Want(graphql.WithOperationContext(t.Context(), &graphql.OperationContext{Headers: header}), permission)
	}
	token := http.Header{"Authorization": {"Bearer s3cret"}}
	if p, err := want(token, access.RunPipelines); err != nil || p.Name != "bot" {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := want(token, access.AuditPipelines); !errors.Is(err, access.ErrForbidden) || !strings.Contains(err.Error(), "pipelines.audit") {
		t.Errorf("%v", err)
	}
	if _, err := want(nil, access.RunPipelines); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("%v", err)
	}
	if _, err := want(http.Header{"Authorization": {"Bearer wrong-secret"}}, access.RunPipelines); !errors.Is(err, access.ErrUnknown) || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("%v", err)
	}
	if _, err := a.Want(t.Context(), access.RunPipelines); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("without an operation: %v", err)
	}
}
