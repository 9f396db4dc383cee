package reports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/testreport"
)

// taken is what was read of the reports of one commit, kind and flag.
type taken struct {
	of         Repository
	commit     string
	kind, flag string
	coverage   *coverage.Report
	tests      *testreport.Report
	about      about
	unlisted   bool     // nobody can be asked for the files of the commit now
	examples   []string // paths that are no file of the repository
}

// permanent tells whether reading the same again fails again.
func permanent(err error) bool {
	var packed *PackedError
	var limit *coverage.LimitError
	var syntax *coverage.SyntaxError
	var testLimit *testreport.LimitError
	var testSyntax *testreport.SyntaxError
	return errors.As(err, &packed) || errors.As(err, &limit) || errors.As(err, &syntax) || errors.As(err, &testLimit) || errors.As(err, &testSyntax) || errors.Is(err, ErrEmpty) ||
		errors.Is(err, coverage.ErrCompressed) || errors.Is(err, coverage.ErrFormat) || errors.Is(err, testreport.ErrCompressed) || errors.Is(err, testreport.ErrFormat) || errors.Is(err, errEncoding)
}

// errEncoding is what else the parsers refuse, which is about the text and no failure of who reads it.
var errEncoding = errors.New("it is no text")

// add reads one report and adds it to what was taken before it.
func (r *Reports) add(ctx context.Context, t *taken, in io.Reader, format string) error {
	limits := r.limits
	watched := &failing{r: in}
	if t.kind == KindTests {
		limits.Tests.Bytes = min(limits.File, orElse(limits.Tests.Bytes, limits.File))
		report, err := testreport.Parse(watched, testreport.Settings{Format: testreport.Format(format), Limits: limits.Tests})
		if err := watched.settle(err); err != nil {
			return err
		}
		return t.addTests(report, limits.Tests)
	}
	limits.Coverage.Bytes = min(limits.File, orElse(limits.Coverage.Bytes, limits.File))
	report, err := coverage.Parse(watched, coverage.Settings{Format: coverage.Format(format), Limits: limits.Coverage})
	if err := watched.settle(err); err != nil {
		return err
	}
	return r.addCoverage(ctx, t, report)
}

func orElse(n, other int64) int64 {
	if n <= 0 {
		return other
	}
	return n
}

// failing keeps what its reader failed with, which is why a report could not be read, whatever the parser makes of it.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// settle returns why a report could not be read. One that was is read to its end: what comes behind says whether it is what was packed.
func (f *failing) settle(err error) error {
	if err == nil {
		_, _ = io.Copy(io.Discard, f)
	}
	if f.err != nil {
		return f.err
	}
	if err != nil && !permanent(err) {
		return fmt.Errorf("%w: %w", errEncoding, err)
	}
	return err
}

// addTests puts the suites behind those of the reports before.
func (t *taken) addTests(report *testreport.Report, limits testreport.Limits) error {
	if report.Totals().Cases() == 0 {
		return fmt.Errorf("%w: the report has no tests", ErrEmpty)
	}
	all, err := joined(limits, t.tests, report)
	if err == nil {
		t.tests = all
	}
	return err
}

// mostCases bounds the cases of several reports together where no limit is given: as many as those of one.
const mostCases = 200_000

// joined puts reports of tests of one commit together, each of which may be nil.
func joined(limits testreport.Limits, reports ...*testreport.Report) (*testreport.Report, error) {
	out := &testreport.Report{}
	cases := 0
	for _, r := range reports {
		if r == nil {
			continue
		}
		if len(out.Suites) == 0 {
			out.Format = r.Format
		} else if out.Format != r.Format {
			out.Format = ""
		}
		out.Suites = append(out.Suites, r.Suites...)
		out.Cut, out.Other = out.Cut+r.Cut, out.Other+r.Other
		cases += r.Totals().Cases()
	}
	most := limits.Cases
	if most <= 0 {
		most = mostCases
	}
	if cases > most {
		return nil, &testreport.LimitError{Limit: testreport.LimitCases, Max: int64(most)}
	}
	return out, nil
}

