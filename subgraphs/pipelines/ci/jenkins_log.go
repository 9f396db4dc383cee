package ci

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
)

const (
	// maxJenkinsLog is how much of a log the client reads at once, in bytes.
	maxJenkinsLog = 1 << 20
	// maxJenkinsStepLogs is how many logs of steps make up the log of a stage: each is a request. By judgement; few stages have more that write.
	maxJenkinsStepLogs = 40
	// jenkinsCutMark stands where a log of a stage leaves something out.
	jenkinsCutMark = "[… more is in the log of the whole run …]\n"
)

// Logs without a job are those of whole runs, with one request for each, and two for the tail of one that is longer than that: Jenkins tells where a log
// ends only to who asks for it. Offsets are Jenkins' own, as jenkins.Log has them.
//
// The log of a stage is put together of those of its steps, one after the other, with one request for the stage and one for each step, of which the last 40
// that have written are asked for. Jenkins tells the last 10 KB of a step; a mark stands where there is more. Offsets are those of what was put together. They shift while
// a step writes more than that: who follows a run follows its whole log.
func (d *jenkinsDriver) Logs(ctx context.Context, queries []LogQuery) ([]*Log, []error) {
	return jenkinsEach(queries, func(q LogQuery) (*Log, error) {
		if q.Most < 1 || q.After < 0 || q.Tail < 0 {
			return nil, d.refuse("a part of a log has at least one byte, and does not begin before the log")
		}
		q.Most = min(q.Most, maxJenkinsLog)
		if q.Job == "" {
			id, item, err := d.build(ctx, q.Run)
			if err != nil {
				return nil, err
			}
			if id == nil {
				return &Log{Runs: item.State != jenkins.Cancelled, Size: -1}, nil
			}
			return d.wholeLog(ctx, *id, q)
		}
		id, node, err := d.stage(q.Job)
		if err != nil {
			return nil, err
		}
		if r, err := d.run(q.Run); err != nil || !strings.EqualFold(r.Job, id.Job) || r.item == 0 && r.Number != id.Number {
			return nil, d.refuse("%.100q is no job of the run %.100q", q.Job, q.Run)
		}
		if node == jenkinsWhole {
			return d.wholeLog(ctx, id, q)
		}
		return d.stageLog(ctx, id, node, q)
	})
}

func (d *jenkinsDriver) wholeLog(ctx context.Context, id jenkins.BuildID, q LogQuery) (*Log, error) {
	var found *jenkins.Log
	var err error
	if q.Tail > 0 {
		found, err = d.client.LogTail(ctx, id, min(q.Tail, q.Most))
	} else {
		found, err = d.client.Log(ctx, jenkins.LogQuery{Build: id, Start: q.After, Most: q.Most})
	}
	if err != nil {
		return nil, d.failed(err)
	}
	return &Log{Job: q.Job, Text: found.Text, Start: found.Start, Next: found.Next, Size: found.Size, More: found.Next < found.Size, Runs: found.Runs}, nil
}

func (d *jenkinsDriver) stageLog(ctx context.Context, id jenkins.BuildID, node string, q LogQuery) (*Log, error) {
	stage, steps, err := d.client.Steps(ctx, id, node)
	if err != nil {
		return nil, d.failed(err)
	}
	var written []string
	for _, s := range steps {
		if s.HasLog {
			written = append(written, s.ID)
		}
	}
	var whole strings.Builder
	if n := len(written) - maxJenkinsStepLogs; n > 0 {
		written = written[n:]
		whole.WriteString(jenkinsCutMark)
	}
	logs, errs := jenkinsEach(written, func(step string) (*jenkins.StepLog, error) { return d.client.StepLog(ctx, id, step) })
	for i, log := range logs {
		switch {
		case errors.Is(errs[i], clients.ErrNotFound):
			continue
		case errs[i] != nil:
			return nil, d.failed(errs[i])
		}
		text := log.Text
		if log.More { // it is cut anywhere
			_, rest, found := strings.Cut(text, "\n")
			if found {
				text = rest
			}
			text = jenkinsCutMark + text
		}
		if whole.WriteString(text); text != "" && !strings.HasSuffix(text, "\n") && i+1 < len(logs) {
			whole.WriteByte('\n')
		}
	}
	out := &Log{Job: q.Job, Runs: !jenkinsState(stage.State).Done()}
	out.Text, out.Start, out.Next, out.Size = jenkinsPart(whole.String(), q)
	out.More = out.Next < out.Size
	return out, nil
}

// jenkinsPart takes the part of a log that is wanted out of all of it: where it begins, where to go on, and how long all of it is.
func jenkinsPart(all string, q LogQuery) (text string, start, next, whole int64) {
	size := len(all)
	from := int(min(q.After, int64(size)))
	if q.Tail > 0 {
		from = max(0, size-min(q.Tail, q.Most))
		const far = 4096 // bytes; longer lines are shown from their middle
		if from > 0 && all[from-1] != '\n' {
			if end := strings.IndexByte(all[from:min(size, from+far)], '\n'); end >= 0 {
				from += end + 1
			}
		}
	}
	for from < size && from > 0 && !utf8.RuneStart(all[from]) {
		from++
	}
	to := min(size, from+q.Most)
	for to < size && to > from+1 && !utf8.RuneStart(all[to]) {
		to--
	}
	return all[from:to], int64(from), int64(to), int64(size)
}
