package descriptor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

const head = "apiVersion: backstage.io/v1alpha1\nkind: Component\n"

// component returns a valid document; extra lines are added to metadata and spec.
func component(name, metadata, spec string) string {
	return head + "metadata:\n  name: " + name + "\n" + metadata + "spec:\n  type: service\n  lifecycle: production\n  owner: team-a\n" + spec
}

func parse(text string) descriptor.File {
	return descriptor.Parse([]byte(text), descriptor.Input{File: "/checkout/catalog-info.yaml"})
}

func names(file descriptor.File) string {
	var out []string
	for _, d := range file.Documents {
		if d.Entity != nil {
			out = append(out, d.Entity.Name)
		}
	}
	return strings.Join(out, " ")
}

func issues(file descriptor.File) string {
	var out []string
	for _, i := range file.Issues {
		out = append(out, fmt.Sprintf("%s@%d", i.Rule, i.Line))
	}
	return strings.Join(out, " ")
}

func TestParse(t *testing.T) {
	a, b := component("a", "", ""), component("b", "", "")
	for _, c := range []struct{ name, text, names, issues string }{
		{"empty", "", "", ""},
		{"comment only", "# nothing\n\n", "", ""},
		{"null documents", "---\n---\n~\n--- # x\nnull\n", "", ""},
		{"two documents", a + "---\n" + b, "a b", ""},
		{"marker first", "---\n" + a + "---\n" + b + "---\n", "a b", ""},
		{"directive", "%YAML 1.2\n---\n" + a + "...\n" + b, "a b", ""},
		{"byte order mark", "\ufeff" + a, "a", ""},
		{"line ends of Windows", strings.ReplaceAll(a+"---\n"+b, "\n", "\r\n"), "a b", ""},
		{"broken document between", a + "---\nkind: [unclosed\n---\n" + b, "a b", "yaml-syntax@10"},
		{"open quote between", a + "---\nkind: \"open\n---\n" + b, "a b", "yaml-syntax@10"},
		{"block scalar at the end", a + "  note: |\n    text\n---\n" + b, "a b", ""},
		{"bytes that are no text", a + "---\nx: \xff\n---\n" + b, "a b", "file-encoding@10"},
		{"tab", head + "metadata:\n\tname: x\n", "", "yaml-syntax@4"},
		{"text after the document", "{}\n}\n---\n" + b, "b", "yaml-syntax@2"},
		{"list", "- a\n- b\n", "", "document-not-object@1"},
		{"duplicate key", "kind: a\nkind: b\n", "", "yaml-duplicate-key@2"},
		{"key twice with different types", "1: a\n'1': b\n", "", "yaml-duplicate-key@2"},
		{"unknown anchor", "kind: *x\n", "", "yaml-syntax@1"},
		{"anchor inside itself", "a: &a [*a]\n", "", "yaml-alias-expansion@1"},
		{"deep", strings.Repeat("[", 200) + strings.Repeat("]", 200), "", "yaml-depth@1"},
		{"merge key is a key", "x: &x {kind: Component}\n<<: *x\n", "", "field-missing@1 field-missing@1 field-missing@1"},
		{"object as key", "{ {a: b}: c }\n", "", "yaml-key@1"},
		{"unknown tag", component("a", "  x: !mine 1\n", ""), "a", "yaml-tag@5"},
		{"no number of JSON", component("a", "  x: .inf\n", ""), "a", "yaml-number@5"},
		{"relations in the file", a + "relations: []\n", "", "field-unknown@9"},
		{"several faults at once", component("a b", "  tags: [A, x--y]\n  labels: {a#b: c}\n", "  system: 7\n"), "", "metadata-name-format@4 metadata-tag-format@5 metadata-tag-format@5 metadata-label-key-format@6 field-type@11"},
		{"null is no string", component("a", "  title:\n", ""), "", "field-type@5"},
		{"namespace in capitals", component("a", "  namespace: Tools\n", ""), "", "metadata-namespace-format@5"},
		{"empty namespace", component("a", "  namespace: ''\n", ""), "", "field-empty@5"},
		{"kind in lower case", strings.Replace(a, "Component", "component", 1), "", "kind-unknown@2"},
		{"version of another kind", strings.Replace(a, "v1alpha1", "v9", 1), "", "api-version-unknown@1"},
		{"misspelt optional field", component("a", "", "  dependson: [component:b]\n"), "a", "field-misspelt@9"},
		{"target without kind", component("a", "", "  dependsOn: [component:b, c]\n"), "", "reference-kind-missing@9"},
		{"unchecked field with a bad target", component("a", "", "  dependencyOf: [7]\n"), "", "reference-format@9"},
		{"owner of the wrong kind", strings.Replace(a, "team-a", "component:b", 1), "a", "reference-kind@8"},
		{"link", component("a", "  links: [{url: x, title: ' '}]\n", ""), "", "metadata-link-blank@5 metadata-link-url@5"},
		{"skeleton", component("{{ name }}", "", ""), "", "yaml-key@4"},
		{"placeholder without a folder", component("a", "  x: {$text: ./y}\n", ""), "", "placeholder-target@5"},
	} {
		file := parse(c.text)
		if names(file) != c.names || issues(file) != c.issues {
			t.Errorf("%s: entities %q with issues %q, want %q with %q\n%v", c.name, names(file), issues(file), c.names, c.issues, file.Issues)
		}
	}
}

