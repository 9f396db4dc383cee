package charttest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stages parses the Dockerfile with BuildKit's own parser; what its linter says is an error.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range parsed.Warnings {
		t.Error(warning.Short)
	}
	out, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) {
		t.Errorf("line %d: %s: %s", at[0].Start.Line, rule, message)
	}}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDockerfile(t *testing.T) {
	all := stages(t)
	seen := map[string]bool{"scratch": true}
	for _, stage := range all {
		if !seen[stage.BaseName] && !strings.Contains(stage.BaseName, ":") {
			t.Errorf("the image %s says no version", stage.BaseName)
		}
		for _, command := range stage.Commands {
			if c, ok := command.(*instructions.CopyCommand); ok && c.From != "" && !seen[c.From] {
				t.Errorf("files are copied from %s, which is no stage before", c.From)
			}
			if _, ok := command.(*instructions.ArgCommand); ok {
				t.Error("what comes in as an argument can be read in the image's history")
			}
		}
		seen[stage.Name] = true
	}
	last := all[len(all)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is made from %s", last.BaseName)
	}
	env := map[string]string{}
	var user, folder string
	var volumes, entry, check []string
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.RunCommand:
			t.Error("there is nothing in the image that could run a command")
		case *instructions.UserCommand:
			user = c.User
		case *instructions.WorkdirCommand:
			folder = c.Path
		case *instructions.VolumeCommand:
			volumes = append(volumes, c.Volumes...)
		case *instructions.EntrypointCommand:
			entry = c.CmdLine
		case *instructions.HealthCheckCommand:
			check = c.Health.Test
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				env[pair.Key] = pair.Value
				if regexp.MustCompile("(?i)token|secret|password|key").MatchString(pair.Key) {
					t.Errorf("the image has a secret, %s", pair.Key)
				}
			}
		}
	}
	if user != "65532:65532" || folder != "/srv/catalog" || !slices.Equal(volumes, []string{"/var/lib/callboard"}) {
		t.Errorf("it runs as %q in %q with the volumes %v", user, folder, volumes)
	}
	if !slices.Equal(entry, []string{"callboard"}) || !slices.Equal(check, []string{"CMD", "callboard", "health"}) || env["PATH"] != "/usr/bin" {
		t.Errorf("it starts %v, asks %v for its health, with %v", entry, check, env)
	}
}

// TestDockerfileBuildsThePlayground compares what the first stage runs with what make web runs.
func TestDockerfileBuildsThePlayground(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`\tcd web && (npm ci .*) && (npm run .*)\n`).FindSubmatch(makefile)
	if recipe == nil {
		t.Fatal("make web is not what it was")
	}
	var ran []string
	for _, command := range stages(t)[0].Commands {
		if c, ok := command.(*instructions.RunCommand); ok {
			ran = append(ran, strings.Join(c.CmdLine, " "))
		}
	}
	if want := []string{string(recipe[1]), string(recipe[2])}; !slices.Equal(ran, want) {
		t.Errorf("the Dockerfile runs %q, make web %q", ran, want)
	}
}

// TestGoOfTheImage compares the version of Go with the one that go.mod asks for.
func TestGoOfTheImage(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(text)
	if base := stages(t)[1].BaseName; !strings.HasPrefix(base, "golang:"+string(version[1])+"-") {
		t.Errorf("go.mod asks for Go %s, the image is built with %s", version[1], base)
	}
}

// TestDockerignore asks Go what the program is built from: nothing of that may be kept from the build, and no secret may get into it.
func TestDockerignore(t *testing.T) {
	file, err := os.Open("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-json=Dir,GoFiles,EmbedFiles,Module", "./cmd/callboard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"go.mod", "go.sum", "LICENSE", "web/package.json", "web/package-lock.json", "web/index.html", "web/vite.config.js"}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var pkg struct {
			Dir                 string
			GoFiles, EmbedFiles []string
			Module              *struct{ Main bool }
		}
		if err := decoder.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		if pkg.Module == nil || !pkg.Module.Main {
			continue
		}
		for _, name := range append(pkg.GoFiles, pkg.EmbedFiles...) {
			relative, err := filepath.Rel(root, filepath.Join(pkg.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(relative, "gateway/server/playground/dist/") { // comes from the first stage
				files = append(files, relative)
			}
		}
	}
	if len(files) < 100 {
		t.Fatalf("the program is built from %v", files)
	}
	check := func(name string, want bool) {
		got, err := ignored.MatchesOrParentMatches(name)
		if err != nil || got != want {
			t.Errorf("%s is kept out: %v, want %v (%v)", name, got, want, err)
		}
	}
	for _, name := range files {
		check(name, false)
	}
	for _, name := range []string{".git/config", "deploy/.env", "deploy/callboard.env", ".env", "keys/app.pem", "web/node_modules/vite/index.js", "gateway/server/playground/dist/index.html"} {
		check(name, true)
	}
}
