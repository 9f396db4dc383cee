package reports

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// maxDone is how many runs are remembered here as collected; others are looked up in the store.
const maxDone = 10_000

// Collect fetches what a run that is done left behind, as far as the rules say that it is reports, and saves it. It does so once for each attempt of a run, also
// where several ask for it, here and in other processes; nil says that it was done, that another process does it, or that there is nothing to be done. What cannot be
// read is logged and not fetched again. After any other error it can be called again, later. The repository may be left out of for a system that hosts none:
// it is found by what the run was made of.
func (r *Reports) Collect(ctx context.Context, of Repository, run *ci.Run) error {
	if run == nil || !run.Status.Done() || of.System == nil {
		return nil
	}
	commit, ok := git.ParseOID(run.Commit)
	if !ok {
		return nil // it built nothing, as a run that was skipped
	}
	c := &collection{r: r, system: of.System, run: run, of: of, commit: string(commit), room: r.limits.room()}
	if of.System.Host == nil {
		if c.of, ok = r.Find(run.Remote); !ok {
			return fmt.Errorf("%w: %.100q", ErrNoRepository, run.Remote)
		}
	}
	var err error
	if c.key, err = c.of.key(); err != nil {
		return err
	}
	for _, rule := range r.rules(of.System.Name, c.of.Path) {
		if err := rule.Check(); err != nil {
			return err
		}
		c.rules = append(c.rules, rule)
	}
	if len(c.rules) == 0 {
		return nil
	}
	name := c.name()
	first, err := r.enter(ctx, name)
	if err != nil || !first {
		return err
	}
	done := false // a panic leaves it so
	defer func() { r.leave(name, done) }()
	select {
	case r.collecting <- struct{}{}:
		defer func() { <-r.collecting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err = c.once(ctx, name)
	if err == errElsewhere { // it may fail there, so it is not remembered as done
		return nil
	}
	done = err == nil
	return err
}

// errElsewhere says that another process collects the run.
var errElsewhere = errors.New("collected by another process")

// enter waits for others here that collect the same run, and tells whether it is still to be done.
func (r *Reports) enter(ctx context.Context, name string) (first bool, err error) {
	for {
		r.mu.Lock()
		if r.done[name] {
			r.mu.Unlock()
			return false, nil
		}
		flight := r.flights[name]
		if flight == nil {
			r.flights[name] = make(chan struct{})
			r.mu.Unlock()
			return true, nil
		}
		r.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (r *Reports) leave(name string, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.flights[name])
	delete(r.flights, name)
	if done {
		if len(r.done) >= maxDone {
			clear(r.done)
		}
		r.done[name] = true
	}
}

// collection is one run while it is collected.
type collection struct {
	r      *Reports
	system *ci.System
	run    *ci.Run
	of     Repository
	key    string
	commit string
	rules  []Rule
	room   *room
	taken  []*taken
	missed int
}

// name names the attempt of the run. GitLab runs jobs of a pipeline again without counting that: it ends at another time then.
func (c *collection) name() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.system.Name, c.run.Key, strconv.Itoa(c.run.Attempt), strconv.FormatInt(c.run.FinishedAt.Unix(), 10)}, "\x00")))
	return "reports of a run " + hex.EncodeToString(sum[:])
}

// once collects under a lease, which others see until it is done or was given back.
func (c *collection) once(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, c.r.limits.Time)
	defer cancel()
	lease, held, err := c.r.store.Announce(ctx, name, c.r.limits.Time+time.Minute)
	switch {
	case err != nil:
		return err
	case !held && lease.Digest == "":
		return errElsewhere
	case !held:
		return nil
	}
	if lease.Digest == "" {
		if err = c.collect(ctx); err == nil {
			lease.Digest, lease.At = fmt.Sprintf("%d reports, %d not readable", len(c.taken), c.missed), time.Now()
		}
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // it is given back, also by who was told to stop
	defer cancel()
	if saved := c.r.store.SaveAnnouncement(back, lease); saved != nil && !errors.Is(saved, store.ErrLost) {
		err = errors.Join(err, saved)
	}
	return err
}