func TestPositionsCountEmptyDocuments(t *testing.T) {
	file := parse("# leading\n---\n---\n" + component("a", "", "") + "---\nkind: [\n---\n" + component("b", "", ""))
	var got []string
	for _, d := range file.Documents {
		got = append(got, fmt.Sprintf("%d@%d", d.Position, d.Line))
	}
	if want := "1@4 2@12 3@15"; strings.Join(got, " ") != want {
		t.Errorf("documents are at %v, want %s", got, want)
	}
}

func TestMessagesSayWhatToDo(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{strings.Replace(component("a", "", ""), "owner:", "ower:", 1), `did you mean it by "ower"?`},
		{strings.Replace(component("a", "", ""), "  lifecycle: production\n", "", 1), "spec.lifecycle is missing; add it as a string, such as production"},
		{strings.Replace(component("a", "", ""), "Component", "Componet", 1), `did you mean "Component"?`},
		{component("my app", "", ""), `did you mean "my-app"?`},
		{component("a", "  tags: [Hello World]\n", ""), `did you mean "hello-world"?`},
		{component("a", "  annotations: {x: 7}\n", ""), "write it in quotes"},
		{component("a", "  links: [{url: example.com/x}]\n", ""), `did you mean "https://example.com/x"?`},
		{component("a", "", "") + "metdata: {}\n", "is not a field of the format"},
		{head + "metadata:\n\tname: x\n", "YAML does not take tabs"},
	} {
		file := parse(c.text)
		if len(file.Issues) != 1 || !strings.Contains(file.Issues[0].Message, c.want) {
			t.Errorf("issues are %v, want one with %q", file.Issues, c.want)
		}
	}
}

