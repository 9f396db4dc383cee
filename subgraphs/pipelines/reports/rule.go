package reports

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// Rule says which files of what a run left are reports. A pattern is compared name by name: * is anything within a name, ? one character, [a-z] one of these, and
// ** any number of folders.
type Rule struct {
	Artifact string   // a pattern of the names of artifacts; any where empty
	Files    []string // patterns of files in an archive, or of the names of artifacts that are files; those that tools usually write where empty
	Kind     string   // KindCoverage or KindTests
	Format   string   // one of those of packages coverage and testreport; found out from the content where empty
	// Flag is what part of the tests the reports are of, such as "unit": all reports of a run with one flag are one. Where it is empty it is the name of the
	// pipeline, so that two pipelines of one commit do not take each other's place.
	Flag string
}

// usual are the names that tools give to reports, in their documentation or by long habit.
var usual = map[string][]string{
	KindCoverage: {"**/cobertura*.xml", "**/*cobertura.xml", "**/cobertura-coverage.xml", "**/coverage.xml", "**/coverage.cobertura.xml", "**/jacoco*.xml", "**/lcov.info", "**/*.lcov",
		"**/coverage.out", "**/cover.out", "**/coverage.lcov"},
	KindTests: {"**/junit*.xml", "**/*junit.xml", "**/TEST-*.xml", "**/test-results/**/*.xml", "**/surefire-reports/*.xml", "**/failsafe-reports/*.xml", "**/go-test*.json", "**/test-report.xml"},
}

// Usual returns the rules that hold where none are configured: files with the names that tools usually give to reports, in any artifact.
func Usual() []Rule { return []Rule{{Kind: KindCoverage}, {Kind: KindTests}} }

// maxPattern bounds the length of a pattern, in bytes, by judgement.
const maxPattern = 500

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	if r.Kind != KindCoverage && r.Kind != KindTests {
		return fmt.Errorf("a rule for reports: the kind is %.40q, and has to be %q or %q", r.Kind, KindCoverage, KindTests)
	}
	for _, pattern := range append([]string{r.Artifact}, r.Files...) {
		for name := range strings.SplitSeq(pattern, "/") {
			if _, err := path.Match(name, ""); err != nil || len(pattern) > maxPattern {
				return fmt.Errorf("a rule for reports: %.100q is no pattern", pattern)
			}
		}
	}
	if slices.Contains(r.Files, "") {
		return fmt.Errorf("a rule for reports: a pattern is empty")
	}
	if r.Format != "" && !known(r.Kind, r.Format) {
		return fmt.Errorf("a rule for reports: %.40q is no format of %s", r.Format, r.Kind)
	}
	return checkFlag(r.Flag)
}

// known tells whether a format is one of a kind of reports.
func known(kind, format string) bool {
	if kind == KindCoverage {
		return slices.Contains(coverage.Formats(), coverage.Format(format))
	}
	return slices.Contains(testreport.Formats(), testreport.Format(format))
}

// maxFlag bounds a flag, in bytes: people read them, and choose one of several.
const maxFlag = 200

func checkFlag(flag string) error {
	if len(flag) > maxFlag || !utf8.ValidString(flag) || strings.ContainsFunc(flag, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return fmt.Errorf("a flag has to be a text of at most %d bytes: %.40q is none", maxFlag, flag)
	}
	return nil
}

// flagOf makes a flag of the name of a pipeline.
func flagOf(name string) string {
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(name, "?")))
	for len(name) > maxFlag {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// takes tells whether an artifact may hold reports of the rule.
func (r Rule) takes(artifact string, archive bool) bool {
	return (r.Artifact == "" || matches(r.Artifact, artifact)) && (archive || r.Artifact != "" && len(r.Files) == 0 || r.reads(strings.TrimSuffix(artifact, ".gz")))
}

// reads tells whether a file is a report of the rule.
func (r Rule) reads(file string) bool {
	patterns := r.Files
	if len(patterns) == 0 {
		patterns = usual[r.Kind]
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, file) })
}

// matches compares a path with a pattern, in time that grows with the product of their lengths.
func matches(pattern, file string) bool {
	if len(file) > 4096 {
		return false
	}
	names := strings.Split(clean(file), "/")
	// so[i] tells whether the parts of the pattern so far match the first i names
	so := make([]bool, len(names)+1)
	so[0] = true
	for part := range strings.SplitSeq(pattern, "/") {
		next := make([]bool, len(names)+1)
		for i := range so {
			switch {
			case part == "**":
				next[i] = so[i] || i > 0 && next[i-1]
			case i > 0 && so[i-1]:
				next[i], _ = path.Match(part, names[i-1])
			}
		}
		so = next
	}
	return so[len(names)]
}

// clean is a path without a root and without a way out of it, and with slashes alone: names in archives are what anybody wrote there.
func clean(file string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(file, `\`, "/")), "/")
}
