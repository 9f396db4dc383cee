// fetchGraph sends one request of GraphiQL's to the graph and returns the answer, whatever its status says.
export async function fetchGraph(request, options = {}) {
  const headers = new Headers({
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json;q=0.9",
  });
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, String(value));
  const response = await fetch(new URL("./graphql", document.baseURI), { method: "POST", headers, body: JSON.stringify(request) });
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
