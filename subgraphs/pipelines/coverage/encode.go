package coverage

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
)

// What is stored begins with these bytes, of which the last is the version. A version that is no longer written must still be read for as long as it is stored
// anywhere.
const signature = "cbcov\x01"

// codes are how formats are written down; a number is never given to another format.
var codes = []Format{"", Cobertura, LCOV, JaCoCo, GoProfile}

// Encode writes a report down, the same report always as the same bytes: about two bytes a line. Behind the signature come numbers of variable length and texts with
// their lengths in front: the format, the roots, and each file with what its path has in common with the path before; at the end a checksum (CRC-32C) of all of it.
func (r *Report) Encode() []byte {
	out := []byte(signature)
	number := func(n uint64) { out = binary.AppendUvarint(out, n) }
	text := func(s string) {
		number(uint64(len(s)))
		out = append(out, s...)
	}
	count := func(c Count) {
		number(uint64(max(c.Total, 0)))
		number(uint64(max(min(c.Covered, c.Total), 0)))
	}
	number(uint64(max(slices.Index(codes, r.Format), 0)))
	number(uint64(len(r.Roots)))
	for _, root := range r.Roots {
		text(root)
	}
	number(uint64(len(r.Files)))
	before := ""
	for i := range r.Files {
		f := &r.Files[i]
		same := 0
		for same < len(before) && same < len(f.Path) && before[same] == f.Path[same] {
			same++
		}
		number(uint64(same))
		text(f.Path[same:])
		before = f.Path
		count(f.Functions)
		count(f.Statements)
		number(uint64(len(f.Lines)))
		last := uint32(0)
		for _, l := range f.Lines {
			step := uint64(l.Number-last) << 1
			if l.Branches > 0 {
				step |= 1
			}
			number(step)
			number(uint64(l.Hits))
			if l.Branches > 0 {
				number(uint64(l.Branches))
				number(uint64(min(l.Taken, l.Branches)))
			}
			last = l.Number
		}
	}
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Decode reads what Encode wrote. It takes no more than 6 bytes of memory for a byte of the lines, and never more than Limits.Files times Limits.Path for the paths,
// which are written short. Its errors are *LimitError and *SyntaxError.
func Decode(data []byte, l Limits) (*Report, error) {
	d := &decoder{data: data, limits: l.filled()}
	if int64(len(data)) > d.limits.Bytes {
		return nil, &LimitError{Limit: LimitBytes, Max: d.limits.Bytes, Bytes: int64(len(data))}
	}
	if !strings.HasPrefix(string(data[:min(len(data), len(signature))]), signature) || len(data) < len(signature)+4 {
		return nil, &SyntaxError{Reason: "it is no coverage, or of an unknown version"}
	}
	end := len(data) - 4
	if crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return nil, &SyntaxError{Offset: int64(end), Reason: "the checksum is wrong"}
	}
	d.data, d.at = data[:end], len(signature)
	r := d.report()
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// decoder reads numbers and texts; after the first error it reads zeros.
type decoder struct {
	data   []byte
	at     int
	lines  int
	limits Limits
	err    error
}

func (d *decoder) fail(reason string) {
	if d.err == nil {
		d.err = &SyntaxError{Offset: int64(d.at), Reason: reason}
	}
}

// number reads a number up to a highest one.
func (d *decoder) number(highest uint64) uint64 {
	if d.err != nil {
		return 0
	}
	n, size := binary.Uvarint(d.data[d.at:])
	if size <= 0 || n > highest {
		d.fail("a number is cut off or too large")
		return 0
	}
	d.at += size
	return n
}

// length reads how many items follow, each of which takes some bytes at least.
func (d *decoder) length(name Limit, highest, least int) int {
	n := d.number(math.MaxInt64)
	if d.err == nil && n > uint64(highest) {
		d.err = &LimitError{Limit: name, Max: int64(highest), Bytes: int64(d.at)}
	}
	if d.err == nil && n > uint64((len(d.data)-d.at)/least) {
		d.fail("there are fewer items than it says")
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.length(LimitPath, d.limits.Path, 1)
	s := string(d.data[d.at : d.at+n])
	d.at += n
	return s
}

func (d *decoder) count() Count {
	total := d.number(math.MaxInt32 * 16)
	return Count{Total: int(total), Covered: int(d.number(total))}
}

func (d *decoder) report() *Report {
	r := &Report{Format: codes[d.number(uint64(len(codes)-1))]}
	for range d.length(LimitRoots, d.limits.Roots, 1) {
		r.Roots = append(r.Roots, d.text())
	}
	files := d.length(LimitFiles, d.limits.Files, 7)
	r.Files = make([]File, 0, files)
	before := ""
	for range files {
		same := d.number(uint64(len(before)))
		f := File{Path: before[:same] + d.text()}
		if d.err == nil && (f.Path <= before || len(f.Path) > d.limits.Path) {
			d.fail("a path is empty, too long or not in order")
		}
		before = f.Path
		f.Functions, f.Statements = d.count(), d.count()
		f.Lines = d.fileLines()
		if d.err != nil {
			return nil
		}
		r.Files = append(r.Files, f)
	}
	if d.at != len(d.data) {
		d.fail("something follows the last file")
	}
	return r
}

func (d *decoder) fileLines() []Line {
	n := d.length(LimitLines, d.limits.Lines, 2)
	if n == 0 {
		return nil
	}
	if d.lines += n; d.lines > d.limits.Lines {
		d.err = &LimitError{Limit: LimitLines, Max: int64(d.limits.Lines), Bytes: int64(d.at)}
		return nil
	}
	lines := make([]Line, 0, n)
	last := uint64(0)
	for range n {
		step := d.number(2*uint64(d.limits.LineNumber) + 1)
		l := Line{Hits: uint32(d.number(math.MaxUint32))}
		if step&1 != 0 {
			l.Branches = uint16(d.number(math.MaxUint16))
			l.Taken = uint16(d.number(uint64(l.Branches)))
			if l.Branches == 0 {
				d.fail("branches that are none")
			}
		}
		if last += step >> 1; step>>1 == 0 || last > uint64(d.limits.LineNumber) {
			d.fail("the number of a line is out of order or range")
		}
		if d.err != nil {
			return nil
		}
		l.Number = uint32(last)
		lines = append(lines, l)
	}
	return lines
}
