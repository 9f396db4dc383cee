package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
)

// MergeRequestOrder says how merge requests are sorted.
type MergeRequestOrder string

// The orders of merge requests.
const (
	NewestFirst         MergeRequestOrder = "CREATED_DESC" // what "" means
	OldestFirst         MergeRequestOrder = "CREATED_ASC"
	LatestChangeFirst   MergeRequestOrder = "UPDATED_DESC"
	EarliestChangeFirst MergeRequestOrder = "UPDATED_ASC"
	LatestMergeFirst    MergeRequestOrder = "MERGED_AT_DESC"
	EarliestMergeFirst  MergeRequestOrder = "MERGED_AT_ASC"
	ByTitle             MergeRequestOrder = "TITLE_ASC"
)

var mergeRequestOrders = []MergeRequestOrder{NewestFirst, OldestFirst, LatestChangeFirst, EarliestChangeFirst, LatestMergeFirst, EarliestMergeFirst, ByTitle}

// MergeRequestsQuery asks for a page of a project's merge requests.
type MergeRequestsQuery struct {
	Project       string
	State         string   // "opened", "closed", "merged" or "locked"; any where empty
	Labels        []string // with all of these; any where empty
	Author        string   // of this user; anybody's where empty
	Reviewer      string   // that this user was asked to review; any where empty
	SourceBranch  string   // from this branch; any where empty
	TargetBranch  string   // to this branch; any where empty
	Search        string   // with this in title or description
	Draft         *bool    // that are drafts, or are none; any where nil
	UpdatedAfter  time.Time
	UpdatedBefore time.Time
	Order         MergeRequestOrder
	Page          Page
}

// MergeRequestPage is a page of merge requests.
type MergeRequestPage struct {
	MergeRequests []*MergeRequest
	Cursors       []string // one for each
	Total         int      // in all pages
	Info          PageInfo
}

// maxLabels bounds the labels of a filter.
const maxLabels = 20

// filter makes the arguments and variables of what is not empty: GitLab takes null for a value of its own here and there.
func (q *MergeRequestsQuery) filter() (declared, given string, variables map[string]any, err error) {
	variables = map[string]any{}
	add := func(name, kind string, value any) {
		declared += ", $" + name + ": " + kind
		given += ", " + name + ": $" + name
		variables[name] = value
	}
	switch q.State {
	case "":
	case "opened", "closed", "merged", "locked":
		add("state", "MergeRequestState", q.State)
	default:
		return "", "", nil, invalid("state of merge requests", q.State)
	}
	if !slices.Contains(mergeRequestOrders, cmp.Or(q.Order, NewestFirst)) {
		return "", "", nil, invalid("order of merge requests", string(q.Order))
	}
	add("sort", "MergeRequestSort", string(cmp.Or(q.Order, NewestFirst)))
	if len(q.Labels) > maxLabels {
		return "", "", nil, invalid("labels", strconv.Itoa(len(q.Labels))+" of them")
	}
	for _, label := range q.Labels {
		if err := checkText("label", label); err != nil || label == "" {
			return "", "", nil, invalid("label", label)
		}
	}
	if len(q.Labels) > 0 {
		add("labelName", "[String]", q.Labels)
	}
	for _, user := range [][2]string{{"authorUsername", q.Author}, {"reviewerUsername", q.Reviewer}} {
		if user[1] == "" {
			continue
		}
		if err := checkUsername(user[1]); err != nil {
			return "", "", nil, err
		}
		add(user[0], "String", user[1])
	}
	for _, branch := range [][2]string{{"sourceBranches", q.SourceBranch}, {"targetBranches", q.TargetBranch}} {
		if branch[1] == "" {
			continue
		}
		if err := checkRef(branch[1]); err != nil {
			return "", "", nil, err
		}
		add(branch[0], "[String!]", []string{branch[1]})
	}
	if err := checkText("search", q.Search); err != nil {
		return "", "", nil, err
	}
	if q.Search != "" {
		add("search", "String", q.Search)
	}
	if q.Draft != nil {
		add("draft", "Boolean", *q.Draft)
	}
	if !q.UpdatedAfter.IsZero() {
		add("updatedAfter", "Time", q.UpdatedAfter.UTC().Format(time.RFC3339))
	}
	if !q.UpdatedBefore.IsZero() {
		add("updatedBefore", "Time", q.UpdatedBefore.UTC().Format(time.RFC3339))
	}
	return declared, given, variables, nil
}

// mergeRequestsWeight is the complexity of a list of merge requests; see Page.together.
const mergeRequestsWeight = mergeRequestWeight + 11

func mergeRequestPage(w *connection[wireMergeRequest]) *MergeRequestPage {
	out := &MergeRequestPage{Total: w.Count, Info: w.PageInfo.value()}
	out.MergeRequests, out.Cursors = elements(w, (*wireMergeRequest).value)
	return out
}

type wireMergeRequests struct {
	FullPath      string
	MergeRequests *connection[wireMergeRequest]
}

func (w *wireMergeRequests) path() string { return w.FullPath }

