package catalogtest_test

import (
	"reflect"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
)

func TestGenerateIsTheSameEveryTime(t *testing.T) {
	if !reflect.DeepEqual(catalogtest.Generate(300), catalogtest.Generate(300)) {
		t.Error("two runs differ")
	}
}

func TestGenerateGivesAsManyFilesAsAsked(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 50, 100, 1000} {
		files := catalogtest.Generate(n)
		if len(files) != n {
			t.Errorf("Generate(%d) gave %d files", n, len(files))
		}
		seen := map[string]bool{}
		for _, file := range files {
			if seen[file.Path] {
				t.Errorf("%s comes twice", file.Path)
			}
			seen[file.Path] = true
		}
	}
}

func TestGenerateMix(t *testing.T) {
	counts := map[string]int{}
	for _, file := range catalogtest.Generate(1000) {
		kind, _, _ := strings.Cut(file.Text[strings.Index(file.Text, "kind: ")+len("kind: "):], "\n")
		counts[kind]++
	}
	want := map[string]int{"Component": 600, "API": 120, "Resource": 100, "User": 100, "System": 40, "Group": 30, "Domain": 10}
	if !reflect.DeepEqual(counts, want) {
		t.Errorf("mix of kinds is %v, want %v", counts, want)
	}
}
