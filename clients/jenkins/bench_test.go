package jenkins_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// BenchmarkPage asks for a page of 20 components in 20 folders of 50 jobs each, of which Jenkins has to tell all. It tells the requests and the
// bytes of a page.
func BenchmarkPage(b *testing.B) {
	s := stage.Set(b, settings)
	var names []string
	for team := range 20 {
		folder := fmt.Sprintf("team-%02d", team)
		err := s.AddFolder(folder, "")
		for n := range 50 {
			name := fmt.Sprintf("%s/service-%02d", folder, n)
			err = errors.Join(err, s.AddJob(name, jenkinstest.Job{Remote: stage.Remote, Head: stage.Head}), s.Past(name, stage.Now.Add(-time.Hour), stage.Good(), jenkinstest.Trigger{}))
		}
		if err != nil {
			b.Fatal(err)
		}
		names = append(names, folder+"/service-07")
	}
	requests, size := 0, int64(0)
	counting := roundTrip(func(r *http.Request) (*http.Response, error) {
		requests++
		resp, err := as{clientstest.Transport{Handler: s}, stage.Max, stage.MaxToken}.RoundTrip(r)
		if err == nil {
			resp.Body = &counted{resp.Body, &size}
		}
		return resp, err
	})
	c := at(b, &http.Client{Transport: counting}, address)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := c.Jobs(b.Context(), names); errors.Join(errs...) != nil {
			b.Fatal(errs)
		}
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
	b.ReportMetric(float64(size)/float64(b.N), "bytes/op")
}

type counted struct {
	io.ReadCloser
	size *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.size += int64(n)
	return n, err
}
