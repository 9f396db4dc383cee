package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// settings come before every command and win over what a repository's own configuration says. Most of them guard commands
// that are not run here: they cost nothing, and a later command does not have to remember them.
var settings = []string{
	"--no-pager",
	"--literal-pathspecs",
	"--no-replace-objects",
	"-c", "core.fsmonitor=false",
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.pager=cat",
	"-c", "core.attributesFile=" + os.DevNull,
	"-c", "core.quotePath=false",
	"-c", "core.bigFileThreshold=16m", // larger blobs are streamed, never held
	"-c", "diff.orderFile=" + os.DevNull,
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
	"-c", "gpg.program=" + os.DevNull,
	"-c", "log.showSignature=false",
	"-c", "log.mailmap=false",
	"-c", "i18n.logOutputEncoding=UTF-8",
	"-c", "protocol.allow=never",
	"-c", "submodule.recurse=false",
	"-c", "pack.threads=1",
}

// environment is all a git process sees of ours: nothing that a variable of the user could change its behaviour with, and
// no network. GIT_ALLOW_PROTOCOL wins over protocol.*.allow in the repository's own configuration, which the setting above
// does not; GIT_NO_LAZY_FETCH is for gits that know it, the protocol list for those that do not.
func environment(r *Repository) []string {
	env := []string{
		"LC_ALL=C",
		"TZ=UTC",
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.DevNull,
		"XDG_CONFIG_HOME=" + os.DevNull,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_SYSTEM=" + os.DevNull,
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_ALLOW_PROTOCOL=none",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_GRAFT_FILE=" + os.DevNull,
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=" + os.DevNull,
		"SSH_ASKPASS=" + os.DevNull,
		"GIT_SSH_COMMAND=" + os.DevNull,
		"GIT_EDITOR=" + os.DevNull,
		"GIT_PAGER=cat",
		"GIT_IMPLICIT_WORK_TREE=0",
	}
	for _, name := range []string{"SystemRoot", "TMPDIR", "TEMP"} { // Windows starts nothing without the first
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if r != nil {
		env = append(env, "GIT_DIR="+r.gitDir, "GIT_COMMON_DIR="+r.commonDir, "GIT_CEILING_DIRECTORIES="+r.gitDir)
	}
	return env
}

// process is a running git whose output is being read.
type process struct {
	name   string
	out    io.ReadCloser
	in     io.WriteCloser // nil unless asked for
	cmd    *exec.Cmd
	ctx    context.Context
	stop   context.CancelFunc
	errors complaint
	free   func()
}

// start runs git with args in the repository, or nowhere in particular where r is nil. args must hold no text of a client
// except after "--" or inside one "--option=value". The process and all it starts are killed when ctx ends or its time is up.
func (c *Client) start(ctx context.Context, r *Repository, input bool, args ...string) (*process, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
	own, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrTimeout)
	p := &process{name: args[0], ctx: own, stop: cancel, free: func() { <-c.slots }}
	cmd := exec.CommandContext(own, c.executable, append(append([]string(nil), settings...), args...)...)
	cmd.Env = environment(r)
	cmd.Dir = os.TempDir()
	if r != nil {
		cmd.Dir = r.gitDir
	}
	cmd.Stderr = &p.errors
	isolate(cmd)
	p.cmd = cmd
	var err error
	if p.out, err = cmd.StdoutPipe(); err == nil && input {
		p.in, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		p.free()
		if ctx.Err() != nil {
			return nil, contextError(ctx)
		}
		if r != nil && (errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)) {
			return nil, fmt.Errorf("%w: starting git %s in it: %v", ErrBadRepository, p.name, unpath(err))
		}
		return nil, fmt.Errorf("%w: starting git %s: %v", ErrUnavailable, p.name, unpath(err))
	}
	return p, nil
}

// abandon kills the process, whatever it still has to say.
func (p *process) abandon() {
	p.stop()
	_ = p.wait()
}

// finish waits for the end and tells how the process failed, where it did. All output must have been read.
func (p *process) finish() error {
	err := p.wait()
	defer p.stop()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && p.ctx.Err() == nil:
		return nil // it ended well, and only its standard error, which nobody wants then, did not in time: the machine is busy
	case p.ctx.Err() != nil && errors.Is(context.Cause(p.ctx), ErrTimeout):
		return fmt.Errorf("git %s: %w; ask for less, or raise the time limit", p.name, ErrTimeout)
	case p.ctx.Err() != nil:
		return contextError(p.ctx)
	}
	return fmt.Errorf("%w: git %s: %s", ErrBadRepository, p.name, p.complaint(err))
}

func (p *process) wait() error {
	defer p.free()
	if p.in != nil {
		_ = p.in.Close()
	}
	return p.cmd.Wait()
}

func (p *process) complaint(err error) string {
	for line := range strings.SplitSeq(valid(p.errors.text), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: "))
		if line != "" && !strings.HasPrefix(line, "warning:") {
			if dir := p.cmd.Dir; dir != "" { // where the repository lies on this machine is nobody's business
				line = strings.ReplaceAll(line, dir, ".")
			}
			return line
		}
	}
	return err.Error()
}

// output runs git and returns what it prints, which must not exceed limit bytes.
func (c *Client) output(ctx context.Context, r *Repository, limit int64, args ...string) ([]byte, error) {
	p, err := c.start(ctx, r, false, args...)
	if err != nil {
		return nil, err
	}
	return readAll(p, limit)
}

// complaint keeps the beginning of a process's standard error and lets the rest go.
type complaint struct{ text []byte }

func (c *complaint) Write(p []byte) (int, error) {
	c.text = append(c.text, p[:min(len(p), maxComplaint-len(c.text))]...)
	return len(p), nil
}

// unpath drops the paths of this machine from an error of the operating system.
func unpath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
