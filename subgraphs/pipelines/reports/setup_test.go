package reports_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/pipelines/ci"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store/sqlite"
)

// player is a repository of a small program in Go, with a merge base, a commit before that, and the head of a change.
type player struct {
	gittest.Workshop
	before, base, head string
	profiles           map[string]string // what go test -coverprofile writes at each commit
	events             map[string]string // what go test -json writes
}

const queueFirst = `package queue

// Double is twice a number.
func Double(n int) int {
	if n < 0 {
		return 0
	}
	return 2 * n
}
`

const queueThen = `package queue

// Half is half of a number.
func Half(n int) int {
	if n%2 != 0 {
		return 0
	}
	return n / 2
}

// Double is twice a number.
func Double(n int) int {
	if n < 0 {
		return 0
	}
	return 2 * n
}
`

// newPlayer makes the repository, and runs its tests at each commit.
var newPlayer = func() func(t testing.TB) *player {
	var once sync.Once
	var p *player
	return func(t testing.TB) *player {
		t.Helper()
		once.Do(func() { p = makePlayer(t) })
		if p == nil {
			t.Fatal("the repository was not made")
		}
		return p
	}
}()

func makePlayer(t testing.TB) *player {
	dir, err := os.MkdirTemp(scratch, "player-*") // it is shared by all tests
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	p := &player{Workshop: gittest.Workshop{T: t, Dir: dir}, profiles: map[string]string{}, events: map[string]string{}}
	p.Checkout("player")
	test := func(name, body string) string {
		return "package " + name + "\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n" + body + "}\n"
	}
	p.Write("player/go.mod", "module larkfold.example/player\n\ngo 1.24\n")
	p.Write("player/queue/queue.go", queueFirst)
	p.Write("player/queue/queue_test.go", test("queue", "\tif Double(2) != 4 {\n\t\tt.Fatal()\n\t}\n"))
	p.before = p.commit("the queue")
	p.Write("player/radio/radio.go", "package radio\n\n// On tells whether it plays.\nfunc On(station string) bool {\n\treturn station != \"\"\n}\n")
	p.Write("player/radio/radio_test.go", test("radio", "\tif On(\"\") {\n\t\tt.Fatal()\n\t}\n"))
	p.base = p.commit("the radio")
	p.Git("player", "switch", "-q", "-c", "half")
	p.Write("player/queue/queue.go", queueThen)
	p.Write("player/queue/queue_test.go", test("queue", "\tif Double(2) != 4 || Double(-2) != 0 || Half(4) != 2 {\n\t\tt.Fatal()\n\t}\n"))
	if err := os.Remove(p.Path("player/radio/radio_test.go")); err != nil {
		t.Fatal(err)
	}
	p.head = p.commit("half of the queue")
	return p
}

