package github_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
)

// The log of a job is on another host, and is there once the job is over.
func TestLogs(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	b.pass(25 * time.Second)
	job := b.jobs(t, id)["test"].DatabaseID
	ctx := t.Context()
	if _, err := b.client.JobLog(ctx, tiles, job, github.Window{}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("the log of a job that runs: %v", err)
	}
	if text, err := b.Log("larkfold/tiles", job); err != nil || !strings.Contains(text, "two") || strings.Contains(text, "four") {
		t.Errorf("the log grows as %q, %v", text, err)
	}
	b.pass(time.Minute)
	whole, err := b.Log("larkfold/tiles", job)
	if err != nil || !strings.Contains(whole, "Process completed with exit code 1.") {
		t.Fatal(whole, err)
	}
	n := int64(len(whole))
	for _, test := range []struct {
		window github.Window
		want   string
		log    github.Log
	}{
		{github.Window{}, whole, github.Log{Size: n, End: true}},
		{github.Window{Most: 10}, whole[:10], github.Log{Size: n}},
		{github.Window{From: 10, Most: 10}, whole[10:20], github.Log{From: 10, Size: n}},
		{github.Window{From: 10}, whole[10:], github.Log{From: 10, Size: n, End: true}},
		{github.Window{From: -10}, whole[n-10:], github.Log{From: n - 10, Size: n, End: true}},
		{github.Window{From: -20, Most: 10}, whole[n-20 : n-10], github.Log{From: n - 20, Size: n}},
		{github.Window{From: -100_000}, whole, github.Log{Size: n, End: true}},
		{github.Window{From: n}, "", github.Log{From: n, Size: n, End: true}},
		{github.Window{From: n + 5}, "", github.Log{From: n, Size: n, End: true}},
	} {
		got, err := b.client.JobLog(ctx, tiles, job, test.window)
		if err != nil || string(got.Text) != test.want || got.From != test.log.From || got.Size != test.log.Size || got.End != test.log.End {
			t.Errorf("%+v is %d bytes of %+v, %v; want %d of %+v", test.window, len(got.Text), got, err, len(test.want), test.log)
		}
	}
	stream, size, err := b.client.JobLogStream(ctx, tiles, job)
	if err != nil || size != n {
		t.Fatal(size, err)
	}
	text, err := io.ReadAll(stream)
	if err != nil || string(text) != whole || stream.Close() != nil {
		t.Errorf("the stream is %q, %v", text, err)
	}
	for _, r := range *b.fetched {
		if r.Header.Get("Authorization") != "" || r.URL.Host == "api.github.com" {
			t.Errorf("asked elsewhere with %v", r.Header)
		}
	}
	for _, w := range []github.Window{{Most: -1}, {Most: github.MaxLogWindow + 1}, {From: -github.MaxLogWindow - 1}} {
		if _, err := b.client.JobLog(ctx, tiles, job, w); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if _, err := b.site.client.JobLog(ctx, tiles, job, github.Window{}); !errors.Is(err, clients.ErrUnavailable) || strings.Contains(err.Error(), "sig") {
		t.Errorf("without a way to other hosts: %v", err)
	}
	b.StorageFaults.Add(clientstest.Fault{Kind: clientstest.Status, Status: http.StatusForbidden, Times: 1})
	if _, err := b.client.JobLog(ctx, tiles, job, github.Window{}); !errors.Is(err, clients.ErrForbidden) {
		t.Errorf("where the other host refuses: %v", err)
	}
	b.StorageFaults.Add(clientstest.Fault{Kind: clientstest.Cut, Times: 1})
	if _, err := b.client.JobLog(ctx, tiles, job, github.Window{From: -10}); clients.CodeOf(err) == "" {
		t.Errorf("a log that is cut off: %v", err)
	}
}

func TestArtifacts(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	b.pass(time.Minute)
	ctx := t.Context()
	page, err := b.client.Artifacts(ctx, tiles, id, github.RESTPage{})
	if err != nil || page.Total != 1 || page.Artifacts[0].Name != "reports" || page.Artifacts[0].Run != id || page.Artifacts[0].Expired || !strings.HasPrefix(page.Artifacts[0].Digest, "sha256:") {
		t.Fatal(page, err)
	}
	a := page.Artifacts[0]
	stream, size, err := b.client.ArtifactStream(ctx, tiles, a.DatabaseID, 1<<20)
	if err != nil || size != a.Size {
		t.Fatal(size, err)
	}
	data, err := io.ReadAll(stream)
	if err != nil || stream.Close() != nil {
		t.Fatal(err)
	}
	if files, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil || len(files.File) != 1 || files.File[0].Name != "junit.xml" {
		t.Errorf("the archive is %v, %v", files, err)
	}
	if _, _, err := b.client.ArtifactStream(ctx, tiles, a.DatabaseID, a.Size-1); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("an archive that is too large: %v", err)
	}
	if err := b.ExpireArtifact(a.DatabaseID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.client.ArtifactStream(ctx, tiles, a.DatabaseID, 1<<20); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("an archive that has expired: %v", err)
	}
}

