package charttest_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

const (
	chartFolder = "../chart/callboard"
	release     = "callboard"
	namespace   = "portal"
)

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// values reads a file of testdata and returns its first line, without the mark of a comment, and what it sets.
func values(t *testing.T, name string) (string, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]any{}
	if err := yaml.UnmarshalStrict(text, &set); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "# "), set
}

// render renders the chart as helm install would.
func render(c *chart.Chart, set map[string]any) (map[string]string, error) {
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, set, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.RenderWithContext(context.Background(), c, all)
}

// installed renders the chart and decodes the objects.
func installed(t *testing.T, c *chart.Chart, set map[string]any) *objects {
	t.Helper()
	files, err := render(c, set)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, files)
}

// everySet runs check on every file of testdata/values.
func everySet(t *testing.T, check func(t *testing.T, name string, set map[string]any)) {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d sets of values: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			_, set := values(t, file)
			check(t, name, set)
		})
	}
}

func TestLint(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		result := lint.RunAll(chartFolder, set, namespace)
		for _, message := range result.Messages {
			if message.Severity > support.InfoSev {
				t.Error(message)
			}
		}
	})
}

// TestRefused renders every set of testdata/refused, whose first line is what the error must say.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sets: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			want, set := values(t, file)
			_, err := render(load(t), set)
			if err == nil {
				t.Fatalf("rendered, want an error that says %q", want)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error is\n%v\nwant it to say %q", err, want)
			}
			for _, secret := range []string{"ghp_secret", "hush", "Bearer x"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds the secret %s", secret)
				}
			}
		})
	}
}

// TestSchemaKnowsEveryValue compares values.yaml and values.schema.json, key by key.
func TestSchemaKnowsEveryValue(t *testing.T) {
	c := load(t)
	var schema map[string]any
	if err := yaml.Unmarshal(c.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, schema, value map[string]any)
	walk = func(path string, schema, value map[string]any) {
		properties, closed := schema["properties"].(map[string]any)
		if !closed {
			return // a free object, such as config
		}
		if schema["additionalProperties"] != false {
			t.Errorf("%s takes any key", path)
		}
		for key, sub := range properties {
			child, ok := value[key]
			if !ok && key != "global" && !regexp.MustCompile(`^\.(.*\.)?resources\.`).MatchString(path+"."+key) {
				t.Errorf("values.yaml does not have %s.%s", path, key)
			}
			if child, ok := child.(map[string]any); ok {
				walk(path+"."+key, sub.(map[string]any), child)
			}
		}
	}
	walk("", schema, c.Values)
}

// TestEveryValueIsUsed looks for each key of values.yaml in the templates: one that nothing reads is a promise not kept.
func TestEveryValueIsUsed(t *testing.T) {
	c := load(t)
	var all bytes.Buffer
	for _, template := range c.Templates {
		all.Write(template.Data)
	}
	for key, value := range c.Values {
		keys := []string{key}
		if sub, ok := value.(map[string]any); ok && !slices.Contains([]string{"config", "resources"}, key) {
			for name := range sub {
				keys = append(keys, name)
			}
		}
		for _, key := range keys {
			if !regexp.MustCompile(`\.` + key + `\b`).Match(all.Bytes()) {
				t.Errorf("no template reads %s", key)
			}
		}
	}
}

// TestSameInputSameText renders twice. What is random, the secrets of bundled stores, must be in the Secret alone, or each upgrade would start all pods anew.
func TestSameInputSameText(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		one, err := render(load(t), set)
		if err != nil {
			t.Fatal(err)
		}
		two, err := render(load(t), set)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range one {
			if text != two[name] && !strings.HasSuffix(name, "/bundled-secret.yaml") {
				t.Errorf("%s differs from one rendering to the next", name)
			}
		}
	})
}

// TestSelectorsAreStable renders another version of the chart and of Callboard with other values: an upgrade is refused by Kubernetes where a selector changes.
func TestSelectorsAreStable(t *testing.T) {
	_, set := values(t, "testdata/values/bundled.yaml")
	before := installed(t, load(t), set).selectors()
	next := load(t)
	next.Metadata.Version, next.Metadata.AppVersion = "9.0.0", "9.9.9"
	set["image"] = map[string]any{"tag": "9.9.9"}
	set["podLabels"] = map[string]any{"team": "other", "app.kubernetes.io/component": "other"}
	set["redis"].(map[string]any)["bundled"] = map[string]any{"memoryMiB": 64}
	after := installed(t, next, set).selectors()
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before the upgrade %v, after it %v", before, after)
	}
	want := map[string]string{"app.kubernetes.io/name": "callboard", "app.kubernetes.io/instance": release, "app.kubernetes.io/component": "callboard"}
	if got := before["Deployment callboard"]; !reflect.DeepEqual(got, want) {
		t.Errorf("the deployment selects %v, want %v, as in releases before", got, want)
	}
}

// TestConfigurationStartsNewPods changes the configuration alone.
func TestConfigurationStartsNewPods(t *testing.T) {
	checksum := func(set map[string]any) string {
		return installed(t, load(t), set).deployment(t).Spec.Template.Annotations["checksum/config"]
	}
	one := checksum(nil)
	if other := checksum(map[string]any{"config": map[string]any{"log": map[string]any{"level": "debug"}}}); one == "" || one == other {
		t.Errorf("the pods stay with the old configuration: %q and %q", one, other)
	}
}
