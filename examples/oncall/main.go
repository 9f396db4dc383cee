// Command oncall is a subgraph of another team: a rota, joined to Callboard's catalog over HTTP. It is the worked example of the README, complete:
// a schema, what gqlgen generates from it (go tool gqlgen generate), and this file.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/transport"

	"callboard.dev/callboard/examples/oncall/graph"
)

// rota says who has the shift of each service. A real one asks the paging system.
type rota map[string]graph.Shift

// Entity is the resolver of entities: what the gateway asks this subgraph for.
func (r rota) Entity() graph.EntityResolver { return r }

// FindManyCatalogEntityByRefs answers all entities of one request at once. Annotations are there because the schema requires them.
func (r rota) FindManyCatalogEntityByRefs(_ context.Context, entities []*graph.CatalogEntityByRefsInput) ([]*graph.CatalogEntity, error) {
	out := make([]*graph.CatalogEntity, len(entities))
	for i, entity := range entities {
		out[i] = &graph.CatalogEntity{Ref: entity.Ref}
		if shift, found := r[entity.Annotations["pagerduty.com/service-id"]]; found {
			out[i].OnCall = &shift
		}
	}
	return out, nil
}

func main() {
	listen := flag.String("listen", "localhost:4010", "where to listen")
	flag.Parse()
	server := handler.New(graph.NewExecutableSchema(graph.Config{Resolvers: rota{
		"PLAYBACK": {Engineer: "Ines Okafor", Channel: "#playback-incidents"},
		"SEARCH":   {Engineer: "Tomasz Lind", Channel: "#search-incidents"},
	}}))
	server.AddTransport(transport.POST{})
	server.Use(extension.Introspection{}) // _service { sdl } answers only with introspection on
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("oncall is at http://%s/graphql\n", listener.Addr())
	http.Handle("/graphql", server)
	log.Fatal(http.Serve(listener, nil))
}
