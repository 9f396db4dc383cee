package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// process is a program that the harness started, with all that it starts.
type process struct {
	name string
	cmd  *exec.Cmd
	hold io.Closer // its standard input, which stays open as long as the harness lives
	out  *lines
	done chan struct{} // closed when it has ended
	err  error         // then: how
}

// launch starts a program.
func launch(name string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, out: newLines(), done: make(chan struct{})}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	cmd.Stdout, cmd.Stderr, p.hold = p.out, p.out, hold
	cmd.WaitDelay = time.Second
	group(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and what it started.
func (p *process) stop() {
	p.hold.Close()
	endGroup(p.cmd)
	<-p.done
}

// ended is an error where the program runs no more.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended (%v); it wrote:\n%s", p.name, p.err, p.out.tail())
	default:
		return nil
	}
}

// printedAddress finds the address in what our programs print first.
var printedAddress = regexp.MustCompile(`http://([^\s/]+:\d+)`)

// startTime is how long a program may take until it is ready.
const startTime = 60 * time.Second

// address waits for the program to print where it listens.
func (p *process) address(ctx context.Context) (string, error) {
	timeout := time.NewTimer(startTime)
	defer timeout.Stop()
	for {
		select {
		case line := <-p.out.fresh:
			if found := printedAddress.FindStringSubmatch(line); found != nil {
				return found[1], nil
			}
		case <-p.done:
			return "", p.ended()
		case <-ctx.Done():
			return "", ctx.Err()
		case <-timeout.C:
			return "", fmt.Errorf("%s does not say where it listens; it wrote:\n%s", p.name, p.out.tail())
		}
	}
}

// lines takes the output of a program: the first lines are handed on, the last are kept for messages.
type lines struct {
	fresh chan string // those that nobody takes are dropped
	mu    sync.Mutex
	rest  string
	last  []string
}

func newLines() *lines { return &lines{fresh: make(chan string, 100)} }

// Write takes output.
func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest += string(text)
	for {
		line, rest, found := strings.Cut(l.rest, "\n")
		if !found {
			return len(text), nil
		}
		l.rest = rest
		select {
		case l.fresh <- line:
		default:
		}
		const kept = 20
		if l.last = append(l.last, line); len(l.last) > kept {
			l.last = l.last[1:]
		}
	}
}

func (l *lines) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(l.last[:len(l.last):len(l.last)], l.rest), "\n")
}

// self makes the command that runs this program again in one of its other roles.
func self(arguments ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("looking for this program's file: %w", err)
	}
	return exec.Command(program, arguments...), nil
}

// untilAbandoned blocks until the harness ends, however it does: it holds the other end of the standard input.
func untilAbandoned(stdin io.Reader) { io.Copy(io.Discard, bufio.NewReader(stdin)) }
