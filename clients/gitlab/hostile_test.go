package gitlab_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// readme is the file README.md of the stage's search.
const readme git.OID = "99296cbd9ffabdac9510c314440d0a51590f76a6"

// everything is every method, each with an argument of a kind that may be hostile.
func everything(c *gitlab.Client, text, head string) map[string]func(context.Context) error {
	first := func(errs []error) error { return errs[0] }
	return map[string]func(context.Context) error{
		"Projects":        func(ctx context.Context) error { _, e := c.Projects(ctx, []string{text}); return first(e) },
		"Vulnerabilities": func(ctx context.Context) error { _, e := c.Vulnerabilities(ctx, []string{text}); return first(e) },
		"Protections":     func(ctx context.Context) error { _, e := c.Protections(ctx, []string{text}); return first(e) },
		"FilesAt":         func(ctx context.Context) error { _, e := c.FilesAt(ctx, []string{text}, "a"); return first(e) },
		"License":         func(ctx context.Context) error { _, e := c.License(ctx, text); return e },
		"GroupProjects": func(ctx context.Context) error {
			_, e := c.GroupProjects(ctx, gitlab.GroupProjectsQuery{Group: text})
			return e
		},
		"GroupMembers": func(ctx context.Context) error { _, e := c.GroupMembers(ctx, text, true, gitlab.Page{}); return e },
		"MergeRequests": func(ctx context.Context) error {
			_, e := one(c.MergeRequests(ctx, list(gitlab.MergeRequestsQuery{Project: text})))
			return e
		},
		"ByNumber": func(ctx context.Context) error {
			_, e := c.MergeRequestsByNumber(ctx, []gitlab.MergeRequestNumber{{Project: text, Number: 1}})
			return first(e)
		},
		"Approvals": func(ctx context.Context) error {
			_, e := c.Approvals(ctx, gitlab.MergeRequestNumber{Project: text, Number: 1})
			return e
		},
		"Reviews": func(ctx context.Context) error {
			_, e := c.Queue(ctx, gitlab.QueueQuery{Usernames: []string{text}, Reviews: true})
			return first(e)
		},
		"Open": func(ctx context.Context) error {
			_, e := c.Queue(ctx, gitlab.QueueQuery{Usernames: []string{text}})
			return first(e)
		},
		"Issues": func(ctx context.Context) error {
			_, e := one(c.Issues(ctx, list(gitlab.IssuesQuery{Project: text})))
			return e
		},
		"Labels": func(ctx context.Context) error {
			_, e := one(c.Labels(ctx, list(gitlab.ListQuery{Project: text, Page: gitlab.Page{}})))
			return e
		},
		"Releases": func(ctx context.Context) error {
			_, e := one(c.Releases(ctx, list(gitlab.ListQuery{Project: text, Page: gitlab.Page{}})))
			return e
		},
		"Commits": func(ctx context.Context) error {
			_, e := c.Commits(ctx, []gitlab.Revision{{Project: text}})
			return first(e)
		},
		"History":      func(ctx context.Context) error { _, e := c.History(ctx, gitlab.HistoryQuery{Project: text}); return e },
		"Compare":      func(ctx context.Context) error { _, e := c.Compare(ctx, text, "main", "old"); return e },
		"Contributors": func(ctx context.Context) error { _, _, e := c.Contributors(ctx, text); return e },
		"ChangedFiles": func(ctx context.Context) error {
			_, _, e := c.ChangedFiles(ctx, text, git.OID(head))
			return e
		},
		"Folders": func(ctx context.Context) error {
			_, e := c.Folders(ctx, []gitlab.FolderIn{{Project: text}})
			return first(e)
		},
		"Tree": func(ctx context.Context) error { _, e := c.Tree(ctx, gitlab.TreeQuery{Project: text}); return e },
		"File": func(ctx context.Context) error {
			_, e := c.File(ctx, gitlab.PathIn{Project: text, Path: "README.md"})
			return e
		},
		"Commit":   func(ctx context.Context) error { _, e := c.Commit(ctx, text, git.OID(head)); return e },
		"Blob":     func(ctx context.Context) error { _, e := c.Blob(ctx, text, readme); return e },
		"Branches": func(ctx context.Context) error { _, e := c.Branches(ctx, gitlab.RefsQuery{Project: text}); return e },
		"Tags":     func(ctx context.Context) error { _, e := c.Tags(ctx, gitlab.RefsQuery{Project: text}); return e },
		"FindFiles": func(ctx context.Context) error {
			_, _, e := c.FindFiles(ctx, gitlab.FilesQuery{Project: text, Name: "a"})
			return e
		},
	}
}

