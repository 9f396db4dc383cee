package descriptor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unique"

	"go.yaml.in/yaml/v3"
)

const (
	// maxDepth is how deep a document may nest. Templates with their JSON Schemas stay below 20.
	maxDepth = 100
	// maxAliased is how much aliases may add to a document: values, and bytes of text divided by 16. Hand-written documents
	// repeat a few dozen values; a document that repeats by powers passes any limit.
	maxAliased = 20_000
	// internedLength is the longest text that is kept once for all documents. Kinds, owners, types and annotation keys are
	// shorter; descriptions and definitions, which do not repeat, are longer.
	internedLength = 48
)

// intern returns one copy of a short text for everyone who has it.
func intern(s string) string {
	if len(s) > internedLength {
		return s
	}
	return unique.Make(s).Value()
}

// syntaxProblem is what is wrong with the text of a document; line counts from 1 within the text.
type syntaxProblem struct {
	severity      Severity
	rule, message string
	line          int
}

// parseYAML returns the root node of a text that holds at most one document, or nil where it holds none.
func parseYAML(text []byte) (*yaml.Node, *syntaxProblem) {
	text = hideVersion(text)
	root, err := decodeYAML(text)
	if err != nil {
		if mended, changed := mendEscapes(text); changed {
			root, err = decodeYAML(mended)
		}
	}
	if err != nil {
		return nil, describeSyntax(text, err)
	}
	return root, nil
}

func decodeYAML(text []byte) (root *yaml.Node, err error) {
	defer func() {
		// The library reports errors by panicking inside and recovering; what else it may panic with is the text's fault too.
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("yaml: unreadable text: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, rest yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	// A document can end before its text does; what follows is then wrong, and only the next read says so.
	if err := decoder.Decode(&rest); err == nil {
		return nil, fmt.Errorf("yaml: line %d: more text after the end of the document", rest.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, nil
	}
	return document.Content[0], nil
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// parserComplaints start the errors for which the library names the line before: it counts lines from 0 in its parser, from 1 in
// its scanner.
var parserComplaints = []string{
	"did not find expected <document start>", "did not find expected '-' indicator", "did not find expected key",
	"did not find expected ',' or ']'", "did not find expected ',' or '}'", "did not find expected node content",
}

func describeSyntax(text []byte, err error) *syntaxProblem {
	problem := &syntaxProblem{severity: SeverityError, rule: "yaml-syntax", line: 1}
	reason := strings.ReplaceAll(err.Error(), "\n", " ")
	if match := syntaxLine.FindStringSubmatch(reason); match != nil {
		if line, err := strconv.Atoi(match[1]); err == nil {
			for _, said := range parserComplaints {
				if strings.HasPrefix(match[2], said) {
					line++
				}
			}
			problem.line = min(line, bytes.Count(bytes.TrimRight(text, " \t\r\n"), []byte("\n"))+1)
		}
		reason = match[2]
	}
	advice := "mend the YAML; the other documents of the file are not affected"
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if trimmed := bytes.TrimLeft(line, " "); number >= problem.line-1 && number <= problem.line+1 && len(trimmed) > 0 && trimmed[0] == '\t' {
			problem.line, advice = number, "YAML does not take tabs for indentation; use blanks"
			break
		}
	}
	if strings.Contains(reason, "unknown anchor") {
		advice = "define the anchor with & earlier in the same document"
	}
	problem.message = "the document is not valid YAML: " + reason + "; " + advice
	return problem
}

// hideVersion turns a %YAML directive into a comment: the library refuses version 1.2, whose rules apply here anyway.
func hideVersion(text []byte) []byte {
	if len(text) == 0 || text[0] != '%' && !bytes.Contains(text, []byte("\n%YAML")) {
		return text
	}
	var out []byte
	directives := true // they come before the marker
	for line := range bytes.Lines(text) {
		directives = directives && !isMarker(line, "---")
		if directives && bytes.HasPrefix(line, []byte("%YAML")) {
			out = append(out, '#')
			line = line[1:]
		}
		out = append(out, line...)
	}
	return out
}

// mendEscapes rewrites the escapes that JSON and YAML 1.2 have and the library lacks: a slash, and the pair of escapes by which
// JSON writes characters beyond the first 65536.
func mendEscapes(text []byte) ([]byte, bool) {
	half := func(at int) (rune, bool) {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 32)
		return rune(n), err == nil
	}
	var out []byte
	changed := false
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			out = append(out, text[i])
			i++
			continue
		}
		high, ok := half(i)
		if low, okLow := half(i + 6); ok && okLow && high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
			out = append(out, string((high-0xd800)<<10+(low-0xdc00)+0x10000)...)
			i, changed = i+12, true
			continue
		}
		end := min(i+2, len(text))
		if end == i+2 && text[i+1] == '/' {
			i, changed = i+1, true
		}
		out = append(out, text[i:end]...)
		i = end
	}
	return out, changed
}

