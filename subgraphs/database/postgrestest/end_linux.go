package postgrestest

import "syscall"

// endWithUs has the server end also where the test has no time to end it.
func endWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
