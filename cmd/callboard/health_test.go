package main_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	s := start(t, "up", t.TempDir())
	if out, err := exec.Command(binary, "health", s.URL+"/readyz").CombinedOutput(); err != nil || string(out) != "ready\n" {
		t.Errorf("a Callboard that runs is %q, %v", out, err)
	}
	draining := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	out, err := exec.Command(binary, "health", draining.URL).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "503") {
		t.Errorf("one that is not ready is %q, %v", out, err)
	}
	draining.Close()
	if out, err := exec.Command(binary, "health", draining.URL).CombinedOutput(); err == nil {
		t.Errorf("one that is gone is %q", out)
	}
}
