package jenkins_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// TestBranchJobs checks that branches lead to their jobs and back, with what branches may have in their names.
func TestBranchJobs(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	for branch, name := range map[string]string{
		"release": "release", "fix#12": "fix%2312", "100%25": "100%2525", "a/b/c": "a%2Fb%2Fc", "renovate/@types/node": "renovate%2F@types%2Fnode", "it's (new) & <hot>!": "it's (new) & <hot>!", ".": "%2E", "..": "%2E.",
	} {
		job := jenkins.BranchJob("music/search", branch)
		if job != "music/search/"+name || jenkins.BranchOf(job) != branch {
			t.Errorf("%s is built by %s, which is of %s", branch, job, jenkins.BranchOf(job))
		}
		made, err := s.AddBranch("music/search", branch, jenkinstest.Job{})
		if branch == "." || branch == ".." {
			continue
		}
		if err != nil || made != job {
			t.Errorf("%s: %s, %v", branch, made, err)
		}
		if err := s.Past(job, stage.Now.Add(-time.Hour), stage.Good(), jenkinstest.Trigger{}); err != nil {
			t.Error(err)
		}
		b := ok[*jenkins.Build](t)(c.Build(t.Context(), id(job, 1)))
		if at, found := jenkins.Locate(b.URL); !found || at != b.BuildID {
			t.Errorf("%s is located as %v", b.URL, at)
		}
	}
	if jobs := ok[[]*jenkins.Job](t)(c.Branches(t.Context(), "music/search")); len(jobs) != 3+6 {
		t.Errorf("%d branches are told", len(jobs))
	}
}

// TestShowing checks that pages can lie at another address than the one that is asked.
func TestShowing(t *testing.T) {
	s := stage.Set(t, settings)
	shown, _ := url.Parse("https://builds.larkfold.example/ci/")
	c := on(t, s, stage.Max, stage.MaxToken).Showing(shown)
	if got := c.BuildURL(id(stage.Main, 3)); got != "https://builds.larkfold.example/ci/job/music/job/search/job/main/3/" {
		t.Error(got)
	}
	ok[*jenkins.Build](t)(c.Build(t.Context(), id(stage.Main, 3)))
}

// TestFetching checks that what is kept at other hosts is got from there, without a word of the address in what goes wrong.
func TestFetching(t *testing.T) {
	s := stage.Set(t, settings)
	var asked []string
	answer := &http.Response{StatusCode: http.StatusOK, ContentLength: 3}
	var failure error
	c := on(t, s, stage.Max, stage.MaxToken).Fetching(func(_ context.Context, to *url.URL) (*http.Response, error) {
		asked = append(asked, to.String())
		answer.Body = io.NopCloser(bytes.NewReader([]byte("far")))
		return answer, failure
	})
	f := ok[*jenkins.File](t)(c.Artifact(t.Context(), id(stage.Main, 3), "far.bin"))
	if text, err := io.ReadAll(f.Body); err != nil || string(text) != "far" || f.Size != 3 || f.Body.Close() != nil {
		t.Errorf("%q, %d, %v", text, f.Size, err)
	}
	if len(asked) != 1 || asked[0] != "https://bucket.larkfold.example/far.bin?signature=SECRET" {
		t.Error(asked)
	}
	answer.StatusCode = http.StatusForbidden
	if _, err := c.Artifact(t.Context(), id(stage.Main, 3), "far.bin"); !errors.Is(err, clients.ErrForbidden) || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "bucket.larkfold.example") {
		t.Error(err)
	}
	failure = errors.New("dialing https://bucket.larkfold.example/far.bin?signature=SECRET")
	if _, err := c.Artifact(t.Context(), id(stage.Main, 3), "far.bin"); !errors.Is(err, clients.ErrUnavailable) || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
}
