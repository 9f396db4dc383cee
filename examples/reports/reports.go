// Package reports holds what the tests of the example organisation say of its commits: Go's cover profiles, and the events of "go test -json". A repository and the
// id of a commit go in; the two files of it come out.
//
// The one rule: nothing in them is made up. Make runs "go test" on what each commit holds, "go run ./examples/reports/make" writes what it says into this folder,
// and a test runs it again. What differs from one run to the next, times, is left out.
//
// Open this file.
package reports

import (
	"archive/tar"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed playback-api
var embedded embed.FS

// Repository is the one whose commits there are reports of, and Since the day from which on it has them: the code of its older commits was written for other
// versions of Go.
const (
	Repository = "playback-api"
	Since      = "2026-01-26"
)

// Names of the files of a commit.
const (
	CoverageFile = "coverage.out"
	TestsFile    = "tests.json"
)

// Report is what the tests of a commit say.
type Report struct {
	Coverage []byte // Go's cover profile
	Tests    []byte // the events of go test -json, without times
}

// Of returns the report of a commit, and whether there is one.
func Of(repository, commit string) (Report, bool) {
	coverage, err := embedded.ReadFile(path.Join(repository, commit, CoverageFile))
	if err != nil {
		return Report{}, false
	}
	tests, err := embedded.ReadFile(path.Join(repository, commit, TestsFile))
	return Report{coverage, tests}, err == nil
}

// Commits returns the ids of the commits that there are reports of, in order.
func Commits() []string {
	entries, err := embedded.ReadDir(Repository)
	if err != nil {
		panic("reports: bug: " + err.Error())
	}
	var out []string
	for _, entry := range entries {
		out = append(out, entry.Name())
	}
	return out
}

// Make runs the tests of the commits of the repository, which is checked out in a folder, and returns what they say by the commits' ids. It needs git and go, and
// no network. What a commit has beside code does not matter for its tests, so that commits with the same code share a run.
func Make(ctx context.Context, folder string) (map[string]Report, error) {
	listed, err := run(ctx, folder, "git", "log", "--all", "--format=%H", "--since="+Since+"T00:00:00Z")
	if err != nil {
		return nil, err
	}
	out, known := map[string]Report{}, map[string]Report{}
	for commit := range strings.FieldsSeq(string(listed)) {
		archive, err := run(ctx, folder, "git", "archive", "--format=tar", commit)
		if err != nil {
			return nil, err
		}
		code, err := codeOf(archive)
		if err != nil {
			return nil, fmt.Errorf("commit %s: %w", commit, err)
		}
		var key strings.Builder
		for _, name := range slices.Sorted(maps.Keys(code)) {
			fmt.Fprintf(&key, "%s %d\n%s", name, len(code[name]), code[name])
		}
		report, ok := known[key.String()]
		if !ok {
			if report, err = test(ctx, code); err != nil {
				return nil, fmt.Errorf("commit %s: %w", commit, err)
			}
			known[key.String()] = report
		}
		out[commit] = report
	}
	return out, nil
}

// codeOf returns the files of an archive that the go command reads.
func codeOf(archive []byte) (map[string]string, error) {
	code := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return code, nil
		}
		if err != nil {
			return nil, err
		}
		if base := path.Base(header.Name); header.Typeflag == tar.TypeReg && (strings.HasSuffix(base, ".go") || base == "go.mod") {
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			code[header.Name] = string(text)
		}
	}
}

// test runs the tests of some code.
func test(ctx context.Context, code map[string]string) (Report, error) {
	folder, err := os.MkdirTemp("", "larkfold-tests-")
	if err != nil {
		return Report{}, err
	}
	defer os.RemoveAll(folder)
	for name, text := range code {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return Report{}, err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return Report{}, err
		}
	}
	events, err := run(ctx, folder, "go", "test", "-json", "-count=1", "-p=1", "-covermode=set", "-coverprofile="+CoverageFile, "./...")
	if err != nil {
		return Report{}, err
	}
	coverage, err := os.ReadFile(filepath.Join(folder, CoverageFile))
	return Report{ordered(coverage), timeless(events)}, err
}

// ordered sorts the blocks of a profile, whose order is that in which packages were done.
func ordered(profile []byte) []byte {
	lines := strings.Split(strings.TrimSuffix(string(profile), "\n"), "\n")
	slices.Sort(lines[1:])
	return []byte(strings.Join(lines, "\n") + "\n")
}

var (
	moments = regexp.MustCompile(`"Time":"[^"]*",|,"Elapsed":[0-9.e-]+`)
	spans   = regexp.MustCompile(`([(\s\\t])[0-9]+\.[0-9]+s`)
)

// timeless takes out of events when they were and how long they took.
func timeless(events []byte) []byte {
	return spans.ReplaceAll(moments.ReplaceAll(events, nil), []byte("${1}0.00s"))
}

func run(ctx context.Context, folder, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	// Neither the user's settings nor a network have a say.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "GO111MODULE=on", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "TZ=UTC")
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "GIT_DIR=") })
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s%s", name, args[0], err, complaint.String(), tail(out))
	}
	return out, nil
}

// tail is the end of what was written before something failed.
func tail(out []byte) []byte {
	const enough = 2000
	return out[max(0, len(out)-enough):]
}
