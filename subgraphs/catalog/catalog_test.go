package catalog_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/client"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/transport"

	"callboard.dev/callboard/subgraphs/catalog"
)

// shop is a small organisation: some of everything, with a reference to a group that is not there, one to a component that is
// refused, and one to an API that is a resource.
const shop = `
apiVersion: backstage.io/v1alpha1
kind: Domain
metadata: {name: sales}
spec: {owner: people}
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shop, title: The Shop}
spec: {owner: team-a, domain: sales}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Web
  title: Shop Front
  description: What customers see, 100% of it
  tags: [go, web]
  labels: {tier: one}
  annotations: {example.com/key: "Value"}
  links: [{url: "https://example.com/web", title: Site}]
spec:
  type: website
  lifecycle: production
  owner: team-a
  system: shop
  providesApis: [front, resource:default/database]
  dependsOn: [resource:database, component:gone, component:refused]
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cart, tags: [go]}
spec: {type: Service, lifecycle: Production, owner: team-b, system: shop, consumesApis: [front]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: stock, title: Stock}
spec: {type: service, lifecycle: experimental, owner: nobody, subcomponentOf: cart}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: refused}
spec: {type: service, lifecycle: experimental}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: front}
spec: {type: openapi, lifecycle: production, owner: team-b, system: shop, definition: "openapi: 3.1.0"}
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: database}
spec: {type: database, owner: user:ann, system: shop}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: people}
spec: {type: department, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-a}
spec: {type: team, parent: people, children: [], profile: {displayName: Team A, email: a@example.com}}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-b}
spec: {type: team, parent: team-a, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: ann}
spec: {memberOf: [team-a]}
`

// open serves the files, path by text, as a catalog.
func open(t *testing.T, files map[string]string) (*catalog.Catalog, string) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(folder, name), text)
	}
	return openFolder(t, folder, t.TempDir()), folder
}

