package reports

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// What is stored begins with these bytes, of which the last is the version. A version that is no longer written must still be read for as long as it is stored
// anywhere. Then comes the length of about as a number of variable length, about as JSON, and what package coverage or testreport encoded.
const signature = "cbrep\x01"

// about is what is known of a report beside what it says.
type about struct {
	// Located tells that the paths are those of the repository. Where nobody told its files they are as the report had them.
	Located bool `json:"located,omitzero"`
	// Whole tells that all files of the repository were known: what is in none of them is left out.
	Whole     bool            `json:"whole,omitzero"`
	Foreign   int             `json:"foreign,omitzero"`   // files of no file of the repository
	Ambiguous int             `json:"ambiguous,omitzero"` // files that could be several
	Unread    []Unread        `json:"unread,omitempty"`
	Flaked    []testreport.ID `json:"flaked,omitempty"` // cases that both passed and failed for the commit, in several reports
}

// Unread is a file, or an artifact, that should have been part of a report and is not.
type Unread struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

const (
	maxAbout  = 1 << 20
	maxUnread = 50     // people look at the first ones; the number is told by Report.Unread being as long
	maxFlaked = 10_000 // about fits into maxAbout with as many
)

// errStored says that what is stored is not what was written.
var errStored = errors.New("a stored report cannot be read")

// pack puts what is stored together.
func pack(a about, report []byte) []byte {
	text, err := json.Marshal(a)
	if err != nil {
		panic("reports: bug: what is known of a report is no JSON: " + err.Error())
	}
	out := binary.AppendUvarint([]byte(signature), uint64(len(text)))
	return append(append(out, text...), report...)
}

// unpack takes it apart.
func unpack(body []byte) (a about, report []byte, err error) {
	rest, ok := bytes.CutPrefix(body, []byte(signature))
	n, size := binary.Uvarint(rest)
	if !ok || size <= 0 || n > maxAbout || n > uint64(len(rest)-size) {
		return a, nil, fmt.Errorf("%w: it begins as none does", errStored)
	}
	if err := json.Unmarshal(rest[size:size+int(n)], &a); err != nil {
		return a, nil, fmt.Errorf("%w: %w", errStored, err)
	}
	return a, rest[size+int(n):], nil
}

// coverageOf reads a stored report of coverage.
func (l Limits) coverageOf(r store.Report) (*coverage.Report, about, error) {
	a, body, err := unpack(r.Body)
	if err != nil {
		return nil, a, fmt.Errorf("%s at %s: %w", r.Repository, r.Commit, err)
	}
	report, err := coverage.Decode(body, l.Coverage)
	if err != nil {
		return nil, a, fmt.Errorf("%w: %s at %s: %w", errStored, r.Repository, r.Commit, err)
	}
	return report, a, nil
}

// testsOf reads a stored report of tests.
func (l Limits) testsOf(r store.Report) (*testreport.Report, about, error) {
	a, body, err := unpack(r.Body)
	if err != nil {
		return nil, a, fmt.Errorf("%s at %s: %w", r.Repository, r.Commit, err)
	}
	report, err := testreport.Decode(body, l.Tests)
	if err != nil {
		return nil, a, fmt.Errorf("%w: %s at %s: %w", errStored, r.Repository, r.Commit, err)
	}
	return report, a, nil
}
