// Command make runs the tests of the example organisation and writes what they say into examples/reports, from the top of the repository:
//
//	go run ./examples/reports/make
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"callboard.dev/callboard/examples"
	"callboard.dev/callboard/examples/reports"
)

func main() {
	if err := write(context.Background(), filepath.Join("examples", "reports", reports.Repository)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, to string) error {
	built, err := os.MkdirTemp("", "larkfold-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(built)
	folder := filepath.Join(built, "organisation")
	if err := examples.Build(ctx, folder, reports.Repository); err != nil {
		return err
	}
	made, err := reports.Make(ctx, filepath.Join(folder, reports.Repository))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	for commit, report := range made {
		at := filepath.Join(to, commit)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		for name, text := range map[string][]byte{reports.CoverageFile: report.Coverage, reports.TestsFile: report.Tests} {
			if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
