package reports

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// The paths at which uploads are taken.
const (
	CoveragePath = "/reports/coverage"
	TestsPath    = "/reports/tests"
)

// Upload returns what takes reports in. The report is the body of a POST, as a tool wrote it or packed with gzip (Content-Encoding), to CoveragePath or TestsPath,
// with what it is of in the query:
//
//	repository  the address of its page on a configured host, or its host and path
//	commit      the object id
//	branch      where it was built; left out for pull requests
//	flag        what part of the tests it is of, such as unit; may be left out. A later report of one flag takes the place of the one before.
//	format      one of the formats of packages coverage and testreport; found out where it is left out
//	run         the id of the run as its host has it, such as GITHUB_RUN_ID or CI_PIPELINE_ID, or its key; may be left out
//
// The answer is JSON: what was kept, or an error with a code and a message.
func (r *Reports) Upload() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		answer, err := r.upload(w, req)
		if err != nil {
			r.refuseUpload(w, req, err)
			return
		}
		reply(w, http.StatusOK, answer)
	})
}

// uploaded is the answer to an upload.
type uploaded struct {
	Repository string       `json:"repository"`
	Commit     string       `json:"commit"`
	Flag       string       `json:"flag"`
	Lines      *lineCounts  `json:"lines,omitempty"`
	Files      *fileCounts  `json:"files,omitempty"`
	Tests      *testCounted `json:"tests,omitempty"`
}

type lineCounts struct {
	Covered int     `json:"covered"`
	Total   int     `json:"total"`
	Percent float64 `json:"percent"` // two digits behind the point
}

type fileCounts struct {
	Kept      int      `json:"kept"`
	Foreign   int      `json:"foreign"`   // are none of the commit, and left out
	Ambiguous int      `json:"ambiguous"` // could be several of the commit, and are left out
	Examples  []string `json:"examples,omitempty"`
	Located   bool     `json:"located"` // the paths are those of the repository
}