// commit commits, and writes down what the tests say.
func (p *player) commit(message string) string {
	id := p.Workshop.Commit("player", message)
	run := func(args ...string) string {
		cmd := exec.Command(filepath.Join(goroot(), "bin", "go"), append([]string{"test", "-count=1"}, args...)...)
		cmd.Dir = p.Path("player")
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.Output()
		if err != nil {
			p.T.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	profile := p.Path("profile.txt")
	p.events[id] = run("-json", "-coverprofile="+profile, "./...")
	text, err := os.ReadFile(profile)
	if err != nil {
		p.T.Fatal(err)
	}
	p.profiles[id] = string(text)
	return id
}

func goroot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// scratch is where what all tests share is made.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "callboard-reports-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var hunkLine = regexp.MustCompile(`(?m)^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@`)

// comparison is what the head changes, as git says it.
func (p *player) comparison() *ci.Comparison {
	out := &ci.Comparison{MergeBase: p.base, Ancestors: []string{p.base, p.before}, Complete: true}
	for name := range strings.SplitSeq(p.Git("player", "diff", "--name-only", p.base, p.head), "\n") {
		t := ci.Touched{Path: name, Hunks: []ci.Hunk{}}
		for _, m := range hunkLine.FindAllStringSubmatch(p.Git("player", "diff", "-U0", p.base, p.head, "--", name), -1) {
			n := [4]int{0, 1, 0, 1}
			for i := range n {
				if m[i+1] != "" {
					n[i], _ = strconv.Atoi(m[i+1])
				}
			}
			t.Hunks = append(t.Hunks, ci.Hunk{BaseStart: n[0], BaseLines: n[1], HeadStart: n[2], HeadLines: n[3]})
		}
		out.Files = append(out.Files, t)
	}
	return out
}

// system stands for a CI system, and for the host of repositories that it may be.
type system struct {
	ci.Driver // what is not asked for here panics
	ci.Forge

	mu       sync.Mutex
	left     []ci.Artifact
	contents map[string][]byte
	files    map[string][]string // of commits
	partial  bool                // of them not all are told
	filesErr error
	openErr  error
	listed   int // how often
	opened   int
	gate     chan struct{} // where it is not nil, opening waits for it
}

func (s *system) Artifacts(_ context.Context, runs []string) ([][]ci.Artifact, []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	return [][]ci.Artifact{s.left}, make([]error, len(runs))
}

func (s *system) Open(ctx context.Context, _, artifact string, most int64) (io.ReadCloser, int64, error) {
	s.mu.Lock()
	s.opened++
	gate, err, data := s.gate, s.openErr, s.contents[artifact]
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	if err != nil {
		return nil, 0, err
	}
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
}

func (s *system) Files(_ context.Context, c ci.CommitName) ([]string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filesErr != nil {
		return nil, false, s.filesErr
	}
	files, ok := s.files[c.OID]
	if !ok {
		return nil, false, clients.ErrNotFound
	}
	return files, !s.partial, nil
}

// leave has runs leave an artifact behind.
func (s *system) leave(name string, archive bool, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contents == nil {
		s.contents = map[string][]byte{}
	}
	key := strconv.Itoa(len(s.left) + 1)
	s.left = append(s.left, ci.Artifact{Key: key, Name: name, Size: int64(len(data)), Archive: archive})
	s.contents[key] = data
}

// stage is what tests of this package play on.
type stage struct {
	*reports.Reports
	t      testing.TB
	system *system
	of     reports.Repository
	store  *sqlite.DB
	log    *lines
}

// lines keeps what is logged at warning and above.
type lines struct {
	mu   sync.Mutex
	text []string
	errs []error
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *lines) WithGroup(string) slog.Handler                    { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		if err, ok := a.Value.Any().(error); ok {
			l.errs = append(l.errs, err)
		}
		return true
	})
	l.text = append(l.text, text)
	return nil
}

func systemAt(t testing.TB, name string, provider ci.Provider, host *forge.Host, driver ci.Driver) *ci.System {
	t.Helper()
	address, _ := url.Parse("https://" + name)
	source, err := clients.Open(clients.Settings{Name: name, Kind: "github", Address: address}, clients.Shared{})
	if err != nil {
		t.Fatal(err)
	}
	return ci.New(provider, address, host, source, driver)
}

// newStage returns reports of larkfold/player on a host, in a new store. The commits are those of newPlayer.
func newStage(t testing.TB, change func(*reports.Config)) *stage {
	t.Helper()
	s := &stage{t: t, system: &system{files: map[string][]string{}}, store: sqlite.New(""), log: &lines{}}
	t.Cleanup(func() { s.store.Close() })
	web, _ := url.Parse("https://github.example")
	host := systemAt(t, "github.example", ci.GitHubActions, forge.New("github.example", forge.GitHub, web), s.system)
	s.of = reports.Repository{System: host, Path: "larkfold/Player"}
	c := reports.Config{Store: s.store, Systems: []*ci.System{host}, Folder: t.TempDir(), Log: slog.New(s.log)}
	if change != nil {
		change(&c)
	}
	s.Reports = reports.New(c)
	return s
}

// commits tells the host about the repository's commits.
func (s *stage) commits(p *player) {
	for _, id := range []string{p.before, p.base, p.head} {
		s.system.files[id] = strings.Split(p.Git("player", "ls-tree", "-r", "--name-only", id), "\n")
	}
}

var began = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// run is one that is done.
func run(commit string, number int) *ci.Run {
	at := began.Add(time.Duration(number) * time.Hour)
	return &ci.Run{Key: fmt.Sprintf("larkfold/player#r%d", number), Pipeline: "larkfold/player#w1", PipelineName: "CI", Number: number, Attempt: 1, Status: ci.Succeeded, Trigger: ci.ByPush, Commit: commit, Branch: "main",
		CreatedAt: at, StartedAt: at, FinishedAt: at.Add(5 * time.Minute)}
}

// collect has a run leave files behind in one archive, and collects it.
func (s *stage) collect(r *ci.Run, files map[string]string) {
	s.t.Helper()
	s.system.left = nil
	s.system.leave("reports", true, packed(s.t, files))
	if err := s.Collect(s.t.Context(), s.of, r); err != nil {
		s.t.Fatal(err)
	}
}

func packed(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
