package descriptor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// cases returns the path of a file of the shared catalog cases, or skips the test where they are not there.
func cases(t *testing.T, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("no go.mod above the working directory")
		}
		folder = filepath.Dir(folder)
	}
	path := filepath.Join(filepath.Dir(folder), "shared", "catalog-cases", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here: the catalog cases are no part of the repository", path)
	}
	return path
}

func readCases(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(cases(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

type vector struct {
	Suite, Test, Fn string
	Args            []any
	Outcome         struct {
		Value any
		Error *string
	}
}

// unnatural lists the recorded functions that have no counterpart here, with the reason.
var unnatural = map[string]string{
	"GroupDefaultParentEntityPolicy(\"name\").enforce":           "fills in a parent from a setting that this catalog does not have",
	"GroupDefaultParentEntityPolicy(\"namespace/name\").enforce": "fills in a parent from a setting that this catalog does not have",
	"CommonValidatorFunctions.isJsonSafe":                        "asks whether a function is JSON; values are JSON here by construction",
	"CommonValidatorFunctions.isValidPrefixAndOrSuffix":          "takes functions as arguments, which the recording lost",
	"CommonValidatorFunctions.isNonEmptyString":                  "asks whether any value is a string, which the type says here",
	"parseLocationRef":        "locations are not references here: a target is a file or a glob",
	"stringifyLocationRef":    "locations are not references here: a target is a file or a glob",
	"getEntitySourceLocation": "reads an annotation, which the subgraphs that use it do",
}

// predicates are the recorded functions on one string.
var predicates = map[string]func(string) bool{
	"CommonValidatorFunctions.isValidTag":                 descriptor.IsTag,
	"CommonValidatorFunctions.isValidDnsLabel":            descriptor.IsDNSLabel,
	"CommonValidatorFunctions.isValidDnsSubdomain":        descriptor.IsDNSSubdomain,
	"CommonValidatorFunctions.isValidUrl":                 descriptor.IsURL,
	"KubernetesValidatorFunctions.isValidAnnotationKey":   descriptor.IsAnnotationKey,
	"KubernetesValidatorFunctions.isValidAnnotationValue": func(string) bool { return true },
	"KubernetesValidatorFunctions.isValidApiVersion":      descriptor.IsAPIVersion,
	"KubernetesValidatorFunctions.isValidKind":            descriptor.IsKind,
	"KubernetesValidatorFunctions.isValidLabelKey":        descriptor.IsLabelKey,
	"KubernetesValidatorFunctions.isValidLabelValue":      descriptor.IsLabelValue,
	"KubernetesValidatorFunctions.isValidNamespace":       descriptor.IsNamespace,
	"KubernetesValidatorFunctions.isValidObjectName":      descriptor.IsName,
}

// TestVerdictsOfTheShippedValidators replays recorded inputs and wants the recorded verdict: accepted or not, and for
// predicates true or false. Texts differ on purpose.
func TestVerdictsOfTheShippedValidators(t *testing.T) {
	var recorded struct{ Vectors []vector }
	readCases(t, "validation.json", &recorded)
	if len(recorded.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	replayed := 0
	for _, v := range recorded.Vectors {
		if _, skip := unnatural[v.Fn]; skip {
			continue
		}
		got, ok := verdict(t, v)
		if !ok {
			continue
		}
		replayed++
		want := v.Outcome.Error == nil && v.Outcome.Value != false
		if got != want {
			args, _ := json.Marshal(v.Args)
			t.Errorf("%s, %q: accepted is %t, want %t (%v)\n%s", v.Fn, v.Test, got, want, v.Outcome, args)
		}
	}
	t.Logf("replayed %d of %d", replayed, len(recorded.Vectors))
	if replayed*10 < len(recorded.Vectors)*8 {
		t.Errorf("only %d of %d vectors were replayed", replayed, len(recorded.Vectors))
	}
}

// verdict returns whether our counterpart accepts, and false where the arguments have no Go form.
func verdict(t *testing.T, v vector) (accepted, replayed bool) {
	if predicate, ok := predicates[v.Fn]; ok {
		s, isText := v.Args[0].(string)
		if !isText {
			return false, false // the type of the parameter refuses it
		}
		return predicate(s), true
	}
	document, _ := v.Args[0].(map[string]any)
	switch v.Fn {
	case "parseEntityRef":
		s, isText := v.Args[0].(string)
		if !isText {
			return false, false // references in parts are values of Ref here
		}
		var defaults descriptor.RefDefaults
		if len(v.Args) > 1 {
			given := v.Args[1].(map[string]any)
			defaults.Kind, _ = given["defaultKind"].(string)
			defaults.Namespace, _ = given["defaultNamespace"].(string)
		}
		ref, err := descriptor.ParseRef(s, defaults)
		if want, ok := v.Outcome.Value.(map[string]any); ok && err == nil {
			if text := want["kind"].(string) + ":" + want["namespace"].(string) + "/" + want["name"].(string); ref.String() != strings.ToLower(text) {
				t.Errorf("ParseRef(%q) = %s, want %s", s, ref, text)
			}
		}
		return err == nil, true
	case "entityEnvelopeSchemaValidator()":
		return len(descriptor.CheckEnvelope(v.Args[0])) == 0, true
	case "entitySchemaValidator()", "SchemaValidEntityPolicy().enforce", "NoForeignRootFieldsEntityPolicy().enforce":
		return len(descriptor.CheckSchema(v.Args[0])) == 0, true
	case "FieldFormatEntityPolicy().enforce":
		// Formats are checked after the schema, so a value of the wrong type never comes this far.
		return len(descriptor.CheckSchema(v.Args[0])) == 0 && len(descriptor.CheckFormats(document)) == 0, true
	}
	if name, ok := strings.CutSuffix(v.Fn, "EntityV1alpha1Validator.check"); ok {
		for i := range descriptor.Kinds {
			if kind := &descriptor.Kinds[i]; strings.EqualFold(kind.Name, name) {
				mine, problems := kind.Check(document)
				return mine && len(problems) == 0, true
			}
		}
	}
	if v.Fn == "entityKindSchemaValidator(ComponentV1alpha1)" {
		mine, problems := descriptor.KindNamed("Component").Check(document)
		return mine && len(problems) == 0, true
	}
	if name, ok := strings.CutPrefix(v.Fn, "is"); ok {
		// The typed predicates compare kinds without case, as refs do.
		kind := strings.TrimSuffix(name, "Entity")
		ref, err := descriptor.ParseRef(document["kind"].(string)+":x", descriptor.RefDefaults{})
		return err == nil && ref.Kind == strings.ToLower(kind), true
	}
	t.Errorf("no counterpart for %s", v.Fn)
	return false, false
}

func TestRecordedRefs(t *testing.T) {
	var recorded struct {
		Refs []struct {
			In  string
			Ctx *struct{ DefaultKind, DefaultNamespace string }
			Out struct{ Error *string }
			Str *struct{ Value string }
		}
	}
	readCases(t, "semantics.json", &recorded)
	for _, c := range recorded.Refs {
		var defaults descriptor.RefDefaults
		if c.Ctx != nil {
			defaults = descriptor.RefDefaults{Kind: c.Ctx.DefaultKind, Namespace: c.Ctx.DefaultNamespace}
		}
		ref, err := descriptor.ParseRef(c.In, defaults)
		if (err != nil) != (c.Out.Error != nil) {
			t.Errorf("ParseRef(%q, %v): error is %v, want %v", c.In, defaults, err, c.Out.Error)
		} else if err == nil && ref.String() != c.Str.Value {
			t.Errorf("ParseRef(%q, %v) = %s, want %s", c.In, defaults, ref, c.Str.Value)
		}
	}
}

// TestRecordedRelations parses the example files and compares the relations of each entity with those recorded.
func TestRecordedRelations(t *testing.T) {
	var recorded struct {
		Relations []struct {
			Ref     string
			Emitted [][3]string
		}
	}
	readCases(t, "semantics.json", &recorded)
	entities := map[string]*descriptor.Entity{}
	folder := cases(t, "examples")
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range descriptor.Parse(content, descriptor.Input{File: path, Root: folder}).Documents {
			if e := document.Entity; e != nil && entities[e.Ref.String()] == nil {
				entities[e.Ref.String()] = e
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range recorded.Relations {
		e := entities[c.Ref]
		if e == nil {
			continue
		}
		compared++
		got := map[[3]string]bool{}
		for _, r := range e.Relations {
			got[[3]string{c.Ref, r.Type, r.Target.String()}] = true
			got[[3]string{r.Target.String(), r.Inverse, c.Ref}] = true
		}
		want := map[[3]string]bool{}
		for _, r := range c.Emitted {
			want[r] = true
			if !got[r] {
				t.Errorf("%s: the relation %v is missing", c.Ref, r)
			}
		}
		for r := range got {
			if !want[r] {
				t.Errorf("%s: the relation %v is too much", c.Ref, r)
			}
		}
	}
	t.Logf("compared %d entities of %d", compared, len(recorded.Relations))
	if compared == 0 {
		t.Errorf("none of %d entities is among the examples", len(recorded.Relations))
	}
}

// TestExamples lists what becomes of every document of the examples that is not accepted.
func TestExamples(t *testing.T) {
	folder := cases(t, "examples")
	want := map[string][]string{ // file -> rules of its errors
		"edge/bad-depends.yaml":          {"reference-kind-missing"},
		"edge/bad_name_with_spaces.yaml": {"metadata-name-format"},
		"edge/extra-root.yaml":           {"field-unknown"},
		"edge/foreign.yaml":              {"kind-unknown"},
		"edge/merge-key.yaml":            {"field-missing", "field-missing", "field-missing"},
		"edge/missing-owner.yaml":        {"field-missing"},
		"edge/multi-bad-schema.yaml":     {"field-missing"},
		"edge/multi-badname.yaml":        {"metadata-name-format"},
		"edge/multi-foreign-kind.yaml":   {"kind-unknown"},
		"edge/multi-noname.yaml":         {"field-missing"},
		"edge/multi-yaml-error.yaml":     {"yaml-syntax"},
		"edge/scalar-root.yaml":          {"document-not-object"},
		"demo-2026-08/catalog-info.yaml": {"placeholder-remote"},

		"upstream-2021-06/packages/catalog-model/examples/apis/spotify-api.yaml":         {"placeholder-remote"},
		"upstream-2021-06/packages/catalog-model/examples/apis/wayback-archive-api.yaml": {"placeholder-remote"},
		"upstream-2021-06/packages/catalog-model/examples/apis/wayback-search-api.yaml":  {"placeholder-remote"},
	}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		file := descriptor.Parse(content, descriptor.Input{File: path, Root: folder})
		var got []string
		for _, issue := range file.Issues {
			if issue.Severity == descriptor.SeverityError {
				got = append(got, issue.Rule)
			}
		}
		if strings.Contains(name, "scaffolder-backend") || filepath.Base(name) == "mkdocs.yml" {
			return nil // templates of versions that are gone, and their skeletons
		}
		if strings.Join(got, " ") != strings.Join(want[filepath.ToSlash(name)], " ") {
			t.Errorf("%s: errors %v, want %v", name, got, want[filepath.ToSlash(name)])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
