package coverage

import (
	"bytes"
	"cmp"
	"io"
	"strconv"
)

// block is a piece of Go code without a branch in it.
type block struct {
	line, column, endLine, endColumn uint32
	statements, hits                 uint32
}

func byPlace(a, b block) int {
	return cmp.Or(compareUint(a.line, b.line), compareUint(a.column, b.column), compareUint(a.endLine, b.endLine), compareUint(a.endColumn, b.endColumn))
}

func foldBlocks(into *block, from block) {
	into.hits, into.statements = addHits(into.hits, from.hits), max(into.statements, from.statements)
}

// parseGoProfile reads what go test -coverprofile writes: a mode (set, count or atomic), then a block a line, "path:line.column,line.column statements count".
// A block is there once for each test binary that has it, as with -coverpkg: its counts add up. Profiles may be written one behind the other. A line has code where
// a block with statements begins, ends or lies on it.
func parseGoProfile(in *input, b *builder) error {
	files := map[*unit]*set[block]{}
	raw, moded := 0, false
	name, u := "", (*unit)(nil) // of the last block: blocks of a file stand together
	for ; ; in.line++ {
		text, cut, err := in.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if cut {
			return &LimitError{Limit: LimitRecord, Max: int64(in.limits.Record)}
		}
		if len(text) == 0 {
			continue
		}
		if mode, found := bytes.CutPrefix(text, []byte("mode:")); found {
			switch string(bytes.TrimSpace(mode)) {
			case "set", "count", "atomic":
				moded = true
			default:
				return &SyntaxError{Reason: "unknown mode " + quoted(string(mode))}
			}
			continue
		}
		if !moded {
			return &SyntaxError{Reason: "a block before the mode"}
		}
		colon := bytes.LastIndexByte(text, ':')
		if colon <= 0 {
			return &SyntaxError{Reason: "no block: " + quoted(string(text))}
		}
		bl, err := b.block(text[colon+1:])
		if err != nil {
			return err
		}
		if u == nil || string(text[:colon]) != name {
			name = string(text[:colon])
			if u, err = b.file(name); err != nil {
				return err
			}
		}
		if bl.statements == 0 {
			continue
		}
		blocks := files[u]
		if blocks == nil {
			blocks = &set[block]{}
			files[u] = blocks
		}
		if raw += blocks.add(bl, byPlace, foldBlocks); raw > 2*b.limits.Lines+slack*len(files) {
			return &LimitError{Limit: LimitLines, Max: int64(b.limits.Lines)}
		}
	}
	var buffer []uint64
	work := maxOverlap * b.limits.Lines
	for u, blocks := range files {
		if err := b.spread(u, blocks, &buffer, &work); err != nil {
			return err
		}
	}
	return nil
}

// block reads "line.column,line.column statements count".
func (b *builder) block(text []byte) (block, error) {
	broken := &SyntaxError{Reason: "no block: " + quoted(string(text))}
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return block{}, broken
	}
	from, to, found := bytes.Cut(fields[0], []byte(","))
	if !found {
		return block{}, broken
	}
	place := func(text []byte) (line, column uint32, err error) {
		l, c, found := bytes.Cut(text, []byte("."))
		if !found {
			return 0, 0, broken
		}
		line, ok, err := b.number(string(l))
		if err != nil {
			return 0, 0, err
		}
		n, err := strconv.ParseUint(string(c), 10, 32)
		if err != nil || !ok {
			return 0, 0, broken
		}
		return line, uint32(n), nil
	}
	var bl block
	var err error
	if bl.line, bl.column, err = place(from); err != nil {
		return block{}, err
	}
	if bl.endLine, bl.endColumn, err = place(to); err != nil {
		return block{}, err
	}
	if bl.endLine < bl.line || bl.endLine == bl.line && bl.endColumn < bl.column {
		return block{}, &SyntaxError{Reason: "a block ends before it begins: " + quoted(string(text))}
	}
	statements, err := strconv.ParseUint(string(fields[1]), 10, 31)
	if err != nil {
		return block{}, broken
	}
	bl.statements = uint32(statements)
	if bl.hits, err = parseHits(string(fields[2])); err != nil {
		return block{}, err
	}
	return bl, nil
}

// maxOverlap bounds how many blocks may lie over a line on average: the go tool's do not overlap but in their first and last lines. A few bytes can tell of a block
// of a million lines.
const maxOverlap = 4

// spread makes the lines of a file from its blocks. buffer has a place for each line of a file, and is zero before and after; work is how many lines all blocks may
// still have.
func (b *builder) spread(u *unit, blocks *set[block], buffer *[]uint64, work *int) error {
	blocks.settle(byPlace, foldBlocks)
	last := uint32(0)
	for _, bl := range blocks.items {
		u.statements.Total += int(bl.statements)
		if bl.hits > 0 {
			u.statements.Covered += int(bl.statements)
		}
		last = max(last, bl.endLine)
		if *work -= int(bl.endLine-bl.line) + 1; *work < 0 {
			return &LimitError{Limit: LimitLines, Max: int64(b.limits.Lines)}
		}
	}
	if int(last) >= len(*buffer) {
		*buffer = make([]uint64, max(int(last)+1, 2*len(*buffer)))
	}
	hits := *buffer // and one, as zero is no code
	for _, bl := range blocks.items {
		for n := bl.line; n <= bl.endLine; n++ {
			hits[n] = max(hits[n], uint64(bl.hits)+1)
		}
	}
	for _, bl := range blocks.items {
		for n := bl.line; n <= bl.endLine; n++ {
			if hits[n] == 0 {
				continue // it was in a block before
			}
			if err := b.add(u, Line{Number: n, Hits: uint32(hits[n] - 1)}); err != nil {
				return err
			}
			hits[n] = 0
		}
	}
	blocks.items = nil
	return nil
}
