//go:build servers

package githubtest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
)

// newBuilder is gh at a site with a workflow, whose addresses lead to where gh can follow them.
func newBuilder(t *testing.T) (*site, command, string) {
	t.Helper()
	settings, file := authority(t)
	var hub, store atomic.Pointer[http.Handler]
	serve := func(address string, h *atomic.Pointer[http.Handler]) *clientstest.Server {
		server, err := clientstest.Listen(address+":0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h.Load()).ServeHTTP(w, r) }), settings)
		must(t, err)
		t.Cleanup(server.Close)
		return server
	}
	at, stored := serve("127.0.0.1", &hub), serve("127.0.0.2", &store)
	s := newSite(t, githubtest.Settings{Enterprise: true, Host: at.Address, Storage: "https://" + stored.Address})
	all, storage := http.Handler(s), s.Storage()
	hub.Store(&all)
	store.Store(&storage)
	must(t, s.AddWorkflow("larkfold/tiles", githubtest.Workflow{
		Name: "Build", Path: ".github/workflows/build.yml", Events: []string{"push", "workflow_dispatch"}, Inputs: []string{"target"},
		Jobs: []githubtest.JobPlan{
			{Name: "test", Queue: time.Second, Steps: []githubtest.StepPlan{{Name: "Run go test", Takes: 30 * time.Second, Conclusion: "FAILURE", Attempts: 1, Log: "=== RUN TestGaps\n--- FAIL: TestGaps"}},
				Annotations: []githubtest.Annotation{{Path: "main.go", StartLine: 3, EndLine: 3, Level: "failure", Message: "TestGaps failed"}},
				Artifacts:   []githubtest.ArtifactPlan{{Name: "reports", Files: map[string][]byte{"junit.xml": []byte("<testsuites/>")}, Always: true}}},
			{Name: "build", Needs: []string{"test"}, Steps: []githubtest.StepPlan{{Name: "Run go build", Takes: 10 * time.Second}}},
		},
	}))
	home := t.TempDir()
	// gh sends a token of its environment to every host, and the storage refuses who brings one.
	must(t, os.WriteFile(filepath.Join(home, "hosts.yml"), []byte("\""+at.Address+"\":\n    user: ada\n    oauth_token: ada-token\n"), 0o600))
	return s, command{t: t, host: at.Address, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GH_CONFIG_DIR=" + home, "XDG_CACHE_HOME=" + home, "GH_HOST=" + at.Address, "SSL_CERT_FILE=" + file,
		"GH_NO_UPDATE_NOTIFIER=1", "GH_PROMPT_DISABLED=1", "NO_COLOR=1", "TZ=UTC",
	}}, at.Address + "/larkfold/tiles"
}

func TestGHFollowsBuilds(t *testing.T) {
	s, c, repo := newBuilder(t)
	id, err := s.StartRun(t.Context(), "larkfold/tiles", githubtest.Run{Workflow: "Build", By: "ada"})
	must(t, err)
	run := strconv.Itoa(id)
	c.expect("workflow|list|-R|"+repo, "Build", "active")
	c.expect("run|list|-R|"+repo+"|--workflow|build.yml", "queued", "Say one", "Build", "main", "push", run)
	s.pass(10 * time.Second)
	c.expect("run|view|"+run+"|-R|"+repo, "test")
	c.expect("run|list|-R|"+repo+"|--json|databaseId,status,conclusion,workflowName,headBranch,headSha,event,number,displayTitle,createdAt,startedAt,updatedAt,url|--limit|1",
		`"status":"in_progress"`, `"workflowName":"Build"`, `"databaseId":`+run, `"headSha":"`+s.head+`"`)
	if _, complaint, err := c.try("run", "rerun", run, "-R", repo); err == nil || !strings.Contains(complaint, "cannot be rerun") {
		t.Errorf("running again what runs: %v: %s", err, complaint)
	}
	s.pass(time.Minute)
	c.expect("run|list|-R|"+repo, "completed", "failure")
	c.expect("run|view|"+run+"|-R|"+repo+"|--verbose", "Run go test", "TestGaps failed", "reports", "build")
	c.expect("run|view|"+run+"|-R|"+repo+"|--json|jobs,conclusion|-q|.jobs[].conclusion", "failure\nskipped")
	c.expect("run|view|"+run+"|-R|"+repo+"|--log", "test\tRun go test\t", "--- FAIL: TestGaps")
	c.expect("run|view|"+run+"|-R|"+repo+"|--log-failed", "--- FAIL: TestGaps")
	c.expect("run|download|" + run + "|-R|" + repo + "|-n|reports")
	c.expect("run|rerun|" + run + "|-R|" + repo + "|--failed")
	s.pass(5 * time.Minute)
	c.expect("api|repos/larkfold/tiles/actions/runs/"+run+"|-q|.run_attempt", "2\n")
	c.expect("run|view|"+run+"|-R|"+repo+"|--json|conclusion", `"conclusion":"success"`)
	c.expect("run|rerun|" + run + "|-R|" + repo)
	c.expect("run|cancel|" + run + "|-R|" + repo)
	s.pass(time.Minute)
	c.expect("run|view|"+run+"|-R|"+repo+"|--json|conclusion", `"conclusion":"cancelled"`)
	if _, complaint, err := c.try("run", "cancel", run, "-R", repo); err == nil || !strings.Contains(complaint, "completed") {
		t.Errorf("cancelling what is over: %v: %s", err, complaint)
	}
	c.expect("workflow|run|build.yml|-R|" + repo + "|--ref|gapless|-f|target=web")
	c.expect("run|list|-R|"+repo+"|--branch|gapless", "workflow_dispatch", "queued")
	s.pass(5 * time.Minute)
	c.expect("api|repos/larkfold/tiles/commits/gapless/check-runs|-q|.check_runs[].conclusion", "failure", "skipped", "success")
	c.expect("api|repos/larkfold/tiles/commits/gapless/status|-q|.state", "failure")
	c.expect("api|repos/larkfold/tiles/issues/1/comments|-f|body=Look here|-q|.body", "Look here")
	if out, _, err := c.try("pr", "checks", "3", "-R", repo); err == nil || !strings.Contains(out, "test\tfail\t30s") || !strings.Contains(out, "build\tskipping") {
		t.Errorf("checks of a pull request: %v: %s", err, out)
	}
}
