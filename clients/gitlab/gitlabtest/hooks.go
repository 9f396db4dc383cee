package gitlabtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

// Delivery is one event that was sent to a hook.
type Delivery struct {
	Hook   int64
	Event  string // X-Gitlab-Event
	Header http.Header
	Body   []byte
	Status int   // of the answer, 0 for none
	Err    error // why there is none
}

// keptDeliveries are the latest; a demonstration that runs for days must not grow.
const keptDeliveries = 1000

// After this many failures in a row GitLab leaves a hook alone for a while, twice as long each time ("Auto-disabled webhooks").
const (
	failuresAllowed = 4
	firstPause      = time.Minute
	longestPause    = 24 * time.Hour
)

// delivery sends events, one after the other, in the order in which things happened.
type delivery struct {
	mu      sync.Mutex
	idle    *sync.Cond
	queue   []sending
	busy    bool
	stopped bool
	done    chan struct{}
	log     []Delivery
	health  map[int64]*hookHealth
}

type hookHealth struct {
	failures int
	pause    time.Duration
	until    time.Time
}

type sending struct {
	hook   Hook
	event  string
	header http.Header
	body   []byte
}

func (d *delivery) start(s *Server) {
	d.idle = sync.NewCond(&d.mu)
	d.done = make(chan struct{})
	d.health = map[int64]*hookHealth{}
	go func() {
		defer close(d.done)
		for {
			d.mu.Lock()
			for len(d.queue) == 0 && !d.stopped {
				d.idle.Wait()
			}
			if len(d.queue) == 0 {
				d.mu.Unlock()
				return
			}
			next := d.queue[0]
			d.queue, d.busy = d.queue[1:], true
			d.mu.Unlock()
			sent := send(s, next)
			d.mu.Lock()
			d.busy = false
			d.note(sent, s.settings.Now())
			d.idle.Broadcast()
			d.mu.Unlock()
		}
	}()
}

func (d *delivery) stop() {
	d.mu.Lock()
	d.stopped = true
	d.idle.Broadcast()
	d.mu.Unlock()
	<-d.done
}

// note keeps what came of a delivery. d.mu is held.
func (d *delivery) note(sent Delivery, now time.Time) {
	if len(d.log) >= keptDeliveries {
		d.log = slices.Delete(d.log, 0, keptDeliveries/2)
	}
	d.log = append(d.log, sent)
	health := d.health[sent.Hook]
	if health == nil {
		health = &hookHealth{}
		d.health[sent.Hook] = health
	}
	if sent.Err == nil && sent.Status >= 200 && sent.Status < 300 {
		*health = hookHealth{}
		return
	}
	if health.failures++; health.failures >= failuresAllowed {
		health.pause = min(max(firstPause, 2*health.pause), longestPause)
		health.until = now.Add(health.pause)
	}
}

// tell queues an event for the hooks of a project that want it. The server's lock is held.
func (d *delivery) tell(s *Server, p *project, event string, wants func(*Hook) bool, payload object) {
	body := clientstest.JSON(payload)
	eventID := newUUID()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range p.hooks {
		if !wants(h) || d.health[h.ID] != nil && d.health[h.ID].until.After(s.settings.Now()) {
			continue
		}
		d.queue = append(d.queue, sending{*h, event, hookHeader(s, h, event, eventID, body), body})
	}
	d.idle.Broadcast()
}

// hookHeader makes the headers of a delivery ("Webhook request headers" in GitLab's documentation). The signing form follows the Standard
// Webhooks specification: an HMAC-SHA256 over id, time and body.
func hookHeader(s *Server, h *Hook, event, eventID string, body []byte) http.Header {
	id := newUUID()
	out := http.Header{}
	out.Set("Content-Type", "application/json")
	out.Set("User-Agent", "GitLab/"+s.settings.Version)
	out.Set("X-Gitlab-Event", event)
	out.Set("X-Gitlab-Event-UUID", eventID)
	out.Set("X-Gitlab-Webhook-UUID", fmt.Sprintf("00000000-0000-4000-8000-%012d", h.ID))
	out.Set("X-Gitlab-Instance", s.address())
	out.Set("Idempotency-Key", id)
	if h.Token != "" {
		out.Set("X-Gitlab-Token", h.Token)
	}
	if key, err := signingKey(h.SigningToken); err == nil {
		timestamp := strconv.FormatInt(s.settings.Now().Unix(), 10)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
		out.Set("webhook-id", id)
		out.Set("webhook-timestamp", timestamp)
		out.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return out
}

// signingKey reads a signing token: "whsec_" and 32 bytes in base64.
func signingKey(token string) ([]byte, error) {
	text, ok := strings.CutPrefix(token, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) != 32 {
		return nil, errors.New(`a signing token is "whsec_" and 32 bytes in base64`)
	}
	return key, nil
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func send(s *Server, what sending) Delivery {
	out := Delivery{Hook: what.hook.ID, Event: what.event, Header: what.header, Body: what.body}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, what.hook.URL, bytes.NewReader(what.body))
	if err != nil {
		out.Err = err
		return out
	}
	r.Header = what.header.Clone()
	resp, err := s.settings.Client.Do(r)
	if err != nil {
		out.Err = err
		return out
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 8<<10))
	out.Status = resp.StatusCode
	return out
}

