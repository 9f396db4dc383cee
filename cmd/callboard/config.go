package main

import (
	"io"
)

type configCommand struct {
	configFlags
}

// Run prints what the defaults, the file and the flags amount to.
func (c *configCommand) Run(p *program) error {
	cfg, _, err := c.load(p)
	if err != nil {
		return err
	}
	text, err := cfg.Effective()
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, text)
	return err
}
