package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
	"callboard.dev/callboard/subgraphs/catalog/graph"
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/catalog/store"
	"callboard.dev/callboard/subgraphs/catalog/view"
)

// The codes of what users can put right.
const (
	codeBadTarget = "BAD_TARGET" // a target that is no absolute path, or that cannot be read
	codeNotFound  = "NOT_FOUND"  // nothing is there
	codeTooMany   = "TOO_MANY"   // no more can be registered
	codeTooLarge  = "TOO_LARGE"  // a text larger than a descriptor may be
)

// codeUnavailable is the code of an error that is no user's: what must answer does not.
const codeUnavailable = "UNAVAILABLE"

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
	case len(target) > maxTarget || !utf8.ValidString(target) || strings.ContainsRune(target, 0):
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
	c := m.catalog
	c.registering.Lock()
	defer c.registering.Unlock()
	// A client that goes away halfway must not leave a location that is read and not remembered.
	ctx = context.WithoutCancel(ctx)
	known := c.locations.Has(target)
	if !known {
		if err := c.discovery.Add(ctx, target); errors.Is(err, discover.ErrClosed) {
			return nil, err
		} else if err != nil {
			code := codeBadTarget
			if errors.Is(err, fs.ErrNotExist) {
				code = codeNotFound
			}
			out.UserErrors = userError(code, "target", "%v", err)
			return out, nil
		}
	}
	// Also what is known is asked for: another replica may just have removed it.
	if err := c.locations.Add(ctx, target); err != nil {
		if !known {
			if undone := c.discovery.Remove(ctx, target); undone != nil {
				c.log.Error("a location that could not be remembered is read all the same", "target", target, "error", undone)
			}
		}
		if errors.Is(err, store.ErrFull) {
			out.UserErrors = userError(codeTooMany, "target", "%d locations are registered, and there can be no more; list the files in one Location entity", store.MaxLocations)
			return out, nil
		}
		return nil, c.notRemembered(err)
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
	c := m.catalog
	c.registering.Lock()
	defer c.registering.Unlock()
	ctx = context.WithoutCancel(ctx)
	// Forgotten first: should the process end in between, a restart does what was asked for.
	found, err := c.locations.Remove(ctx, target)
	if err != nil {
		return nil, c.notRemembered(err)
	}
	if err := c.discovery.Remove(ctx, target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !found {
		out.UserErrors = userError(codeNotFound, "target", "%s is not registered; registeredLocations lists what is", target)
		return out, nil
	}
	out.Location = &graph.RegisteredLocation{Target: target}
	return out, nil
}

// notRemembered is what a client is told of a store that does not answer. The reason may tell of machines, and goes to the log.
func (c *Catalog) notRemembered(err error) error {
	c.log.Error("registered locations cannot be changed", "error", err)
	return view.Refuse(codeUnavailable, "the catalog's store does not answer, so nothing can be registered or removed now; try again")
}
