package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
)

type checkCommand struct {
	Files []string `arg:"" name:"file" help:"Descriptor files, such as catalog-info.yaml."`
}

// Run prints what is wrong with the files, one finding a line, and fails where the catalog would refuse a document.
func (c *checkCommand) Run(p *program) error {
	accepted, refused, warnings := 0, 0, 0
	first := map[descriptor.Ref]descriptor.Source{}
	for _, name := range c.Files {
		file, err := discover.Check(name)
		if errors.Is(err, descriptor.ErrNotRegular) {
			return fmt.Errorf("%s is not a file: name descriptor files, such as %s", name, filepath.Join(name, "catalog-info.yaml"))
		}
		if err != nil {
			return err
		}
		issues := file.Issues
		for _, document := range file.Documents {
			if document.Entity == nil {
				continue
			}
			if before, taken := first[document.Ref]; taken {
				issues = append(issues, descriptor.Issue{
					Severity: descriptor.SeverityError, Rule: "entity-conflict", File: document.Entity.Source.File, Document: document.Position, Line: document.Line, Ref: document.Ref,
					Message: fmt.Sprintf("%s is described at %s:%d already: give one of the two another name", document.Ref, shown(before.File), before.Line),
				})
				continue
			}
			first[document.Ref] = document.Entity.Source
			accepted++
		}
		refusedHere := map[int]bool{}
		for _, issue := range issues {
			severity := strings.ToLower(string(issue.Severity))
			if issue.Severity == descriptor.SeverityError {
				refusedHere[issue.Document] = true
			} else {
				warnings++
			}
			fmt.Fprintf(p.stdout, "%s:%d: %s: %s [%s]\n", shown(issue.File), max(issue.Line, 1), severity, issue.Message, issue.Rule)
		}
		refused += len(refusedHere)
	}
	fmt.Fprintf(p.stderr, "%d documents accepted, %d refused, %d warnings\n", accepted, refused, warnings)
	if refused > 0 {
		return exit{1}
	}
	return nil
}

// shown is the file's name as people type it: relative where it is below the current folder.
func shown(file string) string {
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	if relative, err := filepath.Rel(here, file); err == nil && !strings.HasPrefix(relative, "..") {
		return relative
	}
	return file
}