// MergeRequests returns pages of projects' merge requests, each with the error it has instead, or with one of kind clients.ErrPartial. It makes one
// request for all that differ in nothing but the project, as far as they are together no more than GitLab takes: of pages of 20 those of 50
// projects, of pages of 100 those of 14.
func (c *Client) MergeRequests(ctx context.Context, queries []MergeRequestsQuery) ([]*MergeRequestPage, []error) {
	found, errs := paged[MergeRequestsQuery, wireMergeRequests](ctx, c, queries, func(q MergeRequestsQuery) (string, many, error) {
		declared, given, variables, err := q.filter()
		if err == nil {
			err = q.Page.into(variables)
		}
		weight := mergeRequestsWeight
		if q.Search != "" {
			weight += 5
		}
		return q.Project, many{name: "mergeRequests", fragment: "page", variables: variables, declared: pageVariables + declared + " ", atOnce: q.Page.together(weight),
			fields: "\nfragment page on Project { fullPath mergeRequests(" + pageArguments + given + ") " + pageOf("...mergeRequest") + " }" + mergeRequestFields}, err
	})
	out := make([]*MergeRequestPage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.MergeRequests != nil:
			out[i] = mergeRequestPage(w.MergeRequests)
		case errs[i] == nil:
			errs[i] = c.absent("list of merge requests")
		}
	}
	return out, errs
}

// maxSpread bounds how many merge requests one query may answer with: it asks each of its projects for the numbers wanted of any of them.
const maxSpread = 300

// MergeRequestsByNumber returns the merge requests, each with the error it has instead. It makes one request for all of one project, up to 100,
// or for some of several projects: as many as have together, when each is asked for the numbers of all, at most 300.
func (c *Client) MergeRequestsByNumber(ctx context.Context, numbers []MergeRequestNumber) ([]*MergeRequest, []error) {
	out, errs := make([]*MergeRequest, len(numbers)), make([]error, len(numbers))
	at := map[string][]int{}
	place := func(project string, number int) string { return strings.ToLower(project) + "!" + strconv.Itoa(number) }
	wanted := map[string][]int{} // by project
	for i, n := range numbers {
		if errs[i] = n.check(); errs[i] != nil {
			continue
		}
		project, key := strings.ToLower(n.Project), place(n.Project, n.Number)
		if at[key] == nil {
			wanted[project] = append(wanted[project], n.Number)
		}
		at[key] = append(at[key], i)
		errs[i] = c.absent("merge request")
	}
	for _, batch := range spread(wanted) {
		answer := struct {
			Projects *struct {
				Nodes []*struct {
					FullPath      string
					MergeRequests *nodes[wireMergeRequest]
				}
			}
		}{}
		text := fmt.Sprintf(`query mergeRequestsByNumber($projects: [String!], $numbers: [String!]) {
  projects(fullPaths: $projects, first: %d) { nodes { fullPath mergeRequests(iids: $numbers, first: %d) { nodes { ...mergeRequest } } } }
}`, len(batch.projects), len(batch.numbers)) + mergeRequestFields
		below, err := c.query(ctx, "mergeRequestsByNumber", text, map[string]any{"projects": batch.projects, "numbers": batch.numbers}, &answer)
		if e := below["projects"]; err == nil && e != nil {
			err = partial(e)
		}
		if err != nil {
			for _, project := range batch.projects {
				for _, number := range wanted[project] {
					for _, i := range at[place(project, number)] {
						if out[i] == nil && slices.Contains(batch.numbers, strconv.Itoa(number)) {
							errs[i] = err
						}
					}
				}
			}
		}
		if answer.Projects == nil {
			continue
		}
		for _, p := range answer.Projects.Nodes {
			if p == nil || p.MergeRequests == nil {
				continue
			}
			for _, m := range p.MergeRequests.Nodes {
				if m == nil {
					continue
				}
				for _, i := range at[place(p.FullPath, int(m.IID))] {
					out[i], errs[i] = m.value(), nil
					if e := clients.Of(err); e != nil {
						errs[i] = e
					}
				}
			}
		}
	}
	return out, errs
}

// numberBatch is the projects and numbers of one query.
type numberBatch struct{ projects, numbers []string }

// spread makes batches of projects and numbers so that their product stays within bounds.
func spread(wanted map[string][]int) []numberBatch {
	var out []numberBatch
	projects := make([]string, 0, len(wanted))
	for project := range wanted {
		projects = append(projects, project)
	}
	slices.Sort(projects)
	var now numberBatch
	flush := func() {
		if len(now.projects) > 0 {
			out = append(out, now)
		}
		now = numberBatch{}
	}
	for _, project := range projects {
		for numbers := wanted[project]; len(numbers) > 0; {
			part := numbers[:min(len(numbers), maxPage)]
			numbers = numbers[len(part):]
			union := slices.Clone(now.numbers)
			for _, n := range part {
				if text := strconv.Itoa(n); !slices.Contains(union, text) {
					union = append(union, text)
				}
			}
			twice := slices.Contains(now.projects, project)
			if len(union) > maxPage || len(now.projects)+1 > maxPaths || (len(now.projects)+1)*len(union) > maxSpread || twice {
				flush()
				union = nil
				for _, n := range part {
					union = append(union, strconv.Itoa(n))
				}
			}
			now.projects, now.numbers = append(now.projects, project), union
		}
	}
	flush()
	return out
}