// TestArguments checks that what can name nothing is never asked for.
func TestArguments(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.AdaToken)
	bad := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, gitlab.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "/", "a/../b", "../b", "a//b", "a/b/", "/a/b", "a/b?x=1", "a/b#x", "a%2Fb/c", "a/b\x00", "a/b\n", "a\\b/c", "a/.git", "a/-x", strings.Repeat("a", 300) + "/b", strings.Repeat("a/", 3000) + "b", "ä/b"} {
		for name, ask := range everything(c, text, someCommit) {
			bad(name+" of "+text, ask(t.Context()))
		}
	}
	bad("12", func() error { _, err := c.GroupMembers(t.Context(), "12", true, gitlab.Page{}); return err }())
	for _, ref := range []string{"-x", "a..b", "a b", "a~1", "a^", "a:b", "refs/", "x.lock", "@{1}", "a\\b", "a?", "a*", "a\n", strings.Repeat("r", 300)} {
		_, errs := c.Commits(t.Context(), []gitlab.Revision{{stage.Search, ref}})
		bad("Commits "+ref, errs[0])
		_, err := c.History(t.Context(), gitlab.HistoryQuery{Project: stage.Search, Revision: ref})
		bad("History "+ref, err)
		_, err = c.Tree(t.Context(), gitlab.TreeQuery{Project: stage.Search, Revision: ref})
		bad("Tree "+ref, err)
		_, err = c.File(t.Context(), gitlab.PathIn{Project: stage.Search, Revision: ref, Path: "a"})
		bad("File "+ref, err)
		_, err = c.Compare(t.Context(), stage.Search, "main", ref)
		bad("Compare "+ref, err)
		_, err = one(c.MergeRequests(t.Context(), list(gitlab.MergeRequestsQuery{Project: stage.Search, TargetBranch: ref})))
		bad("MergeRequests "+ref, err)
	}
	for _, path := range []string{"../a", "a/../../b", "/etc/passwd", "a\x00b", strings.Repeat("p", 5000)} {
		_, err := c.File(t.Context(), gitlab.PathIn{Project: stage.Search, Path: path})
		bad("File "+path, err)
		_, err = c.Tree(t.Context(), gitlab.TreeQuery{Project: stage.Search, Path: path})
		bad("Tree "+path, err)
		_, err = c.History(t.Context(), gitlab.HistoryQuery{Project: stage.Search, Path: path})
		bad("History "+path, err)
		_, errs := c.FilesAt(t.Context(), []string{stage.Search}, path)
		bad("FilesAt "+path, errs[0])
	}
	for _, page := range []gitlab.Page{{First: 101}, {First: -1}, {First: 1, Last: 1}, {Last: 101}, {First: 1, Before: "x"}, {After: strings.Repeat("c", 2000)}} {
		_, err := one(c.MergeRequests(t.Context(), list(gitlab.MergeRequestsQuery{Project: stage.Search, Page: page})))
		bad("page", err)
	}
	for _, q := range []gitlab.MergeRequestsQuery{{State: "open"}, {Order: "RANDOM"}, {Author: "a b"}, {Labels: make([]string, 30)}, {Search: strings.Repeat("s", 300)}} {
		q.Project = stage.Search
		_, err := one(c.MergeRequests(t.Context(), list(q)))
		bad("query", err)
	}
	for _, name := range []string{"", "a b", "a:b", "a/b", `"a"`, "a*"} {
		_, _, err := c.FindFiles(t.Context(), gitlab.FilesQuery{Group: "larkfold", Name: name})
		bad("FindFiles "+name, err)
	}
	_, _, err := c.ChangedFiles(t.Context(), stage.Search, "main")
	bad("ChangedFiles", err)
	_, err = c.History(t.Context(), gitlab.HistoryQuery{Project: stage.Search, Page: 501})
	bad("History", err)
	_, err = c.Tags(t.Context(), gitlab.RefsQuery{Project: stage.Search, Page: 501})
	bad("Tags", err)
	if n := s.Watch.Count(""); n != 0 {
		t.Errorf("%d requests were made: %v", n, s.Watch.Counts())
	}
}

