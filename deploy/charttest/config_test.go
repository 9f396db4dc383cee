package charttest_test

import (
	"net"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"

	"callboard.dev/callboard/cmd/callboard/config"
)

// secretMark is in every value that stands in for a secret.
const secretMark = "SECRET-VALUE-OF-"

// environment is what the container's variables hold: a mark for each that comes from a Secret.
func environment(pod core.PodTemplateSpec) func(string) (string, bool) {
	container := pod.Spec.Containers[0]
	return func(name string) (string, bool) {
		for _, e := range container.Env {
			switch {
			case e.Name != name:
			case e.ValueFrom != nil:
				return secretValue(name), true
			default:
				return e.Value, true
			}
		}
		return secretValue(name), len(container.EnvFrom) > 0 && strings.HasPrefix(name, "FROM_")
	}
}

// secretValue stands in for the value of a secret. The store's must be an address.
func secretValue(name string) string {
	if name == "CALLBOARD_STORE" {
		return "postgres://callboard:" + secretMark + name + "@postgresql:5432/callboard"
	}
	return secretMark + name
}

var storeLine = regexp.MustCompile(`(?m)^store: .*\n?`)

// accept reads a configuration as Callboard does. Where this Callboard does not know the key store yet, everything but that key is read, and the test says so.
func accept(t *testing.T, text string, env func(string) (string, bool)) config.Config {
	t.Helper()
	if storeLine.MatchString(text) && !storeIsKnown() {
		t.Log("NOT CHECKED: this Callboard's configuration has no key store yet; everything else is read")
		text = storeLine.ReplaceAllString(text, "")
	}
	c, err := config.Read([]byte(text), "/etc/callboard/callboard.yaml", env)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func storeIsKnown() bool {
	_, known := reflect.TypeFor[config.Config]().FieldByName("Store")
	return known
}

func read(t *testing.T, o *objects) config.Config {
	t.Helper()
	return accept(t, o.configuration(t), environment(o.deployment(t).Spec.Template))
}

// TestConfiguration reads the rendered callboard.yaml with the program's own package and compares it with the objects around it.
func TestConfiguration(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		o := installed(t, load(t), set)
		c := read(t, o)
		pod := o.deployment(t).Spec.Template
		container := pod.Spec.Containers[0]
		_, port, err := net.SplitHostPort(c.Listen)
		if err != nil || port != "4000" || container.Ports[0].ContainerPort != 4000 {
			t.Errorf("Callboard listens at %s, the container's port is %d", c.Listen, container.Ports[0].ContainerPort)
		}
		mounts := map[string]string{}
		for _, m := range container.VolumeMounts {
			mounts[m.Name] = m.MountPath
		}
		if mounts["state"] != c.State || mounts["config"] != "/etc/callboard" || mounts["tmp"] != "/tmp" {
			t.Errorf("the state is in %s, the mounts are %v", c.State, mounts)
		}
		if want := []string{"up", "--config", mounts["config"] + "/callboard.yaml"}; !slices.Equal(container.Args, want) {
			t.Errorf("the arguments are %v, want %v", container.Args, want)
		}
		for name := range o.services {
			if name == o.deployment(t).Name && !slices.Contains(c.Server.AllowedHosts, name+"."+namespace+".svc.cluster.local") {
				t.Errorf("Callboard does not go by the names of its service: %v", c.Server.AllowedHosts)
			}
		}
		for _, i := range o.ingresses {
			for _, rule := range i.Spec.Rules {
				if !slices.Contains(c.Server.AllowedHosts, rule.Host) {
					t.Errorf("Callboard does not go by %s: %v", rule.Host, c.Server.AllowedHosts)
				}
			}
		}
		for _, source := range c.Sources {
			if source.App.Key != "" && path.Dir(source.App.Key) != mounts["secrets"] {
				t.Errorf("the key of %s is %s, but the secrets are mounted at %q", source.Name, source.App.Key, mounts["secrets"])
			}
		}
	})
}

// TestStores checks what the configuration says of Redis and PostgreSQL in each set.
func TestStores(t *testing.T) {
	secret := func(c config.Redis) []string { return []string{c.Password.Reveal(), c.SentinelPassword.Reveal()} }
	password := secretMark + "REDIS_PASSWORD"
	want := map[string]struct {
		addresses []string
		master    string
		cluster   bool
		secrets   []string
		store     bool
	}{
		"defaults":       {secrets: []string{"", ""}},
		"ha":             {addresses: []string{"redis.stores:6380"}, secrets: []string{password, ""}, store: true},
		"redis-sentinel": {[]string{"s-0:26379", "s-1:26379", "s-2:26379"}, "board", false, []string{password, secretMark + "REDIS_SENTINEL_PASSWORD"}, true},
		"redis-cluster":  {[]string{"redis-0:6379", "redis-1:6379", "redis-2:7000"}, "", true, []string{"", ""}, true},
		"postgres":       {secrets: []string{"", ""}, store: true},
		"ingress":        {secrets: []string{"", ""}},
		"hpa":            {addresses: []string{"redis:6379"}, secrets: []string{"", ""}, store: true},
		"bundled":        {addresses: []string{"callboard-redis:6379"}, secrets: []string{password, ""}, store: true},
	}
	everySet(t, func(t *testing.T, name string, set map[string]any) {
		w, ok := want[name]
		if !ok {
			t.Fatal("nothing is said of this set")
		}
		o := installed(t, load(t), set)
		c := read(t, o)
		got := c.Cache.Redis
		if !slices.Equal(got.Addresses, w.addresses) || got.Master != w.master || got.Cluster != w.cluster || !slices.Equal(secret(got), w.secrets) {
			t.Errorf("Redis is %+v with the passwords %v, want %+v", got, secret(got), w)
		}
		if storeLine.MatchString(o.configuration(t)) != w.store {
			t.Errorf("PostgreSQL is used: %v, want %v", !w.store, w.store)
		}
		if field := reflect.ValueOf(c).FieldByName("Store"); w.store && field.IsValid() {
			if revealed, ok := field.Interface().(config.Secret); !ok || revealed.Reveal() != secretValue("CALLBOARD_STORE") {
				t.Errorf("the store is %v, want the address of the Secret", field.Interface())
			}
		}
	})
}

