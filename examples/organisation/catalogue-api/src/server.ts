import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { playable, type Window } from "./rights.js";

const worldwide: Window[] = [{ countries: ["*"], from: new Date("2019-01-01T00:00:00Z") }];

/** Answers the health check and the question that playback asks most. */
export function handle(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/healthz") {
    response.writeHead(204).end();
    return;
  }
  const match = /^\/tracks\/([\w-]+)\/playable$/.exec(url.pathname);
  if (!match) {
    response.writeHead(404).end();
    return;
  }
  const country = url.searchParams.get("country") ?? "NO";
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ track: match[1], playable: playable(worldwide, country, new Date()) }));
}

if (process.argv[1]?.endsWith("server.js")) {
  createServer(handle).listen(Number(process.env.PORT ?? 8080));
}
