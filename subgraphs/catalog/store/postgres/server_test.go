//go:build servers

package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// password is the one of the tests' servers.
const password = "correct-horse"

// server is a PostgreSQL of its own in a temporary folder, as a user other than root, which it refuses to run as.
type server struct {
	folder, port string
	bin          string
	run          *exec.Cmd
	credential   *syscall.Credential
	log          bytes.Buffer
}

func newServer() (*server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		return nil, errors.New("there is no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
	}
	folder, err := os.MkdirTemp("", "callboard-postgres-*")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, bin: filepath.Dir(slices.Max(found))}
	if err := s.prepare(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *server) prepare() error {
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		owner, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		s.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, name := range []string{s.folder, secret} {
			if err := os.Chown(name, uid, gid); err != nil {
				return err
			}
		}
	}
	initialise := s.command("initdb", "-D", filepath.Join(s.folder, "data"), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if out, err := initialise.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.choosePort(); err != nil {
		return err
	}
	return s.start()
}

// choosePort takes a free port of those that no system gives to whoever asks for any, so that nobody else has it before the server does.
func (s *server) choosePort() error {
	for range 100 {
		s.port = strconv.Itoa(22_000 + rand.IntN(10_000))
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", s.port)); err == nil {
			return listener.Close()
		}
	}
	return errors.New("there is no free port")
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.bin, name), args...)
	command.Dir = s.folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential, Pdeathsig: syscall.SIGQUIT}
	return command
}

func (s *server) address(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/%s?sslmode=disable", password, s.port, database)
}

// start starts the server and returns when it answers.
func (s *server) start() error {
	s.log.Reset()
	s.run = s.command("postgres", "-D", filepath.Join(s.folder, "data"), "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	s.run.Stderr = &s.log
	if err := s.run.Start(); err != nil {
		return err
	}
	var last error
	for range 600 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, s.address("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		last = err
		time.Sleep(50 * time.Millisecond) // between attempts; nothing is measured
	}
	return fmt.Errorf("it does not answer: %w: %s", last, s.log.String())
}

// kill stops the server at once, which finds out when it is started again.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.run.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = s.run.Wait() // it says so with its status
}

func (s *server) remove() {
	if s.run != nil && s.run.ProcessState == nil {
		_ = s.run.Process.Signal(syscall.SIGQUIT)
		_ = s.run.Wait()
	}
	_ = os.RemoveAll(s.folder)
}

// database makes an empty database and returns its address.
func (s *server) database(t *testing.T) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	name := fmt.Sprintf("test%d", rand.Uint64())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return s.address(name)
}
