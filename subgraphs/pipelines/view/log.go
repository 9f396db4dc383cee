package view

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/live"
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

// Text is all lines as one text.
func (l *PipelineLog) Text() string { return strings.Join(l.Lines, "\n") }

// Bounds of parts of logs, by judgement.
const (
	defaultTail = 100
	maxTail     = 5000
	// tailLine is how long a line is taken to be when the end of a log is asked for by lines, in bytes.
	tailLine = 240
	minPart  = 16 << 10
	maxPart  = 1 << 20
	// livePart is how much of a log one event has: it is held for each that watches.
	livePart = 64 << 10
	// maxBetween is how much of a log, in bytes, is shown before its end to who goes on after what was seen long ago, or says so: each part is a request.
	maxBetween = 16 << 20
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

// showLog returns what the schema shows of a part of a log, its last lines where that many are wanted.
func showLog(s *ci.System, part *ci.Log, last int) *PipelineLog {
	out := &PipelineLog{Lines: []string{}, Entries: []*PipelineLogLine{}, IsCutBefore: part.Start > 0, HasMore: part.More, IsComplete: !part.More && !part.Runs}
	text, next := part.Text, part.Next
	if cut := strings.LastIndexByte(text, '\n') + 1; cut > 0 && cut < len(text) && (part.More || part.Runs) {
		next -= int64(len(text) - cut) // a line that goes on comes whole with what follows
		text = text[:cut]
	}
	settings := formats[s.Provider]
	settings.Limits = logtext.Limits{Lines: 100_000, Bytes: 2 * maxPart}
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

// WatchLog returns what a job, or a run, writes: what there is now, and then what comes, until it is done or the context ends. The channel is nil where there is
// no such run.
func (q *Request) WatchLog(ctx context.Context, run string, job, after *string) (<-chan *PipelineLog, error) {
	s, key, ok := q.decodeID(runID, run)
	if !ok {
		return nil, nil
	}
	query := ci.LogQuery{Run: key, Most: livePart}
	if job != nil {
		of, name, ok := q.decodeID(jobID, *job)
		if !ok || of != s {
			return nil, Refuse(CodeBadInput, "job: it is none of this run")
		}
		query.Job = name
	}
	seen := int64(-1)
	if after != nil {
		offset, of, err := offsetOf(*after)
		if err != nil {
			return nil, err
		}
		if seen = offset; query.Job == "" {
			query.Job = of
		}
	}
	watch, err := q.source.Hub.Watch(ctx, "log:"+encodeID(runID, s, key)+":"+query.Job, "", lookAtLog(s, query))
	if err != nil {
		return nil, watchError(err)
	}
	out := make(chan *PipelineLog)
	go func() {
		defer close(out)
		defer watch.Close()
		for {
			event, err := watch.Next(ctx)
			if err != nil {
				return
			}
			var part ci.Log
			if json.Unmarshal(event.Data, &part) != nil {
				continue
			}
			follow(ctx, s, query, &seen, &part, func(shown *PipelineLog) {
				select {
				case out <- shown:
				case <-ctx.Done():
				}
			})
			if ctx.Err() != nil {
				return
			}
		}
	}()
	return out, nil
}

// lookAtLog looks at the end of a log. What comes between two looks and is more than one part is left to those who watch: they ask for it, all with the same
// question.
func lookAtLog(s *ci.System, query ci.LogQuery) live.Look {
	return func(ctx context.Context) ([]byte, bool, error) {
		query.Tail, query.After = livePart, 0
		l := s.Logs(ctx, []ci.LogQuery{query})[0]
		switch {
		case l.Absent:
			return nil, false, live.ErrGone
		case !l.Known() || l.Value == nil:
			return nil, false, l.Err
		}
		text, err := json.Marshal(l.Value)
		return text, !l.Value.Runs && !l.Value.More, err
	}
}

// follow shows what of a part comes after what was seen, and before it what lies between, where that was left out: one part after the other, each when the one before was
// taken, so that of a long log there is never more than one in memory. Of more than maxBetween the beginning is left out.
func follow(ctx context.Context, s *ci.System, query ci.LogQuery, seen *int64, part *ci.Log, show func(*PipelineLog)) {
	cut := false
	add := func(p *ci.Log) {
		shown := showLog(s, p, 0)
		offset, _, _ := offsetOf(shown.Next)
		*seen = offset
		if len(shown.Lines) > 0 || shown.IsComplete {
			shown.IsCutBefore = cut
			cut = false
			show(shown)
		}
	}
	if *seen >= 0 && *seen < part.Start-maxBetween {
		*seen, cut = part.Start-maxBetween, true
	}
	for *seen >= 0 && *seen < part.Start && ctx.Err() == nil {
		between := query
		between.Job, between.After, between.Most = part.Job, *seen, int(min(maxPart, part.Start-*seen))
		l := s.Logs(ctx, []ci.LogQuery{between})[0]
		if !l.Known() || l.Value == nil || l.Value.Next <= *seen {
			cut = true // it cannot be had
			break
		}
		gap := *l.Value
		gap.More, gap.Runs = true, true
		before := *seen
		if add(&gap); *seen <= before {
			*seen = gap.Next // one line longer than a part
		}
	}
	rest := *part
	if *seen >= rest.Start && *seen >= 0 {
		known := min(*seen-rest.Start, int64(len(rest.Text)))
		rest.Text, rest.Start = rest.Text[known:], *seen
	}
	if *seen < 0 {
		cut = rest.Start > 0
	}
	add(&rest)
}
