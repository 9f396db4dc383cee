package github

import (
	"context"
	"slices"

	"github.com/shurcooL/githubv4"
)

type wireLinks struct {
	Object *struct {
		Commit struct {
			OID               string
			StatusCheckRollup *struct {
				Contexts struct {
					Nodes []*struct {
						Status struct{ TargetURL string }  `graphql:"...on StatusContext"`
						Check  struct{ DetailsURL string } `graphql:"...on CheckRun"`
					}
				} `graphql:"contexts(first:100)"`
			}
		} `graphql:"...on Commit"`
	} `graphql:"object(oid:$oid)"`
}

var linksQuery = newQuery[wireLinks]("links of commits", "repository(owner:$owner,name:$name)", maxElements)

// Links returns the addresses to which the statuses and the check runs of each commit lead, each once: of the first 100 of them together. Those of Actions lead
// to GitHub itself, others to the systems that made them. One request of one point for 100 commits.
func (c *Client) Links(ctx context.Context, commits []Object) ([][]string, []error) {
	answers := all(ctx, c, linksQuery, many{most: maxRepositories}, len(commits), func(i int) (map[string]any, error) {
		if err := checkObject(commits[i].Slug, commits[i].OID); err != nil {
			return nil, err
		}
		v, err := commits[i].Slug.variables()
		if err != nil {
			return nil, err
		}
		v["oid"] = githubv4.GitObjectID(commits[i].OID)
		return v, nil
	})
	out, errs := make([][]string, len(answers)), make([]error, len(answers))
	for i, a := range answers {
		switch {
		case a.Err != nil:
			errs[i] = a.Err
		case a.Value.Object == nil || oid(a.Value.Object.Commit.OID) == "":
			errs[i] = c.absent(a.Missing, "object")
		case a.Value.Object.Commit.StatusCheckRollup != nil:
			for _, one := range a.Value.Object.Commit.StatusCheckRollup.Contexts.Nodes {
				if one == nil {
					continue
				}
				for _, text := range []string{one.Status.TargetURL, one.Check.DetailsURL} {
					if link := address(text); link != "" && !slices.Contains(out[i], link) {
						out[i] = append(out[i], link)
					}
				}
			}
		}
		if errs[i] == nil && len(out[i]) == 0 && len(a.Missing) > 0 { // withheld, which is not none
			errs[i] = a.Missing[0].Err
		}
	}
	return out, errs
}
