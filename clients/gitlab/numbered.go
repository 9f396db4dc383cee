package gitlab

import (
	"context"
	"fmt"
	"strings"
)

// maxNumbered is how many pipelines are asked for by id in one query: each is of complexity 25, and 200 is the least of GitLab's limits. A test counts them.
const maxNumbered = 7

// PipelinesByID returns pipelines, each with the error it has instead, or with one of kind clients.ErrPartial. It makes one request for every 7.
func (c *Client) PipelinesByID(ctx context.Context, numbers []PipelineNumber) ([]*Pipeline, []error) {
	out, errs := make([]*Pipeline, len(numbers)), make([]error, len(numbers))
	var wanted []int
	for i, n := range numbers {
		if errs[i] = n.check(); errs[i] == nil {
			wanted = append(wanted, i)
		}
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), maxNumbered)]
		wanted = wanted[len(batch):]
		c.numbered(ctx, batch, numbers, out, errs)
	}
	return out, errs
}

func (c *Client) numbered(ctx context.Context, batch []int, numbers []PipelineNumber, out []*Pipeline, errs []error) {
	var arguments, text strings.Builder
	variables := map[string]any{}
	for n, i := range batch {
		fmt.Fprintf(&arguments, "$p%d: ID! $i%d: CiPipelineID! ", n, n)
		fmt.Fprintf(&text, "  c%d: project(fullPath: $p%d) { pipeline(id: $i%d) { ...pipeline } }\n", n, n, n)
		variables[fmt.Sprintf("p%d", n)] = numbers[i].Project
		variables[fmt.Sprintf("i%d", n)] = fmt.Sprintf("gid://gitlab/Ci::Pipeline/%d", numbers[i].ID)
	}
	answer := map[string]*struct{ Pipeline *wirePipeline }{}
	below, err := c.query(ctx, "pipelinesByID", "query pipelinesByID("+arguments.String()+") {\n"+text.String()+"}"+pipelineFields, variables, &answer)
	for n, i := range batch {
		key := fmt.Sprintf("c%d", n)
		found, e := answer[key], below[key]
		var p *Pipeline
		if found != nil {
			p = c.pipelineOf(found.Pipeline)
		}
		switch {
		case err != nil:
			errs[i] = err
		case p != nil && p.ID != numbers[i].ID:
			errs[i] = bad(c.source, "its answer is not what it should be: another pipeline than was asked for")
		case p != nil:
			if out[i] = p; e != nil {
				errs[i] = partial(e)
			}
		case e != nil:
			errs[i] = e
		case found == nil:
			errs[i] = c.absent("project")
		default:
			errs[i] = c.absent("pipeline")
		}
	}
}
