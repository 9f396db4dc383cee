package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// floorPlan is what the floor does for a request, whatever the request is.
type floorPlan struct {
	Subgraphs string // address of the stand-ins
	Waves     [][]call
	Answer    string
}

// floor is the least that a gateway written with net/http does: it reads the request, makes the calls in their waves, reads the answers, writes the answer it was given.
// It knows nothing of GraphQL, but like a gateway it puts the variable of the request into the calls.
type floor struct {
	waves  [][]floorCall
	answer []byte
	length string
	client *http.Client
}

type floorCall struct {
	url  string
	body []byte
	at   []int // where digits of the variable go
}

func newFloor(p floorPlan) *floor {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 4096 // more than connections times calls of a wave
	f := &floor{answer: []byte(p.Answer), length: strconv.Itoa(len(p.Answer)), client: &http.Client{Transport: transport}}
	for _, wave := range p.Waves {
		var calls []floorCall
		for _, c := range wave {
			body, at := withUnique([]byte(c.Body))
			calls = append(calls, floorCall{url: "http://" + p.Subgraphs + c.Path, body: body, at: at})
		}
		f.waves = append(f.waves, calls)
	}
	return f
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var value []byte
	if at := findUnique(body); at >= 0 {
		value = body[at : at+uniqueDigits]
	}
	for _, wave := range f.waves {
		failed := make([]error, len(wave))
		var all sync.WaitGroup
		for i := range wave {
			all.Go(func() { failed[i] = f.call(r.Context(), &wave[i], value) })
		}
		all.Wait()
		if err := errors.Join(failed...); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", f.length)
	w.Write(f.answer)
}

// readWhole reads a body into a buffer of the length it announces. Growing a buffer to 80 KB instead, as io.ReadAll does, costs the main scenario a quarter more, and would
// flatter the gateways.
func readWhole(answer *http.Response) error {
	if answer.ContentLength < 0 || answer.ContentLength > maxBody {
		_, err := io.ReadAll(answer.Body)
		return err
	}
	_, err := io.ReadFull(answer.Body, make([]byte, answer.ContentLength))
	return err
}

// call makes a request to a subgraph and reads the whole answer.
func (f *floor) call(ctx context.Context, c *floorCall, value []byte) error {
	body := c.body
	if len(c.at) > 0 && value != nil {
		body = bytes.Clone(body)
		for _, at := range c.at {
			copy(body[at:], value)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	answer, err := f.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := readWhole(answer); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered with %s", c.url, answer.Status)
	}
	return nil
}
