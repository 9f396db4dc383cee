package jenkins

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
)

// StartQuery says what to build.
type StartQuery struct {
	Job           string
	Parameterized bool // the job takes parameters: those that are not in Parameters get what the job says; true where there are some
	Parameters    []Parameter
}

// maxForm bounds what is sent, in bytes; Jenkins' own server takes no more of a form than 200,000.
const maxForm = 200_000

// Start puts a build into the queue and returns the number of its item there, which Item follows. It makes one request with an API token; where
// Jenkins wants a crumb up to three, see crumb.go. An item that waits already for the same job with the same parameters is returned in place
// of a new one, as Jenkins would build it once. Where the error is of kind clients.ErrTimeout or clients.ErrUnavailable a build may have begun nonetheless.
func (c *Client) Start(ctx context.Context, q StartQuery) (int64, error) {
	if err := checkName(q.Job); err != nil {
		return 0, err
	}
	form, verb := url.Values{}, "build"
	if q.Parameterized || len(q.Parameters) > 0 {
		verb = "buildWithParameters"
	}
	for _, p := range q.Parameters {
		if p.Name == "" || len(q.Parameters) > maxList {
			return 0, invalid("parameter", p.Name)
		}
		form.Add(p.Name, p.Value)
	}
	if len(form.Encode()) > maxForm {
		return 0, invalid("parameters that are too large for Jenkins", q.Job)
	}
	resp, err := c.act(ctx, "/job/{job}/"+verb, jobPath(q.Job)+"/"+verb, form)
	if err != nil {
		return 0, err
	}
	defer drain(resp.Body)
	switch {
	case resp.StatusCode == http.StatusBadRequest:
		e := refused(c.source, resp)
		e.Message = "it takes the job's parameters only"
		if verb == "build" {
			e.Message = "the job takes parameters; give them"
		}
		return 0, e
	case resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK:
		return 0, refused(c.source, resp)
	}
	item := itemOf(resp.Header.Get("Location"))
	if item == 0 {
		return 0, bad(c.source, "it does not say which item of its queue the build is; look at the job")
	}
	return item, nil
}

// itemOf reads the number of a queue's item from its address, 0 where there is none.
func itemOf(location string) int64 {
	_, text, found := strings.Cut(location, "/queue/item/")
	if !found {
		return 0
	}
	number, rest, _ := strings.Cut(text, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 || rest != "" {
		return 0
	}
	return id
}

// Rebuild puts a build with the parameters of an earlier one into the queue, as Start does. Parameters that Jenkins keeps secret get what the job
// says. A job that builds a branch builds what the branch is now. It makes one request more than Start.
func (c *Client) Rebuild(ctx context.Context, id BuildID) (int64, error) {
	if err := id.check(); err != nil {
		return 0, err
	}
	var w wireBuild
	err := c.read(ctx, "/job/{job}/{build}/api/json", id.path()+"/api/json", "number,actions[parameters[name,value]]", &w)
	if err != nil {
		return 0, err
	}
	b := w.value(c, id.Job)
	if b == nil || b.Number != id.Number {
		return 0, bad(c.source, "its answer is not what it should be: a build of another number")
	}
	q := StartQuery{Job: id.Job, Parameterized: len(b.Parameters) > 0}
	for _, p := range b.Parameters {
		if !p.Hidden {
			q.Parameters = append(q.Parameters, p)
		}
	}
	return c.Start(ctx, q)
}

// Replay starts a build of a Pipeline with the script, the revision and the parameters of an earlier one; Jenkins refuses it where one of the
// parameters is a password. Jenkins does not tell which build it becomes: it is one with a Cause whose By is id. It makes as many requests as Start.
// Builds of other jobs fail with an error of kind clients.ErrNotFound.
func (c *Client) Replay(ctx context.Context, id BuildID) error {
	if err := id.check(); err != nil {
		return err
	}
	return c.done(ctx, "/job/{job}/{build}/replay/rebuild", id.path()+"/replay/rebuild")
}

// Stop asks a build to stop; it may take its time, or have ended before. It makes as many requests as Start.
func (c *Client) Stop(ctx context.Context, id BuildID) error {
	if err := id.check(); err != nil {
		return err
	}
	return c.done(ctx, "/job/{job}/{build}/stop", id.path()+"/stop")
}

// Cancel takes an item out of the queue. It makes as many requests as Start. One that is no longer there fails with an error of kind clients.ErrNotFound.
func (c *Client) Cancel(ctx context.Context, item int64) error {
	if item < 1 {
		return invalid("item of the queue", strconv.FormatInt(item, 10))
	}
	return c.done(ctx, "/queue/cancelItem", "queue/cancelItem?id="+strconv.FormatInt(item, 10))
}

// done makes a request whose answer says nothing but that it was done: Jenkins leads the browser back to a page, which is not asked for.
func (c *Client) done(ctx context.Context, route, path string) error {
	resp, err := c.act(ctx, route, path, url.Values{})
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case (s == http.StatusFound || s == http.StatusSeeOther) && c.elsewhere(resp) == nil && !strings.Contains(resp.Header.Get("Location"), "ogin"):
		return nil
	}
	return refused(c.source, resp)
}

// act makes a request that changes something, with a crumb where one is wanted.
func (c *Client) act(ctx context.Context, route, path string, form url.Values) (*http.Response, error) {
	ctx = clients.WithKind(ctx, "") // nothing of this is to be remembered
	post := func(header http.Header) (*http.Response, error) {
		resp, err := c.send(clients.WithRoute(ctx, "POST "+route), http.MethodPost, path, form, "*/*", header)
		if err == nil && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusNotFound || resp.StatusCode >= 500) {
			defer drain(resp.Body)
			return nil, refused(c.source, resp)
		}
		return resp, err
	}
	return c.crumbed(ctx, post)
}
