//go:build servers

package jenkinstest_test

import (
	"net/http"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// TestPython lets python-jenkins (Debian's python3-jenkins), which knows nothing of this simulator, read all of the stage and build some of it.
func TestPython(t *testing.T) {
	python := ""
	for _, candidate := range []string{"/usr/bin/python3", "python3"} { // Debian's own first: its packages are not those of others
		if exec.Command(candidate, "-c", "import jenkins").Run() == nil {
			python = candidate
			break
		}
	}
	if python == "" {
		t.Fatal("no python3 has the module jenkins: install python3-jenkins")
	}
	s := stage.Set(t, jenkinstest.Settings{})
	server, err := clientstest.Listen("127.0.0.1:0", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	// What the script asks here makes time pass: GET /SECONDS.
	clock, err := clientstest.Listen("127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n, err := strconv.Atoi(r.URL.Path[1:]); err == nil {
			s.Pass(time.Duration(n) * time.Second)
		}
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer clock.Close()
	cmd := exec.CommandContext(t.Context(), python, "testdata/drive.py", server.URL(), stage.Ada, stage.AdaToken, stage.AdaPassword, clock.URL())
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "NO_PROXY=*"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
