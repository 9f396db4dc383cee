//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// group puts the program into a process group of its own, so that a shell's children end with it.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
