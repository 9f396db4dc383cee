package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// Webhook says where changes are told.
type Webhook struct {
	URL    string       // none where empty
	Secret string       // what deliveries are signed with; not signed where empty
	Events []string     // such as "push"; all where empty
	Client *http.Client // http.DefaultClient where nil
}

// Delivery is one attempt to tell a change.
type Delivery struct {
	ID, Event, Action string
	At                time.Time
	Status            int    // of the receiver's answer, 0 for none
	Err               string // why there is none
}

const (
	deliveryPatience = 10 * time.Second // as documented in November 2026; nothing is tried again
	waitingHooks     = 1000             // a receiver that hangs must not make the simulator grow
	keptDeliveries   = 200
	hookID           = 42
	pushedCommits    = 2048 // in one payload, as documented
)

// hooks tells changes one after the other.
type hooks struct {
	g     *GitHub
	ctx   context.Context
	stop  context.CancelFunc
	queue chan hook

	mu        sync.Mutex
	settled   *sync.Cond
	to        Webhook
	waiting   int
	delivered []Delivery
	running   bool
}

type hook struct {
	id, event, action string
	body              []byte
}

func newHooks(g *GitHub) *hooks {
	h := &hooks{g: g, queue: make(chan hook, waitingHooks), to: g.settings.Webhook}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.settled = sync.NewCond(&h.mu)
	return h
}

func (h *hooks) close() {
	h.stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.to = Webhook{}
	h.settled.Broadcast()
}

// SetWebhook says where changes are told from now on, and tells a ping.
func (g *GitHub) SetWebhook(to Webhook) {
	g.hooks.mu.Lock()
	g.hooks.to = to
	g.hooks.mu.Unlock()
	g.mu.RLock()
	defer g.mu.RUnlock()
	g.hooks.tell("ping", "", map[string]any{
		"zen": "Say what changed.", "hook_id": hookID,
		"hook": map[string]any{"type": "Organization", "id": hookID, "name": "web", "active": true, "events": orAll(to.Events), "config": map[string]any{
			"content_type": "json", "insecure_ssl": "0", "url": to.URL,
		}},
	})
}

func orAll(events []string) []string {
	if len(events) == 0 {
		return []string{"*"}
	}
	return events
}

// Deliveries returns the latest deliveries, oldest first, once all that were under way when it was called have ended.
func (g *GitHub) Deliveries() []Delivery {
	h := g.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.waiting > 0 && h.ctx.Err() == nil {
		h.settled.Wait()
	}
	return slices.Clone(h.delivered)
}

// tell delivers an event, where somebody listens.
func (h *hooks) tell(event, action string, payload map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to.URL == "" || h.ctx.Err() != nil || event != "ping" && len(h.to.Events) > 0 && !slices.Contains(h.to.Events, event) && !slices.Contains(h.to.Events, "*") {
		return
	}
	if action != "" {
		payload["action"] = action
	}
	one := hook{id: uuid(), event: event, action: action, body: clientstest.JSON(payload)}
	select {
	case h.queue <- one:
		h.waiting++
	default:
		h.g.settings.Log.Warn("a webhook is dropped: the receiver is too slow", "event", event)
	}
	if !h.running {
		h.running = true
		go h.deliver()
	}
}

// deliver tells what waits, and ends where nothing does.
func (h *hooks) deliver() {
	for {
		select {
		case one := <-h.queue:
			h.mu.Lock()
			to := h.to
			h.mu.Unlock()
			done := h.send(to, one)
			h.mu.Lock()
			if len(h.delivered) >= keptDeliveries {
				h.delivered = slices.Delete(h.delivered, 0, keptDeliveries/2)
			}
			h.delivered = append(h.delivered, done)
			h.waiting--
			h.settled.Broadcast()
			h.mu.Unlock()
		default:
			h.mu.Lock()
			if len(h.queue) == 0 {
				h.running = false
				h.mu.Unlock()
				return
			}
			h.mu.Unlock()
		}
	}
}

