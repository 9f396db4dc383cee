package coverage

import (
	"errors"
	"fmt"
	"math"
)

// Limits is how much of an untrusted report is read. What is over a limit is refused with a LimitError; nothing is left out silently. A zero is the default.
type Limits struct {
	Bytes      int64 // of the report as it is sent
	Files      int   // with different paths
	Lines      int   // with code, in all files together; each takes 12 bytes, and while a report is read up to 24
	LineNumber int   // the highest; it bounds what one file can take
	Path       int   // bytes of a path
	Roots      int   // source folders of Cobertura
	Record     int   // bytes of one line of LCOV or of a Go profile, or of one tag, text, comment or directive of XML
	Depth      int   // nested elements of XML
}

// The defaults, by judgement: reports of very large programs have some hundred thousand lines in tens of megabytes.
var defaults = Limits{Bytes: 256 << 20, Files: 50_000, Lines: 4_000_000, LineNumber: 1_000_000, Path: 4096, Roots: 64, Record: 64 << 10, Depth: 32}

func (l Limits) filled() Limits {
	fill := func(v *int, with int) {
		if *v <= 0 {
			*v = with
		}
	}
	if l.Bytes <= 0 {
		l.Bytes = defaults.Bytes
	}
	fill(&l.Files, defaults.Files)
	fill(&l.Lines, defaults.Lines)
	fill(&l.LineNumber, defaults.LineNumber)
	l.LineNumber = min(l.LineNumber, math.MaxUint32-1)
	fill(&l.Path, defaults.Path)
	fill(&l.Roots, defaults.Roots)
	fill(&l.Record, defaults.Record)
	l.Record = max(l.Record, 64)
	fill(&l.Depth, defaults.Depth)
	return l
}

// Limit names one of the Limits.
type Limit string

// The names of the limits, as they are in a LimitError.
const (
	LimitBytes      Limit = "bytes"
	LimitFiles      Limit = "files"
	LimitLines      Limit = "lines"
	LimitLineNumber Limit = "line number"
	LimitPath       Limit = "bytes of a path"
	LimitRoots      Limit = "source folders"
	LimitRecord     Limit = "bytes of a record"
	LimitDepth      Limit = "nested elements"
)

// LimitError says that a report, or something stored, is larger than what is read.
type LimitError struct {
	Limit Limit
	Max   int64
	Line  int   // of the report's text, from 1; 0 where it has none
	Bytes int64 // how many of the input had been read, where it has no lines
}

func (e *LimitError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("read coverage: line %d: more than %d %s", e.Line, e.Max, e.Limit)
	}
	return fmt.Sprintf("read coverage: after %d bytes: more than %d %s", e.Bytes, e.Max, e.Limit)
}

// SyntaxError says where a report is not what its format asks for.
type SyntaxError struct {
	Format Format // empty for what is stored
	Line   int    // of the report's text, from 1; 0 where it has none
	Offset int64  // in bytes, of what is stored
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("read coverage as %s: line %d: %s", e.Format, e.Line, e.Reason)
	}
	return fmt.Sprintf("read coverage that was stored: at byte %d: %s", e.Offset, e.Reason)
}

var (
	// ErrCompressed says that a report is compressed or an archive: whoever unpacks it must bound what comes out.
	ErrCompressed = errors.New("read coverage: the report is compressed (gzip, zip, zstd, xz or bzip2); send it unpacked")
	// ErrFormat says that a report is in no format that is understood.
	ErrFormat = errors.New("read coverage: neither Cobertura XML, LCOV, JaCoCo XML nor a Go cover profile")
)