// collect is all that is done of a run: what it left is listed, fetched, read and saved.
func (c *collection) collect(ctx context.Context) error {
	artifacts, err := c.artifacts(ctx)
	if err != nil {
		return err
	}
	for _, a := range artifacts {
		if err := c.fetch(ctx, a); err != nil {
			return err
		}
	}
	return c.save(ctx)
}

// artifacts lists those that may hold reports. The system is asked past what is remembered of it, which may be from before the run was done.
func (c *collection) artifacts(ctx context.Context) ([]ci.Artifact, error) {
	lists, errs := c.system.Actions().Artifacts(ctx, []string{c.run.Key})
	if len(errs) == 1 && (errors.Is(errs[0], clients.ErrNotFound) || errors.Is(errs[0], ci.ErrUnsupported)) {
		return nil, nil
	}
	if len(errs) != 1 || len(lists) != 1 || errs[0] != nil {
		return nil, fmt.Errorf("list what run %s left: %w", c.run.Key, cmp.Or(errors.Join(errs...), errors.New("bug: not one answer")))
	}
	var out []ci.Artifact
	for i, a := range lists[0] {
		// GitHub lists those of earlier attempts, too, the newest first.
		older := c.system.Provider == ci.GitHubActions && slices.ContainsFunc(lists[0][:i], func(b ci.Artifact) bool { return a.Name == b.Name })
		if !a.Expired && !a.Page && !older && slices.ContainsFunc(c.rules, func(rule Rule) bool { return rule.takes(a.Name, packed(a)) }) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b ci.Artifact) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key)) })
	for _, a := range out[min(len(out), c.r.limits.Artifacts):] {
		c.refuse(ctx, a.Name, &PackedError{Name: a.Name, Reason: TooMany}, c.rulesOf(a)...)
	}
	return out[:min(len(out), c.r.limits.Artifacts)], nil
}

// packed tells whether an artifact is an archive: systems that keep files as they are have some that are one.
func packed(a ci.Artifact) bool {
	return a.Archive || strings.HasSuffix(strings.ToLower(a.Name), ".zip")
}

func (c *collection) rulesOf(a ci.Artifact) []Rule {
	return slices.DeleteFunc(slices.Clone(c.rules), func(rule Rule) bool { return !rule.takes(a.Name, packed(a)) })
}

