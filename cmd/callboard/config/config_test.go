package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"callboard.dev/callboard/cmd/callboard/config"
)

// environment stands in for the process's.
var environment = map[string]string{"HOME": "/home/ada", "TOKEN": "s3cr3t-value", "EMPTY": "", "PORT": "4400", "TRICK": "x\nlisten: evil:1"}

func env(name string) (string, bool) {
	value, ok := environment[name]
	return value, ok
}

func read(text string) (config.Config, error) {
	return config.Read([]byte(text), "/etc/callboard/callboard.yaml", env)
}

func TestEmptyFileIsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "log:\nserver:\n  # timeout: 3s\nsubgraphs:\nfolders:\n"} {
		got, err := read(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		want := config.Default()
		want.State = "/home/ada/.local/state/callboard"
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %+v, want the defaults %+v", text, got, want)
		}
	}
}

func TestWholeFile(t *testing.T) {
	got, err := read(`
listen: "127.0.0.1:${PORT}"
folders: [../code, /srv/code, ~/src]
state: state
store: postgres://callboard:${TOKEN}@db.example.com/callboard?sslmode=verify-full
log: {level: debug, format: json}
server:
  timeout: 1m30s
  maxBody: 64KiB
  allowedOrigins: ["https://portal.example.com", "http://localhost:3000"]
  allowedHosts: [callboard.example.com, "2001:db8::1", "*"]
  playground: false
  introspection: ${NOBODY:-false}
  shutdownTimeout: 250ms
limits: {tokens: 1_000, depth: 9, planBudget: 7}
sources:
  - {name: forge, kind: github, url: "https://github.example.com", app: {id: 7, installation: 8, key: app.pem}, webhookSecrets: ["${TOKEN}"]}
  - name: gitlab.com
    kind: gitlab
    url: https://gitlab.com
    token: ${TOKEN}
    timeout: 4s
    allowAddresses: [127.0.0.0/8]
    discover: {groups: [larkfold/apps], every: 1h}
  - {name: ci, kind: jenkins, url: "https://ci.example.com/jenkins", user: callboard, token: "${TOKEN}", webhookSecrets: ["${TOKEN}"], fresh: {runs: 5s}}
  - {name: ci2, kind: jenkins, url: "https://ci2.example.com", concurrency: 9}
cache: {memory: 1MiB, redis: {addresses: ["redis-1:26379", "redis-2:26379"], master: board, password: "${TOKEN}"}}
subgraphs:
  - name: tickets
    url: https://tickets.example.com/graphql?tenant=$$x
    schema: tickets.graphqls
    headers:
      Authorization: Bearer ${TOKEN}
    forwardHeaders: [X-Request-Id]
    timeout: 3s
    exposeErrors: true
    cache: true
  - name: rota
    url: http://rota:8080/
gateway:
  supergraph: ./supergraph.graphql
  subgraphs:
    - {name: catalog, url: "http://catalog:4001/graphql"}
`)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	expect("listen", got.Listen, "127.0.0.1:4400")
	expect("folders", got.Folders, []string{"/etc/code", "/srv/code", "/home/ada/src"})
	expect("state", got.State, "/etc/callboard/state")
	expect("store", got.Store.Reveal(), "postgres://callboard:s3cr3t-value@db.example.com/callboard?sslmode=verify-full")
	expect("level", got.Log.SlogLevel(), slog.LevelDebug)
	expect("timeout", got.Server.Timeout.Duration(), 90*time.Second)
	expect("maxBody", int64(got.Server.MaxBody), int64(65536))
	expect("playground", got.Server.Playground, false)
	expect("introspection", got.Server.Introspection, false)
	expect("tokens", got.Limits.Operation().Tokens, 1000)
	expect("depth", got.Limits.Operation().Depth, 9)
	expect("aliases", got.Limits.Aliases, config.Default().Limits.Aliases)
	expect("planBudget", got.Limits.PlanBudget, 7)
	tickets := got.Subgraph("tickets")
	expect("url", tickets.URL, "https://tickets.example.com/graphql?tenant=$x")
	expect("schema", tickets.Schema, "/etc/callboard/tickets.graphqls")
	expect("header", tickets.Headers["Authorization"].Reveal(), "Bearer s3cr3t-value")
	expect("cache", []bool{tickets.Cache, got.Subgraph("rota").Cache}, []bool{true, false})
	forge, other := got.Sources[0], got.Sources[1]
	expect("app", forge.App, config.App{ID: 7, Installation: 8, Key: "/etc/callboard/app.pem"})
	expect("webhook secret", forge.WebhookSecrets[0].Reveal(), "s3cr3t-value")
	expect("source's timeout", []config.Duration{forge.Timeout, other.Timeout}, []config.Duration{config.Duration(10 * time.Second), config.Duration(4 * time.Second)})
	expect("discover", other.Discover, config.Discover{Groups: []string{"larkfold/apps"}, File: "catalog-info.yaml", Every: config.Duration(time.Hour)})
	builds := got.Sources[2]
	expect("user", []string{builds.User, builds.Token.Reveal()}, []string{"callboard", "s3cr3t-value"})
	expect("concurrency", []int{forge.Concurrency, builds.Concurrency, got.Sources[3].Concurrency}, []int{20, 4, 9})
	expect("master", got.Cache.Redis.Master, "board")
	expect("prefix", got.Cache.Redis.Prefix, "callboard")
	expect("timeout", got.Subgraph("rota").Timeout.Duration(), 20*time.Second)
	expect("supergraph", got.Gateway.Supergraph, "/etc/callboard/supergraph.graphql")
	expect("catalog", got.Subgraph("catalog").URL, "http://catalog:4001/graphql")
	expect("unknown", got.Subgraph("unknown"), config.Subgraph{Name: "unknown", Timeout: config.Duration(20 * time.Second)})
}

