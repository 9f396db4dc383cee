// Package database is what all subgraphs that remember something in a database share: how an older database becomes a newer one.
// A folder of steps and the version of a database go in; the steps it lacks come out, or the reason why it cannot be used.
//
// The one rule: a database that a newer program has migrated is not touched. Package sqlite opens a file, and package postgres
// connects to a server; both bring the database up to date before the first statement of a subgraph, and know no table of any.
package database

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Errors that are not of a database's own.
var (
	// ErrNewer is wrapped by the error for a database that a newer program has migrated. No later attempt succeeds.
	ErrNewer = errors.New("the database is newer than this program")
	// ErrClosed is wrapped by the error of a store that was closed.
	ErrClosed = errors.New("the store is closed")
)

// Migration is one step from an older database to a newer one. Steps are never changed once released, and never undone.
type Migration struct {
	Version int // from 1, without gaps
	SQL     string
}

// Migrations reads the steps in a folder, files named like 0001_start.sql, in their order.
func Migrations(files fs.FS, folder string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	var out []Migration
	for _, entry := range entries { // sorted by name
		number, _, _ := strings.Cut(entry.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != len(out)+1 {
			return nil, fmt.Errorf("reading migrations: %s is not number %d", entry.Name(), len(out)+1)
		}
		text, err := fs.ReadFile(files, path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading migrations: %w", err)
		}
		out = append(out, Migration{version, string(text)})
	}
	return out, nil
}

// Pending returns the steps that a database of some version lacks, or ErrNewer.
func Pending(steps []Migration, version int) ([]Migration, error) {
	if version > len(steps) {
		return nil, fmt.Errorf("%w: its version is %d, and this program knows %d; run the newer program, or give this one another database", ErrNewer, version, len(steps))
	}
	return steps[version:], nil
}
