package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"go.yaml.in/yaml/v3"

	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/subgraphs/catalog"
)

// ask sends a query to the catalog of the organisation.
func ask(t *testing.T, query string, into any) {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Config{Folders: []string{organisation(t)}, StateFolder: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server := handler.New(c.ExecutableSchema())
	server.AddTransport(transport.POST{})
	body, _ := json.Marshal(map[string]string{"query": query})
	request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, request)
	var answer struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil || answer.Errors != nil {
		t.Fatalf("%v %s", err, recorder.Body)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheBlemishesAreWrong(t *testing.T) {
	var got struct {
		IngestionIssues struct {
			Nodes []struct{ Severity, Rule, Message, File, Ref string }
		}
		Dangling struct {
			Nodes []struct {
				Ref       string
				Relations struct {
					Nodes []struct{ TargetRef, Missing string }
				}
			}
		}
		Deprecated struct{ Nodes []struct{ Ref string } }
		All        struct {
			TotalCount int
			Facets     []struct {
				Values []struct {
					Value string
					Count int
				}
			}
		}
	}
	ask(t, `{
		ingestionIssues(first: 100) { nodes { severity rule message file ref } }
		dangling: entities(filter: {dangling: true}) { nodes { ref relations(first: 100) { nodes { targetRef missing } } } }
		deprecated: entities(filter: {lifecycle: "deprecated"}) { nodes { ref } }
		all: entities { totalCount facets(of: [KIND]) { values { value count } } }
	}`, &got)

	var refused []string
	for _, issue := range got.IngestionIssues.Nodes {
		if issue.Severity == "ERROR" {
			refused = append(refused, strings.TrimPrefix(issue.File, organisation(t)+"/")+" "+issue.Rule)
		}
	}
	if want := []string{"payouts/catalog-info.yaml metadata-name-format"}; !slices.Equal(refused, want) {
		t.Errorf("refused: %v, want %v", refused, want)
	}
	var missing []string
	for _, entity := range got.Dangling.Nodes {
		for _, relation := range entity.Relations.Nodes {
			if relation.Missing != "" {
				missing = append(missing, entity.Ref+" "+relation.TargetRef)
			}
		}
	}
	want := []string{"component:default/android-car-mode group:default/automotive", "component:default/search-indexer resource:default/lyrics-store"}
	if !slices.Equal(missing, want) {
		t.Errorf("missing: %v, want %v", missing, want)
	}
	if len(got.Deprecated.Nodes) != 1 || got.Deprecated.Nodes[0].Ref != "component:default/legacy-billing" {
		t.Errorf("deprecated: %v", got.Deprecated.Nodes)
	}
	if got.All.TotalCount < 100 || len(got.All.Facets[0].Values) != 10 {
		t.Errorf("%d entities of the kinds %v, want more than 100 of all ten kinds", got.All.TotalCount, got.All.Facets[0].Values)
	}
}

// document is what the tests look at in a catalog document.
type document struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Type       string
		Definition any
		Profile    struct {
			DisplayName string `yaml:"displayName"`
			Email       string
		}
	}
	repository, file string
}

// documents reads every YAML file of the organisation, and returns the catalog's documents among them.
func documents(t *testing.T) []document {
	t.Helper()
	var out []document
	for _, repository := range examples.Repositories() {
		for file, text := range storedFiles(t, repository) {
			if !strings.HasSuffix(file, ".yaml") && !strings.HasSuffix(file, ".yml") {
				continue
			}
			for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
				d := document{repository: repository, file: file}
				var node yaml.Node
				err := decoder.Decode(&node)
				if errors.Is(err, io.EOF) {
					break
				}
				if err == nil && strings.Contains(text, "backstage.io/v1") {
					err = node.Decode(&d)
				}
				if err != nil {
					t.Fatalf("%s/%s: %v", repository, file, err)
				}
				if d.Metadata.Name != "" {
					out = append(out, d)
				}
			}
		}
	}
	return out
}

// users returns the email address of every user, by name.
func users(t *testing.T) map[string]string {
	t.Helper()
	people := map[string]string{}
	for _, d := range documents(t) {
		if d.Kind == "User" {
			people[d.Spec.Profile.DisplayName] = d.Spec.Profile.Email
		}
	}
	return people
}

func TestDefinitionsAreValid(t *testing.T) {
	seen := map[string]int{}
	for _, d := range documents(t) {
		if d.Kind != "API" {
			continue
		}
		text, _ := d.Spec.Definition.(string)
		if placeholder, ok := d.Spec.Definition.(map[string]any); ok {
			path := filepath.Join("organisation", d.repository, filepath.Dir(d.file), placeholder["$text"].(string))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%s: %v", d.Metadata.Name, err)
			}
			text = string(content)
		}
		seen[d.Spec.Type]++
		if err := checkDefinition(d.Spec.Type, text); err != nil {
			t.Errorf("%s: %v", d.Metadata.Name, err)
		}
	}
	for _, kind := range []string{"openapi", "asyncapi", "graphql", "grpc"} {
		if seen[kind] == 0 {
			t.Errorf("there is no API of the type %s", kind)
		}
	}
}

