package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/github"
)

// routes answers GETs by their escaped path and query, and everything else with 404.
func routes(t testing.TB, answers map[string]func(w http.ResponseWriter)) *github.Client {
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "api.github.com" && r.URL.Host != "api.github.com" {
			t.Errorf("asked at %s", r.URL)
		}
		answer, ok := answers[r.URL.RequestURI()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(w)
	})
	return c
}

func says(body string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
}

// What GraphQL does not show of a file comes from the REST interface, of a large one the beginning.
func TestBlobs(t *testing.T) {
	slug := func(oid string) string { return "/repos/larkfold/player/git/blobs/" + oid }
	ids := []string{strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40), strings.Repeat("d", 40)}
	var mu sync.Mutex
	var gets []string
	c, a := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			says(`{"data":{"r0":{"object":{"oid":"` + ids[0] + `","byteSize":2,"isBinary":false,"isTruncated":false,"text":"ab"}},
				"r1":{"object":{"oid":"` + ids[1] + `","byteSize":3,"isBinary":true,"isTruncated":false,"text":null}},
				"r2":{"object":{"oid":"` + ids[2] + `","byteSize":5000000,"isBinary":null,"isTruncated":true,"text":"xx"}},
				"r3":{"object":{"oid":"` + ids[3] + `","byteSize":9,"isBinary":true,"isTruncated":false,"text":null}}}}`)(w)
			return
		}
		mu.Lock()
		gets = append(gets, r.URL.Path)
		mu.Unlock()
		switch r.URL.Path {
		case slug(ids[1]):
			says("\x00\x01\x02")(w)
		case slug(ids[2]):
			says(strings.Repeat("x", 5_000_000))(w)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	var objects []github.Object
	for _, id := range ids {
		objects = append(objects, github.Object{Slug: player, OID: git.OID(id)})
	}
	got, errs := c.Blobs(context.Background(), objects)
	if len(a.asked) != 1 || len(gets) != 3 {
		t.Errorf("%d requests to GraphQL, and %q", len(a.asked), gets)
	}
	if errs[0] != nil || string(got[0].Data) != "ab" || !got[0].Complete() || errs[1] != nil || string(got[1].Data) != "\x00\x01\x02" || !got[1].Binary {
		t.Errorf("files are %+v, %+v, %v", got[0], got[1], errs)
	}
	if errs[2] != nil || got[2].Size != 5_000_000 || len(got[2].Data) != github.MaxBlob || got[2].Complete() || got[2].Binary {
		t.Errorf("a large file has %d bytes of %d, %v", len(got[2].Data), got[2].Size, errs[2])
	}
	if got[3] != nil || !errors.Is(errs[3], clients.ErrForbidden) {
		t.Errorf("what is withheld is %+v, %v", got[3], errs[3])
	}
}

func TestChangedFilesOfAllPages(t *testing.T) {
	at := "/repos/larkfold/player/commits/" + string(someOID)
	c := routes(t, map[string]func(w http.ResponseWriter){
		at: func(w http.ResponseWriter) {
			// Where the next page is said to be does not matter, only which it is.
			w.Header().Set("Link", `<https://evil.example/x?page=2&per_page=300&token=1>; rel="next", <https://evil.example/x?page=9>; rel="last"`)
			says(`{"sha":"x","files":[{"filename":"a","status":"added","additions":3},{"filename":"c","previous_filename":"b","status":"renamed","additions":1,"deletions":1}]}`)(w)
		},
		at + "?page=2&per_page=300": says(`{"files":[{"filename":"d","status":"removed","deletions":9},{"filename":"e","status":"changed"},{"filename":"f","status":"unchanged"},{"filename":"g","status":"of another time"}]}`),
	})
	files, complete, err := c.ChangedFiles(context.Background(), player, someOID)
	want := []git.ChangedFile{
		{Path: "a", Change: git.Added, Additions: 3}, {Path: "c", PreviousPath: "b", Change: git.Renamed, Additions: 1, Deletions: 1},
		{Path: "d", Change: git.Deleted, Deletions: 9}, {Path: "e", Change: git.TypeChanged}, {Path: "g", Change: git.Modified},
	}
	if diff := cmp.Diff(want, files); err != nil || !complete || diff != "" {
		t.Errorf("%v, complete %v: %s", err, complete, diff)
	}
	if _, _, err := c.ChangedFiles(context.Background(), player, "main"); !errors.Is(err, github.ErrInvalid) {
		t.Errorf("a branch is taken for an object id: %v", err)
	}
	if _, _, err := c.ChangedFiles(context.Background(), github.Slug{Owner: "..", Name: "x"}, someOID); !errors.Is(err, github.ErrInvalid) {
		t.Errorf("an owner of dots: %v", err)
	}
}

