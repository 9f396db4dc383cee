package ci

import (
	"context"
	"errors"
	"slices"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
)

// jenkinsMainBranches are the branches that the main one of a multibranch project is looked for among, in this order: Jenkins does not tell which it is.
var jenkinsMainBranches = []string{"main", "master", "trunk", "develop"}

// jenkinsOverviews is how many names are asked for in one request: each with those of the main branches it may have, of which the client takes 200 in all.
const jenkinsOverviews = 40

func (d *jenkinsDriver) folder(name string) error {
	return d.refuse("%.100q is a folder; name a job, or a multibranch project, in it", name)
}

// Overviews makes one request for every 40 of them, whatever folders they are in. Of a multibranch project it tells the last build of the first of main,
// master, trunk and develop that has been built. For that Jenkins reads the last builds of all branches of the projects that lie beside those that are asked for, as
// jenkins.Client.Jobs says, with what happens where there are very many. Whether a build that runs waits for somebody is not told here, nor Jenkins' guess of how long it takes; and what is named
// is the pipeline, also where it is the job of a branch.
func (d *jenkinsDriver) Overviews(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	out, errs := make([][]*Pipeline, len(names)), make([]error, len(names))
	for from := 0; from < len(names); from += jenkinsOverviews {
		to := min(from+jenkinsOverviews, len(names))
		d.overview(ctx, names[from:to], out[from:to], errs[from:to])
	}
	return out, errs
}

func (d *jenkinsDriver) overview(ctx context.Context, names []string, out [][]*Pipeline, errs []error) {
	var wanted []string
	places := make([]int, len(names)) // of each among the wanted; its branches follow it
	for i, name := range names {
		job, err := d.job(strings.ReplaceAll(name, "#", "%23"))
		if places[i], errs[i] = len(wanted), err; err != nil {
			continue
		}
		wanted = append(wanted, job)
		for _, branch := range jenkinsMainBranches {
			wanted = append(wanted, jenkins.BranchJob(job, branch))
		}
	}
	if len(wanted) == 0 {
		return
	}
	jobs, failures := d.client.Jobs(ctx, wanted)
	for i := range names {
		at := places[i]
		switch {
		case errs[i] != nil:
		case failures[at] != nil:
			errs[i] = d.failed(failures[at])
		case jobs[at].Kind == jenkins.Folder:
			errs[i] = d.folder(jobs[at].Name)
		case jobs[at].Kind == jenkins.Multibranch:
			p := d.pipeline(jobs[at], nil)
			for n := at + 1; n <= at+len(jenkinsMainBranches); n++ {
				if failures[n] == nil && jobs[n].Last != nil {
					p = d.pipeline(jobs[at], jobs[n])
					break
				} else if failures[n] == nil && p.Branch == "" {
					p.Branch = jenkins.BranchOf(jobs[n].Name)
				} else if failures[n] != nil && !errors.Is(failures[n], clients.ErrNotFound) && !errors.Is(failures[n], jenkins.ErrInvalid) {
					errs[i] = d.failed(failures[n])
					break
				}
			}
			if errs[i] == nil {
				out[i] = []*Pipeline{p}
			}
		default:
			out[i] = []*Pipeline{d.pipeline(jobs[at], jobs[at])}
		}
	}
}

// All is Overviews: a name is that of one pipeline.
func (d *jenkinsDriver) All(ctx context.Context, names []string) ([][]*Pipeline, []error) {
	return d.Overviews(ctx, names)
}

// pipeline is a job or a multibranch project, with what the job of its main branch tells; nil where there is none.
func (d *jenkinsDriver) pipeline(j, main *jenkins.Job) *Pipeline {
	out := &Pipeline{Key: j.Name, Name: j.Title, URL: j.URL, Disabled: j.Kind != jenkins.Multibranch && !j.Buildable}
	if out.Name == "" {
		_, out.Name = jenkinsPipeline(j.Name, "", "")
	}
	if main == nil {
		return out
	}
	b := jenkinsBuild{Build: main.Last, title: out.Name, object: main.Object}
	if j.Kind == jenkins.Multibranch {
		b.project, out.Branch = j.Name, jenkins.BranchOf(main.Name)
	}
	if b.Build != nil {
		out.Latest = d.told(b)
		if out.Branch == "" {
			out.Branch = out.Latest.Branch
		}
	}
	for _, definition := range main.Definitions {
		out.Parameters = append(out.Parameters, jenkinsParameter(definition))
	}
	return out
}

// jenkinsParameter is a parameter in this package's words. Jenkins has none that must be given.
func jenkinsParameter(d jenkins.Definition) Parameter {
	out := Parameter{Name: d.Name, Description: d.Description, Default: d.Default, Choices: d.Choices}
	switch d.Type {
	case "PasswordParameterDefinition":
		out.Secret, out.Default = true, ""
	case "BooleanParameterDefinition":
		out.Choices = []string{"true", "false"}
	}
	return out
}

// Pipelines makes one request for each, a few at a time, and one more for each multibranch project: what it takes is what the job of its main branch takes.
func (d *jenkinsDriver) Pipelines(ctx context.Context, keys []string) ([]*Pipeline, []error) {
	return jenkinsEach(keys, func(key string) (*Pipeline, error) {
		j, main, err := d.buildable(ctx, key, "")
		switch {
		case err != nil:
			return nil, err
		case j.Kind == jenkins.Folder:
			return nil, d.folder(j.Name)
		}
		return d.pipeline(j, main), nil
	})
}

// buildable returns what a key names, and the job of it that can be built: itself, or of a multibranch project that of a branch, the main one where none is
// given; nil where there is none. It makes one request for a job and two for a project.
func (d *jenkinsDriver) buildable(ctx context.Context, key, branch string) (j, job *jenkins.Job, err error) {
	name, err := d.job(key)
	if err != nil {
		return nil, nil, err
	}
	if j, err = d.client.Job(ctx, name); err != nil {
		return nil, nil, d.failed(err)
	}
	if j.Kind != jenkins.Multibranch {
		return j, j, nil
	}
	wanted := ""
	if branch != "" {
		wanted = jenkins.BranchJob(j.Name, branch)
	} else {
		for _, candidate := range jenkinsMainBranches {
			candidate = jenkins.BranchJob(j.Name, candidate)
			if slices.ContainsFunc(j.Jobs, func(c jenkins.Child) bool { return strings.EqualFold(c.Name, candidate) }) {
				wanted = candidate
				break
			}
		}
	}
	if wanted == "" {
		return j, nil, nil
	}
	job, err = d.client.Job(ctx, wanted)
	return j, job, d.failed(err)
}
