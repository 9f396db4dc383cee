package jenkins

import (
	"context"
	"strconv"
	"time"
)

// Waiting is how far an item of the queue is.
type Waiting string

// How far items of the queue are.
const (
	InQuietPeriod Waiting = "quiet"     // somebody may change more before it begins
	Blocked       Waiting = "blocked"   // by another build, such as one of the same job
	Buildable     Waiting = "buildable" // nothing is free to build it
	Pending       Waiting = "pending"   // it begins
	Left          Waiting = "left"      // it has become Item.Build
	Cancelled     Waiting = "cancelled"
)

// Item is a build that waits, or has waited until some minutes ago.
type Item struct {
	ID         int64
	Job        string // its full name; "" where it is no job, such as a part of a Pipeline that waits for what it runs on
	State      Waiting
	Why        string // it waits, for people
	Stuck      bool   // for much longer than usual
	Since      time.Time
	Build      BuildID // what it has become; empty before
	Causes     []Cause
	Parameters []Parameter // that it will be built with
}

type wireItem struct {
	Class        string `json:"_class"`
	ID           int64
	Why          string
	Stuck        bool
	Blocked      bool
	Buildable    bool
	Pending      bool
	Cancelled    bool
	InQueueSince int64
	Task         struct{ FullName, URL string }
	Executable   *struct {
		Number int
		URL    string
	}
	Actions []rawAction
}

const itemTree = "id,why,stuck,blocked,buildable,pending,cancelled,inQueueSince,task[fullName,url],executable[number,url]," +
	"actions[causes[shortDescription,userId,upstreamProject,upstreamBuild],parameters[name,value]]"

func (w *wireItem) value() *Item {
	i := &Item{ID: w.ID, State: InQuietPeriod, Why: line(w.Why), Stuck: w.Stuck, Since: at(w.InQueueSince)}
	if checkName(w.Task.FullName) == nil {
		i.Job = w.Task.FullName
	} else if id, ok := Locate(w.Task.URL); ok {
		i.Job = id.Job
	}
	switch {
	case w.Cancelled:
		i.State = Cancelled
	case w.Executable != nil:
		i.State = Left
		i.Build = BuildID{Job: i.Job, Number: w.Executable.Number}
		if id, ok := Locate(w.Executable.URL); ok && id.Number > 0 {
			i.Build = id
		}
		if i.Build.check() != nil {
			i.State, i.Build = Pending, BuildID{}
		}
	case w.Pending, w.Class == "hudson.model.Queue$LeftItem":
		i.State = Pending
	case w.Blocked:
		i.State = Blocked
	case w.Buildable:
		i.State = Buildable
	}
	var b Build // the actions of an item are those of the build to be
	b.Job = i.Job
	for _, raw := range w.Actions[:min(len(w.Actions), maxActions)] {
		raw.into(&b)
	}
	i.Causes, i.Parameters = b.Causes, b.Parameters
	return i
}

// Item returns an item of the queue. It makes one request. About five minutes after it has left the queue Jenkins forgets an item, and the
// error is of kind clients.ErrNotFound.
func (c *Client) Item(ctx context.Context, id int64) (*Item, error) {
	if id < 1 {
		return nil, invalid("item of the queue", strconv.FormatInt(id, 10))
	}
	var w wireItem
	if err := c.read(ctx, "/queue/item/{id}/api/json", "queue/item/"+strconv.FormatInt(id, 10)+"/api/json", itemTree, &w); err != nil {
		return nil, err
	}
	if w.ID != id {
		return nil, bad(c.source, "its answer is not what it should be: another item of the queue")
	}
	return w.value(), nil
}

// Queue returns what waits, at most 1,000 items. It makes one request.
func (c *Client) Queue(ctx context.Context) ([]Item, error) {
	const most = 1000
	var w struct{ Items []wireItem }
	if err := c.read(ctx, "/queue/api/json", "queue/api/json", "items["+itemTree+"]"+ranged(0, most), &w); err != nil {
		return nil, err
	}
	var out []Item
	for _, one := range w.Items[:min(len(w.Items), most)] {
		if one.ID > 0 {
			out = append(out, *one.value())
		}
	}
	return out, nil
}
