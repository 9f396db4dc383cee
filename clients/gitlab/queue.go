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
	Reviews   bool      // those that they were asked to review, in place of those that they opened
	Before    time.Time // only those whose last change is not later; zero for all
	First     int       // of each, 1 to 100; 20 where 0
}

// The bounds of Queue: so many users in one query are of complexity 183 when 100 merge requests of each are asked for.
const maxUsers = 20

// Queue returns the open merge requests of each user, those with the latest changes first. One who has none here, or may not be seen, is
// clients.ErrNotFound. It makes one request for every 20 users.
func (c *Client) Queue(ctx context.Context, q QueueQuery) ([][]*MergeRequest, []error) {
	out, errs := make([][]*MergeRequest, len(q.Usernames)), make([]error, len(q.Usernames))
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
	list, declared, given := "authoredMergeRequests", "", ""
	if q.Reviews {
		list = "reviewRequestedMergeRequests"
	}
	variables := map[string]any{"first": q.First}
	if !q.Before.IsZero() {
		declared, given, variables["before"] = " $before: Time", ", updatedBefore: $before", q.Before.UTC().Format(time.RFC3339)
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), maxUsers)]
		wanted = wanted[len(batch):]
		var answer struct {
			Users *nodes[struct {
				Username string
				Queue    *nodes[wireMergeRequest]
			}]
		}
		text := fmt.Sprintf(`query queue($usernames: [String!] $first: Int%s) {
  users(usernames: $usernames, first: %d) { nodes { username queue: %s(state: opened, sort: UPDATED_DESC, first: $first%s) { nodes { ...mergeRequest } } } }
}`, declared, len(batch), list, given) + mergeRequestFields
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
				out[i] = each(u.Queue, (*wireMergeRequest).value)
				if below["users"] == nil {
					errs[i] = nil
				}
			}
		}
	}
	return out, errs
}
