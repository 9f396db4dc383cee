package entitycache_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/clients/cache"
	"callboard.dev/callboard/gateway/entitycache"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
)

const benchServer = "CALLBOARD_BENCHMARK_SUBGRAPH"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveEntities()
		return
	}
	os.Exit(m.Run())
}

// serveEntities answers each representation with an entity of some 200 bytes, on a process of its own, until its standard input ends.
func serveEntities() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	text := strings.Repeat("x", 180)
	_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b := []byte(`{"data":{"_entities":[`)
		for i := range bytes.Count(body, []byte(`"__typename":`)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, `{"left":7,"name":"`...), text...), `"}`...)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(b, `]}}`...))
	}))
}

func entityServer(b *testing.B) string {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), benchServer+"=1")
	stdin, err := process.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = process.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(address)
}

// BenchmarkRemembered executes a query for a list of products, with two fields of each over HTTP from a subgraph in another process: without a cache, and with one in memory where
// products are drawn from so many that all or a part of them are remembered. cpu-ns/op is what this process took of the processor for one request, hits the part of the
// entities that were remembered.
func BenchmarkRemembered(b *testing.B) {
	for _, length := range []int{1, 20, 100} {
		b.Run(fmt.Sprintf("%d/none", length), func(b *testing.B) { benchmarkRemembered(b, length, 1_000, 0) })
		b.Run(fmt.Sprintf("%d/all", length), func(b *testing.B) { benchmarkRemembered(b, length, 1_000, time.Hour) })
		b.Run(fmt.Sprintf("%d/some", length), func(b *testing.B) { benchmarkRemembered(b, length, 1_000_000, time.Hour) })
	}
}

func benchmarkRemembered(b *testing.B, length, products int, age time.Duration) {
	w := newWorld(b, map[string]string{
		"shop":  shopSchema,
		"stock": `type Product @key(fields: "upc") @cacheControl(maxAge: 3600) { upc: ID! name: String left: Int }`,
	}, shopUniverse)
	random := rand.New(rand.NewPCG(1, 1))
	popular := rand.NewZipf(random, 1.1, 10, uint64(products-1))
	shop := execute.SubgraphFunc(func(context.Context, *execute.Request) (*execute.Answer, error) {
		data := []byte(`{"products":[`)
		for i := range length {
			if i > 0 {
				data = append(data, ',')
			}
			data = strconv.AppendUint(append(data, `{"upc":"`...), popular.Uint64(), 10)
			data = append(data, `"}`...)
		}
		return &execute.Answer{Data: append(data, `]}`...)}, nil
	})
	var stock execute.Subgraph
	over := &execute.HTTP{URL: entityServer(b)}
	memory := cache.New(cache.Config{Store: cache.NewMemory(256 << 20)})
	b.Cleanup(func() { memory.Close() })
	if stock = over; age > 0 {
		stock = entitycache.New(over, entitycache.Settings{Name: "stock", Version: w.graph.Version("stock"), Store: memory})
	}
	document, errs := operation.Parse(w.graph.API, `{ products { name left } }`, operation.Limits{})
	if errs != nil {
		b.Fatal(errs)
	}
	normal, errs := document.Normalize("", nil)
	if errs != nil {
		b.Fatal(errs)
	}
	made, err := (&plan.Planner{Supergraph: w.graph}).Plan(b.Context(), normal, nil)
	if err != nil {
		b.Fatal(err)
	}
	executor := &execute.Executor{Subgraphs: map[string]execute.Subgraph{"shop": shop, "stock": stock}}
	once := func() {
		response := executor.Execute(b.Context(), made, execute.Input{})
		if bytes.Contains(response.Body, []byte(`"errors"`)) {
			b.Fatalf("%s", response.Body)
		}
		response.Release()
	}
	for range 5_000 / length {
		once()
	}
	before := memory.Status()
	b.ReportAllocs()
	spent := processTime()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(processTime()-spent)/float64(b.N), "cpu-ns/op")
	var cached, live int64
	for _, kind := range memory.Status().Kinds {
		cached, live = cached+int64(kind.Cached), live+int64(kind.Live)
	}
	for _, kind := range before.Kinds {
		cached, live = cached-int64(kind.Cached), live-int64(kind.Live)
	}
	if cached+live > 0 {
		b.ReportMetric(float64(cached)/float64(cached+live), "hits")
	}
}
