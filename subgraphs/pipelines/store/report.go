package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Bounds of reports, which anybody who may send them can reach.
const (
	// MaxFlags bounds the flags that one commit has reports of one kind for.
	MaxFlags = 64
	// MaxBody bounds the body of a report, in bytes.
	MaxBody = 16 << 20
	// MaxBodies bounds the bodies of all flags of one commit and kind together, in bytes: who reads a commit has them in memory.
	MaxBodies = 256 << 20
	// MaxSeries bounds the reports of a series: one a day for 27 years, and about 5 MB.
	MaxSeries = 10_000
)

// The kinds of reports.
const (
	Coverage = "coverage"
	Tests    = "tests"
)

// Report is what a run found out about a commit.
type Report struct {
	Repository string    // host and path, in lower case: "github.com/larkfold/artist-web"
	Commit     string    // the id of its object
	Flag       string    // what part of the tests it is of, such as "unit"; may be empty
	Kind       string    // Coverage or Tests
	Branch     string    // where the commit was built; may be empty
	Run        string    // which run sent it, as its host calls it; may be empty
	At         time.Time // when the commit was made or run: its place in a series
	Taken      time.Time // when the report was received
	Covered    int       // lines covered, or tests passed
	Total      int       // lines, or tests
	Failed     int       // tests failed
	Body       []byte    // all of it, as others encode it
}

// Check returns an error, ErrInvalid or ErrTooLarge, where no store can keep a report.
func (r Report) Check() error {
	for _, err := range []error{
		checkReports(r.Repository, r.Kind), checkName("the commit", r.Commit, true), checkName("the flag", r.Flag, false), checkName("the branch", r.Branch, false),
		checkName("the run", r.Run, false), checkTime("the time of the commit", r.At), checkTime("the time when the report was taken", r.Taken),
	} {
		if err != nil {
			return err
		}
	}
	if r.Covered < 0 || r.Total < 0 || r.Failed < 0 {
		return fmt.Errorf("%w: a count is below 0", ErrInvalid)
	}
	if len(r.Body) > MaxBody {
		return fmt.Errorf("%w: the report has %d bytes, of at most %d", ErrTooLarge, len(r.Body), MaxBody)
	}
	return nil
}

func checkReports(repository, kind string) error {
	if err := checkName("the repository", repository, true); err != nil {
		return err
	}
	if repository != strings.ToLower(repository) {
		return fmt.Errorf("%w: the repository %s is not in lower case", ErrInvalid, repository)
	}
	if kind != Coverage && kind != Tests {
		return fmt.Errorf("%w: %.20q is no kind of report", ErrInvalid, kind)
	}
	return nil
}

// Room returns an error, ErrFull or ErrTooLarge, where a commit has no room for another flag, of what its other flags are: their
// number, and the bytes of their bodies together.
func (r Report) Room(flags int, size int64) error {
	if flags >= MaxFlags {
		return fmt.Errorf("%w: %s has %d, of at most %d", ErrFull, r.Commit, flags, MaxFlags)
	}
	if all := size + int64(len(r.Body)); all > MaxBodies {
		return fmt.Errorf("%w: the reports of %s have %d bytes together, of at most %d", ErrTooLarge, r.Commit, all, MaxBodies)
	}
	return nil
}

// CheckCommits returns an error where nothing can be known of commits, and else each of them once, with its place.
func CheckCommits(repository, kind string, commits []string) (map[string]int, error) {
	if err := checkReports(repository, kind); err != nil {
		return nil, err
	}
	places := make(map[string]int, len(commits))
	for _, commit := range commits {
		if err := checkName("the commit", commit, true); err != nil {
			return nil, err
		}
		if _, ok := places[commit]; !ok {
			places[commit] = len(places)
		}
	}
	return places, nil
}

// SeriesQuery asks for the reports of a branch over time.
type SeriesQuery struct {
	Repository string
	Kind       string
	Branch     string
	Flag       *string   // nil: all flags
	From       time.Time // the first time; zero: as old as there are
	To         time.Time // the time after the last; zero: as new as there are
	Most       int       // the newest so many; 0 and what is larger mean MaxSeries
}

// Check returns an error where nothing can be known of a series, and sets the number of reports where it is not given.
func (q *SeriesQuery) Check() error {
	if err := checkReports(q.Repository, q.Kind); err != nil {
		return err
	}
	if err := checkName("the branch", q.Branch, false); err != nil {
		return err
	}
	if q.Flag != nil {
		if err := checkName("the flag", *q.Flag, false); err != nil {
			return err
		}
	}
	for what, t := range map[string]time.Time{"the start": q.From, "the end": q.To} {
		if !t.IsZero() {
			if err := checkTime(what, t); err != nil {
				return err
			}
		}
	}
	if q.Most <= 0 || q.Most > MaxSeries {
		q.Most = MaxSeries
	}
	return nil
}

// window is how far back, in bytes, what is like something before is found. The default of 8 MiB would be kept in memory for good, and
// what reports repeat is near.
const window = 1 << 20

// zstandard compresses two bodies at once at most, so that the memory it needs is bounded; others wait. Its frames end with a checksum.
var zstandard = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(window), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the settings above are right for every machine
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxBody))
	if err != nil {
		panic(err)
	}
	return encoder, decoder
})

// Pack compresses a body.
func Pack(body []byte) []byte {
	encoder, _ := zstandard()
	return encoder.EncodeAll(body, nil)
}

// Unpack returns the body that Pack was given.
func Unpack(packed []byte, size int) ([]byte, error) {
	if size < 0 || size > MaxBody {
		return nil, errors.New("the size of a stored report is wrong")
	}
	_, decoder := zstandard()
	body, err := decoder.DecodeAll(packed, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("a stored report is damaged: %w", err)
	}
	if len(body) != size {
		return nil, errors.New("a stored report is damaged: its size is another")
	}
	return body, nil
}
