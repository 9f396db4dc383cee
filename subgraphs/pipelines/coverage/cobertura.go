package coverage

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
)

// parseCobertura reads Cobertura's XML: coverage/packages/package/classes/class, which names its file, and the lines of the class. Classes of one file (inner
// classes, lambdas, templates) may have the same lines: the one that was run more counts. The lines of methods are those of their class once more, and are read
// only where the class lists none itself.
func parseCobertura(in *input, b *builder) error {
	e := newElements(in)
	if err := e.root("coverage"); err != nil {
		return err
	}
	var (
		class           *unit
		own, ofMethods  set[Line]
		source          strings.Builder
		inSource        bool
		methods, nested int
	)
	for {
		token, err := e.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.CharData:
			if inSource {
				source.Write(t)
			}
		case xml.StartElement:
			switch t.Name.Local {
			case "source":
				inSource = true
				source.Reset()
			case "methods":
				methods++
			case "class":
				if nested++; nested > 1 {
					return &SyntaxError{Reason: "a class in a class"}
				}
				if class, err = b.file(attribute(t, "filename")); err != nil {
					return err
				}
			case "line":
				if class == nil {
					return &SyntaxError{Reason: "a line outside of a class"}
				}
				l, ok, err := b.coberturaLine(t)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				if methods > 0 {
					ofMethods.add(l, byNumber, foldViews)
				} else {
					own.add(l, byNumber, foldViews)
				}
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "source":
				inSource = false
				if err := b.source(source.String()); err != nil {
					return err
				}
			case "methods":
				methods--
			case "class":
				nested--
				lines := &own
				if len(own.items) == 0 {
					lines = &ofMethods
				}
				lines.settle(byNumber, foldViews)
				for _, l := range lines.items {
					if err := b.add(class, l); err != nil {
						return err
					}
				}
				class, own, ofMethods = nil, set[Line]{items: own.items[:0]}, set[Line]{items: ofMethods.items[:0]}
			}
		}
	}
}

// coberturaLine reads a line; condition-coverage is as "50% (1/2)", and its percentage is passed over.
func (b *builder) coberturaLine(t xml.StartElement) (Line, bool, error) {
	number, ok, err := b.number(attribute(t, "number"))
	if err != nil || !ok {
		return Line{}, false, err
	}
	hits, err := parseHits(attribute(t, "hits"))
	if err != nil {
		return Line{}, false, err
	}
	l := Line{Number: number, Hits: hits}
	if _, rest, found := strings.Cut(attribute(t, "condition-coverage"), "("); found {
		taken, all, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(rest), ")"), "/")
		l.Branches, l.Taken = branches(taken, all)
	}
	return l, true, nil
}

// branches reads two numbers, of which the first cannot be larger. Where they are none, nothing is known of branches.
func branches(taken, all string) (uint16, uint16) {
	t, err1 := strconv.ParseUint(strings.TrimSpace(taken), 10, 63)
	a, err2 := strconv.ParseUint(strings.TrimSpace(all), 10, 63)
	if err1 != nil || err2 != nil || t > a {
		return 0, 0
	}
	return uint16(min(a, math.MaxUint16)), uint16(min(t, math.MaxUint16))
}

// source takes a folder in that paths are relative to. One that is nothing says nothing.
func (b *builder) source(written string) error {
	if len(written) > b.limits.Path {
		return &LimitError{Limit: LimitPath, Max: int64(b.limits.Path)}
	}
	root := cleanPath(written)
	if root == "" || root == "." {
		return nil
	}
	for _, known := range b.roots {
		if known == root {
			return nil
		}
	}
	if len(b.roots) >= b.limits.Roots {
		return &LimitError{Limit: LimitRoots, Max: int64(b.limits.Roots)}
	}
	b.roots = append(b.roots, root)
	return nil
}
