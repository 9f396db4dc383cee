package jenkins

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
)

// Coverage is how much of the code the tests of a build ran, as a plugin of Jenkins tells it.
type Coverage struct {
	Plugin  string            // "coverage", "cobertura" or "jacoco"
	Project []Rate            // of all of the project
	Changed []Rate            // of the lines that differ from the reference build; the Coverage plugin alone tells it
	Delta   []Rate            // how much Project differs from the reference build, in percentage points
	Gates   string            // what came of the quality gates, such as "PASSED"; "" where that is not told
	Words   map[string]string // further figures of the Coverage plugin, such as "loc", as it writes them; at most 100
}

// Rate is how much of one kind of thing is covered.
type Rate struct {
	Of             string  // such as "line", "branch", "method", "class", "file", "package", "instruction" or "mutation"
	Percent        float64 // 0 to 100; -100 to 100 of a difference
	Covered, Total int     // where the plugin tells them; Total is 0 where it does not
}

// Of returns the rate of one kind of thing, such as "line", and whether there is one.
func (c *Coverage) Of(kind string) (Rate, bool) {
	i := slices.IndexFunc(c.Project, func(r Rate) bool { return r.Of == kind })
	if i < 0 {
		return Rate{}, false
	}
	return c.Project[i], true
}

// Coverage returns the coverage of a build, of the first plugin that knows it: Coverage, Cobertura or JaCoCo. It makes one request for each
// that it has to ask, so at most three. Where none knows it, it fails with an error of kind clients.ErrNotFound.
func (c *Client) Coverage(ctx context.Context, id BuildID) (*Coverage, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	for _, ask := range []func(context.Context, BuildID) (*Coverage, error){c.modernCoverage, c.cobertura, c.jacoco} {
		found, err := ask(ctx, id)
		if err == nil && len(found.Project) == 0 {
			continue // Cobertura answers with nothing where a build failed before its report
		}
		if err == nil || !errors.Is(err, clients.ErrNotFound) {
			return found, err
		}
	}
	return nil, c.absent("coverage of a build")
}

func (c *Client) modernCoverage(ctx context.Context, id BuildID) (*Coverage, error) {
	var w struct {
		ProjectStatistics, ModifiedLinesStatistics, ProjectDelta map[string]any
		QualityGates                                             struct{ OverallResult string }
	}
	tree := "projectStatistics,modifiedLinesStatistics,projectDelta,qualityGates[overallResult]"
	if err := c.read(ctx, "/job/{job}/{build}/coverage/api/json", id.path()+"/coverage/api/json", tree, &w); err != nil {
		return nil, err
	}
	out := &Coverage{Plugin: "coverage", Gates: line(w.QualityGates.OverallResult)}
	out.Project, out.Words = percentages(w.ProjectStatistics, 0)
	out.Changed, _ = percentages(w.ModifiedLinesStatistics, 0)
	out.Delta, _ = percentages(w.ProjectDelta, -100)
	return out, nil
}

// percentages reads "95.39%" and "-1.20%", and returns what is neither, such as "8063" or "n/a", as it is.
func percentages(words map[string]any, least float64) ([]Rate, map[string]string) {
	var rates []Rate
	others := map[string]string{}
	for _, kind := range sorted(words) {
		word, ok := words[kind].(string)
		if !ok || kind == "_class" || len(rates)+len(others) >= maxList {
			continue
		}
		number, percent := strings.CutSuffix(word, "%")
		// A Jenkins of another language writes a comma.
		value, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(number), ",", "."), 64)
		if !percent || err != nil || !(value >= least && value <= 100) { // NaN is not
			others[line(kind)] = line(word)
			continue
		}
		rates = append(rates, Rate{Of: line(kind), Percent: value})
	}
	return rates, others
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// ChangedFile is a file that differs from the reference build, with the coverage of the lines that do.
type ChangedFile struct {
	Path                     string // in the repository
	Covered, Partial, Missed int    // lines; Partial are those of which some branches were taken
	Blocks                   []Block
}

// Block is lines that follow each other, counted from 1, with one coverage: "COVERED", "PARTIALLY_COVERED" or "MISSED".
type Block struct {
	First, Last int
	State       string
}

// Bounds of changed files and their blocks, by judgement: more is no change that somebody reads.
const (
	maxFiles  = 1000
	maxBlocks = 1000 // of a file
)

