package ci

import (
	"bytes"
	"context"
	"unicode/utf8"

	"callboard.dev/callboard/clients/gitlab"
)

// Logs makes two requests for each query, a few at a time: one for how far the job is, or which job it is, and then one for the part of its log. For the job of a run of more
// than 100 jobs it makes as many as Stages. That of a job that has not begun, and what does nothing but begin a pipeline, is not asked for.
func (g *gitLab) Logs(ctx context.Context, queries []LogQuery) ([]*Log, []error) {
	return gitLabEach(queries, func(q LogQuery) (*Log, error) { return g.log(ctx, q) })
}

func (g *gitLab) log(ctx context.Context, q LogQuery) (*Log, error) {
	run, err := g.run(q.Run)
	if err != nil {
		return nil, err
	}
	if q.Most < 1 || q.Tail < 0 || q.After < 0 {
		return nil, g.refuse("a part of a log has at least one byte, and does not begin before the log")
	}
	n, job := gitlab.JobNumber{Project: run.Project}, (*gitlab.Job)(nil)
	if q.Job != "" {
		if n, err = g.job(q.Job); err != nil {
			return nil, err
		}
		if n.Project != run.Project {
			return nil, g.refuse("%.100q is a job of another project than %.100q", q.Job, q.Run)
		}
		if job, err = g.client.Job(ctx, n); err != nil {
			return nil, g.failed(false, err)
		}
	} else {
		whole, err := g.whole(ctx, run)
		if err != nil {
			return nil, err
		}
		if job = gitLabTeller(whole.Jobs); job == nil {
			if !gitLabStatus(whole.Status, false).Done() {
				return &Log{Runs: true, Size: -1}, nil
			}
			return nil, g.absent("no job of the run has a log")
		}
		n.ID = job.ID
	}
	out := &Log{Job: gitLabJobKey(n.Project, n.ID), Runs: !gitLabStatus(job.Status, false).Done(), Size: -1}
	if out.Runs && job.StartedAt.IsZero() {
		return out, nil
	}
	if q.Tail > 0 {
		// One byte more tells whether the part begins with a line.
		most := min(q.Tail, q.Most, gitlab.MaxTrace-1)
		trace, err := g.client.TraceTail(ctx, n, most+1)
		if err != nil {
			return nil, g.failed(false, err)
		}
		if trace.From > 0 || len(trace.Data) > most {
			skipped := gitLabLine(trace.Data)
			trace.Data, trace.From = trace.Data[skipped:], trace.From+int64(skipped)
		}
		return gitLabHold(out, trace), nil
	}
	trace, err := g.client.Trace(ctx, n, q.After, min(q.Most, gitlab.MaxTrace))
	if err != nil {
		return nil, g.failed(false, err)
	}
	return gitLabHold(out, trace), nil
}

// gitLabHold takes a part of a trace. One that goes on does not end within a character.
func gitLabHold(l *Log, t *gitlab.Trace) *Log {
	data := t.Data
	if t.More || l.Runs {
		data = data[:gitLabCharacters(data)]
	}
	l.Text, l.Start, l.Next, l.Size, l.More = string(data), t.From, t.From+int64(len(data)), t.Size, t.More
	return l
}

// gitLabNear is how much of the beginning of a part is given up so that it begins with a line, in bytes, by judgement: lines of logs are shorter.
const gitLabNear = 4 << 10

// gitLabLine returns how much to leave out of a part of a log that does not begin where the log does: the first byte, which is only there to tell whether the next begins a
// line, or up to the first line that begins near.
func gitLabLine(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	if i := bytes.IndexByte(data[:min(len(data), gitLabNear)], '\n'); i >= 0 && i+1 < len(data) {
		return i + 1
	}
	return 1
}

// gitLabCharacters returns how much of a text is there in whole characters.
func gitLabCharacters(data []byte) int {
	for n := 1; n < utf8.UTFMax && n < len(data); n++ {
		if at := len(data) - n; utf8.RuneStart(data[at]) {
			if !utf8.FullRune(data[at:]) {
				return at
			}
			break
		}
	}
	return len(data)
}

// gitLabTeller returns the job whose log tells most of a run: that which failed first, else the one that runs, else one that failed and may, else the last that has begun; nil
// where none has. The jobs are the oldest first.
func gitLabTeller(jobs []*gitlab.Job) *gitlab.Job {
	var failed, runs, warned, last *gitlab.Job
	sooner := func(a, b *gitlab.Job) bool {
		return b == nil || !a.FinishedAt.IsZero() && (b.FinishedAt.IsZero() || a.FinishedAt.Before(b.FinishedAt))
	}
	for _, j := range jobs {
		status := gitLabStatus(j.Status, false)
		if j.Trigger || j.External || j.StartedAt.IsZero() && status != Failed {
			continue
		}
		switch {
		case status == Failed && !j.AllowFailure:
			if sooner(j, failed) {
				failed = j
			}
		case status == Failed:
			if sooner(j, warned) {
				warned = j
			}
		case status == Running:
			runs = j
		}
		if last == nil || !j.StartedAt.Before(last.StartedAt) {
			last = j
		}
	}
	for _, j := range []*gitlab.Job{failed, runs, warned} {
		if j != nil {
			return j
		}
	}
	return last
}
