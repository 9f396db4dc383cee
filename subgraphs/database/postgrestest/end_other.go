//go:build !linux

package postgrestest

import "syscall"

// endWithUs is for Linux.
func endWithUs(*syscall.SysProcAttr) {}
