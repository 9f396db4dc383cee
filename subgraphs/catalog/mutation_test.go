package catalog_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog"
	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

const register = `mutation ($target: String!) { registerLocation(input: {target: $target, clientMutationId: "m"}) { clientMutationId location { target } userErrors { field message code } } }`
const remove = `mutation ($target: String!) { removeLocation(input: {target: $target}) { location { target } userErrors { code } } }`

// payload returns the one field of a mutation's answer.
func payload(t *testing.T, got answer, field string) map[string]any {
	t.Helper()
	if got.codes != nil {
		t.Fatalf("errors: %v", got.codes)
	}
	return got.Data.(map[string]any)[field].(map[string]any)
}

func codes(payload map[string]any) string {
	var out []string
	for _, one := range payload["userErrors"].([]any) {
		out = append(out, one.(map[string]any)["code"].(string))
	}
	return strings.Join(out, " ")
}

func TestRegisteredLocationIsReadAndRemembered(t *testing.T) {
	folder, state := t.TempDir(), t.TempDir()
	target := filepath.Join(folder, "other", "team.yaml")
	write(t, target, "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: extra}\nspec: {type: team, children: []}\n")
	const asked = `{ entity(ref: "group:extra") { name source { file line } } registeredLocations { target } }`
	there := fmt.Sprintf(`{"entity": {"name": "extra", "source": {"file": %q, "line": 1}}, "registeredLocations": [{"target": %[1]q}]}`, target)
	absent := `{"entity": null, "registeredLocations": []}`

	c := openFolder(t, folder, state)
	wantData(t, ask(t, c, asked, nil), absent)
	for range 2 { // the second time changes nothing
		wantData(t, ask(t, c, register, map[string]any{"target": target}), fmt.Sprintf(
			`{"registerLocation": {"clientMutationId": "m", "location": {"target": %q}, "userErrors": []}}`, target))
		wantData(t, ask(t, c, asked, nil), there)
	}
	restarted := openFolder(t, folder, state)
	wantData(t, ask(t, restarted, asked, nil), there)
	wantData(t, ask(t, restarted, remove, map[string]any{"target": target}), fmt.Sprintf(
		`{"removeLocation": {"location": {"target": %q}, "userErrors": []}}`, target))
	wantData(t, ask(t, restarted, asked, nil), absent)
	if got := codes(payload(t, ask(t, restarted, remove, map[string]any{"target": target}), "removeLocation")); got != "NOT_FOUND" {
		t.Errorf("removing it again gives %q", got)
	}
	wantData(t, ask(t, openFolder(t, folder, state), asked, nil), absent)
}

func TestRefusedLocations(t *testing.T) {
	folder, elsewhere, state := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(elsewhere, "team.yaml"), shop)
	c := openFolder(t, folder, state)
	for target, code := range map[string]string{
		"relative/catalog-info.yaml":               "BAD_TARGET",
		"https://example.com/catalog-info.yaml":    "BAD_TARGET",
		"/" + strings.Repeat("a", 5000):            "BAD_TARGET",
		filepath.Join(elsewhere, "team.yaml"):      "BAD_TARGET",
		folder + "/../" + filepath.Base(elsewhere): "BAD_TARGET",
		filepath.Join(folder, "absent.yaml"):       "NOT_FOUND",
		filepath.Join(folder, "*.yaml"):            "NOT_FOUND",
	} {
		got := payload(t, ask(t, c, register, map[string]any{"target": target}), "registerLocation")
		if codes(got) != code || got["location"] != nil {
			t.Errorf("%.80s: %v, want %s", target, got, code)
		}
	}
	for _, c := range []*catalog.Catalog{c, openFolder(t, folder, state)} {
		wantData(t, ask(t, c, `{ registeredLocations { target } }`, nil), `{"registeredLocations": []}`)
	}
}

func TestBrokenStateIsReported(t *testing.T) {
	folder, state := t.TempDir(), t.TempDir()
	write(t, filepath.Join(state, "locations.json"), "{")
	c := openFolder(t, folder, state)
	wantData(t, ask(t, c, `{ ingestionIssues { nodes { severity rule file line document ref } } }`, nil), fmt.Sprintf(
		`{"ingestionIssues": {"nodes": [{"severity": "ERROR", "rule": "registered-locations-unreadable", "file": %q, "line": null, "document": null, "ref": null}]}}`,
		filepath.Join(state, "locations.json.broken-1")))
}

func TestValidateDescriptor(t *testing.T) {
	c, _ := open(t, nil)
	const query = `mutation ($content: String!, $file: String) { validateDescriptor(input: {content: $content, file: $file, clientMutationId: "v"}) {
	  clientMutationId valid entities { ref kind owner { ref } } issues { severity rule file line } userErrors { code } } }`
	const one = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: service, lifecycle: production, owner: group:b}\n"
	const owner = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: b}\nspec: {type: team, children: []}\n"
	wantData(t, ask(t, c, query, map[string]any{"content": one + "---\n" + owner, "file": "/x/catalog-info.yaml"}), `{"validateDescriptor": {
	  "clientMutationId": "v", "valid": true, "issues": [], "userErrors": [],
	  "entities": [{"ref": "component:default/a", "kind": "Component", "owner": {"ref": "group:default/b"}}, {"ref": "group:default/b", "kind": "Group", "owner": null}]}}`)

	got := payload(t, ask(t, c, query, map[string]any{"content": one + "---\n" + one + "---\nkind: [\n", "file": "/x/catalog-info.yaml"}), "validateDescriptor")
	if got["valid"] != false || len(got["entities"].([]any)) != 1 || len(got["issues"].([]any)) < 2 {
		t.Errorf("two of one name and one that is broken: %s", indented(t, got))
	}
	got = payload(t, ask(t, c, query, map[string]any{"content": strings.Repeat("#", descriptor.MaxFileSize+1)}), "validateDescriptor")
	if got["valid"] != false || codes(got) != "TOO_LARGE" {
		t.Errorf("a text that is too large: %s", indented(t, got))
	}
	wantData(t, ask(t, c, `{ entities { totalCount } }`, nil), `{"entities": {"totalCount": 0}}`)
}

// A client who may check a text must not read the server's files with it.
func TestValidateDescriptorReadsNoFiles(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, ".git", "config"), "hidden-word")
	write(t, filepath.Join(folder, "notes.txt"), "hidden-word")
	c := openFolder(t, folder, t.TempDir())
	for _, name := range []string{"./notes.txt", "./.git/config", filepath.Join(folder, "notes.txt")} {
		content := "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec: {type: x, lifecycle: y, owner: z, definition: {$text: " + name + "}}\n"
		got := payload(t, ask(t, c, `mutation ($content: String!, $file: String) { validateDescriptor(input: {content: $content, file: $file}) { valid entities { spec } issues { message } } }`,
			map[string]any{"content": content, "file": filepath.Join(folder, "catalog-info.yaml")}), "validateDescriptor")
		if text := indented(t, got); strings.Contains(text, "hidden-word") || got["valid"] != false {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A change of a file is served without asking for it. Should it never be, the test ends when the time for all tests is up.
func TestChangesAreServed(t *testing.T) {
	c, folder := open(t, map[string]string{"catalog-info.yaml": shop})
	write(t, filepath.Join(folder, "catalog-info.yaml"), strings.Replace(shop, "Shop Front", "Shop Window", 1))
	for {
		got := ask(t, c, `{ entity(ref: "component:web") { title } }`, nil)
		if strings.Contains(indented(t, got.Data), "Shop Window") {
			return
		}
		runtime.Gosched()
	}
}
