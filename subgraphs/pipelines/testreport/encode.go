package testreport

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"time"
)

// What is stored begins with these bytes, of which the last is the version. A version that is no longer written must still be read for as long as it is stored
// anywhere.
const signature = "cbtst\x01"

// codes and statuses are how formats and statuses are written down; a number is never given to another one.
var (
	codes    = []Format{"", JUnit, GoJSON}
	statuses = []Status{Passed, Failed, Error, Skipped, Flaky}
)

// What a case has beside its names, status and duration.
const (
	hasPlace = 1 << (iota + 3) // the three bits below are the status
	hasType
	hasAttempts
	hasTexts
)

// Encode writes a report down, the same report always as the same bytes, with at most so many bytes of texts: where there is less room, first the outputs, then the
// details, then the messages of the last cases are left out, and counted as cut. Behind the signature come numbers of variable length and texts with their lengths
// in front; of names what they have in common with those before; at the end a checksum (CRC-32C) of all of it.
func (r *Report) Encode(most int) []byte {
	kept, cut := r.fit(most)
	e := &encoder{out: []byte(signature)}
	e.number(uint64(max(slices.Index(codes, r.Format), 0)))
	e.number(uint64(max(r.Cut, 0) + cut))
	e.number(uint64(max(r.Other, 0)))
	e.number(uint64(len(r.Suites)))
	var suite, class, name, file string
	for i := range r.Suites {
		s := &r.Suites[i]
		e.name(&suite, s.Name)
		e.time(s.Started)
		e.number(uint64(max(s.Duration, 0)))
		e.number(uint64(len(s.Cases)))
		for j := range s.Cases {
			c := &s.Cases[j]
			texts := kept[c]
			has := max(slices.Index(statuses, c.Status), 0)
			for _, one := range []struct {
				bit int
				so  bool
			}{{hasPlace, c.File != "" || c.Line > 0}, {hasType, c.Type != ""}, {hasAttempts, c.Attempts > 1}, {hasTexts, texts != [3]string{}}} {
				if one.so {
					has |= one.bit
				}
			}
			e.out = append(e.out, byte(has))
			e.name(&class, c.Class)
			e.name(&name, c.Name)
			e.number(uint64(max(c.Duration, 0)))
			if has&hasPlace != 0 {
				e.name(&file, c.File)
				e.number(uint64(max(c.Line, 0)))
			}
			if has&hasType != 0 {
				e.text(c.Type)
			}
			if has&hasAttempts != 0 {
				e.number(uint64(c.Attempts))
			}
			if has&hasTexts != 0 {
				for _, text := range texts {
					e.text(text)
				}
			}
		}
	}
	return binary.BigEndian.AppendUint32(e.out, crc32.Checksum(e.out, castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fit returns the message, the details and the output of the cases that have any, as far as there is room, and how many texts are left out.
func (r *Report) fit(most int) (kept map[*Case][3]string, cut int) {
	kept = map[*Case][3]string{}
	for kind, of := range []func(*Case) string{func(c *Case) string { return c.Message }, func(c *Case) string { return c.Details }, func(c *Case) string { return c.Output }} {
		for i := range r.Suites {
			for j := range r.Suites[i].Cases {
				c := &r.Suites[i].Cases[j]
				text := of(c)
				if text == "" {
					continue
				}
				if len(text) > most {
					cut++
					continue
				}
				most -= len(text)
				texts := kept[c]
				texts[kind] = text
				kept[c] = texts
			}
		}
	}
	return kept, cut
}

type encoder struct{ out []byte }

func (e *encoder) number(n uint64) { e.out = binary.AppendUvarint(e.out, n) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.out = append(e.out, s...)
}

// name writes a name with what it has in common with the one before.
func (e *encoder) name(before *string, s string) {
	same := 0
	for same < len(*before) && same < len(s) && (*before)[same] == s[same] {
		same++
	}
	e.number(uint64(same))
	e.text(s[same:])
	*before = s
}

// time writes a time as its seconds and what it has beyond them, or a zero. The years of a time that was read from a text have four digits.
func (e *encoder) time(t time.Time) {
	seconds := t.Unix() + yearOne
	if t.IsZero() || seconds <= 0 {
		e.number(0)
		return
	}
	e.number(uint64(seconds))
	e.number(uint64(t.Nanosecond()))
}

// yearOne is how many seconds before 1970 the year 1 began: what time.Time counts from.
const yearOne = 62135596800

// Decode reads what Encode wrote. It takes no more memory than twice Limits.Bytes for names, which are written short. Its errors are *LimitError and *SyntaxError.
func Decode(data []byte, l Limits) (*Report, error) {
	d := &decoder{data: data, limits: l.filled()}
	if int64(len(data)) > d.limits.Bytes {
		return nil, &LimitError{Limit: LimitBytes, Max: d.limits.Bytes}
	}
	if len(data) < len(signature)+4 || !strings.HasPrefix(string(data[:len(signature)]), signature) {
		return nil, &SyntaxError{Reason: "what was stored is no report of tests, or of an unknown version"}
	}
	end := len(data) - 4
	if crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return nil, &SyntaxError{Reason: "what was stored has another checksum"}
	}
	d.data, d.at, d.names = data[:end], len(signature), 2*d.limits.Bytes
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
	cases  int
	names  int64 // bytes of names that there is room for
	limits Limits
	err    error
}

func (d *decoder) fail(reason string) {
	if d.err == nil {
		d.err = &SyntaxError{Reason: "what was stored: " + reason}
	}
}

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
		d.err = &LimitError{Limit: name, Max: int64(highest)}
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
	n := d.length(LimitBytes, math.MaxInt32, 1)
	s := string(d.data[d.at : d.at+n])
	d.at += n
	return s
}

func (d *decoder) name(before *string) string {
	same := int(d.number(uint64(len(*before))))
	if rest := d.text(); rest != "" || same < len(*before) {
		if d.names -= int64(same + len(rest)); d.names < 0 && d.err == nil {
			d.err = &LimitError{Limit: LimitBytes, Max: d.limits.Bytes}
		}
		if d.err != nil {
			return ""
		}
		*before = (*before)[:same] + rest
	}
	return *before
}

func (d *decoder) time() time.Time {
	seconds := d.number(yearOne * 10)
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds)-yearOne, int64(d.number(999_999_999))).UTC()
}

