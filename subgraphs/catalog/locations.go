package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
)

// locations remembers the targets that clients registered, in one small file. It is written as a whole, beside the old one, and
// then takes its place, so that there is a whole file at every moment.
type locations struct {
	file    string   // empty to remember nothing
	targets []string // sorted, each once
}

// stored is the content of the file.
type stored struct {
	Version int      `json:"version"`
	Targets []string `json:"targets"`
}

const (
	locationsFile    = "locations.json"
	locationsVersion = 1
	// maxLocations bounds what clients can make the catalog read and remember; more are better listed in one Location entity.
	maxLocations = 1000
	// maxTarget is the longest path that Linux opens.
	maxTarget = 4096
	// maxStored is the largest file that maxLocations can make, and no more is read.
	maxStored = maxLocations * maxTarget * 6
)

// ruleStoredLocations is the rule that a broken file of registered locations breaks.
const ruleStoredLocations = "registered-locations-unreadable"

// openLocations reads the file in a folder. A file that is not as it was written is kept under another name, and the issue says
// so; an error is a file that cannot be read or renamed.
func openLocations(folder string) (*locations, *descriptor.Issue, error) {
	if folder == "" {
		return &locations{}, nil, nil
	}
	l := &locations{file: filepath.Join(folder, locationsFile)}
	file, err := os.Open(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading registered locations: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxStored+1))
	err = errors.Join(err, file.Close())
	if err != nil {
		return nil, nil, fmt.Errorf("reading registered locations: %w", err)
	}
	targets, broken := parseLocations(text)
	if broken == nil {
		l.targets = targets
		return l, nil, nil
	}
	aside, err := keepAside(l.file)
	if err != nil {
		return nil, nil, fmt.Errorf("keeping aside the registered locations that cannot be read (%w): %w", broken, err)
	}
	return l, &descriptor.Issue{
		Severity: descriptor.SeverityError, Rule: ruleStoredLocations, File: aside, Document: -1,
		Message: fmt.Sprintf("the registered locations cannot be read: %v; the file is kept here: correct it and rename it to %s, or register the locations again", broken, locationsFile),
	}, nil
}

// parseLocations reads the content of the file, strictly.
func parseLocations(text []byte) ([]string, error) {
	if len(text) > maxStored {
		return nil, fmt.Errorf("it is larger than %d bytes", maxStored)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s stored
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if s.Version != locationsVersion {
		return nil, fmt.Errorf("version %d is not known, only %d", s.Version, locationsVersion)
	}
	if len(s.Targets) > maxLocations {
		return nil, fmt.Errorf("%d locations are more than %d", len(s.Targets), maxLocations)
	}
	for _, target := range s.Targets {
		if !filepath.IsAbs(target) || len(target) > maxTarget {
			return nil, fmt.Errorf("the target %.100q is not an absolute path", target)
		}
	}
	slices.Sort(s.Targets)
	return slices.Compact(s.Targets), nil
}

// keepAside renames a file so that nothing is overwritten, and returns the new name.
func keepAside(file string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.broken-%d", file, n)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(file, aside)
		} else if err != nil {
			return "", err
		}
	}
}

// Targets returns the registered targets, sorted.
func (l *locations) Targets() []string { return l.targets }

// Has tells whether a target is registered.
func (l *locations) Has(target string) bool {
	_, ok := slices.BinarySearch(l.targets, target)
	return ok
}

// Add remembers a target. On error nothing has changed.
func (l *locations) Add(target string) error {
	at, ok := slices.BinarySearch(l.targets, target)
	if ok {
		return nil
	}
	return l.change(slices.Insert(slices.Clone(l.targets), at, target))
}

// Remove forgets a target. On error nothing has changed.
func (l *locations) Remove(target string) error {
	at, ok := slices.BinarySearch(l.targets, target)
	if !ok {
		return nil
	}
	return l.change(slices.Delete(slices.Clone(l.targets), at, at+1))
}

func (l *locations) change(targets []string) error {
	if l.file != "" {
		if err := writeLocations(l.file, targets); err != nil {
			return fmt.Errorf("remembering registered locations: %w", err)
		}
	}
	l.targets = targets
	return nil
}

// writeLocations puts a new file in the place of the old one. The folder is synchronised too, as the rename is in it.
func writeLocations(file string, targets []string) (err error) {
	text, err := json.MarshalIndent(stored{Version: locationsVersion, Targets: targets}, "", "  ")
	if err != nil {
		return err
	}
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(folder, locationsFile+".next-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name())
		}
	}()
	_, err = next.Write(append(text, '\n'))
	if err == nil {
		err = next.Sync()
	}
	if err = errors.Join(err, next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), file); err != nil {
		return err
	}
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
