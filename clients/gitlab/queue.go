package gitlab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// QueueQuery asks for open merge requests of people, in all projects that the credential sees.
type QueueQuery struct {
	Usernames []string
	Reviews   bool      // those that they were asked to review, the longest untouched first, in place of those that they opened, the newest first
	From      time.Time // only those that were not opened later, or not touched earlier; zero for all
	First     int       // of each, 1 to 100; 20 where 0
}

// Queue is what waits for somebody, or somebody waits for.
type Queue struct {
	MergeRequests []*MergeRequest
	Total         int // in all, beginning at From
}

// The bounds of Queue: so many users in one query are of complexity 183 when 100 merge requests of each are asked for.
const maxUsers = 20

// Queue returns the open merge requests of each user. One who is not there, or may not be seen, is clients.ErrNotFound. It makes one request for every 20 users.
func (c *Client) Queue(ctx context.Context, q QueueQuery) ([]*Queue, []error) {
	out, errs := make([]*Queue, len(q.Usernames)), make([]error, len(q.Usernames))
	if q.First == 0 {
		q.First = usualPage
	}
	at := map[string][]int{}
	var wanted []string
	for i, name := range q.Usernames {
		errs[i] = checkUsername(name)
		if q.First < 1 || q.First > maxPage {
			errs[i] = invalid("page", strconv.Itoa(q.First))
		}
		if errs[i] != nil {
			continue
		}
		key := strings.ToLower(name)
		if at[key] == nil {
			wanted = append(wanted, name)
		}
		at[key] = append(at[key], i)
	}
	list, order, bound, declared, given := "authoredMergeRequests", "CREATED_DESC", "createdBefore", "", ""
	if q.Reviews {
		list, order, bound = "reviewRequestedMergeRequests", "UPDATED_ASC", "updatedAfter"
	}
	variables := map[string]any{"first": q.First}
	if !q.From.IsZero() {
		declared, given, variables["from"] = " $from: Time", ", "+bound+": $from", q.From.UTC().Format(time.RFC3339)
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), maxUsers)]
		wanted = wanted[len(batch):]
		var answer struct {
			Users *nodes[struct {
				Username string
				Queue    *struct {
					Count int
					nodes[wireMergeRequest]
				}
			}]
		}
		text := fmt.Sprintf(`query queue($usernames: [String!] $first: Int%s) {
  users(usernames: $usernames, first: %d) { nodes { username queue: %s(state: opened, sort: %s, first: $first%s) { count nodes { ...mergeRequest } } } }
}`, declared, len(batch), list, order, given) + mergeRequestFields
		variables["usernames"] = batch
		below, err := c.query(ctx, "queue", text, variables, &answer)
		for _, name := range batch {
			for _, i := range at[strings.ToLower(name)] {
				errs[i] = c.absent("user")
				if err != nil {
					errs[i] = err
				} else if e := below["users"]; e != nil {
					errs[i] = partial(e)
				}
			}
		}
		if answer.Users == nil {
			continue
		}
		for _, u := range answer.Users.Nodes {
			if u == nil || u.Queue == nil {
				continue
			}
			for _, i := range at[strings.ToLower(u.Username)] {
				out[i] = &Queue{each(&u.Queue.nodes, (*wireMergeRequest).value), u.Queue.Count}
				if below["users"] == nil {
					errs[i] = nil
				}
			}
		}
	}
	return out, errs
}
