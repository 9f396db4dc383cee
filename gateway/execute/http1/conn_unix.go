//go:build unix

package http1

import (
	"io"
	"net"
	"syscall"
)

// direct finds the way around the runtime's waiting. Sockets of package net do not block, so one system call is one attempt. A type that wraps
// a socket is not asked for it: it has its own Read and Write for a reason.
func (k *conn) direct() {
	var err error
	switch n := k.net.(type) {
	case *net.TCPConn:
		k.raw, err = n.SyscallConn()
	case *net.UnixConn:
		k.raw, err = n.SyscallConn()
	}
	if k.raw == nil || err != nil {
		k.raw = nil
		return
	}
	k.push = func(fd uintptr) {
		for {
			n, err := syscall.Write(int(fd), k.out)
			switch {
			case n == len(k.out):
				k.n = n
			case n > 0: // an error of what is left belongs to another attempt
				k.n, k.err = n, errWouldWait
			case err == syscall.EINTR:
				continue
			case err == nil || err == syscall.EAGAIN:
				k.err = errWouldWait
			default:
				k.err = err
			}
			return
		}
	}
	k.pull = func(fd uintptr) {
		for {
			n, err := syscall.Read(int(fd), k.in)
			switch {
			case n > 0:
				k.n = n
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				k.err = errWouldWait
			case err == nil:
				k.err = io.EOF
			default:
				k.err = err
			}
			return
		}
	}
}

// tryWrite is write by one system call. p is not empty.
func (k *conn) tryWrite(p []byte) (int, error) {
	k.out, k.n, k.err = p, 0, nil
	if err := k.raw.Control(k.push); err != nil {
		k.err = err
	}
	k.out = nil
	return k.n, k.err
}

// tryRead takes what the system has now. The error is errWouldWait if that is nothing. p is not empty.
func (k *conn) tryRead(p []byte) (int, error) {
	k.in, k.n, k.err = p, 0, nil
	if err := k.raw.Control(k.pull); err != nil {
		k.err = err
	}
	k.in = nil
	return k.n, k.err
}
