// Command callboard is the whole product in one binary: the gateway, the first-party subgraphs and the commands around them. It reads
// the configuration, builds the parts in order, starts and stops them.
//
// The one rule: everything a command does is done by a package with tests of its own; this one only puts them together. Start with cli.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is every command with its flags. The comments in help tags are what a newcomer reads first.
type cli struct {
	Up        upCommand        `cmd:"" help:"Start Callboard: gateway, catalog, repositories of the given folders, and the configured sources."`
	Demo      demoCommand      `cmd:"" help:"Start Callboard on the example organisation."`
	Gateway   gatewayCommand   `cmd:"" help:"Start only the gateway, for any Federation supergraph."`
	Subgraph  subgraphCommand  `cmd:"" help:"Start one first-party subgraph over HTTP."`
	Compose   composeCommand   `cmd:"" help:"Compose subgraph schemas and print the supergraph."`
	Plan      planCommand      `cmd:"" help:"Print the plan of an operation."`
	Explain   explainCommand   `cmd:"" help:"Run an operation and print what became of each fetch."`
	Normalize normalizeCommand `cmd:"" help:"Print the normal form of an operation."`
	Check     checkCommand     `cmd:"" help:"Validate catalog descriptor files."`
	Config    configCommand    `cmd:"" help:"Print the effective configuration, secrets hidden."`
	Health    healthCommand    `cmd:"" help:"Ask a running Callboard whether it answers queries; exit status 1 where it does not."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// program is what a command may use of the process it runs in.
type program struct {
	ctx    context.Context // ends with SIGINT or SIGTERM
	stdout io.Writer
	stderr io.Writer
}

// exit is an error that has been reported already.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// garbagePercent is how much garbage may gather for what is kept, unless GOGC says otherwise. With 10,000 entities it keeps the whole
// process at a peak of about 105 MB instead of 125 through start and edits, for a tenth more processor time at start.
const garbagePercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(&program{ctx: ctx, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run parses the arguments and runs the command they name. It returns the exit status: 0 for success, 1 where the command failed, 2 where it was
// called wrongly.
func run(p *program, args []string) (code int) {
	type stopped struct{ code int }
	defer func() {
		if s, ok := recover().(stopped); ok {
			code = s.code
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("callboard"),
		kong.Description("One GraphQL graph over everything an engineering organisation runs on. To look around: callboard demo, then open http://localhost:4000."),
		kong.Writers(p.stdout, p.stderr),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { panic(stopped{code}) }),
	)
	if err != nil {
		fmt.Fprintln(p.stderr, "callboard:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(p.stderr, "callboard: %v (try callboard --help)\n", err)
		return 2
	}
	if err := parsed.Run(p); err != nil {
		var reported exit
		if errors.As(err, &reported) {
			return reported.code
		}
		fmt.Fprintln(p.stderr, "callboard:", err)
		return 1
	}
	return 0
}

type versionCommand struct{}

func (versionCommand) Run(p *program) error {
	version, revision := "development", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Fprintf(p.stdout, "callboard %s%s\n", version, revision)
	return nil
}
