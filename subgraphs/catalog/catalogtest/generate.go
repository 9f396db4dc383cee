// Package catalogtest makes up an organisation for tests and benchmarks of the catalog. A number goes in; that many
// descriptors, each in a file of its own, come out: mostly components, with the owners, systems, interfaces and dependencies
// that a real organisation has. The one rule: the same number always gives the same text, and every reference in it names an
// entity of the same organisation. Open generate.go first; there is no other file.
package catalogtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// File is one generated descriptor file: a slash-separated path relative to some folder, and its text.
type File struct{ Path, Text string }

// shares is the mix of kinds, in percent, as large organisations' catalogs have it. Components take what is left.
var shares = []struct {
	kind    string
	percent int
}{{"Domain", 1}, {"Group", 3}, {"System", 4}, {"User", 10}, {"Resource", 10}, {"API", 12}}

// organisation holds the names of what was generated, so that references resolve.
type organisation struct {
	random                                                   *rand.Rand
	domains, groups, systems, users, resources, apis, others []string
}

// Generate returns n descriptors, sorted by kind and then by number. Every kind of the mix is there at least once where n is
// at least 7.
func Generate(n int) []File {
	org := &organisation{random: rand.New(rand.NewPCG(1, 2))}
	left := n
	for _, share := range shares {
		count := min(max(1, n*share.percent/100), left)
		left -= count
		names := org.names(share.kind, count)
		switch share.kind {
		case "Domain":
			org.domains = names
		case "Group":
			org.groups = names
		case "System":
			org.systems = names
		case "User":
			org.users = names
		case "Resource":
			org.resources = names
		case "API":
			org.apis = names
		}
	}
	org.others = org.names("Component", left)

	files := make([]File, 0, n)
	write := func(plural string, names []string, body func(*strings.Builder, int)) {
		for i, name := range names {
			var b strings.Builder
			body(&b, i)
			files = append(files, File{Path: plural + "/" + name + "/catalog-info.yaml", Text: b.String()})
		}
	}
	write("domains", org.domains, org.domain)
	write("groups", org.groups, org.group)
	write("systems", org.systems, org.system)
	write("users", org.users, org.user)
	write("resources", org.resources, org.resource)
	write("apis", org.apis, org.api)
	write("components", org.others, org.component)
	return files
}

// Write writes Generate(n) below the folder, which must exist, and returns the files' absolute paths in the same order.
func Write(folder string, n int) ([]string, error) {
	files := Generate(n)
	paths := make([]string, len(files))
	for i, file := range files {
		path, err := filepath.Abs(filepath.Join(folder, filepath.FromSlash(file.Path)))
		if err != nil {
			return nil, fmt.Errorf("naming a generated descriptor: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("writing a generated descriptor: %w", err)
		}
		if err := os.WriteFile(path, []byte(file.Text), 0o644); err != nil {
			return nil, fmt.Errorf("writing a generated descriptor: %w", err)
		}
		paths[i] = path
	}
	return paths, nil
}

var (
	adjectives = []string{"quiet", "artist", "playback", "billing", "search", "royal", "amber", "offline", "mobile", "partner", "ticket", "stage", "curtain", "orchestra", "lighting"}
	nouns      = []string{"web", "lookup", "gateway", "ledger", "queue", "indexer", "proxy", "worker", "portal", "importer", "player", "store", "mailer", "planner", "sync"}
	languages  = []string{"go", "java", "typescript", "python", "kotlin", "rust", "swift", "c++"}
	topics     = []string{"payments", "data", "ml", "internal", "edge", "mobile", "tier-1", "tier-2", "pci", "gdpr", "legacy"}
	types      = []string{"service", "service", "service", "service", "library", "library", "website", "mobile-feature", "data-pipeline"}
	lifecycles = []string{"production", "production", "production", "experimental", "deprecated"}
	verbs      = []string{"Serves", "Collects", "Renders", "Stores", "Forwards", "Reconciles", "Indexes"}
	objects    = []string{"the listening history of every account", "ticket sales of the last season", "artwork in all sizes", "royalty statements for rights holders", "the seating plans of partner venues"}
)

func (o *organisation) pick(from []string) string { return from[o.random.IntN(len(from))] }

func (o *organisation) names(kind string, count int) []string {
	names := make([]string, count)
	for i := range names {
		switch kind {
		case "User":
			names[i] = fmt.Sprintf("%s.%s%d", o.pick(adjectives), o.pick(nouns), i)
		case "Group":
			names[i] = fmt.Sprintf("team-%s-%d", o.pick(nouns), i)
		default:
			names[i] = fmt.Sprintf("%s-%s-%s-%d", o.pick(adjectives), o.pick(nouns), strings.ToLower(kind[:1]), i)
		}
	}
	return names
}

// some returns up to most different names out of from, so that lists vary in length and never repeat an item.
func (o *organisation) some(from []string, most int) []string {
	var out []string
	seen := map[int]bool{}
	for range o.random.IntN(most + 1) {
		if len(from) == 0 {
			break
		}
		if i := o.random.IntN(len(from)); !seen[i] {
			seen[i] = true
			out = append(out, from[i])
		}
	}
	return out
}

func (o *organisation) head(b *strings.Builder, kind, name, title string) {
	fmt.Fprintf(b, "apiVersion: backstage.io/v1alpha1\nkind: %s\nmetadata:\n  name: %s\n  title: %s\n", kind, name, title)
	fmt.Fprintf(b, "  description: |\n    %s %s.\n    Part of the %s family since %d.\n", o.pick(verbs), o.pick(objects), o.pick(adjectives), 2014+o.random.IntN(12))
}

func (o *organisation) tags(b *strings.Builder) {
	list(b, 2, "tags", append([]string{o.pick(languages)}, o.some(topics, 3)...))
}

func list(b *strings.Builder, indent int, field string, items []string) {
	if len(items) == 0 {
		return
	}
	pad := strings.Repeat(" ", indent)
	fmt.Fprintf(b, "%s%s:\n", pad, field)
	for _, item := range items {
		fmt.Fprintf(b, "%s  - %s\n", pad, item)
	}
}

// words turns "artist-web-c-12" into "Artist Web C 12".
func words(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '.' })
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, " ")
}

