package charttest_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"callboard.dev/callboard/cmd/callboard/config"
)

// project loads compose.yaml as docker compose does, with these variables.
func project(t *testing.T, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithEnv(env), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func mustProject(t *testing.T) *types.Project {
	t.Helper()
	p, err := project(t, "POSTGRES_PASSWORD="+secretMark+"POSTGRES", "REDIS_PASSWORD="+secretMark+"REDIS")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeWantsPasswords(t *testing.T) {
	for _, env := range [][]string{nil, {"POSTGRES_PASSWORD=x"}, {"REDIS_PASSWORD=x"}, {"POSTGRES_PASSWORD=", "REDIS_PASSWORD=x"}} {
		if _, err := project(t, env...); err == nil || !strings.Contains(err.Error(), "copy env.example to .env") {
			t.Errorf("with %v the error is %v", env, err)
		}
	}
}

// TestComposeServices checks what must be true of every container.
func TestComposeServices(t *testing.T) {
	p := mustProject(t)
	if names := p.ServiceNames(); !slices.Equal(names, []string{"callboard", "postgresql", "proxy", "redis"}) {
		t.Fatalf("the services are %v", names)
	}
	for name, s := range p.Services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Interval == nil {
			t.Errorf("%s has no health check", name)
		}
		if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.NanoCPUs == 0 {
			t.Errorf("%s has no limits", name)
		}
		if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it needs", name)
		}
		if user, _, _ := strings.Cut(s.User, ":"); name != "proxy" && (user == "" || user == "0" || user == "root") { // HAProxy's image has a user of its own
			t.Errorf("%s runs as %q", name, s.User)
		}
		if !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s runs the image %s, which says no version", name, s.Image)
		}
		if (len(s.Ports) > 0) != (name == "proxy") {
			t.Errorf("%s has %d open ports: all but the proxy's stay inside", name, len(s.Ports))
		}
		for _, v := range s.Volumes {
			if _, named := p.Volumes[v.Source]; v.Type == types.VolumeTypeVolume && !named {
				t.Errorf("%s keeps %s in a volume without a name", name, v.Target)
			}
		}
		for _, c := range s.Configs {
			if _, err := os.Stat(p.Configs[c.Source].File); err != nil {
				t.Errorf("%s mounts a configuration that is not there: %v", name, err)
			}
		}
	}
	if p.Services["proxy"].Ports[0].HostIP != "127.0.0.1" {
		t.Errorf("by default the proxy listens for others at %q", p.Services["proxy"].Ports[0].HostIP)
	}
	if !p.Networks["stores"].Internal {
		t.Error("the stores can reach other machines")
	}
	if r := p.Services["callboard"].Deploy.Replicas; r == nil || *r != 2 {
		t.Errorf("there are %v replicas", r)
	}
}

// TestComposeConfiguration reads the mounted callboard.yaml with the environment of the container and holds it against the other services.
func TestComposeConfiguration(t *testing.T) {
	p := mustProject(t)
	s := p.Services["callboard"]
	text, err := os.ReadFile(p.Configs[s.Configs[0].Source].File)
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) {
		value := s.Environment[name]
		if value == nil {
			return "", false
		}
		return *value, true
	}
	c := accept(t, string(text), env)
	if !slices.Equal(s.Command, types.ShellCommand{"up", "--config", s.Configs[0].Target}) {
		t.Errorf("the command is %v, the configuration at %s", s.Command, s.Configs[0].Target)
	}
	if grace, shutdown := s.StopGracePeriod, c.Server.ShutdownTimeout.Duration(); grace == nil || time.Duration(*grace) < shutdown+2*time.Second {
		t.Errorf("the container is killed after %v, but finishes requests for %v", grace, shutdown)
	}
	if !slices.ContainsFunc(s.Tmpfs, func(mount string) bool { return strings.HasPrefix(mount, c.State+":uid=65532,") }) {
		t.Errorf("the state is in %s, but what can be written is %v", c.State, s.Tmpfs)
	}
	if !slices.Equal(c.Folders, []string{s.Volumes[0].Target}) || !s.Volumes[0].ReadOnly {
		t.Errorf("the folders are %v, mounted is %v", c.Folders, s.Volumes[0])
	}
	if info, err := os.Stat(s.Volumes[0].Source); err != nil || !info.IsDir() {
		t.Errorf("the example organisation is not at %s", s.Volumes[0].Source)
	}
	if !slices.Equal(c.Cache.Redis.Addresses, []string{"redis:6379"}) || c.Cache.Redis.Password.Reveal() != *p.Services["redis"].Environment["REDISCLI_AUTH"] {
		t.Errorf("Redis is %+v", c.Cache.Redis)
	}
	pg := p.Services["postgresql"].Environment
	want := "postgres://" + *pg["POSTGRES_USER"] + ":" + *pg["POSTGRES_PASSWORD"] + "@postgresql:5432/" + *pg["POSTGRES_DB"] + "?sslmode=disable"
	if got, _ := env("CALLBOARD_STORE"); got != want || !strings.Contains(string(text), "\nstore: ${CALLBOARD_STORE}\n") {
		t.Errorf("the store is at %s, want %s", got, want)
	}
	for _, secret := range secretsIn(reflect.ValueOf(c)) {
		if secret != "" && !strings.Contains(secret, secretMark) {
			t.Errorf("the secret %q does not come from the environment", secret)
		}
	}
}

// TestComposeExampleOfSources takes the mark of a comment from the example in callboard.yaml.
func TestComposeExampleOfSources(t *testing.T) {
	text, err := os.ReadFile("../compose/callboard.yaml")
	if err != nil {
		t.Fatal(err)
	}
	with := regexp.MustCompile(`(?m)^# (sources:|  )`).ReplaceAllString(string(text), "$1")
	c := accept(t, with, func(name string) (string, bool) {
		if name == "CALLBOARD_HOST" {
			return "", false
		}
		return secretValue(name), true
	})
	if len(c.Sources) != 1 || c.Sources[0].Token.Reveal() != secretMark+"GITHUB_TOKEN" {
		t.Errorf("the sources are %+v", c.Sources)
	}
}

// TestComposeProxy holds what the proxy's configuration says against what it stands before.
func TestComposeProxy(t *testing.T) {
	text, err := os.ReadFile("../compose/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bind :4000", "uri /readyz", "callboard:4000", "timeout server 90s"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("haproxy.cfg does not say %q", want)
		}
	}
	if longest := config.Default().Server.Timeout.Duration(); longest >= 90*time.Second {
		t.Errorf("Callboard takes up to %v for a request, the proxy waits for 90 s", longest)
	}
}

// TestEnvExample checks that every variable of env.example is one that compose.yaml asks for.
func TestEnvExample(t *testing.T) {
	text, err := os.ReadFile("../env.example")
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile(filepath.Clean("../compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^(?:# )?([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(compose), "${"+found[1]+":") {
			t.Errorf("compose.yaml does not ask for %s", found[1])
		}
		if strings.HasSuffix(found[1], "PASSWORD") && found[2] != "" {
			t.Errorf("env.example has a password that everybody knows")
		}
	}
}
