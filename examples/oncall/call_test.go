package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/examples/oncall/graph"
	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/plan"
)

// BenchmarkCall asks this subgraph for entities, in the gateway's own process and over HTTP on this machine. Processor time is that of both sides.
func BenchmarkCall(b *testing.B) {
	schema := graph.NewExecutableSchema(graph.Config{Resolvers: rota{"PLAYBACK": {Engineer: "Ines Okafor", Channel: "#playback-incidents"}}})
	ways := []struct {
		name     string
		subgraph execute.Subgraph
	}{
		{"process", execute.NewInProcess(schema, nil)},
		{"http", &execute.HTTP{URL: serve(b, schema, false)}},
		{"http-cached", &execute.HTTP{URL: serve(b, schema, true)}},
		{"net-http", &execute.HTTP{URL: serve(b, schema, false), Client: execute.DefaultClient}},
	}
	for _, n := range []int{1, 10} {
		request := entities(n)
		for _, way := range ways {
			b.Run(fmt.Sprintf("entities=%d/%s", n, way.name), func(b *testing.B) {
				b.ReportAllocs()
				before := cpu(b)
				for b.Loop() {
					if answer, err := way.subgraph.Fetch(b.Context(), request); err != nil || len(answer.Errors) > 0 {
						b.Fatal(err, answer)
					}
				}
				b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// serve serves the schema as main does, or so that it parses each operation once only, and returns the address.
func serve(b *testing.B, schema graphql.ExecutableSchema, cached bool) string {
	server := handler.New(schema)
	server.AddTransport(transport.POST{})
	if cached {
		server.SetQueryCache(execute.NewDocuments())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = http.Serve(listener, server) }()
	b.Cleanup(func() { listener.Close() })
	return "http://" + listener.Addr().String()
}

// entities is a request of the gateway.
func entities(n int) *execute.Request {
	const text = `query($representations:[_Any!]!){_entities(representations:$representations){...on CatalogEntity{onCall{engineer channel}}}}`
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"__typename":"CatalogEntity","ref":"component:default/c%d","annotations":{"pagerduty.com/service-id":"PLAYBACK"}}`, i))
	}
	return &execute.Request{
		Fetch: &plan.Fetch{Kind: ast.Query}, Text: text, Prefix: []byte(`{"query":"` + text + `"`),
		Variables: []byte(`{"representations":[` + strings.Join(list, ",") + `]}`),
	}
}

// cpu returns the processor time this process has used, in nanoseconds.
func cpu(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
