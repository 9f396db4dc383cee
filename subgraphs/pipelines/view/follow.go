package view

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/live"
)

const (
	// livePart is how much of a log one event has, by judgement: it is held for each that watches.
	livePart = 64 << 10
	// maxBetween is how much of a log, in bytes, is shown before its end to who goes on after what was seen long ago, or says so: each part is a request.
	maxBetween = 16 << 20
)

// follower is somebody who watches a log.
type follower struct {
	system *ci.System
	query  ci.LogQuery
	seen   int64 // how much of it they have; -1 for nothing yet
	out    chan *PipelineLog
}

// WatchLog returns what a job, or a run, writes: what there is now, and then what comes, until it is done or the context ends. It is null, and that the last, where
// there is no such run, or no more. Who names no job follows the first that there is something of.
func (q *Request) WatchLog(ctx context.Context, run string, job, after *string) (<-chan *PipelineLog, error) {
	s, key, ok := q.decodeID(runID, run)
	if !ok {
		return nothing[PipelineLog](), nil
	}
	f := &follower{system: s, query: ci.LogQuery{Run: key, Most: livePart}, seen: -1, out: make(chan *PipelineLog)}
	if job != nil {
		of, name, ok := q.decodeID(jobID, *job)
		if !ok || of != s {
			return nil, Refuse(CodeBadInput, "job: it is none of this run")
		}
		f.query.Job = name
	}
	if after != nil {
		offset, of, err := offsetOf(*after)
		switch {
		case err != nil:
			return nil, err
		case f.query.Job == "":
			f.query.Job = of
		case !strings.EqualFold(f.query.Job, of):
			return nil, Refuse(CodeBadPage, "after: it is of the log of another job")
		}
		f.seen = offset
	}
	watch, err := f.watch(ctx, q.source.Hub)
	if err != nil {
		return nil, watchError(err)
	}
	go f.run(ctx, q.source.Hub, watch)
	return f.out, nil
}

func (f *follower) watch(ctx context.Context, hub *live.Hub) (*live.Watch, error) {
	return hub.Watch(ctx, "log:"+encodeID(runID, f.system, f.query.Run)+":"+f.query.Job, "", lookAtLog(f.system, f.query))
}

// run gives what is written until nothing more comes.
func (f *follower) run(ctx context.Context, hub *live.Hub, watch *live.Watch) {
	defer close(f.out)
	defer func() { watch.Close() }()
	for {
		event, err := watch.Next(ctx)
		if errors.Is(err, live.ErrGone) {
			send(ctx, f.out, nil)
		}
		if err != nil {
			return
		}
		var part ci.Log
		if json.Unmarshal(event.Data, &part) != nil {
			continue
		}
		if !f.follow(ctx, &part) {
			return
		}
		// Which job tells most of a run changes as the run goes on. Who has begun with one stays with it, as what was seen is counted in its log.
		if f.query.Job == "" && part.Job != "" && !event.Done {
			f.query.Job = part.Job
			other, err := f.watch(ctx, hub)
			if err != nil {
				return
			}
			watch.Close()
			watch = other
		}
	}
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

// follow gives what of a part comes after what was seen, and before it what lies between, where that was left out: one piece after the other, each when the one before
// was taken, so that of a long log there is never more than one in memory. Of more than maxBetween the beginning is left out. It is false where nobody takes any more.
func (f *follower) follow(ctx context.Context, part *ci.Log) (taken bool) {
	complete, taken := false, true
	// add gives a piece, and reports whether that has brought anything on.
	add := func(p *ci.Log, cut bool) bool {
		shown, before := showLog(f.system, p, 0), f.seen
		f.seen, _, _ = offsetOf(shown.Next)
		if shown.IsCutBefore = cut; len(shown.Lines) > 0 || shown.IsComplete {
			complete, taken = shown.IsComplete, send(ctx, f.out, shown)
		}
		return f.seen > before
	}
	if f.seen < 0 {
		add(part, part.Start > 0)
		return taken
	}
	late := f.seen < part.Start-maxBetween
	if late {
		f.seen = part.Start - maxBetween
	}
	// Jenkins counts in other bytes than it tells, so that what is new cannot be cut out of what it told.
	exact := part.Next-part.Start == int64(len(part.Text))
	rest, had := *part, true // had: what was asked for could be had
	for taken && (f.seen < part.Start || !exact && f.seen < part.Next) {
		asked := f.query
		asked.Job, asked.After, asked.Most = part.Job, f.seen, maxPart
		if exact {
			asked.Most = int(min(maxPart, part.Next-f.seen))
		}
		l := f.system.Logs(ctx, []ci.LogQuery{asked})[0]
		if had = l.Known() && l.Value != nil && l.Value.Start <= f.seen && l.Value.Next > f.seen; !had {
			break
		}
		piece := *l.Value
		if exact {
			piece.More, piece.Runs = piece.Next < part.Next, true // that it is complete is said once, of what comes last
		} else {
			piece.Runs = piece.Runs || part.Runs
		}
		on := add(&piece, late)
		late = false
		if !on { // all of it is one line that goes on
			if exact {
				piece.Runs, rest = part.Runs, piece
			}
			break
		}
	}
	if !taken || !exact && had && (part.Runs || complete) {
		return taken
	}
	cut := late || f.seen < rest.Start
	rest.Start = max(f.seen, rest.Start)
	fresh := min(max(rest.Next-rest.Start, 0), int64(len(rest.Text)))
	rest.Text, rest.Next = rest.Text[int64(len(rest.Text))-fresh:], max(rest.Next, f.seen)
	add(&rest, cut)
	return taken
}
