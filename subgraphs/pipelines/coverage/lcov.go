package coverage

import (
	"bytes"
	"io"
)

// section is the record of one file in LCOV, from SF to end_of_record.
type section struct {
	unit      *unit
	lines     set[Line]
	branches  set[Line]
	functions int             // FN
	ran       int             // FNDA with a count
	leaders   map[uint32]bool // FNL of lcov 2.x: functions by their index, and whether one of their names (FNA) was run
}

// parseLCOV reads the tracefile format of geninfo(1), of lcov 1.x and 2.x. A file may have several sections, as one for each test: what they say adds up. The
// totals (LF, LH, BRF, ...), test names, versions, checksums and MC/DC records are passed over. A branch on a line that has no DA record is not counted.
func parseLCOV(in *input, b *builder) error {
	s := section{}
	for ; ; in.line++ {
		text, cut, err := in.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		key, value, found := bytes.Cut(text, []byte(":"))
		if !found {
			if string(text) != "end_of_record" {
				return &SyntaxError{Reason: "no record of LCOV: " + quoted(string(text))}
			}
			if s.unit == nil {
				return &SyntaxError{Reason: "end_of_record without SF"}
			}
			if err := b.close(&s); err != nil {
				return err
			}
			continue
		}
		switch string(key) {
		case "SF", "DA", "BRDA":
			if cut {
				return &LimitError{Limit: LimitRecord, Max: int64(in.limits.Record)}
			}
		}
		if string(key) == "SF" {
			if s.unit != nil {
				return &SyntaxError{Reason: "SF before the end_of_record of the last one"}
			}
			if s.unit, err = b.file(string(value)); err != nil {
				return err
			}
			continue
		}
		if err := s.record(b, key, value); err != nil {
			return err
		}
	}
	if s.unit != nil {
		return &SyntaxError{Reason: "the report ends before an end_of_record: it was cut off"}
	}
	return nil
}

// record takes one record of a section in.
func (s *section) record(b *builder, key, value []byte) error {
	inside := func() error {
		if s.unit == nil {
			return &SyntaxError{Reason: string(key) + " outside of a section"}
		}
		return nil
	}
	switch string(key) {
	case "DA": // line,hits[,checksum]
		if err := inside(); err != nil {
			return err
		}
		line, rest, _ := bytes.Cut(value, []byte(","))
		hits, _, _ := bytes.Cut(rest, []byte(","))
		number, ok, err := b.number(string(line))
		if err != nil {
			return err
		}
		n, err := parseHits(string(hits))
		if err != nil || !ok {
			return err
		}
		s.lines.add(Line{Number: number, Hits: n}, byNumber, foldRuns)
	case "BRDA": // line,[e]block,branch,taken: branch may be an expression with commas, taken is - where the block was never reached
		if err := inside(); err != nil {
			return err
		}
		line, rest, _ := bytes.Cut(value, []byte(","))
		last := bytes.LastIndexByte(rest, ',')
		if last < 0 {
			return &SyntaxError{Reason: "BRDA with less than four fields"}
		}
		number, ok, err := b.number(string(line))
		if err != nil {
			return err
		}
		branch := Line{Number: number, Branches: 1}
		if taken := string(rest[last+1:]); taken != "-" {
			n, err := parseHits(taken)
			if err != nil {
				return err
			}
			branch.Taken = uint16(min(n, 1))
		}
		if ok {
			s.branches.add(branch, byNumber, foldBranches)
		}
	case "FN":
		s.functions++
	case "FNDA": // hits,name
		hits, _, _ := bytes.Cut(value, []byte(","))
		n, err := parseHits(string(hits))
		if err != nil {
			return err
		}
		if n > 0 {
			s.ran++
		}
	case "FNL": // index,first line[,last line]
		index, _, _ := bytes.Cut(value, []byte(","))
		return s.leader(b, string(index), false)
	case "FNA": // index,hits,name
		index, rest, _ := bytes.Cut(value, []byte(","))
		hits, _, _ := bytes.Cut(rest, []byte(","))
		n, err := parseHits(string(hits))
		if err != nil {
			return err
		}
		return s.leader(b, string(index), n > 0)
	}
	return nil
}

func (s *section) leader(b *builder, index string, ran bool) error {
	if s.leaders == nil {
		s.leaders = map[uint32]bool{}
	}
	n, ok, err := b.number(index)
	if err != nil {
		return err
	}
	if ok || index == "0" {
		s.leaders[n] = s.leaders[n] || ran
	}
	return nil
}

// close joins the section with what is known of its file.
func (b *builder) close(s *section) error {
	s.lines.settle(byNumber, foldRuns)
	s.branches.settle(byNumber, foldBranches)
	branches := s.branches.items
	for _, l := range s.lines.items {
		for len(branches) > 0 && branches[0].Number < l.Number {
			branches = branches[1:]
		}
		if len(branches) > 0 && branches[0].Number == l.Number {
			l.Branches, l.Taken = branches[0].Branches, branches[0].Taken
		}
		if err := b.add(s.unit, l); err != nil {
			return err
		}
	}
	functions := Count{min(s.ran, s.functions), s.functions}
	if len(s.leaders) > 0 {
		functions = Count{0, len(s.leaders)}
		for _, ran := range s.leaders {
			if ran {
				functions.Covered++
			}
		}
	}
	s.unit.functions = larger(s.unit.functions, functions)
	*s = section{lines: set[Line]{items: s.lines.items[:0]}, branches: set[Line]{items: s.branches.items[:0]}}
	return nil
}
