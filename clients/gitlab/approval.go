package gitlab

import (
	"context"
	"time"

	"callboard.dev/callboard/clients"
)

// Approvals is who has approved a merge request, and what its rules want.
type Approvals struct {
	Approved bool // as far as the rules want; by anybody where there are none
	Required int  // 0 in the free edition, which has no rules
	Left     int
	By       []Approval // at most 100
}

// Approval is one approval.
type Approval struct {
	Account
	At time.Time // zero where GitLab does not say
}

// Approvals returns the approvals of a merge request. It makes one request to the REST interface; who approved is part of every MergeRequest.
func (c *Client) Approvals(ctx context.Context, n MergeRequestNumber) (*Approvals, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx = clients.WithRoute(ctx, "GET /api/v4/projects/{id}/merge_requests/{iid}/approvals")
	found, _, err := c.rest.MergeRequestApprovals.GetConfiguration(n.Project, int64(n.Number), with(ctx))
	if err != nil {
		return nil, c.rested(ctx, err)
	}
	if found == nil {
		return nil, bad(c.source, "its answer is not what it should be")
	}
	out := &Approvals{Approved: found.Approved, Required: int(found.ApprovalsRequired), Left: int(found.ApprovalsLeft)}
	for _, a := range found.ApprovedBy[:min(len(found.ApprovedBy), maxPage)] {
		if a == nil {
			continue
		}
		if account := accountOf(a.User); account != nil {
			out.By = append(out.By, Approval{Account: *account, At: timeOf(a.ApprovedAt)})
		}
	}
	return out, nil
}
