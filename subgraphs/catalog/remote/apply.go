package remote

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/store"
)

// file is what is known of one file.
type file struct {
	store.File
	checked time.Time // when the origin was asked that last said something of it
	version int       // changes with what is to be remembered
	saved   int       // the version that is remembered

	origin   string // the location that led to it, "url:…"
	doubted  bool   // it, or what it includes, has changed since it was parsed
	served   *descriptor.Served
	includes []string // URLs of what it includes, and of needed
	needed   []string // URLs of what its last good version includes
	clean    bool     // there is no error in it, nor in what includes it
}

// read tells whether there is a text of it.
func (x *file) read() bool { return !x.Missing && (x.Validator != "" || len(x.Text) > 0) }

// changed notes that something is to be remembered anew.
func (x *file) changed(asked time.Time) {
	x.version++
	x.Asked = asked
}

// keepGood keeps the text before it is replaced, where it is the last good one.
func (x *file) keepGood() {
	if x.clean && x.read() {
		x.Good = x.Text
	}
}

// trouble is the issue of a file that cannot be read now.
func (x *file) trouble() (descriptor.Issue, bool) {
	if x.Error == "" {
		return descriptor.Issue{}, false
	}
	issue := descriptor.Issue{
		Severity: descriptor.SeverityError, Rule: "remote-unreadable", File: x.URL, Document: -1,
		Message: fmt.Sprintf("the file could not be read since %s: %s", shown(x.Since), x.Error),
	}
	if x.read() {
		issue.Severity = descriptor.SeverityWarning
		issue.Message += "; until then the last version is served"
	}
	return issue, true
}

// searched takes the answer to a search.
func (f *follower) searched(files []File, err error, asked time.Time) {
	if f.state.Searched.After(asked) { // a replica knows better
		return
	}
	found := map[string]bool{}
	for _, one := range sortedFiles(files) {
		found[one.URL] = true
		f.apply(one, true, asked)
	}
	if err != nil {
		if f.state.Error == "" {
			f.state.Since = asked
		}
		f.state.Error = printable(err)
		f.stateVersion++
		return
	}
	for url, x := range f.files {
		if x.Found && !found[url] && !x.checked.After(asked) {
			x.Found = false // it goes, unless others lead to it
			x.checked = asked
			x.changed(asked)
		}
	}
	f.state = store.State{Searched: asked}
	f.stateVersion++
}

// haveRead takes the answer to a reading. A file of which nothing is said cannot be read.
func (f *follower) haveRead(wanted map[string]string, found map[string]bool, files []File, err error, asked time.Time) {
	said := map[string]bool{}
	for _, one := range sortedFiles(files) {
		if _, ok := wanted[one.URL]; ok {
			said[one.URL] = true
			f.apply(one, found[one.URL], asked)
		}
	}
	if err == nil {
		err = errors.New("the origin says nothing of it")
	}
	for url := range wanted {
		if !said[url] {
			f.apply(File{URL: url, Err: err}, found[url], asked)
		}
	}
}

// sortedFiles makes what limits leave out the same whatever the order of an answer.
func sortedFiles(files []File) []File {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.URL, b.URL) })
	return files
}

// apply takes what an origin says of one file, unless something newer is known. found tells that it is a catalog file.
func (f *follower) apply(said File, found bool, asked time.Time) {
	if _, err := parseURL(said.URL); err != nil || strings.HasSuffix(said.URL, "/") {
		f.log.Warn("an origin names a file by what is no URL of one", "url", fmt.Sprintf("%.300q", said.URL))
		f.left++
		return
	}
	absent := errors.Is(said.Err, fs.ErrNotExist)
	x := f.files[said.URL]
	switch {
	case x != nil && x.checked.After(asked):
		return
	case x == nil && f.went[said.URL].After(asked):
		return
	case x == nil && found && absent:
		return
	case x == nil && len(f.files) >= f.config.MaxFiles:
		f.left++
		return
	case x == nil:
		x = &file{File: store.File{URL: said.URL, Root: folderOf(said.URL)}, doubted: true}
		x.changed(asked)
		f.files[said.URL] = x
		delete(f.gone, said.URL)
	}
	x.checked = asked
	if found && !x.Found && !absent {
		x.Found = true
		x.changed(asked)
	}
	if root := rootOf(said.Root, said.URL); said.Root != "" && root != x.Root {
		x.Root = root
		f.doubt(x)
		x.changed(asked)
	}
	switch {
	case absent:
		f.miss(x, asked)
	case said.Err != nil:
		f.fail(x, printable(said.Err), asked)
	case said.Unchanged && !x.read():
		f.fail(x, "the origin says that it is as before, and it was never read", asked)
	case said.Unchanged:
		f.heal(x, asked)
	case len(said.Text) > descriptor.MaxFileSize:
		f.fail(x, fmt.Sprintf("it has %d bytes, and a file may have %d", len(said.Text), descriptor.MaxFileSize), asked)
	case f.bytes-len(x.Text)+len(said.Text) > f.config.MaxBytes:
		f.left++
		f.fail(x, fmt.Sprintf("all files of %s may have %d bytes together", f.name, f.config.MaxBytes), asked)
	default:
		f.replace(x, said.Text, said.Validator, asked)
	}
	if absent || x.Error == "" {
		f.note(x, !absent, asked)
	}
}

// doubt has a file parsed anew, and those that include it.
func (f *follower) doubt(x *file) {
	x.doubted = true
	for _, user := range f.users[x.URL] {
		user.doubted = true
	}
}

func (f *follower) replace(x *file, text []byte, validator string, asked time.Time) {
	if len(validator) > maxValidator || validator != strings.Map(visible, validator) {
		validator = "" // it is asked for without
	}
	f.heal(x, asked)
	if x.read() && bytes.Equal(x.Text, text) && x.Validator == validator {
		return
	}
	if !x.read() || !bytes.Equal(x.Text, text) {
		x.keepGood()
		f.doubt(x)
	}
	f.bytes += len(text) - len(x.Text)
	x.Text, x.Validator, x.Missing = text, validator, false
	x.changed(asked)
}

func (f *follower) miss(x *file, asked time.Time) {
	f.heal(x, asked)
	if x.Missing && !x.Found {
		return
	}
	x.keepGood()
	f.bytes -= len(x.Text)
	x.Found, x.Missing, x.Text, x.Validator = false, true, nil, ""
	f.doubt(x)
	x.changed(asked)
}

func (f *follower) fail(x *file, reason string, asked time.Time) {
	if x.Error == reason {
		return
	}
	x.Since = cmp.Or(x.Since, asked)
	x.Error = reason
	if !x.read() {
		f.doubt(x)
	}
	x.changed(asked)
}

func (f *follower) heal(x *file, asked time.Time) {
	if x.Error == "" {
		return
	}
	x.Error, x.Since = "", time.Time{}
	if !x.read() {
		f.doubt(x)
	}
	x.changed(asked)
}

const (
	// maxValidator is longer than any hash is written.
	maxValidator = 256
	// maxReason is what people read of a reason.
	maxReason = 300
)

// printable is an error as it can stand in an issue and in every database.
func printable(err error) string {
	text := strings.ToValidUTF8(strings.Map(visible, strings.ToValidUTF8(err.Error(), "\uFFFD")), "")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return cmp.Or(text, "no reason is given")
}

func visible(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
