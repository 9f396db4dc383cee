package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
)

// states are the states of pipelines that can be asked for.
var states = []string{"created", "waiting_for_resource", "preparing", "pending", "running", "success", "failed", "canceling", "canceled", "skipped", "manual", "scheduled"}

// PipelinesQuery asks for a page of a project's pipelines, the newest first. Those that another pipeline of the project has begun are not among
// them, unless Source is "parent_pipeline".
type PipelinesQuery struct {
	Project       string
	Ref           string // of this branch or tag; of any where empty
	SHA           string // of the commit with this object id in full; of any where empty
	Status        string // in this state, in the words of Pipeline.Status; in any where empty
	Source        string // begun by this, in the words of Pipeline.Source; by any where empty
	Username      string // begun by this user; by anybody where empty
	UpdatedAfter  time.Time
	UpdatedBefore time.Time
	Page          Page
}

// PipelinePage is a page of pipelines.
type PipelinePage struct {
	Pipelines []*Pipeline
	Cursors   []string // one for each
	Total     int      // in all pages
	Info      PageInfo
}

func (q *PipelinesQuery) check() error {
	if q.Ref != "" {
		if err := checkRef(q.Ref); err != nil {
			return err
		}
	}
	if _, ok := git.ParseOID(q.SHA); q.SHA != "" && !ok {
		return invalid("object id", q.SHA)
	}
	if q.Status != "" && !slices.Contains(states, q.Status) {
		return invalid("state of pipelines", q.Status)
	}
	if q.Source != "" && (len(q.Source) > maxPart || !made(q.Source)) {
		return invalid("source of pipelines", q.Source)
	}
	if q.Username != "" {
		return checkUsername(q.Username)
	}
	return nil
}

// filter makes the arguments and variables of what is not empty, and says what they add to the complexity.
func (q *PipelinesQuery) filter() (declared, given string, variables map[string]any, weight int) {
	variables = map[string]any{}
	add := func(name, kind string, value any) {
		declared += ", $" + name + ": " + kind
		given += ", " + name + ": $" + name
		variables[name] = value
	}
	if q.Ref != "" {
		add("ref", "String", q.Ref)
		weight += 2
	}
	if q.SHA != "" {
		add("sha", "String", q.SHA)
		weight += 2
	}
	if q.Status != "" {
		add("status", "PipelineStatusEnum", strings.ToUpper(q.Status))
	}
	if q.Source != "" {
		add("source", "String", q.Source)
	}
	if q.Username != "" {
		add("username", "String", q.Username)
	}
	if !q.UpdatedAfter.IsZero() {
		add("updatedAfter", "Time", q.UpdatedAfter.UTC().Format(time.RFC3339))
	}
	if !q.UpdatedBefore.IsZero() {
		add("updatedBefore", "Time", q.UpdatedBefore.UTC().Format(time.RFC3339))
	}
	return declared, given, variables, weight
}

type wirePipelines struct {
	FullPath  string
	Pipelines *connection[wirePipeline]
}

func (w *wirePipelines) path() string { return w.FullPath }

// Pipelines returns pages of projects' pipelines, each with the error it has instead, or with one of kind clients.ErrPartial. It makes one request
// for all that differ in nothing but the project, up to 50 of them with pages of up to 20, up to 20 with pages of 100.
func (c *Client) Pipelines(ctx context.Context, queries []PipelinesQuery) ([]*PipelinePage, []error) {
	found, errs := paged[PipelinesQuery, wirePipelines](ctx, c, queries, func(q PipelinesQuery) (string, many, error) {
		if err := q.check(); err != nil {
			return "", many{}, err
		}
		declared, given, variables, weight := q.filter()
		err := q.Page.into(variables)
		return q.Project, many{name: "pipelines", fragment: "page", variables: variables, declared: pageVariables + declared + " ", atOnce: q.Page.together(pipelineWeight + 11 + weight),
			fields: "\nfragment page on Project { fullPath pipelines(" + pageArguments + given + ") " + pageOf("...pipeline") + " }" + pipelineFields}, err
	})
	out := make([]*PipelinePage, len(queries))
	for i, w := range found {
		switch {
		case w == nil:
		case w.Pipelines != nil:
			out[i] = &PipelinePage{Total: w.Pipelines.Count, Info: w.Pipelines.PageInfo.value()}
			out[i].Pipelines, out[i].Cursors = elements(w.Pipelines, c.pipelineOf)
		case errs[i] == nil:
			errs[i] = c.absent("list of pipelines")
		}
	}
	return out, errs
}

// newest is a list of pipelines of which the first matters.
type newest = nodes[wirePipeline]

