// Package descriptor reads catalog descriptors. The bytes of one file go in; its documents come out, each an entity or the
// issues that say, with file and line, why it is none. The one rule: nothing in a file can hide anything else in it. Every
// document is read on its own, and one that is refused never costs its siblings.
//
// The format is Backstage's as the shipped code has it, where that differs from its documentation. Its kinds and relations are
// data (kinds.go), so a new kind is a new row. The life of a document is Parse in this file; open it first.
package descriptor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFileSize is the largest descriptor that is read, in bytes. Descriptors are some kilobytes; the largest seen in public
// repositories, with a whole interface definition inside, stay below 2 MB.
const MaxFileSize = 5 << 20

// Limits on what one file can make of itself. Exports of whole directories hold some thousand documents.
const (
	maxDocumentSize   = 2 << 20 // a parsed document takes some hundred times its size while it is checked
	maxDocuments      = 20_000
	maxDocumentIssues = 100
	maxFileIssues     = 1000 // beyond it, each refused document has one issue
)

// Input says where a file's bytes come from.
type Input struct {
	File     string // absolute path or URL, for issues and as the folder that placeholders are relative to
	Location string // the file as a location, "type:target"; "file:" and File where empty
	Origin   string // the location that led to the file, "type:target"; the file itself where empty
	Root     string // the folder whose files placeholders may read; where empty, none
	Included Include
}

// Include reads what a placeholder names, in place of files below Input.Root. It returns the name of what was read or was to be
// read, for File.Includes, and its content of at most limit bytes; or why it cannot, with the rule that is broken.
type Include func(target string, limit int) (name string, content []byte, rule string, err error)

// File is what one file holds.
type File struct {
	Documents []Document // in the file's order, empty ones left out
	Issues    []Issue    // sorted by document, line, rule
	Includes  []string   // absolute paths that placeholders named, read or not, sorted
}

// Document is one YAML document of a file.
type Document struct {
	Position int // in the file, from 0; an empty document counts
	Line     int // where its text starts, from 1
	Ref      Ref // whom it describes; zero where that cannot be told
	Entity   *Entity
	Targets  []Target // of a Location, in the order written
}

// Target is one target of a Location.
type Target struct {
	Text string
	Line int
}

// Parse reads the documents of a file. It never fails: what is wrong is among the issues, and a document with an error has no
// Entity.
func Parse(text []byte, in Input) File {
	var file File
	if len(text) > MaxFileSize {
		file.Issues = append(file.Issues, SizeIssue(in.File, int64(len(text))))
		return file
	}
	parts := split(text)
	if len(parts) > maxDocuments {
		file.Issues = append(file.Issues, Issue{
			Severity: SeverityError, Rule: "file-documents", File: in.File, Document: -1, Line: parts[maxDocuments].line,
			Message: fmt.Sprintf("the file has %d documents, and those from here on are not read: a file may have %d; split it", len(parts), maxDocuments),
		})
		parts = parts[:maxDocuments]
	}
	for _, part := range parts {
		d := reading{in: in, part: part, lastLine: part.line + bytes.Count(part.text, []byte("\n"))}
		d.read()
		d.close()
		if !d.empty {
			file.Documents = append(file.Documents, Document{Position: part.position, Line: d.line, Ref: d.ref, Entity: d.entity, Targets: d.targets})
		}
		if len(file.Issues) > maxFileIssues && len(d.issues) > 1 {
			d.issues = d.issues[:1]
		}
		file.Issues = append(file.Issues, d.issues...)
		file.Includes = append(file.Includes, d.includes...)
	}
	SortIssues(file.Issues)
	slices.Sort(file.Includes)
	file.Includes = slices.Compact(file.Includes)
	return file
}

// SizeIssue is the issue of a file that is too large to be read.
func SizeIssue(file string, size int64) Issue {
	return Issue{
		Severity: SeverityError, Rule: "file-size", File: file, Document: -1,
		Message: fmt.Sprintf("the file has %d bytes and is not read: a descriptor may have %d; move what is large to a file of its own and include it with $text", size, MaxFileSize),
	}
}

// reading is one document on its way from text to entity.
type reading struct {
	in       Input
	part     part
	node     *yaml.Node // the root value; nil until there is one
	line     int        // first line of the document's text
	lastLine int
	document map[string]any
	kind     *Kind
	ref      Ref
	entity   *Entity
	targets  []Target
	empty    bool
	failed   bool
	issues   []Issue
	more     int // issues beyond the limit
	includes []string
	included int // bytes read through placeholders
	root     *confined
}

// read takes the document through its stages in the order of the format. The first that fails ends it.
func (d *reading) read() {
	for _, stage := range []func(*reading){
		(*reading).decode,     // text to values
		(*reading).identify,   // the envelope: kind, apiVersion, name
		(*reading).include,    // placeholders become the text they name
		(*reading).checkShape, // fields and their types
		(*reading).checkRules, // formats of fields, and what the kind asks for
		(*reading).build,      // values to entity, with its relations
	} {
		if stage(d); d.failed || d.empty {
			return
		}
	}
}

