package testreport

import (
	"errors"
	"fmt"
)

// Limits is how much of an untrusted report is read. Texts over their limit are cut, and counted in Report.Cut; what is over any other limit is refused with a
// LimitError. A zero is the default.
type Limits struct {
	Bytes   int64 // of the report as it is sent
	Suites  int
	Cases   int
	Depth   int // nested elements of XML
	Record  int // bytes of one tag or comment of XML; a text is cut after as many. A line of a stream that is longer is no event.
	Name    int // bytes of a name, class, file or type; the end of one that is cut is exchanged for a checksum of the whole
	Message int // bytes of a message, which is cut at its end
	Details int // bytes of details, and of output: the middle is cut out
	Texts   int // bytes of messages, details and output of all cases; what comes after is left out
}

// The defaults, by judgement: the largest reports seen are of some ten thousand cases, and nobody reads more than a page of a stack trace.
var defaults = Limits{Bytes: 128 << 20, Suites: 50_000, Cases: 200_000, Depth: 64, Record: 1 << 20, Name: 1024, Message: 2048, Details: 16 << 10, Texts: 32 << 20}

func (l Limits) filled() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaults.Bytes
	}
	for _, v := range []struct {
		limit         *int
		with, atLeast int
	}{
		{&l.Suites, defaults.Suites, 1}, {&l.Cases, defaults.Cases, 1}, {&l.Depth, defaults.Depth, 1}, {&l.Record, defaults.Record, 64},
		{&l.Name, defaults.Name, 64}, {&l.Message, defaults.Message, 64}, {&l.Details, defaults.Details, 64}, {&l.Texts, defaults.Texts, 64},
	} {
		if *v.limit <= 0 {
			*v.limit = v.with
		}
		*v.limit = max(*v.limit, v.atLeast)
	}
	return l
}

// Limit names one of the Limits that refuse.
type Limit string

// The names of the limits, as they are in a LimitError.
const (
	LimitBytes  Limit = "bytes"
	LimitSuites Limit = "suites"
	LimitCases  Limit = "cases"
	LimitDepth  Limit = "nested elements"
	LimitRecord Limit = "bytes of a tag or comment"
)

// LimitError says that a report is larger than what is read.
type LimitError struct {
	Limit Limit
	Max   int64
	Line  int // of the report's text, from 1
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("read test report: line %d: more than %d %s", e.Line, e.Max, e.Limit)
}

// SyntaxError says where a report is not what its format asks for.
type SyntaxError struct {
	Line   int // of the report's text, from 1
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read test report: line %d: %s", e.Line, e.Reason)
}

var (
	// ErrCompressed says that a report is compressed or an archive: whoever unpacks it must bound what comes out.
	ErrCompressed = errors.New("read test report: the report is compressed (gzip, zip, zstd, xz or bzip2); send it unpacked")
	// ErrFormat says that a report is in no format that is understood.
	ErrFormat = errors.New("read test report: neither JUnit XML nor a stream of go test -json")
)