func (c *Client) first(list *newest) *Pipeline {
	for _, p := range each(list, c.pipelineOf) {
		if p != nil {
			return p
		}
	}
	return nil
}

// The bounds of a query for the newest pipelines of revisions: of maxNames revisions of each of 50 projects, or of one revision of each of maxNewest
// projects. A test counts their complexity.
const (
	maxNames  = 4
	maxNewest = 7
)

// argument returns the argument of pipelines that a revision is: a commit by its object id in full, or a branch or a tag by its name.
func argument(revision string) string {
	if _, ok := git.ParseOID(revision); ok {
		return "sha"
	}
	return "ref"
}

// LatestPipelines returns the newest pipeline of each revision, nil without an error where it has none; with the error it has instead, or with one of
// kind clients.ErrPartial. A revision is a branch or a tag by its short name, or a commit by its object id in full; that of an empty name is the
// project, whatever of it the pipeline is of.
//
// It makes one request for every 50 projects of which the same four revisions are wanted, such as all with an empty name, or of "main" and
// "master", and one for every 7 of what is left, such as of commits.
func (c *Client) LatestPipelines(ctx context.Context, revisions []Revision) ([]*Pipeline, []error) {
	out, errs := make([]*Pipeline, len(revisions)), make([]error, len(revisions))
	named := map[string][]int{}
	for i, r := range revisions {
		if errs[i] = checkProject(r.Project); errs[i] == nil && r.Name != "" {
			errs[i] = checkRef(r.Name)
		}
		if errs[i] == nil {
			named[r.Name] = append(named[r.Name], i)
		}
	}
	// The names most often wanted are asked of all their projects at once; what is rarer costs less one by one.
	names := slices.SortedFunc(maps.Keys(named), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(named[b]), len(named[a])), cmp.Compare(a, b))
	})
	var rest []int
	for len(names) > 0 {
		batch := names[:min(len(names), maxNames)]
		places := 0
		for _, name := range batch {
			places += len(named[name])
		}
		if places <= maxNewest {
			for _, name := range names {
				rest = append(rest, named[name]...)
			}
			break
		}
		names = names[len(batch):]
		c.latestByName(ctx, batch, named, revisions, out, errs)
	}
	for len(rest) > 0 {
		batch := rest[:min(len(rest), maxNewest)]
		rest = rest[len(batch):]
		c.latestOneByOne(ctx, batch, revisions, out, errs)
	}
	return out, errs
}

// wireNewest is a project with the newest pipelines of up to maxNames revisions.
type wireNewest struct {
	FullPath       string
	N0, N1, N2, N3 *newest
}

func (w *wireNewest) path() string { return w.FullPath }

func (c *Client) latestByName(ctx context.Context, names []string, named map[string][]int, revisions []Revision, out []*Pipeline, errs []error) {
	q := many{name: "latestPipelines", fragment: "newest", variables: map[string]any{}, atOnce: maxPaths}
	fields := "\nfragment newest on Project { fullPath"
	for n, name := range names {
		given := ""
		if name != "" {
			q.declared += fmt.Sprintf("$n%d: String ", n)
			q.variables[fmt.Sprintf("n%d", n)] = name
			given = fmt.Sprintf(", %s: $n%d", argument(name), n)
		}
		fields += fmt.Sprintf(" n%d: pipelines(first: 1%s) { nodes { ...pipeline } }", n, given)
	}
	q.fields = fields + " }" + pipelineFields
	var projects []string
	at := map[string]int{} // places in projects
	for _, name := range names {
		for _, i := range named[name] {
			key := strings.ToLower(revisions[i].Project)
			if _, ok := at[key]; !ok {
				at[key] = len(projects)
				projects = append(projects, revisions[i].Project)
			}
		}
	}
	found, failed := byPath[wireNewest](ctx, c, q, projects)
	for n, name := range names {
		for _, i := range named[name] {
			place := at[strings.ToLower(revisions[i].Project)]
			w := found[place]
			if errs[i] = failed[place]; w == nil {
				continue
			}
			list := []*newest{w.N0, w.N1, w.N2, w.N3}[n]
			if out[i] = c.first(list); list == nil && errs[i] == nil {
				errs[i] = c.absent("list of pipelines")
			}
		}
	}
}

