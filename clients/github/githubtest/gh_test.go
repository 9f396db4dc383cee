//go:build servers

package githubtest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/github/githubtest"
)

// authority makes a certificate for 127.0.0.1 and 127.0.0.2, and returns it with the file that makes clients trust it.
func authority(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, &key.PublicKey, key)
	must(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

// command is gh, GitHub's own command line, at a site.
type command struct {
	t    *testing.T
	env  []string
	host string
}

func newCommand(t *testing.T, s *site) command {
	t.Helper()
	path, err := exec.LookPath("gh")
	if err != nil {
		t.Fatal("gh, GitHub's command line, is not installed: apt-get install gh")
	}
	settings, file := authority(t)
	server, err := clientstest.Listen("127.0.0.1:0", s, settings)
	must(t, err)
	t.Cleanup(server.Close)
	home := t.TempDir()
	return command{t: t, host: server.Address, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GH_CONFIG_DIR=" + home, "GH_HOST=" + server.Address, "GH_ENTERPRISE_TOKEN=ada-token", "SSL_CERT_FILE=" + file,
		"GH_NO_UPDATE_NOTIFIER=1", "GH_PROMPT_DISABLED=1", "NO_COLOR=1", "TZ=UTC", "GH_PATH=" + path,
	}}
}

// try runs gh and returns what it writes, and how it ended.
func (c command) try(args ...string) (out, complaint string, err error) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "gh", args...)
	cmd.Env, cmd.Dir = c.env, c.t.TempDir()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// expect runs gh and looks for texts in what it writes.
func (c command) expect(args string, wanted ...string) {
	c.t.Helper()
	out, complaint, err := c.try(strings.Split(args, "|")...)
	if err != nil {
		c.t.Errorf("gh %s: %v: %s%s", args, err, out, complaint)
		return
	}
	for _, text := range wanted {
		if !strings.Contains(out, text) {
			c.t.Errorf("gh %s lacks %q:\n%s", args, text, out)
		}
	}
}

func TestGHReads(t *testing.T) {
	s := newSite(t, githubtest.Settings{Enterprise: true, Host: "github.larkfold.example"})
	c := newCommand(t, s)
	repo := c.host + "/larkfold/tiles"

	c.expect("api|graphql|-f|query={ viewer { login } }", `{"data":{"viewer":{"login":"ada"}}}`)
	c.expect("api|user", `"login":"ada"`)
	c.expect("api|--paginate|repos/larkfold/tiles/contributors?per_page=1|-q|.[].login", "ada")
	c.expect("api|--paginate|orgs/larkfold/repos?per_page=1|-q|.[].name", "tiles", "empty")
	c.expect("api|graphql|--paginate|-f|query=query($endCursor: String) { repository(owner: \"larkfold\", name: \"tiles\") { issues(first: 1, after: $endCursor) { nodes { title } pageInfo { hasNextPage endCursor } } } }|-q|.data.repository.issues.nodes[].title",
		"Gaps between tracks\nOld and done")
	c.expect("repo|view|"+repo, "larkfold/tiles", "Covers and rows")
	c.expect("repo|view|"+repo+"|--json|name,owner,description,isArchived,primaryLanguage,licenseInfo,repositoryTopics,defaultBranchRef,latestRelease,languages,stargazerCount,issues,pullRequests,watchers,labels,milestones,isPrivate,pushedAt,viewerPermission",
		`"name":"tiles"`, `"Go"`, `"mit"`, `"v1.0.0"`, `"totalCount":1`, `"ADMIN"`)
	c.expect("repo|list|larkfold", "larkfold/tiles", "larkfold/empty")
	c.expect("pr|list|-R|"+repo, "Play without gaps", "gapless")
	c.expect("pr|list|-R|"+repo+"|--json|number,title,author,reviewDecision,labels,headRefName,mergeable,additions,deletions,changedFiles,statusCheckRollup,reviewRequests,latestReviews,commits,files",
		`"reviewDecision":"CHANGES_REQUESTED"`, `"additions":2`, `"deletions":1`, `"login":"ben"`, `"conclusion":"SUCCESS"`, `"mergeable":"MERGEABLE"`)
	c.expect("pr|list|-R|"+repo+"|--author|ben|--label|bug", "Play without gaps")
	c.expect("pr|list|-R|"+repo+"|--state|all|--search|review-requested:ada", "Play without gaps")
	c.expect("pr|view|3|-R|"+repo, "Play without gaps", "Fixes #1")
	c.expect("pr|view|3|-R|"+repo+"|--comments", "Nice", "Not yet")
	c.expect("pr|view|gapless|-R|"+repo+"|--json|number,state,url", `"number":3`, `"state":"OPEN"`)
	c.expect("issue|list|-R|"+repo, "Gaps between tracks")
	c.expect("issue|list|-R|"+repo+"|--state|closed", "Old and done")
	c.expect("issue|list|-R|"+repo+"|--assignee|ben|--json|number,title,labels,milestone,state", `"number":1`, `"Spring"`, `"bug"`)
	c.expect("issue|view|1|-R|"+repo, "Gaps between tracks", "Hear **them**?")
	c.expect("release|list|-R|"+repo, "v1.0.0", "Draft")
	c.expect("release|view|-R|"+repo, "The **first**", "tiles.zip")
	c.expect("label|list|-R|"+repo, "bug", "audio")
	c.expect("search|prs|--owner|larkfold|--state|open", "larkfold/tiles", "Play without gaps")
	c.expect("search|issues|gaps|--repo|larkfold/tiles", "Gaps between tracks")
	c.expect("search|repos|--owner|larkfold", "larkfold/tiles")
	c.expect("api|repos/larkfold/tiles/readme|-q|.path", "README")

	if _, complaint, err := c.try("pr", "view", "99", "-R", repo); err == nil || !strings.Contains(complaint, "Could not resolve to a PullRequest with the number of 99.") {
		t.Errorf("a pull request that is not there: %v: %s", err, complaint)
	}
	if _, complaint, err := c.try("repo", "view", c.host+"/larkfold/none"); err == nil || !strings.Contains(complaint, "Could not resolve to a Repository with the name 'larkfold/none'.") {
		t.Errorf("a repository that is not there: %v: %s", err, complaint)
	}
}

func TestGHWrites(t *testing.T) {
	s := newSite(t, githubtest.Settings{Enterprise: true, Host: "github.larkfold.example"})
	c := newCommand(t, s)
	repo := c.host + "/larkfold/tiles"
	c.expect("issue|create|-R|"+repo+"|--title|Made by gh|--body|Text|--label|bug|--assignee|ben", "/larkfold/tiles/issues/4")
	c.expect("issue|view|4|-R|"+repo, "Made by gh", "bug", "ben")
	c.expect("issue|close|4|-R|" + repo)
	c.expect("issue|view|4|-R|"+repo+"|--json|state,closedAt", `"state":"CLOSED"`)
	c.expect("issue|comment|1|-R|"+repo+"|--body|Me too", "#issuecomment-")
	c.expect("pr|review|3|-R|" + repo + "|--approve|--body|Now it is fine")
	c.expect("pr|view|3|-R|"+repo+"|--json|latestReviews", `"state":"APPROVED"`)
	c.expect("pr|merge|3|-R|" + repo + "|--squash|--admin")
	c.expect("pr|view|3|-R|"+repo+"|--json|state,mergedBy,mergeCommit", `"state":"MERGED"`, `"ada"`)
	if got := s.work.Git("tiles", "log", "-1", "--format=%s %an", "main"); got != "Play without gaps (#3) Ada Marsh" {
		t.Errorf("the branch is at %q", got)
	}
}
