package view

import (
	"context"
	"strconv"

	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/codeowners"
)

// Codeowners is a CODEOWNERS file.
type Codeowners struct {
	Path string
	file *codeowners.File
}

// CodeownersRule is one rule of it.
type CodeownersRule struct {
	Line    int
	Pattern string
	Owners  []string
}

// CodeownersError is what is wrong with a line of it.
type CodeownersError struct {
	Line    int
	Message string
}

// Codeowners are the rules on who owns which files.
func (r *Repository) Codeowners(ctx context.Context, ref *string) (*Codeowners, error) {
	if r.nothingYet(ctx, ref) {
		return nil, nil
	}
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	return r.codeowners(ctx, commit.OID)
}

func (r *Repository) codeowners(ctx context.Context, commit git.OID) (*Codeowners, error) {
	file, err := r.firstFile(ctx, commit, codeowners.Places)
	if err != nil || file == nil {
		return nil, err
	}
	return &Codeowners{Path: file.Path, file: r.request.ownersIn(file.blob)}, nil
}

// ownersIn returns the file's rules, read once for all fields of a request that ask.
func (q *Request) ownersIn(blob *git.Blob) *codeowners.File {
	q.mu.Lock()
	defer q.mu.Unlock()
	file := q.owners[blob.OID]
	if file == nil {
		file = codeowners.Parse(blob.Data)
		q.owners[blob.OID] = file
	}
	return file
}

// OwnersOf is the rule that says who owns a path.
func (r *Repository) OwnersOf(ctx context.Context, path string, ref *string) (*CodeownersRule, error) {
	if _, err := git.CleanPath(path); err != nil {
		return nil, fail(err)
	}
	owners, err := r.Codeowners(ctx, ref)
	if err != nil || owners == nil {
		return nil, err
	}
	rule, err := owners.file.Rule(path)
	if err != nil {
		return nil, Refuse(CodeTooLarge, "%s: %v", owners.Path, err)
	}
	if rule == nil {
		return nil, nil
	}
	return showRule(*rule), nil
}

func showRule(rule codeowners.Rule) *CodeownersRule {
	return &CodeownersRule{Line: rule.Line, Pattern: rule.Pattern, Owners: append([]string{}, rule.Owners...)}
}

// Rules are the rules in the order of the file.
func (c *Codeowners) Rules(ctx context.Context, first *int, after *string, last *int, before *string) (*CodeownersRuleConnection, error) {
	page, err := cut(c.file.Rules, relay.Args{First: first, After: after, Last: last, Before: before},
		func(rule codeowners.Rule) string { return strconv.Itoa(rule.Line) }, showRule,
		func(e edge[*CodeownersRule]) *CodeownersRuleEdge { return &CodeownersRuleEdge{e} })
	if err != nil {
		return nil, err
	}
	return &CodeownersRuleConnection{page}, nil
}

// Errors are what is wrong with it.
func (c *Codeowners) Errors() []*CodeownersError {
	out := make([]*CodeownersError, len(c.file.Errors))
	for i, e := range c.file.Errors {
		out[i] = &CodeownersError{Line: e.Line, Message: e.Message}
	}
	return out
}
