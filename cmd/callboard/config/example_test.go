package config_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/cmd/callboard/config"
)

// examplesOnly are the keys of callboard.example.yaml whose value is not the default, which their comment tells.
var examplesOnly = []string{"folders", "sources", "subgraphs", "gateway"}

// neededOrDefault are the keys below them that must be given, or whose value in the example is the default.
var neededOrDefault = []string{"gateway", "subgraphs.name", "subgraphs.url", "subgraphs.timeout", "sources.name", "sources.kind", "sources.url", "sources.timeout",
	"sources.concurrency", "sources.discover", "sources.discover.file", "sources.discover.every", "sources.reports.kind",
	"sources.announce", "sources.announce.as"}

func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := read(config.Example())
	if err != nil {
		t.Fatal(err)
	}
	want, err := read("")
	if err != nil {
		t.Fatal(err)
	}
	got.Folders, got.Sources, got.Subgraphs, got.Gateway = want.Folders, want.Sources, want.Subgraphs, want.Gateway
	if got.Server.AllowedOrigins == nil || got.Server.AllowedHosts == nil || got.Server.OverrideLabels == nil {
		t.Error("an empty list of the example reads as nothing")
	}
	if got.Cache.Redis.Addresses == nil {
		t.Error("an empty list of the example reads as nothing")
	}
	if got.Access.Anonymous == nil {
		t.Error("an empty list of the example reads as nothing")
	}
	got.Cache.Redis.Addresses, got.Access = nil, config.Access{}
	got.Server.AllowedOrigins, got.Server.AllowedHosts, got.Server.OverrideLabels = nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("callboard.example.yaml gives\n%+v\nbut the defaults are\n%+v", got, want)
	}
}

func TestExampleExplainsEveryKey(t *testing.T) {
	explained := explainedKeys(t)
	for _, key := range keysOf(reflect.TypeFor[config.Config](), "") {
		if strings.HasPrefix(key, "gateway.subgraphs.") {
			continue // the keys of subgraphs, explained there
		}
		comment, ok := explained[key]
		if !ok {
			t.Errorf("callboard.example.yaml does not have %s", key)
			continue
		}
		section := key == "log" || key == "server"
		if comment == "" && !section {
			t.Errorf("callboard.example.yaml does not explain %s", key)
		}
		for _, prefix := range examplesOnly {
			if strings.HasPrefix(key, prefix) && !slices.Contains(neededOrDefault, key) && !strings.Contains(comment, "Default: ") {
				t.Errorf("the comment of %s does not tell its default", key)
			}
		}
	}
}

var exampleKey = regexp.MustCompile(`^( *)(- )?([A-Za-z-]+):`)

// explainedKeys returns the comment above each key of the example, by the key's path without list positions.
func explainedKeys(t *testing.T) map[string]string {
	t.Helper()
	explained := map[string]string{}
	type level struct {
		indent int
		key    string
	}
	var above []level
	var comment []string
	for _, line := range strings.Split(config.Example(), "\n") {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "#") {
			comment = append(comment, strings.TrimSpace(text[1:]))
			continue
		}
		if m := exampleKey.FindStringSubmatch(line); m != nil {
			indent := len(m[1]) + len(m[2])
			for len(above) > 0 && above[len(above)-1].indent >= indent {
				above = above[:len(above)-1]
			}
			path := m[3]
			if len(above) > 0 {
				path = above[len(above)-1].key + "." + m[3]
			}
			above = append(above, level{indent, path})
			if _, seen := explained[path]; !seen {
				explained[path] = strings.Join(comment, " ")
			}
		}
		comment = nil
	}
	return explained
}

// keysOf lists the paths of all keys below a type.
func keysOf(of reflect.Type, path string) []string {
	if of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[config.Secret]() {
		return nil
	}
	var keys []string
	for i := range of.NumField() {
		key := of.Field(i).Tag.Get("yaml")
		if path != "" {
			key = path + "." + key
		}
		keys = append(keys, key)
		keys = append(keys, keysOf(of.Field(i).Type, key)...)
	}
	return keys
}
