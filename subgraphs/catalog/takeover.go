package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/store"
)

// Before there was a store, registered locations were kept in one file. It is taken over once, and kept under another name.
const (
	locationsFile    = "locations.json"
	locationsVersion = 1
	// maxStored is the largest file that was ever written, and no more is read.
	maxStored = store.MaxLocations * maxTarget * 6
)

// ruleStoredLocations is the rule that a broken file of registered locations breaks.
const ruleStoredLocations = "registered-locations-unreadable"

// takeOver puts the locations of the file in a folder into the store. A file that is not as it was written is kept under another
// name, and the issue says so; an error is a file that cannot be read, or a store that does not answer: nothing has changed then.
func takeOver(ctx context.Context, folder string, into store.Store) (*descriptor.Issue, error) {
	if folder == "" {
		return nil, nil
	}
	name := filepath.Join(folder, locationsFile)
	text, err := readAtMost(name, maxStored+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading registered locations: %w", err)
	}
	targets, broken := parseLocations(text)
	if broken != nil {
		aside, err := keepAside(name, "broken")
		if err != nil {
			return nil, fmt.Errorf("keeping aside the registered locations that cannot be read (%w): %w", broken, err)
		}
		return storedIssue(aside, fmt.Sprintf("the registered locations cannot be read: %v; the file is kept here: correct it, rename it to %s and restart, or register the locations again", broken, locationsFile)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, err = into.AddLocations(ctx, targets...)
	if errors.Is(err, store.ErrFull) {
		return storedIssue(name, fmt.Sprintf("with the %d locations in the file there would be more than %d; remove some from it and restart", len(targets), store.MaxLocations)), nil
	}
	if err != nil {
		return nil, err
	}
	// Another process may just have done the same.
	if _, err := keepAside(name, "taken-over"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storedIssue(name, fmt.Sprintf("the locations in the file are in the store now, but it cannot be renamed (%v), and each start will register them again; remove it", err)), nil
	}
	return nil, nil
}

func storedIssue(file, message string) *descriptor.Issue {
	return &descriptor.Issue{Severity: descriptor.SeverityError, Rule: ruleStoredLocations, File: file, Document: -1, Message: message}
}

func readAtMost(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, limit))
	return text, errors.Join(err, file.Close())
}

// parseLocations reads the content of the file, strictly.
func parseLocations(text []byte) ([]string, error) {
	if len(text) > maxStored {
		return nil, fmt.Errorf("it is larger than %d bytes", maxStored)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var stored struct {
		Version int      `json:"version"`
		Targets []string `json:"targets"`
	}
	if err := decoder.Decode(&stored); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if stored.Version != locationsVersion {
		return nil, fmt.Errorf("version %d is not known, only %d", stored.Version, locationsVersion)
	}
	if len(stored.Targets) > store.MaxLocations {
		return nil, fmt.Errorf("%d locations are more than %d", len(stored.Targets), store.MaxLocations)
	}
	for _, target := range stored.Targets {
		if clean, wrong := checkTarget(target); wrong != nil || clean != target {
			return nil, fmt.Errorf("the target %.100q is not an absolute path", target)
		}
	}
	slices.Sort(stored.Targets)
	return slices.Compact(stored.Targets), nil
}

// keepAside renames a file so that nothing is overwritten, and returns the new name.
func keepAside(file, as string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%s-%d", file, as, n)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(file, aside)
		} else if err != nil {
			return "", err
		}
	}
}
