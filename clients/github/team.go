package github

import (
	"context"
	"strings"

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

// TeamName names a team: the login of its organisation, and its slug there.
type TeamName struct{ Organization, Slug string }

// ParseTeamName reads "organisation/team". It wraps ErrInvalid where the text is none.
func ParseTeamName(text string) (TeamName, error) {
	organisation, slug, _ := strings.Cut(text, "/")
	return TeamName{organisation, slug}, checkTeam(organisation, slug)
}

// String returns "organisation/team".
func (t TeamName) String() string { return t.Organization + "/" + t.Slug }

// Teams returns the members of each team, the first 300, or the error it has instead. It makes one request of one point for all teams of up to 100
// members, and another for each hundred more. The error wraps clients.ErrNotFound where there is no such team, or none that the credential may see.
func (c *Client) Teams(ctx context.Context, names []TeamName) ([]*TeamMembers, []error) {
	teams, errs := make([]*TeamMembers, len(names)), make([]error, len(names))
	after := make([]string, len(names))
	left := make([]int, len(names)) // of which there may be more
	for i := range left {
		left[i] = i
	}
	for range maxPeople / maxPage {
		asked := left
		left = nil
		answers := all(ctx, c, teamQuery, many{most: maxTeams}, len(asked), func(i int) (map[string]any, error) {
			name := names[asked[i]]
			return map[string]any{"organisation": githubv4.String(name.Organization), "team": githubv4.String(name.Slug), "after": optional(after[asked[i]])}, checkTeam(name.Organization, name.Slug)
		})
		for i, a := range answers {
			at := asked[i]
			if a.Err == nil && a.Value.Team == nil {
				a.Err = c.absent(a.Missing, "team")
			}
			if a.Err != nil {
				teams[at], errs[at] = nil, a.Err
				continue
			}
			w := a.Value.Team
			if teams[at] == nil {
				teams[at] = &TeamMembers{Team: Team{Organization: names[at].Organization, Slug: cut(w.Slug, maxLine), Name: cut(w.Name, maxLine), URL: address(w.URL)}}
			}
			for _, node := range w.Members.Nodes {
				if m := node.value(); m != nil {
					teams[at].Members = append(teams[at].Members, m)
				}
			}
			next := w.Members.PageInfo.EndCursor
			switch {
			case !w.Members.PageInfo.HasNextPage:
				teams[at].Complete = len(a.Missing) == 0
			case next != after[at]:
				after[at], left = next, append(left, at)
			}
		}
	}
	return teams, errs
}

// The bounds of teams, by judgement.
const (
	maxTeams  = 20  // in one request, of up to a hundred people each
	maxPeople = 300 // members of one, in pages of 100
)

func checkTeam(organisation, team string) error {
	if !login(organisation) {
		return invalid("organisation", organisation)
	}
	if !made(team, "-_.") || team == "" || len(team) > maxName || team == "." || team == ".." {
		return invalid("team", team)
	}
	return nil
}
