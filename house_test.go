// Package callboard_test checks the house itself: who may import whom, and that every package says what it is for.
package callboard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "callboard.dev/callboard/"

// mayImport lists, for each folder, the folders of ours it may import; a trailing slash means everything below. A folder that is not listed
// may import nothing of ours. "." stands for the folder's own subtree.
var mayImport = []struct {
	folder string
	allow  []string
	reason string
}{
	{"gateway/supergraph", nil, "the composed schema is the bottom of the gateway"},
	{"gateway/compose", []string{"gateway/supergraph", "gateway/compose/satisfy"}, "composition makes a supergraph and knows nothing of operations"},
	{"gateway/compose/satisfy", []string{"gateway/supergraph"}, "what it finds must hold without asking the planner"},
	{"gateway/operation", []string{"gateway/supergraph"}, "an operation is prepared against a schema alone"},
	{"gateway/plan", []string{"gateway/supergraph", "gateway/operation"}, "a plan holds no clients and no results"},
	{"gateway/plan/check", []string{"gateway/supergraph", "gateway/operation", "gateway/plan"}, "a plan is proved right by nothing that had a part in finding it"},
	{"gateway/execute", []string{"gateway/operation", "gateway/plan", "gateway/execute/http1"}, "all that execution needs of the supergraph is in the plan"},
	{"gateway/execute/http1", nil, "it asks upstreams over HTTP and knows nothing of GraphQL"},
	{"gateway/entitycache", []string{"gateway/plan", "gateway/execute", "clients/cache"}, "what is remembered of a subgraph is kept in the cache that upstreams have too"},
	{"gateway/introspection", []string{"gateway/operation", "gateway/execute"}, "introspection is one more subgraph"},
	{"gateway/server", []string{"gateway/supergraph", "gateway/operation", "gateway/plan", "gateway/execute", "gateway/introspection"}, "the server puts the stages together"},
	{"gateway/gatewaytest", []string{"gateway/"}, "tests of the gateway see all of it, and no subgraph"},
	{"bench", []string{"gateway/"}, "the harness measures a program from outside; it takes only plans and stand-ins from the gateway"},
	{"schema", nil, "schemas are text"},
	{"subgraphs/scalar", nil, "scalars are shared by all subgraphs"},
	{"subgraphs/relay", nil, "paging is shared by all subgraphs"},
	{"subgraphs/report", nil, "what resolvers say of sources is one thing for all subgraphs"},
	{"subgraphs/forge", []string{"clients/github", "clients/gitlab"}, "where something lies is known without asking anybody, and is one thing for all subgraphs"},
	{"subgraphs/upstream", []string{"clients", "clients/cache", "subgraphs/report"}, "how sources are asked is one thing for all subgraphs, and knows none of them"},
	{"subgraphs/database", []string{"."}, "how a database is opened is one thing for all subgraphs, and knows none of their tables"},
	{"subgraphs/generate", []string{"gateway/compose"}, "the generator must run where what it writes does not compile"},
	{"subgraphs/catalog", []string{".", "subgraphs/scalar", "subgraphs/relay", "clients/"}, "subgraphs meet only in the graph"},
	{"subgraphs/catalog/glob", nil, "a pattern stands for the same files wherever they lie"},
	{"subgraphs/catalog/remote", []string{"subgraphs/catalog/descriptor", "subgraphs/catalog/glob", "subgraphs/catalog/store"}, "hosts are asked through origins, and what is served is given to those who merge it"},
	{"subgraphs/catalog/origin", []string{"subgraphs/catalog/remote", "clients", "clients/git", "clients/github", "clients/gitlab"}, "it brings hosts to the catalog, which knows none of them"},
	{"subgraphs/repos", []string{".", "subgraphs/scalar", "subgraphs/relay", "subgraphs/report", "subgraphs/forge", "subgraphs/upstream", "clients/"}, "subgraphs meet only in the graph"},
	{"subgraphs/catalog/store", []string{".", "subgraphs/database/"}, "what is remembered knows nothing of what it means"},
	{"subgraphs/pipelines", []string{".", "subgraphs/scalar", "subgraphs/relay", "subgraphs/report", "subgraphs/forge", "subgraphs/upstream", "subgraphs/access", "clients/"}, "subgraphs meet only in the graph"},
	{"subgraphs/pipelines/announce", []string{"subgraphs/pipelines/ci", "subgraphs/pipelines/store", "clients"}, "what is said on a pull request is told to it; it knows neither the graph nor the page"},
	{"subgraphs/pipelines/coverage", nil, "a report is read without knowing where it comes from"},
	{"subgraphs/pipelines/store", []string{".", "subgraphs/database/"}, "what is remembered knows nothing of what it means"},
	{"subgraphs/pipelines/live", nil, "who watches and who looks is one thing, whatever it is that is watched"},
	{"subgraphs/pipelines/logtext", nil, "what a build wrote is made fit to show without knowing where it comes from"},
	{"subgraphs/pipelines/testreport", nil, "a report is read without knowing where it comes from"},
	{"subgraphs/access", nil, "who may do what is one thing for all subgraphs"},
	{"subgraphs/pipelines/ci", []string{".", "subgraphs/pipelines/testreport", "subgraphs/forge", "subgraphs/upstream", "clients", "clients/cache", "clients/git", "clients/github", "clients/gitlab", "clients/jenkins"}, "what systems say knows nothing of the graph"},
	{"subgraphs/pipelines/reports", []string{"subgraphs/forge", "subgraphs/pipelines/ci", "subgraphs/pipelines/coverage", "subgraphs/pipelines/store", "subgraphs/pipelines/testreport", "clients", "clients/git"}, "what is known of commits knows nothing of the graph, and no kind of system or store"},
	{"subgraphs/pipelines/ci/patch", nil, "a diff is read without knowing where it comes from"},
	{"subgraphs/sources", []string{".", "subgraphs/scalar", "clients", "clients/cache"}, "subgraphs meet only in the graph"},
	{"clients", []string{"clients/cache"}, "the transport knows no upstream"},
	{"clients/cache", nil, "the cache serves upstreams and subgraphs alike, and knows neither"},
	{"clients/cache/cachetest", []string{"clients/cache"}, "the test of stores knows no store"},
	{"clients/cache/redistest", nil, "it starts servers and knows nothing of what they keep"},
	{"clients/webhooks", nil, "what is received is for others to understand"},
	{"clients/git", []string{"clients"}, "a client knows its upstream alone"},
	{"clients/github", []string{"clients", "clients/git"}, "it says what git holds in the words of the client of git"},
	{"clients/clientstest", nil, "what simulators share knows no vendor and no client"},
	{"clients/github/githubtest", []string{"clients/clientstest", "clients/git"}, "a simulator must not share the mistakes of the client it is for; repositories are read as git has them"},
	{"clients/git/gittest", []string{"clients/git"}, "test repositories are for tests of the client"},
	{"clients/gitlab", []string{"clients", "clients/git"}, "a client knows its upstream alone; what git holds are values of git"},
	{"clients/gitlab/gitlabtest/ci", nil, "how pipelines go on in time is no matter of HTTP or of GitLab's shapes"},
	{"clients/gitlab/gitlabtest", []string{"clients/gitlab/gitlabtest/ci", "clients/clientstest", "clients/git"}, "a simulator must not share the mistakes of the client it is for; repositories are read as git has them"},
	{"clients/gitlab/gitlabtest/stage", []string{"clients/gitlab/gitlabtest", "clients/gitlab/gitlabtest/ci", "clients/git/gittest"}, "a stage is set for tests of the simulator and of the client"},
	{"clients/jenkins", []string{"clients", "clients/git"}, "a client knows its upstream alone; what git holds are values of git"},
	{"clients/jenkins/jenkinstest", []string{"clients/clientstest"}, "a simulator must not share the mistakes of the client it is for"},
	{"clients/jenkins/jenkinstest/stage", []string{"clients/jenkins/jenkinstest"}, "a stage is set for tests of the simulator and of the client"},
	{"examples", nil, "the example organisation is data"},
	{"examples/reports", []string{"."}, "what tests say is data"},
	{"examples/reports/make", []string{"examples", "examples/reports"}, "it builds the repository whose tests it runs"},
	{"examples/oncall", []string{".", "subgraphs/scalar"}, "it stands for a program of another team"},
	{"cmd/callboard", []string{"."}, ""},
}

