// Package redistest starts real Redis servers for tests: one, three behind Sentinel, or six as a cluster. A test goes in, addresses come out; everything ends
// with the test.
//
// The one rule: a program that is missing, or a server that does not start, fails the test. Nothing is skipped.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTime is how long a server may take until it does what it is for.
const startTime = 60 * time.Second

// Server is a server that runs.
type Server struct {
	Address string
	process *exec.Cmd
	output  *bytes.Buffer
	ended   chan struct{} // closed when it has; output is to be read afterwards alone
}

// Kill ends the server at once, and returns when it has ended.
func (s *Server) Kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// Signal sends the server a signal.
func (s *Server) Signal(signal os.Signal) error { return s.process.Process.Signal(signal) }

// Single starts one server, with further settings as redis-server takes them on its command line.
func Single(t testing.TB, settings ...string) *Server {
	t.Helper()
	return single(t, port(t), settings...)
}

// Again starts a server that was killed anew, empty and with further settings, at the address it had.
func (s *Server) Again(t testing.TB, settings ...string) *Server {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.Address)
	return single(t, port, settings...)
}

func single(t testing.TB, port string, settings ...string) *Server {
	t.Helper()
	s := start(t, "redis-server", port, append([]string{"--save", "", "--appendonly", "no"}, settings...)...)
	client := redis.NewClient(&redis.Options{Addr: s.Address})
	defer client.Close()
	eventually(t, s, "to answer", func(ctx context.Context) error { return client.Ping(ctx).Err() })
	return s
}

// Sentinel is a master with replicas, and those who watch it.
type Sentinel struct {
	Master    string // the name
	Addresses []string
	Servers   []*Server // the first was the master when all was started
	Watchers  []*Server
}

// WithSentinel starts a master with two replicas, watched by three.
func WithSentinel(t testing.TB) *Sentinel {
	t.Helper()
	out := &Sentinel{Master: "board"}
	master := Single(t, "--repl-diskless-sync-delay", "0")
	out.Servers = append(out.Servers, master)
	host, masterPort, _ := net.SplitHostPort(master.Address)
	for range 2 {
		out.Servers = append(out.Servers, Single(t, "--replicaof", host+" "+masterPort, "--repl-diskless-sync-delay", "0"))
	}
	synced(t, out.Servers, 2)
	for i := range 3 {
		p := port(t)
		file := filepath.Join(t.TempDir(), fmt.Sprintf("sentinel-%d.conf", i))
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor board %s %s 2\nsentinel down-after-milliseconds board 500\nsentinel failover-timeout board 3000\n", p, host, masterPort)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w := run(t, "redis-sentinel", p, file)
		out.Watchers = append(out.Watchers, w)
		out.Addresses = append(out.Addresses, w.Address)
	}
	for _, w := range out.Watchers {
		client := redis.NewSentinelClient(&redis.Options{Addr: w.Address})
		eventually(t, w, "to know the replicas and the other watchers", func(ctx context.Context) error {
			m, err := client.Master(ctx, "board").Result()
			if err == nil && (m["num-slaves"] != "2" || m["num-other-sentinels"] != "2") {
				err = fmt.Errorf("it knows %s replicas and %s watchers", m["num-slaves"], m["num-other-sentinels"])
			}
			return err
		})
		_ = client.Close()
	}
	return out
}

// Cluster starts three masters with a replica each.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	var out []*Server
	var addresses []string
	for range 6 {
		s := Single(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0", "--cluster-require-full-coverage", "no")
		out = append(out, s)
		addresses = append(addresses, s.Address)
	}
	text, err := exec.CommandContext(t.Context(), installed(t, "redis-cli"), append(append([]string{"--cluster", "create"}, addresses...), "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Fatalf("making a cluster: %v\n%s", err, text)
	}
	for _, s := range out {
		client := redis.NewClient(&redis.Options{Addr: s.Address})
		eventually(t, s, "to be part of a whole cluster", func(ctx context.Context) error {
			text, err := client.ClusterInfo(ctx).Result()
			if err == nil && !strings.Contains(text, "cluster_state:ok") {
				err = fmt.Errorf("the cluster is %s", text)
			}
			return err
		})
		_ = client.Close()
	}
	synced(t, out, 3)
	return out
}

// synced waits until so many of the servers are replicas that have all of their master: others cannot take its place.
func synced(t testing.TB, servers []*Server, replicas int) {
	t.Helper()
	eventually(t, servers[0], fmt.Sprintf("and those beside it to have %d replicas that are up to date", replicas), func(ctx context.Context) error {
		n := 0
		for _, s := range servers {
			client := redis.NewClient(&redis.Options{Addr: s.Address})
			text, err := client.Info(ctx, "replication").Result()
			_ = client.Close()
			if err != nil {
				return err
			}
			if strings.Contains(text, "role:slave") && strings.Contains(text, "master_link_status:up") {
				n++
			}
		}
		if n != replicas {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}

// start starts a program with a folder of its own.
func start(t testing.TB, program, port string, arguments ...string) *Server {
	return run(t, program, port, append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--protected-mode", "yes"}, arguments...)...)
}

func run(t testing.TB, program, port string, arguments ...string) *Server {
	t.Helper()
	s := &Server{Address: "127.0.0.1:" + port, process: exec.Command(installed(t, program), arguments...), output: &bytes.Buffer{}, ended: make(chan struct{})}
	s.process.Stdout, s.process.Stderr = s.output, s.output
	endWithUs(s.process)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.process.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.Kill)
	return s
}

// installed returns where the program is.
func installed(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed: apt-get install redis-server redis-sentinel redis-tools", program)
	}
	return path
}

// eventually waits until the condition holds.
func eventually(t testing.TB, s *Server, what string, condition func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-s.ended:
			t.Fatalf("%s at %s has ended: %v\n%s", s.process.Path, s.Address, err, s.output)
		case <-ctx.Done():
			s.Kill()
			t.Fatalf("waiting for %s at %s %s: %v\n%s", s.process.Path, s.Address, what, err, s.output)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Ports are taken from those that no system gives to whoever asks for any, so that nobody else has one before the server does. In a cluster a server has
// another one for the others, 10,000 higher.
const (
	firstPort = 11_000
	lastPort  = 21_999
)

// ports are those given out already: a server may take a moment to take its own.
var ports struct {
	sync.Mutex
	given map[int]bool
}

func port(t testing.TB) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	for range 1000 {
		p := firstPort + rand.IntN(lastPort-firstPort+1)
		if !ports.given[p] && free(p) && free(p+10_000) {
			ports.given[p] = true
			return strconv.Itoa(p)
		}
	}
	t.Fatal("there is no free port")
	return ""
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