func openFolder(t *testing.T, folder, state string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Config{Folders: []string{folder}, StateFolder: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answer is what a query gives: data as a tree, and the codes of the errors.
type answer struct {
	Data  any
	codes []string
}

// ask asks a catalog and returns the answer.
func ask(t *testing.T, c *catalog.Catalog, query string, variables map[string]any) answer {
	t.Helper()
	server := handler.New(c.ExecutableSchema())
	server.AddTransport(transport.POST{})
	server.Use(extension.Introspection{})
	var options []client.Option
	for name, value := range variables {
		options = append(options, client.Var(name, value))
	}
	response, err := client.New(server).RawPost(query, options...)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{Data: response.Data}
	if response.Errors == nil {
		return out
	}
	var failures []struct {
		Message    string
		Extensions struct{ Code string }
	}
	if err := json.Unmarshal(response.Errors, &failures); err != nil {
		t.Fatal(err)
	}
	for _, failure := range failures {
		if failure.Extensions.Code == "" {
			t.Errorf("an error without a code: %s", failure.Message)
		}
		out.codes = append(out.codes, failure.Extensions.Code)
	}
	return out
}

// wantData compares data with JSON text.
func wantData(t *testing.T, got answer, wanted string) {
	t.Helper()
	if got.codes != nil {
		t.Errorf("errors: %v", got.codes)
	}
	var tree any
	if err := json.Unmarshal([]byte(wanted), &tree); err != nil {
		t.Fatal(err)
	}
	if g, w := indented(t, got.Data), indented(t, tree); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhoOwnsIt(t *testing.T) {
	c, folder := open(t, map[string]string{"catalog-info.yaml": shop})
	got := ask(t, c, `query Component($ref: ID!) {
	  entity(ref: $ref) {
	    ref kind name title description tags labels links { url title }
	    owner { ref ... on Group { profile { displayName email } members(first: 20) { totalCount nodes { ref } } } }
	    ... on Component {
	      type lifecycle
	      system { ref domain { ref } }
	      providesApis(first: 10) { totalCount nodes { ref type } missing { ref reason } }
	      dependsOn(first: 20) { nodes { target { ref } targetRef missing } }
	      dependencyOf(first: 20) { totalCount }
	    }
	    issues { severity rule file line }
	  }
	}`, map[string]any{"ref": "COMPONENT:web"})
	wantData(t, got, strings.ReplaceAll(`{"entity": {
	  "ref": "component:default/web", "kind": "Component", "name": "Web", "title": "Shop Front",
	  "description": "What customers see, 100% of it", "tags": ["go", "web"], "labels": {"tier": "one"},
	  "links": [{"url": "https://example.com/web", "title": "Site"}],
	  "owner": {"ref": "group:default/team-a", "profile": {"displayName": "Team A", "email": "a@example.com"},
	    "members": {"totalCount": 1, "nodes": [{"ref": "user:default/ann"}]}},
	  "type": "website", "lifecycle": "production",
	  "system": {"ref": "system:default/shop", "domain": {"ref": "domain:default/sales"}},
	  "providesApis": {"totalCount": 1, "nodes": [{"ref": "api:default/front", "type": "openapi"}],
	    "missing": [{"ref": "resource:default/database", "reason": "WRONG_KIND"}]},
	  "dependsOn": {"nodes": [
	    {"target": null, "targetRef": "component:default/gone", "missing": "NOT_FOUND"},
	    {"target": null, "targetRef": "component:default/refused", "missing": "REFUSED"},
	    {"target": {"ref": "resource:default/database"}, "targetRef": "resource:default/database", "missing": null}]},
	  "dependencyOf": {"totalCount": 0},
	  "issues": [
	    {"severity": "WARNING", "rule": "reference-kind", "file": "FOLDER/catalog-info.yaml", "line": 27},
	    {"severity": "WARNING", "rule": "relation-target-missing", "file": "FOLDER/catalog-info.yaml", "line": 28},
	    {"severity": "WARNING", "rule": "relation-target-missing", "file": "FOLDER/catalog-info.yaml", "line": 28}]}}`, "FOLDER", folder))
}

func TestTeamPortfolio(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop})
	const query = `query TeamPortfolio($team: ID!, $after: String) {
	  entities(filter: { all: [{ kind: "Component" }, { ownedBy: $team, includeDescendants: true }] }, orderBy: [{ field: LIFECYCLE }, { field: NAME }], first: 1, after: $after) {
	    totalCount pageInfo { hasNextPage endCursor }
	    facets(of: [TYPE, LIFECYCLE, TAG]) { field values { value count } }
	    nodes { ref ... on Component { type lifecycle } }
	  }
	}`
	got := ask(t, c, query, map[string]any{"team": "group:default/team-a"})
	list := got.Data.(map[string]any)["entities"].(map[string]any)
	cursor := list["pageInfo"].(map[string]any)["endCursor"].(string)
	wantData(t, got, fmt.Sprintf(`{"entities": {
	  "totalCount": 2, "pageInfo": {"hasNextPage": true, "endCursor": %q},
	  "facets": [
	    {"field": "TYPE", "values": [{"value": "Service", "count": 1}, {"value": "website", "count": 1}]},
	    {"field": "LIFECYCLE", "values": [{"value": "production", "count": 2}]},
	    {"field": "TAG", "values": [{"value": "go", "count": 2}, {"value": "web", "count": 1}]}],
	  "nodes": [{"ref": "component:default/cart", "type": "Service", "lifecycle": "Production"}]}}`, cursor))
	got = ask(t, c, query, map[string]any{"team": "Group:team-a", "after": cursor})
	list = got.Data.(map[string]any)["entities"].(map[string]any)
	if text := indented(t, list["nodes"]); !strings.Contains(text, "component:default/web") || strings.Contains(text, "cart") {
		t.Errorf("the second page is %s", text)
	}
}

// TestFilters asks for the references that match each filter.
func TestFilters(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop})
	for arguments, wanted := range map[string]string{
		`filter: {kind: "api"}`:                                                   "api:default/front",
		`filter: {kinds: ["Domain", "SYSTEM"]}`:                                   "domain:default/sales system:default/shop",
		`filter: {type: "service"}`:                                               "component:default/cart component:default/stock",
		`filter: {lifecycles: ["experimental"]}`:                                  "component:default/stock",
		`filter: {tag: "GO"}`:                                                     "component:default/cart component:default/web",
		`filter: {tags: ["web", "none"]}`:                                         "component:default/web",
		`filter: {label: {key: "tier"}}`:                                          "component:default/web",
		`filter: {label: {key: "tier", value: "two"}}`:                            "",
		`filter: {annotation: {key: "example.com/key", value: "value"}}`:          "component:default/web",
		`filter: {name: "WEB", namespace: "default"}`:                             "component:default/web",
		`filter: {ref: "component:cart"}`:                                         "component:default/cart",
		`filter: {refs: ["user:ann", "user:bob"]}`:                                "user:default/ann",
		`filter: {owner: "nobody"}`:                                               "component:default/stock",
		`filter: {ownedBy: "team-b"}`:                                             "api:default/front component:default/cart",
		`filter: {ownedBy: "user:ann", includeAncestors: true, kind: "domain"}`:   "domain:default/sales",
		`filter: {ownedBy: "team-b", includeAncestors: true, kind: "system"}`:     "system:default/shop",
		`filter: {system: "shop", kind: "component"}`:                             "component:default/cart component:default/web",
		`filter: {domain: "sales", kinds: ["system", "resource"]}`:                "resource:default/database system:default/shop",
		`filter: {orphaned: true}`:                                                "component:default/stock",
		`filter: {dangling: true}`:                                                "component:default/stock component:default/web",
		`filter: {hasIssues: true}`:                                               "component:default/stock component:default/web",
		`filter: {hasTitle: true, kind: "component"}`:                             "component:default/stock component:default/web",
		`filter: {hasTitle: false, kind: "component"}`:                            "component:default/cart",
		`filter: {any: [{kind: "user"}, {not: {not: {kind: "domain"}}}]}`:         "domain:default/sales user:default/ann",
		`filter: {any: []}`:                                                       "",
		`filter: {all: [], kind: "user"}`:                                         "user:default/ann",
		`filter: {kind: null, name: "ann"}`:                                       "user:default/ann",
		`query: "CUSTOMERS 100%"`:                                                 "component:default/web",
		`query: "%"`:                                                              "component:default/web",
		`query: "_"`:                                                              "",
		`query: "shop"`:                                                           "system:default/shop component:default/web",
		`filter: {kind: "component"}, orderBy: [{field: TITLE, direction: DESC}]`: "component:default/stock component:default/web component:default/cart",
		`filter: {kind: "component"}, orderBy: [{field: TITLE}]`:                  "component:default/web component:default/stock component:default/cart",
		`filter: {kind: "component"}, orderBy: [{field: LIFECYCLE}, {field: NAME, direction: DESC}]`: "component:default/stock component:default/web component:default/cart",
		`filter: {kind: "component"}, last: 2`:                                                       "component:default/stock component:default/web",
	} {
		got := ask(t, c, `{ entities(`+arguments+`) { nodes { ref } } }`, nil)
		if got.codes != nil {
			t.Errorf("%s: %v", arguments, got.codes)
			continue
		}
		var refs []string
		for _, node := range got.Data.(map[string]any)["entities"].(map[string]any)["nodes"].([]any) {
			refs = append(refs, node.(map[string]any)["ref"].(string))
		}
		if text := strings.Join(refs, " "); text != wanted {
			t.Errorf("%s\n got %s\nwant %s", arguments, text, wanted)
		}
	}
}

