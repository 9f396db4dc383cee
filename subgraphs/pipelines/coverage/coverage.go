// Package coverage reads what coverage tools write: Cobertura XML, LCOV, JaCoCo XML and Go's cover profiles. The bytes of a report go in, which anybody may have
// uploaded; out comes a Report: for each file its lines with code, how often each was run, and its branches where the format tells.
//
// The one rule: numbers are counted from the lines and never believed. The rates and totals that a report claims of itself are not read at all.
//
// Start with Parse, which names the formats. lcov.go, goprofile.go, cobertura.go and jacoco.go each know one; lines.go collects lines in bounded memory; merge.go
// adds up the reports of one commit; locate.go finds the files of a report in a repository; compare.go tells what a change did to the coverage; encode.go is how a
// report is stored.
package coverage

import (
	"math"
	"slices"
	"strings"
)

// Format is what a report was written in.
type Format string

// The formats that are understood.
const (
	Cobertura Format = "COBERTURA" // coverage.py, gcovr, coverlet, istanbul, PHPUnit and many others
	LCOV      Format = "LCOV"      // lcov 1.x and 2.x, geninfo, istanbul, cargo-llvm-cov, Bazel
	JaCoCo    Format = "JACOCO"    // JaCoCo, Kover
	GoProfile Format = "GO"        // go test -coverprofile, in each of its modes
)

// Formats returns all formats, in alphabetical order.
func Formats() []Format { return []Format{Cobertura, GoProfile, JaCoCo, LCOV} }

// Report is the coverage of a set of files. It is not changed once it is made.
type Report struct {
	Format Format   // empty where reports of several formats were merged
	Roots  []string // the folders that the paths may be relative to, where a Cobertura report names several; a single one is put before the paths
	Files  []File   // by path, each path once
}

// File is the coverage of one file.
type File struct {
	Path       string // as the report writes it, cleaned, with slashes: absolute, or behind a module's path, or relative to something
	Lines      []Line // the lines with code, by number, each once
	Functions  Count  // LCOV alone; zero where not told
	Statements Count  // Go alone, whose tools count statements; zero where not told
}

// Line is a line with code. Hits is how often it was run; at its highest value it means that often or more. JaCoCo tells whether a line was run and not how often,
// which is 1. Of several blocks of Go code on a line the one that was run most counts. Branches is how many ways lead on from the line, and Taken how many of them
// were gone; both are zero where the report does not tell.
type Line struct {
	Number, Hits    uint32
	Branches, Taken uint16
}

// Count is how many of something were run.
type Count struct{ Covered, Total int }

// Rate returns the share that was run, from 0 to 1, and false where there is nothing to be run.
func (c Count) Rate() (float64, bool) {
	if c.Total <= 0 {
		return 0, false
	}
	return float64(c.Covered) / float64(c.Total), true
}

func (c Count) plus(d Count) Count { return Count{c.Covered + d.Covered, c.Total + d.Total} }

// Totals is what counts of a file or of a report.
type Totals struct {
	Files                                  int // that have lines with code
	Lines, Branches, Functions, Statements Count
}

// Totals counts the lines of the report.
func (r *Report) Totals() Totals {
	var t Totals
	for i := range r.Files {
		f := r.Files[i].Totals()
		t.Files += f.Files
		t.Lines, t.Branches, t.Functions, t.Statements = t.Lines.plus(f.Lines), t.Branches.plus(f.Branches), t.Functions.plus(f.Functions), t.Statements.plus(f.Statements)
	}
	return t
}

// Totals counts the lines of the file.
func (f *File) Totals() Totals {
	t := Totals{Functions: f.Functions, Statements: f.Statements}
	if len(f.Lines) > 0 {
		t.Files = 1
	}
	for _, l := range f.Lines {
		t.Lines.Total++
		if l.Hits > 0 {
			t.Lines.Covered++
		}
		t.Branches.Total += int(l.Branches)
		t.Branches.Covered += int(l.Taken)
	}
	return t
}

// File returns the file of a path, or nil.
func (r *Report) File(path string) *File {
	i, found := slices.BinarySearchFunc(r.Files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return nil
	}
	return &r.Files[i]
}

// Line returns the line of a number, and false where it has no code.
func (f *File) Line(number uint32) (Line, bool) {
	i, found := slices.BinarySearchFunc(f.Lines, number, func(l Line, number uint32) int { return compareUint(l.Number, number) })
	if !found {
		return Line{}, false
	}
	return f.Lines[i], true
}

func compareUint(a, b uint32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// addHits adds without wrapping round.
func addHits(a, b uint32) uint32 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint32
}

// addBranches adds without wrapping round.
func addBranches(a, b uint16) uint16 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint16
}
