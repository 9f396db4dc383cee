package reports_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/subgraphs/pipelines/coverage"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
)

// answer is what an upload may say.
type answer struct {
	Repository, Commit, Flag string
	Lines                    *struct {
		Covered, Total int
		Percent        float64
	}
	Files *struct {
		Kept, Foreign, Ambiguous int
		Examples                 []string
		Located                  bool
	}
	Tests *struct{ Total, Passed, Failed, Skipped, Flaky int }
	Error *struct{ Code, Message string }
}

// upload sends a report, and returns the status and the answer.
func (s *stage) upload(path string, query map[string]string, body io.Reader, change func(*http.Request)) (*http.Response, answer) {
	s.t.Helper()
	q := url.Values{}
	for name, value := range query {
		q.Set(name, value)
	}
	req := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, path+"?"+q.Encode(), body)
	req.Header.Set("Authorization", "Bearer "+token)
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	s.Upload().ServeHTTP(w, req)
	resp := w.Result()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || resp.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		s.t.Fatalf("%d, %v: %v", resp.StatusCode, resp.Header, err)
	}
	return resp, a
}

const token = "a-token-of-larkfold"

// guarded lets in who has the token.
func guarded(c *reports.Config) {
	c.Authorize = func(_ context.Context, header http.Header, of reports.Repository) error {
		switch header.Get("Authorization") {
		case "Bearer " + token:
			if strings.EqualFold(of.Path, "larkfold/player") {
				return nil
			}
			return errors.New("not yours")
		case "Bearer down":
			return &clients.Error{Kind: clients.ErrUnavailable, Source: "github.example"}
		}
		return fmt.Errorf("look at the token: %w", reports.ErrUnauthenticated)
	}
}

