package repos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/subgraphs/repos"
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// subgraph is an open subgraph that operations can be sent to.
type subgraph struct {
	t        testing.TB
	executor *executor.Executor
}

func open(t testing.TB, cfg repos.Config) subgraph {
	t.Helper()
	opened, err := repos.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return subgraph{t, executor.New(opened.ExecutableSchema())}
}

// answer sends an operation and returns the whole response as compact JSON.
func (s subgraph) answer(operation string, variables map[string]any) string {
	s.t.Helper()
	ctx := graphql.StartOperationTrace(s.t.Context())
	request, errs := s.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: operation, Variables: variables})
	if len(errs) > 0 {
		s.t.Fatalf("%s\n%v", operation, errs)
	}
	handler, ctx := s.executor.DispatchOperation(ctx, request)
	response := handler(ctx)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		Data   json.RawMessage `json:"data"`
		Errors gqlerror.List   `json:"errors,omitempty"`
	}{response.Data, response.Errors}); err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(out.String()), `\u003c`, "<"), `\u003e`, ">")
}

// data sends an operation that must succeed and returns its data.
func (s subgraph) data(operation string, variables map[string]any) map[string]any {
	s.t.Helper()
	text := s.answer(operation, variables)
	var response struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal([]byte(text), &response); err != nil {
		s.t.Fatal(err)
	}
	if len(response.Errors) > 0 {
		s.t.Fatalf("%s\nfailed: %s", operation, text)
	}
	return response.Data
}

// want compares the answer to an operation with JSON, whose blanks do not count.
func (s subgraph) want(operation, want string) {
	s.t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(want)); err != nil {
		s.t.Fatalf("%v in %s", err, want)
	}
	if got := s.answer(operation, nil); got != `{"data":`+compact.String()+"}" {
		s.t.Errorf("%s\ngives\n%s\nwant\n{\"data\":%s}", operation, got, compact.String())
	}
}

// code sends an operation that must fail and returns the code of its first error.
func (s subgraph) code(operation string) string {
	s.t.Helper()
	var response struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	text := s.answer(operation, nil)
	if err := json.Unmarshal([]byte(text), &response); err != nil || len(response.Errors) == 0 {
		s.t.Fatalf("%s\ngives %s, want an error", operation, text)
	}
	return response.Errors[0].Extensions.Code
}