// TestFaults checks that each way of failing is of its own kind, for every method.
func TestFaults(t *testing.T) {
	s := stage.Set(t, gitlabtest.Settings{})
	c := on(t, s, stage.RitaToken)
	for _, f := range []struct {
		fault clientstest.Fault
		want  error
	}{
		{clientstest.Fault{Kind: clientstest.Down}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Cut}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Malformed}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.WrongType}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Huge, Bytes: 17 << 20}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 502}, clients.ErrUnavailable},
		{clientstest.Fault{Kind: clientstest.Status, Status: 504}, clients.ErrTimeout},
		{clientstest.Fault{Kind: clientstest.Status, Status: 401}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 403}, clients.ErrForbidden},
		{clientstest.Fault{Kind: clientstest.Status, Status: 418}, clients.ErrBadAnswer},
		{clientstest.Fault{Kind: clientstest.Status, Status: 429, Header: map[string]string{"Retry-After": "30"}}, clients.ErrLimited},
	} {
		for name, ask := range everything(c, stage.Search, s.Head) {
			if name == "GroupProjects" || name == "GroupMembers" || name == "Reviews" || name == "Open" {
				continue // of no project
			}
			if f.fault.Kind == clientstest.Huge && name != "Projects" && name != "License" && name != "File" && name != "Blob" {
				continue // it takes its time
			}
			if (name == "File" || name == "Blob") && (f.fault.Kind == clientstest.Malformed || f.fault.Kind == clientstest.WrongType || f.fault.Kind == clientstest.Huge) {
				continue // a file may be anything, and more than its beginning is not read
			}
			s.Faults.Add(f.fault)
			err := ask(t.Context())
			s.Faults.Clear()
			e := clients.Of(err)
			if !errors.Is(err, f.want) || e == nil || e.Source != "gitlab" {
				t.Errorf("%s with %v: %v, want %v", name, f.fault, err, f.want)
				continue
			}
			if wait := time.Until(e.RetryAt); f.want == clients.ErrLimited && (wait < 20*time.Second || wait > 31*time.Second) {
				t.Errorf("%s: retry in %v", name, wait)
			}
			if strings.Contains(err.Error(), stage.RitaToken) {
				t.Errorf("%s: the error tells the token", name)
			}
		}
	}
	// A part of the answer is missing.
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"l0"}, Message: "Timeout"})
	if _, errs := c.Projects(t.Context(), []string{stage.Search}); !errors.Is(errs[0], clients.ErrTimeout) {
		t.Errorf("a list that failed: %v", errs[0])
	}
	s.Faults.Clear()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s.Faults.Add(clientstest.Fault{Kind: clientstest.Hang})
	if _, errs := c.Projects(ctx, []string{stage.Search}); !errors.Is(errs[0], clients.ErrTimeout) {
		t.Errorf("an answer that never comes: %v", errs[0])
	}
}

