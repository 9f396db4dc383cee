//go:build !unix

package git

import (
	"os/exec"
	"time"
)

// isolate gives up soon on a command that has been killed but whose children keep its output open.
func isolate(cmd *exec.Cmd) { cmd.WaitDelay = time.Second }
