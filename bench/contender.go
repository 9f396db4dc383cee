package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// contender is something that answers a scenario's operation: the floor or a gateway.
type contender struct {
	name string
	*process
	load   *load
	body   likeness
	faults int64 // requests of it that the stand-ins found fault with
	fault  string
}

// stage is one scenario, ready to be measured: its subgraphs, and everything that answers it. Each is a process of its own.
type stage struct {
	settings   settings
	benchCase  *benchCase
	scenario   *scenario
	folder     string // for files
	standIns   *process
	subgraphs  string // address of the stand-ins
	contenders []*contender
}

// newStage starts the stand-ins.
func newStage(ctx context.Context, set settings, c *benchCase, s *scenario, opened, folder string) (*stage, error) {
	st := &stage{settings: set, benchCase: c, scenario: s, folder: folder}
	cmd, err := self(roleStandIns, opened)
	if err != nil {
		return nil, err
	}
	if st.standIns, err = launch("stand-ins", cmd); err != nil {
		return nil, err
	}
	if st.subgraphs, err = st.standIns.address(ctx); err != nil {
		st.stop()
		return nil, err
	}
	return st, nil
}

func (st *stage) stop() {
	for _, c := range st.contenders {
		c.stop()
	}
	st.standIns.stop()
}

// add enters a program that listens, and waits until it answers the operation as it should.
func (st *stage) add(ctx context.Context, name string, p *process, address, path string) error {
	c := &contender{name: name, process: p, load: newLoad(address, path, st.scenario.Body, st.settings.connections)}
	st.contenders = append(st.contenders, c)
	before, err := st.count()
	if err != nil {
		return err
	}
	if err := st.ready(ctx, c); err != nil {
		return err
	}
	c.load.run(ctx, st.settings.warmUp)
	after, err := st.count()
	if err != nil {
		return err
	}
	if c.faults = after.Faults - before.Faults; c.faults > 0 {
		c.fault = after.Fault
	}
	return nil
}

// ready waits for the first answer, and compares it.
func (st *stage) ready(ctx context.Context, c *contender) error {
	const pause = 50 * time.Millisecond
	deadline := time.Now().Add(startTime)
	for {
		client := c.load.connection()
		body, err := client.ask()
		if err == nil {
			if c.body, err = compareBodies(st.scenario.Want, body); err == nil {
				c.load.length = len(body)
				client.close()
				return nil
			}
		}
		client.close()
		if ended := c.ended(); ended != nil {
			return ended
		}
		if errors.Is(err, errOther) || time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer as it should: %w; it wrote:\n%s", c.name, err, c.out.tail())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// addFloor starts the floor.
func (st *stage) addFloor(ctx context.Context) error {
	text, err := json.Marshal(floorPlan{Subgraphs: st.subgraphs, Waves: st.scenario.Waves, Answer: string(st.scenario.Want)})
	if err != nil {
		return fmt.Errorf("writing what the floor does: %w", err)
	}
	file := filepath.Join(st.folder, "floor.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("writing what the floor does: %w", err)
	}
	cmd, err := self(roleFloor, file)
	if err != nil {
		return err
	}
	return st.addPrinting(ctx, "floor", cmd)
}

// addPrinting starts a program of ours: it prints where it listens.
func (st *stage) addPrinting(ctx context.Context, name string, cmd *exec.Cmd) error {
	p, err := launch(name, cmd)
	if err != nil {
		return err
	}
	address, err := p.address(ctx)
	if err != nil {
		p.stop()
		return err
	}
	return st.add(ctx, name, p, address, "/graphql")
}

// supergraphFile writes the supergraph with the addresses of the stand-ins.
func (st *stage) supergraphFile() (string, error) {
	text, err := setAddresses(st.benchCase.Supergraph.Text, st.subgraphURL)
	if err != nil {
		return "", err
	}
	file := filepath.Join(st.folder, "supergraph.graphql")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("writing the supergraph: %w", err)
	}
	return file, nil
}

func (st *stage) subgraphURL(name string) string { return "http://" + st.subgraphs + "/" + name }

// addCallboard starts our gateway, once for each of its variants.
func (st *stage) addCallboard(ctx context.Context, program string, variants []variant) error {
	file, err := st.supergraphFile()
	if err != nil {
		return err
	}
	for _, v := range variants {
		arguments := []string{"gateway", "--supergraph", file, "--listen", "127.0.0.1:0"}
		for _, subgraph := range st.benchCase.Subgraphs {
			arguments = append(arguments, "--subgraph", subgraph.Name+"="+st.subgraphURL(subgraph.Name))
		}
		if err := st.addPrinting(ctx, v.name, exec.Command(program, append(arguments, v.flags...)...)); err != nil {
			return err
		}
	}
	return nil
}

// variant is a way to run our gateway.
type variant struct {
	name  string
	flags []string
}

// variantsOf tells which variants the program has: with and without sharing of identical requests, if it can share.
func variantsOf(ctx context.Context, program string) ([]variant, error) {
	usage, err := exec.CommandContext(ctx, program, "gateway", "--help").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("asking %s for its flags: %w: %s", program, err, excerpt(usage))
	}
	if !strings.Contains(string(usage), "share-requests") {
		return []variant{{"callboard", nil}}, nil
	}
	return []variant{{"callboard unshared", []string{"--no-share-requests"}}, {"callboard shared", []string{"--share-requests"}}}, nil
}

// buildCallboard builds our gateway from the module this program is run in.
func buildCallboard(ctx context.Context, folder string) (string, error) {
	file := filepath.Join(folder, "callboard")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", file, "callboard.dev/callboard/cmd/callboard").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building callboard: %w\n%s(run the harness inside the repository, or name a built one with -callboard)", err, out)
	}
	return file, nil
}

// gateway is another gateway, as the command line names it.
type gateway struct{ name, command string }

// addOther starts another gateway by a shell, on a port that was free a moment ago.
func (st *stage) addOther(ctx context.Context, g gateway) error {
	file, err := st.supergraphFile()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("looking for a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	command := strings.NewReplacer("{supergraph}", file, "{port}", strconv.Itoa(port)).Replace(g.command)
	p, err := launch(g.name, exec.Command("sh", "-c", command))
	if err != nil {
		return err
	}
	return st.add(ctx, g.name, p, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), st.settings.path)
}

// count asks the stand-ins for their counters.
func (st *stage) count() (counters, error) {
	var c counters
	response, err := http.Get("http://" + st.subgraphs + countersPath)
	if err == nil {
		defer response.Body.Close()
		err = json.NewDecoder(response.Body).Decode(&c)
	}
	if err != nil {
		return c, fmt.Errorf("asking the stand-ins for their counters: %w", err)
	}
	return c, nil
}