func TestBadRequests(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop})
	deep := strings.Repeat("{not: ", 30) + "{}" + strings.Repeat("}", 30)
	for query, code := range map[string]string{
		`{ entity(ref: "no-kind") { ref } }`:                                                  "BAD_REF",
		`{ entity(ref: "component:") { ref } }`:                                               "BAD_REF",
		`{ entities(filter: {refs: ["x"]}) { totalCount } }`:                                  "BAD_REF",
		`{ entities(filter: {includeDescendants: true}) { totalCount } }`:                     "BAD_FILTER",
		`{ entities(filter: ` + deep + `) { totalCount } }`:                                   "BAD_FILTER",
		`{ entities(query: "` + strings.Repeat("a", 2000) + `") { totalCount } }`:             "BAD_FILTER",
		`{ entities(orderBy: [` + strings.Repeat("{field: NAME}", 40) + `]) { totalCount } }`: "BAD_ORDER",
		`{ entities(first: 101) { totalCount } }`:                                             "BAD_PAGE",
		`{ entities(first: 1, last: 1) { totalCount } }`:                                      "BAD_PAGE",
		`{ entities(after: "nonsense") { totalCount } }`:                                      "BAD_PAGE",
		`{ entities { facets(of: [TAG], first: 5000) { field } } }`:                           "BAD_PAGE",
		`{ entity(ref: "component:web") { relations(first: -1) { totalCount } } }`:            "BAD_PAGE",
		`{ entity(ref: "user:ann") { ... on User { memberOf(last: 101) { totalCount } } } }`:  "BAD_PAGE",
		`{ ingestionIssues(before: "x") { totalCount } }`:                                     "BAD_PAGE",
		`{ ingestionIssues(filter: {ref: ":"}) { totalCount } }`:                              "BAD_REF",
	} {
		if got := ask(t, c, query, nil); len(got.codes) != 1 || got.codes[0] != code {
			t.Errorf("%.120s: got %v, want %s", query, got.codes, code)
		}
	}
	wantData(t, ask(t, c, `{ entity(ref: "component:absent") { ref } }`, nil), `{"entity": null}`)
}

