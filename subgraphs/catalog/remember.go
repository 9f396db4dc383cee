package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callboard.dev/callboard/subgraphs/catalog/descriptor"
	"callboard.dev/callboard/subgraphs/catalog/discover"
	"callboard.dev/callboard/subgraphs/catalog/store"
)

// askAgainAfter is how long to wait before a store that did not answer is asked again.
const askAgainAfter = time.Second

// ruleStore is the rule of the issue that the store does not answer.
const ruleStore = "store-unavailable"

// remember reads what is remembered, for the start and whenever it may have changed. Where that fails, what is known stays.
func (c *Catalog) remember(ctx context.Context) (revision int64, changed bool, err error) {
	asking, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	if revision, err = c.store.Revision(asking); err != nil { // first, so that what is read is not older
		return 0, false, err
	}
	if !c.tookOver {
		issue, err := takeOver(ctx, c.stateFolder, c.store)
		if err != nil {
			return 0, false, err
		}
		c.tookOver = true
		if issue != nil {
			c.log.Error("registered locations of an older version are not all taken over", "file", issue.File, "reason", issue.Message)
			c.complain(ruleStoredLocations, issue)
		}
	}
	changed, err = c.locations.Read(ctx)
	return revision, changed, err
}

// follow keeps up with what others change in the store, and says when it does not answer.
func (c *Catalog) follow(ctx context.Context, known int64) {
	for {
		revision, err := int64(0), error(nil)
		if c.failing {
			// A store that answers again may not have changed.
			revision = -1
		} else {
			revision, err = c.store.Wait(ctx, known)
		}
		if err == nil && revision != known {
			revision, err = c.catchUp(ctx)
		}
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) || errors.Is(err, discover.ErrClosed) {
			return
		}
		again := c.failing
		if c.storeAnswers(err); err == nil {
			if again || revision != known {
				c.remote.Changed(ctx)
			}
			known = revision
			continue
		}
		select {
		case <-time.After(askAgainAfter):
		case <-ctx.Done():
			return
		}
	}
}

// catchUp serves what is in the store now.
func (c *Catalog) catchUp(ctx context.Context) (revision int64, err error) {
	c.registering.Lock()
	defer c.registering.Unlock()
	revision, changed, err := c.remember(ctx)
	if err != nil || !changed {
		return revision, err
	}
	targets, _ := c.locations.Targets()
	c.log.Info("registered locations changed", "count", len(targets))
	return revision, c.discovery.Replace(ctx, targets)
}

// storeAnswers notes whether the store answers, and makes an issue of it where it does not.
func (c *Catalog) storeAnswers(err error) {
	switch {
	case err != nil && !c.failing:
		c.log.Error("the catalog's store does not answer", "error", err)
		issue := &descriptor.Issue{
			Severity: descriptor.SeverityWarning, Rule: ruleStore, File: c.storeName, Document: -1,
			Message: fmt.Sprintf("the catalog's store has not answered since %s: what was registered is served from memory, and nothing can be registered or removed; the log has the reason", shown(time.Now())),
		}
		if _, known := c.locations.Targets(); !known {
			issue.Severity = descriptor.SeverityError
			issue.Message = fmt.Sprintf("the catalog's store has not answered since %s, when the catalog was started: registered locations and remembered files are missing until it does; the log has the reason", shown(time.Now()))
		}
		c.complain(ruleStore, issue)
	case err == nil && c.failing:
		c.log.Info("the catalog's store answers again")
		c.complain(ruleStore, nil)
	}
	c.failing = err != nil
}

func shown(t time.Time) string { return t.UTC().Format(time.RFC3339) }