func TestRepository(t *testing.T) {
	w := gittest.New(t)
	first := w.Checkout("ground/team/app")
	w.Git("ground/team/app", "remote", "add", "origin", "https://robot:secret@git.example.com:8443/Larkfold/artist-web.git")
	w.Write("ground/team/app/README.md", "# Artist web\n\nHello <script>alert(1)</script>[x](javascript:alert(1)) *you*\n")
	w.Write("ground/team/app/src/main.go", "package main\n\nfunc main() {}\n")
	w.Write("ground/team/app/.github/CODEOWNERS", "* @larkfold/all\n[bad\n/src/ @larkfold/code ada@example.com\n/src/free\n")
	second := w.Commit("ground/team/app", "Do more\n\nWith a body.")
	w.Git("ground/team/app", "branch", "topic", first)
	w.Git("ground/team/app", "tag", "-a", "v1", "-m", "x", first)
	s := open(t, repos.Config{Folders: []string{w.Path("ground")}})

	s.want(`{repositories{totalCount nodes{provider host owner name nameWithOwner path url defaultBranch currentBranch isEmpty isShallow isBare isDetached lastActivityAt issues{message}}} repositoryIssues{message}}`, `{
		"repositories": {"totalCount": 1, "nodes": [{"provider": "GIT", "host": "git.example.com", "owner": "Larkfold", "name": "artist-web",
			"nameWithOwner": "Larkfold/artist-web", "path": "ground/team/app", "url": "https://git.example.com:8443/Larkfold/artist-web",
			"defaultBranch": "main", "currentBranch": "main", "isEmpty": false, "isShallow": false, "isBare": false, "isDetached": false,
			"lastActivityAt": "2026-01-02T03:04:05+01:00", "issues": []}]}, "repositoryIssues": []}`)

	s.want(`{repository(nameWithOwner:"larkfold/ARTIST-web"){
		headCommit{oid abbreviatedOid message messageHeadline messageBody author{name email date} committer{name} authoredAt committedAt isSigned parentOids parents{oid}
			changedFiles(first:2){totalCount nodes{path previousPath change additions deletions isBinary} pageInfo{hasNextPage}} repository{path}}
		branches{nodes{name qualifiedName target{oid} aheadBy behindBy}} tags(query:"V"){totalCount nodes{name target{oid}}}}}`, fmt.Sprintf(`{"repository": {
		"headCommit": {"oid": %[2]q, "abbreviatedOid": %[3]q, "message": "Do more\n\nWith a body.\n", "messageHeadline": "Do more", "messageBody": "With a body.",
			"author": {"name": "Ada Writer", "email": "ada@example.com", "date": "2026-01-02T03:04:05+01:00"}, "committer": {"name": "Max Committer"},
			"authoredAt": "2026-01-02T03:04:05+01:00", "committedAt": "2026-01-02T03:04:05+01:00", "isSigned": false, "parentOids": [%[1]q], "parents": [{"oid": %[1]q}],
			"changedFiles": {"totalCount": 3, "nodes": [
				{"path": ".github/CODEOWNERS", "previousPath": null, "change": "ADDED", "additions": 4, "deletions": 0, "isBinary": false},
				{"path": "README.md", "previousPath": null, "change": "MODIFIED", "additions": 3, "deletions": 1, "isBinary": false}], "pageInfo": {"hasNextPage": true}},
			"repository": {"path": "ground/team/app"}},
		"branches": {"nodes": [
			{"name": "main", "qualifiedName": "refs/heads/main", "target": {"oid": %[2]q}, "aheadBy": 0, "behindBy": 0},
			{"name": "topic", "qualifiedName": "refs/heads/topic", "target": {"oid": %[1]q}, "aheadBy": 0, "behindBy": 1}]},
		"tags": {"totalCount": 1, "nodes": [{"name": "v1", "target": {"oid": %[1]q}}]}}}`, first, second, second[:7]))

	s.want(`{repository(path:"ground/team/app"){
		contributors{nodes{name email commits firstCommitAt}}
		tree(path:"src"){totalCount nodes{name path kind size}}
		file(path:"src/main.go"){name path kind size isBinary lineCount text(from:3,lines:1){text from lines isTruncated}}
		readme{path html isTruncated}
		codeowners{path rules{nodes{line pattern owners}} errors{line}}
		code:ownersOf(path:"src/main.go"){line owners} free:ownersOf(path:"src/free"){line owners} other:ownersOf(path:"x"){line}
		old:file(path:"README.md",ref:"topic"){text{text}}}}`, `{"repository": {
		"contributors": {"nodes": [{"name": "Ada Writer", "email": "ada@example.com", "commits": 2, "firstCommitAt": "2026-01-02T02:04:05Z"}]},
		"tree": {"totalCount": 1, "nodes": [{"name": "main.go", "path": "src/main.go", "kind": "FILE", "size": 29}]},
		"file": {"name": "main.go", "path": "src/main.go", "kind": "FILE", "size": 29, "isBinary": false, "lineCount": 3,
			"text": {"text": "func main() {}\n", "from": 3, "lines": 1, "isTruncated": false}},
		"readme": {"path": "README.md", "html": "<h1 id=\"artist-web\">Artist web</h1>\n<p>Hello x <em>you</em></p>\n", "isTruncated": false},
		"codeowners": {"path": ".github/CODEOWNERS", "rules": {"nodes": [
			{"line": 1, "pattern": "*", "owners": ["@larkfold/all"]}, {"line": 3, "pattern": "/src/", "owners": ["@larkfold/code", "ada@example.com"]}, {"line": 4, "pattern": "/src/free", "owners": []}]},
			"errors": [{"line": 2}]},
		"code": {"line": 3, "owners": ["@larkfold/code", "ada@example.com"]}, "free": {"line": 4, "owners": []}, "other": {"line": 1},
		"old": {"text": {"text": "# ground/team/app\n"}}}}`)

	masked := open(t, repos.Config{Folders: []string{w.Path("ground")}, MaskEmails: true})
	if text := masked.answer(`{repositories{nodes{headCommit{author{email}committer{email}}contributors{edges{cursor node{email}}}}}}`, nil); strings.Contains(text, "@") || strings.Contains(text, "error") {
		t.Errorf("addresses are kept back, yet: %s", text)
	}

	third := w.Commit("ground/team/app", "At once")
	s.want(`{repository(path:"ground/team/app"){headCommit{oid}}}`, fmt.Sprintf(`{"repository":{"headCommit":{"oid":%q}}}`, third))
}

