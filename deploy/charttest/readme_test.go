package charttest_test

import (
	"os"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestReadmeValues renders the values that README.md shows.
func TestReadmeValues(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md shows no values")
	}
	set := map[string]any{}
	if err := yaml.UnmarshalStrict(block[1], &set); err != nil {
		t.Fatal(err)
	}
	c := read(t, installed(t, load(t), set))
	if len(c.Sources) != 1 || c.Cache.Redis.Master != "board" {
		t.Errorf("they give %+v", c)
	}
}
