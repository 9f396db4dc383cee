package redistest

import (
	"os/exec"
	"syscall"
)

// endWithUs has the server end also where the test has no time to end it.
func endWithUs(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