type testCounted struct {
	Total   int `json:"total"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Flaky   int `json:"flaky"`
}

// refusal is why an upload is not taken.
type refusal struct {
	status  int
	code    string
	message string
	wait    time.Duration // after which to try again; 0 where that is of no use
	err     error         // for the log
}

func (e *refusal) Error() string { return e.message }
func (e *refusal) Unwrap() error { return e.err }

// upload takes one report: nothing of the body is read before it is known who sends it.
func (r *Reports) upload(w http.ResponseWriter, req *http.Request) (*uploaded, error) {
	t, head, format, err := r.asked(req)
	if err != nil {
		return nil, err
	}
	if err := r.allowed(req, t.of); err != nil {
		return nil, err
	}
	select {
	case r.uploading <- struct{}{}:
		defer func() { <-r.uploading }()
	default:
		return nil, &refusal{status: http.StatusTooManyRequests, code: "TOO_MANY_UPLOADS", message: "other reports are being read; try again", wait: 5 * time.Second}
	}
	end := time.Now().Add(r.limits.UploadTime)
	_ = http.NewResponseController(w).SetReadDeadline(end) // a server without deadlines has the context's
	ctx, cancel := context.WithDeadline(req.Context(), end)
	defer cancel()
	if t.kind == KindCoverage {
		if err := r.findCommit(ctx, t); err != nil {
			return nil, err
		}
	}
	in, err := plain(ctx, "", http.MaxBytesReader(w, req.Body, r.limits.Upload), r.limits.room(), r.limits.Upload)
	if err == nil {
		err = r.add(ctx, t, in, format)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	key, err := t.of.key()
	if err != nil {
		return nil, err
	}
	kept, err := r.save(ctx, key, t, head)
	if err != nil {
		return nil, unsaved(err)
	}
	return t.uploaded(kept), nil
}

// asked reads what an upload is of.
func (r *Reports) asked(req *http.Request) (t *taken, head store.Report, format string, err error) {
	t = &taken{kind: map[string]string{CoveragePath: KindCoverage, TestsPath: KindTests}[strings.TrimSuffix(req.URL.Path, "/")]}
	bad := func(status int, code, message string, args ...any) (*taken, store.Report, string, error) {
		return nil, head, "", &refusal{status: status, code: code, message: fmt.Sprintf(message, args...)}
	}
	if t.kind == "" {
		return bad(http.StatusNotFound, "NOT_FOUND", "reports are sent to %s or %s", CoveragePath, TestsPath)
	}
	if req.Method != http.MethodPost {
		return bad(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "a report is sent with POST")
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil || len(req.URL.RawQuery) > 8<<10 {
		return bad(http.StatusBadRequest, "INVALID", "the query cannot be read")
	}
	for name, values := range query {
		if !slices.Contains([]string{"repository", "commit", "branch", "flag", "format", "run"}, name) || len(values) > 1 {
			return bad(http.StatusBadRequest, "INVALID", "the query has %.40q, which is unknown, or is there twice", name)
		}
	}
	if req.Header.Get("Authorization") == "" {
		return bad(http.StatusUnauthorized, "UNAUTHENTICATED", "a report is sent with an Authorization header: Bearer and a token")
	}
	if encoding := strings.ToLower(req.Header.Get("Content-Encoding")); encoding != "" && encoding != "gzip" && encoding != "identity" {
		return bad(http.StatusUnsupportedMediaType, "UNSUPPORTED_ENCODING", "the report is encoded as %.40q; send it as it is, or packed with gzip", encoding)
	}
	if strings.HasPrefix(strings.ToLower(req.Header.Get("Content-Type")), "multipart/") {
		return bad(http.StatusUnsupportedMediaType, "UNSUPPORTED_TYPE", "the report is the body itself, without parts, as curl --data-binary @FILE sends it")
	}
	if req.ContentLength > r.limits.Upload {
		return bad(http.StatusRequestEntityTooLarge, "TOO_LARGE", "a report has at most %d bytes", r.limits.Upload)
	}
	commit, ok := git.ParseOID(query.Get("commit"))
	if !ok {
		return bad(http.StatusBadRequest, "INVALID", "commit has to be an object id of 40 or 64 hexadecimal digits")
	}
	t.commit, t.flag, head.Branch, head.Run, format = string(commit), query.Get("flag"), query.Get("branch"), query.Get("run"), strings.ToUpper(query.Get("format"))
	if err := cmp.Or(checkFlag(t.flag), checkFlag(head.Branch), checkFlag(head.Run)); err != nil {
		return bad(http.StatusBadRequest, "INVALID", "flag, branch and run have to be texts of at most %d bytes", maxFlag)
	}
	if format != "" && !known(t.kind, format) {
		return bad(http.StatusBadRequest, "INVALID", "%.40q is no format of %s", format, t.kind)
	}
	if t.of, ok = r.Find(query.Get("repository")); !ok {
		return bad(http.StatusNotFound, "NO_REPOSITORY", "%.200q is no repository of a configured host: give the address of its page", query.Get("repository"))
	}
	head.Run = runKey(t.of, head.Run)
	head.At = time.Now()
	head.Taken = head.At
	return t, head, format, nil
}

// runKey returns the key of a run of which the id on its host is given.
func runKey(of Repository, run string) string {
	if _, err := strconv.ParseUint(run, 10, 63); err != nil {
		return run
	}
	if of.System.Provider == ci.GitHubActions {
		run = "r" + run
	}
	return ci.KeyOf(of.Path, run)
}

// allowed asks whether the sender may report of the repository.
func (r *Reports) allowed(req *http.Request, of Repository) error {
	if r.authorize == nil {
		return &refusal{status: http.StatusForbidden, code: "FORBIDDEN", message: "nobody may upload reports here"}
	}
	err := r.authorize(req.Context(), req.Header, of)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnauthenticated):
		return &refusal{status: http.StatusUnauthorized, code: "UNAUTHENTICATED", message: "the token is not known, or has expired", err: err}
	case passing(err):
		return &refusal{status: http.StatusServiceUnavailable, code: "UNAVAILABLE", message: "it could not be found out who you are; try again", wait: 30 * time.Second, err: err}
	}
	return &refusal{status: http.StatusForbidden, code: "FORBIDDEN", message: "this token may not upload reports of " + of.Path, err: err}
}

// findCommit asks the host for the commit's files. A host that is down does not make builds fail: the paths stay as they are then.
func (r *Reports) findCommit(ctx context.Context, t *taken) error {
	_, _, err := r.files.list(ctx, t.of, t.commit)
	if errors.Is(err, clients.ErrNotFound) {
		return &refusal{status: http.StatusNotFound, code: "NO_COMMIT", message: fmt.Sprintf("%s knows no commit %s of %s", t.of.System.Name, t.commit, t.of.Path), err: err}
	}
	if ctx.Err() != nil {
		return &refusal{status: http.StatusRequestTimeout, code: "TIMEOUT", message: "it took too long", err: ctx.Err()}
	}
	t.unlisted = err != nil
	return nil
}

// unreadable says why a report could not be read. The parsers' errors are about the report alone, and can be shown.
func unreadable(err error) error {
	var packed *PackedError
	var large *http.MaxBytesError
	out := &refusal{status: http.StatusUnprocessableEntity, code: "UNREADABLE", message: shown(err.Error()), err: err}
	switch {
	case errors.As(err, &large):
		out.status, out.code, out.message = http.StatusRequestEntityTooLarge, "TOO_LARGE", fmt.Sprintf("a report has at most %d bytes", large.Limit)
	case errors.As(err, &packed) && packed.Reason != NotReadable, tooLarge(err):
		out.status, out.code = http.StatusRequestEntityTooLarge, "TOO_LARGE"
	case compressed(err):
		out.status, out.code = http.StatusUnsupportedMediaType, "UNSUPPORTED_TYPE"
	case errors.Is(err, ErrEmpty):
		out.code = "EMPTY"
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		out.status, out.code, out.message = http.StatusRequestTimeout, "TIMEOUT", "it took too long"
	case !permanent(err):
		out.status, out.code, out.message = http.StatusBadRequest, "INTERRUPTED", "the report did not arrive"
	}
	return out
}

// unsaved says why a report was not kept.
func unsaved(err error) error {
	switch {
	case errors.Is(err, store.ErrTooLarge):
		return &refusal{status: http.StatusRequestEntityTooLarge, code: "TOO_LARGE", message: shown(err.Error()), err: err}
	case errors.Is(err, store.ErrFull):
		return &refusal{status: http.StatusConflict, code: "TOO_MANY_FLAGS", message: fmt.Sprintf("the commit has reports of %d flags already", store.MaxFlags), err: err}
	case errors.Is(err, store.ErrInvalid):
		return &refusal{status: http.StatusBadRequest, code: "INVALID", message: shown(err.Error()), err: err}
	}
	return &refusal{status: http.StatusServiceUnavailable, code: "UNAVAILABLE", message: "the report could not be kept; try again", wait: 30 * time.Second, err: err}
}

// uploaded is what is said of what was kept.
func (t *taken) uploaded(kept store.Report) *uploaded {
	out := &uploaded{Repository: kept.Repository, Commit: kept.Commit, Flag: kept.Flag}
	if t.kind == KindTests {
		c := t.tests.Totals()
		out.Tests = &testCounted{Total: c.Cases(), Passed: c.Passed, Failed: c.Failing(), Skipped: c.Skipped, Flaky: c.Flaky}
		return out
	}
	totals := t.coverage.Totals()
	rate, _ := totals.Lines.Rate()
	out.Lines = &lineCounts{Covered: totals.Lines.Covered, Total: totals.Lines.Total, Percent: math.Round(rate*10000) / 100}
	out.Files = &fileCounts{Kept: totals.Files, Foreign: t.about.Foreign, Ambiguous: t.about.Ambiguous, Located: t.about.Located}
	for _, name := range t.examples {
		out.Files.Examples = append(out.Files.Examples, shown(name))
	}
	return out
}

// refuseUpload says why an upload was not taken.
func (r *Reports) refuseUpload(w http.ResponseWriter, req *http.Request, err error) {
	why := &refusal{status: http.StatusInternalServerError, code: "INTERNAL", message: "something went wrong", err: err}
	_ = errors.As(err, &why)
	switch why.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if why.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(why.wait.Seconds())))
	}
	r.log.InfoContext(req.Context(), "a report was not taken", "path", req.URL.Path, "status", why.status, "code", why.code, "error", why.err)
	reply(w, why.status, map[string]any{"error": map[string]string{"code": why.code, "message": why.message}})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked has gone
}
