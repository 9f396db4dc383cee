//go:build race

package reports_test

// portion divides how much is read of what is large, where the race detector makes it slow.
const portion = 20