// TestUpload takes what go test wrote, packed or not, and knows the commit's coverage and tests then.
func TestUpload(t *testing.T) {
	p, s := newPlayer(t), newStage(t, guarded)
	s.commits(p)
	query := map[string]string{"repository": "https://github.example/larkfold/player", "commit": strings.ToUpper(p.base), "branch": "main", "flag": "unit", "run": "34"}
	resp, a := s.upload(reports.CoveragePath, query, bytes.NewReader(gzipped(t, p.profiles[p.base])), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	if resp.StatusCode != http.StatusOK || a.Repository != "github.example/larkfold/player" || a.Commit != p.base || a.Flag != "unit" || a.Lines == nil || a.Lines.Covered != 6 || a.Lines.Total != 8 || a.Lines.Percent != 75 || !a.Files.Located || a.Files.Kept != 2 {
		t.Errorf("%d, %+v", resp.StatusCode, a)
	}
	resp, a = s.upload(reports.TestsPath, query, strings.NewReader(p.events[p.base]), nil)
	if resp.StatusCode != http.StatusOK || a.Tests == nil || a.Tests.Passed != 2 || a.Tests.Total != 2 || a.Lines != nil {
		t.Errorf("%d, %+v", resp.StatusCode, a)
	}
	if c, err := s.Coverage(t.Context(), s.of, p.base); err != nil || c.Totals.Lines != (coverage.Count{Covered: 6, Total: 8}) || c.Flags[0].Run != "larkfold/player#r34" || c.Flags[0].Branch != "main" {
		t.Errorf("%+v, %v", c, err)
	}
	if tests, err := s.Tests(t.Context(), s.of, p.base, "larkfold/player#r34"); err != nil || tests == nil {
		t.Error(tests, err)
	}
	// what is no file of the commit is said
	delete(query, "flag")
	resp, a = s.upload(reports.CoveragePath, query, strings.NewReader(lcov("radio/radio.go", 1, 3)+lcov("/usr/include/stdio.h", 1, 3)), nil)
	if resp.StatusCode != http.StatusOK || a.Files.Foreign != 1 || len(a.Files.Examples) != 1 || a.Files.Examples[0] != "/usr/include/stdio.h" || a.Lines.Total != 3 || a.Lines.Percent != 33.33 {
		t.Errorf("%d, %+v", resp.StatusCode, a)
	}
}

// TestUploadHostDown keeps a report whose host cannot be asked: builds do not fail for that. Paths stay as they are.
func TestUploadHostDown(t *testing.T) {
	p, s := newPlayer(t), newStage(t, guarded)
	s.system.filesErr = &clients.Error{Kind: clients.ErrUnavailable, Source: "github.example"}
	resp, a := s.upload(reports.CoveragePath, map[string]string{"repository": "github.example/larkfold/player", "commit": p.base}, strings.NewReader(p.profiles[p.base]), nil)
	if resp.StatusCode != http.StatusOK || a.Files.Located || a.Lines.Total != 8 {
		t.Errorf("%d, %+v", resp.StatusCode, a)
	}
}

// closed fails a test where anything is read of it.
type closed struct{ t *testing.T }

func (c closed) Read([]byte) (int, error) {
	c.t.Error("the body is read")
	return 0, io.EOF
}

// TestUploadRefused says why a report is not taken, with the status for it, and reads no body of who may not send one.
func TestUploadRefused(t *testing.T) {
	p := newPlayer(t)
	for name, c := range map[string]struct {
		path   string
		query  map[string]string // beside those of a right one
		body   string            // not read where empty
		change func(*http.Request)
		config func(*reports.Config)
		status int
		code   string
	}{
		"no token":           {status: 401, code: "UNAUTHENTICATED", change: func(r *http.Request) { r.Header.Del("Authorization") }},
		"another token":      {status: 401, code: "UNAUTHENTICATED", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }},
		"another repository": {status: 403, code: "FORBIDDEN", query: map[string]string{"repository": "github.example/larkfold/radio"}},
		"nobody may":         {status: 403, code: "FORBIDDEN", config: func(c *reports.Config) { c.Authorize = nil }},
		"nobody knows":       {status: 503, code: "UNAVAILABLE", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer down") }},
		"unknown host":       {status: 404, code: "NO_REPOSITORY", query: map[string]string{"repository": "https://elsewhere.example/larkfold/player"}},
		"unknown path":       {status: 404, code: "NOT_FOUND", path: "/reports/lint"},
		"a GET":              {status: 405, code: "METHOD_NOT_ALLOWED", change: func(r *http.Request) { r.Method = http.MethodGet }},
		"unknown commit":     {status: 404, code: "NO_COMMIT", query: map[string]string{"commit": strings.Repeat("0", 40)}},
		"a branch":           {status: 400, code: "INVALID", query: map[string]string{"commit": "main"}},
		"a flag":             {status: 400, code: "INVALID", query: map[string]string{"flag": "a\x00"}},
		"a format":           {status: 400, code: "INVALID", query: map[string]string{"format": "CLOVER"}},
		"a parameter":        {status: 400, code: "INVALID", query: map[string]string{"commmit": "x"}},
		"an encoding":        {status: 415, code: "UNSUPPORTED_ENCODING", change: func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }},
		"parts":              {status: 415, code: "UNSUPPORTED_TYPE", change: func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }},
		"said to be large":   {status: 413, code: "TOO_LARGE", change: func(r *http.Request) { r.ContentLength = 1 << 40 }},
		"large":              {status: 413, code: "TOO_LARGE", body: lcov("queue/queue.go", 1, 1000), change: func(r *http.Request) { r.ContentLength = -1 }, config: func(c *reports.Config) { c.Limits.Upload = 1000 }},
		"many lines":         {status: 413, code: "TOO_LARGE", body: lcov("queue/queue.go", 1, 1000), config: func(c *reports.Config) { c.Limits.Coverage.Lines = 100 }},
		"an archive":         {status: 415, code: "UNSUPPORTED_TYPE", body: "PK\x03\x04 and more"},
		"packed twice":       {status: 415, code: "UNSUPPORTED_TYPE", body: string(gzipped(t, string(gzipped(t, lcov("queue/queue.go", 1, 2)))))},
		"broken gzip":        {status: 422, code: "UNREADABLE", body: string(gzipped(t, lcov("queue/queue.go", 1, 200))[:50])},
		"no report":          {status: 422, code: "UNREADABLE", body: "<html/>"},
		"another format":     {status: 422, code: "UNREADABLE", body: lcov("queue/queue.go", 1, 2), query: map[string]string{"format": "go"}},
		"no lines":           {status: 422, code: "EMPTY", body: "mode: set\n"},
		"no file":            {status: 422, code: "EMPTY", body: lcov("main.c", 1, 2)},
		"no tests":           {status: 422, code: "EMPTY", path: reports.TestsPath, body: "<testsuites/>"},
		"an encoding of XML": {status: 422, code: "UNREADABLE", body: `<?xml version="1.0" encoding="klingon"?><coverage/>`},
		"names nobody":       {status: 422, code: "UNREADABLE", body: "SF:queue/queue.go\nDA:NaN,1\nend_of_record\n"},
		"entities":           {status: 422, code: "UNREADABLE", body: bomb},
		"a body that ends":   {status: 400, code: "INTERRUPTED", change: func(r *http.Request) { r.Body = io.NopCloser(broken{}) }},
		"no store":           {status: 503, code: "UNAVAILABLE", body: lcov("queue/queue.go", 1, 2), config: func(c *reports.Config) { c.Store.(io.Closer).Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(cfg *reports.Config) {
				guarded(cfg)
				if c.config != nil {
					c.config(cfg)
				}
			})
			s.commits(p)
			var body io.Reader = closed{t}
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			query := map[string]string{"repository": "github.example/larkfold/player", "commit": p.base}
			for name, value := range c.query {
				query[name] = value
			}
			path := c.path
			if path == "" {
				path = reports.CoveragePath
			}
			resp, a := s.upload(path, query, body, c.change)
			if resp.StatusCode != c.status || a.Error == nil || a.Error.Code != c.code || a.Error.Message == "" || strings.Contains(a.Error.Message, token) {
				t.Errorf("%d, %+v", resp.StatusCode, a.Error)
			}
			if (resp.Header.Get("WWW-Authenticate") != "") != (c.status == 401) || (resp.Header.Get("Retry-After") != "") != (c.status == 503) || (resp.Header.Get("Allow") != "") != (c.status == 405) {
				t.Error(resp.Header)
			}
			if c.code != "UNAVAILABLE" {
				if kept, err := s.Coverage(t.Context(), s.of, p.base); kept != nil || err != nil {
					t.Error("kept", kept, err)
				}
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line is down") }

// bomb is XML that would be large where entities were looked up.
const bomb = `<!DOCTYPE coverage [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><coverage><class filename="&c;"><line number="1" hits="x"/></coverage>`

// TestUploadNumbers believes no number that a report claims of itself, and takes text that is none.
func TestUploadNumbers(t *testing.T) {
	p, s := newPlayer(t), newStage(t, guarded)
	s.commits(p)
	query := map[string]string{"repository": "github.example/larkfold/player", "commit": p.base}
	resp, a := s.upload(reports.CoveragePath, query, strings.NewReader(`<coverage line-rate="NaN" lines-valid="-1" branch-rate="1e999"><class filename="queue/queue.go" line-rate="Infinity">
<line number="1" hits="1"/><line number="2" hits="0"/></class><class filename="`+"\xff\xfe"+`.go"><line number="1" hits="1"/></class></coverage>`), nil)
	if resp.StatusCode != http.StatusOK || a.Lines.Percent != 50 || a.Files.Foreign != 1 {
		t.Errorf("%d, %+v %+v", resp.StatusCode, a.Lines, a.Error)
	}
}

// TestUploadsAtOnce refuses one more than are read at once, until one is done.
func TestUploadsAtOnce(t *testing.T) {
	p := newPlayer(t)
	s := newStage(t, func(c *reports.Config) {
		guarded(c)
		c.Limits.Uploads = 1
	})
	s.commits(p)
	query := map[string]string{"repository": "github.example/larkfold/player", "commit": p.base}
	body, slow := io.Pipe()
	first := make(chan int)
	go func() {
		resp, _ := s.upload(reports.CoveragePath, query, body, nil)
		first <- resp.StatusCode
	}()
	if _, err := io.WriteString(slow, "SF:queue/queue.go\n"); err != nil { // it is being read
		t.Fatal(err)
	}
	resp, a := s.upload(reports.CoveragePath, query, closed{t}, nil)
	if resp.StatusCode != http.StatusTooManyRequests || a.Error.Code != "TOO_MANY_UPLOADS" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, %+v", resp.StatusCode, a)
	}
	_, _ = io.WriteString(slow, "DA:1,1\nend_of_record\n")
	slow.Close()
	if status := <-first; status != http.StatusOK {
		t.Error(status)
	}
	if resp, _ := s.upload(reports.CoveragePath, query, strings.NewReader(lcov("queue/queue.go", 1, 2)), nil); resp.StatusCode != http.StatusOK {
		t.Error(resp.StatusCode)
	}
}

// repeating is LCOV of one file, again and again.
type repeating struct {
	text []byte
	at   int
	left int64
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.left -= int64(n)
	return n, nil
}

// TestUploadLarge reads 200 MB in memory that does not grow with them.
func TestUploadLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB")
	}
	p, s := newPlayer(t), newStage(t, guarded)
	s.commits(p)
	var text strings.Builder
	text.WriteString("SF:queue/queue.go\n")
	for n := range 50_000 {
		text.WriteString("DA:" + strconv.Itoa(n+1) + ",1,0123456789abcdefghijkl\n") // with the checksum of the line
	}
	text.WriteString(strings.Repeat("# what a compiler has to say of it\n", 100_000))
	text.WriteString("end_of_record\n")
	size := int64(text.Len())
	times := max(int64(200<<20)/portion/size, 1)
	var most uint64
	watched := &watching{r: &repeating{text: []byte(text.String()), left: times * size}, most: &most}
	resp, a := s.upload(reports.CoveragePath, map[string]string{"repository": "github.example/larkfold/player", "commit": p.base}, watched, nil)
	if resp.StatusCode != http.StatusOK || a.Lines.Total != 50_000 {
		t.Errorf("%d, %+v", resp.StatusCode, a.Error)
	}
	if most > 64<<20 {
		t.Errorf("%d MB were in use", most>>20)
	}
}

