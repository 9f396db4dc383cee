import { Kind, parse } from "graphql";

// operationName returns the name of the operation to run. GraphiQL learns it a moment after the text changed or a tab was opened; who runs it
// sooner would get the name of another operation. Where there is only one, there is no doubt.
function operationName({ query, operationName: known }) {
  try {
    const operations = parse(query).definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? operations[0].name?.value : known;
  } catch {
    return known; // the graph says what is wrong with the text
  }
}

// fetchGraph sends one request of GraphiQL's to the graph and returns the answer, whatever its status says.
export async function fetchGraph(request, options = {}) {
  const headers = new Headers({
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json;q=0.9",
  });
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, String(value));
  const body = JSON.stringify({ ...request, operationName: operationName(request) });
  const response = await fetch(new URL("./graphql", document.baseURI), { method: "POST", headers, body });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`status ${response.status} and no GraphQL answer: is something between here and Callboard?`);
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
