package gitlabtest

import (
	"strings"

	"callboard.dev/callboard/clients/clientstest"
	"github.com/vektah/gqlparser/v2/ast"
)

// readsGit are the fields that GitLab asks its git servers for: they weigh one more. Those with 10 or more are weighed so by GitLab itself.
var readsGit = map[string]int{
	"Repository.rootRef": 1, "Repository.empty": 1, "Repository.exists": 1, "Repository.tree": 1, "Repository.blobs": 1, "Repository.commit": 1,
	"Tree.lastCommit": 1, "Commit.title": 1, "Commit.fullTitle": 1, "BranchRule.isDefault": 1, "BranchRule.matchingBranchesCount": 1,
	"MergeRequest.detailedMergeStatus": 1, "MergeRequest.diffHeadSha": 1, "MergeRequest.diffStatsSummary": 1, "MergeRequest.commits": 1,
	"MergeRequest.mergeable": 1, "Project.languages": 1, "UserMergeRequestInteraction.canMerge": 1, "Release.commit": 9, "Repository.branchNames": 169,
	"Project.openIssuesCount": 0, "Project.openMergeRequestsCount": 0,
}

// What Repository.blobs weighs beside its fields since GitLab 18.4.2, about: with a page of 100, which doubles it, a query for one file scored 35,
// for two 346, and 11 more for each further one.
const (
	blobsWeight = 6
	pathWeight  = 5
	manyBlobs   = 150
)

// complexity scores an operation by GitLab's rules ("Maximum query complexity", and the chapter on complexity of its GraphQL style guide):
// each field is one, one more where it reads git; a field with arguments is one more where it sorts and five more where it searches; a
// connection with arguments of its own weighs a hundredth more for each element of its page, unless it is asked for by iid.
func complexity(schema *ast.Schema, operation *clientstest.Operation) int {
	w := weigher{schema, operation.Document, operation.Variables}
	sum := 0
	for _, n := range w.set(schema.Query, operation.Definition.SelectionSet) {
		sum += n
	}
	return sum
}

type weigher struct {
	schema    *ast.Schema
	document  *ast.QueryDocument
	variables map[string]any
}

// set returns the weights of the fields of a selection set by response key: what is asked twice under one key counts once, at its most.
func (w weigher) set(t *ast.Definition, set ast.SelectionSet) map[string]int {
	out := map[string]int{}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			out[s.Alias] = max(out[s.Alias], w.field(s))
		case *ast.InlineFragment:
			w.merge(out, w.set(t, s.SelectionSet))
		case *ast.FragmentSpread:
			if f := w.document.Fragments.ForName(s.Name); f != nil {
				w.merge(out, w.set(t, f.SelectionSet))
			}
		}
	}
	return out
}

func (w weigher) merge(out, more map[string]int) {
	for key, n := range more {
		out[key] = max(out[key], n)
	}
}

func (w weigher) field(f *ast.Field) int {
	if f.Definition == nil || strings.HasPrefix(f.Name, "__") {
		return 0
	}
	t := w.schema.Types[f.Definition.Type.Name()]
	sum := 0
	for _, n := range w.set(t, f.SelectionSet) {
		sum += n
	}
	weight := sum + 1 + readsGit[f.ObjectDefinition.Name+"."+f.Name]
	own := 0 // arguments that are not those of every connection
	for _, a := range f.Definition.Arguments {
		if a.Name != "first" && a.Name != "last" && a.Name != "after" && a.Name != "before" {
			own++
		}
	}
	if own == 0 {
		return weight
	}
	if w.given(f, "sort") {
		weight++
	}
	if w.given(f, "search") {
		weight += 5
	}
	if f.Name == "pipelines" { // the chapter on complexity has it of its resolver alone
		for _, name := range []string{"sha", "ref"} {
			if w.given(f, name) {
				weight += 2
			}
		}
	}
	if f.Name == "blobs" {
		paths, _ := w.value(f, "paths").([]any)
		weight += blobsWeight + pathWeight*len(paths)
		if len(paths) > 1 {
			weight += manyBlobs
		}
	}
	if !strings.HasSuffix(t.Name, "Connection") || w.given(f, "iid") || w.given(f, "iids") {
		return weight
	}
	page := mostGraphPage
	for _, name := range []string{"first", "last"} {
		switch n := w.value(f, name).(type) {
		case int:
			page = min(page, n)
		case int64:
			page = min(page, int(n))
		}
	}
	return weight + weight*page/100
}

func (w weigher) given(f *ast.Field, name string) bool {
	if a := f.Arguments.ForName(name); a != nil {
		return w.value(f, name) != nil
	}
	return false
}

func (w weigher) value(f *ast.Field, name string) any {
	a := f.Arguments.ForName(name)
	if a == nil {
		return nil
	}
	value, err := a.Value.Value(w.variables)
	if err != nil {
		return nil
	}
	return value
}
