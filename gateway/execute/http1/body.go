package http1

import (
	"io"
	"slices"
)

const (
	// slack is how many bytes more than a body has are asked for, so that the end of a chunked one comes with it, and bytes that should not be there
	// are seen.
	slack = 64
	// trust is how much room is made for a body because its head says so; a larger one has to prove it by arriving.
	trust = 1 << 20
	// minRead is the least room worth a read.
	minRead = 1 << 10
	// maxChunkLine bounds the line with the size of a chunk, in bytes.
	maxChunkLine = 4 << 10
)

// readBody appends the body to dst, up to its end by whichever of the framings the head announces.
func (e *Exchange) readBody(dst []byte) ([]byte, error) {
	switch {
	case e.head.chunked:
		return e.readChunks(dst)
	case e.head.length >= 0:
		return e.readBytes(dst, int(e.head.length))
	}
	e.head.last = true
	return e.readAll(dst)
}

// readBytes appends exactly n bytes. What arrives after them is left in the buffer.
func (e *Exchange) readBytes(dst []byte, n int) ([]byte, error) {
	taken := min(n, e.w-e.r)
	if room := min(n, trust) + slack; cap(dst)-len(dst) < room && n > 0 {
		dst = slices.Grow(dst, room)
	}
	dst = append(dst, e.buf[e.r:e.r+taken]...)
	e.r += taken
	for n -= taken; n > 0; {
		if cap(dst)-len(dst) < min(n, minRead) {
			dst = slices.Grow(dst, min(n, max(len(dst), minRead))+slack)
		}
		room := dst[len(dst):min(cap(dst), len(dst)+n+slack)]
		got, err := e.read(room)
		if err != nil {
			return dst, endsEarly(err)
		}
		if got > n { // the buffer is empty
			e.unread(room[n:got])
			got = n
		}
		dst = dst[:len(dst)+got]
		n -= got
	}
	return dst, nil
}

// unread puts bytes into the empty buffer.
func (e *Exchange) unread(p []byte) {
	e.buf = append(e.buf[:e.keep], p...)
	e.r, e.w = e.keep, len(e.buf)
	e.buf = e.buf[:cap(e.buf)]
}

// readAll appends what comes until the connection ends.
func (e *Exchange) readAll(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, e.buf[e.r:e.w]...)
	e.r = e.w
	for {
		if int64(len(dst)-start) > e.client.settings.MaxAnswer {
			return dst, errLarge
		}
		dst = slices.Grow(dst, minRead)
		got, err := e.read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+got]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// readChunks appends the chunks of a body, and reads the trailers.
func (e *Exchange) readChunks(dst []byte) ([]byte, error) {
	left := e.client.settings.MaxAnswer
	extensions := e.client.settings.MaxHead
	for {
		line, err := e.strictLine(maxChunkLine)
		if err != nil {
			return dst, err
		}
		size, extension, err := chunkSize(line)
		if err != nil {
			return dst, err
		}
		if extensions -= extension; extensions < 0 {
			return dst, badAnswer("its chunks have too many extensions")
		}
		if size == 0 {
			return dst, e.readTrailers()
		}
		if left -= size; left < 0 {
			return dst, errLarge
		}
		if dst, err = e.readChunk(dst, int(size)); err != nil {
			return dst, err
		}
		end, err := e.strictLine(2)
		if err == errLines || err == nil && len(end) > 0 {
			err = badAnswer("a chunk is longer than it says")
		}
		if err != nil {
			return dst, err
		}
	}
}

// readChunk appends the data of a chunk. That of small ones goes through the buffer: a copy costs less than a read for each.
func (e *Exchange) readChunk(dst []byte, size int) ([]byte, error) {
	for {
		taken := min(size, e.w-e.r)
		dst = append(dst, e.buf[e.r:e.r+taken]...)
		e.r += taken
		if size -= taken; size == 0 {
			return dst, nil
		}
		if size >= len(e.buf)/2 {
			return e.readBytes(dst, size)
		}
		if err := e.fill(); err != nil {
			return dst, endsEarly(err)
		}
	}
}

// readTrailers reads the fields after the last chunk, which say nothing about the framing and are dropped.
func (e *Exchange) readTrailers() error {
	for left := e.client.settings.MaxHead; ; {
		line, err := e.strictLine(left)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		left -= len(line) + 2
		name, value, ok := cutField(line)
		if !ok || !isToken(name) || !isText(value) {
			return badAnswer("a trailer is malformed")
		}
	}
}

// strictLine reads a line within a chunked body. Only CR LF ends it: what two readers would cut in different places is refused.
func (e *Exchange) strictLine(max int) ([]byte, error) {
	line, err := e.line(max)
	if err != nil {
		return nil, err
	}
	n := len(line) - 1
	if n < 0 || line[n] != '\r' {
		return nil, badAnswer("a line of its body does not end in CR LF")
	}
	return line[:n], nil
}

// chunkSize reads "1f;name=value": the size, and how many bytes the rest takes, which is of no interest beyond that.
func chunkSize(line []byte) (size int64, extension int, err error) {
	digits := 0
	for ; digits < len(line); digits++ {
		d := hexDigit(line[digits])
		if d < 0 {
			break
		}
		if size>>58 != 0 {
			return 0, 0, badAnswer("the size of a chunk is out of all bounds")
		}
		size = size<<4 | d
	}
	rest := trim(line[digits:])
	if digits == 0 || len(rest) > 0 && rest[0] != ';' || !isText(rest) {
		return 0, 0, badAnswer("the size of a chunk is malformed")
	}
	return size, len(line) - digits, nil
}

func hexDigit(c byte) int64 {
	switch {
	case isDigit(c):
		return int64(c - '0')
	case 'a' <= lower(c) && lower(c) <= 'f':
		return int64(lower(c)-'a') + 10
	}
	return -1
}
