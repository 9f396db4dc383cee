package main

import (
	"bytes"
	"fmt"
)

// marker stands in a request for a value that differs in every one. What is sent is the marker and uniqueDigits digits, so that stand-ins and floor find it
// wherever a gateway put it; no object has such an id.
const (
	marker       = "UNIQ"
	uniqueDigits = 12
)

// withUnique returns the text with room for digits after every marker, and where the digits begin.
func withUnique(text []byte) (wide []byte, at []int) {
	for {
		before, after, found := bytes.Cut(text, []byte(marker))
		wide = append(wide, before...)
		if !found {
			return wide, at
		}
		wide = append(wide, marker...)
		at = append(at, len(wide))
		wide = fmt.Appendf(wide, "%0*d", uniqueDigits, 0)
		text = after
	}
}

// putUnique writes the digits of n at the places.
func putUnique(text []byte, at []int, n uint64) {
	for _, start := range at {
		rest := n
		for i := start + uniqueDigits - 1; i >= start; i-- {
			text[i] = byte('0' + rest%10)
			rest /= 10
		}
	}
}

// findUnique returns where the digits after the first marker are, -1 where there is none.
func findUnique(text []byte) int {
	if i := bytes.Index(text, []byte(marker)); i >= 0 && i+len(marker)+uniqueDigits <= len(text) {
		return i + len(marker)
	}
	return -1
}

// maskUnique makes all digits after markers zeros, in place.
func maskUnique(text []byte) {
	for at := findUnique(text); at >= 0; at = findUnique(text) {
		putUnique(text, []int{at}, 0)
		text = text[at+uniqueDigits:]
	}
}
