//go:build !race

package reports_test

const portion = 1