func TestErrorsNameLineKeyAndWhatIsAllowed(t *testing.T) {
	tests := []struct {
		text string
		want string // after the file's name
	}{
		{"lisen: x:1", ":1: lisen: there is no such key; did you mean listen?"},
		{"log:\n  livel: info", ":2: log.livel: there is no such key; did you mean level?"},
		{"zzzzzz: 1", ":1: zzzzzz: there is no such key; there are access, cache, folders, gateway, limits, listen, log, publicURL, server, sources, state, store, subgraphs"},
		{"listen: localhost", ":1: listen: want HOST:PORT"},
		{"listen: localhost:99999", ":1: listen: want HOST:PORT"},
		{"\nlog:\n  level: loud", ":3: log.level: want one of debug, info, warn, error"},
		{"server: {timeout: 30}", ":1: server.timeout: want a duration such as 30s"},
		{"server: {timeout: 0s}", ":1: server.timeout: must be more than 0"},
		{"server: {maxBody: 1 potato}", ":1: server.maxBody: want a size such as 64KiB"},
		{"server: {maxBody: 9999999999GiB}", ":1: server.maxBody: want a size"},
		{"server: {playground: yes}", ":1: server.playground: want true or false"},
		{"limits:\n  depth: -1", ":2: limits.depth: must be more than 0"},
		{"limits:\n  depth: deep", ":2: limits.depth: want a whole number"},
		{"limits: [1]", ":1: limits: want keys with values"},
		{"folders: one", ":1: folders: want a list"},
		{"folders:\n  - a\n  -\n", ":3: folders[1]: is empty"},
		{"listen:", ":1: listen: has no value"},
		{"listen: {a: b}", ":1: listen: want one value"},
		{"listen: *x", ":1: listen: anchors, aliases and tags"},
		{"listen: &x a:1", ":1: listen: anchors, aliases and tags"},
		{"listen: !!str a:1", ":1: listen: anchors, aliases and tags"},
		{"listen: \"a:1", ":1: this is not valid YAML"},
		{"listen: a:1\nlisten: b:1", ":2: this is not valid YAML"},
		{"listen: a:1\n---\nlisten: b:1", "a configuration is one YAML document"},
		{"- a", ":1: want keys with values"},
		{"state: ${MISSING}", ":1: state: the environment variable MISSING is not set"},
		{"state: ${", ":1: state: ${ is not closed"},
		{"state: ${1X}", ":1: state: ${...} must hold the name"},
		{"state: ${TRICK}", ":1: state: holds a line break"},
		{"server: {allowedOrigins: [\"https://a.example/path\"]}", ":1: server.allowedOrigins[0]: want one origin"},
		{"server: {allowedOrigins: [\"*\"]}", ":1: server.allowedOrigins[0]: want one origin"},
		{"server: {allowedHosts: [\"a.example:80\"]}", ":1: server.allowedHosts[0]: want the name of a host"},
		{"server: {allowedHosts: [\"https://a\"]}", ":1: server.allowedHosts[0]: want the name of a host"},
		{"subgraphs:\n  - name: a", ":2: subgraphs[0].url: is missing"},
		{"subgraphs:\n  - url: http://a/\n", ":2: subgraphs[0].name: want a name"},
		{"subgraphs:\n  - name: a\n    url: ftp://a/", ":3: subgraphs[0].url: want an http or https URL"},
		{"subgraphs:\n  - name: Catalog\n    url: http://a/", ":2: subgraphs[0].name: Catalog is one of Callboard's own"},
		{"subgraphs:\n  - {name: a-b, url: http://a/}\n  - {name: A_b, url: http://a/}", ":3: subgraphs[1].name: A_b and a-b are one name"},
		{"state: x\nstore: mysql://h/d", ":2: store: want the address of a PostgreSQL database"},
		{"store: catalog.db", ":1: store: want the address of a PostgreSQL database"},
		{"store: postgres:///d", ":1: store: want the address of a PostgreSQL database"},
		{"subgraphs:\n  - name: a\n    url: http://a/\n    headers:\n      Host: x", ":5: subgraphs[0].headers[Host]: want the name of an HTTP header"},
		{"subgraphs:\n  - name: a\n    url: http://a/\n    headers:\n      A: ${EMPTY}", ":5: subgraphs[0].headers[A]: want a header's value"},
		{"subgraphs:\n  - name: a\n    url: http://a/\n    headers: {x-a: b, X-A: c}", "is the header X-A again"},
		{"subgraphs:\n  - name: a\n    url: http://a/\n    headers: {x-a: b}\n    forwardHeaders: [X-A]", ":5: subgraphs[0].forwardHeaders[0]: X-A is also set"},
		{"gateway:\n  subgraphs:\n    - {name: catalog, schema: x}", ":3: gateway.subgraphs[0].schema: is not used here"},
		{"sources:\n  - {kind: github, url: http://a/}", ":2: sources[0].name: want a name"},
		{"sources:\n  - {name: a, kind: svn, url: http://a/}", ":2: sources[0].kind: want one of github, gitlab, jenkins"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, app: {id: 1, installation: 2, key: x}}", ":2: sources[0].app: is for GitHub alone"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, discover: {groups: [x]}}", ":2: sources[0].discover: is for repository hosts alone"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, token: x}", ":2: sources[0].user: is missing: an API token"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, user: x}", ":2: sources[0].token: is missing: give an API token"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, user: \"x:y\", token: z}", ":2: sources[0].user: want the ID of a user"},
		{"sources:\n  - {name: a, kind: gitlab, url: http://a, user: x, token: y}", ":2: sources[0].user: is for Jenkins alone"},
		{"sources:\n  - {name: a, kind: jenkins, url: http://a, concurrency: 0}", ":2: sources[0].concurrency: must be more than 0"},
		{"sources:\n  - {name: a, kind: github, url: \"http://u:p@a/\"}", ":2: sources[0].url: want an http or https URL"},
		{"sources:\n  - {name: a, kind: github, url: http://a}\n  - {name: A, kind: gitlab, url: http://b}", ":3: sources[1].name: is the name of another source"},
		{"sources:\n  - {name: a, kind: github, url: http://a}\n  - {name: b, kind: gitlab, url: http://A/}", ":3: sources[1].url: is where the source a has its pages"},
		{"sources:\n  - {name: a, kind: github, url: http://a, app: {id: 1}}", ":2: sources[0].app: needs id, installation and key"},
		{"sources:\n  - {name: a, kind: gitlab, url: http://a, app: {id: 1, installation: 2, key: x}}", ":2: sources[0].app: is for GitHub alone"},
		{"sources:\n  - {name: a, kind: github, url: http://a, token: x, app: {id: 1, installation: 2, key: x}}", ":2: sources[0].app: stands beside a token"},
		{"sources:\n  - {name: a, kind: github, url: http://a, allowAddresses: [127.0.0.1]}", ":2: sources[0].allowAddresses[0]: want a range of addresses"},
		{"sources:\n  - {name: a, kind: github, url: http://a, discover: {groups: [\"\"]}}", ":2: sources[0].discover.groups[0]: is missing"},
		{"cache: {redis: {addresses: [a]}}", ":1: cache.redis.addresses[0]: want HOST:PORT"},
		{"cache: {redis: {cluster: true, database: 1}}", ":1: cache.redis.database: is not possible in a cluster"},
		{"cache: {redis: {master: x}}", ":1: cache.redis.addresses: is missing"},
		{"cache: {redis: {master: x, cluster: true}}", ":1: cache.redis.cluster: stands beside master"},
		{"cache: {memory: 0}", ":1: cache.memory: must be more than 0"},
		{strings.Repeat("[", 100), ":1: lists and mappings are nested too deep"},
		{"folders:\n" + strings.Repeat("- ", 100), ":2: lists and mappings are nested too deep"},
		{strings.Repeat("#", 300<<10), "larger than 256 KiB"},
	}
	for _, test := range tests {
		_, err := read(test.text)
		name := test.text[:min(len(test.text), 60)]
		if err == nil {
			t.Errorf("%q is accepted, want %q", name, test.want)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, "/etc/callboard/callboard.yaml:") || !strings.Contains(got, test.want) {
			t.Errorf("%q gives\n  %s\nwant\n  %s", name, got, test.want)
		}
	}
}