func (d *decoder) duration() time.Duration { return time.Duration(d.number(math.MaxInt64)) }

func (d *decoder) report() *Report {
	r := &Report{Format: codes[d.number(uint64(len(codes)-1))], Cut: int(d.number(math.MaxInt32)), Other: int(d.number(math.MaxInt32))}
	var suite, class, name, file string
	for range d.length(LimitSuites, d.limits.Suites, 5) {
		s := Suite{Name: d.name(&suite), Started: d.time(), Duration: d.duration()}
		n := d.length(LimitCases, d.limits.Cases, 6)
		if d.cases += n; d.cases > d.limits.Cases {
			d.err = &LimitError{Limit: LimitCases, Max: int64(d.limits.Cases)}
		}
		for range n {
			if d.err != nil {
				return nil
			}
			s.Cases = append(s.Cases, d.one(s.Name, &class, &name, &file))
		}
		if d.err != nil {
			return nil
		}
		r.Suites = append(r.Suites, s)
	}
	if d.err == nil && d.at != len(d.data) {
		d.fail("something follows the last suite")
	}
	return r
}

func (d *decoder) one(suite string, class, name, file *string) Case {
	has := 0
	if d.at < len(d.data) {
		has = int(d.data[d.at])
		d.at++
	}
	if has&7 >= len(statuses) || has >= hasTexts<<1 {
		d.fail("a case has what none has")
		return Case{}
	}
	c := Case{Status: statuses[has&7], Class: d.name(class), Name: d.name(name), Duration: d.duration(), Attempts: 1}
	if has&hasPlace != 0 {
		c.File, c.Line = d.name(file), int(d.number(math.MaxInt64))
	}
	if has&hasType != 0 {
		c.Type = d.text()
	}
	if has&hasAttempts != 0 {
		c.Attempts = int(d.number(math.MaxInt32))
	}
	if has&hasTexts != 0 {
		c.Message, c.Details, c.Output = d.text(), d.text(), d.text()
	}
	c.ID = identity(c.Class, suite, c.Name)
	return c
}
