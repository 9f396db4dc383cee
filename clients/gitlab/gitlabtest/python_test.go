//go:build servers

package gitlabtest_test

import (
	"os/exec"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/clients/gitlab/gitlabtest/stage"
)

// TestPython lets python-gitlab (Debian's python3-gitlab), which knows nothing of this simulator, read all of the stage and change some of it.
func TestPython(t *testing.T) {
	python := ""
	for _, candidate := range []string{"/usr/bin/python3", "python3"} { // Debian's own first: its packages are not those of others
		if exec.Command(candidate, "-c", "import gitlab").Run() == nil {
			python = candidate
			break
		}
	}
	if python == "" {
		t.Fatal("no python3 has the module gitlab: apt-get install python3-gitlab")
	}
	s := stage.Set(t, gitlabtest.Settings{})
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), python, "testdata/drive.py", server.URL(), stage.AdaToken, stage.RitaToken, stage.OtherToken)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "NO_PROXY=*"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
