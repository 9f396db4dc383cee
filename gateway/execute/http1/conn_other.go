//go:build !unix

package http1

// direct finds no way around the runtime's waiting: the system's calls differ.
func (k *conn) direct() {}

func (k *conn) tryWrite([]byte) (int, error) { return 0, errWouldWait }

func (k *conn) tryRead([]byte) (int, error) { return 0, errWouldWait }
