package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxFile bounds a configuration file: some thousand times what people write.
	maxFile = 256 << 10
	// maxNesting bounds lists in lists on one line, where the YAML parser's time grows with the square of the depth. The
	// configuration itself nests four deep.
	maxNesting = 32
	// maxErrors is how many errors of one file are told at once: more only hide the first.
	maxErrors = 20
)

// Error is one thing that is wrong with a configuration.
type Error struct {
	File    string // as given to Load; empty where the configuration did not come from a file
	Line    int    // from 1; 0 where unknown
	Key     string // such as "subgraphs[0].url"; empty where the file as a whole is wrong
	Problem string // what is wrong and what is allowed
}

// Error returns "file:line: key: problem", without the parts that are unknown.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Load reads a configuration file over the defaults, with ${NAME} taken from the environment. Relative paths in it are
// relative to its folder. The error joins one *Error for each thing that is wrong.
func Load(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return Read(text, path, os.LookupEnv)
}

// Read is Load for a text that is at hand, with the environment as a function. path is for errors and relative paths.
func Read(text []byte, path string, env func(name string) (string, bool)) (Config, error) {
	c := defaults(env)
	d := &decoder{file: path, env: env, lines: map[string]int{}}
	if root := d.parse(text); root != nil {
		d.decodeRoot(root, &c)
	}
	if err := d.failure(); err != nil {
		return Config{}, err
	}
	if err := c.resolve(filepath.Dir(path), env); err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	for _, problem := range c.problems() {
		problem.File, problem.Line = path, d.lineOf(problem.Key)
		d.errs = append(d.errs, problem)
	}
	if err := d.failure(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// failure joins the errors found so far, in the file's order.
func (d *decoder) failure() error {
	if len(d.errs) == 0 {
		return nil
	}
	sort.SliceStable(d.errs, func(i, j int) bool {
		a, b := d.errs[i], d.errs[j]
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Key < b.Key
	})
	var errs []error
	for i, e := range d.errs {
		if i == maxErrors {
			errs = append(errs, fmt.Errorf("%s: %d more errors", d.file, len(d.errs)-i))
			break
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// lineOf returns the line of a key, or of the nearest key around it that the file has.
func (d *decoder) lineOf(key string) int {
	for key != "" {
		if line, ok := d.lines[key]; ok {
			return line
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return 0
		}
		key = key[:cut]
	}
	return 0
}

// parse turns the text into the one document's root node; nil where the file is empty or wrong.
func (d *decoder) parse(text []byte) ast.Node {
	if len(text) > maxFile {
		d.fail(nil, "", "the file is larger than %d KiB", maxFile>>10)
		return nil
	}
	if line := tooDeep(text); line > 0 {
		d.errs = append(d.errs, &Error{File: d.file, Line: line, Problem: "lists and mappings are nested too deep here"})
		return nil
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		problem := &Error{File: d.file, Problem: "this is not valid YAML"}
		// Only the message and the place: the library's full text quotes the file, which may hold secrets.
		var detail yaml.Error
		if errors.As(err, &detail) {
			problem.Problem = "this is not valid YAML: " + detail.GetMessage()
			if at := detail.GetToken(); at != nil && at.Position != nil {
				problem.Line = at.Position.Line
			}
		}
		d.errs = append(d.errs, problem)
		return nil
	}
	var root ast.Node
	for _, document := range file.Docs {
		if document == nil || document.Body == nil {
			continue
		}
		if _, onlyComments := document.Body.(*ast.CommentGroupNode); onlyComments {
			continue
		}
		if root != nil {
			d.fail(document.Body, "", "a configuration is one YAML document: remove what follows ---")
			return nil
		}
		root = document.Body
	}
	return root
}

// tooDeep returns the line on which brackets, or list entries on one line, nest deeper than maxNesting; 0 where none do.
func tooDeep(text []byte) int {
	open, entries, line := 0, 0, 0
	for _, t := range lexer.Tokenize(string(text)) {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if open > maxNesting || entries > maxNesting {
			return line
		}
	}
	return 0
}

// resolve makes the configuration's paths absolute.
func (c *Config) resolve(folder string, env func(string) (string, bool)) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	home, _ := env("HOME")
	absolute := func(path *string) {
		switch {
		case *path == "" || filepath.IsAbs(*path):
		case home != "" && (*path == "~" || strings.HasPrefix(*path, "~/")):
			*path = filepath.Join(home, (*path)[1:])
		default:
			*path = filepath.Join(folder, *path)
		}
	}
	for i := range c.Folders {
		absolute(&c.Folders[i])
	}
	absolute(&c.State)
	absolute(&c.Gateway.Supergraph)
	for i := range c.Sources {
		absolute(&c.Sources[i].App.Key)
	}
	for _, list := range [][]Subgraph{c.Subgraphs, c.Gateway.Subgraphs} {
		for i := range list {
			absolute(&list[i].Schema)
		}
	}
	return nil
}
