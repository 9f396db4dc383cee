package gitlab

import (
	"context"
	"strconv"
	"strings"
	"time"

	official "gitlab.com/gitlab-org/api/client-go/v2"

	"callboard.dev/callboard/clients"
)

// Note is a comment on a merge request.
type Note struct {
	ID        int64
	Body      string // Markdown, its first 64 KiB
	Author    *Account
	System    bool // GitLab wrote it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// maxNote bounds a comment that is sent, in bytes; GitLab's own limit is a million characters.
const maxNote = 64 << 10

func noteOf(w *official.Note) *Note {
	if w == nil || w.ID == 0 {
		return nil
	}
	a := &w.Author
	return &Note{ID: w.ID, Body: cut(w.Body, maxText), Author: (&wireUser{a.Username, a.Name, a.WebURL, a.AvatarURL}).value(), System: w.System,
		CreatedAt: timeOf(w.CreatedAt), UpdatedAt: timeOf(w.UpdatedAt)}
}

// NotePage is a page of comments, the oldest first.
type NotePage struct {
	Notes []*Note
	Next  int // the page after it; 0 where there is none
}

// Notes returns a page of the comments on a merge request: 100 of them, counted from page 1. It makes one request to the REST interface.
func (c *Client) Notes(ctx context.Context, n MergeRequestNumber, page int) (*NotePage, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	options := &official.ListMergeRequestNotesOptions{OrderBy: official.Ptr("created_at"), Sort: official.Ptr("asc")}
	var err error
	if options.ListOptions, err = offset(page, maxPage); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/merge_requests/{iid}/notes")
	found, resp, err := c.rest.Notes.ListMergeRequestNotes(n.Project, int64(n.Number), options, with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	out := &NotePage{Next: next(resp)}
	for _, w := range found[:min(len(found), maxPage)] {
		if note := noteOf(w); note != nil {
			out.Notes = append(out.Notes, note)
		}
	}
	return out, nil
}

func checkNote(body string) error {
	if strings.TrimSpace(body) == "" || len(body) > maxNote || strings.ContainsRune(body, 0) {
		return invalid("comment", strconv.Itoa(len(body))+" bytes")
	}
	return nil
}

// AddNote comments on a merge request. It makes one request to the REST interface, and is not tried twice.
func (c *Client) AddNote(ctx context.Context, n MergeRequestNumber, body string) (*Note, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := checkNote(body); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "POST /api/v4/projects/{id}/merge_requests/{iid}/notes")
	found, _, err := c.rest.Notes.CreateMergeRequestNote(n.Project, int64(n.Number), &official.CreateMergeRequestNoteOptions{Body: &body}, with(ctx))
	return c.noted(ctx, found, err)
}

// ChangeNote writes another text into a comment, which only its author may. It makes one request to the REST interface, and is not tried twice.
func (c *Client) ChangeNote(ctx context.Context, n MergeRequestNumber, id int64, body string) (*Note, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkNote(body); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "PUT /api/v4/projects/{id}/merge_requests/{iid}/notes/{note}")
	found, _, err := c.rest.Notes.UpdateMergeRequestNote(n.Project, int64(n.Number), id, &official.UpdateMergeRequestNoteOptions{Body: &body}, with(ctx))
	return c.noted(ctx, found, err)
}

func (c *Client) noted(ctx context.Context, found *official.Note, err error) (*Note, error) {
	if err != nil {
		return nil, c.acted(ctx, err)
	}
	if note := noteOf(found); note != nil {
		return note, nil
	}
	return nil, bad(c.source, "its answer is not what it should be")
}
