package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/introspection"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/supergraph"
)

type explainCommand struct {
	operationFlags
	configFlags
	Subgraph []string `placeholder:"NAME=URL" help:"Use this address for a subgraph instead of the supergraph's."`
	Label    []string `placeholder:"LABEL" help:"A label of progressive overrides that is on."`
	Mutate   bool     `help:"Run a mutation too; otherwise only queries are run."`
}

// Run runs an operation and prints what became of each fetch: what was sent, and what came back.
func (c *explainCommand) Run(p *program) error {
	cfg, log, err := c.load(p)
	if err != nil {
		return err
	}
	s, op, err := c.prepare(p)
	if err != nil {
		return err
	}
	if op.Kind != "query" && !c.Mutate {
		return fmt.Errorf("the operation is a %s, and running it would do what it says: add --mutate to run it", op.Kind)
	}
	variables := operation.Variables{}
	if c.Variables != "" {
		if err := json.Unmarshal([]byte(c.Variables), &variables); err != nil {
			return fmt.Errorf("--variables: %w", err)
		}
	}
	made, err := (&plan.Planner{Supergraph: s}).Plan(p.ctx, op, labelled(c.Label))
	if err != nil {
		return err
	}
	subgraphs, err := remoteSubgraphs(s, cfg, c.Subgraph, log)
	if err != nil {
		return err
	}
	subgraphs[supergraph.IntrospectionName] = &introspection.Subgraph{Schema: s.API}
	notes := &fetchNotes{started: time.Now(), byFetch: make([]string, len(made.Fetches))}
	for name, subgraph := range subgraphs {
		subgraphs[name] = notes.watch(subgraph)
	}
	response := (&execute.Executor{Subgraphs: subgraphs}).Execute(p.ctx, made, execute.Input{Variables: variables})
	for i, note := range notes.byFetch {
		if note == "" {
			note = "  not asked: no object wants it\n"
		}
		fmt.Fprintf(p.stdout, "fetch %d from %s\n%s\n", i, made.Fetches[i].Subgraph, note)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, response.Body, "", "  "); err != nil {
		return fmt.Errorf("bug: the response is not JSON: %w", err)
	}
	_, err = io.WriteString(p.stdout, out.String()+"\n")
	return err
}

// fetchNotes are what was seen of each fetch.
type fetchNotes struct {
	started time.Time
	mu      sync.Mutex
	byFetch []string
}

// shownBytes is how much of what was sent or answered is shown.
const shownBytes = 2000

func (n *fetchNotes) watch(subgraph execute.Subgraph) execute.Subgraph {
	return execute.SubgraphFunc(func(ctx context.Context, r *execute.Request) (*execute.Answer, error) {
		from := time.Now()
		answer, err := subgraph.Fetch(ctx, r)
		var b bytes.Buffer
		fmt.Fprintf(&b, "  started after %s, took %s\n  sent     %s\n", from.Sub(n.started).Round(10*time.Microsecond), time.Since(from).Round(10*time.Microsecond), r.Text)
		if len(r.Variables) > 0 {
			fmt.Fprintf(&b, "           %s\n", excerpt(r.Variables))
		}
		switch {
		case err != nil:
			fmt.Fprintf(&b, "  failed   %v\n", err)
		case answer.Text != nil:
			fmt.Fprintf(&b, "  answered %s\n", excerpt(answer.Text))
		default:
			fmt.Fprintf(&b, "  answered %s\n", excerpt(answer.Data))
			for _, e := range answer.Errors {
				fmt.Fprintf(&b, "           error: %s\n", e.Message)
			}
		}
		n.mu.Lock()
		n.byFetch[r.Fetch.ID] = b.String()
		n.mu.Unlock()
		return answer, err
	})
}

func excerpt(text []byte) string {
	if len(text) > shownBytes {
		return fmt.Sprintf("%s... (%d bytes)", text[:shownBytes], len(text))
	}
	return string(text)
}