func (h *hooks) send(to Webhook, one hook) Delivery {
	done := Delivery{ID: one.id, Event: one.event, Action: one.action, At: h.g.now()}
	ctx, stop := context.WithTimeout(h.ctx, deliveryPatience)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(one.body))
	if err != nil {
		done.Err = err.Error()
		return done
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "GitHub-Hookshot/5f2c7a1",
		"X-GitHub-Event": one.event, "X-GitHub-Delivery": one.id, "X-GitHub-Hook-ID": fmt.Sprint(hookID),
		"X-GitHub-Hook-Installation-Target-Type": "organization", "X-GitHub-Hook-Installation-Target-ID": fmt.Sprint(hookID),
	} {
		request.Header.Set(name, value)
	}
	if h.g.settings.Enterprise {
		request.Header.Set("X-GitHub-Enterprise-Host", h.g.settings.Host)
		request.Header.Set("X-GitHub-Enterprise-Version", enterpriseVersion)
	}
	if to.Secret != "" {
		request.Header.Set("X-Hub-Signature-256", Sign(to.Secret, one.body))
	}
	client := to.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		done.Err = err.Error()
		return done
	}
	defer response.Body.Close()
	const enough = 64 << 10
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, enough))
	done.Status = response.StatusCode
	return done
}

// Sign returns the value of X-Hub-Signature-256 for a body: "sha256=" and the hexadecimal HMAC of its bytes.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// about begins a payload with what all that concern a repository have.
func (h *hooks) about(r *Repository, sender any, more map[string]any) map[string]any {
	payload := map[string]any{"repository": h.g.restRepository(h.ctx, r)}
	if o, ok := r.owner.(*Organization); ok {
		payload["organization"] = h.g.restOrganization(o)
	}
	if sender == nil {
		sender = r.owner
	}
	payload["sender"] = hookActor(h.g, sender)
	for key, value := range more {
		payload[key] = value
	}
	return payload
}

// listened reports whether it is worth making a payload.
func (h *hooks) listened() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.to.URL != ""
}

func (h *hooks) repository(r *Repository, action string, changes map[string]any) {
	if h.listened() {
		more := map[string]any{}
		if changes != nil {
			more["changes"] = changes
		}
		h.tell("repository", action, h.about(r, nil, more))
	}
}

func (h *hooks) issue(i *Issue, action string, who any) { h.item(i, action, who, nil) }

func (h *hooks) pull(p *PullRequest, action string, who any, more map[string]any) {
	h.item(p, action, who, more)
}

// item tells what happened to an issue or pull request.
func (h *hooks) item(on item, action string, who any, more map[string]any) {
	if !h.listened() {
		return
	}
	payload := h.about(on.in(), who, more)
	switch one := on.(type) {
	case *Issue:
		payload["issue"] = h.g.restIssue(one)
		h.tell("issues", action, payload)
	case *PullRequest:
		payload["number"], payload["pull_request"] = one.Number, h.g.restPull(h.ctx, one)
		h.tell("pull_request", action, payload)
	}
}

func (h *hooks) comment(c *Comment) {
	if !h.listened() {
		return
	}
	payload := h.about(c.on.in(), c.author, map[string]any{"comment": h.g.restComment(c)})
	switch one := c.on.(type) {
	case *Issue:
		payload["issue"] = h.g.restIssue(one)
	case *PullRequest:
		payload["issue"] = h.g.restPullAsIssue(one)
	}
	h.tell("issue_comment", "created", payload)
}

func (h *hooks) review(v *Review) {
	if h.listened() {
		h.tell("pull_request_review", "submitted", h.about(v.pull.repository, v.author, map[string]any{
			"review": h.g.restReview(v), "pull_request": h.g.restPull(h.ctx, v.pull),
		}))
	}
}

