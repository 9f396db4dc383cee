package view

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/logtext"
	"callboard.dev/callboard/subgraphs/relay"
)

// PipelineLog is a part of what was written.
type PipelineLog struct {
	Job         *string
	Lines       []string
	Entries     []*PipelineLogLine
	Next        string
	IsCutBefore bool
	HasMore     bool
	IsComplete  bool
	Size        *float64
}

// PipelineLogLine is a line of a log.
type PipelineLogLine struct {
	Text  string
	At    *time.Time
	Level *string
}

// Bounds of parts of logs, by judgement.
const (
	defaultTail = 100
	maxTail     = 5000
	// tailLine is how long a line is taken to be when the end of a log is asked for by lines, in bytes.
	tailLine = 240
	minPart  = 16 << 10
	maxPart  = 1 << 20
)

// Log is what it wrote.
func (r *PipelineRun) Log(ctx context.Context, tail *int, after *string) (*PipelineLog, error) {
	return r.request.log(ctx, r.system, r.run.Key, "", tail, after)
}

// Log is what it wrote.
func (j *PipelineJob) Log(ctx context.Context, tail *int, after *string) (*PipelineLog, error) {
	return j.run.request.log(ctx, j.run.system, j.run.run.Key, j.job.Key, tail, after)
}

// logCursor starts the key in a cursor of a log.
const logCursor = "log:"

// offsetOf reads a cursor of a log: how many bytes were seen, of which job.
func offsetOf(cursor string) (offset int64, job string, err error) {
	key, err := relay.Key(cursor)
	if err == nil {
		digits, rest, _ := strings.Cut(strings.TrimPrefix(key, logCursor), ":")
		n, failure := strconv.ParseUint(digits, 10, 62)
		if failure == nil && strings.HasPrefix(key, logCursor) {
			return int64(n), rest, nil
		}
	}
	return 0, "", Refuse(CodeBadPage, "after: %q is not the end of a part of a log; use next of an earlier part", cursor)
}

func cursorAt(offset int64, job string) string {
	return relay.Cursor(logCursor + strconv.FormatInt(offset, 10) + ":" + job)
}

func (q *Request) log(ctx context.Context, s *ci.System, run, job string, tail *int, after *string) (*PipelineLog, error) {
	query := ci.LogQuery{Run: run, Job: job, Most: maxPart}
	lines := defaultTail
	switch {
	case tail != nil && after != nil:
		return nil, Refuse(CodeBadInput, "give tail or after, not both")
	case tail != nil && (*tail < 1 || *tail > maxTail):
		return nil, Refuse(CodeBadInput, "tail must be from 1 to %d, got %d", maxTail, *tail)
	case after != nil:
		var err error
		var of string
		if query.After, of, err = offsetOf(*after); err != nil {
			return nil, err
		}
		if query.Job == "" {
			query.Job = of // the log of a run goes on with the job that it began with
		} else if !strings.EqualFold(query.Job, of) {
			return nil, Refuse(CodeBadPage, "after: it is of the log of another job")
		}
		lines = 0
	case tail != nil:
		lines = *tail
	}
	if lines > 0 {
		query.Tail = min(max(lines*tailLine, minPart), maxPart)
	}
	l, err := q.of(s).logs.Load(ctx, query)
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	if l.Value.Size < 0 && l.Value.Text == "" && l.Value.Runs {
		return nil, nil // there is nothing yet
	}
	return showLog(s, l.Value, lines), nil
}

// formats are how the logs of systems are written.
var formats = map[ci.Provider]logtext.Settings{
	ci.GitHubActions: {Format: logtext.GitHub, Times: true}, ci.GitLabCI: {Format: logtext.GitLab}, ci.Jenkins: {},
}

// maxLogLines is how many lines one part of a log has at most: a MiB of empty ones would be too much for an answer.
const maxLogLines = 100_000

// showLog returns what the schema shows of a part of a log, its last lines where that many are wanted.
func showLog(s *ci.System, part *ci.Log, last int) *PipelineLog {
	out := &PipelineLog{Lines: []string{}, Entries: []*PipelineLogLine{}, IsCutBefore: part.Start > 0, HasMore: part.More, IsComplete: !part.More && !part.Runs}
	text, next := part.Text, part.Next
	keep := func(n int) { text, next = text[:n], next-int64(len(text)-n) }
	if part.More || part.Runs {
		switch whole := strings.LastIndexByte(text, '\n') + 1; {
		case whole > 0, !part.More:
			keep(whole) // a line that goes on comes whole with what follows
		default:
			keep(between(text))
		}
	}
	if n := strings.Count(text, "\n") - maxLogLines; n > 0 && last > 0 {
		text, out.IsCutBefore = text[lineAt(text, n):], true
	} else if n > 0 {
		keep(lineAt(text, maxLogLines))
		out.HasMore, out.IsComplete = true, false
	}
	settings := formats[s.Provider]
	settings.Limits = logtext.Limits{Lines: maxLogLines + 1, Bytes: 4 * maxPart} // what is no text takes three bytes for one
	lines := logtext.Clean(text, settings)
	if last > 0 && len(lines) > last {
		lines, out.IsCutBefore = lines[len(lines)-last:], true
	}
	for _, line := range lines {
		out.Lines = append(out.Lines, line.Text)
		out.Entries = append(out.Entries, &PipelineLogLine{Text: line.Text, At: moment(line.At), Level: orNull(string(line.Level))})
	}
	if part.Job != "" {
		out.Job = new(encodeID(jobID, s, part.Job))
	}
	if part.Size >= 0 {
		out.Size = new(float64(part.Size))
	}
	out.Next = cursorAt(next, part.Job)
	return out
}

// lineAt returns where the line of that number begins, from 0.
func lineAt(text string, n int) int {
	at := 0
	for range n {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	return at
}

// maxSequence is how long what tells a terminal to do something is taken to be, in bytes.
const maxSequence = 256

// between returns how much of a part that is within one line ends neither in a character nor in an escape sequence.
func between(text string) int {
	n := len(text)
	for back := 1; back < utf8.UTFMax && back < n; back++ {
		if utf8.RuneStart(text[n-back]) {
			if !utf8.FullRuneInString(text[n-back:]) {
				n -= back
			}
			break
		}
	}
	if at := strings.LastIndexByte(text[:n], '\x1b'); at > 0 && n-at < maxSequence {
		n = at
	}
	return n
}