func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	var c converter
	return c.scalar(n) == nil
}

// converter turns nodes into plain values as YAML 1.2's core schema has it: dates and yes and no are strings, and << is a key
// like any other.
type converter struct {
	problems []syntaxProblem
	active   map[*yaml.Node]bool // anchored nodes being converted, to find cycles
	inAlias  int
	aliased  int
	stopped  bool
}

func (c *converter) problem(severity Severity, rule string, line int, message string) {
	c.problems = append(c.problems, syntaxProblem{severity, rule, message, line})
	if severity == SeverityError && len(c.problems) > maxDocumentIssues {
		c.stopped = true // the document is refused, and has issues enough
	}
}

// stop ends the conversion: what follows would be the same problem again.
func (c *converter) stop(rule string, line int, message string) any {
	if !c.stopped {
		c.stopped = true
		c.problem(SeverityError, rule, line, message)
	}
	return nil
}

func (c *converter) value(n *yaml.Node, depth int) any {
	if c.stopped {
		return nil
	}
	if depth > maxDepth {
		return c.stop("yaml-depth", n.Line, fmt.Sprintf("the document nests deeper than %d levels; flatten it", maxDepth))
	}
	if c.inAlias > 0 {
		c.aliased += 1 + len(n.Value)/16
		if c.aliased > maxAliased {
			return c.stop("yaml-alias-expansion", n.Line, "the document's aliases repeat too much text; write out what they stand for, or repeat less")
		}
	}
	if n.Anchor != "" {
		if c.active[n] {
			return c.stop("yaml-alias-expansion", n.Line, "the anchor &"+n.Anchor+" contains itself; remove the alias inside it")
		}
		if c.active == nil {
			c.active = map[*yaml.Node]bool{}
		}
		c.active[n] = true
		defer delete(c.active, n)
	}
	switch n.Kind {
	case yaml.AliasNode:
		c.inAlias++
		defer func() { c.inAlias-- }()
		return c.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		c.checkTag(n, "!!seq")
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			out = append(out, c.value(item, depth+1))
		}
		return out
	case yaml.MappingNode:
		c.checkTag(n, "!!map")
		return c.mapping(n, depth)
	default:
		return c.scalar(n)
	}
}

func (c *converter) mapping(n *yaml.Node, depth int) any {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := c.key(n.Content[i])
		if !ok {
			c.problem(SeverityError, "yaml-key", n.Content[i].Line, "a key is a list or an object where keys are text; put quotes around it, as around template expressions such as \"{{ x }}\"")
			continue
		}
		if _, twice := out[key]; twice {
			c.problem(SeverityError, "yaml-duplicate-key", n.Content[i].Line, "the key "+quote(key)+" comes twice in one object; remove one of them")
			continue
		}
		out[key] = c.value(n.Content[i+1], depth+1)
	}
	return out
}

// key returns the text of a key, as JavaScript would name the property.
func (c *converter) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	switch v := c.scalar(n).(type) {
	case nil:
		return "", true
	case string:
		return intern(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	default:
		return fmt.Sprint(v), true
	}
}

func (c *converter) checkTag(n *yaml.Node, own string) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != own {
		c.problem(SeverityWarning, "yaml-tag", n.Line, "the tag "+quote(n.Tag)+" is not known and has no effect; remove it")
	}
}