func (h *hooks) requested(p *PullRequest, r *reviewRequest, who any) {
	if !h.listened() {
		return
	}
	more := map[string]any{}
	switch reviewer := r.reviewer.(type) {
	case *User:
		more["requested_reviewer"] = hookActor(h.g, reviewer)
	case *Team:
		more["requested_team"] = h.g.restTeam(reviewer)
	}
	h.item(p, "review_requested", who, more)
}

func (h *hooks) release(r *Release, action string) {
	if h.listened() {
		h.tell("release", action, h.about(r.repository, r.author, map[string]any{"release": h.g.restRelease(r)}))
	}
}

// push tells that a ref moved: it was made where before is empty, and taken away where after is.
func (h *hooks) push(ctx context.Context, r *Repository, ref string, before, after git.OID, who any) error {
	if !h.listened() {
		return nil
	}
	zero := strings.Repeat("0", max(len(before), len(after)))
	payload := h.about(r, who, map[string]any{
		"ref": ref, "before": string(before), "after": string(after), "created": before == "", "deleted": after == "", "forced": false, "base_ref": nil,
		"compare": h.g.web("/" + r.NameWithOwner() + "/compare/" + before.Abbreviated() + "..." + after.Abbreviated()),
		"commits": []any{}, "head_commit": nil, "pusher": map[string]any{"name": ownerLogin(who), "email": emailOf(who)},
	})
	if before == "" {
		payload["before"] = zero
	}
	if after == "" {
		payload["after"] = zero
	} else {
		commits, err := h.g.pushedCommits(ctx, r, before, after)
		if err != nil {
			return err
		}
		payload["commits"], payload["head_commit"] = commits, commits[len(commits)-1]
	}
	h.tell("push", "", payload)
	return nil
}

// pushedCommits describes the commits that a push brought, oldest first.
func (g *GitHub) pushedCommits(ctx context.Context, r *Repository, before, after git.OID) ([]any, error) {
	oids := []git.OID{after}
	if before != "" {
		b, err := g.between(ctx, r, before, after)
		if err != nil {
			return nil, err
		}
		if len(b.commits) > 0 {
			oids = b.commits[max(0, len(b.commits)-pushedCommits):]
		}
	}
	commits, err := g.commits(ctx, r, oids)
	if err != nil {
		return nil, err
	}
	var out []any
	for _, c := range commits {
		changed, err := r.content.Changes(ctx, c.Commit)
		if err != nil {
			return nil, err
		}
		added, removed, modified := []string{}, []string{}, []string{}
		for _, f := range changed {
			switch f.Change {
			case git.Added, git.Copied:
				added = append(added, f.Path)
			case git.Deleted:
				removed = append(removed, f.Path)
			case git.Renamed:
				added, removed = append(added, f.Path), append(removed, f.PreviousPath)
			default:
				modified = append(modified, f.Path)
			}
		}
		out = append(out, map[string]any{
			"id": c.OID, "tree_id": c.Tree, "distinct": true, "message": strings.TrimSuffix(c.Message, "\n"), "timestamp": c.Committer.At.Format(time.RFC3339),
			"url": g.web("/" + r.NameWithOwner() + "/commit/" + string(c.OID)), "author": g.hookPerson(c.Author), "committer": g.hookPerson(c.Committer),
			"added": added, "removed": removed, "modified": modified,
		})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("telling a push to %s: commit %s: %w", r.NameWithOwner(), after, ErrUnknown)
	}
	return out, nil
}

func (g *GitHub) hookPerson(p git.Person) map[string]any {
	person := map[string]any{"name": p.Name, "email": p.Email}
	if u := g.byEmail(p.Email); u != nil {
		person["username"] = u.Login
	}
	return person
}

func emailOf(who any) string {
	if u, ok := who.(*User); ok {
		return u.Email
	}
	return ""
}

func hookActor(g *GitHub, who any) map[string]any { return g.restActor(who) }

func hookLabel(g *GitHub, l *Label) map[string]any { return g.restLabel(l) }
