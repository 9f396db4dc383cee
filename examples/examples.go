// Package examples holds an organisation to try Callboard on: Larkfold, a music streaming company that does not exist, with
// its teams, services, documents and sixteen repositories, and a set of operations worth asking it.
//
// In goes a folder's path, out come git repositories with years of history in it (Build), and the operations as data
// (Operations). The rule: everything is data that a reader can open, and the same data gives the same commit ids on every
// machine and every run.
//
// Open README.md first for what is in the organisation, then history.go for how a repository's history is written down.
package examples

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Folders whose names start with a dot are part of a repository too: hence all.
//
//go:embed all:organisation
//go:embed history/*.txtar history/people.txt
//go:embed operations/*.graphql operations/*.json
var embedded embed.FS

// LastDay is the day on which the organisation's history ends. Whoever simulates the tools around the repositories
// can treat it as today.
var LastDay = time.Date(2026, time.February, 27, 0, 0, 0, 0, time.UTC)

// stampName is the file that marks a folder as built by this package. Its one line is the version of what was built.
const stampName = ".callboard-example"

// layout counts the changes to how Build turns the embedded data into repositories. It is part of Version, so that a
// folder built in an older way is built again.
const layout = "2"

// Version identifies the embedded organisation: it changes with any byte of it.
func Version() string {
	hash := sha256.New()
	fmt.Fprintf(hash, "layout %s\n", layout)
	for _, name := range embeddedFiles("organisation", "history") {
		text := mustRead(name)
		fmt.Fprintf(hash, "%s %d\n", name, len(text))
		hash.Write(text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// Repositories returns the names of the organisation's repositories, sorted. Each is a folder below the one that Build
// is given.
func Repositories() []string {
	entries, err := embedded.ReadDir("organisation")
	if err != nil {
		panic("examples: bug: reading the embedded organisation: " + err.Error())
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	sort.Strings(names)
	return names
}

// Build makes folder hold the organisation, or the repositories of it that are named: one git repository per sub-folder, checked
// out at its main branch. It does nothing where folder already holds them in this Version, replaces what an earlier version of
// Build made there, and refuses a folder that holds anything else. The folder appears whole or not at all. It needs the git
// executable.
func Build(ctx context.Context, folder string, names ...string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("building the example organisation: %w", err)
	}
	version := Version()
	if len(names) > 0 {
		names = slices.Sorted(slices.Values(names))
		version += " " + strings.Join(names, " ")
	} else {
		names = Repositories()
	}
	state, err := look(folder, version)
	if err != nil || state == current {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o777); err != nil {
		return fmt.Errorf("building the example organisation: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(folder), filepath.Base(folder)+".new-")
	if err != nil {
		return fmt.Errorf("building the example organisation: %w", err)
	}
	defer os.RemoveAll(draft) // gone already where all went well
	if err := os.Chmod(draft, 0o755); err != nil {
		return fmt.Errorf("building the example organisation: %w", err)
	}
	if err := write(ctx, draft, version, names); err != nil {
		return fmt.Errorf("building the example organisation: %w", err)
	}
	return swap(draft, folder, version)
}

// What a folder that Build is asked to fill holds.
type occupancy int

const (
	absent  occupancy = iota // no such folder
	empty                    // a folder without entries
	older                    // another version of the organisation
	current                  // this version: nothing to do
)

func look(folder, version string) (occupancy, error) {
	stamp, err := os.ReadFile(filepath.Join(folder, stampName))
	if err == nil {
		if strings.TrimSpace(string(stamp)) == version {
			return current, nil
		}
		return older, nil
	}
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	case err != nil:
		return absent, fmt.Errorf("building the example organisation: %w", err)
	case len(entries) == 0:
		return empty, nil
	}
	return absent, fmt.Errorf("%s was not made by callboard and is not empty: name another folder for the example organisation, or empty this one", folder)
}

// write builds the repositories below draft, as many at a time as there are processors, and the stamp last.
func write(ctx context.Context, draft, version string, names []string) error {
	people, err := readPeople()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, name := range names {
		group.Go(func() error {
			history, err := readHistory(name, people)
			if err != nil {
				return err
			}
			return importRepository(ctx, filepath.Join(draft, name), name, history)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(draft, stampName), []byte(version+"\n"), 0o666)
}

// swap puts draft where folder is. Another process that built the same version meanwhile has done our work.
func swap(draft, folder, version string) error {
	state, err := look(folder, version)
	switch {
	case err != nil || state == current:
		return err
	case state == empty:
		if err := os.Remove(folder); err != nil {
			return fmt.Errorf("building the example organisation: %w", err)
		}
	case state == older:
		retired, err := os.MkdirTemp(filepath.Dir(folder), filepath.Base(folder)+".old-")
		if err != nil {
			return fmt.Errorf("replacing the example organisation: %w", err)
		}
		defer os.RemoveAll(retired)
		if err := os.Rename(folder, filepath.Join(retired, "organisation")); err != nil {
			return fmt.Errorf("replacing the example organisation: %w", err)
		}
	}
	if err := os.Rename(draft, folder); err != nil {
		if state, lookErr := look(folder, version); lookErr == nil && state == current {
			return nil
		}
		return fmt.Errorf("building the example organisation: %w", err)
	}
	return nil
}

// storedSuffix ends the names of embedded files that the go command would otherwise take for its own: main.go is kept as
// main.go.txt and go.mod as go.mod.txt. A folder with a go.mod would not even be embedded.
const storedSuffix = ".txt"

// storedFiles returns the files of one repository as they are at the tip of its main branch, by path.
func storedFiles(repository string) (map[string]string, error) {
	root := path.Join("organisation", repository)
	files := map[string]string{}
	for _, name := range embeddedFiles(root) {
		text, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		inside := strings.TrimPrefix(name, root+"/")
		if plain, ok := strings.CutSuffix(inside, storedSuffix); ok && goOwns(plain) {
			inside = plain
		}
		files[inside] = string(text)
	}
	return files, nil
}

func goOwns(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".go") || base == "go.mod" || base == "go.sum" || base == "go.work"
}

// embeddedFiles lists the files below the roots, sorted within each.
func embeddedFiles(roots ...string) []string {
	var names []string
	for _, root := range roots {
		err := fs.WalkDir(embedded, root, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			panic("examples: bug: listing embedded files: " + err.Error())
		}
	}
	return names
}
