package examples_test

import (
	"path/filepath"
	"testing"

	"callboard.dev/callboard/examples"
)

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		if err := examples.Build(b.Context(), filepath.Join(b.TempDir(), "organisation")); err != nil {
			b.Fatal(err)
		}
	}
}
