//go:build !race

package coverage_test

const portion = 1