// watching notes how much memory is in use after each 16 MiB of what it reads.
type watching struct {
	r    io.Reader
	n    int64
	most *uint64
}

func (w *watching) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if before := w.n; before>>24 != (before+int64(n))>>24 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*w.most = max(*w.most, m.HeapAlloc)
	}
	w.n += int64(n)
	return n, err
}

// FuzzUpload sends anything: it is answered with a status that is for the sender, and never fails here.
func FuzzUpload(f *testing.F) {
	f.Add("repository=github.example/larkfold/player&commit="+strings.Repeat("a", 40), []byte(lcov("a.go", 1, 2)))
	f.Add("repository=git@github.example:larkfold/player.git&flag=x&run=3&commit="+strings.Repeat("a", 40), []byte(junit))
	f.Add("repository=%ff&commit=;", gzipped(f, junit))
	s := newStage(f, func(c *reports.Config) {
		c.Limits = reports.Limits{Upload: 1 << 20}
		c.Authorize = func(context.Context, http.Header, reports.Repository) error { return nil }
	})
	s.system.files[strings.Repeat("a", 40)] = []string{"a.go"}
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		for _, path := range []string{reports.CoveragePath, reports.TestsPath} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
			req.URL.RawQuery = query
			req.Header.Set("Authorization", "Bearer x")
			w := httptest.NewRecorder()
			s.Upload().ServeHTTP(w, req)
			if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}
