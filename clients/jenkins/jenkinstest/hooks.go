package jenkinstest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"callboard.dev/callboard/clients/clientstest"
)

// Endpoint is where the Notification plugin tells of the builds of a job, in JSON. A user and password in the address are sent along.
type Endpoint struct {
	URL    string
	Phases []string // all where empty
}

// Delivery is one notification that was sent.
type Delivery struct {
	URL    string // without user and password
	Phase  string
	Header http.Header
	Body   []byte
	Status int   // of the answer, 0 for none
	Err    error // why there is none
}

// keptDeliveries are the latest; a demonstration that runs for days must not grow.
const keptDeliveries = 1000

// delivery sends notifications, one after the other, in the order in which things happened.
type delivery struct {
	mu      sync.Mutex
	changed *sync.Cond
	queue   []*Delivery
	to      []string
	busy    bool
	stopped bool
	done    chan struct{}
	log     []Delivery
}

func (d *delivery) start(s *Server) {
	d.changed = sync.NewCond(&d.mu)
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		d.mu.Lock()
		defer d.mu.Unlock()
		for {
			for len(d.queue) == 0 && !d.stopped {
				d.changed.Wait()
			}
			if len(d.queue) == 0 {
				return
			}
			next, to := d.queue[0], d.to[0]
			d.queue, d.to, d.busy = d.queue[1:], d.to[1:], true
			d.mu.Unlock()
			next.send(s.settings.Client, to)
			d.mu.Lock()
			if len(d.log) >= keptDeliveries {
				d.log = slices.Delete(d.log, 0, keptDeliveries/2)
			}
			d.log, d.busy = append(d.log, *next), false
			d.changed.Broadcast()
		}
	}()
}

func (d *delivery) stop() {
	d.mu.Lock()
	d.stopped = true
	d.changed.Broadcast()
	d.mu.Unlock()
	<-d.done
}

func (d *Delivery) send(client *http.Client, to string) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, to, bytes.NewReader(d.Body))
	if err != nil {
		d.Err = err
		return
	}
	r.Header = d.Header.Clone()
	resp, err := client.Do(r)
	if err != nil {
		d.Err = err
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 8<<10))
	d.Status = resp.StatusCode
}

// Deliveries returns the latest notifications that were sent, oldest first, once none is waiting.
func (s *Server) Deliveries() []Delivery {
	d := &s.hooks
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) > 0 || d.busy {
		d.changed.Wait()
	}
	return slices.Clone(d.log)
}

// tell queues the notifications of a phase of a build.
func (s *Server) tell(b *build, phase string) {
	if !s.has(Notification) || len(b.job.Endpoints) == 0 {
		return
	}
	v := &beans{Server: s, now: s.world.clock, root: s.settings.Address}
	if v.root != "" {
		v.root += "/"
	}
	path := fmt.Sprintf("%s%d/", b.job.path(), b.number)
	parameters := map[string]string{}
	for _, p := range b.values {
		if !p.Secret {
			parameters[p.Name] = p.text
		}
	}
	branch := b.job.Branch
	if b.job.kind == Freestyle {
		branch = "origin/" + branch
	}
	of := object{"number": b.number, "queue_id": b.id, "timestamp": s.world.clock.UnixMilli(), "duration": 0, "phase": phase, "url": path,
		"scm": object{"url": b.job.Remote, "branch": branch, "commit": b.commit, "changes": []string{}, "culprits": []string{}}, "parameters": parameters, "log": "", "notes": "", "artifacts": object{}}
	if v.root != "" {
		of["full_url"] = v.root + path
	}
	if end, ends := b.end(); ends && phase != "QUEUED" && phase != "STARTED" {
		of["status"], of["duration"] = b.result(), end.Sub(b.started).Milliseconds()
		if len(b.states) > 0 {
			total, failed, skipped := b.counts()
			of["test_summary"] = object{"total": total, "failed": failed, "passed": total - failed - skipped, "skipped": skipped, "failed_tests": []string{}}
		}
	}
	body := clientstest.JSON(object{"name": b.job.name, "display_name": b.job.title(), "url": b.job.path(), "build": of})
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	for _, e := range b.job.Endpoints {
		to, err := url.Parse(e.URL)
		if err != nil || len(e.Phases) > 0 && !slices.Contains(e.Phases, phase) {
			continue
		}
		header := http.Header{"Content-Type": {"application/json;charset=UTF-8"}}
		if to.User != nil {
			r := http.Request{Header: http.Header{}}
			password, _ := to.User.Password()
			r.SetBasicAuth(to.User.Username(), password)
			header.Set("Authorization", r.Header.Get("Authorization"))
			to.User = nil
		}
		s.hooks.queue = append(s.hooks.queue, &Delivery{URL: to.String(), Phase: phase, Header: header, Body: body})
		s.hooks.to = append(s.hooks.to, to.String())
	}
	s.hooks.changed.Broadcast()
}