func TestRelationsBothWays(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop})
	wantData(t, ask(t, c, `{
	  api: entity(ref: "api:front") { ... on API { definition apiProvidedBy { nodes { name } missing { ref } } apiConsumedBy { edges { node { name } } } } }
	  system: entity(ref: "system:shop") { ... on System {
	    components { totalCount nodes { name } } apis { nodes { name } } resources { nodes { name } missing { ref } }
	    parts(filter: {not: {kind: "component"}}, orderBy: [{field: KIND, direction: DESC}]) { totalCount nodes { ref } facets(of: [KIND]) { without values { value count } } } } }
	  domain: entity(ref: "domain:sales") { ... on Domain { subdomainOf { ref } subdomains { totalCount } systems { nodes { name } } } }
	  cart: entity(ref: "component:cart") { ... on Component { subcomponents { nodes { name subcomponentOf { name } } } } }
	  group: entity(ref: "group:team-a") { owner { ref } ownerRef ... on Group { parent { name } children { nodes { name } }
	    own: ownerOf { totalCount } all: ownerOf(includeDescendants: true, first: 2) { totalCount pageInfo { hasNextPage } nodes { ref } } } }
	  user: entity(ref: "user:ann") { ... on User { type memberOf { nodes { name } } ownerOf(includeAncestors: true) { totalCount } } }
	  stock: entity(ref: "component:stock") { owner { ref } ownerRef relations(types: ["ownedBy", "partOf"]) { totalCount nodes { type targetRef missing } } }
	}`, nil), `{
	  "api": {"definition": "openapi: 3.1.0", "apiProvidedBy": {"nodes": [{"name": "Web"}], "missing": []}, "apiConsumedBy": {"edges": [{"node": {"name": "cart"}}]}},
	  "system": {"components": {"totalCount": 2, "nodes": [{"name": "cart"}, {"name": "Web"}]}, "apis": {"nodes": [{"name": "front"}]},
	    "resources": {"nodes": [{"name": "database"}], "missing": []},
	    "parts": {"totalCount": 2, "nodes": [{"ref": "resource:default/database"}, {"ref": "api:default/front"}],
	      "facets": [{"without": 0, "values": [{"value": "API", "count": 1}, {"value": "Resource", "count": 1}]}]}},
	  "domain": {"subdomainOf": null, "subdomains": {"totalCount": 0}, "systems": {"nodes": [{"name": "shop"}]}},
	  "cart": {"subcomponents": {"nodes": [{"name": "stock", "subcomponentOf": {"name": "cart"}}]}},
	  "group": {"owner": null, "ownerRef": null, "parent": {"name": "people"}, "children": {"nodes": [{"name": "team-b"}]},
	    "own": {"totalCount": 2}, "all": {"totalCount": 4, "pageInfo": {"hasNextPage": true}, "nodes": [{"ref": "api:default/front"}, {"ref": "component:default/cart"}]}},
	  "user": {"type": null, "memberOf": {"nodes": [{"name": "team-a"}]}, "ownerOf": {"totalCount": 4}},
	  "stock": {"owner": null, "ownerRef": "group:default/nobody", "relations": {"totalCount": 2, "nodes": [
	    {"type": "ownedBy", "targetRef": "group:default/nobody", "missing": "NOT_FOUND"}, {"type": "partOf", "targetRef": "component:default/cart", "missing": null}]}}}`)
}

