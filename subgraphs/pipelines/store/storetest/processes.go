package storetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// child is the variable that makes a test's program one of the other processes: what it is to do, and what to give to open.
const child = "CALLBOARD_TEST_CHILD"

// Child does what one of the processes of Processes does, and does not return, where this program was started as one. A store's
// TestMain calls it first; open is given what Processes was.
func Child(open func(where string) (store.Store, error)) {
	role, where, ours := strings.Cut(os.Getenv(child), " ")
	if !ours {
		return
	}
	s, err := open(where)
	if err == nil {
		err = map[string]func(s store.Store) error{"hang": hang, "race": race}[role](s)
	}
	fmt.Println("failed:", err)
	os.Exit(1)
}

func start(t *testing.T, role, where string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), child+"="+role+" "+where)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	done(t, err)
	done(t, c.Start())
	return c, bufio.NewScanner(out)
}

func keyed() store.Action {
	a := anAction(0)
	a.Key = "key"
	return a
}

// hang begins an action and takes a lease, and never goes on.
func hang(s store.Store) error {
	ctx := context.Background()
	if known, err := s.Begin(ctx, keyed()); err != nil || known != nil {
		return fmt.Errorf("%+v, %w", known, err)
	}
	if _, held, err := s.Announce(ctx, pull, time.Hour); err != nil || !held {
		return fmt.Errorf("%v, %w", held, err)
	}
	fmt.Println("begun")
	select {}
}

// race begins one action after another whose keys all processes try, and says which it has begun.
func race(s store.Store) error {
	ctx := context.Background()
	for i := 0; ; i++ {
		a := anAction(0)
		a.ID, a.Key = fmt.Sprintf("%d/%d", os.Getpid(), i), fmt.Sprint("key", i)
		known, err := s.Begin(ctx, a)
		if err != nil {
			return err
		}
		if known != nil {
			fmt.Println("known", a.Key, known.ID)
			continue
		}
		fmt.Println("begun", a.Key, a.ID)
		if err := s.Finish(ctx, a.ID, store.Done, ""); err != nil {
			return err
		}
		fmt.Println("ended", a.Key, a.ID)
	}
}

// Processes tests what is left when processes are killed, and that others do not do again what they have begun. Each call of
// database makes an empty database; its name is given to the open of Child.
func Processes(t *testing.T, database func(t *testing.T) (open Opener, where string)) {
	t.Run("killed-before-the-end", func(t *testing.T) {
		open, where := database(t)
		killedBeforeTheEnd(t, closing(t, open), where)
	})
	t.Run("killed-while-others-try-the-same", func(t *testing.T) {
		open, where := database(t)
		killedWhileOthersTry(t, closing(t, open), where)
	})
}

func killedBeforeTheEnd(t *testing.T, open Opener, where string) {
	ctx, s := t.Context(), open()
	c, lines := start(t, "hang", where)
	if !lines.Scan() || lines.Text() != "begun" {
		t.Fatalf("the process says %q", lines.Text())
	}
	want, asked := keyed(), keyed()
	asked.ID, asked.At = "another", after(1)
	for _, when := range []string{"running", "killed"} {
		if when == "killed" {
			done(t, c.Process.Kill())
			_ = c.Wait()
		}
		known := must[*store.Action](t)(s.Begin(ctx, asked))
		same(t, when, known, &want) // pending, with the time since
		announced(t, s, store.Announcement{Name: pull})
	}
	// Who comes later decides that it failed, and everybody hears of that.
	done(t, s.Finish(ctx, want.ID, store.Failed, `"given up"`))
	if known := must[*store.Action](t)(open().Begin(ctx, asked)); known == nil || known.ID != want.ID || known.State != store.Failed {
		t.Errorf("afterwards: %+v", known)
	}
}

func killedWhileOthersTry(t *testing.T, open Opener, where string) {
	type action struct{ key, id string }
	var (
		mu      sync.Mutex
		begun   = map[string]string{} // by key
		ended   = map[action]bool{}
		told    = map[action]bool{}
		running sync.WaitGroup
	)
	for n := range 4 {
		c, lines := start(t, "race", where)
		running.Go(func() {
			for i := 0; lines.Scan(); i++ {
				what, of, _ := strings.Cut(lines.Text(), " ")
				key, id, _ := strings.Cut(of, " ")
				mu.Lock()
				switch what {
				case "begun":
					if before, ok := begun[key]; ok {
						t.Errorf("%s was begun as %s and as %s", key, before, id)
					}
					begun[key] = id
				case "ended":
					ended[action{key, id}] = true
				case "known":
					told[action{key, id}] = true
				default:
					t.Error(lines.Text())
				}
				mu.Unlock()
				if i == 60+20*n {
					_ = c.Process.Kill()
				}
			}
			_ = c.Wait()
		})
	}
	running.Wait()
	kept := map[string]store.Action{}
	for _, a := range must[[]store.Action](t)(open().Actions(t.Context(), store.ActionsQuery{})) {
		if before, ok := kept[a.Key]; ok {
			t.Errorf("%s is there as %s and as %s", a.Key, before.ID, a.ID)
		}
		kept[a.Key] = a
	}
	for key, id := range begun {
		if kept[key].ID != id {
			t.Errorf("%s was begun as %s, and is there as %q", key, id, kept[key].ID)
		}
	}
	for a := range told {
		if kept[a.key].ID != a.id {
			t.Errorf("of %s was told that it is %s, and it is there as %q", a.key, a.id, kept[a.key].ID)
		}
	}
	for a := range ended {
		if kept[a.key].State != store.Done {
			t.Errorf("%s of %s ended, and is %q", a.id, a.key, kept[a.key].State)
		}
	}
	if len(begun) < 40 || len(told) == 0 {
		t.Errorf("%d were begun, and of %d was told", len(begun), len(told))
	}
}
