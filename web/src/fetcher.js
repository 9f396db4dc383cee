import { Kind, OperationTypeNode, parse } from "graphql";

// chosen returns the name of the operation to run, and whether it is a subscription. GraphiQL learns the name a moment after the text changed or a tab was
// opened; who runs it sooner would get the name of another operation. Where there is only one, there is no doubt.
function chosen({ query, operationName: known }) {
  try {
    const operations = parse(query).definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION);
    const one = operations.length === 1 ? operations[0] : operations.find((d) => d.name?.value === known);
    return { name: operations.length === 1 ? one.name?.value : known, subscribes: one?.operation === OperationTypeNode.SUBSCRIPTION };
  } catch {
    return { name: known, subscribes: false }; // the graph says what is wrong with the text
  }
}

// fetchGraph sends one request of GraphiQL's to the graph and returns the answer, whatever its status says; of a subscription, the answers as they come.
export function fetchGraph(request, options = {}) {
  const { name, subscribes } = chosen(request);
  const body = JSON.stringify({ ...request, operationName: name });
  return subscribes ? events(body, options) : answer(body, options);
}

function send(body, accept, options, signal) {
  const headers = new Headers({ "content-type": "application/json", accept });
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, String(value));
  return fetch(new URL("./graphql", document.baseURI), { method: "POST", headers, body, signal });
}

async function answer(body, options) {
  return read(await send(body, "application/graphql-response+json, application/json;q=0.9", options));
}

async function read(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`status ${response.status} and no GraphQL answer: is something between here and Callboard?`);
  }
}

// events yields the answers of a subscription, as server-sent events bring them. GraphiQL ends it by returning early.
async function* events(body, options) {
  const stop = new AbortController();
  try {
    const response = await send(body, "text/event-stream", options, stop.signal);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      yield await read(response);
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the stream was cut off: is something between here and Callboard that ends connections?");
      rest += value;
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const lines = rest.slice(0, end).split("\n");
        rest = rest.slice(end + 2);
        const field = (name) => lines.filter((line) => line.startsWith(name + ":")).map((line) => line.slice(name.length + 1).replace(/^ /, "")).join("\n");
        if (field("event") === "complete") return;
        if (field("event") === "next") yield JSON.parse(field("data"));
      }
    }
  } finally {
    stop.abort();
  }
}

// fetchExamples returns the operations the playground opens with.
export async function fetchExamples() {
  try {
    const response = await fetch(new URL("./playground/examples.json", document.baseURI));
    return response.ok ? await response.json() : [];
  } catch {
    return [];
  }
}
