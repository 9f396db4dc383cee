package githubtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Logs and artifacts lie on another host, at addresses that hold for a minute and tell all that is needed: nobody is asked who they are there, and
// who says so is refused, as the stores behind GitHub do.

const addressHolds = time.Minute // as documented in November 2026

// storage is where logs and artifacts lie.
type storage struct {
	key [32]byte
}

func newStorage() *storage {
	s := &storage{}
	_, _ = rand.Read(s.key[:])
	return s
}

func (s *storage) sign(path, until string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(path + "\n" + until))
	return hex.EncodeToString(mac.Sum(nil))
}

// stored returns the address that a path in the storage has for a minute.
func (g *GitHub) stored(path string) string {
	until := strconv.FormatInt(g.settings.Now().Add(addressHolds).Unix(), 10)
	return g.settings.Storage + path + "?se=" + until + "&sig=" + g.storage.sign(path, until)
}

// Storage returns what is served at Settings.Storage.
func (g *GitHub) Storage() http.Handler {
	return g.StorageWatch.Wrap(g.StorageFaults.Wrap(http.HandlerFunc(g.serveStorage)))
}

func (g *GitHub) serveStorage(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code></Error>`, code)
	}
	until, sum := r.URL.Query().Get("se"), r.URL.Query().Get("sig")
	seconds, err := strconv.ParseInt(until, 10, 64)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		fail(http.StatusMethodNotAllowed, "UnsupportedHttpVerb")
		return
	case r.Header.Get("Authorization") != "":
		fail(http.StatusBadRequest, "InvalidAuthenticationInfo")
		return
	case err != nil || !hmac.Equal([]byte(sum), []byte(g.storage.sign(r.URL.Path, until))) || g.settings.Now().After(time.Unix(seconds, 0)):
		fail(http.StatusForbidden, "AuthenticationFailed")
		return
	}
	g.catchUp()
	g.mu.RLock()
	media, data := g.blobAt(r.URL.Path)
	g.mu.RUnlock()
	if data == nil {
		fail(http.StatusNotFound, "BlobNotFound")
		return
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

func (g *GitHub) blobAt(path string) (media string, data []byte) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch kind {
	case "logs":
		if check, ok := g.state.nodes[numbered("CR", atoi(name))].(*Check); ok {
			if j := g.job(check.suite.repository, check.DatabaseID); j != nil {
				return "text/plain; charset=utf-8", []byte(j.log(g.settings.Now()))
			}
		}
	case "runs":
		if run, ok := g.state.nodes[numbered("WFR", atoi(name))].(*workflowRun); ok {
			return "application/zip", run.of().logs(g.settings.Now())
		}
	case "artifacts":
		if a := g.artifact(atoi(name)); a != nil {
			return "application/zip", a.data
		}
	}
	return "", nil
}

func (g *GitHub) artifact(id int) *artifact {
	for _, r := range g.state.repositories {
		for _, s := range r.suites {
			if s.run == nil || s.run.build == nil {
				continue
			}
			for _, a := range s.run.build.artifacts {
				if a.DatabaseID == id {
					return a
				}
			}
		}
	}
	return nil
}

// Log returns the log of a job as far as it has got, which a person sees while it grows; clients get it once the job is completed.
func (g *GitHub) Log(repository string, job int) (string, error) {
	g.catchUp()
	g.mu.RLock()
	defer g.mu.RUnlock()
	r, err := g.find(repository)
	if err != nil {
		return "", err
	}
	j := g.job(r, job)
	if j == nil {
		return "", fmt.Errorf("job %d of %s: %w", job, repository, ErrUnknown)
	}
	return j.log(g.settings.Now()), nil
}

// stampLog writes a time as it stands before each line of a log.
func stampLog(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.0000000Z") }

func (j *job) log(now time.Time) string {
	var b strings.Builder
	b.WriteString("\ufeff") // with which the logs of GitHub begin
	for _, s := range j.steps {
		b.WriteString(s.log(now))
	}
	return b.String()
}

// log returns what a step has written by now: its lines are spread over its time.
func (s *step) log(now time.Time) string {
	if s.startedAt.IsZero() || s.conclusion == "SKIPPED" {
		return ""
	}
	until := now
	if !s.completedAt.IsZero() {
		until = s.completedAt
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s ##[group]%s\n", stampLog(s.startedAt), s.Name)
	if s.Log != "" {
		lines := strings.Split(strings.TrimSuffix(s.Log, "\n"), "\n")
		for i, line := range lines {
			at := s.startedAt.Add(s.Takes * time.Duration(i) / time.Duration(len(lines)))
			if at.After(until) {
				break
			}
			fmt.Fprintf(&b, "%s %s\n", stampLog(at), line)
		}
	}
	for _, line := range s.written {
		b.WriteString(line)
	}
	if s.status == "COMPLETED" {
		fmt.Fprintf(&b, "%s ##[endgroup]\n", stampLog(s.completedAt))
		switch s.conclusion {
		case "FAILURE":
			fmt.Fprintf(&b, "%s ##[error]Process completed with exit code 1.\n", stampLog(s.completedAt))
		case "CANCELLED":
			fmt.Fprintf(&b, "%s ##[error]The operation was canceled.\n", stampLog(s.completedAt))
		}
	}
	return b.String()
}

// logs returns the archive of the logs of a run: a file for each job, and one for each of its steps.
func (b *build) logs(now time.Time) []byte {
	files := map[string][]byte{}
	for i, j := range b.latest() {
		name := strings.ReplaceAll(j.plan.Name, "/", "")
		files[fmt.Sprintf("%d_%s.txt", i, name)] = []byte(j.log(now))
		for _, s := range j.steps {
			if text := s.log(now); text != "" {
				files[fmt.Sprintf("%s/%d_%s.txt", name, s.number, strings.ReplaceAll(s.Name, "/", ""))] = []byte("\ufeff" + text)
			}
		}
	}
	return archive(files)
}