// ChangedLines returns the coverage of the lines that differ from the reference build, by file, at most 1,000 files. It makes one request. The
// Coverage plugin alone tells it; elsewhere the error is of kind clients.ErrNotFound.
func (c *Client) ChangedLines(ctx context.Context, id BuildID) ([]ChangedFile, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	var w struct {
		Files []struct {
			Name   string `json:"fullyQualifiedFileName"`
			Blocks []struct {
				StartLine, EndLine int
				Type               string
			} `json:"modifiedLinesBlocks"`
		}
	}
	tree := "files[fullyQualifiedFileName,modifiedLinesBlocks[startLine,endLine,type]" + ranged(0, maxBlocks) + "]" + ranged(0, maxFiles)
	if err := c.read(ctx, "/job/{job}/{build}/coverage/modified/api/json", id.path()+"/coverage/modified/api/json", tree, &w); err != nil {
		return nil, err
	}
	var out []ChangedFile
	for _, file := range w.Files[:min(len(w.Files), maxFiles)] {
		f := ChangedFile{Path: line(file.Name)}
		for _, b := range file.Blocks[:min(len(file.Blocks), maxBlocks)] {
			const longest = 1e6 // lines
			if b.StartLine < 1 || b.EndLine < b.StartLine || b.EndLine-b.StartLine >= longest {
				continue
			}
			block, lines := Block{b.StartLine, b.EndLine, line(b.Type)}, b.EndLine-b.StartLine+1
			switch block.State {
			case "COVERED":
				f.Covered += lines
			case "MISSED":
				f.Missed += lines
			case "PARTIALLY_COVERED", "PARTRIALLY_COVERED": // as the plugin once wrote it
				block.State = "PARTIALLY_COVERED"
				f.Partial += lines
			default:
				continue
			}
			f.Blocks = append(f.Blocks, block)
		}
		if f.Path != "" {
			out = append(out, f)
		}
	}
	return out, nil
}

// singular is what Cobertura's plugin calls the kinds of things.
var singular = map[string]string{"packages": "package", "files": "file", "classes": "class", "methods": "method", "lines": "line", "conditionals": "branch"}

func (c *Client) cobertura(ctx context.Context, id BuildID) (*Coverage, error) {
	var w struct {
		Results struct {
			Elements []struct {
				Name                          string
				Ratio, Numerator, Denominator float64
			}
		}
	}
	if err := c.read(ctx, "/job/{job}/{build}/cobertura/api/json", id.path()+"/cobertura/api/json", "results[elements[name,ratio,numerator,denominator]]", &w); err != nil {
		return nil, err
	}
	out := &Coverage{Plugin: "cobertura"}
	for _, e := range w.Results.Elements[:min(len(w.Results.Elements), maxList)] {
		kind := singular[strings.ToLower(e.Name)]
		if kind == "" || !(e.Ratio >= 0 && e.Ratio <= 100) {
			continue
		}
		out.Project = append(out.Project, Rate{Of: kind, Percent: e.Ratio, Covered: whole(e.Numerator), Total: whole(e.Denominator)})
	}
	return out, nil
}

func whole(f float64) int {
	if !(f > 0 && f < math.MaxInt32) {
		return 0
	}
	return int(f)
}

func (c *Client) jacoco(ctx context.Context, id BuildID) (*Coverage, error) {
	type counter struct {
		Covered, Total  float64
		PercentageFloat float64
	}
	var w struct{ BranchCoverage, ClassCoverage, InstructionCoverage, LineCoverage, MethodCoverage *counter }
	const fields = "[covered,total,percentageFloat]"
	tree := "branchCoverage" + fields + ",classCoverage" + fields + ",instructionCoverage" + fields + ",lineCoverage" + fields + ",methodCoverage" + fields
	if err := c.read(ctx, "/job/{job}/{build}/jacoco/api/json", id.path()+"/jacoco/api/json", tree, &w); err != nil {
		return nil, err
	}
	out := &Coverage{Plugin: "jacoco"}
	for _, one := range []struct {
		kind string
		*counter
	}{{"branch", w.BranchCoverage}, {"class", w.ClassCoverage}, {"instruction", w.InstructionCoverage}, {"line", w.LineCoverage}, {"method", w.MethodCoverage}} {
		if one.counter == nil || !(one.PercentageFloat >= 0 && one.PercentageFloat <= 100) {
			continue
		}
		out.Project = append(out.Project, Rate{Of: one.kind, Percent: one.PercentageFloat, Covered: whole(one.Covered), Total: whole(one.Total)})
	}
	return out, nil
}
