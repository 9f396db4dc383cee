//go:build unix

package git

import (
	"os/exec"
	"syscall"
	"time"
)

// isolate puts the command into a process group of its own and kills the whole group when its context ends, so that nothing
// it has started outlives the request.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
}
