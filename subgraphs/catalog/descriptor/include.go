package descriptor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

const (
	// MaxIncludeSize is the most bytes one placeholder may bring in; interface definitions of a few MB exist.
	MaxIncludeSize = 5 << 20
	// maxIncluded is the most bytes that all placeholders of one document may bring in together.
	maxIncluded = 2 * MaxIncludeSize
)

// ErrNotRegular is wrapped by the error of ReadRegular for a folder, a device, a pipe or a socket.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge is wrapped by the error of ReadRegular for a file of more bytes than the limit.
var ErrTooLarge = errors.New("too large")

// resolve replaces every placeholder below the value: an object whose only key is $text, $json or $yaml and whose value is a
// string. What a placeholder brings in is not searched for more of them.
func (d *reading) resolve(value any, at Path) any {
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			if composite(item) {
				v[i] = d.resolve(item, at.join(strconv.Itoa(i)))
			}
		}
	case map[string]any:
		if len(v) == 1 {
			for key, target := range v {
				name, ok := target.(string)
				if ok && (key == "$text" || key == "$json" || key == "$yaml") {
					return d.placeholder(key, name, at.join(key))
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) { // sorted, as the limit on all of them counts
			if composite(v[key]) {
				v[key] = d.resolve(v[key], at.join(key))
			}
		}
	}
	return value
}

func composite(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

func (d *reading) placeholder(key, target string, at Path) any {
	content, rule, err := d.readIncluded(target)
	if err != nil {
		d.fail(rule, d.lineOf(at), fmt.Sprintf("%s %s: %v", key, quote(target), err))
		return nil
	}
	var value any
	switch key {
	case "$text":
		if !utf8.Valid(content) {
			err = errors.New("the file is not UTF-8; save it as UTF-8")
		}
		value = string(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	case "$json":
		value, err = parseJSON(content)
	case "$yaml":
		value, err = parseIncludedYAML(content)
	}
	if err != nil {
		d.fail("placeholder-content", d.lineOf(at), fmt.Sprintf("%s %s: %v", key, quote(target), err))
		return nil
	}
	return value
}

var urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// readIncluded reads the file that a placeholder names, and tells the rule that is broken where it cannot.
func (d *reading) readIncluded(target string) (content []byte, rule string, err error) {
	if d.in.Included != nil {
		name, content, rule, err := d.in.Included(target, min(MaxIncludeSize, maxIncluded-d.included))
		if name != "" {
			d.includes = append(d.includes, name)
		}
		d.included += len(content)
		return content, rule, err
	}
	switch {
	case target == "" || strings.ContainsRune(target, 0):
		return nil, "placeholder-target", errors.New("names no file; give a path relative to this one")
	case urlScheme.MatchString(target):
		return nil, "placeholder-remote", errors.New("only files of the same checkout are read, and no URLs; commit a copy and name its path")
	case d.in.Root == "":
		return nil, "placeholder-target", errors.New("the document comes without its folder, so no other file can be read")
	}
	name := filepath.FromSlash(target)
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.in.File), name)
	}
	name = filepath.Clean(name)
	relative, err := filepath.Rel(d.in.Root, name)
	if err != nil || !filepath.IsLocal(relative) {
		return nil, "placeholder-outside", fmt.Errorf("the file lies outside %s; move it into the same checkout", d.in.Root)
	}
	d.includes = append(d.includes, name)
	if d.root == nil {
		root, err := os.OpenRoot(d.in.Root)
		if err != nil {
			return nil, "placeholder-unreadable", fmt.Errorf("opening the checkout: %w", err)
		}
		d.root = &confined{root}
	}
	content, err = d.root.read(relative, min(MaxIncludeSize, maxIncluded-d.included))
	d.included += len(content)
	switch {
	case err == nil:
		return content, "", nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, "placeholder-missing", errors.New("there is no such file; create it or correct the path")
	case errors.Is(err, ErrTooLarge):
		return nil, "placeholder-size", fmt.Errorf("the file is too large: one may have %d bytes and all of a document %d; split it", MaxIncludeSize, maxIncluded)
	case errors.Is(err, ErrNotRegular):
		return nil, "placeholder-unreadable", errors.New("that is not a regular file; name one")
	}
	return nil, "placeholder-unreadable", fmt.Errorf("the file cannot be read (is it a link that leaves the checkout?): %w", err)
}

// confined reads files below one folder, also after following symbolic links.
type confined struct{ root *os.Root }

func (c *confined) close() { _ = c.root.Close() }

func (c *confined) read(name string, limit int) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe that nobody writes would wait for ever.
	file, err := c.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readRegular(file, limit)
}

// ReadRegular reads a regular file of at most limit bytes. It neither reads more than that nor waits for anybody.
func ReadRegular(name string, limit int) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readRegular(file, limit)
}

func readRegular(file *os.File, limit int) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: %w", file.Name(), ErrNotRegular)
	}
	if info.Size() > int64(limit) {
		return nil, fmt.Errorf("reading %s of %d bytes: %w", file.Name(), info.Size(), ErrTooLarge)
	}
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // so that it need not grow
	if _, err := buffer.ReadFrom(io.LimitReader(file, int64(limit)+1)); err != nil {
		return nil, err
	}
	if buffer.Len() > limit {
		return nil, fmt.Errorf("reading %s: %w", file.Name(), ErrTooLarge)
	}
	return buffer.Bytes(), nil
}

func parseJSON(content []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("the file is not valid JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one JSON value; keep one")
	}
	return plainNumbers(value, 0)
}

func plainNumbers(value any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the file nests deeper than %d levels; flatten it", maxDepth)
	}
	var err error
	switch v := value.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("the file has a number that is too large: %s", quote(v.String()))
		}
		return f, nil
	case []any:
		for i := range v {
			if v[i], err = plainNumbers(v[i], depth+1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = plainNumbers(v[key], depth+1); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func parseIncludedYAML(content []byte) (any, error) {
	if !utf8.Valid(content) {
		return nil, errors.New("the file is not UTF-8; save it as UTF-8")
	}
	parts := split(content)
	if len(parts) != 1 {
		return nil, fmt.Errorf("the file holds %d YAML documents; keep one", len(parts))
	}
	node, problem := parseYAML(parts[0].text)
	if problem != nil {
		return nil, fmt.Errorf("line %d: %s", parts[0].line+problem.line-1, problem.message)
	}
	if node == nil {
		return nil, nil
	}
	var c converter
	value := c.value(node, 0)
	for _, p := range c.problems {
		if p.severity == SeverityError {
			return nil, fmt.Errorf("line %d: %s", parts[0].line+p.line-1, p.message)
		}
	}
	return value, nil
}