// TestValuesReachTheConfiguration checks that what is said in the values is what Callboard reads, numbers with many digits included.
func TestValuesReachTheConfiguration(t *testing.T) {
	_, set := values(t, "testdata/values/ha.yaml")
	c := read(t, installed(t, load(t), set))
	if c.Limits.PlanBudget != 3000000 || c.Limits.Depth != 12 || c.Cache.Memory != 32<<20 || c.Log.Level != "warn" || c.Log.Format != "json" {
		t.Errorf("limits %+v, memory %v, log %+v", c.Limits, c.Cache.Memory, c.Log)
	}
	if r := c.Cache.Redis; r.Username != "callboard" || r.Database != 2 || !r.TLS || r.Prefix != "board" {
		t.Errorf("Redis %+v", r)
	}
	if !slices.Contains(c.Server.AllowedHosts, "board.internal") || !slices.Contains(c.Server.AllowedOrigins, "https://portal.example.com") {
		t.Errorf("server %+v", c.Server)
	}
	if s := c.Sources[0]; len(s.WebhookSecrets) != 2 || s.WebhookSecrets[1].Reveal() != secretMark+"GITHUB_WEBHOOK_SECRET_BEFORE" || s.App.ID != 7 {
		t.Errorf("source %+v", s)
	}
	if got := c.Subgraphs[0].Headers["Authorization"].Reveal(); got != "Bearer "+secretMark+"TICKETS_TOKEN" {
		t.Errorf("the header is %q", got)
	}
}

// TestNoSecretInAConfigMap finds every secret that Callboard reads from the rendered configuration: each must come from the environment, and none may be
// written anywhere but in a Secret.
func TestNoSecretInAConfigMap(t *testing.T) {
	everySet(t, func(t *testing.T, _ string, set map[string]any) {
		files, err := render(load(t), set)
		if err != nil {
			t.Fatal(err)
		}
		o := decode(t, files)
		for _, secret := range secretsIn(reflect.ValueOf(read(t, o))) {
			if secret != "" && !strings.Contains(secret, secretMark) {
				t.Errorf("the secret %q does not come from the environment", secret)
			}
		}
		for _, s := range o.secrets {
			for key, value := range s.Data {
				for name, text := range files {
					if !strings.HasSuffix(name, "/bundled-secret.yaml") && strings.Contains(text, string(value)) {
						t.Errorf("%s holds the secret %s", name, key)
					}
				}
			}
		}
	})
}

// secretsIn returns every config.Secret in a value.
func secretsIn(v reflect.Value) []string {
	if s, ok := v.Interface().(config.Secret); ok {
		return []string{s.Reveal()}
	}
	var out []string
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out = append(out, secretsIn(v.Field(i))...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, secretsIn(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			out = append(out, secretsIn(v.MapIndex(key))...)
		}
	}
	return out
}

// TestBundledStores checks that the two sides of a bundled store mean the same.
func TestBundledStores(t *testing.T) {
	_, set := values(t, "testdata/values/bundled.yaml")
	o := installed(t, load(t), set)
	secret := o.secrets["callboard-bundled"]
	if secret == nil || len(secret.Data["redis-password"]) != 32 {
		t.Fatalf("there is no password of Redis: %v", o.all)
	}
	want := "postgres://callboard:" + string(secret.Data["postgresql-password"]) + "@callboard-postgresql:5432/callboard?sslmode=disable"
	if got := string(secret.Data["postgresql-url"]); got != want {
		t.Errorf("the address is %q, want %q", got, want)
	}
	env := map[string]string{}
	for _, e := range o.statefulSets["callboard-postgresql"].Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e.Value
	}
	if env["POSTGRES_USER"] != "callboard" || env["POSTGRES_DB"] != "callboard" {
		t.Errorf("PostgreSQL is given %v", env)
	}
	if !strings.HasPrefix(env["PGDATA"], o.statefulSets["callboard-postgresql"].Spec.Template.Spec.Containers[0].VolumeMounts[0].MountPath) {
		t.Errorf("PostgreSQL keeps its data at %s, which is no volume", env["PGDATA"])
	}
}
