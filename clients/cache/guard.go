package cache

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// Why the bytes from Redis are looked at before the client reads them (November 2026): the client makes room for as long a list or text as an answer announces,
// and reads lists in lists for as long as there are any. An answer that is not from Redis, or from one that is broken, would end the process.

// Bounds of one answer.
const (
	maxAnswer     = 4 * maxEntryBytes // bytes of all of it
	maxAnswerText = maxEntryBytes     // bytes of one text: none is longer than the longest entry
	maxAnswerList = 1 << 16           // members of one list: a cluster has 16,384 slots, and no pipeline's answer is a list
	maxAnswerDeep = 16                // lists in lists
	maxAnswerLine = 64 << 10          // bytes of what is no text and no list, such as an error
)

var errNoAnswer = errors.New("what came is no answer of Redis, or larger than any")

// guard makes a client look at what comes.
type guard struct{}

// guardClient has the connections that the client makes from now on guarded.
func guardClient(client redis.UniversalClient) {
	if c, ok := client.(*redis.ClusterClient); ok {
		c.OnNewNode(func(node *redis.Client) { node.AddHook(guard{}) })
		return
	}
	client.AddHook(guard{})
}

// DialHook guards connections.
func (guard) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		g := &guarded{Conn: c}
		if socket, ok := c.(syscall.Conn); ok { // by which the client finds out whether it is still open
			return &guardedSocket{g, socket}, nil
		}
		return g, nil
	}
}

// ProcessHook changes nothing.
func (guard) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook changes nothing.
func (guard) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// guarded is a connection that ends at the first byte that is no answer, or announces too much.
type guarded struct {
	net.Conn
	answers answers
}

type guardedSocket struct {
	*guarded
	syscall.Conn
}

func (g *guarded) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if wrong := g.answers.take(b[:n]); wrong != nil {
		_ = g.Close()
		return 0, wrong
	}
	return n, err
}

// NetConn returns the connection that is guarded.
func (g *guarded) NetConn() net.Conn { return g.Conn }

// answers follows answers in Redis's protocol as their bytes come, in pieces of any size. Its memory is bounded.
type answers struct {
	line  []byte // the beginning of a line that has not ended: as much as a number can have
	long  int    // how long the line is by now
	text  int    // bytes of a text that are to come, its line end included
	lists []list // the lists that are open, the outermost first
	size  int    // bytes of the answer by now
}

// list is a list of which members are to come.
type list struct {
	left  int
	aside bool // it is no member of the one around it
}

// take follows some more bytes.
func (a *answers) take(b []byte) error {
	for len(b) > 0 {
		n := 1
		if a.text > 0 {
			n = min(a.text, len(b))
			if a.text -= n; a.text == 0 {
				a.ended()
			}
		} else if err := a.lineByte(b[0]); err != nil {
			return err
		}
		if len(a.lists) == 0 && a.text == 0 && a.long == 0 {
			a.size = 0
		} else if a.size += n; a.size > maxAnswer {
			return errNoAnswer
		}
		b = b[n:]
	}
	return nil
}

func (a *answers) lineByte(c byte) error {
	const enough = 24 // the type, the digits of any number, and the line's end
	if a.long++; a.long > maxAnswerLine {
		return errNoAnswer
	}
	if len(a.line) < enough {
		a.line = append(a.line, c)
	}
	if c != '\n' {
		return nil
	}
	line, long := a.line, a.long
	a.line, a.long = a.line[:0], 0
	if long < 3 || long <= enough && line[long-2] != '\r' {
		return errNoAnswer
	}
	switch line[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		a.ended()
		return nil
	case '$', '!', '=', '*', '~', '>', '%', '|':
	default:
		return errNoAnswer
	}
	if long > enough {
		return errNoAnswer
	}
	n, err := strconv.Atoi(string(line[1 : long-2]))
	if err != nil || n < -1 {
		return errNoAnswer
	}
	if n == -1 {
		a.ended()
		return nil
	}
	switch line[0] {
	case '$', '!', '=':
		if n > maxAnswerText {
			return errNoAnswer
		}
		a.text = n + len("\r\n")
		return nil
	case '%', '|':
		n *= 2
	}
	if n > maxAnswerList || len(a.lists) == maxAnswerDeep {
		return errNoAnswer
	}
	a.lists = append(a.lists, list{left: n, aside: line[0] == '|' || line[0] == '>'})
	a.close()
	return nil
}

// ended is for a member, or a whole answer, that has come.
func (a *answers) ended() {
	if len(a.lists) > 0 {
		a.lists[len(a.lists)-1].left--
		a.close()
	}
}

// close closes the lists that have all their members.
func (a *answers) close() {
	for len(a.lists) > 0 && a.lists[len(a.lists)-1].left == 0 {
		last := a.lists[len(a.lists)-1]
		a.lists = a.lists[:len(a.lists)-1]
		if len(a.lists) > 0 && !last.aside {
			a.lists[len(a.lists)-1].left--
		}
	}
}
