// Package postgrestest starts PostgreSQL for the tests of stores, from Debian's package. Nothing goes in; the address of an empty
// database comes out.
//
// The one rule: a server lives in a temporary folder, on 127.0.0.1, and is gone with the test, also where that is killed. Start
// with Start.
package postgrestest

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

// Password is the one of the user postgres, which an address has.
const Password = "correct-horse"

// Server is a PostgreSQL of its own in a temporary folder, as a user other than root, which it refuses to run as.
type Server struct {
	folder, port string
	bin          string
	run          *exec.Cmd
	credential   *syscall.Credential
	log          bytes.Buffer
}

// Start starts a server and returns when it answers. Whoever starts it has to Remove it.
func Start() (*Server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		return nil, errors.New("there is no /usr/lib/postgresql/*/bin/postgres: apt-get install postgresql")
	}
	folder, err := os.MkdirTemp("", "callboard-postgres-*")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: filepath.Dir(slices.Max(found))}
	if err := s.prepare(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare() error {
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
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
	return s.Restart()
}

// choosePort takes a free port of those that no system gives to whoever asks for any, so that nobody else has it before the server does.
func (s *Server) choosePort() error {
	for range 100 {
		s.port = strconv.Itoa(22_000 + rand.IntN(10_000))
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", s.port)); err == nil {
			return listener.Close()
		}
	}
	return errors.New("there is no free port")
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.bin, name), args...)
	command.Dir = s.folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	endWithUs(command.SysProcAttr)
	return command
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/%s?sslmode=disable", Password, s.port, database)
}

// Restart starts the server after Kill and returns when it answers.
func (s *Server) Restart() error {
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

// Kill stops the server at once, which finds out when it is started again.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.run.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = s.run.Wait() // it says so with its status
}

// Remove stops the server and forgets all it kept.
func (s *Server) Remove() {
	if s.run != nil && s.run.ProcessState == nil {
		_ = s.run.Process.Signal(syscall.SIGQUIT)
		_ = s.run.Wait()
	}
	_ = os.RemoveAll(s.folder)
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB) string {
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