// Deliveries returns the latest events that were sent, oldest first, once none is waiting.
func (s *Server) Deliveries() []Delivery {
	d := &s.hooks
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) > 0 || d.busy {
		d.idle.Wait()
	}
	return slices.Clone(d.log)
}

func (s *Server) hookRoutes(get getter, change changer) {
	get("/projects/{id}/hooks", func(c *call) (any, error) {
		p, err := c.maintained()
		if err != nil {
			return nil, err
		}
		list, err := page(c, p.hooks)
		return each(list, func(h *Hook) object { return c.hook(p, h) }), err
	})
	get("/projects/{id}/hooks/{hook}", func(c *call) (any, error) {
		p, err := c.maintained()
		if err != nil {
			return nil, err
		}
		for _, h := range p.hooks {
			if strconv.FormatInt(h.ID, 10) == c.r.PathValue("hook") {
				return c.hook(p, h), nil
			}
		}
		return nil, message(http.StatusNotFound, "Not found")
	})
	change("POST /projects/{id}/hooks", http.StatusCreated, func(c *call) (any, error) {
		s.mu.RLock()
		p, err := c.maintained()
		if err != nil {
			s.mu.RUnlock()
			return nil, err
		}
		path := p.Path
		s.mu.RUnlock()
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		if to, err := url.Parse(sent.Get("url")); err != nil || to.Host == "" {
			return nil, fault{http.StatusUnprocessableEntity, object{"error": "Invalid url given"}}
		}
		want := func(name string) bool { return sent.Get(name) == "true" }
		push := sent.Get("push_events") != "false"
		id, err := s.AddHook(path, Hook{URL: sent.Get("url"), Name: sent.Get("name"), Token: sent.Get("token"), SigningToken: sent.Get("signing_token"), Push: push,
			TagPush: want("tag_push_events"), MergeRequests: want("merge_requests_events"), Issues: want("issues_events"), Releases: want("releases_events"),
			Pipelines: want("pipeline_events"), Jobs: want("job_events")})
		if err != nil {
			return nil, fault{http.StatusUnprocessableEntity, object{"message": object{"signing_token": []string{"is invalid"}}}}
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		at := slices.IndexFunc(p.hooks, func(h *Hook) bool { return h.ID == id })
		return c.hook(p, p.hooks[at]), nil
	})
	change("DELETE /projects/{id}/hooks/{hook}", http.StatusNoContent, func(c *call) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p, err := c.maintained()
		if err != nil {
			return nil, err
		}
		before := len(p.hooks)
		p.hooks = slices.DeleteFunc(p.hooks, func(h *Hook) bool { return strconv.FormatInt(h.ID, 10) == c.r.PathValue("hook") })
		if len(p.hooks) == before {
			return nil, message(http.StatusNotFound, "Not found")
		}
		return nil, nil
	})
}

// maintained returns the project of the address, whose settings the viewer may read.
func (c *call) maintained() (*project, error) {
	p, err := c.projectAsked()
	if err == nil && c.world.access(c.viewer, p) < Maintainer && (c.viewer == nil || !c.viewer.Admin) {
		err = forbidden
		if c.viewer == nil {
			err = unauthorized
		}
	}
	return p, err
}

func (c *call) hook(p *project, h *Hook) object {
	status, until := "executable", any(nil)
	c.hooks.mu.Lock()
	if health := c.hooks.health[h.ID]; health != nil && health.until.After(c.now) {
		status, until = "temporarily_disabled", at(health.until)
	}
	c.hooks.mu.Unlock()
	return object{"id": h.ID, "url": h.URL, "name": h.Name, "description": "", "created_at": at(h.CreatedAt), "push_events": h.Push, "tag_push_events": h.TagPush,
		"merge_requests_events": h.MergeRequests, "issues_events": h.Issues, "releases_events": h.Releases, "confidential_issues_events": h.Issues,
		"note_events": false, "confidential_note_events": nil, "pipeline_events": h.Pipelines, "wiki_page_events": false, "deployment_events": false,
		"job_events": h.Jobs, "feature_flag_events": false, "milestone_events": false, "emoji_events": false, "resource_access_token_events": false,
		"enable_ssl_verification": true, "repository_update_events": false, "alert_status": status, "disabled_until": until, "url_variables": []any{},
		"custom_headers": []any{}, "custom_webhook_template": nil, "push_events_branch_filter": nil, "branch_filter_strategy": "wildcard", "project_id": p.ID,
		"token_present": h.Token != "", "signing_token_present": h.SigningToken != ""}
}
