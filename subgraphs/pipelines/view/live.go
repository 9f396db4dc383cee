package view

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/live"
)

// CodeFull is the code of the error where as many watch as can.
const CodeFull = "TOO_MANY_STREAMS"

// seen is a run as one look found it.
type seen struct {
	Run    *ci.Run    `json:"run"`
	Stages []ci.Stage `json:"stages"`
	Stale  *time.Time `json:"stale,omitempty"` // when its system said it, where it does not answer now
}

// from is where what was seen comes from.
func (f *seen) from(s *ci.System) Provenance {
	if f.Stale != nil {
		return Provenance{Source: s.Name, FetchedAt: f.Stale, Freshness: "STALE"}
	}
	return Provenance{Source: s.Name, FetchedAt: new(time.Now()), Freshness: "LIVE"}
}

// nothing is what somebody gets who watches what is not there: null, and no more. A channel that is nil would never end.
func nothing[T any]() <-chan *T {
	out := make(chan *T, 1)
	out <- nil
	close(out)
	return out
}

// send gives a watcher the next value, and reports whether there is one to give it to.
func send[T any](ctx context.Context, out chan<- *T, value *T) bool {
	select {
	case out <- value:
		return true
	case <-ctx.Done():
		return false
	}
}

// Topic returns what a run is watched as.
func Topic(s *ci.System, run string) string { return encodeID(runID, s, run) }

// WatchRun returns the run as it is now and then each time that something of it changes, until it is done or the context ends. It is
// null, and that the last, where there is no such run, or no more.
func (q *Request) WatchRun(ctx context.Context, id string, after *string) (<-chan *PipelineRun, error) {
	s, key, ok := q.decodeID(runID, id)
	if !ok {
		return nothing[PipelineRun](), nil
	}
	watch, err := q.source.Hub.Watch(ctx, Topic(s, key), orEmpty(after), lookAtRun(s, key))
	if err != nil {
		return nil, watchError(err)
	}
	out := make(chan *PipelineRun)
	go func() {
		defer close(out)
		defer watch.Close()
		for {
			event, err := watch.Next(ctx)
			if errors.Is(err, live.ErrGone) {
				send(ctx, out, nil)
			}
			if err != nil {
				return
			}
			var found seen
			if json.Unmarshal(event.Data, &found) != nil || found.Run == nil {
				continue
			}
			if found.Stages != nil {
				found.Run.Stages = found.Stages
			}
			// What else is asked for is asked anew for each event: nothing of it is of the one before.
			run := NewRequest(q.source).showRun(s, found.from(s), found.Run)
			run.Event, run.MissedEvents = &event.ID, &event.Lost
			if !send(ctx, out, run) {
				return
			}
		}
	}()
	return out, nil
}

func watchError(err error) error {
	if errors.Is(err, live.ErrFull) {
		return Refuse(CodeFull, "as many runs are watched as can be: try again later")
	}
	return err
}

// lookAtRun looks at a run and its stages. Who follows one that waits in a queue of Jenkins sees what it becomes.
func lookAtRun(s *ci.System, key string) live.Look {
	return func(ctx context.Context) ([]byte, bool, error) {
		run := s.Runs(ctx, []string{key})[0]
		switch {
		case run.Absent:
			return nil, false, live.ErrGone
		case !run.Known():
			return nil, false, run.Err
		}
		found := seen{Run: run.Value}
		if run.State == cache.Stale && run.Err != nil {
			found.Stale = &run.At
		}
		stages := s.Stages(ctx, []string{run.Value.Key})[0]
		if stages.Known() && stages.Value != nil {
			found.Stages = stages.Value.Stages
		}
		text, err := json.Marshal(found)
		return text, run.Value.Status.Done(), err
	}
}