// The pages of a history follow each other, and only totalCount walks all of it.
func TestHistory(t *testing.T) {
	w := gittest.New(t)
	w.Checkout("ground/app")
	for i := range 5 {
		w.Commit("ground/app", fmt.Sprint("change ", i))
	}
	s := open(t, repos.Config{Folders: []string{w.Path("ground")}})
	const operation = `query($after:String){repository(path:"ground/app"){history(first:4,after:$after){totalCount nodes{messageHeadline} pageInfo{hasNextPage hasPreviousPage endCursor}}}}`
	var got []string
	var after any
	for {
		history := s.data(operation, map[string]any{"after": after})["repository"].(map[string]any)["history"].(map[string]any)
		for _, node := range history["nodes"].([]any) {
			got = append(got, node.(map[string]any)["messageHeadline"].(string))
		}
		if history["totalCount"].(float64) != 6 {
			t.Errorf("totalCount is %v, want 6", history["totalCount"])
		}
		info := history["pageInfo"].(map[string]any)
		if info["hasPreviousPage"] != (after != nil) {
			t.Errorf("hasPreviousPage is %v after %v", info["hasPreviousPage"], after)
		}
		if after = info["endCursor"]; info["hasNextPage"] != true || len(got) > 10 {
			break
		}
		w.Commit("ground/app", "made between two pages") // moves nothing: a cursor names a commit
		w.Git("ground/app", "reset", "-q", "--hard", "HEAD~1")
	}
	if text := strings.Join(got, ", "); text != "change 4, change 3, change 2, change 1, change 0, first" {
		t.Errorf("the pages hold %s", text)
	}
}

// What cannot be has a code, and what is not there is null without one where the field asks for a repository.
func TestErrors(t *testing.T) {
	w := gittest.New(t)
	w.Checkout("ground/app")
	w.Git("ground", "init", "-q", "empty")
	w.Checkout("ground/bad")
	w.Write("ground/bad/.git/HEAD", "nonsense")
	w.Write("ground/worse/.git", "gitdir: /etc\n")
	s := open(t, repos.Config{Folders: []string{w.Path("ground")}})
	for fields, want := range map[string]string{
		`commit(ref:"nothing"){oid}`:                     "NOT_FOUND",
		`commit(ref:"HEAD~1"){oid}`:                      "NOT_FOUND",
		`history(ref:"--all"){totalCount}`:               "NOT_FOUND",
		`history(first:101){totalCount}`:                 "BAD_PAGE",
		`history(after:"x"){totalCount}`:                 "BAD_PAGE",
		`history(path:"../x"){totalCount}`:               "BAD_INPUT",
		`file(path:"nothing"){oid}`:                      "NOT_FOUND",
		`file(path:"/etc/passwd"){oid}`:                  "BAD_INPUT",
		`file(path:"README.md"){text(from:0){text}}`:     "BAD_INPUT",
		`file(path:"README.md"){text(lines:9999){text}}`: "BAD_INPUT",
		`tree(path:"README.md"){totalCount}`:             "NOT_FOUND",
		`branches(first:-1){totalCount}`:                 "BAD_PAGE",
		`ownersOf(path:"../x"){line}`:                    "BAD_INPUT",
	} {
		if got := s.code(`{repository(path:"ground/app"){` + fields + `}}`); got != want {
			t.Errorf("%s gives %s, want %s", fields, got, want)
		}
	}
	if got := s.code(`{repository(path:"ground/bad"){headCommit{oid}}}`); got != "BAD_REPOSITORY" {
		t.Errorf("a damaged repository gives %s", got)
	}
	if got := s.code(`{repository{id}}`); got != "BAD_INPUT" {
		t.Errorf("no name gives %s", got)
	}
	s.want(`{a:repository(path:"ground/none"){id} b:repository(id:"MTpHSVQ6Og"){id} c:repository(id:"x"){id} d:repository(nameWithOwner:"a/b"){id} e:repository(path:"secret/app"){id}}`,
		`{"a":null,"b":null,"c":null,"d":null,"e":null}`)
	s.want(`{repositoryIssues{path code} repository(path:"ground/bad"){issues{code}}}`,
		`{"repositoryIssues":[{"path":"ground/worse","code":"BAD_REPOSITORY"}],"repository":{"issues":[{"code":"BAD_REPOSITORY"}]}}`)
	s.want(`{repository(path:"ground/empty"){isEmpty defaultBranch currentBranch headCommit{oid} lastActivityAt branches{totalCount} history{totalCount nodes{oid}} contributors{totalCount} tree{totalCount} readme{text} codeowners{path} ownersOf(path:"x"){line} issues{code}}}`,
		`{"repository":{"isEmpty":true,"defaultBranch":"main","currentBranch":"main","headCommit":null,"lastActivityAt":null,"branches":{"totalCount":0},"history":{"totalCount":0,"nodes":[]},"contributors":{"totalCount":0},"tree":{"totalCount":0},"readme":null,"codeowners":null,"ownersOf":null,"issues":[]}}`)
}