func (d *reading) decode() {
	d.line = d.part.line
	if len(d.part.text) > maxDocumentSize {
		d.fail("document-size", d.line, fmt.Sprintf("the document has %d bytes and is not read: it may have %d; move what is large to a file of its own and include it with $text", len(d.part.text), maxDocumentSize))
		return
	}
	if !utf8.Valid(d.part.text) {
		at := 0
		for at < len(d.part.text) {
			r, size := utf8.DecodeRune(d.part.text[at:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		line := d.part.line + bytes.Count(d.part.text[:at], []byte("\n"))
		d.fail("file-encoding", line, "the text is not UTF-8; save the file as UTF-8")
		return
	}
	node, problem := parseYAML(d.part.text)
	if problem != nil {
		d.fail(problem.rule, d.fileLine(problem.line), problem.message)
		return
	}
	if node == nil || isNull(node) {
		d.empty = true
		return
	}
	d.node = node
	d.line = d.fileLine(node.Line)
	c := converter{}
	value := c.value(node, 0)
	for _, p := range c.problems {
		d.add(p.severity, p.rule, d.fileLine(p.line), p.message)
	}
	if d.failed {
		return
	}
	document, ok := value.(map[string]any)
	if !ok {
		d.fail("document-not-object", d.line, fmt.Sprintf("the document is %s where an entity is an object; start it with apiVersion, kind and metadata", describe(value)))
		return
	}
	d.document = document
}

// identify checks the envelope, and learns the ref even of a document that other rules refuse later.
func (d *reading) identify() {
	d.report(checkObject(nil, d.document, envelopeFields, nil))
	if d.failed {
		return
	}
	metadata := d.document["metadata"].(map[string]any)
	kind, name := d.document["kind"].(string), metadata["name"].(string)
	namespace := DefaultNamespace
	if written, ok := metadata["namespace"].(string); ok {
		namespace = written
	}
	if IsKind(kind) && IsName(name) && IsNamespace(namespace) {
		d.ref = newRef(kind, namespace, name)
	}
	d.kind = KindNamed(kind)
}

func (d *reading) include() {
	resolved := d.resolve(d.document, nil)
	d.document = resolved.(map[string]any)
}

func (d *reading) checkShape() {
	problems := CheckSchema(d.document)
	for _, field := range []string{"relations", "status"} {
		if _, ok := d.document[field]; ok {
			problems = append(problems, Problem{Rule: "field-unknown", Path: Path{field}, Message: field + " is written by the catalog and has no place in a file; remove it"})
		}
	}
	d.report(problems)
}

func (d *reading) checkRules() {
	problems := CheckFormats(d.document)
	kindProblems, warnings := checkKind(d.document)
	d.report(append(problems, kindProblems...))
	for _, p := range warnings {
		d.add(SeverityWarning, p.Rule, d.lineOf(p.Path), p.Message)
	}
}

func (d *reading) report(problems []Problem) {
	for _, p := range problems {
		d.fail(p.Rule, d.lineOf(p.Path), p.Message)
	}
}

func (d *reading) fail(rule string, line int, message string) {
	d.add(SeverityError, rule, line, message)
}

func (d *reading) add(severity Severity, rule string, line int, message string) {
	if severity == SeverityError {
		d.failed = true
	}
	if len(d.issues) >= maxDocumentIssues {
		d.more++
		return
	}
	d.issues = append(d.issues, Issue{Severity: severity, Rule: rule, Message: message, File: d.in.File, Document: d.part.position, Line: line})
}

// close names the entity in the issues that were found before its ref was known.
func (d *reading) close() {
	if d.more > 0 {
		d.issues[len(d.issues)-1].Message += fmt.Sprintf("; and there are %d more issues in this document", d.more)
	}
	// The first issue stands for all where there are too many, so an error comes before a warning.
	slices.SortStableFunc(d.issues, func(a, b Issue) int { return strings.Compare(string(a.Severity), string(b.Severity)) })
	for i := range d.issues {
		d.issues[i].Ref = d.ref
	}
	if d.root != nil {
		d.root.close()
	}
}

// fileLine turns a line of the document's text, from 1, into a line of the file. YAML counts more characters as line ends than
// editors do, so it stops at the last line there is.
func (d *reading) fileLine(line int) int {
	return min(d.part.line+max(line, 1)-1, d.lastLine)
}

func (d *reading) lineOf(path Path) int { return d.fileLine(lineOf(d.node, path)) }

// SortIssues sorts by file, document, line, rule and message.
func SortIssues(issues []Issue) {
	slices.SortStableFunc(issues, func(a, b Issue) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if c := a.Document - b.Document; c != 0 {
			return c
		}
		if c := a.Line - b.Line; c != 0 {
			return c
		}
		if c := strings.Compare(a.Rule, b.Rule); c != 0 {
			return c
		}
		return strings.Compare(a.Message, b.Message)
	})
}
