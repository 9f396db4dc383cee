package reports

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Reason is why something packed is refused.
type Reason string

// The reasons.
const (
	TooLarge    Reason = "it is larger than what is read"
	TooDense    Reason = "it gets too much larger by being unpacked"
	TooMany     Reason = "it has too many entries"
	Encrypted   Reason = "it is encrypted"
	Nested      Reason = "it is packed in what is packed"
	NotReadable Reason = "it is broken, or packed in a way that is not known"
)

// PackedError says that something packed is refused, or a file in it.
type PackedError struct {
	Name   string // of the file; "" where it is all
	Reason Reason
	Err    error // what is known beyond that; may be nil
}

func (e *PackedError) Error() string {
	text := string(e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Name != "" {
		text = fmt.Sprintf("%.200q: %s", e.Name, text)
	}
	return "unpack: " + text
}

func (e *PackedError) Unwrap() error { return e.Err }

// room is how much may still be read of one run, and of how many files.
type room struct {
	limits   Limits
	fetched  int64
	unpacked int64
	reports  int
}

func (l Limits) room() *room { return &room{l, l.Fetched, l.Unpacked, l.Reports} }

// denseFrom is from how many bytes on it counts how much larger something got: short texts that repeat one thing are harmless.
const denseFrom = 4 << 20

// counted counts what is read of something packed, and keeps why it could not be read.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != io.EOF {
		c.err = err
	}
	return n, err
}

func (c *counted) failed() error { return c.err }

// unpacked is a file as it comes out of what it was packed in, as far as there is room.
type unpacked struct {
	ctx    context.Context
	name   string
	r      io.Reader
	packed *counted     // nil where it is not packed
	failed func() error // why what it was packed in could not be read; all other errors are about how it is packed
	room   *room
	most   int64
	out    int64
	err    error
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.err == nil {
		u.err = u.ctx.Err()
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	u.out += int64(n)
	u.room.unpacked -= int64(n)
	switch {
	case u.out > u.most || u.room.unpacked < 0:
		u.err = &PackedError{Name: u.name, Reason: TooLarge}
	case u.packed != nil && u.out > denseFrom && u.out/int64(u.room.limits.Ratio) > u.packed.n:
		u.err = &PackedError{Name: u.name, Reason: TooDense}
	case err != nil && err != io.EOF && u.failed() == nil:
		u.err = &PackedError{Name: u.name, Reason: NotReadable, Err: err}
	default:
		u.err = err
		return n, err
	}
	return 0, u.err
}

// plain returns the bytes of a file, which may be packed with gzip.
func plain(ctx context.Context, name string, in io.Reader, room *room, most int64) (io.Reader, error) {
	packed := &counted{r: in}
	buffered := bufio.NewReader(packed)
	head, err := buffered.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	u := &unpacked{ctx: ctx, name: name, r: buffered, failed: packed.failed, room: room, most: most}
	if bytes.Equal(head, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(buffered)
		if err != nil && packed.err != nil {
			return nil, packed.err
		}
		if err != nil {
			return nil, &PackedError{Name: name, Reason: NotReadable, Err: err}
		}
		u.r, u.packed = z, packed
	}
	return u, nil
}

// spool writes what comes into a file without a name that could be chosen by who sent it, and returns its size. It must be closed.
func spool(ctx context.Context, folder string, in io.Reader, most int64) (*spooled, error) {
	file, err := os.CreateTemp(folder, "callboard-artifact-*")
	if err != nil {
		return nil, err
	}
	s := &spooled{File: file}
	if s.size, err = io.Copy(file, io.LimitReader(&during{ctx, in}, most+1)); err == nil && s.size > most {
		err = &PackedError{Reason: TooLarge}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

type spooled struct {
	*os.File
	size int64
}

func (s *spooled) Close() { _, _ = s.File.Close(), os.Remove(s.Name()) }

// during reads as long as the context lasts.
type during struct {
	ctx context.Context
	r   io.Reader
}

func (d *during) Read(p []byte) (int, error) {
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	return d.r.Read(p)
}

// directory reads an archive for as long as the directory is read, which says of itself how large it is and may lie.
type directory struct {
	io.ReaderAt
	left int64
	open bool  // the directory was read
	err  error // why the archive could not be read
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if !d.open {
		if d.left -= int64(len(p)); d.left < 0 {
			return 0, &PackedError{Reason: TooMany}
		}
	}
	if off < 0 { // as the archive says of itself
		return 0, zip.ErrFormat
	}
	n, err := d.ReaderAt.ReadAt(p, off)
	if err != nil && err != io.EOF {
		d.err = err
	}
	return n, err
}

func (d *directory) failed() error { return d.err }

// walk calls read for each file of a ZIP archive that is wanted, with its name and what reads it. The name is cleaned, and is that of no file on a disk. What read
// returns ends it; that a file cannot be read is told by its reader.
func walk(ctx context.Context, archive io.ReaderAt, size int64, room *room, wanted func(name string) bool, read func(name string, in io.Reader) error) error {
	d := &directory{ReaderAt: archive, left: room.limits.Directory}
	z, err := zip.NewReader(d, size)
	var packed *PackedError
	switch {
	case errors.As(err, &packed):
		return packed
	case d.err != nil:
		return d.err
	case err != nil:
		return &PackedError{Reason: NotReadable, Err: err}
	case len(z.File) > room.limits.Entries:
		return &PackedError{Reason: TooMany}
	}
	d.open = true
	var in *counted
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser {
		in = &counted{r: r}
		return flate.NewReader(in)
	})
	for _, file := range z.File {
		name := clean(file.Name)
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(file.Name, "/") || !file.Mode().IsRegular() || !wanted(name) {
			continue
		}
		in = nil
		err := func() error {
			if file.Flags&1 != 0 {
				return read(name, refused{&PackedError{Name: name, Reason: Encrypted}})
			}
			f, err := file.Open()
			if err != nil {
				if d.err == nil {
					err = &PackedError{Name: name, Reason: NotReadable, Err: err}
				}
				return read(name, refused{err})
			}
			defer f.Close()
			return read(name, &unpacked{ctx: ctx, name: name, r: f, packed: in, failed: d.failed, room: room, most: room.limits.File})
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// refused is the reader of what cannot be read.
type refused struct{ err error }

func (r refused) Read([]byte) (int, error) { return 0, r.err }
