package ci

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/gitlab"
)

// The kinds of artifacts in their keys: "j5678/archive", "j5678/report/junit", and "j5678/file/docs/index.html", a file of the archive, which is not listed.
const (
	gitLabArchive = "archive"
	gitLabReports = "report/"
	gitLabFiles   = "file/"
)

// Artifacts makes one request for every 100 jobs of each run, up to 1,000, a few at a time. They are the archives of jobs and the reports that GitLab keeps beside them. What has
// expired and is deleted, GitLab lists no more; of the newest run of a branch it keeps what has expired, so that nothing here is said to be.
func (g *gitLab) Artifacts(ctx context.Context, runs []string) ([][]Artifact, []error) {
	return gitLabEach(runs, func(key string) ([]Artifact, error) {
		n, err := g.run(key)
		if err != nil {
			return nil, err
		}
		var jobs []*gitlab.Job
		next := 1
		for range gitLabJobPages {
			list, err := g.client.Jobs(ctx, gitlab.JobsQuery{Pipeline: n, Page: next, PerPage: gitLabPage})
			if err != nil {
				return nil, g.failed(false, err)
			}
			jobs = append(jobs, list.Jobs...)
			if next = list.Next; next == 0 {
				break
			}
		}
		slices.SortStableFunc(jobs, func(a, b *gitlab.Job) int { return cmp.Compare(a.ID, b.ID) })
		out := []Artifact{}
		for _, j := range jobs {
			out = append(out, g.artifacts(n.Project, j)...)
		}
		return out, nil
	})
}

// artifacts are those of a job. Its log is one for GitLab, and what it notes of the archive for itself.
func (g *gitLab) artifacts(project string, j *gitlab.Job) []Artifact {
	var out []Artifact
	for _, a := range j.Artifacts {
		page := fmt.Sprintf("%s/%s/-/jobs/%d/artifacts/download", g.web, project, j.ID)
		one := Artifact{Key: "j" + strconv.FormatInt(j.ID, 10) + "/", Name: j.Name + "/" + a.Name, Size: a.Size, Expires: j.ExpireAt}
		switch a.Type {
		case "trace", "metadata", "":
			continue
		case "archive":
			one.Key, one.URL, one.Archive = one.Key+gitLabArchive, page, true
		default:
			one.Key, one.URL, one.Page = one.Key+gitLabReports+a.Type, page+"?file_type="+url.QueryEscape(a.Type), true
		}
		out = append(out, one)
	}
	return out
}

// Open makes one request, and another where the artifact is kept elsewhere. GitLab does not hand out the reports beside the archive: a file in the archive it does, by the key
// of the job, "/file/" and its path.
func (g *gitLab) Open(ctx context.Context, run, artifact string, most int64) (io.ReadCloser, int64, error) {
	n, err := g.run(run)
	if err != nil {
		return nil, 0, err
	}
	name, rest, _ := strings.Cut(artifact, "/")
	digits, found := strings.CutPrefix(name, "j")
	job := gitlab.JobNumber{Project: n.Project, ID: gitLabID(digits)}
	if !found || job.ID == 0 {
		return nil, 0, g.refuse("%.100q is no artifact; its key is as j1234/archive", artifact)
	}
	if most < 1 {
		return nil, 0, g.refuse("an artifact of no bytes is not read")
	}
	var body *gitlab.ArtifactBody
	path, isFile := strings.CutPrefix(rest, gitLabFiles)
	switch {
	case rest == gitLabArchive:
		body, err = g.client.Artifacts(ctx, job)
	case isFile:
		body, err = g.client.ArtifactFile(ctx, job, path)
	case strings.HasPrefix(rest, gitLabReports):
		return nil, 0, &clients.Error{Kind: ErrUnsupported, Source: g.source,
			Message: "GitLab does not hand out reports by themselves; have the job name the file under artifacts:paths, too, and read the archive"}
	default:
		return nil, 0, g.refuse("%.100q is no artifact; its key is as j1234/archive", artifact)
	}
	if err != nil {
		return nil, 0, g.failed(false, err)
	}
	if body.Body == nil {
		return g.elsewhere(ctx, body.Elsewhere, most)
	}
	return g.bounded(body.Body, body.Size, most)
}

// elsewhere fetches an artifact that GitLab keeps in a store at another host.
func (g *gitLab) elsewhere(ctx context.Context, at *url.URL, most int64) (io.ReadCloser, int64, error) {
	if g.fetch == nil {
		return nil, 0, &clients.Error{Kind: ErrUnsupported, Source: g.source, Message: "the artifact is kept at another host, from which nothing is fetched"}
	}
	resp, err := g.fetch(ctx, at)
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, 0, &clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Status: resp.StatusCode, Message: "the store that it names for the artifact does not answer with it"}
	}
	return g.bounded(resp.Body, resp.ContentLength, most)
}

// bounded makes sure that no more than most bytes come.
func (g *gitLab) bounded(body io.ReadCloser, size, most int64) (io.ReadCloser, int64, error) {
	tooLarge := &clients.Error{Kind: clients.ErrBadAnswer, Source: g.source, Message: fmt.Sprintf("the artifact is larger than the %d bytes that are read", most), Err: clients.ErrTooLarge}
	if size > most {
		_ = body.Close()
		return nil, 0, tooLarge
	}
	return &gitLabBody{ReadCloser: body, left: most, tooLarge: tooLarge}, max(size, -1), nil
}

// gitLabBody is an artifact that fails where it is larger than it may be.
type gitLabBody struct {
	io.ReadCloser
	left     int64
	tooLarge error
}

func (b *gitLabBody) Read(p []byte) (int, error) {
	if b.left == 0 { // only its end may follow
		var one [1]byte
		n, err := b.ReadCloser.Read(one[:])
		if n > 0 {
			return 0, b.tooLarge
		}
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
