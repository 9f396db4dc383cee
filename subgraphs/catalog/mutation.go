package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
	"callboard.dev/callboard/subgraphs/catalog/graph"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/catalog/view"
)

// The codes of what users can put right.
const (
	codeBadTarget = "BAD_TARGET" // a target that is no absolute path, or that cannot be read
	codeNotFound  = "NOT_FOUND"  // nothing is there
	codeTooMany   = "TOO_MANY"   // no more can be registered
	codeTooLarge  = "TOO_LARGE"  // a text larger than a descriptor may be
)

type mutation struct{ catalog *Catalog }

func userError(code, field, format string, args ...any) []*graph.UserError {
	return []*graph.UserError{{Field: []string{"input", field}, Message: fmt.Sprintf(format, args...), Code: code}}
}

// ValidateDescriptor checks a text. It reads no files, whatever the text asks for: a client who may ask for a check may not ask for
// the content of files.
func (m mutation) ValidateDescriptor(_ context.Context, input graph.ValidateDescriptorInput) (*graph.ValidateDescriptorPayload, error) {
	out := &graph.ValidateDescriptorPayload{
		ClientMutationID: input.ClientMutationID.Value(), Entities: []view.CatalogEntity{}, Issues: []*view.IngestionIssue{},
		UserErrors: []*graph.UserError{},
	}
	if len(input.Content) > descriptor.MaxFileSize {
		out.UserErrors = userError(codeTooLarge, "content", "the text has %d bytes, and a descriptor file at most %d; split it", len(input.Content), descriptor.MaxFileSize)
		return out, nil
	}
	in := descriptor.Input{}
	if file := input.File.Value(); file != nil {
		in.File = *file
	}
	parsed := descriptor.Parse([]byte(input.Content), in)
	snapshot := descriptor.Snapshot{}
	issues := slices.Clone(parsed.Issues)
	lines := make(map[descriptor.Ref]int)
	for _, document := range parsed.Documents {
		if document.Entity == nil {
			continue
		}
		if line, ok := lines[document.Ref]; ok {
			issues = append(issues, descriptor.Issue{
				Severity: descriptor.SeverityError, Rule: "entity-conflict", File: in.File, Document: document.Position, Line: document.Line,
				Ref: document.Ref, Message: fmt.Sprintf("the document at line %d describes %s too; give one another name", line, document.Ref),
			})
			continue
		}
		lines[document.Ref] = document.Line
		snapshot.Entities = append(snapshot.Entities, document.Entity)
	}
	descriptor.SortIssues(issues)
	x := index.Build(view.Served(snapshot))
	for id := range index.ID(x.Len()) {
		out.Entities = append(out.Entities, view.Of(x, id))
	}
	out.Valid = true
	for _, issue := range issues {
		shown := view.Issue(x, issue)
		out.Issues = append(out.Issues, &shown)
		out.Valid = out.Valid && issue.Severity != descriptor.SeverityError
	}
	return out, nil
}

// checkTarget returns the clean form of a target, or what its author can put right.
func checkTarget(target string) (string, []*graph.UserError) {
	switch {
	case !filepath.IsAbs(target):
		return "", userError(codeBadTarget, "target", "the target %.100q is not an absolute path; write it from the root of the file system", target)
	case len(target) > maxTarget || strings.ContainsRune(target, 0):
		return "", userError(codeBadTarget, "target", "the target is no path that can be opened")
	}
	return filepath.Clean(target), nil
}

// RegisterLocation adds a location to what is read, and remembers it.
func (m mutation) RegisterLocation(ctx context.Context, input graph.RegisterLocationInput) (*graph.RegisterLocationPayload, error) {
	out := &graph.RegisterLocationPayload{ClientMutationID: input.ClientMutationID.Value(), UserErrors: []*graph.UserError{}}
	target, wrong := checkTarget(input.Target)
	if wrong != nil {
		out.UserErrors = wrong
		return out, nil
	}
	m.catalog.registering.Lock()
	defer m.catalog.registering.Unlock()
	registered := m.catalog.locations
	if !registered.Has(target) {
		if len(registered.Targets()) >= maxLocations {
			out.UserErrors = userError(codeTooMany, "target", "%d locations are registered, and there can be no more; list the files in one Location entity", maxLocations)
			return out, nil
		}
		// A client that goes away halfway must not leave a location that is read and not remembered.
		ctx = context.WithoutCancel(ctx)
		if err := m.catalog.discovery.Add(ctx, target); errors.Is(err, discover.ErrClosed) {
			return nil, err
		} else if err != nil {
			code := codeBadTarget
			if errors.Is(err, fs.ErrNotExist) {
				code = codeNotFound
			}
			out.UserErrors = userError(code, "target", "%v", err)
			return out, nil
		}
		if err := registered.Add(target); err != nil {
			return nil, errors.Join(err, m.catalog.discovery.Remove(ctx, target))
		}
	}
	out.Location = &graph.RegisteredLocation{Target: target}
	return out, nil
}

// RemoveLocation takes a location out of what is read, and forgets it.
func (m mutation) RemoveLocation(ctx context.Context, input graph.RemoveLocationInput) (*graph.RemoveLocationPayload, error) {
	out := &graph.RemoveLocationPayload{ClientMutationID: input.ClientMutationID.Value(), UserErrors: []*graph.UserError{}}
	target, wrong := checkTarget(input.Target)
	if wrong != nil {
		out.UserErrors = wrong
		return out, nil
	}
	m.catalog.registering.Lock()
	defer m.catalog.registering.Unlock()
	if !m.catalog.locations.Has(target) {
		out.UserErrors = userError(codeNotFound, "target", "%s is not registered; registeredLocations lists what is", target)
		return out, nil
	}
	// Forgotten first: should the process end in between, a restart does what was asked for.
	if err := m.catalog.locations.Remove(target); err != nil {
		return nil, err
	}
	if err := m.catalog.discovery.Remove(context.WithoutCancel(ctx), target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out.Location = &graph.RegisteredLocation{Target: target}
	return out, nil
}
