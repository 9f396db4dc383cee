package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// healthTimeout is how long a Callboard may take to say that it is ready: far more than it takes when it is well.
const healthTimeout = 3 * time.Second

type healthCommand struct {
	URL string `arg:"" optional:"" default:"http://localhost:4000/readyz" help:"What to ask (default: http://localhost:4000/readyz)."`
}

// Run asks a Callboard that runs whether it answers queries: for containers, which have no other program to ask with.
func (c *healthCommand) Run(p *program) error {
	ctx, done := context.WithTimeout(p.ctx, healthTimeout)
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return fmt.Errorf("asking for the health: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking for the health: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL, answer.Status)
	}
	fmt.Fprintln(p.stdout, "ready")
	return nil
}