func TestImports(t *testing.T) {
	for folder, files := range packages(t) {
		rule := -1
		for i, r := range mayImport {
			if folder == r.folder || strings.HasPrefix(folder, r.folder+"/") {
				rule = i
			}
		}
		for name, file := range files {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(folder, "cmd/callboard") {
				continue
			}
			for _, spec := range file.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				ours, found := strings.CutPrefix(imported, module)
				if !found {
					continue
				}
				if rule < 0 {
					t.Errorf("%s imports %s, but house_test.go has no rule for %s", name, ours, folder)
					continue
				}
				if r := mayImport[rule]; !allowed(r.folder, r.allow, ours) {
					t.Errorf("%s must not import %s: %s", name, ours, r.reason)
				}
			}
		}
	}
}

func allowed(folder string, allow []string, imported string) bool {
	for _, a := range allow {
		if a == "." {
			a = folder + "/"
		}
		if imported == strings.TrimSuffix(a, "/") || strings.HasSuffix(a, "/") && strings.HasPrefix(imported, a) {
			return true
		}
	}
	return false
}

func TestPackageComments(t *testing.T) {
	for folder, files := range packages(t) {
		if path.Base(folder) == "graph" {
			continue // generated
		}
		var with []string
		written := false
		for name, file := range files {
			if strings.HasSuffix(file.Name.Name, "_test") && len(files) > 1 {
				continue
			}
			written = true
			if file.Doc != nil && !directiveOnly(file.Doc) {
				with = append(with, name)
			}
		}
		sort.Strings(with)
		if written && len(with) != 1 {
			t.Errorf("package %s has %d package comments, want one: %v", folder, len(with), with)
		}
	}
}

func directiveOnly(doc *ast.CommentGroup) bool { return strings.TrimSpace(doc.Text()) == "" }

// packages parses every written Go file, by folder.
func packages(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	out := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); base == "node_modules" || base == "organisation" || base == "testdata" || len(base) > 1 && strings.HasPrefix(base, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		if out[folder] == nil {
			out[folder] = map[string]*ast.File{}
		}
		out[folder][filepath.ToSlash(name)] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
