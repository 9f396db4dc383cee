// How the graph is asked: one answer to one question, or a stream of them. What fails is an Error with what to do, and a code where there is one.

const endpoint = new URL("./graphql", document.baseURI);
const store = "callboard.token";

// token is who asks; it is kept for this tab, and until that is closed.
export const token = {
  get value() {
    try {
      return sessionStorage.getItem(store) ?? "";
    } catch {
      return ""; // a browser that keeps nothing
    }
  },
  set value(text) {
    try {
      if (text) sessionStorage.setItem(store, text);
      else sessionStorage.removeItem(store);
    } catch {
      // then it is asked for each time
    }
  },
};

export class GraphError extends Error {
  constructor(message, code = "", last = false) {
    super(message);
    this.code = code;
    this.last = last; // the same fails again
  }
}

function headers(accept, secret) {
  const out = { "content-type": "application/json", accept };
  if (secret) out.authorization = `Bearer ${secret}`;
  return out;
}

const body = (query, variables) => JSON.stringify({ query, variables, extensions: { sources: true } });

// answerOf reads JSON, and says what is wrong where it is none.
function answerOf(text, status) {
  try {
    const answer = JSON.parse(text);
    if (answer && typeof answer === "object") return answer;
  } catch {
    // said below
  }
  throw new GraphError(`the answer was no answer of a graph (status ${status}): is something between here and Callboard?`);
}

// ask returns the whole answer: data, errors and extensions. Where there is no data at all, the first error is thrown.
export async function ask(query, variables, { secret = token.value, signal } = {}) {
  let response;
  try {
    response = await fetch(endpoint, { method: "POST", headers: headers("application/graphql-response+json, application/json;q=0.9", secret), body: body(query, variables), signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new GraphError("Callboard cannot be reached");
  }
  const answer = answerOf(await response.text(), response.status);
  if (answer.data === null || answer.data === undefined) throw errorOf(answer.errors?.[0], response.status);
  return answer;
}

function errorOf(error, status = 200) {
  return new GraphError(error?.message ?? `no reason was given (status ${status})`, error?.extensions?.code ?? "", status >= 400 && status < 500 && status !== 408 && status !== 429);
}

// errorsAt returns the errors of what lies at a path of the answer, or below it.
export function errorsAt(answer, ...path) {
  return (answer.errors ?? []).filter((e) => Array.isArray(e.path) && path.every((step, i) => e.path[i] === step));
}

const silence = 45_000; // milliseconds without even a sign of life: these come every 12 seconds
const longestWait = 30_000;

// follow subscribes, and again when the connection is cut, until there is nothing more to come, stop() is called or it fails for good. variables(last) are those
// of the subscription after the data that came last. on has next(data, errors), state("live" | "cut" | "done", tries) and failed(error).
export function follow(query, variables, on) {
  const controller = new AbortController();
  const loop = async () => {
    let last = null;
    for (let tries = 0; !controller.signal.aborted; ) {
      try {
        const opened = () => on.state("live", 0);
        const done = await stream(query, variables(last), controller.signal, opened, (answer) => {
          tries = 0;
          if (answer.data) {
            last = answer.data;
            on.next(answer.data, answer.errors ?? []);
          } else {
            const error = errorOf(answer.errors?.[0]);
            error.last = permanent.has(error.code);
            throw error;
          }
        });
        if (done) return on.state("done", 0);
      } catch (error) {
        if (controller.signal.aborted) return;
        if (error.last) return on.failed(error);
      }
      if (controller.signal.aborted) return;
      on.state("cut", tries);
      await pause(Math.min(longestWait, 1000 * 2 ** tries++) * (0.75 + Math.random() / 2), controller.signal);
    }
  };
  loop();
  return () => controller.abort();
}

const permanent = new Set(["UNAUTHENTICATED", "FORBIDDEN", "BAD_INPUT", "BAD_PAGE", "UNSUPPORTED", "NOT_FOUND"]);

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

// stream reads one stream to its end, and returns whether it was complete.
async function stream(query, variables, signal, opened, next) {
  const cut = new AbortController();
  const stop = () => cut.abort();
  signal.addEventListener("abort", stop, { once: true });
  let timer = setTimeout(stop, silence);
  try {
    const response = await fetch(endpoint, { method: "POST", headers: headers("text/event-stream", token.value), body: body(query, variables), signal: cut.signal, cache: "no-store" });
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      throw errorOf(answerOf(await response.text(), response.status).errors?.[0], response.status);
    }
    opened();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return false;
      clearTimeout(timer);
      timer = setTimeout(stop, silence);
      rest += decoder.decode(value, { stream: true });
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const event = eventOf(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event.name === "complete") return true;
        if (event.name === "next") next(answerOf(event.data, response.status));
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    cut.abort();
  }
}

function eventOf(text) {
  const event = { name: "", data: "" };
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) event.name = line.slice(6).trim();
    else if (line.startsWith("data:")) event.data += line.slice(5);
  }
  return event;
}

// streams is how many may be open at once. Browsers open six connections to a place that does not speak HTTP/2, for all tabs together.
export const streams = /^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol ?? "") ? 20 : 2;
