package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/gatewaytest"
)

// roleLiar is a role of the test program alone: a gateway, on a port, whose answers are wrong.
const roleLiar = "liar"

// TestMain lets the test program play the roles that the harness starts itself in.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case roleStandIns, roleFloor:
			if err := play(os.Args[1], os.Args[2], os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case roleLiar:
			err := http.ListenAndServe("127.0.0.1:"+os.Args[2], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, `{"data":{"play":{"code":"gull"}}}`)
			}))
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

const sharedFolder = "../../shared/bench-cases"

// The cases have the shape they are said to have, and our gateway answers them with calls that no subgraph refuses.
func TestCases(t *testing.T) {
	for _, name := range []string{theatre, sharedFolder} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(name); name != theatre && err != nil {
				t.Skip("no folder of bench cases beside the repository")
			}
			c, err := openCase(name)
			if err != nil {
				t.Fatal(err)
			}
			about := map[string]struct{ bytes, calls, waves int }{"main": {87_000, 7, 4}, "unique": {87_000, 7, 4}, "small": {5_500, 4, 3}, "tiny": {22, 1, 1}}
			for _, s := range c.Scenarios {
				want := about[s.Name]
				if len(s.Want) < want.bytes*8/10 || len(s.Want) > want.bytes*12/10 {
					t.Errorf("%s: an answer of %d bytes, want about %d", s.Name, len(s.Want), want.bytes)
				}
				waves, err := c.recordCalls(t.Context(), s)
				if err != nil {
					t.Error(err)
				}
				calls, varied := 0, false
				for _, wave := range waves {
					calls += len(wave)
					for _, one := range wave {
						varied = varied || strings.Contains(one.Body, marker)
					}
				}
				if calls == 0 || calls > want.calls || len(waves) != want.waves {
					t.Errorf("%s: %d calls in %d waves, want at most %d in %d", s.Name, calls, len(waves), want.calls, want.waves)
				}
				if varies := bytes.Contains(s.Body, []byte(marker)); varies != varied {
					t.Errorf("%s: the request varies: %v, the calls: %v", s.Name, varies, varied)
				}
				answersAll(t, c, s)
			}
		})
	}
}

// answersAll asks the stand-ins for everything that the floor will ask.
func answersAll(t *testing.T, c *benchCase, s *scenario) {
	recorder := &gatewaytest.Recorder{}
	standIns, err := c.standIns(recorder)
	if err != nil {
		t.Fatal(err)
	}
	for _, wave := range s.Waves {
		for _, one := range wave {
			answer, err := standIns[strings.TrimPrefix(one.Path, "/")].Answer([]byte(one.Body))
			if err != nil || bytes.Contains(answer, []byte(`"errors"`)) {
				t.Errorf("%s %s: %v %s", s.Name, one.Body, err, excerpt(answer))
			}
		}
	}
	for _, fault := range recorder.Faults() {
		t.Errorf("%s: %s", s.Name, fault)
	}
}

// The floor makes every call for every request; the stand-ins execute each but once, also where the requests differ.
func TestFloor(t *testing.T) {
	c, err := openCase(theatre)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- serveStandIns(c, listener) }()
	executed := int64(0)
	for _, s := range c.Scenarios {
		waves, err := c.recordCalls(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		seen := map[call]bool{}
		for _, wave := range waves {
			calls += len(wave)
			for _, one := range wave {
				seen[one] = true
			}
		}
		server := httptest.NewServer(newFloor(floorPlan{Subgraphs: listener.Addr().String(), Waves: waves, Answer: string(s.Want)}))
		l := newLoad(server.Listener.Addr().String(), "/graphql", s.Body, 2)
		body, err := l.connection().ask()
		if err != nil || !bytes.Equal(body, s.Want) {
			t.Fatalf("%s: %v, %s", s.Name, err, excerpt(body))
		}
		l.length = len(body)
		st := &stage{subgraphs: listener.Addr().String()}
		before, err := st.count()
		if err != nil {
			t.Fatal(err)
		}
		tally := l.run(t.Context(), 20*time.Millisecond)
		after, err := st.count()
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		if tally.Failures > 0 || len(tally.Took) == 0 {
			t.Errorf("%s: %d answers, %d failures: %v", s.Name, len(tally.Took), tally.Failures, tally.First)
		}
		if got, want := after.Calls-before.Calls, int64(calls*len(tally.Took)); got != want {
			t.Errorf("%s: %d calls for %d requests, want %d", s.Name, got, len(tally.Took), want)
		}
		if got := after.Executed - executed; got > int64(len(seen)) || after.Executed != before.Executed {
			t.Errorf("%s: %d calls were executed, of %d that differ", s.Name, got, len(seen))
		}
		if executed = after.Executed; after.Faults > 0 {
			t.Errorf("%s: a fault: %s", s.Name, after.Fault)
		}
	}
	listener.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// No two requests have the same value of the variable, and the floor passes it on.
func TestValuesDiffer(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		asked[string(body)]++
		mu.Unlock()
		w.(http.Flusher).Flush() // the length of the answer is not known
		io.WriteString(w, "{}")
	}))
	defer subgraph.Close()
	server := httptest.NewServer(newFloor(floorPlan{Subgraphs: subgraph.Listener.Addr().String(), Waves: [][]call{{{Path: "/a", Body: `{"id":"UNIQ"}`}}}, Answer: "{}"}))
	defer server.Close()
	got := newLoad(server.Listener.Addr().String(), "/graphql", []byte(`{"variables":{"code":"UNIQ"}}`), 2).run(t.Context(), 20*time.Millisecond)
	if got.Failures > 0 || len(got.Took) < 2 || len(asked) != len(got.Took) {
		t.Errorf("%d answers, %d failures (%v), %d calls that differ", len(got.Took), got.Failures, got.First, len(asked))
	}
	for body := range asked {
		if len(body) != len(`{"id":"UNIQ"}`)+uniqueDigits || !strings.HasPrefix(body, `{"id":"UNIQ0`) {
			t.Errorf("a call: %s", body)
		}
	}
}

