package http1

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// encoding is the Content-Encoding of an answer. None is asked for, but some upstreams, or what stands before them, compress all the same.
type encoding uint8

const (
	identity encoding = iota
	gzipped
	deflated
	unknown
)

// packedBodies keeps the buffers for bodies before they are decoded.
var packedBodies = sync.Pool{New: func() any { return new([]byte) }}

// maxKeptBody is how large a buffer may be that is kept for the next compressed body.
const maxKeptBody = 1 << 20

func keepPacked(b *[]byte) {
	if cap(*b) <= maxKeptBody {
		packedBodies.Put(b)
	}
}

// unpacker decodes one body at a time. Its parts are made when they are first needed.
type unpacker struct {
	packed bytes.Reader
	gzip   *gzip.Reader
	zlib   io.ReadCloser // and zlib.Resetter
	raw    io.ReadCloser // and flate.Resetter
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// decode appends the decoded body, which may have up to max bytes.
func decode(dst, packed []byte, how encoding, max int64) ([]byte, error) {
	if len(packed) == 0 {
		return dst, nil // nothing at all is what some send for an empty body
	}
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.packed.Reset(packed)
	defer u.packed.Reset(nil)
	from, err := u.open(packed, how)
	if err != nil {
		return dst, errPacked
	}
	for start := len(dst); ; {
		dst = slices.Grow(dst, bytes.MinRead)
		room := dst[len(dst):cap(dst)]
		if left := max + 1 - int64(len(dst)-start); int64(len(room)) > left {
			room = room[:left]
		}
		n, err := from.Read(room)
		dst = dst[:len(dst)+n]
		if int64(len(dst)-start) > max {
			return dst, errLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return dst, errPacked
		}
	}
	if u.packed.Len() > 0 {
		return dst, errPacked
	}
	return dst, nil
}

var errPacked = badAnswer("its body cannot be decompressed")

// open makes a part ready to decode what u.packed holds.
func (u *unpacker) open(packed []byte, how encoding) (r io.Reader, err error) {
	switch {
	case how == gzipped && u.gzip == nil:
		u.gzip, err = gzip.NewReader(&u.packed)
		return u.gzip, err
	case how == gzipped:
		return u.gzip, u.gzip.Reset(&u.packed)
	case !isZlib(packed) && u.raw == nil:
		u.raw = flate.NewReader(&u.packed)
		return u.raw, nil
	case !isZlib(packed):
		return u.raw, u.raw.(flate.Resetter).Reset(&u.packed, nil)
	case u.zlib == nil:
		u.zlib, err = zlib.NewReader(&u.packed)
		return u.zlib, err
	}
	return u.zlib, u.zlib.(zlib.Resetter).Reset(&u.packed, nil)
}

// isZlib tells the two things apart that are called deflate: RFC 9110 means zlib's format, but some send the bare stream inside it. A bare stream
// would begin like this only with a stored block whose padding is not zero, which no encoder writes.
func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&0x0f == 8 && (int(b[0])<<8|int(b[1]))%31 == 0
}
