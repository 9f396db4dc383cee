package clientstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

const hello = `{"data":{"a":{"b":1,"c":2},"d":3}}`

func helloServer() (*clientstest.Faults, *clientstest.Watch, http.Handler) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, hello)
	})
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, hello)
	})
	faults, watch := &clientstest.Faults{}, &clientstest.Watch{}
	return faults, watch, watch.Wrap(faults.Wrap(mux))
}

// both runs a test through the in-process transport and over a socket.
func both(t *testing.T, handler http.Handler, run func(t *testing.T, client *http.Client, address string)) {
	t.Run("in process", func(t *testing.T) {
		run(t, &http.Client{Transport: clientstest.Transport{Handler: handler}}, "http://upstream.example")
	})
	t.Run("over a socket", func(t *testing.T) {
		server, err := clientstest.Listen("127.0.0.1:0", handler, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		run(t, &http.Client{Transport: transport}, server.URL())
	})
}

func get(t *testing.T, client *http.Client, address string) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func TestFaults(t *testing.T) {
	faults, _, handler := helloServer()
	both(t, handler, func(t *testing.T, client *http.Client, address string) {
		ask := func(fault clientstest.Fault) (*http.Response, string, error) {
			fault.Times = 1
			faults.Add(fault)
			return get(t, client, address+"/repos/a")
		}
		if _, body, err := get(t, client, address+"/repos/a"); err != nil || body != hello {
			t.Fatalf("without a fault: %q, %v", body, err)
		}
		if _, body, err := ask(clientstest.Fault{Kind: clientstest.Cut}); !errors.Is(err, io.ErrUnexpectedEOF) || body == hello {
			t.Errorf("cut: %q, %v", body, err)
		}
		if r, body, err := ask(clientstest.Fault{Kind: clientstest.Malformed}); err != nil || json.Valid([]byte(body)) || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("malformed: %q, %v", body, err)
		}
		if r, body, err := ask(clientstest.Fault{Kind: clientstest.WrongType}); err != nil || r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("wrong type: %q, %v", body, err)
		}
		if r, body, err := ask(clientstest.Fault{Kind: clientstest.Status, Status: 503, Header: map[string]string{"Retry-After": "7"}}); err != nil || r.StatusCode != 503 || r.Header.Get("Retry-After") != "7" {
			t.Errorf("status: %q, %v", body, err)
		}
		if _, body, err := ask(clientstest.Fault{Kind: clientstest.Huge, Bytes: 1 << 20}); err != nil || len(body) != 1<<20+len(hello) || !json.Valid([]byte(body)) {
			t.Errorf("huge: %d bytes, %v", len(body), err)
		}
		if _, body, err := ask(clientstest.Fault{Kind: clientstest.Partial, Path: []string{"a", "c"}, Type: "X"}); err != nil ||
			body != `{"data":{"a":{"b":1,"c":null},"d":3},"errors":[{"message":"Something went wrong while executing your query.","path":["a","c"],"type":"X"}]}` {
			t.Errorf("partial: %s, %v", body, err)
		}
		// Clients ask a second time where a connection that had been used before is reset.
		faults.Add(clientstest.Fault{Kind: clientstest.Down})
		if _, body, err := get(t, client, address+"/repos/a"); err == nil {
			t.Errorf("down: answered %q", body)
		}
		faults.Clear()
		if _, body, err := get(t, client, address+"/repos/a"); err != nil || body != hello {
			t.Errorf("after all faults: %q, %v", body, err)
		}
	})
}

