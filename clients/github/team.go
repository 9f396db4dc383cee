package github

import (
	"context"

	"github.com/shurcooL/githubv4"
)

// TeamMembers are the members of a team and of the teams below it.
type TeamMembers struct {
	Team     Team
	Members  []*Account // by login
	Complete bool       // there are no more
}

type wireTeamOf struct {
	Team *struct {
		Name    string
		Slug    string
		URL     string
		Members struct {
			TotalCount int
			PageInfo   wirePageInfo
			Nodes      []*wireUser
		} `graphql:"members(first:100,after:$after,membership:ALL,orderBy:{field:LOGIN,direction:ASC})"`
	} `graphql:"team(slug:$team)"`
}

var teamQuery = newQuery[wireTeamOf]("team members", "organization(login:$organisation)", maxElements)

// TeamMembers returns the members of a team, the first 300. It makes one request of one point for each 100. It wraps clients.ErrNotFound where
// there is no such team, or none that the credential may see.
func (c *Client) TeamMembers(ctx context.Context, organisation, team string) (*TeamMembers, error) {
	if err := checkTeam(organisation, team); err != nil {
		return nil, err
	}
	var out *TeamMembers
	for after := ""; ; {
		a := teamQuery.do(ctx, c, []map[string]any{{"organisation": githubv4.String(organisation), "team": githubv4.String(team), "after": optional(after)}})[0]
		if a.Err != nil {
			return nil, a.Err
		}
		w := a.Value.Team
		if w == nil {
			return nil, c.absent(a.Missing, "team")
		}
		if out == nil {
			out = &TeamMembers{Team: Team{Organization: organisation, Slug: cut(w.Slug, maxLine), Name: cut(w.Name, maxLine), URL: address(w.URL)}}
		}
		for _, node := range w.Members.Nodes {
			if m := node.value(); m != nil {
				out.Members = append(out.Members, m)
			}
		}
		if !w.Members.PageInfo.HasNextPage {
			out.Complete = len(a.Missing) == 0
			return out, nil
		}
		if next := w.Members.PageInfo.EndCursor; next != after && len(out.Members) < maxPeople {
			after = next
			continue
		}
		return out, nil
	}
}

func checkTeam(organisation, team string) error {
	if !login(organisation) {
		return invalid("organisation", organisation)
	}
	if !made(team, "-_.") || team == "" || len(team) > maxName || team == "." || team == ".." {
		return invalid("team", team)
	}
	return nil
}