// TestScalars holds the core schema of YAML 1.2 against what differs in older readers.
func TestScalars(t *testing.T) {
	text := component("a", "", `  x:
    date: 2001-12-14
    time: 2001-12-14t21:59:43.10-05:00
    words: [yes, no, on, off, y, n, Yes]
    bools: [true, True, TRUE, false]
    nulls: [~, null, Null, ]
    ints: [12, -7, +5, 0o17, 0xFF, 010, 1_000, 0b1]
    floats: [1.5, .5, 1., 1e3, -2E-2, 12e, 1.2.3]
    big: [9007199254740993, 18446744073709551616]
    quoted: ["12", 'true', !!str 12, "\ud83d\ude80"]
    tagged: [!!int 12, !!float 3]
    keys: {1: a, true: b, ~: c, 1.50: d}
    sexagesimal: 1:30
    alias: [&v {k: [1]}, *v]
    merge: {<<: {a: 1}}
`)
	file := parse(text)
	if len(file.Issues) != 0 || len(file.Documents) != 1 {
		t.Fatalf("issues: %v", file.Issues)
	}
	got := file.Documents[0].Entity.Spec["x"].(map[string]any)
	k := map[string]any{"k": []any{int64(1)}}
	want := map[string]any{
		"date": "2001-12-14", "time": "2001-12-14t21:59:43.10-05:00",
		"words":       []any{"yes", "no", "on", "off", "y", "n", "Yes"},
		"bools":       []any{true, true, true, false},
		"nulls":       []any{nil, nil, nil},
		"ints":        []any{int64(12), int64(-7), int64(5), int64(15), int64(255), int64(10), "1_000", "0b1"},
		"floats":      []any{1.5, .5, 1., 1e3, -2e-2, "12e", "1.2.3"},
		"big":         []any{int64(9007199254740993), 18446744073709551616.},
		"quoted":      []any{"12", "true", "12", "🚀"},
		"tagged":      []any{int64(12), 3.0},
		"keys":        map[string]any{"1": "a", "true": "b", "": "c", "1.5": "d"},
		"sexagesimal": "1:30",
		"alias":       []any{k, k},
		"merge":       map[string]any{"<<": map[string]any{"a": int64(1)}},
	}
	for key := range want {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s is %#v, want %#v", key, got[key], want[key])
		}
	}
}

func TestJSONIsADescriptor(t *testing.T) {
	file := parse("{\n\t\"apiVersion\": \"backstage.io/v1alpha1\",\n\t\"kind\": \"System\",\n\t\"metadata\": {\"name\": \"a\", \"title\": \"\\ud83d\\ude80 \\u00e9 \\/\"},\n\t\"spec\": {\"owner\": \"x\"}\n}\n")
	if len(file.Issues) != 0 || file.Documents[0].Entity.Metadata.Title != "🚀 é /" {
		t.Errorf("document is %+v with issues %v", file.Documents, file.Issues)
	}
}

// TestAliasesAreBounded is the billion laughs: nine levels of nine aliases each.
func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	file := parse(b.String() + "---\n" + component("sibling", "", ""))
	if names(file) != "sibling" || !strings.HasPrefix(issues(file), "yaml-alias-expansion@") {
		t.Errorf("entities %q, issues %q", names(file), issues(file))
	}
}

func TestLargeFileIsNotRead(t *testing.T) {
	file := descriptor.Parse(make([]byte, descriptor.MaxFileSize+1), descriptor.Input{File: "/x.yaml"})
	if issues(file) != "file-size@0" || file.Issues[0].Document != -1 {
		t.Errorf("issues are %v", file.Issues)
	}
}

func TestOneFileMakesABoundedReport(t *testing.T) {
	for _, c := range []struct {
		name, text, rule string
		documents, most  int
	}{
		{"many documents", strings.Repeat("--- a\n", 30_000), "file-documents", 20_000, 20_001},
		{"many duplicate keys", strings.Repeat("a: 1\n", 10_000), "yaml-duplicate-key", 1, 100},
		{"many bad tags", component("a", "  tags: ["+strings.Repeat("A,", 10_000)+"]\n", ""), "metadata-tag-format", 1, 100},
		{"many numbers for strings", component("a", "  tags: ["+strings.Repeat("1,", 10_000)+"]\n", ""), "field-type", 1, 100},
		{"large document", component("a", "  description: "+strings.Repeat("x", 3<<20)+"\n", "") + "---\n" + component("b", "", ""), "document-size", 2, 1},
	} {
		file := parse(c.text)
		if len(file.Documents) != c.documents || len(file.Issues) == 0 || len(file.Issues) > c.most || file.Issues[0].Rule != c.rule {
			t.Errorf("%s: %d documents with %d issues, of which the first is %.200v", c.name, len(file.Documents), len(file.Issues), file.Issues[:1])
		}
	}
	last := parse(strings.Repeat("a: 1\n", 10_000)).Issues
	if message := last[len(last)-1].Message; !strings.Contains(message, "more issue") {
		t.Errorf("nothing says that there are more: %s", message)
	}
}