func TestEntitiesForOtherSubgraphs(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop})
	wantData(t, ask(t, c, `query ($of: [_Any!]!) { _entities(representations: $of) { __typename ... on CatalogEntity { ref annotations @include(if: false) } } }`,
		map[string]any{"of": []map[string]any{
			{"__typename": "CatalogEntity", "ref": "Component:Default/WEB"},
			{"__typename": "Component", "ref": "component:default/cart"},
			{"__typename": "Component", "ref": "api:default/front"},
			{"__typename": "API", "ref": "api:front"},
			{"__typename": "CatalogEntity", "ref": "component:default/absent"},
			{"__typename": "CatalogEntity", "ref": "nonsense"},
			{"__typename": "User", "ref": "user:default/ann"},
			{"__typename": "Template", "ref": "template:default/absent"},
		}}), `{"_entities": [
	  {"__typename": "Component", "ref": "component:default/web"}, {"__typename": "Component", "ref": "component:default/cart"}, null,
	  {"__typename": "API", "ref": "api:default/front"}, null, null, {"__typename": "User", "ref": "user:default/ann"}, null]}`)
	sdl := ask(t, c, `{ _service { sdl } }`, nil).Data.(map[string]any)["_service"].(map[string]any)["sdl"].(string)
	for _, part := range []string{`interface CatalogEntity @key(fields: "ref")`, `type Component implements CatalogEntity @key(fields: "ref")`, `type PageInfo @shareable`} {
		if !strings.Contains(sdl, part) {
			t.Errorf("the SDL lacks %q", part)
		}
	}
}

func TestIssues(t *testing.T) {
	c, _ := open(t, map[string]string{"catalog-info.yaml": shop, "broken/catalog-info.yaml": "a: [\n"})
	got := ask(t, c, `{
	  all: ingestionIssues(first: 2) { totalCount pageInfo { hasNextPage endCursor } edges { cursor } }
	  warnings: ingestionIssues(filter: {severity: WARNING, rule: "relation-target-missing"}) { totalCount nodes { ref entity { name } } }
	  refused: ingestionIssues(filter: {severity: ERROR, ref: "component:refused"}) { nodes { ref entity { name } } }
	}`, nil)
	if got.codes != nil {
		t.Fatal(got.codes)
	}
	data := got.Data.(map[string]any)
	all := data["all"].(map[string]any)
	total := int(all["totalCount"].(float64))
	seen := 2
	for after := all["pageInfo"].(map[string]any)["endCursor"]; after != nil && seen < 50; {
		page := ask(t, c, `query ($after: String) { ingestionIssues(first: 2, after: $after) { nodes { rule } pageInfo { endCursor } } }`, map[string]any{"after": after}).Data.(map[string]any)["ingestionIssues"].(map[string]any)
		seen += len(page["nodes"].([]any))
		after = page["pageInfo"].(map[string]any)["endCursor"]
	}
	if total < 5 || seen != total {
		t.Errorf("%d issues on all pages, of %d", seen, total)
	}
	wantData(t, answer{Data: map[string]any{"warnings": data["warnings"], "refused": data["refused"]}}, `{
	  "warnings": {"totalCount": 3, "nodes": [
	    {"ref": "component:default/web", "entity": {"name": "Web"}}, {"ref": "component:default/web", "entity": {"name": "Web"}},
	    {"ref": "component:default/stock", "entity": {"name": "stock"}}]},
	  "refused": {"nodes": [{"ref": "component:default/refused", "entity": null}]}}`)
}
