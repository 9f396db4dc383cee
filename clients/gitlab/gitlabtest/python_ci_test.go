//go:build servers

package gitlabtest_test

import (
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// TestPythonCI lets python-gitlab drive pipelines, on a GitLab where a second goes by with every look at its clock.
func TestPythonCI(t *testing.T) {
	python := ""
	for _, candidate := range []string{"/usr/bin/python3", "python3"} { // Debian's own first: its packages are not those of others
		if exec.Command(candidate, "-c", "import gitlab").Run() == nil {
			python = candidate
			break
		}
	}
	if python == "" {
		t.Fatal("no python3 has the module gitlab: install python3-gitlab")
	}
	var looks, running atomic.Int64
	s := stage.Set(t, gitlabtest.Settings{Now: func() time.Time {
		if running.Load() == 0 {
			return stage.Now
		}
		return stage.Now.Add(time.Duration(looks.Add(1)) * time.Second)
	}})
	ran := s.Run()
	const max = "glpat-max-0123456789abcdef"
	if err := s.AddToken(gitlabtest.Token{Value: max, Username: "max"}); err != nil {
		t.Fatal(err)
	}
	running.Store(1)
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), python, "testdata/ci.py", server.URL(), stage.AdaToken, max, strconv.FormatInt(ran.Old[2], 10), strconv.FormatInt(ran.Failed, 10))
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "NO_PROXY=*"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