func TestEntity(t *testing.T) {
	text := `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Edge.Case_One
  namespace: tools
  title: Edge
  labels: {example.com/empty: ''}
  annotations: {a: b, backstage.io/managed-by-location: "url:mine"}
  links: [{url: "https://x.example", title: X, icon: docs, type: t}]
  tags: [c++, b]
  nested: {a: [1]}
spec:
  type: service
  lifecycle: Production
  owner: User:default/Nobody
  consumesApis: [petstore, default/petstore, petstore]
  dependsOn: ['resource:default/db', 'Component:Edge.Case_One']
`
	file := parse(text)
	if len(file.Issues) != 0 {
		t.Fatal(file.Issues)
	}
	got := file.Documents[0].Entity
	ref := descriptor.Ref{Kind: "component", Namespace: "tools", Name: "edge.case_one"}
	want := &descriptor.Entity{
		Ref: ref, APIVersion: "backstage.io/v1alpha1", Kind: "Component", Namespace: "tools", Name: "Edge.Case_One",
		Metadata: descriptor.Metadata{
			Title: "Edge", Labels: map[string]string{"example.com/empty": ""}, Tags: []string{"c++", "b"},
			Annotations: map[string]string{"a": "b", "backstage.io/managed-by-location": "url:mine", "backstage.io/managed-by-origin-location": "file:/checkout/catalog-info.yaml"},
			Links:       []descriptor.Link{{URL: "https://x.example", Title: "X", Icon: "docs", Type: "t"}},
			Extra:       map[string]any{"nested": map[string]any{"a": []any{int64(1)}}},
		},
		Spec: map[string]any{
			"type": "service", "lifecycle": "Production", "owner": "User:default/Nobody",
			"consumesApis": []any{"default/petstore", "petstore", "petstore"},
			"dependsOn":    []any{"Component:Edge.Case_One", "resource:default/db"},
		},
		Relations: []descriptor.Relation{
			{Type: "consumesApi", Inverse: "apiConsumedBy", Target: descriptor.Ref{Kind: "api", Namespace: "default", Name: "petstore"}, Field: "consumesApis", Line: 16},
			{Type: "consumesApi", Inverse: "apiConsumedBy", Target: descriptor.Ref{Kind: "api", Namespace: "tools", Name: "petstore"}, Field: "consumesApis", Line: 16},
			{Type: "dependsOn", Inverse: "dependencyOf", Target: ref, Field: "dependsOn", Line: 17},
			{Type: "dependsOn", Inverse: "dependencyOf", Target: descriptor.Ref{Kind: "resource", Namespace: "default", Name: "db"}, Field: "dependsOn", Line: 17},
			{Type: "ownedBy", Inverse: "ownerOf", Target: descriptor.Ref{Kind: "user", Namespace: "default", Name: "nobody"}, Field: "owner", Line: 15},
		},
		Source: descriptor.Source{File: "/checkout/catalog-info.yaml", Line: 1, Location: "file:/checkout/catalog-info.yaml"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("entity is\n%+v, want\n%+v", got, want)
	}
}

func TestVariants(t *testing.T) {
	api := func(spec string) string {
		return "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec: {lifecycle: production, owner: x, " + spec + "}\n"
	}
	skill := func(spec string) string {
		return "apiVersion: backstage.io/v1alpha1\nkind: AiResource\nmetadata: {name: a}\nspec: {lifecycle: production, owner: x, " + spec + "}\n"
	}
	for _, c := range []struct{ text, issues string }{
		{api("type: openapi, definition: x"), ""},
		{api("type: openapi"), "field-missing@4"},
		{api("type: mcp-server, remotes: [{type: sse, url: 'https://x'}]"), ""},
		{api("type: mcp-server, remotes: []"), "field-empty@4"},
		{api("type: mcp-server, definition: x"), "field-missing@4"},
		{skill("type: skill, dependsOn: [other], allowedTools: [Read]"), ""},
		{skill("type: skill, compatibility: '" + strings.Repeat("x", 501) + "'"), "field-length@4"},
		{skill("type: rule"), "field-missing@4 field-missing@4"},
		{skill("type: plugin, skills: [a]"), ""},
		{skill("type: marketplace"), "field-missing@4"},
		{skill("type: anything"), ""},
		{"apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: a}\nspec: {type: x, steps: [{action: a, if: true}], parameters: [{}], output: {links: [{url: x}], y: z}}\n", ""},
		{"apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: a}\nspec: {type: x, steps: [{id: a}], parameters: 7, output: {y: 1}}\n", "field-missing@4 field-type@4 field-type@4"},
	} {
		if got := issues(parse(c.text)); got != c.issues {
			t.Errorf("issues are %q, want %q, of\n%s", got, c.issues, c.text)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := filepath.Join(folder, "checkout")
	write("secret", "secret")
	write("checkout/docs/text.md", "hello")
	write("checkout/a/data.json", `{"n": 1, "f": 1.5, "nested": {"$text": "x"}}`)
	write("checkout/a/data.yaml", "---\nd: 2020-01-01\n")
	write("checkout/a/two.yaml", "a: 1\n---\nb: 2\n")
	write("checkout/a/bad.json", "{")
	write("checkout/a/large", strings.Repeat("x", descriptor.MaxIncludeSize+1))
	if err := os.Symlink(filepath.Join(folder, "secret"), filepath.Join(root, "a/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../docs", filepath.Join(root, "a/inside")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "a/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := descriptor.Input{File: filepath.Join(root, "a/catalog-info.yaml"), Root: root}
	read := func(placeholder string) (any, string) {
		file := descriptor.Parse([]byte(component("a", "", "  x: "+placeholder+"\n")), in)
		if len(file.Documents) != 1 {
			t.Fatal("no document")
		}
		if e := file.Documents[0].Entity; e != nil {
			return e.Spec["x"], issues(file)
		}
		return nil, issues(file)
	}
	for _, c := range []struct {
		placeholder string
		want        any
		issues      string
	}{
		{"{$text: ../docs/text.md}", "hello", ""},
		{"{$text: inside/text.md}", "hello", ""},
		{"{$text: " + filepath.Join(root, "docs/text.md") + "}", "hello", ""},
		{"[{$json: data.json}]", []any{map[string]any{"n": int64(1), "f": 1.5, "nested": map[string]any{"$text": "x"}}}, ""},
		{"{$yaml: ./data.yaml}", map[string]any{"d": "2020-01-01"}, ""},
		{"{$text: x, other: y}", map[string]any{"$text": "x", "other": "y"}, ""},
		{"{$other: x}", map[string]any{"$other": "x"}, ""},
		{"{$text: [x]}", map[string]any{"$text": []any{"x"}}, ""},
		{"{$text: ../../secret}", nil, "placeholder-outside@9"},
		{"{$text: /etc/hostname}", nil, "placeholder-outside@9"},
		{"{$text: link}", nil, "placeholder-unreadable@9"},
		{"{$text: pipe}", nil, "placeholder-unreadable@9"},
		{"{$text: inside}", nil, "placeholder-unreadable@9"},
		{"{$text: nope}", nil, "placeholder-missing@9"},
		{"{$text: large}", nil, "placeholder-size@9"},
		{"{$text: 'https://example.com'}", nil, "placeholder-remote@9"},
		{"{$json: bad.json}", nil, "placeholder-content@9"},
		{"{$yaml: two.yaml}", nil, "placeholder-content@9"},
	} {
		got, found := read(c.placeholder)
		if !reflect.DeepEqual(got, c.want) || found != c.issues {
			t.Errorf("%s gives %#v with issues %q, want %#v with %q", c.placeholder, got, found, c.want, c.issues)
		}
	}
	name := strings.Replace(component("x", "", ""), "name: x", "name: {$text: ../docs/text.md}", 1)
	if got := issues(descriptor.Parse([]byte(name), in)); got != "field-type@4" {
		t.Errorf("a placeholder for the name gives %q: the envelope is checked first", got)
	}
	if got := descriptor.Parse([]byte(component("a", "", "  x: {$text: gone}\n")), in).Includes; !reflect.DeepEqual(got, []string{filepath.Join(root, "a/gone")}) {
		t.Errorf("includes are %v", got)
	}
}

func TestGeneratedDescriptorsAreValid(t *testing.T) {
	for _, file := range catalogtest.Generate(500) {
		if parsed := parse(file.Text); len(parsed.Issues) != 0 || len(parsed.Documents) != 1 || parsed.Documents[0].Entity == nil {
			t.Errorf("%s: %v\n%s", file.Path, parsed.Issues, file.Text)
		}
	}
}

func TestURLs(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com": true, " https://example.com ": true, "mailto:a@example.com": true, "javascript:alert(1)": true, "http:example.com": true,
		"https://[::1]:80/x": true, "https://user:pw@example.com:443": true, "slack://channel?id=1": true, "http://1.2.3.4": true, "file:///x": true, "https://bücher.example": true,
		"": false, "/path": false, "example.com": false, "http://": false, "http:///": false, "http://:80": false, "https://a b": false, "http://x:99999": false,
		"http://x:y": false, "http://[::1": false, "http://1.2.3.999": false, "http://%zz": false, "1http://x": false, "http://a<b": false,
	} {
		if got := descriptor.IsURL(text); got != want {
			t.Errorf("IsURL(%q) is %t", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(component("a", "", "  dependsOn: [component:b]\n")))
	f.Add([]byte("a: &a [*a]\n---\n%YAML 1.2\n--- !t {? [x] : y}\n...\n\ufeff'"))
	f.Add([]byte("{\"a\": \"\\ud83d\\ude80\"}"))
	f.Add([]byte("\r0"))
	f.Add([]byte("x: {$text: a}\n<<: *y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := descriptor.Parse(text, descriptor.Input{File: "/f"})
		failed := map[int]bool{}
		for _, issue := range file.Issues {
			if issue.Message == "" || issue.Rule == "" || issue.Line < 0 || issue.Line > strings.Count(string(text), "\n")+1 {
				t.Errorf("odd issue %+v", issue)
			}
			if issue.Severity == descriptor.SeverityError {
				failed[issue.Document] = true
			}
		}
		for _, document := range file.Documents {
			if (document.Entity == nil) != failed[document.Position] {
				t.Errorf("document %d has entity %v, and an error is %t", document.Position, document.Entity, failed[document.Position])
			}
		}
		if again := descriptor.Parse(text, descriptor.Input{File: "/f"}); !reflect.DeepEqual(file, again) {
			t.Error("two readings differ")
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"a:b/c", "c", "a/b:c", ":/", "a:b:c/d", "Ä:Ö/ß", "a://b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := descriptor.ParseRef(text, descriptor.RefDefaults{})
		if err != nil {
			return
		}
		again, err := descriptor.ParseRef(ref.String(), descriptor.RefDefaults{Kind: "other", Namespace: "other"})
		if err != nil || again != ref {
			t.Errorf("%q is %#v, and its text is %#v, %v", text, ref, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	files := catalogtest.Generate(1000)
	texts := make([][]byte, len(files))
	for i, file := range files {
		texts[i] = []byte(file.Text)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		descriptor.Parse(texts[i%len(texts)], descriptor.Input{File: "/f"})
	}
}