func (c *Client) latestOneByOne(ctx context.Context, batch []int, revisions []Revision, out []*Pipeline, errs []error) {
	var arguments, text strings.Builder
	variables := map[string]any{}
	for n, i := range batch {
		fmt.Fprintf(&arguments, "$p%d: ID! ", n)
		variables[fmt.Sprintf("p%d", n)] = revisions[i].Project
		given := ""
		if name := revisions[i].Name; name != "" {
			fmt.Fprintf(&arguments, "$n%d: String ", n)
			variables[fmt.Sprintf("n%d", n)] = name
			given = fmt.Sprintf(", %s: $n%d", argument(name), n)
		}
		fmt.Fprintf(&text, "  c%d: project(fullPath: $p%d) { pipelines(first: 1%s) { nodes { ...pipeline } } }\n", n, n, given)
	}
	answer := map[string]*struct{ Pipelines *newest }{}
	below, err := c.query(ctx, "latestPipelines", "query latestPipelines("+arguments.String()+") {\n"+text.String()+"}"+pipelineFields, variables, &answer)
	for n, i := range batch {
		key := fmt.Sprintf("c%d", n)
		found, e := answer[key], below[key]
		if found != nil {
			out[i] = c.first(found.Pipelines)
		}
		switch {
		case err != nil:
			errs[i] = err
		case out[i] != nil && e != nil:
			errs[i] = partial(e)
		case e != nil:
			errs[i] = e
		case found == nil:
			errs[i] = c.absent("project")
		case found.Pipelines == nil:
			errs[i] = c.absent("list of pipelines")
		}
	}
}

type wireHeadPipeline struct {
	FullPath   string
	Repository *struct {
		Tree *struct {
			LastCommit *struct {
				SHA       string
				Pipelines *newest
			}
		}
	}
}

func (w *wireHeadPipeline) path() string { return w.FullPath }

// HeadPipelines returns the newest pipeline of the head of each project's default branch, nil without an error where that commit has none, as where
// its message says to skip CI; with the error it has instead, or with one of kind clients.ErrPartial. It makes one request for every 100 projects.
func (c *Client) HeadPipelines(ctx context.Context, projects []string) ([]*Pipeline, []error) {
	found, errs := byPath[wireHeadPipeline](ctx, c, many{name: "headPipelines", fragment: "head",
		fields: "\nfragment head on Project { fullPath repository { tree { lastCommit { sha pipelines(first: 1) { nodes { ...pipeline } } } } } }" + pipelineFields}, projects)
	out := make([]*Pipeline, len(projects))
	for i, w := range found {
		if w != nil && w.Repository != nil && w.Repository.Tree != nil && w.Repository.Tree.LastCommit != nil {
			out[i] = c.first(w.Repository.Tree.LastCommit.Pipelines)
		}
	}
	return out, errs
}

// MergeRequestPipelines returns the newest pipeline of the head of each merge request, nil without an error where there is none; with the error it has
// instead, or with one of kind clients.ErrPartial. It makes one request for all of one project, up to 100, or for some of several projects: as many as
// have together, when each is asked for the numbers of all, at most 300.
func (c *Client) MergeRequestPipelines(ctx context.Context, numbers []MergeRequestNumber) ([]*Pipeline, []error) {
	out, errs := make([]*Pipeline, len(numbers)), make([]error, len(numbers))
	place := func(project string, number int) string { return strings.ToLower(project) + "!" + strconv.Itoa(number) }
	at := map[string][]int{}
	wanted := map[string][]int{} // by project
	for i, n := range numbers {
		if errs[i] = n.check(); errs[i] != nil {
			continue
		}
		key := place(n.Project, n.Number)
		if at[key] == nil {
			wanted[strings.ToLower(n.Project)] = append(wanted[strings.ToLower(n.Project)], n.Number)
		}
		at[key] = append(at[key], i)
	}
	for _, batch := range spread(wanted) {
		var answer struct {
			Projects *struct {
				Nodes []*struct {
					FullPath      string
					MergeRequests *nodes[struct {
						IID          number
						HeadPipeline *wirePipeline
					}]
				}
			}
		}
		text := fmt.Sprintf(`query mergeRequestPipelines($projects: [String!], $numbers: [String!]) {
  projects(fullPaths: $projects, first: %d) { nodes { fullPath mergeRequests(iids: $numbers, first: %d) { nodes { iid headPipeline { ...pipeline } } } } }
}`, len(batch.projects), len(batch.numbers)) + pipelineFields
		below, err := c.query(ctx, "mergeRequestPipelines", text, map[string]any{"projects": batch.projects, "numbers": batch.numbers}, &answer)
		lacking := below["projects"]
		if err == nil && lacking != nil {
			err = partial(lacking)
		}
		for _, project := range batch.projects {
			for _, n := range wanted[project] {
				if !slices.Contains(batch.numbers, strconv.Itoa(n)) {
					continue
				}
				for _, i := range at[place(project, n)] {
					errs[i] = err
					if err == nil {
						errs[i] = c.absent("merge request")
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
					out[i], errs[i] = c.pipelineOf(m.HeadPipeline), nil
					if e := clients.Of(err); e != nil {
						errs[i] = e
					}
				}
			}
		}
	}
	return out, errs
}