func TestFaultsMeetRoutes(t *testing.T) {
	faults, _, handler := helloServer()
	client := &http.Client{Transport: clientstest.Transport{Handler: handler}}
	faults.Add(clientstest.Fault{Kind: clientstest.Status, Route: "GET /repos/{name}", Times: 2})
	post := func() int {
		response, err := client.Post("http://upstream.example/graphql", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := post(); got != 200 {
		t.Errorf("another route got %d", got)
	}
	for i, want := range []int{502, 502, 200} {
		if r, _, err := get(t, client, "http://upstream.example/repos/b"); err != nil || r.StatusCode != want {
			t.Errorf("request %d: %v, %v, want %d", i, r, err, want)
		}
	}
	faults.Add(clientstest.Fault{Kind: clientstest.Status})
	for range 3 {
		if got := post(); got != 502 || len(faults.Active()) != 1 {
			t.Errorf("a fault without a count does not stay: %d", got)
		}
	}
	faults.Clear()
	if got := post(); got != 200 {
		t.Errorf("after Clear: %d", got)
	}
}

func TestSlowAndHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults, _, handler := helloServer()
		client := &http.Client{Transport: clientstest.Transport{Handler: handler}}
		faults.Add(clientstest.Fault{Kind: clientstest.Slow, Delay: time.Minute, Times: 1})
		faults.Add(clientstest.Fault{Kind: clientstest.Hang, Times: 1})
		start := time.Now()
		if _, body, err := get(t, client, "http://upstream.example/repos/a"); err != nil || body != hello || time.Since(start) != time.Minute {
			t.Errorf("slow: %q, %v after %v", body, err, time.Since(start))
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://upstream.example/repos/a", nil)
		if _, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour+time.Minute {
			t.Errorf("hang: %v after %v", err, time.Since(start))
		}
	})
}

func TestRefused(t *testing.T) {
	faults, _, handler := helloServer()
	faults.Add(clientstest.Fault{Kind: clientstest.Down})
	if _, _, err := get(t, &http.Client{Transport: clientstest.Transport{Handler: handler}}, "http://upstream.example/repos/a"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("in process: %v", err)
	}
	faults.Clear()
	server, err := clientstest.Listen("127.0.0.1:0", handler, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	address := server.URL()
	server.Down()
	// Some sandboxes reset where a kernel refuses, and some of those a moment after they said that there is a connection; what counts is that there is no answer.
	var failed *net.OpError
	if _, _, err := get(t, http.DefaultClient, address+"/repos/a"); !errors.As(err, &failed) {
		t.Errorf("a server that is down: %v", err)
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if _, body, err := get(t, http.DefaultClient, address+"/repos/a"); err != nil || body != hello {
		t.Errorf("a server that is back: %q, %v", body, err)
	}
}

func TestWatch(t *testing.T) {
	faults, watch, handler := helloServer()
	client := &http.Client{Transport: clientstest.Transport{Handler: handler}}
	request, _ := http.NewRequest(http.MethodPost, "http://upstream.example/graphql?x=1", strings.NewReader(`{"query":"{a}"}`))
	request.Header.Set("Authorization", "bearer secret")
	request.Header.Set("X-Other", "kept")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	faults.Add(clientstest.Fault{Kind: clientstest.Down, Times: 1})
	_, _, _ = get(t, client, "http://upstream.example/repos/a")
	_, _, _ = get(t, client, "http://upstream.example/repos/b")
	_, _, _ = get(t, client, "http://upstream.example/nowhere")
	watch.Charge("graphql", 3)
	watch.Charge("graphql", 4)

	seen := watch.Requests()
	if len(seen) != 4 || watch.Count("") != 4 || watch.Count("GET /repos/{name}") != 1 || watch.Count("GET /nowhere") != 1 {
		t.Fatalf("%d requests: %v", len(seen), watch.Counts())
	}
	first := seen[0]
	if first.Route != "POST /graphql" || string(first.Body) != `{"query":"{a}"}` || first.Status != 200 || first.Header.Get("X-Other") != "kept" || first.URL.RawQuery != "x=1" {
		t.Errorf("%+v", first)
	}
	if strings.Contains(strings.Join(first.Header["Authorization"], ""), "secret") {
		t.Error("credentials are kept")
	}
	if got := watch.Points()["graphql"]; got != 7 {
		t.Errorf("points %d", got)
	}
	watch.Reset()
	if watch.Count("") != 0 || len(watch.Requests()) != 0 {
		t.Error("not forgotten")
	}
	for range 3000 {
		_, _, _ = get(t, client, "http://upstream.example/repos/b")
	}
	if n := len(watch.Requests()); n > 1000 || watch.Count("") != 3000 {
		t.Errorf("%d kept of %d", n, watch.Count(""))
	}
}
