package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/supergraph"
)

// supergraphFile is a supergraph that may be replaced while it is served.
type supergraphFile struct {
	name string
	log  *slog.Logger
	info os.FileInfo // of what was read last; nil where that is not known
	text string      // as served
}

// lookEvery is how often the file is looked at. It is looked at and not watched: mounted volumes, and editors that put a new file in the place of the old
// one, tell watchers little.
const lookEvery = time.Second

// follow reads the file again when it has changed, or the process gets SIGHUP, until ctx ends, and has swap take what it says. Where it says nothing that
// can be served, what is served stays.
func (f *supergraphFile) follow(ctx context.Context, swap func(s *supergraph.Supergraph) error) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	f.info, _ = os.Stat(f.name)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			f.read(swap)
		case <-tick.C:
			info, err := os.Stat(f.name)
			if err != nil || f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
				continue // a file that is gone for a moment is being replaced
			}
			f.info = info
			f.read(swap)
		}
	}
}

func (f *supergraphFile) read(swap func(s *supergraph.Supergraph) error) {
	text, err := readFile(f.name, maxSchemaBytes)
	if err == nil && text == f.text {
		return
	}
	var s *supergraph.Supergraph
	if err == nil {
		s, err = supergraph.Read(f.name, text)
	}
	if err == nil {
		err = swap(s)
	}
	if err != nil {
		f.log.Error("the supergraph has changed, and cannot be served: the one before is served on", "file", f.name, "error", err)
		return
	}
	f.text = text
	f.log.Info("the supergraph has changed: the new one is served", "file", f.name)
}

// keepConnections puts subgraphs of before in the place of those that are reached in the same way, so that their connections are used on.
func keepConnections(before, now map[string]execute.Subgraph) {
	for name, subgraph := range now {
		old, wasHTTP := before[name].(*execute.HTTP)
		if own, isHTTP := subgraph.(*execute.HTTP); wasHTTP && isHTTP && own.URL == old.URL {
			now[name] = old // all else comes from the configuration, which has not changed
		}
	}
}
