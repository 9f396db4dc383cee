package examples

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Origin is the address that a repository of the organisation says it was cloned from.
func Origin(repository string) string { return forge().Page(repository) + ".git" }

// importRepository makes folder a git repository with the history, checked out at main.
func importRepository(ctx context.Context, folder, name string, h *history) error {
	if err := initialise(folder, name); err != nil {
		return fmt.Errorf("repository %s: %w", name, err)
	}
	if err := runGit(ctx, folder, stream(h), "fast-import", "--quiet", "--done", "--date-format=raw"); err != nil {
		return fmt.Errorf("repository %s: %w", name, err)
	}
	if err := runGit(ctx, folder, nil, "read-tree", "-m", "-u", mainBranch); err != nil {
		return fmt.Errorf("repository %s: %w", name, err)
	}
	return nil
}

// initialise makes an empty repository that says where it was cloned from. The few files that make one are documented
// (gitrepository-layout) and cost less than running "git init", which was a third of the time that Build took.
func initialise(folder, name string) error {
	for _, part := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(folder, ".git", filepath.FromSlash(part)), 0o755); err != nil {
			return err
		}
	}
	settings := fmt.Sprintf("[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogallrefupdates = true\n"+
		"[remote \"origin\"]\n\turl = %s\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"+
		"[branch %q]\n\tremote = origin\n\tmerge = refs/heads/%s\n", Origin(name), mainBranch, mainBranch)
	for file, text := range map[string]string{"HEAD": "ref: refs/heads/" + mainBranch + "\n", "config": settings} {
		if err := os.WriteFile(filepath.Join(folder, ".git", file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stream writes a history as git's fast-import reads it. Commit i has the mark i+1.
func stream(h *history) []byte {
	var b bytes.Buffer
	b.WriteString("feature done\n")
	data := func(text string) { fmt.Fprintf(&b, "data %d\n%s\n", len(text), text) }
	for i, c := range h.commits {
		who := fmt.Sprintf("%s <%s> %s", c.author.name, c.author.email, rawDate(c.at))
		fmt.Fprintf(&b, "commit refs/heads/%s\nmark :%d\nauthor %s\ncommitter %s\n", c.branch, i+1, who, who)
		data(c.message + "\n")
		for n, parent := range c.parents {
			word := "from"
			if n > 0 {
				word = "merge"
			}
			fmt.Fprintf(&b, "%s :%d\n", word, parent+1)
		}
		for _, change := range c.changes {
			if change.gone {
				fmt.Fprintf(&b, "D %s\n", change.path)
				continue
			}
			mode := "100644"
			if strings.HasPrefix(change.text, "#!") {
				mode = "100755"
			}
			fmt.Fprintf(&b, "M %s inline %s\n", mode, change.path)
			data(change.text)
		}
	}
	for _, t := range h.tags {
		c := h.commits[t.commit]
		// A release is tagged when its commit has passed the checks, which takes about this long.
		at := c.at.Add(12 * time.Minute)
		fmt.Fprintf(&b, "tag %s\nfrom :%d\ntagger %s <%s> %s\n", t.name, t.commit+1, c.author.name, c.author.email, rawDate(at))
		data(t.message + "\n")
	}
	b.WriteString("done\n")
	return b.Bytes()
}

func rawDate(at time.Time) string { return fmt.Sprintf("%d %s", at.Unix(), at.Format("-0700")) }

// runGit runs git in folder, untouched by the configuration, hooks, attributes and variables of the user and the machine.
func runGit(ctx context.Context, folder string, input []byte, args ...string) error {
	settings := []string{
		"-c", "core.hooksPath=" + os.DevNull,
		"-c", "core.fsmonitor=false",
		"-c", "core.autocrlf=false",
		"-c", "core.attributesFile=" + os.DevNull,
		"-c", "core.fsync=none", // what is lost in a crash is built again
		"-c", "fastimport.unpackLimit=0", // one pack, not a file for every object
		"-c", "gc.auto=0",
	}
	cmd := exec.CommandContext(ctx, "git", append(settings, args...)...)
	cmd.Dir = folder
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + folder,
		"GIT_DIR=" + folder + "/.git",
		"GIT_WORK_TREE=" + folder,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"LC_ALL=C",
		"TZ=UTC",
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("the example organisation is made with git, which is not installed here: %w", err)
	case err != nil:
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return nil
}
