package glob

import (
	"strings"
	"testing"
)

func FuzzBraces(f *testing.F) {
	f.Add("/a/{b,c}/{d,{e,f}}/*.yaml")
	f.Add(strings.Repeat("{"+strings.Repeat("a,", 50)+"}", 20))
	f.Fuzz(func(t *testing.T, name string) {
		patterns := braces(name)
		if len(patterns) == 0 || len(patterns) > maxAlternatives {
			t.Errorf("%q became %d patterns", name, len(patterns))
		}
		for _, pattern := range patterns {
			if len(pattern) > len(name) {
				t.Errorf("%q became %q", name, pattern)
			}
		}
	})
}