// A list of pages that never ends does.
func TestPagesEnd(t *testing.T) {
	asked := 0
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Link", fmt.Sprintf(`<https://api.github.com/x?page=%d>; rel="next"`, asked+1))
		if strings.HasSuffix(r.URL.Path, "contributors") {
			says(`[{"login":"ada","type":"User","contributions":3,"html_url":"https://github.com/ada","avatar_url":"x"},{"type":"Anonymous","name":"Bob","email":"bob@larkfold.example","contributions":1}]`)(w)
		} else {
			says(`{"files":[]}`)(w)
		}
	})
	who, complete, err := c.Contributors(context.Background(), player)
	if err != nil || complete || len(who) != 10 || asked != 5 || who[0].Account.Login != "ada" || who[1].Account != nil || who[1].Email != "bob@larkfold.example" {
		t.Errorf("%d contributors of %d pages, complete %v, %v", len(who), asked, complete, err)
	}
	asked = 0
	if _, complete, err := c.ChangedFiles(context.Background(), player, someOID); err != nil || complete || asked != 30 {
		t.Errorf("%d pages, complete %v, %v", asked, complete, err)
	}
}

func TestCompare(t *testing.T) {
	c := routes(t, map[string]func(w http.ResponseWriter){
		"/repos/larkfold/player/compare/main...feature%2Fx%23y?per_page=1": says(`{"status":"diverged","ahead_by":2,"behind_by":1,"total_commits":2,"base_commit":{"sha":"` + string(someOID) + `"},
			"merge_base_commit":{"sha":"` + string(someOID) + `"},"commits":[{"sha":"x"}],"files":[{"filename":"a","status":"modified","additions":1}]}`),
	})
	got, err := c.Compare(context.Background(), player, "main", "feature/x#y")
	if err != nil || got.Ahead != 2 || got.Behind != 1 || got.Status != "diverged" || got.MergeBase != someOID || !got.Complete || len(got.Files) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.Compare(context.Background(), player, "main", "gone"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	for _, name := range []string{"", "a..b", "../x", "a b", "-x", "x/", "/x", "x.lock", "@{1}", "a:b", "a\x00", "a^", "refs//x", ".x"} {
		if _, err := c.Compare(context.Background(), player, "main", name); !errors.Is(err, github.ErrInvalid) {
			t.Errorf("%q is a ref: %v", name, err)
		}
	}
}

func TestAllFiles(t *testing.T) {
	at := "/repos/larkfold/player/git/trees/" + string(someOID) + "?recursive=1"
	answers := map[string]func(w http.ResponseWriter){at: says(`{"sha":"x","truncated":false,"tree":[{"path":"docs","mode":"040000","type":"tree","sha":"` + string(someOID) + `"},
		{"path":"docs/catalog-info.yaml","mode":"100644","type":"blob","sha":"` + string(someOID) + `","size":12},{"path":"run","mode":"100755","type":"blob","sha":"` + string(someOID) + `","size":1},
		{"path":"link","mode":"120000","type":"blob","sha":"` + string(someOID) + `","size":4},{"path":"vendor/x","mode":"160000","type":"commit","sha":"` + string(someOID) + `"}]}`)}
	c := routes(t, answers)
	entries, complete, err := c.AllFiles(context.Background(), player, someOID)
	kinds := map[string]git.Kind{}
	for _, e := range entries {
		kinds[e.Path] = e.Kind
	}
	want := map[string]git.Kind{"docs": git.KindFolder, "docs/catalog-info.yaml": git.KindFile, "run": git.KindExecutable, "link": git.KindSymlink, "vendor/x": git.KindSubmodule}
	if diff := cmp.Diff(want, kinds); err != nil || !complete || diff != "" || entries[1].Name != "catalog-info.yaml" || entries[1].Size != 12 || entries[1].Key() != "catalog-info.yaml" {
		t.Errorf("%v, complete %v: %s", err, complete, diff)
	}
	answers[at] = says(`{"truncated":true,"tree":[{"path":"../../etc/passwd","mode":"100644","sha":"x"}]}`)
	if entries, complete, err := c.AllFiles(context.Background(), player, someOID); err != nil || complete || len(entries) != 0 {
		t.Errorf("a path that goes up: %v, complete %v, %v", entries, complete, err)
	}
	answers[at] = func(w http.ResponseWriter) { w.WriteHeader(http.StatusConflict) }
	if entries, complete, err := c.AllFiles(context.Background(), player, someOID); err != nil || !complete || len(entries) != 0 {
		t.Errorf("an empty repository: %v, complete %v, %v", entries, complete, err)
	}
}

func TestFileWithAllItsBytes(t *testing.T) {
	const raw = "\x89PNG\x00"
	var accept string
	blob := `{"oid":"` + string(someOID) + `","byteSize":%d,"isBinary":%v,"isTruncated":%v,"text":%s}`
	for _, test := range []struct {
		name, blob, data string
		complete         bool
		rest             int
	}{
		{"a text", fmt.Sprintf(blob, 5, false, false, `"hello"`), "hello", true, 0},
		{"no text", fmt.Sprintf(blob, 5, true, false, `null`), raw, true, 1},
		{"longer than is shown", fmt.Sprintf(blob, 600_000, false, true, `"hello"`), raw, true, 1},
		{"a text in another encoding", fmt.Sprintf(blob, 4, false, false, `"hällo"`), raw, true, 1},
		{"an empty file", fmt.Sprintf(blob, 0, false, false, `""`), "", true, 0},
		{"too large", fmt.Sprintf(blob, 5<<20, true, false, `null`), "", false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			rest := 0
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					says(`{"data":{"r0":{"object":` + test.blob + `}}}`)(w)
					return
				}
				rest++
				accept = r.Header.Get("Accept")
				says(raw)(w)
			})
			got, err := c.File(context.Background(), github.PathIn{Slug: player, Commit: someOID, Path: "docs/x"})
			if err != nil || string(got.Data) != test.data || got.Complete() != test.complete || rest != test.rest {
				t.Errorf("%+v with %d requests, %v", got, rest, err)
			}
		})
	}
	if accept != "application/vnd.github.raw+json" {
		t.Errorf("asked for %q", accept)
	}
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) { says(strings.Repeat("x", github.MaxBlob+1))(w) })
	if _, err := c.Blob(context.Background(), player, someOID); !errors.Is(err, clients.ErrBadAnswer) {
		t.Errorf("more than can be: %v", err)
	}
	c, _ = text(t, `{"data":{"r0":{"object":null}}}`)
	if _, err := c.File(context.Background(), github.PathIn{Slug: player, Commit: someOID, Path: "gone"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := c.File(context.Background(), github.PathIn{Slug: player, Commit: someOID, Path: "../x"}); !errors.Is(err, github.ErrInvalid) {
		t.Errorf("a path that goes up: %v", err)
	}
}

// FuzzREST gives the client answers of the REST interface that nobody would write.
func FuzzREST(f *testing.F) {
	f.Add(`{"files":[{"filename":"a","status":"added"}]}`, `<https://api.github.com/x?page=2>; rel="next"`)
	f.Add(`[{"login":"ada","contributions":1},null]`, `<%zz>; rel="next"`)
	f.Add(`{"tree":[{"path":"a","mode":"100644","sha":"x","size":-1}],"truncated":true}`, `;;,<>`)
	f.Add(`{"ahead_by":1e99}`, ``)
	f.Fuzz(func(t *testing.T, body, link string) {
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", link)
			_, _ = io.WriteString(w, body)
		})
		ctx := context.Background()
		_, _, changed := c.ChangedFiles(ctx, player, someOID)
		_, _, who := c.Contributors(ctx, player)
		entries, _, all := c.AllFiles(ctx, player, someOID)
		_, compared := c.Compare(ctx, player, "a", "b")
		for _, err := range []error{changed, who, all, compared} {
			if err != nil && clients.CodeOf(err) == "" {
				t.Fatalf("an error of no kind: %v", err)
			}
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Path, "/") || strings.Contains("/"+e.Path+"/", "/../") {
				t.Fatalf("a path that leads out: %q", e.Path)
			}
		}
	})
}
