package github

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Comment is a comment on an issue or a pull request as a whole.
type Comment struct {
	DatabaseID           int
	Body                 string   // Markdown, its first 64 KiB
	Author               *Account // nil where the account is no more
	URL                  string
	CreatedAt, UpdatedAt time.Time
}

type restComment struct {
	ID        int          `json:"id"`
	Body      string       `json:"body"`
	User      *restAccount `json:"user"`
	HTMLURL   string       `json:"html_url"`
	CreatedAt moment       `json:"created_at"`
	UpdatedAt moment       `json:"updated_at"`
}

func (w *restComment) value() *Comment {
	return &Comment{DatabaseID: max(w.ID, 0), Body: cut(w.Body, maxBody), Author: w.User.value(), URL: address(w.HTMLURL), CreatedAt: w.CreatedAt.Time, UpdatedAt: w.UpdatedAt.Time}
}

// Comments returns a page of the comments on an issue or pull request, the oldest first, and whether there is another. One request to the REST interface.
func (c *Client) Comments(ctx context.Context, slug Slug, number int, page RESTPage) ([]*Comment, bool, error) {
	query := url.Values{}
	if err := page.into(query); err != nil {
		return nil, false, err
	}
	if err := checkNumber(number); err != nil {
		return nil, false, err
	}
	var answer []*restComment
	next, err := c.list(ctx, slug, "GET /repos/{owner}/{name}/issues/{number}/comments", []string{"issues", strconv.Itoa(number), "comments"}, query, &answer)
	if err != nil {
		return nil, false, err
	}
	return convert(answer, (*restComment).value), next, nil
}

// written is the body of a comment as it is sent.
type written struct {
	Body string `json:"body"`
}

func checkComment(body string) error {
	if strings.TrimSpace(body) == "" || utf8.RuneCountInString(body) > maxComment || !utf8.ValidString(body) {
		return invalid("comment", "of 1 to 65,536 characters")
	}
	return nil
}

// maxComment is how many characters GitHub takes.
const maxComment = 65_536

// AddComment comments on an issue or pull request. One request to the REST interface.
func (c *Client) AddComment(ctx context.Context, slug Slug, number int, body string) (*Comment, error) {
	if err := checkNumber(number); err != nil {
		return nil, err
	}
	if err := checkComment(body); err != nil {
		return nil, err
	}
	var answer restComment
	if err := c.change(ctx, slug, http.MethodPost, "POST /repos/{owner}/{name}/issues/{number}/comments", []string{"issues", strconv.Itoa(number), "comments"}, written{body}, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkDone(answer.ID))
}

// UpdateComment gives a comment another body. It wraps clients.ErrNotFound where somebody deleted it. One request to the REST interface.
func (c *Client) UpdateComment(ctx context.Context, slug Slug, comment int, body string) (*Comment, error) {
	if err := checkID("comment", comment); err != nil {
		return nil, err
	}
	if err := checkComment(body); err != nil {
		return nil, err
	}
	var answer restComment
	if err := c.change(ctx, slug, http.MethodPatch, "PATCH /repos/{owner}/{name}/issues/comments/{id}", []string{"issues", "comments", strconv.Itoa(comment)}, written{body}, &answer); err != nil {
		return nil, err
	}
	return only(answer.value(), c.checkDone(answer.ID))
}