func TestLoad(t *testing.T) {
	const good = `{"data":{"play":null}}`
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		fails  string // part of the first failure; "" for none
	}{
		{"chunks", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, good[:5])
			w.(http.Flusher).Flush()
			io.WriteString(w, good[5:])
		}, ""},
		{"a connection that is not kept", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, good)
		}, ""},
		{"another length", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, good+"\n") }, ""},
		{"errors", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":null,"errors":[{"message":"broken"}]}`)
		}, "broken"},
		{"a status", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "overloaded", http.StatusServiceUnavailable)
		}, "overloaded"},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			l := newLoad(server.Listener.Addr().String(), "/graphql", []byte("{}"), 2)
			l.length = len(good)
			got := l.run(t.Context(), 20*time.Millisecond)
			if test.fails == "" && (got.Failures > 0 || len(got.Took) == 0) {
				t.Errorf("%d answers, %d failures: %v", len(got.Took), got.Failures, got.First)
			}
			if test.fails != "" && (got.Failures == 0 || len(got.Took) > 0 || !strings.Contains(got.First.Error(), test.fails)) {
				t.Errorf("%d answers, %d failures: %v", len(got.Took), got.Failures, got.First)
			}
		})
	}
}

// TestRun measures for a moment, with Callboard as itself and as another gateway, and then a gateway that answers wrongly.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds callboard")
	}
	callboard, err := buildCallboard(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	common := []string{"-callboard", callboard, "-cases", "own", "-connections", "1", "-rounds", "1", "-duration", "50ms", "-warm-up", "10ms"}
	harness := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out bytes.Buffer
		err := dispatch(ctx, append(args, common...), nil, &out, io.Discard)
		return out.String(), err
	}
	t.Run("measures", func(t *testing.T) {
		text, err := harness("-scenarios", "small,tiny", "-json", "-gateway", "other="+callboard+" gateway --supergraph {supergraph} --listen 127.0.0.1:{port}")
		if err != nil {
			t.Fatal(err)
		}
		var got report
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if len(got.Outcomes) != 2 {
			t.Fatalf("%d scenarios: %s", len(got.Outcomes), text)
		}
		for _, o := range got.Outcomes {
			if len(o.Rows) < 3 || o.Rows[0].Name != "floor" || o.Rows[len(o.Rows)-1].Name != "other" {
				t.Errorf("%s: not the contenders that were wanted: %s", o.Scenario, text)
			}
			for _, r := range o.Rows {
				if r.Body != identical || r.Faults > 0 || r.Ratio["calls"] != 1 || r.Median["requests_per_second"] <= 0 || r.Rounds[0].Failures > 0 {
					t.Errorf("%s: %+v", o.Scenario, r)
				}
				if got.CPU && r.Median["peak_mb"] <= 0 {
					t.Errorf("%s: no memory: %+v", o.Scenario, r)
				}
			}
		}
	})
	t.Run("writes a table", func(t *testing.T) {
		text, err := harness("-scenarios", "tiny")
		if err != nil || !strings.Contains(text, "theatre tiny: request 134 bytes, answer 22 bytes; the floor's calls in waves: 1\n") || !strings.Contains(text, "callboard") {
			t.Errorf("%v\n%s", err, text)
		}
	})
	t.Run("refuses other answers", func(t *testing.T) {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		text, err := harness("-scenarios", "tiny", "-gateway", "liar="+program+" "+roleLiar+" {port}")
		if err == nil || !strings.Contains(err.Error(), "liar does not answer as it should") || text != "" {
			t.Errorf("%v\n%s", err, text)
		}
	})
	t.Run("tells of a program that ends", func(t *testing.T) {
		_, err := harness("-scenarios", "tiny", "-gateway", "broken=echo no licence; exit 3")
		if err == nil || !strings.Contains(err.Error(), "broken has ended") || !strings.Contains(err.Error(), "no licence") {
			t.Error(err)
		}
	})
	t.Run("knows the scenarios", func(t *testing.T) {
		if _, err := harness("-scenarios", "huge"); err == nil {
			t.Error("no error")
		}
	})
}