// TestPartial checks that one project's failure does not take the others, and is not silent.
func TestPartial(t *testing.T) {
	const answer = `{"data":{"l0":{"nodes":[{"fullPath":"a/b","name":"B","languages":null},null]}},"errors":[{"message":"Something went wrong","path":["l0","nodes",0,"languages"]}]}`
	c := answering(t, answer)
	got, errs := c.Projects(t.Context(), []string{"a/b", "a/c"})
	if got[0] == nil || got[0].Name != "B" || !errors.Is(errs[0], clients.ErrPartial) || !errors.Is(errs[0], clients.ErrUnavailable) {
		t.Errorf("%+v, %v", got[0], errs[0])
	}
	// The null may be this project: it is not said to be absent.
	if got[1] != nil || errors.Is(errs[1], clients.ErrNotFound) || !errors.Is(errs[1], clients.ErrUnavailable) {
		t.Errorf("%+v, %v", got[1], errs[1])
	}
	c = answering(t, strings.Replace(answer, `},null]`, `}]`, 1))
	if _, errs := c.Projects(t.Context(), []string{"a/b", "a/c"}); !errors.Is(errs[1], clients.ErrNotFound) {
		t.Errorf("a project that is not in the list: %v", errs[1])
	}
}

// answering is a client that gets one answer to everything.
func answering(t testing.TB, answer string) *gitlab.Client {
	t.Helper()
	address, _ := url.Parse("https://gitlab.example/git/api/v4/")
	c, err := gitlab.New("gitlab", address, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if !strings.HasPrefix(r.URL.Path, "/git/api/") || r.URL.Host != "gitlab.example" {
			t.Errorf("asked at %s", r.URL)
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzAnswers gives every method an answer of any kind: it may be an error, and is never a panic or without bounds.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"data":{"l0":{"nodes":[{"fullPath":"a/b"}]}}}`)
	f.Add(`{"data":{"l0":{"nodes":[{"fullPath":"a/b","id":7,"topics":["x",null],"languages":[{"name":"Go"}],"repository":{"rootRef":"main","tree":{"lastCommit":{"sha":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","author":null}},"blobs":{"nodes":[{"path":"a"}]}},"branchRules":{"nodes":[{"name":"*","isProtected":true,"branchProtection":{}}]},"vulnerabilitySeveritiesCount":{}}]}}}`)
	f.Add(`{"data":{"project":{"mergeRequests":{"count":1,"nodes":[{"iid":"1","state":"opened","reviewers":{"nodes":[null,{"username":"a"}]},"approvedBy":{"nodes":[{}]}}]},"issues":{"nodes":[{"iid":1}]},"labels":{"nodes":[{}]},"releases":{"nodes":[{}]}},"group":{"projects":{"nodes":[{}]},"groupMembers":{"nodes":[{"user":{"username":"a"}}]}},"user":{"reviewRequestedMergeRequests":{}},"users":{"nodes":[{"username":"a-b"}]},"projects":{"nodes":[{"fullPath":"a/b","mergeRequests":{"nodes":[{"iid":"1"}]}}]},"l0":{"nodes":[{"fullPath":"a/b","mergeRequests":{"edges":[null,{"node":null},{"cursor":"x","node":{"iid":"1"}}]},"issues":{"edges":[]},"labels":null}]},"c0":{"repository":{"tree":{"lastCommit":{}}}}}}`)
	f.Add(`{"errors":[{"message":"Query has complexity of 300, which exceeds max complexity of 250"}]}`)
	f.Add(`{"errors":"x","data":null}`)
	f.Add(`null`)
	f.Add(`[{"id":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","name":"a","mode":"100644","path":"a","commit":{"id":"x","parent_ids":["y"]},"diff":"@@\n+\n-","a_mode":"1","b_mode":"100644"},null]`)
	f.Add(`{"license":{"key":"mit"},"approved_by":[{"user":null},null],"approved":true}`)
	f.Fuzz(func(t *testing.T, answer string) {
		c := answering(t, answer)
		for name, ask := range everything(c, "a/b", someCommit) {
			if err := ask(t.Context()); err != nil && clients.Of(err) == nil && !errors.Is(err, gitlab.ErrInvalid) {
				t.Fatalf("%s: an error of no kind: %v", name, err)
			}
		}
	})
}

const someCommit = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
