package upstream_test

import (
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/upstream"
)

// TestFindManyPanics checks that a panic of one of many reaches who asked for them, who can contain it: one of a goroutine of its own would end the process.
func TestFindManyPanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "a mistake") {
			t.Errorf("what came of it: %v", err)
		}
	}()
	one, two := 1, 2
	_, _ = upstream.FindMany([]*int{&one, &two}, func(n *int) (*int, error) {
		if *n == 2 {
			panic("a mistake")
		}
		return n, nil
	})
	t.Error("it is lost")
}