// An entity's repository is what its author states, else what holds its declaration; nothing outside the folders is ever opened.
func TestEntities(t *testing.T) {
	w := gittest.New(t)
	w.Checkout("ground/mono")
	w.Git("ground/mono", "remote", "add", "origin", "git@github.com:larkfold/mono.git")
	w.Checkout("ground/enterprise")
	w.Git("ground/enterprise", "remote", "add", "origin", "https://github.example.com/larkfold/enterprise.git")
	w.Checkout("ground/local")
	w.Checkout("ground/group")
	w.Git("ground/group", "remote", "add", "origin", "ssh://git@gitlab.example.com:2222/a/b/group.git")
	w.Checkout("secret")
	w.Write("ground/mono/services/web/catalog-info.yaml", "x")
	link := true
	if err := os.Symlink(w.Path("secret"), w.Path("ground/mono/out")); err != nil {
		link = false
	}
	s := open(t, repos.Config{Folders: []string{w.Path("ground")}})
	file := func(parts ...string) string { return "file:" + w.Path(parts...) }
	type annotations map[string]any
	cases := []struct {
		annotations annotations
		want        string
	}{
		{annotations{}, "none"},
		{annotations{"backstage.io/managed-by-location": file("ground/mono/services/web/catalog-info.yaml")}, "ground/mono services/web"},
		{annotations{"backstage.io/managed-by-location": file("ground/mono/catalog-info.yaml")}, "ground/mono "},
		{annotations{"backstage.io/managed-by-location": file("ground/catalog-info.yaml")}, "none"},
		{annotations{"backstage.io/managed-by-location": file("secret/catalog-info.yaml")}, "none"},
		{annotations{"backstage.io/managed-by-location": file("ground/mono") + "/../../secret/x.yaml"}, "none"},
		{annotations{"backstage.io/managed-by-location": "url:https://github.com/larkfold/mono/blob/main/services/web/catalog-info.yaml"}, "ground/mono services/web"},
		{annotations{"backstage.io/source-location": "url:https://github.com/Larkfold/Mono/tree/main/services/web/"}, "ground/mono services/web"},
		{annotations{"backstage.io/source-location": "url:https://gitlab.example.com/a/b/group/-/tree/main/lib/"}, "ground/group lib"},
		{annotations{"backstage.io/source-location": "url:https://github.com/other/thing/"}, "none"},
		{annotations{"backstage.io/source-location": "url:ext::touch%20x", "backstage.io/managed-by-location": file("ground/local/x.yaml")}, "ground/local "},
		{annotations{"backstage.io/source-location": "file:" + w.Path("ground/mono/services")}, "ground/mono services"},
		{annotations{"github.com/project-slug": "larkfold/mono", "backstage.io/managed-by-location": file("ground/local/x.yaml")}, "ground/mono "},
		{annotations{"github.com/project-slug": "Larkfold/Enterprise", "backstage.io/managed-by-location": file("ground/enterprise/sub/x.yaml")}, "ground/enterprise sub"},
		{annotations{"github.com/project-slug": "larkfold/absent", "backstage.io/managed-by-location": file("ground/local/x.yaml")}, "ground/local "},
		{annotations{"github.com/project-slug": "larkfold/absent", "backstage.io/managed-by-location": file("ground/mono/x.yaml")}, "none"},
		{annotations{"backstage.io/managed-by-location": "file:relative.yaml"}, "none"},
		{annotations{"backstage.io/managed-by-location": "\x00:\x00", "backstage.io/source-location": "url:::"}, "none"},
	}
	if link {
		cases = append(cases, struct {
			annotations annotations
			want        string
		}{annotations{"backstage.io/managed-by-location": file("ground/mono/out/catalog-info.yaml")}, "none"})
	}
	var representations []any
	for i, c := range cases {
		representations = append(representations, map[string]any{"__typename": "CatalogEntity", "ref": fmt.Sprint("component:default/c", i), "annotations": map[string]any(c.annotations)})
	}
	data := s.data(`query($r:[_Any!]!){_entities(representations:$r){...on CatalogEntity{ref repositoryPath repository{id path headCommit{oid}}}}}`, map[string]any{"r": representations})
	var ids []any
	for i, found := range data["_entities"].([]any) {
		got := "none"
		if repository, ok := found.(map[string]any)["repository"].(map[string]any); ok {
			got = fmt.Sprint(repository["path"], " ", found.(map[string]any)["repositoryPath"])
			ids = append(ids, map[string]any{"__typename": "Repository", "id": repository["id"]})
		}
		if got != cases[i].want {
			t.Errorf("%v\nlies in %q, want %q", cases[i].annotations, got, cases[i].want)
		}
	}
	ids = append(ids, map[string]any{"__typename": "Repository", "id": "nonsense"})
	data = s.data(`query($r:[_Any!]!){_entities(representations:$r){...on Repository{path}}}`, map[string]any{"r": ids})
	list := data["_entities"].([]any)
	if len(list) != len(ids) || list[0].(map[string]any)["path"] != "ground/mono" || list[len(list)-1] != nil {
		t.Errorf("the repositories by id are %v", list)
	}
}