// addCoverage finds the files of a report in the repository and adds up their lines.
func (r *Reports) addCoverage(ctx context.Context, t *taken, report *coverage.Report) error {
	if report.Totals().Lines.Total == 0 {
		return fmt.Errorf("%w: the report has no lines with code", ErrEmpty)
	}
	files, whole, err := []string(nil), false, errNoFiles
	if !t.unlisted {
		files, whole, err = r.files.list(ctx, t.of, t.commit)
	}
	switch {
	case err != nil && passing(err):
		return fmt.Errorf("list the files of the commit: %w", err)
	case err != nil:
		r.log.DebugContext(ctx, "the paths of a report of coverage stay as they are", "repository", t.of.Path, "commit", t.commit, "error", err)
		report = &coverage.Report{Format: report.Format, Files: report.Files}
	default:
		located := report.Locate(files)
		if t.about.Located, t.about.Whole = true, whole; !whole {
			if report, err = t.rest(r.limits, report, located); err != nil {
				return err
			}
			break
		}
		if located.Report.Totals().Lines.Total == 0 {
			return fmt.Errorf("%w: none of its files is one of the commit, such as %.200q", ErrEmpty, report.Files[0].Path)
		}
		report = located.Report
		t.about.Foreign, t.about.Ambiguous = t.about.Foreign+len(located.Foreign), t.about.Ambiguous+len(located.Ambiguous)
		t.examples = append(t.examples, located.Foreign[:min(len(located.Foreign), maxExamples-len(t.examples))]...)
	}
	if t.coverage == nil {
		t.coverage = report
		return nil
	}
	sum, err := coverage.Merge(r.limits.Coverage, t.coverage, report)
	if err == nil {
		t.coverage = sum
	}
	return err
}

// maxExamples is how many paths that were not found are told to who sent them.
const maxExamples = 5

// rest adds to what was found in an incomplete list of files the other files of a report, as their paths are.
func (t *taken) rest(limits Limits, report *coverage.Report, located *coverage.Located) (*coverage.Report, error) {
	lost := map[string]bool{}
	for _, name := range located.Foreign {
		lost[name] = true
	}
	for _, a := range located.Ambiguous {
		lost[a.Path] = true
	}
	others := &coverage.Report{Format: report.Format}
	for i := range report.Files {
		if lost[report.Files[i].Path] {
			others.Files = append(others.Files, report.Files[i])
		}
	}
	return coverage.Merge(limits.Coverage, located.Report, others)
}

// miss notes what is not part of a report.
func (t *taken) miss(name string, err error) {
	if len(t.about.Unread) < maxUnread {
		t.about.Unread = append(t.about.Unread, Unread{Name: shown(name), Reason: shown(err.Error())})
	}
}

// shown is a text that anybody may have written, as people are shown it.
func shown(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:297], "") + "..."
	}
	return text
}

// save keeps what was taken, and returns what was kept. head has what is to be known of it beside.
func (r *Reports) save(ctx context.Context, key string, t *taken, head store.Report) (store.Report, error) {
	head.Repository, head.Commit, head.Kind, head.Flag = key, t.commit, t.kind, t.flag
	if t.kind == KindCoverage {
		lines := t.coverage.Totals().Lines
		head.Covered, head.Total = lines.Covered, lines.Total
		head.Body = pack(t.about, t.coverage.Encode())
		return head, r.store.SaveReport(ctx, head)
	}
	totals := t.tests.Totals()
	head.Covered, head.Total, head.Failed = totals.Passed+totals.Flaky, totals.Cases(), totals.Failing()
	if err := r.remember(ctx, t, head); err != nil {
		return head, err
	}
	if head.Body = pack(t.about, t.tests.Encode(r.limits.Texts)); len(head.Body) > store.MaxBody {
		head.Body = pack(t.about, t.tests.Encode(0))
	}
	return head, r.store.SaveReport(ctx, head)
}

// remember notes which cases came out differently in the report whose place is taken: they both passed and failed for the commit.
func (r *Reports) remember(ctx context.Context, t *taken, head store.Report) error {
	known, err := r.store.Reports(ctx, head.Repository, head.Kind, []string{head.Commit})
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.Flag != head.Flag {
			continue
		}
		before, a, err := r.limits.testsOf(k)
		if err != nil {
			r.log.WarnContext(ctx, "a stored report of tests is replaced without having been read", "repository", head.Repository, "commit", head.Commit, "flag", head.Flag, "error", err)
			continue
		}
		flaked := map[testreport.ID]bool{}
		for _, id := range a.Flaked {
			flaked[id] = true
		}
		c := testreport.Compare(before, t.tests)
		for _, change := range c.NewlyFailing {
			if change.Base != nil && change.Base.Status != testreport.Skipped {
				flaked[change.ID] = true
			}
		}
		for _, change := range c.Fixed {
			flaked[change.ID] = true
		}
		for _, change := range testreport.Compare(nil, before).Flaky { // as its runner said
			flaked[change.ID] = true
		}
		for id := range flaked {
			t.about.Flaked = append(t.about.Flaked, id)
		}
		slices.Sort(t.about.Flaked)
		t.about.Flaked = t.about.Flaked[:min(len(t.about.Flaked), maxFlaked)]
	}
	return nil
}

// tooLarge tells whether a report has more of something than is read.
func tooLarge(err error) bool {
	var limit *coverage.LimitError
	var testLimit *testreport.LimitError
	return errors.As(err, &limit) || errors.As(err, &testLimit)
}

// compressed tells whether a report is packed in a way that is not unpacked here.
func compressed(err error) bool {
	return errors.Is(err, coverage.ErrCompressed) || errors.Is(err, testreport.ErrCompressed)
}
