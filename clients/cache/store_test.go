package cache_test

import (
	"testing"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/clients/cache/cachetest"
)

func TestMemory(t *testing.T) {
	cachetest.Store(t, func(t *testing.T) cache.Store {
		m := cache.NewMemory(0)
		t.Cleanup(func() { m.Close() })
		return m
	})
}
