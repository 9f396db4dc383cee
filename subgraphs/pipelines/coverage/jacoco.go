package coverage

import (
	"encoding/xml"
	"io"
	"math"
	"path"
)

// parseJaCoCo reads JaCoCo's XML: report, groups (the modules of a build, nested), packages with slashes in their names, source files, lines. The path of a file is
// its groups, its package and its name, which is behind no folder of sources: Locate finds it. A line has instructions that were missed (mi) and covered (ci), and
// branches (mb, cb); it was run where any instruction was.
func parseJaCoCo(in *input, b *builder) error {
	e := newElements(in)
	if err := e.root("report"); err != nil {
		return err
	}
	var groups []string
	var pkg string
	var file *unit
	for {
		token, err := e.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := attribute(t, "name")
			switch t.Name.Local {
			case "group":
				groups = append(groups, name) // no more than Limits.Depth
			case "package":
				pkg = name
			case "sourcefile":
				if file, err = b.file(path.Join(path.Join(groups...), pkg, name)); err != nil {
					return err
				}
			case "line":
				if file == nil {
					return &SyntaxError{Reason: "a line outside of a source file"}
				}
				l, ok, err := b.jacocoLine(t)
				if err != nil {
					return err
				}
				if ok {
					if err := b.add(file, l); err != nil {
						return err
					}
				}
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "group":
				if len(groups) > 0 {
					groups = groups[:len(groups)-1]
				}
			case "package":
				pkg = ""
			case "sourcefile":
				file = nil
			}
		}
	}
}

func (b *builder) jacocoLine(t xml.StartElement) (Line, bool, error) {
	number, ok, err := b.number(attribute(t, "nr"))
	if err != nil || !ok {
		return Line{}, false, err
	}
	var counts [4]uint32 // mi, ci, mb, cb: one that is not there is 0
	for i, name := range [...]string{"mi", "ci", "mb", "cb"} {
		if text := attribute(t, name); text != "" {
			if counts[i], err = parseHits(text); err != nil {
				return Line{}, false, err
			}
		}
	}
	if counts[0] == 0 && counts[1] == 0 {
		return Line{}, false, nil // no code
	}
	l := Line{Number: number, Hits: min(counts[1], 1)}
	l.Branches = uint16(min(uint64(counts[2])+uint64(counts[3]), math.MaxUint16))
	l.Taken = uint16(min(counts[3], math.MaxUint16))
	return l, true, nil
}