// fetch fetches one artifact and reads what is a report of it. An error is one after which it may be tried again.
func (c *collection) fetch(ctx context.Context, a ci.Artifact) error {
	rules := c.rulesOf(a)
	most := min(c.r.limits.Artifact, c.room.fetched)
	if most <= 0 || a.Size > most {
		c.refuse(ctx, a.Name, &PackedError{Reason: TooLarge}, rules...)
		return nil
	}
	body, err := c.body(ctx, a, most)
	if errors.Is(err, ci.ErrUnsupported) { // GitLab lists reports that only it reads; they are not missed, as nobody could have expected them
		c.r.log.DebugContext(ctx, "an artifact is not handed out", "source", c.system.Name, "run", c.run.Key, "file", shown(a.Name), "error", err)
		return nil
	}
	if err != nil {
		if permanent(err) || errors.Is(err, clients.ErrNotFound) || errors.Is(err, clients.ErrBadAnswer) {
			c.refuse(ctx, a.Name, err, rules...)
			return nil
		}
		return fmt.Errorf("fetch %.100q of run %s: %w", a.Name, c.run.Key, err)
	}
	defer body.Close()
	c.room.fetched -= body.size
	if !packed(a) {
		name := strings.TrimSuffix(a.Name, ".gz")
		return c.each(rules, func(rule Rule) bool { return true }, func(rule Rule) error {
			if _, err := body.Seek(0, io.SeekStart); err != nil {
				return err
			}
			in, err := plain(ctx, name, body, c.room, c.r.limits.File)
			if err != nil {
				in = refused{err}
			}
			return c.read(ctx, rule, a.Name, in)
		})
	}
	for _, kind := range []string{KindCoverage, KindTests} { // a file may be one of both, and is read twice
		own := slices.DeleteFunc(slices.Clone(rules), func(rule Rule) bool { return rule.Kind != kind })
		err := walk(ctx, body, body.size, c.room,
			func(name string) bool {
				return slices.ContainsFunc(own, func(rule Rule) bool { return rule.reads(name) })
			},
			func(name string, in io.Reader) error {
				return c.each(own, func(rule Rule) bool { return rule.reads(name) }, func(rule Rule) error { return c.read(ctx, rule, a.Name+" > "+name, in) })
			})
		if permanent(err) {
			c.refuse(ctx, a.Name, err, own...)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// each calls read with the first rule of each kind that holds.
func (c *collection) each(rules []Rule, holds func(Rule) bool, read func(Rule) error) error {
	var kinds []string
	for _, rule := range rules {
		if slices.Contains(kinds, rule.Kind) || !holds(rule) {
			continue
		}
		kinds = append(kinds, rule.Kind)
		if err := read(rule); err != nil {
			return err
		}
	}
	return nil
}

// body fetches an artifact into a file.
func (c *collection) body(ctx context.Context, a ci.Artifact, most int64) (*spooled, error) {
	stream, _, err := c.system.Open(ctx, c.run.Key, a.Key, most)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return spool(ctx, c.r.folder, stream, most)
}

// group returns what was taken for a rule's kind and flag.
func (c *collection) group(rule Rule) *taken {
	flag := cmp.Or(rule.Flag, flagOf(c.run.PipelineName), flagOf(c.run.Pipeline))
	for _, t := range c.taken {
		if t.kind == rule.Kind && t.flag == flag {
			return t
		}
	}
	t := &taken{of: c.of, commit: c.commit, kind: rule.Kind, flag: flag}
	c.taken = append(c.taken, t)
	return t
}

// read reads one report. An error is one after which it may be tried again.
func (c *collection) read(ctx context.Context, rule Rule, name string, in io.Reader) error {
	if c.room.reports--; c.room.reports < 0 {
		c.refuse(ctx, name, &PackedError{Reason: TooMany}, rule)
		return nil
	}
	err := c.r.add(ctx, c.group(rule), in, rule.Format)
	if err != nil && ctx.Err() == nil && permanent(err) {
		c.refuse(ctx, name, err, rule)
		return nil
	}
	return err
}

// refuse says what cannot be read, and why, once: it is remembered with the run.
func (c *collection) refuse(ctx context.Context, name string, err error, rules ...Rule) {
	c.missed++
	for _, rule := range rules {
		c.group(rule).miss(name, err)
	}
	if c.missed <= maxUnread {
		c.r.log.WarnContext(ctx, "a report that a run left cannot be read", "source", c.system.Name, "run", c.run.Key, "commit", c.commit, "file", shown(name), "error", err)
	}
}

// save keeps what was taken of each kind and flag.
func (c *collection) save(ctx context.Context) error {
	head := store.Report{Run: c.run.Key, Branch: c.run.Branch, At: firstTime(c.run.CreatedAt, c.run.StartedAt, c.run.FinishedAt), Taken: firstTime(c.run.FinishedAt)}
	if c.run.Trigger == ci.ByPullRequest {
		head.Branch = "" // a fork may have called its branch as it likes, such as main
	}
	kept := c.taken[:0]
	for _, t := range c.taken {
		if t.coverage == nil && t.tests == nil {
			continue // nothing of it could be read
		}
		_, err := c.r.save(ctx, c.key, t, head)
		if refusedByStore(err) {
			c.refuse(ctx, t.kind+" "+t.flag, err)
			continue
		}
		if err != nil {
			return err
		}
		kept = append(kept, t)
	}
	c.taken = kept
	return nil
}

// refusedByStore tells whether the store will not keep it, whenever it is asked.
func refusedByStore(err error) bool {
	return errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrFull)
}

// firstTime returns the first time that is known, now where none is.
func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Now()
}
