//go:build servers

package server_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"callboard.dev/callboard/gateway/server"
)

// The clients of those who wrote the protocols understand what is said, and so does the playground. They are npm packages, pinned by web/package-lock.json.
func TestReferenceClients(t *testing.T) {
	web, err := filepath.Abs("../../web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "graphql-sse")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = web
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("the clients cannot be installed (npm is the Debian package npm): %v\n%s", err, out)
		}
	}
	s := &stage{}
	script := exec.CommandContext(t.Context(), "node", filepath.Join(web, "live.mjs"), serveLive(t, s, server.Settings{}).URL+"/graphql", playsQuery)
	script.Stderr = os.Stderr
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, name := range []string{"graphql-ws", "graphql-sse distinct", "playground", "graphql-sse single"} {
		eventually(t, name+" has subscribed", func() bool { return s.listening() == 1 })
		for _, id := range []string{"1", "null", "2", ""} {
			s.happen(id)
		}
		want := name + " [" + wants[0] + "," + wants[1] + "," + wants[2] + "]"
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("heard %s\nwant %s", lines.Text(), want)
		}
		eventually(t, name+" has left", func() bool { return s.listening() == 0 })
	}
	if err := script.Wait(); err != nil {
		t.Error(err)
	}
}