func TestAllErrorsAtOnceInTheFilesOrder(t *testing.T) {
	_, err := read("log:\n  level: loud\nlimits:\n  depth: 0\nserver:\n  timeout: -1s\n")
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "log.level") || !strings.Contains(lines[1], "limits.depth") || !strings.Contains(lines[2], "server.timeout") {
		t.Errorf("got\n%v", err)
	}
	_, err = read("limits:\n" + strings.Repeat("  - a\n", 3) + "zzz: 1\n")
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got\n%v", err)
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "key%d: x\n", i)
	}
	if _, err = read(many.String()); err == nil || !strings.HasSuffix(err.Error(), "980 more errors") {
		t.Errorf("got %d lines of errors", strings.Count(err.Error(), "\n"))
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	const header = "subgraphs:\n  - name: a\n    url: http://a/\n    headers:\n"
	for _, text := range []string{
		header + "      X: \"hunter2\x01\"\n",
		header + "      X: [hunter2]\n",
		header + "      X: {hunter2: hunter2x}\n      Y: &a hunter2\n",
		header + "      X: \"hunter2\n",
		header + "      X: hunter2\n   bad: hunter2\n",
		header + "      X: hunter2 ${MISSING}\n",
		header + "      X: ok\n    timeout: ${TOKEN}\n",
		header + "      X: ok\n    forwardHeaders: [\"${TOKEN} x\"]\n",
		"subgraphs: [{name: a, url: \"http://me:hunter2@a/\"}]",
		"store: mysql://u:hunter2@h/d",
		"store: postgres://u:hunter2@[h/d",
		"limits: {depth: ${TOKEN}}",
		"listen: ${TOKEN}",
		"state: ${TOKEN",
	} {
		_, err := read(text)
		if err == nil {
			t.Errorf("%q is accepted", text)
		} else if s := err.Error(); strings.Contains(s, "hunter2") || strings.Contains(s, environment["TOKEN"]) {
			t.Errorf("%q gives an error with the secret in it:\n%s", text, s)
		}
	}
}