func (c *converter) scalar(n *yaml.Node) any {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if n.Style&yaml.TaggedStyle == 0 {
		if !plain || n.Tag == "!" {
			return intern(n.Value)
		}
		return c.resolve(n)
	}
	switch n.Tag {
	case "!!str", "!":
		return intern(n.Value)
	case "!!null", "!!bool", "!!int", "!!float":
		value := c.resolve(n)
		if i, ok := value.(int64); ok && n.Tag == "!!float" {
			return float64(i)
		}
		if _, isText := value.(string); isText {
			c.problem(SeverityError, "yaml-tag", n.Line, quote(n.Value)+" is not what its tag "+n.Tag+" says; change one of them")
		}
		return value
	}
	c.checkTag(n, "")
	return intern(n.Value)
}

// resolve finds the type of a plain scalar.
func (c *converter) resolve(n *yaml.Node) any {
	s := n.Value
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	if first := s[0]; !isDigit(first) && first != '-' && first != '+' && first != '.' {
		return intern(s) // most scalars are words
	}
	if octal, ok := strings.CutPrefix(s, "0o"); ok && octal != "" && all(octal, func(c byte) bool { return c >= '0' && c <= '7' }) {
		return integer(octal, 8)
	}
	if hex, ok := strings.CutPrefix(s, "0x"); ok && hex != "" && all(hex, func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }) {
		return integer(hex, 16)
	}
	unsigned := s
	if s[0] == '-' || s[0] == '+' {
		unsigned = s[1:]
	}
	if infinity := unsigned == ".inf" || unsigned == ".Inf" || unsigned == ".INF"; infinity || s == ".nan" || s == ".NaN" || s == ".NAN" {
		c.problem(SeverityWarning, "yaml-number", n.Line, quote(s)+" is a number that JSON does not have, and becomes null; write a number, or quote it")
		return nil
	}
	if unsigned != "" && all(unsigned, isDigit) {
		return integer(s, 10)
	}
	if isDecimal(unsigned) {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	}
	return intern(s)
}

// integer returns the number as an int64, or as a float64 where it is too large for one.
func integer(digits string, base int) any {
	if i, err := strconv.ParseInt(digits, base, 64); err == nil {
		return i
	}
	f := 0.0
	for _, digit := range strings.TrimLeft(digits, "+-") {
		d, _ := strconv.ParseInt(string(digit), base, 64)
		if f = f*float64(base) + float64(d); math.IsInf(f, 0) {
			return nil
		}
	}
	if digits[0] == '-' {
		f = -f
	}
	return f
}

// isDecimal tells whether s is digits with a point, an exponent or both: 1.5, .5, 1., 1e3.
func isDecimal(s string) bool {
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
		if exponent != "" && (exponent[0] == '-' || exponent[0] == '+') {
			exponent = exponent[1:]
		}
		if exponent == "" || !all(exponent, isDigit) {
			return false
		}
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	if !all(whole, isDigit) || !all(fraction, isDigit) || whole == "" && fraction == "" {
		return false
	}
	return point || exponent != ""
}

// lineOf returns the line, from 1 within the text, of the value that path leads to or, where it leads nowhere, of the last
// object on the way.
func lineOf(root *yaml.Node, path Path) int {
	_, line := nodeAt(root, path)
	return line
}

// nodeAt returns the node that path leads to, or nil, with the line as for lineOf. It searches, so it is for what went wrong and
// for lists as a whole, not for each of many values.
func nodeAt(n *yaml.Node, path Path) (*yaml.Node, int) {
	if n == nil {
		return nil, 1
	}
	line := n.Line
	for _, step := range path {
		next := (*yaml.Node)(nil)
		switch n.Kind {
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
				next = n.Content[i]
				line = next.Line
			}
		case yaml.MappingNode:
			var c converter
			for i := 0; i+1 < len(n.Content); i += 2 {
				if key, ok := c.key(n.Content[i]); ok && key == step {
					next = n.Content[i+1]
					line = n.Content[i].Line
					break
				}
			}
		}
		if next == nil {
			return nil, line
		}
		if n = next; n.Kind == yaml.AliasNode {
			n = n.Alias
		}
	}
	return n, line
}
