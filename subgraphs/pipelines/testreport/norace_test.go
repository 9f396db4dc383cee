//go:build !race

package testreport_test

const portion = 1