func checkDefinition(kind, text string) error {
	switch kind {
	case "graphql":
		_, err := gqlparser.LoadSchema(&ast.Source{Input: text})
		if err != nil {
			return err
		}
		return nil
	case "grpc":
		if !strings.HasPrefix(text, "syntax = \"proto3\";\n") || strings.Count(text, "{") != strings.Count(text, "}") {
			return errors.New("not the text of a proto3 file")
		}
		return nil
	}
	var root map[string]any
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return err
	}
	part := map[string]string{"openapi": "paths", "asyncapi": "channels"}[kind]
	if root[kind] == nil || root["info"] == nil || root[part] == nil {
		return fmt.Errorf("lacks one of %s, info and %s", kind, part)
	}
	return checkReferences(root, root)
}

// checkReferences follows every "$ref: #/a/b" below a node.
func checkReferences(root map[string]any, node any) error {
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			if err := checkReferences(root, item); err != nil {
				return err
			}
		}
	case map[string]any:
		if reference, ok := n["$ref"].(string); ok {
			var at any = root
			for _, step := range strings.Split(strings.TrimPrefix(reference, "#/"), "/") {
				in, _ := at.(map[string]any)
				at = in[step]
			}
			if at == nil {
				return fmt.Errorf("%s leads nowhere", reference)
			}
		}
		for _, value := range n {
			if err := checkReferences(root, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestSourcesAreValid(t *testing.T) {
	seen := map[string]int{}
	for _, repository := range examples.Repositories() {
		files := storedFiles(t, repository)
		for file, text := range files {
			seen[filepath.Ext(file)]++
			if !strings.HasSuffix(text, "\n") || strings.Contains(text, "\r") {
				t.Errorf("%s/%s does not end its lines as files do", repository, file)
			}
			switch filepath.Ext(file) {
			case ".go":
				if _, err := parser.ParseFile(token.NewFileSet(), file, text, parser.AllErrors); err != nil {
					t.Errorf("%s: %v", repository, err)
				}
				if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
					t.Errorf("%s/%s is not formatted (%v)", repository, file, err)
				}
			case ".json":
				if !json.Valid([]byte(text)) {
					t.Errorf("%s/%s is not JSON", repository, file)
				}
			}
		}
		for _, pages := range docsPages(t, files["mkdocs.yml"]) {
			if files["docs/"+pages] == "" {
				t.Errorf("%s: mkdocs.yml names %s, which is not there", repository, pages)
			}
		}
		owners := files["CODEOWNERS"] + files[".github/CODEOWNERS"]
		if files["README.md"] == "" || files["catalog-info.yaml"] == "" || owners == "" {
			t.Errorf("%s lacks a README, a catalog file or a CODEOWNERS file", repository)
		}
	}
	for _, extension := range []string{".go", ".kt", ".swift", ".py", ".ts", ".tf", ".proto", ".graphql"} {
		if seen[extension] == 0 {
			t.Errorf("there is no %s file", extension)
		}
	}
}

// docsPages returns the pages that an mkdocs.yml names.
func docsPages(t *testing.T, text string) []string {
	t.Helper()
	var site struct {
		Nav []map[string]string
	}
	if err := yaml.Unmarshal([]byte(text), &site); err != nil || len(site.Nav) == 0 {
		t.Errorf("an mkdocs.yml without pages: %v", err)
	}
	var pages []string
	for _, entry := range site.Nav {
		for _, page := range entry {
			pages = append(pages, page)
		}
	}
	return pages
}

func TestEveryRepositoryOfAnAnnotationIsThere(t *testing.T) {
	for _, d := range documents(t) {
		slug, ok := d.Metadata.Annotations["github.com/project-slug"]
		if !ok || strings.Contains(slug, "{{") {
			continue
		}
		if name := strings.TrimPrefix(slug, "larkfold/"); !slices.Contains(examples.Repositories(), name) || name != d.repository {
			t.Errorf("%s in %s says its repository is %s", d.Metadata.Name, d.repository, slug)
		}
		source, ok := strings.CutPrefix(d.Metadata.Annotations["backstage.io/source-location"], "url:"+strings.TrimSuffix(examples.Origin(d.repository), ".git")+"/")
		folder, inside := strings.CutPrefix(source, "tree/main/")
		if !ok || source != "" && !inside {
			t.Errorf("%s says its source is at %q", d.Metadata.Name, d.Metadata.Annotations["backstage.io/source-location"])
		}
		if info, err := os.Stat(filepath.Join("organisation", d.repository, folder)); err != nil || !info.IsDir() {
			t.Errorf("%s: there is no folder %s (%v)", d.Metadata.Name, folder, err)
		}
	}
}
