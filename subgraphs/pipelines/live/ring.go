package live

import "time"

func (t *topic) head() int64  { return t.base + int64(len(t.ring)) }
func (t *topic) tail() *event { return &t.ring[len(t.ring)-1] }

// keep takes in what this process found for itself.
func (t *topic) keep(f finding) {
	if len(t.ring) == 0 || t.tail().digest != f.digest {
		t.own.low++
		t.diverged = true
		e := event{finding: f, at: t.own}
		if t.hub.share != nil {
			e.when = t.hub.share.now() + t.ahead
		}
		t.append(e)
	}
	t.settle()
}

// settle compares what was found last with what watchers have.
func (t *topic) settle() {
	if t.newest == nil || len(t.ring) == 0 || t.tail().digest != t.newest.digest {
		return
	}
	if !t.current {
		t.current = true
		t.tell()
	}
	if t.tail().end != goesOn {
		t.finish()
	}
}

// finish ends the topic.
func (t *topic) finish() {
	if !t.ended {
		t.current, t.ended = true, true
		t.tell()
		t.wake()
	}
}

func (t *topic) append(e event) {
	e.gap, t.missed = e.gap || t.missed, false
	t.passed = nil
	t.ring = append(t.ring, e)
	t.bytes += e.size()
	t.hub.bytes.Add(e.size())
	t.trim(ringEvents, ringBytes)
	t.tell()
}

// trim leaves out the oldest events, until there are no more than so many events and bytes, but never the last one.
func (t *topic) trim(events int, bytes int64) {
	for len(t.ring) > 1 && (len(t.ring) > events || t.bytes > bytes) {
		size := t.ring[0].size()
		t.ring[0] = event{}
		t.ring = t.ring[1:]
		t.base++
		t.bytes -= size
		t.hub.bytes.Add(-size)
	}
}

// shorten leaves out all but the last event.
func (t *topic) shorten() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim(1, 0)
}

// forget leaves out all.
func (t *topic) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hub.bytes.Add(-t.bytes)
	t.ring, t.bytes = nil, 0
}

// stillLooks says whether a look has not ended yet of which nobody waits for what it finds.
func (t *topic) stillLooks() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.stopped:
		return false
	default:
		return true
	}
}

// join takes in events of the stream, and reports whether the last one is new here. What this process found by itself, while it did not hear of the stream, watchers
// have seen: it is only known by another name from now on. What is older than that they are not shown: a process that found Redis again before this one may have found
// it.
func (t *topic) join(events []event) (news bool) {
	for _, e := range events {
		t.stream = e.at
		news = false
		known := -1
		for i := len(t.ring) - 1; t.diverged && i >= 0; i-- {
			if t.ring[i].digest == e.digest {
				known = i
				break
			}
			if t.ring[i].at.high < ownCounting {
				break // it is from before that
			}
		}
		if known < 0 && t.diverged && len(t.ring) > 0 && int64(e.at.high) < t.tail().when {
			t.passed, t.missed = &e, true
			continue
		}
		if known < 0 {
			e.gap = t.diverged && len(t.ring) > 0
			t.append(e)
			t.diverged, news = false, true
			continue
		}
		if mine := &t.ring[known]; mine.at.high >= ownCounting {
			mine.also = mine.at
		}
		t.ring[known].at = e.at
		if known == len(t.ring)-1 {
			t.diverged = false
		} else {
			t.passed = &e
		}
	}
	return news
}

// rejoin is for when the stream's last event is how it is now: watchers get it, though it may be from before what this process found for itself.
func (t *topic) rejoin(f finding) {
	if tail := t.tail(); tail.digest == f.digest {
		tail.also = tail.at
		tail.at = t.stream
	} else {
		t.append(event{finding: f, at: t.stream, gap: true})
	}
	t.diverged = false
}

// await has watchers get the stream's last event when the process that looks for all has done so since this one did: for then that is how it is, or there would be
// another.
func (t *topic) await() {
	if t.apart.IsZero() {
		t.apart = time.Now()
	}
	if time.Since(t.apart) < 2*t.hub.config.Every+leaseTime {
		return
	}
	if t.passed != nil {
		t.rejoin(t.passed.finding)
		return
	}
	for i := len(t.ring) - 1; i >= 0; i-- {
		if t.ring[i].at == t.stream {
			t.rejoin(t.ring[i].finding)
			return
		}
	}
}
