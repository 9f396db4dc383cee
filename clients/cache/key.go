package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// text returns the key as stores have it: source and kind, for those who look after the store, and a hash of all of it. No name and no credential is in it.
func (k *Key) text() string {
	h := make([]byte, 0, 256)
	h = append(append(append(h, k.Source...), 0), k.Kind...)
	h = append(append(append(h, 0), k.Scope[:]...), k.Name...)
	sum := sha256.Sum256(h)
	out := make([]byte, 0, 96)
	out = append(appendPlain(out, k.Source), ':')
	out = append(appendPlain(out, k.Kind), ':')
	return string(base64.RawURLEncoding.AppendEncode(out, sum[:18]))
}

// maxShown is how much of a source's or a kind's name is in a key, in bytes.
const maxShown = 32

// appendPlain appends the beginning of a name, without what could mean something to a store.
func appendPlain(b []byte, name string) []byte {
	for i := range min(len(name), maxShown) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-_", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '_')
		}
	}
	return b
}