func TestSecretPrintsAsStars(t *testing.T) {
	secret := config.NewSecret("hunter2")
	c := config.Default()
	c.Store = secret
	c.Subgraphs = []config.Subgraph{{Name: "a", Headers: map[string]config.Secret{"X": secret}}}
	type owner struct {
		secret config.Secret
		config config.Config
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret, "config", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "config", c)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	effective, err := c.Effective()
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %d", secret, secret, secret, secret, secret, secret, secret) +
		fmt.Sprintf("%v %+v %#v", c, c, c) + fmt.Sprintf("%v %+v", owner{secret, c}, owner{secret, c})
	for what, text := range map[string]string{"slog": log.String(), "JSON": string(asJSON), "YAML": string(asYAML), "effective": effective, "fmt": printed} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e746572") {
			t.Errorf("%s prints the secret: %s", what, text)
		}
		if !strings.Contains(text, "********") {
			t.Errorf("%s prints no stars: %s", what, text)
		}
	}
	if secret.Reveal() != "hunter2" || (config.Secret{}).Reveal() != "" {
		t.Error("Reveal does not return the secret")
	}
}

func TestEffectiveIsAConfiguration(t *testing.T) {
	before, err := read(config.Example())
	if err != nil {
		t.Fatal(err)
	}
	text, err := before.Effective()
	if err != nil {
		t.Fatal(err)
	}
	after, err := read(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := after.Effective()
	if err != nil {
		t.Fatal(err)
	}
	if again != text {
		t.Errorf("the effective configuration reads as another one:\n%s\n%s", text, again)
	}
	if !strings.Contains(text, "maxBody: 1MiB") || !strings.Contains(text, "timeout: 30s") {
		t.Errorf("sizes and durations are not written as text:\n%s", text)
	}
}

func TestCheckAfterFlags(t *testing.T) {
	c := config.Default()
	c.State = "/var/lib/callboard"
	if err := c.Check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	c.Listen, c.State = "nowhere", ""
	err := c.Check()
	if err == nil || !strings.Contains(err.Error(), "listen: want HOST:PORT") || !strings.Contains(err.Error(), "state: is not known") {
		t.Errorf("got %v", err)
	}
}

func TestStateFolder(t *testing.T) {
	for want, vars := range map[string]map[string]string{
		"/x/callboard":              {"XDG_STATE_HOME": "/x", "HOME": "/h"},
		"/h/.local/state/callboard": {"XDG_STATE_HOME": "relative", "HOME": "/h"},
	} {
		c, err := config.Read(nil, "callboard.yaml", func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		if err != nil || c.State != want {
			t.Errorf("with %v state is %q (%v), want %q", vars, c.State, err, want)
		}
	}
	if _, err := config.Read(nil, "callboard.yaml", func(string) (string, bool) { return "", false }); err == nil {
		t.Error("no state folder is known, and nothing says so")
	}
}

func TestLoad(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "callboard.yaml")
	t.Setenv("CALLBOARD_TEST_PORT", "4411")
	if err := os.WriteFile(path, []byte("listen: :${CALLBOARD_TEST_PORT}\nfolders: [code]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":4411" || c.Folders[0] != filepath.Join(folder, "code") {
		t.Errorf("got listen %s and folders %v", c.Listen, c.Folders)
	}
	if _, err := config.Load(filepath.Join(folder, "missing.yaml")); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("a missing file gives %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(config.Example()))
	f.Add([]byte("listen: ${A:-b:1}\nfolders: [a, \"b\", 'c', |\n d\n]\n"))
	f.Add([]byte("? a\n: b\n"))
	f.Add([]byte("log: {level: info, <<: {format: json}}"))
	f.Add([]byte("a: &a [*a]\n--- !!x\n...\n%YAML 1.2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := read(string(text))
		if err != nil {
			if strings.Contains(err.Error(), environment["TOKEN"]) && !bytes.Contains(text, []byte(environment["TOKEN"])) {
				t.Errorf("the error holds the secret: %v", err)
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("what was read is refused by Check: %v", err)
		}
		effective, err := c.Effective()
		if err != nil {
			t.Errorf("no effective form: %v", err)
		}
		if strings.Contains(effective, environment["TOKEN"]) && !bytes.Contains(text, []byte("TOKEN")) {
			t.Errorf("a secret from nowhere:\n%s", effective)
		}
	})
}
