// Command bench measures the gateway. On one supergraph and one operation it starts stand-in subgraphs, the floor, Callboard and whatever other gateways are named, each
// as a process of its own, checks that all of them give the same answer, and loads one after the other in rounds. Out comes a table, or JSON: requests a second,
// processor time, latencies, memory and subgraph calls, each beside its ratio to the floor in the same run.
//
// The one rule: nothing that is not the contender may decide a figure. Stand-ins answer from a map, the client reads no more than it must, and what both cost is
// printed beside the rest.
//
// Start with run, which names the stages. cases.go has what is asked, contender.go starts who is asked, rounds.go measures, report.go tells. README.md says how to
// read the figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The other roles of this program, in processes that the harness starts.
const (
	roleStandIns = "stand-ins" // with a case
	roleFloor    = "floor"     // with a file
)

// dispatch runs the harness, or one of its other roles.
func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 2 && (args[0] == roleStandIns || args[0] == roleFloor) {
		return play(args[0], args[1], stdin, stdout)
	}
	set, err := parseSettings(args, stderr)
	if err != nil {
		return err
	}
	return run(ctx, set, stdout, stderr)
}

// play serves as stand-ins or floor until the harness is gone.
func play(role, of string, stdin io.Reader, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		untilAbandoned(stdin)
		listener.Close()
	}()
	announce := func() { fmt.Fprintf(stdout, "%s at http://%s\n", role, listener.Addr()) }
	if role == roleStandIns {
		c, err := openCase(of)
		if err != nil {
			return err
		}
		announce()
		return serveStandIns(c, listener)
	}
	text, err := os.ReadFile(of)
	if err != nil {
		return err
	}
	var p floorPlan
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("reading what the floor does: %w", err)
	}
	announce()
	if err := http.Serve(listener, newFloor(p)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// settings are what the command line says.
type settings struct {
	cases       string
	shared      string
	scenarios   []string // nil: all
	connections int
	rounds      int
	duration    time.Duration
	warmUp      time.Duration
	callboard   string
	others      []gateway
	path        string
	json        bool
}

func parseSettings(args []string, stderr io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.cases, "cases", "all", "`which`: own, shared, or all there are")
	flags.StringVar(&set.shared, "shared", "../shared/bench-cases", "`folder` of the shared case")
	flags.Func("scenarios", "`names` of scenarios, with commas between (default all)", func(text string) error {
		set.scenarios = strings.Split(text, ",")
		return nil
	})
	flags.IntVar(&set.connections, "connections", 50, "connections of the client, each with one request at a time")
	flags.IntVar(&set.rounds, "rounds", 5, "rounds; more make better medians")
	flags.DurationVar(&set.duration, "duration", 2*time.Second, "how long a round is; CPU time is counted in steps of 10ms")
	flags.DurationVar(&set.warmUp, "warm-up", time.Second, "how long everything is asked before the rounds")
	flags.StringVar(&set.callboard, "callboard", "", "`file` of a callboard that is built already")
	flags.Func("gateway", "another gateway, as `name=command`; {supergraph} and {port} stand for a file and the port of 127.0.0.1 to listen on; may be repeated", func(text string) error {
		name, command, found := strings.Cut(text, "=")
		if !found || name == "" || command == "" {
			return errors.New("want name=command")
		}
		set.others = append(set.others, gateway{name, command})
		return nil
	})
	flags.StringVar(&set.path, "gateway-path", "/graphql", "`path` at which other gateways answer")
	flags.BoolVar(&set.json, "json", false, "write one JSON document instead of tables")
	if err := flags.Parse(args); err != nil {
		return set, err
	}
	switch {
	case flags.NArg() > 0:
		return set, fmt.Errorf("what is %q? there are only flags: see -help", flags.Arg(0))
	case !slices.Contains([]string{"own", "shared", "all"}, set.cases):
		return set, fmt.Errorf("-cases %s: want own, shared or all", set.cases)
	case set.connections < 1 || set.rounds < 1 || set.duration <= 0:
		return set, errors.New("connections, rounds and duration must be above zero")
	}
	return set, nil
}

// run measures every scenario that is wanted and reports.
func run(ctx context.Context, set settings, stdout, stderr io.Writer) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	progress := func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	if set.callboard == "" {
		progress("building callboard")
		if set.callboard, err = buildCallboard(ctx, folder); err != nil {
			return err
		}
	}
	variants, err := variantsOf(ctx, set.callboard)
	if err != nil {
		return err
	}
	report := newReport(set)
	for _, name := range caseNames(set, progress) {
		c, err := openCase(name)
		if err != nil {
			return err
		}
		for _, s := range c.Scenarios {
			if set.scenarios != nil && !slices.Contains(set.scenarios, s.Name) {
				continue
			}
			progress("%s %s", c.Name, s.Name)
			o, err := measure(ctx, set, c, s, name, folder, variants, progress)
			if err != nil {
				return fmt.Errorf("measuring %s %s: %w", c.Name, s.Name, err)
			}
			report.Outcomes = append(report.Outcomes, o)
		}
	}
	if len(report.Outcomes) == 0 {
		return errors.New("there is nothing to measure: no scenario has such a name")
	}
	report.Load[1] = loadAverage()
	if set.json {
		return report.writeJSON(stdout)
	}
	return report.write(stdout)
}

// caseNames lists the cases to open. The shared one is left out where it is absent, unless it was asked for by name.
func caseNames(set settings, progress func(format string, args ...any)) []string {
	switch set.cases {
	case "own":
		return []string{theatre}
	case "shared":
		return []string{set.shared}
	}
	if _, err := os.Stat(set.shared); err != nil {
		progress("no shared case in %s: only the project's own are measured", set.shared)
		return []string{theatre}
	}
	return []string{theatre, set.shared}
}

// measure starts everything for one scenario, measures it, and stops it.
func measure(ctx context.Context, set settings, c *benchCase, s *scenario, opened, folder string, variants []variant, progress func(format string, args ...any)) (*outcome, error) {
	if s.Waves == nil {
		var err error
		if s.Waves, err = c.recordCalls(ctx, s); err != nil {
			return nil, err
		}
	}
	st, err := newStage(ctx, set, c, s, opened, folder)
	if err != nil {
		return nil, err
	}
	defer st.stop()
	if err := st.addFloor(ctx); err != nil {
		return nil, err
	}
	if err := st.addCallboard(ctx, set.callboard, variants); err != nil {
		return nil, err
	}
	for _, g := range set.others {
		if err := st.addOther(ctx, g); err != nil {
			return nil, err
		}
	}
	return st.rounds(ctx, progress)
}
