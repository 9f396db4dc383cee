package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/s2"
)

// An entry is written down as
//
//	version   1 byte
//	flags     1 byte: absent, compressed
//	checksum  4 bytes, CRC-32C of all the others and of the key: what is under another key is no entry either
//	at        varint, microseconds since 1970
//	policy    four varints, microseconds
//	validator text
//	tags      a number of them, then each: text, stamp as varint
//	body      text; compressed where that makes it smaller
//
// where a text is its length as an unsigned varint and its bytes. A version that is not known is no entry.
const entryVersion = 2

const (
	flagAbsent     = 1 << 0
	flagCompressed = 1 << 1
)

// Bounds of what is read.
const (
	maxTags       = 1000
	maxText       = 4 << 10
	compressFrom  = 1 << 10 // bytes: below, compressing saves no packet
	headerBytes   = 6
	maxEntryBytes = maxBody + maxTags*(maxText+16) + 1<<10
)

var errNoEntry = errors.New("this is no entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode writes an entry down that is kept under the key.
func (e *Entry) encode(key string) []byte {
	flags, body := byte(0), e.Value.Body
	if e.Value.Absent {
		flags |= flagAbsent
	}
	if len(body) >= compressFrom {
		if packed := s2.EncodeBetter(nil, body); len(packed) < len(body) {
			body, flags = packed, flags|flagCompressed
		}
	}
	b := make([]byte, 0, len(body)+128)
	b = append(b, entryVersion, flags, 0, 0, 0, 0)
	b = binary.AppendVarint(b, e.Value.At.UnixMicro())
	for _, d := range []time.Duration{e.Policy.Fresh, e.Policy.Revalidate, e.Policy.OnError, e.Policy.Absent} {
		b = binary.AppendVarint(b, d.Microseconds())
	}
	b = appendText(b, e.Value.Validator)
	b = binary.AppendUvarint(b, uint64(len(e.Tags)))
	for i, tag := range e.Tags {
		b = binary.AppendVarint(appendText(b, tag), int64(e.Stamps[i]))
	}
	b = append(binary.AppendUvarint(b, uint64(len(body))), body...)
	binary.BigEndian.PutUint32(b[2:], checksum(key, b))
	return b
}

func checksum(key string, b []byte) uint32 {
	sum := crc32.Checksum(b[:2], castagnoli)
	sum = crc32.Update(sum, castagnoli, b[headerBytes:])
	return crc32.Update(sum, castagnoli, []byte(key))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decode reads the entry of the key. Whatever the bytes are, it neither panics nor takes more memory than the largest entry does.
func decode(key string, b []byte) (*Entry, error) {
	if len(b) < headerBytes || b[0] != entryVersion {
		return nil, fmt.Errorf("%w: of another version, or cut off", errNoEntry)
	}
	if len(b) > maxEntryBytes || binary.BigEndian.Uint32(b[2:]) != checksum(key, b) {
		return nil, fmt.Errorf("%w: it is damaged, or another's", errNoEntry)
	}
	r := reader{rest: b[headerBytes:]}
	e := &Entry{}
	e.Value.Absent = b[1]&flagAbsent != 0
	e.Value.At = time.UnixMicro(r.varint())
	for _, d := range []*time.Duration{&e.Policy.Fresh, &e.Policy.Revalidate, &e.Policy.OnError, &e.Policy.Absent} {
		*d = time.Duration(min(max(r.varint(), 0), maxLife.Microseconds())) * time.Microsecond
	}
	e.Value.Validator = string(r.text(maxText))
	n := r.uvarint()
	if n > maxTags {
		return nil, fmt.Errorf("%w: it has %d tags", errNoEntry, n)
	}
	for range n {
		if r.failed {
			break
		}
		e.Tags = append(e.Tags, string(r.text(maxText)))
		e.Stamps = append(e.Stamps, Stamp(r.varint()))
	}
	body := r.text(maxBody)
	if r.failed || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: it is cut off, or goes on after its end", errNoEntry)
	}
	if b[1]&flagCompressed == 0 {
		e.Value.Body = append([]byte(nil), body...)
		return e, nil
	}
	if size, err := s2.DecodedLen(body); err != nil || size > maxBody {
		return nil, fmt.Errorf("%w: its body expands to too much", errNoEntry)
	}
	var err error
	if e.Value.Body, err = s2.Decode(nil, body); err != nil {
		return nil, fmt.Errorf("%w: its body cannot be expanded", errNoEntry)
	}
	return e, nil
}

// reader reads numbers and texts.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return take(r, v, n)
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return take(r, v, n)
}

func take[T int64 | uint64](r *reader, v T, n int) T {
	if n <= 0 {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text(most uint64) []byte {
	n := r.uvarint()
	if n > most || n > uint64(len(r.rest)) {
		r.failed, r.rest = true, nil
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}