func (o *organisation) domain(b *strings.Builder, i int) {
	o.head(b, "Domain", o.domains[i], words(o.domains[i]))
	fmt.Fprintf(b, "spec:\n  owner: %s\n", o.pick(o.groupsOr()))
	if i > 0 && i%4 == 0 {
		fmt.Fprintf(b, "  subdomainOf: %s\n", o.domains[0])
	}
}

// groupsOr returns the groups, or one owner that is not generated where the organisation is too small to have any.
func (o *organisation) groupsOr() []string {
	if len(o.groups) == 0 {
		return []string{"nobody"}
	}
	return o.groups
}

func (o *organisation) group(b *strings.Builder, i int) {
	o.head(b, "Group", o.groups[i], words(o.groups[i]))
	fmt.Fprintf(b, "spec:\n  type: %s\n  profile:\n    displayName: %s\n    email: %s@example.com\n", map[bool]string{true: "business-unit", false: "team"}[i%10 == 0], words(o.groups[i]), o.groups[i])
	if i > 0 {
		// A tree: every tenth group is a unit below the first, the others sit in the unit before them.
		fmt.Fprintf(b, "  parent: %s\n", o.groups[map[bool]int{true: 0, false: i / 10 * 10}[i%10 == 0]])
	}
	b.WriteString("  children: []\n")
}

func (o *organisation) system(b *strings.Builder, i int) {
	o.head(b, "System", o.systems[i], words(o.systems[i]))
	fmt.Fprintf(b, "spec:\n  owner: %s\n  domain: %s\n  type: product\n", o.pick(o.groupsOr()), o.domains[i%len(o.domains)])
}

func (o *organisation) user(b *strings.Builder, i int) {
	name := o.users[i]
	o.head(b, "User", name, words(name))
	fmt.Fprintf(b, "spec:\n  profile:\n    displayName: %s\n    email: %s@example.com\n  memberOf:\n    - %s\n", words(name), name, o.pick(o.groupsOr()))
}

func (o *organisation) resource(b *strings.Builder, i int) {
	o.head(b, "Resource", o.resources[i], words(o.resources[i]))
	o.tags(b)
	fmt.Fprintf(b, "spec:\n  type: %s\n  owner: %s\n  system: %s\n", o.pick([]string{"database", "s3-bucket", "kubernetes-cluster", "queue"}), o.pick(o.groupsOr()), o.pick(o.systems))
}

func (o *organisation) api(b *strings.Builder, i int) {
	name := o.apis[i]
	o.head(b, "API", name, words(name))
	o.tags(b)
	fmt.Fprintf(b, "spec:\n  type: %s\n  lifecycle: %s\n  owner: %s\n  system: %s\n", o.pick([]string{"openapi", "openapi", "graphql", "grpc", "asyncapi"}), o.pick(lifecycles), o.pick(o.groupsOr()), o.pick(o.systems))
	fmt.Fprintf(b, "  definition: |\n    openapi: 3.0.3\n    info:\n      title: %s\n      version: 1.%d.0\n", words(name), i%20)
	for range 1 + o.random.IntN(4) {
		fmt.Fprintf(b, "    # GET /%s/%s answers one of %s\n", o.pick(nouns), o.pick(adjectives), o.pick(objects))
	}
}

func (o *organisation) component(b *strings.Builder, i int) {
	name := o.others[i]
	o.head(b, "Component", name, words(name))
	fmt.Fprintf(b, "  labels:\n    example.com/tier: tier-%d\n", 1+o.random.IntN(3))
	fmt.Fprintf(b, "  annotations:\n    github.com/project-slug: callboard-example/%s\n    backstage.io/techdocs-ref: dir:.\n    jenkins.io/job-full-name: builds/%s/main\n", name, name)
	if o.random.IntN(3) == 0 {
		fmt.Fprintf(b, "    sentry.io/project-slug: %s\n    prometheus.io/service-name: %s\n", name, name)
	}
	o.tags(b)
	fmt.Fprintf(b, "  links:\n    - url: https://runbooks.example.com/%s\n      title: Runbook\n      icon: docs\n", name)
	fmt.Fprintf(b, "spec:\n  type: %s\n  lifecycle: %s\n  owner: group:default/%s\n", o.pick(types), o.pick(lifecycles), o.pick(o.groupsOr()))
	if len(o.systems) > 0 {
		fmt.Fprintf(b, "  system: %s\n", o.pick(o.systems))
	}
	if i%12 == 5 {
		fmt.Fprintf(b, "  subcomponentOf: %s\n", o.others[o.random.IntN(i)])
	}
	list(b, 2, "providesApis", o.some(o.apis, 1))
	list(b, 2, "consumesApis", o.some(o.apis, 3))
	var depends []string
	for _, resource := range o.some(o.resources, 2) {
		depends = append(depends, "resource:default/"+resource)
	}
	for _, other := range o.some(o.others[:i], 2) {
		depends = append(depends, "component:default/"+other)
	}
	list(b, 2, "dependsOn", depends)
}
