package jenkins

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"callboard.dev/callboard/clients"
)

// maxNames is how many jobs one call may ask for, and maxParallel how many requests of one call are under way at a time. Both by judgement.
const (
	maxNames    = 200
	maxParallel = 4
)

// Jobs returns the jobs of these full names with their last builds, each with the error it has instead. It makes one request, however many
// there are, as Jenkins can list a folder with all that is below it.
//
// A multibranch project has no builds of its own: who wants its last one asks for the job of its main branch too. A job that is not there costs nothing.
//
// The folder it lists is the deepest that holds all of the jobs, and each level below it is listed as far as there are wanted jobs; only on
// levels where some are is Jenkins asked for last builds. This has limits. Jenkins has no way to name which jobs of a folder it should tell
// of, so it reads the last build of all of them, and what it costs grows with the folders and not with what is wanted: about 1.1 KB of answer for
// each job that has been built, before compression. Of each folder 1,000 jobs are listed; a wanted job that may lie behind them is then asked for by itself,
// with one request for each. The same is done for all of them where the answer is larger than is read, which about 15,000 jobs are: who has so many
// should ask for the jobs of each folder apart.
func (c *Client) Jobs(ctx context.Context, names []string) ([]*Job, []error) {
	out, errs := make([]*Job, len(names)), make([]error, len(names))
	var wanted []string
	for i, name := range names {
		if errs[i] = checkName(name); errs[i] == nil && !slices.Contains(wanted, name) {
			if len(wanted) == maxNames {
				errs[i] = invalid("more jobs than are asked for at once", name)
				continue
			}
			wanted = append(wanted, name)
		}
	}
	jobs, failures := c.listed(ctx, wanted)
	for i, name := range names {
		if errs[i] == nil {
			out[i], errs[i] = jobs[name], failures[name]
		}
	}
	return out, errs
}

// listed returns the jobs by name, and what is wrong with those that are not there.
func (c *Client) listed(ctx context.Context, wanted []string) (map[string]*Job, map[string]error) {
	jobs, failures := map[string]*Job{}, map[string]error{}
	alone := wanted // those that are not in a list
	if len(wanted) > 1 {
		folder := common(wanted)
		tree, depth := levels(folder, wanted)
		path, route := "api/json", "/api/json"
		if folder != "" {
			path, route = jobPath(folder)+"/api/json", "/job/{folder}/api/json"
		}
		if len(path)+len(escapeTree(tree)) < maxAsked-len("?tree=") {
			var top wireJob
			err := c.read(ctx, route, path, tree, &top)
			if err != nil && !errors.Is(err, clients.ErrTooLarge) {
				for _, name := range wanted {
					failures[name] = err
				}
				return jobs, failures
			}
			if err == nil {
				alone = c.among(&top, folder, depth, wanted, jobs, failures)
			}
		}
	}
	found, failed := make([]*Job, len(alone)), make([]error, len(alone))
	var group errgroup.Group
	group.SetLimit(maxParallel)
	for i, name := range alone {
		group.Go(func() error {
			var w wireJob
			if failed[i] = c.read(ctx, "/job/{job}/api/json", jobPath(name)+"/api/json", briefJob, &w); failed[i] != nil {
				return nil
			}
			if w.Name == "" || !w.is(name) {
				failed[i] = bad(c.source, "its answer is not what it should be: a job of another name")
				return nil
			}
			found[i] = w.value(c, name)
			return nil
		})
	}
	_ = group.Wait()
	for i, name := range alone {
		jobs[name], failures[name] = found[i], failed[i]
	}
	return jobs, failures
}

// among takes the wanted jobs out of what was answered for a folder, and returns those that it may not have been told of.
func (c *Client) among(top *wireJob, folder string, depth int, wanted []string, jobs map[string]*Job, failures map[string]error) (alone []string) {
	found, full := map[string]*wireJob{}, map[string]bool{}
	top.walk(folder, depth, found, full)
	for _, name := range wanted {
		switch w := found[strings.ToLower(name)]; {
		case w != nil:
			jobs[name] = w.value(c, name)
		case cropped(name, full):
			alone = append(alone, name)
		default:
			failures[name] = c.absent("job")
		}
	}
	return alone
}

// common returns the deepest folder that holds all of the jobs, "" for the top.
func common(names []string) string {
	folders := strings.Split(names[0], "/")
	folders = folders[:len(folders)-1]
	for _, name := range names[1:] {
		parts := strings.Split(name, "/")
		n := 0
		for n < len(folders) && n < len(parts)-1 && folders[n] == parts[n] {
			n++
		}
		folders = folders[:n]
	}
	return strings.Join(folders, "/")
}

// levels returns the tree that asks for the jobs below a folder, and how deep it is: jobs[name,jobs[...]{0,1000}]{0,1000}, with all fields of
// a job on the levels on which one is wanted.
func levels(folder string, wanted []string) (string, int) {
	above := 0
	if folder != "" {
		above = strings.Count(folder, "/") + 1
	}
	on, depth := map[int]bool{}, 0
	for _, name := range wanted {
		level := strings.Count(name, "/") - above
		on[level], depth = true, max(depth, level+1)
	}
	tree := ""
	for level := depth - 1; level >= 0; level-- {
		fields := "name"
		if on[level] {
			fields = briefJob
		}
		if tree != "" {
			fields += "," + tree
		}
		tree = "jobs[" + fields + "]" + ranged(0, maxJobs)
	}
	return tree, depth
}

// walk notes the jobs below a folder by their full names in lower case, as Jenkins finds them, and the folders of which not all may be told.
func (w *wireJob) walk(folder string, depth int, found map[string]*wireJob, full map[string]bool) {
	if depth == 0 {
		return
	}
	if len(w.Jobs) >= maxJobs {
		full[strings.ToLower(folder)] = true
	}
	for _, child := range w.Jobs[:min(len(w.Jobs), maxJobs)] {
		if child == nil || child.Name == "" {
			continue
		}
		name := child.Name
		if folder != "" {
			name = folder + "/" + name
		}
		found[strings.ToLower(name)] = child
		child.walk(name, depth-1, found, full)
	}
}

// cropped reports whether a job may be missing because a folder above it was not listed to its end.
func cropped(name string, full map[string]bool) bool {
	name = strings.ToLower(name)
	for {
		cut := strings.LastIndexByte(name, '/')
		if cut < 0 {
			return full[""]
		}
		if name = name[:cut]; full[name] {
			return true
		}
	}
}