func TestChecksAndStatuses(t *testing.T) {
	b := newBuilds(t)
	id := b.start(t)
	b.pass(time.Minute)
	ctx := t.Context()
	page, err := b.client.CheckRuns(ctx, tiles, "main", github.RESTPage{})
	if err != nil || page.Total != 3 {
		t.Fatal(page, err)
	}
	test := b.jobs(t, id)["test"]
	one, err := b.client.CheckRun(ctx, tiles, test.DatabaseID)
	if err != nil || one.Title != "1 failed" || one.Summary != "**1** of 12" || one.Annotations != 1 || one.App != "github-actions" || one.State() != "FAILURE" || one.Commit != b.head || one.Suite == 0 {
		t.Errorf("a check run is %+v, %v", one, err)
	}
	notes, more, err := b.client.Annotations(ctx, tiles, test.DatabaseID, github.RESTPage{})
	if err != nil || more || len(notes) != 1 || notes[0] != (github.Annotation{Path: "main.go", StartLine: 3, EndLine: 4, Level: "FAILURE", Title: "test", Message: "TestGaps failed"}) {
		t.Errorf("annotations are %+v, %v", notes, err)
	}
	set, err := b.client.SetStatus(ctx, tiles, b.head, github.CommitStatus{Context: "callboard", State: "PENDING", Description: strings.Repeat("é", 200), TargetURL: "https://callboard.example/x"})
	if err != nil || set.DatabaseID == 0 || set.Context != "callboard" || len([]rune(set.Description)) != 140 || set.Creator.Login != "ada" {
		t.Errorf("a status is %+v, %v", set, err)
	}
	if _, err := b.client.SetStatus(ctx, tiles, b.head, github.CommitStatus{Context: "callboard", State: "SUCCESS"}); err != nil {
		t.Fatal(err)
	}
	all, err := b.client.Statuses(ctx, tiles, "main", github.RESTPage{})
	if err != nil || all.Total != 1 || all.State != "SUCCESS" || all.Statuses[0].State != "SUCCESS" || all.Commit != b.head {
		t.Errorf("statuses are %+v, %v", all, err)
	}
	if _, err := b.client.SetStatus(ctx, tiles, someOID, github.CommitStatus{State: "SUCCESS"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("of a commit that is not there: %v", err)
	}
	for _, s := range []github.CommitStatus{{State: "success"}, {State: "SUCCESS", TargetURL: "javascript:alert(1)"}} {
		if _, err := b.client.SetStatus(ctx, tiles, b.head, s); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestCommentIsUpdatedInPlace(t *testing.T) {
	b := newBuilds(t)
	ctx := t.Context()
	made, err := b.client.AddComment(ctx, tiles, 2, "See **here**")
	if err != nil || made.DatabaseID == 0 || made.Body != "See **here**" || made.Author.Login != "ada" || made.URL == "" {
		t.Fatal(made, err)
	}
	if got, err := b.client.UpdateComment(ctx, tiles, made.DatabaseID, "See there"); err != nil || got.DatabaseID != made.DatabaseID || got.Body != "See there" {
		t.Errorf("updated is %+v, %v", got, err)
	}
	list, more, err := b.client.Comments(ctx, tiles, 2, github.RESTPage{})
	if err != nil || more || len(list) != 1 || list[0].Body != "See there" {
		t.Errorf("comments are %+v, %v", list, err)
	}
	if _, err := b.client.UpdateComment(ctx, tiles, 1, "x"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := b.client.AddComment(ctx, tiles, 99, "x"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("on what is not there: %v", err)
	}
	for _, text := range []string{"", " \n", "\xff", strings.Repeat("x", 65_537)} {
		if _, err := b.client.AddComment(ctx, tiles, 2, text); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}

// Through the whole transport, the credential goes to GitHub and not to where it leads, and what is asked for once is sent once.
func TestBuildsThroughTheTransport(t *testing.T) {
	c := &clock{at: noon}
	s := newSite(t, githubtest.Settings{Now: c.now, Enterprise: true, Storage: "http://storage.example"})
	if err := s.AddWorkflow("larkfold/tiles", check()); err != nil {
		t.Fatal(err)
	}
	id, err := s.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Check", By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	listen := func(h http.Handler) *clientstest.Server {
		server, err := clientstest.Listen("127.0.0.1:0", h, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		return server
	}
	var strayed []string
	storage := s.Storage()
	hub, store := listen(s.GitHub), listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.Header.Get("Authorization"); text != "" || r.Referer() != "" {
			strayed = append(strayed, text)
		}
		storage.ServeHTTP(w, r)
	}))
	source, err := clients.Open(clients.Settings{
		Name: "git.larkfold", Kind: "github", Address: &url.URL{Scheme: "http", Host: hub.Address}, Token: clients.Bearer("ada-token"), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "storage.example") {
				address = store.Address
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	client, err := github.New("git.larkfold", source.Settings().Address, source.HTTP())
	if err != nil {
		t.Fatal(err)
	}
	client = client.Fetching(source.Elsewhere)
	page, err := client.Jobs(t.Context(), github.JobFilter{Slug: tiles, Run: id})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(page.Jobs, func(j *github.Job) bool { return j.Name == "test" })
	log, err := client.JobLog(t.Context(), tiles, page.Jobs[at].DatabaseID, github.Window{From: -200})
	if err != nil || !strings.Contains(string(log.Text), "Cleaning up") || !log.End {
		t.Fatalf("%+v, %v", log, err)
	}
	if len(strayed) > 0 {
		t.Errorf("the other host saw %q", strayed)
	}
	if err := client.Cancel(t.Context(), tiles, id); !errors.Is(err, github.ErrConflict) {
		t.Errorf("cancelling what is over: %v", err)
	}
	s.Watch.Reset()
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Status, Status: http.StatusBadGateway})
	if err := client.Rerun(t.Context(), tiles, id, false); !errors.Is(err, clients.ErrUnavailable) {
		t.Errorf("where it fails: %v", err)
	}
	if got := len(s.Watch.Requests()); got != 1 {
		t.Errorf("a change was sent %d times", got)
	}
	s.Faults.Clear()
	if err := client.Rerun(t.Context(), tiles, id, false); err != nil {
		t.Fatal(err)
	}
	if err := client.Rerun(t.Context(), tiles, id, false); !errors.Is(err, github.ErrConflict) {
		t.Errorf("running again what runs: %v", err)
	}
}
