// Subscribes with the reference clients of GraphQL over WebSocket and of GraphQL over Server-Sent Events (in both of its modes), and with the playground, one after
// the other: node live.mjs URL QUERY. Each prints one line when its subscription is over: its name, and a JSON list of all results.
import { createClient as createEvents } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";
import { fetchGraph } from "./src/fetcher.js";

const [url, query] = process.argv.slice(2);

const clients = {
  "graphql-ws": () => createSocket({ url: url.replace(/^http/, "ws"), webSocketImpl: WebSocket, retryAttempts: 0 }),
  "graphql-sse distinct": () => createEvents({ url, retryAttempts: 0 }),
  playground: () => ({
    async subscribe(request, on) {
      globalThis.document = { baseURI: url }; // the page lies beside the graph
      try {
        for await (const result of fetchGraph(request)) on.next(result);
        on.complete();
      } catch (error) {
        on.error(error);
      }
    },
    dispose() {},
  }),
  "graphql-sse single": () => createEvents({ url, singleConnection: true, retryAttempts: 0 }),
};

for (const [name, create] of Object.entries(clients)) {
  const client = create();
  const results = [];
  await new Promise((resolve, reject) => {
    client.subscribe({ query }, { next: (result) => results.push(result), error: reject, complete: resolve });
  });
  console.log(`${name} ${JSON.stringify(results)}`);
  await client.dispose();
}