// Hundred entities of one checkout, and a hundred checkouts on one page, are answered in one request each.
func TestManyAtOnce(t *testing.T) {
	w := gittest.New(t)
	w.Checkout("ground/one")
	for i := range 30 {
		w.Git("ground", "clone", "-q", "one", fmt.Sprintf("clone%02d", i))
	}
	s := open(t, repos.Config{Folders: []string{w.Path("ground")}})
	data := s.data(`{repositories(first:100){totalCount nodes{headCommit{messageHeadline} defaultBranch}}}`, nil)["repositories"].(map[string]any)
	for _, node := range data["nodes"].([]any) {
		if got := fmt.Sprint(node); got != "map[defaultBranch:main headCommit:map[messageHeadline:first]]" {
			t.Errorf("a repository answers %s", got)
		}
	}
	if data["totalCount"].(float64) != 31 {
		t.Errorf("totalCount is %v, want 31", data["totalCount"])
	}
	var representations []any
	for i := range 100 {
		representations = append(representations, map[string]any{"__typename": "CatalogEntity", "ref": fmt.Sprint("component:default/c", i),
			"annotations": map[string]any{"backstage.io/managed-by-location": "file:" + w.Path("ground/one", fmt.Sprint(i), "catalog-info.yaml")}})
	}
	list := s.data(`query($r:[_Any!]!){_entities(representations:$r){...on CatalogEntity{repositoryPath repository{headCommit{messageHeadline}}}}}`, map[string]any{"r": representations})["_entities"].([]any)
	for i, found := range list {
		if got, want := fmt.Sprint(found), fmt.Sprintf("map[repository:map[headCommit:map[messageHeadline:first]] repositoryPath:%d]", i); got != want {
			t.Errorf("entity %d answers %s, want %s", i, got, want)
		}
	}
}

func BenchmarkPageOfRepositories(b *testing.B) {
	w := gittest.New(b)
	w.Checkout("ground/one")
	for i := range 19 {
		w.Git("ground", "clone", "-q", "one", fmt.Sprintf("clone%02d", i))
	}
	s := open(b, repos.Config{Folders: []string{w.Path("ground")}})
	for b.Loop() {
		s.answer(`{repositories(first:20){nodes{name defaultBranch headCommit{messageHeadline committedAt author{name}}}}}`, nil)
	}
}
