package gitlabtest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// note is a comment on a merge request.
type note struct {
	id      int64
	body    string
	author  string
	created time.Time
	updated time.Time
}

func (s *Server) noteRoutes(get getter, change changer) {
	get("/projects/{id}/merge_requests/{iid}/notes", func(c *call) (any, error) {
		p, m, err := c.mergeRequestAsked()
		if err != nil {
			return nil, err
		}
		found := slices.Clone(p.notes[m.IID])
		by := func(n *note) time.Time { return n.created }
		if c.query.Get("order_by") == "updated_at" {
			by = func(n *note) time.Time { return n.updated }
		}
		slices.SortStableFunc(found, func(a, b *note) int {
			order := cmp.Or(by(a).Compare(by(b)), cmp.Compare(a.id, b.id))
			if c.query.Get("sort") != "asc" {
				return -order
			}
			return order
		})
		list, err := page(c, found)
		return each(list, func(n *note) object { return c.note(p, m, n) }), err
	})
	change("POST /projects/{id}/merge_requests/{iid}/notes", http.StatusCreated, func(c *call) (any, error) {
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p, m, err := c.mergeRequestAsked()
		switch {
		case err != nil:
			return nil, err
		case c.viewer == nil:
			return nil, unauthorized
		case strings.TrimSpace(sent.Get("body")) == "":
			return nil, fault{http.StatusBadRequest, object{"error": "body is missing"}}
		}
		n := &note{id: s.world.id(0), body: sent.Get("body"), author: c.viewer.Username, created: c.now, updated: c.now}
		p.notes[m.IID] = append(p.notes[m.IID], n)
		m.Comments++
		return c.note(p, m, n), nil
	})
	change("PUT /projects/{id}/merge_requests/{iid}/notes/{note}", http.StatusOK, func(c *call) (any, error) {
		sent, err := c.sent()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p, m, err := c.mergeRequestAsked()
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(p.notes[m.IID], func(n *note) bool { return strconv.FormatInt(n.id, 10) == c.r.PathValue("note") })
		if at < 0 {
			return nil, absent("Note")
		}
		n := p.notes[m.IID][at]
		switch {
		case c.viewer == nil:
			return nil, unauthorized
		case n.author != c.viewer.Username:
			return nil, forbidden
		case strings.TrimSpace(sent.Get("body")) == "":
			return nil, fault{http.StatusBadRequest, object{"message": "400 Bad request - Note {:note=>[\"can't be blank\"]}"}}
		}
		n.body, n.updated = sent.Get("body"), c.now
		return c.note(p, m, n), nil
	})
}

func (c *call) note(p *project, m *MergeRequest, n *note) object {
	return object{"id": n.id, "type": nil, "body": n.body, "author": c.userNamed(n.author), "created_at": at(n.created), "updated_at": at(n.updated), "system": false, "noteable_id": m.ID,
		"noteable_type": "MergeRequest", "project_id": p.ID, "resolvable": false, "confidential": false, "internal": false, "imported": false, "imported_from": "none",
		"noteable_iid": m.IID, "commands_changes": object{}}
}
